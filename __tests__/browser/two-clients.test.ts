import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { launchChromium, type Chromium } from '../support/chromium.ts';
import { inTabs, type AppTab, type AppWorld } from './app-world.ts';

/** `LATCHKEY_ROUNDS=all`: many. */
const all = process.env.LATCHKEY_ROUNDS === 'all';
const rounds = all ? 30 : 2;
const count = all ? 10 : 3;

const hours = 3_600_000;
/** More than an access token lives. */
const expiry = 2 * hours;

let chromium: Chromium;

beforeAll(async () => {
  chromium = await launchChromium({ thirdPartyCookies: 'allowed' });
}, 30_000);

afterAll(() => chromium?.close());

/** Every tab asks at once, for each of these clients; what failed. */
async function failuresOf(tabs: readonly AppTab[], clients: readonly number[]) {
  const outcomes = await Promise.all(tabs.flatMap((tab) => clients.map((client) => tab.token(client))));
  return outcomes.filter(({ token }) => token === undefined);
}

/** The revocation goes on when the page has left. */
async function revoked(world: AppWorld, clientId: string): Promise<void> {
  while (world.journalOf('srrt', clientId).length === 0) await new Promise((later) => setTimeout(later, 20));
}

describe.each([
  { ids: 'of two ids', clientIds: ['shop', 'admin'] as const },
  { ids: 'of an id that another one begins with', clientIds: ['app', 'app2'] as const },
])('two clients $ids in one page', ({ clientIds }) => {
  const [one, other] = clientIds;

  it(
    'refresh at once in every tab, with one request each, and one logs out without touching the other',
    () =>
      inTabs(chromium, { clientIds, count }, async (world, tabs) => {
        const [first, second] = tabs as readonly [AppTab, AppTab];
        for (let round = 1; round <= rounds; round++) {
          await world.advance(expiry);
          expect(await failuresOf(tabs, [0, 1])).toEqual([]);
          expect([world.refreshes(one), world.refreshes(other)]).toEqual([round, round]);
        }
        expect([await second.user(0), await second.user(1)]).toEqual([
          'user-0@example.com',
          'user-1@example.com',
        ]);

        // One logs out while the other is in the middle of its refresh.
        await world.advance(expiry);
        world.tenant.faults.add({ kind: 'delay', ms: 500, grant: 'refresh_token', client_id: other });
        const refreshing = failuresOf(tabs.slice(1), [1]);
        while (world.refreshes(other) === rounds) await new Promise((later) => setTimeout(later, 10));
        await first.logout(0);
        expect(await refreshing).toEqual([]);
        await revoked(world, one);

        for (const tab of tabs)
          expect([await tab.user(0), await tab.user(1)]).toEqual([undefined, 'user-1@example.com']);
        await world.advance(expiry);
        expect(await failuresOf(tabs, [1])).toEqual([]);
        expect(await failuresOf(tabs, [0])).toHaveLength(tabs.length);
        expect([world.refreshes(one), world.refreshes(other)]).toEqual([rounds, rounds + 2]);
        expect(world.journalOf('srrt', other)).toEqual([]);

        await second.logout(1);
        await revoked(world, other);
        expect(await first.user(1)).toBeUndefined();
        expect(world.journalOf('srrt', one)).toHaveLength(1);
        expect(world.journalOf('srrt', other)).toHaveLength(1);
        expect(world.journalOf('ferrt')).toEqual([]);
        expect(world.tenant.families()).toMatchObject([
          { client_id: one, endedBecause: 'revoked' },
          { client_id: other, endedBecause: 'revoked' },
        ]);
      }),
    120_000,
  );
});

describe('two clients of one id in one page', () => {
  it(
    'refresh with one request for both and for every tab, and log out together',
    () =>
      inTabs(chromium, { clientIds: ['app', 'app'], count }, async (world, tabs) => {
        const [first, second] = tabs as readonly [AppTab, AppTab];
        for (let round = 1; round <= rounds; round++) {
          await world.advance(expiry);
          expect(await failuresOf(tabs, [0, 1])).toEqual([]);
          expect(world.refreshes('app')).toBe(round);
        }
        await first.logout(1);
        await revoked(world, 'app');
        for (const tab of [first, second])
          expect([await tab.user(0), await tab.user(1)]).toEqual([undefined, undefined]);
        await world.advance(expiry);
        expect(await failuresOf([first, second], [0, 1])).toHaveLength(4);
        expect(world.refreshes('app')).toBe(rounds);
        expect(world.journalOf('srrt')).toHaveLength(1);
        expect(world.journalOf('ferrt')).toEqual([]);
      }),
    120_000,
  );
});
