import { describe, expect, it } from '@jest/globals';
import { createTenant, TenantConfigurationError, type TenantConfiguration } from '../../src/tenant/index.ts';
import { tenantBrowser } from '../support/tenant-browser.ts';
import {
  aTenant,
  aTenantWithLeeway,
  authorizeUrl,
  configuration,
  login,
  refresh,
  rotating,
} from './a-tenant.ts';

const [client, user] = [configuration.clients[0], configuration.users[0]];

function failureOf(task: () => unknown): TenantConfigurationError {
  try {
    task();
  } catch (error) {
    if (error instanceof TenantConfigurationError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('a configuration', () => {
  it.each<[string, unknown]>([
    ['clients', { users: [] }],
    ['users', { clients: [] }],
    ['baseUrl', { ...configuration, baseUrl: 'localhost:4400' }],
    ['baseUrl', { ...configuration, baseUrl: 'http://localhost:4400/path' }],
    ['seed', { ...configuration, seed: 7 }],
    ['client', { ...configuration, client: [] }],
    ['quirks.forks', { ...configuration, quirks: { forks: 'none' } }],
    ['quirks.openerPolicy', { ...configuration, quirks: { openerPolicy: 'none' } }],
    ['clients[0].client_id', { ...configuration, clients: [{}] }],
    ['clients[0].callback', { ...configuration, clients: [{ ...client, callback: [] }] }],
    ['clients[0].callbacks[0]', { ...configuration, clients: [{ ...client, callbacks: ['/callback'] }] }],
    [
      'clients[0].callbacks[0]',
      { ...configuration, clients: [{ ...client, callbacks: ['javascript:alert(1)'] }] },
    ],
    [
      'clients[0].callbacks[0]',
      { ...configuration, clients: [{ ...client, callbacks: ['https://a.*.example'] }] },
    ],
    [
      'clients[0].web_origins[0]',
      { ...configuration, clients: [{ ...client, web_origins: ['http://a/b'] }] },
    ],
    ['clients[0].client_secret', { ...configuration, clients: [{ ...client, app_type: 'regular_web' }] }],
    ['clients[1].client_id', { ...configuration, clients: [client, client] }],
    [
      'resource_servers[0].token_lifetime',
      { ...configuration, resource_servers: [{ identifier: 'a', token_lifetime: 0.5 }] },
    ],
    ['users[0].password', { ...configuration, users: [{ email: 'a@b' }] }],
    ['users[0].phone_number', { ...configuration, users: [{ ...user, phone_number: 44 }] }],
    [
      'users[0].phone_number_verified',
      { ...configuration, users: [{ ...user, phone_number_verified: 'no' }] },
    ],
    ['users[0].address', { ...configuration, users: [{ ...user, address: 'London' }] }],
    ['users[0].address.city', { ...configuration, users: [{ ...user, address: { city: 'London' } }] }],
    ['users[0].address.locality', { ...configuration, users: [{ ...user, address: { locality: '' } }] }],
    ['users[1].email', { ...configuration, users: [user, { ...user, email: 'ADA@example.com' }] }],
  ])('is refused with the name of the field: %s', (field, source) => {
    const error = failureOf(() => createTenant(source as TenantConfiguration));
    expect(error.field).toBe(field);
    expect(error.message).toContain(field);
  });

  it('is refused without telling the password', () => {
    const error = failureOf(() =>
      createTenant({ ...configuration, users: [{ ...user, password: 12345 as unknown as string }] }),
    );
    expect(error.message).not.toContain('12345');
  });

  it('is refused in production, with the reason', () => {
    const before = process.env['NODE_ENV'];
    process.env['NODE_ENV'] = 'production';
    try {
      const error = failureOf(() => createTenant(configuration));
      expect(error.message).toContain('published keys');
    } finally {
      process.env['NODE_ENV'] = before;
    }
  });

  it('says where the tenant is', () => {
    expect(createTenant({ clients: [], users: [] })).toMatchObject({
      baseUrl: 'http://localhost:4400',
      issuer: 'http://localhost:4400/',
    });
    expect(aTenant({ baseUrl: 'https://login.test/' }).issuer).toBe('https://login.test/');
  });
});

describe('rotation settings', () => {
  const change = (refresh_token: unknown) =>
    aTenant().updateClient('spa', { refresh_token: refresh_token as typeof rotating });

  it('are filled in with thirty days (R26, U12)', () => {
    expect(change(rotating)).toEqual({
      ...rotating,
      policies: [],
      leeway: 0,
      token_lifetime: 2_592_000,
      idle_token_lifetime: 2_592_000,
      infinite_token_lifetime: false,
      infinite_idle_token_lifetime: false,
    });
  });

  it('are replaced, not merged (R22), and fall back to the defaults', () => {
    const tenant = aTenantWithLeeway(9);
    expect(tenant.updateClient('spa', { refresh_token: rotating }).leeway).toBe(0);
    expect(tenant.updateClient('spa', { refresh_token: null })).toMatchObject({
      rotation_type: 'non-rotating',
      infinite_token_lifetime: true,
    });
  });

  it.each([
    [{ ...rotating, token_lifetime: 7_776_000 }],
    [{ ...rotating, token_lifetime: 157_788_000, leeway: 60 }],
    [{ ...rotating, token_lifetime: 60 }],
    [{ ...rotating, infinite_token_lifetime: true }],
    [{ rotation_type: 'non-rotating', expiration_type: 'non-expiring' }],
  ])('may be %j', (settings) => {
    expect(change(settings)).toMatchObject(settings);
  });

  it.each([
    ['token_lifetime', { ...rotating, token_lifetime: '2592000' }],
    ['token_lifetime', { ...rotating, token_lifetime: 157_788_001 }],
    ['token_lifetime', { ...rotating, token_lifetime: 0 }],
    ['leeway', { ...rotating, leeway: -1 }],
    ['leeway', { ...rotating, leeway: 1.5 }],
    ['leeway', { ...rotating, leeway: null }],
    ['expiration_type', { rotation_type: 'rotating' }],
    ['expiration_type', { rotation_type: 'rotating', expiration_type: 'non-expiring' }],
    ['idle_token_lifetime', { ...rotating, token_lifetime: 100, idle_token_lifetime: 200 }],
    ['rotation_type', { rotation_type: 'reusable', expiration_type: 'non-expiring' }],
    ['type', { type: 'rotating' }],
    ['infinite_token_lifetime', { ...rotating, infinite_token_lifetime: 'yes' }],
    ['policies', { ...rotating, policies: {} }],
    ['policies[0].audience', { ...rotating, policies: [{ audience: 3, scope: [] }] }],
    ['policies[0].scope', { ...rotating, policies: [{ audience: 'a', scope: ['b', 3] }] }],
    ['policies[0].scopes', { ...rotating, policies: [{ audience: 'a', scope: [], scopes: [] }] }],
    [
      'infinite_token_lifetime',
      { ...rotating, infinite_token_lifetime: true, infinite_idle_token_lifetime: true },
    ],
  ])('are refused for their %s: %j', (name, settings) => {
    expect(failureOf(() => change(settings)).field).toBe(`refresh_token.${name}`);
  });

  it('of a client nobody knows are refused', () => {
    expect(failureOf(() => aTenant().updateClient('nobody', { refresh_token: rotating })).field).toBe(
      'client_id',
    );
  });
});

describe('what a tenant shows and does', () => {
  it('draws the tree of a family', async () => {
    const tenant = aTenantWithLeeway(3);
    const { refresh_token } = await login(tenant);
    const { body } = await refresh(tenant, refresh_token);
    const now = tenant.clock.now();
    const [family] = tenant.families();
    expect(family).toMatchObject({
      client_id: 'spa',
      audience: 'https://api.example',
      verdict: 'live',
      endedBecause: null,
      latestCounter: 2,
      expiresAt: now + 2_592_000_000,
    });
    expect(family?.nodes).toMatchObject([
      { counter: 1, parentCounter: null, firstRotatedAt: now, windowEndsAt: now + 3000, state: 'spent' },
      { counter: 2, parentCounter: 1, firstRotatedAt: null, windowEndsAt: null, state: 'active' },
    ]);
    const states = () => tenant.family(family?.familyId ?? '')?.nodes.map(({ state }) => state);
    tenant.clock.advance('4s');
    expect(states()).toEqual(['retired', 'active']);
    await refresh(tenant, body['refresh_token']);
    expect(states()).toEqual(['retired', 'spent', 'active']);
    tenant.clock.advance('30d');
    expect(states()).toEqual(['expired', 'expired', 'expired']);
    expect(tenant.family('none')).toBeUndefined();
  });

  it('looking changes nothing', async () => {
    const tenant = aTenant();
    const { refresh_token } = await login(tenant);
    const before = tenant.families();
    expect(tenant.families()).toEqual(before);
    expect(await refresh(tenant, refresh_token)).toMatchObject({ status: 200 });
  });

  it('replays a spent token', async () => {
    const tenant = aTenant();
    const { refresh_token } = await login(tenant);
    const familyId = tenant.families()[0]?.familyId ?? '';
    await expect(tenant.replay(familyId)).rejects.toThrow('no token of the family was spent yet');
    await refresh(tenant, refresh_token);
    expect((await tenant.replay(familyId)).status).toBe(403);
    expect(tenant.journal.at(-1)?.type).toBe('ferrt');
    await expect(tenant.replay(familyId, 9)).rejects.toThrow(RangeError);
    await expect(tenant.replay('none')).rejects.toThrow(RangeError);
  });

  it('replays for a client with a secret, too', async () => {
    const tenant = aTenant();
    tenant.updateClient('native', { refresh_token: rotating });
    await login(tenant, { client_id: 'native' });
    expect((await tenant.replay(tenant.families()[0]?.familyId ?? '', 1)).status).toBe(200);
  });

  it('signs in without the login page', async () => {
    const tenant = aTenant();
    const { cookie } = tenant.signIn('ADA@example.com', { client_id: 'spa' });
    expect(cookie).toMatch(/^auth0=[^;\s]+$/);
    const browser = tenantBrowser(tenant);
    browser.setCookie(cookie);
    expect((await browser.visit(authorizeUrl())).url.searchParams.has('code')).toBe(true);
    expect(() => tenant.signIn('nobody@example.com', { client_id: 'spa' })).toThrow(RangeError);
    expect(() => tenant.signIn('ada@example.com', { client_id: 'nobody' })).toThrow(RangeError);
  });

  it('lets a blocked user in by no session', async () => {
    const tenant = aTenant();
    const browser = tenantBrowser(tenant);
    browser.setCookie(tenant.signIn(user.email, { client_id: 'spa' }).cookie);
    tenant.updateUser(user.email, { blocked: true });
    const { url } = await browser.visit(authorizeUrl({ prompt: 'none' }));
    expect(url.searchParams.get('error')).toBe('login_required');
    expect(() => tenant.updateUser('nobody@example.com', { blocked: true })).toThrow(RangeError);
  });
});

describe('the clock', () => {
  it('ticks with the world under it', () => {
    let world = 1000;
    const { clock } = aTenant({ now: () => world });
    clock.advance('3s');
    world += 10;
    expect(clock.now()).toBe(4010);
  });

  it.each([
    ['31d', 31 * 86_400_000],
    ['9h', 32_400_000],
    ['5m', 300_000],
    ['3s', 3000],
    ['250ms', 250],
    [7, 7],
  ])('advances by %s', (span, milliseconds) => {
    const { clock } = aTenant({ now: () => 0 });
    clock.advance(span);
    expect(clock.now()).toBe(milliseconds);
  });

  it.each(['soon', '-3s', '3 s', '', -1, Number.NaN])('does not advance by %p', (span) => {
    expect(() => aTenant().clock.advance(span)).toThrow(RangeError);
  });

  it('stands still between freeze and resume, but for what it is told', () => {
    let world = 0;
    const { clock } = aTenant({ now: () => world });
    clock.freeze();
    world = 500;
    expect(clock.now()).toBe(0);
    clock.advance('1s');
    expect(clock.now()).toBe(1000);
    clock.resume();
    world = 600;
    expect(clock.now()).toBe(1100);
    clock.set(new Date(5));
    expect(clock.now()).toBe(5);
    expect(() => clock.set('never')).toThrow(RangeError);
  });
});
