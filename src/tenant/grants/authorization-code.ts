/** `grant_type=authorization_code`: a code and the proof that its bearer asked for it, against tokens (RFC 6749 §4.1.3). */
import type { Milliseconds } from '../../clock.ts';
import { codeChallenge, isCodeVerifier } from '../../oauth/pkce.ts';
import { joinScopes, scopeNames } from '../../oauth/scope.ts';
import { codeLifetime, type AuthorizationCode } from '../authorization-code.ts';
import type { Client } from '../configuration.ts';
import { descendsFrom, endFamilies, keepFamily, policyOf, type TenantContext } from '../context.ts';
import { bindingFor, judgeKey } from '../dpop.ts';
import { liveFamilies } from '../families.ts';
import type { Parameters } from '../parameters.ts';
import { beginFamily, headOf, type RefreshTokenFamily } from '../refresh-token-family.ts';
import { invalidCode, missingParameter, refuse, type Refusal, type TokenAnswer } from '../token-answer.ts';
import { issueTokens } from '../token-issuance.ts';
import { isCovered, keepUserGrant } from '../user-grant.ts';

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
  const user = context.state.users.get(code.userId);
  if (!user) return fail(context, client, invalidCode, 'the user does not exist any more');
  if (user.blocked)
    return fail(context, client, refuse(403, 'invalid_grant', 'user is blocked'), 'the user is blocked');

  if (code.audience !== null && !context.state.resourceServers.has(code.audience))
    return fail(
      context,
      client,
      refuse(403, 'access_denied', `Service not found: ${code.audience}`),
      'the API was deleted since',
    );
  if (!client.is_first_party && !isCovered(context, code))
    return fail(context, client, invalidCode, 'what the user had let the client do was taken back since');

  const family = mayRefresh(context, client, code, fromBrowser)
    ? begin(context, { client, code, now, jkt: binding.jkt })
    : null;
  context.state.codes.set(presented, { ...code, used: { familyId: family?.familyId ?? null } });
  const scope = family ? code.scope : without(code.scope, 'offline_access');

  context.journal.write({
    type: 'seacft',
    description: 'Authorization code exchanged for an access token',
    client_id: client.client_id,
    user_id: user.user_id,
    details: { scope, audience: code.audience, familyId: family?.familyId ?? null },
    decision: 'exchange',
    reason: family
      ? `the code is good; refresh token family ${family.familyId} begins`
      : `the code is good; no refresh token: ${whyNoRefreshToken(context, client, code, fromBrowser)}`,
  });
  const response = await issueTokens(context, {
    now,
    clientId: client.client_id,
    user,
    scope,
    audience: code.audience,
    sid: code.sid,
    code: presented,
    nonce: code.nonce,
    authTime: code.authTime,
    organizationId: code.organizationId,
    jkt: binding.jkt,
    refreshToken: family && headOf(family).value,
    secondFactor: code.secondFactor,
    claims: code.claims,
  });
  return { kind: 'tokens', response };
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

const mayRefresh = (
  context: TenantContext,
  client: Client,
  code: AuthorizationCode,
  fromBrowser: boolean,
): boolean => whyNoRefreshToken(context, client, code, fromBrowser) === undefined;

/** The first condition for a refresh token that is not met (I1-I5), or nothing. */
function whyNoRefreshToken(
  { state }: TenantContext,
  client: Client,
  { scope, audience }: AuthorizationCode,
  fromBrowser: boolean,
): string | undefined {
  if (!scopeNames(scope).includes('offline_access')) return 'offline_access was not requested';
  if (audience !== null && !state.resourceServers.get(audience)?.allow_offline_access)
    return `the API ${audience} does not allow offline access`;
  if (!client.grant_types.includes('refresh_token')) return 'the client may not use the refresh_token grant';
  const inBrowser = client.app_type === 'spa' || fromBrowser;
  if (inBrowser && client.refresh_token.rotation_type !== 'rotating')
    return 'a client in a browser gets refresh tokens only when they rotate';
  return undefined;
}

function begin(
  context: TenantContext,
  {
    client,
    code,
    now,
    jkt,
  }: { client: Client; code: AuthorizationCode; now: Milliseconds; jkt: string | null },
): RefreshTokenFamily {
  const family = beginFamily(
    {
      familyId: context.random.text(12),
      value: newRefreshToken(context),
      now,
      clientId: client.client_id,
      userId: code.userId,
      audience: code.audience,
      scope: code.scope,
      sessionId: code.sid,
      authTime: code.authTime,
      organizationId: code.organizationId,
      // Of a client that proves who it is the secret is asked for anyway (RFC 9449 §5).
      jkt: client.token_endpoint_auth_method === 'none' ? jkt : null,
    },
    policyOf(context, client),
  );
  keepFamily(context, family);
  keepUserGrant(context, family);
  removeSurplus(context, family, now);
  return family;
}

/** How many refresh tokens of one user a client may hold (Auth0's limit). */
const mostRefreshTokens = 200;

/** The oldest give way. */
function removeSurplus(context: TenantContext, { clientId, userId }: RefreshTokenFamily, now: Milliseconds) {
  if (context.state.families.size <= mostRefreshTokens) return;
  const held = liveFamilies(context).filter(
    (family) => family.clientId === clientId && family.userId === userId,
  );
  const surplus = held.slice(0, Math.max(0, held.length - mostRefreshTokens));
  if (surplus.length === 0) return;
  endFamilies(context, { now, cause: 'cap' }, (family) => surplus.includes(family));
  context.journal.write({
    type: 'resource_cleanup',
    description: 'The oldest refresh tokens of the user at this client were removed',
    client_id: clientId,
    user_id: userId,
    details: { start: held.length, removedCount: surplus.length, endCount: mostRefreshTokens },
    decision: 'revoke',
    reason: `a user may have ${mostRefreshTokens} refresh tokens at a client`,
  });
}

/** A value that says nothing of the family or the counter. */
export const newRefreshToken = ({ random }: TenantContext): string => `v1.M${random.text()}`;

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

const without = (scope: string, name: string): string =>
  joinScopes(...scopeNames(scope).filter((held) => held !== name));

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
