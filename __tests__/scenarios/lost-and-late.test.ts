import { describe, expect, it } from '@jest/globals';
import { app, createWorld, orders, type Fault, type World } from '../support/world.ts';

const twoHours = 2 * 3600 * 1000;

async function expired(world: World, options = {}) {
  const tab = world.openTab({ useRefreshTokensFallback: false, ...options });
  await tab.login();
  await world.advance(twoHours);
  return tab;
}

describe('an answer that is lost after the server rotated', () => {
  it('is asked for once more, at once: with leeway the call succeeds', async () => {
    const world = createWorld({ leeway: 30 });
    const tab = await expired(world);
    world.faults.push({ kind: 'drop-after' });
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    expect(world.refreshes()).toHaveLength(2);
    expect(world.journal()).not.toContain('ferrt');
  });

  it('is asked for once more though an earlier call has failed', async () => {
    const world = createWorld({ leeway: 30 });
    const tab = await expired(world);
    world.faults.push({ kind: 'drop-before' }, { kind: 'drop-before' });
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({ reason: 'outcome_unknown' });
    world.faults.push({ kind: 'drop-after' });
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
  });

  it('ends the session at leeway 0 with the cause by its name, after exactly one retry', async () => {
    const world = createWorld();
    const tab = await expired(world);
    world.faults.push({ kind: 'drop-after' });
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({
      error: 'invalid_grant',
      reason: 'outcome_unknown',
    });
    expect(world.refreshes()).toHaveLength(2);
    expect(world.journal().filter((code) => code === 'ferrt')).toHaveLength(1);
  });

  it('cut off in the middle counts as lost', async () => {
    const world = createWorld({ leeway: 30 });
    const tab = await expired(world);
    world.faults.push({ kind: 'answer', status: 200, body: '{"access_token":"eyJ' });
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    expect(world.refreshes()).toHaveLength(2);
  });
});

describe('a server that cannot be reached', () => {
  it('keeps the session: the call fails as retryable, and a later one succeeds', async () => {
    const world = createWorld();
    const tab = await expired(world);
    world.faults.push({ kind: 'drop-before' }, { kind: 'drop-before' });
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({
      error: 'network_error',
      reason: 'outcome_unknown',
      retryable: true,
      requiresLogin: false,
      error_description: expect.stringContaining(
        `does the tenant list ${app} in the application's web origins`,
      ),
    });
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    expect(world.journal()).not.toContain('ferrt');
  });

  it('is not asked while the browser is offline', async () => {
    const world = createWorld();
    const tab = await expired(world);
    world.online = false;
    const sent = world.requests.length;
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({ reason: 'offline', retryable: true });
    expect(world.requests).toHaveLength(sent);
    world.online = true;
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
  });

  it.each([
    ['settles them all', false, 2],
    ['sends nothing after its client was disposed of', true, 0],
  ])('for two audiences in one page: the network that comes back %s', async (_, disposes, more) => {
    const world = createWorld({ leeway: 30 });
    const tab = world.openTab();
    const forOrders = { authorizationParams: { audience: orders } };
    await tab.login();
    await tab.client.getTokenSilently(forOrders);
    await world.advance(twoHours);
    world.faults.push(...Array.from({ length: 4 }, (): Fault => ({ kind: 'drop-before' })));
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({
      reason: 'outcome_unknown',
      cause: new TypeError('Failed to fetch'),
    });
    await expect(tab.client.getTokenSilently(forOrders)).rejects.toMatchObject({ reason: 'outcome_unknown' });
    const sent = world.requests.length;
    world.online = false;
    if (disposes) tab.client.dispose();
    world.online = true;
    await world.rest();
    expect(world.requests).toHaveLength(sent + more);
  });

  it.each([
    ['', { useRefreshTokensFallback: false }],
    [', in an iframe either', { useRefreshTokens: false }],
  ])('is not asked while the page is being left%s', async (_, options) => {
    const world = createWorld();
    const { env } = await expired(world);
    let leaving = true;
    const page = { ...env.page, leaving: () => leaving };
    const { client } = world.openTab(options, { page });
    const sent = world.requests.length;
    await expect(client.getTokenSilently()).rejects.toMatchObject({ reason: 'leaving', retryable: true });
    expect(world.requests).toHaveLength(sent);
    expect(world.frames).toEqual([]);
    leaving = false; // shown again, out of the browser's back/forward cache
    await expect(client.getTokenSilently()).resolves.toEqual(expect.any(String));
  });

  it('is not asked while the page is being left, even if that page has asked for nothing before', async () => {
    const world = createWorld();
    const { env } = await expired(world);
    let [watched, leaving] = [false, false];
    const page = {
      ...env.page,
      leaving() {
        watched = true;
        return leaving;
      },
    };
    const { client } = world.openTab({ useRefreshTokensFallback: false }, { page });
    await client.isAuthenticated();
    leaving = watched; // what nobody watches, nobody hears of
    await expect(client.getTokenSilently()).rejects.toMatchObject({ reason: 'leaving' });
    expect(world.refreshes()).toHaveLength(0);
  });

  it('is not asked by a page that is being left while it claims, and its claim keeps nobody waiting', async () => {
    const world = createWorld();
    const { env } = await expired(world);
    let leaving = false;
    const { client } = world.openTab(
      { useRefreshTokensFallback: false },
      {
        page: { ...env.page, leaving: () => leaving },
        records: {
          close() {},
          update: (name, step) =>
            world.records.update(name, (record) => {
              const [next, told] = step(record);
              leaving ||= next !== record;
              return [next, told];
            }),
        },
      },
    );
    await expect(client.getTokenSilently()).rejects.toMatchObject({ reason: 'leaving', retryable: true });
    expect(world.refreshes()).toHaveLength(0);
    const next = world.openTab(
      { useRefreshTokensFallback: false },
      { locks: { ...env.locks, exclusive: false } },
    );
    await expect(next.client.getTokenSilently()).resolves.toEqual(expect.any(String));
  });

  it('is not asked again by a page that is being left meanwhile', async () => {
    const world = createWorld({ leeway: 30 });
    const { env } = await expired(world);
    let leaving = false;
    const page = { ...env.page, leaving: () => leaving };
    const { client } = world.openTab({ useRefreshTokensFallback: false }, { page });
    world.faults.push({ kind: 'drop-after', meanwhile: () => void (leaving = true) });
    await expect(client.getTokenSilently()).rejects.toMatchObject({ reason: 'outcome_unknown' });
    expect(world.refreshes()).toHaveLength(1);
    leaving = false;
    await expect(client.getTokenSilently()).resolves.toEqual(expect.any(String));
  });

  const answer = (status: number, body: string): Fault => ({ kind: 'answer', status, body });
  const shapes: readonly (readonly [shape: string, fault: Fault, code: string, sent: number])[] = [
    ['no connection', { kind: 'drop-before' }, 'network_error', 2],
    ['no answer within the limit', { kind: 'hang' }, 'network_error', 2],
    ['408', answer(408, ''), 'request_error', 1],
    ['429 in JSON', answer(429, '{"error":"too_many_requests"}'), 'too_many_requests', 1],
    ['429 in HTML', answer(429, '<html>slow down</html>'), 'request_error', 1],
    ['404 in HTML', answer(404, '<html>not here</html>'), 'request_error', 1],
    ['500 in JSON', answer(500, '{"error":"server_error"}'), 'network_error', 2],
    ['502 in HTML', answer(502, '<html>bad gateway</html>'), 'network_error', 2],
    ['503 in JSON', answer(503, '{"error":"temporarily_unavailable"}'), 'network_error', 2],
    ['a captive portal', answer(200, '<html>Accept our terms</html>'), 'network_error', 2],
    ['JSON cut off', answer(200, '{"access_token":"eyJ'), 'network_error', 2],
    ['JSON without a token', answer(200, '{"ok":true}'), 'network_error', 2],
  ];

  /** Everything in custody, as text. */
  const record = (world: World) =>
    world.records.update(world.recordNames()[0]!, (found) => [found, JSON.stringify(found)]);
  const refreshTokenIn = async (world: World) => /"refresh_token":"([^"]+)"/.exec(await record(world))?.[1];

  it.each(shapes)('P7: %s, token expired: nothing is lost', async (_, fault, code, sent) => {
    const world = createWorld();
    const tab = await expired(world);
    const held = await refreshTokenIn(world);
    world.faults.push(fault, fault);
    const patient = { timeoutInSeconds: 90 };
    const call = tab.client.getTokenSilently(patient).catch((error: unknown) => error);
    await world.advance(200_000);
    await expect(call).resolves.toMatchObject({ error: code, retryable: true, requiresLogin: false });
    expect(world.refreshes()).toHaveLength(sent);
    expect(await refreshTokenIn(world)).toBe(held);
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
    world.faults.length = 0;
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    expect(world.journal()).not.toContain('ferrt');
  });

  it.each(shapes)('P7: %s, token valid for some seconds more: it is served', async (_, fault) => {
    const world = createWorld();
    const tab = world.openTab({ useRefreshTokensFallback: false, httpTimeoutInSeconds: 5 });
    await tab.login();
    const token = await tab.client.getTokenSilently();
    await world.advance(3600_000 - 50_000);
    world.faults.push(fault, fault);
    const call = tab.client.getTokenSilently();
    await world.advance(10_000);
    await expect(call).resolves.toBe(token);
  });

  const no = answer(401, '{"error":"access_denied","error_description":"Unauthorized"}');

  it('that says no is believed, and nothing is lost', async () => {
    const world = createWorld();
    const tab = await expired(world);
    world.faults.push(no);
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({
      error: 'access_denied',
      error_description: 'Unauthorized',
      retryable: false,
    });
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
  });

  it('that says no is believed in the last seconds of the old token, too', async () => {
    const world = createWorld();
    const tab = world.openTab({ useRefreshTokensFallback: false });
    await tab.login();
    await world.advance(3600_000 - 50_000);
    world.faults.push(no);
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({ error: 'access_denied' });
  });

  it('that was too busy before refuses by that name: no answer was lost', async () => {
    const world = createWorld();
    const tab = await expired(world);
    world.faults.push(answer(429, '{"error":"too_many_requests"}'));
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({ error: 'too_many_requests' });
    world.faults.push(answer(403, '{"error":"invalid_grant"}'));
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({ reason: 'refused' });
  });

  it('P7: offline from the start: the user is known at once', async () => {
    const world = createWorld();
    await expired(world);
    world.online = false;
    const tab = world.openTab({ useRefreshTokensFallback: false });
    await tab.client.checkSession();
    await expect(tab.client.getUser()).resolves.toMatchObject({ name: 'Ada' });
    expect(world.refreshes()).toEqual([]);
  });
});

describe('an answer that is slow', () => {
  it('lets the caller go after the limit, and is kept for the next one', async () => {
    const world = createWorld();
    const tab = await expired(world);
    world.faults.push({ kind: 'slow', by: 12_000 });
    const call = tab.client.getTokenSilently();
    const failure = expect(call).rejects.toMatchObject({
      error: 'timeout',
      message: 'Timeout',
      retryable: true,
    });
    await world.advance(10_000);
    await failure;

    const next = tab.client.getTokenSilently();
    await world.advance(2000);
    await expect(next).resolves.toEqual(expect.any(String));
    expect(world.refreshes()).toHaveLength(1);
  });

  it('keeps no caller longer than that caller wants to wait', async () => {
    const world = createWorld();
    const tab = await expired(world);
    world.faults.push({ kind: 'slow', by: 6000 });
    const patient = tab.client.getTokenSilently();
    const hasty = expect(tab.client.getTokenSilently({ timeoutInSeconds: 1 })).rejects.toMatchObject({
      error: 'timeout',
    });
    await world.advance(1000);
    await hasty;
    await world.advance(5000);
    await expect(patient).resolves.toEqual(expect.any(String));
    expect(world.refreshes()).toHaveLength(1);
  });

  it('and arrives while nobody waits is served to the next caller without a request', async () => {
    const world = createWorld();
    const tab = await expired(world);
    world.faults.push({ kind: 'slow', by: 12_000 });
    const failure = expect(tab.client.getTokenSilently()).rejects.toMatchObject({ error: 'timeout' });
    await world.advance(15_000);
    await failure;
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    expect(world.refreshes()).toHaveLength(1);
  });

  it('and never comes is given up before the token is sent again', async () => {
    const world = createWorld();
    const tab = await expired(world);
    world.faults.push({ kind: 'hang' });
    const failure = expect(tab.client.getTokenSilently()).rejects.toMatchObject({ error: 'timeout' });
    await world.advance(29_000);
    await failure;
    expect(world.refreshes()).toHaveLength(1);
    await world.advance(2000);
    expect(world.refreshes()).toHaveLength(2);
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    expect(world.refreshes()).toHaveLength(2);
  });
});

describe('expiry by the clock', () => {
  it('serves a token until its last minute, then renews it', async () => {
    const world = createWorld();
    const tab = world.openTab();
    await tab.login();
    const first = await tab.client.getTokenSilently();
    await world.advance(3539_000);
    await expect(tab.client.getTokenSilently()).resolves.toBe(first);
    expect(world.refreshes()).toHaveLength(0);
    await world.advance(1000);
    await expect(tab.client.getTokenSilently()).resolves.not.toBe(first);
    expect(world.refreshes()).toHaveLength(1);
  });

  it('tells what remains of a cached token’s life', async () => {
    const world = createWorld();
    const tab = world.openTab();
    await tab.login();
    await world.advance(600_000);
    const detail = await tab.client.getTokenSilently({ detailedResponse: true });
    expect(detail).toMatchObject({
      expires_in: 3000,
      token_type: 'Bearer',
      scope: expect.stringContaining('read:things') as unknown,
    });
  });

  it('ends the session when the refresh token’s own life is over: day 29 renews, day 31 does not', async () => {
    const world = createWorld();
    const tab = world.openTab({ useRefreshTokensFallback: false });
    await tab.login();
    await world.advance(29 * 86_400_000);
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    await world.advance(2 * 86_400_000);
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({
      error: 'invalid_grant',
      reason: 'refused',
    });
  });
});
