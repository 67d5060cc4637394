/** The tokens of a successful answer: access token, ID token, and the refresh token if there is one. */
import { CompactSign } from 'jose';
import { toSeconds, type Milliseconds, type Seconds } from '../clock.ts';
import { encodeBase64url } from '../oauth/base64url.ts';
import { scopeNames } from '../oauth/scope.ts';
import type { TokenResponse } from '../oauth/token-endpoint.ts';
import { multiFactor } from './authenticators.ts';
import type { User } from './configuration.ts';
import type { TenantContext } from './context.ts';
import type { CustomClaims } from './post-login.ts';
import { currentKey } from './signing-keys.ts';
import { userClaims } from './user-claims.ts';

/** What an opaque access token stands for. */
export interface AccessGrant {
  readonly userId: string;
  readonly clientId: string;
  readonly scope: string;
  readonly expiresAt: Milliseconds;
  /** Thumbprint of the key that it is bound to, or `null` for a bearer token. */
  readonly jkt: string | null;
  /** The code that it was given for; under `quirks.conformance` alone. */
  readonly code?: string;
}

export interface Issuance {
  /** The instant of the decision that led here. */
  readonly now: Milliseconds;
  readonly clientId: string;
  readonly user: User;
  readonly scope: string;
  readonly audience: string | null;
  readonly sid: string | null;
  /** The code that is exchanged. */
  readonly code?: string | undefined;
  /** Only in the answer to a code exchange (OIDC Core §12.2). */
  readonly nonce: string | null;
  readonly authTime: Milliseconds | null;
  readonly organizationId: string | null;
  /** Thumbprint of the key that the access token is bound to (RFC 9449 §6), or `null`. */
  readonly jkt: string | null;
  readonly refreshToken: string | null;
  /** The user has just proved a second time who they are. */
  readonly secondFactor: boolean;
  /** What the post-login hook adds. */
  readonly claims: CustomClaims;
  /** How it was granted, for the access token; interactive grants have none. */
  readonly gty?: 'password' | undefined;
}

const defaultAccessTokenLifetime: Seconds = 86_400;
const idTokenLifetime: Seconds = 36_000;

/** Signing takes time, so this runs after everything has been decided and kept. */
export async function issueTokens(context: TenantContext, issuance: Issuance): Promise<TokenResponse> {
  const { scope, refreshToken } = issuance;
  const expires_in = lifetimeFor(context, issuance.audience);
  const signing = issueAccessToken(context, issuance, expires_in);
  const withHash = context.configuration.quirks.conformance;
  const [access_token, id_token] = await Promise.all([
    signing,
    scopeNames(scope).includes('openid')
      ? issueIdToken(context, issuance, withHash ? { at_hash: await atHash(await signing) } : {})
      : undefined,
  ]);
  return {
    access_token,
    ...(refreshToken !== null && { refresh_token: refreshToken }),
    ...(id_token !== undefined && { id_token }),
    scope,
    expires_in,
    token_type: tokenType(issuance.jkt),
  };
}

/** What a client gets for itself: an access token that speaks for no user, and nothing to renew it with. */
export async function issueClientToken(
  context: TenantContext,
  {
    now,
    clientId,
    audience,
    scope,
    jkt,
  }: Pick<Issuance, 'now' | 'clientId' | 'scope' | 'jkt'> & { audience: string },
): Promise<TokenResponse> {
  const expires_in = lifetimeFor(context, audience);
  const iat = toSeconds(now);
  const access_token = await sign(context, {
    iss: context.configuration.issuer,
    sub: `${clientId}@clients`,
    aud: audience,
    iat,
    exp: iat + expires_in,
    scope,
    azp: clientId,
    gty: 'client-credentials',
    ...confirmation(jkt),
    jti: context.random.text(16),
  });
  return { access_token, scope, expires_in, token_type: tokenType(jkt) };
}

const tokenType = (jkt: string | null) => (jkt === null ? 'Bearer' : 'DPoP');

/** `cnf` (RFC 9449 §6.1). */
const confirmation = (jkt: string | null) => jkt !== null && { cnf: { jkt } };

async function issueAccessToken(
  context: TenantContext,
  issuance: Issuance,
  expires_in: Seconds,
): Promise<string> {
  const { now, clientId, user, scope, audience, jkt, code } = issuance;
  if (audience === null) {
    forgetExpired(context, now);
    const token = context.random.text();
    const expiresAt = now + expires_in * 1000;
    const given = { userId: user.user_id, clientId, scope, expiresAt, jkt };
    const keepsCode = context.configuration.quirks.conformance && code !== undefined;
    context.state.opaqueAccessTokens.set(token, keepsCode ? { ...given, code } : given);
    return token;
  }
  const withUserinfo = scopeNames(scope).includes('openid');
  const iat = toSeconds(now);
  return sign(context, {
    ...issuance.claims.accessToken,
    iss: context.configuration.issuer,
    sub: user.user_id,
    aud: withUserinfo ? [audience, `${context.configuration.baseUrl}/userinfo`] : audience,
    iat,
    exp: iat + expires_in,
    scope,
    azp: clientId,
    ...(issuance.organizationId !== null && { org_id: issuance.organizationId }),
    ...(issuance.gty !== undefined && { gty: issuance.gty }),
    ...confirmation(jkt),
    jti: context.random.text(16), // two tokens of one second are not the same text
  });
}

/**
 * They all live equally long, so that the oldest are the first to go. One that lives longer than a new one is from before the
 * clock was turned back, and may be followed by older ones.
 */
function forgetExpired({ state }: TenantContext, now: Milliseconds): void {
  for (const [token, { expiresAt }] of state.opaqueAccessTokens) {
    if (now >= expiresAt) state.opaqueAccessTokens.delete(token);
    else if (expiresAt <= now + defaultAccessTokenLifetime * 1000) return;
  }
}

function issueIdToken(
  context: TenantContext,
  issuance: Issuance,
  hash: { readonly at_hash?: string },
): Promise<string> {
  const { now, clientId, user, scope, sid, nonce, authTime } = issuance;
  const iat = toSeconds(now);
  return sign(context, {
    ...issuance.claims.idToken,
    ...userClaims(context, user, scope),
    iss: context.configuration.issuer,
    aud: clientId,
    iat,
    exp: iat + idTokenLifetime,
    ...(sid !== null && { sid }),
    ...organizationClaims(context, issuance.organizationId),
    ...(nonce !== null && { nonce }),
    ...(issuance.secondFactor && { amr: ['mfa'], acr: multiFactor }),
    ...(authTime !== null && { auth_time: toSeconds(authTime) }),
    ...hash,
  });
}

/** The left half of its SHA-256 (OIDC Core §3.1.3.6). */
async function atHash(accessToken: string): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', utf8.encode(accessToken)));
  return encodeBase64url(hash.subarray(0, hash.length / 2));
}

/** Auth0 adds `org_name` where the tenant allows names in the place of ids; this one does. */
function organizationClaims({ state }: TenantContext, id: string | null) {
  if (id === null) return {};
  return { org_id: id, org_name: state.organizations.get(id)?.name };
}

const utf8 = new TextEncoder();

export async function sign(
  context: TenantContext,
  claims: Readonly<Record<string, unknown>>,
): Promise<string> {
  const key = currentKey(context);
  return new CompactSign(utf8.encode(JSON.stringify(claims)))
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: key.kid })
    .sign(await key.privateKey());
}

function lifetimeFor({ state }: TenantContext, audience: string | null): Seconds {
  const api = audience === null ? undefined : state.resourceServers.get(audience);
  return api?.token_lifetime ?? defaultAccessTokenLifetime;
}
