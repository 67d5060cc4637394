import { describe, expect, it } from '@jest/globals';
import { Auth0Client, GenericError, MissingRefreshTokenError } from '../../src/index.ts';
import { decodeJwt } from '../../src/oauth/jwt.ts';
import { createFakeAuth0Client, fakeIdToken, fakeUser } from '../../src/testing/index.ts';
import { ada, app, audience, createWorld } from '../support/world.ts';

/** What a test can do to the one and to the other. */
interface Subject {
  readonly client: Pick<Auth0Client, keyof Auth0Client>;
  /** Leaves for a login, and returns. */
  comeBack(options: { appState?: unknown }): Promise<void>;
  /** On the page that the user has returned to. */
  complete(): Promise<unknown>;
  /** Another tab logs out. */
  signOutElsewhere(): Promise<void>;
}

const subjects: readonly (readonly [string, () => Subject | Promise<Subject>])[] = [
  [
    'the client',
    async () => {
      const world = createWorld();
      const browser = world.openTab();
      await browser.login(ada); // the tenant knows her from now on
      await browser.client.logout({ openUrl: false });
      const { client, navigations, follow } = world.openTab({ useRefreshTokensFallback: false });
      let url = '';
      return {
        client,
        comeBack: async (options) => {
          await client.loginWithRedirect({ ...options, openUrl: (to) => void navigations.push(to) });
          url = (await follow()).headers.get('location') ?? '';
        },
        complete: () => client.handleRedirectCallback(url),
        signOutElsewhere: () => world.openTab().client.logout({ openUrl: false }),
      };
    },
  ],
  [
    'the fake',
    () => {
      const client = createFakeAuth0Client();
      return {
        client,
        comeBack: (options) => client.loginWithRedirect(options),
        complete: () => client.handleRedirectCallback(),
        signOutElsewhere: async () => client.signOut(),
      };
    },
  ],
];

const codeOf = (error: unknown) => (error instanceof GenericError ? error.error : error);

describe.each(subjects)('%s, in the same story', (_, begin) => {
  it('knows nobody before a login', async () => {
    const { client } = await begin();
    await client.checkSession();
    expect(await client.isAuthenticated()).toBe(false);
    expect(await client.getUser()).toBeUndefined();
    expect(await client.getIdTokenClaims()).toBeUndefined();
    expect(await client.getTokenSilently({ cacheMode: 'cache-only' })).toBeUndefined();
    await expect(client.getTokenSilently()).rejects.toMatchObject({ requiresLogin: true });
    expect(await client.handleRedirectCallback('http://localhost:3000/?code=a&state=b').catch(codeOf)).toBe(
      'missing_transaction',
    );
  });

  it('signs in where the user returns, and gives the app’s state back', async () => {
    const { client, comeBack, complete } = await begin();
    await comeBack({ appState: { to: '/cart' } });
    expect(await client.isAuthenticated()).toBe(false);
    expect(await complete()).toEqual({
      appState: { to: '/cart' },
      response_type: 'code',
    });
    expect(await client.isAuthenticated()).toBe(true);
    const user = await client.getUser();
    expect(user).toMatchObject({ sub: expect.any(String), email: ada });
    expect(user).not.toHaveProperty('iss');
    expect(await client.getUser()).toBe(user);
    expect(Object.isFrozen(user)).toBe(true);
    const claims = await client.getIdTokenClaims();
    expect(decodeJwt(claims?.__raw ?? '').claims).toMatchObject({ sub: user?.sub, aud: claims?.aud });
  });

  it('serves a token until a new one is asked for', async () => {
    const { client, comeBack, complete } = await begin();
    await comeBack({});
    await complete();
    const token = await client.getTokenSilently();
    expect(await client.getTokenSilently()).toBe(token);
    expect(await client.getTokenSilently({ cacheMode: 'off' })).not.toBe(token);
    expect(await client.getTokenSilently({ detailedResponse: true })).toEqual({
      id_token: expect.any(String),
      access_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: expect.any(Number),
      expires_at: expect.any(Number),
      scope: expect.any(String),
    });
  });

  it('is signed out by a logout, here and elsewhere', async () => {
    const { client, comeBack, complete, signOutElsewhere } = await begin();
    await comeBack({});
    await complete();
    let left = '';
    await client.logout({ logoutParams: { returnTo: app }, openUrl: (url) => void (left = url) });
    expect(new URL(left).pathname).toBe('/v2/logout');
    expect(new URL(left).searchParams.get('returnTo')).toBe(app);
    expect(await client.isAuthenticated()).toBe(false);
    await comeBack({});
    await complete();
    await signOutElsewhere();
    expect(await client.getUser()).toBeUndefined();
  });

  it('leaves by the older name of openUrl, too', async () => {
    const { client } = await begin();
    const paths: string[] = [];
    const onRedirect = async (url: string) => void paths.push(new URL(url).pathname);
    await client.loginWithRedirect({ onRedirect });
    await client.logout({ onRedirect });
    expect(paths).toEqual(['/authorize', '/v2/logout']);
  });

  it('stays signed in when its refresh token is revoked, and tells what it was built with', async () => {
    const { client, comeBack, complete } = await begin();
    await comeBack({});
    await complete();
    await client.revokeRefreshToken();
    expect(await client.isAuthenticated()).toBe(true);
    expect(client.getConfiguration()).toEqual({ domain: expect.any(String), clientId: expect.any(String) });
    expect(Object.isFrozen(client.getConfiguration())).toBe(true);
  });

  it('is signed in by an exchange for a session, and not by one for a mere token', async () => {
    const { client } = await begin();
    const given = { subject_token: ada, subject_token_type: 'https://legacy.example/token' };
    const mere = await client.customTokenExchange(given);
    expect(await client.isAuthenticated()).toBe(false);
    const answer = await client.loginWithCustomTokenExchange(given);
    expect(await client.getTokenSilently()).toBe(answer.access_token);
    expect(mere.access_token).not.toBe(answer.access_token);
    expect(decodeJwt(answer.id_token).claims['sub']).toBe((await client.getUser())?.sub);
  });

  it('sends its token with a request, and nothing without one', async () => {
    const { client, comeBack, complete } = await begin();
    const sent: Request[] = [];
    const fetcher = client.createFetcher({
      baseUrl: 'https://api.example/v1/',
      async fetch(request) {
        sent.push(request);
        return { status: 200, headers: {} };
      },
    });
    await expect(fetcher.fetchWithAuth('/things')).rejects.toBeInstanceOf(GenericError);
    await comeBack({});
    await complete();
    await fetcher.fetchWithAuth('/things', { method: 'DELETE' });
    expect(sent.map(({ url, method }) => [url, method])).toEqual([
      ['https://api.example/v1/things', 'DELETE'],
    ]);
    expect(sent[0]?.headers.get('authorization')).toBe(`Bearer ${await client.getTokenSilently()}`);
    const empty = client.createFetcher({ baseUrl: audience, getAccessToken: async () => undefined });
    await expect(empty.fetchWithAuth('/things')).rejects.toMatchObject({ error: 'missing_access_token' });
  });

  it('ends a call at once whose signal is aborted, and every call after dispose()', async () => {
    const { client } = await begin();
    expect(await client.isAuthenticated({ signal: AbortSignal.abort() }).catch(codeOf)).toBe('aborted');
    client.dispose();
    expect(await client.isAuthenticated().catch(codeOf)).toBe('disposed');
  });
});

describe('the fake', () => {
  it('has every method of the client, and is one as far as anybody can tell', () => {
    const client: Auth0Client = createFakeAuth0Client();
    expect(client).toBeInstanceOf(Auth0Client);
    // None is inherited: the client's own would ask for a context that a fake has not.
    const names = Object.getOwnPropertyNames(Auth0Client.prototype).filter((name) => name !== 'constructor');
    expect(Object.keys(client)).toEqual(expect.arrayContaining(names));
  });

  it('has somebody signed in from the start, whoever the test likes', async () => {
    const client = createFakeAuth0Client({ user: { ...fakeUser, sub: 'auth0|grace', name: 'Grace' } });
    expect(await client.getUser()).toMatchObject({ sub: 'auth0|grace', name: 'Grace' });
    client.nextUser({ sub: 'auth0|edsger' });
    await client.loginWithPopup();
    expect(await client.getUser()).toEqual({ sub: 'auth0|edsger' });
  });

  it('answers requests as the test says, and keeps nonces', async () => {
    const client = createFakeAuth0Client({
      user: fakeUser,
      fetch: async (request) => new Response(`at ${request.url}`),
    });
    const response = await client.createFetcher().fetchWithAuth('things');
    expect(await response.text()).toBe('at https://api.fake.example/things');
    await client.setDpopNonce('one');
    await client.setDpopNonce('two', 'api');
    expect([await client.getDpopNonce(), await client.getDpopNonce('api')]).toEqual(['one', 'two']);
    const asked = { url: 'https://api.example', method: 'GET', accessToken: 'a' };
    expect(await client.generateDpopProof(asked)).toBe('fake-dpop-proof');
    expect((await createFakeAuth0Client({ user: fakeUser }).createFetcher().fetchWithAuth('x')).status).toBe(
      200,
    );
  });

  it('tells what it was asked', async () => {
    const client = createFakeAuth0Client();
    await client.loginWithRedirect({ authorizationParams: { screen_hint: 'signup' } });
    expect(client.calls).toEqual([
      { method: 'loginWithRedirect', arguments: [{ authorizationParams: { screen_hint: 'signup' } }] },
    ]);
  });

  it('fails when it is told to, as often as it is told', async () => {
    const client = createFakeAuth0Client({ user: fakeUser });
    const error = new MissingRefreshTokenError(audience, 'openid');
    client.fail('getTokenSilently', error, error);
    await expect(client.getTokenSilently()).rejects.toBe(error);
    await expect(client.getTokenSilently()).rejects.toBe(error);
    expect(await client.getTokenSilently()).toBe('fake-access-token-1');
    client.endSession();
    expect(await client.isAuthenticated()).toBe(false);
    expect(await client.getTokenSilently().catch(codeOf)).toBe('invalid_grant');
    expect(await client.getTokenSilently().catch(codeOf)).toBe('login_required');
  });

  it('gives the tokens that the test makes', async () => {
    const client = createFakeAuth0Client({
      user: fakeUser,
      accessToken: ({ audience, scope }) => `${audience} ${scope}`,
    });
    expect(await client.getTokenSilently({ authorizationParams: { audience, scope: 'read:things' } })).toBe(
      `${audience} read:things`,
    );
  });

  it('understands the spellings of v1', async () => {
    const client = createFakeAuth0Client({ user: fakeUser, accessToken: (wanted) => JSON.stringify(wanted) });
    const url = new URL(await client.buildAuthorizeUrl({ appState: 7, redirect_uri: app, audience }));
    expect(Object.fromEntries(url.searchParams)).toMatchObject({ redirect_uri: app, audience });
    const callback = `${app}/?code=a&state=${url.searchParams.get('state')}`;
    await expect(client.handleRedirectCallback(callback)).resolves.toMatchObject({ appState: 7 });
    expect(JSON.parse((await client.getTokenSilently({ audience, scope: 'a' })) ?? '')).toEqual({
      audience,
      scope: 'a',
    });
    expect(client.buildLogoutUrl({ returnTo: app })).toBe(
      `https://fake.example/v2/logout?client_id=fake-client&returnTo=${encodeURIComponent(app)}`,
    );
    expect(client.calls.at(-1)).toEqual({ method: 'buildLogoutUrl', arguments: [{ returnTo: app }] });
  });

  it('asks anew for ignoreCache, as v1 spells it', async () => {
    const client = createFakeAuth0Client({ user: fakeUser });
    const first = await client.getTokenSilently();
    expect(await client.getTokenSilently()).toBe(first);
    expect(await client.getTokenSilently({ ignoreCache: true })).not.toBe(first);
  });

  it('tells of an error in the address that the user returns to', async () => {
    const client = createFakeAuth0Client();
    await client.loginWithRedirect({ appState: 1 });
    const url = `${app}/?error=access_denied&error_description=No&state=fake-state-1`;
    await expect(client.handleRedirectCallback(url)).rejects.toMatchObject({
      error: 'access_denied',
      error_description: 'No',
      appState: 1,
    });
    expect(await client.isAuthenticated()).toBe(false);
  });

  it('is what auth0-react’s provider takes as its client', async () => {
    const load = async <T>(name: string) => (await import(name)) as T; // there are no types of React here
    type Make = (...parts: readonly unknown[]) => unknown;
    const { createElement } = await load<{ createElement: Make }>('react');
    const { renderToString } = await load<{ renderToString: (element: unknown) => string }>(
      'react-dom/server',
    );
    const { Auth0Provider, useAuth0 } = await load<{ Auth0Provider: unknown; useAuth0: () => object }>(
      '@auth0/auth0-react',
    );
    const shown = () => JSON.stringify(useAuth0());
    const client = createFakeAuth0Client({ user: fakeUser });
    const page = renderToString(createElement(Auth0Provider, { client }, createElement(shown)));
    expect(page).toContain('isLoading&quot;:true');
  });

  it('makes ID tokens that can be read', () => {
    expect(decodeJwt(fakeIdToken({ sub: 'ada', name: 'Åda' })).claims).toEqual({ sub: 'ada', name: 'Åda' });
  });
});
