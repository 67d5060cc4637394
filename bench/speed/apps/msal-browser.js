import { createStandardPublicClientApplication } from '@azure/msal-browser';
void (async () => {
  const client = await createStandardPublicClientApplication({
    auth: { clientId: 'app', authority: 'https://tenant.example', redirectUri: 'https://app.example' },
    cache: { cacheLocation: 'localStorage' },
  });
  await client.handleRedirectPromise();
  const [account] = client.getAllAccounts();
  const scopes = ['https://api.example/read'];
  if (account) show(account, (await client.acquireTokenSilent({ scopes, account })).accessToken);
  else await client.loginRedirect({ scopes });
  document.onclick = () => client.logoutRedirect({ postLogoutRedirectUri: 'https://app.example' });
  function show(user, token) {
    document.title = user.name + token;
  }
})();
