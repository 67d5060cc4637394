import { createAuth0Client } from './latchkey/index.js';
import settings from './settings.js';

const element = (id) => document.getElementById(id);
const { tenantUrl, seedExampleClientId } = settings;

const auth0 = await createAuth0Client({
  domain: tenantUrl,
  client_id: seedExampleClientId,
  cacheLocation: 'localstorage',
  useRefreshTokens: true,
});

// The client's only registered callback is this page.
if (new URLSearchParams(location.search).has('code')) {
  await auth0.handleRedirectCallback();
  history.replaceState(null, '', location.pathname);
}

const user = await auth0.getUser();
element('session-line').textContent = user ? `Signed in as ${user.name}.` : 'Nobody is signed in.';
element('log-in').hidden = !!user;
element('log-in').addEventListener('click', () => {
  // Logging-in will automatically request the offline_access scope
  // and store the resulting refresh token
  auth0.loginWithRedirect();
});

if (user) {
  // Silently refreshing the access token will use the /token endpoint
  // with 'refresh_token' grant and the refresh token from the cache
  const token = await auth0.getTokenSilently();
  element('token-line').textContent = token ? 'getTokenSilently() gave an access token.' : '';
}
element('seed-example').dataset.ready = 'true';
