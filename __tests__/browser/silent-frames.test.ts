import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Engine, Profile } from './engines/engine.ts';
import { engines, launchEngine } from './engines/launch.ts';
import { openTwoSites, throwAwayCertificate, type TwoSites } from './two-sites.ts';

/** Nothing listens there: a port that is no one's to use without being asked for. */
const nowhere = 'https://tenant.localhost:1';
/** The app's policy does not know it. */
const forbidden = 'https://other.localhost:4443';

interface Told {
  readonly error?: string;
  readonly message?: string;
  readonly reason?: string;
  readonly error_description?: string;
  /** Since the call, in milliseconds. */
  readonly after: number;
}

interface Asked {
  readonly clientId: string;
  readonly domain?: string;
  readonly authorizeTimeoutInSeconds?: number;
}

let certificate: Awaited<ReturnType<typeof throwAwayCertificate>>;
beforeAll(async () => {
  certificate = await throwAwayCertificate();
});

describe.each(engines)('in %s, a hidden iframe of another site', (name) => {
  let engine: Engine;
  let profile: Profile;
  let sites: TwoSites;
  beforeAll(async () => {
    engine = await launchEngine(name, 'allowed');
    profile = await engine.newProfile();
    sites = await openTwoSites(
      certificate,
      { cacheLocation: 'memory' },
      {
        otherClients: [
          { client_id: 'of another web origin', web_origins: ['https://elsewhere.example'] },
          { client_id: 'of another callback', callbacks: ['https://elsewhere.example'] },
          { client_id: 'answered by redirect' },
        ],
        answersByRedirect: 'answered by redirect',
        otherOrigins: `${nowhere} 'self'`,
      },
    );
  }, 30_000);
  afterAll(async () => {
    await profile?.close();
    await sites?.close();
    await engine?.close();
  });

  /** Several clients of one page ask for a token at the same time, with the SDK of that script. */
  async function ask(script: string, asked: readonly Asked[]): Promise<readonly Told[]> {
    const tab = await sites.visit(profile);
    return tab.evaluate(
      async (script, tenantUrl, asked) => {
        interface Sdk {
          readonly Auth0Client: new (options: object) => { getTokenSilently(): Promise<unknown> };
        }
        const { Auth0Client } = (await import(script)) as Sdk;
        return Promise.all(
          asked.map(async (one) => {
            const client = new Auth0Client({
              domain: tenantUrl,
              ...one,
              cacheLocation: 'memory',
              authorizationParams: { redirect_uri: location.origin },
            });
            const begun = performance.now();
            const settled = (what: object) => ({ ...what, after: performance.now() - begun });
            return client.getTokenSilently().then(
              () => settled({}),
              (thrown: Told) => {
                const { error, message, reason, error_description } = thrown;
                return settled({ error, message, reason, error_description });
              },
            );
          }),
        );
      },
      script,
      sites.tenant.baseUrl,
      asked,
    );
  }

  it('P8: that stays silent says why within 2 s of its load, as far as a page can tell', async () => {
    const told = await ask('/latchkey/index.js', [
      { clientId: 'of another web origin' },
      { clientId: 'of another callback' },
      { clientId: 'of nobody' },
      { clientId: 'app', domain: nowhere },
      { clientId: 'app', domain: forbidden },
      { clientId: 'answered by redirect' },
      { clientId: 'app' },
    ]);
    const timeout = { error: 'timeout', message: 'Timeout' };
    const suspects = /Allowed Web Origins \(https:\/\/app\.localhost.*Allowed Callback URLs.*Client ID \(of /;
    const silent = {
      ...timeout,
      reason: 'frame_silent',
      error_description: expect.stringMatching(suspects) as unknown,
    };
    expect(told).toMatchObject([
      silent,
      silent,
      silent,
      { ...timeout, reason: 'frame_unreachable' },
      { ...timeout, reason: 'frame_forbidden' },
      { ...timeout, reason: 'frame_callback' },
      { error: 'login_required', message: 'Login required' },
    ]);
    expect(told.at(-1)?.reason ?? 'none').toBe('none'); // nobody has signed in here
    const spans = told.map(({ after }) => after);
    expect(Math.min(...spans.slice(0, 4))).toBeGreaterThan(Math.max(...spans.slice(4))); // these were known at once
    expect(Math.max(...spans)).toBeLessThan(6000);
  }, 30_000);

  it('P8: says "Timeout" when the time is up with auth0-spa-js, which is after 60 s by default', async () => {
    const [told] = await ask('/auth0-spa-js.js', [
      { clientId: 'of another web origin', authorizeTimeoutInSeconds: 3 },
    ]);
    expect(told).toMatchObject({ error: 'timeout', message: 'Timeout', error_description: 'Timeout' });
    expect(told?.after).toBeGreaterThan(2900);
  }, 30_000);
});
