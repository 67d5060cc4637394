import { describe, expect, it } from '@jest/globals';
import { decodeJwt } from '../../src/oauth/jwt.ts';
import { ada, audience, createWorld, grace, orders, tokenExchange, type World } from '../support/world.ts';

const subject_token_type = 'https://legacy.example/token';
const of = (subject_token: string) => ({ subject_token, subject_token_type });
const lastForm = (world: World) => Object.fromEntries(world.requests.at(-1)?.form ?? []);
const secretsIn = (world: World, value: unknown) =>
  [...world.secrets].filter((secret) => JSON.stringify(value).includes(secret));

describe.each(['localstorage', 'memory'] as const)(
  'loginWithCustomTokenExchange with %s',
  (cacheLocation) => {
    it('signs in: the session is kept and renewed as after any login', async () => {
      const world = createWorld();
      const tab = world.openTab({ cacheLocation });
      const answer = await tab.client.loginWithCustomTokenExchange(of(ada));
      expect(answer).toMatchObject({ token_type: 'Bearer', expires_in: 3600 });
      await expect(tab.client.getUser()).resolves.toMatchObject({ email: ada });
      await expect(tab.client.getTokenSilently()).resolves.toBe(answer.access_token);
      const renewed = await tab.client.getTokenSilently({ cacheMode: 'off' });
      expect(renewed).not.toBe(answer.access_token);
      expect(world.refreshes()).toHaveLength(1);
    });

    it('hands no refresh token to the app', async () => {
      const world = createWorld();
      const tab = world.openTab({ cacheLocation });
      const answer = await tab.client.exchangeToken(of(ada));
      expect(world.secrets.size).toBeGreaterThan(0);
      expect(secretsIn(world, answer)).toEqual([]);
      expect(Object.keys(answer).sort()).toEqual([
        'access_token',
        'expires_at',
        'expires_in',
        'id_token',
        'scope',
        'token_type',
      ]);
    });

    it('ends the session of another user, as any login does', async () => {
      const world = createWorld();
      const tab = world.openTab({ cacheLocation });
      await tab.login(grace);
      await tab.client.loginWithCustomTokenExchange(of(ada));
      await world.rest();
      await expect(tab.client.getUser()).resolves.toMatchObject({ email: ada });
      expect(world.requests.filter(({ path }) => path === '/oauth/revoke')).toHaveLength(1);
    });
  },
);

describe('loginWithCustomTokenExchange', () => {
  it('asks for what the client and the call ask for; further parameters go along', async () => {
    const world = createWorld();
    const { client } = world.openTab();
    await client.loginWithCustomTokenExchange({ ...of(ada), scope: 'write:things', hint: 'blue' });
    expect(lastForm(world)).toEqual({
      grant_type: tokenExchange,
      client_id: 'spa',
      ...of(ada),
      audience,
      scope: 'openid profile email read:things offline_access write:things',
      hint: 'blue',
    });
  });

  it('names the SDK where the app configures that, and goes as JSON where it wants none of forms', async () => {
    const world = createWorld();
    const { client } = world.openTab({ auth0Client: { name: 'app', version: '1' }, useFormData: false });
    await client.loginWithCustomTokenExchange(of(ada));
    await client.getTokenSilently({ cacheMode: 'off' });
    expect(world.requests.map(({ headers }) => Object.keys(headers).sort())).toEqual([
      ['Auth0-Client', 'Content-Type'],
      ['Content-Type'],
    ]);
    expect(world.requests[0]?.form.get('subject_token')).toBe(ada);
  });

  it('lets no parameter of the call change where it goes, for whom, and by which grant', async () => {
    const world = createWorld();
    const { client } = world.openTab();
    await client.loginWithCustomTokenExchange({
      ...of(ada),
      grant_type: 'password',
      client_id: 'other',
      baseUrl: 'https://evil.example',
      domainUrl: 'https://evil.example',
      exchange: 'x',
    });
    expect(
      world.requests.map(({ path, form }) => [path, form.get('grant_type'), form.get('client_id')]),
    ).toEqual([['/oauth/token', tokenExchange, 'spa']]);
  });

  it('whose ID token is of no member of the organization that was asked for keeps nothing, and revokes what came', async () => {
    const world = createWorld();
    const tab = world.openTab();
    const bring = (body: object) => ({ ...body, id_token: signedIn.id_token });
    const signedIn = await tab.client.customTokenExchange(of(ada));
    world.faults.push({
      kind: 'answer',
      status: 200,
      body: JSON.stringify(bring({ access_token: 'a', refresh_token: 'r' })),
    });
    await expect(
      tab.client.loginWithCustomTokenExchange({ ...of(ada), organization: 'org_1' }),
    ).rejects.toMatchObject({ error: 'invalid_id_token', reason: 'organization' });
    await expect(tab.client.isAuthenticated()).resolves.toBe(false);
    expect(lastForm(world)).toMatchObject({ token: 'r' });
  });

  it('that is declined says so in the tenant’s words, and leaves the session as it was', async () => {
    const world = createWorld();
    const tab = world.openTab();
    await tab.login(grace);
    const secret = 'token-of-nobody';
    const error: unknown = await tab.client
      .loginWithCustomTokenExchange(of(secret))
      .catch((it: unknown) => it);
    expect(error).toMatchObject({ error: 'access_denied', message: 'nobody is called …', retryable: false });
    await expect(tab.client.getUser()).resolves.toMatchObject({ email: grace });
  });

  it.each([
    ['no token', { subject_token: '', subject_token_type }],
    ['no kind of token', { subject_token: ada } as never],
    ['a parameter without a text', { ...of(ada), hint: Symbol('hint') }],
  ])('with %s is an error before anything is sent', async (_, options) => {
    const world = createWorld();
    const { client } = world.openTab();
    for (const exchange of [
      client.loginWithCustomTokenExchange(options),
      client.customTokenExchange(options),
    ])
      await expect(exchange).rejects.toMatchObject({ error: 'invalid_configuration' });
    expect(world.requests).toEqual([]);
  });
});

describe('customTokenExchange', () => {
  it('brings a token, and touches no session', async () => {
    const world = createWorld();
    const tab = world.openTab();
    await tab.login(grace);
    const before = await tab.client.getTokenSilently();
    const stored = () => [tab.env.localStorage, tab.sessionStorage].map((it) => it.names());
    const names = stored();
    const { id_token, access_token } = await tab.client.customTokenExchange({ ...of(ada), audience: orders });
    expect(decodeJwt(id_token).claims).toMatchObject({ email: ada });
    expect(decodeJwt(access_token).claims['aud']).toContain(orders);
    await expect(tab.client.getUser()).resolves.toMatchObject({ email: grace });
    await expect(tab.client.getTokenSilently()).resolves.toBe(before);
    expect(stored()).toEqual(names);
    await expect(tab.client.getTokenSilently({ cacheMode: 'off' })).resolves.toEqual(expect.any(String));
  });

  it('where nobody is signed in, signs nobody in', async () => {
    const world = createWorld();
    const { client } = world.openTab();
    await client.customTokenExchange(of(ada));
    await expect(client.isAuthenticated()).resolves.toBe(false);
    expect(world.cookies.size).toBe(0);
  });

  it('asks for no refresh token, and revokes one that comes all the same', async () => {
    const world = createWorld();
    const { client } = world.openTab();
    const answer = await client.customTokenExchange(of(ada));
    expect(lastForm(world)['scope']).toBe('openid profile email read:things');
    expect(JSON.stringify(answer)).not.toContain('refresh');
    world.faults.push({ kind: 'alter', alter: (body) => ({ ...body, refresh_token: 'unasked' }) });
    expect(JSON.stringify(await client.customTokenExchange(of(ada)))).not.toContain('unasked');
    expect(lastForm(world)).toMatchObject({ token: 'unasked' });
  });

  it('whose ID token is not for this client is refused', async () => {
    const world = createWorld();
    const { client } = world.openTab();
    world.faults.push({ kind: 'alter', alter: (body) => ({ ...body, id_token: 'not a JWT' }) });
    await expect(client.customTokenExchange(of(ada))).rejects.toMatchObject({ error: 'invalid_id_token' });
  });

  it('without an ID token brings the access token', async () => {
    const world = createWorld();
    const { client } = world.openTab();
    world.faults.push({ kind: 'alter', alter: ({ id_token: _, ...body }) => body });
    await expect(client.customTokenExchange(of(ada))).resolves.toMatchObject({
      id_token: '',
      expires_in: 3600,
    });
  });
});

describe('an exchange with DPoP', () => {
  it('is bound to the key that the session’s tokens are bound to', async () => {
    const world = createWorld({ dpop: true });
    const tab = world.openTab({ useDpop: true });
    const login = await tab.client.loginWithCustomTokenExchange(of(ada));
    const other = await tab.client.customTokenExchange({ ...of(ada), audience: orders });
    const renewed = await tab.client.getTokenSilently({ cacheMode: 'off', detailedResponse: true });
    const bound = [login, other, renewed].map((it) => decodeJwt(it?.access_token ?? '').claims['cnf']);
    expect(new Set(bound.map((it) => JSON.stringify(it))).size).toBe(1);
    expect([login, other, renewed].map((it) => it?.token_type)).toEqual(['DPoP', 'DPoP', 'DPoP']);
  });
});
