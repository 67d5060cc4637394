/** The names under which auth0-spa-js keeps things: enough to notice it. What it has left is read in a file of its own. */
import type { TextStorage } from '../environment.ts';

/** What every name of its localStorage entries begins with, in v1 and v2. */
export const peerPrefix = '@@auth0spajs@@::';

/** True when auth0-spa-js may have left something: only then is it worth loading the reader. Never throws. */
export function hasPeerEntries(storage: TextStorage): boolean {
  try {
    return storage.names().some((name) => name.startsWith(peerPrefix));
  } catch {
    return false; // the user has blocked site data: nothing can have been left
  }
}
