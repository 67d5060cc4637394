/** The session: the user's being signed in, as the ID token tells it. */
import { decodeJwt } from '../oauth/jwt.ts';
import { protocolClaims } from '../oauth/id-token.ts';
import type { IdToken, User } from './options.ts';

export interface Session {
  readonly id_token: string;
  readonly sub: string;
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
      claims: Object.freeze({ ...claims, __raw: idToken }) as unknown as IdToken,
      user: Object.freeze(user),
    };
  } catch {
    return undefined;
  }
}
