/** `/u/signup`: the form that makes an account, and what it sends. */
import type { Context } from 'hono';
import { usableConnections } from '../connections.ts';
import type { TenantContext } from '../context.ts';
import type { LoginTransaction } from '../login-transaction.ts';
import { respondWithPage } from '../pages/layout.ts';
import { signUpPage } from '../pages/sign-up-page.ts';
import { readPageForm } from '../parameters.ts';
import { signUp } from '../sign-up.ts';
import { currentTransaction, respondWithLostTransaction } from './authorize.ts';
import { emailHint, finishLogin, noConnection } from './login.ts';

/** GET: shows the form. */
export async function showSignUp(context: TenantContext, c: Context): Promise<Response> {
  const state = c.req.query('state') ?? '';
  const transaction = currentTransaction(context, c, state);
  if (!transaction) return respondWithLostTransaction(context, c);
  return respondWithForm(context, c, { state, transaction, email: emailHint(context, transaction) });
}

/** POST: makes the account and goes on as if its owner had signed in. */
export async function submitSignUp(context: TenantContext, c: Context): Promise<Response> {
  const form = await readPageForm(c.req.raw); // first: while the body comes in, the sign-in may end
  const state = c.req.query('state') ?? '';
  const transaction = currentTransaction(context, c, state);
  if (!transaction || form?.get('csrf') !== transaction.csrf) return respondWithLostTransaction(context, c);
  const email = form.get('email') ?? '';
  const [connection] = usableConnections(context, transaction.request);
  if (!connection) return respondWithForm(context, c, { state, transaction, email, error: noConnection });
  const { clientId } = transaction.request;
  const account = { email, password: form.get('password') };
  const outcome = signUp(context, { clientId, connection: connection.name }, account);
  if (outcome.kind === 'done') return finishLogin(context, c, { state, transaction, user: outcome.user });
  return respondWithForm(context, c, { state, transaction, email, error: words[outcome.why] });
}

const words = {
  taken: 'There is an account with this email already',
  unusable: 'An email and a password are needed',
};

function respondWithForm(
  context: TenantContext,
  c: Context,
  shown: { state: string; transaction: LoginTransaction; email: string; error?: string },
): Promise<Response> {
  const { state, transaction, email, error = null } = shown;
  const { clientId } = transaction.request;
  return respondWithPage(c, context.random, {
    title: 'Sign up',
    status: error === null ? 200 : 400,
    body: signUpPage({
      clientName: context.state.clients.get(clientId)?.name ?? clientId,
      state,
      csrf: transaction.csrf,
      email,
      error,
    }),
  });
}
