/** JSON Web Tokens (RFC 7519) in the compact form of RFC 7515 §3.1, read without judging their signature. */
import { decodeBase64url } from './decode-base64url.ts';
import { parseJsonObject } from './json.ts';

export interface DecodedJwt {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly signature: string;
}

/**
 * Splits a compact JWT and parses its header and claims. The signature is not verified.
 * @throws {TypeError} when the text is not three base64url parts with a JSON object in the first two.
 */
export function decodeJwt(token: string): DecodedJwt {
  const [header, claims, signature, ...rest] = token.split('.');
  if (!header || !claims || !signature || rest.length > 0) throw notAJwt();
  return { header: decodePart(header), claims: decodePart(claims), signature };
}

function decodePart(part: string): Record<string, unknown> {
  let text = '';
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(decodeBase64url(part));
  } catch {
    // Neither base64url nor UTF-8: refused below. The cause would quote the token.
  }
  const value = parseJsonObject(text);
  if (value === undefined) throw notAJwt();
  return value;
}

const notAJwt = () => new TypeError('not a JWT');
