import { codeOf } from '../core/authorization-response.ts';
import { ceilingOf, skewOf, validateAnswer } from '../core/id-token-validation.ts';
import type { Snapshot } from '../core/plan.ts';
import { organizationOf } from '../core/session.ts';
import type { Transaction } from '../core/transaction.ts';
import type { Redeemed } from '../custody/custody.ts';
import { signedOut } from '../errors.ts';
import type { AuthorizationResponse } from '../oauth/authorization-endpoint.ts';
import type { ClientContext } from './context.ts';
import { findSession } from './entries.ts';
import { isCarriedOn, noteSkew, saveToken } from './keep-session.ts';
import type { Obtained } from './get-token-silently.ts';

/**
 * Exchanges the code of an answer for the session and its first token: redeem → validate → adopt → write. A login that fails
 * before it is adopted leaves the former session as it was. Until the ID token has passed, the refresh token is spendable by
 * nobody; refused, it is revoked and nothing is stored.
 *
 * @param began What a login that nobody asked for began with: it may carry on that session, and no other.
 */
export async function redeemCode(
  context: ClientContext,
  response: AuthorizationResponse,
  transaction: Transaction,
  began?: Snapshot,
): Promise<Obtained> {
  return keepRedeemed(context, await sendCode(context, response, transaction), transaction, began);
}

/** The first half of `redeemCode`: when it is over, the code is spent. */
export async function sendCode(
  { custody }: ClientContext,
  response: AuthorizationResponse,
  transaction: Transaction,
): Promise<Redeemed> {
  const code = codeOf(response, transaction);
  const { code_verifier, redirect_uri, scope } = transaction;
  return custody.redeem({ code, code_verifier, redirect_uri, scope });
}

/** The second half of `redeemCode`: whatever was redeemed, its session is kept. */
export async function keepRedeemed(
  context: ClientContext,
  { receipt, answer, askedAt }: Redeemed,
  transaction: Pick<Transaction, 'audience' | 'scope'> & Partial<Transaction>,
  began?: Snapshot,
): Promise<Obtained> {
  const { custody, settings, env, heap } = context;
  const { audience, scope, state = '' } = transaction;
  let logouts: number | undefined;
  try {
    const expected = { ...transaction, askedAt, now: env.clock.now() };
    const claims = await validateAnswer(settings, env.cryptography.sha256, answer, expected);
    noteSkew(context, skewOf({ ...claims }, expected));
    ceilingOf(claims);
    const identity = { sub: claims.sub, org_id: organizationOf(claims) };
    const former = await findSession(context);
    if (began && (heap.signedOut || !isCarriedOn(began.session, former))) throw signedOut(state);
    logouts = await custody.adopt(receipt, { audience, scope, identity, answer, began });
    if (logouts === undefined) throw signedOut(state);
  } catch (error) {
    await custody.discard(receipt);
    throw error;
  }
  const idToken = answer.id_token as string; // validated above
  const session = await saveToken(context, transaction, answer.token, idToken, logouts, began);
  if (session === undefined) throw signedOut(state);
  context.frameBackOff.forget(); // who has let the user in is there for iframes, too
  return { token: answer.token, session };
}
