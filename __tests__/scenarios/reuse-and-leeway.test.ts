import { describe, expect, it } from '@jest/globals';
import type { SilentFrame } from '../../src/environment.ts';
import { AuthenticationError, TimeoutError } from '../../src/errors.ts';
import { ada, createWorld, type World } from '../support/world.ts';

const twoHours = 2 * 3600 * 1000;

/** Signed in, refreshed once, and the spent token presented again by somebody else. */
async function afterReplay(world: World, options = {}) {
  const tab = world.openTab(options);
  await tab.login();
  await world.advance(twoHours);
  await tab.client.getTokenSilently();
  const [family] = world.tenant.families();
  const answer = await world.tenant.replay(family!.familyId);
  await world.advance(twoHours);
  return { tab, answer };
}

describe('a spent token presented again, leeway 0', () => {
  it('ends the session at the next refresh, in words, when the fallback is off', async () => {
    const world = createWorld();
    const { tab, answer } = await afterReplay(world, { useRefreshTokensFallback: false });
    expect(answer.status).toBe(403);
    expect(world.journal()).toContain('ferrt');

    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({
      name: 'SessionEndedError',
      error: 'invalid_grant',
      reason: 'refused',
      requiresLogin: true,
      retryable: false,
      message: expect.stringMatching(/session has ended.*Log in again/) as unknown,
    });
    await expect(tab.client.isAuthenticated()).resolves.toBe(false);
    await expect(tab.client.getUser()).resolves.toBeUndefined();
  });

  it('sends the dead token once, not at every call', async () => {
    const world = createWorld();
    const { tab } = await afterReplay(world, { useRefreshTokensFallback: false });
    const before = world.refreshes().length;
    for (let call = 0; call < 3; call++) await tab.client.getTokenSilently().catch(() => {});
    expect(world.refreshes()).toHaveLength(before + 1);
  });

  it('is carried on by the iframe when the fallback is on and the tenant still knows the user', async () => {
    const world = createWorld();
    const { tab } = await afterReplay(world);
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
    expect(world.frames).toHaveLength(1);
    expect(world.frames[0]!.searchParams.get('prompt')).toBe('none');
    const verdicts = world.tenant.families().map(({ verdict }) => verdict);
    expect(verdicts).toEqual(['revoked', 'live']);

    // The new family is an ordinary one: the next renewal needs no iframe.
    await world.advance(twoHours);
    await tab.client.getTokenSilently();
    expect(world.frames).toHaveLength(1);
  });

  it.each<[string, SilentFrame['authorize']]>([
    ['timeout', () => Promise.reject(new TimeoutError('frame_silent'))],
    [
      'temporarily_unavailable',
      (_, { state }) => Promise.resolve({ state, error: 'temporarily_unavailable' }),
    ],
    ['server_error', (_, { state }) => Promise.resolve({ state, error: 'server_error' })],
  ])('keeps the local session while the iframe gets no answer, but %s', async (error, authorize) => {
    const world = createWorld();
    const { tab } = await afterReplay(world);
    const silent = world.openTab({}, { silentFrame: { authorize } });
    await expect(silent.client.getTokenSilently()).rejects.toMatchObject({
      error,
      retryable: true,
      requiresLogin: false,
    });
    await expect(silent.client.isAuthenticated()).resolves.toBe(true);
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
  });

  it('does not end a session that has begun in another tab while the iframe was asked', async () => {
    const world = createWorld();
    const { tab } = await afterReplay(world);
    const slow = world.openTab(
      {},
      {
        silentFrame: {
          async authorize() {
            await tab.login();
            throw new AuthenticationError('login_required', 'Login required', 's');
          },
        },
      },
    );
    await expect(slow.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    await expect(slow.client.isAuthenticated()).resolves.toBe(true);
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
  });

  it('is known to the other tabs: they ask nobody', async () => {
    const world = createWorld();
    const { tab } = await afterReplay(world, { useRefreshTokensFallback: false });
    const other = world.openTab({ useRefreshTokensFallback: false });
    await tab.client.getTokenSilently().catch(() => {});
    const sent = world.requests.length;
    await expect(other.client.getTokenSilently()).rejects.toMatchObject({ error: 'invalid_grant' });
    expect(world.requests).toHaveLength(sent);
    await expect(other.client.isAuthenticated()).resolves.toBe(false);
  });

  it('is told with its cause to a tab that another one outran', async () => {
    const world = createWorld();
    const noFallback = { useRefreshTokensFallback: false };
    const { tab } = await afterReplay(world, noFallback);
    const { locks } = tab.env;
    const ahead = () => tab.client.getTokenSilently().catch(() => {}); // it hears of the end, and clears the session
    const other = world.openTab(noFallback, {
      locks: { ...locks, run: (name, limit, task) => ahead().then(() => locks.run(name, limit, task)) },
    });
    await expect(other.client.getTokenSilently()).rejects.toMatchObject({
      name: 'SessionEndedError',
      reason: 'refused',
    });
  });

  it('is no logout: once the tenant knows the user again, the iframe restores the session', async () => {
    const world = createWorld();
    const { tab } = await afterReplay(world);
    await world.advance(8 * 86_400_000); // the tenant has forgotten the user
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({ requiresLogin: true });
    await world.openTab({ cacheLocation: 'memory' }).login();
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
  });

  it('does not stand in the way of a new login', async () => {
    const world = createWorld();
    const { tab } = await afterReplay(world, { useRefreshTokensFallback: false });
    await tab.client.getTokenSilently().catch(() => {});
    await tab.login();
    await world.advance(twoHours);
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
  });
});

describe('a spent token presented again within the leeway', () => {
  it('costs nothing: no reuse is seen, and the SDK refreshes on', async () => {
    const world = createWorld({ leeway: 3 });
    const tab = world.openTab({ useRefreshTokensFallback: false });
    await tab.login();
    await world.advance(twoHours);
    await tab.client.getTokenSilently();
    const [family] = world.tenant.families();
    const answer = await world.tenant.replay(family!.familyId);
    expect(answer.status).toBe(200);
    expect(world.journal()).not.toContain('ferrt');

    // Both children may be exchanged while the parent’s window is open.
    await expect(tab.client.getTokenSilently({ cacheMode: 'off' })).resolves.toEqual(expect.any(String));
    expect(world.journal()).not.toContain('ferrt');
  });
});

describe('P6: a refresh token that is dead', () => {
  const options = { useRefreshTokensFallback: false };

  it.each<[string, (world: World) => void | Promise<void>]>([
    ['was revoked', (world) => world.tenant.updateUser(ada, { blocked: true })],
    ['has expired', (world) => world.advance(40 * 24 * 3600 * 1000)],
    [
      'was spent by somebody else',
      async (world) => {
        await world.openTab(options).client.getTokenSilently({ cacheMode: 'off' });
        await world.tenant.replay(world.tenant.families()[0]!.familyId);
      },
    ],
    [
      'is no refresh token at all',
      async (world) => {
        const spoil = (record: unknown) =>
          JSON.parse(
            JSON.stringify(record).replace(/"refresh_token":"[^"]+"/, '"refresh_token":"x"'),
          ) as unknown;
        await world.records.update(world.recordNames()[0]!, (record) => [spoil(record), undefined]);
      },
    ],
    [
      'stands in a record whose count of ends is a text',
      async (world) => {
        world.tenant.updateUser(ada, { blocked: true });
        await world.records.update(world.recordNames()[0]!, (record) => [
          { ...(record as object), ends: 'x' },
          undefined,
        ]);
      },
    ],
    [
      'stands in a record that cannot be read',
      async (world) => {
        const spoil = () => ({ version: 1, families: { 'audience https://api.example': { state: 'live' } } });
        await world.records.update(world.recordNames()[0]!, () => [spoil(), undefined]);
      },
    ],
  ])('and %s is told once, and a login needs nothing to be cleared', async (_, befall) => {
    const world = createWorld();
    await world.openTab(options).login();
    await befall(world);
    await world.advance(2 * 3600 * 1000);
    const tab = world.openTab(options);
    await expect(tab.client.checkSession()).resolves.toBeUndefined();
    const first = await tab.client.getTokenSilently().catch((error: unknown) => error);
    expect(first).toMatchObject({ requiresLogin: true });
    const sent = world.refreshes().length;
    const second = await tab.client.getTokenSilently().catch((error: unknown) => error);
    expect(second).toMatchObject({ error: 'missing_refresh_token', requiresLogin: true });
    expect(world.refreshes()).toHaveLength(sent);
    world.tenant.updateUser(ada, { blocked: false });
    await tab.login();
    await expect(tab.client.getTokenSilently({ cacheMode: 'off' })).resolves.toEqual(expect.any(String));
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
  });

  it('is told with its cause by the first call after a start that found it', async () => {
    const world = createWorld();
    await world.openTab(options).login();
    await world.advance(40 * 24 * 3600 * 1000);
    const tab = world.openTab(options);
    await tab.client.checkSession();
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({
      error: 'invalid_grant',
      reason: 'refused',
    });
    await expect(tab.client.isAuthenticated()).resolves.toBe(false);
  });

  it('is told once in a page to the call that it reaches, though another one restores the session meanwhile', async () => {
    const world = createWorld();
    await world.openTab(options).login();
    await world.advance(40 * 24 * 3600 * 1000);
    const { client } = world.openTab(options);
    const told = expect(client.getTokenSilently()).rejects.toMatchObject({ error: 'invalid_grant' });
    await client.checkSession();
    await told;
    await expect(client.getTokenSilently()).rejects.toMatchObject({ error: 'missing_refresh_token' });
  });

  it('is told to the next call where the one that came upon it had been given up', async () => {
    const world = createWorld();
    await world.openTab(options).login();
    await world.advance(40 * 24 * 3600 * 1000);
    const { client } = world.openTab(options);
    const giveUp = new AbortController();
    const given = expect(client.getTokenSilently({ signal: giveUp.signal })).rejects.toMatchObject({
      error: 'aborted',
    });
    giveUp.abort();
    await given;
    await world.advance(1000);
    expect(world.refreshes()).toHaveLength(1);
    await expect(client.getTokenSilently()).rejects.toMatchObject({ error: 'invalid_grant' });
  });
});
