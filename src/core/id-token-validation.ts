/**
 * Whether an ID token is what was asked for (OIDC Core §3.1.3.7 and §3.1.3.8; on refresh §12.2).
 *
 * The signature is not judged here: the token comes straight from the token endpoint over TLS, which §3.1.3.7 (6) allows.
 * `custody/id-token-signature.ts` does, for apps that ask for it.
 */
import { toSeconds, type Milliseconds, type Seconds } from '../clock.ts';
import { GenericError, InvalidIdTokenError } from '../errors.ts';
import { accessTokenHash } from '../oauth/access-token-hash.ts';
import type { IdTokenClaims } from '../oauth/id-token.ts';
import { isText, textsOf } from '../oauth/json.ts';
import { decodeJwt } from '../oauth/jwt.ts';
import type { Sha256 } from '../oauth/pkce.ts';
import type { Answer } from './plan.ts';
import { organizationOf, type Identity } from './session.ts';
import type { Settings } from './settings.ts';

export interface IdTokenExpectation {
  readonly now: Milliseconds;
  /** Before the request that brought it, by the same clock. Absent: its times are judged by the clock, whatever that is worth. */
  readonly askedAt?: Milliseconds | undefined;
  /** Code exchange: the nonce of the authorization request. */
  readonly nonce?: string | undefined;
  /** Refresh: the user who signed in, and the organization as whose member. */
  readonly identity?: Identity | undefined;
  /** The organization that was asked for, by id (`org_…`) or by name. */
  readonly organization?: string | undefined;
  readonly max_age?: Seconds | undefined;
  /** The hash of the access token that came with it; see `accessTokenHash`. */
  readonly at_hash?: string | undefined;
  /** Refresh: the ID token that the family had before. */
  readonly former?: string | undefined;
}

/** `validateIdToken`, beside the access token that came with it. */
export async function validateAnswer(
  settings: Pick<Settings, 'issuer' | 'clientId' | 'leeway'>,
  sha256: Sha256,
  { token, id_token }: Answer,
  expected: IdTokenExpectation,
): Promise<IdTokenClaims> {
  const at_hash = await accessTokenHash(token.access_token, sha256);
  return validateIdToken(settings, id_token, { ...expected, at_hash });
}

/** @throws {InvalidIdTokenError} whose `reason` names the first check that failed; `time` when only the times are wrong. */
export function validateIdToken(
  { issuer, clientId, leeway }: Pick<Settings, 'issuer' | 'clientId' | 'leeway'>,
  idToken: string | undefined,
  expected: IdTokenExpectation,
): IdTokenClaims {
  if (idToken === undefined) refuse('missing');
  const { header, claims } = decode(idToken);
  const { aud, azp, sub } = claims;
  const audiences = Array.isArray(aud) ? aud : [aud];

  compare('algorithm', 'RS256', header.alg);
  compare('issuer', issuer, claims.iss);
  if (typeof sub !== 'string' || sub === '') refuse('subject');
  if (!audiences.includes(clientId))
    refuse('audience', `expected "${clientId}", found "${textsOf(audiences).join(' ')}"`);
  if (audiences.length > 1 || azp !== undefined) compare('authorized_party', clientId, azp);
  if (expected.nonce !== undefined && claims.nonce !== expected.nonce) refuse('nonce');
  const { identity } = expected;
  if (identity && sub !== identity.sub) refuse('subject');
  if (identity && identity.org_id !== organizationOf(claims)) refuse('organization');
  checkOrganization(claims, expected.organization?.trim());
  if (claims.at_hash !== undefined && expected.at_hash !== undefined)
    compare('access_token_hash', expected.at_hash, claims.at_hash);
  if (expected.former !== undefined) checkContinuity(claims, decode(expected.former).claims);
  checkTimes(claims, leeway, expected);
  return claims as unknown as IdTokenClaims; // every member that the type requires was checked above
}

function decode(idToken: string) {
  try {
    return decodeJwt(idToken);
  } catch {
    return refuse('malformed');
  }
}

/** An organization is asked for by id, which is compared as it is, or by name, which Auth0 writes in lower case. */
function checkOrganization(claims: Record<string, unknown>, asked: string | undefined): void {
  if (!asked) return;
  if (asked.startsWith('org_')) compare('organization', asked, claims.org_id);
  else compare('organization', asked.toLowerCase(), claims.org_name);
}

/**
 * What a refresh may not change (OIDC Core §12.2), besides issuer and user: who it was for, and the nonce, which may be missing from
 * either.
 */
function checkContinuity(claims: Record<string, unknown>, former: Record<string, unknown>): void {
  const before = Array.isArray(former.aud) ? former.aud : [former.aud];
  if (!before.every((it) => it === claims.aud || (Array.isArray(claims.aud) && claims.aud.includes(it))))
    refuse('audience', 'it is for fewer than before');
  if (claims.azp !== former.azp) refuse('authorized_party', 'it is another than before');
  if (isChanged('nonce', claims, former)) refuse('nonce', 'it is another than before');
}

/**
 * Whether the ID token of a refresh tells of another login than the `former` one: a provider is to repeat `auth_time` (OIDC Core
 * §12.2). That it does not says nothing of who the user is.
 */
export function isOfAnotherLogin(claims: IdTokenClaims, former: string | undefined): boolean {
  return former !== undefined && isChanged('auth_time', claims, decode(former).claims);
}

const isChanged = (
  name: string,
  { [name]: now }: Record<string, unknown>,
  { [name]: before }: Record<string, unknown>,
): boolean => now !== undefined && before !== undefined && now !== before;

/** No token that has just been issued is that old by a clock that is any good, even one that can be put right. */
const longAgo: Seconds = 86_400;

/**
 * How far this machine's clock is ahead of the issuer's, at the least; below 0: behind. By when a token that has just been issued says
 * that it was. `undefined`: it may as well be an older one, since neither a nonce nor the one before it tells.
 *
 * @param claims Of a token with that nonce.
 */
export function skewOf(
  { iat }: Readonly<Record<string, unknown>>,
  { now, askedAt, nonce, former }: IdTokenExpectation,
): Milliseconds | undefined {
  if (askedAt === undefined || !isDate(iat)) return undefined;
  const before = former === undefined ? undefined : decode(former).claims.iat;
  if (nonce === undefined && !(isDate(before) && iat > before)) return undefined;
  const issuedAt: Milliseconds = 1000 * iat;
  if (now < issuedAt) return now - issuedAt;
  return Math.max(0, askedAt - issuedAt - 999); // it is in whole seconds
}

function checkTimes(claims: Record<string, unknown>, leeway: Seconds, expected: IdTokenExpectation): void {
  const { now, max_age: maxAge } = expected;
  const { exp, iat, nbf, auth_time } = claims;
  if (!isDate(exp)) refuse('expiry');
  if (!isDate(iat)) refuse('issued_at');
  if (maxAge !== undefined && !isDate(auth_time)) refuse('authentication_time');
  const age = toSeconds(now) - iat;
  if (age > longAgo + leeway) refuse('time', `it was issued ${age} s ago by this machine's clock`);
  const instant = toSeconds(now - (skewOf(claims, expected) ?? 0));
  if (instant > exp + leeway) refuse('time', `it expired ${instant - exp} s ago by this machine's clock`);
  if (isDate(nbf) && instant < nbf - leeway) refuse('time', `it is not valid for another ${nbf - instant} s`);
  if (maxAge !== undefined && isDate(auth_time) && instant > auth_time + maxAge + leeway)
    refuse('max_age', `the user signed in ${instant - auth_time} s ago`);
}

const isDate = (value: unknown): value is Seconds => typeof value === 'number' && Number.isFinite(value);

function compare(reason: string, expected: string, found: unknown): void {
  if (found === expected) return;
  // A claim may be any JSON, and not of every object a text can be made.
  refuse(reason, `expected "${expected}", found "${isText(found) ? found : typeof found}"`);
}

function refuse(reason: string, detail = ''): never {
  throw new InvalidIdTokenError(reason, detail);
}

/**
 * When the session is over by what its ID token says (IPSIE, `session_expiry`); `undefined`: by none. A date in milliseconds is
 * a mistake, as is one that is no later than the token.
 *
 * @throws {GenericError} `invalid_token`, where that is said and cannot be meant.
 */
export function ceilingOf({ session_expiry, iat }: Readonly<Record<string, unknown>>): Seconds | undefined {
  if (session_expiry === undefined) return undefined;
  if (typeof session_expiry === 'number' && session_expiry < 1e10 && session_expiry > Number(iat ?? NaN))
    return session_expiry;
  throw new GenericError(
    'invalid_token',
    'The ID token has a "session_expiry" that is no later date in seconds.',
    {
      reason: 'session_expiry',
    },
  );
}
