import { describe, expect, it } from '@jest/globals';
import type { Auth0ClientOptions } from '../../src/core/options.ts';
import type { Environment, Locks, RecordStore, SilentFrame } from '../../src/environment.ts';
import { pause } from '../../src/core/patience.ts';
import { StorageError } from '../../src/errors.ts';
import { ada, afterWrites, createWorld, orders, type Tab, type World } from '../support/world.ts';

const twoHours = 2 * 3600 * 1000;
const options = { useRefreshTokensFallback: false };
const silent = { after: () => () => {} };

async function signedIn(world: World): Promise<void> {
  await world.openTab(options).login();
  await world.advance(twoHours);
}

/** A tab that froze while its refresh was under way: no timer of its fires, no answer arrives, and its lock stays held. */
async function frozenHolder(world: World): Promise<Tab> {
  const tab = world.openTab(options, { timers: silent });
  world.faults.push({ kind: 'hang' });
  void tab.client.getTokenSilently().catch(() => {});
  await world.rest();
  return tab;
}

/** What became of a call by the time it was looked at. */
function watch<T>(call: Promise<T>): { value?: T; error?: unknown; settled: boolean } {
  const watched: { value?: T; error?: unknown; settled: boolean } = { settled: false };
  call.then(
    (value) => Object.assign(watched, { value, settled: true }),
    (error: unknown) => Object.assign(watched, { error, settled: true }),
  );
  return watched;
}

describe('P3: a holder that froze in the middle of a refresh', () => {
  it('keeps nobody waiting beyond the limit, and is taken over once it is overdue', async () => {
    const world = createWorld({ leeway: 120 });
    await signedIn(world);
    await frozenHolder(world);
    const tab = world.openTab(options);
    const first = watch(tab.client.getTokenSilently());
    await world.advance(10_000);
    expect(first.error).toMatchObject({ error: 'timeout', reason: 'lock_timeout', retryable: true });
    expect(String(first.error)).toContain('Its holder began 10000 ms ago.');
    const second = watch(tab.client.getTokenSilently({ timeoutInSeconds: 60 }));
    await world.advance(30_000);
    expect(second.value).toEqual(expect.any(String));
    expect(world.refreshes()).toHaveLength(2);
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
  });

  it('discards what it gets when it wakes: its generation has passed', async () => {
    const world = createWorld({ leeway: 120 });
    await signedIn(world);
    let wake = () => {};
    const asleep = new Promise<void>((resolve) => (wake = resolve));
    const holder = world.openTab(options, { timers: silent });
    world.faults.push({ kind: 'hold', until: asleep });
    const woken = watch(holder.client.getTokenSilently());
    await world.rest();
    const tab = world.openTab(options);
    const call = watch(tab.client.getTokenSilently({ timeoutInSeconds: 60 }));
    await world.advance(60_000);
    expect(call.value).toEqual(expect.any(String));
    wake();
    await world.rest();
    expect(woken.value).toBe(call.value);
    await tab.client.getTokenSilently({ cacheMode: 'off' });
    expect(world.journal()).not.toContain('ferrt');
  });

  it('revokes nothing when it wakes: the family lives on in the hands of another tab', async () => {
    const world = createWorld({ leeway: 120 });
    await signedIn(world);
    const holder = world.openTab(options);
    world.faults.push({ kind: 'slow', by: 1000 });
    void holder.client.getTokenSilently().catch(() => {});
    await world.advance(500);
    holder.freeze();
    const call = watch(world.openTab(options).client.getTokenSilently({ timeoutInSeconds: 60 }));
    await world.advance(60_000);
    expect(call.value).toEqual(expect.any(String));
    holder.wake();
    await world.advance(1000);
    expect(world.requests.filter(({ path }) => path === '/oauth/revoke')).toEqual([]);
    expect(world.tenant.families().map(({ verdict }) => verdict)).toEqual(['live']);
  });

  it('is named by its age where the wait has an end and no answer', async () => {
    const world = createWorld();
    await signedIn(world);
    const tab = world.openTab(options);
    // Holders that come and go, each within its time: nobody is overdue, and the turn never comes.
    const records: typeof world.records = {
      ...world.records,
      update: (name, step) =>
        world.records.update(name, (record) => {
          const [family] = Object.values((record as { families?: Record<string, object> }).families ?? {});
          if (family)
            Object.assign(family, {
              claim: { owner: 'other', startedAt: world.steady() - 7, madeAt: 0, locked: false },
            });
          return step(record);
        }),
    };
    const waiting = world.openTab(options, { records });
    const call = watch(waiting.client.getTokenSilently({ timeoutInSeconds: 600 }));
    await world.advance(80_000);
    expect(call.error).toMatchObject({
      error: 'timeout',
      reason: 'lock_timeout',
      retryable: true,
      message: 'Timeout: the lock was not granted within 70000 ms. Its holder began 7 ms ago.',
    });
    const later = watch(tab.client.getTokenSilently({ timeoutInSeconds: 60 }));
    await world.advance(40_000);
    expect(later.value).toEqual(expect.any(String));
  });
});

describe('P13: tabs that were loaded before and after the machine slept', () => {
  it.each([
    ['count apart', { steady: 3_600_000, now: 0 }],
    ['count alike, and the time of day was corrected', { steady: 0, now: 600_000 }],
  ])('%s: a slow holder is left alone', async (_, ahead) => {
    const world = createWorld();
    await signedIn(world);
    const early = world.openTab(options);
    world.faults.push({ kind: 'slow', by: 7000 });
    const first = watch(early.client.getTokenSilently());
    await world.rest();
    const clock = {
      now: () => world.now() + ahead.now,
      steady: () => world.steady() + ahead.steady,
    };
    const second = watch(world.openTab(options, { clock }).client.getTokenSilently());
    await world.advance(40_000);
    expect([first.value, second.value]).toEqual([expect.any(String), expect.any(String)]);
    expect(world.mostAtOnce()).toBe(1);
    expect(world.journal()).not.toContain('ferrt');
  });
});

/** A session of auth0-spa-js that there is to be moved in: the same user's, for another audience. */
async function leavePeerSession(world: World): Promise<void> {
  let answer: Record<string, unknown> = {};
  world.faults.push({ kind: 'alter', alter: (body) => (answer = body) });
  await world.openTab({ cacheLocation: 'memory' }).login(ada, { audience: orders });
  const { id_token, ...tokens } = answer;
  const body = { ...tokens, audience: orders, client_id: 'spa' };
  const entry = { body, expiresAt: world.now() / 1000 + 3600 };
  const prefix = '@@auth0spajs@@::spa::';
  world.localStorage.set(`${prefix}${orders}::${String(tokens.scope)}`, JSON.stringify(entry));
  world.localStorage.set(`${prefix}@@user@@`, JSON.stringify({ id_token, decodedToken: {} }));
}

describe('I3, P3: whatever hangs', () => {
  const forever = () => new Promise<never>(() => {});
  /** As the store over IndexedDB ends where that neither opens nor answers. */
  const stuck = (world: World) => ({
    async update(): Promise<never> {
      await new Promise<void>((resolve) => world.timers.after(10_000, resolve));
      throw new StorageError('an update did not complete within 5000 ms');
    },
    close() {},
  });
  const ownCache = { get: forever, set: forever, remove: forever, allKeys: forever };
  const hanging: Record<string, (world: World) => [Partial<Environment>?, Partial<Auth0ClientOptions>?]> = {
    'the store of records': (world) => [{ records: stuck(world) }],
    'the locks': () => [{ locks: { exclusive: true, run: forever } }],
    'the token endpoint': (world) => {
      world.faults.push({ kind: 'hang' }, { kind: 'hang' });
      world.revocationFaults.push({ kind: 'hang' });
      return [];
    },
    'the iframe': () => [
      { silentFrame: { authorize: forever } },
      { useRefreshTokens: false, authorizeTimeoutInSeconds: 0.5 }, // on top of what a refresh may take
    ],
    'the locks of auth0-spa-js': () => [{ peerLocks: { exclusive: true, run: forever } }],
    'an app’s own cache': () => [{}, { cache: ownCache, cacheLocation: undefined }],
  };
  it.each(Object.keys(hanging))('%s: calls end within their limits', async (what) => {
    const world = createWorld();
    await signedIn(world);
    await leavePeerSession(world);
    const [ports, changes] = hanging[what]!(world);
    const tab = world.openTab({ ...options, ...changes }, ports);
    const { client } = tab;
    const short = watch(client.getTokenSilently({ cacheMode: 'off', timeoutInSeconds: 3 }));
    const others = [
      client.getTokenSilently(),
      client.isAuthenticated(),
      client.getUser(),
      client.getIdTokenClaims(),
      client.checkSession(),
    ].map((call: Promise<unknown>) => watch(call));
    await world.advance(4000);
    expect(short.settled).toBe(true);
    await world.advance(8000);
    expect(others.map(({ settled }) => settled)).toEqual(others.map(() => true));
    const left = watch(client.logout({ openUrl: false }));
    await world.advance(20_000);
    expect(left.settled).toBe(true);
    const leaving = watch(client.loginWithRedirect());
    await world.rest();
    expect(leaving.settled).toBe(true);
    const address = (await tab.follow()).headers.get('location') ?? '';
    if (what === 'the token endpoint') world.faults.unshift({ kind: 'hang' });
    const callback = watch(client.handleRedirectCallback(address));
    await world.advance(30_000 + 2 * 10_000); // the exchange, and a store that is asked twice
    expect(callback.settled).toBe(true);
  });
});

describe('a check of the session', () => {
  it('waits no longer than it is told to', async () => {
    const world = createWorld();
    await signedIn(world);
    world.faults.push({ kind: 'hang' });
    const call = watch(world.openTab(options).client.checkSession({ timeoutInSeconds: 1 }));
    await world.advance(1000);
    expect(call).toEqual({ settled: true });
  });
});

describe('P3: a call whose family is replaced while it waits', () => {
  it('begins again, and waits no longer for that', async () => {
    const world = createWorld();
    await signedIn(world);
    const tab = world.openTab(options);
    world.faults.push({ kind: 'slow', by: 8000 });
    const call = watch(tab.client.getTokenSilently({ cacheMode: 'off' }));
    await world.advance(7000);
    await world.openTab(options).login();
    world.faults.push({ kind: 'hang' });
    await world.advance(2000); // the first answer came, and was for a family that is replaced
    expect(world.refreshes()).toHaveLength(2);
    await world.advance(1000);
    expect(call.error).toMatchObject({ error: 'timeout', retryable: true });
  });
});

describe('P3: locks that do not work', () => {
  const never = { exclusive: true, run: () => new Promise<never>(() => {}) } satisfies Locks;
  const refusing = { exclusive: true, run: () => Promise.reject(new Error('broken')) } satisfies Locks;
  it.each<[string, Locks]>([
    ['refuse', refusing],
    ['never answer', never],
  ])('that %s: the claim alone decides, and 5 tabs send once', async (_, locks) => {
    const world = createWorld();
    await signedIn(world);
    const tabs = Array.from({ length: 5 }, () => world.openTab(options, { locks }));
    const calls = tabs.map((tab) => watch(tab.client.getTokenSilently()));
    await world.advance(6000);
    expect(calls[0]!.value).toEqual(expect.any(String));
    expect(calls.map(({ value }) => value)).toEqual(Array.from({ length: 5 }, () => calls[0]!.value));
    expect(world.refreshes()).toHaveLength(1);
  });

  it('that never answer are waited for once, not at every refresh', async () => {
    const world = createWorld();
    await signedIn(world);
    const tab = world.openTab(options, { locks: never });
    const first = watch(tab.client.getTokenSilently());
    await world.advance(6000);
    expect(first.value).toEqual(expect.any(String));
    const second = watch(tab.client.getTokenSilently({ cacheMode: 'off' }));
    await world.advance(1000);
    expect(second.value).toEqual(expect.any(String));
  });

  it('that refuse: a slow answer is waited for, and nothing is sent again', async () => {
    const world = createWorld();
    await signedIn(world);
    world.faults.push({ kind: 'slow', by: 8000 });
    const call = watch(world.openTab(options, { locks: refusing }).client.getTokenSilently());
    await world.advance(9000);
    expect(call.value).toEqual(expect.any(String));
    expect(world.refreshes()).toHaveLength(1);
  });

  it.each([
    ['when nobody waits any more', 0],
    ['while the exchange that did without them is under way', 3000],
  ])('that are granted %s: nothing is sent for them', async (_, span) => {
    const world = createWorld();
    await signedIn(world);
    const granted: (() => Promise<unknown>)[] = [];
    const slow: Locks = {
      exclusive: true,
      run: (_, _limit, task) => new Promise(() => granted.push(task)),
    };
    world.faults.push({ kind: 'slow', by: span });
    const call = watch(world.openTab(options, { locks: slow }).client.getTokenSilently());
    await world.advance(6000);
    expect(call.settled).toBe(span === 0);
    for (const grant of granted) void grant();
    await world.advance(5000);
    expect(call.value).toEqual(expect.any(String));
    expect(world.refreshes()).toHaveLength(1);
  });
});

describe('a page that slept between its claim and its request', () => {
  it('asks again before it sends, and finds that another one has taken over', async () => {
    const world = createWorld();
    await signedIn(world);
    let wake = () => {};
    const asleep = new Promise<void>((resolve) => (wake = resolve));
    let writes = 0;
    const sleepy = world.openTab(options, {
      timers: silent,
      records: afterWrites(world.records, () => (++writes === 1 ? asleep : undefined)),
    });
    const slept = watch(sleepy.client.getTokenSilently());
    await world.rest();
    const tab = world.openTab(options);
    const call = watch(tab.client.getTokenSilently({ timeoutInSeconds: 60 }));
    await world.advance(60_000);
    expect(call.value).toEqual(expect.any(String));
    wake();
    await world.rest();
    expect(slept.value).toBe(call.value);
    expect(world.refreshes()).toHaveLength(1);
  });

  it('has sent nothing until then: the refusal of what it sends is no lost answer', async () => {
    const world = createWorld();
    await signedIn(world);
    let updates = 0;
    const slow = world.openTab(options, {
      records: {
        ...world.records,
        async update(name, step) {
          const result = await world.records.update(name, step);
          if (++updates === 2) await pause(world.timers, 6000); // its claim
          return result;
        },
      },
    });
    world.faults.push({ kind: 'answer', status: 403, body: '{"error":"invalid_grant"}' });
    const call = watch(slow.client.getTokenSilently({ timeoutInSeconds: 30 }));
    await world.advance(10_000);
    expect(call.error).toMatchObject({ error: 'invalid_grant', reason: 'refused' });
  });
});

describe('P7: while no new token can be had', () => {
  const almost = 3600_000 - 30_000;

  it.each([
    ['offline', (world: World) => void (world.online = false)],
    [
      '503, twice',
      (world: World) => {
        const down = { kind: 'answer', status: 503, body: '<html>' } as const;
        world.faults.push(down, down);
      },
    ],
    [
      'a lost request',
      (world: World) => void world.faults.push({ kind: 'drop-before' }, { kind: 'drop-before' }),
    ],
  ])('the last seconds of the old one are served: %s', async (_, befall) => {
    const world = createWorld();
    const tab = world.openTab(options);
    await tab.login();
    const old = await tab.client.getTokenSilently();
    await world.advance(almost);
    befall(world);
    await expect(tab.client.getTokenSilently()).resolves.toBe(old);
    world.online = true;
    await expect(tab.client.getTokenSilently()).resolves.not.toBe(old);
  });

  it('the last seconds of the old one are served where a tenant that is too busy answers in the iframe', async () => {
    const world = createWorld();
    const busy: SilentFrame = {
      authorize: (_, { state }) => Promise.resolve({ state, error: 'temporarily_unavailable' }),
    };
    const tab = world.openTab({ useRefreshTokens: false }, { silentFrame: busy });
    await tab.login();
    const old = await tab.client.getTokenSilently();
    await world.advance(almost);
    await expect(tab.client.getTokenSilently()).resolves.toBe(old);
  });

  it('a caller who insists on a new one hears why there is none', async () => {
    const world = createWorld();
    const tab = world.openTab(options);
    await tab.login();
    world.online = false;
    await expect(tab.client.getTokenSilently({ cacheMode: 'off' })).rejects.toMatchObject({
      reason: 'offline',
    });
  });

  it('no frame is opened without a network', async () => {
    const world = createWorld();
    const tab = world.openTab({ useRefreshTokens: false });
    world.online = false;
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({
      error: 'network_error',
      reason: 'offline',
      retryable: true,
    });
    expect(world.frames).toEqual([]);
  });

  it('20 tabs that wait for one exchange share its failure', async () => {
    const world = createWorld();
    await signedIn(world);
    const tabs = Array.from({ length: 20 }, () => world.openTab(options));
    for (let n = 0; n < 40; n++) world.faults.push({ kind: 'drop-before' });
    const calls = tabs.map((tab) => watch(tab.client.getTokenSilently()));
    await world.advance(10_000);
    for (const { error } of calls)
      expect(error).toMatchObject({ error: 'network_error', reason: 'outcome_unknown' });
    expect(world.refreshes()).toHaveLength(2);
    world.faults.length = 0;
    await expect(tabs[7]!.client.getTokenSilently()).resolves.toEqual(expect.any(String));
  });

  it('repeated failures are spaced out, whichever tab asks, and the pause is told when it is long', async () => {
    const world = createWorld();
    await signedIn(world);
    const tabs = [world.openTab(options), world.openTab(options)];
    const down = { kind: 'answer', status: 503, body: '' } as const;
    const ask = async (count: number) => {
      const call = watch(tabs[count % 2]!.client.getTokenSilently());
      await world.advance(10_000);
      return call.error;
    };
    for (let n = 0; n < 60; n++) world.faults.push(down);
    for (let n = 0; n < 60; n++) await ask(n);
    expect(world.refreshes().length).toBeLessThan(18); // 10 min
    const sent = world.refreshes().length;
    let told: unknown;
    for (let n = 0; n < 5 && !told; n++) {
      const error = await ask(n);
      if ((error as { reason?: string }).reason === 'backing_off') told = error;
    }
    expect(told).toMatchObject({ error: 'network_error', retryable: true, requiresLogin: false });
    expect(world.refreshes().length - sent).toBeLessThanOrEqual(1);
    world.faults.length = 0;
    await world.advance(60_000);
    await expect(tabs[0]!.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    expect(world.journal()).not.toContain('ferrt');
  });

  it('a turn that comes when the network has gone sends nothing', async () => {
    const world = createWorld();
    await signedIn(world);
    const holder = world.openTab(options);
    world.faults.push({ kind: 'hang' });
    watch(holder.client.getTokenSilently());
    await world.rest();
    const call = watch(world.openTab(options).client.getTokenSilently());
    await world.rest();
    world.online = false;
    holder.kill();
    await world.advance(1000);
    expect(call.error).toMatchObject({ reason: 'offline' });
    expect(world.refreshes()).toHaveLength(1);
  });

  it('a short pause is waited for', async () => {
    const world = createWorld();
    await signedIn(world);
    const { client } = world.openTab(options);
    const down = { kind: 'answer', status: 503, body: '' } as const;
    world.faults.push(down, down, down);
    for (let n = 0; n < 2; n++) await client.getTokenSilently().catch(() => {});
    const call = watch(client.getTokenSilently());
    await world.advance(3000);
    expect(call.value).toEqual(expect.any(String));
  });

  it('a pause that is longer than anybody waits is told at once', async () => {
    const world = createWorld();
    await signedIn(world);
    const { client } = world.openTab(options);
    for (let n = 0; n < 60; n++) world.faults.push({ kind: 'answer', status: 503, body: '' });
    for (let n = 0; n < 12; n++) {
      watch(client.getTokenSilently());
      await world.advance(10_000);
    }
    const calls = [];
    for (let n = 0; n < 2; n++) {
      calls.push(watch(client.getTokenSilently())); // the first one’s turn may just have come
      await world.rest();
    }
    expect(calls[1]!.error).toMatchObject({ error: 'network_error', reason: 'backing_off' });
  });

  it('P2: what is in doubt is asked again though the network came and went before', async () => {
    const world = createWorld({ leeway: 30 });
    await signedIn(world);
    const tab = world.openTab(options);
    world.faults.push({ kind: 'drop-after', meanwhile: () => void (world.online = false) });
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({ reason: 'outcome_unknown' });
    for (let times = 0; times < 3; times++) {
      world.online = true;
      world.online = false;
      await world.advance(1000);
    }
    expect(world.refreshes()).toHaveLength(1);
    world.online = true;
    await world.advance(twoHours);
    expect(world.refreshes()).toHaveLength(2);
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    expect(world.journal()).not.toContain('ferrt');
  });

  it('P2: what is in doubt is asked again as soon as the network is back, while the leeway lasts', async () => {
    const world = createWorld({ leeway: 30 });
    await signedIn(world);
    const tab = world.openTab(options);
    world.faults.push({ kind: 'drop-after', meanwhile: () => void (world.online = false) });
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({ reason: 'outcome_unknown' });
    await world.advance(20_000);
    world.online = true;
    await world.advance(twoHours);
    expect(world.refreshes()).toHaveLength(2); // the first, and the one when the network came back
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    expect(world.journal()).not.toContain('ferrt');
  });
});

describe('a signal', () => {
  it('detaches its caller at once; the exchange goes on, and its result is kept', async () => {
    const world = createWorld();
    await signedIn(world);
    const tab = world.openTab(options);
    const abort = new AbortController();
    const reason = new Error('enough');
    world.faults.push({ kind: 'slow', by: 3000 });
    const call = watch(tab.client.getTokenSilently({ signal: abort.signal }));
    const other = watch(tab.client.getTokenSilently());
    await world.advance(1000);
    abort.abort(reason);
    await world.rest();
    expect(call.error).toMatchObject({ name: 'AbortError', error: 'aborted', cause: reason });
    await world.advance(3000);
    expect(other.value).toEqual(expect.any(String));
    await expect(tab.client.getTokenSilently()).resolves.toBe(other.value);
    expect(world.refreshes()).toHaveLength(1);
  });

  it('that is aborted already lets no call begin', async () => {
    const world = createWorld();
    const tab = world.openTab(options);
    await tab.login();
    const waiting = { signal: AbortSignal.abort() };
    const sent = world.requests.length;
    const left = tab.navigations.length;
    const { client } = tab;
    for (const call of [
      () => client.getTokenSilently({ ...waiting, cacheMode: 'off' }),
      () => client.checkSession(waiting),
      () => client.getUser(waiting),
      () => client.getIdTokenClaims(waiting),
      () => client.isAuthenticated(waiting),
      () => client.loginWithRedirect(waiting),
      () => client.handleRedirectCallback('http://localhost:3000/?code=a&state=b', waiting),
      () => client.logout(waiting),
    ])
      await expect(call()).rejects.toMatchObject({ error: 'aborted' });
    expect(world.requests).toHaveLength(sent);
    expect(tab.navigations).toHaveLength(left);
    await expect(client.isAuthenticated()).resolves.toBe(true);
  });
});

describe('a client that is disposed of', () => {
  const slowFrame = (world: World): SilentFrame => {
    const { silentFrame } = world.openTab().env;
    return {
      async authorize(...args) {
        const answer = await silentFrame.authorize(...args);
        await pause(world.timers, 1000);
        return answer;
      },
    };
  };

  it('ends its calls at once, sends nothing more, and keeps what is under way', async () => {
    const world = createWorld();
    await signedIn(world);
    const tab = world.openTab(options);
    world.faults.push({ kind: 'slow', by: 3000 });
    const call = watch(tab.client.getTokenSilently());
    const waiting = watch(tab.client.getTokenSilently({ authorizationParams: { scope: 'openid' } }));
    await world.advance(1000);
    tab.client.dispose();
    await world.rest();
    expect(call.error).toMatchObject({ error: 'disposed', retryable: false });
    expect(waiting.error).toMatchObject({ error: 'disposed' });
    await expect(tab.client.isAuthenticated()).rejects.toMatchObject({ error: 'disposed' });
    await world.advance(60_000);
    expect(world.refreshes()).toHaveLength(1);
    await expect(world.openTab(options).client.getTokenSilently()).resolves.toEqual(expect.any(String));
    expect(world.refreshes()).toHaveLength(1);
  });

  it('gives its turn away while it waits for one', async () => {
    const world = createWorld();
    await signedIn(world);
    const holder = world.openTab(options);
    const tab = world.openTab(options);
    world.faults.push({ kind: 'slow', by: 2000 }, { kind: 'slow', by: 2000 });
    void holder.client.getTokenSilently();
    const call = watch(tab.client.getTokenSilently({ cacheMode: 'off' }));
    await world.rest();
    tab.client.dispose();
    await world.advance(10_000);
    expect(call.error).toMatchObject({ error: 'disposed' });
    expect(world.refreshes()).toHaveLength(1);
  });

  it('exchanges no code that its open iframe brings', async () => {
    const world = createWorld();
    await signedIn(world);
    const tab = world.openTab({ useRefreshTokens: false }, { silentFrame: slowFrame(world) });
    const sent = world.requests.length;
    const call = watch(tab.client.getTokenSilently({ cacheMode: 'off' }));
    await world.rest();
    tab.client.dispose();
    await world.advance(5000);
    expect(world.frames).toHaveLength(1);
    expect(call.error).toMatchObject({ error: 'disposed' });
    expect(world.requests).toHaveLength(sent);
  });

  it('opens no other iframe when the open one is done', async () => {
    const world = createWorld();
    await signedIn(world);
    const tab = world.openTab({ useRefreshTokens: false }, { silentFrame: slowFrame(world) });
    for (const authorizationParams of [{}, { audience: orders }])
      void tab.client.getTokenSilently({ cacheMode: 'off', authorizationParams }).catch(() => {});
    await world.rest();
    tab.client.dispose();
    await world.advance(5000);
    expect(world.frames).toHaveLength(1);
  });

  it('opens no iframe when the refresh that it had under way is refused', async () => {
    const world = createWorld();
    await signedIn(world);
    const tab = world.openTab();
    let answer = () => {};
    const until = new Promise<void>((resolve) => (answer = resolve));
    const refusal = { kind: 'answer', status: 403, body: '{"error":"invalid_grant"}' } as const;
    world.faults.push({ kind: 'hold', until, fault: refusal });
    void tab.client.getTokenSilently().catch(() => {});
    await world.rest();
    tab.client.dispose();
    answer();
    await world.advance(5000);
    expect(world.refreshes()).toHaveLength(1);
    expect(world.frames).toEqual([]);
  });

  it('ends no session for a cleared storage that it has found', async () => {
    const world = createWorld();
    const tab = world.openTab(options);
    await tab.login();
    for (const name of world.localStorage.names()) world.localStorage.remove(name);
    const call = watch(tab.client.getTokenSilently());
    await world.advance(2000);
    expect(call.error).toMatchObject({ requiresLogin: true });
    tab.client.dispose();
    await world.advance(30_000);
    expect(world.requests.map(({ path }) => path)).toEqual(['/oauth/token']);
  });

  it('gives its turn away while another audience’s exchange has the lock', async () => {
    const world = createWorld();
    const first = world.openTab();
    await first.login();
    const forOrders = { authorizationParams: { audience: orders } };
    await first.client.getTokenSilently(forOrders);
    await world.advance(twoHours);
    const tab = world.openTab(options);
    world.faults.push({ kind: 'slow', by: 2000 });
    void first.client.getTokenSilently();
    await world.rest();
    const call = watch(tab.client.getTokenSilently(forOrders));
    await world.rest();
    tab.client.dispose();
    await world.advance(10_000);
    expect(call.error).toMatchObject({ error: 'disposed' });
    expect(world.refreshes()).toHaveLength(1);
  });

  it.each([0, 2, 5, 500, 1500])('%i ms after a call holds no store', async (span) => {
    const world = createWorld();
    await signedIn(world);
    let isOpen = false;
    const records: RecordStore = {
      async update(name, step) {
        isOpen = true;
        await pause(world.timers, 1);
        return world.records.update(name, step);
      },
      close: () => void (isOpen = false),
    };
    const { client } = world.openTab(options, { records });
    world.faults.push({ kind: 'slow', by: 1000 });
    void client.getTokenSilently().catch(() => {});
    await world.advance(span);
    client.dispose();
    await world.advance(60_000);
    expect(isOpen).toBe(false);
  });

  it('as soon as it was called leaves no page', async () => {
    const world = createWorld();
    const tab = world.openTab(options);
    const call = watch(tab.client.loginWithRedirect());
    tab.client.dispose();
    await world.rest();
    expect(call.error).toMatchObject({ error: 'disposed' });
    expect(tab.navigations).toEqual([]);
  });

  it.each([
    ['in a page that has loaded no more than the client', async () => {}],
    ['in any other page', async ({ client }: Tab) => void (await client.getTokenSilently())],
  ])('as soon as it logs out, %s, has ended the session and revoked its refresh token', async (_, use) => {
    const world = createWorld();
    const former = world.openTab(options);
    await former.login();
    let isOpen = false;
    const records: RecordStore = {
      async update(name, step) {
        isOpen = true;
        return world.records.update(name, step);
      },
      close: () => void (isOpen = false),
    };
    const tab = world.openTab(options, { records });
    await use(tab);
    void tab.client.logout({ openUrl: false }).catch(() => {});
    tab.client.dispose();
    await world.advance(5000);
    expect(world.requests.at(-1)).toMatchObject({ path: '/oauth/revoke', granted: true });
    expect(isOpen).toBe(false);
    const kept = await world.records.update(world.recordNames()[0]!, (it) => [it, JSON.stringify(it)]);
    expect([...world.secrets].filter((secret) => kept.includes(secret))).toEqual([]);
    await expect(world.openTab(options).client.isAuthenticated()).resolves.toBe(false);
  });

  it('P3: leaves nothing behind, mounted and thrown away 50 times', async () => {
    const world = createWorld();
    await signedIn(world);
    for (let n = 0; n < 50; n++) {
      const { client } = world.openTab(options);
      void client.getTokenSilently().catch(() => {});
      client.dispose();
    }
    await world.rest();
    await expect(world.openTab(options).client.getTokenSilently()).resolves.toEqual(expect.any(String));
    expect(world.refreshes()).toHaveLength(1);
  });
});
