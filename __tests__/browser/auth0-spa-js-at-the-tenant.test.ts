import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { launchChromium, type Chromium } from '../support/chromium.ts';
import { clientId, openPeerWorld, things, type PeerTab, type PeerWorld } from './peer-world.ts';

let chromium: Chromium;

beforeAll(async () => {
  chromium = await launchChromium({ thirdPartyCookies: 'allowed' });
}, 30_000);

afterAll(() => chromium?.close());

interface PublishedPage {
  readonly client: {
    loginWithPopup(): Promise<void>;
    getUser(): Promise<{ name: string } | undefined>;
    logout(): Promise<void>;
    revokeRefreshToken(): Promise<void>;
  };
}

/** A method of the published client in the page. */
const call = (tab: PeerTab, method: keyof PublishedPage['client']) =>
  tab.page.evaluate((method) => (globalThis as unknown as PublishedPage).client[method](), method);

const options = { audience: things };
const verdicts = ({ tenant }: PeerWorld) => tenant.families().map(({ verdict }) => verdict);
const codes = ({ tenant }: PeerWorld) => tenant.journal.map(({ type }) => type);

const inWorld = (story: (tab: PeerTab, world: PeerWorld) => Promise<void>) => async () => {
  const world = await openPeerWorld(chromium);
  try {
    await story(await world.openTab(), world);
  } finally {
    await world.close();
  }
};

describe('the published auth0-spa-js at the tenant', () => {
  it(
    'R17: logs in by redirect, handles the return, and rotates silently',
    inWorld(async (tab, world) => {
      await tab.login('v2', options);
      expect(await call(tab, 'getUser')).toMatchObject({ name: 'Ada Lovelace' });
      for (const _ of [1, 2]) expect(await tab.token({ fresh: true })).toHaveProperty('token');
      expect(world.tenant.families()).toMatchObject([{ verdict: 'live', latestCounter: 3 }]);
      expect(codes(world)).not.toContain('ferrt');
    }),
    30_000,
  );

  it(
    'binds its tokens to a key, and finds a fresh nonce when its own is worth nothing any more',
    inWorld(async (tab, { tenant }) => {
      await tab.login('v2', { ...options, useDpop: true });
      expect(tenant.families()).toMatchObject([{ jkt: expect.any(String) }]);
      await tenant.scenario('nonce-churn', { client_id: clientId });
      for (const latestCounter of [2, 3]) {
        expect(await tab.token({ fresh: true })).toHaveProperty('token');
        expect(tenant.families()).toMatchObject([{ verdict: 'live', latestCounter }]);
      }
      expect(tenant.faults.list()).toEqual([]);
    }),
    30_000,
  );

  it(
    'R17: renews through the hidden iframe where refresh tokens are off',
    inWorld(async (tab, world) => {
      await tab.login('v2', { ...options, useRefreshTokens: false });
      expect(await tab.token({ fresh: true })).toHaveProperty('token');
      expect(codes(world)).toContain('ssa');
      expect(world.tenant.families()).toEqual([]);
    }),
    30_000,
  );

  it(
    'R17: logs in by popup',
    inWorld(async (tab, world) => {
      await tab.load('v2', options);
      await call(tab, 'loginWithPopup');
      expect(await call(tab, 'getUser')).toMatchObject({ name: 'Ada Lovelace' });
      expect(await tab.token({ fresh: true })).toHaveProperty('token');
      expect(world.tenant.families()).toMatchObject([{ verdict: 'live', latestCounter: 2 }]);
    }),
    30_000,
  );

  it(
    'R17: logs out, and its session at the tenant is over',
    inWorld(async (tab, world) => {
      await tab.login('v2', options);
      await Promise.all([tab.page.waitForNavigation(), call(tab, 'logout')]);
      expect(codes(world).at(-1)).toBe('slo');
      await tab.load('v2', { ...options, useRefreshTokens: false });
      expect(await tab.token()).toEqual({ error: 'login_required' });
    }),
    30_000,
  );

  it(
    'R17: revokes its refresh token, and then has none',
    inWorld(async (tab, world) => {
      await tab.login('v2', options);
      await call(tab, 'revokeRefreshToken');
      expect(codes(world).at(-1)).toBe('srrt');
      expect(verdicts(world)).toEqual(['revoked']);
      expect(await tab.token({ fresh: true })).toEqual({ error: 'missing_refresh_token' });
    }),
    30_000,
  );
});
