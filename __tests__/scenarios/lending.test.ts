import { describe, expect, it } from '@jest/globals';
import type { Auth0ClientOptions } from '../../src/core/options.ts';
import type { Environment } from '../../src/environment.ts';
import { encodeBase64url } from '../../src/oauth/base64url.ts';
import { decodeJwt } from '../../src/oauth/jwt.ts';
import { watch } from '../support/invariants.ts';
import {
  audience,
  createWorld,
  grace,
  tenantUrl,
  type Fault,
  type Tab,
  type World,
} from '../support/world.ts';

const hour = 3600 * 1000;
const memory = { cacheLocation: 'memory' } as const;
const isToken: unknown = expect.any(String);

/** As a browser answers that keeps the tenant's cookies out of frames. */
const blocked: Pick<Environment, 'silentFrame'> = {
  silentFrame: { authorize: async (_, { state }) => ({ error: 'login_required', state }) },
};

/** Tabs in memory mode, with third-party cookies blocked. */
const openTab = (world: World, options: Partial<Auth0ClientOptions> = {}): Tab =>
  world.openTab({ ...memory, ...options }, blocked);

const tokenOf = (world: World, tab: Tab, cacheMode: 'on' | 'off' = 'on') =>
  settled(world, tab.client.getTokenSilently({ cacheMode }));

/** What a call ends with, which may take a second. */
async function settled<T>(world: World, call: Promise<T>) {
  const watched = watch(world, call);
  await world.advance(1000);
  return watched;
}

/** Without a question, in the tenant's session of the login before. */
async function loginAgain(tab: Tab): Promise<void> {
  await tab.client.loginWithRedirect();
  const { headers } = await tab.follow();
  await tab.client.handleRedirectCallback(headers.get('location') ?? '');
}

async function signedIn(options: Partial<Auth0ClientOptions> = {}) {
  const world = createWorld();
  const lender = openTab(world, options);
  await lender.login();
  await world.rest();
  return { world, lender };
}

/** Somebody on the origin who is no tab of ours, and answers every question as `forge` does, from what was really lent before. */
function forger(world: World, tab: Tab, forge: (loan: Loan) => unknown): void {
  const { loan } = world.said.find((it) => (it as { loan?: Loan }).loan) as { loan: Loan };
  const channel = tab.env.channels.open(channelName, (message) => {
    const { kind, id } = message as { kind: string; id: string };
    if (kind === 'ask') channel.post({ kind: 'answer', id, from: 'somebody', loan: forge(loan) });
  });
}
interface Loan {
  readonly token: { readonly access_token: string; readonly expires_at: number };
  readonly id_token: string;
}
const channelName = `latchkey/1/${encodeURIComponent(new URL(tenantUrl).host)}/spa/lending/1`;

/** With other claims, and the signature as it was. */
const withClaims = (idToken: string, claims: Record<string, unknown>): string => {
  const [header, , signature] = idToken.split('.');
  const text = JSON.stringify({ ...decodeJwt(idToken).claims, ...claims });
  return [header, encodeBase64url(new TextEncoder().encode(text)), signature].join('.');
};

describe.each([
  ['held in a worker', {}],
  ['held in the page', { worker: false }],
])('a session that may last so long and no longer, with refresh tokens %s', (_, options) => {
  const anHour: Fault = {
    kind: 'alter',
    alter: (body) => {
      const idToken = String(body['id_token']);
      const session_expiry = Number(decodeJwt(idToken).claims['iat']) + 3600;
      return { ...body, id_token: withClaims(idToken, { session_expiry }) };
    },
  };

  it('ends no later login of another tab', async () => {
    const world = createWorld();
    const [first, later] = [openTab(world, options), openTab(world, options)];
    world.faults.push(anHour);
    await first.login();
    await world.advance(1800 * 1000);
    world.faults.push(anHour);
    await later.login();
    await world.advance(1770 * 1000);
    expect(await first.client.isAuthenticated()).toBe(false);
    await world.advance(1000);
    expect((await tokenOf(world, later, 'off')).value).toEqual(isToken);
    expect(world.tenant.families().map(({ verdict }) => verdict)).toEqual(['revoked', 'live']);
  });

  it('lasts no longer for who borrows, and nothing of it is lent after that', async () => {
    const world = createWorld();
    const lender = openTab(world, options);
    world.faults.push(anHour);
    await lender.login();
    await world.advance(1800 * 1000);
    await tokenOf(world, lender, 'off'); // whose ID token says nothing of that
    const borrower = openTab(world, options);
    expect((await tokenOf(world, borrower)).value).toEqual(isToken);
    await world.advance(1770 * 1000);
    expect((await tokenOf(world, openTab(world, options))).error).toMatchObject({ requiresLogin: true });
    expect(await borrower.client.isAuthenticated()).toBe(false);
    expect(await lender.client.isAuthenticated()).toBe(false);
  });
});

describe.each([
  ['in a worker', {}],
  ['in the page', { worker: false }],
  ['in a worker that tabs share', { workerUrl: '/worker.js' }],
])('with refresh tokens in memory, held %s, and third-party cookies blocked', (_, options) => {
  it('a second tab is signed in without a request', async () => {
    const { world, lender } = await signedIn(options);
    const tab = openTab(world, options);
    const sent = world.requests.length;
    await settled(world, tab.client.checkSession());
    expect(await tab.client.isAuthenticated()).toBe(true);
    expect(await tab.client.getTokenSilently()).toBe(await lender.client.getTokenSilently());
    expect(await tab.client.getUser()).toEqual(await lender.client.getUser());
    expect(world.requests).toHaveLength(sent);
    expect(world.frames).toEqual([]);
  });

  it('a reload beside a tab that has signed in stays signed in', async () => {
    const { world } = await signedIn(options);
    const other = openTab(world, options);
    await tokenOf(world, other);
    const reloaded = other.reload();
    expect((await tokenOf(world, reloaded)).value).toEqual(isToken);
    expect(world.frames).toEqual([]);
  });

  it('twenty tabs with an expired token cost one request', async () => {
    const { world, lender } = await signedIn(options);
    const tabs = Array.from({ length: 19 }, () => openTab(world, options));
    await Promise.all(tabs.map((tab) => tokenOf(world, tab)));
    await world.advance(2 * hour);
    const calls = [...tabs, lender].map(({ client }) => watch(world, client.getTokenSilently()));
    await world.advance(1000);
    expect(new Set(calls.map(({ value }) => value))).toEqual(new Set([isToken]));
    expect(new Set(calls.map(({ value }) => value)).size).toBe(1);
    expect(world.refreshes()).toHaveLength(1);
    expect(world.tenant.families()).toMatchObject([{ verdict: 'live', latestCounter: 2 }]);
  });

  it('no refresh token is said to anybody', async () => {
    const { world } = await signedIn(options);
    const tab = openTab(world, options);
    await tokenOf(world, tab, 'off');
    await settled(world, tab.client.logout());
    const text = JSON.stringify(world.said);
    expect(text.includes('access_token')).toBe(!('workerUrl' in options)); // where one worker has all, nothing is said
    for (const secret of world.secrets) expect(text).not.toContain(secret);
  });

  it.each(['the tab that lends', 'a tab that borrows', 'a tab that has just been opened'])(
    'a logout in %s ends the session in all of them',
    async (which) => {
      const { world, lender } = await signedIn(options);
      const borrowers = [openTab(world, options), openTab(world, options)];
      await Promise.all(borrowers.map((tab) => tokenOf(world, tab)));
      const [borrower = lender] = borrowers;
      const tabs = [lender, ...borrowers];
      const leaver = { 'the tab that lends': lender, 'a tab that borrows': borrower }[which];
      const told: unknown[] = [];
      for (const [at, { client }] of tabs.entries())
        client.on('signed_out', (event) => void (told[at] = event));
      await world.rest();
      world.silent = true; // the lending channel tells it, too
      await settled(world, (leaver ?? openTab(world, options)).client.logout());
      for (const { client } of tabs) expect(await client.isAuthenticated()).toBe(false);
      expect(told).toEqual(tabs.map((tab) => ({ from: tab === leaver ? 'this' : 'other' })));
      expect(world.tenant.families()).toMatchObject([{ verdict: 'revoked' }]);
      const sent = world.requests.length;
      for (const tab of tabs)
        expect((await tokenOf(world, tab)).error).toMatchObject({ error: 'missing_refresh_token' });
      expect(world.requests).toHaveLength(sent);
    },
  );

  it('a logout that no channel tells of ends the session of another tab at its next call, and revokes what that holds', async () => {
    const { world, lender } = await signedIn(options);
    const channels = { open: () => ({ post() {}, close() {} }) };
    const leaver = world.openTab({ ...memory, ...options }, { ...blocked, channels });
    await settled(world, leaver.client.logout());
    const isEnded = 'workerUrl' in options; // one worker has what all tabs have
    expect(world.tenant.families()).toMatchObject([{ verdict: isEnded ? 'revoked' : 'live' }]);
    await expect(lender.client.isAuthenticated()).resolves.toBe(false);
    await world.advance(1000);
    expect(world.tenant.families()).toMatchObject([{ verdict: 'revoked' }]);
  });

  it('a logout is told as that of another tab where there is no localStorage either', async () => {
    const world = createWorld();
    const denied = () => {
      throw new Error('denied');
    };
    const ports = { ...blocked, localStorage: { get: denied, set: denied, remove: denied, names: () => [] } };
    const [lender, borrower] = [1, 2].map(() => world.openTab({ ...memory, ...options }, ports)) as [
      Tab,
      Tab,
    ];
    await lender.login();
    await tokenOf(world, borrower);
    const told: unknown[] = [];
    borrower.client.on('signed_out', (event) => void told.push(event));
    await world.rest();
    await settled(world, lender.client.logout());
    expect(told).toEqual([{ from: 'other' }]);
  });

  it('a tab that slept through a logout gives no token when it wakes', async () => {
    const { world, lender } = await signedIn(options);
    const tab = openTab(world, options);
    await tokenOf(world, tab);
    tab.freeze();
    await settled(world, lender.client.logout());
    tab.wake();
    await world.rest();
    expect(await tab.client.isAuthenticated()).toBe(false);
  });

  it.each(['lent', 'borrowed'])(
    'a tab out of the back/forward cache, to which nothing was delivered meanwhile, shows nobody and gives no token that it has %s',
    async (what) => {
      const { world, lender } = await signedIn(options);
      const borrower = openTab(world, options);
      await tokenOf(world, borrower);
      const tab = what === 'lent' ? lender : borrower;
      const told: unknown[] = [];
      tab.client.on('signed_out', (event) => void told.push(event));
      await world.rest();
      const sent = world.requests.length;
      tab.freeze();
      await settled(world, openTab(world, options).client.logout());
      tab.miss();
      tab.wake();
      expect((await tokenOf(world, tab)).error).toMatchObject({ error: 'missing_refresh_token' });
      expect(await tab.client.getUser()).toBeUndefined();
      expect(await tab.client.getIdTokenClaims()).toBeUndefined();
      expect(await tab.client.getSessionState()).toEqual({ state: 'anonymous' });
      expect(told).toEqual([{ from: 'other' }]);
      expect(world.requests.slice(sent).map(({ path }) => path)).toEqual(['/oauth/revoke']);
      expect(world.tenant.families()).toMatchObject([{ verdict: 'revoked' }]);
    },
  );
});

describe('a tab that borrows', () => {
  it('gets a new token where it wants one, by one request of the tab that lends', async () => {
    const { world, lender } = await signedIn();
    const tab = openTab(world);
    const first = await tokenOf(world, tab);
    const second = await tokenOf(world, tab, 'off');
    expect(second.value).toEqual(isToken);
    expect(second.value).not.toBe(first.value);
    expect(world.refreshes()).toHaveLength(1);
    expect(world.refreshes()[0]?.by).toBe(lender);
  });

  it('is signed in for as long as its token is good when the tab that lends is closed, and then has to log in', async () => {
    const { world, lender } = await signedIn();
    const tab = openTab(world, { useRefreshTokensFallback: true });
    const { value } = await tokenOf(world, tab);
    lender.kill();
    expect(await tab.client.getTokenSilently()).toBe(value);
    await world.advance(2 * hour);
    const late = watch(world, tab.client.getTokenSilently());
    await world.advance(0);
    expect(late.error).toMatchObject({ error: 'login_required' });
  });

  it('goes on in the iframe, where that helps, when the tab that lends is closed', async () => {
    const { world, lender } = await signedIn();
    const tab = world.openTab(memory);
    await tokenOf(world, tab);
    lender.kill();
    await world.advance(2 * hour);
    expect((await tokenOf(world, tab)).value).toEqual(isToken);
    expect(world.frames).toHaveLength(1);
  });

  it('asks no tab for what that was not granted', async () => {
    const { world } = await signedIn();
    const tab = openTab(world);
    const call = await settled(
      world,
      tab.client.getTokenSilently({ authorizationParams: { audience, scope: 'write:things' } }),
    );
    expect(call.error).toMatchObject({ error: 'missing_refresh_token' });
    expect(world.refreshes()).toEqual([]);
  });

  it('takes nothing that is of another organization than the app asks for', async () => {
    const { world } = await signedIn();
    const tab = openTab(world);
    const call = await settled(
      world,
      tab.client.getTokenSilently({ authorizationParams: { organization: 'org_1' } }),
    );
    expect(call.error).toMatchObject({ error: 'missing_refresh_token' });
  });

  it('opens no iframe where a logout is faster than what it asks for', async () => {
    const { world, lender } = await signedIn();
    const tab = world.openTab(memory);
    await tokenOf(world, tab);
    await world.advance(2 * hour);
    const call = watch(world, tab.client.getTokenSilently());
    await world.rest();
    await settled(world, lender.client.logout());
    expect(call.error).toMatchObject({ error: 'missing_refresh_token' });
    expect(world.frames).toEqual([]);
  });

  it('asks nobody any more after a logout, until its own user signs in', async () => {
    const { world, lender } = await signedIn();
    const tab = openTab(world);
    await tokenOf(world, tab);
    await settled(world, lender.client.logout());
    await openTab(world).login();
    const said = world.said.length;
    expect((await tokenOf(world, tab)).error).toMatchObject({ error: 'missing_refresh_token' });
    expect(world.said).toHaveLength(said);
    await tab.login();
    expect((await tokenOf(world, tab)).value).toEqual(isToken);
  });

  it('borrows of who signs in later where it showed nobody when it heard of a logout', async () => {
    const { world, lender } = await signedIn();
    const tab = openTab(world);
    lender.freeze();
    await tokenOf(world, tab);
    lender.wake();
    await settled(world, lender.client.logout());
    await openTab(world).login();
    expect((await tokenOf(world, tab)).value).toEqual(isToken);
  });

  it('may be one whose own refresh token has been refused', async () => {
    const { world, lender } = await signedIn();
    await loginAgain(openTab(world));
    world.faults.push({ kind: 'answer', status: 403, body: '{"error":"invalid_grant"}' });
    expect((await tokenOf(world, lender, 'off')).value).toEqual(isToken);
    expect((await tokenOf(world, lender, 'off')).value).toEqual(isToken);
    expect(await lender.client.isAuthenticated()).toBe(true);
  });

  it('takes what has just been lent back where a logout was faster', async () => {
    const { world, lender } = await signedIn();
    const tab = openTab(world);
    const call = watch(world, tab.client.getTokenSilently());
    await world.rest();
    await settled(world, lender.client.logout());
    expect(call.error).toBeDefined();
    expect(await tab.client.isAuthenticated()).toBe(false);
  });

  it('gets tokens of a key that all tabs have', async () => {
    const world = createWorld({ dpop: true });
    const lender = openTab(world, { useDpop: true });
    await lender.login();
    const tab = openTab(world, { useDpop: true });
    const plain = openTab(world);
    expect((await tokenOf(world, tab)).value).toBe(await lender.client.getTokenSilently());
    expect((await tokenOf(world, plain)).error).toMatchObject({ error: 'missing_refresh_token' });
  });
});

describe('a tab that asks', () => {
  it('and is alone loses no time', async () => {
    const world = createWorld();
    const tab = openTab(world);
    const call = watch(world, tab.client.getTokenSilently());
    await world.rest();
    expect(call.error).toMatchObject({ error: 'missing_refresh_token' });
    expect(world.said).toEqual([]);
  });

  it('and has the only refresh token, which is good for something else, loses no time', async () => {
    const { world, lender } = await signedIn();
    const call = watch(
      world,
      lender.client.getTokenSilently({ authorizationParams: { scope: 'write:things' } }),
    );
    await world.rest();
    expect(call.error).toMatchObject({ error: 'missing_refresh_token' });
    expect(world.said).toEqual([]);
  });

  it('loses no time where the session of the only other one has ended', async () => {
    const { world, lender } = await signedIn();
    world.faults.push({ kind: 'answer', status: 403, body: '{"error":"invalid_grant"}' });
    expect((await tokenOf(world, lender, 'off')).error).toMatchObject({ error: 'invalid_grant' });
    const call = watch(world, openTab(world).client.getTokenSilently());
    await world.rest();
    expect(call.error).toMatchObject({ error: 'missing_refresh_token' });
    expect(world.said).toEqual([]);
  });

  it('loses no time where the client of the only other one has been disposed of', async () => {
    const { world, lender } = await signedIn();
    lender.client.dispose();
    await world.rest();
    const call = watch(world, openTab(world).client.getTokenSilently());
    await world.rest();
    expect(call.error).toMatchObject({ error: 'missing_refresh_token' });
    expect(world.said).toEqual([]);
  });

  it('is served by whichever of two is faster, if both are of one session', async () => {
    const { world } = await signedIn();
    await loginAgain(openTab(world));
    world.faults.push({ kind: 'slow', by: 9000 });
    const call = watch(world, openTab(world).client.getTokenSilently({ cacheMode: 'off' }));
    await world.advance(199);
    expect(call.settled).toBeUndefined();
    await world.advance(1);
    expect(call.value).toEqual(isToken);
  });

  it('waits no longer than 200 ms for one that sleeps', async () => {
    const { world, lender } = await signedIn();
    lender.freeze();
    const call = watch(world, openTab(world).client.getTokenSilently());
    await world.advance(199);
    expect(call.settled).toBeUndefined();
    await world.advance(1);
    expect(call.error).toMatchObject({ error: 'missing_refresh_token' });
  });

  it('waits for a refresh that somebody makes for it', async () => {
    const { world } = await signedIn();
    await world.advance(2 * hour);
    world.faults.push({ kind: 'slow', by: 4000 });
    const call = watch(world, openTab(world).client.getTokenSilently());
    await world.advance(3900);
    expect(call.settled).toBeUndefined();
    await world.advance(200);
    expect(call.value).toEqual(isToken);
    expect(world.refreshes()).toHaveLength(1);
  });

  it('waits for nobody whose client is disposed of while it refreshes, and that fails nowhere', async () => {
    const failures: unknown[] = [];
    const fail = (error: unknown) => void failures.push(error);
    process.on('unhandledRejection', fail);
    const { world, lender } = await signedIn({ worker: false });
    const tab = openTab(world);
    world.faults.push({ kind: 'slow', by: 1000 });
    const call = watch(world, tab.client.getTokenSilently({ cacheMode: 'off' }));
    await world.advance(500);
    lender.client.dispose();
    await world.advance(15_000);
    process.off('unhandledRejection', fail);
    expect(failures).toEqual([]);
    expect(call.error).toMatchObject({ error: 'network_error', retryable: true });
  });

  it.each([
    ['fails', { kind: 'answer', status: 503, body: '<html>' }, { error: 'network_error' }],
    ['is silent', { kind: 'hang' }, { retryable: true }],
  ] as const)('is not told to log in where the server %s', async (_, fault, expected) => {
    const { world } = await signedIn();
    const tab = openTab(world);
    await tokenOf(world, tab);
    await world.advance(2 * hour);
    world.faults.push(fault, fault);
    const call = watch(world, tab.client.getTokenSilently());
    await world.advance(12_000);
    expect(call.error).toMatchObject({ ...expected, retryable: true, requiresLogin: false });
    expect(await tab.client.isAuthenticated()).toBe(true);
    await world.advance(60_000);
    expect((await tokenOf(world, tab)).value).toEqual(isToken);
  });

  it('is told of nothing where two others are signed in as two users', async () => {
    const { world } = await signedIn();
    await openTab(world).login(grace);
    const call = await tokenOf(world, openTab(world));
    expect(call.error).toMatchObject({ error: 'missing_refresh_token' });
    expect(world.said.filter((it) => (it as { loan?: Loan }).loan)).not.toEqual([]);
  });

  it('is told of nothing where two others are signed in as one user in two sessions', async () => {
    const { world } = await signedIn();
    await openTab(world).login();
    const call = await tokenOf(world, openTab(world));
    expect(call.error).toMatchObject({ error: 'missing_refresh_token' });
  });
});

describe('what somebody else says on the channel', () => {
  const now = (world: World) => Math.floor(world.now() / 1000);
  const forgeries: readonly [string, (loan: Loan, world: World) => unknown][] = [
    [
      'of another issuer',
      (loan) => ({ ...loan, id_token: withClaims(loan.id_token, { iss: 'https://evil.example/' }) }),
    ],
    ['for another client', (loan) => ({ ...loan, id_token: withClaims(loan.id_token, { aud: 'other' }) })],
    [
      'that has expired',
      (loan, world) => ({ ...loan, id_token: withClaims(loan.id_token, { exp: now(world) - 100 }) }),
    ],
    [
      'of long ago',
      (loan, world) => ({ ...loan, id_token: withClaims(loan.id_token, { iat: now(world) - 100_000 }) }),
    ],
    [
      'of another access token',
      (loan) => ({ ...loan, id_token: withClaims(loan.id_token, { at_hash: 'AAAA' }) }),
    ],
    ['that is none', (loan) => ({ ...loan, id_token: 'none' })],
    [
      'with an access token that has expired',
      (loan, world) => ({ ...loan, token: { ...loan.token, expires_at: now(world) } }),
    ],
    ['without an access token', ({ id_token }) => ({ id_token })],
    ['without anything', () => null],
  ];

  it.each(forgeries)('an ID token %s is believed by nobody', async (_, forge) => {
    const { world, lender } = await signedIn();
    await tokenOf(world, openTab(world));
    forger(world, openTab(world), (loan) => forge(loan, world));
    lender.freeze(); // it alone could contradict
    const call = await tokenOf(world, openTab(world));
    expect(call.error).toMatchObject({ error: 'missing_refresh_token' });
  });

  it('is believed where it is what the tenant has given, and nobody contradicts', async () => {
    const { world, lender } = await signedIn();
    await tokenOf(world, openTab(world));
    forger(world, openTab(world), (loan) => loan);
    lender.freeze();
    expect((await tokenOf(world, openTab(world))).value).toEqual(isToken);
  });

  it.each([
    ['another user', { sub: 'auth0|mallory' }],
    ['another session', { sid: 'other' }],
    ['an organization', { org_id: 'org_1' }],
  ])('of %s is believed by nobody where a tab contradicts', async (_, claims) => {
    const { world } = await signedIn();
    await tokenOf(world, openTab(world));
    forger(world, openTab(world), (loan) => ({ ...loan, id_token: withClaims(loan.id_token, claims) }));
    const call = await tokenOf(world, openTab(world));
    expect(call.error).toMatchObject({ error: 'missing_refresh_token' });
  });

  it('of another user changes nobody’s session', async () => {
    const { world, lender } = await signedIn();
    const tab = openTab(world);
    await tokenOf(world, tab);
    forger(world, tab, (loan) => ({
      ...loan,
      id_token: withClaims(loan.id_token, { sub: 'auth0|mallory' }),
    }));
    lender.freeze();
    expect((await tokenOf(world, tab, 'off')).error).toMatchObject({ error: 'missing_refresh_token' });
    expect(await tab.client.getUser()).toEqual(await lender.client.getUser());
  });

  it('of another user is believed by no app that verifies signatures, which are good otherwise', async () => {
    const { world, lender } = await signedIn({ verifyIdTokenSignature: true });
    expect((await tokenOf(world, openTab(world, { verifyIdTokenSignature: true }))).value).toEqual(isToken);
    forger(world, openTab(world), (loan) => ({
      ...loan,
      id_token: withClaims(loan.id_token, { sub: 'auth0|mallory' }),
    }));
    lender.freeze();
    const call = await tokenOf(world, openTab(world, { verifyIdTokenSignature: true }));
    expect(call.error).toMatchObject({ error: 'missing_refresh_token' });
  });

  it.each([['nothing'], [null], [{ kind: 'answer' }], [{ kind: 'ask', id: 1 }], [{ kind: 'ask', id: 'a' }]])(
    'without sense (%j) is not heard',
    async (message) => {
      const { world, lender } = await signedIn();
      const said = world.said.length;
      openTab(world)
        .env.channels.open(channelName, () => {})
        .post(message);
      await world.rest();
      expect(world.said).toHaveLength(said + 1);
      expect(await lender.client.isAuthenticated()).toBe(true);
    },
  );
});
