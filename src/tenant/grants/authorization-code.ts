/** `grant_type=authorization_code`: a code and the proof that its bearer asked for it, against tokens (RFC 6749 §4.1.3). */
import type { Milliseconds } from '../../clock.ts';
import { codeChallenge, isCodeVerifier } from '../../oauth/pkce.ts';
import { codeLifetime, type AuthorizationCode } from '../authorization-code.ts';
import type { Client } from '../configuration.ts';
import { descendsFrom, endFamilies, type TenantContext } from '../context.ts';
import { bindingFor, judgeKey } from '../dpop.ts';
import type { Parameters } from '../parameters.ts';
import { invalidCode, missingParameter, refuse, type Refusal, type TokenAnswer } from '../token-answer.ts';
import { beginTokens, giveTokens, judgeAuthorization } from './tokens-for-user.ts';

export async function exchangeAuthorizationCode(
  context: TenantContext,
  client: Client,
  parameters: Parameters,
  { jkt, fromBrowser }: { readonly jkt: string | null; readonly fromBrowser: boolean },
): Promise<TokenAnswer> {
  const presented = parameters.get('code');
  if (presented === undefined) return missingParameter('code');
  const verifier = parameters.get('code_verifier');
  const proof = verifier === undefined ? undefined : await proofOf(verifier);

  // From here to the commit nothing waits, so that two exchanges of one code cannot both find it unused.
  const now = context.clock.now();
  const code = context.state.codes.get(presented);
  if (!code) return fail(context, client, invalidCode, 'the tenant has issued no such code');
  if (code.clientId !== client.client_id)
    return fail(context, client, invalidCode, 'the code belongs to another client; it is left as it was');
  if (code.used) return replayed(context, client, { presented, familyId: code.used.familyId, now });
  if (now >= code.issuedAt + codeLifetime)
    return fail(context, client, invalidCode, 'the code is older than ten minutes');
  if (!redirectUriMatches(code, parameters.get('redirect_uri')))
    return fail(
      context,
      client,
      wrongRedirectUri(code, parameters),
      'the redirect_uri is not the one of the request',
    );

  const otherKey = judgeKey(code.dpopJkt, jkt);
  if (otherKey) return fail(context, client, otherKey, otherKey.reason);
  const binding = bindingFor(context, client, code.audience, jkt);
  if (binding.kind === 'refused') return fail(context, client, binding, binding.reason);
  const failure = judgeProof(code, proof);
  if (failure) {
    context.state.codes.set(presented, { ...code, used: { familyId: null } });
    return fail(context, client, refuse(403, 'invalid_grant', 'Failed to verify code verifier'), failure);
  }
  const judged = judgeAuthorization(context, client, code, {
    gone: invalidCode,
    uncovered: invalidCode,
  });
  if (judged.kind === 'refused') return fail(context, client, judged, judged.reason);

  const grantee = { client, authorization: code, now, jkt: binding.jkt, fromBrowser };
  const begun = beginTokens(context, grantee);
  context.state.codes.set(presented, { ...code, used: { familyId: begun.family?.familyId ?? null } });
  return giveTokens(context, grantee, {
    user: judged.user,
    begun,
    code: presented,
    type: 'seacft',
    description: 'Authorization code exchanged for an access token',
    reason: `the code is good; ${begun.why}`,
  });
}

/** A code that comes a second time was stolen, by the first caller or by this one: what it gave is taken back (RFC 6749 §4.1.2). */
function replayed(
  context: TenantContext,
  client: Client,
  {
    presented,
    familyId,
    now,
  }: { readonly presented: string; readonly familyId: string | null; readonly now: Milliseconds },
): Refusal {
  const { codeReplayKeepsTokens } = context.configuration.quirks;
  const ended = !codeReplayKeepsTokens && endOpaqueToken(context, presented);
  const reason = ended ? 'the code was used before; its access token ends' : 'the code was used before';
  if (familyId === null || codeReplayKeepsTokens) return fail(context, client, invalidCode, reason);
  endFamilies(context, { now, cause: 'code_replay' }, descendsFrom(familyId));
  return fail(context, client, invalidCode, `${reason}; family ${familyId} is revoked`);
}

/** Under `quirks.conformance`; otherwise none knows its code, as no access token of Auth0's can be taken back. */
function endOpaqueToken({ state }: TenantContext, presented: string): boolean {
  for (const [token, { code }] of state.opaqueAccessTokens)
    if (code === presented) return state.opaqueAccessTokens.delete(token);
  return false;
}

/** What the verifier proves under either method, or nothing when it is no verifier at all (RFC 7636 §4.1). */
async function proofOf(verifier: string): Promise<{ S256: string; plain: string } | null> {
  if (!isCodeVerifier(verifier)) return null;
  const sha256 = async (bytes: Uint8Array) =>
    new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array(bytes)));
  return { S256: await codeChallenge(verifier, sha256), plain: verifier };
}

/** What is wrong with the proof, or nothing. A verifier without a challenge is a downgrade (RFC 9700 §2.1.1). */
function judgeProof(
  { challenge }: AuthorizationCode,
  proof: { S256: string; plain: string } | null | undefined,
): string | undefined {
  if (!challenge)
    return proof === undefined ? undefined : 'a code_verifier came for a code without a code_challenge';
  if (proof === undefined) return 'the code_verifier is missing; the code is burnt';
  return proof?.[challenge.method] === challenge.value
    ? undefined
    : 'the code_verifier does not fit the code_challenge; the code is burnt';
}

const redirectUriMatches = (code: AuthorizationCode, sent: string | undefined): boolean =>
  sent === undefined ? !code.redirectUriWasSent : sent === code.redirectUri;

const wrongRedirectUri = (code: AuthorizationCode, parameters: Parameters): Refusal =>
  refuse(
    403,
    'invalid_grant',
    `The redirect URI is wrong. You sent ${parameters.get('redirect_uri') ?? 'none'}, and we expected ${code.redirectUri}`,
  );

function fail(context: TenantContext, client: Client, refusal: Refusal, reason: string): Refusal {
  context.journal.write({
    type: 'feacft',
    description: refusal.error_description,
    client_id: client.client_id,
    decision: 'refuse',
    reason,
  });
  return refusal;
}
