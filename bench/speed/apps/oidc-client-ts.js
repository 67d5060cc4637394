import { UserManager, WebStorageStateStore } from 'oidc-client-ts';
void (async () => {
  const manager = new UserManager({
    authority: 'https://tenant.example',
    client_id: 'app',
    redirect_uri: 'https://app.example',
    post_logout_redirect_uri: 'https://app.example',
    scope: 'openid profile email offline_access',
    extraQueryParams: { audience: 'https://api.example' },
    userStore: new WebStorageStateStore({ store: localStorage }),
  });
  if (new URLSearchParams(location.search).has('code')) await manager.signinRedirectCallback();
  let user = await manager.getUser();
  if (user?.expired) user = await manager.signinSilent();
  if (user) show(user.profile, user.access_token);
  else await manager.signinRedirect();
  document.onclick = () => manager.signoutRedirect();
  function show(user, token) {
    document.title = user.name + token;
  }
})();
