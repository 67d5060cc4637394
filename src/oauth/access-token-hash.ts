import { encodeBase64url } from './base64url.ts';
import type { Sha256 } from './pkce.ts';

/** The `at_hash` of an access token, in an ID token that is signed by RS256: the left half of its SHA-256 (OIDC Core §3.1.3.6). */
export async function accessTokenHash(accessToken: string, sha256: Sha256): Promise<string> {
  return encodeBase64url((await sha256(new TextEncoder().encode(accessToken))).subarray(0, 16));
}
