/** The session: the user's being signed in, as the ID token tells it. */
import type { Milliseconds, Seconds } from '../clock.ts';
import { decodeJwt } from '../oauth/jwt.ts';
import { protocolClaims } from '../oauth/id-token.ts';
import type { IdToken, User } from './options.ts';

/** Whose session it is: a user, as a member of an organization or of none. Another organization is another session. */
export interface Identity {
  readonly sub: string;
  readonly org_id?: string | undefined;
}

export const isSameIdentity = (one: Identity, other: Identity | undefined): boolean =>
  one.sub === other?.sub && one.org_id === other.org_id;

export interface Session extends Identity {
  readonly id_token: string;
  readonly claims: IdToken;
  readonly user: User;
}

/** The session an ID token stands for. The token was validated when it was obtained. Not a JWT with a `sub`: nothing. */
export function readSession(idToken: string): Session | undefined {
  try {
    const { claims } = decodeJwt(idToken);
    if (typeof claims.sub !== 'string') return undefined;
    const user = Object.fromEntries(Object.entries(claims).filter(([name]) => !protocolClaims.has(name)));
    // Whoever gets these shares them with later callers (`===` holds between calls), so nobody may write into them.
    return {
      id_token: idToken,
      sub: claims.sub,
      org_id: organizationOf(claims),
      claims: frozen({ ...claims, __raw: idToken }) as unknown as IdToken,
      user: frozen(user),
    };
  } catch {
    return undefined;
  }
}

/** With all that is in it: lists and objects too. */
function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(frozen);
  return value;
}

/** The organization that the claims speak of, by its id. */
export const organizationOf = ({ org_id }: { readonly org_id?: unknown }): string | undefined =>
  typeof org_id === 'string' ? org_id : undefined;

/** So long before its end a session counts as over. */
const ceilingMargin: Seconds = 30;

export const isPastCeiling = (ceiling: Seconds | undefined, now: Milliseconds): boolean =>
  ceiling !== undefined && now >= 1000 * (ceiling - ceilingMargin);
