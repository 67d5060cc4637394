import { describe, expect, it } from '@jest/globals';
import type { Auth0ClientOptions } from '../../src/core/options.ts';
import { messageVersion } from '../../src/custody/custody-messages.ts';
import type { WorkerListener, Workers } from '../../src/environment.ts';
import { featureLoadFailed, workerUnavailable } from '../../src/errors.ts';
import { watch } from '../support/invariants.ts';
import { ada, createWorld, type Tab, type World } from '../support/world.ts';

const memory = { cacheLocation: 'memory', useRefreshTokensFallback: false } as const;

/** A tab whose workers are started by `start`, which is given what would start them. */
function tabWith(
  world: World,
  start: (next: Workers['start'], ...asked: Parameters<Workers['start']>) => ReturnType<Workers['start']>,
  options: Partial<Auth0ClientOptions> = {},
): Tab {
  const tab: Tab = world.openTab(
    { ...memory, ...options },
    { workers: { start: (...asked) => start(plain.env.workers.start, ...asked) } },
  );
  const plain = world.openTab(memory);
  return tab;
}

/** A worker that says what it is told to say, and notes what becomes of it. */
function mute(notes: string[] = []) {
  let heard: WorkerListener | undefined;
  const start: Workers['start'] = async (_, listener) => {
    notes.push('start');
    heard = listener;
    return { post: () => {}, terminate: () => void notes.push('terminate') };
  };
  return { start, say: (message: unknown) => heard?.message(message), fail: () => heard?.failure() };
}

/** A tab whose worker hears nothing while its life is over. */
function mortal(world: World) {
  const life = { isOver: false };
  const tab = tabWith(world, async (next, ...asked) => {
    const port = await next(...asked);
    return { ...port, post: (message) => void (life.isOver || port.post(message)) };
  });
  return { tab, life };
}

const isToken: unknown = expect.any(String);

describe('a worker that does not start', () => {
  it.each([
    ['is refused by the browser', ['(blocked)'], () => Promise.reject(workerUnavailable('blocked'))],
    ['is unknown to the browser', [], () => Promise.reject(workerUnavailable('unsupported'))],
  ])('because it %s: custody is in the page, which says so once', async (_, warnings, refuse) => {
    const world = createWorld();
    let times = 0;
    const tab = tabWith(world, () => {
      times++;
      return refuse();
    });
    await tab.login();
    await expect(tab.client.getTokenSilently({ cacheMode: 'off' })).resolves.toEqual(isToken);
    expect(world.refreshes().map(({ by }) => by)).toEqual([tab]);
    expect(times).toBe(1);
    expect(world.warnings).toEqual(warnings.map((text): unknown => expect.stringContaining(text)));
  });

  it('because its script throws: it is ended first', async () => {
    const world = createWorld();
    const notes: string[] = [];
    const worker = mute(notes);
    const tab = tabWith(world, (_, ...asked) => worker.start(...asked));
    const login = tab.login();
    await world.rest();
    worker.fail();
    await login;
    expect(notes).toEqual(['start', 'terminate']);
    expect(world.warnings).toEqual([expect.stringContaining('(blocked)')]);
  });

  it('in time is ended before the page takes custody, and nobody hears that it is there then', async () => {
    const world = createWorld();
    const notes: string[] = [];
    const worker = mute(notes);
    const tab = tabWith(world, (_, ...asked) => worker.start(...asked));
    const login = watch(world, tab.login());
    await world.advance(2900);
    expect(notes).toEqual(['start']);
    expect(world.requests).toEqual([]);
    await world.advance(200);
    expect(notes).toEqual(['start', 'terminate']);
    worker.say({ kind: 'ready', version: messageVersion });
    await world.advance(0);
    expect(login.settled).toBeDefined();
    await expect(tab.client.getTokenSilently({ cacheMode: 'off' })).resolves.toEqual(isToken);
    expect(notes).toEqual(['start', 'terminate']);
    expect(world.warnings).toEqual([expect.stringContaining('(late)')]);
  });

  it('because its script is of another version', async () => {
    const world = createWorld();
    const worker = mute();
    const tab = tabWith(world, (_, ...asked) => worker.start(...asked));
    const login = tab.login();
    await world.rest();
    worker.say({ kind: 'ready', version: messageVersion + 1 });
    await login;
    expect(world.warnings).toEqual([expect.stringContaining('(version)')]);
  });

  it('fails the call where the app wants no fallback, and the next one tries again', async () => {
    const world = createWorld();
    let works = true;
    const tab = tabWith(
      world,
      (next, ...asked) => (works ? next(...asked) : Promise.reject(workerUnavailable('blocked'))),
      { workerFallback: 'error' },
    );
    works = false;
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({
      error: 'worker_unavailable',
      reason: 'blocked',
      retryable: true,
    });
    works = true;
    await tab.login();
    await expect(tab.client.getTokenSilently({ cacheMode: 'off' })).resolves.toEqual(isToken);
    expect(world.warnings).toEqual([]);
  });
});

describe('a worker whose code cannot be loaded', () => {
  it('spends no code: the callback can be handled again', async () => {
    const world = createWorld();
    let isBroken = true;
    const tab = tabWith(
      world,
      (next, ...asked) => (isBroken ? Promise.reject(featureLoadFailed(new Error('404'))) : next(...asked)),
      { workerFallback: 'error' },
    );
    await expect(tab.login()).rejects.toMatchObject({
      error: 'feature_load_failed',
      retryable: true,
      requiresLogin: false,
    });
    expect(world.requests).toEqual([]);
    isBroken = false;
    await tab.client.handleRedirectCallback((await tab.follow()).headers.get('location') ?? '');
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
  });
});

describe('a worker that has started', () => {
  it('and is dead keeps no call beyond its limit, and stays the only custodian', async () => {
    const world = createWorld();
    const { tab, life } = mortal(world);
    await tab.login();
    life.isOver = true;
    const sent = world.requests.length;
    const calls = [
      tab.client.getTokenSilently({ cacheMode: 'off' }),
      tab.client.getTokenSilently({ cacheMode: 'off', timeoutInSeconds: 2 }),
    ].map((call) => watch(world, call));
    await world.advance(12_000);
    for (const { error } of calls) expect(error).toMatchObject({ error: 'timeout', retryable: true });
    life.isOver = false;
    await expect(tab.client.getTokenSilently({ cacheMode: 'off' })).resolves.toEqual(isToken);
    expect(world.requests).toHaveLength(sent + 1);
    expect(world.warnings).toEqual([]);
  });

  it('and is dead keeps nobody from logging out', async () => {
    const world = createWorld();
    const { tab, life } = mortal(world);
    await tab.login();
    life.isOver = true;
    const logout = watch(world, tab.client.logout());
    await world.advance(20_000);
    expect(logout.error).toMatchObject({ error: 'timeout', reason: 'worker_silent' });
    expect(tab.navigations.at(-1)).toContain('/v2/logout');
    await expect(tab.client.isAuthenticated()).resolves.toBe(false);
  });

  it('goes when its client is disposed of, after what is under way', async () => {
    const world = createWorld();
    const notes: string[] = [];
    const tab = tabWith(world, async (next, ...asked) => {
      const port = await next(...asked);
      const terminate = () => {
        notes.push('terminate');
        port.terminate();
      };
      return { ...port, terminate };
    });
    await tab.login();
    world.faults.push({ kind: 'slow', by: 3000 });
    const call = watch(world, tab.client.getTokenSilently({ cacheMode: 'off' }));
    await world.advance(1000);
    tab.client.dispose();
    await world.advance(1000);
    expect(call.error).toMatchObject({ error: 'disposed' });
    expect(notes).toEqual([]);
    await world.advance(10_000);
    expect(world.tenant.families()).toMatchObject([{ latestCounter: 2, verdict: 'live' }]);
    expect(notes).toEqual(['terminate']);
  });

  it('is not started any more when its client has been disposed of', async () => {
    const world = createWorld();
    let times = 0;
    const tab = tabWith(world, (next, ...asked) => {
      times++;
      return next(...asked);
    });
    const call = expect(tab.client.getTokenSilently()).rejects.toMatchObject({ error: 'disposed' });
    tab.client.dispose();
    await call;
    await world.rest();
    expect(times).toBe(0);
    expect(world.requests).toEqual([]);
  });

  it('and dies in the middle of a login leaves the reason why the login was refused', async () => {
    const world = createWorld();
    const { tab, life } = mortal(world);
    world.faults.push({
      kind: 'alter',
      alter: (body) => {
        life.isOver = true;
        return { ...body, id_token: 'none' };
      },
    });
    const login = watch(world, tab.login());
    await world.advance(20_000);
    expect(login.error).toMatchObject({ error: 'invalid_id_token' });
  });

  it('and dies when the code of a login is spent leaves no code to be sent again', async () => {
    const world = createWorld();
    const { tab, life } = mortal(world);
    world.faults.push({
      kind: 'alter',
      alter: (body) => {
        life.isOver = true;
        return body;
      },
    });
    const login = watch(world, tab.login());
    await world.advance(20_000);
    expect(login.error).toMatchObject({ reason: 'worker_silent', retryable: false, requiresLogin: true });
    expect(tab.sessionStorage.names().filter((name) => name.includes('/transaction/'))).toEqual([]);
  });

  it.each([
    ['the page is being left', 'leaving'],
    ['the browser is offline', 'offline'],
  ])('sends nothing while %s', async (_, reason) => {
    const world = createWorld();
    const tab = world.openTab(memory);
    await tab.login();
    Object.assign(tab.env.page, { leaving: () => reason === 'leaving' });
    world.online = reason !== 'offline';
    await expect(tab.client.getTokenSilently({ cacheMode: 'off' })).rejects.toMatchObject({ reason });
    expect(world.refreshes()).toEqual([]);
  });
});

describe('there is a worker', () => {
  it.each([
    ['for refresh tokens in memory', {}, 1],
    ['for none in localStorage', { cacheLocation: 'localstorage' }, 0],
    [
      'for none where no refresh tokens are asked for',
      { useRefreshTokens: false, useRefreshTokensFallback: undefined },
      0,
    ],
    ['for none where the app wants none', { worker: false }, 0],
  ] as const)('%s', async (_, options, expected) => {
    const world = createWorld();
    const addresses: unknown[] = [];
    const tab = tabWith(
      world,
      (next, ...asked) => {
        addresses.push(asked[0]);
        return next(...asked);
      },
      options,
    );
    await tab.login(ada);
    await expect(tab.client.getTokenSilently()).resolves.toEqual(isToken);
    expect(addresses).toHaveLength(expected);
  });

  it('out of the file that the app names, by an object of its own too', async () => {
    const world = createWorld();
    const addresses: unknown[] = [];
    const workerUrl = { toString: () => '/worker.js' };
    const tab = tabWith(
      world,
      (next, ...asked) => {
        addresses.push(asked[0]);
        return next(...asked);
      },
      { workerUrl },
    );
    await tab.login();
    expect(addresses).toEqual([workerUrl]);
    expect(world.warnings).toEqual([]);
  });

  it('out of the script that the SDK brings along where the file has no name', async () => {
    const world = createWorld();
    const addresses: unknown[] = [];
    const tab = tabWith(
      world,
      (next, ...asked) => {
        addresses.push(asked[0]);
        return next(...asked);
      },
      { workerUrl: '' },
    );
    await tab.login();
    expect(addresses).toEqual([undefined]);
  });

  it.each(['popupCallbackUrl', 'cookieDomain'])(
    'whatever the app gives as %s, which is the page’s alone and may be nothing that can be cloned',
    async (name) => {
      const world = createWorld();
      const tab = world.openTab({ ...memory, workerFallback: 'error', [name]: { toString: () => '/a' } });
      await tab.login();
      await expect(tab.client.getTokenSilently()).resolves.toEqual(isToken);
    },
  );

  it('and no other word than page or error for where it does not start', () => {
    const world = createWorld();
    expect(() => world.openTab({ ...memory, workerFallback: 'iframe' as 'page' })).toThrow(
      expect.objectContaining({ error: 'invalid_configuration' }),
    );
  });
});
