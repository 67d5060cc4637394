/** The user to sign in with. */
export const playgroundUser = { email: 'ada@example.com', password: 'correct horse', name: 'Ada Lovelace' };

const audience = 'https://api.example';

/** Where development servers listen by default. */
const ownApps = [5173, 8080, 4200].map((port) => `http://localhost:${port}`);

const grantTypes = ['authorization_code', 'refresh_token'];

/**
 * The options of a tenant for the playground: what `createTenant` takes.
 * @param {{ tenantUrl: string, playgroundUrl: string }} addresses origins without a slash at the end
 */
export function playgroundTenant({ tenantUrl, playgroundUrl }) {
  const refreshToken = { rotation_type: 'rotating', expiration_type: 'expiring', leeway: 0 };
  const spa = {
    app_type: 'spa',
    web_origins: [playgroundUrl],
    allowed_logout_urls: [playgroundUrl],
    grant_types: grantTypes,
    refresh_token: refreshToken,
  };
  return {
    baseUrl: tenantUrl,
    clients: [
      { ...spa, client_id: 'playground', name: 'Playground', callbacks: [playgroundUrl] },
      {
        ...spa,
        client_id: 'seed-example',
        name: "The documentation's example",
        // Its only callback: where a login without a redirect_uri returns to.
        callbacks: [`${playgroundUrl}/seed-example.html`],
      },
      {
        ...spa,
        client_id: 'spa',
        name: 'An app of your own',
        callbacks: ownApps.flatMap((origin) => [origin, `${origin}/popup.html`]),
        web_origins: ownApps,
        allowed_logout_urls: ownApps,
      },
    ],
    resource_servers: [
      {
        identifier: audience,
        name: 'Things',
        scopes: [{ value: 'read:things', description: 'Read your things' }],
        allow_offline_access: true,
        token_lifetime: 3600,
      },
    ],
    users: [playgroundUser],
  };
}

/** What the playground's pages need to know: `/settings.js`. */
export function playgroundSettings({ tenantUrl, developmentToken }) {
  return {
    tenantUrl,
    clientId: 'playground',
    seedExampleClientId: 'seed-example',
    audience,
    scope: 'openid profile email read:things',
    developmentToken,
    user: playgroundUser,
  };
}
