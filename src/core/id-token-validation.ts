/**
 * Whether an ID token is what was asked for (OIDC Core §3.1.3.7; on refresh §12.2).
 *
 * The signature is not verified: the token comes straight from the token endpoint over TLS, which §3.1.3.7 (6) allows.
 */
import { toSeconds, type Milliseconds, type Seconds } from '../clock.ts';
import { InvalidIdTokenError } from '../errors.ts';
import { decodeJwt } from '../oauth/jwt.ts';
import type { IdTokenClaims } from '../oauth/id-token.ts';

export interface IdTokenExpectation {
  readonly issuer: string;
  readonly clientId: string;
  readonly leeway: Seconds;
  /** Absent: its times are not judged, because whoever obtained it has judged them. */
  readonly now?: Milliseconds | undefined;
  /** Code exchange: the nonce of the authorization request. */
  readonly nonce?: string | undefined;
  /** Refresh: the user who signed in. */
  readonly sub?: string | undefined;
  /** The organization that was asked for, by id (`org_…`) or by name. */
  readonly organization?: string | undefined;
  readonly maxAge?: Seconds | undefined;
}

/** @throws {InvalidIdTokenError} whose `reason` names the first check that failed; `time` when only the times are wrong. */
export function validateIdToken(idToken: string | undefined, expected: IdTokenExpectation): IdTokenClaims {
  if (idToken === undefined) refuse('missing', 'the answer holds none.');
  const { header, claims } = decode(idToken);

  if (header.alg !== 'RS256')
    refuse('algorithm', `expected the algorithm "RS256", found "${String(header.alg)}".`);
  if (claims.iss !== expected.issuer)
    refuse('issuer', `expected the issuer "${expected.issuer}", found "${String(claims.iss)}".`);
  if (typeof claims.sub !== 'string' || claims.sub === '') refuse('subject', '"sub" is missing.');
  checkAudience(claims, expected.clientId);
  if (expected.nonce !== undefined && claims.nonce !== expected.nonce)
    refuse('nonce', 'its nonce is not the one that was sent.');
  if (expected.sub !== undefined && claims.sub !== expected.sub)
    refuse('subject', 'it speaks of another user than the one who signed in.');
  checkOrganization(claims, expected.organization);
  checkTimes(claims, expected);
  return claims as unknown as IdTokenClaims; // every member that the type requires was checked above
}

function decode(idToken: string) {
  try {
    return decodeJwt(idToken);
  } catch {
    return refuse('malformed', 'it is not a JWT.');
  }
}

function checkAudience({ aud, azp }: Record<string, unknown>, clientId: string): void {
  const audiences = Array.isArray(aud) ? aud : [aud];
  if (!audiences.includes(clientId))
    refuse('audience', `expected the audience "${clientId}", found "${audiences.map(String).join(' ')}".`);
  if (audiences.length > 1 && azp !== clientId)
    refuse('authorized_party', `expected the authorized party "${clientId}", found "${String(azp)}".`);
}

function checkOrganization(claims: Record<string, unknown>, organization: string | undefined): void {
  const asked = organization?.trim();
  if (!asked) return;
  const byId = asked.startsWith('org_');
  const found = byId ? claims.org_id : claims.org_name;
  const wanted = byId ? asked : asked.toLowerCase();
  if (found !== wanted)
    refuse('organization', `expected the organization "${wanted}", found "${String(found)}".`);
}

function checkTimes(claims: Record<string, unknown>, { leeway, now, maxAge }: IdTokenExpectation): void {
  const { exp, iat, nbf, auth_time } = claims;
  if (!isDate(exp)) refuse('expiry', '"exp" is not a date.');
  if (!isDate(iat)) refuse('issued_at', '"iat" is not a date.');
  if (maxAge !== undefined && !isDate(auth_time)) refuse('authentication_time', '"auth_time" is not a date.');
  if (now === undefined) return;
  const instant = toSeconds(now);
  if (instant > exp + leeway) refuse('time', `it expired ${instant - exp} s ago by this machine's clock.`);
  if (isDate(nbf) && instant < nbf - leeway)
    refuse('time', `it is not valid for another ${nbf - instant} s by this machine's clock.`);
  if (maxAge !== undefined && isDate(auth_time) && instant > auth_time + maxAge + leeway)
    refuse('max_age', `the user signed in ${instant - auth_time} s ago, and ${maxAge} s were asked for.`);
}

const isDate = (value: unknown): value is Seconds => typeof value === 'number' && Number.isFinite(value);

function refuse(reason: string, problem: string): never {
  throw new InvalidIdTokenError(reason, problem);
}
