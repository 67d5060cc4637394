import { describe, expect, it } from '@jest/globals';
import { aManagedTenant, call, invalidBody, managerOf } from './a-manager.ts';
import { aCode, api, claimsOf, codeGrant, login, postToken, refresh, refusedAsUnknown } from './a-tenant.ts';

const shop = 'https://shop.example/';
const management = 'http://localhost:4400/api/v2/';

describe('resource servers of the Management API', () => {
  it('are made, read by id and by identifier, changed and deleted by the auth0 package', async () => {
    const tenant = aManagedTenant();
    const { resourceServers } = managerOf(tenant);
    const made = await resourceServers.create({
      identifier: shop,
      name: 'Shop',
      scopes: [{ value: 'buy', description: 'Buy things' }],
    });
    expect(made).toEqual({
      id: expect.any(String),
      identifier: shop,
      name: 'Shop',
      scopes: [{ value: 'buy', description: 'Buy things' }],
      allow_offline_access: false,
      token_lifetime: 86_400,
      proof_of_possession: null,
      signing_alg: 'RS256',
      is_system: false,
    });
    const id = made.id ?? '';
    expect(await resourceServers.get(id)).toEqual(made);
    expect(await resourceServers.get(shop)).toEqual(made);
    expect(await resourceServers.update(id, { token_lifetime: 60 })).toEqual({ ...made, token_lifetime: 60 });
    const identifiers = [];
    for await (const { identifier } of await resourceServers.list()) identifiers.push(identifier);
    expect(identifiers).toEqual([management, api, 'https://online.example', shop]);
    await resourceServers.delete(shop);
    await resourceServers.delete(shop);
    await expect(resourceServers.get(id)).rejects.toMatchObject({
      statusCode: 404,
      body: { errorCode: 'inexistent_resource_server' },
    });
  });

  it('are asked for, with their scopes and lifetimes, from then on', async () => {
    const tenant = aManagedTenant();
    const { resourceServers } = managerOf(tenant);
    const { id = '' } = await resourceServers.create({
      identifier: shop,
      scopes: [{ value: 'buy' }],
      allow_offline_access: true,
      token_lifetime: 60,
    });
    const scope = 'openid offline_access buy sell';
    const held = await login(tenant, { audience: shop, scope });
    expect(held).toMatchObject({ scope: 'openid offline_access buy', expires_in: 60 });
    await resourceServers.update(id, { allow_offline_access: false, scopes: [{ value: 'sell' }] });
    expect(claimsOf((await login(tenant, { audience: shop, scope }))['access_token'])).toMatchObject({
      aud: [shop, `${tenant.baseUrl}/userinfo`],
      scope: 'openid sell',
    });
    expect(tenant.families()).toHaveLength(1);
  });

  it('take with them what was granted for them', async () => {
    const tenant = aManagedTenant();
    const { refresh_token } = await login(tenant);
    const { resourceServers, clientGrants } = managerOf(tenant);
    const { id = '' } = await clientGrants.create({ client_id: 'server', audience: api, scope: [] });
    await resourceServers.delete(api);
    expect(await refresh(tenant, refresh_token)).toMatchObject(refusedAsUnknown);
    expect(tenant.families()).toMatchObject([{ endedBecause: 'grant' }]);
    await expect(clientGrants.get(id)).rejects.toMatchObject({ statusCode: 404 });
  });

  it('take with them the codes that nobody has fetched the tokens for', async () => {
    const tenant = aManagedTenant();
    const code = await aCode(tenant);
    await managerOf(tenant).resourceServers.delete(api);
    expect(await postToken(tenant, codeGrant(code))).toMatchObject({
      status: 403,
      body: { error: 'access_denied', error_description: `Service not found: ${api}` },
    });
  });

  it('list the Management API, which nobody changes', async () => {
    const tenant = aManagedTenant();
    const id = encodeURIComponent('https://localhost:4400/api/v2/');
    expect((await call(tenant, `GET /resource-servers/${id}`)).body).toMatchObject({
      identifier: management,
      is_system: true,
      scopes: expect.arrayContaining([{ value: 'update:clients' }]),
    });
    for (const route of [`PATCH /resource-servers/${id}`, `DELETE /resource-servers/${id}`])
      expect(await call(tenant, route, { body: {} })).toMatchObject({
        status: 400,
        body: { message: 'System entities cannot be modified.' },
      });
  });

  it.each([api, management, 'https://localhost:4400/api/v2/'])(
    'have an identifier of their own: %s is taken',
    async (identifier) => {
      expect(await call(aManagedTenant(), 'POST /resource-servers', { body: { identifier } })).toMatchObject({
        status: 409,
        body: { error: 'Conflict' },
      });
    },
  );

  it.each([
    ['POST /resource-servers', {}, 'Missing required property: identifier'],
    ['POST /resource-servers', { identifier: shop, signing_alg: 'HS256' }, 'No enum match for: HS256'],
    [
      'POST /resource-servers',
      { identifier: shop, token_lifetime: 2_592_001 },
      'Value 2592001 is greater than maximum 2592000',
    ],
    ['POST /resource-servers', { identifier: shop, scopes: [{ value: 'a b' }] }, 'expected one scope name'],
    [
      `PATCH /resource-servers/${encodeURIComponent(api)}`,
      { identifier: shop },
      'Additional properties not allowed: identifier',
    ],
  ])('are refused by %s for %j', async (route, body, message) => {
    expect(await call(aManagedTenant(), route, { body })).toMatchObject(invalidBody(message));
  });
});

describe('client grants of the Management API', () => {
  it('decide what a client gets for itself, as soon as they change', async () => {
    const tenant = aManagedTenant();
    const { clientGrants, clients } = managerOf(tenant);
    const made = await clients.create({ name: 'Robot', app_type: 'non_interactive' });
    const client_id = made.client_id ?? '';
    const { client_secret } = await clients.get(client_id);
    const ask = () =>
      postToken(tenant, {
        grant_type: 'client_credentials',
        client_id,
        client_secret: client_secret ?? '',
        audience: api,
      });
    expect(await ask()).toMatchObject({ status: 403 });
    const grant = await clientGrants.create({ client_id, audience: api, scope: ['read:things'] });
    expect(grant).toEqual({
      id: expect.stringMatching(/^cgr_[a-z0-9]{16}$/),
      client_id,
      audience: api,
      scope: ['read:things'],
    });
    const id = grant.id ?? '';
    expect(await ask()).toMatchObject({ status: 200, body: { scope: 'read:things' } });
    expect(await clientGrants.update(id, { scope: ['write:things'] })).toMatchObject({
      audience: api,
      scope: ['write:things'],
    });
    expect(await ask()).toMatchObject({ body: { scope: 'write:things' } });
    await clientGrants.delete(id);
    await clientGrants.delete(id);
    expect(await ask()).toMatchObject({ status: 403 });
  });

  it('are listed by client and by audience, in either spelling of that of the Management API', async () => {
    const tenant = aManagedTenant();
    const { clientGrants } = managerOf(tenant);
    await clientGrants.create({ client_id: 'machine', audience: api, scope: [] });
    const audiencesOf = async (query: { client_id?: string; audience?: string }) => {
      const found = [];
      for await (const { audience } of await clientGrants.list(query)) found.push(audience);
      return found;
    };
    expect(await audiencesOf({})).toEqual([management, api]);
    expect(await audiencesOf({ audience: 'https://localhost:4400/api/v2/' })).toEqual([management]);
    expect(await audiencesOf({ client_id: 'spa' })).toEqual([]);
  });

  it('go with their client', async () => {
    const tenant = aManagedTenant();
    const { clientGrants, clients } = managerOf(tenant);
    const { id = '' } = await clientGrants.create({ client_id: 'server', audience: api, scope: [] });
    await clients.delete('server');
    await expect(clientGrants.get(id)).rejects.toMatchObject({
      statusCode: 404,
      body: { errorCode: 'inexistent_client_grant' },
    });
  });

  it.each([
    [404, 'inexistent_client', { client_id: 'nobody', audience: api, scope: [] }],
    [404, 'inexistent_resource_server', { client_id: 'spa', audience: 'https://x', scope: [] }],
    [409, undefined, { client_id: 'machine', audience: 'https://localhost:4400/api/v2/', scope: [] }],
    [400, 'invalid_body', { client_id: 'spa', audience: api }],
  ])('are answered with %d %s for %j', async (status, errorCode, body) => {
    const answer = await call(aManagedTenant(), 'POST /client-grants', { body });
    expect(answer.status).toBe(status);
    if (errorCode !== undefined) expect(answer.body).toMatchObject({ errorCode });
  });
});
