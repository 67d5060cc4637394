import { describe, expect, it } from '@jest/globals';
import { aTenant, app, claimsOf, configuration, grace, login, userinfo } from './a-tenant.ts';

describe('userinfo', () => {
  it('says who the token speaks for, as far as its scope reaches', async () => {
    const tenant = aTenant();
    const { access_token } = await login(tenant, { scope: 'openid email' });
    const response = await userinfo(tenant, access_token);
    expect(await response.json()).toEqual({
      sub: tenant.journal[0]?.user_id,
      email: 'ada@example.com',
      email_verified: false,
    });
  });

  it('tells the address and the telephone number of who has them, and says the same in the ID token', async () => {
    const address = { locality: 'London', country: 'GB' };
    const phone = { phone_number: '+442071231234', phone_number_verified: true };
    const [user, other] = configuration.users;
    const tenant = aTenant({ users: [{ ...user, address, ...phone }, other] });
    const claimsFor = async (scope: string, email?: string) => {
      const { access_token, id_token } = await login(tenant, { scope }, email);
      const { sub, ...claims } = (await (await userinfo(tenant, access_token)).json()) as { sub: string };
      expect(claimsOf(id_token)).toMatchObject({ sub, ...claims });
      return claims;
    };
    expect(await claimsFor('openid address')).toEqual({ address });
    expect(await claimsFor('openid phone')).toEqual(phone);
    expect(await claimsFor('openid')).toEqual({});
    expect(await claimsFor('openid address phone', grace)).toEqual({});
  });

  it('takes the token from the form of a POST', async () => {
    const tenant = aTenant();
    const { access_token } = await login(tenant);
    const body = new URLSearchParams({ access_token: String(access_token) });
    const response = await tenant.fetch(new Request(`${tenant.baseUrl}/userinfo`, { method: 'POST', body }));
    expect(await response.json()).toMatchObject({
      name: 'Ada Lovelace',
      updated_at: '2026-11-23T12:00:00.000Z',
    });
  });

  it('refuses a token after its hour, by the tenant’s clock', async () => {
    const tenant = aTenant();
    const { access_token } = await login(tenant);
    tenant.clock.advance('3599s');
    expect((await userinfo(tenant, access_token)).status).toBe(200);
    tenant.clock.advance('1s');
    const response = await userinfo(tenant, access_token);
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
  });

  it('refuses what is no token, an ID token, and a token of another tenant', async () => {
    const tenant = aTenant();
    const { id_token } = await login(tenant);
    const foreign = await login(aTenant({ baseUrl: 'http://localhost:9999' }));
    for (const token of ['garbage', id_token, foreign['access_token']])
      expect((await userinfo(tenant, token)).status).toBe(401);
  });

  it('is closed to a token without openid', async () => {
    const tenant = aTenant();
    const { access_token } = await login(tenant, { scope: 'read:things' });
    const response = await userinfo(tenant, access_token);
    expect(response.status).toBe(403);
    expect(response.headers.get('www-authenticate')).toContain('insufficient_scope');
  });

  it('asks for a token where there is none', async () => {
    const tenant = aTenant();
    const response = await tenant.fetch(new Request(`${tenant.baseUrl}/userinfo`));
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
  });
});

describe('discovery', () => {
  it.each(['openid-configuration', 'oauth-authorization-server'])(
    '%s names the issuer and what is there',
    async (name) => {
      const tenant = aTenant();
      const response = await tenant.fetch(
        new Request(`${tenant.baseUrl}/.well-known/${name}`, {
          headers: { origin: 'https://anyone.example' },
        }),
      );
      expect(response.headers.get('access-control-allow-origin')).toBe('*');
      expect(await response.json()).toMatchObject({
        issuer: 'http://localhost:4400/',
        token_endpoint: 'http://localhost:4400/oauth/token',
        code_challenge_methods_supported: ['S256', 'plain'],
      });
    },
  );

  it('shows the public half of the key and nothing else of it', async () => {
    const tenant = aTenant();
    const response = await tenant.fetch(new Request(`${tenant.baseUrl}/.well-known/jwks.json`));
    const { keys } = (await response.json()) as { keys: Record<string, unknown>[] };
    expect(keys.map((key) => Object.keys(key).sort())).toEqual([
      ['alg', 'e', 'kid', 'kty', 'n', 'use', 'x5c', 'x5t'],
    ]);
  });

  it('answers HEAD without a body', async () => {
    const tenant = aTenant();
    const response = await tenant.fetch(
      new Request(`${tenant.baseUrl}/.well-known/openid-configuration`, { method: 'HEAD' }),
    );
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('');
  });
});

describe('cross-origin requests', () => {
  const preflight = (path: string, origin: string) =>
    new Request(`http://localhost:4400${path}`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'auth0-client',
      },
    });

  it('from an origin that a client lists pass the preflight', async () => {
    const tenant = aTenant();
    for (const path of ['/oauth/token', '/oauth/revoke']) {
      const { status, headers } = await tenant.fetch(preflight(path, app));
      expect(status).toBe(204);
      expect(headers.get('access-control-allow-origin')).toBe(app);
      expect(headers.get('access-control-allow-headers')).toBe('auth0-client');
      expect(headers.get('access-control-allow-methods')).toContain('POST');
      expect(headers.get('vary')).toContain('Origin');
    }
  });

  it('from any other origin do not', async () => {
    const tenant = aTenant();
    const { status, headers } = await tenant.fetch(preflight('/oauth/token', 'https://evil.example'));
    expect(status).toBe(403);
    expect(headers.get('access-control-allow-origin')).toBeNull();
    expect(tenant.journal.at(-1)).toMatchObject({ type: 'fco', details: { origin: 'https://evil.example' } });
  });

  const post = (tenant: ReturnType<typeof aTenant>, origin: string, refresh_token: unknown) =>
    tenant.fetch(
      new Request(`${tenant.baseUrl}/oauth/token`, {
        method: 'POST',
        headers: { origin },
        body: new URLSearchParams({
          grant_type: 'refresh_token',
          client_id: 'spa',
          refresh_token: String(refresh_token),
        }),
      }),
    );

  it('can read answers and refusals alike', async () => {
    const tenant = aTenant();
    const { refresh_token } = await login(tenant);
    for (const status of [200, 403]) {
      const response = await post(tenant, app, refresh_token);
      expect(response.status).toBe(status);
      expect(response.headers.get('access-control-allow-origin')).toBe(app);
    }
  });

  it('may come from the origins of the callbacks', async () => {
    const tenant = aTenant({ clients: [{ client_id: 'spa', callbacks: [`${app}/callback`] }] });
    expect((await post(tenant, app, 'x')).headers.get('access-control-allow-origin')).toBe(app);
  });

  it.each([
    ['an origin nobody lists', 'https://evil.example'],
    ['an origin of another client', 'https://other.example'],
    ['no origin in particular', 'null'],
  ])('from %s are refused before the token is spent', async (_, origin) => {
    const tenant = aTenant();
    const { refresh_token } = await login(tenant);
    const response = await post(tenant, origin, refresh_token);
    expect(response.status).toBe(403);
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
    expect(tenant.journal.at(-1)?.type).toBe('fco');
    expect((await post(tenant, app, refresh_token)).status).toBe(200);
  });

  it('of the tenant’s own pages are no such thing', async () => {
    const tenant = aTenant();
    const { refresh_token } = await login(tenant);
    expect((await post(tenant, tenant.baseUrl, refresh_token)).status).toBe(200);
  });
});
