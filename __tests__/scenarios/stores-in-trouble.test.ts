import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';
import { createRecordStore } from '../../src/browser/record-store.ts';
import type { Auth0ClientOptions } from '../../src/core/options.ts';
import { loadFeature } from '../../src/core/load-feature.ts';
import { createPageLocks } from '../../src/custody/page-locks.ts';
import type { TextStorage } from '../../src/environment.ts';
import { featureLoadFailed } from '../../src/errors.ts';
import { brokenSpends } from '../support/invariants.ts';
import {
  ada,
  createTextStorage,
  createWorld,
  grace,
  orders,
  type Tab,
  type World,
} from '../support/world.ts';

/** Of the browser, from now on: whether IndexedDB opens for whoever has not opened it yet, and whether it takes writes. */
let opens = true;
let writes: 'taken' | 'refused' | 'refused at the commit' = 'taken';
let factory = new IDBFactory();

const original = globalThis.indexedDB;
const records = IDBObjectStore.prototype;
const put = records.put;

beforeEach(() => {
  [opens, writes, factory] = [true, 'taken', new IDBFactory()];
  globalThis.indexedDB = {
    open(name: string, version?: number) {
      if (!opens) throw new DOMException('Internal error opening backing store', 'UnknownError');
      return factory.open(name, version);
    },
  } as IDBFactory;
  records.put = function (value: unknown, key?: IDBValidKey) {
    if (writes === 'refused') throw new DOMException('full', 'QuotaExceededError');
    const request = put.call(this, value, key);
    if (writes === 'refused at the commit') this.transaction.abort();
    return request;
  };
});
afterEach(() => {
  records.put = put;
});
afterAll(() => {
  globalThis.indexedDB = original;
});

const refreshed = { cacheMode: 'off' } as const;
const aToken = expect.any(String);
const toBeTriedAgain = { error: 'storage_error', retryable: true };
const notSignedIn = { error: 'missing_refresh_token' };

function createBrowser(storage?: TextStorage) {
  const world = createWorld();
  const localStorage = storage ?? world.localStorage;
  const locks = createPageLocks(world.timers);
  const cookies = {
    get: (name: string) => world.cookies.get(name),
    set: (name: string, value: string) => void world.cookies.set(name, value),
    remove: (name: string) => void world.cookies.delete(name),
  };
  const openPage = (options: Partial<Auth0ClientOptions> = {}) =>
    world.openTab(
      { useRefreshTokensFallback: false, ...options },
      { localStorage, records: createRecordStore({ localStorage, cookies, locks, timers: world.timers }) },
    );
  return { world, openPage };
}

/** A page that keeps its session beside an IndexedDB that does not open; it opens from then on. */
async function livingOnFallback(openPage: () => Tab, email = ada): Promise<Tab> {
  opens = false;
  const page = openPage();
  await page.login(email);
  opens = true;
  return page;
}

const tokenOf = (tab: Tab) => tab.client.getTokenSilently(refreshed);

function expectOneSpendEach(world: World): void {
  expect(brokenSpends(world, 35_000)).toEqual([]);
  expect(world.frames).toEqual([]);
}

describe('P33: a session of a page whose IndexedDB failed once', () => {
  it('is that of a later page whose IndexedDB works, and goes on in both', async () => {
    const { world, openPage } = createBrowser();
    const first = await livingOnFallback(openPage);
    const second = openPage();
    await expect(tokenOf(second)).resolves.toEqual(aToken);
    await expect(tokenOf(first)).resolves.toEqual(aToken);
    await expect(tokenOf(second)).resolves.toEqual(aToken);
    expect(world.refreshes()).toHaveLength(3);
    expectOneSpendEach(world);
  });

  it('leaves no refresh token in localStorage when it has moved', async () => {
    const { world, openPage } = createBrowser();
    await livingOnFallback(openPage);
    const stored = () => world.localStorage.names().map((name) => world.localStorage.get(name) ?? '');
    expect(stored().join()).toContain('"refresh_token"');
    await tokenOf(openPage());
    expect(stored().join()).not.toContain('"refresh_token"');
  });

  it('is not lost to it when it cannot follow: it is told to try again, sends nothing, and follows later', async () => {
    const { world, openPage } = createBrowser();
    const first = await livingOnFallback(openPage);
    await tokenOf(openPage());
    opens = false;
    await expect(tokenOf(first)).rejects.toMatchObject(toBeTriedAgain);
    expect(world.refreshes()).toHaveLength(1);
    opens = true;
    await expect(tokenOf(first)).resolves.toEqual(aToken);
    expectOneSpendEach(world);
  });

  it.each([
    ['follows at once', true],
    ['cannot follow for a while', false],
  ])('is spent once where it moves in the middle of a refresh, by a page that %s', async (_, follows) => {
    const { world, openPage } = createBrowser();
    const first = await livingOnFallback(openPage);
    let answer = () => {};
    world.faults.push({ kind: 'hold', until: new Promise((resolve) => (answer = resolve)) });
    const refreshing = tokenOf(first);
    for (let turn = 0; turn < 50 && world.refreshes().length === 0; turn++) await world.rest();
    expect(world.refreshes()).toHaveLength(1);
    const second = openPage();
    await expect(second.client.isAuthenticated()).resolves.toBe(true);
    opens = follows;
    answer();
    await expect(refreshing).resolves.toEqual(aToken);
    opens = true;
    for (let quarter = 0; quarter < 8; quarter++) {
      await world.advance(250); // what the store did not take is offered again
      await first.client.isAuthenticated(); // IndexedDB takes its turns in order
    }
    await expect(tokenOf(second)).resolves.toEqual(aToken);
    await expect(tokenOf(first)).resolves.toEqual(aToken);
    expect(world.refreshes()).toHaveLength(3);
    expectOneSpendEach(world);
  });

  it('does not come back after a logout on the page that it moved to', async () => {
    const { world, openPage } = createBrowser();
    const first = await livingOnFallback(openPage);
    const second = openPage();
    await second.client.getTokenSilently();
    await second.client.logout({ openUrl: false });
    opens = false;
    await expect(tokenOf(first)).rejects.toMatchObject({ error: expect.any(String) });
    await expect(tokenOf(openPage())).rejects.toMatchObject(notSignedIn);
    opens = true;
    await expect(tokenOf(first)).rejects.toMatchObject(notSignedIn);
    await expect(tokenOf(openPage())).rejects.toMatchObject(notSignedIn);
    expect(world.refreshes()).toEqual([]);
  });

  it('in IndexedDB outlives a page that cannot see it', async () => {
    const { world, openPage } = createBrowser();
    const first = openPage();
    await first.login();
    opens = false;
    const blind = openPage();
    await expect(tokenOf(blind)).rejects.toMatchObject(notSignedIn);
    opens = true;
    await expect(tokenOf(first)).resolves.toEqual(aToken);
    await world.advance(20_000); // longer than a family without a marker lives
    await expect(tokenOf(first)).resolves.toEqual(aToken);
    await expect(tokenOf(openPage())).resolves.toEqual(aToken);
    expectOneSpendEach(world);
  });

  it('ends with a logout there what IndexedDB holds', async () => {
    const { world, openPage } = createBrowser();
    const second = openPage();
    await second.login();
    opens = false;
    await openPage().client.logout({ openUrl: false });
    opens = true;
    await expect(second.client.isAuthenticated()).resolves.toBe(false);
    await expect(tokenOf(second)).rejects.toMatchObject(notSignedIn);
    await expect(tokenOf(openPage())).rejects.toMatchObject(notSignedIn);
    expect(world.refreshes()).toEqual([]);
  });

  it('follows a login there of somebody else, in the pages whose IndexedDB works too', async () => {
    const { world, openPage } = createBrowser();
    const second = openPage();
    await second.login();
    await livingOnFallback(openPage, grace);
    await expect(tokenOf(second)).resolves.toEqual(aToken);
    await expect(second.client.getUser()).resolves.toMatchObject({ email: grace });
    expectOneSpendEach(world);
  });

  it('keeps the other audiences of the same user, and revokes at a logout what it replaced', async () => {
    const { world, openPage } = createBrowser();
    const second = openPage();
    await second.login(ada, { audience: orders });
    await second.login();
    await livingOnFallback(openPage);
    const elsewhere = { authorizationParams: { audience: orders } };
    await expect(second.client.getTokenSilently({ ...refreshed, ...elsewhere })).resolves.toEqual(aToken);
    await expect(tokenOf(second)).resolves.toEqual(aToken);
    expectOneSpendEach(world);
    await second.client.logout({ openUrl: false });
    const revoked = world.requests.filter(({ path }) => path === '/oauth/revoke');
    expect(revoked).toHaveLength(3);
  });

  it('is followed into a second life beside IndexedDB by nobody who lived on the first', async () => {
    const { world, openPage } = createBrowser();
    const first = await livingOnFallback(openPage);
    await tokenOf(openPage());
    opens = false;
    await openPage().login(grace);
    await expect(tokenOf(first)).rejects.toMatchObject(toBeTriedAgain);
    opens = true;
    await expect(tokenOf(first)).resolves.toEqual(aToken);
    await expect(first.client.getUser()).resolves.toMatchObject({ email: grace });
    expectOneSpendEach(world);
  });
});

describe.each(['refused', 'refused at the commit'] as const)('P33: IndexedDB whose writes are %s', (how) => {
  it('keeps nobody from logging in and refreshing, in any tab', async () => {
    const { world, openPage } = createBrowser();
    writes = how;
    const first = openPage();
    await first.login();
    await expect(tokenOf(first)).resolves.toEqual(aToken);
    await expect(tokenOf(openPage())).resolves.toEqual(aToken);
    expectOneSpendEach(world);
  });

  it('keeps nobody from it where localStorage takes nothing either', async () => {
    const full = () => {
      throw new DOMException('full', 'QuotaExceededError');
    };
    const { world, openPage } = createBrowser({ ...createTextStorage(), set: full });
    writes = how;
    const page = openPage();
    await page.login();
    await expect(tokenOf(page)).resolves.toEqual(aToken);
    expectOneSpendEach(world);
  });

  it('is used again by the next page, with the session that was kept beside it', async () => {
    const { world, openPage } = createBrowser();
    writes = how;
    const first = openPage();
    await first.login();
    writes = 'taken';
    await expect(tokenOf(openPage())).resolves.toEqual(aToken);
    await expect(tokenOf(first)).resolves.toEqual(aToken);
    expectOneSpendEach(world);
  });

  it('keeps the session that it holds: nothing is sent, and it goes on when writes are taken', async () => {
    const { world, openPage } = createBrowser();
    await openPage().login();
    writes = how;
    const next = openPage();
    await expect(next.client.isAuthenticated()).resolves.toBe(true);
    await expect(tokenOf(next)).rejects.toMatchObject(toBeTriedAgain);
    expect(world.refreshes()).toEqual([]);
    writes = 'taken';
    await expect(tokenOf(next)).resolves.toEqual(aToken);
    expectOneSpendEach(world);
  });

  it('is stepped over by a login, and what it held is not spent again', async () => {
    const { world, openPage } = createBrowser();
    const former = openPage();
    await former.login();
    writes = how;
    const next = openPage();
    await next.login(grace);
    await expect(tokenOf(next)).resolves.toEqual(aToken);
    await expect(tokenOf(former)).rejects.toMatchObject(toBeTriedAgain);
    await expect(tokenOf(next)).resolves.toEqual(aToken);
    writes = 'taken';
    await expect(tokenOf(former)).resolves.toEqual(aToken);
    await expect(former.client.getUser()).resolves.toMatchObject({ email: grace });
    expectOneSpendEach(world);
  });

  it('is stepped over by a logout, which nothing comes back from', async () => {
    const { world, openPage } = createBrowser();
    await openPage().login();
    writes = how;
    await openPage().client.logout({ openUrl: false });
    await expect(tokenOf(openPage())).rejects.toMatchObject(notSignedIn);
    writes = 'taken';
    await expect(tokenOf(openPage())).rejects.toMatchObject(notSignedIn);
    expect(world.refreshes()).toEqual([]);
    expect(world.requests.map(({ path }) => path)).toContain('/oauth/revoke');
  });
});

describe('a lock whose code cannot be loaded', () => {
  it('is done without at once', async () => {
    const world = createWorld();
    const run = () => Promise.reject(featureLoadFailed(new TypeError('Failed to fetch')));
    const tab = world.openTab({}, { locks: { exclusive: false, run } });
    await tab.login();
    await expect(tokenOf(tab)).resolves.toEqual(aToken);
    expectOneSpendEach(world);
  });

  it('is done without after the time that a lock is waited for, where it does not come at all', async () => {
    const world = createWorld();
    const never = () => new Promise<never>(() => {});
    const run = () => loadFeature(world.timers, never);
    const tab = world.openTab({}, { locks: { exclusive: false, run } });
    await tab.login();
    const refreshing = tokenOf(tab);
    await world.advance(6000);
    await expect(refreshing).resolves.toEqual(aToken);
    await world.advance(10_000); // what the code's loading ends with is nobody's concern any more
    expectOneSpendEach(world);
  });
});
