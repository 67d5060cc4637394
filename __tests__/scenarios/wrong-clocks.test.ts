import { describe, expect, it } from '@jest/globals';
import { decodeJwt } from '../../src/oauth/jwt.ts';
import { createWorld, type Tab, type World } from '../support/world.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const noFallback = { useRefreshTokensFallback: false };
const inWorker = { cacheLocation: 'memory' } as const;

const tokenOf = async ({ client }: Tab) => {
  const { access_token = '', expires_in } = (await client.getTokenSilently({ detailedResponse: true })) ?? {};
  return { access_token, expires_in };
};

/** How long the tenant says that the token is good for. */
const leftOf = (world: World, token: string): number =>
  1000 * Number(decodeJwt(token).claims.exp) - world.steady();

/** Asks once a minute; each token that comes has to be good by the tenant's clock. */
async function useFor(span: number, world: World, tab: Tab): Promise<void> {
  for (let passed = 0; passed < span; passed += minute) {
    const { access_token } = await tokenOf(tab);
    expect(leftOf(world, access_token)).toBeGreaterThan(0);
    await world.advance(minute);
  }
}

describe('P22: a clock that is wrong all the time', () => {
  it.each([
    [-30 * day, '2592000 s behind'],
    [-day, '86400 s behind'],
    [-5 * minute, '300 s behind'],
    [-30_000, undefined],
    [0, undefined],
    [30_000, undefined],
    [5 * minute, '299 s ahead'],
    [12 * hour, '43199 s ahead'],
    [day, '86399 s ahead'],
  ])('by %d ms keeps nobody out, and costs no exchange; what is said of it: %s', async (by, told) => {
    for (const options of [{}, inWorker]) {
      const world = createWorld();
      world.jump(by);
      const tab = world.openTab({ ...noFallback, ...options });
      // The tenant's clock says how long ago the user signed in.
      await tab.login(undefined, { max_age: 60 });
      await world.rest();
      await useFor(2 * hour - minute, world, tab);
      expect(world.refreshes()).toHaveLength(2);
      const warnings = told === undefined ? [] : [expect.stringContaining(`clock is ${told}`)];
      expect(world.warnings).toEqual(warnings);
    }
  });

  it('is told after a refresh, too, and once', async () => {
    const world = createWorld();
    world.jump(-2 * hour);
    await world.openTab(noFallback).login();
    world.jump(2 * hour + 10 * minute);
    world.warnings.length = 0;
    const tab = world.openTab(noFallback);
    const refresh = async () => {
      await world.advance(1000); // an ID token of the same second could be the one before
      await tab.client.getTokenSilently({ cacheMode: 'off' });
    };
    for (let times = 0; times < 3; times++) await refresh();
    expect(world.warnings).toEqual([expect.stringContaining('clock is 599 s ahead')]);
    world.jump(-10 * minute);
    await refresh();
    expect(world.warnings).toHaveLength(1);
    world.jump(-10 * minute);
    await refresh();
    expect(world.warnings).toEqual([expect.anything(), expect.stringContaining('clock is 600 s behind')]);
  });

  it('by more than a day ahead is refused, and said', async () => {
    const world = createWorld();
    world.jump(day + 2 * minute);
    const tab = world.openTab(noFallback);
    await expect(tab.login()).rejects.toMatchObject({
      error: 'invalid_id_token',
      reason: 'time',
      message: expect.stringContaining("86520 s ago by this machine's clock") as unknown,
    });
  });

  it('by an hour lets nobody in who signed in longer ago than max_age allows', async () => {
    const world = createWorld();
    world.jump(-hour);
    const tab = world.openTab(noFallback);
    world.faults.push({
      kind: 'alter',
      alter: (body) => {
        const [header, , signature] = String(body['id_token']).split('.');
        const { claims } = decodeJwt(String(body['id_token']));
        const older = { ...claims, auth_time: Number(claims['auth_time']) - 30 * 60 };
        return {
          ...body,
          id_token: `${header}.${Buffer.from(JSON.stringify(older)).toString('base64url')}.${signature}`,
        };
      },
    });
    await expect(tab.login(undefined, { max_age: 60 })).rejects.toMatchObject({ reason: 'max_age' });
  });

  it('is none that an ID token of before may tell of', async () => {
    const world = createWorld();
    const tab = world.openTab(noFallback);
    await tab.login();
    const { __raw: old } = (await tab.client.getIdTokenClaims()) ?? {};
    await world.advance(11 * hour); // its own lifetime is over
    world.faults.push({ kind: 'alter', alter: (body) => ({ ...body, id_token: old }) });
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({ reason: 'time', retryable: true });
    expect(world.warnings).toEqual([]);
  });
});

describe('P22: a clock that is put right', () => {
  it.each([
    ['localstorage', {}],
    ['memory', { cacheLocation: 'memory', worker: false }],
    ['a worker', inWorker],
    ['memory, without refresh tokens', { cacheLocation: 'memory', useRefreshTokens: false }],
  ] as const)('has no token served after its end (%s)', async (_, options) => {
    const world = createWorld();
    world.jump(5 * hour);
    const tab = world.openTab(options);
    await tab.login();
    const { access_token } = await tokenOf(tab);
    await world.advance(10 * minute);
    world.jump(-5 * hour);
    await expect(tokenOf(tab)).resolves.toEqual({ access_token, expires_in: 50 * 60 });
    const { length } = world.requests;
    await useFor(3 * hour, world, tab);
    expect(world.requests.length - length).toBe(3);
  });

  it('has none served after its end in a page that comes later, either', async () => {
    const world = createWorld();
    world.jump(5 * hour);
    const tab = world.openTab(noFallback);
    await tab.login();
    const { access_token } = await tokenOf(tab);
    world.jump(-5 * hour);
    const later = tab.reload();
    await tokenOf(later); // by its first call a page asks for the engine, which knows of tokens' lives
    await world.rest();
    await expect(tokenOf(later)).resolves.toEqual({ access_token, expires_in: 3600 });
    await useFor(3 * hour, world, later);
    expect(world.refreshes()).toHaveLength(3);
  });

  it('costs one exchange where it was behind', async () => {
    const world = createWorld();
    world.jump(-5 * hour);
    const tab = world.openTab(noFallback);
    await tab.login();
    world.jump(5 * hour);
    await useFor(50 * minute, world, tab);
    expect(world.refreshes()).toHaveLength(1);
  });

  it('goes on with a token that it was wrong about in between', async () => {
    const world = createWorld();
    const tab = world.openTab(noFallback);
    await tab.login();
    world.jump(5 * hour);
    await tab.client.getTokenSilently({ cacheMode: 'cache-only' });
    world.jump(-5 * hour);
    await expect(tokenOf(tab)).resolves.toMatchObject({ expires_in: 3600 });
    expect(world.refreshes()).toHaveLength(0);
  });
});
