import { describe, expect, it } from '@jest/globals';
import { audience, createWorld, type Tab, type World } from '../support/world.ts';

const twoHours = 2 * 3600 * 1000;

async function signedIn(world: World): Promise<Tab> {
  const tab = world.openTab();
  await tab.login();
  return tab;
}

const callTenTimes = (tab: Tab) => Array.from({ length: 10 }, () => tab.client.getTokenSilently());

describe('two tabs with ten callers each, leeway 0', () => {
  it.each([
    { locks: 'exclusive', exclusiveLocks: true },
    { locks: 'only probable', exclusiveLocks: false },
  ])('spend one token when locks are $locks', async ({ exclusiveLocks }) => {
    const world = createWorld({ exclusiveLocks });
    const first = await signedIn(world);
    const second = world.openTab();
    await world.advance(twoHours);

    const tokens = await Promise.all([...callTenTimes(first), ...callTenTimes(second)]);

    expect(new Set(tokens).size).toBe(1);
    expect(tokens[0]).toEqual(expect.any(String));
    expect(world.refreshes()).toHaveLength(1);
    expect(world.journal()).not.toContain('ferrt');
  });

  it('R61: spend one token a round, round after round', async () => {
    const world = createWorld();
    const first = await signedIn(world);
    const second = world.openTab();
    for (let round = 1; round <= 5; round++) {
      await world.advance(twoHours);
      await Promise.all([...callTenTimes(second), ...callTenTimes(first)]);
      expect(world.refreshes()).toHaveLength(round);
    }
    expect(world.tenant.families().map(({ latestCounter, verdict }) => [latestCounter, verdict])).toEqual([
      [6, 'live'],
    ]);
  });

  it('spend one token even where nothing but the record is shared', async () => {
    const world = createWorld();
    const first = await signedIn(world);
    const second = world.openTab();
    await world.advance(twoHours);
    const name = world.localStorage.names().find((key) => key.includes('tokens'))!;
    const stale = world.localStorage.get(name)!;

    const token = await first.client.getTokenSilently();
    world.localStorage.set(name, stale); // what a tab may still read right after a lock changed hands
    const late = second.client.getTokenSilently();

    // The second tab looked before the first one was done, as far as its generation tells.
    await expect(late).resolves.toEqual(expect.any(String));
    expect(token).toEqual(expect.any(String));
    expect(world.journal()).not.toContain('ferrt');
  });
});

describe('a tab that comes second', () => {
  it('takes the first tab’s answer instead of sending, when it looked before and waited', async () => {
    const world = createWorld();
    const first = await signedIn(world);
    const second = world.openTab();
    await world.advance(twoHours);
    world.faults.push({ kind: 'slow', by: 4000 });

    const calls = [first.client.getTokenSilently(), second.client.getTokenSilently()];
    await world.advance(5000);
    const [one, two] = await Promise.all(calls);

    expect(two).toBe(one);
    expect(world.refreshes()).toHaveLength(1);
  });

  it('never sends the token that was spent, when it asks for more than the first one’s answer holds', async () => {
    const world = createWorld();
    const first = await signedIn(world);
    const second = world.openTab();
    await world.advance(twoHours);

    await Promise.all([
      first.client.getTokenSilently({ cacheMode: 'off' }),
      second.client.getTokenSilently({ cacheMode: 'off', authorizationParams: { scope: 'read:things' } }),
    ]);

    const sent = world.refreshes().map(({ form }) => form.get('refresh_token'));
    expect(new Set(sent).size).toBe(sent.length);
    expect(world.journal()).not.toContain('ferrt');
  });
});

describe('a page that dies in mid-refresh', () => {
  it('leaves its claim to the next tab, which tries the token again: with leeway nobody notices', async () => {
    const world = createWorld({ leeway: 30 });
    const first = await signedIn(world);
    const second = world.openTab();
    await world.advance(twoHours);
    world.faults.push({ kind: 'slow', by: 5000 });
    void first.client.getTokenSilently().catch(() => {});
    await world.advance(1000);
    first.kill();

    await expect(second.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    await expect(second.client.isAuthenticated()).resolves.toBe(true);
    expect(world.journal()).not.toContain('ferrt');
  });

  it('costs the session at leeway 0, and the cause is named: the answer was lost', async () => {
    const world = createWorld();
    const first = world.openTab();
    await first.login();
    const second = world.openTab({ useRefreshTokensFallback: false });
    await world.advance(twoHours);
    world.faults.push({ kind: 'slow', by: 5000 });
    void first.client.getTokenSilently().catch(() => {});
    await world.advance(1000);
    first.kill();

    await expect(second.client.getTokenSilently()).rejects.toMatchObject({
      error: 'invalid_grant',
      reason: 'outcome_unknown',
      requiresLogin: true,
    });
    await expect(second.client.isAuthenticated()).resolves.toBe(false);
  });

  it('keeps the others waiting no longer than the claim may live, where locks prove nothing', async () => {
    const world = createWorld({ leeway: 120, exclusiveLocks: false });
    const first = await signedIn(world);
    const second = world.openTab();
    await world.advance(twoHours);
    world.faults.push({ kind: 'hang' });
    void first.client.getTokenSilently().catch(() => {});
    await world.advance(1000);
    first.kill();

    const early = second.client.getTokenSilently();
    const failure = expect(early).rejects.toMatchObject({ error: 'timeout', retryable: true });
    await world.advance(10_000);
    await failure;
    expect(world.refreshes()).toHaveLength(1); // the claim is young: its owner may be alive
    await world.advance(25_000);
    await expect(second.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    expect(world.refreshes()).toHaveLength(2);
  });
});

describe('an access token for one API', () => {
  it('is never served for another', async () => {
    const world = createWorld();
    const tab = await signedIn(world);
    await expect(
      tab.client.getTokenSilently({
        cacheMode: 'cache-only',
        authorizationParams: { audience: 'https://other' },
      }),
    ).resolves.toBeUndefined();
    await expect(
      tab.client.getTokenSilently({ cacheMode: 'cache-only', authorizationParams: { audience } }),
    ).resolves.toEqual(expect.any(String));
  });
});

describe('P13: a machine that slept', () => {
  it('renews once when it is asked: no timer is trusted, and none has fired', async () => {
    const world = createWorld();
    const tab = await signedIn(world);
    world.sleep(9 * 3600 * 1000);
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    expect(world.refreshes()).toHaveLength(1);
  });

  it('ten tabs that wake together send one request', async () => {
    const world = createWorld();
    await signedIn(world);
    const tabs = Array.from({ length: 10 }, () => world.openTab());
    for (const { client } of tabs) await client.isAuthenticated();
    world.sleep(9 * 3600 * 1000);
    const tokens = await Promise.all(tabs.map(({ client }) => client.getTokenSilently()));
    expect(new Set(tokens).size).toBe(1);
    expect(world.refreshes()).toHaveLength(1);
  });

  it('in the middle of a refresh keeps the answer that came meanwhile', async () => {
    const world = createWorld();
    const tab = await signedIn(world);
    await world.advance(twoHours);
    world.faults.push({ kind: 'slow', by: 2000 });
    const call = tab.client.getTokenSilently().catch((error: unknown) => error);
    await world.advance(1000);
    tab.freeze();
    await world.advance(60_000);
    tab.wake();
    // Its limit passed as well, but asleep: the answer has come, and only had to be read.
    await expect(call).resolves.toEqual(expect.any(String));
    await expect(tab.client.getTokenSilently()).resolves.toBe(await call);
    expect(world.refreshes()).toHaveLength(1);
  });
});
