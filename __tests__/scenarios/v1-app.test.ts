import { describe, expect, it } from '@jest/globals';
import type { Auth0Client } from '../../src/auth0-client.ts';
import type { V1ClientOptions } from '../../src/compatibility/v1-options.ts';
import { app, audience, createWorld, orders, tenantUrl, type Tab, type World } from '../support/world.ts';

/** A client that is made as v1's documentation makes one, in a tab of its own. */
function openV1Tab(world: World, options: Partial<V1ClientOptions> = {}): Tab {
  const v1 = {
    client_id: 'spa',
    redirect_uri: app,
    useRefreshTokens: true,
    cacheLocation: 'localstorage',
    ...options,
  };
  return world.openTab({ clientId: undefined, authorizationParams: undefined, ...v1 } as never);
}

/** The tenant knows Ada from now on, and no app does. */
async function signInAtTenant(world: World): Promise<void> {
  const other = world.openTab({ cacheLocation: 'memory', worker: false });
  await other.login();
  other.kill();
  world.cookies.clear();
  world.requests.length = 0;
}

async function comeBack(tab: Tab): Promise<string> {
  const response = await tab.follow();
  return response.headers.get('location') ?? '';
}

const queryOf = (tab: Tab): Record<string, string> =>
  Object.fromEntries(new URL(tab.navigations.at(-1) ?? '').searchParams);

describe('an app that was written for v1', () => {
  it('runs as it is', async () => {
    const world = createWorld();
    await signInAtTenant(world);
    const tab = openV1Tab(world);
    const auth0 = tab.client;
    await auth0.loginWithRedirect({
      redirect_uri: app,
      audience,
      scope: 'read:things',
      appState: { targetUrl: '/profile' },
    });
    expect(queryOf(tab)).toMatchObject({
      client_id: 'spa',
      redirect_uri: app,
      audience,
      scope: 'openid profile email offline_access read:things',
    });
    const { appState } = await auth0.handleRedirectCallback<{ targetUrl: string }>(await comeBack(tab));
    expect(appState?.targetUrl).toBe('/profile');
    await expect(auth0.isAuthenticated()).resolves.toBe(true);
    await expect(auth0.getUser({ audience, scope: 'openid' })).resolves.toMatchObject({ name: 'Ada' });
    await expect(auth0.getIdTokenClaims({ audience, scope: 'openid' })).resolves.toMatchObject({
      aud: 'spa',
    });

    const token = await auth0.getTokenSilently({ audience, scope: 'read:things' });
    expect(world.refreshes()).toHaveLength(0);
    const fresh = await auth0.getTokenSilently({ ignoreCache: true, audience, scope: 'read:things' });
    expect(world.refreshes()).toHaveLength(1);
    expect(fresh).not.toBe(token);

    await auth0.logout({ returnTo: app });
    expect(tab.navigations.at(-1)).toBe(
      `${tenantUrl}/v2/logout?client_id=spa&returnTo=${encodeURIComponent(app)}`,
    );
    await expect(auth0.isAuthenticated()).resolves.toBe(false);
    expect(world.requests.at(-1)).toMatchObject({ path: '/oauth/revoke' });
  });

  it('logs in by an address that it goes to by itself', async () => {
    const world = createWorld();
    await signInAtTenant(world);
    const tab = openV1Tab(world);
    const url = await tab.client.buildAuthorizeUrl({
      appState: 'here',
      screen_hint: 'signup',
      fragment: 'x',
    });
    expect(tab.navigations).toEqual([]);
    expect(url).toMatch(/[?&]screen_hint=signup&.*#x$/);
    tab.navigations.push(url);
    await expect(tab.client.handleRedirectCallback(await comeBack(tab))).resolves.toMatchObject({
      appState: 'here',
    });
  });

  it('logs in by a popup, with parameters at the top level', async () => {
    const world = createWorld();
    const tab = openV1Tab(world);
    const call = tab.client.getTokenWithPopup({ audience: orders, scope: 'read:things', foo_bar: 1 });
    await world.rest();
    const [popup] = tab.popups;
    expect(Object.fromEntries(popup!.url().searchParams)).toMatchObject({ audience: orders, foo_bar: '1' });
    await popup!.signIn();
    await expect(call).resolves.toEqual(expect.any(String));
    const login = tab.client.loginWithPopup({ audience });
    await world.rest();
    expect(tab.popups[1]!.url().searchParams.get('audience')).toBe(audience);
    await tab.popups[1]!.signIn();
    await login;
  });

  it('replaces its page in the history where it says so', async () => {
    const tab = openV1Tab(createWorld());
    const methods: unknown[] = [];
    Object.assign(tab.env.page, { navigate: (_: string, method: unknown) => void methods.push(method) });
    await tab.client.loginWithRedirect({ redirectMethod: 'replace' });
    await tab.client.loginWithRedirect({ redirectMethod: 'assign' });
    await tab.client.loginWithRedirect();
    expect(methods).toEqual(['replace', 'assign', undefined]);
  });

  it('has parameters of any name, of the client and of a call, and none of them is an option', async () => {
    const world = createWorld();
    const tab = openV1Tab(world, {
      audience,
      customHint: 'a',
      leeway: 30,
      cookieDomain: 'app.example',
      useRefreshTokensFallback: false,
      advancedOptions: { defaultScope: 'email' },
    });
    await tab.client.loginWithRedirect({
      appState: 1,
      prompt: 'login',
      other: 7,
      flag: true,
      view: {},
      act: () => {},
    } as object);
    expect(Object.keys(queryOf(tab)).sort()).toEqual([
      'audience',
      'client_id',
      'code_challenge',
      'code_challenge_method',
      'customHint',
      'flag',
      'nonce',
      'other',
      'prompt',
      'redirect_uri',
      'response_mode',
      'response_type',
      'scope',
      'state',
    ]);
    expect(queryOf(tab)).toMatchObject({ customHint: 'a', other: '7', scope: 'openid email offline_access' });
  });

  it.each([
    [{ federated: true }, '?client_id=spa&federated'],
    [{ client_id: 'other', returnTo: app, extra: 'x' }, null],
    [{ client_id: null }, ''],
    [{ clientId: 'other', logoutParams: { federated: true } }, '?client_id=other&federated'],
  ])('knows the address of a logout at once: %j', (options, query) => {
    const tab = openV1Tab(createWorld());
    const other = `?client_id=other&returnTo=${encodeURIComponent(app)}&extra=x`;
    expect(tab.client.buildLogoutUrl(options)).toBe(`${tenantUrl}/v2/logout${query ?? other}`);
    expect(tab.navigations).toEqual([]);
  });

  it('does not know it where a provider has to be asked for it', () => {
    const { client } = openV1Tab(createWorld(), { discovery: true });
    expect(() => client.buildLogoutUrl()).toThrow('openUrl');
  });

  it.each([
    ['localstorage', { cacheLocation: 'localstorage' }],
    ['memory', { cacheLocation: 'memory', worker: false }],
  ] as const)('need not wait for a local logout, in %s mode', async (_, options) => {
    const world = createWorld();
    await signInAtTenant(world);
    const tab = openV1Tab(world, options);
    await tab.client.loginWithRedirect({ audience });
    await tab.client.handleRedirectCallback(await comeBack(tab));
    expect(world.cookies.size).toBe(1);
    void tab.client.logout({ localOnly: true });
    const next = tab.reload(); // in the same tick: the page is gone before a store has answered
    expect(world.cookies.size).toBe(0);
    await next.client.checkSession();
    await expect(next.client.isAuthenticated()).resolves.toBe(false);
    expect([tab.navigations.length, world.frames.length]).toEqual([1, 0]);
  });
});

describe('parameters out of JSON', () => {
  it.each([true, false])('bring nothing in by their prototype (v1: %p)', async (isV1) => {
    const world = createWorld();
    const tab = isV1 ? openV1Tab(world) : world.openTab();
    const evil =
      '{"__proto__":{"authorizationParams":{"redirect_uri":"https://evil.example"},"fragment":"evil"}}';
    await tab.client.loginWithRedirect(JSON.parse(evil) as never);
    const address = new URL(tab.navigations[0]!);
    expect([address.searchParams.get('redirect_uri'), address.hash]).toEqual([app, '']);
  });
});

describe('a logout that nobody waits for, and whose page goes at once', () => {
  it('is finished by the next page that asks for a token: what was left is revoked', async () => {
    const world = createWorld();
    await signInAtTenant(world);
    const tab = openV1Tab(world, { useRefreshTokensFallback: false });
    await tab.client.loginWithRedirect({ audience });
    await tab.client.handleRedirectCallback(await comeBack(tab));
    void tab.client.logout({ localOnly: true });
    const next = tab.reload();
    const call = expect(next.client.getTokenSilently({ audience })).rejects.toMatchObject({
      error: 'missing_refresh_token',
    });
    await world.advance(11_000);
    await call;
    expect(world.requests.map(({ path }) => path)).toEqual(['/oauth/token', '/oauth/revoke']);
  });
});

describe('both spellings at once', () => {
  const calls: [string, string, (client: Auth0Client) => unknown][] = [
    [
      'scope',
      'authorizationParams.scope',
      (client) => client.loginWithRedirect({ scope: 'a', authorizationParams: { scope: 'b' } }),
    ],
    [
      'audience',
      'authorizationParams.audience',
      (client) => client.getTokenSilently({ audience, authorizationParams: { audience: orders } }),
    ],
    ['ignoreCache', 'cacheMode', (client) => client.getTokenSilently({ ignoreCache: true, cacheMode: 'on' })],
    [
      'redirectMethod',
      'openUrl',
      (client) => client.loginWithRedirect({ redirectMethod: 'assign', openUrl: () => {} }),
    ],
    [
      'returnTo',
      'logoutParams.returnTo',
      (client) => client.logout({ returnTo: app, logoutParams: { returnTo: tenantUrl } }),
    ],
    ['client_id', 'clientId', (client) => client.logout({ client_id: 'a', clientId: 'b' })],
    ['localOnly', 'openUrl', (client) => client.logout({ localOnly: true, openUrl: () => {} })],
    ['localOnly', 'federated', (client) => client.logout({ localOnly: true, federated: true })],
    [
      'federated',
      'logoutParams.federated',
      async (client) => client.buildLogoutUrl({ federated: true, logoutParams: { federated: false } }),
    ],
  ];

  it.each(calls)('are an error that names both, and nothing is done: %s, %s', async (one, other, call) => {
    const tab = openV1Tab(createWorld());
    await expect(call(tab.client)).rejects.toMatchObject({
      error: 'invalid_configuration',
      message: expect.stringMatching(new RegExp(`"${one}" and "${other}"`)) as unknown,
    });
    expect([tab.navigations, tab.sessionStorage.names()]).toEqual([[], []]);
  });

  it('are none where they agree', async () => {
    const tab = openV1Tab(createWorld());
    await tab.client.loginWithRedirect({ audience, authorizationParams: { audience } });
    await tab.client.logout({ localOnly: true, openUrl: false, client_id: 'spa', clientId: 'spa' });
    expect(tab.navigations).toHaveLength(1);
  });

  it('a way to redirect that there is not is an error', async () => {
    const tab = openV1Tab(createWorld());
    await expect(tab.client.loginWithRedirect({ redirectMethod: 'push' as never })).rejects.toMatchObject({
      error: 'invalid_configuration',
    });
  });
});

describe('a client that is made as v2 makes one', () => {
  it('takes parameters at the top level that have a name of v1, and no others', async () => {
    const tab = createWorld().openTab();
    const event = { type: 'click', timeStamp: 5, isTrusted: true, target: {} }; // onClick={client.loginWithRedirect}
    await tab.client.loginWithRedirect({ ...event, login_hint: 'ada' });
    expect(queryOf(tab)).toMatchObject({ login_hint: 'ada', audience });
    for (const name of Object.keys(event)) expect(queryOf(tab)).not.toHaveProperty(name);
    await tab.client.logout({ ...event, returnTo: app });
    expect(queryOf(tab)).toEqual({ client_id: 'spa', returnTo: app });
  });
});
