import { describe, expect, it } from '@jest/globals';
import type { Auth0ClientOptions } from '../../src/core/options.ts';
import type { HttpAnswer, SilentFrame } from '../../src/environment.ts';
import { featureLoadFailed, NetworkError, TimeoutError } from '../../src/errors.ts';
import type { Fault as TenantFault } from '../../src/tenant/index.ts';
import { watch } from '../support/invariants.ts';
import { createWorld, orders, type Fault, type Tab, type World } from '../support/world.ts';

const twoHours = 2 * 3600 * 1000;
const tenMinutes = 600_000;
const isToken: unknown = expect.any(String);

const openTabs = (world: World, count: number, changes: Partial<Auth0ClientOptions> = {}): Tab[] =>
  Array.from({ length: count }, () => world.openTab({ useRefreshTokensFallback: false, ...changes }));

/** As many tabs, each of which has the tenant's session and no refresh token. */
async function framed(world: World, count: number, changes: Partial<Auth0ClientOptions>): Promise<Tab[]> {
  const tabs = openTabs(world, count, {
    cacheLocation: 'memory',
    useRefreshTokensFallback: true,
    ...changes,
  });
  await tabs[0]?.login();
  return tabs.map((tab) => tab.reload());
}

/** As many tabs, signed in by one of them, and no access token that is good for anything. */
async function expired(
  world: World,
  count: number,
  changes: Partial<Auth0ClientOptions> = {},
): Promise<Tab[]> {
  const tabs = openTabs(world, count, changes);
  await tabs[0]?.login();
  await world.advance(twoHours);
  return tabs;
}

/** Every tab asks for a token every so often, for so long. What they are told instead of one. */
async function pester(world: World, tabs: readonly Tab[], span: number, every: number): Promise<unknown[]> {
  const errors: unknown[] = [];
  for (let passed = 0; passed < span; passed += every) {
    for (const { client } of tabs) client.getTokenSilently().catch((error: unknown) => errors.push(error));
    await world.advance(every);
  }
  return errors;
}

const answer = (status: number, more: Partial<HttpAnswer> = {}): Fault => ({
  kind: 'answer',
  status,
  body: status === 429 ? '{"error":"too_many_requests"}' : '',
  ...more,
});

const isDown: readonly (readonly [string, Fault])[] = [
  ['answers 503', answer(503)],
  ['answers 429', answer(429)],
  ['answers with a page', { kind: 'answer', status: 200, body: '<html>Back soon.</html>' }],
  ['cannot be reached', { kind: 'drop-before' }],
];

const always = (world: World, fault: Fault): void =>
  void world.faults.push(...Array.from({ length: 10_000 }, () => fault));

describe('P21: a server that is down for ten minutes', () => {
  it.each(isDown)('and %s is sent 10 requests at the most by 20 tabs', async (_, fault) => {
    const world = createWorld();
    const tabs = await expired(world, 20);
    always(world, fault);
    const errors = await pester(world, tabs, tenMinutes, 9000);
    expect(world.refreshes().length).toBeLessThanOrEqual(10);
    expect(world.refreshes().length).toBeGreaterThan(5);
    for (const error of errors) expect(error).toMatchObject({ retryable: true, requiresLogin: false });
    world.faults.length = 0;
    await world.advance(tenMinutes);
    await expect(tabs[19]?.client.getTokenSilently()).resolves.toEqual(isToken);
    expect(world.journal()).not.toContain('ferrt');
  });

  it('is sent as many by each tab that has a login of its own, in memory mode', async () => {
    const world = createWorld();
    const tabs = openTabs(world, 20, { cacheLocation: 'memory' });
    for (const tab of tabs) await tab.login();
    await world.advance(twoHours);
    always(world, answer(503));
    await pester(world, tabs, tenMinutes, 15_000);
    for (const tab of tabs) {
      const sent = world.refreshes().filter(({ by }) => by === tab);
      expect(sent.length).toBeLessThanOrEqual(10);
      expect(sent.length).toBeGreaterThan(5);
    }
  });

  it('is not asked by all browsers at the same moments', async () => {
    const moments = await Promise.all(
      [1, 2].map(async (seed) => {
        const world = createWorld({ seed });
        const tabs = await expired(world, 1);
        always(world, answer(503));
        await pester(world, tabs, tenMinutes, 5000);
        const [first, ...others] = world.refreshes().map(({ sentAt }) => sentAt);
        return others.slice(4).map((sentAt) => sentAt - (first ?? 0)); // after pauses that nobody sleeps through
      }),
    );
    for (const moment of moments[0]!) expect(moments[1]).not.toContain(moment);
  });
});

/** What pages ask for without a refresh token, or before one is spent, and where. */
interface Asked {
  readonly what: string;
  readonly path: string;
  /** Tabs that need it for their next token. */
  readonly open: (world: World, count: number) => Promise<Tab[]>;
}

const noTokens = { useRefreshTokens: false } as const;
const discovery = '/.well-known/openid-configuration';
const jwks = '/.well-known/jwks.json';

const inFrames: Asked = {
  what: 'in hidden iframes, by pages without refresh tokens',
  path: '/authorize',
  open: (world, count) => framed(world, count, noTokens),
};
const afterFrames: Asked = { ...inFrames, what: 'for the codes of hidden iframes', path: '/oauth/token' };
const theDocument: Asked = {
  what: 'for its discovery document, before refreshes',
  path: discovery,
  open: async (world, count) => (await expired(world, count, { discovery: true })).map((tab) => tab.reload()),
};
const theKeys: Asked = {
  what: 'for its keys, before refreshes',
  path: jwks,
  open: (world, count) => expired(world, count, { verifyIdTokenSignature: true }),
};
const withoutRefreshToken: readonly Asked[] = [
  inFrames,
  {
    ...inFrames,
    what: 'in hidden iframes, by pages to which nobody lends',
    open: (world, count) => framed(world, count, {}),
  },
  afterFrames,
  theDocument,
  {
    ...theDocument,
    what: 'for its discovery document, before hidden iframes',
    open: (world, count) => framed(world, count, { ...noTokens, discovery: true }),
  },
  {
    ...theDocument,
    what: 'for its discovery document, before anybody is asked to lend',
    open: (world, count) => framed(world, count, { discovery: true }),
  },
  theKeys,
  {
    ...theKeys,
    what: 'for its keys, before anybody is asked to lend',
    open: (world, count) => framed(world, count, { verifyIdTokenSignature: true }),
  },
  {
    ...theKeys,
    what: 'for its keys, by workers',
    async open(world, count) {
      const tabs = openTabs(world, count, { cacheLocation: 'memory', verifyIdTokenSignature: true });
      for (const tab of tabs) await tab.login();
      await world.advance(twoHours);
      return tabs;
    },
  },
  {
    ...theKeys,
    what: 'for its keys, after hidden iframes',
    open: (world, count) => framed(world, count, { ...noTokens, verifyIdTokenSignature: true }),
  },
];

/** How often a tab has asked there since. */
function counter(world: World, path: string): (tab: Tab) => number {
  const asked = () =>
    [...world.frames, ...world.documents, ...world.requests].filter(
      (request) => ('pathname' in request ? request.pathname : request.path) === path,
    );
  const before = new Set<object>(asked());
  return (tab) => asked().filter((request) => request.by === tab && !before.has(request)).length;
}

const strike = (world: World, fault: Partial<TenantFault>) =>
  world.tenant.faults.add({ kind: 'status', times: Infinity, ...fault });

describe('P21: a server that is down for ten minutes, and is asked', () => {
  it.each(withoutRefreshToken)(
    '$what, is by each of 20 pages 8 times at the most',
    async ({ path, open }) => {
      const world = createWorld();
      const tabs = await open(world, 20);
      const sentBy = counter(world, path);
      strike(world, { endpoint: path });
      const errors = await pester(world, tabs, tenMinutes, 5000);
      for (const tab of tabs) {
        expect(sentBy(tab)).toBeLessThanOrEqual(8);
        expect(sentBy(tab)).toBeGreaterThan(5);
      }
      for (const error of errors) expect(error).toMatchObject({ retryable: true, requiresLogin: false });
      world.tenant.faults.clear();
      await world.advance(tenMinutes);
      const calls = tabs.map(({ client }) => watch(world, client.getTokenSilently()));
      await world.advance(10_000);
      expect(calls.map(({ value }) => value)).toEqual(calls.map(() => isToken));
      expect(world.journal()).not.toContain('ferrt');
    },
  );

  const outages: readonly (readonly [string, (world: World) => void])[] = [
    ['cannot be reached', (world) => strike(world, { kind: 'drop-request', endpoint: '/authorize' })],
    ['is too busy', (world) => strike(world, { status: 429, endpoint: '/authorize' })],
    ['grants no token', (world) => always(world, { kind: 'hang' })],
    ['has another time', (world) => world.jump(2 * 86_400_000)],
  ];
  it.each(outages)('in hidden iframes, and %s, is 8 times at the most', async (_, strikeAt) => {
    const world = createWorld();
    const tabs = await framed(world, 1, noTokens);
    strikeAt(world);
    await pester(world, tabs, tenMinutes, 1000);
    expect(world.frames.length).toBeLessThanOrEqual(8);
    expect(world.frames.length).toBeGreaterThan(5);
  });

  const busy: SilentFrame = {
    authorize: async (_, { state }) => ({ state, error: 'temporarily_unavailable' }),
  };
  const odd: SilentFrame = { authorize: () => Promise.reject(new Error('odd')) };
  it.each([
    ['answers for the server that it is down', busy, { error: 'temporarily_unavailable' }],
    ['fails as nobody knows', odd, { message: 'odd' }],
  ])('by an iframe that %s, is 8 times at the most', async (_, frame, cause) => {
    const world = createWorld();
    let frames = 0;
    const silentFrame: SilentFrame = {
      authorize(...request) {
        frames += 1;
        return frame.authorize(...request);
      },
    };
    const tab = world.openTab(noTokens, { silentFrame });
    const errors = await pester(world, [tab], tenMinutes, 1000);
    expect(frames).toBeLessThanOrEqual(8);
    expect(frames).toBeGreaterThan(5);
    expect(errors.at(-1)).toMatchObject({ error: 'network_error', reason: 'backing_off', cause });
  });

  it('for its discovery document anew, is 8 times at the most, while tokens are had with the old one', async () => {
    const world = createWorld();
    const [tab] = openTabs(world, 1, { discovery: true });
    await tab?.login();
    await world.advance(twoHours);
    strike(world, { endpoint: discovery });
    const sent = world.documents.length;
    for (let times = 0; times < 120; times++) {
      await expect(tab?.client.getTokenSilently({ cacheMode: 'off' })).resolves.toEqual(isToken);
      await world.advance(5000);
    }
    expect(world.refreshes()).toHaveLength(120);
    expect(world.documents.length - sent).toBeLessThanOrEqual(8);
    expect(world.documents.length - sent).toBeGreaterThan(5);
  });

  it('for its discovery document, which is not there, is 8 times at the most', async () => {
    const world = createWorld();
    const [tab] = (await theDocument.open(world, 1)) as [Tab];
    const sentBy = counter(world, discovery);
    strike(world, { endpoint: discovery, status: 404 });
    const errors = await pester(world, [tab], tenMinutes, 1000);
    expect(errors[0]).toMatchObject({ error: 'discovery_failed', retryable: false });
    expect(errors.at(-1)).toMatchObject({ reason: 'backing_off', cause: { error: 'discovery_failed' } });
    expect(sentBy(tab)).toBeLessThanOrEqual(8);
    expect(sentBy(tab)).toBeGreaterThan(5);
  });

  it('for a key that is new, costs that many exchanges and a few more', async () => {
    const world = createWorld();
    const [tab] = openTabs(world, 1, { verifyIdTokenSignature: true });
    await tab?.login();
    strike(world, { kind: 'rotate-key', times: 1, grant: 'refresh_token' });
    strike(world, { endpoint: jwks });
    for (let passed = 0; passed < tenMinutes - 10_000; passed += 1000) {
      await world.advance(1000);
      tab?.client.getTokenSilently({ cacheMode: 'off' }).catch(() => {});
    }
    expect(world.documents.length - 1).toBeLessThanOrEqual(8);
    expect(world.refreshes().length).toBeLessThanOrEqual(16);
    expect(world.journal()).not.toContain('ferrt');
  });

  it('in hidden iframes, tells each call that nobody is signed in, as often as it is asked', async () => {
    const world = createWorld();
    const tab = world.openTab(noTokens);
    const errors = await pester(world, [tab], 20_000, 1000);
    expect(errors).toEqual(errors.map(() => expect.objectContaining({ error: 'login_required' }) as unknown));
    expect(world.frames).toHaveLength(20);
  });
});

describe('P21: where the last requests without a refresh token have failed', () => {
  const aSecond = 1000;

  /** What a call is told, however long it takes. */
  async function toldOf(world: World, tab: Tab): Promise<unknown> {
    const call = watch(world, tab.client.getTokenSilently());
    while (call.settled === undefined) await world.advance(20);
    return call.error;
  }

  async function failing({ path, open }: Asked, times = 2) {
    const world = createWorld();
    const [tab] = (await open(world, 1)) as [Tab];
    const sentBy = counter(world, path);
    strike(world, { endpoint: path });
    for (let time = 0; time < times; time++) await toldOf(world, tab);
    const sent = () => sentBy(tab);
    expect(sent()).toBe(times);
    return { world, tab, sent };
  }

  const each = [inFrames, afterFrames, theDocument, theKeys];

  it.each(each)('$what, a call waits for its turn, if that is soon', async (asked) => {
    const { world, tab, sent } = await failing(asked);
    world.tenant.faults.clear();
    const call = watch(world, tab.client.getTokenSilently());
    await world.rest();
    expect(sent()).toBe(2);
    await world.advance(3 * aSecond);
    expect(call.value).toEqual(isToken);
    expect(sent()).toBe(3);
  });

  it.each(each)(
    '$what, a call is told at once what failed and when it may be sent, if that is late',
    async (asked) => {
      const { world, tab, sent } = await failing(asked, 3);
      const call = watch(world, tab.client.getTokenSilently());
      await world.rest();
      const told = [call.error, (call.error as Error).cause].find(
        (it) => it instanceof NetworkError,
      ) as Error;
      expect(told).toMatchObject({ reason: 'backing_off', cause: { retryable: true } });
      const instant = Date.parse(/may be sent at (\S+Z)\.$/.exec(told.message)?.[1] ?? '');
      expect(instant).toBeGreaterThan(world.now() + 10 * aSecond);
      expect(sent()).toBe(3);
    },
  );

  it.each(each)('$what, the network’s return lets one more be sent at once', async (asked) => {
    const { world, tab, sent } = await failing(asked, 3);
    world.online = false;
    world.online = true;
    for (let time = 0; time < 3; time++) await toldOf(world, tab);
    expect(sent()).toBe(4);
  });

  it.each(each)('$what, a call that waits goes on when the network is back', async (asked) => {
    const { world, tab, sent } = await failing(asked);
    world.tenant.faults.clear();
    const call = watch(world, tab.client.getTokenSilently());
    await world.rest();
    world.online = false;
    world.online = true;
    await world.rest();
    expect(call.value).toEqual(isToken);
    expect(sent()).toBe(3);
  });

  it.each([afterFrames, theDocument, theKeys])(
    '$what, a server that asks to be left alone is, whatever the network does',
    async ({ path, open }) => {
      const world = createWorld();
      const [tab] = (await open(world, 1)) as [Tab];
      const sentBy = counter(world, path);
      strike(world, { endpoint: path, status: 429, retryAfter: 30, times: 1 });
      await toldOf(world, tab);
      for (let passed = 0; passed < 29; passed++) {
        tab.client.getTokenSilently().catch(() => {});
        world.online = false;
        world.online = true;
        await world.advance(aSecond);
      }
      expect(sentBy(tab)).toBe(1);
      await world.advance(4 * aSecond);
      const call = watch(world, tab.client.getTokenSilently());
      await world.rest();
      expect(call.value).toEqual(isToken);
      expect(sentBy(tab)).toBe(2);
    },
  );

  it('for the codes of hidden iframes, a server that refuses one and asks to be left alone is', async () => {
    const world = createWorld();
    const [tab] = (await framed(world, 1, noTokens)) as [Tab];
    const body = '{"error":"temporarily_unavailable"}';
    world.faults.push({ kind: 'answer', status: 403, body, retryAfter: '30' });
    await toldOf(world, tab);
    await pester(world, [tab], 29 * aSecond, aSecond);
    expect(world.frames).toHaveLength(1);
  });

  it.each([
    ['was forbidden by the page', new TimeoutError('frame_forbidden')],
    ['lost its network', new TimeoutError('frame_offline')],
    ['was answered at the callback', new TimeoutError('frame_callback')],
    ['had to be left', new NetworkError('leaving', '')],
    ['could not be loaded', featureLoadFailed('gone')],
  ])('in hidden iframes, of which each %s, every call is told so at once', async (_, problem) => {
    const world = createWorld();
    let frames = 0;
    const broken: SilentFrame = {
      async authorize() {
        frames += 1;
        throw problem;
      },
    };
    const tab = world.openTab(noTokens, { silentFrame: broken });
    for (let time = 1; time <= 5; time++) {
      await expect(tab.client.getTokenSilently()).rejects.toBe(problem);
      expect(frames).toBe(time);
    }
  });

  it('for its discovery document, a login asks at once, and whoever waits is served', async () => {
    const { world, tab, sent } = await failing(theDocument);
    world.tenant.faults.clear();
    const call = watch(world, tab.client.getTokenSilently());
    await world.rest();
    await tab.client.loginWithRedirect();
    expect(tab.navigations).toHaveLength(1);
    await world.rest();
    expect(call.value).toEqual(isToken);
    expect(sent()).toBe(3);
  });

  it('for its discovery document, each login asks, by redirect or by popup', async () => {
    const { tab, sent } = await failing(theDocument, 3);
    for (let time = 0; time < 3; time++) {
      await expect(tab.client.loginWithRedirect()).rejects.toMatchObject({ reason: 'unreachable' });
      await expect(tab.client.loginWithPopup()).rejects.toMatchObject({ reason: 'unreachable' });
    }
    expect(sent()).toBe(9);
  });

  it('for its keys, a callback asks at once, and whoever waits is served', async () => {
    const { world, tab, sent } = await failing(theKeys);
    world.tenant.faults.clear();
    const call = watch(world, tab.client.getTokenSilently());
    await world.rest();
    await tab.login();
    await world.rest();
    expect(call.value).toEqual(isToken);
    expect(sent()).toBe(3);
  });

  it('in hidden iframes, a login by popup goes on at once, and so do iframes after it', async () => {
    const { world, tab, sent } = await failing(inFrames, 3);
    world.tenant.faults.clear();
    const login = watch(world, tab.client.loginWithPopup());
    await world.rest();
    await tab.popups[0]?.signIn();
    await world.rest();
    expect(login.error).toBeUndefined();
    expect(login.settled).toBeDefined();
    const call = watch(world, tab.client.getTokenSilently({ authorizationParams: { audience: orders } }));
    await world.rest();
    expect(call.value).toEqual(isToken);
    expect(sent()).toBe(4);
  });

  it('for anything, a client that was disposed of listens to the network no more', async () => {
    const world = createWorld();
    const [tab] = (await framed(world, 1, noTokens)) as [Tab];
    const { onOnline } = tab.env.page;
    let listening = 0;
    const counting: typeof onOnline = (task) => {
      const stop = onOnline(task);
      listening += 1;
      return () => {
        listening -= 1;
        stop();
      };
    };
    Object.assign(tab.env.page, { onOnline: counting });
    strike(world, { endpoint: '/authorize' });
    for (let time = 0; time < 2; time++) await toldOf(world, tab);
    expect(listening).toBe(1);
    tab.client.dispose();
    expect(listening).toBe(0);
  });
});

describe('P21: a server that asks to be left alone', () => {
  const inSeconds = (world: World, span: number) => String(Math.ceil((world.now() + span) / 1000));
  const inDate = (world: World, span: number) => new Date(world.now() + span).toUTCString();
  const requests: readonly (readonly [string, (world: World) => Fault])[] = [
    ['Retry-After in seconds', () => answer(429, { retryAfter: '30' })],
    ['Retry-After as a date', (world) => answer(429, { retryAfter: inDate(world, 30_000) })],
    ['X-RateLimit-Reset', (world) => answer(429, { rateLimitReset: inSeconds(world, 30_000) })],
    ['a 503 with Retry-After', () => answer(503, { retryAfter: '30' })],
    [
      'a 403 that speaks OAuth, with Retry-After',
      () => ({
        kind: 'answer',
        status: 403,
        body: '{"error":"temporarily_unavailable"}',
        retryAfter: '30',
      }),
    ],
  ];

  it.each(requests)('by %s is, by 20 tabs, for as long', async (_, fault) => {
    const world = createWorld();
    const tabs = await expired(world, 20);
    world.faults.push(fault(world));
    const errors = await pester(world, tabs, 30_000, 1000);
    expect(world.refreshes()).toHaveLength(1);
    expect(errors.at(-1)).toMatchObject({
      error: 'network_error',
      reason: 'backing_off',
      retryable: true,
      requiresLogin: false,
    });
    await world.advance(3000);
    await expect(tabs[7]?.client.getTokenSilently()).resolves.toEqual(isToken);
    expect(world.refreshes()).toHaveLength(2);
  });

  it('because it was asked too often is asked when it may be', async () => {
    const world = createWorld({ rateLimits: 'free' });
    const [tab] = openTabs(world, 1);
    await tab?.login();
    const ask = () => tab!.client.getTokenSilently({ cacheMode: 'off' });
    let refused: unknown;
    while (refused === undefined) await ask().catch((error: unknown) => (refused = error));
    expect(refused).toMatchObject({ error: 'too_many_requests', retryable: true });
    const sent = world.refreshes().length;
    const call = watch(world, ask());
    await world.advance(999);
    expect(world.refreshes()).toHaveLength(sent);
    await world.advance(3001);
    expect(call.value).toEqual(isToken);
    expect(world.journal()).not.toContain('ferrt');
  });

  it('is where tokens are bound to a key, too', async () => {
    const world = createWorld({ dpop: true });
    const [tab] = openTabs(world, 1, { useDpop: true });
    await tab?.login();
    await world.advance(twoHours);
    world.faults.push(answer(429, { rateLimitReset: inSeconds(world, 30_000) }));
    await pester(world, [tab!], 30_000, 5000);
    expect(world.refreshes()).toHaveLength(1);
  });

  it('is told of by when it may be asked', async () => {
    const world = createWorld();
    const [tab] = await expired(world, 1);
    const asked = world.now();
    world.faults.push(answer(429, { retryAfter: '30' }));
    await expect(tab?.client.getTokenSilently()).rejects.toMatchObject({ error: 'too_many_requests' });
    const told = await tab?.client.getTokenSilently().catch((error: Error) => error.message);
    const instant = Date.parse(/may be sent at (\S+Z)\.$/.exec(String(told))?.[1] ?? '');
    expect(instant).toBeGreaterThanOrEqual(asked + 30_000);
    expect(instant).toBeLessThan(asked + 33_000);
  });

  it('is told of to the tabs that waited for the answer, too', async () => {
    const world = createWorld();
    const tabs = await expired(world, 3);
    world.faults.push(answer(429, { retryAfter: '30' }));
    const calls = tabs.map(({ client }) => watch(world, client.getTokenSilently()));
    await world.advance(1000);
    expect(calls.map(({ error }) => error)).toMatchObject([
      { error: 'too_many_requests' },
      { error: 'network_error', reason: 'backing_off' },
      { error: 'network_error', reason: 'backing_off' },
    ]);
  });

  it('for a moment keeps its caller waiting, who gets a token', async () => {
    const world = createWorld();
    const [tab] = await expired(world, 1);
    world.faults.push(answer(429, { retryAfter: '3' }));
    await tab?.client.getTokenSilently().catch(() => {});
    const call = watch(world, tab!.client.getTokenSilently());
    await world.advance(2999);
    expect(world.refreshes()).toHaveLength(1);
    await world.advance(3000);
    expect(call.value).toEqual(isToken);
  });

  it('for a day is asked after ten minutes', async () => {
    const world = createWorld();
    const tabs = await expired(world, 3);
    world.faults.push(answer(429, { retryAfter: '86400' }));
    await pester(world, tabs, tenMinutes - 10_000, 10_000);
    expect(world.refreshes()).toHaveLength(1);
    await world.advance(13_000);
    await expect(tabs[1]?.client.getTokenSilently()).resolves.toEqual(isToken);
  });

  it.each([
    ['an instant far away, by a clock that is wrong', { rateLimitReset: '4000000000' }],
    ['an instant that is over', { rateLimitReset: '1' }],
    ['nothing that can be read', { retryAfter: 'soon', rateLimitReset: 'later' }],
  ])('until %s is asked again at once', async (_, more) => {
    const world = createWorld();
    const [tab] = await expired(world, 1);
    world.faults.push(answer(429, more));
    await tab?.client.getTokenSilently().catch(() => {});
    await expect(tab?.client.getTokenSilently()).resolves.toEqual(isToken);
  });

  it('while a token is valid is left alone, and that token is served', async () => {
    const world = createWorld();
    const tabs = openTabs(world, 2);
    await tabs[0]?.login();
    const token = await tabs[0]?.client.getTokenSilently();
    await world.advance(3600_000 - 50_000);
    world.faults.push(answer(429, { retryAfter: '300' }));
    for (const { client } of tabs) await expect(client.getTokenSilently()).resolves.toBe(token);
    expect(world.refreshes()).toHaveLength(1);
  });

  it('when a code is exchanged loses no login: the same callback does later', async () => {
    const world = createWorld();
    const [tab] = openTabs(world, 1);
    world.faults.push(answer(429, { retryAfter: '30' }));
    await expect(tab?.login()).rejects.toMatchObject({ error: 'too_many_requests', retryable: true });
    const callback = (await tab!.follow()).headers.get('location') ?? '';
    await expect(tab?.client.handleRedirectCallback(callback)).resolves.toMatchObject({});
    await expect(tab?.client.getTokenSilently()).resolves.toEqual(isToken);
  });
});

describe('P21: an access token that lives shorter than the margin before its end', () => {
  const lifetime = 30_000;
  /** Every token of the tenant is as short-lived from now on. */
  const shorten = (world: World) =>
    always(world, { kind: 'alter', alter: (body) => ({ ...body, expires_in: lifetime / 1000 }) });

  it.each(['localstorage', 'memory'] as const)(
    'is served for most of its life (%s)',
    async (cacheLocation) => {
      const world = createWorld();
      const [tab] = openTabs(world, 1, { cacheLocation });
      shorten(world);
      await tab?.login();
      const token = await tab?.client.getTokenSilently();
      await world.advance(22_000);
      await expect(tab?.client.getTokenSilently()).resolves.toBe(token);
      expect(world.refreshes()).toHaveLength(0);
      await world.advance(1000);
      await expect(tab?.client.getTokenSilently()).resolves.not.toBe(token);
      expect(world.refreshes()).toHaveLength(1);
    },
  );

  it('costs 20 tabs that ask every second a request for every three quarters of a life', async () => {
    const world = createWorld();
    const tabs = openTabs(world, 20);
    shorten(world);
    await tabs[0]?.login();
    const errors = await pester(world, tabs, 10 * lifetime, 1000);
    expect(errors).toEqual([]);
    expect(world.refreshes().length).toBeLessThanOrEqual(14);
  });

  it('costs 20 tabs that find it over at one moment one request', async () => {
    const world = createWorld();
    const tabs = openTabs(world, 20);
    shorten(world);
    await tabs[0]?.login();
    await world.advance(twoHours);
    const calls = tabs.map(({ client }) => watch(world, client.getTokenSilently()));
    await world.advance(1000);
    expect(calls.map(({ value }) => value)).toEqual(calls.map(() => isToken));
    expect(world.refreshes()).toHaveLength(1);
  });

  it('and is over when it comes is given to who asked, by one request for each call', async () => {
    const world = createWorld();
    const [tab] = openTabs(world, 1);
    await tab?.login();
    await world.advance(twoHours);
    always(world, { kind: 'alter', alter: (body) => ({ ...body, expires_in: 0 }) });
    for (let calls = 1; calls <= 3; calls++) {
      const burst = Array.from({ length: 5 }, () => tab!.client.getTokenSilently());
      await expect(Promise.all(burst)).resolves.toEqual(burst.map(() => isToken));
      expect(world.refreshes()).toHaveLength(calls);
    }
  });
});
