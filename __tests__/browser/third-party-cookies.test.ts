import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Engine, Tab } from './engines/engine.ts';
import { engines, launchEngine } from './engines/launch.ts';
import { call, openTwoSites, reload, throwAwayCertificate, type AppOptions } from './two-sites.ts';

const viaIframe: AppOptions = { cacheLocation: 'memory', useRefreshTokens: false };
const viaRefresh: AppOptions = {
  cacheLocation: 'localstorage',
  useRefreshTokens: true,
  useRefreshTokensFallback: false,
};

/** What an app does after the login, and what it gets where the tenant's cookie comes along in a frame, or does not. */
const rows: readonly {
  does: string;
  options: AppOptions;
  act(tab: Tab): Promise<string>;
  allowed: string;
  blocked: string;
}[] = [
  {
    does: 'asks for a new token through the hidden iframe',
    options: viaIframe,
    act: (tab) => call(tab, 'off'),
    allowed: 'token',
    blocked: 'login_required (third_party_cookies)',
  },
  {
    does: 'asks for a new token with a refresh token that rotates',
    options: viaRefresh,
    act: (tab) => call(tab, 'off'),
    allowed: 'token',
    blocked: 'token',
  },
  {
    does: 'reloads the page, with its session in memory',
    options: viaIframe,
    act: async (tab) => {
      await reload(tab);
      return call(tab, 'on');
    },
    allowed: 'token',
    blocked: 'login_required (third_party_cookies)',
  },
  {
    does: 'reloads the page, with its session in localStorage',
    options: viaRefresh,
    act: async (tab) => {
      await reload(tab);
      const kept = await call(tab, 'on');
      return kept === 'token' ? call(tab, 'off') : `${kept} after the reload`;
    },
    allowed: 'token',
    blocked: 'token',
  },
];

let certificate: Awaited<ReturnType<typeof throwAwayCertificate>>;
beforeAll(async () => {
  certificate = await throwAwayCertificate();
});

describe.each(
  engines.flatMap((name) => (['allowed', 'blocked'] as const).map((cookies) => ({ name, cookies }))),
)('in $name, with third-party cookies $cookies, an app', ({ name, cookies }) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await launchEngine(name, cookies);
  }, 30_000);
  afterAll(() => engine?.close());

  it.each(rows)(
    'that $does ends with "$' + cookies + '"',
    async ({ options, act, [cookies]: expected }) => {
      const profile = await engine.newProfile();
      const sites = await openTwoSites(certificate, options);
      try {
        const tab = await sites.signIn(profile);
        expect(await act(tab)).toBe(expected);

        const { refresh_token = 0 } = sites.grants();
        expect(refresh_token).toBe(options.useRefreshTokens ? 1 : 0);
        const families = options.useRefreshTokens ? [{ verdict: 'live', latestCounter: 2 }] : [];
        expect(sites.tenant.families()).toMatchObject(families);
        expect(sites.violations()).toEqual([]);
      } finally {
        await profile.close();
        await sites.close();
      }
    },
    60_000,
  );
});
