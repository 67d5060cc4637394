import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Auth0Client, GenericError } from '../../src/index.ts';
import { eventually, until, type Engine, type Tab } from './engines/engine.ts';
import { engines, launchEngine } from './engines/launch.ts';
import { pageOf } from './engines/puppeteer-engine.ts';
import {
  advance,
  askAtOnce,
  buildIn,
  buildOfToday,
  call,
  fillLoginForm,
  logout,
  inTwoSites,
  records,
  reload,
  requestsOfThePage,
  throwAwayCertificate,
  user,
  type AppOptions,
  type Build,
  type Builds,
  type Story,
  type TwoSites,
} from './two-sites.ts';

/** What `/old` loads: a build that was deployed before. Its README says which. */
const old = buildIn('../fixtures/latchkey-0.1.0');
/** What `/tomorrow` loads: the build of today, with later versions of what it stores and of what it says to its worker. */
const tomorrow: Build = (file) =>
  buildOfToday(file).replace(
    /(?<=const (?:record|message)Version = )\d+|(?<=kind:"ready",version:)\d+/g,
    '99',
  );

const persistent: AppOptions = {
  cacheLocation: 'localstorage',
  useRefreshTokens: true,
  useRefreshTokensFallback: false,
};
const inMemory: AppOptions = {
  cacheLocation: 'memory',
  useRefreshTokens: true,
  useRefreshTokensFallback: true,
};

/** More than an access token lives. */
const expiry = 48 * 3_600_000;

/** `LATCHKEY_ROUNDS=all`: both ways, of all that can be told both ways. */
const all = process.env.LATCHKEY_ROUNDS === 'all';

/** What a page has as globals. */
interface AppPage {
  readonly client: Auth0Client;
  readonly loginError?: GenericError;
}

/** Who is signed in, as the page shows it. */
const userOf = (tab: Tab): Promise<string> =>
  tab.evaluate(async () => (await (globalThis as unknown as AppPage).client.getUser())?.email ?? 'nobody');

const errorOfLogin = (tab: Tab) =>
  tab.evaluate(() => {
    const { loginError } = globalThis as unknown as AppPage;
    return loginError ? { error: loginError.error, reason: loginError.reason } : 'none';
  });

/** What is loaded on first use. */
const errorOfFetching = (tab: Tab) =>
  tab.evaluate(() =>
    (globalThis as unknown as AppPage).client
      .createFetcher({ baseUrl: location.origin })
      .fetchWithAuth('/')
      .then(
        () => 'none',
        ({ error, retryable }: GenericError) => ({ error, retryable }),
      ),
  );

/** What a call for a new token ends with, where that is an error. */
const errorOfCall = (tab: Tab) =>
  tab.evaluate(() =>
    (globalThis as unknown as AppPage).client.getTokenSilently({ cacheMode: 'off' }).then(
      () => 'none',
      ({ error, reason, retryable }: GenericError) => ({ error, reason, retryable }),
    ),
  );

/** What a user's "clear site data" does, and the header `Clear-Site-Data`. */
const clearData = (): Promise<void> =>
  new Promise((resolve) => {
    localStorage.clear();
    indexedDB.deleteDatabase('latchkey').onsuccess = () => resolve();
  });

/** By a click, until the page is back. The tenant may know the user already. */
async function logIn(tab: Tab): Promise<void> {
  await tab.evaluate(() => document.body.setAttribute('data-left', ''));
  await tab.bringToFront();
  await tab.click('#log-in');
  await returned(tab);
}

/** The page has left to log in, and is there again. */
async function returned(tab: Tab): Promise<void> {
  await until(tab, () => document.querySelector('#password, body:not([data-left]) > #log-in') !== null);
  if (new URL(await tab.url()).hostname === 'tenant.localhost') await fillLoginForm(tab);
  await until(tab, () => 'client' in globalThis && document.querySelector('[data-left]') === null);
}

/** Without a word to anybody: it crashes, where a driver can bring that about. */
async function die(engine: string, tab: Tab): Promise<void> {
  if (engine !== 'chromium') return tab.close();
  const session = await pageOf(tab).createCDPSession();
  session.send('Page.crash').catch(() => {}); // it does not live to answer
  await new Promise((later) => setTimeout(later, 200));
}

const typesOf = ({ tenant }: TwoSites) => tenant.journal.map(({ type }) => type);

let certificate: Awaited<ReturnType<typeof throwAwayCertificate>>;
beforeAll(async () => {
  certificate = await throwAwayCertificate();
});

describe.each(engines)('in %s, tabs of an older build and of the build of today', (name) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await launchEngine(name, 'allowed');
  }, 30_000);
  afterAll(() => engine?.close());

  interface World extends Story {
    /** What is deployed. */
    readonly builds: Builds;
  }

  const story = (what: string, options: AppOptions, tell: (world: World) => Promise<void>) =>
    it(
      what,
      () => {
        const builds: Builds = { old, today: buildOfToday, tomorrow };
        return inTwoSites({ engine, certificate, options, builds }, (story) => tell({ ...story, builds }));
      },
      60_000,
    );

  describe.each([
    { first: 'the older one', path: '/old', other: '/', workerUrl: '/latchkey/worker.js', lends: true },
    { first: 'that of today', path: '/', other: '/old', workerUrl: '/old/worker.js', lends: false },
  ])('after a login in $first', ({ path, other, workerUrl, lends }) => {
    const kinds = [
      { daily: '/', have: 'one session', options: persistent },
      { daily: '/old', have: 'one session and one key', options: { ...persistent, useDpop: true } },
    ];
    for (const { have, options } of kinds.filter(({ daily }) => all || daily === path))
      story(
        `have ${have}, which each of them renews and the first one ends for both`,
        options,
        async ({ sites, signIn, visit }) => {
          const one = await signIn(path);
          const two = await visit(other);
          expect(await userOf(two)).toBe(user.email);
          expect(await call(two, 'on')).toBe('token');
          expect(sites.tenant.families()).toMatchObject([{ verdict: 'live', latestCounter: 1 }]);

          for (const tab of [two, one, two]) expect(await call(tab, 'off')).toBe('token');
          expect(sites.tenant.families()).toMatchObject([{ verdict: 'live', latestCounter: 4 }]);

          await logout(one);
          expect(await userOf(two)).toBe('nobody');
          expect(await call(two, 'on')).toBe('missing_refresh_token (signed_out)');
          await eventually(() => typesOf(sites).includes('srrt'), 'the revocation');
          expect(sites.tenant.families()).toMatchObject([{ verdict: 'revoked' }]);
        },
      );

    story(
      // Today’s page wants a worker for all tabs, which the older script is none of.
      `have ${lends ? 'one session' : 'a session each'} in memory, where the script of both is ${workerUrl}`,
      { ...inMemory, workerUrl },
      async ({ sites, signIn, visit }) => {
        const tabs = [await signIn(path), await visit(other)] as const;
        for (const tab of tabs) expect(await call(tab, 'on')).toBe('token');
        for (const tab of tabs) expect(await call(tab, 'off')).toBe('token');
        const [ofOne, ofOther] = await Promise.all(tabs.map(requestsOfThePage));
        expect([ofOne?.length, ofOther?.length]).toEqual(lends ? [0, 0] : [2, 0]);
        expect(sites.tenant.families()).toMatchObject(
          lends
            ? [{ verdict: 'live', latestCounter: 3 }]
            : tabs.map(() => ({ verdict: 'live', latestCounter: 2 })),
        );

        await logout(tabs[0]);
        await eventually(() => typesOf(sites).includes('srrt'), 'the revocation');
        await reload(tabs[1]);
        expect(await userOf(tabs[1])).toBe('nobody');
        expect(await call(tabs[1], 'on')).toBe('login_required');
      },
    );

    if (all || path === '/old')
      story(
        'take over from the one that dies in the middle of its refresh',
        persistent,
        async ({ sites, signIn, visit }) => {
          const holder = await signIn(path);
          const heir = await visit(other);
          sites.tenant.faults.add({ kind: 'hang', grant: 'refresh_token' });
          await holder.evaluate(() => {
            void (globalThis as unknown as AppPage).client.getTokenSilently({ cacheMode: 'off' });
          });
          await eventually(() => sites.grants()['refresh_token'] === 1, 'the request that nobody answers');
          await die(name, holder);
          expect(await call(heir, 'off')).toBe('token');
          expect(sites.tenant.families()).toMatchObject([{ verdict: 'live', latestCounter: 2 }]);
        },
      );
  });

  story(
    'finish what the other one began: a login that returns to a later deployment',
    persistent,
    async ({ sites, visit }) => {
      for (const [begun, finished] of [
        ['/old', ''],
        ['/', '/old'],
      ] as const) {
        const tab = await visit(begun);
        await tab.evaluate((path) => {
          document.body.setAttribute('data-left', '');
          const authorizationParams = { redirect_uri: location.origin + path };
          void (globalThis as unknown as AppPage).client.loginWithRedirect({ authorizationParams });
        }, finished);
        await returned(tab);
        expect(new URL(await tab.url()).pathname).toBe(finished || '/');
        expect(await errorOfLogin(tab)).toBe('none');
        expect(await userOf(tab)).toBe(user.email);
        expect(await call(tab, 'off')).toBe('token');
      }
      expect(sites.tenant.families()).toMatchObject([
        { verdict: 'live', latestCounter: 2 },
        { verdict: 'live', latestCounter: 2 },
      ]);
    },
  );

  story(
    'ask at once, when their token has expired and there is no leeway, with one request',
    persistent,
    async ({ sites, signIn, visit }) => {
      const first = await signIn('/');
      const paths = ['/old', '/', '/old', '/', '/old', '/', '/old', '/', '/old'];
      const tabs = [first, ...(await Promise.all(paths.map(visit)))] as const;
      await advance(sites, tabs, expiry);
      const answers = await askAtOnce(tabs);
      expect(answers).toEqual(tabs.map(() => ({ token: expect.any(String) as unknown })));
      expect(new Set(answers.map(({ token }) => token)).size).toBe(1);
      expect(sites.grants()).toEqual({ authorization_code: 1, refresh_token: 1 });
      for (const tab of tabs) expect(await userOf(tab)).toBe(user.email);
    },
  );

  story(
    'hold the refresh token in the page where the script of the worker speaks otherwise',
    { ...inMemory, workerUrl: '/tomorrow/worker.js' },
    async ({ sites, signIn, visit }) => {
      const tabs = [await signIn('/old'), await visit('/')];
      for (const tab of tabs) {
        expect(await call(tab, 'on')).toBe('token');
        expect(await call(tab, 'off')).toBe('token');
        expect(await requestsOfThePage(tab)).toHaveLength(2);
      }
      expect(sites.tenant.families()).toMatchObject(tabs.map(() => ({ verdict: 'live', latestCounter: 2 })));
    },
  );

  story(
    'say that the script of the worker speaks otherwise, where the page must not hold it',
    {
      ...inMemory,
      useRefreshTokensFallback: false,
      workerUrl: '/tomorrow/worker.js',
      workerFallback: 'error',
    },
    async ({ sites, signIn }) => {
      const tab = await signIn('/old');
      const unavailable = { error: 'worker_unavailable', reason: 'version' };
      expect(await errorOfLogin(tab)).toEqual(unavailable);
      expect(await errorOfCall(tab)).toEqual({ ...unavailable, retryable: true });
      expect(sites.grants()).toEqual({});
    },
  );

  story(
    'leave the record of a later build alone, until that is back or the site’s data are cleared',
    persistent,
    async ({ sites, signIn, visit }) => {
      const later = await signIn('/tomorrow');
      const before = await records(later);
      const newer = { error: 'storage_error', reason: 'newer_format' };
      const tabs = [await visit('/old'), await visit('/')] as const;
      for (const tab of tabs) {
        expect(await userOf(tab)).toBe(user.email);
        expect(await call(tab, 'on')).toBe('token');
        expect(await errorOfCall(tab)).toEqual({ ...newer, retryable: false });
        await logIn(tab);
        expect(await errorOfLogin(tab)).toEqual(newer);
      }
      expect(await records(later)).toBe(before);
      expect(await call(later, 'off')).toBe('token');
      const [ofLater, ...refused] = sites.tenant.families();
      expect(ofLater).toMatchObject({ verdict: 'live', latestCounter: 2 });
      expect(refused).toMatchObject(tabs.map(() => ({ verdict: 'revoked', latestCounter: 1 })));

      await logout(tabs[1]);
      expect(await userOf(later)).toBe('nobody');

      await later.evaluate(clearData);
      await logIn(tabs[0]);
      expect(await errorOfLogin(tabs[0])).toBe('none');
      expect(await call(tabs[1], 'off')).toBe('token');
    },
  );

  story(
    'go on when what they were loaded from is gone, and say so of what they have not loaded',
    persistent,
    async ({ sites, builds, signIn, visit }) => {
      const tabs = [await signIn('/old'), await visit('/today')];
      for (const tab of tabs) expect(await call(tab, 'off')).toBe('token');
      builds['old'] = builds['today'] = undefined;
      for (const tab of tabs) {
        expect(await call(tab, 'off')).toBe('token');
        expect(await errorOfFetching(tab)).toEqual({ error: 'feature_load_failed', retryable: true });
        expect(await call(tab, 'off')).toBe('token');
        await reload(tab); // it has what is deployed now
        expect(await call(tab, 'off')).toBe('token');
      }
      expect(sites.tenant.families()).toMatchObject([{ verdict: 'live', latestCounter: 9 }]);
    },
  );

  story(
    'serve what is stored, and sign out, where the engine cannot be had',
    persistent,
    async ({ sites, builds, signIn, visit }) => {
      await signIn('/');
      builds['half'] = (file) =>
        (file.startsWith('chunks/engine-') ? undefined : buildOfToday(file)) as string;
      const tab = await visit('/half');
      expect(await userOf(tab)).toBe(user.email);
      expect(await call(tab, 'on')).toBe('token');
      expect(await errorOfCall(tab)).toMatchObject({ error: 'feature_load_failed', retryable: true });
      const errorOfLogout = await tab.evaluate(() =>
        (globalThis as unknown as AppPage).client.logout({ openUrl: false }).then(
          () => 'none',
          ({ error }: GenericError) => error,
        ),
      );
      expect(errorOfLogout).toBe('feature_load_failed');
      expect(await tab.evaluate(() => document.cookie)).toBe('');
      for (const page of [tab, await visit('/')]) {
        expect(await userOf(page)).toBe('nobody');
        expect(await call(page, 'on')).not.toBe('token');
      }
      expect(sites.grants()).toEqual({ authorization_code: 1 });
    },
  );
});
