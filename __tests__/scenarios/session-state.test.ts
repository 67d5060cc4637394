import { describe, expect, it } from '@jest/globals';
import type { Auth0ClientOptions } from '../../src/core/options.ts';
import { createWorld, type Tab, type World } from '../support/world.ts';

const hour = 3600 * 1000;
const refusal = { kind: 'answer', status: 403, body: '{"error":"invalid_grant"}' } as const;
const only = { useRefreshTokensFallback: false };
const frames = { useRefreshTokens: false };
const memory = { cacheLocation: 'memory' } as const;
const tokens = (world: World) => world.localStorage.names().filter((it) => it.includes('/tokens/'));

interface Row {
  readonly what: string;
  readonly options?: Partial<Auth0ClientOptions>;
  /** What has happened since the login. */
  readonly since?: (world: World, tab: Tab) => unknown;
  /** The page is loaded anew. */
  readonly reloaded?: true;
  readonly state: object;
}

const rows: readonly Row[] = [
  { what: 'an access token that is good', state: { state: 'active', expires_at: expect.any(Number) } },
  {
    what: 'the same, offline',
    since: (world) => (world.online = false),
    state: { state: 'active', expires_at: expect.any(Number) },
  },
  {
    what: 'the last seconds of an access token',
    since: (world) => world.advance(hour - 5000),
    state: { state: 'active', expires_at: expect.any(Number) },
  },
  { what: 'a refresh token', since: (world) => world.advance(2 * hour), state: { state: 'refreshable' } },
  {
    what: 'a refresh token, and every cookie gone',
    since: (world) => world.advance(2 * hour).then(() => world.cookies.clear()),
    reloaded: true,
    state: { state: 'refreshable' },
  },
  {
    what: 'a refresh token whose last answer was lost',
    options: only,
    since: async (world, { client }) => {
      await world.advance(2 * hour);
      world.faults.push({ kind: 'drop-before' }, { kind: 'drop-before' });
      await client.getTokenSilently().catch(() => {});
    },
    state: { state: 'refreshable' },
  },
  {
    what: 'a refresh token, offline',
    since: (world) => world.advance(2 * hour).then(() => (world.online = false)),
    state: { state: 'unknown', cause: 'offline' },
  },
  {
    what: 'no access token but a refresh token',
    since: (world) => tokens(world).forEach((it) => world.localStorage.remove(it)),
    state: { state: 'refreshable' },
  },
  {
    what: 'a refused refresh token',
    options: only,
    since: async (world, { client }) => {
      await world.advance(2 * hour);
      world.faults.push(refusal);
      await client.getTokenSilently().catch(() => {});
    },
    state: { state: 'expired', cause: 'refused' },
  },
  {
    what: 'one that was refused after an answer was lost',
    options: only,
    since: async (world, { client }) => {
      await world.advance(2 * hour);
      world.faults.push({ kind: 'drop-after' }, refusal);
      await client.getTokenSilently().catch(() => {});
    },
    reloaded: true,
    state: { state: 'expired', cause: 'outcome_unknown' },
  },
  {
    what: 'a refresh token that the app has revoked',
    options: only,
    since: async (world, { client }) => {
      await world.advance(2 * hour);
      await client.revokeRefreshToken();
    },
    state: { state: 'expired', cause: 'no_refresh_token' },
  },
  {
    what: 'no refresh tokens, and an expired access token',
    options: frames,
    since: (world) => world.advance(2 * hour),
    state: { state: 'unknown', cause: 'silent_login' },
  },
  {
    what: 'memory mode after a reload, with the cookie',
    options: memory,
    reloaded: true,
    state: { state: 'unknown', cause: 'silent_login' },
  },
  {
    what: 'memory mode after a reload, without it',
    options: memory,
    since: (world) => world.cookies.clear(),
    reloaded: true,
    state: { state: 'anonymous' },
  },
  { what: 'a logout', since: (_, { client }) => client.logout(), state: { state: 'anonymous' } },
  {
    what: 'a logout in another page, in memory mode',
    options: memory,
    since: async (world) => {
      world.silent = true;
      const other = world.openTab(memory);
      await other.login();
      await other.client.logout();
    },
    state: { state: 'anonymous' },
  },
  {
    what: 'a storage that was cleared, where no iframe may ask the tenant',
    options: only,
    since: (world) => world.localStorage.names().forEach((it) => world.localStorage.remove(it)),
    state: { state: 'anonymous' },
  },
  {
    what: 'a storage that was cleared',
    since: (world) => world.localStorage.names().forEach((it) => world.localStorage.remove(it)),
    state: { state: 'unknown', cause: 'silent_login' },
  },
];

describe('the state of a session', () => {
  it.each(rows.map((row) => [row.what, row] as const))(
    'is told without a request: %s',
    async (_, { options, since, reloaded, state }) => {
      const world = createWorld();
      const tab = world.openTab(options);
      await tab.login();
      await since?.(world, tab);
      const { client } = reloaded ? tab.reload() : tab;
      const before = [world.requests.length, world.frames.length, [...world.cookies]];
      const stored = world.localStorage.names().map((it) => [it, world.localStorage.get(it)]);
      await expect(client.getSessionState()).resolves.toEqual(state);
      await world.rest();
      expect([world.requests.length, world.frames.length, [...world.cookies]]).toEqual(before);
      expect(world.localStorage.names().map((it) => [it, world.localStorage.get(it)])).toEqual(stored);
    },
  );

  it('is anonymous where nobody has ever signed in', async () => {
    await expect(createWorld().openTab().client.getSessionState()).resolves.toEqual({ state: 'anonymous' });
  });

  it('is over when its ID token says so', async () => {
    const world = createWorld();
    const tab = world.openTab();
    await tab.login();
    const [name = ''] = world.localStorage.names().filter((it) => it.endsWith('/user'));
    const entry = JSON.parse(world.localStorage.get(name) ?? '') as object;
    world.localStorage.set(name, JSON.stringify({ ...entry, session_expiry: world.now() / 1000 }));
    const sent = world.requests.length;
    await expect(tab.client.getSessionState()).resolves.toEqual({
      state: 'expired',
      cause: 'session_expiry',
    });
    expect(world.requests).toHaveLength(sent);
  });

  it('is unknown where the storage cannot be read', async () => {
    const world = createWorld();
    const tab = world.openTab();
    await tab.login();
    const records = { update: () => Promise.reject(new Error('broken')), close() {} };
    const { client } = world.openTab({}, { records });
    await world.advance(2 * hour);
    await expect(client.getSessionState()).resolves.toEqual({ state: 'unknown', cause: 'storage' });
  });
});
