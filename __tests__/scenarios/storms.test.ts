import { describe, expect, it } from '@jest/globals';
import type { Auth0ClientOptions } from '../../src/core/options.ts';
import type { HttpAnswer } from '../../src/environment.ts';
import { watch } from '../support/invariants.ts';
import { createWorld, type Fault, type Tab, type World } from '../support/world.ts';

const twoHours = 2 * 3600 * 1000;
const tenMinutes = 600_000;
const isToken: unknown = expect.any(String);

const openTabs = (world: World, count: number, changes: Partial<Auth0ClientOptions> = {}): Tab[] =>
  Array.from({ length: count }, () => world.openTab({ useRefreshTokensFallback: false, ...changes }));

/** As many tabs, signed in by one of them, and no access token that is good for anything. */
async function expired(world: World, count: number): Promise<Tab[]> {
  const tabs = openTabs(world, count);
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
