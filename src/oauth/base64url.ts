/** base64url without padding (RFC 4648 §5), the alphabet of JWTs, PKCE and every random string here. */

/** Encodes bytes as base64url text without padding. */
export function encodeBase64url(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
