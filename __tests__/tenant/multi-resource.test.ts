import { describe, expect, it } from '@jest/globals';
import { aTenant, api, claimsOf, configuration, everyScope, login, refresh, rotating } from './a-tenant.ts';

const orders = 'https://orders.example';
const policies = [
  { audience: orders, scope: ['read:orders', 'write:orders', 'no:such'] },
  { audience: api, scope: ['write:things'] },
  { audience: 'https://nowhere.example', scope: ['x'] },
];

/** One token for several APIs. */
function aMultiResourceTenant() {
  const [first, online] = configuration.resource_servers;
  const tenant = aTenant({
    resource_servers: [
      { ...first, scopes: [...first.scopes, { value: 'write:things' }] },
      online,
      { identifier: orders, scopes: [{ value: 'read:orders' }, { value: 'write:orders' }] },
    ],
  });
  tenant.updateClient('spa', { refresh_token: { ...rotating, policies } });
  return tenant;
}

describe('a refresh token for many resources', () => {
  it('is exchanged for another audience, with what the policy and the API allow', async () => {
    const tenant = aMultiResourceTenant();
    const { refresh_token } = await login(tenant);
    const { status, body } = await refresh(tenant, refresh_token, { audience: orders });
    expect(status).toBe(200);
    expect(body['scope']).toBe('openid profile email offline_access read:orders write:orders');
    expect(claimsOf(body['access_token'])['aud']).toContain(orders);
    expect(tenant.journal.at(-1)).toMatchObject({
      type: 'sertft',
      details: { requested_audience: orders, policy_used: 'mrrt', tokenCounter: 1, latestCounter: 2 },
    });
  });

  it('gives the scopes that were asked for, as far as they are allowed', async () => {
    const tenant = aMultiResourceTenant();
    const { refresh_token } = await login(tenant);
    const scope = 'openid read:orders read:things no:such';
    const { body } = await refresh(tenant, refresh_token, { audience: orders, scope });
    expect(body['scope']).toBe('openid read:orders');
  });

  it('gives the scopes of OpenID Connect where nothing else that was asked for is allowed', async () => {
    const tenant = aMultiResourceTenant();
    const { refresh_token } = await login(tenant);
    const { body } = await refresh(tenant, refresh_token, { audience: orders, scope: 'no:such' });
    expect(body['scope']).toBe('openid profile email offline_access');
  });

  it.each<Record<string, string>>([{}, { audience: api }])(
    'goes on serving its own audience, widened by the policy: %j',
    async (asked) => {
      const tenant = aMultiResourceTenant();
      const { refresh_token } = await login(tenant);
      const { body } = await refresh(tenant, refresh_token, asked);
      expect(body['scope']).toBe(`${everyScope} write:things`);
      expect(tenant.families()[0]).toMatchObject({ audience: api, scope: everyScope });
    },
  );

  it('serves one audience after another, each time with the successor', async () => {
    const tenant = aMultiResourceTenant();
    let { refresh_token } = await login(tenant);
    for (const audience of [orders, api, orders]) {
      const { status, body } = await refresh(tenant, refresh_token, { audience });
      expect(status).toBe(200);
      ({ refresh_token } = body);
    }
    expect(tenant.families()).toMatchObject([{ latestCounter: 4, verdict: 'live' }]);
  });

  it.each(['https://nowhere.example', 'https://online.example'])(
    'is not consumed for an audience that is not covered: %s',
    async (audience) => {
      const tenant = aMultiResourceTenant();
      const { refresh_token } = await login(tenant);
      expect(await refresh(tenant, refresh_token, { audience })).toMatchObject({
        status: 403,
        body: { error: 'access_denied', error_description: `Service not found: ${audience}` },
      });
      expect(await refresh(tenant, refresh_token)).toMatchObject({ status: 200 });
    },
  );

  it('is for its own audience alone where the client has no policies: another one is ignored', async () => {
    const tenant = aTenant();
    const { refresh_token } = await login(tenant);
    const { body } = await refresh(tenant, refresh_token, { audience: orders });
    expect(claimsOf(body['access_token'])['aud']).toContain(api);
  });

  it.each([
    [{ audience: '', scope: [] }, 'refresh_token.policies[0].audience'],
    [{ audience: api, scope: 'read' }, 'refresh_token.policies[0].scope'],
    [{ audience: api, scope: [], more: 1 }, 'refresh_token.policies[0].more'],
  ])('has policies that are checked: %j', (policy, field) => {
    const tenant = aTenant();
    const settings = { refresh_token: { ...rotating, policies: [policy] as never } };
    expect(() => tenant.updateClient('spa', settings)).toThrow(expect.objectContaining({ field }));
  });
});
