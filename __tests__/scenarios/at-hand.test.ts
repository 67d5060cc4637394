import { describe, expect, it } from '@jest/globals';
import type { ICache } from '../../src/core/cache.ts';
import type { TextStorage } from '../../src/environment.ts';
import { createWorld } from '../support/world.ts';

const hour = 3600 * 1000;

/** A world whose `localStorage` tells what was read of it. */
function watchedWorld() {
  const world = createWorld();
  const names: string[] = [];
  const { localStorage } = world;
  const watched: TextStorage = {
    ...localStorage,
    get(name) {
      names.push(name);
      return localStorage.get(name);
    },
  };
  return { world, names, ports: { localStorage: watched } };
}

describe('a token that is there', () => {
  it.each([
    ['localstorage', ['user', 'tokens']],
    ['memory', ['logout']], // by which another page would tell of one
  ] as const)('costs no more than a look at what may have changed (%s)', async (cacheLocation, read) => {
    const { world, names, ports } = watchedWorld();
    const tab = world.openTab({ cacheLocation, worker: false }, ports);
    await tab.login();
    const token = await tab.client.getTokenSilently();
    names.length = 0;

    await expect(tab.client.getTokenSilently()).resolves.toBe(token);

    expect(names.map((name) => name.split('/')[4])).toEqual(read);
  });

  it('is another as soon as another tab has written one', async () => {
    const world = createWorld();
    const [one, other] = [world.openTab(), world.openTab()];
    await one.login();
    const before = await one.client.getTokenSilently();
    await expect(other.client.getTokenSilently()).resolves.toBe(before);
    const renewed = await other.client.getTokenSilently({ cacheMode: 'off' });

    await expect(one.client.getTokenSilently()).resolves.toBe(renewed);
  });

  it.each([
    ['localstorage', {}],
    ['memory', { cacheLocation: 'memory', worker: false }],
  ] as const)('is nobody’s once another tab has logged out (%s)', async (_, options) => {
    const world = createWorld();
    const [one, other] = [world.openTab(options), world.openTab(options)];
    await one.login();
    await one.client.getTokenSilently();
    await other.login();
    await other.client.logout({ openUrl: false });

    await expect(one.client.isAuthenticated()).resolves.toBe(false);
    await expect(one.client.getUser()).resolves.toBeUndefined();
    await expect(one.client.getTokenSilently({ cacheMode: 'cache-only' })).resolves.toBeUndefined();
  });

  it('serves narrower scopes, is renewed at its end, and tells a miss at once', async () => {
    const world = createWorld();
    const tab = world.openTab({ cacheLocation: 'memory', worker: false });
    await tab.login();
    const token = await tab.client.getTokenSilently();
    const ask = (scope: string) =>
      tab.client.getTokenSilently({ cacheMode: 'cache-only', authorizationParams: { scope } });
    await expect(ask('openid')).resolves.toBe(token);
    await expect(ask('never:granted')).resolves.toBeUndefined();
    await expect(
      tab.client.getTokenSilently({
        cacheMode: 'cache-only',
        authorizationParams: { audience: 'https://x.example' },
      }),
    ).resolves.toBeUndefined();
    await world.advance(hour);
    await expect(ask('openid')).resolves.toBeUndefined();

    await expect(tab.client.getTokenSilently()).resolves.not.toBe(token);
  });

  it('is found by the long way in a cache that calls itself memory and answers later, or not', async () => {
    const world = createWorld();
    const entries = new Map<string, unknown>();
    let isBroken = false;
    const cache: ICache = {
      location: 'memory',
      async get<T>(key: string) {
        if (isBroken) throw new Error('broken');
        return entries.get(key) as T;
      },
      async set(key, entry) {
        entries.set(key, entry);
      },
      async remove(key) {
        entries.delete(key);
      },
    };
    const tab = world.openTab({ cache, worker: false });
    await tab.login();
    const token = await tab.client.getTokenSilently();
    await expect(tab.client.getTokenSilently()).resolves.toBe(token);
    isBroken = true;

    await expect(tab.client.isAuthenticated()).resolves.toBe(true); // as it was: nobody knows better
  });

  it('is refused to a client that is disposed of', async () => {
    const world = createWorld();
    const tab = world.openTab();
    await tab.login();
    await tab.client.getTokenSilently();
    tab.client.dispose();

    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({ error: 'disposed' });
  });
});
