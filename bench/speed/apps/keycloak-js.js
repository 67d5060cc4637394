import Keycloak from 'keycloak-js';
void (async () => {
  const keycloak = new Keycloak({ url: 'https://tenant.example', realm: 'app', clientId: 'app' });
  const isSignedIn = await keycloak.init({ pkceMethod: 'S256', checkLoginIframe: false });
  if (isSignedIn) {
    await keycloak.updateToken(60);
    show(keycloak.idTokenParsed, keycloak.token);
  } else await keycloak.login({ redirectUri: 'https://app.example' });
  document.onclick = () => keycloak.logout({ redirectUri: 'https://app.example' });
  function show(user, token) {
    document.title = user.name + token;
  }
})();
