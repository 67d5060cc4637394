/**
 * The OpenID Foundation's checklist for providers (basic plan, discovery, RP-initiated logout) as tests of our own, each by its
 * module's name, against `quirks.conformance`. openid-client is the client; where it would not do the wrong thing, a request by hand.
 */
import { describe, expect, it } from '@jest/globals';
import * as openid from 'openid-client';
import { createHash } from 'node:crypto';
import type { Tenant, TenantConfiguration } from '../../src/tenant/index.ts';
import { tenantBrowser, type TenantBrowser, type Visit } from '../support/tenant-browser.ts';
import { ada, app, api, aTenant, claimsOf, grace, rotating } from './a-tenant.ts';

const callback = `${app}/callback`;
const otherCallback = `${app}/other-callback`;
const bye = `${app}/bye`;

const basic = {
  client_id: 'basic',
  app_type: 'regular_web',
  client_secret: 'first s3cret',
  token_endpoint_auth_method: 'client_secret_basic',
  callbacks: [callback, otherCallback],
  allowed_logout_urls: [bye],
  refresh_token: rotating,
} as const;
const second = {
  ...basic,
  client_id: 'second',
  client_secret: 'second s3cret',
  token_endpoint_auth_method: 'client_secret_post',
} as const;
const address = { street_address: '12 St James’s Square', locality: 'London', country: 'GB' };
const person = {
  ...ada,
  name: 'Ada Lovelace',
  nickname: 'ada',
  given_name: 'Ada',
  family_name: 'Lovelace',
  picture: 'https://pictures.example/ada',
  email_verified: true,
  phone_number: '+442071231234',
  address,
} as const;

const begun = Date.now(); // openid-client looks at the clock of the machine
const startedAt = new Date(begun).toISOString();

/** Its clock stands still, at the time at which the tests begin. */
const theProvider = (changes: Partial<TenantConfiguration> = {}) =>
  aTenant({
    now: () => begun,
    clients: [basic, second],
    users: [person, { email: grace, password: 'battery staple' }],
    quirks: { conformance: true },
    ...changes,
  });

/** A client that checks the signature of every ID token. */
async function discover(
  tenant: Tenant,
  { client_id, client_secret }: typeof basic | typeof second = basic,
  authenticate = openid.ClientSecretBasic,
): Promise<openid.Configuration> {
  return openid.discovery(new URL(tenant.issuer), client_id, {}, authenticate(client_secret), {
    execute: [openid.allowInsecureRequests, openid.enableNonRepudiationChecks],
    [openid.customFetch]: (url, init) => tenant.fetch(new Request(url, init as RequestInit)),
  });
}

type Parameters = Readonly<Record<string, string>>;

/** An authorization request, and what the answer is held against. */
function request(config: openid.Configuration, parameters: Parameters = {}) {
  const [expectedState, expectedNonce] = [openid.randomState(), openid.randomNonce()];
  const url = openid.buildAuthorizationUrl(config, {
    redirect_uri: callback,
    scope: 'openid',
    state: expectedState,
    nonce: expectedNonce,
    ...parameters,
  });
  return { url, checks: { expectedState, expectedNonce } };
}

const isCalledBack = ({ url }: Visit) => url.origin === app;

/** A login from the request to the tokens. The person signs in where a page asks for it. */
async function logIn(
  config: openid.Configuration,
  browser: TenantBrowser,
  parameters: Parameters = {},
  more: openid.AuthorizationCodeGrantChecks = {},
) {
  const { url, checks } = request(config, parameters);
  const page = await browser.visit(url);
  const answer = isCalledBack(page) ? page : await browser.submit(page, ada);
  const tokens = await openid.authorizationCodeGrant(config, answer.url, { ...checks, ...more });
  const claims = tokens.claims();
  if (!claims) throw new Error('no ID token');
  return { tokens, claims, callbackUrl: answer.url, checks, page, wasAsked: page !== answer };
}

/** A tenant, a client of it, and a browser. */
async function aParty(changes?: Partial<TenantConfiguration>) {
  const tenant = theProvider(changes);
  return { tenant, config: await discover(tenant), browser: tenantBrowser(tenant) };
}

/** What becomes of a request that must not succeed; the client finds its state in the answer, or this fails. */
async function refusalOf(
  config: openid.Configuration,
  browser: TenantBrowser,
  parameters: Parameters,
): Promise<unknown> {
  const { url, checks } = request(config, parameters);
  const answer = await browser.visit(url);
  expect(isCalledBack(answer)).toBe(true);
  return openid.authorizationCodeGrant(config, answer.url, checks).then(
    () => 'granted',
    (error: unknown) => (error as { readonly error?: string }).error ?? error,
  );
}

const factsOf = async (tenant: Tenant, path: string): Promise<Readonly<Record<string, unknown>>> =>
  (await tenant.fetch(new Request(`${tenant.baseUrl}${path}`))).json() as never;

const statusOf = async (tenant: Tenant, url: string, method: string): Promise<number> =>
  (await tenant.fetch(new Request(url, { method }))).status;

const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const unsigned = (claims: object) => `${base64url({ alg: 'none' })}.${base64url(claims)}.`;

const atHash = (token: string) =>
  createHash('sha256').update(token).digest().subarray(0, 16).toString('base64url');

describe('the basic plan', () => {
  it('oidcc-server: signs in, and says in the ID token for whom, when, and with which access token', async () => {
    const { tenant, config, browser } = await aParty();
    const { tokens, claims, checks } = await logIn(config, browser);
    expect(tokens.token_type).toBe('bearer');
    expect(claims).toMatchObject({
      iss: tenant.issuer,
      aud: 'basic',
      sub: expect.stringMatching(/^[\x21-\x7e]{1,255}$/),
      nonce: checks.expectedNonce,
      iat: Math.floor(begun / 1000),
      auth_time: Math.floor(begun / 1000),
      at_hash: atHash(tokens.access_token),
    });
    expect(claims.exp).toBeGreaterThan(claims.iat);
  });

  it('oidcc-server: and with which one for an API', async () => {
    const { config, browser } = await aParty();
    const { tokens, claims } = await logIn(config, browser, { audience: api });
    expect(claims['at_hash']).toBe(atHash(tokens.access_token));
    expect(claimsOf(tokens.access_token)).toMatchObject({ scope: 'openid' });
  });

  it('oidcc-response-type-missing: is refused, and the client is told', async () => {
    const { config, browser } = await aParty();
    const { url, checks } = request(config);
    url.searchParams.delete('response_type');
    const answer = await browser.visit(url);
    await expect(openid.authorizationCodeGrant(config, answer.url, checks)).rejects.toMatchObject({
      error: 'invalid_request',
    });
  });

  it('oidcc-idtoken-signature: is good by the published key, and a spoilt one is noticed', async () => {
    const { tenant, config, browser } = await aParty();
    const { tokens } = await logIn(config, browser);
    const { keys } = (await factsOf(tenant, '/.well-known/jwks.json')) as { keys: { kid: string }[] };
    const [header = ''] = String(tokens.id_token).split('.');
    expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toMatchObject({
      alg: 'RS256',
      kid: keys[0]?.kid,
    });
    tenant.faults.add({ kind: 'bad-sig' });
    await expect(logIn(config, browser)).rejects.toMatchObject({ code: 'OAUTH_INVALID_RESPONSE' });
  });

  it('oidcc-idtoken-unsigned: no such tokens are offered', async () => {
    const { config } = await aParty();
    expect(config.serverMetadata().id_token_signing_alg_values_supported).toEqual(['RS256']);
  });

  it('oidcc-userinfo-get: says who it is, by the same name as the ID token', async () => {
    const { config, browser } = await aParty();
    const { tokens, claims } = await logIn(config, browser);
    expect(await openid.fetchUserInfo(config, tokens.access_token, claims.sub)).toEqual({ sub: claims.sub });
  });

  it.each<[string, (token: string) => RequestInit]>([
    [
      'oidcc-userinfo-post-header: takes the token from the header of a POST',
      (token) => ({ headers: { authorization: `Bearer ${token}` } }),
    ],
    [
      'oidcc-userinfo-post-body: takes the token from its form',
      (token) => ({ body: new URLSearchParams({ access_token: token }) }),
    ],
  ])('%s', async (_, initOf) => {
    const { tenant, config, browser } = await aParty();
    const { tokens, claims } = await logIn(config, browser);
    const init = { method: 'POST', ...initOf(tokens.access_token) };
    const response = await tenant.fetch(new Request(`${tenant.baseUrl}/userinfo`, init));
    expect(await response.json()).toEqual({ sub: claims.sub });
  });

  it('oidcc-ensure-request-without-nonce-succeeds-for-code-flow: and the ID token has none', async () => {
    const { config, browser } = await aParty();
    const { url, checks } = request(config);
    url.searchParams.delete('nonce');
    const answer = await browser.submit(await browser.visit(url), ada);
    const { expectedState } = checks;
    const tokens = await openid.authorizationCodeGrant(config, answer.url, { expectedState });
    expect(tokens.claims()).not.toHaveProperty('nonce');
  });

  const profile = {
    name: 'Ada Lovelace',
    nickname: 'ada',
    given_name: 'Ada',
    family_name: 'Lovelace',
    picture: person.picture,
    updated_at: Math.floor(begun / 1000),
  };
  const email = { email: ada.email, email_verified: true };
  const phone = { phone_number: '+442071231234', phone_number_verified: false };
  it.each([
    ['oidcc-scope-profile', 'openid profile', profile],
    ['oidcc-scope-email', 'openid email', email],
    ['oidcc-scope-address', 'openid address', { address }],
    ['oidcc-scope-phone', 'openid phone', phone],
    ['oidcc-scope-all', 'openid profile email address phone', { ...profile, ...email, address, ...phone }],
    ['oidcc-ensure-other-scope-order-succeeds', 'email openid', email],
  ])('%s: "%s" is answered with its claims and no others', async (_, scope, expected) => {
    const { config, browser } = await aParty();
    const { tokens, claims } = await logIn(config, browser, { scope });
    const { sub } = claims;
    const found = await openid.fetchUserInfo(config, tokens.access_token, sub);
    expect(found).toEqual({ sub, ...expected });
    expect(claims).toMatchObject(expected);
    expect(config.serverMetadata().scopes_supported).toEqual(expect.arrayContaining(scope.split(' ')));
    expect(config.serverMetadata()['claims_supported']).toEqual(expect.arrayContaining(Object.keys(found)));
  });

  it.each([
    ['oidcc-display-page', { display: 'page' }],
    ['oidcc-display-popup', { display: 'popup' }],
    ['oidcc-ensure-request-with-unknown-parameter-succeeds', { extra: 'foobar' }],
    ['oidcc-ui-locales', { ui_locales: 'se' }],
    ['oidcc-claims-locales', { claims_locales: 'se' }],
    ['oidcc-ensure-request-with-acr-values-succeeds', { acr_values: '1 2' }],
  ])('%s: causes no error, %j', async (_, parameters) => {
    const { config, browser } = await aParty();
    expect((await logIn(config, browser, { ...parameters })).wasAsked).toBe(true);
  });

  it('oidcc-login-hint: stands in the form', async () => {
    const { config, browser } = await aParty();
    const { page, claims } = await logIn(config, browser, { login_hint: grace, scope: 'openid email' });
    expect(page.body).toContain(`value="${grace}"`);
    expect(claims['email']).toBe(ada.email);
  });

  it('oidcc-prompt-login: asks again, and the ID token says when', async () => {
    const { tenant, config, browser } = await aParty();
    const first = await logIn(config, browser);
    tenant.clock.advance('5s');
    const again = await logIn(config, browser, { prompt: 'login' });
    expect(again.wasAsked).toBe(true);
    expect(again.claims).toMatchObject({
      sub: first.claims.sub,
      auth_time: Number(first.claims.auth_time) + 5,
    });
  });

  it('oidcc-prompt-none-not-logged-in: login_required, and no page', async () => {
    const { config, browser } = await aParty();
    expect(await refusalOf(config, browser, { prompt: 'none' })).toBe('login_required');
  });

  it('oidcc-prompt-none-logged-in: signs in without a page, and with the time of the first sign-in', async () => {
    const { tenant, config, browser } = await aParty();
    const { claims } = await logIn(config, browser);
    tenant.clock.advance('5s');
    const again = await logIn(config, browser, { prompt: 'none' });
    expect(again.wasAsked).toBe(false);
    expect(again.claims).toMatchObject({ sub: claims.sub, auth_time: claims.auth_time });
  });

  it.each([
    ['oidcc-max-age-1: asks again after more than a second', '1', true],
    ['oidcc-max-age-10000: does not ask again after two', '10000', false],
  ])('%s, and the ID token says when', async (_, max_age, wasAsked) => {
    const { tenant, config, browser } = await aParty();
    const { claims } = await logIn(config, browser);
    tenant.clock.advance('2s');
    const again = await logIn(config, browser, { max_age }, { maxAge: Number(max_age) });
    expect(again.wasAsked).toBe(wasAsked);
    expect(again.claims).toMatchObject({
      sub: claims.sub,
      auth_time: Number(claims.auth_time) + (wasAsked ? 2 : 0),
    });
  });

  it('oidcc-id-token-hint: whom it names is signed in without a page, and nobody else', async () => {
    const { tenant, config, browser } = await aParty();
    const { tokens, claims } = await logIn(config, browser);
    const hinted = { prompt: 'none', id_token_hint: String(tokens.id_token) };
    const again = await logIn(config, browser, hinted);
    expect(again.claims.sub).toBe(claims.sub);
    const elsewhere = tenantBrowser(tenant);
    elsewhere.setCookie(tenant.signIn(grace, { client_id: 'basic' }).cookie);
    expect(await refusalOf(config, elsewhere, hinted)).toBe('login_required');
  });

  it('oidcc-codereuse: a code that comes twice is refused, and takes back what it gave', async () => {
    const { config, browser } = await aParty();
    const { tokens, callbackUrl, checks } = await logIn(config, browser, { scope: 'openid offline_access' });
    await expect(openid.authorizationCodeGrant(config, callbackUrl, checks)).rejects.toMatchObject({
      status: 400,
      error: 'invalid_grant',
    });
    await expect(openid.refreshTokenGrant(config, String(tokens.refresh_token))).rejects.toMatchObject({
      status: 400,
      error: 'invalid_grant',
    });
  });

  it('oidcc-codereuse-30seconds: and the access token, but no other', async () => {
    const { tenant, config, browser } = await aParty();
    const { tokens, callbackUrl, checks, claims } = await logIn(config, browser);
    const other = await logIn(config, browser);
    tenant.clock.advance('30s');
    await expect(openid.authorizationCodeGrant(config, callbackUrl, checks)).rejects.toMatchObject({
      status: 400,
      error: 'invalid_grant',
    });
    expect(tenant.journal.at(-1)?.reason).toBe('the code was used before; its access token ends');
    await expect(openid.fetchUserInfo(config, tokens.access_token, claims.sub)).rejects.toMatchObject({
      status: 401,
    });
    expect(await openid.fetchUserInfo(config, other.tokens.access_token, claims.sub)).toHaveProperty('sub');
  });

  it.each([`${app}/other`, `${callback}/`, `${callback}?from=client`, 'https://evil.example/callback'])(
    'oidcc-ensure-registered-redirect-uri: a page, and no answer to %s',
    async (redirect_uri) => {
      const { tenant, config, browser } = await aParty();
      const page = await browser.visit(request(config, { redirect_uri }).url);
      expect(page.url.origin).toBe(tenant.baseUrl);
      expect(page.response.status).toBe(403);
      expect(page.body).toContain('Callback URL mismatch.');
    },
  );

  it('oidcc-ensure-post-request-succeeds: the request may be a form', async () => {
    const { config, browser } = await aParty();
    const { url, checks } = request(config);
    const init = { method: 'POST', body: url.searchParams };
    const answer = await browser.submit(await browser.visit('/authorize', init), ada);
    const tokens = await openid.authorizationCodeGrant(config, answer.url, checks);
    expect(tokens.claims()?.nonce).toBe(checks.expectedNonce);
  });

  it('oidcc-server-client-secret-post: the secret may be in the body; a wrong one is refused', async () => {
    const tenant = theProvider();
    const config = await discover(tenant, second, openid.ClientSecretPost);
    const { claims } = await logIn(config, tenantBrowser(tenant));
    expect(claims.aud).toBe('second');
    const guessed = await discover(tenant, second, () => openid.ClientSecretPost('guessed'));
    await expect(logIn(guessed, tenantBrowser(tenant))).rejects.toMatchObject({
      status: 401,
      error: 'invalid_client',
    });
  });

  it('oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported: the latter', async () => {
    const { config, browser } = await aParty();
    const asked = unsigned({ client_id: 'basic', scope: 'openid email' });
    expect(await refusalOf(config, browser, { request: asked })).toBe('request_not_supported');
    expect(config.serverMetadata()['request_parameter_supported']).toBe(false);
  });

  it('oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported: the latter', async () => {
    const { config, browser } = await aParty();
    const request_uri = `${app}/request.jwt`;
    expect(await refusalOf(config, browser, { request_uri })).toBe('request_uri_not_supported');
    expect(config.serverMetadata()['request_uri_parameter_supported']).toBe(false);
  });

  it('oidcc-ensure-request-object-with-redirect-uri: the address inside is not gone to', async () => {
    const { config, browser } = await aParty();
    const asked = unsigned({ client_id: 'basic', redirect_uri: 'https://evil.example/callback' });
    expect(await refusalOf(config, browser, { request: asked })).toBe('request_not_supported');
  });

  it('oidcc-claims-essential: says that it does not take the parameter, and passes it over', async () => {
    const { config, browser } = await aParty();
    expect(config.serverMetadata()['claims_parameter_supported']).toBe(false);
    const claims = JSON.stringify({ userinfo: { name: { essential: true } } });
    const { tokens, claims: found } = await logIn(config, browser, { claims });
    const answer = await openid.fetchUserInfo(config, tokens.access_token, found.sub);
    expect(answer).toEqual({ sub: found.sub });
  });

  it('oidcc-refresh-token: gives an ID token of the same sign-in, to nobody but the client', async () => {
    const { tenant, config, browser } = await aParty();
    const { tokens, claims } = await logIn(config, browser, { scope: 'openid offline_access' });
    const stranger = await discover(tenant, second, openid.ClientSecretPost);
    await expect(openid.refreshTokenGrant(stranger, String(tokens.refresh_token))).rejects.toMatchObject({
      status: 400,
      error: 'invalid_grant',
    });
    tenant.clock.advance('10s');
    const refreshed = await openid.refreshTokenGrant(config, String(tokens.refresh_token));
    const { iss, sub, aud, auth_time, iat } = claims;
    expect(refreshed.claims()).toMatchObject({
      iss,
      sub,
      aud,
      auth_time,
      iat: iat + 10,
      at_hash: atHash(refreshed.access_token),
    });
    expect(refreshed.claims()).not.toHaveProperty('nonce');
    expect(refreshed.access_token).not.toBe(tokens.access_token);
    const more = { scope: 'openid email offline_access' };
    await expect(
      openid.refreshTokenGrant(config, String(refreshed.refresh_token), more),
    ).rejects.toMatchObject({ status: 400, error: 'invalid_scope' });
  });

  it('oidcc-ensure-request-with-valid-pkce-succeeds: and one with another verifier does not', async () => {
    const { config, browser } = await aParty();
    const pkceCodeVerifier = openid.randomPKCECodeVerifier();
    const code_challenge = await openid.calculatePKCECodeChallenge(pkceCodeVerifier);
    const parameters = { code_challenge, code_challenge_method: 'S256' };
    expect((await logIn(config, browser, parameters, { pkceCodeVerifier })).wasAsked).toBe(true);
    await expect(
      logIn(config, browser, parameters, { pkceCodeVerifier: openid.randomPKCECodeVerifier() }),
    ).rejects.toMatchObject({ status: 400, error: 'invalid_grant' });
  });

  it('oidcc-alternate-happy-flow: another client, another callback, an answer by form_post', async () => {
    const tenant = theProvider();
    const config = await discover(tenant, second, openid.ClientSecretPost);
    const browser = tenantBrowser(tenant);
    const { url, checks } = request(config, { redirect_uri: otherCallback, response_mode: 'form_post' });
    const page = await browser.submit(await browser.visit(url), ada);
    const posted = await formOf(page);
    expect(posted.url).toBe(otherCallback);
    const tokens = await openid.authorizationCodeGrant(config, posted, checks);
    expect(tokens.claims()).toMatchObject({ aud: 'second', nonce: checks.expectedNonce });
  });
});

/** What a browser would send from a page that posts its form by itself. */
async function formOf(page: Visit): Promise<Request> {
  let sent = new Request('http://nowhere.example');
  const application = {
    baseUrl: app,
    fetch: async (posted: Request) => {
      sent = posted;
      return new Response();
    },
  };
  await tenantBrowser(application).submit(page, {});
  return sent;
}

describe('the configuration plan', () => {
  it('oidcc-discovery-endpoint-verification: names what there is, all of it here', async () => {
    const { tenant, config } = await aParty();
    const metadata = config.serverMetadata();
    expect(metadata.issuer).toBe(tenant.issuer);
    const endpoints = Object.entries(metadata).filter(([name]) => /_(endpoint|uri)$/.test(name));
    expect(endpoints.map(([name]) => name)).toEqual(
      expect.arrayContaining(['authorization_endpoint', 'token_endpoint', 'userinfo_endpoint', 'jwks_uri']),
    );
    for (const [, url] of endpoints) {
      expect(new URL(String(url)).origin).toBe(tenant.baseUrl);
      const statuses = ['GET', 'POST'].map(async (method) => statusOf(tenant, String(url), method));
      expect(await Promise.all(statuses)).not.toEqual([404, 404]);
    }
    expect(metadata).toMatchObject({
      response_types_supported: ['code'],
      response_modes_supported: ['query', 'fragment', 'form_post'],
      grant_types_supported: expect.arrayContaining(['authorization_code', 'refresh_token']),
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: expect.arrayContaining(['RS256']),
      token_endpoint_auth_methods_supported: expect.arrayContaining([
        'client_secret_basic',
        'client_secret_post',
      ]),
      scopes_supported: expect.arrayContaining(['openid']),
      claims_supported: expect.arrayContaining(['sub', 'iss', 'auth_time', 'at_hash']),
      claims_parameter_supported: false,
      request_parameter_supported: false,
      request_uri_parameter_supported: false,
    });
    const { keys } = (await factsOf(tenant, new URL(String(metadata.jwks_uri)).pathname)) as {
      keys: Record<string, unknown>[];
    };
    for (const key of keys) {
      expect(key).toMatchObject({ kty: 'RSA', use: 'sig', alg: 'RS256', kid: expect.any(String) });
      for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi']) expect(key).not.toHaveProperty(secret);
    }
    expect(new Set(keys.map(({ kid }) => kid)).size).toBe(keys.length);
  });
});

describe('the plan for RP-initiated logout', () => {
  async function signedIn() {
    const party = await aParty();
    const { tokens } = await logIn(party.config, party.browser);
    const id_token_hint = String(tokens.id_token);
    const leave = (parameters: Parameters) =>
      party.browser.visit(openid.buildEndSessionUrl(party.config, parameters));
    const isSignedIn = async () =>
      (await refusalOf(party.config, party.browser, { prompt: 'none' })) === 'granted';
    return { ...party, id_token_hint, leave, isSignedIn };
  }

  const everything = { post_logout_redirect_uri: bye, state: 'a state' };
  /** With other letters in the middle of the signature. */
  const modified = (token: string) =>
    token.slice(0, -9) + (token.at(-9) === 'A' ? 'B' : 'A') + token.slice(-8);

  it('oidcc-rp-initiated-logout-discovery-endpoint-verification: names the endpoint', async () => {
    const { tenant, config } = await aParty();
    expect(config.serverMetadata().end_session_endpoint).toBe(`${tenant.baseUrl}/oidc/logout`);
  });

  it('oidcc-rp-initiated-logout: ends the session and returns with the state', async () => {
    const { leave, isSignedIn, id_token_hint } = await signedIn();
    const { url } = await leave({ ...everything, id_token_hint });
    expect(url.href).toBe(`${bye}?state=a+state`);
    expect(await isSignedIn()).toBe(false);
  });

  it('oidcc-rp-initiated-logout-no-state: returns without one', async () => {
    const { leave, isSignedIn, id_token_hint } = await signedIn();
    expect((await leave({ post_logout_redirect_uri: bye, id_token_hint })).url.href).toBe(bye);
    expect(await isSignedIn()).toBe(false);
  });

  it('oidcc-rp-initiated-logout-no-post-logout-redirect-uri: ends the session and returns nowhere', async () => {
    const { tenant, leave, isSignedIn, id_token_hint } = await signedIn();
    const { url, response, body } = await leave({ id_token_hint, state: 'a state' });
    expect({ at: url.origin, status: response.status }).toEqual({ at: tenant.baseUrl, status: 200 });
    expect(body).toContain('Signed out');
    expect(await isSignedIn()).toBe(false);
  });

  it.each<[string, Parameters]>([
    ['oidcc-rp-initiated-logout-bad-post-logout-redirect-uri', { post_logout_redirect_uri: `${app}/else` }],
    [
      'oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri',
      { post_logout_redirect_uri: `${bye}?foo=bar` },
    ],
  ])('%s: an error page, and the session goes on', async (_, parameters) => {
    const { tenant, leave, isSignedIn, id_token_hint } = await signedIn();
    const { url, response } = await leave({ ...everything, id_token_hint, ...parameters });
    expect({ at: url.origin, status: response.status }).toEqual({ at: tenant.baseUrl, status: 400 });
    expect(await isSignedIn()).toBe(true);
  });

  const hints: readonly [string, (hint: string) => Parameters][] = [
    ['oidcc-rp-initiated-logout-no-id-token-hint', () => ({})],
    ['oidcc-rp-initiated-logout-bad-id-token-hint', () => ({ id_token_hint: 'no ID token' })],
    ['oidcc-rp-initiated-logout-modified-id-token-hint', (hint) => ({ id_token_hint: modified(hint) })],
  ];

  it.each(hints)(
    '%s: the person is asked before anything ends, and is sent on after it',
    async (_, parametersOf) => {
      const { browser, leave, isSignedIn, id_token_hint } = await signedIn();
      const page = await leave({ ...everything, ...parametersOf(id_token_hint) });
      expect(page.body).toContain('Sign out?');
      expect(await isSignedIn()).toBe(true);
      const { url } = await browser.submit(page, { decision: 'accept' });
      expect(url.href).toBe(`${bye}?state=a+state`);
      expect(await isSignedIn()).toBe(false);
    },
  );

  it.each(hints)('%s: nor goes anywhere for a client that does not name itself', async (_, parametersOf) => {
    const { tenant, browser, isSignedIn, id_token_hint } = await signedIn();
    const query = new URLSearchParams({ ...everything, ...parametersOf(id_token_hint) }).toString();
    const { url, response } = await browser.visit(`/oidc/logout?${query}`);
    expect({ at: url.origin, status: response.status }).toEqual({ at: tenant.baseUrl, status: 400 });
    expect(await isSignedIn()).toBe(true);
  });

  it.each([
    ['oidcc-rp-initiated-logout-no-params', ''],
    ['oidcc-rp-initiated-logout-only-state', '?state=a+state'],
  ])('%s: the person is asked, and stays with the tenant', async (_, query) => {
    const { tenant, browser, isSignedIn } = await signedIn();
    const page = await browser.visit(`/oidc/logout${query}`);
    expect(page.body).toContain('Sign out?');
    expect(await isSignedIn()).toBe(true);
    const { url, body } = await browser.submit(page, { decision: 'accept' });
    expect(url.origin).toBe(tenant.baseUrl);
    expect(body).toContain('Signed out');
    expect(await isSignedIn()).toBe(false);
  });
});

describe('quirks.conformance', () => {
  it('changes nothing where it is off: what the plan would complain of is Auth0’s', async () => {
    const { config, browser } = await aParty({ quirks: {} });
    const { tokens, claims, callbackUrl, checks } = await logIn(config, browser, {
      scope: 'openid profile offline_access',
    });
    expect(claims).not.toHaveProperty('auth_time');
    expect(claims).not.toHaveProperty('at_hash');
    expect(claims['updated_at']).toBe(startedAt);
    expect(config.serverMetadata()['claims_supported']).not.toContain('at_hash');
    await expect(openid.authorizationCodeGrant(config, callbackUrl, checks)).rejects.toMatchObject({
      status: 403,
    });
    expect(await openid.fetchUserInfo(config, tokens.access_token, claims.sub)).toMatchObject({
      updated_at: startedAt,
    });
  });

  it('refuses to revoke another client’s token', async () => {
    const { tenant, config, browser } = await aParty();
    const { tokens } = await logIn(config, browser, { scope: 'openid offline_access' });
    const stranger = await discover(tenant, second, openid.ClientSecretPost);
    await expect(openid.tokenRevocation(stranger, String(tokens.refresh_token))).rejects.toMatchObject({
      status: 400,
    });
  });

  it('leaves alone what another quirk says', async () => {
    const quirks = { conformance: true, strictRfcStatus: false, codeReplayKeepsTokens: true };
    const { config, browser } = await aParty({ quirks });
    const { tokens, claims, callbackUrl, checks } = await logIn(config, browser);
    await expect(openid.authorizationCodeGrant(config, callbackUrl, checks)).rejects.toMatchObject({
      status: 403,
    });
    expect(await openid.fetchUserInfo(config, tokens.access_token, claims.sub)).toHaveProperty('sub');
  });
});
