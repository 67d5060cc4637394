import type { Seconds } from '../clock.ts';
import { decodeJwt } from '../oauth/jwt.ts';

/** When an access token was issued, by the tenant's clock; `undefined` where it does not say. Never throws. */
export function issuedAt(accessToken: string | undefined): Seconds | undefined {
  try {
    const { iat } = decodeJwt(accessToken ?? '').claims;
    return typeof iat === 'number' ? iat : undefined;
  } catch {
    return undefined; // opaque
  }
}
