/** `/u/consent`: where a user lets somebody else's application do what it asks for, or does not (OIDC Core §3.1.2.4). */
import type { Context } from 'hono';
import { scopeNames } from '../../oauth/scope.ts';
import type { TenantContext } from '../context.ts';
import { currentSession, type LoginSession } from '../login-session.ts';
import type { LoginTransaction } from '../login-transaction.ts';
import { consentPage } from '../pages/consent-page.ts';
import { respondWithPage } from '../pages/layout.ts';
import { readPageForm } from '../parameters.ts';
import { currentTransaction, respondWithLostTransaction, resumeAddress } from './authorize.ts';

/** GET: asks. */
export async function showConsent(context: TenantContext, c: Context): Promise<Response> {
  const asked = currentQuestion(context, c);
  if (!asked) return respondWithLostTransaction(context, c);
  const { state, transaction, session } = asked;
  const { clientId, audience, scope } = transaction.request;
  const described = context.state.resourceServers.get(audience ?? '')?.scopes ?? [];
  return respondWithPage(c, context.random, {
    title: 'Authorize the application',
    status: 200,
    body: consentPage({
      clientName: context.state.clients.get(clientId)?.name ?? clientId,
      userName: context.state.users.get(session.userId)?.name ?? session.userId,
      audience,
      scopes: scopeNames(scope).map((name) => ({
        name,
        description: described.find(({ value }) => value === name)?.description ?? null,
      })),
      userCode: context.state.devices.get(transaction.request.deviceCode ?? '')?.userCode ?? null,
      state,
      csrf: transaction.csrf,
    }),
  });
}

/** POST: takes the answer. */
export async function submitConsent(context: TenantContext, c: Context): Promise<Response> {
  const form = await readPageForm(c.req.raw); // first: while the body comes in, the user may sign out
  const asked = currentQuestion(context, c);
  if (!asked || form?.get('csrf') !== asked.transaction.csrf) return respondWithLostTransaction(context, c);
  const { state, transaction, session } = asked;
  const { sid } = session;
  if (form.get('decision') === 'accept') {
    // It counts once the sign-in is granted: a second factor may be missing still.
    context.state.transactions.set(state, { ...transaction, outcome: { kind: 'consented', sid } });
  } else {
    const error_description = 'User did not authorize the request';
    const outcome = { kind: 'refused', error: 'access_denied', error_description } as const;
    context.state.transactions.set(state, { ...transaction, outcome });
  }
  c.header('Cache-Control', 'no-store');
  return c.redirect(resumeAddress(state), 303);
}

/** The sign-in that waits for an answer, and the session of the one who is asked. */
function currentQuestion(
  context: TenantContext,
  c: Context,
): { state: string; transaction: LoginTransaction; session: LoginSession } | undefined {
  const state = c.req.query('state') ?? '';
  const transaction = currentTransaction(context, c, state);
  if (transaction?.outcome.kind !== 'signed_in') return undefined;
  const session = currentSession(context, c);
  return session?.sid === transaction.outcome.sid ? { state, transaction, session } : undefined;
}
