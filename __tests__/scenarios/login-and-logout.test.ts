import { describe, expect, it } from '@jest/globals';
import type { ICache } from '../../src/core/cache.ts';
import type { Auth0ClientOptions, LogoutOptions } from '../../src/core/options.ts';
import type { Environment, RecordStore, SilentFrame } from '../../src/environment.ts';
import { StorageError } from '../../src/errors.ts';
import { decodeJwt } from '../../src/oauth/jwt.ts';
import {
  ada,
  afterWrites,
  app,
  createWorld,
  grace,
  orders,
  tenantUrl,
  type Fault,
  type Tab,
  type World,
} from '../support/world.ts';

const twoHours = 2 * 3600 * 1000;
const noFallback = { useRefreshTokensFallback: false };

/** Ada is signed in in two tabs, and the other one waits for the slow answer to a refresh: 4 s more. */
async function duringRefresh(options: Partial<Auth0ClientOptions> = {}) {
  const world = createWorld();
  const tab = world.openTab(options);
  await tab.login(ada);
  const other = world.openTab(options);
  await world.advance(twoHours);
  world.faults.push({ kind: 'slow', by: 5000 });
  const call = other.client.getTokenSilently().catch((error: unknown) => error);
  await world.advance(1000);
  return { world, tab, other, call };
}

describe('a login', () => {
  it('signs the user in and returns the app’s state', async () => {
    const world = createWorld();
    const tab = world.openTab();
    await world.tenant.signIn(ada, { client_id: 'spa' });
    await tab.login();
    await expect(tab.client.getUser()).resolves.toMatchObject({ name: 'Ada', email: ada });
    await expect(tab.client.getIdTokenClaims()).resolves.toMatchObject({ iss: `${tenantUrl}/`, aud: 'spa' });
    expect(await tab.client.getUser()).toBe(await tab.client.getUser());
    // Whoever gets these shares them with the next caller.
    expect(Object.isFrozen(await tab.client.getUser())).toBe(true);
    expect(Object.isFrozen(await tab.client.getIdTokenClaims())).toBe(true);
    expect(world.journal()).toEqual(expect.arrayContaining(['seacft']));
  });

  it('survives a reload, in localstorage mode without a request', async () => {
    const world = createWorld();
    const tab = world.openTab();
    await tab.login();
    const sent = world.requests.length;
    const after = tab.reload();
    await after.client.checkSession();
    await expect(after.client.isAuthenticated()).resolves.toBe(true);
    await expect(after.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    expect(world.requests).toHaveLength(sent);
    expect(world.frames).toHaveLength(0);
  });

  it('survives a reload in memory mode through the iframe, while the tenant knows the user', async () => {
    const world = createWorld();
    const tab = world.openTab({ cacheLocation: 'memory' });
    await tab.login();
    const after = tab.reload();
    await after.client.checkSession();
    await expect(after.client.isAuthenticated()).resolves.toBe(true);
    expect(world.frames).toHaveLength(1);
  });

  it('of the same user that brings no refresh token goes on with the one that there is', async () => {
    const world = createWorld();
    const tab = world.openTab(noFallback);
    await tab.login();
    world.faults.push({ kind: 'alter', alter: ({ refresh_token: _, ...body }) => body });
    await tab.login();
    await world.advance(twoHours);
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    expect(world.refreshes()).toHaveLength(1);
  });

  it('by another user leaves nothing of the former one', async () => {
    const world = createWorld();
    const tab = world.openTab();
    await tab.login(ada);
    const adas = await tab.client.getTokenSilently();
    await tab.login(grace);
    await expect(tab.client.getUser()).resolves.toMatchObject({ email: grace });
    await expect(tab.client.getTokenSilently()).resolves.not.toBe(adas);
    await world.advance(twoHours);
    await tab.client.getTokenSilently();
    await expect(tab.client.getUser()).resolves.toMatchObject({ email: grace });
    const live = world.tenant.families().filter(({ verdict }) => verdict === 'live');
    expect(live).toHaveLength(1);
  });

  it('by another user ends the former one’s families, even where storage was cleared in between', async () => {
    const world = createWorld();
    const tab = world.openTab({ authorizationParams: { redirect_uri: app } });
    await tab.login(ada); // a family for no API
    for (const name of world.localStorage.names()) world.localStorage.remove(name);
    const other = world.openTab();
    await other.login(grace); // a family for the API
    expect(world.tenant.families().map(({ verdict }) => verdict)).toEqual(['revoked', 'live']);
    await world.advance(twoHours);
    await tab.client.getTokenSilently({ cacheMode: 'off' }).catch(() => {});
    await expect(tab.client.getUser()).resolves.toMatchObject({ email: grace });
  });

  it('by another user removes every token of the former one', async () => {
    const world = createWorld();
    const tab = world.openTab({ authorizationParams: { redirect_uri: app } });
    await tab.login(ada);
    const adas = await tab.client.getTokenSilently();
    await world.openTab().login(grace);
    const everything = world.localStorage.names().map((name) => world.localStorage.get(name));
    expect(everything.join()).not.toContain(adas);
  });

  it('keeps no refresh token outside custody', async () => {
    const world = createWorld();
    const tab = world.openTab();
    await tab.login();
    await world.advance(twoHours);
    await tab.client.getTokenSilently();
    const spent = world.refreshes()[0]!.form.get('refresh_token')!;
    expect(spent).toMatch(/^v1\.M/);
    for (const name of world.localStorage.names()) expect(world.localStorage.get(name)).not.toContain('v1.M');
    expect(JSON.stringify(await tab.client.getTokenSilently({ detailedResponse: true }))).not.toContain(
      'v1.M',
    );
  });
});

describe('a login that does not run alone', () => {
  /** A tab that does something else right after its nth look at custody. */
  function tabThat(
    world: World,
    nth: number,
    meanwhile: () => unknown,
    ports: Partial<Environment> = {},
  ): Tab {
    let updates = 0;
    return world.openTab(noFallback, {
      ...ports,
      records: {
        close() {},
        async update(name, step) {
          const result = await world.records.update(name, step);
          updates += 1;
          if (updates === nth) await meanwhile();
          return result;
        },
      },
    });
  }
  const userOf = async ({ client }: Tab) => (await client.getUser())?.email;

  it('P39: of two users who sign in at one moment, the one adopted last stays, in every tab', async () => {
    const world = createWorld();
    const other = world.openTab(noFallback);
    const tab = tabThat(world, 1, () => other.login(grace)); // Ada’s family has just been adopted
    await expect(tab.login(ada)).rejects.toMatchObject({ error: 'login_required' });
    const third = world.openTab(noFallback);
    for (const each of [tab, other, third]) {
      expect(await userOf(each)).toBe(grace);
      await expect(each.client.getTokenSilently({ cacheMode: 'off' })).resolves.toEqual(expect.any(String));
    }
    expect(world.tenant.families().map(({ verdict }) => verdict)).toEqual(['revoked', 'live']);
  });

  it('P39: a refresh whose page is throttled before it writes never shows its user over the new one', async () => {
    const world = createWorld();
    await world.openTab().login(ada);
    await world.advance(twoHours);
    const shown: unknown[] = [];
    const localStorage = {
      ...world.localStorage,
      set(name: string, text: string) {
        world.localStorage.set(name, text);
        const { id_token } = JSON.parse(text) as { id_token?: string };
        if (id_token) shown.push(decodeJwt(id_token).claims['email']);
      },
    };
    // It has looked and claimed, and its answer has just been committed.
    const tab = tabThat(world, 3, () => world.openTab().login(grace), { localStorage });
    await tab.client.getTokenSilently();
    expect(world.refreshes()).toHaveLength(1);
    expect(shown).not.toContain(ada);
    expect(await userOf(tab)).toBe(grace);
  });

  it('P39: nor does the one adopted first sign the other out where their audiences differ', async () => {
    const world = createWorld();
    const other = world.openTab(noFallback);
    const tab = tabThat(world, 1, () => other.login(grace, { audience: orders }));
    await expect(tab.login(ada)).rejects.toMatchObject({ error: 'login_required' });
    expect(await userOf(tab)).toBe(grace);
    await world.advance(twoHours);
    const forOrders = { authorizationParams: { audience: orders } };
    await expect(tab.client.getTokenSilently(forOrders)).resolves.toEqual(expect.any(String));
  });

  it('P39: a call under way meanwhile waits for the new user, and fails nobody', async () => {
    const world = createWorld();
    const entries = new Map<string, unknown>();
    const cache: ICache = {
      get: <T>(key: string) => entries.get(key) as T | undefined,
      set: (key, value) => void entries.set(key, value),
      remove: (key) => void entries.delete(key),
    };
    const tab = world.openTab({ ...noFallback, cache });
    await tab.login(ada);
    await world.advance(twoHours);
    let answer = () => {};
    world.faults.push({ kind: 'hold', until: new Promise((resolve) => (answer = resolve)) });
    const call = tab.client.getTokenSilently();
    await world.rest();
    const other = world.openTab({
      ...noFallback,
      cache: {
        ...cache,
        async remove(key) {
          await cache.remove(key); // Ada’s entry is gone, and Grace’s not yet there
          answer();
          await world.rest();
        },
      },
    });
    await other.login(grace);
    await world.advance(1000);
    await expect(call).resolves.toEqual(expect.any(String));
    expect(await userOf(tab)).toBe(grace);
  });

  it('P39: cut off after it was adopted, it is the one that counts', async () => {
    const world = createWorld();
    await world.openTab(noFallback).login(ada);
    const tab = tabThat(world, 1, () => new Promise(() => {})); // its page is gone
    void tab.login(grace).catch(() => {});
    await world.rest();
    const other = world.openTab(noFallback);
    expect(await userOf(other)).toBe(ada); // whose entries are still there
    const call = other.client.getTokenSilently({ cacheMode: 'off' });
    await world.advance(2000);
    await expect(call).resolves.toEqual(expect.any(String));
    expect(await userOf(other)).toBe(grace);
  });

  it('P39: failed before it was adopted, it leaves the former session as it was', async () => {
    const world = createWorld();
    const tab = world.openTab(noFallback);
    await tab.login(ada);
    const broken = world.openTab(noFallback, {
      records: { close() {}, update: () => Promise.reject(new Error('disk full')) },
    });
    await expect(broken.login(grace)).rejects.toThrow('disk full');
    expect(await userOf(tab)).toBe(ada);
    await expect(tab.client.getTokenSilently({ cacheMode: 'off' })).resolves.toEqual(expect.any(String));
    expect(world.tenant.families().map(({ verdict }) => verdict)).toEqual(['live', 'revoked']);
  });
});

describe('useRefreshTokens: false', () => {
  it('R54, R57: asks for no refresh token and renews through the hidden iframe', async () => {
    const world = createWorld();
    const tab = world.openTab({ useRefreshTokens: false });
    await tab.login();
    expect(new URL(tab.navigations[0]!).searchParams.get('scope')).not.toContain('offline_access');
    expect(world.tenant.families()).toHaveLength(0);
    await world.advance(twoHours);
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    const query = world.frames[0]!.searchParams;
    expect([query.get('prompt'), query.get('response_mode')]).toEqual(['none', 'web_message']);
  });

  it('opens one frame for ten callers, and one after another for two targets', async () => {
    const world = createWorld();
    const inner = world.openTab({ useRefreshTokens: false });
    await inner.login();
    await world.advance(twoHours);
    let open = 0;
    let most = 0;
    const tab = world.openTab(
      { useRefreshTokens: false },
      {
        silentFrame: {
          async authorize(url, expected) {
            most = Math.max(most, (open += 1));
            try {
              await new Promise<void>((resolve) => inner.env.timers.after(1000, resolve));
              return await inner.env.silentFrame.authorize(url, expected);
            } finally {
              open -= 1;
            }
          },
        },
      },
    );
    const one = Array.from({ length: 10 }, () => tab.client.getTokenSilently());
    const two = tab.client.getTokenSilently({ authorizationParams: { scope: 'write:things' } });
    await world.advance(2000);
    expect(new Set(await Promise.all(one)).size).toBe(1);
    await expect(two).resolves.toEqual(expect.any(String));
    expect(world.frames).toHaveLength(2);
    expect(most).toBe(1);
  });

  it.each([
    ['', {}],
    [', whatever is said of a fallback', { useRefreshTokensFallback: false }],
  ])(
    'gives the frame more time than a caller has for a refresh: there is no other way%s',
    async (_, options) => {
      const world = createWorld();
      const inner = world.openTab();
      await inner.login();
      const tab = world.openTab(
        { ...options, useRefreshTokens: false },
        {
          silentFrame: {
            async authorize(url, expected) {
              await new Promise<void>((resolve) => world.timers.after(20_000, resolve));
              return inner.env.silentFrame.authorize(url, expected);
            },
          },
        },
      );
      const call = expect(tab.client.getTokenSilently({ cacheMode: 'off' })).resolves.toEqual(
        expect.any(String),
      );
      await world.advance(25_000);
      await call;
    },
  );

  it('ends no session when no frame can be opened', async () => {
    const world = createWorld();
    const tab = world.openTab({ useRefreshTokens: false });
    await tab.login();
    await world.advance(twoHours);
    world.online = false;
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({ retryable: true });
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
  });

  it('R59: reports login_required, and ends the local session, when the tenant no longer knows the user', async () => {
    const world = createWorld();
    const tab = world.openTab({ useRefreshTokens: false });
    await tab.login();
    await world.advance(8 * 86_400_000);
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({
      error: 'login_required',
      requiresLogin: true,
    });
    await expect(tab.client.isAuthenticated()).resolves.toBe(false);
  });
});

describe('useRefreshTokens: true with no refresh token held', () => {
  it('R58: takes the iframe by default, and reports its failure as missing_refresh_token', async () => {
    const world = createWorld();
    const tab = world.openTab();
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({
      error: 'missing_refresh_token',
      message: expect.stringMatching(
        /^Missing Refresh Token \(audience: 'https:\/\/api.example', scope: '/,
      ) as unknown,
      cause: expect.objectContaining({ error: 'login_required' }) as unknown,
    });
    expect(world.frames).toHaveLength(1);
  });

  it('reports login_required where the fallback was asked for', async () => {
    const world = createWorld();
    const tab = world.openTab({ useRefreshTokensFallback: true });
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({ error: 'login_required' });
  });

  it('R58: opens no iframe where the fallback is off', async () => {
    const world = createWorld();
    const tab = world.openTab({ useRefreshTokensFallback: false });
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({ error: 'missing_refresh_token' });
    expect(world.frames).toHaveLength(0);
  });

  it.each(['a logout', 'a refusal'])(
    'after %s, the tenant issuing none any more, a login holds',
    async (end) => {
      const world = createWorld();
      const tab = world.openTab();
      await tab.login();
      await world.advance(twoHours);
      if (end === 'a logout') await tab.client.logout({ openUrl: false });
      else world.faults.push({ kind: 'answer', status: 403, body: '{"error":"invalid_grant"}' });
      const withoutOne = { kind: 'alter', alter: ({ refresh_token, ...rest }) => rest } satisfies Fault;
      world.faults.push(withoutOne);
      if (end === 'a logout') await tab.login();
      else await tab.client.getTokenSilently(); // refused, and carried on by the iframe
      await expect(tab.client.isAuthenticated()).resolves.toBe(true);
      await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
      await world.advance(twoHours);
      world.faults.push(withoutOne);
      await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
      expect(world.refreshes()).toHaveLength(end === 'a logout' ? 0 : 1);
    },
  );

  it('P4: tells the iframe whether somebody has signed in here, after checkSession() has asked, too', async () => {
    const world = createWorld();
    const told: boolean[] = [];
    const authorize: SilentFrame['authorize'] = async (_, { state, signedIn }) => {
      told.push(signedIn);
      return { state, error: 'login_required' };
    };
    const open = () =>
      world.openTab({ useRefreshTokens: false, cacheLocation: 'memory' }, { silentFrame: { authorize } });
    const refused = (tab: Tab) =>
      expect(tab.client.getTokenSilently()).rejects.toMatchObject({ error: 'login_required' });

    await refused(open());
    expect(told).toEqual([false]);
    await open().login(); // its page is left; the cookie stays
    const tab = open();
    await tab.client.checkSession();
    await refused(tab);
    expect(told).toEqual([false, true, true]);
    await refused(open()); // the cookie has gone
    expect(told).toEqual([false, true, true, false]);
    const other = open();
    await other.login();
    await expect(other.client.getTokenSilently({ cacheMode: 'off' })).rejects.toMatchObject({
      error: 'login_required',
    });
    expect(told).toEqual([false, true, true, false, true]);
  });

  it('gives up on a frame that stays silent after 2 s', async () => {
    const world = createWorld();
    const tab = world.openTab({ authorizationParams: { redirect_uri: 'http://elsewhere.example' } });
    const call = tab.client.getTokenSilently();
    const failure = expect(call).rejects.toMatchObject({
      error: 'missing_refresh_token',
      cause: expect.objectContaining({ error: 'timeout', reason: 'frame_silent' }) as unknown,
    });
    await world.advance(2000);
    await failure;
  });
});

describe('logging out', () => {
  it('ends the session here and at the tenant, and returns to the app', async () => {
    const world = createWorld();
    const tab = world.openTab();
    await tab.login();
    await tab.client.logout({ logoutParams: { returnTo: app } });
    await expect(tab.client.isAuthenticated()).resolves.toBe(false);
    expect(world.localStorage.names()).toEqual([]);
    expect(world.cookies.size).toBe(0);
    expect(world.tenant.families().map(({ verdict }) => verdict)).toEqual(['revoked']);

    const response = await tab.follow();
    expect(response.headers.get('location')).toBe(app);
    expect(world.journal()).toContain('slo');
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({ error: 'missing_refresh_token' });
  });

  it('beats a refresh in flight: what it brings is revoked, and nobody is signed in again', async () => {
    const { world, tab, call } = await duringRefresh();
    await tab.client.logout({ openUrl: false });
    await world.advance(5000);
    await call;
    await world.rest();

    await expect(tab.client.isAuthenticated()).resolves.toBe(false);
    await expect(world.openTab().client.isAuthenticated()).resolves.toBe(false);
    expect(world.tenant.families().filter(({ verdict }) => verdict === 'live')).toEqual([]);
  });

  it('revokes what a refresh in flight brings, even if the logout’s own revocation was lost', async () => {
    const { world, tab, call } = await duringRefresh();
    world.revocationFaults.push({ kind: 'drop-before' });
    await tab.client.logout({ openUrl: false });
    expect(world.tenant.families().map(({ verdict }) => verdict)).toEqual(['live']);
    await world.advance(5000);
    await call;
    expect(world.tenant.families().map(({ verdict }) => verdict)).toEqual(['revoked']);
  });

  it('revokes nothing with revokeOnLogout: false, and ends the session here all the same', async () => {
    const { world, tab, call } = await duringRefresh({ ...noFallback, revokeOnLogout: false });
    await tab.client.logout({ openUrl: false });
    await world.advance(5000);
    await call;
    await expect(tab.client.isAuthenticated()).resolves.toBe(false);
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({ error: 'missing_refresh_token' });
    expect(world.requests.filter(({ path }) => path === '/oauth/revoke')).toEqual([]);
    expect(world.tenant.families().map(({ verdict }) => verdict)).toEqual(['live']);
  });

  it('and in as somebody else beats a refresh in flight: the new user stays', async () => {
    const { world, tab, other, call } = await duringRefresh();
    await tab.client.logout({ openUrl: false });
    await tab.login(grace);
    const graces = await tab.client.getTokenSilently();
    await world.advance(5000);
    await expect(call).resolves.toBe(graces);
    await expect(tab.client.getUser()).resolves.toMatchObject({ email: grace });
    await expect(other.client.getUser()).resolves.toMatchObject({ email: grace });
  });

  it('by clearing localStorage revokes what is left, once it is certain', async () => {
    const world = createWorld();
    const tab = world.openTab({ useRefreshTokensFallback: false });
    await tab.login();
    for (const name of world.localStorage.names()) world.localStorage.remove(name);
    const call = tab.client.getTokenSilently().catch((error: unknown) => error);
    await world.advance(1000); // it might have been a login that is just being written
    await expect(call).resolves.toMatchObject({ error: 'missing_refresh_token' });
    expect(world.tenant.families().map(({ verdict }) => verdict)).toEqual(['live']);
    await world.advance(10_000);
    expect(world.tenant.families().map(({ verdict }) => verdict)).toEqual(['revoked']);
    expect(world.refreshes()).toEqual([]);
  });

  it('by clearing localStorage does not end a login that follows, whose marker shows up late', async () => {
    const world = createWorld();
    const tab = world.openTab(noFallback);
    await tab.login();
    for (const name of world.localStorage.names()) world.localStorage.remove(name);
    void tab.client.getTokenSilently().catch(() => {});
    await world.advance(9000);
    await tab.login();
    const marker = world.localStorage.names().find((name) => name.endsWith('/user'))!;
    const text = world.localStorage.get(marker)!;
    world.localStorage.remove(marker);
    await world.advance(2000); // what was cleared is ended by now
    world.localStorage.set(marker, text);
    await world.advance(twoHours);
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
  });

  it('is not seen in a marker that shows up late', async () => {
    const world = createWorld();
    const tab = world.openTab({ useRefreshTokensFallback: false });
    await tab.login();
    let late = true;
    const localStorage = {
      ...world.localStorage,
      get: (name: string) => (late ? null : world.localStorage.get(name)),
    };
    const other = world.openTab({ useRefreshTokensFallback: false }, { localStorage });
    const call = other.client.getTokenSilently().catch((error: unknown) => error);
    await world.advance(1000);
    await expect(call).resolves.toMatchObject({ error: 'missing_refresh_token' });
    late = false;
    await world.advance(10_000);
    expect(world.tenant.families().map(({ verdict }) => verdict)).toEqual(['live']);
    await expect(other.client.getTokenSilently()).resolves.toEqual(expect.any(String));
  });

  it('is not taken for one while a login is just being written: the call waits for it', async () => {
    const world = createWorld();
    const tab = world.openTab({ useRefreshTokensFallback: false });
    await tab.login();
    const marker = world.localStorage.names().find((name) => name.endsWith('/user'))!;
    const text = world.localStorage.get(marker)!;
    world.localStorage.remove(marker);
    const call = tab.client.getTokenSilently({ cacheMode: 'off' });
    await world.advance(300);
    world.localStorage.set(marker, text);
    await world.advance(100);
    await expect(call).resolves.toEqual(expect.any(String));
  });

  it('by clearing localStorage is final for a refresh in flight', async () => {
    const world = createWorld();
    const tab = world.openTab({ useRefreshTokensFallback: false });
    await tab.login();
    await world.advance(twoHours);
    world.faults.push({ kind: 'slow', by: 5000 });
    const call = expect(tab.client.getTokenSilently()).rejects.toMatchObject({
      error: 'missing_refresh_token',
    });
    await world.advance(1000);
    for (const name of world.localStorage.names()) world.localStorage.remove(name);
    await world.advance(5000);
    await call;
    await expect(tab.client.isAuthenticated()).resolves.toBe(false);
    expect(world.localStorage.names()).toEqual([]);
  });

  it('by clearing localStorage is final where the page did not even know its user: no iframe is asked', async () => {
    const world = createWorld();
    const tab = world.openTab({ useRefreshTokensFallback: true });
    await tab.login();
    await world.advance(twoHours);
    for (const name of world.localStorage.names())
      if (name.endsWith('/user')) world.localStorage.set(name, '{}');
    const clear = () => {
      for (const name of world.localStorage.names()) world.localStorage.remove(name);
    };
    world.faults.push({ kind: 'drop-after', meanwhile: clear }); // and at leeway 0 the token is refused
    const call = expect(tab.reload().client.getTokenSilently()).rejects.toMatchObject({
      requiresLogin: true,
    });
    await world.advance(5000);
    await call;
    expect(world.frames).toEqual([]);
  });

  it('is final for a refresh that waits for its answer: it is not sent again', async () => {
    const world = createWorld();
    const tab = world.openTab(noFallback);
    await tab.login();
    await world.advance(twoHours);
    world.faults.push({ kind: 'hang' });
    const waiting = { timeoutInSeconds: 90 };
    const call = expect(tab.client.getTokenSilently(waiting)).rejects.toMatchObject({ requiresLogin: true });
    await world.advance(1000);
    await world.openTab(noFallback).client.logout({ openUrl: false });
    await world.advance(60_000);
    await call;
    expect(world.refreshes()).toHaveLength(1);
  });

  it.each([{ useRefreshTokens: true }, { useRefreshTokens: false }])(
    'beats a call of the same moment that would have gone through the iframe: %j',
    async (options) => {
      const world = createWorld();
      const tab = world.openTab(options);
      await tab.login();
      await world.advance(twoHours);
      const call = tab.client.getTokenSilently({ cacheMode: 'off' }).catch((error: unknown) => error);
      await tab.client.logout({ openUrl: false });
      await expect(call).resolves.toMatchObject({ name: expect.stringMatching(/Error$/) as unknown });
      await expect(tab.client.isAuthenticated()).resolves.toBe(false);
      expect(world.tenant.families().filter(({ verdict }) => verdict === 'live')).toEqual([]);
    },
  );

  it.each([{ useRefreshTokens: true }, { useRefreshTokens: false }])(
    'is final for the other tabs, while the tenant still knows the user: %j',
    async (options) => {
      const world = createWorld();
      const tab = world.openTab(options);
      await tab.login();
      const other = world.openTab(options);
      await other.client.getTokenSilently();
      await tab.client.logout({ openUrl: false });
      for (let call = 0; call < 2; call++)
        await expect(other.client.getTokenSilently()).rejects.toMatchObject({ requiresLogin: true });
      expect(world.frames).toEqual([]);

      await tab.login();
      await expect(other.client.getTokenSilently()).resolves.toEqual(expect.any(String));
      await world.advance(twoHours); // and renewals go on, in either way
      await expect(other.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    },
  );

  it.each([{ useRefreshTokens: true }, { useRefreshTokens: false }])(
    'is final for the page itself, while the tenant still knows the user: %j',
    async (options) => {
      const world = createWorld();
      const tab = world.openTab(options);
      await tab.login();
      await tab.client.logout({ openUrl: false });
      await expect(tab.client.getTokenSilently()).rejects.toMatchObject({ requiresLogin: true });
      expect(world.frames).toEqual([]);
    },
  );

  it('beats the frame that was to restore a session at the start of the page', async () => {
    const world = createWorld();
    const tab = world.openTab({ cacheLocation: 'memory' });
    await tab.login();
    const { cookies } = world;
    const fresh = world.openTab(
      { cacheLocation: 'memory' },
      {
        silentFrame: {
          async authorize(url, expected) {
            const answer = await tab.env.silentFrame.authorize(url, expected);
            await fresh.client.logout({ openUrl: false });
            return answer;
          },
        },
      },
    );
    expect(cookies.size).toBe(1);
    tab.kill(); // or it would lend its session
    await fresh.client.checkSession();
    await expect(fresh.client.isAuthenticated()).resolves.toBe(false);
  });

  it('beats that frame where custody cannot tell of a logout, too', async () => {
    const world = createWorld();
    const elsewhere = world.openTab({ cacheLocation: 'memory' });
    await elsewhere.login();
    const fresh = world.openTab(
      { useRefreshTokens: false },
      {
        silentFrame: {
          async authorize(url, expected) {
            const answer = await elsewhere.env.silentFrame.authorize(url, expected);
            await fresh.client.logout({ openUrl: false });
            return answer;
          },
        },
        records: { close() {}, update: () => Promise.reject(new StorageError('IndexedDB did not open')) },
      },
    );
    await expect(fresh.client.getTokenSilently()).rejects.toMatchObject({ error: 'login_required' });
    await expect(fresh.client.isAuthenticated()).resolves.toBe(false);
  });

  it.each([{ useRefreshTokens: true }, { useRefreshTokens: false }])(
    'beats a frame that is open in another tab: %j',
    async (options) => {
      const world = createWorld();
      const tab = world.openTab(options);
      await tab.login();
      const slow = world.openTab(options, {
        silentFrame: {
          async authorize(url, expected) {
            const answer = await tab.env.silentFrame.authorize(url, expected);
            await tab.client.logout({ openUrl: false });
            return answer;
          },
        },
      });
      const wider = { authorizationParams: { scope: 'write:things' } }; // which no refresh token covers
      await expect(slow.client.getTokenSilently(wider)).rejects.toMatchObject({ requiresLogin: true });
      await expect(slow.client.isAuthenticated()).resolves.toBe(false);
      expect(world.localStorage.names()).toEqual([]);
      expect(world.tenant.families().filter(({ verdict }) => verdict === 'live')).toEqual([]);
    },
  );

  it('of nobody beats a frame that is open in another tab, too', async () => {
    const world = createWorld();
    const elsewhere = world.openTab({ cacheLocation: 'memory' });
    await elsewhere.login(); // the tenant knows the user
    const tab = world.openTab();
    const slow = world.openTab(
      {},
      {
        silentFrame: {
          async authorize(url, expected) {
            const answer = await tab.env.silentFrame.authorize(url, expected);
            await tab.client.logout({ openUrl: false });
            return answer;
          },
        },
      },
    );
    await expect(slow.client.getTokenSilently()).rejects.toMatchObject({ requiresLogin: true });
    await expect(slow.client.isAuthenticated()).resolves.toBe(false);
    expect(world.tenant.families().map(({ verdict }) => verdict)).toEqual(['live', 'revoked']);
  });

  it('beats a frame whose answer is just being adopted', async () => {
    const world = createWorld();
    const tab = world.openTab();
    await tab.login();
    let answered = false;
    const slow = world.openTab(
      {},
      {
        silentFrame: {
          async authorize(url, expected) {
            const answer = await tab.env.silentFrame.authorize(url, expected);
            answered = true;
            return answer;
          },
        },
        records: {
          close() {},
          async update(name, step) {
            if (answered) {
              answered = false; // the session was looked at, and was there
              await tab.client.logout({ openUrl: false });
            }
            return world.records.update(name, step);
          },
        },
      },
    );
    const wider = { authorizationParams: { scope: 'write:things' } };
    await expect(slow.client.getTokenSilently(wider)).rejects.toMatchObject({ requiresLogin: true });
    await expect(slow.client.isAuthenticated()).resolves.toBe(false);
    expect(world.tenant.families().filter(({ verdict }) => verdict === 'live')).toEqual([]);
  });

  it('beats a login that is just being written in another tab', async () => {
    const world = createWorld();
    const other = world.openTab();
    let updates = 0;
    const tab = world.openTab(
      {},
      {
        records: {
          close() {},
          async update(name, step) {
            const result = await world.records.update(name, step);
            updates += 1;
            if (updates === 1) await other.client.logout({ openUrl: false }); // the family has just been adopted
            return result;
          },
        },
      },
    );
    await expect(tab.login()).rejects.toMatchObject({ error: 'login_required' });
    await expect(tab.client.isAuthenticated()).resolves.toBe(false);
    expect(world.localStorage.names()).toEqual([]);
    expect(world.tenant.families().map(({ verdict }) => verdict)).toEqual(['revoked']);
  });

  it('beats a refresh that is just being written: what it wrote is taken back', async () => {
    const world = createWorld();
    const tab = world.openTab({ useRefreshTokensFallback: false });
    await tab.login();
    await world.advance(twoHours);
    let loggedOut = false;
    const { localStorage } = world;
    const other = world.openTab(
      { useRefreshTokensFallback: false },
      {
        localStorage: {
          ...localStorage,
          set(name, text) {
            // As in another process: the logout happens between this tab's look and its write.
            if (!loggedOut && name.endsWith('/user')) {
              loggedOut = true;
              for (const each of localStorage.names()) localStorage.remove(each);
            }
            localStorage.set(name, text);
          },
        },
        records: {
          close() {},
          async update(name, step) {
            if (loggedOut) await tab.client.logout({ openUrl: false });
            return world.records.update(name, step);
          },
        },
      },
    );
    await expect(other.client.getTokenSilently()).rejects.toMatchObject({ error: 'missing_refresh_token' });
    expect(loggedOut).toBe(true);
    expect(world.localStorage.names()).toEqual([]);
    await expect(other.client.isAuthenticated()).resolves.toBe(false);
  });

  /** A tab whose silent login is adopted, and before it is written, `meanwhile` happens. */
  function adoptedBefore(world: World, meanwhile: () => Promise<void>): Tab {
    let adopted = false;
    return world.openTab(
      {},
      {
        records: afterWrites(world.records, () => {
          if (adopted) return;
          adopted = true;
          return meanwhile();
        }),
      },
    );
  }
  const forOrders = { authorizationParams: { audience: orders } };

  it('beats a silent login that is just being written, and that page opens no other frame', async () => {
    const world = createWorld();
    const tab = world.openTab();
    await tab.login();
    const other = adoptedBefore(world, () => tab.client.logout({ openUrl: false }));
    for (const options of [forOrders, {}, forOrders])
      await expect(other.client.getTokenSilently(options)).rejects.toMatchObject({ requiresLogin: true });
    expect(world.frames).toHaveLength(1);
    await expect(other.client.isAuthenticated()).resolves.toBe(false);
    await world.rest();
    expect(world.tenant.families().map(({ verdict }) => verdict)).toEqual(['revoked', 'revoked']);
  });

  it('and in again by the same user leaves nothing of a silent login that is being written meanwhile, but the user', async () => {
    const world = createWorld();
    const tab = world.openTab();
    await tab.login();
    const other = adoptedBefore(world, async () => {
      await tab.client.logout({ openUrl: false });
      await tab.login();
    });
    await other.client.getTokenSilently(forOrders);
    await world.advance(20_000);
    for (const { client } of [tab, other, world.openTab()]) {
      await expect(client.isAuthenticated()).resolves.toBe(true);
      await expect(client.getTokenSilently({ cacheMode: 'off' })).resolves.toEqual(expect.any(String));
    }
    const verdicts = world.tenant.families().map(({ verdict }) => verdict);
    expect(verdicts).toEqual(['revoked', 'revoked', 'live', 'live']);
  });

  it('writes its tombstone before it clears, but for the marker: who writes after that finds it', async () => {
    const world = createWorld();
    const order: string[] = [];
    const { records, localStorage } = world;
    const tab = world.openTab(
      {},
      {
        records: {
          close() {},
          async update(name, step) {
            const result = await records.update(name, step);
            order.push('tombstone');
            return result;
          },
        },
        localStorage: {
          ...localStorage,
          remove(name) {
            order.push(name.endsWith('/user') && order.length === 0 ? 'marker' : 'clear');
            localStorage.remove(name);
          },
        },
      },
    );
    await tab.login();
    order.length = 0;
    await tab.client.logout({ openUrl: false });
    expect([...new Set(order)]).toEqual(['marker', 'tombstone', 'clear']);
  });

  it.each([
    ['that brought a refresh token', { useRefreshTokens: true }, false],
    ['that brought no refresh token', { useRefreshTokens: true }, true],
    ['that asked for no refresh token', { useRefreshTokens: false }, false],
  ])('beats a login %s, in another tab, right after it was adopted', async (_, options, stripped) => {
    const world = createWorld();
    const other = world.openTab(options);
    let adopting = false;
    const records: RecordStore = {
      close() {},
      async update(name, step) {
        const result = await world.records.update(name, step);
        if (adopting) {
          adopting = false;
          await other.client.logout({ openUrl: false });
        }
        return result;
      },
    };
    const tab = world.openTab(options, { records });
    if (stripped) world.faults.push({ kind: 'alter', alter: ({ refresh_token: _token, ...body }) => body });
    adopting = true;
    await expect(tab.login()).rejects.toMatchObject({ error: 'login_required' });
    await expect(tab.client.isAuthenticated()).resolves.toBe(false);
    expect(world.localStorage.names()).toEqual([]);
  });

  it('after a login, in another tab, beats a frame that was open before both', async () => {
    const world = createWorld();
    const options = { useRefreshTokens: false };
    const first = world.openTab(options);
    await first.login();
    await first.client.logout({ openUrl: false }); // still known at the tenant
    world.faults.push({ kind: 'slow', by: 1000 });
    const { client } = world.openTab(options);
    const call = expect(client.getTokenSilently()).rejects.toMatchObject({ error: 'login_required' });
    await world.rest();
    const other = world.openTab(options);
    await other.login();
    await other.client.logout({ openUrl: false });
    await world.advance(1000);
    await call;
    await expect(world.openTab(options).client.isAuthenticated()).resolves.toBe(false);
  });

  it('that dies with its page in the middle leaves nobody signed in, and what is left is revoked', async () => {
    const world = createWorld();
    const tab = world.openTab(noFallback);
    await tab.login();
    const records = { update: () => new Promise<never>(() => {}), close() {} };
    const dying = world.openTab(noFallback, { records });
    void dying.client.logout();
    await world.rest();
    dying.kill();
    const { client } = world.openTab(noFallback);
    await expect(client.isAuthenticated()).resolves.toBe(false);
    const call = expect(client.getTokenSilently()).rejects.toMatchObject({ error: 'missing_refresh_token' });
    await world.advance(15_000);
    await call;
    expect(world.tenant.families().map(({ verdict }) => verdict)).toEqual(['revoked']);
  });

  it('leaves for the tenant without waiting for the revocation, and settles when that is over', async () => {
    const world = createWorld();
    const tab = world.openTab();
    await tab.login();
    const before = tab.navigations.length;
    world.revocationFaults.push({ kind: 'hang' });
    let settled = false;
    const call = tab.client.logout().finally(() => (settled = true));
    await world.rest();
    expect(tab.navigations).toHaveLength(before + 1);
    expect(settled).toBe(false);
    await world.advance(3000);
    await expect(call).resolves.toBeUndefined();
  });

  it('revokes by a request that outlives the page', async () => {
    const world = createWorld();
    const { http } = world.openTab().env;
    const kept: [path: string, keepalive: boolean | undefined][] = [];
    const post: typeof http.post = (url, form, options) => {
      kept.push([new URL(url).pathname, options.keepalive]);
      return http.post(url, form, options);
    };
    const tab = world.openTab({}, { http: { ...http, post } });
    await tab.login();
    await tab.client.logout({ openUrl: false });
    expect(kept).toEqual([
      ['/oauth/token', undefined],
      ['/oauth/revoke', true],
    ]);
  });

  it('hands the address to openUrl, and stays where it is with openUrl: false', async () => {
    const world = createWorld();
    const tab = world.openTab();
    const urls: string[] = [];
    await tab.client.logout({ openUrl: (url) => void urls.push(url) });
    await tab.client.logout({ openUrl: false });
    expect(urls).toEqual([`${tenantUrl}/v2/logout?client_id=spa`]);
    expect(tab.navigations).toEqual([]);
  });

  const auth0Client = { name: 'n', version: '1', env: { a: 'b' } };
  const telemetry = encodeURIComponent(btoa('{"name":"n","version":"1"}'));
  it.each<[string, LogoutOptions, Partial<Auth0ClientOptions>, string]>([
    ['nothing more', {}, {}, '?client_id=spa'],
    ['who calls', {}, { auth0Client }, `?client_id=spa&auth0Client=${telemetry}`],
    ['no client', { clientId: null }, {}, ''],
    ['no client, but who calls', { clientId: null }, { auth0Client }, `?auth0Client=${telemetry}`],
    [
      'where to return to, and the identity provider',
      { logoutParams: { federated: true, returnTo: app } },
      { auth0Client },
      `?client_id=spa&returnTo=${encodeURIComponent(app)}&auth0Client=${telemetry}&federated`,
    ],
    ['not the identity provider', { logoutParams: { federated: false } }, {}, '?client_id=spa'],
    [
      'another client, and whatever the app says',
      { clientId: 'zz', logoutParams: { a: 1 } },
      { auth0Client },
      `?client_id=zz&a=1&auth0Client=${telemetry}`,
    ],
  ])('tells the tenant %s', async (_, options, clientOptions, query) => {
    const tab = createWorld().openTab(clientOptions);
    await tab.client.logout(options);
    expect(tab.navigations).toEqual([`${tenantUrl}/v2/logout${query}`]);
  });

  it.each([
    ['its own', undefined, [true, true]],
    ['another one’s', 'other', [false, true]],
    ['everyone’s', null, [false, false]],
  ] as const)('with a client id ends besides its own session %s', async (_, clientId, remaining) => {
    const world = createWorld();
    for (const name of ['other', 'other2']) {
      world.localStorage.set(`latchkey/1/localhost%3A4400/${name}/user`, '{}');
      world.localStorage.set(`@@auth0spajs@@::${name}::@@user@@`, '{}');
    }
    const tab = world.openTab();
    await tab.login();
    await tab.client.logout({ clientId, openUrl: false });
    await expect(tab.client.isAuthenticated()).resolves.toBe(false);
    for (const [at, name] of ['other', 'other2'].entries())
      expect(world.localStorage.names().filter((key) => key.split(/[/:]+/).includes(name))).toHaveLength(
        remaining[at] ? 2 : 0,
      );
  });
});
