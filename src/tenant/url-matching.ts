/**
 * Registered addresses: exact text, or one `*` as the left-most label of the host (Auth0's wildcard, one level deep).
 * Exact comparison is RFC 9700 §2.1.
 */

/** True when the candidate is one of the registered callbacks, character for character, or fits a wildcard among them. */
export const isRegistered = (registered: readonly string[], candidate: string): boolean =>
  registered.some((pattern) => pattern === candidate || fitsWildcard(pattern, candidate));

/** The origin of a URL in its serialised form, or `undefined` when it has none (custom schemes, no URL at all). */
export function originOf(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { origin } = new URL(url);
  return origin === 'null' ? undefined : origin;
}

/** The address without query and fragment, as logout addresses are compared. */
export function withoutQuery(url: string): string {
  return url.replace(/[?#].*$/s, '');
}

function fitsWildcard(pattern: string, candidate: string): boolean {
  const [before, after, ...rest] = pattern.split('*');
  if (before === undefined || after === undefined || rest.length > 0) return false;
  if (!before.endsWith('://') || !after.startsWith('.')) return false;
  if (!candidate.startsWith(before) || !candidate.endsWith(after)) return false;
  return /^[A-Za-z0-9-]+$/.test(candidate.slice(before.length, candidate.length - after.length));
}
