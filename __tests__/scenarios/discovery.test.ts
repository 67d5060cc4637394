/** `issuer` and `discovery`: a provider whose endpoints are where its own document says. */
import { describe, expect, it } from '@jest/globals';
import { GenericError } from '../../src/errors.ts';
import { app, createWorld, tenantUrl, type Fault, type World } from '../support/world.ts';

const hour = 3600 * 1000;
const discovering = { discovery: true, useRefreshTokensFallback: false } as const;
const inWorker = { ...discovering, cacheLocation: 'memory' } as const;
const documentPath = '/.well-known/openid-configuration';
const unreachable: Fault = { kind: 'drop-before' };

/** The tenant as a provider that has moved its endpoints. */
const moved = (members: object): Fault => ({ kind: 'alter', alter: (it) => ({ ...it, ...members }) });
const without = (member: string): Fault => ({
  kind: 'alter',
  alter: ({ [member]: _, ...rest }) => rest,
});
const paths = (world: World) => world.documents.map(({ path }) => path);

describe.each([
  ['in the page', discovering],
  ['in a worker', inWorker],
])('with custody %s', (_, options) => {
  it('logs in, refreshes, revokes and logs out where the document says, after one request', async () => {
    const world = createWorld();
    const tab = world.openTab(options);
    world.documentFaults.push(
      moved({
        authorization_endpoint: `${tenantUrl}/authorize?tenant=a`,
        token_endpoint: `${tenantUrl}/oauth/token?tenant=b`,
        revocation_endpoint: `${tenantUrl}/oauth/revoke?tenant=c`,
        end_session_endpoint: `${tenantUrl}/oidc/logout?tenant=d`,
      }),
    );
    const posted: string[] = [];
    const { post } = tab.env.http;
    Object.assign(tab.env.http, {
      post: (...request: Parameters<typeof post>) => {
        posted.push(request[0]);
        return post(...request);
      },
    });
    await tab.login();
    await world.advance(hour / 2);
    await tab.client.getTokenSilently({ cacheMode: 'off' });
    await tab.client.logout({ logoutParams: { returnTo: app } });
    expect(new Set(posted)).toEqual(
      new Set([`${tenantUrl}/oauth/token?tenant=b`, `${tenantUrl}/oauth/revoke?tenant=c`]),
    );
    expect(tab.navigations[0]).toContain(`${tenantUrl}/authorize?tenant=a&`);
    expect(tab.navigations.at(-1)).toContain(`${tenantUrl}/oidc/logout?tenant=d&`);
    expect(world.tenant.families()).toMatchObject([{ verdict: 'revoked' }]);
  });
});

describe('the document', () => {
  it('is asked for once by all callers of a page, and by none before it is needed', async () => {
    const world = createWorld();
    const { client, navigations } = world.openTab(discovering);
    await expect(client.isAuthenticated()).resolves.toBe(false);
    await client.checkSession();
    expect(world.documents).toEqual([]);
    await Promise.all([client.loginWithRedirect(), client.loginWithRedirect(), client.loginWithRedirect()]);
    expect(navigations).toHaveLength(3);
    expect(paths(world)).toEqual([documentPath]);
  });

  it('is known for an hour, to other page loads too where their session is', async () => {
    const world = createWorld();
    const tab = world.openTab(discovering);
    await tab.login();
    await world.advance(hour - 1);
    const again = tab.reload();
    await again.client.getTokenSilently({ cacheMode: 'off' });
    expect(paths(world)).toEqual([documentPath]);
    await world.advance(1);
    await again.client.getTokenSilently({ cacheMode: 'off' });
    expect(paths(world)).toEqual([documentPath, documentPath]);
  });

  it('is asked for by every page load in memory mode, which stores nothing', async () => {
    const world = createWorld();
    const tab = world.openTab({ ...inWorker, useRefreshTokensFallback: true });
    await tab.login();
    await tab.reload().client.checkSession();
    expect(paths(world)).toEqual([documentPath, documentPath]);
    expect(world.localStorage.names()).toEqual([]);
  });

  it('is believed again where a clock was put back to before it came', async () => {
    const world = createWorld();
    const tab = world.openTab(discovering);
    await tab.login();
    world.jump(-2 * hour);
    await tab.client.getTokenSilently({ cacheMode: 'off' });
    expect(paths(world)).toEqual([documentPath, documentPath]);
  });

  it('that cannot be had lets nobody leave the page, and is believed once more where it is known', async () => {
    const world = createWorld();
    const tab = world.openTab(inWorker);
    await tab.login();
    await world.advance(2 * hour);
    world.documentFaults.push(unreachable);
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    const fresh = world.openTab(inWorker);
    world.documentFaults.push(unreachable, { kind: 'answer', status: 503, body: 'busy' });
    for (let times = 0; times < 2; times++)
      await expect(fresh.client.loginWithRedirect()).rejects.toMatchObject({
        error: 'network_error',
        reason: 'unreachable',
        retryable: true,
      });
    await fresh.login();
    await expect(fresh.client.isAuthenticated()).resolves.toBe(true);
  });

  it.each<[string, Fault]>([
    ['is too many requests', { kind: 'answer', status: 429, body: 'slow down' }],
    ['is missing', { kind: 'answer', status: 404, body: '' }],
    ['is a captive portal’s page', { kind: 'answer', status: 200, body: '<html>' }],
  ])('whose successor %s is believed once more', async (_, fault) => {
    const world = createWorld();
    const tab = world.openTab(inWorker);
    await tab.login();
    await world.advance(2 * hour);
    world.documentFaults.push(fault);
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
  });

  it('whose successor is another issuer’s is not', async () => {
    const world = createWorld();
    const tab = world.openTab(inWorker);
    await tab.login();
    await world.advance(2 * hour);
    world.documentFaults.push(...Array.from({ length: 4 }, () => moved({ issuer: 'https://evil.example/' })));
    for (let times = 0; times < 2; times++)
      await expect(tab.client.getTokenSilently()).rejects.toMatchObject({ reason: 'issuer_mismatch' });
    for (let times = 0; times < 20; times++) {
      tab.client.getTokenSilently().catch(() => {}); // nor while it is not asked for
      await world.advance(1000);
    }
    expect(world.documentFaults).toEqual([]);
    expect(world.refreshes()).toEqual([]);
  });

  it.each([408, 429])('that is not to be had for now (%i) is asked for again', async (status) => {
    const world = createWorld();
    world.documentFaults.push({ kind: 'answer', status, body: '' });
    await expect(world.openTab(discovering).client.loginWithRedirect()).rejects.toMatchObject({
      error: 'network_error',
      retryable: true,
    });
  });

  const stored = (world: World) =>
    world.localStorage.names().find((name) => name.endsWith('/discovery')) ?? '';

  it.each([
    ['is no JSON', () => '{'],
    ['is of another issuer', (text: string) => text.replace('"issuer":"', '"issuer":"https://evil.example/')],
    ['has lost an endpoint', (text: string) => text.replace('token_endpoint', 'token')],
    ['has no time', (text: string) => text.replace('fetchedAt', 'at')],
  ])('that is stored and %s is asked for anew', async (_, damage) => {
    const world = createWorld();
    const tab = world.openTab(discovering);
    await tab.login();
    const name = stored(world);
    world.localStorage.set(name, damage(world.localStorage.get(name) ?? ''));
    await tab.reload().client.getTokenSilently({ cacheMode: 'off' });
    expect(paths(world)).toEqual([documentPath, documentPath]);
  });

  it('that is stored and older than an hour is not believed, whatever becomes of the request', async () => {
    const world = createWorld();
    const tab = world.openTab(discovering);
    await tab.login();
    await world.advance(2 * hour);
    world.documentFaults.push(unreachable);
    await expect(tab.reload().client.getTokenSilently()).rejects.toMatchObject({ error: 'network_error' });
    expect(world.refreshes()).toEqual([]);
  });

  it('goes unstored where the storage takes nothing', async () => {
    const world = createWorld();
    const { localStorage } = world.openTab().env;
    const full = {
      ...localStorage,
      set(name: string, text: string) {
        if (name.endsWith('/discovery')) throw new DOMException('full', 'QuotaExceededError');
        localStorage.set(name, text);
      },
    };
    const tab = world.openTab(discovering, { localStorage: full });
    await tab.login();
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
    expect(paths(world)).toEqual([documentPath]);
  });

  it.each<[what: string, fault: Fault, reason: string]>([
    ['of another issuer', moved({ issuer: 'https://evil.example/' }), 'issuer_mismatch'],
    ['of an issuer without the slash', moved({ issuer: tenantUrl }), 'issuer_mismatch'],
    ['of no issuer', without('issuer'), 'issuer_mismatch'],
    ['that is missing', { kind: 'answer', status: 404, body: '{}' }, 'malformed'],
    ['that is no JSON', { kind: 'answer', status: 200, body: '<html>' }, 'malformed'],
    ['without an authorization endpoint', without('authorization_endpoint'), 'malformed'],
    ['without a token endpoint', without('token_endpoint'), 'malformed'],
    ['whose token endpoint is a path', moved({ token_endpoint: '/oauth/token' }), 'malformed'],
    ['whose token endpoint is a script', moved({ token_endpoint: 'javascript:alert(1)' }), 'malformed'],
    ['whose logout is no text', moved({ end_session_endpoint: 7 }), 'malformed'],
    ['whose token endpoint is a list', moved({ token_endpoint: [`${tenantUrl}/oauth/token`] }), 'malformed'],
    ['whose token endpoint names a user', moved({ token_endpoint: 'http://a:b@localhost/t' }), 'malformed'],
    [
      'whose authorization endpoint has a fragment',
      moved({ authorization_endpoint: `${tenantUrl}/authorize#a` }),
      'malformed',
    ],
  ])('%s is refused', async (_, fault, reason) => {
    const world = createWorld();
    const tab = world.openTab(discovering);
    world.documentFaults.push(fault);
    await expect(tab.client.loginWithRedirect()).rejects.toMatchObject({
      name: 'GenericError',
      error: 'discovery_failed',
      reason,
      retryable: false,
    });
    expect(tab.navigations).toEqual([]);
    await tab.client.loginWithRedirect(); // nothing of the refusal is kept
    expect(tab.navigations).toHaveLength(1);
  });

  it('without a JWK Set is refused where signatures are to be verified, and only there', async () => {
    for (const verifyIdTokenSignature of [true, false]) {
      const world = createWorld();
      const tab = world.openTab({ ...discovering, verifyIdTokenSignature });
      world.documentFaults.push(without('jwks_uri'));
      const login = tab.client.loginWithRedirect();
      if (verifyIdTokenSignature) await expect(login).rejects.toMatchObject({ reason: 'malformed' });
      else await expect(login).resolves.toBeUndefined();
    }
  });

  it('of an issuer on https leads nowhere without TLS', async () => {
    const world = createWorld();
    const tab = world.openTab({
      ...discovering,
      domain: 'id.example',
      issuer: 'https://id.example/realms/shop',
    });
    const body = {
      issuer: 'https://id.example/realms/shop',
      authorization_endpoint: 'https://id.example/a',
      token_endpoint: 'http://id.example/t',
    };
    const answer = (found: object): Fault => ({ kind: 'answer', status: 200, body: JSON.stringify(found) });
    world.documentFaults.push(answer(body), answer({ ...body, token_endpoint: 'https://id.example/t' }));
    await expect(tab.client.loginWithRedirect()).rejects.toMatchObject({ reason: 'malformed' });
    await tab.client.loginWithRedirect();
    expect(tab.navigations[0]).toContain('https://id.example/a?');
    expect(paths(world)[0]).toBe('/realms/shop/.well-known/openid-configuration');
  });
});

describe('a logout', () => {
  it('at a provider that has none ends the session here, and goes where the app wants to return to', async () => {
    const world = createWorld();
    const tab = world.openTab(discovering);
    world.documentFaults.push(without('end_session_endpoint'));
    await tab.login();
    await tab.client.logout({ logoutParams: { returnTo: app } });
    expect(tab.navigations.at(-1)).toBe(app);
    await expect(tab.client.isAuthenticated()).resolves.toBe(false);
    expect(world.tenant.families()).toMatchObject([{ verdict: 'revoked' }]);
    const before = tab.navigations.length;
    await tab.client.logout();
    expect(tab.navigations).toHaveLength(before);
  });

  it.each(['javascript:alert(1)', ' JavaScript\n:alert(1)', 'java\tscript:alert(1)'])(
    'at a provider that has none runs no script: %j',
    async (returnTo) => {
      const world = createWorld();
      const tab = world.openTab(discovering);
      world.documentFaults.push(without('end_session_endpoint'));
      await tab.login();
      const left = tab.navigations.length;
      await expect(tab.client.logout({ logoutParams: { returnTo } })).rejects.toMatchObject({
        error: 'invalid_configuration',
      });
      expect(tab.navigations).toHaveLength(left);
      await expect(tab.client.isAuthenticated()).resolves.toBe(false);
    },
  );

  it('at a provider that revokes nothing ends the session here all the same', async () => {
    const world = createWorld();
    const tab = world.openTab(discovering);
    world.documentFaults.push(without('revocation_endpoint'));
    await tab.login();
    await tab.client.logout();
    expect(world.requests.map(({ path }) => path)).toEqual(['/oauth/token']);
    await expect(tab.client.isAuthenticated()).resolves.toBe(false);
  });

  it('with nothing known and no network ends the session here, and says why the page was not left', async () => {
    const world = createWorld();
    const tab = world.openTab(discovering);
    await tab.login();
    const after = tab.reload();
    for (const name of world.localStorage.names())
      if (name.endsWith('/discovery')) world.localStorage.remove(name);
    world.documentFaults.push(unreachable, unreachable);
    await expect(after.client.logout()).rejects.toMatchObject({ error: 'network_error' });
    await expect(after.client.isAuthenticated()).resolves.toBe(false);
    expect(after.navigations).toEqual([]);
    await after.client.logout();
    expect(after.navigations).toHaveLength(1);
  });

  it('that only ends the session here asks for no document', async () => {
    const world = createWorld();
    const tab = world.openTab(discovering);
    await tab.client.logout({ openUrl: false });
    expect(world.documents).toEqual([]);
  });
});

describe('a revocation that the app asks for', () => {
  it('at a provider that revokes nothing says so, and nobody spends the refresh token again', async () => {
    const world = createWorld();
    const tab = world.openTab(discovering);
    world.documentFaults.push(without('revocation_endpoint'));
    await tab.login();
    await expect(tab.client.revokeRefreshToken()).rejects.toMatchObject({
      error: 'revoke_error',
      retryable: false,
    });
    await expect(tab.client.getTokenSilently({ cacheMode: 'off' })).rejects.toBeInstanceOf(GenericError);
    expect(world.requests.map(({ path }) => path)).toEqual(['/oauth/token']);
  });
});

describe('an app without discovery', () => {
  it('asks for no document, and logs out as at Auth0', async () => {
    const world = createWorld();
    const tab = world.openTab();
    await tab.login();
    await tab.client.logout({ logoutParams: { federated: true } });
    expect(world.documents).toEqual([]);
    expect(tab.navigations.at(-1)).toBe(`${tenantUrl}/v2/logout?client_id=spa&federated`);
  });

  it('takes tokens of the issuer that it names, and of no other', async () => {
    const world = createWorld();
    const named = world.openTab({ issuer: `${tenantUrl}/` });
    await named.login();
    const other = world.openTab({ issuer: 'id.example' });
    await expect(other.login()).rejects.toMatchObject({ reason: 'issuer' });
  });
});

describe('two issuers at one domain', () => {
  it('have a session each, whatever the client is called', async () => {
    const world = createWorld();
    await world.openTab().login();
    const other = world.openTab({ issuer: 'https://id.example/realms/shop' });
    await expect(other.client.isAuthenticated()).resolves.toBe(false);
  });
});

describe('a popup, and a hidden iframe', () => {
  it('are listened to at the origin of the authorization endpoint', async () => {
    const world = createWorld();
    const tab = world.openTab({ ...discovering, domain: 'id.example', issuer: `${tenantUrl}/` });
    const login = tab.client.loginWithPopup();
    await world.rest();
    await tab.popups[0]?.signIn();
    await login;
    const frames = world.openTab({
      discovery: true,
      domain: 'id.example',
      issuer: `${tenantUrl}/`,
      useRefreshTokens: false,
      cacheLocation: 'memory',
    });
    await expect(frames.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    expect(world.frames).toHaveLength(1);
  });
});
