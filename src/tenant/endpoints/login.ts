/** `/u/login`: the login form and what it sends. */
import type { Context } from 'hono';
import type { User } from '../configuration.ts';
import { maySignIn, usableConnections } from '../connections.ts';
import { userByEmail, type TenantContext } from '../context.ts';
import { joinOrganization } from '../invitation.ts';
import { beginSession, currentSession, forgetSession, setSessionCookie } from '../login-session.ts';
import type { LoginTransaction } from '../login-transaction.ts';
import { respondWithPage } from '../pages/layout.ts';
import { loginPage } from '../pages/login-page.ts';
import { readPageForm } from '../parameters.ts';
import { currentTransaction, respondWithLostTransaction, resumeAddress, whyRefused } from './authorize.ts';

/** GET: shows the form. */
export async function showLogin(context: TenantContext, c: Context): Promise<Response> {
  const state = c.req.query('state') ?? '';
  const transaction = currentTransaction(context, c, state);
  if (!transaction) return respondWithLostTransaction(context, c);
  return respondWithForm(context, c, { state, transaction, email: emailHint(context, transaction) });
}

/** What the client knows of the person already. */
export function emailHint({ state }: TenantContext, { request }: LoginTransaction): string {
  return request.loginHint ?? state.users.get(request.hintedUserId ?? '')?.email ?? '';
}

/**
 * POST: judges the password. The form is trusted for its hidden token together with the browser's cookie; `Origin` says
 * nothing here, because a page under `no-referrer` posts it as `null`.
 */
export async function submitLogin(context: TenantContext, c: Context): Promise<Response> {
  const form = await readPageForm(c.req.raw); // first: while the body comes in, the sign-in may end
  const state = c.req.query('state') ?? '';
  const transaction = currentTransaction(context, c, state);
  if (!transaction || form?.get('csrf') !== transaction.csrf) return respondWithLostTransaction(context, c);

  const email = form.get('email') ?? '';
  if (usableConnections(context, transaction.request).length === 0) {
    writeFailure(context, transaction, null);
    return respondWithForm(context, c, { state, transaction, email, error: noConnection });
  }
  const found = userByEmail(context, email);
  const user = found && maySignIn(context, transaction.request, found) ? found : undefined;
  if (!user || user.password !== form.get('password')) {
    writeFailure(context, transaction, user);
    return respondWithForm(context, c, { state, transaction, email, error: 'Wrong email or password' });
  }
  return finishLogin(context, c, { state, transaction, user });
}

/** The person is known by now. What is left is whether that is one who may come in. */
export function finishLogin(
  context: TenantContext,
  c: Context,
  { state, transaction, user }: { state: string; transaction: LoginTransaction; user: User },
): Response {
  c.header('Cache-Control', 'no-store');
  if (!user.blocked) joinOrganization(context, transaction.request, user);
  const refusal = whyRefused(context, transaction.request, user.user_id);
  if (refusal) {
    context.state.transactions.set(state, { ...transaction, outcome: { kind: 'refused', ...refusal } });
    return c.redirect(resumeAddress(state), 303);
  }
  const { session, cookie } = beginSession(context, user, currentSession(context, c));
  forgetSession(context, c); // the cookie that was there before the login opens nothing afterwards
  context.state.transactions.set(state, { ...transaction, outcome: { kind: 'signed_in', sid: session.sid } });
  setSessionCookie(context, c, cookie);
  return c.redirect(resumeAddress(state), 303);
}

function respondWithForm(
  context: TenantContext,
  c: Context,
  shown: { state: string; transaction: LoginTransaction; email: string; error?: string },
): Promise<Response> {
  const { state, transaction, email, error = null } = shown;
  const { random } = context;
  const { clientId } = transaction.request;
  return respondWithPage(c, random, {
    title: 'Sign in',
    status: error === null ? 200 : 400,
    body: loginPage({
      clientName: context.state.clients.get(clientId)?.name ?? clientId,
      state,
      csrf: transaction.csrf,
      email,
      error,
      knownEmails: [...context.state.users.values()]
        .filter((user) => user.password !== null && maySignIn(context, transaction.request, user))
        .flatMap(({ email }) => email ?? []),
    }),
  });
}

/** The connection was deleted, or disabled for the client, while the person was asked. */
export const noConnection = 'No connection is enabled for this application: nobody can sign in';

/** @param user null where nobody could sign in */
function writeFailure(
  { journal }: TenantContext,
  { request }: LoginTransaction,
  user: User | null | undefined,
): void {
  journal.write({
    type: user === null ? 'f' : user ? 'fp' : 'fu',
    description: user === null ? noConnection : 'Wrong email or password.',
    client_id: request.clientId,
    user_id: user?.user_id,
    decision: 'refuse',
    reason:
      user === null
        ? 'the connections that the login could have used are deleted or disabled by now'
        : user
          ? 'the password is not the one of the account'
          : 'there is no account with this e-mail address in a connection that is enabled for the client',
  });
}
