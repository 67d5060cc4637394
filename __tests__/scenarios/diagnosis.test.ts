import { describe, expect, it } from '@jest/globals';
import type { Auth0ClientOptions, Span } from '../../src/core/options.ts';
import { InvalidConfigurationError } from '../../src/errors.ts';
import { seededBy } from '../support/seeded-random.ts';
import { ada, createWorld, grace, orders, type Tab, type World } from '../support/world.ts';

const twoHours = 2 * 3600 * 1000;
const only = { useRefreshTokensFallback: false };
const refusal = { kind: 'answer', status: 403, body: '{"error":"invalid_grant"}' } as const;
const answer = (status: number, body: string) => ({ kind: 'answer', status, body }) as const;

/** The same mishaps as in `bench/resilience`, of those in which a call fails; and some more. */
const mishaps: readonly (readonly [
  what: string,
  meet: (world: World, tab: Tab) => unknown,
  cause: RegExp,
])[] = [
  ['offline', (world) => (world.online = false), /^the browser had no network/],
  [
    '503 in HTML',
    (world) => world.faults.push(answer(503, '<h1>'), answer(503, '<h1>')),
    /an error page, or CORS$/,
  ],
  ['429', (world) => world.faults.push(answer(429, '{"error":"too_many_requests"}')), /asked too often$/],
  [
    'no CORS',
    (world) => world.faults.push({ kind: 'drop-after' }, { kind: 'drop-after' }),
    /its answer was lost; a later call/,
  ],
  [
    'the request lost twice',
    (world) => world.faults.push({ kind: 'drop-before' }, { kind: 'drop-before' }),
    /its answer was lost; a later call/,
  ],
  [
    'the server slow',
    (world) => world.faults.push({ kind: 'slow', by: 12_000 }),
    /^the answer took longer than the call could wait/,
  ],
  [
    'an answer lost, leeway 0',
    (world) => world.faults.push({ kind: 'drop-after' }),
    /^the refresh token was refused after an answer had been lost \(no leeway/,
  ],
  [
    'a refresh token that was spent before',
    (world) => world.faults.push(refusal),
    /^the refresh token was refused: it had expired/,
  ],
  [
    'an error page with status 200',
    (world) => world.faults.push(answer(200, '<p>'), answer(200, '<p>')),
    /its answer was lost/,
  ],
  [
    'a logout in another tab',
    (world) => world.openTab().client.logout(),
    /^nobody was signed in: a logout in some tab/,
  ],
  [
    'an ID token of somebody else',
    (world) => world.faults.push({ kind: 'alter', alter: (body) => ({ ...body, id_token: 'x' }) }),
    /ID token/,
  ],
  [
    'a second factor',
    (world) => world.faults.push(answer(403, '{"error":"mfa_required","mfa_token":"s3cret"}')),
    /^the tenant asks for a second factor$/,
  ],
  [
    'a code that nobody knows',
    (world) => world.faults.push(answer(400, '{"error":"odd_thing"}')),
    /^the tenant answered "odd_thing"$/,
  ],
  [
    'what is no code',
    (world) => world.faults.push(answer(400, `{"error":"${ada}"}`)),
    /^the tenant answered "other"$/,
  ],
];

/** Ada has been signed in for two hours, and the mishap is met by the next call. */
async function met(meet: (world: World, tab: Tab) => unknown, options: Partial<Auth0ClientOptions> = {}) {
  const world = createWorld();
  const tab = world.openTab({ ...only, ...options });
  await tab.login();
  await world.advance(twoHours);
  await meet(world, tab);
  const call = tab.client.getTokenSilently().then(
    () => 'done',
    () => 'failed',
  );
  await world.advance(20_000);
  return { world, tab, outcome: await call };
}

describe('the diagnosis', () => {
  it.each(mishaps)('names the cause in one line: %s', async (_, meet, cause) => {
    const { world, tab, outcome } = await met(meet);
    expect(outcome).toBe('failed');
    const sent = world.requests.length;
    const told = await tab.client.diagnose();
    expect(told.cause).toMatch(cause);
    expect(told.cause).not.toContain('\n');
    expect(world.requests).toHaveLength(sent);
  });

  it('names it also where checkSession() says nothing, and in a worker', async () => {
    const world = createWorld();
    const tab = world.openTab({ ...only, cacheLocation: 'memory' });
    await tab.login();
    await world.advance(twoHours);
    world.faults.push(refusal);
    await tab.client.checkSession();
    expect((await tab.client.diagnose()).cause).toMatch(/^the refresh token was refused/);
  });

  it('says what had failed before nothing was sent any more', async () => {
    const unreachable = answer(503, '<h1>');
    const { world, tab } = await met((it) => it.faults.push(unreachable, unreachable));
    world.faults.push(unreachable);
    for (let times = 0; times < 3; times++) {
      world.faults.push(unreachable);
      const call = tab.client.getTokenSilently().catch(() => {});
      await world.advance(15_000);
      await call;
    }
    world.faults.push({ ...unreachable, retryAfter: '600' });
    await world.advance(600_000);
    const call = tab.client.getTokenSilently().catch(() => {});
    await world.advance(15_000);
    await call;
    await tab.client.getTokenSilently().catch(() => {});
    expect((await tab.client.diagnose()).cause).toMatch(
      /asked for a pause; before that, the server could not be reached/,
    );
  });

  it('is empty where nothing has failed, and counts no call that the app gave up', async () => {
    const world = createWorld();
    const tab = world.openTab();
    await tab.login();
    await tab.client.getTokenSilently({ signal: AbortSignal.abort() }).catch(() => {});
    await tab.client.getTokenSilently({ cacheMode: 'nonsense' as 'on' }).catch(() => {});
    const { cause, state, facts } = await tab.client.diagnose();
    expect(cause).toBeUndefined();
    expect(state).toEqual({ state: 'active', expires_at: expect.any(Number) });
    expect(facts).toMatchObject([{ what: 'login', outcome: 'done' }, { what: 'call' }, { what: 'call' }]);
  });

  it('tells what went on, when, for how long, and of which generation', async () => {
    const { world, tab } = await met((it) => it.faults.push({ kind: 'slow', by: 3000 }));
    const began = world.now() - 20_000;
    expect((await tab.client.diagnose()).facts).toEqual([
      { at: began - twoHours, what: 'login', outcome: 'done', duration: 0 },
      { at: began + 3000, what: 'refresh', outcome: 'answer', duration: 3000, generation: 1 },
    ]);
  });

  it('keeps a hundred facts at the most', async () => {
    const world = createWorld();
    const tab = world.openTab(only);
    for (let times = 0; times < 130; times++) await tab.client.getTokenSilently().catch(() => {});
    const { facts } = await tab.client.diagnose();
    expect(facts).toHaveLength(100);
  });
});

describe('nothing that is told', () => {
  const steps: readonly ((world: World, tab: Tab) => Promise<unknown> | void)[] = [
    (_, tab) => tab.client.getTokenSilently({ cacheMode: 'off' }),
    (_, tab) => tab.client.getTokenSilently({ authorizationParams: { audience: orders } }),
    (_, tab) => tab.client.logout(),
    (_, tab) => tab.login(ada),
    (_, tab) => tab.login(grace),
    (_, tab) => tab.client.revokeRefreshToken(),
    (_, tab) => tab.client.handleRedirectCallback('http://localhost:3000/?code=c0de&state=st4te'),
    (_, tab) =>
      tab.client.handleRedirectCallback(`http://localhost:3000/?error=${ada}&error_description=Ada&state=x`),
    (world) => void world.faults.push({ kind: 'drop-after' }),
    (world) => void world.faults.push(refusal),
    (world) =>
      void world.faults.push(answer(400, JSON.stringify({ error: `no ${ada}`, error_description: 'Ada' }))),
    (world) => void world.faults.push(answer(403, '{"error":"mfa_required","mfa_token":"m-f-a"}')),
    (world) =>
      void world.faults.push({
        kind: 'alter',
        alter: (body) => ({ ...body, id_token: `${String(body['id_token'])}x` }),
      }),
    (world) => world.advance(twoHours),
    (world) => void (world.online = !world.online),
  ];

  it.each(Array.from({ length: 25 }, (_, seed) => [seed + 1]))(
    'holds a secret, or whose it is: history %i',
    async (seed) => {
      const random = seededBy(seed);
      const world = createWorld({ seed });
      const spans: Span[] = [];
      const events: unknown[] = [];
      const onTrace = (span: Span) => void spans.push(span);
      const tab = world.openTab({ onTrace, cacheLocation: seed % 2 ? 'memory' : 'localstorage' });
      tab.client.on('session_ended', (event) => void events.push(event));
      tab.client.on('token_refreshed', (event) => void events.push(event));
      await tab.login();
      const secrets = new Set(['Ada', 'Grace', ada, grace, 'c0de', 'st4te', 'm-f-a']);
      for (let step = 0; step < 14; step++) {
        const done = Promise.resolve(steps[random(steps.length)]?.(world, tab)).catch(() => {});
        await world.advance(40_000);
        await done;
        const { __raw = 'none yet', sub = 'none yet' } = (await tab.client.getIdTokenClaims()) ?? {};
        const token = await tab.client.getTokenSilently({ cacheMode: 'cache-only' }).catch(() => {});
        for (const secret of [__raw, sub, token ?? 'none yet']) secrets.add(secret);
      }
      const told = JSON.stringify([
        await tab.client.diagnose(),
        await tab.client.getSessionState(),
        spans,
        events,
      ]);
      for (const secret of [...world.secrets, ...secrets]) expect(told).not.toContain(secret);
      expect(spans.length).toBeGreaterThan(0);
    },
  );
});

describe('onTrace', () => {
  it('is told how long an exchange, a wait for a lock and an iframe took', async () => {
    const world = createWorld();
    const spans: Span[] = [];
    const [tab, other] = [1, 2].map(() => world.openTab({ onTrace: (span) => void spans.push(span) })) as [
      Tab,
      Tab,
    ];
    await tab.login();
    await world.advance(twoHours);
    spans.length = 0;
    world.faults.push({ kind: 'slow', by: 3000 });
    const startedAt = world.now();
    const calls = [tab, other].map(({ client }) => client.getTokenSilently());
    await world.advance(5000);
    await Promise.all(calls);
    const lock = { name: 'lock', startedAt, outcome: 'done' };
    expect(spans).toContainEqual({ ...lock, duration: 0 });
    expect(spans).toContainEqual({ ...lock, duration: 3000 });
    const exchange = { name: 'exchange', startedAt, duration: 3000, outcome: 'answer' };
    expect(spans.filter(({ name }) => name === 'exchange')).toEqual([exchange, exchange]);
    spans.length = 0;
    await tab.client.getTokenSilently({ authorizationParams: { audience: orders } });
    expect(spans).toMatchObject(
      [
        { name: 'exchange', outcome: 'done' },
        { name: 'iframe', outcome: 'done' },
      ].reverse(),
    );
  });

  it('that throws harms nothing, and one that is no function is refused', async () => {
    const world = createWorld();
    const tab = world.openTab({
      onTrace: () => {
        throw new Error('s3cret');
      },
    });
    await tab.login();
    await expect(tab.client.getTokenSilently({ cacheMode: 'off' })).resolves.toEqual(expect.any(String));
    expect(new Set(world.warnings)).toEqual(new Set(['latchkey: onTrace failed.']));
    expect(() => world.openTab({ onTrace: 1 as never })).toThrow(InvalidConfigurationError);
  });
});
