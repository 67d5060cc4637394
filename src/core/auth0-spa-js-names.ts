/** What auth0-spa-js keeps, and where: enough to notice it. What it has left is read in a file of its own. */

/** What every name of its localStorage entries begins with, in v1 and v2. */
export const peerPrefix = '@@auth0spajs@@::';

/** True for the name of an entry of auth0-spa-js for this client. */
export const isPeerEntry = (name: string, clientId: string): boolean =>
  name.startsWith(`${peerPrefix}${clientId}::`);

/** The refresh tokens that it keeps for this client. Never throws: out of a storage that does, nothing can be had. */
export function peerRefreshTokens(
  storage: { names(): readonly string[]; get(name: string): string | null },
  clientId: string,
): string[] {
  try {
    const entries = storage.names().filter((name) => isPeerEntry(name, clientId));
    return entries.flatMap((name) => /"refresh_token":"([^"]+)"/.exec(storage.get(name) ?? '')?.[1] ?? []);
  } catch {
    return [];
  }
}
