import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Auth0Client } from '../../src/index.ts';
import { launchChromium, type Chromium } from '../support/chromium.ts';
import { inTabs, type AppTab } from './app-world.ts';

interface ListeningPage {
  readonly clients: readonly [Auth0Client];
  /** What was told, and when, in milliseconds since 1970. */
  told: { readonly name: string; readonly from: string; readonly at: number }[];
  requests: number;
}

let chromium: Chromium;

beforeAll(async () => {
  chromium = await launchChromium({ thirdPartyCookies: 'allowed' });
}, 30_000);

afterAll(() => chromium?.close());

const listen = ({ page }: AppTab) =>
  page.evaluate(async () => {
    const own = globalThis as unknown as ListeningPage;
    own.told = [];
    own.requests = 0;
    new PerformanceObserver((list) => {
      own.requests += list.getEntries().filter(({ name }) => name.includes(':4400/')).length;
    }).observe({ type: 'resource' });
    const [client] = own.clients;
    const realTime = performance.timeOrigin;
    for (const name of ['signed_in', 'signed_out', 'session_ended'] as const)
      client.on(name, ({ from }) => void own.told.push({ name, from, at: realTime + performance.now() }));
    await client.getUser();
    await client.diagnose(); // the code for all of that is there
  });

const toldTo = ({ page }: AppTab) =>
  page.evaluate(() => {
    const { told, requests } = globalThis as unknown as ListeningPage;
    return { told, requests };
  });

describe('eight tabs', () => {
  it(
    'hear of a logout within 100 ms, without a request of their own',
    () =>
      inTabs(chromium, { count: 8 }, async (_, [first, ...others]) => {
        await Promise.all(others.map(listen));
        await new Promise((later) => setTimeout(later, 300)); // chunks are loaded
        const before = await Promise.all(others.map(async (tab) => (await toldTo(tab)).requests));
        const loggedOutAt = await first.page.evaluate(async () => {
          const [client] = (globalThis as unknown as ListeningPage).clients;
          const at = performance.timeOrigin + performance.now();
          await client.logout({ openUrl: false });
          return at;
        });
        await new Promise((later) => setTimeout(later, 300));
        for (const [at, tab] of others.entries()) {
          const { told, requests } = await toldTo(tab);
          expect(told).toMatchObject([{ name: 'signed_out', from: 'other' }]);
          expect((told[0]?.at ?? Infinity) - loggedOutAt).toBeLessThan(100);
          expect(requests).toBe(before[at]);
        }
      }),
    30_000,
  );
});
