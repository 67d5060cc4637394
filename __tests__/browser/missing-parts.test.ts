import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { launchChromium, type Chromium } from '../support/chromium.ts';
import { inTabs, ready, type AppTab, type AppWorld, type Lack, type Outcome } from './app-world.ts';

/** `LATCHKEY_ROUNDS=all`: many. */
const all = process.env.LATCHKEY_ROUNDS === 'all';

const seconds = 1000;
/** More than an access token lives. */
const expiry = 7200 * seconds;

/** When a claim counts as old that no exclusive lock accounts for: the exchange limit, and what the store may take. */
const takeover = 35 * seconds;

const pause = (ms: number) => new Promise((later) => setTimeout(later, ms));

let chromium: Chromium;

beforeAll(async () => {
  chromium = await launchChromium({ thirdPartyCookies: 'allowed' });
}, 30_000);

afterAll(() => chromium?.close());

/** All tabs at once, an expired access token each time; then a page that is opened afterwards. */
async function storm(world: AppWorld, tabs: readonly AppTab[], rounds: number) {
  const failed: Outcome[] = [];
  for (let round = 0; round < rounds; round++) {
    await world.advance(expiry);
    const outcomes = await Promise.all(tabs.map((tab) => tab.token()));
    failed.push(...outcomes.filter(({ token }) => token === undefined));
  }
  const requests = world.refreshes('app');
  await world.advance(expiry);
  const afterwards = await (await world.openTab()).token();
  return { requests, failed, lost: afterwards.token === undefined, reuses: world.journalOf('ferrt').length };
}

describe('P1: a browser without Web Locks', () => {
  const count = all ? 20 : 5;
  const rounds = all ? 20 : 2;

  it(
    `spends one refresh token a round with ${count} tabs at once, leeway 0`,
    () =>
      inTabs(chromium, { without: ['Web Locks'], count }, async (world, tabs) => {
        expect(await storm(world, tabs, rounds)).toEqual({
          requests: rounds,
          failed: [],
          lost: false,
          reuses: 0,
        });
      }),
    300_000,
  );
});

const noIndexedDb: readonly Lack[] = all ? ['IndexedDB', 'an IndexedDB that opens'] : ['IndexedDB'];

describe.each(noIndexedDb)('P1: a browser without %s', (lack) => {
  const rounds = all ? 50 : 3;

  it(
    'spends one refresh token a round with 5 tabs at once, leeway 0, and keeps it where it can',
    () =>
      inTabs(chromium, { without: [lack], count: 5 }, async (world, tabs) => {
        expect(await storm(world, tabs, rounds)).toEqual({
          requests: rounds,
          failed: [],
          lost: false,
          reuses: 0,
        });
        expect(await storedNames(tabs)).toContainEqual(expect.stringMatching(/^latchkey\/.*\/custody$/));
      }),
    300_000,
  );
});

describe('P1: a browser without Web Locks and without IndexedDB', () => {
  const rounds = all ? 30 : 1;

  // Two tabs may now and then both be given the lock, and then both write: how many requests there are is not promised.
  it(
    'loses no session and fails no call with 5 tabs at once, leeway 30 s',
    () =>
      inTabs(chromium, { without: ['Web Locks', 'IndexedDB'], count: 5, leeway: 30 }, async (world, tabs) => {
        expect(await storm(world, tabs, rounds)).toMatchObject({ failed: [], lost: false, reuses: 0 });
      }),
    300_000,
  );
});

describe('P2: a page that goes in the middle of its refresh, in a browser without Web Locks', () => {
  const ways = {
    closed: (tab) => tab.page.close(),
    crashed: async (tab) => {
      const session = await tab.page.createCDPSession();
      const crashed = new Promise((resolve) => tab.page.once('error', resolve));
      session.send('Page.crash').catch(() => {}); // it does not live to answer
      await crashed;
    },
  } satisfies Record<string, (tab: AppTab) => Promise<unknown>>;

  /** The tab that holds the lock and the claim is gone, and its refresh token is spent. */
  const afterHolder = (
    way: keyof typeof ways,
    leeway: number,
    story: (world: AppWorld, others: readonly [AppTab, ...AppTab[]]) => Promise<void>,
  ) =>
    inTabs(chromium, { without: ['Web Locks'], count: 3, leeway }, async (world, tabs) => {
      const [holder, other, another] = tabs as [AppTab, AppTab, AppTab];
      await world.advance(expiry);
      world.tenant.faults.add({ kind: 'delay', ms: 1500, grant: 'refresh_token' });
      holder.token().catch(() => {}); // its page goes
      while (world.refreshes('app') === 0) await pause(10);
      await ways[way](holder);
      expect(await storedNames([other])).toContainEqual(expect.stringMatching(/^browser-tabs-lock-key-/));
      await story(world, [other, another]);
    });

  it.each(['closed', 'crashed'] as const)(
    '%s: the others go on when its claim is old, leeway 60 s',
    (way) =>
      afterHolder(way, 60, async (world, others) => {
        await world.advance(takeover);
        for (const { token } of await Promise.all(others.map((tab) => tab.token())))
          expect(token).toBeDefined();
        expect(world.refreshes('app')).toBe(2);
        expect(world.journalOf('ferrt')).toEqual([]);
      }),
    60_000,
  );

  // Nothing tells a page that is gone from one that is slow, until then.
  it(
    'closed: the session ends with its cause, in every tab, where the leeway is over by then',
    () =>
      afterHolder('closed', 30, async (world, others) => {
        await world.advance(takeover);
        for (const outcome of await Promise.all(others.map((tab) => tab.token())))
          expect(outcome).toMatchObject({
            error: 'invalid_grant',
            reason: 'outcome_unknown',
            retryable: false,
          });
        expect(world.refreshes('app')).toBe(2);
      }),
    60_000,
  );

  if (all)
    it(
      'crashed: until its claim is old, calls fail with what may be tried again, leeway 60 s',
      () =>
        afterHolder('crashed', 60, async (world, others) => {
          const [other] = others;
          const begun = performance.now();
          const outcomes: Outcome[] = [];
          while (outcomes.at(-1)?.token === undefined && performance.now() - begun < takeover + 10 * seconds)
            outcomes.push(await other.token());
          expect(outcomes.pop()?.token).toBeDefined();
          for (const outcome of outcomes)
            expect(outcome).toMatchObject({ reason: 'lock_timeout', retryable: true });
          expect(world.journalOf('ferrt')).toEqual([]);
        }),
      120_000,
    );
});

/** Under which names there is something in localStorage. */
const storedNames = ([tab]: readonly AppTab[]): Promise<string[]> | undefined =>
  tab?.page.evaluate(() => Object.keys(localStorage));

describe('a page that its deployment has left without the engine', () => {
  it(
    'is logged out of at once all the same, by cookie and cache, and says that it was not all',
    () =>
      inTabs(chromium, { count: 1 }, async (world, [tab]) => {
        let isBlocked = true;
        await tab.page.setRequestInterception(true);
        tab.page.on('request', (request) => {
          const isIt = isBlocked && request.url().includes('/engine-');
          void (isIt ? request.abort('connectionreset') : request.continue());
        });
        await tab.page.reload();
        await ready(tab.page);
        await expect(tab.user()).resolves.toBe('user-0@example.com');
        const left = await tab.page.evaluate(`
        const cookies = [document.cookie.split('; ').length];
        const logout = clients[0].logout().catch(({ error }) => error);
        cookies.push(document.cookie);
        logout.then((error) => ({ cookies, error }));`);
        expect(left).toEqual({ cookies: [2, ''], error: 'feature_load_failed' }); // it had one, and its twin
        await expect(tab.user()).resolves.toBeUndefined();
        isBlocked = false;
        await tab.page.reload();
        await ready(tab.page);
        await expect(tab.user()).resolves.toBeUndefined();
        expect(world.refreshes('app')).toBe(0);
      }),
    60_000,
  );
});
