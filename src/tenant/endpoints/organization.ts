/**
 * `/u/organization`, where a person names an organization before the login, and `/u/organization/picker`, where they choose one of
 * theirs after it; the client's `organization_require_behavior` says which.
 */
import type { Context } from 'hono';
import type { Organization } from '../configuration.ts';
import { usableConnections } from '../connections.ts';
import { findOrganization, type TenantContext } from '../context.ts';
import { currentSession, type LoginSession } from '../login-session.ts';
import type { LoginTransaction } from '../login-transaction.ts';
import { organizationChoices, type OrganizationPrompt } from '../organization-prompt.ts';
import { respondWithPage } from '../pages/layout.ts';
import { organizationPage, organizationPickerPage } from '../pages/organization-page.ts';
import { readPageForm } from '../parameters.ts';
import {
  currentTransaction,
  firstAddress,
  firstOutcome,
  respondWithLostTransaction,
  resumeAddress,
} from './authorize.ts';
import { noConnection } from './login.ts';

interface Question {
  readonly state: string;
  readonly transaction: LoginTransaction;
  readonly prompt: OrganizationPrompt;
}

/** GET: asks before the login. */
export async function showOrganizationPrompt(context: TenantContext, c: Context): Promise<Response> {
  const asked = currentQuestion(context, c, 'before_login');
  return asked ? respondWithForm(context, c, asked) : respondWithLostTransaction(context, c);
}

/** POST: takes the name. The login goes on as if the client had sent it; what cannot be is told to the person alone. */
export async function submitOrganization(context: TenantContext, c: Context): Promise<Response> {
  const form = await readPageForm(c.req.raw); // first: while the body comes in, the sign-in may end
  const asked = currentQuestion(context, c, 'before_login');
  if (!asked || form?.get('csrf') !== asked.transaction.csrf) return respondWithLostTransaction(context, c);
  const { state, transaction, prompt } = asked;
  const name = form.get('organizationName') ?? '';
  const isSkipped = prompt.isOptional && form.get('action') === 'skip';
  const organization = isSkipped ? null : findOrganization(context.state, name.trim());
  const request = { ...transaction.request, organizationId: organization?.id ?? null };
  const why =
    organization === undefined
      ? 'There is no organization of this name'
      : usableConnections(context, request).length === 0
        ? noConnection
        : undefined;
  if (why !== undefined) {
    writeFailure(context, transaction, why);
    return respondWithForm(context, c, asked, { name, error: why });
  }
  const outcome = firstOutcome(context, request, currentSession(context, c));
  const next = { ...transaction, request, awaitsOrganization: false, outcome };
  context.state.transactions.set(state, next);
  c.header('Cache-Control', 'no-store');
  return c.redirect(firstAddress(state, next), 303);
}

/** GET: asks after the login. */
export async function showOrganizationPicker(context: TenantContext, c: Context): Promise<Response> {
  const asked = currentChoice(context, c);
  return asked ? respondWithPicker(context, c, asked) : respondWithLostTransaction(context, c);
}

/** POST: takes the choice, which must be one that the page offers at this moment. */
export async function submitOrganizationChoice(context: TenantContext, c: Context): Promise<Response> {
  const form = await readPageForm(c.req.raw);
  const asked = currentChoice(context, c);
  if (!asked || form?.get('csrf') !== asked.transaction.csrf) return respondWithLostTransaction(context, c);
  const { state, transaction, prompt, session, organizations } = asked;
  const isSkipped = prompt.isOptional && form.get('action') === 'skip';
  const chosen = organizations.find(({ id }) => id === form.get('organization'));
  if (!chosen && !isSkipped) {
    const why = 'Please choose one of your organizations';
    writeFailure(context, transaction, why, session.userId);
    return respondWithPicker(context, c, asked, why);
  }
  const organizationChoice = { sid: session.sid, organizationId: isSkipped ? null : (chosen?.id ?? null) };
  context.state.transactions.set(state, { ...transaction, organizationChoice });
  c.header('Cache-Control', 'no-store');
  return c.redirect(resumeAddress(state), 303);
}

/** The sign-in that asks for an organization at this time. */
function currentQuestion(
  context: TenantContext,
  c: Context,
  when: OrganizationPrompt['when'],
): Question | undefined {
  const state = c.req.query('state') ?? '';
  const transaction = currentTransaction(context, c, state);
  const prompt = transaction?.request.organizationPrompt;
  return transaction && prompt?.when === when ? { state, transaction, prompt } : undefined;
}

/** The sign-in that waits for a choice, and what the user of the session has to choose from. */
function currentChoice(
  context: TenantContext,
  c: Context,
):
  | (Question & { readonly session: LoginSession; readonly organizations: readonly Organization[] })
  | undefined {
  const asked = currentQuestion(context, c, 'after_login');
  const outcome = asked?.transaction.outcome;
  if (outcome?.kind !== 'signed_in' && outcome?.kind !== 'consented') return undefined;
  const session = currentSession(context, c);
  if (!asked || session?.sid !== outcome.sid) return undefined;
  const organizations = organizationChoices(context, asked.transaction.request, session.userId);
  return { ...asked, session, organizations };
}

function respondWithForm(
  context: TenantContext,
  c: Context,
  { state, transaction, prompt }: Question,
  { name, error }: { readonly name: string; readonly error: string | null } = { name: '', error: null },
): Promise<Response> {
  const { clients, organizations } = context.state;
  const { clientId } = transaction.request;
  return respondWithPage(c, context.random, {
    title: 'Enter your organization',
    status: error === null ? 200 : 400,
    body: organizationPage({
      clientName: clients.get(clientId)?.name ?? clientId,
      state,
      csrf: transaction.csrf,
      name,
      error,
      isOptional: prompt.isOptional,
      knownNames: [...organizations.values()].map((organization) => organization.name),
    }),
  });
}

function respondWithPicker(
  context: TenantContext,
  c: Context,
  {
    state,
    transaction,
    prompt,
    organizations,
  }: Question & { readonly organizations: readonly Organization[] },
  error: string | null = null,
): Response | Promise<Response> {
  if (organizations.length === 0) return c.redirect(resumeAddress(state), 303); // by now, and it says so
  const { clientId } = transaction.request;
  return respondWithPage(c, context.random, {
    title: 'Choose an organization',
    status: error === null ? 200 : 400,
    body: organizationPickerPage({
      clientName: context.state.clients.get(clientId)?.name ?? clientId,
      state,
      csrf: transaction.csrf,
      error,
      isOptional: prompt.isOptional,
      organizations,
    }),
  });
}

function writeFailure(
  { journal }: TenantContext,
  { request }: LoginTransaction,
  description: string,
  user_id?: string,
): void {
  journal.write({
    type: 'f',
    description,
    client_id: request.clientId,
    user_id,
    decision: 'ask again',
    reason: 'the answer names no organization that the user could sign in to here',
  });
}
