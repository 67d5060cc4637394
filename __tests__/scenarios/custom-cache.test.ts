import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import type { ICache } from '../../src/core/cache.ts';
import { pause } from '../../src/core/patience.ts';
import type { Environment } from '../../src/environment.ts';
import { createWorld, grace, orders, type World } from '../support/world.ts';
import { watch } from '../support/invariants.ts';

const twoHours = 2 * 3600 * 1000;

/** A cache of the app's own that answers late. */
function asyncCache(entries = new Map<string, string>()) {
  const later = () => new Promise((resolve) => setImmediate(resolve));
  const cache: ICache = {
    async get<T>(key: string) {
      await later();
      const text = entries.get(key);
      return text === undefined ? undefined : (JSON.parse(text) as T);
    },
    async set(key, entry) {
      await later();
      entries.set(key, JSON.stringify(entry));
    },
    async remove(key) {
      await later();
      entries.delete(key);
    },
  };
  return { cache, entries };
}

const options = (cache: ICache) => ({ cache, useRefreshTokensFallback: false });

async function signedIn(world: World, cache: ICache) {
  const tab = world.openTab(options(cache));
  await tab.login();
  await world.advance(twoHours);
  return tab;
}

/** Everything in the coherent store, as text. */
async function inRecords(world: World): Promise<string> {
  const texts: string[] = [];
  for (const name of world.recordNames())
    texts.push(await world.records.update(name, (record) => [record, JSON.stringify(record) ?? '']));
  return texts.join('\n');
}

describe('a cache of the app’s own', () => {
  it('may look into what it is given, as one that was written for auth0-spa-js does', async () => {
    const entries = new Map<string, object>();
    const cache: ICache = {
      get: <T>(key: string) => entries.get(key) as T,
      set: (key, entry) => void ('body' in (entry as object) || entries.set(key, entry as object)),
      remove: (key) => void entries.delete(key),
    };
    const world = createWorld();
    const tab = await signedIn(world, cache);
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    await tab.client.logout({ openUrl: false });
    await expect(tab.client.isAuthenticated()).resolves.toBe(false);
  });

  it('keeps the refresh token, and the coherent store nothing but names', async () => {
    const world = createWorld();
    const { cache, entries } = asyncCache();
    const tab = await signedIn(world, cache);
    await tab.client.getTokenSilently();
    const sent = world.refreshes()[0]!.form.get('refresh_token')!;
    const held = [...entries.values()].join('\n');
    expect(held).toContain('"refresh_token"');
    expect(held).not.toContain(sent); // spent, and gone
    const pointer = String.raw`\{"to":"[\w-]{22}","at":\d+\}`;
    expect(await inRecords(world)).toMatch(new RegExp(`^${pointer}\n${pointer}$`));
    expect(world.localStorage.names()).toEqual([]);
  });

  it('shared by 20 tabs: one of them sends', async () => {
    const world = createWorld();
    const { cache, entries } = asyncCache();
    await signedIn(world, cache);
    const tabs = Array.from({ length: 20 }, () => world.openTab(options(asyncCache(entries).cache)));
    const tokens = await Promise.all(tabs.map((tab) => tab.client.getTokenSilently()));
    expect(new Set(tokens).size).toBe(1);
    expect(world.refreshes()).toHaveLength(1);
  });

  it('of each tab’s own: each has its own session, and none disturbs another', async () => {
    const world = createWorld();
    const one = await signedIn(world, asyncCache().cache);
    const other = await signedIn(world, asyncCache().cache);
    await other.client.logout({ openUrl: false });
    await expect(other.client.isAuthenticated()).resolves.toBe(false);
    await expect(one.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    await world.advance(twoHours);
    await expect(one.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    expect(world.journal()).not.toContain('ferrt');
  });

  it('cleared by the app: nobody is signed in, and a login begins anew', async () => {
    const world = createWorld();
    const { cache, entries } = asyncCache();
    const tab = await signedIn(world, cache);
    entries.clear();
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({ error: 'missing_refresh_token' });
    await tab.login(grace);
    await world.advance(twoHours);
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    await expect(tab.client.getUser()).resolves.toMatchObject({ name: 'Grace' });
  });

  it('that is slow: a login stands, however late it comes to a tab that is told of the former session’s end', async () => {
    for (let delay = 440; delay <= 540; delay += 20) {
      const world = createWorld({ appCache: true, latency: () => 20 });
      const strict = { useRefreshTokensFallback: false };
      const done = async (work: Promise<void>) => {
        await world.advance(5000);
        await work;
      };
      const tab = world.openTab(strict);
      await done(tab.login());
      await world.advance(twoHours);
      let refusals = 1;
      const http: Environment['http'] = {
        ...tab.env.http,
        post: async (...request) =>
          refusals-- > 0 ? { status: 403, body: '{"error":"invalid_grant"}' } : tab.env.http.post(...request),
      };
      const told = world.openTab(strict, { http }).client.getTokenSilently();
      told.catch(() => {});
      await world.advance(delay);
      await done(tab.login());
      await world.advance(20_000);
      const call = world.openTab(strict).client.getTokenSilently({ cacheMode: 'off' });
      await done(call.then(() => {}));
    }
  });

  it('cleared by the app after a session had ended: the end of the next one is told in the same page', async () => {
    const world = createWorld();
    const { cache, entries } = asyncCache();
    const { client } = await signedIn(world, cache);
    const ended = async () => {
      await world.advance(twoHours);
      world.faults.push({ kind: 'answer', status: 403, body: '{"error":"invalid_grant"}' });
      await expect(client.getTokenSilently()).rejects.toMatchObject({ error: 'invalid_grant' });
      await expect(client.isAuthenticated()).resolves.toBe(false);
    };
    await ended();
    entries.clear();
    await signedIn(world, cache);
    await ended();
  });

  it('keeps no entry of the former session after a logout, and the tombstone stays', async () => {
    const world = createWorld();
    const { cache, entries } = asyncCache();
    const listing: ICache = { ...cache, allKeys: () => [...entries.keys()] };
    const tab = await signedIn(world, listing);
    await tab.client.logout({ openUrl: false });
    expect([...entries.values()].join('\n')).not.toMatch(/refresh_token|access_token|id_token/);
    expect([...entries.values()].join('\n')).toContain('"cause":"logout"');
  });

  it('that lists nothing gives up the tokens of every audience', async () => {
    const world = createWorld();
    const { cache, entries } = asyncCache();
    const tab = world.openTab({ cache });
    await tab.login();
    await tab.client.getTokenSilently({ authorizationParams: { audience: orders } });
    await tab.client.logout({ openUrl: false });
    expect([...entries.values()].join('\n')).not.toMatch(/access_token|id_token/);
  });

  it('P33: that takes nothing shows nobody after a logout', async () => {
    const world = createWorld();
    const full: ICache = { get: () => undefined, set: () => Promise.reject(new Error('full')), remove() {} };
    const tab = world.openTab({ cache: full, useRefreshTokens: false });
    await tab.login();
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
    await tab.client.logout({ openUrl: false });
    await expect(tab.client.isAuthenticated()).resolves.toBe(false);
  });

  it.each<[string, (keys: string[]) => unknown]>([
    ['null', () => null],
    ['an object', () => ({})],
    ['an iterator', (keys) => new Set(keys).keys()],
    ['a list of anything', (keys) => [1, null, ...keys]],
  ])('that lists its keys as %s gives up the entries of who leaves', async (_, listed) => {
    const world = createWorld();
    const { cache, entries } = asyncCache();
    const tab = await signedIn(world, { ...cache, allKeys: () => listed([...entries.keys()]) as string[] });
    await tab.login(grace);
    await expect(tab.client.getUser()).resolves.toMatchObject({ name: 'Grace' });
    await tab.client.logout({ openUrl: false });
    expect([...entries.keys()].filter((key) => /\/(tokens|user)/.test(key))).toEqual([]);
  });

  it.each<[string, Partial<ICache>]>([
    ['never answers', { get: () => new Promise<never>(() => {}) }],
    ['never answers, from another realm', { get: () => runInNewContext('new Promise(() => {})') as never }],
    ['fails', { get: () => Promise.reject(new Error('no')) }],
    [
      'throws',
      {
        get: () => {
          throw new Error('no');
        },
      },
    ],
  ])(
    'P33: that %s loses nothing: every call ends, and all is well once it works again',
    async (_, broken) => {
      const world = createWorld();
      const { cache } = asyncCache();
      const whims: ICache = { ...cache };
      const tab = await signedIn(world, whims);
      Object.assign(whims, broken);
      const calls = [
        tab.client.getTokenSilently(),
        tab.client.isAuthenticated(),
        tab.client.getUser(),
        tab.client.checkSession(),
      ];
      const settled = Promise.allSettled(calls);
      await world.advance(60_000);
      const [token, authenticated] = await settled;
      expect(token).toMatchObject({
        status: 'rejected',
        reason: { error: 'storage_error', retryable: true },
      });
      expect(authenticated).toMatchObject({ value: true });
      expect(world.refreshes()).toEqual([]);
      Object.assign(whims, cache);
      await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    },
  );

  /** Its answers take as long as `delay` says; `sets`: how often it was written to. */
  function slowCache(world: World) {
    const { cache } = asyncCache();
    const state = { delay: 0, sets: 0 };
    const late = () => (state.delay > 0 ? pause(world.timers, state.delay) : undefined);
    const slow: ICache = {
      async get<T>(key: string) {
        await late();
        return cache.get<T>(key);
      },
      async set(key, entry) {
        state.sets++;
        await late();
        await cache.set(key, entry);
      },
      async remove(key) {
        await late();
        await cache.remove(key);
      },
    };
    return { slow, state };
  }

  it.each([2000, 4900])(
    'that takes %i ms for each answer: a refresh that it makes late is given up, and not begun',
    async (delay) => {
      const world = createWorld();
      const { slow, state } = slowCache(world);
      const tab = await signedIn(world, slow);
      state.delay = delay;
      const call = watch(world, tab.client.getTokenSilently({ timeoutInSeconds: 120 }));
      await world.advance(120_000);
      expect(call.error).toMatchObject({ error: 'storage_error', reason: 'late', retryable: true });
      const written = state.sets;
      await world.advance(10 * 60_000);
      expect(state.sets).toBe(written);
      expect(world.refreshes()).toEqual([]);
      state.delay = 0;
      await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    },
  );

  it('that is slow is left alone by a client that is disposed of', async () => {
    const world = createWorld();
    const { slow, state } = slowCache(world);
    const tab = await signedIn(world, slow);
    Object.assign(state, { delay: 2000, sets: 0 });
    void tab.client.getTokenSilently().catch(() => {});
    await world.advance(11_000);
    expect(state.sets).toBe(1); // of its claim, which is under way
    tab.client.dispose();
    await world.advance(10 * 60_000);
    expect(state.sets).toBe(2); // which is given back
  });

  it('that refuses the marker of a login, and what tells that there is none, for a moment, costs no session', async () => {
    const world = createWorld();
    const entries = new Map<string, string>();
    let refusals = 0;
    const cache: ICache = {
      get: <T>(key: string) => JSON.parse(entries.get(key) ?? 'null') as T | undefined,
      set(key, entry) {
        if (key.endsWith('/user')) refusals = 2;
        if (refusals-- > 0) throw new Error('too busy');
        entries.set(key, JSON.stringify(entry));
      },
      remove: (key) => void entries.delete(key),
    };
    const tab = await signedIn(world, cache);
    await world.advance(1000);
    const other = world.openTab({ cache, useRefreshTokensFallback: false });
    const call = watch(world, other.client.getTokenSilently({ cacheMode: 'off' }));
    await world.advance(20_000);
    expect(call.error).toBeUndefined();
    await expect(tab.client.getTokenSilently({ cacheMode: 'off' })).resolves.toEqual(expect.any(String));
  });

  it('P33: that gives nothing up is not believed after a logout', async () => {
    const world = createWorld();
    const { cache } = asyncCache();
    const clinging: ICache = { ...cache, remove: () => Promise.reject(new Error('no')) };
    const tab = await signedIn(world, clinging);
    await expect(tab.client.logout({ openUrl: false })).rejects.toMatchObject({
      error: 'storage_error',
      retryable: true,
      cause: new Error('no'),
    });
    await expect(tab.client.isAuthenticated()).resolves.toBe(false);
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({ requiresLogin: true });
  });
});
