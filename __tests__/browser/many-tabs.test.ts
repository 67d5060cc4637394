import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Seconds } from '../../src/clock.ts';
import type { Auth0Client } from '../../src/index.ts';
import { until, type Engine, type Tab } from './engines/engine.ts';
import { engines, launchEngine } from './engines/launch.ts';
import {
  advance,
  askAtOnce,
  buildOfThePeer,
  call,
  inTwoSites,
  isAuthenticated,
  records,
  throwAwayCertificate,
  user,
  type AppOptions,
  type SiteOptions,
  type Story,
} from './two-sites.ts';

/** The session is everybody's, and what one tab gets serves all. */
const shared: AppOptions = {
  cacheLocation: 'localstorage',
  useRefreshTokens: true,
  useRefreshTokensFallback: false,
};

/** Where refresh tokens are in memory mode, if there are any. */
const inMemory: Record<string, AppOptions> = {
  'refresh tokens in a worker': { useRefreshTokens: true, workerUrl: '/latchkey/worker.js' },
  'refresh tokens in the page': { useRefreshTokens: true, worker: false },
  'no refresh tokens': { useRefreshTokens: false },
};

/** What a call for a token ends with where nobody is signed in. */
const refusals = /^(?:login_required|missing_refresh_token)/;

/** `LATCHKEY_ROUNDS=all`: eight tabs each time. */
const many = process.env.LATCHKEY_ROUNDS === 'all' ? 8 : 3;

/** How long an access token of the tenant lives. It is served until a minute before. */
const lifetime = 24 * 3_600_000;

/** What a page has as globals. */
interface AppPage {
  readonly client: Auth0Client;
  /** What `askAtOnce` brought. */
  readonly answer: { readonly token: string };
  /** Since `listen`. */
  readonly told: Told[];
  /** What went to the console. */
  readonly warned: string[];
}
interface Told {
  readonly name: string;
  readonly from: string;
  readonly expires_at?: Seconds;
}

const listen = (tab: Tab): Promise<void> =>
  tab.evaluate(() => {
    const told: Told[] = [];
    Object.assign(globalThis, { told });
    for (const name of [
      'signed_in',
      'token_refreshed',
      'user_changed',
      'signed_out',
      'session_ended',
    ] as const)
      (globalThis as unknown as AppPage).client.on(name, (event) => void told.push({ name, ...event }));
  });

/** What a page has been told, once it has been told this. */
async function toldOnce(tab: Tab, event: Partial<Told>): Promise<readonly Told[]> {
  await until(
    tab,
    (event) =>
      (globalThis as unknown as AppPage).told.some((told) =>
        Object.entries(event).every(([name, value]) => told[name as keyof Told] === value),
      ),
    event,
  );
  return tab.evaluate(() => (globalThis as unknown as AppPage).told);
}

/** The token of a login may be seen a moment after the login, and is told as a refresh then. */
const inShort = (told: readonly Told[]): string[] => [
  ...new Set(told.map(({ name, from }) => `${name} from ${from}`)),
];

/** What a page has asked the tenant for, whatever it was. */
const requestsToTheTenant = (tab: Tab): Promise<string[]> =>
  tab.evaluate(() =>
    performance
      .getEntriesByType('resource')
      .map(({ name }) => name)
      .filter((url) => new URL(url).hostname === 'tenant.localhost'),
  );

const stateOf = (tab: Tab) => tab.evaluate(() => (globalThis as unknown as AppPage).client.getSessionState());

let certificate: Awaited<ReturnType<typeof throwAwayCertificate>>;
beforeAll(async () => {
  certificate = await throwAwayCertificate();
});

describe.each(engines)('in %s, tabs of one app', (name) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await launchEngine(name, 'allowed');
  }, 30_000);
  afterAll(() => engine?.close());

  const story = (
    what: string,
    options: AppOptions,
    tell: (story: Story) => Promise<void>,
    siteOptions: SiteOptions = {},
  ) => it(what, () => inTwoSites({ engine, certificate, options, ...siteOptions }, tell), 60_000);

  story(
    'are given a token at once in the last part of its life, and next the one that a single request brought',
    { ...shared, refreshAheadInSeconds: 600 },
    async ({ sites, signIn, open }) => {
      const tabs = [await signIn(), ...(await open(2))] as const;
      const [before] = await askAtOnce(tabs);
      await advance(sites, tabs, lifetime - 160_000);
      expect(await askAtOnce(tabs)).toEqual(tabs.map(() => before));
      for (const tab of tabs)
        await until(tab, async () => {
          const { client, answer } = globalThis as unknown as AppPage;
          return (await client.getTokenSilently()) !== answer.token;
        });
      const after = await askAtOnce(tabs);
      expect(new Set(after.map(({ token }) => token)).size).toBe(1);
      expect(sites.grants()).toEqual({ authorization_code: 1, refresh_token: 1 });
      expect(sites.tenant.families()).toMatchObject([{ verdict: 'live', latestCounter: 2 }]);
    },
  );

  story(
    'hear of a login, a refresh and a logout in an eighth one, without a request of their own',
    shared,
    async ({ sites, signIn, open }) => {
      const others = await open(7);
      await Promise.all(others.map(listen));
      const one = await signIn();
      await listen(one);
      for (const tab of others) await toldOnce(tab, { name: 'signed_in' });

      await advance(sites, [one, ...others], 60_000); // the next token expires at another instant
      expect(await call(one, 'off')).toBe('token');
      const [refreshed = {}, ...more] = await toldOnce(one, { name: 'token_refreshed' });
      expect(more).toEqual([]);
      for (const tab of others) await toldOnce(tab, { ...refreshed, from: 'other' });

      await one.evaluate(() => (globalThis as unknown as AppPage).client.logout({ openUrl: false }));
      const names = ['signed_in', 'token_refreshed', 'signed_out'];
      expect(inShort(await toldOnce(one, { name: 'signed_out' }))).toEqual(
        names.slice(1).map((name) => `${name} from this`),
      );
      for (const tab of others)
        expect(inShort(await toldOnce(tab, { name: 'signed_out' }))).toEqual(
          names.map((name) => `${name} from other`),
        );

      for (const tab of others) expect(await requestsToTheTenant(tab)).toEqual([]);
      expect(sites.grants()).toEqual({ authorization_code: 1, refresh_token: 1 });
    },
  );

  for (const [where, options] of Object.entries(inMemory))
    story(
      `in memory mode, with ${where}, show nobody and give no token when they come back by the back button after a logout`,
      { cacheLocation: 'memory', useRefreshTokensFallback: false, ...options },
      async ({ sites, signIn, open }) => {
        const one = await signIn();
        const [other = one] = await open(1);
        expect(await call(other, 'on')).toBe('token');
        await listen(other);
        await other.goto(`${sites.tenant.baseUrl}/.well-known/openid-configuration`);
        await one.evaluate(() => (globalThis as unknown as AppPage).client.logout({ openUrl: false }));
        await other.back();
        await until(other, () => 'client' in globalThis);
        const user = () => (globalThis as unknown as AppPage).client.getUser();
        expect((await other.evaluate(user)) ?? undefined).toBeUndefined(); // a driver may make null of it
        const isKept = await other.evaluate(() => 'told' in globalThis);
        if (name === 'chromium' && !options.useRefreshTokens) expect(isKept).toBe(true);
        if (!isKept) return; // it was loaded anew, and nobody has told it of a logout
        expect(await call(other, 'on')).toMatch(refusals);
        const signedOut = { name: 'signed_out', from: 'other' };
        expect(await toldOnce(other, signedOut)).toEqual([signedOut]);
        expect(await call(one, 'on')).toMatch(refusals);
      },
    );

  const afterLogout = [
    { sdk: 'latchkey', cacheLocation: 'memory', isStillIn: false },
    { sdk: 'auth0-spa-js', cacheLocation: 'memory', isStillIn: true },
    { sdk: 'latchkey', cacheLocation: 'localstorage', isStillIn: false },
    { sdk: 'auth0-spa-js', cacheLocation: 'localstorage', isStillIn: false },
  ] as const;
  for (const { sdk, cacheLocation, isStillIn } of afterLogout)
    story(
      `${isStillIn ? 'go on as if nothing were' : 'show nobody'} after a logout in another one (${sdk}, ${cacheLocation})`,
      { cacheLocation, useRefreshTokens: true, useRefreshTokensFallback: true },
      async ({ signIn, open }) => {
        const path = sdk === 'latchkey' ? '/' : '/peer';
        const one = await signIn(path);
        const others = await open(many - 1, path);
        for (const tab of others) expect(await call(tab, 'on')).toBe('token');
        const before = await Promise.all(others.map(requestsToTheTenant));
        await one.evaluate(() => (globalThis as unknown as AppPage).client.logout({ openUrl: false }));
        for (const tab of others) expect(await isAuthenticated(tab)).toBe(isStillIn);
        for (const tab of others) expect(await call(tab, 'cache-only')).toBe(isStillIn ? 'token' : 'none');
        expect(await Promise.all(others.map(requestsToTheTenant))).toEqual(before);
      },
      { builds: { peer: buildOfThePeer }, workersOutOfBlobs: true, trustsText: true },
    );

  story(
    'say that only a login helps after a refusal, and why, in words without a token',
    shared,
    async ({ sites, signIn, open }) => {
      const one = await signIn();
      const [other = one] = await open(1);
      const tabs = [one, other] as const;
      expect(await call(one, 'off')).toBe('token');
      const [{ token: accessToken = '' } = {}] = await askAtOnce([one]);
      const [, refreshToken = ''] = /"refresh_token":"([^"]+)"/.exec(await records(one)) ?? [];
      expect(await stateOf(other)).toMatchObject({ state: 'active' });

      await advance(sites, tabs, 2 * lifetime);
      expect(await stateOf(other)).toEqual({ state: 'refreshable' });
      await sites.tenant.scenario('revoked-from-console', { client_id: 'app' });
      expect(await call(one, 'on')).toBe('invalid_grant (refused)');
      for (const tab of tabs) expect(await stateOf(tab)).toEqual({ state: 'expired', cause: 'refused' });

      const told = await one.evaluate(() => (globalThis as unknown as AppPage).client.diagnose());
      expect(told.cause).toMatch(/^the refresh token was refused: .+$/);
      expect(told.facts.map(({ what }) => what)).toContain('refresh');
      for (const secret of [accessToken, refreshToken]) {
        expect(secret.length).toBeGreaterThan(20);
        expect(JSON.stringify(told)).not.toContain(secret.slice(0, 10));
      }
      expect(JSON.stringify(told)).not.toContain(user.email);
      expect(await requestsToTheTenant(other)).toEqual([]);
    },
  );

  story(
    'ask a tenant that is busy once, and when it is back once for all of them',
    shared,
    async ({ sites, signIn, open }) => {
      const tabs = [await signIn(), ...(await open(4))] as const;
      await advance(sites, tabs, 2 * lifetime);
      sites.tenant.faults.add({
        kind: 'status',
        status: 503,
        retryAfter: 60,
        grant: 'refresh_token',
        times: Infinity,
      });
      expect(await askAtOnce(tabs)).toEqual(tabs.map(() => ({ error: 'network_error', retryable: true })));
      expect(sites.grants()).toEqual({ authorization_code: 1, refresh_token: 1 });

      sites.tenant.faults.clear();
      await advance(sites, tabs, 120_000);
      const answers = await askAtOnce(tabs);
      expect(answers).toEqual(tabs.map(() => ({ token: expect.any(String) as unknown })));
      expect(new Set(answers.map(({ token }) => token)).size).toBe(1);
      expect(sites.grants()).toEqual({ authorization_code: 1, refresh_token: 2 });
    },
  );

  for (const [what, by] of [
    ['ahead of', 12 * 3_600_000],
    ['behind', -12 * 3_600_000],
  ] as const)
    story(
      `on a machine whose clock is twelve hours ${what} the tenant’s, are served what one request brought, and say so`,
      shared,
      async ({ sites, signIn, open }) => {
        await signIn();
        sites.tenant.clock.advance(60_000); // what tells of the clock is younger than what was there
        const [one, other] = (await open(2)) as [Tab, Tab];
        for (const tab of [one, other])
          await tab.evaluate((by) => {
            const now = Date.now.bind(Date);
            Date.now = () => now() + by;
            const warned: string[] = [];
            console.warn = (text: string) => void warned.push(text); // oxlint-disable-line no-console -- that is what is heard
            Object.assign(globalThis, { warned });
          }, by);
        expect(await call(one, 'off')).toBe('token');
        for (const tab of [one, other, one]) expect(await call(tab, 'on')).toBe('token');
        expect(sites.grants()).toEqual({ authorization_code: 1, refresh_token: 1 });
        const warned = await one.evaluate(() => (globalThis as unknown as AppPage).warned);
        expect(warned).toEqual([
          expect.stringMatching(new RegExp(`clock is 43[12]\\d\\d s ${what} the tenant's`)),
        ]);
      },
    );
});
