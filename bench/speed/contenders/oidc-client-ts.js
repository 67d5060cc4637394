import { InMemoryWebStorage, UserManager, WebStorageStateStore } from 'oidc-client-ts';

export async function openClient({ domain, clientId, cacheLocation, authorizationParams }) {
  const { redirect_uri, audience, scope } = authorizationParams;
  const manager = new UserManager({
    authority: domain,
    metadata: {
      issuer: `${domain}/`,
      authorization_endpoint: `${domain}/authorize`,
      token_endpoint: `${domain}/oauth/token`,
    },
    client_id: clientId,
    redirect_uri,
    scope: `openid ${scope} offline_access`,
    extraQueryParams: { audience },
    automaticSilentRenew: false, // its timer would spend what is measured
    userStore: new WebStorageStateStore({
      store: cacheLocation === 'localstorage' ? localStorage : new InMemoryWebStorage(),
    }),
  });
  return {
    loginWithRedirect: () => manager.signinRedirect(),
    handleRedirectCallback: () => manager.signinRedirectCallback(),
    getTokenSilently: async ({ cacheMode } = {}) => {
      const user = await manager.getUser();
      if (user && !user.expired && cacheMode !== 'off') return user.access_token;
      return (await manager.signinSilent()).access_token;
    },
    isAuthenticated: async () => Boolean(await manager.getUser()),
    getUser: async () => (await manager.getUser())?.profile,
  };
}
