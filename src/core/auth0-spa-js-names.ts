/** The names under which auth0-spa-js keeps things: enough to notice it. What it has left is read in a file of its own. */

/** What every name of its localStorage entries begins with, in v1 and v2. */
export const peerPrefix = '@@auth0spajs@@::';

/** True for the name of an entry of auth0-spa-js for this client. */
export const isPeerEntry = (name: string, clientId: string): boolean =>
  name.startsWith(`${peerPrefix}${clientId}::`);
