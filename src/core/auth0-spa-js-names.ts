/** What auth0-spa-js keeps, and where: enough to notice it. What it has left is read in a file of its own. */

/** The first part of the names of its cache entries, in v1 and v2. */
export const peerName = '@@auth0spajs@@';

/** What every name of its localStorage entries begins with. */
export const peerPrefix = `${peerName}::`;
