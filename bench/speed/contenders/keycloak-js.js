import Keycloak from 'keycloak-js';

/** It keeps what it has in memory only, and asks for no audience: this one is put into its address. */
export async function openClient({ domain, clientId, authorizationParams }) {
  const keycloak = new Keycloak({
    clientId,
    oidcProvider: {
      authorization_endpoint: `${domain}/authorize`,
      token_endpoint: `${domain}/oauth/token`,
      end_session_endpoint: `${domain}/oidc/logout`,
    },
  });
  await keycloak.init({
    pkceMethod: 'S256',
    checkLoginIframe: false,
    responseMode: 'query',
    redirectUri: authorizationParams.redirect_uri,
  });
  return {
    loginWithRedirect: async () => {
      const scope = `openid ${authorizationParams.scope} offline_access`;
      const address = new URL(await keycloak.createLoginUrl({ scope }));
      address.searchParams.set('audience', authorizationParams.audience);
      location.assign(address);
    },
    handleRedirectCallback: async () => {}, // `init` has done it
    getTokenSilently: async ({ cacheMode } = {}) => {
      await keycloak.updateToken(cacheMode === 'off' ? -1 : 60);
      return keycloak.token;
    },
    isAuthenticated: async () => keycloak.authenticated,
    getUser: async () => keycloak.idTokenParsed,
  };
}
