import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { present, type Engine } from './engines/engine.ts';
import { engines, launchEngine } from './engines/launch.ts';
import {
  choose,
  fillLoginForm,
  inWorld,
  isSignedIn,
  isVisible,
  journalOf,
  journalOnPage,
  openSecondTab,
  playgroundUser,
  press,
  ready,
  reload,
  renew,
  returning,
  signIn,
  signOutElsewhere,
  text,
  traffic,
  visit,
  type World,
} from './playground-world.ts';

let engine: Engine;

const story = (name: string, body: (world: World) => Promise<void>) =>
  it(name, () => inWorld(engine, name, body), 60_000);

/** Signed in, and one refresh token spent. */
async function signInAndRenew(world: World): Promise<void> {
  await signIn(world);
  await renew(world);
}

describe.each(engines)('in %s', (name) => {
  beforeAll(async () => {
    engine = await launchEngine(name, 'allowed');
  }, 30_000);

  afterAll(() => engine.close());

  describe('logging in', () => {
    story(
      'R55: lets the user in with the right password only, and shows what the token is for',
      async (world) => {
        await visit(world);
        expect(await text(world, 'session-line')).toBe('Nobody is signed in.');

        await world.tab.click('#log-in');
        await fillLoginForm(world.tab, 'wrong horse');
        await present(world.tab, '[role="alert"]');
        expect(await text(world, 'error')).toBe('Wrong email or password');
        await fillLoginForm(world.tab, playgroundUser.password);
        await ready(world.tab);

        expect(await text(world, 'session-line')).toBe('Signed in as Ada Lovelace.');
        expect(await text(world, 'user-email')).toBe('ada@example.com');
        expect(await text(world, 'token-audience')).toBe('https://api.example');
        expect((await text(world, 'token-scope')).split(' ').sort()).toEqual(
          ['openid', 'profile', 'email', 'offline_access', 'read:things'].sort(),
        );
        expect(await text(world, 'token-life')).toMatch(/^(60 min 0|59 min \d+) s left$/);
        // Asked of the page itself: Firefox's driver hears later that it has changed its address.
        expect(await world.tab.evaluate(() => location.search)).toBe('');
        expect(journalOf(world, 'fp')).toHaveLength(1);
      },
    );
  });

  describe('getting a token', () => {
    story('answers from the cache without a request', async (world) => {
      await signIn(world);
      const before = world.arrivals.length;
      await press(world, 'get-token');
      expect(await text(world, 'result')).toBe('The cached access token, without a request to the tenant.');
      expect(traffic(world, before)).toEqual([]);
    });

    story('R56: renews an expired token with exactly one request', async (world) => {
      await signIn(world);
      const first = await text(world, 'token-fingerprint');
      const before = world.arrivals.length;
      await press(world, 'expire-token');
      expect(await text(world, 'token-life')).toBe('none that is fresh');
      await press(world, 'get-token');

      expect(traffic(world, before)).toEqual(['POST /oauth/token refresh_token']);
      expect(await text(world, 'result')).toBe('A new access token, with one request to the tenant.');
      expect(await text(world, 'token-fingerprint')).not.toBe(first);
      const [family] = world.tenant.families();
      expect((await journalOnPage(world))[0]).toMatchObject({
        type: 'sertft',
        decision: 'rotate',
        family: family?.familyId,
        counters: '1 → 2',
      });
    });
  });

  describe('a reload', () => {
    story('keeps the session in localStorage, without a request', async (world) => {
      await signIn(world);
      const before = world.arrivals.length;
      await reload(world);
      expect(await isSignedIn(world)).toBe(true);
      expect(traffic(world, before)).toEqual([]);
    });

    story('restores a session in memory through the hidden iframe', async (world) => {
      await visit(world);
      await choose(world, 'cacheLocation', 'memory');
      await signIn(world);
      const before = world.arrivals.length;
      await reload(world);
      expect(await isSignedIn(world)).toBe(true);
      expect(traffic(world, before)).toEqual(['GET /authorize none', 'POST /oauth/token authorization_code']);
    });
  });

  describe('two tabs at once', () => {
    story('R61: spend one refresh token, round after round', async (world) => {
      await signIn(world);
      const second = await openSecondTab(world);
      for (let round = 1; round <= 5; round++) {
        await world.tab.bringToFront();
        await press(world, 'expire-token');
        const before = world.arrivals.length;
        // A reload renews at once what has expired, as a tab does that is restored.
        await Promise.all([press(world, 'get-token'), second.tab.reload()]);
        await second.tab.bringToFront(); // a page in the background paints nothing, and is not seen to be ready
        await ready(second.tab);
        expect(traffic(world, before)).toEqual(['POST /oauth/token refresh_token']);
        expect(await isSignedIn(second)).toBe(true);
      }
      expect(journalOf(world, 'ferrt')).toEqual([]);
      expect(world.tenant.families()).toMatchObject([{ verdict: 'live', latestCounter: 6 }]);
    });
  });

  describe('a replayed refresh token', () => {
    story('ends the family when there is no leeway', async (world) => {
      await signInAndRenew(world);
      await press(world, 'replay-token');
      expect(await text(world, 'result')).toMatch(/^The tenant refused the replay \(403\)/);
      expect((await journalOnPage(world))[0]).toMatchObject({ type: 'ferrt', counters: '1 → 2' });
      expect(world.tenant.families()).toMatchObject([{ verdict: 'revoked', endedBecause: 'reuse' }]);
    });

    story('tells the user why the session ended, and offers to log in', async (world) => {
      await visit(world);
      await choose(world, 'useRefreshTokensFallback', 'false');
      await signInAndRenew(world);
      await press(world, 'replay-token');
      await renew(world);

      expect(await text(world, 'error-code')).toBe('invalid_grant');
      expect(await text(world, 'error-message')).toMatch(/^The session has ended\. .* Log in again\.$/);
      expect(await text(world, 'session-line')).toBe('Nobody is signed in.');
      await returning(world, () => world.tab.click('#log-in-again'));
      expect(await isSignedIn(world)).toBe(true);
      expect(await isVisible(world, 'error')).toBe(false);
    });

    story('does not end the session where the hidden iframe carries on', async (world) => {
      await visit(world);
      await choose(world, 'useRefreshTokensFallback', 'true');
      await signInAndRenew(world);
      await press(world, 'replay-token');
      const before = world.arrivals.length;
      await renew(world);

      expect(await isVisible(world, 'error')).toBe(false);
      expect(await isSignedIn(world)).toBe(true);
      expect(traffic(world, before)).toEqual([
        'POST /oauth/token refresh_token',
        'GET /authorize none',
        'POST /oauth/token authorization_code',
      ]);
      expect(world.tenant.families().map(({ verdict }) => verdict)).toEqual(['revoked', 'live']);
    });

    story('is forgiven within the leeway', async (world) => {
      await visit(world);
      await choose(world, 'leeway', '3');
      await signIn(world);
      world.tenant.clock.freeze(); // a slow machine must not leave the leeway
      await renew(world);
      await press(world, 'replay-token');
      expect(await text(world, 'result')).toBe('The tenant forgave the replay: it came within the leeway.');
      expect((await journalOnPage(world))[0]).toMatchObject({
        type: 'sertft',
        decision: 'grace',
        counters: '1 → 3',
      });
      expect(journalOf(world, 'ferrt')).toEqual([]);
      expect(world.tenant.families()).toMatchObject([{ verdict: 'live' }]);
    });
  });

  describe('the hidden iframe', () => {
    story('R57: renews the token where refresh tokens are off', async (world) => {
      await visit(world);
      await choose(world, 'useRefreshTokens', 'false');
      await signIn(world);
      const before = world.arrivals.length;
      await renew(world);
      expect(await text(world, 'result')).toMatch(/^A new access token/);
      expect(traffic(world, before)).toEqual(['GET /authorize none', 'POST /oauth/token authorization_code']);
      expect(world.tenant.families()).toEqual([]);
    });

    story('R58: renews the token where no refresh token is held yet', async (world) => {
      await visit(world);
      await choose(world, 'useRefreshTokens', 'false');
      await signIn(world);
      const before = world.arrivals.length;
      await choose(world, 'useRefreshTokens', 'true'); // wants offline_access, which the cached token has not
      await press(world, 'get-token');
      await renew(world);
      expect(traffic(world, before)).toEqual([
        'GET /authorize none',
        'POST /oauth/token authorization_code',
        'POST /oauth/token refresh_token',
      ]);
    });

    story('R59: fails with a typed error where the tenant knows no session', async (world) => {
      await visit(world);
      await choose(world, 'useRefreshTokens', 'false');
      await signIn(world);
      await signOutElsewhere(world);
      await press(world, 'expire-token');
      await press(world, 'get-token');
      expect(await text(world, 'error-code')).toBe('login_required');
      expect(await isVisible(world, 'log-in-again')).toBe(true);
    });

    story('fails with the missing refresh token as the reason, where one was wanted', async (world) => {
      await visit(world);
      await choose(world, 'useRefreshTokens', 'false');
      await signIn(world);
      await signOutElsewhere(world);
      await choose(world, 'useRefreshTokens', 'true');
      await press(world, 'get-token');
      expect(await text(world, 'error-code')).toBe('missing_refresh_token');
      expect(await isVisible(world, 'log-in-again')).toBe(true);
    });
  });

  describe('logging out', () => {
    story('ends the session here and at the tenant, and returns', async (world) => {
      await signIn(world);
      await returning(world, () => world.tab.click('#log-out'));
      expect(await isSignedIn(world)).toBe(false);
      expect(await world.tab.evaluate(() => location.href)).toBe(`${world.playgroundUrl}/`);
      expect(world.tenant.families()).toMatchObject([{ verdict: 'revoked' }]);

      await world.tab.click('#log-in');
      await present(world.tab, '#password'); // a session at the tenant would need no password
    });
  });

  describe("the documentation's example", () => {
    story('R60: runs as it is written', async (world) => {
      await world.tab.goto(`${world.playgroundUrl}/seed-example.html`);
      await world.tab.click('#log-in');
      await fillLoginForm(world.tab, playgroundUser.password);
      await present(world.tab, '#seed-example[data-ready="true"]');
      expect(await text(world, 'session-line')).toBe('Signed in as Ada Lovelace.');
      expect(await text(world, 'token-line')).toBe('getTokenSilently() gave an access token.');
      expect(world.tenant.families()).toMatchObject([{ client_id: 'seed-example', verdict: 'live' }]);
    });
  });
});
