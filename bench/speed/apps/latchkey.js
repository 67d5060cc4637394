import { createAuth0Client } from '../../../dist/index.js';
void (async () => {
  const auth0 = await createAuth0Client({
    domain: 'tenant.example',
    clientId: 'app',
    useRefreshTokens: true,
    cacheLocation: 'localstorage',
    authorizationParams: { redirect_uri: 'https://app.example', audience: 'https://api.example' },
  });
  if (new URLSearchParams(location.search).has('code')) await auth0.handleRedirectCallback();
  if (await auth0.isAuthenticated()) show(await auth0.getUser(), await auth0.getTokenSilently());
  else await auth0.loginWithRedirect();
  document.onclick = () => auth0.logout({ logoutParams: { returnTo: 'https://app.example' } });
  function show(user, token) {
    document.title = user.name + token;
  }
})();
