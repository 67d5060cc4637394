/** `/u/account`: where `prompt=select_account` asks who is to go on (OIDC Core §3.1.2.1). */
import type { Context } from 'hono';
import type { TenantContext } from '../context.ts';
import { currentSession } from '../login-session.ts';
import { accountPage } from '../pages/account-page.ts';
import { respondWithPage } from '../pages/layout.ts';
import { readPageForm } from '../parameters.ts';
import {
  currentTransaction,
  isRecent,
  loginAddress,
  respondWithLostTransaction,
  resumeAddress,
} from './authorize.ts';

/** GET: asks. */
export async function showAccounts(context: TenantContext, c: Context): Promise<Response> {
  const state = c.req.query('state') ?? '';
  const transaction = currentTransaction(context, c, state);
  if (transaction?.outcome.kind !== 'choosing') return respondWithLostTransaction(context, c);
  const { users, clients } = context.state;
  const session = currentSession(context, c);
  const user = users.get(session?.userId ?? '');
  if (!user || session?.sid !== transaction.outcome.sid) {
    context.state.transactions.set(state, { ...transaction, outcome: { kind: 'waiting' } });
    return c.redirect(loginAddress(state), 302); // signed out meanwhile
  }
  const { clientId } = transaction.request;
  return respondWithPage(c, context.random, {
    title: 'Choose an account',
    status: 200,
    body: accountPage({
      clientName: clients.get(clientId)?.name ?? clientId,
      user,
      state,
      csrf: transaction.csrf,
    }),
  });
}

/** POST: takes the answer. Who says "this account" must be signed in with it still, and no longer ago than max_age allows. */
export async function submitAccount(context: TenantContext, c: Context): Promise<Response> {
  const form = await readPageForm(c.req.raw);
  const state = c.req.query('state') ?? '';
  const transaction = currentTransaction(context, c, state);
  if (transaction?.outcome.kind !== 'choosing' || form?.get('csrf') !== transaction.csrf)
    return respondWithLostTransaction(context, c);
  const { sid } = transaction.outcome;
  const session = currentSession(context, c);
  const isThis =
    form.get('account') === 'this' && session?.sid === sid && isRecent(context, session, transaction.request);
  context.state.transactions.set(state, {
    ...transaction,
    outcome: isThis ? { kind: 'signed_in', sid } : { kind: 'waiting' },
  });
  c.header('Cache-Control', 'no-store');
  return c.redirect(isThis ? resumeAddress(state) : loginAddress(state), 303);
}
