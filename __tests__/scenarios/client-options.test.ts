import { describe, expect, it } from '@jest/globals';
import { InMemoryCache } from '../../src/core/cache.ts';
import type { Auth0ClientOptions } from '../../src/core/options.ts';
import type { Cookies } from '../../src/environment.ts';
import { MfaRequiredError } from '../../src/errors.ts';
import { encodeBase64url } from '../../src/oauth/base64url.ts';
import { decodeJwt } from '../../src/oauth/jwt.ts';
import {
  ada,
  app,
  audience,
  createWorld,
  grace,
  orders,
  tenantUrl,
  type Fault,
  type Tab,
} from '../support/world.ts';

const twoHours = 2 * 3600 * 1000;
const twoDays = 48 * 3600 * 1000;
const noFallback = { useRefreshTokensFallback: false };
const isToken: unknown = expect.any(String);
const worker = { cacheLocation: 'memory' } as const;
const lastAddress = ({ navigations }: Tab) => new URL(navigations.at(-1)!);

/** The next answer's ID token says this too. Nobody here verifies its signature. */
function saying(claims: (iat: number) => Readonly<Record<string, unknown>>): Fault {
  const part = (value: object) => encodeBase64url(new TextEncoder().encode(JSON.stringify(value)));
  const alter = (body: Record<string, unknown>) => {
    const { header, claims: former } = decodeJwt(String(body['id_token']));
    const next = { ...former, ...claims(Number(former['iat'])) };
    return { ...body, id_token: `${part(header)}.${part(next)}.c2ln` };
  };
  return { kind: 'alter', alter };
}

describe('scopes by audience', () => {
  const authorizationParams = {
    redirect_uri: app,
    scope: { [audience]: 'profile read:things', default: 'profile email' },
  };

  it.each([
    ['the client’s own audience', { ...authorizationParams, audience }, undefined, 'read:things'],
    ['the audience of the call', authorizationParams, audience, 'read:things'],
    ['an audience that is not named', authorizationParams, orders, 'email'],
    ['no audience', authorizationParams, undefined, 'email'],
  ])(
    'W10: are asked for by the login and found by the silent call after it: %s',
    async (_, params, named, name) => {
      const world = createWorld();
      const tab = world.openTab({ ...noFallback, authorizationParams: params });
      const call = named === undefined ? {} : { audience: named };
      await tab.login(ada, call);
      const asked = lastAddress(tab).searchParams.get('scope');
      expect(asked).toBe(`openid profile ${name} offline_access`);
      await expect(tab.client.getTokenSilently({ authorizationParams: call })).resolves.toEqual(isToken);
      await world.advance(twoDays);
      await expect(tab.client.getTokenSilently({ authorizationParams: call })).resolves.toEqual(isToken);
      expect(world.refreshes()).toHaveLength(1);
    },
  );

  it('take what a call asks for besides', async () => {
    const tab = createWorld().openTab({ authorizationParams });
    await tab.client.loginWithRedirect({ authorizationParams: { audience, scope: 'write:things' } });
    expect(lastAddress(tab).searchParams.get('scope')).toBe(
      'openid profile read:things offline_access write:things',
    );
  });

  it.each([undefined, null])('are those of the default where one is %p', async (nothing) => {
    const scope = { [audience]: nothing as never, default: 'email' };
    const tab = createWorld().openTab({ authorizationParams: { audience, scope } });
    await tab.client.loginWithRedirect();
    expect(lastAddress(tab).searchParams.get('scope')).toBe('openid email offline_access');
  });

  it('are openid alone where the default is undefined', async () => {
    const tab = createWorld().openTab({ authorizationParams: { scope: { default: undefined as never } } });
    await tab.client.loginWithRedirect();
    expect(lastAddress(tab).searchParams.get('scope')).toBe('openid offline_access');
  });

  it('are openid alone where no default is named', async () => {
    const tab = createWorld().openTab({ authorizationParams: { scope: { [orders]: 'read:things' } } });
    await tab.client.loginWithRedirect();
    expect(lastAddress(tab).searchParams.get('scope')).toBe('openid offline_access');
  });

  it('are for the client: a call has one audience', async () => {
    const tab = createWorld().openTab();
    const scope = { [audience]: 'read:things' } as never;
    await expect(tab.client.loginWithRedirect({ authorizationParams: { scope } })).rejects.toMatchObject({
      error: 'invalid_configuration',
    });
    expect(tab.navigations).toEqual([]);
  });
});

describe('useFormData: false', () => {
  it.each([['localstorage'], ['memory']] as const)(
    'sends JSON to both endpoints (%s)',
    async (cacheLocation) => {
      const world = createWorld();
      const tab = world.openTab({ cacheLocation, useFormData: false, ...noFallback });
      await tab.login();
      await world.advance(twoHours);
      await tab.client.getTokenSilently();
      await tab.client.logout();
      await world.rest();
      expect(world.requests.map(({ path, headers }) => [path, headers['Content-Type']])).toEqual([
        ['/oauth/token', 'application/json'],
        ['/oauth/token', 'application/json'],
        ['/oauth/revoke', 'application/json'],
      ]);
      expect(world.requests.every(({ granted }) => granted)).toBe(true);
      expect(world.tenant.families().map(({ verdict }) => verdict)).toEqual(['revoked']);
    },
  );
});

describe('auth0Client', () => {
  const auth0Client = { name: 'my-app', version: '1.2', env: { framework: '5' }, secret: 'x' } as NonNullable<
    Auth0ClientOptions['auth0Client']
  >;
  const read = (text: string | null | undefined): unknown =>
    JSON.parse(Buffer.from(text ?? '', 'base64').toString());
  const told = { name: 'my-app', version: '1.2' };

  it.each([['localstorage'], ['memory']] as const)(
    'is told where a login goes, and never on a refresh or a revocation (%s)',
    async (cacheLocation) => {
      const world = createWorld();
      const tab = world.openTab({ auth0Client, cacheLocation, ...noFallback });
      await tab.login();
      const address = lastAddress(tab);
      expect(read(address.searchParams.get('auth0Client'))).toEqual(told);
      expect([...address.searchParams.keys()].at(-1)).toBe('auth0Client');
      await world.advance(twoHours);
      await tab.client.getTokenSilently();
      await tab.client.logout({ logoutParams: { returnTo: app } });
      expect(read(lastAddress(tab).searchParams.get('auth0Client'))).toEqual(told);
      await world.rest();
      const [exchange, ...others] = world.requests;
      expect(read(exchange?.headers['Auth0-Client'])).toEqual({ ...told, env: { framework: '5' } });
      expect(others.map(({ path, headers }) => [path, headers])).toEqual([
        ['/oauth/token', {}],
        ['/oauth/revoke', {}],
      ]);
    },
  );

  it('is told nobody where it is not configured: no request needs a preflight', async () => {
    const world = createWorld();
    const tab = world.openTab();
    await tab.login();
    expect(lastAddress(tab).searchParams.has('auth0Client')).toBe(false);
    expect(world.requests.map(({ headers }) => headers)).toEqual([{}]);
  });

  it('may hold any characters', async () => {
    const tab = createWorld().openTab({ auth0Client: { name: 'Über✓', version: 2 } });
    await tab.client.loginWithRedirect();
    expect(read(lastAddress(tab).searchParams.get('auth0Client'))).toEqual({ name: 'Über✓', version: 2 });
  });
});

describe('useCookiesForTransactions', () => {
  const options = { useCookiesForTransactions: true };

  it('lets a login come back in another tab, once', async () => {
    const world = createWorld();
    const tab = world.openTab(options);
    await tab.login();
    await tab.client.loginWithRedirect();
    expect(tab.sessionStorage.names().filter((name) => name.includes('transaction'))).toEqual([]);
    const callback = (await tab.follow()).headers.get('location')!;
    const other = world.openTab(options);
    await other.client.handleRedirectCallback(callback);
    await expect(other.client.getUser()).resolves.toMatchObject({ email: ada });
    const sent = world.requests.length;
    await world.openTab(options).client.handleRedirectCallback(callback); // she is signed in already
    expect(world.requests).toHaveLength(sent);
  });

  it('is kept for a day, under the domain of all cookies', async () => {
    const set: [name: string, options: { domain?: string | undefined }][] = [];
    const world = createWorld();
    const cookies: Cookies = {
      get: (name) => world.cookies.get(name),
      names: () => [...world.cookies.keys()],
      set(name, value, attributes) {
        world.cookies.set(name, value);
        set.push([name, attributes]);
      },
      remove: (name, attributes) => void set.push([name, { domain: attributes.domain }]),
    };
    const tab = world.openTab(
      { ...options, cookieDomain: 'app.example', sessionCheckExpiryDays: 7, legacySameSiteCookie: false },
      { cookies },
    );
    await tab.login();
    await tab.client.logout();
    const transaction: unknown = expect.stringContaining('transaction');
    const attributes = { domain: 'app.example', legacy: false };
    const removed = { domain: 'app.example' };
    expect(set.filter(([, { domain, ...rest }]) => Object.keys(rest).length > 0)).toEqual([
      [transaction, { ...attributes, days: 1 }],
      ['auth0.spa.is.authenticated', { ...attributes, days: 7 }],
    ]);
    expect(set).toEqual(
      expect.arrayContaining([
        [transaction, removed],
        ['auth0.spa.is.authenticated', removed],
        ['auth0.spa.organization_hint', removed],
      ]),
    );
  });

  it.each([
    ['fewer than there may be otherwise', '', 4],
    ['of large ones the last alone, whatever its size', 'x'.repeat(2000), 1],
  ])('never fills the header that all of them are sent in: %s', async (_, appState, most) => {
    const world = createWorld();
    const tab = world.openTab(options);
    for (let count = 0; count < 6; count++) {
      await tab.client.loginWithRedirect({ appState });
      await world.advance(1);
    }
    expect([...world.cookies.keys()]).toHaveLength(most);
    await tab.login(); // the last one comes back
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
  });

  it('begins no login that a cookie cannot hold', async () => {
    const none: Cookies = { get: () => undefined, names: () => [], set() {}, remove() {} };
    const tab = createWorld().openTab(options, { cookies: none });
    await expect(tab.client.loginWithRedirect()).rejects.toMatchObject({ error: 'storage_error' });
    expect(tab.navigations).toEqual([]);
  });
});

describe('nowProvider', () => {
  /** The machine's clock is ten hours behind, and the app knows what time it is. */
  async function late(options: Partial<Auth0ClientOptions>) {
    const world = createWorld();
    world.jump(-10 * 3600 * 1000);
    const nowProvider = () => world.steady();
    return { world, tab: world.openTab({ nowProvider, ...noFallback, ...options }) };
  }

  it.each([['localstorage'], ['memory']] as const)(
    'is what ID tokens are judged by and access tokens expire by (%s)',
    async (cacheLocation) => {
      const { world, tab } = await late({
        cacheLocation,
        authorizationParams: { audience, redirect_uri: app, max_age: 60 },
      });
      await tab.login();
      const first = await tab.client.getTokenSilently({ detailedResponse: true });
      expect(first).toMatchObject({ expires_in: 3600 });
      await world.advance(3500 * 1000);
      await expect(tab.client.getTokenSilently()).resolves.toBe(first?.access_token);
      await world.advance(60 * 1000);
      await expect(tab.client.getTokenSilently()).resolves.not.toBe(first?.access_token);
      expect(world.refreshes()).toHaveLength(1);
    },
  );

  it('is what a worker judges a refresh by, too', async () => {
    const world = createWorld();
    const machine = { now: world.steady() + 10 * 3600 * 1000 };
    const nowProvider = async () => world.steady();
    const tab = world.openTab(
      { ...worker, ...noFallback, nowProvider },
      { clock: { now: () => machine.now, steady: world.steady } },
    );
    await tab.login();
    await world.advance(twoHours);
    await expect(tab.client.getTokenSilently()).resolves.toEqual(isToken);
    expect(world.refreshes()).toHaveLength(1);
    expect(world.warnings).toEqual([]); // it is in a worker
  });

  it.each([
    ['fails', () => Promise.reject(new Error('no network'))],
    [
      'throws',
      () => {
        throw new Error('no network');
      },
    ],
    ['is not heard of', () => new Promise<never>(() => {})],
  ])('goes on as it last told where it %s', async (_, fail) => {
    let isLost = false;
    const world = createWorld();
    world.jump(10 * 3600 * 1000);
    const tab = world.openTab({ nowProvider: () => (isLost ? fail() : world.steady()), ...noFallback });
    await tab.login();
    const token = await tab.client.getTokenSilently();
    isLost = true;
    const call = tab.client.getTokenSilently();
    await world.advance(5000);
    await expect(call).resolves.toBe(token);
    expect(world.refreshes()).toHaveLength(0);
  });

  it.each([
    ['is not heard of', () => new Promise<never>(() => {})],
    ['tells no time', () => Number.NaN],
  ])('keeps nobody signed in who logs out where it %s', async (_, fail) => {
    let isLost = false;
    const world = createWorld();
    const tab = world.openTab({ nowProvider: () => (isLost ? fail() : world.steady()), ...noFallback });
    await tab.login();
    isLost = true;
    const logout = tab.client.logout({ openUrl: false });
    expect(world.cookies.size).toBe(0);
    await expect(world.openTab().client.isAuthenticated()).resolves.toBe(false);
    await logout;
    expect(world.tenant.families().map(({ verdict }) => verdict)).toEqual(['revoked']);
  });

  it('is what a login by popup is judged by', async () => {
    const world = createWorld();
    const nowProvider = () => world.steady();
    world.jump(100 * 3600 * 1000);
    const tab = world.openTab({
      nowProvider,
      authorizationParams: { audience, redirect_uri: app, max_age: 60 },
    });
    const login = tab.client.loginWithPopup();
    await world.rest();
    await tab.popups[0]?.signIn();
    await expect(login).resolves.toBeUndefined();
  });

  it('keeps no popup from opening at once', async () => {
    const world = createWorld();
    const tab = world.openTab({ nowProvider: () => new Promise<never>(() => {}) });
    const login = tab.client.loginWithPopup();
    expect(tab.popups).toHaveLength(1);
    await world.advance(5000);
    await tab.popups[0]?.signIn();
    await login;
    await expect(
      Promise.race([tab.client.isAuthenticated(), world.advance(5000).then(() => 'late')]),
    ).resolves.toBe(true);
  });

  it.each([[undefined], ['12:00'], [Number.NaN], [new Date(0)]])(
    'that returns %p is a mistake',
    async (now) => {
      const tab = createWorld().openTab({ nowProvider: () => now as never });
      await expect(tab.client.getUser()).rejects.toMatchObject({ error: 'invalid_configuration' });
    },
  );
});

describe('the organization of a session', () => {
  const hint = 'auth0.spa.organization_hint';

  it('is told to a page that has forgotten it, and gone after a logout', async () => {
    const world = createWorld();
    const tab = world.openTab(worker);
    await tab.login(ada, { organization: 'acme' });
    expect(world.cookies.get(hint)).toBe('"org_1"');
    const after = tab.reload();
    await after.client.checkSession();
    expect(world.frames.at(-1)?.searchParams.get('organization')).toBe('org_1');
    await expect(after.client.getIdTokenClaims()).resolves.toMatchObject({ org_id: 'org_1' });
    await after.client.logout();
    expect(world.cookies.has(hint)).toBe(false);
  });

  it('is that of the last login', async () => {
    const world = createWorld();
    const tab = world.openTab();
    await tab.login(ada, { organization: 'org_2' });
    await tab.login(ada);
    expect(world.cookies.has(hint)).toBe(false);
  });

  it('is what the call says, where it says so', async () => {
    const world = createWorld();
    const tab = world.openTab(worker);
    await tab.login(ada, { organization: 'org_2' });
    const call = { authorizationParams: { organization: 'org_1' } };
    await tab.reload().client.getTokenSilently(call);
    expect(world.frames.at(-1)?.searchParams.get('organization')).toBe('org_1');
  });

  it.each(['acme', '{', '7', '{"org":1}'])(
    'is none where the cookie holds %p, which nobody here wrote',
    async (text) => {
      const world = createWorld();
      const tab = world.openTab(worker);
      await tab.login();
      world.cookies.set(hint, text);
      await tab.reload().client.checkSession();
      expect(world.frames.at(-1)?.searchParams.has('organization')).toBe(false);
    },
  );
});

describe('a session that may last so long and no longer', () => {
  const anHour = saying((iat) => ({ session_expiry: iat + 3600 }));

  it.each([['localstorage'], ['memory']] as const)(
    'is over half a minute before that, for every call (%s)',
    async (cacheLocation) => {
      const world = createWorld();
      const tab = world.openTab({ cacheLocation });
      world.faults.push(anHour);
      await tab.login();
      await world.advance(3569 * 1000);
      await expect(tab.client.isAuthenticated()).resolves.toBe(true);
      await world.advance(1000);
      await expect(tab.client.getTokenSilently()).resolves.toBeUndefined();
      await expect(tab.client.getUser()).resolves.toBeUndefined();
      await expect(tab.client.getIdTokenClaims()).resolves.toBeUndefined();
      await expect(tab.client.isAuthenticated()).resolves.toBe(false);
      await expect(tab.client.getTokenSilently()).rejects.toMatchObject({ requiresLogin: true });
      await world.rest();
      expect(world.refreshes()).toHaveLength(0);
      expect(world.frames).toHaveLength(0);
      expect(world.cookies.size).toBe(0);
      expect(world.tenant.families().map(({ verdict }) => verdict)).toEqual(['revoked']);
    },
  );

  it('is not prolonged by what is renewed meanwhile, and is by a login', async () => {
    const world = createWorld();
    const tab = world.openTab();
    world.faults.push(anHour);
    await tab.login();
    await world.advance(1800 * 1000);
    world.faults.push(anHour);
    await tab.client.getTokenSilently({ cacheMode: 'off' });
    await world.advance(1770 * 1000);
    await expect(tab.client.isAuthenticated()).resolves.toBe(false);
    world.faults.push(anHour);
    await tab.login();
    await world.advance(3569 * 1000);
    await expect(tab.reload().client.isAuthenticated()).resolves.toBe(true);
  });

  it.each([['localstorage'], ['memory']] as const)(
    'is begun anew, with DPoP too, by a login that its end overtakes (%s)',
    async (cacheLocation) => {
      const world = createWorld({ dpop: true });
      const tab = world.openTab({ useDpop: true, cacheLocation, ...noFallback });
      world.faults.push({ kind: 'hold', until: Promise.resolve() }, anHour); // the first answer is a nonce
      await tab.login();
      await world.advance(3500 * 1000);
      await tab.client.loginWithRedirect();
      await world.advance(100 * 1000);
      await tab.client.checkSession();
      await expect(tab.client.isAuthenticated()).resolves.toBe(false);
      const back = await tab.follow();
      await tab.client.handleRedirectCallback(back.headers.get('location') ?? '');
      await expect(tab.client.getTokenSilently({ cacheMode: 'off' })).resolves.toEqual(isToken);
    },
  );

  it.each([ada, grace])(
    'ends no login of %s in another tab that the storage does not show yet',
    async (who) => {
      const world = createWorld({ storageLag: 500 });
      const [one, two] = [world.openTab(noFallback), world.openTab(noFallback)];
      world.faults.push(anHour);
      await one.login();
      await world.advance(3600 * 1000);
      await two.login(who);
      const shown = one.client.getUser();
      await world.advance(2000);
      await expect(shown).resolves.toMatchObject({ email: who });
      await expect(two.client.getTokenSilently({ cacheMode: 'off' })).resolves.toEqual(isToken);
    },
  );

  it('is begun anew by a login that comes before its end', async () => {
    const world = createWorld();
    const tab = world.openTab();
    world.faults.push(anHour);
    await tab.login();
    await world.advance(1800 * 1000);
    world.faults.push(anHour);
    await tab.login();
    await world.advance(3500 * 1000);
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
  });

  it.each([
    ['milliseconds', (iat: number) => ({ session_expiry: (iat + 3600) * 1000 })],
    ['a text', (iat: number) => ({ session_expiry: `${iat + 3600}` })],
    ['no later than the token', (iat: number) => ({ session_expiry: iat })],
  ])('is no session where its end is %s: nothing of the login is kept', async (_, claims) => {
    const world = createWorld();
    const tab = world.openTab();
    world.faults.push(saying(claims));
    await expect(tab.login()).rejects.toMatchObject({ error: 'invalid_token', reason: 'session_expiry' });
    await expect(tab.client.isAuthenticated()).resolves.toBe(false);
    expect(world.tenant.families().map(({ verdict }) => verdict)).toEqual(['revoked']);
  });
});

describe('an old name', () => {
  it('onRedirect navigates where openUrl is not given', async () => {
    const tab = createWorld().openTab();
    const urls: string[] = [];
    const onRedirect = async (url: string) => void urls.push(url);
    await tab.client.loginWithRedirect({ onRedirect });
    await tab.client.logout({ onRedirect });
    await tab.client.logout({ onRedirect, openUrl: false });
    await tab.client.loginWithRedirect({ onRedirect, openUrl: () => {} });
    expect(urls.map((url) => new URL(url).pathname)).toEqual(['/authorize', '/v2/logout']);
    expect(tab.navigations).toEqual([]);
  });

  it('auth0.is.authenticated tells checkSession of a session, and gives way to the new one', async () => {
    const world = createWorld();
    const tab = world.openTab(worker);
    await tab.login();
    world.cookies.clear();
    world.cookies.set('auth0.is.authenticated', 'true');
    const after = tab.reload();
    await after.client.checkSession();
    await expect(after.client.isAuthenticated()).resolves.toBe(true);
    expect([...world.cookies.keys()]).toEqual(['auth0.spa.is.authenticated']);
  });

  it('auth0.is.authenticated is not forgotten where nobody could be reached', async () => {
    const world = createWorld();
    world.cookies.set('auth0.is.authenticated', 'true');
    world.online = false;
    await world.openTab().client.checkSession();
    expect([...world.cookies.keys()]).toEqual(['auth0.spa.is.authenticated']);
  });
});

describe('a second factor', () => {
  it.each([['localstorage'], ['memory']] as const)(
    'that a refresh needs is a typed error (%s)',
    async (cacheLocation) => {
      const world = createWorld();
      const tab = world.openTab({ cacheLocation, ...noFallback });
      await tab.login();
      await world.advance(twoHours);
      const mfa_requirements = { challenge: [{ type: 'otp' }] };
      const body = {
        error: 'mfa_required',
        error_description: 'Needed: s3cret',
        mfa_token: 's3cret',
        mfa_requirements,
      };
      world.faults.push({ kind: 'answer', status: 403, body: JSON.stringify(body) });
      const error = await tab.client.getTokenSilently().catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(MfaRequiredError);
      expect(error).toMatchObject({ error: 'mfa_required', mfa_token: 's3cret', mfa_requirements });
      expect(String(error)).not.toContain('s3cret');
      await expect(tab.client.getTokenSilently()).resolves.toEqual(isToken);
    },
  );
});

describe('getConfiguration', () => {
  it('tells what the client was built with', () => {
    const configuration = createWorld().openTab().client.getConfiguration();
    expect(configuration).toEqual({ domain: tenantUrl, clientId: 'spa' });
    expect(Object.isFrozen(configuration)).toBe(true);
  });
});

describe('a cache', () => {
  it.each([
    ['and where tokens are kept, which says nothing then', 'localstorage' as const, 1],
    ['alone', undefined, 0],
  ])('is given %s: what is a mistake, the developer is told', async (_, cacheLocation, warnings) => {
    const world = createWorld();
    const { enclosedCache: cache } = new InMemoryCache();
    const tab = world.openTab({ cache, cacheLocation, worker: false });
    expect(world.warnings).toHaveLength(warnings);
    await tab.login();
    expect(world.localStorage.names()).toEqual([]);
  });
});
