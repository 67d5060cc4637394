/** The grants that bring a second factor: what was asked to wait for it goes on, as it was asked for. */
import {
  authenticatorsOf,
  codesNow,
  judgeProof,
  keepAuthenticator,
  mostWrongTries,
  secondFactorLifetime,
  type Authenticator,
  type PendingSecondFactor,
  type Proof,
} from '../authenticators.ts';
import type { TokenResponse } from '../../oauth/token-endpoint.ts';
import type { Client } from '../configuration.ts';
import { findRefreshToken, type TenantContext } from '../context.ts';
import { bindingFor, judgeKey, type ProofRefusal } from '../dpop.ts';
import type { JournalCode } from '../journal.ts';
import type { Parameters } from '../parameters.ts';
import { missingParameter, refuse, type Refusal, type TokenAnswer } from '../token-answer.ts';
import { exchangeRefreshToken } from './refresh-token.ts';
import { completeSignIn } from './sign-in-grant.ts';

interface SecondFactorGrant {
  /** What the request must bring besides the `mfa_token`. */
  readonly needs: readonly string[];
  readonly proof: (text: (name: string) => string) => Proof;
  readonly success: JournalCode;
  readonly failure: JournalCode;
  readonly wrong: string;
}

export const secondFactorGrants = {
  'http://auth0.com/oauth/grant-type/mfa-otp': {
    needs: ['otp'],
    proof: (text) => ({ kind: 'otp', otp: text('otp') }),
    success: 'seotpft',
    failure: 'feotpft',
    wrong: 'Invalid otp_code.',
  },
  'http://auth0.com/oauth/grant-type/mfa-oob': {
    needs: ['oob_code', 'binding_code'],
    proof: (text) => ({ kind: 'oob', oobCode: text('oob_code'), code: text('binding_code') }),
    success: 'seoobft',
    failure: 'feoobft',
    wrong: 'Invalid binding_code.',
  },
  'http://auth0.com/oauth/grant-type/mfa-recovery-code': {
    needs: ['recovery_code'],
    proof: (text) => ({ kind: 'recovery-code', recoveryCode: text('recovery_code') }),
    success: 'sercft',
    failure: 'fercft',
    wrong: 'Invalid recovery code.',
  },
} as const satisfies Record<string, SecondFactorGrant>;

export const isSecondFactorGrant = (grantType: string): grantType is keyof typeof secondFactorGrants =>
  Object.hasOwn(secondFactorGrants, grantType);

/** What a client was handed this token for, or why it is worth nothing to that client. */
export function findPending(
  { state, clock }: TenantContext,
  mfaToken: string,
  clientId?: string,
): PendingSecondFactor | Refusal {
  const pending = state.mfaTokens.get(mfaToken);
  if (!pending || (clientId !== undefined && pending.clientId !== clientId))
    return refuse(403, 'invalid_grant', 'Unknown or invalid mfa_token.');
  if (clock.now() >= pending.issuedAt + secondFactorLifetime)
    return refuse(401, 'expired_token', 'mfa_token is expired');
  return pending;
}

/** Whoever was handed an `mfa_token` may bring the factor, whatever the client's `grant_types` say. */
export async function exchangeSecondFactor(
  context: TenantContext,
  client: Client,
  {
    grantType,
    parameters,
    jkt,
  }: {
    readonly grantType: keyof typeof secondFactorGrants;
    readonly parameters: Parameters;
    readonly jkt: string | null;
  },
): Promise<TokenAnswer> {
  const grant: SecondFactorGrant = secondFactorGrants[grantType];
  const missing = ['mfa_token', ...grant.needs].find((name) => parameters.get(name) === undefined);
  if (missing !== undefined) return missingParameter(missing);
  const text = (name: string) => parameters.get(name) ?? '';
  const mfaToken = text('mfa_token');
  const asked = findPending(context, mfaToken, client.client_id);
  if ('error' in asked)
    return fail(context, client, grant, asked, 'nothing waits for a second factor under it');
  const codes = await codesNow(candidates(context, asked), context.clock.now());

  // From here to the mark that a code was used nothing waits, so that no code is taken twice.
  const pending = findPending(context, mfaToken, client.client_id);
  if ('error' in pending)
    return fail(context, client, grant, pending, 'what waited under it went on meanwhile');
  const otherKey = judgeKeyOf(context, client, pending, jkt); // before a code or the mfa_token is used up for nothing
  if (otherKey) return fail(context, client, grant, otherKey, otherKey.reason, pending.userId);
  const proof = grant.proof(text);
  const proved = judgeProof(context, candidates(context, pending), proof, { ...pending, codes });
  if (!proved) {
    const isDead = countWrongTry(context, mfaToken, pending);
    const reason = isDead
      ? `${mostWrongTries} codes were wrong: the mfa_token is dead`
      : 'the code is wrong, or was used before';
    return fail(context, client, grant, refuse(403, 'invalid_grant', grant.wrong), reason, pending.userId);
  }
  context.state.mfaTokens.delete(mfaToken);
  keepProved(context, pending, proved);

  const answer = await goOn(context, client, pending, jkt);
  if (answer.kind === 'refused') return answer;
  context.journal.write({
    type: grant.success,
    description: 'A second factor was exchanged for an access token',
    client_id: client.client_id,
    user_id: pending.userId,
    details: { authenticator: proved.id },
    decision: 'exchange',
    reason: 'the code is right; what waited for it is done',
  });
  if (proved.authenticator_type !== 'recovery-code') return answer;
  const { recovery_code } = proved; // the one to write down in place of the one that was used
  const response: TokenResponse & { readonly recovery_code: string } = { ...answer.response, recovery_code };
  return { ...answer, response };
}

/** What waited, as it was asked for. */
const goOn = (
  context: TenantContext,
  client: Client,
  { waiting, userId }: PendingSecondFactor,
  jkt: string | null,
): Promise<TokenAnswer> =>
  waiting.kind === 'refresh'
    ? exchangeRefreshToken(context, client, parametersOf(waiting.parameters), { jkt, secondFactor: 'given' })
    : completeSignIn(context, client, waiting.signIn, { userId, jkt, secondFactor: true });

/** What speaks against the proof's key, or against there being none. */
function judgeKeyOf(
  context: TenantContext,
  client: Client,
  { waiting }: PendingSecondFactor,
  jkt: string | null,
): ProofRefusal | undefined {
  if (waiting.kind === 'refresh') {
    const held = findRefreshToken(context, waiting.parameters['refresh_token'] ?? '');
    return judgeKey(held?.family.jkt ?? null, jkt);
  }
  const otherKey = judgeKey(waiting.signIn.jkt, jkt);
  if (otherKey) return otherKey;
  const binding = bindingFor(context, client, waiting.signIn.audience, jkt);
  return binding.kind === 'refused' ? binding : undefined;
}

/** What is being enrolled is good for nothing once the user has something: whoever began it has proved nothing. */
function candidates(
  context: TenantContext,
  { userId, enrolling }: PendingSecondFactor,
): readonly Authenticator[] {
  const held = authenticatorsOf(context, userId);
  return held.length > 0 ? held : enrolling;
}

/** Says whether it was one too many. */
function countWrongTry({ state }: TenantContext, mfaToken: string, pending: PendingSecondFactor): boolean {
  const wrongTries = pending.wrongTries + 1;
  if (wrongTries < mostWrongTries) state.mfaTokens.set(mfaToken, { ...pending, wrongTries });
  else state.mfaTokens.delete(mfaToken);
  return wrongTries >= mostWrongTries;
}

/** The first right code makes what was being enrolled the user's. */
function keepProved(context: TenantContext, pending: PendingSecondFactor, proved: Authenticator): void {
  const { enrolling, userId, clientId } = pending;
  const isEnrolment = enrolling.some(({ id }) => id === proved.id);
  for (const held of isEnrolment ? enrolling : []) keepAuthenticator(context, userId, held);
  keepAuthenticator(context, userId, proved);
  context.journal.write({
    type: isEnrolment ? 'gd_enrollment_complete' : 'gd_auth_succeed',
    description: isEnrolment ? 'Enrolment is complete' : 'The second factor was given',
    client_id: clientId,
    user_id: userId,
    details: { authenticator: proved.id },
    decision: isEnrolment ? 'enrol' : 'accept',
    reason: 'the code is right, and was not used before',
  });
}

const parametersOf = (given: Readonly<Record<string, string>>): Parameters => ({
  get: (name) => given[name],
  repeated: undefined,
  pairs: Object.entries(given),
});

function fail(
  context: TenantContext,
  client: Client,
  grant: SecondFactorGrant,
  refusal: Refusal,
  reason: string,
  user_id?: string,
): Refusal {
  context.journal.write({
    type: grant.failure,
    description: refusal.error_description,
    client_id: client.client_id,
    ...(user_id !== undefined && { user_id }),
    decision: 'refuse',
    reason,
  });
  return refusal;
}
