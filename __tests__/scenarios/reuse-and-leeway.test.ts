import { describe, expect, it } from '@jest/globals';
import { AuthenticationError, TimeoutError } from '../../src/errors.ts';
import { createWorld, type World } from '../support/world.ts';

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

  it('keeps the local session while the iframe gets no answer: nobody has said that it is over', async () => {
    const world = createWorld();
    const { tab } = await afterReplay(world);
    const silent = world.openTab(
      {},
      { silentFrame: { authorize: () => Promise.reject(new TimeoutError('frame_silent')) } },
    );
    await expect(silent.client.getTokenSilently()).rejects.toMatchObject({
      error: 'timeout',
      retryable: true,
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
