import { openFloor } from '../../floor/floor.js';

export async function openClient({ domain, clientId, cacheLocation, authorizationParams }) {
  const client = openFloor({
    domain,
    clientId,
    redirectUri: authorizationParams.redirect_uri,
    audience: authorizationParams.audience,
    scope: `openid ${authorizationParams.scope} offline_access`,
    storage: cacheLocation === 'localstorage' ? localStorage : undefined,
  });
  return {
    loginWithRedirect: client.login,
    handleRedirectCallback: client.callback,
    getTokenSilently: ({ cacheMode } = {}) => client.token(cacheMode === 'off'),
    refreshToken: client.refreshToken,
    isAuthenticated: async () => client.user() !== undefined,
    getUser: async () => client.user(),
  };
}
