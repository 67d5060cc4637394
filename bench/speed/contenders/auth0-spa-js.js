import { createAuth0Client, Auth0Client, InMemoryCache } from '@auth0/auth0-spa-js';

export { Auth0Client, InMemoryCache };
export const openClient = (options) => createAuth0Client(options);
