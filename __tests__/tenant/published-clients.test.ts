/** OAuth clients as their makers publish them, none of which knows that this tenant is not the real one. */
import { describe, expect, it } from '@jest/globals';
import { AuthClient } from '@auth0/auth0-auth-js';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import type { Tenant, TenantConfiguration } from '../../src/tenant/index.ts';
import { tenantBrowser, type TenantBrowser } from '../support/tenant-browser.ts';
import { ada, api, app, aTenant, configuration, rotating } from './a-tenant.ts';

/** A tenant of today: these clients look at the clock of the machine. */
const aTenantOfToday = (changes: Partial<TenantConfiguration> = {}) =>
  aTenant({
    now: Date.now,
    clients: configuration.clients.map((client) => ({ ...client, callbacks: [callback] })),
    resource_servers: configuration.resource_servers.map((known) => ({
      ...known,
      proof_of_possession: { mechanism: 'dpop', required: false },
    })),
    ...changes,
  });

const callback = `${app}/callback`;

const fetchOf =
  (tenant: Tenant) =>
  (url: string | URL, init: object): Promise<Response> =>
    tenant.fetch(new Request(url, init));

/** Where the application is called back once Ada has signed in by the form. */
async function signIn(tenant: Tenant, url: URL, browser = tenantBrowser(tenant)): Promise<URL> {
  return (await browser.submit(await browser.visit(url), ada)).url;
}

const scope = 'openid profile email offline_access read:things';

describe('openid-client', () => {
  async function discover(tenant: Tenant, client_id = 'spa', secret?: string): Promise<openid.Configuration> {
    return openid.discovery(
      new URL(tenant.issuer),
      client_id,
      {},
      secret === undefined ? openid.None() : openid.ClientSecretBasic(secret),
      { execute: [openid.allowInsecureRequests], [openid.customFetch]: fetchOf(tenant) },
    );
  }

  async function logIn(
    tenant: Tenant,
    config: openid.Configuration,
    {
      byPar = false,
      browser,
      ...options
    }: openid.DPoPOptions & { byPar?: boolean; browser?: TenantBrowser } = {},
  ) {
    const pkceCodeVerifier = openid.randomPKCECodeVerifier();
    const [expectedState, expectedNonce] = [openid.randomState(), openid.randomNonce()];
    const parameters = {
      redirect_uri: callback,
      scope,
      audience: api,
      state: expectedState,
      nonce: expectedNonce,
      max_age: '3600',
      code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
    };
    const url = byPar
      ? await openid.buildAuthorizationUrlWithPAR(config, parameters)
      : openid.buildAuthorizationUrl(config, parameters);
    const checks = { pkceCodeVerifier, expectedState, expectedNonce, maxAge: 3600 };
    return openid.authorizationCodeGrant(
      config,
      await signIn(tenant, url, browser),
      checks,
      undefined,
      options,
    );
  }

  it('connects a device', async () => {
    const grant_types = ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'];
    const tenant = aTenantOfToday({
      clients: [{ client_id: 'tv', app_type: 'native', grant_types, refresh_token: rotating }],
    });
    const config = await discover(tenant, 'tv');
    const asked = await openid.initiateDeviceAuthorization(config, { scope, audience: api });
    const browser = tenantBrowser(tenant);
    const form = await browser.visit(asked.verification_uri_complete ?? '');
    const question = await browser.submit(await browser.submit(form, { user_code: asked.user_code }), ada);
    await browser.submit(question, { decision: 'accept' });
    // It waits before it asks, by the machine's clock: a test has no five seconds.
    const poll = () => openid.pollDeviceAuthorizationGrant(config, { ...asked, interval: 0.001 });
    const tokens = await poll();
    expect(tokens.claims()).toMatchObject({ name: 'Ada Lovelace' });
    await expect(poll()).rejects.toMatchObject({ error: 'invalid_grant' });
    expect((await openid.refreshTokenGrant(config, String(tokens.refresh_token))).scope).toBe(scope);
  });

  it('signs in, refreshes, asks userinfo, revokes, and is refused afterwards', async () => {
    const tenant = aTenantOfToday();
    const config = await discover(tenant);
    const tokens = await logIn(tenant, config);
    const { sub } = tokens.claims() ?? { sub: '' };
    expect(await openid.fetchUserInfo(config, tokens.access_token, sub)).toMatchObject({ email: ada.email });
    const refreshed = await openid.refreshTokenGrant(config, String(tokens.refresh_token));
    expect(refreshed.claims()?.sub).toBe(sub);
    await openid.tokenRevocation(config, String(refreshed.refresh_token));
    await expect(openid.refreshTokenGrant(config, String(refreshed.refresh_token))).rejects.toMatchObject({
      status: 403,
      error: 'invalid_grant',
      error_description: 'Unknown or invalid refresh token.',
    });
  });

  it('does all that with a key of its own, and finds the nonces by itself', async () => {
    const tenant = aTenantOfToday();
    const config = await discover(tenant);
    const DPoP = openid.getDPoPHandle(config, await openid.randomDPoPKeyPair('ES256'));
    const tokens = await logIn(tenant, config, { DPoP });
    expect(tokens.token_type).toBe('dpop'); // it writes the type in lower case
    const sub = String(tokens.claims()?.sub);
    expect(await openid.fetchUserInfo(config, tokens.access_token, sub, { DPoP })).toHaveProperty('name');
    tenant.faults.add({ kind: 'nonce-churn' });
    const refreshed = await openid.refreshTokenGrant(config, String(tokens.refresh_token), {}, { DPoP });
    expect(tenant.families()).toMatchObject([{ latestCounter: 2, jkt: await DPoP.calculateThumbprint() }]);
    const stolen = openid.refreshTokenGrant(config, String(refreshed.refresh_token));
    await expect(stolen).rejects.toMatchObject({ error: 'invalid_dpop_proof' });
  });

  it('pushes its request, and insists on who answers once the tenant says that it does', async () => {
    const tenant = aTenantOfToday({ authorization_response_iss_parameter_supported: true });
    const config = await discover(tenant, 'server', 's3 cret');
    expect(config.serverMetadata().authorization_response_iss_parameter_supported).toBe(true);
    expect(await logIn(tenant, config, { byPar: true })).toHaveProperty('access_token');

    const foreign = new URL(`${callback}?code=c&state=s&iss=https%3A%2F%2Fevil.example%2F`);
    await expect(
      openid.authorizationCodeGrant(config, foreign, { pkceCodeVerifier: 'v', expectedState: 's' }),
    ).rejects.toMatchObject({ cause: { message: expect.stringContaining('"iss"') } });
  });

  it('signs out, and the browser comes back with what was asked for', async () => {
    const tenant = aTenantOfToday();
    const config = await discover(tenant);
    const browser = tenantBrowser(tenant);
    const { id_token } = await logIn(tenant, config, { browser });
    const page = await browser.visit(
      openid.buildEndSessionUrl(config, {
        id_token_hint: String(id_token),
        post_logout_redirect_uri: app,
        state: 'done',
      }),
    );
    expect(page.url.href).toBe(`${app}/?state=done`);
    expect(tenant.journal.at(-1)).toMatchObject({ type: 'slo' });
  });

  it('proves who it is by a secret that has a blank in it', async () => {
    const tenant = aTenantOfToday();
    tenant.updateClient('server', { refresh_token: rotating });
    const config = await discover(tenant, 'server', 's3 cret');
    const tokens = await logIn(tenant, config);
    expect(await openid.refreshTokenGrant(config, String(tokens.refresh_token))).toHaveProperty(
      'refresh_token',
    );
    const stranger = await discover(tenant, 'server', 'guessed');
    await expect(openid.refreshTokenGrant(stranger, String(tokens.refresh_token))).rejects.toMatchObject({
      status: 401,
    });
  });
});

describe('oauth4webapi', () => {
  it('signs in with a proof, repeats it with the nonce that it is told, refreshes and revokes', async () => {
    const tenant = aTenantOfToday();
    const options = { [oauth.customFetch]: fetchOf(tenant), [oauth.allowInsecureRequests]: true };
    const issuer = new URL(tenant.issuer);
    const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, options));
    const client: oauth.Client = { client_id: 'spa' };
    const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'));
    const verifier = oauth.generateRandomCodeVerifier();
    const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
    const url = new URL(String(as.authorization_endpoint));
    url.search = new URLSearchParams({
      client_id: client.client_id,
      redirect_uri: callback,
      response_type: 'code',
      scope,
      audience: api,
      state,
      nonce,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      dpop_jkt: await DPoP.calculateThumbprint(),
    }).toString();
    const answer = oauth.validateAuthResponse(as, client, await signIn(tenant, url), state);

    const present = () =>
      oauth.authorizationCodeGrantRequest(as, client, oauth.None(), answer, callback, verifier, {
        ...options,
        DPoP,
      });
    const refused = await oauth
      .processAuthorizationCodeResponse(as, client, await present(), { expectedNonce: nonce })
      .catch((error: unknown) => error);
    expect(oauth.isDPoPNonceError(refused)).toBe(true);
    const tokens = await oauth.processAuthorizationCodeResponse(as, client, await present(), {
      expectedNonce: nonce,
    });

    const claims = oauth.getValidatedIdTokenClaims(tokens);
    const asked = await oauth.userInfoRequest(as, client, tokens.access_token, { ...options, DPoP });
    expect(await oauth.processUserInfoResponse(as, client, String(claims?.sub), asked)).toHaveProperty(
      'email',
    );
    const refresh = async (token: unknown) =>
      oauth.processRefreshTokenResponse(
        as,
        client,
        await oauth.refreshTokenGrantRequest(as, client, oauth.None(), String(token), { ...options, DPoP }),
      );
    const refreshed = await refresh(tokens.refresh_token);
    await oauth.processRevocationResponse(
      await oauth.revocationRequest(as, client, oauth.None(), String(refreshed.refresh_token), options),
    );
    await expect(refresh(refreshed.refresh_token)).rejects.toMatchObject({
      error: 'invalid_grant',
      status: 403,
    });
  });
});

describe('@auth0/auth0-auth-js', () => {
  it('signs in, refreshes, and asks for a token of its own', async () => {
    const tenant = aTenantOfToday({
      baseUrl: 'https://tenant.example', // it knows no other scheme
      clients: [
        {
          client_id: 'server',
          app_type: 'regular_web',
          client_secret: 'secret',
          callbacks: [callback],
          grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
          refresh_token: rotating,
        },
      ],
      client_grants: [{ client_id: 'server', audience: api, scope: ['read:things'] }],
    });
    const client = new AuthClient({
      domain: 'tenant.example',
      clientId: 'server',
      clientSecret: 'secret',
      authorizationParams: { redirect_uri: callback, audience: api, scope },
      customFetch: (url, init) => tenant.fetch(new Request(url, init)),
    });
    const { authorizationUrl, codeVerifier } = await client.buildAuthorizationUrl();
    const tokens = await client.getTokenByCode(await signIn(tenant, authorizationUrl), { codeVerifier });
    expect(tokens.claims).toMatchObject({ email: ada.email });
    const refreshed = await client.getTokenByRefreshToken({ refreshToken: String(tokens.refreshToken) });
    expect(refreshed.refreshToken).not.toBe(tokens.refreshToken);
    expect(await client.getTokenByClientCredentials({ audience: api })).toHaveProperty('accessToken');
    await client.getTokenByRefreshToken({ refreshToken: String(tokens.refreshToken) }).catch(() => {});
    await expect(
      client.getTokenByRefreshToken({ refreshToken: String(refreshed.refreshToken) }),
    ).rejects.toThrow();
    expect(tenant.families()).toMatchObject([{ endedBecause: 'reuse' }]);
  });
});
