/**
 * Scope: a space-separated set of case-sensitive names (RFC 6749 §3.3). Order carries no meaning on the wire; here the
 * first occurrence keeps its place, so that the text people configured is the text they see.
 */

/** The names in a scope text, without repetition, in their order. */
export const scopeNames = (scope: string): string[] => [
  ...new Set(scope.split(/\s+/).filter((name) => name !== '')),
];

/** One scope text out of several; absent ones count as empty. */
export const joinScopes = (...scopes: readonly (string | undefined)[]): string =>
  scopeNames(scopes.filter((scope) => scope !== undefined).join(' ')).join(' ');

/** True when every name in `wanted` is also in `held`. */
export function scopeIncludes(held: string, wanted: string): boolean {
  const names = new Set(scopeNames(held));
  return scopeNames(wanted).every((name) => names.has(name));
}
