import { describe, expect, it } from '@jest/globals';
import { TenantConfigurationError, type Tenant } from '../../src/tenant/index.ts';
import { app, aTenant, grace, login, postToken, refresh, userinfo } from './a-tenant.ts';

const get = (tenant: Tenant, path: string, headers: HeadersInit = {}) =>
  tenant.fetch(new Request(tenant.baseUrl + path, { headers, redirect: 'manual' }));

const rates = ({ headers }: { readonly headers: Headers }) =>
  ['limit', 'remaining', 'reset'].map((name) => {
    const value = headers.get(`x-ratelimit-${name}`);
    return value === null ? null : Number(value);
  });

/** How many of these requests in a row are let through. */
async function countUntilRefused(ask: () => Promise<{ readonly status: number }>): Promise<number> {
  for (let count = 0; count < 5000; count += 1) if ((await ask()).status === 429) return count;
  throw new Error('nothing was refused');
}

const tooMany = {
  error: 'too_many_requests',
  error_description:
    'Too many requests. Check the X-RateLimit-Limit, X-RateLimit-Remaining and X-RateLimit-Reset headers.',
};

describe('rate_limits', () => {
  it('are none by default, and then there are no headers of them', async () => {
    const tenant = aTenant();
    for (let count = 0; count < 400; count += 1)
      expect((await get(tenant, '/.well-known/jwks.json')).status).toBe(200);
    expect(rates(await get(tenant, '/.well-known/jwks.json'))).toEqual([null, null, null]);
  });

  it('U32: answer 429 and leave the refresh token as it was', async () => {
    const tenant = aTenant({ rate_limits: 'free' });
    const { refresh_token } = await login(tenant);
    await countUntilRefused(() => refresh(tenant, 'guessed'));
    const before = tenant.family(tenant.families()[0]?.familyId ?? '');
    const refused = await refresh(tenant, refresh_token);
    expect(refused).toMatchObject({ status: 429, body: tooMany });
    expect(tenant.family(before?.familyId ?? '')).toEqual(before);
    expect(tenant.journal.at(-1)).toMatchObject({ type: 'api_limit', decision: 'refuse' });
    tenant.clock.advance('1s');
    expect(await refresh(tenant, refresh_token)).toMatchObject({ status: 200 });
  });

  it('H1: say in headers how many there may be, how many are left, and when there is one more', async () => {
    const tenant = aTenant({ rate_limits: 'free' });
    const now = tenant.clock.now() / 1000;
    const ask = () => postToken(tenant, { client_id: 'spa' });
    expect(rates(await ask())).toEqual([30, 29, now + 1]);
    expect(rates(await ask())).toEqual([30, 28, now + 1]);
    expect(await countUntilRefused(ask)).toBe(28);
    expect(rates(await ask())).toEqual([30, 0, now + 1]);
    tenant.clock.advance('100ms');
    expect(await countUntilRefused(ask)).toBe(3);
    tenant.clock.advance('1h');
    expect(rates(await ask())).toEqual([30, 29, now + 3601]);
  });

  it.each([
    ['free', '/.well-known/jwks.json', 20],
    ['free', '/authorize', 300],
    ['free', '/api/v2/clients', 10],
    ['prod', '/.well-known/jwks.json', 200],
    ['prod', '/api/v2/clients', 100],
    ['prod', '/userinfo', 10],
  ] as const)('%s: let through at once, of %s, %d', async (rate_limits, path, burst) => {
    const tenant = aTenant({ rate_limits });
    expect(await countUntilRefused(() => get(tenant, path))).toBe(burst);
    expect((await get(tenant, '/.well-known/openid-configuration')).status).toBe(
      path === '/authorize' ? 429 : 200,
    );
  });

  it('count each user’s calls of /userinfo apart, five more a minute', async () => {
    const tenant = aTenant({ rate_limits: 'free' });
    const { access_token } = await login(tenant);
    const other = (await login(tenant, {}, grace))['access_token'];
    const now = tenant.clock.now() / 1000;
    expect(rates(await userinfo(tenant, access_token))).toEqual([10, 9, now + 12]);
    expect(await countUntilRefused(() => userinfo(tenant, access_token))).toBe(9);
    expect((await userinfo(tenant, other)).status).toBe(200);
    tenant.clock.advance('11s');
    expect((await userinfo(tenant, access_token)).status).toBe(429);
    tenant.clock.advance('1s');
    expect((await userinfo(tenant, access_token)).status).toBe(200);
  });

  it('refuse in the words of the Management API there', async () => {
    const tenant = aTenant({ rate_limits: 'free' });
    await countUntilRefused(() => get(tenant, '/api/v2/users/secret'));
    expect(await (await get(tenant, '/api/v2/users/secret')).json()).toEqual({
      statusCode: 429,
      error: 'Too Many Requests',
      message: 'Global limit has been reached',
      errorCode: 'too_many_requests',
    });
    expect(JSON.stringify(tenant.journal)).not.toContain('secret');
  });

  it.each(['/oauth/token', '/.well-known/jwks.json'])('let a page read the refusal of %s', async (path) => {
    const tenant = aTenant({ rate_limits: 'free' });
    const ask = () => get(tenant, path, { origin: app });
    await countUntilRefused(ask);
    const { headers } = await ask();
    expect([app, '*']).toContain(headers.get('access-control-allow-origin'));
    expect(headers.get('access-control-expose-headers')).toContain('X-RateLimit-Reset');
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it('do not hold the tenant’s own controls', async () => {
    const tenant = aTenant({ rate_limits: 'free' });
    await countUntilRefused(() => get(tenant, '/authorize'));
    expect((await get(tenant, '/__tenant/clock')).status).toBe(200);
    expect((await get(tenant, '/')).status).toBe(200);
  });

  it('go on after a snapshot, and buckets that are full are not kept', async () => {
    const tenant = aTenant({ rate_limits: 'free' });
    await countUntilRefused(() => get(tenant, '/.well-known/jwks.json'));
    const other = aTenant({ rate_limits: 'free' });
    other.restore(tenant.snapshot());
    expect((await get(other, '/.well-known/jwks.json')).status).toBe(429);
    other.clock.advance('1h');
    await get(other, '/authorize');
    const { state } = other.snapshot().remembered as { state: Record<string, [string, number][]> };
    expect(state['rateLimits']?.map(([family]) => family)).toEqual(['authentication']);
  });

  it('shut nobody out for longer when the clock is turned back', async () => {
    const tenant = aTenant({ rate_limits: 'free' });
    await countUntilRefused(() => get(tenant, '/.well-known/jwks.json'));
    tenant.clock.set(tenant.clock.now() - 86_400_000);
    await get(tenant, '/.well-known/jwks.json');
    tenant.clock.advance('1s');
    expect((await get(tenant, '/.well-known/jwks.json')).status).toBe(200);
  });

  it('are one of three', () => {
    expect(() => aTenant({ rate_limits: 'some' as 'free' })).toThrow(TenantConfigurationError);
  });
});
