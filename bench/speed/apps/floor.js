import { openFloor } from '../../floor/floor.js';
void (async () => {
  const client = openFloor({
    domain: 'https://tenant.example',
    clientId: 'app',
    redirectUri: 'https://app.example',
    audience: 'https://api.example',
    scope: 'openid profile email offline_access',
    storage: localStorage,
  });
  if (new URLSearchParams(location.search).has('code')) await client.callback();
  const token = await client.token();
  if (token) show(client.user(), token);
  else await client.login();
  document.onclick = () => client.logout('https://app.example');
  function show(user, token) {
    document.title = user.name + token;
  }
})();
