import { describe, expect, it } from '@jest/globals';
import type { ICache } from '../../src/core/cache.ts';
import type { ClientEvents } from '../../src/core/events.ts';
import type { Auth0ClientOptions } from '../../src/core/options.ts';
import { InvalidConfigurationError } from '../../src/errors.ts';
import {
  ada,
  audience,
  createTextStorage,
  createWorld,
  grace,
  orders,
  type Tab,
  type World,
} from '../support/world.ts';

const twoHours = 2 * 3600 * 1000;
const names = [
  'signed_in',
  'signed_out',
  'session_ended',
  'token_refreshed',
  'user_changed',
  'storage_degraded',
  'reload',
] as const satisfies readonly (keyof ClientEvents)[];

type Told = { readonly name: keyof ClientEvents } & Record<string, unknown>;

/** All that a tab is told, in order, from now on. */
async function toldTo(world: World, tab: Tab): Promise<Told[]> {
  const told: Told[] = [];
  for (const name of names) tab.client.on(name, (event) => void told.push({ name, ...event }));
  await world.rest();
  return told;
}

/** Ada is signed in in one tab; others have been opened since. */
async function manyTabs(count: number, options: Partial<Auth0ClientOptions> = {}) {
  const world = createWorld();
  const tab = world.openTab(options);
  await tab.login(ada);
  const others = Array.from({ length: count - 1 }, () => world.openTab(options));
  const heard = await Promise.all(others.map((other) => toldTo(world, other)));
  return { world, tab, others, heard };
}

/** A storage that refuses to write when it is told to. */
function refusingStorage() {
  const port = createTextStorage();
  const it = {
    refuses: false,
    port: {
      ...port,
      set(name: string, text: string) {
        if (it.refuses) throw new Error('full');
        port.set(name, text);
      },
    },
  };
  return it;
}

const refusal = { kind: 'answer', status: 403, body: '{"error":"invalid_grant"}' } as const;
const inMemory = { cacheLocation: 'memory', useRefreshTokensFallback: false } as const;

describe('a logout', () => {
  it('is told to seven other tabs at once, by which nothing is sent', async () => {
    const { world, tab, heard } = await manyTabs(8);
    const own = await toldTo(world, tab);
    await tab.client.logout();
    const sent = world.requests.filter(({ by }) => by !== tab);
    await world.rest();
    expect(own).toEqual([{ name: 'signed_out', from: 'this' }]);
    for (const told of heard) expect(told).toEqual([{ name: 'signed_out', from: 'other' }]);
    expect(sent).toEqual([]);
    expect(world.requests.filter(({ by }) => by !== tab)).toEqual([]);
  });

  it('is told to a frozen tab when it wakes, before it returns a token', async () => {
    const { world, tab, others, heard } = await manyTabs(2);
    others[0]?.freeze();
    await tab.client.logout();
    await world.rest();
    expect(heard).toEqual([[]]);
    const call = others[0]?.client.getTokenSilently().catch(({ error }: { error: string }) => error);
    others[0]?.wake();
    await world.advance(2000);
    await expect(call).resolves.toBe('missing_refresh_token');
    expect(heard).toEqual([[{ name: 'signed_out', from: 'other' }]]);
  });

  it('that no message tells of is noticed by the next call', async () => {
    const { world, tab, others, heard } = await manyTabs(2);
    world.silent = true;
    await tab.client.logout();
    await world.rest();
    expect(heard).toEqual([[]]);
    await expect(others[0]?.client.isAuthenticated()).resolves.toBe(false);
    await world.rest();
    expect(heard).toEqual([[{ name: 'signed_out', from: 'other' }]]);
  });

  it('is told again only after another login', async () => {
    const { world, tab, heard } = await manyTabs(2);
    await tab.client.logout();
    await tab.client.logout();
    await world.rest();
    await tab.login();
    await world.rest();
    expect(heard).toEqual([
      [
        { name: 'signed_out', from: 'other' },
        { name: 'signed_in', from: 'other' },
      ],
    ]);
  });

  it('is seen when the storage shows it, however late that is', async () => {
    const world = createWorld({ storageLag: 400 });
    const tab = world.openTab();
    await tab.login();
    await world.advance(1000);
    const told = await toldTo(world, world.openTab());
    await tab.client.logout();
    await world.advance(2000);
    expect(told).toEqual([{ name: 'signed_out', from: 'other' }]);
  });
});

describe('a logout in memory mode', () => {
  async function twoSessions(options: Partial<Auth0ClientOptions> = {}) {
    const world = createWorld();
    const [tab, other] = [
      world.openTab({ ...inMemory, ...options }),
      world.openTab({ ...inMemory, ...options }),
    ];
    await tab.login();
    await other.login();
    return { world, tab, other };
  }

  it('ends the session of every other page, and its refresh token', async () => {
    const { world, tab, other } = await twoSessions();
    const told = await toldTo(world, other);
    await tab.client.logout();
    await world.rest();
    expect(told).toEqual([{ name: 'signed_out', from: 'other' }]);
    await expect(other.client.isAuthenticated()).resolves.toBe(false);
    expect(world.tenant.families().map(({ endedBecause }) => endedBecause)).toEqual(['revoked', 'revoked']);
  });

  it('keeps a page that heard of nothing from returning a token', async () => {
    const { world, tab, other } = await twoSessions();
    world.silent = true;
    other.freeze();
    await tab.client.logout();
    other.wake();
    const calls = [1, 2].map(() =>
      other.client.getTokenSilently().catch(({ error }: { error: string }) => error),
    );
    await world.advance(2000);
    await expect(Promise.all(calls)).resolves.toEqual(['missing_refresh_token', 'missing_refresh_token']);
  });

  it('leaves a page that signs in afterwards, and the cookie that tells of it', async () => {
    const { world, tab, other } = await twoSessions();
    world.silent = true;
    await tab.client.logout();
    await tab.login();
    const before = [...world.cookies];
    await expect(other.client.isAuthenticated()).resolves.toBe(false);
    expect([...world.cookies]).toEqual(before);
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    await other.login();
    await expect(other.client.getTokenSilently()).resolves.toEqual(expect.any(String));
  });

  it('is not taken from a storage that was cleared', async () => {
    const { world, tab, other } = await twoSessions();
    await tab.client.logout();
    await other.login();
    for (const name of world.localStorage.names()) world.localStorage.remove(name);
    await expect(other.client.getTokenSilently()).resolves.toEqual(expect.any(String));
  });
});

describe('other events', () => {
  it('tell every tab of a login, and of whose it was', async () => {
    const world = createWorld();
    const [tab, other] = [world.openTab(), world.openTab()];
    const [own, told] = [await toldTo(world, tab), await toldTo(world, other)];
    await tab.login(ada);
    await world.rest();
    expect(own).toEqual([{ name: 'signed_in', from: 'this' }]);
    await tab.login(grace);
    await world.rest();
    expect(told).toEqual([
      { name: 'signed_in', from: 'other' },
      { name: 'user_changed', from: 'other' },
    ]);
  });

  it('tell nobody of a session that was there before', async () => {
    const { world, others, heard } = await manyTabs(2);
    await others[0]?.client.checkSession();
    await world.rest();
    expect(heard).toEqual([[]]);
  });

  it.each([
    ['by nobody', 'signed_in', []],
    ['by somebody else', 'user_changed', [grace]],
    ['by a user who had logged out', 'signed_in', [grace, undefined]],
  ] as const)(
    'tell of a login once, however long its writes take, in a tab used %s',
    async (_, name, before) => {
      const world = createWorld();
      const entries = new Map<string, unknown>();
      let beforeTokens = async () => {};
      const cache: ICache = {
        get: async <T>(key: string) => entries.get(key) as T | undefined,
        async set(key, entry) {
          if (key.includes('/tokens')) await beforeTokens();
          entries.set(key, entry);
        },
        remove: async (key) => void entries.delete(key),
      };
      const openTab = () => world.openTab({ cache, cacheLocation: undefined });
      const [tab, other] = [openTab(), openTab()];
      for (const user of before) await (user ? tab.login(user) : tab.client.logout({ openUrl: false }));
      const tabs = [tab, other];
      const heard = await Promise.all(tabs.map((it) => toldTo(world, it)));
      let late: Told[] = [];
      beforeTokens = async () => {
        world.forge('latchkey');
        await world.rest();
        late = await toldTo(world, openTab()); // whose app begins to listen in the middle
      };
      await tab.login(ada);
      await world.advance(2000);
      expect(heard.map((told) => told.map((it) => it.name))).toEqual([[name], [name]]);
      expect(late).toEqual([]);
      beforeTokens = async () => {};
      await tab.client.getTokenSilently({ authorizationParams: { audience: orders } });
      await world.advance(2000);
      const refreshed = [name, 'token_refreshed'];
      expect(heard.map((told) => told.map((it) => it.name))).toEqual([refreshed, refreshed]);
      expect(late).toMatchObject([{ name: 'token_refreshed', audience: orders }]);
    },
  );

  it('tell of another access token, in the tab that got it and in the others', async () => {
    const { world, tab, heard } = await manyTabs(3);
    const own = await toldTo(world, tab);
    await tab.client.getTokenSilently({ cacheMode: 'off' });
    await world.rest();
    const { expires_in } = await tab.client
      .getTokenSilently({ detailedResponse: true })
      .then((it) => it ?? { expires_in: 0 });
    const refreshed = { name: 'token_refreshed', audience, expires_at: world.now() / 1000 + expires_in };
    expect(own).toEqual([{ ...refreshed, from: 'this' }]);
    for (const told of heard) expect(told).toEqual([{ ...refreshed, from: 'other' }]);
  });

  it.each([
    ['a refused refresh token', 'refused'],
    ['one that is refused after an answer was lost', 'outcome_unknown'],
  ])('tell why a session has ended, once in every tab: %s', async (_, cause) => {
    const { world, tab, others, heard } = await manyTabs(3, { useRefreshTokensFallback: false });
    const own = await toldTo(world, tab);
    await world.advance(twoHours);
    if (cause === 'outcome_unknown') world.faults.push({ kind: 'drop-after' });
    world.faults.push(refusal);
    const calls = [tab, ...others].map(({ client }) => client.getTokenSilently().catch(() => {}));
    await world.advance(20_000);
    await Promise.all(calls);
    for (const told of [own, ...heard]) expect(told).toMatchObject([{ name: 'session_ended', cause }]);
    expect([own, ...heard].filter(([it]) => it?.['from'] === 'this')).toHaveLength(1);
  });

  it('tell of a tenant that knows nobody any more', async () => {
    const world = createWorld();
    const tab = world.openTab({ useRefreshTokens: false });
    await tab.login();
    const told = await toldTo(world, tab);
    world.tenant.reset();
    await world.advance(twoHours);
    await tab.client.getTokenSilently().catch(() => {});
    await world.rest();
    expect(told).toEqual([{ name: 'session_ended', from: 'this', cause: 'login_required' }]);
  });

  it('tell of a record that a later version has written', async () => {
    const { world, tab } = await manyTabs(1);
    const told = await toldTo(world, tab);
    await world.advance(twoHours);
    const [name = ''] = world.recordNames();
    await world.records.update(name, (record) => [{ ...(record as object), version: 2 }, undefined]);
    await tab.client.getTokenSilently().catch(() => {});
    expect(told).toEqual([{ name: 'reload', from: 'other' }]);
  });

  it('tell of a cache that refuses a write, while the session goes on', async () => {
    const world = createWorld();
    const storage = refusingStorage();
    const tab = world.openTab({}, { localStorage: storage.port });
    await tab.login();
    const told = await toldTo(world, tab);
    storage.refuses = true;
    await tab.client.getTokenSilently({ cacheMode: 'off' });
    await world.rest();
    expect(told).toContainEqual({ name: 'storage_degraded', from: 'this', reason: 'cache' });
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
  });

  it('hold no token', async () => {
    const { world, tab, heard } = await manyTabs(2);
    const own = await toldTo(world, tab);
    const token = await tab.client.getTokenSilently({ cacheMode: 'off' });
    const { __raw } = (await tab.client.getIdTokenClaims()) ?? {};
    await tab.client.logout();
    await world.rest();
    const said = JSON.stringify([own, heard]);
    for (const secret of [...world.secrets, token, __raw, 'Ada', ada]) expect(said).not.toContain(secret);
    expect(own).toHaveLength(2);
  });
});

describe('a message', () => {
  it('that anybody has forged signs nobody in or out, and is answered by no request', async () => {
    const { world, tab, others, heard } = await manyTabs(2);
    const nobody = world.openTab({ clientId: 'another' });
    const told = await toldTo(world, nobody);
    const sent = world.requests.length;
    world.forge('latchkey');
    await world.advance(5000);
    expect([told, ...heard]).toEqual([[], []]);
    await expect(nobody.client.isAuthenticated()).resolves.toBe(false);
    for (const { client } of [tab, ...others]) await expect(client.isAuthenticated()).resolves.toBe(true);
    expect(world.requests).toHaveLength(sent);
  });
});

describe('a listener', () => {
  it('that throws, or rejects, stops no other one, and what it says is not repeated', async () => {
    const world = createWorld();
    const tab = world.openTab();
    let heard = 0;
    tab.client.on('signed_in', () => {
      throw new Error('s3cret');
    });
    tab.client.on('signed_in', () => Promise.reject(new Error('s3cret')));
    tab.client.on('signed_in', () => void (heard += 1));
    await tab.login();
    await world.rest();
    expect(heard).toBe(1);
    expect(world.warnings).toEqual(Array(2).fill('latchkey: a listener of "signed_in" failed.'));
  });

  it('hears nothing once it is stopped', async () => {
    const world = createWorld();
    const tab = world.openTab();
    const told: string[] = [];
    const stop = tab.client.on('signed_in', () => void told.push('stopped'));
    tab.client.on('signed_in', () => void told.push('other'));
    stop();
    stop();
    await tab.login();
    await world.rest();
    expect(told).toEqual(['other']);
  });

  it('hears nothing once another one has stopped it, or has disposed of the client', async () => {
    const world = createWorld();
    const tab = world.openTab();
    const told: string[] = [];
    tab.client.on('signed_in', () => stop());
    const stop = tab.client.on('signed_in', () => void told.push('stopped'));
    tab.client.on('signed_in', () => void told.push('other'));
    tab.client.on('signed_in', () => tab.client.dispose());
    tab.client.on('signed_in', () => void told.push('disposed of'));
    await tab.login().catch(() => {}); // disposed of
    await world.rest();
    expect(told).toEqual(['other']);
  });

  it('hears nothing once its client is disposed of, by no second look either', async () => {
    const { world, tab, others, heard } = await manyTabs(2);
    await tab.client.logout();
    await world.rest();
    others[0]?.client.dispose();
    await tab.login();
    await world.advance(2000);
    expect(heard).toEqual([[{ name: 'signed_out', from: 'other' }]]);
  });

  it('gives its channel back when the client is disposed of', async () => {
    const world = createWorld();
    const tab = world.openTab();
    const stop = tab.client.on('signed_in', () => {});
    await world.rest();
    expect(world.channels()).toBe(1);
    stop();
    expect(world.channels()).toBe(0);
    tab.client.on('signed_in', () => {});
    await world.rest();
    expect(world.channels()).toBe(1);
    tab.client.dispose();
    expect(world.channels()).toBe(0);
  });

  it.each([
    ['of an event that there is not', 'logged_out', () => {}],
    ['of an inherited name', 'toString', () => {}],
    ['that is no function', 'signed_in', undefined],
  ])('%s is refused', (_, name, listener) => {
    const { client } = createWorld().openTab();
    expect(() => client.on(name as 'signed_in', listener as () => void)).toThrow(InvalidConfigurationError);
  });

  it('that comes first hears what happens while its code is on its way', async () => {
    const world = createWorld();
    const tab = world.openTab();
    const told: object[] = [];
    tab.client.on('signed_in', (event) => void told.push(event));
    await tab.login();
    await world.rest();
    expect(told).toEqual([{ from: 'this' }]);
  });
});
