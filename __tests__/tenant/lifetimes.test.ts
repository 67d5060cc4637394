import { describe, expect, it } from '@jest/globals';
import type { RefreshTokenConfiguration, Tenant } from '../../src/tenant/index.ts';
import {
  ada,
  aTenant,
  codesOf,
  login,
  nonRotating,
  refresh,
  refusedAsUnknown,
  rotating,
  successorOf,
  userinfo,
} from './a-tenant.ts';

const expiring = { rotation_type: 'non-rotating', expiration_type: 'expiring' } as const;

/** A tenant whose clients `spa` and `native` have these settings. */
function aTenantOf(settings: RefreshTokenConfiguration): Tenant {
  const tenant = aTenant();
  change(tenant, settings);
  return tenant;
}

function change(tenant: Tenant, refresh_token: RefreshTokenConfiguration): void {
  for (const client of ['spa', 'native']) tenant.updateClient(client, { refresh_token });
}

/** A token of the native client, which may be one that does not rotate. */
const nativeToken = async (tenant: Tenant) => (await login(tenant, { client_id: 'native' }))['refresh_token'];
const exchange = (tenant: Tenant, token: unknown) => refresh(tenant, token, { client_id: 'native' });

/** When the first family ends, and how long its newest token may idle: in seconds from now. */
function endsOf(tenant: Tenant): { absolute: number | null; idle: number | null } {
  const [family] = tenant.families();
  const fromNow = (instant: number | null | undefined) =>
    instant == null ? null : (instant - tenant.clock.now()) / 1000;
  return { absolute: fromNow(family?.expiresAt), idle: fromNow(family?.nodes.at(-1)?.idleExpiresAt) };
}

describe('how long a rotating family lives', () => {
  it('R26: thirty days where nothing else is said', async () => {
    const tenant = aTenantOf(rotating);
    const first = await login(tenant);
    const second = await login(tenant);
    tenant.clock.advance('29d');
    expect(await refresh(tenant, first['refresh_token'])).toMatchObject({ status: 200 });
    tenant.clock.advance('1d');
    expect(tenant.families()).toMatchObject([{ verdict: 'expired' }, { verdict: 'expired' }]);
    tenant.clock.advance('1s');
    expect(await refresh(tenant, second['refresh_token'])).toMatchObject(refusedAsUnknown);
  });

  it('R27: ninety days where they are asked for', async () => {
    const tenant = aTenantOf({ ...rotating, token_lifetime: 7_776_000, idle_token_lifetime: 7_776_000 });
    const [first, second] = [await login(tenant), await login(tenant)];
    tenant.clock.advance('89d');
    expect(await refresh(tenant, first['refresh_token'])).toMatchObject({ status: 200 });
    tenant.clock.advance('1d');
    expect(await refresh(tenant, second['refresh_token'])).toMatchObject(refusedAsUnknown);
  });

  it('R27: five years and not a second more', () => {
    const tenant = aTenant();
    const update = (token_lifetime: number) =>
      tenant.updateClient('spa', { refresh_token: { ...rotating, token_lifetime } });
    expect(update(157_788_000).token_lifetime).toBe(157_788_000);
    expect(() => update(157_788_001)).toThrow(
      expect.objectContaining({ field: 'refresh_token.token_lifetime' }),
    );
  });

  it('R28: no longer for being used every day', async () => {
    const tenant = aTenantOf(rotating);
    let { refresh_token } = await login(tenant);
    for (let day = 1; day < 30; day += 1) {
      tenant.clock.advance('1d');
      refresh_token = await successorOf(tenant, refresh_token);
    }
    tenant.clock.advance('1d');
    expect(await refresh(tenant, refresh_token)).toMatchObject(refusedAsUnknown);
    expect(codesOf(tenant).at(-1)).toBe('fertft');
  });

  it.each<[string, string, RefreshTokenConfiguration]>([
    ['non-expiring', 'expiration_type', { rotation_type: 'rotating', expiration_type: 'non-expiring' }],
    [
      'of two infinite lifetimes',
      'infinite_token_lifetime',
      { ...rotating, infinite_token_lifetime: true, infinite_idle_token_lifetime: true },
    ],
  ])(
    'R29: never for ever: settings that are %s are refused, and change nothing',
    async (_, name, settings) => {
      const tenant = aTenantOf({ ...rotating, leeway: 3 });
      expect(() => tenant.updateClient('spa', { refresh_token: settings })).toThrow(
        expect.objectContaining({ field: `refresh_token.${name}` }),
      );
      const { refresh_token } = await login(tenant);
      expect(endsOf(tenant).absolute).toBe(2_592_000);
      await refresh(tenant, refresh_token);
      expect(await refresh(tenant, refresh_token)).toMatchObject({ status: 200 });
    },
  );
});

describe('how long a token that does not rotate lives', () => {
  it('R64: for ever where it does not expire, unused or not', async () => {
    const tenant = aTenantOf(nonRotating);
    const token = await nativeToken(tenant);
    expect(endsOf(tenant)).toEqual({ absolute: null, idle: null });
    for (const wait of ['1000d', '3000d']) {
      tenant.clock.advance(wait);
      expect(await exchange(tenant, token)).toMatchObject({ status: 200 });
    }
  });

  it('R64: without an idle limit once it was exchanged under such settings; an end that it had stays', async () => {
    const tenant = aTenantOf({ ...expiring, token_lifetime: 1000, idle_token_lifetime: 100 });
    const token = await nativeToken(tenant);
    change(tenant, nonRotating);
    expect(endsOf(tenant)).toEqual({ absolute: 1000, idle: 100 });
    await exchange(tenant, token);
    expect(endsOf(tenant)).toEqual({ absolute: 1000, idle: null });
    tenant.clock.advance('1000s');
    expect(await exchange(tenant, token)).toMatchObject(refusedAsUnknown);
  });
});

describe('the ends of a family', () => {
  it('L1: its absolute end is fixed when it begins, and no change of the settings moves it', async () => {
    const tenant = aTenantOf({ ...rotating, token_lifetime: 100 });
    let { refresh_token } = await login(tenant);
    for (const token_lifetime of [1000, 10, 2_592_000]) {
      change(tenant, { ...rotating, token_lifetime });
      refresh_token = await successorOf(tenant, refresh_token);
      expect(endsOf(tenant).absolute).toBe(100);
    }
    change(tenant, { ...rotating, infinite_token_lifetime: true });
    refresh_token = await successorOf(tenant, refresh_token);
    tenant.clock.advance('100s');
    expect(await refresh(tenant, refresh_token)).toMatchObject(refusedAsUnknown);
  });

  it('L2: neither a rotation nor a forgiven replay moves it', async () => {
    const tenant = aTenantOf({ ...rotating, token_lifetime: 100, leeway: 10 });
    const { refresh_token } = await login(tenant);
    tenant.clock.advance('50s');
    await successorOf(tenant, refresh_token);
    expect(endsOf(tenant).absolute).toBe(50);
    tenant.clock.advance('10s');
    const newest = await successorOf(tenant, refresh_token);
    expect(endsOf(tenant).absolute).toBe(40);
    tenant.clock.advance('40s');
    expect(await refresh(tenant, newest)).toMatchObject(refusedAsUnknown);
  });

  it('L3: its idle end is counted anew by every exchange, with the settings of now, and never passes the absolute one', async () => {
    const tenant = aTenantOf({ ...rotating, token_lifetime: 100, idle_token_lifetime: 40 });
    let { refresh_token } = await login(tenant);
    expect(endsOf(tenant).idle).toBe(40);
    change(tenant, { ...rotating, token_lifetime: 100, idle_token_lifetime: 20 });
    expect(endsOf(tenant).idle).toBe(40);
    tenant.clock.advance('30s');
    refresh_token = await successorOf(tenant, refresh_token);
    expect(endsOf(tenant).idle).toBe(20);
    change(tenant, { ...rotating, token_lifetime: 100, idle_token_lifetime: 90 });
    refresh_token = await successorOf(tenant, refresh_token);
    expect(endsOf(tenant).idle).toBe(70);
    change(tenant, { ...rotating, token_lifetime: 100, infinite_idle_token_lifetime: true });
    await successorOf(tenant, refresh_token);
    expect(endsOf(tenant).idle).toBeNull();
  });

  it('L3: a token that does not rotate has its idle end counted anew, too', async () => {
    const tenant = aTenantOf({ ...expiring, token_lifetime: 1000, idle_token_lifetime: 40 });
    const token = await nativeToken(tenant);
    for (let time = 0; time < 3; time += 1) {
      tenant.clock.advance('39s');
      expect(await exchange(tenant, token)).toMatchObject({ status: 200 });
    }
    tenant.clock.advance('40s');
    expect(await exchange(tenant, token)).toMatchObject(refusedAsUnknown);
  });

  it('L4: a refused exchange does not count as use', async () => {
    const tenant = aTenantOf({ ...rotating, token_lifetime: 100, idle_token_lifetime: 40 });
    const { refresh_token } = await login(tenant);
    tenant.clock.advance('30s');
    tenant.updateUser(ada.email, { blocked: true });
    expect(await refresh(tenant, refresh_token)).toMatchObject({ status: 403 });
    tenant.updateUser(ada.email, { blocked: false });
    expect(await refresh(tenant, refresh_token, { client_id: 'other' })).toMatchObject(refusedAsUnknown);
    expect(endsOf(tenant)).toEqual({ absolute: 70, idle: 10 });
    tenant.clock.advance('10s');
    expect(await refresh(tenant, refresh_token)).toMatchObject(refusedAsUnknown);
  });

  it('L4: a forgiven replay does', async () => {
    const tenant = aTenantOf({ ...rotating, token_lifetime: 100, idle_token_lifetime: 40, leeway: 30 });
    const { refresh_token } = await login(tenant);
    await successorOf(tenant, refresh_token);
    tenant.clock.advance('30s');
    const newest = await successorOf(tenant, refresh_token);
    expect(endsOf(tenant).idle).toBe(40);
    tenant.clock.advance('39s');
    expect(await refresh(tenant, newest)).toMatchObject({ status: 200 });
  });

  it('L5: a token that never expired gets an end at its first success under a maximum, which then stays', async () => {
    const tenant = aTenantOf(nonRotating);
    const token = await nativeToken(tenant);
    change(tenant, { ...expiring, token_lifetime: 100 });
    tenant.updateUser(ada.email, { blocked: true });
    await exchange(tenant, token);
    expect(endsOf(tenant).absolute).toBeNull(); // that was no success
    tenant.updateUser(ada.email, { blocked: false });
    await exchange(tenant, token);
    change(tenant, nonRotating);
    await exchange(tenant, token);
    expect(endsOf(tenant).absolute).toBe(100);
    tenant.clock.advance('100s');
    expect(await exchange(tenant, token)).toMatchObject(refusedAsUnknown);
  });

  it.each(['token_lifetime', 'idle_token_lifetime'])(
    'L6: a token is good until the millisecond before its %s is over',
    async (name) => {
      const tenant = aTenantOf({ ...rotating, [name]: 100 });
      const [one, two] = [await login(tenant), await login(tenant)];
      tenant.clock.advance(99_999);
      expect(await refresh(tenant, one['refresh_token'])).toMatchObject({ status: 200 });
      tenant.clock.advance(1);
      expect(await refresh(tenant, two['refresh_token'])).toMatchObject(refusedAsUnknown);
    },
  );

  it('L9: an access token outlives the refresh token that brought it', async () => {
    const tenant = aTenantOf({ ...rotating, token_lifetime: 60 });
    const { access_token, refresh_token } = await login(tenant);
    tenant.clock.advance('61s');
    expect(await refresh(tenant, refresh_token)).toMatchObject(refusedAsUnknown);
    expect((await userinfo(tenant, access_token)).status).toBe(200);
  });
});
