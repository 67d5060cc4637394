import { describe, expect, it } from '@jest/globals';
import type { Environment, Timers } from '../../src/environment.ts';
import type { AuthorizationParams } from '../../src/core/options.ts';
import {
  ada,
  audience,
  createWorld,
  grace,
  orders,
  tenantUrl,
  type Tab,
  type World,
} from '../support/world.ts';

const twoHours = 2 * 3600 * 1000;
const options = { useRefreshTokensFallback: false };
const forOrders = { authorizationParams: { audience: orders } };
const scope = 'openid profile email read:things offline_access';

interface PeerTokens {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly id_token: string;
}

/** A login of auth0-spa-js: what the tenant answered. */
async function peerLogin(world: World, email = ada, params: AuthorizationParams = {}): Promise<PeerTokens> {
  let answer: unknown;
  const keep = (body: Record<string, unknown>) => (answer = body);
  world.faults.push({ kind: 'alter', alter: keep });
  await world.openTab({ cacheLocation: 'memory' }).login(email, params);
  return answer as PeerTokens;
}

/** A refresh of auth0-spa-js. */
async function peerRefresh(world: World, { refresh_token }: PeerTokens): Promise<PeerTokens> {
  const body = new URLSearchParams({ grant_type: 'refresh_token', client_id: 'spa', refresh_token });
  const request = new Request(`${tenantUrl}/oauth/token`, { method: 'POST', body });
  return (await (await world.tenant.fetch(request)).json()) as PeerTokens;
}

/** A page over that storage, for which the pauses that the move makes do not count. */
function openTab(world: World, changes: object = {}, ports: Partial<Environment> = {}): Tab {
  const { timers } = world.openTab().env;
  const after: Timers['after'] = (delay, task) => {
    if (delay > 20) return timers.after(delay, task);
    const waiting = setImmediate(task);
    return () => clearImmediate(waiting);
  };
  return world.openTab({ ...options, ...changes }, { timers: { after }, ...ports });
}

const nameOf = (target: string) => `@@auth0spajs@@::spa::${target}::${scope}`;
const entryName = nameOf(audience);

/** As `__tests__/fixtures/auth0-spa-js` shows it. */
function storeV2(
  world: World,
  { access_token, refresh_token, id_token }: PeerTokens,
  wanted = audience,
): void {
  const expiresAt = world.now() / 1000 + 3600;
  const body = {
    access_token,
    refresh_token,
    scope,
    expires_in: 3600,
    token_type: 'Bearer',
    audience: wanted,
    client_id: 'spa',
  };
  world.localStorage.set(nameOf(wanted), JSON.stringify({ body, expiresAt }));
  world.localStorage.set('@@auth0spajs@@::spa::@@user@@', JSON.stringify({ id_token, decodedToken: {} }));
}

function storeV1(world: World, { access_token, refresh_token, id_token }: PeerTokens): void {
  const expiresAt = world.now() / 1000 + 3600;
  const body = {
    client_id: 'spa',
    access_token,
    refresh_token,
    id_token,
    scope,
    expires_in: 3600,
    token_type: 'Bearer',
  };
  const whole = { body: { ...body, audience, decodedToken: {} }, expiresAt };
  world.localStorage.set(entryName, JSON.stringify(whole));
}

/** Alive again: a world in which auth0-spa-js has left a session. */
async function withPeerSession(
  store: typeof storeV1 = storeV2,
): Promise<{ world: World; tokens: PeerTokens }> {
  const world = createWorld();
  const tokens = await peerLogin(world);
  store(world, tokens);
  return { world, tokens };
}

/** An old tab takes the lock of all versions, and is frozen. */
function holdPeerLock(world: World): void {
  const { peerLocks } = world.openTab().env;
  void peerLocks.run('auth0.lock.getTokenSilently', 1000, () => new Promise(() => {}));
}

const stillSignedIn = async (tab: Tab) => {
  await expect(tab.client.isAuthenticated()).resolves.toBe(true);
  await expect(tab.client.getUser()).resolves.toMatchObject({ name: 'Ada' });
};

describe('a session that auth0-spa-js has stored', () => {
  it.each([
    ['v1', storeV1],
    ['v2', storeV2],
  ])('is moved over, without a login: %s', async (_, store) => {
    const { world, tokens } = await withPeerSession(store);
    const tab = openTab(world);
    await stillSignedIn(tab);
    await expect(tab.client.getTokenSilently()).resolves.toBe(tokens.access_token);
    expect(world.refreshes()).toEqual([]);
    const entry = world.localStorage.get(entryName) ?? '';
    expect(entry).not.toContain(tokens.refresh_token);
    expect(entry).toContain(tokens.access_token); // an old tab goes on serving it

    await world.advance(twoHours);
    await expect(tab.client.getTokenSilently()).resolves.not.toBe(tokens.access_token);
    await stillSignedIn(tab.reload());
    expect(world.refreshes()[0]!.form.get('refresh_token')).toBe(tokens.refresh_token);
    expect(world.tenant.families()).toMatchObject([{ verdict: 'live', latestCounter: 2 }]);
  });

  it('is moved over by the next call, whichever that is, where an old tab has held its lock for too long', async () => {
    const { world } = await withPeerSession();
    let release = () => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    const { peerLocks } = world.openTab().env;
    const held = peerLocks.run('auth0.lock.getTokenSilently', 1000, () => released);
    const tab = openTab(world);
    const early = tab.client.isAuthenticated();
    await world.advance(4000);
    await expect(early).resolves.toBe(false);
    release();
    await held;
    const late = tab.client.isAuthenticated();
    await world.advance(1000);
    await expect(late).resolves.toBe(true);
  });

  it.each([
    ['it has no refresh token', { refresh_token: '' }, 0],
    ['its ID token has expired: the session goes on', {}, 11 * 3600 * 1000],
  ])('is moved over where %s', async (_, changes, age) => {
    const world = createWorld();
    storeV2(world, { ...(await peerLogin(world)), ...changes });
    await world.advance(age);
    await stillSignedIn(openTab(world));
  });

  it('is moved over into a record whose list of moved tokens is none', async () => {
    const { world, tokens } = await withPeerSession();
    const spoilt = { version: 1, families: {}, moved: null, logouts: 0 };
    await world.records.update('latchkey/1/localhost%3A4400/spa/custody', () => [spoilt, undefined]);
    const tab = openTab(world);
    await stillSignedIn(tab);
    await expect(tab.client.getTokenSilently()).resolves.toBe(tokens.access_token);
  });

  it('is moved over where v1 has forgotten whose it is: the first refresh tells', async () => {
    const world = createWorld();
    const { refresh_token } = await peerLogin(world);
    const names = [audience, orders].map((name) => `@@auth0spajs@@::spa::${name}::${scope}`);
    const storeExpired = (name: string, token: string) =>
      world.localStorage.set(name, JSON.stringify({ body: { refresh_token: token }, expiresAt: 1 }));
    storeExpired(names[0]!, refresh_token);
    await world.openTab({ cacheLocation: 'memory' }).client.getTokenSilently(forOrders);
    storeExpired(names[1]!, [...world.secrets].filter((secret) => secret.startsWith('v1.')).at(-1)!);
    const tabs = [openTab(world), openTab(world)];
    await Promise.all(tabs.map((tab) => tab.client.checkSession()));
    for (const tab of tabs) await stillSignedIn(tab);
    await expect(tabs[0]!.client.getTokenSilently(forOrders)).resolves.toEqual(expect.any(String));
    await stillSignedIn(tabs[1]!.reload());
    expect(world.refreshes()).toHaveLength(2);
    expect(world.frames).toHaveLength(1); // not one of these tabs’
    expect(world.tenant.families().map(({ verdict }) => verdict)).toEqual(['live', 'live']);
  });

  it.each([
    ['a login', (tab: Tab) => tab.login(grace)],
    ['a logout', (tab: Tab) => tab.client.logout({ openUrl: false })],
  ])('and whose it is nobody knows, is ended by %s', async (_, end) => {
    const world = createWorld();
    const { refresh_token } = await peerLogin(world);
    world.localStorage.set(entryName, JSON.stringify({ body: { refresh_token }, expiresAt: 1 }));
    const tab = openTab(world);
    await tab.client.isAuthenticated(); // moves it
    await end(tab);
    expect(world.tenant.families()[0]).toMatchObject({ verdict: 'revoked' });
    expect(world.localStorage.names().filter((name) => name.startsWith('@@'))).toEqual([]);
  });

  it('and whose it is nobody knows, is not taken for the user’s whose another one turned out to be', async () => {
    const world = createWorld();
    const [adas, graces] = [await peerLogin(world), await peerLogin(world, grace, { audience: orders })];
    for (const [wanted, { refresh_token }] of [[audience, adas] as const, [orders, graces] as const])
      world.localStorage.set(nameOf(wanted), JSON.stringify({ body: { refresh_token }, expiresAt: 1 }));
    const tab = openTab(world);
    await tab.client.checkSession();
    await stillSignedIn(tab);
    await expect(tab.client.getTokenSilently(forOrders)).rejects.toMatchObject({
      error: 'missing_refresh_token',
      cause: { error: 'invalid_id_token' },
    });
    expect(world.tenant.families().map(({ verdict }) => verdict)).toEqual(['live', 'revoked']);
  });

  it('is moved by one of 5 tabs, and spent by one', async () => {
    const { world } = await withPeerSession();
    await world.advance(twoHours);
    const tabs = Array.from({ length: 5 }, () => openTab(world));
    const tokens = await Promise.all(tabs.map((tab) => tab.client.getTokenSilently()));
    expect(new Set(tokens).size).toBe(1);
    expect(world.refreshes()).toHaveLength(1);
    expect(world.journal()).not.toContain('ferrt');
  });

  it('P12: is moved once: what a stale tab writes back is spent, and stays so', async () => {
    const { world, tokens } = await withPeerSession();
    const tab = openTab(world);
    await tab.client.getTokenSilently({ cacheMode: 'off' });
    storeV2(world, tokens);
    await tab.client.getTokenSilently({ cacheMode: 'off' });
    await tab.reload().client.getTokenSilently({ cacheMode: 'off' });
    expect(world.localStorage.get(entryName)).not.toContain(tokens.refresh_token);
    expect(world.refreshes()).toHaveLength(3);
    expect(world.journal()).not.toContain('ferrt');
  });

  it('P12: is moved once, for each of its audiences, however new what a stale tab writes back may seem', async () => {
    const world = createWorld();
    const sessions: (readonly [string, PeerTokens])[] = [];
    for (const wanted of [audience, orders]) {
      const tokens = await peerLogin(world, ada, { audience: wanted });
      sessions.push([wanted, { ...tokens, access_token: 'opaque' }]); // it tells nobody when it was issued
    }
    const tab = openTab(world);
    for (const jump of [0, 600_000]) {
      world.jump(jump);
      for (const [wanted, tokens] of sessions) storeV2(world, tokens, wanted);
      for (const [wanted] of sessions)
        await tab.client.getTokenSilently({ cacheMode: 'off', authorizationParams: { audience: wanted } });
    }
    expect(world.refreshes()).toHaveLength(4);
    expect(world.journal()).not.toContain('ferrt');
  });

  it('P12: is not replaced by an older one that an old tab writes back', async () => {
    const world = createWorld();
    const older = await peerLogin(world);
    await world.advance(60_000);
    const newer = await peerLogin(world);
    storeV2(world, newer);
    const tab = openTab(world);
    await stillSignedIn(tab);
    storeV2(world, older);
    await tab.client.getTokenSilently({ cacheMode: 'off' });
    expect(world.refreshes().map(({ form }) => form.get('refresh_token'))).toEqual([newer.refresh_token]);
  });

  it.each([
    ['that is taken over for another audience', orders],
    ['that is older', audience],
  ])('changes nothing about the session that there is: one %s', async (_, wanted) => {
    const world = createWorld();
    const tokens = await peerLogin(world, ada, { audience: wanted });
    await world.advance(5000);
    const tab = openTab(world);
    await tab.login();
    const claims = await tab.client.getIdTokenClaims();
    storeV2(world, tokens, wanted);
    const next = tab.reload();
    await expect(next.client.getIdTokenClaims()).resolves.toEqual(claims);
    const token = await next.client.getTokenSilently({ authorizationParams: { audience: wanted } });
    expect(token === tokens.access_token).toBe(wanted === orders);
  });

  it('is followed when an old tab was spending its token at that moment, and writes back a newer one', async () => {
    const { world, tokens } = await withPeerSession();
    const tab = openTab(world);
    await stillSignedIn(tab);
    await world.advance(twoHours);
    storeV2(world, await peerRefresh(world, tokens));
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    await expect(tab.client.getTokenSilently({ cacheMode: 'off' })).resolves.toEqual(expect.any(String));
    expect(world.journal()).not.toContain('ferrt');
  });

  it('is followed when a newer token is written back while it is being moved', async () => {
    const { world, tokens } = await withPeerSession();
    await world.advance(5000);
    const newer = await peerRefresh(world, tokens);
    const { set } = world.localStorage;
    let written = false;
    const watched = {
      ...world.localStorage,
      set(name: string, text: string) {
        set(name, text);
        if (name !== entryName || written) return;
        written = true; // the refresh token has just been taken out, and an old tab puts the next one in
        storeV2(world, newer);
      },
    };
    const tab = openTab(world, {}, { localStorage: watched });
    await stillSignedIn(tab);
    await expect(tab.client.getTokenSilently({ cacheMode: 'off' })).resolves.toEqual(expect.any(String));
    expect(world.localStorage.get(entryName)).not.toContain(newer.refresh_token);
    expect(world.refreshes().map((it) => it.form.get('refresh_token'))).toEqual([newer.refresh_token]);
    expect(world.journal()).not.toContain('ferrt');
  });

  it('is followed where the newer token seems to expire earlier, since the clock was put back', async () => {
    const { world, tokens } = await withPeerSession();
    const tab = openTab(world);
    await stillSignedIn(tab);
    await world.advance(5000);
    const newer = await peerRefresh(world, tokens);
    world.jump(-twoHours);
    storeV2(world, newer);
    const next = tab.reload();
    await next.client.getTokenSilently({ cacheMode: 'off' });
    expect(world.refreshes().map((it) => it.form.get('refresh_token'))).toEqual([newer.refresh_token]);
    expect(world.journal()).not.toContain('ferrt');
  });

  it('is followed when the user signs in in an old tab after the tenant has ended latchkey’s', async () => {
    const world = createWorld();
    const tab = openTab(world);
    await tab.login();
    await world.advance(31 * 24 * 3600 * 1000);
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({ error: 'invalid_grant' });
    const tokens = await peerLogin(world);
    storeV2(world, tokens);
    const next = tab.reload();
    await stillSignedIn(next);
    expect(world.localStorage.get(entryName)).not.toContain(tokens.refresh_token);
    await expect(next.client.getTokenSilently()).resolves.toBe(tokens.access_token);
    await world.advance(twoHours);
    await expect(next.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    expect(world.refreshes().at(-1)!.form.get('refresh_token')).toBe(tokens.refresh_token);
  });

  it('is followed for an audience that a former user had', async () => {
    const world = createWorld();
    await openTab(world).login(ada);
    await openTab(world).login(grace, { audience: orders });
    storeV2(world, await peerLogin(world, grace));
    const tab = openTab(world);
    await tab.client.isAuthenticated();
    await world.advance(twoHours);
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    await expect(tab.client.getTokenSilently(forOrders)).resolves.toEqual(expect.any(String));
  });

  it('is followed when the user signs in where nobody knew whose the moved one was', async () => {
    const world = createWorld();
    const { refresh_token } = await peerLogin(world);
    world.localStorage.set(entryName, JSON.stringify({ body: { refresh_token }, expiresAt: 1 }));
    await openTab(world).client.isAuthenticated(); // moves it
    const tokens = await peerLogin(world);
    storeV2(world, tokens);
    const tab = openTab(world);
    await stillSignedIn(tab);
    await world.advance(twoHours);
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    expect(world.refreshes().map(({ form }) => form.get('refresh_token'))).toEqual([tokens.refresh_token]);
  });

  it('does not come back after a logout, whoever writes it back', async () => {
    const { world, tokens } = await withPeerSession();
    const tab = openTab(world);
    await stillSignedIn(tab);
    await tab.client.logout({ openUrl: false });
    expect(world.localStorage.names()).toEqual([]);
    storeV2(world, tokens);
    for (const open of [() => tab, () => tab.reload()]) {
      const { client } = open();
      await expect(client.isAuthenticated()).resolves.toBe(false);
      await expect(client.getTokenSilently()).rejects.toMatchObject({ requiresLogin: true });
    }
  });

  it('does not come back after the storage was cleared, whatever an old tab writes there', async () => {
    const { world } = await withPeerSession();
    const other = await peerLogin(world, ada, { audience: orders });
    const tab = openTab(world);
    await stillSignedIn(tab);
    for (const name of world.localStorage.names()) world.localStorage.remove(name);
    const call = tab.client.getTokenSilently().catch(() => {});
    await world.advance(15_000); // until it is certain, and the family has ended
    await call;
    storeV2(world, other, orders);
    await expect(tab.reload().client.isAuthenticated()).resolves.toBe(false);
    expect(world.localStorage.get(nameOf(orders))).toContain(other.refresh_token);
  });

  /** A page that does something else right after its nth look at custody. */
  function tabThat(world: World, nth: number, meanwhile: () => Promise<unknown>): Tab {
    const { env } = world.openTab();
    let looks = 0;
    const records: Environment['records'] = {
      ...env.records,
      async update(name, change) {
        const result = await env.records.update(name, change);
        if (++looks === nth) await meanwhile();
        return result;
      },
    };
    return openTab(world, {}, { records });
  }

  it('is an old tab’s own once the user has logged out, even while it is being moved', async () => {
    const { world, tokens } = await withPeerSession();
    const tab = tabThat(world, 2, async () => {
      await openTab(world).client.logout({ openUrl: false });
      storeV2(world, tokens);
    });
    await tab.client.isAuthenticated();
    for (const { client } of [tab, tab.reload()]) await expect(client.isAuthenticated()).resolves.toBe(false);
    expect(world.localStorage.get(entryName)).toContain(tokens.refresh_token);
  });

  it('is an old tab’s own once another user has signed in, even while it is being moved', async () => {
    const world = createWorld();
    const other = openTab(world);
    await other.client.isAuthenticated(); // there was nothing to move
    const tokens = await peerLogin(world);
    storeV2(world, tokens);
    const tab = tabThat(world, 2, async () => {
      await other.login(grace, { audience: orders });
      storeV2(world, tokens);
    });
    await expect(tab.client.getUser()).resolves.toMatchObject({ name: 'Grace' });
    expect(world.localStorage.get(entryName)).toContain(tokens.refresh_token);
    expect(world.tenant.families().map(({ verdict }) => verdict)).toEqual(['live', 'live']);
  });

  it.each([
    ['the same audience', audience],
    ['another audience', orders],
  ])('takes the place of another user’s whose storage was cleared: %s', async (_, wanted) => {
    const world = createWorld();
    await openTab(world).login(grace, { audience: wanted });
    for (const name of world.localStorage.names()) world.localStorage.remove(name);
    storeV2(world, await peerLogin(world));
    const tab = openTab(world);
    const waiting = tab.client.getUser();
    await world.advance(2000);
    await expect(waiting).resolves.toMatchObject({ name: 'Ada' });
    await world.advance(twoHours);
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    await expect(tab.client.getTokenSilently(forOrders)).rejects.toMatchObject({ requiresLogin: true });
    await stillSignedIn(tab.reload());
    expect(world.tenant.families().map(({ verdict }) => verdict)).toEqual(['revoked', 'live']);
  });

  it('takes the place of another user’s whose storage was cleared, even with no refresh token', async () => {
    const world = createWorld();
    await openTab(world).login(grace);
    for (const name of world.localStorage.names()) world.localStorage.remove(name);
    storeV2(world, { ...(await peerLogin(world)), refresh_token: '' });
    const waiting = openTab(world).client.getUser();
    await world.advance(2000);
    await expect(waiting).resolves.toMatchObject({ name: 'Ada' });
  });

  it('is left alone where another user is just signing in', async () => {
    const world = createWorld();
    const tab = openTab(world);
    await tab.login(grace);
    const session = world.localStorage.names().map((name) => [name, world.localStorage.get(name)!] as const);
    for (const [name] of session) world.localStorage.remove(name); // as between the first write of a login and the last
    storeV2(world, await peerLogin(world));
    const waiting = openTab(world).client.getUser();
    await world.advance(500);
    for (const [name, text] of session) world.localStorage.set(name, text);
    await world.advance(2000);
    await waiting;
    await expect(openTab(world).client.getUser()).resolves.toMatchObject({ name: 'Grace' });
    expect(world.tenant.families().map(({ verdict }) => verdict)).toEqual(['live', 'live']);
  });

  it('is left alone where another user is signed in and the cache would not take it', async () => {
    const world = createWorld();
    const full = {
      ...world.localStorage,
      set: () => {
        throw new DOMException('full', 'QuotaExceededError');
      },
    };
    const tab = openTab(world, {}, { localStorage: full });
    await tab.login(grace);
    storeV2(world, await peerLogin(world));
    const waiting = openTab(world).client.isAuthenticated();
    await world.advance(5000);
    await waiting;
    await expect(tab.client.getTokenSilently({ cacheMode: 'off' })).resolves.toEqual(expect.any(String));
    expect(world.tenant.families().map(({ verdict }) => verdict)).toEqual(['live', 'live']);
  });

  it.each([
    ['the same audience', audience],
    ['another audience', orders],
  ])('of another organization of the user who is signed in is left alone: %s', async (_, wanted) => {
    const world = createWorld();
    const tab = openTab(world);
    await tab.login(ada, { organization: 'org_2' });
    const own = await tab.client.getTokenSilently();
    storeV2(world, await peerLogin(world, ada, { organization: 'org_1', audience: wanted }), wanted);
    const before = world.localStorage.get(nameOf(wanted));
    const next = tab.reload();
    await expect(next.client.getIdTokenClaims()).resolves.toMatchObject({ org_id: 'org_2' });
    await expect(next.client.getTokenSilently()).resolves.toBe(own);
    if (wanted !== audience)
      await expect(next.client.getTokenSilently(forOrders)).rejects.toMatchObject({
        error: 'missing_refresh_token',
      });
    expect(world.localStorage.get(nameOf(wanted))).toBe(before);
  });

  it('waits 3 s for all locks of old tabs together', async () => {
    const { world } = await withPeerSession();
    const { peerLocks } = world.openTab().env;
    const hold = (name: string, span: number) =>
      void peerLocks.run(name, 1000, () => new Promise<void>((resolve) => world.timers.after(span, resolve)));
    hold('auth0.lock.getTokenSilently', 2000);
    hold(`auth0.lock.getTokenSilently.spa.${audience}`, 60_000);
    const began = world.steady();
    let waited = 0;
    const waiting = openTab(world)
      .client.isAuthenticated()
      .finally(() => (waited = world.steady() - began));
    await world.advance(10_000);
    await expect(waiting).resolves.toBe(false);
    expect(waited).toBe(3000);
  });

  it('of another user costs no renewal a wait, whatever lock an old tab holds', async () => {
    const world = createWorld();
    const tab = openTab(world);
    await tab.login(grace);
    storeV2(world, await peerLogin(world));
    holdPeerLock(world);
    await world.advance(twoHours);
    const began = world.steady();
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    await expect(tab.reload().client.getUser()).resolves.toMatchObject({ name: 'Grace' });
    expect(world.steady()).toBe(began);
  });

  it('is not signed in anew by a page that waits for it while another tab logs out', async () => {
    const { world } = await withPeerSession();
    holdPeerLock(world);
    const { client } = world.openTab();
    const call = expect(client.getTokenSilently()).rejects.toMatchObject({ requiresLogin: true });
    await world.advance(1000);
    await world.openTab().client.logout({ openUrl: false });
    await world.advance(10_000);
    await call;
    await expect(client.getTokenSilently()).rejects.toMatchObject({ requiresLogin: true });
    expect(world.frames).toEqual([]);
    await world.openTab().login();
    await expect(client.getTokenSilently()).resolves.toEqual(expect.any(String));
  });

  it('that has been moved costs no page a wait, whatever lock an old tab holds', async () => {
    const { world } = await withPeerSession();
    const tab = openTab(world);
    await stillSignedIn(tab);
    holdPeerLock(world);
    await stillSignedIn(tab.reload());
  });

  it('that an old tab writes back after a logout costs no page a wait, whatever lock it holds', async () => {
    const { world, tokens } = await withPeerSession();
    const tab = openTab(world);
    await tab.client.logout({ openUrl: false });
    storeV2(world, tokens);
    holdPeerLock(world);
    await expect(tab.reload().client.isAuthenticated()).resolves.toBe(false);
  });

  it.each([
    ['is revoked by it', {}, [true, 'revoked']],
    ['is not revoked where logouts revoke nothing', { revokeOnLogout: false }, [false, 'live']],
  ] as const)(
    'and that no page has moved yet, does not come back after a logout, and %s',
    async (_, changes, expected) => {
      const { world, tokens } = await withPeerSession();
      const tab = openTab(world, changes);
      await tab.client.logout({ openUrl: false });
      expect(world.localStorage.names()).toEqual([]);
      const revoked = world.requests.some(
        ({ path, form }) => path === '/oauth/revoke' && form.get('token') === tokens.refresh_token,
      );
      expect([revoked, world.tenant.families()[0]?.verdict]).toEqual(expected);

      storeV2(world, tokens); // by an old tab that was refreshing
      for (const open of [() => tab, () => tab.reload()]) {
        const { client } = open();
        await expect(client.isAuthenticated()).resolves.toBe(false);
        await expect(client.getTokenSilently()).rejects.toMatchObject({ error: 'missing_refresh_token' });
      }
      expect(world.localStorage.get(entryName)).toContain(tokens.refresh_token); // an old tab's own
    },
  );

  it.each([1, 2, 3, 4])(
    'with no refresh token is not shown after a logout meanwhile: step %i',
    async (step) => {
      const { world, tokens } = await withPeerSession();
      storeV2(world, { ...tokens, refresh_token: '' });
      const tab = tabThat(world, step, () => openTab(world).client.logout({ openUrl: false }));
      await tab.client.isAuthenticated();
      await expect(tab.client.isAuthenticated()).resolves.toBe(false);
      await expect(tab.reload().client.isAuthenticated()).resolves.toBe(false);
    },
  );

  it('is not moved in place of a later login after a logout', async () => {
    const { world, tokens } = await withPeerSession();
    const tab = openTab(world);
    await tab.client.logout({ openUrl: false });
    await tab.login(ada, { audience: orders });
    storeV2(world, tokens);
    const next = tab.reload();
    await stillSignedIn(next);
    await expect(next.client.getTokenSilently()).rejects.toMatchObject({ error: 'missing_refresh_token' });
    await expect(next.client.getTokenSilently(forOrders)).resolves.toEqual(expect.any(String));
  });

  it.each<[string, (text: string) => string, string, { domain?: string }]>([
    ['of another client', (text: string) => text, 'other', {}],
    ['of another tenant', (text: string) => text, 'spa', { domain: 'other.example' }],
    ['that is no session', () => '{"body":', 'spa', {}],
  ])('%s is left alone', async (_, spoil, clientId, changes) => {
    const { world } = await withPeerSession();
    const entries = world.localStorage
      .names()
      .map((name) => [name, spoil(world.localStorage.get(name) ?? '')] as const);
    for (const [name] of entries) world.localStorage.remove(name);
    for (const [name, text] of entries)
      world.localStorage.set(name.replace('::spa::', `::${clientId}::`), text);
    const before = world.localStorage.names().map((name) => world.localStorage.get(name));
    const tab = openTab(world, changes);
    await expect(tab.client.isAuthenticated()).resolves.toBe(false);
    expect(world.localStorage.names().map((name) => world.localStorage.get(name))).toEqual(before);
  });

  it('stays where it is while an old tab is refreshing; nobody waits for long, and a later call moves it', async () => {
    const { world, tokens } = await withPeerSession();
    let done = () => {};
    const busy = new Promise<void>((resolve) => (done = resolve));
    const old = openTab(world);
    void old.env.peerLocks.run(`auth0.lock.getTokenSilently.spa.${audience}`, 1000, () => busy);
    const tab = openTab(world);
    const waiting = tab.client.isAuthenticated();
    await world.advance(10_000);
    await expect(waiting).resolves.toBe(false);
    expect(world.localStorage.get(entryName)).toContain(tokens.refresh_token);
    done();
    await expect(tab.client.getTokenSilently()).resolves.toBe(tokens.access_token);
    await stillSignedIn(tab);
  });
});
