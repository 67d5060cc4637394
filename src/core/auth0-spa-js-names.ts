/** What auth0-spa-js keeps, and where: enough to notice it. What it has left is read in a file of its own. */

/** The first part of the names of its cache entries, in v1 and v2. */
export const peerName = '@@auth0spajs@@';

/** What every name of its localStorage entries begins with. */
export const peerPrefix = `${peerName}::`;

/** True for the name of an entry of auth0-spa-js for this client; `null`: for any. */
export const isPeerEntry = (name: string, clientId: string | null): boolean =>
  name.startsWith(clientId === null ? peerPrefix : `${peerPrefix}${clientId}::`);

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
