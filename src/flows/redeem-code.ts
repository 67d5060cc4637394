import { codeOf } from '../core/authorization-response.ts';
import { validateIdToken } from '../core/id-token-validation.ts';
import type { Session } from '../core/session.ts';
import type { Transaction } from '../core/transaction.ts';
import { AuthenticationError } from '../errors.ts';
import type { AuthorizationResponse } from '../oauth/authorization-endpoint.ts';
import type { ClientContext } from './context.ts';
import { clearSession, findSession, saveToken } from './entries.ts';
import type { Obtained } from './get-token-silently.ts';

/**
 * Exchanges the code of an answer for the session and its first token: redeem → validate → adopt → write. Until the ID
 * token has passed, the refresh token is spendable by nobody; refused, it is revoked and nothing is stored.
 *
 * @param silently Nobody asked for this login: it may carry on the session that it began with, and no other.
 */
export async function redeemCode(
  context: ClientContext,
  response: AuthorizationResponse,
  transaction: Transaction,
  silently?: { session: Session | undefined },
): Promise<Obtained> {
  const { custody, settings, env, heap } = context;
  const code = codeOf(response, transaction);
  const { code_verifier, redirect_uri, audience, scope } = transaction;
  const { receipt, answer } = await custody.redeem({ code, code_verifier, redirect_uri, scope });
  try {
    const expected = { ...transaction, now: env.clock.now() };
    const { sub } = validateIdToken(settings, answer.id_token, expected);
    const former = await findSession(context);
    if (silently && (heap.signedOut || former?.sub !== silently.session?.sub))
      throw new AuthenticationError('login_required', 'Signed out meanwhile', transaction.state);
    if (former && former.sub !== sub) await clearSession(context);
    await custody.adopt(receipt, { audience, scope, sub });
  } catch (error) {
    await custody.discard(receipt);
    throw error;
  }
  return {
    token: answer.token,
    session: await saveToken(context, transaction, answer.token, answer.id_token as string), // validated above
  };
}
