import { validateIdToken } from '../core/id-token-validation.ts';
import type { Transaction } from '../core/transaction.ts';
import type { ClientContext } from './context.ts';
import { clearSession, findSession, saveToken } from './entries.ts';
import type { Obtained } from './get-token-silently.ts';

/**
 * Exchanges a code for the session and its first token: redeem → validate → adopt → write. Until the ID token has
 * passed, the refresh token is spendable by nobody; refused, it is revoked and nothing is stored.
 */
export async function redeemCode(
  context: ClientContext,
  code: string,
  transaction: Transaction,
): Promise<Obtained> {
  const { custody, settings, env } = context;
  const { issuer, clientId, leeway } = settings;
  const { code_verifier, redirect_uri, audience, scope, nonce, organization, max_age: maxAge } = transaction;
  const { receipt, answer } = await custody.redeem({ code, code_verifier, redirect_uri, scope });
  try {
    const now = env.clock.now();
    const { sub } = validateIdToken(answer.id_token, {
      issuer,
      clientId,
      leeway,
      now,
      nonce,
      organization,
      maxAge,
    });
    const former = await findSession(context);
    if (former && former.sub !== sub) {
      await custody.end('user_changed');
      await clearSession(context);
    }
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
