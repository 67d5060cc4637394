/** Memory mode with `workerUrl`, where the browser has shared workers: one custody for all tabs, which outlives each of them. */
import { describe, expect, it } from '@jest/globals';
import type { Auth0ClientOptions } from '../../src/core/options.ts';
import type { Environment, WorkerListener, WorkerPort, Workers } from '../../src/environment.ts';
import { watch } from '../support/invariants.ts';
import {
  ada,
  app,
  audience,
  createWorld,
  grace,
  orders,
  type Fault,
  type Tab,
  type World,
} from '../support/world.ts';

const hour = 3600 * 1000;
const isToken: unknown = expect.any(String);

/** As a browser answers that keeps the tenant's cookies out of frames. */
const blocked: Pick<Environment, 'silentFrame'> = {
  silentFrame: { authorize: async (_, { state }) => ({ error: 'login_required', state }) },
};

const openTab = (world: World, options: Partial<Auth0ClientOptions> = {}): Tab =>
  world.openTab({ cacheLocation: 'memory', workerUrl: '/worker.js', ...options }, blocked);

/** What a call ends with, which may take two seconds. */
async function settled<T>(world: World, call: Promise<T>) {
  const watched = watch(world, call);
  await world.advance(2000);
  return watched;
}

const tokenOf = (world: World, tab: Tab, cacheMode: 'on' | 'off' = 'on') =>
  settled(world, tab.client.getTokenSilently({ cacheMode }));

async function signedIn(options: Partial<Auth0ClientOptions> = {}) {
  const world = createWorld();
  const first = openTab(world, options);
  await first.login();
  return { world, first };
}

const emailOf = async ({ client }: Tab) => (await client.getUser())?.email;

describe('one worker for all tabs', () => {
  it('serves a tab that is opened after the one that signed in has gone with its own', async () => {
    const { world, first } = await signedIn();
    const other = openTab(world);
    await tokenOf(world, other);
    first.kill();
    const third = openTab(world);
    expect((await tokenOf(world, third, 'off')).value).toEqual(isToken);
    expect(await emailOf(third)).toBe(ada);
    expect(world.refreshes()).toHaveLength(1);
    expect(world.tenant.families()).toMatchObject([{ verdict: 'live' }]);
  });

  it('serves every tab for as long as one is open, whichever closes and reloads', async () => {
    const { world, first } = await signedIn();
    let tabs = [first, openTab(world)];
    for (let round = 0; round < 6; round++) {
      await world.advance(2 * hour);
      const [left, stays] = tabs as [Tab, Tab];
      for (const tab of tabs) expect((await tokenOf(world, tab)).value).toEqual(isToken);
      tabs = [stays, left.reload()];
    }
    expect(world.refreshes()).toHaveLength(6);
    expect(world.tenant.families()).toMatchObject([{ verdict: 'live' }]);
  });

  it.each([
    ['stays signed in where the browser keeps the worker for a moment', true, { value: isToken }],
    ['is told to log in where it does not', false, { error: { error: 'missing_refresh_token' } }],
  ])('the reload of the only tab %s', async (_, outlives, outcome) => {
    const { world, first } = await signedIn();
    world.workersOutlivePages = outlives;
    expect(await tokenOf(world, first.reload())).toMatchObject(outcome);
  });

  it('twenty tabs with an expired token cost one request', async () => {
    const { world, first } = await signedIn();
    const tabs = [first, ...Array.from({ length: 19 }, () => openTab(world))];
    for (const tab of tabs) await tokenOf(world, tab);
    await world.advance(2 * hour);
    const calls = tabs.map(({ client }) => watch(world, client.getTokenSilently()));
    await world.advance(1000);
    expect(calls.every(({ value }) => value === calls[0]?.value)).toBe(true);
    expect(calls[0]?.value).toEqual(isToken);
    expect(world.refreshes()).toHaveLength(1);
  });

  it('a refresh that a tab began, and did not live to see, is there for the others', async () => {
    const { world, first } = await signedIn();
    const other = openTab(world);
    await tokenOf(world, other);
    await world.advance(2 * hour);
    world.faults.push({ kind: 'slow', by: 500 });
    watch(world, first.client.getTokenSilently());
    await world.advance(100);
    first.kill();
    expect((await tokenOf(world, other)).value).toEqual(isToken);
    expect(world.refreshes()).toHaveLength(1);
  });

  it('a client that is disposed of leaves the others, and what is theirs', async () => {
    const { world, first } = await signedIn();
    const other = openTab(world);
    await tokenOf(world, other);
    first.client.dispose();
    await world.advance(20_000);
    expect((await tokenOf(world, other, 'off')).value).toEqual(isToken);
    await expect(first.client.getTokenSilently()).rejects.toMatchObject({ error: 'disposed' });
    expect((await tokenOf(world, first.twin(), 'off')).value).toEqual(isToken);
  });

  it('begins nothing for a page that is being left, and goes on for the others', async () => {
    const { world, first } = await signedIn();
    let isLeaving = false;
    const page = { ...first.env.page, leaving: () => isLeaving };
    const left = world.openTab({ cacheLocation: 'memory', workerUrl: '/worker.js' }, { ...blocked, page });
    await tokenOf(world, left);
    await world.advance(2 * hour);
    isLeaving = true;
    const calls = [first, left].map(({ client }) => watch(world, client.getTokenSilently()));
    await world.advance(1000);
    expect(calls).toMatchObject([
      { value: isToken },
      { error: { error: 'network_error', reason: 'leaving' } },
    ]);
    expect(world.refreshes()).toHaveLength(1);
  });

  it('a tab whose storage shows no user yet ends nobody’s session', async () => {
    const { world, first } = await signedIn();
    const other = openTab(world);
    const call = watch(
      world,
      other.client.getTokenSilently({ authorizationParams: { scope: 'write:things' } }),
    );
    await world.advance(60_000);
    expect(call.error).toMatchObject({ error: 'missing_refresh_token' });
    expect((await tokenOf(world, first, 'off')).value).toEqual(isToken);
  });

  it('a tab that cannot reach the server is not told to log in', async () => {
    const { world, first } = await signedIn();
    first.freeze();
    await world.advance(2 * hour);
    world.online = false;
    const other = openTab(world);
    const call = watch(world, other.client.getTokenSilently());
    await world.advance(20_000);
    expect(call.error).toMatchObject({ error: 'network_error', retryable: true });
    world.online = true;
    await world.advance(60_000);
    expect((await tokenOf(world, other)).value).toEqual(isToken);
  });

  it('serves tabs whose pages come back from the tenant to different addresses', async () => {
    const { world } = await signedIn();
    const other = openTab(world, {
      authorizationParams: { audience, redirect_uri: 'https://app.example/other' },
    });
    expect((await tokenOf(world, other, 'off')).value).toEqual(isToken);
    expect(world.said).toEqual([]);
  });

  it('clients of different settings have custodies of their own, and lend each other', async () => {
    const { world } = await signedIn();
    const other = openTab(world, { leeway: 5 });
    expect((await tokenOf(world, other)).value).toEqual(isToken);
    expect(world.said.length).toBeGreaterThan(0);
  });
});

describe('a logout', () => {
  it('in one tab is one in all, and no refresh token is left', async () => {
    const { world, first } = await signedIn();
    const others = [openTab(world), openTab(world)];
    for (const tab of others) await tokenOf(world, tab);
    const sent = world.requests.length;
    await settled(world, first.client.logout());
    for (const { client } of [first, ...others]) expect(await client.isAuthenticated()).toBe(false);
    expect(world.requests.slice(sent).map(({ path }) => path)).toEqual(['/oauth/revoke']);
    expect(world.tenant.families()).toMatchObject([{ verdict: 'revoked' }]);
  });

  it('is completed where its client is disposed of before it has asked for the worker', async () => {
    const { world, first } = await signedIn();
    let isOver = false;
    const start: Workers['start'] = async (...asked) => {
      const port = await first.env.workers.start(...asked);
      return { ...port, terminate: () => void (port.terminate(), (isOver = true)) };
    };
    const tab = world.openTab(
      { cacheLocation: 'memory', workerUrl: '/worker.js' },
      { ...blocked, workers: { start } },
    );
    void tab.client.logout().catch(() => {});
    tab.client.dispose();
    await world.advance(10_000);
    expect(world.tenant.families()).toMatchObject([{ verdict: 'revoked' }]);
    expect(isOver).toBe(true);
    await expect(first.client.isAuthenticated()).resolves.toBe(false);
    expect((await tokenOf(world, openTab(world))).error).toMatchObject({ error: 'missing_refresh_token' });
  });

  it('is told by the worker where pages have no storage to tell it by', async () => {
    const world = createWorld();
    const fail = () => {
      throw new DOMException('denied', 'SecurityError');
    };
    const localStorage = { get: fail, set: fail, remove: fail, names: fail };
    const open = () =>
      world.openTab({ cacheLocation: 'memory', workerUrl: '/worker.js' }, { ...blocked, localStorage });
    const [first, other] = [open(), open()] as const;
    await first.login();
    await tokenOf(world, other);
    await settled(world, first.client.logout());
    expect(await other.client.isAuthenticated()).toBe(false);
    expect((await tokenOf(world, other)).error).toMatchObject({ error: 'missing_refresh_token' });
  });

  it.each(['a tab that shares the worker', 'a tab with a worker of its own'])(
    'and the login after it are not undone by %s that slept through both',
    async (which) => {
      const { world, first } = await signedIn();
      const sleeper = openTab(world, which.includes('own') ? { workerUrl: undefined } : {});
      await tokenOf(world, sleeper);
      sleeper.freeze();
      await settled(world, first.client.logout());
      await first.login();
      sleeper.wake();
      const call = watch(world, sleeper.client.getTokenSilently());
      await world.advance(5000);
      expect(call.error).toMatchObject({ error: 'missing_refresh_token' });
      expect(await first.client.isAuthenticated()).toBe(true);
      expect((await tokenOf(world, first, 'off')).value).toEqual(isToken);
      expect((await tokenOf(world, openTab(world))).value).toEqual(isToken);
    },
  );

  it('stays one for a tab that has seen it, when another signs in again', async () => {
    const { world, first } = await signedIn();
    const other = openTab(world);
    await tokenOf(world, other);
    await settled(world, first.client.logout());
    await first.login();
    await world.advance(1000);
    expect((await tokenOf(world, other)).error).toMatchObject({ error: 'missing_refresh_token' });
    expect(await other.client.isAuthenticated()).toBe(false);
    expect((await tokenOf(world, first, 'off')).value).toEqual(isToken);
  });

  it('of a tab that is gone before the worker heard of it is completed by the next that looks', async () => {
    const { world, first } = await signedIn();
    const start: Workers['start'] = async (...asked) => {
      const port = await first.env.workers.start(...asked);
      const isEnd = (message: unknown) => (message as { method?: string }).method === 'end';
      return { ...port, post: (message) => (isEnd(message) ? leaver.kill() : port.post(message)) };
    };
    const leaver = world.openTab(
      { cacheLocation: 'memory', workerUrl: '/worker.js' },
      { ...blocked, workers: { start } },
    );
    await tokenOf(world, leaver);
    watch(world, leaver.client.logout());
    await world.advance(2000);
    expect(world.tenant.families()).toMatchObject([{ verdict: 'live' }]);
    const call = await tokenOf(world, first);
    expect(call.error).toMatchObject({ error: 'missing_refresh_token' });
    expect(world.tenant.families()).toMatchObject([{ verdict: 'revoked' }]);
  });
});

describe('another user', () => {
  it('who signs in in one tab is who the others show next, and the former refresh token is revoked', async () => {
    const { world, first } = await signedIn();
    const other = openTab(world);
    await tokenOf(world, other);
    await first.login(grace);
    expect(await emailOf(first)).toBe(grace);
    await world.advance(2 * hour);
    expect((await tokenOf(world, other)).value).toEqual(isToken);
    expect(await emailOf(other)).toBe(grace);
    expect(world.tenant.families().filter(({ verdict }) => verdict === 'live')).toHaveLength(1);
  });
});

describe('the token of a former user', () => {
  it('is served by no tab once another has signed in in one of them', async () => {
    const { world, first } = await signedIn();
    const tabs = [openTab(world), openTab(world)] as const;
    const { value: former } = await tokenOf(world, tabs[0]);
    tabs[1].freeze();
    const events: string[] = [];
    for (const name of ['user_changed', 'signed_out'] as const)
      tabs[0].client.on(name, () => events.push(name));
    await world.rest();
    await first.login(grace);
    tabs[1].wake();
    await world.rest();
    for (const tab of tabs) {
      const { value } = await tokenOf(world, tab);
      expect(value).toEqual(isToken);
      expect(value).not.toBe(former);
      expect(await emailOf(tab)).toBe(grace);
    }
    expect(events).toEqual(['user_changed']);
    expect(world.refreshes()).toHaveLength(0);
  });
});

describe('a session that may last so long and no longer', () => {
  const anHour: Fault = {
    kind: 'alter',
    alter(body) {
      const [header, claims = '', signature] = String(body['id_token']).split('.');
      const said = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { iat: number };
      const more = JSON.stringify({ ...said, session_expiry: said.iat + 3600 });
      return { ...body, id_token: [header, Buffer.from(more).toString('base64url'), signature].join('.') };
    },
  };

  it.each([ada, grace])(
    'is not ended by a tab that has not heard yet that %s has signed in anew',
    async (who) => {
      const world = createWorld();
      const other = openTab(world);
      const hearing = (heard: WorkerListener): WorkerListener => ({
        ...heard,
        message: (told) => (told as { kind: string }).kind === 'signed_in' || heard.message(told),
      });
      const start: Workers['start'] = (url, heard, name) =>
        other.env.workers.start(url, hearing(heard), name);
      const first = world.openTab(
        { cacheLocation: 'memory', workerUrl: '/worker.js' },
        { ...blocked, workers: { start } },
      );
      world.faults.push(anHour);
      await first.login();
      await world.advance(1800 * 1000);
      world.faults.push(anHour);
      await other.login(who);
      await world.advance(1770 * 1000);
      expect(await emailOf(first)).toBe(who);
      for (const tab of [first, other]) expect((await tokenOf(world, tab, 'off')).value).toEqual(isToken);
      await world.advance(1800 * 1000);
      for (const { client } of [first, other]) expect(await client.isAuthenticated()).toBe(false);
      await world.rest();
      expect(world.tenant.families().every(({ verdict }) => verdict === 'revoked')).toBe(true);
    },
  );

  it('is not prolonged by what another tab gets silently', async () => {
    const world = createWorld();
    const first = openTab(world);
    world.faults.push(anHour);
    await first.login();
    const other = world.openTab({ cacheLocation: 'memory', workerUrl: '/worker.js' });
    await world.advance(1800 * 1000);
    world.faults.push(anHour);
    const authorizationParams = { audience: orders, scope: 'read:things' };
    const call = await settled(world, other.client.getTokenSilently({ authorizationParams }));
    expect(call.value).toEqual(isToken);
    expect(world.frames).toHaveLength(1);
    await world.advance(1770 * 1000);
    for (const { client } of [other, first]) expect(await client.isAuthenticated()).toBe(false);
  });

  it('lasts as long in a tab that is opened when what is renewed says nothing of that', async () => {
    const world = createWorld();
    const first = openTab(world);
    world.faults.push(anHour);
    await first.login();
    await world.advance(1800 * 1000);
    await tokenOf(world, first, 'off');
    const other = openTab(world);
    expect((await tokenOf(world, other)).value).toEqual(isToken);
    first.kill();
    await world.advance(1770 * 1000);
    expect(await other.client.isAuthenticated()).toBe(false);
    expect((await tokenOf(world, openTab(world))).error).toMatchObject({ error: 'missing_refresh_token' });
    expect(world.tenant.families()).toMatchObject([{ verdict: 'revoked' }]);
  });
});

describe('tabs of two organizations', () => {
  it('sign in without a question, and stay what they are, until one logs out', async () => {
    const world = createWorld();
    const [acme, umbrella] = ['org_1', 'org_2'].map((organization) =>
      world.openTab({
        cacheLocation: 'memory',
        workerUrl: '/worker.js',
        authorizationParams: { audience, redirect_uri: app, organization },
      }),
    ) as [Tab, Tab];
    await acme.login();
    expect((await tokenOf(world, umbrella)).value).toEqual(isToken);
    for (const [tab, org_id] of [[acme, 'org_1'] as const, [umbrella, 'org_2'] as const]) {
      expect((await tokenOf(world, tab, 'off')).value).toEqual(isToken);
      expect(await tab.client.getUser()).toMatchObject({ org_id });
    }
    await settled(world, acme.client.logout());
    expect(await umbrella.client.isAuthenticated()).toBe(false);
    expect(world.tenant.families().map(({ verdict }) => verdict)).toEqual(['revoked', 'revoked']);
  });
});

describe('a key that signs ID tokens and is not known yet', () => {
  it('costs no tab its login, where several wait for it', async () => {
    const world = createWorld();
    const tabs = [1, 2].map(() => openTab(world, { verifyIdTokenSignature: true }));
    await tabs[0]?.login();
    world.tenant.faults.add({ kind: 'rotate-key' });
    world.tenant.faults.add({ kind: 'stale-jwks', times: 1 });
    const logins: { readonly tab: Tab; readonly url: string }[] = [];
    for (const tab of tabs) {
      await tab.client.loginWithRedirect();
      logins.push({ tab, url: (await tab.follow()).headers.get('location') ?? '' });
    }
    const unknown = { reason: 'unknown_key', retryable: true };
    for (const { tab, url } of logins)
      expect((await settled(world, tab.client.handleRedirectCallback(url))).error).toMatchObject(unknown);
    await world.advance(30_000);
    const late = logins.map(({ tab, url }) => watch(world, tab.client.handleRedirectCallback(url)));
    await world.advance(5000);
    expect(late.map(({ error }) => error)).toEqual([undefined, undefined]);
    const codes = world.requests.map(({ form }) => form.get('code')).filter((code) => code !== null);
    expect(codes).toHaveLength(3);
    for (const tab of tabs) expect((await tokenOf(world, tab, 'off')).value).toEqual(isToken);
  });
});

describe.each([
  ['a worker that tabs share', '/worker.js'],
  ['a worker of its own', undefined],
])('whoever finds the way to %s', (_, workerUrl) => {
  it('gets no refresh token sent to an address of theirs', async () => {
    const world = createWorld();
    const plain = openTab(world);
    let port: WorkerPort | undefined;
    const start: Workers['start'] = async (...asked) => (port = await plain.env.workers.start(...asked));
    const tab = world.openTab({ cacheLocation: 'memory', workerUrl }, { ...blocked, workers: { start } });
    await tab.login();
    const token = 'https://thief.example/token';
    port?.post({ kind: 'endpoints', endpoints: { authorize: token, token } });
    await world.rest();
    expect((await tokenOf(world, tab, 'off')).value).toEqual(isToken);
    expect(world.refreshes().map(({ path }) => path)).toEqual(['/oauth/token']);
  });

  it('disposes of nothing that is not theirs, and stops it by nothing', async () => {
    const world = createWorld();
    const plain = openTab(world);
    let port: WorkerPort | undefined;
    const start: Workers['start'] = async (...asked) => {
      const stranger = await plain.env.workers.start(...asked);
      const call = { kind: 'call', id: 1, method: 'look', args: [{}], leaving: false, offset: 0 };
      for (const message of [null, 7, {}, call, { kind: 'dispose' }, { kind: 'begin' }])
        stranger.post(message);
      return (port = await plain.env.workers.start(...asked));
    };
    const tab = world.openTab({ cacheLocation: 'memory', workerUrl }, { ...blocked, workers: { start } });
    await tab.login();
    for (const method of ['dispose', 'moveIn', 'constructor', '__proto__', 'valueOf'])
      port?.post({ kind: 'call', id: -1, method, args: [{}], leaving: false, offset: 0 });
    await world.advance(20_000);
    expect((await tokenOf(world, tab, 'off')).value).toEqual(isToken);
  });
});
