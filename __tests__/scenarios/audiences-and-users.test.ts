import { describe, expect, it } from '@jest/globals';
import { decodeJwt } from '../../src/oauth/jwt.ts';
import {
  ada,
  app,
  audience,
  billing,
  createWorld,
  grace,
  orders,
  type Tab,
  type World,
} from '../support/world.ts';

const twoHours = 2 * 3600 * 1000;
const noFallback = { useRefreshTokensFallback: false };
const forApi = (name: string, scope?: string) => ({
  authorizationParams: { audience: name, ...(scope && { scope }) },
});
const claimsOf = (token: string | undefined) => decodeJwt(token ?? '').claims;

/** Signed in, with a refresh token for each of several audiences. */
async function withAudiences(world: World, ...audiences: string[]): Promise<Tab> {
  const tab = world.openTab();
  await tab.login();
  for (const name of audiences) await tab.client.getTokenSilently(forApi(name));
  return tab;
}

describe('P17: several audiences, a refresh token for each', () => {
  it('are renewed one after another, all at once asked for', async () => {
    const world = createWorld();
    await withAudiences(world, orders, billing);
    await world.advance(twoHours);
    const tab = world.openTab(noFallback);
    const names = [audience, orders, billing];
    const tokens = await Promise.all(names.map((name) => tab.client.getTokenSilently(forApi(name))));
    expect(tokens.map((token) => claimsOf(token)['aud'])).toEqual(
      names.map((name) => expect.arrayContaining([name]) as unknown),
    );
    expect(world.refreshes()).toHaveLength(3);
    expect(world.mostAtOnce()).toBe(1);
    expect(world.journal()).not.toContain('ferrt');
  });

  it('that was never granted is an error of its own where nothing else helps', async () => {
    const world = createWorld();
    const tab = await withAudiences(world);
    const strict = world.openTab(noFallback);
    await expect(strict.client.getTokenSilently(forApi(orders))).rejects.toMatchObject({
      error: 'missing_refresh_token',
      audience: orders,
      reason: 'audience_never_granted',
      requiresLogin: true,
    });
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
    const wider = { authorizationParams: { scope: 'write:things' } };
    await expect(strict.client.getTokenSilently(wider)).rejects.toMatchObject({
      error: 'missing_refresh_token',
      reason: 'scope_never_granted',
    });
    await expect(world.openTab(noFallback).client.getTokenSilently()).resolves.toEqual(expect.any(String));
    await expect(createWorld().openTab(noFallback).client.getTokenSilently()).rejects.toMatchObject({
      error: 'missing_refresh_token',
      reason: 'signed_out',
    });
  });

  it('the refusal of one ends no session that goes on with another, and the last one ends it in every tab, told once', async () => {
    const world = createWorld();
    await withAudiences(world, orders);
    await world.advance(twoHours);
    const [one, other] = [world.openTab(noFallback), world.openTab(noFallback)];
    const refused = { kind: 'answer', status: 403, body: '{"error":"invalid_grant"}' } as const;
    world.faults.push(refused);
    const over = { error: 'missing_refresh_token', audience: orders, reason: 'refused', requiresLogin: true };
    await expect(one.client.getTokenSilently(forApi(orders))).rejects.toMatchObject(over);
    await expect(one.client.isAuthenticated()).resolves.toBe(true);
    await expect(one.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    await expect(other.client.getTokenSilently(forApi(orders))).rejects.toMatchObject(over);
    world.faults.push({ kind: 'drop-after' }, refused);
    await world.advance(twoHours);
    const ended = { error: 'invalid_grant', reason: 'outcome_unknown' };
    await expect(one.client.getTokenSilently()).rejects.toMatchObject(ended);
    await expect(one.client.isAuthenticated()).resolves.toBe(false);
    // Whichever audience it asks for, the other tab hears of the same end, and each hears of it once.
    await expect(other.client.getTokenSilently(forApi(orders))).rejects.toMatchObject(ended);
    for (const { client } of [one, other])
      for (const name of [audience, orders])
        await expect(client.getTokenSilently(forApi(name))).rejects.toMatchObject({
          error: 'missing_refresh_token',
        });
    await one.login();
    await expect(other.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    world.faults.push(refused);
    await expect(other.client.getTokenSilently({ cacheMode: 'off' })).rejects.toMatchObject({
      error: 'invalid_grant',
      reason: 'refused',
    });
  });

  it('of which one ended before the user signed in again end nothing after that', async () => {
    const world = createWorld();
    const tab = world.openTab(noFallback);
    await tab.login(ada, { audience: orders });
    world.faults.push({ kind: 'answer', status: 403, body: '{"error":"invalid_grant"}' });
    const ended = tab.client.getTokenSilently({ cacheMode: 'off', ...forApi(orders) });
    await expect(ended).rejects.toMatchObject({ error: 'invalid_grant' });
    await tab.login();
    const call = world.openTab(noFallback).client.getTokenSilently(forApi(orders));
    await expect(call).rejects.toMatchObject({ error: 'missing_refresh_token', reason: 'refused' });
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
  });

  it.each([false, true])(
    'somebody else’s ID token for one of them asks for a login, and ends no session that goes on with another, fallback %s',
    async (useRefreshTokensFallback) => {
      const world = createWorld();
      await withAudiences(world, orders);
      const elsewhere = world.openTab({ cacheLocation: 'memory' });
      await elsewhere.login(grace);
      const foreign = (await elsewhere.client.getIdTokenClaims())?.__raw;
      await world.advance(twoHours);
      const { client } = world.openTab({ useRefreshTokensFallback });
      world.faults.push({ kind: 'alter', alter: (body) => ({ ...body, id_token: foreign }) });
      await expect(client.getTokenSilently(forApi(orders))).rejects.toMatchObject({
        error: 'missing_refresh_token',
        reason: 'refused',
        requiresLogin: true,
        cause: { error: 'invalid_id_token' },
      });
      await expect(client.getTokenSilently()).resolves.toEqual(expect.any(String));
    },
  );

  it('a silent login is adopted though the refresh token for its audience was refused meanwhile', async () => {
    const world = createWorld();
    const { env } = await withAudiences(world, orders);
    const { client } = world.openTab(noFallback);
    const silentFrame: typeof env.silentFrame = {
      async authorize(...asked) {
        const response = await env.silentFrame.authorize(...asked);
        world.faults.push({ kind: 'answer', status: 403, body: '{"error":"invalid_grant"}' });
        await expect(client.getTokenSilently({ cacheMode: 'off' })).rejects.toMatchObject({
          reason: 'refused',
        });
        return response;
      },
    };
    const slow = world.openTab({}, { silentFrame });
    const token = await slow.client.getTokenSilently(forApi(audience, 'write:things'));
    expect(String(claimsOf(token)['scope'])).toContain('write:things');
  });

  it.each([
    ['one of them', audience, ['revoked', 'revoked']],
    ['one that was never granted', billing, ['revoked', 'revoked']],
    ['one that was refused', audience, ['live', 'revoked']], // refused on the way: the tenant knows of nothing
  ])('are all revoked where somebody clears the storage: %s is asked for', async (which, asked, verdicts) => {
    const world = createWorld();
    await withAudiences(world, orders);
    const { client } = world.openTab(noFallback);
    if (which === 'one that was refused') {
      world.faults.push({ kind: 'answer', status: 403, body: '{"error":"invalid_grant"}' });
      await expect(client.getTokenSilently({ cacheMode: 'off' })).rejects.toMatchObject({
        reason: 'refused',
      });
    }
    for (const name of world.localStorage.names()) world.localStorage.remove(name);
    const call = client.getTokenSilently(forApi(asked));
    const refused = expect(call).rejects.toMatchObject({ error: 'missing_refresh_token' });
    await world.advance(20_000);
    await refused;
    expect(world.tenant.families().map(({ verdict }) => verdict)).toEqual(verdicts);
  });
});

describe('P12, P17: one refresh token for many resources', () => {
  const mrrt = { useMrrt: true, ...noFallback };
  async function expired(world: World): Promise<Tab> {
    const tab = world.openTab(mrrt);
    await tab.login();
    await world.advance(twoHours);
    return tab;
  }

  it('5 tabs and two audiences at once: two requests, one after the other, each with the successor', async () => {
    const world = createWorld({ multiResource: true });
    await expired(world);
    const tabs = Array.from({ length: 5 }, () => world.openTab(mrrt));
    const tokens = await Promise.all(
      tabs.flatMap(({ client }) => [audience, orders].map((name) => client.getTokenSilently(forApi(name)))),
    );
    expect(new Set(tokens).size).toBe(2);
    expect(
      world
        .refreshes()
        .map(({ form }) => form.get('audience') ?? audience)
        .sort(),
    ).toEqual([audience, orders].sort());
    expect(world.mostAtOnce()).toBe(1);
    expect(world.journal()).not.toContain('ferrt');
    expect(world.tenant.families()).toHaveLength(1);
  });

  it('a wider scope is asked for, and serves what it covers', async () => {
    const world = createWorld({ multiResource: true });
    const tab = await expired(world);
    const token = await tab.client.getTokenSilently(forApi(orders));
    expect(String(claimsOf(token)['scope'])).toContain('read:things');
    await expect(tab.client.getTokenSilently(forApi(orders))).resolves.toBe(token);
    expect(world.refreshes()).toHaveLength(1);
  });

  it('a wider scope is asked for where it is the login’s own audience, too', async () => {
    const world = createWorld({ multiResource: true });
    const authorizationParams = { audience, redirect_uri: app, scope: 'openid profile email' };
    const tab = world.openTab({ ...mrrt, authorizationParams });
    await tab.login();
    await tab.client.getTokenSilently({ authorizationParams: { scope: 'read:things' } });
    expect(world.refreshes().map(({ form }) => form.get('scope'))).toEqual([
      expect.stringContaining('read:things'),
    ]);
  });

  it('an answer that names no scope has granted what was asked for (RFC 6749 §5.1)', async () => {
    const world = createWorld({ multiResource: true });
    const tab = await expired(world);
    world.faults.push({ kind: 'alter', alter: ({ scope: _, ...body }) => body });
    await expect(tab.client.getTokenSilently(forApi(orders))).resolves.toEqual(expect.any(String));
  });

  it('scopes that no policy allows are named, and the successor is kept', async () => {
    const world = createWorld({ multiResource: true });
    const tab = await expired(world);
    const wanted = { authorizationParams: { audience: orders, scope: 'write:things' } };
    await expect(tab.client.getTokenSilently(wanted)).rejects.toMatchObject({
      name: 'MissingScopesError',
      error: 'missing_scopes',
      audience: orders,
      scope: 'write:things',
    });
    await expect(tab.client.getTokenSilently(forApi(orders))).resolves.toEqual(expect.any(String));
    expect(world.journal()).not.toContain('ferrt');
  });

  it('scopes that no policy allows are asked for once, however long an answer takes', async () => {
    const world = createWorld({ multiResource: true, latency: () => 100 });
    const login = world.openTab(mrrt).login();
    await world.advance(20_000);
    await login;
    await world.advance(twoHours);
    const { client } = world.openTab(mrrt);
    const wanted = { authorizationParams: { audience: orders, scope: 'write:things' } };
    const call = expect(client.getTokenSilently(wanted)).rejects.toMatchObject({ error: 'missing_scopes' });
    await world.advance(20_000);
    await call;
    expect(world.refreshes()).toHaveLength(1);
  });

  it('a silent login is adopted for an audience whose own refresh token is over, while another one serves it', async () => {
    const world = createWorld({ multiResource: true });
    const tab = world.openTab({ useMrrt: true });
    await tab.login();
    const wanted = { authorizationParams: { audience: orders, scope: 'write:things' } }; // by no policy
    await tab.client.getTokenSilently(wanted);
    for (let times = 0; times < 4; times++)
      await tab.client.getTokenSilently({ ...wanted, cacheMode: 'off' });
    await world.advance(twoHours);
    world.faults.push({ kind: 'answer', status: 403, body: '{"error":"invalid_grant"}' });
    const token = await tab.client.getTokenSilently(wanted);
    expect(String(claimsOf(token)['scope'])).toContain('write:things');
    expect(world.frames).toHaveLength(2);
  });

  it('an audience that no policy names is the tenant’s to refuse, and nothing is lost', async () => {
    const world = createWorld({ multiResource: true });
    const tab = await expired(world);
    await expect(tab.client.getTokenSilently(forApi(billing))).rejects.toMatchObject({
      error: 'access_denied',
    });
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    expect(world.journal()).not.toContain('ferrt');
  });

  it('refusals that are no failures of the tenant make nobody wait', async () => {
    const world = createWorld({ multiResource: true });
    const tab = await expired(world);
    for (let n = 0; n < 4; n++)
      await expect(tab.client.getTokenSilently(forApi(billing))).rejects.toThrow(/Service not found/);
    await expect(tab.client.getTokenSilently(forApi(orders))).resolves.toEqual(expect.any(String));
  });

  it('an audience whose own family has ended is served by another one that lives', async () => {
    const world = createWorld({ multiResource: true });
    const tab = await expired(world);
    world.faults.push({ kind: 'answer', status: 403, body: '{"error":"invalid_grant"}' });
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({ error: 'invalid_grant' });
    await tab.login(ada, { audience: orders });
    const token = await tab.client.getTokenSilently();
    expect(claimsOf(token)['aud']).toContain(audience);
  });

  it('a lost answer for one audience is settled before the other is served', async () => {
    const world = createWorld({ multiResource: true, leeway: 30 });
    const tab = await expired(world);
    world.faults.push({ kind: 'drop-after' });
    await Promise.all([audience, orders].map((name) => tab.client.getTokenSilently(forApi(name))));
    expect(world.refreshes()).toHaveLength(3);
    expect(world.mostAtOnce()).toBe(1);
    expect(world.journal()).not.toContain('ferrt');
  });

  it('a logout ends it for every audience, whichever asks', async () => {
    const world = createWorld({ multiResource: true });
    const tab = await expired(world);
    const other = world.openTab(mrrt);
    await other.client.getTokenSilently(forApi(orders));
    world.faults.push({ kind: 'slow', by: 3000 });
    const call = tab.client.getTokenSilently().catch((error: unknown) => error);
    await world.advance(1000);
    await other.client.logout({ openUrl: false });
    await world.advance(5000);
    await expect(call).resolves.toMatchObject({ requiresLogin: true });
    for (const { client } of [tab, other]) {
      await expect(client.isAuthenticated()).resolves.toBe(false);
      await expect(client.getTokenSilently(forApi(orders))).rejects.toMatchObject({ requiresLogin: true });
    }
    expect(world.tenant.families().map(({ verdict }) => verdict)).toEqual(['revoked']);
  });
});

describe('P39: another user', () => {
  /** Everything that is kept anywhere, as text. */
  async function everything(world: World): Promise<string> {
    const texts = world.localStorage.names().map((name) => world.localStorage.get(name));
    for (const name of world.recordNames())
      texts.push(await world.records.update(name, (record) => [record, JSON.stringify(record)]));
    return texts.join('\n');
  }

  it.each([
    ['user', grace, {}],
    ['organization', ada, { organization: 'org_2' }],
    ['organization by name', ada, { organization: 'umbrella' }],
  ])('W2: a login of another %s leaves nothing of the former, in any tab', async (_, email, params) => {
    const world = createWorld();
    const tab = world.openTab();
    await tab.login(ada, { organization: 'org_1' });
    await tab.client.getTokenSilently(forApi(orders));
    const former = await everything(world);
    const secrets = [...former.matchAll(/"(?:access_token|id_token|refresh_token)":"([^"]+)"/g)].map(
      ([, it]) => it!,
    );
    expect(secrets.length).toBeGreaterThan(4);
    const other = world.openTab();
    await other.client.getTokenSilently();
    await other.login(email, params);
    const now = await everything(world);
    for (const secret of secrets) expect(now).not.toContain(secret);
    for (const { client } of [tab, other]) {
      const token = await client.getTokenSilently(forApi(orders));
      expect(secrets).not.toContain(token);
      expect(await client.getIdTokenClaims()).toMatchObject({ sub: claimsOf(token)['sub'] });
    }
    const verdicts = world.tenant.families().map(({ verdict }) => verdict);
    expect(verdicts).toEqual(['revoked', 'revoked', 'live', 'live']);
  });

  it('who has signed in meanwhile is not signed out by a silent login that another tab had begun', async () => {
    const world = createWorld();
    const tab = world.openTab();
    await tab.login();
    let moment = 'before';
    const slow = world.openTab(
      {},
      {
        silentFrame: {
          async authorize(url, expected) {
            const response = await tab.env.silentFrame.authorize(url, expected);
            if (moment === 'before') moment = 'answered'; // with Ada’s code
            return response;
          },
        },
        records: {
          close() {},
          async update(name, step) {
            if (moment === 'answered') {
              moment = 'after'; // the session was looked at, and was Ada’s
              await tab.login(grace);
            }
            return world.records.update(name, step);
          },
        },
      },
    );
    const token = await slow.client.getTokenSilently(forApi(orders)); // it began again, for Grace
    await expect(tab.client.getIdTokenClaims()).resolves.toMatchObject({
      email: grace,
      sub: claimsOf(token)['sub'],
    });
    const verdicts = world.tenant.families().map(({ verdict }) => verdict);
    expect(verdicts).toEqual(['revoked', 'revoked', 'live', 'live']); // Ada’s two, and Grace’s
    await expect(tab.client.getTokenSilently({ cacheMode: 'off' })).resolves.toEqual(expect.any(String));
  });

  it('who is found by the iframe is the one who is signed in from then on', async () => {
    const world = createWorld();
    const tab = world.openTab();
    await tab.login(ada);
    await world.openTab({ cacheLocation: 'memory' }).login(grace); // the tenant knows her now
    const token = await tab.client.getTokenSilently(forApi(orders));
    await expect(tab.client.getIdTokenClaims()).resolves.toMatchObject({
      email: grace,
      sub: claimsOf(token)['sub'],
    });
  });

  it('an organization’s tokens are served from the cache', async () => {
    const world = createWorld();
    const tab = world.openTab({ useRefreshTokens: false });
    await tab.login(ada, { organization: 'org_1' });
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    expect(world.frames).toEqual([]);
  });

  it('an organization’s session stays one when it is renewed through the iframe', async () => {
    const world = createWorld();
    const tab = world.openTab({ useRefreshTokens: false });
    await tab.login(ada, { organization: 'org_1' });
    await world.advance(twoHours);
    const token = await tab.client.getTokenSilently();
    expect(claimsOf(token)).toMatchObject({ org_id: 'org_1' });
    await expect(tab.client.getIdTokenClaims()).resolves.toMatchObject({ org_id: 'org_1' });
  });

  it('a refresh that brings another organization’s ID token is spent by nobody', async () => {
    const world = createWorld();
    const tab = world.openTab(noFallback);
    await tab.login(ada, { organization: 'org_1' });
    const elsewhere = world.openTab({ clientId: 'spa', cacheLocation: 'memory' });
    await elsewhere.login(ada, { organization: 'org_2' });
    const foreign = (await elsewhere.client.getIdTokenClaims())?.__raw;
    await world.advance(twoHours);
    world.faults.push({ kind: 'alter', alter: (body) => ({ ...body, id_token: foreign }) });
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({
      error: 'invalid_grant',
      reason: 'invalid_id_token',
      cause: { error: 'invalid_id_token', reason: 'organization' },
    });
    await expect(tab.client.isAuthenticated()).resolves.toBe(false);
    await world.rest();
    expect(world.tenant.families()[0]).toMatchObject({ verdict: 'revoked' });
  });
});
