/** What a server asks for in a `WWW-Authenticate` header (RFC 9110 §11.6.1, RFC 6750 §3). */

/** Servers and browsers take no header that is longer, or not by much; to read one takes time by the square of its length. */
const longest = 8192;

/**
 * The values of a parameter, of all challenges in the header, without their quotes. What stands within another parameter's quotes
 * is none.
 */
export const challengeValues = (header: string, parameter: string): string[] =>
  [...header.slice(0, longest).matchAll(/([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))/g)]
    .filter(([, name = '']) => name.toLowerCase() === parameter)
    .map(([, , quoted, bare = '']) => quoted?.replaceAll(/\\(.)/g, '$1') ?? bare);
