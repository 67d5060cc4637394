/** Logins and logouts beside a tab that is slow, frozen or gone at the wrong moment. */
import { describe, expect, it } from '@jest/globals';
import type { Environment, RecordStore, Timers } from '../../src/environment.ts';
import type { GenericError } from '../../src/errors.ts';
import { createWorld, grace, orders, type Tab, type World } from '../support/world.ts';

const twoHours = 2 * 3600 * 1000;
const strict = { useRefreshTokensFallback: false };

/** The shared store, as a busy page sees it: each way takes `each` ms. */
function slowRecords(world: World, each: number, timers: () => Timers = () => world.timers): RecordStore {
  const travel = () => new Promise<void>((resolve) => void timers().after(each, resolve));
  return {
    async update(name, step) {
      await travel();
      const result = await world.records.update(name, step);
      await travel();
      return result;
    },
    close() {},
  };
}

/** What comes of it when so much time has passed. */
async function done<T>(world: World, work: Promise<T>, within = 20_000): Promise<T> {
  work.catch(() => {});
  await world.advance(within);
  return work;
}

/** The requests of such a tab, the first of which the tenant refuses. */
function refusedOnce({ env }: Tab): Environment['http'] {
  let refusals = 1;
  return {
    ...env.http,
    post: async (...request) =>
      refusals-- > 0 ? { status: 403, body: '{"error":"invalid_grant"}' } : env.http.post(...request),
  };
}

const outcomeOf = (call: Promise<unknown>) =>
  call.then(
    () => 'token',
    (error: GenericError) => `${error.error} (${error.reason})`,
  );

describe('a login stands', () => {
  it('however late a slow tab tells of the former session’s end', async () => {
    for (let delay = 420; delay <= 520; delay += 20) {
      const world = createWorld();
      const tab = world.openTab(strict);
      await tab.login();
      await world.advance(twoHours);
      const http = refusedOnce(tab);
      const slow = world.openTab(strict, { http, records: slowRecords(world, 50) });
      const told = outcomeOf(slow.client.getTokenSilently());
      await world.advance(delay);
      await done(world, tab.login());
      const call = outcomeOf(tab.client.getTokenSilently({ cacheMode: 'off' }));
      expect({ delay, told: await told, later: await done(world, call) }).toMatchObject({ later: 'token' });
    }
  });

  it('after a page that was frozen while it was about to tell of the former end wakes up', async () => {
    for (let delay = 170; delay <= 210; delay += 10) {
      const world = createWorld({ latency: () => 20 });
      const tab = world.openTab(strict);
      await done(world, tab.login());
      await world.advance(twoHours);
      const http = refusedOnce(tab);
      const frozen = world.openTab(strict, { http });
      const told = outcomeOf(frozen.client.getTokenSilently());
      await world.advance(delay);
      frozen.freeze();
      await done(world, tab.login());
      frozen.wake();
      await world.advance(20_000);
      const call = outcomeOf(tab.client.getTokenSilently({ cacheMode: 'off' }));
      expect({ delay, told: await told, later: await done(world, call) }).toMatchObject({ later: 'token' });
    }
  });

  it('that follows a logout, while a slow tab takes back what it wrote for the former session', async () => {
    for (let delay = 620; delay <= 720; delay += 20) {
      const world = createWorld();
      const tab = world.openTab(strict);
      await tab.login();
      await world.advance(twoHours);
      const slow = world.openTab(strict, { records: slowRecords(world, 100) });
      const told = outcomeOf(slow.client.getTokenSilently());
      await world.advance(delay);
      await done(world, tab.client.logout({ openUrl: false }), 60);
      await done(world, tab.login());
      const call = outcomeOf(tab.client.getTokenSilently({ cacheMode: 'off' }));
      expect({ delay, told: await told, later: await done(world, call) }).toMatchObject({ later: 'token' });
    }
  });

  it('where no refresh tokens are used and the former user is silently logged in meanwhile', async () => {
    for (let delay = 60; delay <= 220; delay += 40) {
      const world = createWorld();
      const options = { useRefreshTokens: false };
      const tab = world.openTab(options);
      await tab.login();
      await world.advance(twoHours);
      const slow = world.openTab(options, { records: slowRecords(world, 50) });
      const silent = outcomeOf(slow.client.getTokenSilently());
      await world.advance(delay);
      await done(world, tab.login(grace));
      await silent;
      expect({ delay, user: await tab.client.getUser() }).toMatchObject({ user: { name: 'Grace' } });
    }
  });
});

describe('a logout', () => {
  it('stands, at the latest when a token is asked for anew, where a page was closed that was just silently signing in', async () => {
    const forOrders = { authorizationParams: { audience: orders } };
    let overtaken = 0;
    for (let until = 180; until <= 300; until += 20) {
      const world = createWorld();
      const tab = world.openTab();
      await tab.login();
      const slow: Tab = world.openTab({}, { records: slowRecords(world, 50, () => slow.env.timers) });
      slow.client.getTokenSilently(forOrders).catch(() => {});
      await world.advance(until);
      await done(world, tab.client.logout({ openUrl: false }), 90);
      slow.kill();
      overtaken += Number(await tab.client.isAuthenticated());
      const call = outcomeOf(tab.client.getTokenSilently({ ...forOrders, cacheMode: 'off' }));
      expect(await done(world, call, 1500)).toBe('missing_refresh_token (signed_out)');
      await expect(tab.client.isAuthenticated()).resolves.toBe(false);
    }
    expect(overtaken).toBeGreaterThan(0);
  });
});
