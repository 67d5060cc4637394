import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { calculateJwkThumbprint, decodeProtectedHeader, type JWK } from 'jose';
import { launchChromium, type Chromium } from '../support/chromium.ts';
import { strictPolicy } from '../../scripts/content-security-policy.mjs';
import { inTabs, tenantUrl, type AppTab } from './app-world.ts';

let chromium: Chromium;

beforeAll(async () => {
  chromium = await launchChromium({ thirdPartyCookies: 'allowed' });
}, 30_000);

afterAll(() => chromium?.close());

/** Notes what the page sends, and what is said between it and its workers. Nothing of that is a refresh token. */
const watchful = `{
  const { Worker, SharedWorker, fetch } = window;
  Object.assign(window, { said: [], sent: [], warned: [] });
  window.fetch = (...request) => {
    sent.push(String(request[0]));
    return fetch(...request);
  };
  window.Worker = class extends Worker {
    constructor(url) {
      super(url);
      this.addEventListener('message', ({ data }) => said.push(data));
    }
    postMessage(message) {
      said.push(message);
      super.postMessage(message);
    }
  };
  window.SharedWorker = class extends SharedWorker {
    constructor(...given) {
      super(...given);
      const { port } = this;
      const post = port.postMessage.bind(port);
      port.addEventListener('message', ({ data }) => said.push(data));
      port.postMessage = (message) => {
        said.push(message);
        post(message);
      };
    }
  };
  console.warn = (text) => warned.push(text);
}`;

/** What stands in the page's globals. */
const noted = (tab: AppTab, name: 'said' | 'sent' | 'warned') =>
  tab.page.evaluate(name) as Promise<unknown[]>;

/** A token that was asked of the tenant just now, or what became of that. */
const fresh = (tab: AppTab, client = 0): Promise<unknown> =>
  tab.page.evaluate(
    `clients[${client}].getTokenSilently({ cacheMode: 'off' }).catch(({ error, reason }) => ({ error, reason }))`,
  );

/** Which key pairs there are, as far as they tell. */
const keysInDatabase = `new Promise((resolve) => {
  const opening = indexedDB.open('latchkey');
  opening.onsuccess = () => {
    const reading = opening.result.transaction('records').objectStore('records').getAll();
    reading.onsuccess = () => {
      opening.result.close();
      resolve(reading.result.filter((record) => record?.keyPair).map(({ keyPair }) => keyPair.privateKey.extractable));
    };
  };
})`;

/** The strictest policy, but for workers out of blobs. */
const withBlobs = strictPolicy(tenantUrl).replace("worker-src 'self'", "worker-src 'self' blob:");

describe.each([
  ['a blob', {}, { policy: withBlobs }],
  ['a file of the page’s own origin, for all tabs', { workerUrl: '/latchkey/worker.js' }, {}],
  [
    'such a file, where the browser has no workers for all tabs',
    { workerUrl: '/latchkey/worker.js' },
    { prelude: `${watchful} delete window.SharedWorker;` },
  ],
])('a worker out of %s', (_, options, page) => {
  it(
    'logs in, refreshes and logs out, and no refresh token comes near the page',
    () =>
      inTabs(
        chromium,
        { count: 1, client: { cacheLocation: 'memory', ...options }, prelude: watchful, ...page },
        async (world, [tab]) => {
          for (let round = 1; round <= 3; round++) {
            expect(await fresh(tab)).toEqual(expect.any(String));
            expect(world.refreshes('app')).toBe(round);
          }
          const said = await noted(tab, 'said');
          expect(said).toContainEqual(expect.objectContaining({ kind: 'call', method: 'redeem' }));
          expect(said).toContainEqual(
            expect.objectContaining({
              kind: 'value',
              value: expect.objectContaining({ kind: 'answer' }) as unknown,
            }),
          );
          expect(JSON.stringify(said)).not.toContain('refresh_token"');
          for (const token of world.refreshTokens()) expect(JSON.stringify(said)).not.toContain(token);
          expect(await noted(tab, 'sent')).toEqual([]);
          expect(await noted(tab, 'warned')).toEqual([]);
          await tab.logout();
          expect(world.journalOf('srrt')).toHaveLength(1);
        },
      ),
    30_000,
  );
});

it('a worker proves its requests by the key of the page, whose private half nobody can read', () =>
  inTabs(
    chromium,
    { count: 1, client: { cacheLocation: 'memory', useDpop: true }, prelude: watchful, policy: withBlobs },
    async (world, [tab]) => {
      expect(await fresh(tab)).toEqual(expect.any(String));
      world.tenant.faults.add({ kind: 'nonce-churn' });
      expect(await fresh(tab)).toEqual(expect.any(String));
      expect(await noted(tab, 'sent')).toEqual([]);
      const proof = (await tab.page.evaluate(
        `clients[0].generateDpopProof({ url: '${tenantUrl}', method: 'GET', accessToken: 'a' })`,
      )) as string;
      expect(await tab.page.evaluate(keysInDatabase)).toEqual([false]);
      const jkt = await calculateJwkThumbprint(decodeProtectedHeader(proof).jwk as JWK);
      expect(world.tenant.families()).toMatchObject([{ verdict: 'live', latestCounter: 3, jkt }]);
      await tab.logout();
      expect(await tab.page.evaluate(keysInDatabase)).toEqual([]);
    },
  ));

it('two clients of a page make one Trusted Types policy, which is all that its policy may allow', () =>
  inTabs(
    chromium,
    {
      count: 1,
      clientIds: ['shop', 'admin'],
      client: { cacheLocation: 'memory' },
      prelude: watchful,
      policy: `${withBlobs}; trusted-types latchkey`,
    },
    async (_, [tab]) => {
      expect(await fresh(tab, 1)).toEqual(expect.any(String)); // the last that has logged in on this page
      await expect(fresh(tab, 0)).resolves.toMatchObject({ error: 'missing_refresh_token' });
      expect(await noted(tab, 'warned')).toEqual([]);
    },
  ));

describe('a worker that does not start', () => {
  it.each([
    ['is forbidden', {}, { forbids: 'worker-src' }],
    ['is not there', { workerUrl: '/latchkey/nothing.js' }, {}],
    ['is none', { workerUrl: '/latchkey/tenant.js' }, {}],
  ])('because its script %s leaves custody in the page, which says so once', (_, options, page) =>
    inTabs(
      chromium,
      { count: 1, client: { cacheLocation: 'memory', ...options }, prelude: watchful, ...page },
      async (world, [tab]) => {
        expect(await fresh(tab)).toEqual(expect.any(String));
        expect(await fresh(tab)).toEqual(expect.any(String));
        expect(world.refreshes('app')).toBe(2);
        expect(await noted(tab, 'warned')).toEqual([expect.stringContaining('(blocked)')]);
        expect(await noted(tab, 'sent')).toHaveLength(3);
      },
    ),
  );
});
