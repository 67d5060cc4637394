import { createAuth0Client, Auth0Client, InMemoryCache } from '../../../dist/index.js';

export { Auth0Client, InMemoryCache };
export const openClient = (options) => createAuth0Client(options);
