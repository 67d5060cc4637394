/**
 * A tenant for the playground and, beside it, for an app of one's own: what `createTenant` takes.
 * @param {typeof import('../src/tenant-node/index.ts').exampleConfiguration} example
 * @param {{ tenantUrl: string, playgroundUrl: string }} addresses origins without a slash at the end
 */
export function playgroundTenant(example, { tenantUrl, playgroundUrl }) {
  const [app] = example.clients;
  const page = { ...app, web_origins: [playgroundUrl], allowed_logout_urls: [playgroundUrl] };
  return {
    ...example,
    baseUrl: tenantUrl,
    clients: [
      { ...page, client_id: 'playground', name: 'Playground', callbacks: [playgroundUrl] },
      {
        ...page,
        client_id: 'seed-example',
        name: "The documentation's example",
        // Its only callback: where a login without a redirect_uri returns to.
        callbacks: [`${playgroundUrl}/seed-example.html`],
      },
      app,
    ],
  };
}

/**
 * What the playground's pages need to know: `/settings.js`.
 * @param {typeof import('../src/tenant-node/index.ts').exampleConfiguration} example
 * @param {{ tenantUrl: string, developmentToken: string }} tenant
 */
export function playgroundSettings(example, { tenantUrl, developmentToken }) {
  const [{ identifier: audience }] = example.resource_servers;
  const [user] = example.users;
  return {
    tenantUrl,
    clientId: 'playground',
    seedExampleClientId: 'seed-example',
    audience,
    scope: 'openid profile email read:things',
    developmentToken,
    user,
  };
}
