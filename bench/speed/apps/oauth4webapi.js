// The steps of the protocol, as the library gives them; storing, tabs and renewal are the app's own, and are not here.
import * as oauth from 'oauth4webapi';
void (async () => {
  const issuer = new URL('https://tenant.example/');
  const client = { client_id: 'app' };
  const redirectUri = 'https://app.example';
  const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer));
  const kept = JSON.parse(sessionStorage.getItem('login'));
  if (new URLSearchParams(location.search).has('code')) {
    const parameters = oauth.validateAuthResponse(server, client, new URL(location.href), kept.state);
    const answer = await oauth.authorizationCodeGrantRequest(
      server,
      client,
      oauth.None(),
      parameters,
      redirectUri,
      kept.verifier,
    );
    const tokens = await oauth.processAuthorizationCodeResponse(server, client, answer, {
      requireIdToken: true,
    });
    localStorage.setItem(
      'tokens',
      JSON.stringify({ ...tokens, user: oauth.getValidatedIdTokenClaims(tokens) }),
    );
  }
  let tokens = JSON.parse(localStorage.getItem('tokens'));
  if (tokens) {
    const answer = await oauth.refreshTokenGrantRequest(server, client, oauth.None(), tokens.refresh_token);
    tokens = { ...tokens, ...(await oauth.processRefreshTokenResponse(server, client, answer)) };
    localStorage.setItem('tokens', JSON.stringify(tokens));
    show(tokens.user, tokens.access_token);
  } else {
    const [state, verifier] = [oauth.generateRandomState(), oauth.generateRandomCodeVerifier()];
    sessionStorage.setItem('login', JSON.stringify({ state, verifier }));
    const query = new URLSearchParams({
      client_id: 'app',
      response_type: 'code',
      redirect_uri: redirectUri,
      audience: 'https://api.example',
      scope: 'openid profile email offline_access',
      state,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    });
    location.assign(`${server.authorization_endpoint}?${query}`);
  }
  document.onclick = () => {
    localStorage.removeItem('tokens');
    location.assign(`${server.end_session_endpoint}?${new URLSearchParams({ client_id: 'app' })}`);
  };
  function show(user, token) {
    document.title = user.name + token;
  }
})();
