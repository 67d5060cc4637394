import { describe, expect, it } from '@jest/globals';
import type { Auth0ClientOptions } from '../../src/core/options.ts';
import { createWorld, orders, type Tab, type World } from '../support/world.ts';

/** Tokens live for an hour, and are served for 59 minutes. */
const options = { refreshAheadInSeconds: 600, useRefreshTokensFallback: false };
const minutes = (count: number) => count * 60_000;
const isToken: unknown = expect.any(String);
const refusal = { kind: 'answer', status: 403, body: '{"error":"invalid_grant"}' } as const;
const busy = { kind: 'answer', status: 503, body: '' } as const;

/** A tab whose user has just signed in, and what it was given. */
async function signedIn(world: World, changed: Partial<Auth0ClientOptions> = {}) {
  const tab = world.openTab({ ...options, ...changed });
  await tab.login();
  return { tab, token: await tab.client.getTokenSilently() };
}

/** Tabs that have all asked for a token, of which there is one. */
async function openTabs(world: World, count: number): Promise<Tab[]> {
  const { tab } = await signedIn(world);
  const tabs = [tab, ...Array.from({ length: count - 1 }, () => world.openTab(options))];
  for (const { client } of tabs) await client.getTokenSilently();
  return tabs;
}

const ask = (tabs: readonly Tab[]) => Promise.all(tabs.map(({ client }) => client.getTokenSilently()));

describe('P13, P36: in the last part of its life a token', () => {
  it('is returned at once, and another one to the next call', async () => {
    const world = createWorld();
    const { tab, token } = await signedIn(world);
    await world.advance(minutes(58));
    await expect(tab.client.getTokenSilently()).resolves.toBe(token);
    await world.rest();
    const next = await tab.client.getTokenSilently();
    expect(next).toEqual(isToken);
    expect(next).not.toBe(token);
    await world.advance(minutes(40));
    await expect(tab.client.getTokenSilently()).resolves.toBe(next);
    expect(world.refreshes()).toHaveLength(1);
  });

  it('is replaced by one that tells how wrong the clock is', async () => {
    const world = createWorld();
    const { tab } = await signedIn(world);
    await world.advance(minutes(58));
    world.jump(minutes(10));
    await tab.client.getTokenSilently();
    await world.rest();
    expect(world.warnings).toEqual([expect.stringContaining('clock is 599 s ahead')]);
  });

  it('is returned at once while the server hangs', async () => {
    const world = createWorld();
    const { tab, token } = await signedIn(world);
    await world.advance(minutes(58));
    world.faults.push({ kind: 'hang' });
    for (let calls = 0; calls < 3; calls++) {
      await expect(tab.client.getTokenSilently()).resolves.toBe(token);
      await world.rest();
    }
    expect(world.refreshes()).toHaveLength(1);
  });

  it('is not renewed before that, nor by an app that has not asked for it, nor where nobody asks', async () => {
    const world = createWorld();
    const { tab, token } = await signedIn(world);
    await world.advance(minutes(48));
    await expect(tab.client.getTokenSilently()).resolves.toBe(token);
    await world.advance(minutes(10));
    await expect(world.openTab().client.getTokenSilently()).resolves.toBe(token);
    await expect(tab.client.getTokenSilently({ cacheMode: 'cache-only' })).resolves.toBe(token);
    await world.rest();
    expect(world.refreshes()).toEqual([]);
  });

  it('is renewed by one of ten tabs, and all of them get what came', async () => {
    const world = createWorld();
    const tabs = await openTabs(world, 10);
    await world.advance(minutes(58));
    const first = await ask(tabs);
    await world.rest();
    const second = await ask(tabs);
    await world.rest();
    expect(new Set([...first, ...second]).size).toBe(2);
    expect(new Set(first).size).toBe(1);
    expect(world.refreshes()).toHaveLength(1);
  });

  it('is renewed by one tab, where another one does not see yet what came', async () => {
    const world = createWorld({ storageLag: 5000 });
    const { tab, token } = await signedIn(world);
    await world.advance(minutes(1));
    const other = world.openTab(options);
    await other.client.getTokenSilently();
    await world.advance(minutes(57));
    await tab.client.getTokenSilently();
    await world.rest();
    await expect(other.client.getTokenSilently()).resolves.toBe(token);
    await world.rest();
    await expect(other.client.getTokenSilently()).resolves.not.toBe(token);
    expect(world.refreshes()).toHaveLength(1);
  });

  it('is renewed for each audience that was asked for', async () => {
    const world = createWorld({ multiResource: true });
    const { tab } = await signedIn(world, { useMrrt: true });
    const both = () =>
      Promise.all(
        [undefined, orders].map((audience) =>
          tab.client.getTokenSilently({ authorizationParams: { audience } }),
        ),
      );
    const first = await both();
    await world.advance(minutes(58));
    await expect(both()).resolves.toEqual(first);
    await world.rest();
    await both();
    await world.rest();
    const sent = world.refreshes().length;
    const second = await both();
    expect(second.filter((token) => first.includes(token))).toEqual([]);
    expect(world.refreshes()).toHaveLength(sent);
    expect(sent).toBe(3);
  });

  it.each([1, 2, 3, 4])('is renewed in half of its life at the most (seed %d)', async (seed) => {
    const world = createWorld({ seed });
    const { tab, token } = await signedIn(world, { refreshAheadInSeconds: 1e6 });
    await world.advance(minutes(28));
    await expect(tab.client.getTokenSilently()).resolves.toBe(token);
    await world.rest();
    expect(world.refreshes()).toHaveLength(0);
    await world.advance(minutes(16));
    await tab.client.getTokenSilently();
    await world.rest();
    expect(world.refreshes()).toHaveLength(1);
  });

  it('is renewed with the refresh token in a worker, too', async () => {
    const world = createWorld();
    const { tab, token } = await signedIn(world, { cacheLocation: 'memory' });
    await world.advance(minutes(58));
    await expect(tab.client.getTokenSilently()).resolves.toBe(token);
    await world.rest();
    await expect(tab.client.getTokenSilently()).resolves.not.toBe(token);
    expect(world.refreshes()).toHaveLength(1);
  });

  it('is renewed by each browser at a moment of its own, in the first half of that part', async () => {
    const ages = [];
    for (let seed = 1; seed <= 8; seed++) {
      const world = createWorld({ seed });
      const began = world.steady();
      const { tab } = await signedIn(world);
      await world.advance(minutes(48.5));
      for (let second = 0; second < 660 && world.refreshes().length === 0; second += 10) {
        await world.advance(10_000);
        await tab.client.getTokenSilently();
        await world.rest();
      }
      ages.push((world.refreshes()[0]?.sentAt ?? 0) - began);
    }
    expect(new Set(ages).size).toBeGreaterThan(5);
    expect(Math.min(...ages)).toBeGreaterThanOrEqual(minutes(49));
    expect(Math.max(...ages)).toBeLessThanOrEqual(minutes(54) + 10_000);
  });
});

describe('P13: a page that the user comes back to', () => {
  it('after nine hours in which no timer fired costs ten tabs one request, and no call waits', async () => {
    const world = createWorld();
    const tabs = await openTabs(world, 10);
    world.sleep(9 * minutes(60));
    for (const tab of tabs) tab.show();
    await world.rest();
    expect(world.refreshes()).toHaveLength(1);
    world.online = false; // nothing more is needed
    expect(new Set(await ask(tabs)).size).toBe(1);
    expect(world.refreshes()).toHaveLength(1);
  });

  it('finds what another page has got before', async () => {
    const world = createWorld();
    const tabs = await openTabs(world, 3);
    world.sleep(9 * minutes(60));
    for (const tab of tabs) {
      tab.show();
      await world.rest();
    }
    expect(world.refreshes()).toHaveLength(1);
  });

  it('renews when the network comes back, though calls were made without it', async () => {
    const world = createWorld();
    const tabs = await openTabs(world, 3);
    world.online = false;
    world.sleep(minutes(58));
    await ask(tabs);
    await world.rest();
    world.online = true;
    await world.rest();
    expect(world.refreshes()).toHaveLength(1);
  });

  it.each([
    ['while the token is young', async (world: World) => world.advance(minutes(40))],
    [
      'while there is no network',
      async (world: World) => {
        world.online = false;
        world.sleep(minutes(600));
      },
    ],
    [
      'after a logout',
      async (world: World, tab: Tab) => {
        await tab.client.logout({ openUrl: false });
        world.sleep(minutes(58));
      },
    ],
    [
      'after its client was disposed of',
      async (world: World, tab: Tab) => {
        tab.client.dispose();
        world.sleep(minutes(58));
      },
    ],
  ] as const)('sends nothing %s', async (_, happen) => {
    const world = createWorld();
    const { tab } = await signedIn(world);
    await happen(world, tab);
    tab.show();
    await world.rest();
    expect(world.refreshes()).toEqual([]);
  });

  it('sends nothing where the app has not asked for a token, or has not turned it on', async () => {
    const world = createWorld();
    await signedIn(world, { refreshAheadInSeconds: 0 });
    const idle = world.openTab(options);
    await idle.client.isAuthenticated();
    const plain = world.openTab({ useRefreshTokensFallback: false });
    await plain.client.getTokenSilently();
    world.sleep(minutes(600));
    for (const tab of [idle, plain]) tab.show();
    await world.rest();
    expect(world.refreshes()).toEqual([]);
  });

  it('is watched for by nobody where there are no refresh tokens: no iframe opens', async () => {
    const world = createWorld();
    const { tab } = await signedIn(world, { useRefreshTokens: false });
    await world.advance(minutes(58));
    await tab.client.getTokenSilently();
    tab.show();
    await world.rest();
    expect([tab.isWatched(), world.frames]).toEqual([false, []]);
  });

  it('is watched for until its client is disposed of', async () => {
    const world = createWorld();
    const { tab } = await signedIn(world);
    await world.rest();
    expect(tab.isWatched()).toBe(true);
    tab.client.dispose();
    expect(tab.isWatched()).toBe(false);
  });

  it.each(['localstorage', 'memory'] as const)(
    'sends nothing while it is being left, but when it is shown again (%s)',
    async (cacheLocation) => {
      const world = createWorld();
      let leaving = false;
      const tab = world.openTab({ ...options, cacheLocation });
      Object.assign(tab.env.page, { leaving: () => leaving });
      await tab.login();
      await tab.client.getTokenSilently();
      await world.advance(minutes(58));
      leaving = true;
      await expect(tab.client.getTokenSilently()).resolves.toEqual(isToken);
      await world.rest();
      expect(world.refreshes()).toEqual([]);
      leaving = false;
      tab.show(); // out of the browser's cache of pages
      await world.rest();
      expect(world.refreshes()).toHaveLength(1);
    },
  );
});

describe('a clock that is put back', () => {
  it('does not keep a token from being renewed ahead of its end', async () => {
    const world = createWorld();
    const { tab, token } = await signedIn(world);
    await world.advance(minutes(30));
    world.jump(-minutes(300));
    await world.advance(minutes(28));
    await expect(tab.client.getTokenSilently()).resolves.toBe(token);
    await world.rest();
    expect(world.refreshes()).toHaveLength(1);
  });
});

describe('a renewal ahead of time that fails', () => {
  it('changes nothing, and is not tried by every call', async () => {
    const world = createWorld();
    const { tab, token } = await signedIn(world);
    await world.advance(minutes(55));
    world.faults.push(...Array.from({ length: 100 }, () => busy));
    for (let second = 0; second < 230; second++) {
      await expect(tab.client.getTokenSilently()).resolves.toBe(token);
      await world.advance(1000);
    }
    expect(world.refreshes().length).toBeGreaterThan(1);
    expect(world.refreshes().length).toBeLessThan(12);
    world.faults.length = 0;
    await world.advance(minutes(10));
    await expect(tab.client.getTokenSilently()).resolves.not.toBe(token);
  });

  it('because the tenant declines is not tried by every call either', async () => {
    const world = createWorld();
    const { tab, token } = await signedIn(world);
    await world.advance(minutes(55));
    const declined = { kind: 'answer', status: 403, body: '{"error":"mfa_required"}' } as const;
    world.faults.push(...Array.from({ length: 100 }, () => declined));
    for (let second = 0; second < 230; second++) {
      await expect(tab.client.getTokenSilently()).resolves.toBe(token);
      await world.advance(1000);
    }
    expect(world.refreshes().length).toBeGreaterThan(0);
    expect(world.refreshes().length).toBeLessThan(15);
  });

  it('for good leaves the token to its end; then a call is told, once', async () => {
    const world = createWorld();
    const { tab, token } = await signedIn(world);
    await world.advance(minutes(55));
    world.faults.push(refusal);
    for (let calls = 0; calls < 5; calls++) {
      await expect(tab.client.getTokenSilently()).resolves.toBe(token);
      await world.advance(20_000);
    }
    expect(world.refreshes()).toHaveLength(1);
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
    await world.advance(minutes(5));
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({ error: 'invalid_grant' });
    expect(world.refreshes()).toHaveLength(1);
  });

  it('with a logout meanwhile brings nobody back, and what came is revoked', async () => {
    const world = createWorld();
    const { tab } = await signedIn(world);
    await world.advance(minutes(58));
    let arrive = () => {};
    world.faults.push({ kind: 'hold', until: new Promise<void>((resolve) => (arrive = resolve)) });
    await tab.client.getTokenSilently();
    await world.rest();
    await tab.client.logout({ openUrl: false });
    arrive();
    await world.rest();
    await expect(tab.client.isAuthenticated()).resolves.toBe(false);
    await expect(tab.client.getTokenSilently({ cacheMode: 'cache-only' })).resolves.toBeUndefined();
    expect(world.tenant.families().map(({ verdict }) => verdict)).not.toContain('live');
  });
});

describe('P36, P37: a call that says how long its token is to be good for', () => {
  const quiet = { useRefreshTokensFallback: false };

  it.each([
    ['what is left of it', 600, 0],
    ['more than that', 1201, 1],
    ['nothing', 0, 0],
  ])('%s', async (_, minValiditySeconds, sent) => {
    const world = createWorld();
    const { tab } = await signedIn(world, quiet);
    await world.advance(minutes(40));
    const given = await tab.client.getTokenSilently({ minValiditySeconds, detailedResponse: true });
    expect(given?.expires_in).toBeGreaterThan(minValiditySeconds);
    expect(world.refreshes()).toHaveLength(sent);
  });

  it('gets a token in its last minute where it says that that will do', async () => {
    const world = createWorld();
    const { tab, token } = await signedIn(world, { ...quiet, refreshAheadInSeconds: 0 });
    await world.advance(minutes(59.5));
    await expect(tab.client.getTokenSilently({ minValiditySeconds: 10 })).resolves.toBe(token);
    await expect(tab.client.getTokenSilently({ minValiditySeconds: 31 })).resolves.not.toBe(token);
    expect(world.refreshes()).toHaveLength(1);
  });

  it('gets nothing out of the cache that is good for less', async () => {
    const world = createWorld();
    const { tab } = await signedIn(world, quiet);
    await world.advance(minutes(40));
    const wanted = { minValiditySeconds: 1800, cacheMode: 'cache-only' } as const;
    await expect(tab.client.getTokenSilently(wanted)).resolves.toBeUndefined();
  });

  it('gets no shorter one where no new one can be had', async () => {
    const world = createWorld();
    const { tab, token } = await signedIn(world, quiet);
    await world.advance(minutes(40));
    world.online = false;
    const call = tab.client.getTokenSilently({ minValiditySeconds: 1800 });
    await expect(call).rejects.toMatchObject({ retryable: true });
    await expect(tab.client.getTokenSilently()).resolves.toBe(token);
  });

  it('gets what there is where no token lives that long: a new one after a quarter of its life', async () => {
    const world = createWorld();
    const { tab, token } = await signedIn(world, quiet);
    const long = { minValiditySeconds: 86_400 };
    await world.advance(minutes(14));
    await expect(tab.client.getTokenSilently(long)).resolves.toBe(token);
    await world.advance(minutes(1));
    const next = await tab.client.getTokenSilently(long);
    expect(next).not.toBe(token);
    await expect(tab.client.getTokenSilently(long)).resolves.toBe(next);
    expect(world.refreshes()).toHaveLength(1);
  });

  it('costs one request in ten tabs', async () => {
    const world = createWorld();
    const tabs = await openTabs(world, 10);
    await world.advance(minutes(40));
    const calls = tabs.map(({ client }) => client.getTokenSilently({ minValiditySeconds: 1800 }));
    expect(new Set(await Promise.all(calls)).size).toBe(1);
    expect(world.refreshes()).toHaveLength(1);
  });

  it.each([-1, Number.NaN, '60', null])('is told where %p is no time', async (minValiditySeconds) => {
    const { client } = createWorld().openTab(quiet);
    await expect(client.getTokenSilently({ minValiditySeconds } as never)).rejects.toMatchObject({
      error: 'invalid_configuration',
    });
  });
});

it('a detailed answer tells when its token ends', async () => {
  const world = createWorld();
  const { tab } = await signedIn(world);
  const end = world.now() / 1000 + 3600;
  await world.advance(minutes(20));
  const given = await tab.client.getTokenSilently({ detailedResponse: true });
  expect(given).toMatchObject({ expires_at: end, expires_in: 2400 });
});
