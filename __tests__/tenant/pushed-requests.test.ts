import { describe, expect, it } from '@jest/globals';
import type { Tenant } from '../../src/tenant/index.ts';
import { tenantBrowser } from '../support/tenant-browser.ts';
import { aManagedTenant, call } from './a-manager.ts';
import { ada, app, aTenant, authorizeUrl, codeGrant, codesOf, configuration, postToken } from './a-tenant.ts';

const requestOf = (changes: Record<string, string | null> = {}): Record<string, string> =>
  Object.fromEntries(new URL(authorizeUrl(changes), app).searchParams);

async function push(
  tenant: Tenant,
  body: Record<string, string> = requestOf(),
  headers: Record<string, string> = {},
) {
  const isJson = headers['content-type'] === 'application/json';
  const response = await tenant.fetch(
    new Request(`${tenant.baseUrl}/oauth/par`, {
      method: 'POST',
      headers,
      body: isJson ? JSON.stringify(body) : new URLSearchParams(body),
    }),
  );
  const answer = (await response.json()) as Record<string, unknown>;
  return { status: response.status, headers: response.headers, answer, uri: String(answer['request_uri']) };
}

const addressOf = (request_uri: string, more: Record<string, string> = {}) =>
  `/authorize?${new URLSearchParams({ client_id: 'spa', request_uri, ...more }).toString()}`;

function signedIn(tenant: Tenant) {
  const browser = tenantBrowser(tenant);
  browser.setCookie(tenant.signIn(ada.email, { client_id: 'spa' }).cookie);
  return browser;
}

describe('a pushed request', () => {
  it.each<Record<string, string>>([{}, { 'content-type': 'application/json' }])(
    'goes on where it was left, sent with %j',
    async (headers) => {
      const tenant = aTenant();
      const { status, answer, uri, headers: answered } = await push(tenant, requestOf(), headers);
      expect(status).toBe(201);
      expect(answer).toEqual({
        request_uri: expect.stringMatching(/^urn:ietf:params:oauth:request_uri:.{20,}$/),
        expires_in: 30,
      });
      expect(answered.get('cache-control')).toBe('no-store');
      const { url } = await signedIn(tenant).visit(addressOf(uri));
      expect(url.searchParams.get('state')).toBe('client-state');
      const code = url.searchParams.get('code') ?? '';
      expect(await postToken(tenant, codeGrant(code))).toMatchObject({ status: 200 });
    },
  );

  it('is all that counts: what the browser adds changes nothing', async () => {
    const tenant = aTenant();
    const { uri } = await push(tenant);
    const { url } = await signedIn(tenant).visit(
      addressOf(uri, { state: 'forged', redirect_uri: `${app}/other?page=1` }),
    );
    expect(url.origin + url.pathname).toBe(`${app}/`);
    expect(url.searchParams.get('state')).toBe('client-state');
  });

  it.each([
    [
      'a second time',
      async (tenant: Tenant, uri: string) => void (await signedIn(tenant).visit(addressOf(uri))),
    ],
    ['after 30 seconds', async (tenant: Tenant) => tenant.clock.advance('30s')],
  ])('is refused %s, on a page', async (_, before) => {
    const tenant = aTenant();
    const { uri } = await push(tenant);
    await before(tenant, uri);
    const { response, url, body } = await signedIn(tenant).visit(addressOf(uri));
    expect(response.status).toBe(400);
    expect(url.origin).toBe(tenant.baseUrl);
    expect(body).toContain('invalid_request_uri');
  });

  it('lives until then', async () => {
    const tenant = aTenant();
    const { uri } = await push(tenant);
    tenant.clock.advance('29s');
    const { url } = await signedIn(tenant).visit(addressOf(uri));
    expect(url.searchParams.has('code')).toBe(true);
  });

  it('is its own client’s, and stays so when another one comes with it', async () => {
    const tenant = aTenant();
    const { uri } = await push(tenant);
    const stranger = await signedIn(tenant).visit(addressOf(uri, { client_id: 'other' }));
    expect(stranger.response.status).toBe(400);
    expect((await signedIn(tenant).visit(addressOf(uri))).url.searchParams.has('code')).toBe(true);
  });

  it('is in a snapshot, without the secret that came with it, and forgotten when it is over', async () => {
    const tenant = aTenant();
    const request = requestOf({ client_id: 'server', client_secret: 's3 cret' });
    const { uri } = await push(tenant, request);
    const stateOf = () => (tenant.snapshot().remembered as { state: Record<string, unknown[]> }).state;
    expect(JSON.stringify(stateOf()['pushedRequests'])).not.toContain('s3 cret');
    const other = aTenant();
    other.restore(tenant.snapshot());
    const { url } = await signedIn(other).visit(addressOf(uri, { client_id: 'server' }));
    expect(url.searchParams.has('code')).toBe(true);
    tenant.clock.advance('31s');
    await push(tenant);
    expect(stateOf()['pushedRequests']).toHaveLength(1);
  });

  it('is taken from a client that names itself by header alone', async () => {
    const tenant = aTenant();
    const { uri, status } = await push(tenant, requestOf({ client_id: null }), {
      authorization: `Basic ${btoa('server:s3%20cret')}`,
    });
    expect(status).toBe(201);
    const { url } = await signedIn(tenant).visit(addressOf(uri, { client_id: 'server' }));
    expect(url.searchParams.has('code')).toBe(true);
  });
});

describe('pushing is refused', () => {
  it.each<[string, Record<string, string>, number, string]>([
    ['without the secret', requestOf({ client_id: 'server' }), 401, 'invalid_client'],
    ['without a client', requestOf({ client_id: null }), 400, 'invalid_request'],
    ['for a request_uri', requestOf({ request_uri: 'https://x.example' }), 400, 'invalid_request'],
    ['for a request object', requestOf({ request: 'e30.e30.' }), 400, 'request_not_supported'],
    ['for a callback of nobody', requestOf({ redirect_uri: 'https://evil.example' }), 400, 'invalid_request'],
    ['for an unknown API', requestOf({ audience: 'https://nowhere' }), 400, 'access_denied'],
  ])('%s', async (_, body, status, error) => {
    const tenant = aTenant();
    const pushed = await push(tenant, body);
    expect(pushed.status).toBe(status);
    expect(pushed.answer).toEqual({ error, error_description: expect.any(String) });
  });

  it('to a page of a foreign origin, and one of the client’s can read the answer', async () => {
    const tenant = aTenant();
    expect(await push(tenant, requestOf(), { origin: 'https://other.example' })).toMatchObject({
      status: 403,
    });
    const { status, headers } = await push(tenant, requestOf(), { origin: app });
    expect(status).toBe(201);
    expect(headers.get('access-control-allow-origin')).toBe(app);
  });
});

describe('client.require_pushed_authorization_requests', () => {
  const [spa] = configuration.clients;
  const strict = () => aTenant({ clients: [{ ...spa, require_pushed_authorization_requests: true }] });

  it('E4: sends a request that came otherwise back, and takes one that was pushed', async () => {
    const tenant = strict();
    const browser = signedIn(tenant);
    const { url } = await browser.visit(authorizeUrl());
    expect(url.searchParams.get('error')).toBe('invalid_request');
    expect(url.searchParams.get('state')).toBe('client-state');
    const { uri } = await push(tenant);
    expect((await browser.visit(addressOf(uri))).url.searchParams.has('code')).toBe(true);
    expect(codesOf(tenant)).toEqual(['s', 'f', 's']);
  });
});

it('the Management API turns require_pushed_authorization_requests on', async () => {
  const tenant = aManagedTenant();
  const body = { require_pushed_authorization_requests: true };
  expect((await call(tenant, 'PATCH /clients/spa', { body })).body).toMatchObject(body);
  const { url } = await signedIn(tenant).visit(authorizeUrl());
  expect(url.searchParams.get('error')).toBe('invalid_request');
});

it.each([
  ['request', 'e30.e30.', 'request_not_supported'],
  ['request_uri', 'https://app.example/request.jwt', 'request_uri_not_supported'],
])('T-OIDC-8: %s at /authorize goes back as unsupported', async (name, value, error) => {
  const { url } = await tenantBrowser(aTenant()).visit(authorizeUrl({ [name]: value }));
  expect(url.origin).toBe(app);
  expect(url.searchParams.get('error')).toBe(error);
});

it('discovery says where to push to', async () => {
  const tenant = aTenant();
  const response = await tenant.fetch(new Request(`${tenant.baseUrl}/.well-known/openid-configuration`));
  expect(await response.json()).toMatchObject({
    pushed_authorization_request_endpoint: `${tenant.baseUrl}/oauth/par`,
  });
});
