/** JSON Web Tokens (RFC 7519) in the compact form of RFC 7515 §3.1, read without judging their signature. */
import { decodeBase64url } from './base64url.ts';

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
  return { header: parseObject(header), claims: parseObject(claims), signature };
}

function parseObject(part: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(decodeBase64url(part)));
  } catch {
    throw notAJwt(); // the cause would quote the token
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw notAJwt();
  return value as Record<string, unknown>;
}

const notAJwt = () => new TypeError('not a JWT');
