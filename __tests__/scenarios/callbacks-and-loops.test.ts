import { describe, expect, it } from '@jest/globals';
import type { Auth0ClientOptions } from '../../src/core/options.ts';
import type { RecordStore } from '../../src/environment.ts';
import { TimeoutError } from '../../src/errors.ts';
import {
  ada,
  afterWrites,
  app,
  audience,
  createWorld,
  grace,
  orders,
  type Tab,
  type World,
} from '../support/world.ts';

const minute = 60_000;

/** A tab of somebody whom the tenant knows, and the app does not. */
async function openSignedOutTab(world: World, options: Partial<Auth0ClientOptions> = {}): Promise<Tab> {
  const tab = world.openTab(options);
  await tab.login();
  await tab.client.logout({ openUrl: false });
  return tab.reload();
}

/** Leaves for the tenant, which knows the user. Returns the address that it sends the user back to. */
async function leave(tab: Tab, appState?: unknown): Promise<string> {
  await tab.client.loginWithRedirect({ appState });
  const response = await tab.follow();
  return response.headers.get('location') ?? '';
}

/** What the tab is, loaded anew at an address by nobody's doing. */
function load(former: Tab, url: string): Tab {
  const tab = former.reload();
  Object.assign(tab.env.page, { url: () => url, touched: () => false });
  return tab;
}

const transactions = (tab: Tab): string[] =>
  tab.sessionStorage.names().filter((name) => name.includes('/transaction/'));

const codesSent = (world: World): (string | null)[] =>
  world.requests.flatMap(({ form }) => form.get('code') ?? []);

describe('P11: a callback that is handled twice', () => {
  it('by two clients of one page is exchanged once, and both are told the same', async () => {
    const world = createWorld();
    const tab = await openSignedOutTab(world);
    const callback = await leave(tab, { from: '/inbox' });
    const sent = codesSent(world).length;
    const twin = tab.twin();
    const [one, two] = await Promise.all([
      tab.client.handleRedirectCallback(callback),
      twin.client.handleRedirectCallback(callback),
    ]);
    expect(one).toEqual({ appState: { from: '/inbox' }, response_type: 'code' });
    expect(two).toEqual(one);
    expect(codesSent(world)).toHaveLength(sent + 1);
    await expect(twin.client.isAuthenticated()).resolves.toBe(true);
  });

  it('by a second client that keeps its own session in memory signs that one in too, by what the first one lends', async () => {
    const world = createWorld();
    const tab = await openSignedOutTab(world, { cacheLocation: 'memory', worker: false });
    const callback = await leave(tab, { from: '/inbox' });
    const twin = tab.twin();
    const handling = Promise.all([
      tab.client.handleRedirectCallback(callback),
      twin.client.handleRedirectCallback(callback),
    ]);
    await world.advance(1000);
    const results = await handling;
    expect(results[1]).toEqual(results[0]);
    expect(world.frames).toEqual([]);
    await expect(twin.client.isAuthenticated()).resolves.toBe(true);
    const codes = codesSent(world);
    expect(new Set(codes).size).toBe(codes.length);
  });

  it('50 ms later, when the first is settled, is told the same, and nothing is sent', async () => {
    const world = createWorld();
    const tab = await openSignedOutTab(world);
    const callback = await leave(tab, { from: '/inbox' });
    const first = await tab.client.handleRedirectCallback(callback);
    const sent = world.requests.length;
    await world.advance(50);
    await expect(tab.client.handleRedirectCallback(callback)).resolves.toEqual(first);
    expect(world.requests).toHaveLength(sent);
  });

  it('waits for the first where that gets no answer, and then tries itself', async () => {
    const world = createWorld();
    const tab = await openSignedOutTab(world);
    const callback = await leave(tab);
    world.faults.push({ kind: 'drop-before' });
    const twin = tab.twin();
    const [one, two] = await Promise.allSettled([
      tab.client.handleRedirectCallback(callback),
      twin.client.handleRedirectCallback(callback),
    ]);
    expect(one).toMatchObject({ reason: { error: 'network_error', retryable: true } });
    expect(two).toMatchObject({ value: { response_type: 'code' } });
  });

  it.each([
    ['in the same breath', async () => {}],
    ['before its code was sent', async ({ client }: Tab) => void (await client.getSessionState())],
  ])('by a client that is thrown away %s is left to the next one', async (_, use) => {
    const world = createWorld();
    const tab = await openSignedOutTab(world);
    const callback = await leave(tab, { from: '/inbox' });
    const mounted = tab.twin();
    await use(mounted);
    void mounted.client.handleRedirectCallback(callback).catch(() => {});
    mounted.client.dispose();
    await expect(tab.twin().client.handleRedirectCallback(callback)).resolves.toMatchObject({
      appState: { from: '/inbox' },
    });
  });

  it('that the tenant refused is refused again, with the app’s state', async () => {
    const world = createWorld();
    const tab = await openSignedOutTab(world);
    const callback = await leave(tab, { from: '/inbox' });
    const state = new URL(callback).searchParams.get('state')!;
    const refused = `${app}/?error=access_denied&error_description=No&state=${state}`;
    const error = { error: 'access_denied', error_description: 'No', state, appState: { from: '/inbox' } };
    await expect(tab.client.handleRedirectCallback(refused)).rejects.toMatchObject(error);
    await expect(tab.reload().client.handleRedirectCallback(refused)).rejects.toMatchObject(error);
  });

  it('where no lock can be had is exchanged once all the same', async () => {
    const world = createWorld();
    const former = await openSignedOutTab(world);
    const { locks } = former.env;
    const run: typeof locks.run = (name, ...rest) =>
      name.includes('/callback/')
        ? Promise.reject(new TimeoutError('lock_timeout'))
        : locks.run(name, ...rest);
    const { sessionStorage } = former;
    const tab = world.openTab({}, { sessionStorage, locks: { ...locks, run } });
    const callback = await leave(tab);
    const sent = codesSent(world).length;
    const calls = [tab.client, tab.twin().client].map((client) => client.handleRedirectCallback(callback));
    const results = await Promise.allSettled(calls);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(codesSent(world)).toHaveLength(sent + 1);
  });

  it('whose code was refused is a typed error that asks for a login, and the code is not sent again', async () => {
    const world = createWorld();
    const tab = await openSignedOutTab(world);
    const callback = await leave(tab);
    await world.advance(11 * minute);
    await expect(tab.client.handleRedirectCallback(callback)).rejects.toMatchObject({
      error: 'invalid_grant',
    });
    const sent = world.requests.length;
    await expect(tab.client.handleRedirectCallback(callback)).rejects.toMatchObject({
      error: 'missing_transaction',
      reason: 'consumed',
      requiresLogin: true,
    });
    expect(world.requests).toHaveLength(sent);
  });
});

describe('P9, P23: coming back to the callback address', () => {
  it('by the back button or a reload finds the user signed in, and nothing is sent', async () => {
    const world = createWorld();
    const tab = await openSignedOutTab(world);
    const callback = await leave(tab, { from: '/inbox' });
    const first = await tab.client.handleRedirectCallback(callback);
    const sent = world.requests.length;
    const back = load(tab, callback);
    await expect(back.client.handleRedirectCallback()).resolves.toEqual(first);
    await expect(back.client.isAuthenticated()).resolves.toBe(true);
    expect(world.requests).toHaveLength(sent);
  });

  it('by a reload in the middle of the exchange is a typed error at once, and the code is not sent again', async () => {
    const world = createWorld();
    const tab = await openSignedOutTab(world);
    const callback = await leave(tab);
    world.faults.push({ kind: 'hang' });
    tab.client.handleRedirectCallback(callback).catch(() => {});
    await world.rest();
    const sent = world.requests.length;
    const back = load(tab, callback);
    await expect(back.client.handleRedirectCallback()).rejects.toMatchObject({
      error: 'missing_transaction',
      reason: 'consumed',
    });
    expect(world.requests).toHaveLength(sent);
    await back.client.handleRedirectCallback(await leave(back));
    await expect(back.client.isAuthenticated()).resolves.toBe(true);
  });

  it('after a logout signs nobody in, and says that it was handled before', async () => {
    const world = createWorld();
    const tab = await openSignedOutTab(world);
    const callback = await leave(tab);
    await tab.client.handleRedirectCallback(callback);
    await tab.client.logout({ openUrl: false });
    const back = load(tab, callback);
    await expect(back.client.handleRedirectCallback()).rejects.toMatchObject({
      error: 'missing_transaction',
      reason: 'consumed',
    });
    await expect(back.client.isAuthenticated()).resolves.toBe(false);
  });

  it('of a login that nobody knows of is no failure for somebody who is signed in, and changes nothing', async () => {
    const world = createWorld();
    const tab = await openSignedOutTab(world);
    const bookmarked = await leave(tab, { from: '/inbox' });
    const other = world.openTab();
    await other.login();
    const own = await leave(other, { from: '/own' });
    const sent = world.requests.length;
    await expect(other.client.handleRedirectCallback(bookmarked)).resolves.toEqual({
      appState: undefined,
      response_type: 'code',
    });
    const state = new URL(bookmarked).searchParams.get('state');
    const denied = `${app}/?error=access_denied&state=${state}`;
    await expect(other.client.handleRedirectCallback(denied)).rejects.toMatchObject({ reason: 'unknown' });
    expect(world.requests).toHaveLength(sent);
    await expect(other.client.handleRedirectCallback(own)).resolves.toMatchObject({
      appState: { from: '/own' },
    });
  });

  it('whose exchange was cut off is a failure for whoever was signed in before, and the login can be begun again', async () => {
    const world = createWorld();
    const tab = await openSignedOutTab(world);
    const callback = await leave(tab, { from: '/inbox' });
    await world.openTab().login(grace);
    world.faults.push({ kind: 'hang' });
    tab.client.handleRedirectCallback(callback).catch(() => {});
    await world.rest();
    const back = load(tab, callback);
    await expect(back.client.handleRedirectCallback()).rejects.toMatchObject({
      error: 'missing_transaction',
      reason: 'consumed',
      requiresLogin: true,
    });
    await expect(back.client.diagnose()).resolves.toMatchObject({
      cause: expect.stringContaining('nobody heard how it ended') as unknown,
    });
    await expect(back.client.getUser()).resolves.toMatchObject({ email: grace });
    await back.login(ada);
    await expect(back.client.getUser()).resolves.toMatchObject({ email: ada });
  });

  it('whose exchange was cut off when its session had been written is no failure', async () => {
    const world = createWorld();
    const former = await openSignedOutTab(world);
    const { sessionStorage } = former;
    let hasWritten = false;
    const hangs: RecordStore = {
      ...world.records,
      update: async (name, step) => (hasWritten ? new Promise(() => {}) : world.records.update(name, step)),
    };
    const records = afterWrites(hangs, () => void (hasWritten = true));
    const tab = world.openTab({}, { sessionStorage, records });
    const callback = await leave(tab, { from: '/inbox' });
    await world.openTab().login(grace);
    tab.client.handleRedirectCallback(callback).catch(() => {});
    await world.rest();
    tab.kill();
    const back = world.openTab({}, { sessionStorage });
    const told = { appState: { from: '/inbox' } };
    await expect(back.client.handleRedirectCallback(callback)).resolves.toMatchObject(told);
    await back.client.getTokenSilently({ cacheMode: 'off' }); // the next ID token is none of that login
    await expect(back.client.handleRedirectCallback(callback)).resolves.toMatchObject(told);
    await expect(back.client.getUser()).resolves.toMatchObject({ email: ada });
  });

  it('of a login that failed is a failure, whoever else is signed in', async () => {
    const world = createWorld();
    const tab = world.openTab();
    await tab.login();
    const callback = await leave(tab);
    await world.advance(11 * minute);
    await expect(tab.client.handleRedirectCallback(callback)).rejects.toMatchObject({
      error: 'invalid_grant',
    });
    await expect(load(tab, callback).client.handleRedirectCallback()).rejects.toMatchObject({
      error: 'missing_transaction',
      reason: 'consumed',
    });
  });

  it('in the very page that was sent to the tenant, as a program hands it over, is handled: that page has stayed', async () => {
    const world = createWorld();
    const former = await openSignedOutTab(world);
    let leaving = false;
    const page = {
      ...former.env.page,
      navigate: (url: string) => void (former.navigations.push(url), (leaving = true)),
      leaving: () => leaving,
      stay: () => void (leaving = false),
    };
    const tab = world.openTab({}, { page, sessionStorage: former.sessionStorage });
    await tab.client.loginWithRedirect();
    const response = await former.follow();
    await tab.client.handleRedirectCallback(response.headers.get('location') ?? '');
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
  });

  it('from the tenant’s page without a login leaves the app ready for the next one', async () => {
    const world = createWorld();
    const tab = await openSignedOutTab(world);
    await tab.client.loginWithRedirect();
    // The page is shown again as it was left: the same client, and nothing is under way in it.
    await tab.client.handleRedirectCallback(await leave(tab));
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
  });
});

describe('P9: logins under way in one tab', () => {
  it.each([
    ['in the order of their beginning', [0, 1, 2]],
    ['in another order', [2, 0, 1]],
  ])('find their own, each, %s', async (_, order) => {
    const world = createWorld();
    const tab = await openSignedOutTab(world);
    const callbacks: string[] = [];
    for (const number of [0, 1, 2]) callbacks.push(await leave(tab, { number }));
    for (const number of order)
      await expect(tab.client.handleRedirectCallback(callbacks[number])).resolves.toMatchObject({
        appState: { number },
      });
  });

  it('P34: are five at the most: of a thousand that were abandoned, the last five can still come back', async () => {
    const world = createWorld();
    const tab = await openSignedOutTab(world);
    for (let count = 0; count < 995; count++) await tab.client.loginWithRedirect();
    const callbacks: string[] = [];
    for (let number = 0; number < 6; number++) {
      await world.advance(1);
      callbacks.push(await leave(tab, number));
    }
    expect(transactions(tab)).toHaveLength(5);
    await expect(tab.client.handleRedirectCallback(callbacks[0])).rejects.toMatchObject({
      error: 'state_mismatch',
      reason: 'expired',
    });
    for (const number of [1, 5])
      await expect(tab.client.handleRedirectCallback(callbacks[number])).resolves.toMatchObject({
        appState: number,
      });
    const [known] = tab.sessionStorage.names().filter((name) => name.endsWith('/logins')) as [string];
    expect(tab.sessionStorage.names()).toHaveLength(4); // three of the five
    expect(JSON.parse(tab.sessionStorage.get(known)!)).toHaveLength(10);
    expect([...world.cookies.keys()]).toEqual(['auth0.spa.is.authenticated']); // the session's
  });

  it('give way in the order of their beginning, in whatever order the storage lists them', async () => {
    const world = createWorld();
    const { sessionStorage } = await openSignedOutTab(world);
    const names = () => sessionStorage.names().reverse();
    const tab = world.openTab({}, { sessionStorage: { ...sessionStorage, names } });
    const callbacks: string[] = [];
    for (let number = 0; number < 6; number++) {
      callbacks.push(await leave(tab, number));
      await world.advance(1);
    }
    await expect(tab.client.handleRedirectCallback(callbacks[0])).rejects.toMatchObject({
      reason: 'expired',
    });
    await expect(tab.client.handleRedirectCallback(callbacks[5])).resolves.toMatchObject({ appState: 5 });
  });

  it('live for an hour, and leave with the next', async () => {
    const world = createWorld();
    const tab = await openSignedOutTab(world);
    const late = await leave(tab);
    await world.advance(60 * minute);
    const sent = world.requests.length;
    await expect(tab.client.handleRedirectCallback(late)).rejects.toMatchObject({
      error: 'missing_transaction',
      reason: 'expired',
      requiresLogin: true,
    });
    expect(world.requests).toHaveLength(sent);
    await tab.client.loginWithRedirect();
    expect(transactions(tab)).toHaveLength(1);
  });

  it('that are older are a failure for whoever is signed in, too: it may be somebody else', async () => {
    const world = createWorld();
    const tab = await openSignedOutTab(world);
    const late = await leave(tab);
    await world.openTab().login(grace);
    await world.advance(60 * minute);
    const sent = world.requests.length;
    await expect(tab.client.handleRedirectCallback(late)).rejects.toMatchObject({
      error: 'missing_transaction',
      reason: 'expired',
      requiresLogin: true,
    });
    expect(world.requests).toHaveLength(sent);
    await expect(tab.client.diagnose()).resolves.toMatchObject({
      cause: expect.stringMatching(/^a login came back after an hour/) as unknown,
    });
    await expect(tab.client.getUser()).resolves.toMatchObject({ email: grace });
    await tab.login(ada);
    await expect(tab.client.getUser()).resolves.toMatchObject({ email: ada });
  });

  it('leave room for the next, whatever states of the app they have brought back', async () => {
    const world = createWorld();
    const { sessionStorage: whole } = await openSignedOutTab(world);
    const set = (name: string, text: string) => {
      const others = whole.names().filter((other) => other !== name);
      const sizes = [text, ...others.map((other) => whole.get(other) ?? '')].map(({ length }) => length);
      if (sizes.reduce((sum, size) => sum + size) > 1_000_000)
        throw new DOMException('full', 'QuotaExceededError');
      whole.set(name, text);
    };
    const tab = world.openTab({}, { sessionStorage: { ...whole, set } });
    let callback = '';
    for (let number = 0; number < 12; number++) {
      callback = await leave(tab, { number, draft: 'x'.repeat(150_000) });
      await tab.client.handleRedirectCallback(callback);
    }
    await expect(tab.client.handleRedirectCallback(callback)).resolves.toMatchObject({
      appState: { number: 11 },
    });
  });

  it('outlive a clock that is put back', async () => {
    const world = createWorld();
    const tab = await openSignedOutTab(world);
    const callback = await leave(tab);
    world.jump(-30_000);
    await tab.client.handleRedirectCallback(callback);
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
  });
});

describe('P32: a code in the address that is somebody else’s', () => {
  it.each(['code=success', 'code=4/0Ab&state=xyz', 'error=card_declined', 'error=no&state='])(
    'leaves everything as it was, and says whose it is not: %s',
    async (query) => {
      const world = createWorld();
      const tab = world.openTab();
      await tab.login();
      const kept = tab.sessionStorage.names().map((name) => tab.sessionStorage.get(name));
      const sent = world.requests.length;
      await expect(tab.client.handleRedirectCallback(`${app}/?${query}`)).rejects.toMatchObject({
        error: 'missing_transaction',
        message: 'Invalid state',
        reason: 'foreign',
        requiresLogin: false,
      });
      expect(world.requests).toHaveLength(sent);
      expect(tab.sessionStorage.names().map((name) => tab.sessionStorage.get(name))).toEqual(kept);
      await expect(tab.client.isAuthenticated()).resolves.toBe(true);
    },
  );

  it('that is beside the app’s own does not hide it', async () => {
    const world = createWorld();
    const tab = await openSignedOutTab(world);
    const callback = new URL(await leave(tab));
    callback.search = `code=stripe&state=theirs&${callback.search.slice(1)}`;
    await tab.client.handleRedirectCallback(callback);
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
  });

  it('that comes from a login of another tab is told apart from that', async () => {
    const world = createWorld();
    const callback = await leave(await openSignedOutTab(world));
    await expect(world.openTab().client.handleRedirectCallback(callback)).rejects.toMatchObject({
      error: 'missing_transaction',
      reason: 'unknown',
      requiresLogin: true,
    });
  });
});

/** How often a page leaves for the tenant by itself, and with which error it stops. */
async function goRound(
  first: Tab,
  arrive: (tab: Tab) => Promise<Tab | void>,
  back: (location: string) => string = (location) => location,
): Promise<{ redirects: number; error: unknown }> {
  let tab = load(first, app);
  for (let redirects = 0; redirects < 10; redirects++) {
    try {
      tab = (await arrive(tab)) ?? tab;
      await tab.client.loginWithRedirect();
    } catch (error) {
      return { redirects, error };
    }
    const response = await tab.follow();
    tab = load(tab, back(response.headers.get('location') ?? ''));
  }
  return { redirects: 10, error: undefined };
}

/** An app that takes any failure for a user who is not signed in. */
async function handleOrIgnore(tab: Tab): Promise<void> {
  if (tab.env.page.url().includes('state=')) await tab.client.handleRedirectCallback().catch(() => {});
}

const denied = (location: string): string =>
  `${app}/?error=access_denied&state=${new URL(location).searchParams.get('state')}`;

describe('P10: an app that sends the user to and fro', () => {
  it('because the tenant denies the login stops after three rounds, and says why', async () => {
    const world = createWorld();
    const tab = await openSignedOutTab(world);
    const { redirects, error } = await goRound(tab, handleOrIgnore, denied);
    expect(redirects).toBe(3);
    expect(error).toMatchObject({
      error: 'redirect_loop',
      reason: 'access_denied',
      retryable: false,
      requiresLogin: false,
      message: expect.stringContaining('"access_denied"') as unknown,
    });
  });

  it('because its clock is two days ahead stops after three rounds', async () => {
    const world = createWorld();
    const tab = await openSignedOutTab(world);
    world.jump(48 * 60 * minute);
    const { redirects, error } = await goRound(tab, handleOrIgnore);
    expect(redirects).toBe(3);
    expect(error).toMatchObject({ error: 'redirect_loop', reason: 'invalid_id_token' });
  });

  it('because it never handles its callbacks stops after three rounds', async () => {
    const tab = await openSignedOutTab(createWorld());
    const { redirects, error } = await goRound(tab, () => Promise.resolve());
    expect(redirects).toBe(3);
    expect(error).toMatchObject({ error: 'redirect_loop', reason: undefined });
  });

  it('because the token endpoint is out of its reach stops after three rounds', async () => {
    const world = createWorld();
    const tab = await openSignedOutTab(world);
    world.faults.push(...Array.from({ length: 10 }, () => ({ kind: 'drop-before' }) as const));
    const { redirects, error } = await goRound(tab, async (page) => {
      await handleOrIgnore(page);
      Object.assign(page.env.page, { url: () => app }); // as it cleans its address
    });
    expect(redirects).toBe(3);
    expect(error).toMatchObject({ error: 'redirect_loop' });
  });

  it('because what it stores is forgotten stops after three rounds, although every login succeeds', async () => {
    const world = createWorld();
    const tab = await openSignedOutTab(world, { cacheLocation: 'memory', worker: false });
    const { redirects, error } = await goRound(tab, async (page) => {
      await handleOrIgnore(page);
      return load(page, app);
    });
    expect(redirects).toBe(3);
    expect(error).toMatchObject({ error: 'redirect_loop', reason: 'signed_in' });
  });

  it('may go on a minute later, and at once when the user does something', async () => {
    const world = createWorld();
    const tab = await openSignedOutTab(world);
    await goRound(tab, handleOrIgnore, denied);
    const page = load(tab, app);
    await expect(page.client.loginWithRedirect()).rejects.toMatchObject({ error: 'redirect_loop' });
    await expect(page.client.buildAuthorizeUrl()).rejects.toMatchObject({ error: 'redirect_loop' });
    expect([page.navigations, transactions(page)]).toEqual([[], []]);
    Object.assign(page.env.page, { touched: () => true });
    await page.client.loginWithRedirect();
    Object.assign(page.env.page, { touched: () => false });
    await world.advance(minute);
    await page.client.loginWithRedirect();
    expect(page.navigations).toHaveLength(2);
  });
});

describe('P10: nobody is taken for a loop', () => {
  it('who logs in again and again', async () => {
    const world = createWorld();
    const tab = await openSignedOutTab(world);
    for (let round = 0; round < 6; round++) {
      const refused = denied(await leave(tab));
      await expect(tab.client.handleRedirectCallback(refused)).rejects.toMatchObject({
        error: 'access_denied',
      });
    }
  });

  it('who logs out of a page that logs in by itself', async () => {
    const world = createWorld();
    let tab = await openSignedOutTab(world);
    for (let round = 0; round < 6; round++) {
      tab = load(tab, app);
      tab = load(tab, await leave(tab));
      await tab.client.handleRedirectCallback();
      Object.assign(tab.env.page, { touched: () => true }); // the button
      await tab.client.logout({ openUrl: false });
    }
  });

  it('but a page that logs out by itself, too, goes in a circle', async () => {
    const world = createWorld();
    const { redirects } = await goRound(await openSignedOutTab(world), async (page) => {
      await handleOrIgnore(page);
      await page.client.logout({ openUrl: false });
      return load(page, app);
    });
    expect(redirects).toBe(3);
  });

  it('who comes back from the tenant’s page by the back button, to a page that leaves by itself', async () => {
    const world = createWorld();
    let tab = await openSignedOutTab(world);
    for (let round = 0; round < 6; round++) {
      tab = load(tab, app);
      await tab.client.loginWithRedirect();
    }
    expect(tab.navigations).toHaveLength(1);
  });

  it('that needs a login for each of several audiences', async () => {
    const world = createWorld();
    const first = await openSignedOutTab(world);
    const { redirects } = await goRound(first, handleOrIgnore, denied);
    expect(redirects).toBe(3);
    const tab = load(first, app);
    for (const name of [orders, 'https://other.example'])
      await tab.client.loginWithRedirect({ authorizationParams: { audience: name } });
    await expect(tab.client.loginWithRedirect({ authorizationParams: { audience } })).rejects.toMatchObject({
      error: 'redirect_loop',
    });
  });

  it('whose sessionStorage takes nothing but the login itself', async () => {
    const world = createWorld();
    const first = await openSignedOutTab(world);
    const set = (name: string, text: string) => {
      if (name.endsWith('/logins')) throw new DOMException('full', 'QuotaExceededError');
      first.sessionStorage.set(name, text);
    };
    const tab = world.openTab({}, { sessionStorage: { ...first.sessionStorage, set } });
    await tab.client.handleRedirectCallback(await leave(tab));
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
  });
});
