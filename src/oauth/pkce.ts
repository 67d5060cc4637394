/** Proof Key for Code Exchange, RFC 7636, with the S256 method. */
import { encodeBase64url } from './base64url.ts';

/** What this module asks of the world. */
export interface Sha256 {
  /** The SHA-256 digest of `bytes`: 32 bytes. */
  (bytes: Uint8Array): Promise<Uint8Array>;
}

/** True for 43 to 128 unreserved characters (RFC 7636 §4.1). */
export const isCodeVerifier = (text: string): boolean => /^[A-Za-z0-9._~-]{43,128}$/.test(text);

/** A `code_verifier` out of 32 random bytes: 43 characters, 256 bits (RFC 7636 §4.1). */
export const codeVerifier = (randomBytes: Uint8Array): string => encodeBase64url(randomBytes);

/** The S256 `code_challenge` of a verifier (RFC 7636 §4.2). */
export async function codeChallenge(verifier: string, sha256: Sha256): Promise<string> {
  return encodeBase64url(await sha256(new TextEncoder().encode(verifier)));
}
