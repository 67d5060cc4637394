// The tenant, as it is published.
import { createTenant } from '../../dist/tenant.js';
import { serve } from '../../dist/tenant-node.js';
import { serveParent } from './contender.mjs';

const app = 'http://localhost:3000';
const audience = 'https://api.example';
const user = { email: 'ada@example.com', password: 'correct horse' };
/** Whose tokens are refreshed: of more than 200 of one user the oldest end, and many logins are measured, too. */
const refreshing = { email: 'grace@example.com', password: 'battery staple' };
const tenant = createTenant({
  clients: [
    {
      client_id: 'spa',
      callbacks: [app],
      refresh_token: { rotation_type: 'rotating', expiration_type: 'expiring' },
    },
  ],
  resource_servers: [{ identifier: audience, allow_offline_access: true, token_lifetime: 3600 }],
  users: [user, refreshing],
});
const { url } = await serve(tenant, { port: 0 });

serveParent(url, async (count) => {
  const tokens = [];
  for (let index = 0; index < count; index++) tokens.push(await refreshToken());
  return {
    path: '/oauth/token',
    form: { client_id: 'spa', grant_type: 'refresh_token' },
    tokens,
    login: { client_id: 'spa', redirect_uri: app, audience, scope: 'openid offline_access', ...user },
  };
});

async function refreshToken() {
  const { cookie } = tenant.signIn(refreshing.email, { client_id: 'spa' });
  const verifier = 'x'.repeat(43);
  const query = new URLSearchParams({
    client_id: 'spa',
    response_type: 'code',
    redirect_uri: app,
    audience,
    scope: 'openid offline_access',
    code_challenge: verifier,
    code_challenge_method: 'plain',
  });
  const back = await tenant.fetch(
    new Request(`${tenant.baseUrl}/authorize?${query}`, { headers: { cookie } }),
  );
  const code = new URL(back.headers.get('location')).searchParams.get('code');
  const body = new URLSearchParams({
    client_id: 'spa',
    grant_type: 'authorization_code',
    code,
    code_verifier: verifier,
    redirect_uri: app,
  });
  const answer = await tenant.fetch(new Request(`${tenant.baseUrl}/oauth/token`, { method: 'POST', body }));
  return (await answer.json()).refresh_token;
}
