import { describe, expect, it } from '@jest/globals';
import { createWorld, type World } from '../support/world.ts';

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
    { status: 503, body: '<html>maintenance</html>', code: 'network_error' },
    { status: 500, body: '{"error":"server_error"}', code: 'network_error' },
    {
      status: 429,
      body: '{"error":"too_many_requests","error_description":"Too many requests."}',
      code: 'too_many_requests',
    },
    { status: 429, body: '<html>slow down</html>', code: 'request_error' },
    { status: 404, body: '<html>not here</html>', code: 'request_error' },
    {
      status: 401,
      body: '{"error":"access_denied","error_description":"Unauthorized"}',
      code: 'access_denied',
    },
  ])('answers $status $body: nothing is lost', async ({ status, body, code }) => {
    const world = createWorld();
    const tab = await expired(world);
    world.faults.push({ kind: 'answer', status, body });
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({ error: code });
    expect(world.refreshes()).toHaveLength(1);
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    expect(world.journal()).not.toContain('ferrt');
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
