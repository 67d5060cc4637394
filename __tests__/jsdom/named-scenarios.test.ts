/**
 * @jest-environment ./__tests__/support/jsdom-environment.js
 * @jest-environment-options {"url": "http://localhost:3000/"}
 *
 * The tenant's mishaps by name, with two SDKs side by side: ours and the published auth0-spa-js, each in a page of its own kind.
 */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createTenant, scenarioNames, type ScenarioName, type Tenant } from '../../src/tenant/index.ts';
import { tenantBrowser } from '../support/tenant-browser.ts';

const app = 'http://localhost:3000';
const api = 'https://api.example';
const ada = 'ada@example.com';

type Sdk = 'latchkey' | 'auth0-spa-js';

/** What the two have in common. */
interface Client {
  loginWithRedirect(options: { openUrl: (url: string) => void }): Promise<void>;
  handleRedirectCallback(url: string): Promise<unknown>;
  getTokenSilently(options?: { cacheMode: 'off' }): Promise<string>;
}

/** A page's own copy of an SDK: what a tab keeps in its modules another tab does not see. */
async function openPage(sdk: Sdk, tenant: Tenant): Promise<Client> {
  jest.resetModules();
  const { Auth0Client } = (await import(
    sdk === 'latchkey' ? '../../src/index.ts' : '@auth0/auth0-spa-js'
  )) as { Auth0Client: new (options: object) => Client };
  return new Auth0Client({
    domain: tenant.baseUrl,
    clientId: 'app',
    cacheLocation: 'localstorage',
    useRefreshTokens: true,
    useRefreshTokensFallback: false,
    authorizationParams: {
      redirect_uri: `${app}/`,
      audience: api,
      scope: 'openid profile offline_access read:things',
    },
  });
}

interface Stage {
  readonly tenant: Tenant;
  open(): Promise<Client>;
  /** The whole login by redirect, in a page of its own. */
  logIn(): Promise<void>;
  /** Waits for a call while the clock runs on from timer to timer, but never while the tenant works. */
  outcomeOf(call: Promise<unknown>): Promise<'token' | 'error'>;
  /** Lets time pass, with what falls due in it; in steps of five seconds. */
  passTime(seconds: number): Promise<void>;
}

/** A signed-in page and a tenant on one clock. */
async function aStage(sdk: Sdk): Promise<Stage> {
  let working = 0;
  const tenant = createTenant({
    seed: 'side by side',
    clients: [
      {
        client_id: 'app',
        callbacks: [`${app}/`],
        web_origins: [app],
        refresh_token: { rotation_type: 'rotating', expiration_type: 'expiring' },
      },
    ],
    resource_servers: [{ identifier: api, scopes: [{ value: 'read:things' }], allow_offline_access: true }],
    users: [{ email: ada, password: 'correct horse' }],
    now: () => Date.now(),
    wait: (span) => {
      working -= 1;
      return new Promise((end) =>
        setTimeout(() => {
          working += 1;
          end();
        }, span),
      );
    },
  });
  globalThis.fetch = async (url, init) => {
    working += 1;
    try {
      const answer = tenant.fetch(
        new Request(String(url), { ...init, headers: { ...init?.headers, origin: app } }),
      );
      return await Promise.race([answer, aborted(init?.signal)]);
    } finally {
      working -= 1;
    }
  };

  /** Resolves when nothing goes on without time passing: hashes and promises of the page take some turns. */
  async function rest(): Promise<void> {
    for (let quiet = 0; quiet < 20; quiet = working > 0 ? 0 : quiet + 1)
      await new Promise((turn) => setImmediate(turn));
  }

  async function settle<T>(call: Promise<T>): Promise<T> {
    let pending = true;
    const over = () => (pending = false);
    call.then(over, over);
    for (await rest(); pending; await rest()) await jest.advanceTimersToNextTimerAsync();
    return call;
  }

  const open = () => openPage(sdk, tenant);
  async function logIn(): Promise<void> {
    const client = await open();
    let sentTo = '';
    await settle(client.loginWithRedirect({ openUrl: (url) => void (sentTo = url) }));
    const browser = tenantBrowser(tenant);
    browser.setCookie(tenant.signIn(ada, { client_id: 'app' }).cookie);
    await settle(client.handleRedirectCallback((await browser.visit(sentTo)).url.href));
  }
  await logIn();
  return {
    tenant,
    logIn,
    open,
    outcomeOf: (call) =>
      settle(call).then(
        () => 'token',
        () => 'error',
      ),
    passTime: async (seconds) => {
      for (let passed = 0; passed < seconds; passed += 5) {
        await jest.advanceTimersByTimeAsync(5000);
        await rest();
      }
    },
  };
}

const aborted = (signal: AbortSignal | null | undefined) =>
  new Promise<never>((_, reject) => {
    signal?.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')));
  });

const renew = (client: Client) => client.getTokenSilently({ cacheMode: 'off' });

interface Outcome {
  /** What the tenant says of a client that does everything right. */
  readonly promised: 'stays' | 'ends';
  /** Whether the user is signed in still, once the mishap is over: a page that is opened anew can renew. */
  readonly found: 'stays' | 'ends';
}

async function play(sdk: Sdk, name: ScenarioName): Promise<Outcome> {
  const { tenant, open, logIn, outcomeOf, passTime } = await aStage(sdk);
  const client = await open();
  for (const _ of [1, 2]) expect(await outcomeOf(renew(client))).toBe('token'); // some mishaps need a past
  const { session: promised } = await tenant.scenario(name, { client_id: 'app' });
  const pages = name === 'two-tabs' || name === 'out-of-order' ? [client, await open()] : [client];
  await outcomeOf(Promise.all(pages.map(renew)));
  tenant.faults.clear();
  await passTime(60); // whoever was told to wait has waited
  await outcomeOf(renew(await open()));
  const found = (await outcomeOf(renew(await open()))) === 'token' ? 'stays' : 'ends';
  if (promised === 'ends') {
    tenant.updateUser(ada, { blocked: false });
    await logIn(); // whatever it was, a new login is good again
    expect(await outcomeOf(renew(await open()))).toBe('token');
  }
  return { promised, found };
}

beforeEach(() => {
  jest.useFakeTimers({
    now: Date.UTC(2026, 10, 23, 12),
    doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'],
  });
  localStorage.clear();
});
afterEach(() => {
  jest.useRealTimers();
});

/** Where the published SDK loses a session that it need not lose. */
const lost: readonly ScenarioName[] = ['hang-12s', 'migration-out', 'no-id-token'];

describe.each(scenarioNames.map((name) => [name] as const))('%s', (name) => {
  it('latchkey comes out as well as a client can', async () => {
    const { promised, found } = await play('latchkey', name);
    expect(found).toBe(promised);
  });

  it(`auth0-spa-js ${lost.includes(name) ? 'loses the session' : 'does, too'}`, async () => {
    const { promised, found } = await play('auth0-spa-js', name);
    expect({ promised, found }).toEqual(
      lost.includes(name) ? { promised: 'stays', found: 'ends' } : { promised, found: promised },
    );
  });
});

describe('a scenario', () => {
  const fresh = () => aStage('latchkey');

  it('says what was done', async () => {
    const { tenant } = await fresh();
    expect(await tenant.scenario('lost-response', { client_id: 'app' })).toEqual({
      name: 'lost-response',
      what: 'the answer to the next refresh is lost after the rotation, within a leeway of 3 s',
      session: 'stays',
    });
    expect(tenant.faults.list()).toMatchObject([{ kind: 'drop-response', client_id: 'app' }]);
  });

  it.each([
    ['that there is not', 'nonsense', 'app', /no scenario "nonsense", only rotate-each-time, /],
    ['of an inherited name', 'toString', 'app', /no scenario "toString"/],
    ['for a client that there is not', 'lost-response', 'none', /client "none" has no live refresh token/],
    ['for a token that is too young', 'theft-victim-first', 'app', /must have refreshed once before/],
    [
      'for a token that is too young by one',
      'second-to-last-replay',
      'app',
      /must have refreshed twice before/,
    ],
  ])('%s is refused, and nothing changes', async (_, name, client_id, message) => {
    const { tenant } = await fresh();
    const before = JSON.stringify(tenant.snapshot());
    await expect(tenant.scenario(name as ScenarioName, { client_id })).rejects.toThrow(RangeError);
    await expect(tenant.scenario(name as ScenarioName, { client_id })).rejects.toThrow(message);
    expect(JSON.stringify(tenant.snapshot())).toBe(before);
  });

  it.each([
    'rotate-each-time',
    'lost-response-without-leeway',
    'theft-attacker-first',
    'migration-in',
  ] as const)('%s is refused where nothing rotates', async (name) => {
    const { tenant, open, outcomeOf } = await fresh();
    await tenant.scenario('migration-out', { client_id: 'app' });
    await outcomeOf(renew(await open()));
    await expect(tenant.scenario(name, { client_id: 'app' })).rejects.toThrow(/not rotate/);
  });

  it('of a theft says so where an earlier one meets the thief instead of the client', async () => {
    const { tenant } = await fresh();
    await tenant.scenario('500-json', { client_id: 'app' });
    await expect(tenant.scenario('theft-attacker-first', { client_id: 'app' })).rejects.toThrow(RangeError);
    expect((await tenant.scenario('theft-attacker-first', { client_id: 'app' })).session).toBe('ends');
  });

  it('of a migration leaves no spent token that could be swapped', async () => {
    const { tenant, open, outcomeOf } = await fresh();
    await outcomeOf(renew(await open()));
    const { familyId = '' } = tenant.families()[0] ?? {};
    await tenant.scenario('migration-in', { client_id: 'app' });
    expect(tenant.family(familyId)).toMatchObject({ rotating: false, latestCounter: 1, nodes: [{}] });
    expect((await tenant.replay(familyId, 1)).status).toBe(200);
  });
});
