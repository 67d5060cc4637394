import type { TenantConfiguration } from '../tenant/index.ts';

/** Where development servers listen by default. */
const apps = [3000, 4200, 5173, 8080].map((port) => `http://localhost:${port}`);

/** One of each: an app of yours, an API and someone to sign in. What `latchkey tenant` serves without a file. */
export const exampleConfiguration = {
  clients: [
    {
      client_id: 'spa',
      name: 'An app of your own',
      app_type: 'spa',
      callbacks: apps.flatMap((origin) => [origin, `${origin}/popup.html`]),
      web_origins: apps,
      allowed_logout_urls: apps,
      refresh_token: { rotation_type: 'rotating', expiration_type: 'expiring', leeway: 0 },
    },
  ],
  resource_servers: [
    {
      identifier: 'https://api.example',
      name: 'Things',
      scopes: [{ value: 'read:things', description: 'Read your things' }],
      allow_offline_access: true,
      token_lifetime: 3600,
    },
  ],
  users: [{ email: 'ada@example.com', password: 'correct horse', name: 'Ada Lovelace' }],
} as const satisfies TenantConfiguration;
