import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, type Engine } from './engines/engine.ts';
import { engines, launchEngine } from './engines/launch.ts';
import {
  call,
  isAuthenticated,
  logout,
  openTwoSites,
  reload,
  requestsOfThePage,
  throwAwayCertificate,
} from './two-sites.ts';

let certificate: Awaited<ReturnType<typeof throwAwayCertificate>>;
beforeAll(async () => {
  certificate = await throwAwayCertificate();
});

describe.each(engines)('in %s, refresh tokens in memory are held by a worker', (name) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await launchEngine(name, 'blocked');
  }, 30_000);
  afterAll(() => engine?.close());

  it.each([
    ['a file of the page’s own origin', { workerUrl: '/latchkey/worker.js' }, {}],
    ['a blob', {}, { workersOutOfBlobs: true }],
  ])(
    'out of %s, which logs in, refreshes, and revokes them at the logout',
    async (_, options, siteOptions) => {
      const profile = await engine.newProfile();
      const sites = await openTwoSites(
        certificate,
        { cacheLocation: 'memory', useRefreshTokens: true, useRefreshTokensFallback: false, ...options },
        siteOptions,
      );
      try {
        const tab = await sites.signIn(profile);
        expect(await call(tab, 'off')).toBe('token');
        expect(await call(tab, 'off')).toBe('token');
        expect(sites.grants()).toEqual({ authorization_code: 1, refresh_token: 2 });
        expect(await requestsOfThePage(tab)).toEqual([]);
        expect(sites.violations()).toEqual([]);

        await logout(tab);
        const revocations = () => sites.tenant.journal.filter(({ type }) => type === 'srrt');
        await eventually(() => revocations().length > 0, 'the revocation');
        expect(revocations()).toHaveLength(1);
        expect(sites.tenant.families()).toMatchObject([{ verdict: 'revoked' }]);
      } finally {
        await profile.close();
        await sites.close();
      }
    },
    60_000,
  );

  it.each([
    ['held by a worker of all tabs, serve', { workerUrl: '/latchkey/worker.js' }],
    ['held by a worker of its own, are lent to', {}],
    ['held by the page, are lent to', { worker: false }],
  ])(
    'and access tokens, %s a second tab and a reload, until one logs out',
    async (_, options) => {
      const profile = await engine.newProfile();
      const sites = await openTwoSites(
        certificate,
        { cacheLocation: 'memory', useRefreshTokens: true, ...options },
        { workersOutOfBlobs: true },
      );
      try {
        const first = await sites.signIn(profile);
        const second = await sites.visit(profile);
        expect(await call(second, 'on')).toBe('token');
        await reload(second);
        expect(await call(second, 'on')).toBe('token');
        expect(sites.grants()).toEqual({ authorization_code: 1 });
        expect(await call(second, 'off')).toBe('token');
        expect(sites.grants()).toEqual({ authorization_code: 1, refresh_token: 1 });

        await logout(second);
        await eventually(async () => !(await isAuthenticated(first)), 'the logout in the first tab');
        expect(await call(first, 'on')).toBe('missing_refresh_token (signed_out)');
        expect(sites.tenant.families()).toMatchObject([{ verdict: 'revoked' }]);
        expect(sites.violations()).toEqual([]);
      } finally {
        await profile.close();
        await sites.close();
      }
    },
    60_000,
  );

  /** Where a worker is kept for a moment after its last page. */
  const outlives = name === 'chromium';

  it(`go on in the worker of all tabs when the tab that signed in is closed, and ${outlives ? '' : 'not '}when the last one reloads`, async () => {
    const profile = await engine.newProfile();
    const sites = await openTwoSites(certificate, {
      cacheLocation: 'memory',
      useRefreshTokens: true,
      workerUrl: '/latchkey/worker.js',
    });
    try {
      const first = await sites.signIn(profile);
      const second = await sites.visit(profile);
      expect(await call(second, 'on')).toBe('token');
      await first.close();
      for (const mode of ['on', 'off', 'off'] as const) expect(await call(second, mode)).toBe('token');
      expect(sites.grants()).toEqual({ authorization_code: 1, refresh_token: 2 });
      expect(await requestsOfThePage(second)).toEqual([]);

      await reload(second);
      expect(await call(second, 'off')).toBe(outlives ? 'token' : 'missing_refresh_token (signed_out)');
      expect(sites.grants()).toEqual({ authorization_code: 1, refresh_token: outlives ? 3 : 2 });
      expect(sites.violations()).toEqual([]);
    } finally {
      await profile.close();
      await sites.close();
    }
  }, 60_000);
});
