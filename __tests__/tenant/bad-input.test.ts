import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createTenant, type Tenant } from '../../src/tenant/index.ts';
import { tenantBrowser } from '../support/tenant-browser.ts';
import {
  aCode,
  ada,
  app,
  authorizeUrl,
  codeGrant,
  configuration,
  login,
  refresh,
  verifier,
} from './a-tenant.ts';

const form = 'application/x-www-form-urlencoded';
const html = '"><script>alert(1)</script><b x=\'';
const large = 'a'.repeat(2_000_000);

interface Sent {
  readonly method?: string;
  readonly path: string;
  /** A list, so that a name may come twice. */
  readonly query?: readonly (readonly [string, string])[];
  readonly body?: string;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Pairs of a query or a form; `null` takes one away, a list repeats it. */
function pairs(
  from: Readonly<Record<string, string>>,
  changes: Readonly<Record<string, string | readonly string[] | null>> = {},
): readonly (readonly [string, string])[] {
  const merged: Readonly<Record<string, string | readonly string[] | null>> = { ...from, ...changes };
  return Object.entries(merged).flatMap(([name, value]) =>
    value === null ? [] : [value].flat().map((text) => [name, text] as const),
  );
}
const encoded = (list: readonly (readonly [string, string])[]) =>
  new URLSearchParams(list.map(([name, value]) => [name, value])).toString();

/** A tenant where somebody is signed in, holds tokens and has a login page open; and what an honest client would send. */
async function inUse() {
  const tenant = createTenant({ ...configuration, now: () => Date.UTC(2026, 10, 23, 12) });
  const tokens = await login(tenant);
  const refreshToken = String(tokens['refresh_token']);
  const code = await aCode(tenant);
  const signedIn = tenantBrowser(tenant);
  signedIn.setCookie(tenant.signIn(ada.email, { client_id: 'spa' }).cookie);
  const browser = tenantBrowser(tenant);
  const page = await browser.visit(authorizeUrl());
  const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  const csrf = /name="csrf" value="([^"]*)"/.exec(page.body)?.[1] ?? '';
  const authorization = Object.fromEntries(new URL(authorizeUrl(), app).searchParams);
  const secrets = [
    refreshToken,
    code,
    csrf,
    ada.password,
    String(tokens['access_token']),
    verifier,
    tenant.developmentToken,
  ];
  return {
    tenant,
    secrets,
    refreshToken,
    honest: {
      authorize: { path: '/authorize', query: pairs(authorization) },
      loginPage: {
        path: '/u/login',
        query: [['state', page.url.searchParams.get('state') ?? '']],
        headers: { cookie },
      },
      loginForm: {
        method: 'POST',
        path: '/u/login',
        query: [['state', page.url.searchParams.get('state') ?? '']],
        headers: { cookie },
        type: form,
        body: encoded(pairs({ ...ada, csrf })),
      },
      code: { method: 'POST', path: '/oauth/token', type: form, body: encoded(pairs(codeGrant(code))) },
      refresh: {
        method: 'POST',
        path: '/oauth/token',
        type: form,
        body: encoded(pairs({ grant_type: 'refresh_token', client_id: 'spa', refresh_token: refreshToken })),
      },
      revoke: {
        method: 'POST',
        path: '/oauth/revoke',
        type: form,
        body: encoded(pairs({ client_id: 'spa', token: refreshToken })),
      },
      logout: { path: '/v2/logout', query: pairs({ client_id: 'spa', returnTo: app }) },
      userinfo: { path: '/userinfo', headers: { authorization: `Bearer ${String(tokens['access_token'])}` } },
      replay: {
        method: 'POST',
        path: `/__tenant/families/${tenant.families()[0]?.familyId}/replay`,
        headers: { 'x-tenant-token': tenant.developmentToken },
      },
      patchClient: {
        method: 'PATCH',
        path: '/__tenant/clients/spa',
        headers: { 'x-tenant-token': tenant.developmentToken },
        type: 'application/json',
        body: JSON.stringify({ refresh_token: null }),
      },
      clock: {
        method: 'POST',
        path: '/__tenant/clock',
        headers: { 'x-tenant-token': tenant.developmentToken },
        type: 'application/json',
        body: JSON.stringify({ advance: '5m' }),
      },
      fault: {
        method: 'POST',
        path: '/__tenant/faults',
        headers: { 'x-tenant-token': tenant.developmentToken },
        type: 'application/json',
        body: JSON.stringify({ kind: 'delay', ms: 1 }),
      },
    } satisfies Record<string, Sent>,
  };
}
type InUse = Awaited<ReturnType<typeof inUse>>;
type Endpoint = keyof InUse['honest'];

function send(
  tenant: Tenant,
  { method = 'GET', path, query = [], body, type, headers = {} }: Sent,
): Promise<Response> {
  const search = query.length > 0 ? `?${encoded(query)}` : '';
  return tenant.fetch(
    new Request(tenant.baseUrl + path + search, {
      method,
      headers: { ...headers, ...(type !== undefined && { 'content-type': type }) },
      ...(body !== undefined && { body }),
      redirect: 'manual',
    }),
  );
}

const remembered = ({ families, clock, faults }: Tenant) =>
  JSON.stringify([families(), clock.now(), faults.list()]);

/** Refused without harm: nothing that was there is gone, nothing is told that is nobody's business. */
async function expectHarmless({ tenant, secrets }: InUse, sent: Sent): Promise<Response> {
  const before = remembered(tenant);
  const entries = tenant.journal.length;
  const response = await send(tenant, sent);
  const text = await response.clone().text();
  expect(response.status).toBeGreaterThanOrEqual(400);
  expect(response.status).toBeLessThan(500);
  expect(response.headers.get('location')).toBeNull();
  expect(text).not.toMatch(/\n\s+at |node_modules|\.ts:\d/); // a stack
  if (response.headers.get('content-type')?.includes('html')) expect(text).not.toMatch(/<script>alert|<b x=/);
  expect(remembered(tenant)).toBe(before);
  const log = JSON.stringify(tenant.journal.slice(entries));
  for (const secret of secrets) expect(log).not.toContain(secret);
  return response;
}

/** The redirect of an error to a registered address, which carries no code. */
async function expectErrorRedirect(used: InUse, sent: Sent): Promise<string | null> {
  const before = remembered(used.tenant);
  const response = await send(used.tenant, sent);
  expect(response.status).toBe(302);
  const location = new URL(response.headers.get('location') ?? '');
  expect(location.origin + location.pathname).toBe(`${app}/`);
  expect(location.searchParams.get('code')).toBeNull();
  expect(remembered(used.tenant)).toBe(before);
  return location.searchParams.get('error');
}

/** A request with other pairs in its query, or else in its form. */
function changed(sent: Sent, changes: Readonly<Record<string, string | readonly string[] | null>>): Sent {
  if (sent.query && sent.body === undefined)
    return { ...sent, query: pairs(Object.fromEntries(sent.query), changes) };
  return { ...sent, body: encoded(pairs(Object.fromEntries(new URLSearchParams(sent.body)), changes)) };
}

let used: InUse;
beforeAll(async () => {
  used = await inUse();
});

describe.each<[Endpoint, readonly [string, (sent: Sent) => Sent][]]>([
  [
    'authorize',
    [
      ['no client', (sent) => changed(sent, { client_id: null })],
      ['an unknown client', (sent) => changed(sent, { client_id: 'nobody' })],
      ['markup for a client', (sent) => changed(sent, { client_id: html })],
      ['two clients', (sent) => changed(sent, { client_id: ['spa', 'other'] })],
      ['two redirect URIs', (sent) => changed(sent, { redirect_uri: [app, 'https://evil.example'] })],
      ['a redirect URI of nobody', (sent) => changed(sent, { redirect_uri: 'https://evil.example' })],
      [
        'a redirect URI of another client',
        (sent) => changed(sent, { redirect_uri: 'https://other.example/cb' }),
      ],
      ['a redirect URI that begins alike', (sent) => changed(sent, { redirect_uri: `${app}.evil.example` })],
      [
        'a redirect URI with a user',
        (sent) => changed(sent, { redirect_uri: 'http://localhost:3000@evil.example' }),
      ],
      ['a script for a redirect URI', (sent) => changed(sent, { redirect_uri: 'javascript:alert(1)' })],
      ['markup for a redirect URI', (sent) => changed(sent, { redirect_uri: app + html })],
      ['a body that is no form', (sent) => ({ ...sent, method: 'POST', type: 'text/plain', body: 'x' })],
      [
        'a body that is too large',
        (sent) => ({ ...sent, method: 'POST', type: form, body: `state=${large}` }),
      ],
      ['DELETE', (sent) => ({ ...sent, method: 'DELETE' })],
    ],
  ],
  [
    'loginPage',
    [
      ['no login that was begun', (sent) => ({ ...sent, query: [] })],
      ['a login of nobody', (sent) => ({ ...sent, query: [['state', html]] })],
      ['a login of another browser', (sent) => ({ ...sent, headers: {} })],
    ],
  ],
  [
    'loginForm',
    [
      ['no hidden token', (sent) => changed(sent, { csrf: null })],
      ['a wrong hidden token', (sent) => changed(sent, { csrf: 'x' })],
      ['the hidden token twice', (sent) => changed(sent, { csrf: ['x', 'y'] })],
      ['a form of another browser', (sent) => ({ ...sent, headers: {} })],
      ['no login that was begun', (sent) => ({ ...sent, query: [] })],
      ['a wrong password', (sent) => changed(sent, { password: 'wrong' })],
      ['no password', (sent) => changed(sent, { password: null })],
      ['two addresses', (sent) => changed(sent, { email: [ada.email, 'grace@example.com'] })],
      ['markup for an address', (sent) => changed(sent, { email: html })],
      ['JSON', (sent) => ({ ...sent, type: 'application/json', body: '{}' })],
      ['a form under another name', (sent) => ({ ...sent, type: 'text/plain' })],
      ['a body that is too large', (sent) => ({ ...sent, body: `${sent.body}&more=${large}` })],
      ['PUT', (sent) => ({ ...sent, method: 'PUT' })],
    ],
  ],
  [
    'code',
    [
      ['no code', (sent) => changed(sent, { code: null })],
      ['two codes', (sent) => changed(sent, { code: ['a', 'b'] })],
      ['a code of nobody', (sent) => changed(sent, { code: html })],
      ['another client', (sent) => changed(sent, { client_id: 'other' })],
    ],
  ],
  [
    'refresh',
    [
      ['no grant', (sent) => changed(sent, { grant_type: null })],
      ['a grant of nobody', (sent) => changed(sent, { grant_type: html })],
      ['no token', (sent) => changed(sent, { refresh_token: null })],
      ['an unknown token', (sent) => changed(sent, { refresh_token: html })],
      ['the token twice', (sent) => ({ ...sent, body: `${sent.body}&${sent.body?.split('&').at(-1)}` })],
      ['no client', (sent) => changed(sent, { client_id: null })],
      ['an unknown client', (sent) => changed(sent, { client_id: 'nobody' })],
      ['another client', (sent) => changed(sent, { client_id: 'other' })],
      ['markup for a client', (sent) => changed(sent, { client_id: html })],
      ['a foreign origin', (sent) => ({ ...sent, headers: { origin: 'https://evil.example' } })],
      ['a broken origin', (sent) => ({ ...sent, headers: { origin: html } })],
      ['no type of its body', (sent) => ({ ...sent, type: 'application/octet-stream' })],
      ['a multipart body', (sent) => ({ ...sent, type: 'multipart/form-data; boundary=x', body: '--x--' })],
      ['JSON that is none', (sent) => ({ ...sent, type: 'application/json', body: '{' })],
      ['JSON that is a list', (sent) => ({ ...sent, type: 'application/json', body: '[]' })],
      ['JSON that is nothing', (sent) => ({ ...sent, type: 'application/json', body: 'null' })],
      [
        'JSON whose members are no texts',
        (sent) => ({
          ...sent,
          type: 'application/json',
          body: '{"grant_type":{"toString":1},"client_id":["spa"],"refresh_token":3}',
        }),
      ],
      [
        'JSON that reaches for prototypes',
        (sent) => ({
          ...sent,
          type: 'application/json',
          body: '{"__proto__":{"grant_type":"refresh_token"}}',
        }),
      ],
      ['a body that is too large', (sent) => ({ ...sent, body: `${sent.body}&more=${large}` })],
      ['GET', ({ path }) => ({ path })],
      ['DELETE', (sent) => ({ ...sent, method: 'DELETE' })],
    ],
  ],
  [
    'revoke',
    [
      ['no token', (sent) => changed(sent, { token: null })],
      ['two tokens', (sent) => changed(sent, { token: ['a', 'b'] })],
      ['no client', (sent) => changed(sent, { client_id: null })],
      ['an unknown client', (sent) => changed(sent, { client_id: html })],
      ['a client without its secret', (sent) => changed(sent, { client_id: 'server' })],
      ['a foreign origin', (sent) => ({ ...sent, headers: { origin: 'https://evil.example' } })],
      ['a body that is no form', (sent) => ({ ...sent, type: 'text/plain' })],
      ['a body that is too large', (sent) => ({ ...sent, body: `${sent.body}&more=${large}` })],
      ['GET', ({ path }) => ({ path })],
    ],
  ],
  [
    'logout',
    [
      ['an address of nobody', (sent) => changed(sent, { returnTo: 'https://evil.example' })],
      ['an address that begins alike', (sent) => changed(sent, { returnTo: `${app}.evil.example` })],
      ['an address with a user', (sent) => changed(sent, { returnTo: 'http://localhost:3000@evil.example' })],
      ['an address without a scheme', (sent) => changed(sent, { returnTo: '//evil.example' })],
      ['an address with a backslash', (sent) => changed(sent, { returnTo: '\\\\evil.example' })],
      ['a script for an address', (sent) => changed(sent, { returnTo: 'javascript:alert(1)' })],
      ['markup for an address', (sent) => changed(sent, { returnTo: html })],
      ['a second header for an address', (sent) => changed(sent, { returnTo: `${app}\r\nset-cookie: a=b` })],
      ['two addresses', (sent) => changed(sent, { returnTo: [app, 'https://evil.example'] })],
      ['an unknown client', (sent) => changed(sent, { client_id: 'nobody' })],
      ['two clients', (sent) => changed(sent, { client_id: ['spa', 'other'] })],
      ['DELETE', (sent) => ({ ...sent, method: 'DELETE' })],
    ],
  ],
  [
    'userinfo',
    [
      ['no token', (sent) => ({ ...sent, headers: {} })],
      ['a token of nobody', (sent) => ({ ...sent, headers: { authorization: 'Bearer x' } })],
      ['a token without a signature', (sent) => ({ ...sent, headers: { authorization: 'Bearer e30.e30.' } })],
      ['another scheme', (sent) => ({ ...sent, headers: { authorization: 'Basic eDp5' } })],
      ['PUT', (sent) => ({ ...sent, method: 'PUT' })],
    ],
  ],
  [
    'replay',
    [
      ['no token of this start', (sent) => ({ ...sent, headers: {} })],
      ['a family of nobody', (sent) => ({ ...sent, path: '/__tenant/families/x/replay' })],
      ['a counter that is none', (sent) => ({ ...sent, type: 'application/json', body: '{"counter":"1"}' })],
      [
        'a counter beyond the family',
        (sent) => ({ ...sent, type: 'application/json', body: '{"counter":99}' }),
      ],
      ['a foreign host', (sent) => ({ ...sent, headers: { ...sent.headers, host: 'evil.example' } })],
      [
        'a foreign origin',
        (sent) => ({ ...sent, headers: { ...sent.headers, origin: 'https://evil.example' } }),
      ],
    ],
  ],
  [
    'patchClient',
    [
      ['no token of this start', (sent) => ({ ...sent, headers: {} })],
      ['a client of nobody', (sent) => ({ ...sent, path: '/__tenant/clients/nobody' })],
      ['markup for a client', (sent) => ({ ...sent, path: `/__tenant/clients/${encodeURIComponent(html)}` })],
      ['settings that are none', (sent) => ({ ...sent, body: '{"refresh_token":"rotating"}' })],
      ['other settings', (sent) => ({ ...sent, body: '{"callbacks":["https://evil.example"]}' })],
      ['no JSON', (sent) => ({ ...sent, body: '{' })],
      ['a body that is too large', (sent) => ({ ...sent, body: JSON.stringify({ refresh_token: large }) })],
    ],
  ],
  [
    'clock',
    [
      ['no token of this start', (sent) => ({ ...sent, headers: {} })],
      ['a span of nobody', (sent) => ({ ...sent, body: '{"advance":"soon"}' })],
      ['a span that goes back', (sent) => ({ ...sent, body: '{"advance":-1}' })],
      ['a span that never ends', (sent) => ({ ...sent, body: '{"advance":1e999}' })],
      ['an instant that is none', (sent) => ({ ...sent, body: '{"set":"soon"}' })],
      ['an instant beyond all dates', (sent) => ({ ...sent, body: '{"set":9e15}' })],
      ['a list', (sent) => ({ ...sent, body: '[]' })],
    ],
  ],
  [
    'fault',
    [
      ['no token of this start', (sent) => ({ ...sent, headers: {} })],
      ['a kind of nobody', (sent) => ({ ...sent, body: '{"kind":"flood"}' })],
      ['a wait that never ends', (sent) => ({ ...sent, body: '{"kind":"delay","ms":1e999}' })],
      ['a member of nobody', (sent) => ({ ...sent, body: '{"kind":"delay","ms":1,"url":"x"}' })],
      ['no JSON', (sent) => ({ ...sent, body: '{' })],
    ],
  ],
])('%s refuses', (endpoint, rows) => {
  it.each([...rows])('%s', async (_, spoil) => {
    await expectHarmless(used, spoil(used.honest[endpoint]));
  });
});

describe('authorize tells the client of what it did wrong, at an address of its own, for', () => {
  it.each([
    ['no response type', { response_type: null }, 'invalid_request'],
    ['a response type of nobody', { response_type: 'token' }, 'unsupported_response_type'],
    ['two states', { state: ['a', 'b'] }, 'invalid_request'],
    ['an unknown API', { audience: html }, 'access_denied'],
    ['a challenge that is none', { code_challenge: html }, 'invalid_request'],
    ['a challenge by an unknown method', { code_challenge_method: 'S512' }, 'invalid_request'],
    ['an unknown organization', { organization: html }, 'invalid_request'],
    ['a prompt that contradicts itself', { prompt: 'none login' }, 'invalid_request'],
    ['an age that is none', { max_age: '-1' }, 'invalid_request'],
  ])('%s', async (_, changes, error) => {
    expect(await expectErrorRedirect(used, changed(used.honest.authorize, changes))).toBe(error);
  });
});

it('whatever else was sent, honest clients go on', async () => {
  const own = await inUse();
  const endpoints = Object.keys(own.honest) as Endpoint[];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...endpoints),
      fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'),
      fc.option(fc.constantFrom(form, 'application/json', 'text/plain', 'multipart/form-data', ''), {
        nil: undefined,
      }),
      fc.oneof(
        fc.json(),
        fc.string({ unit: 'binary' }),
        fc.constant(encoded(pairs({ grant_type: 'refresh_token', client_id: 'spa' }))),
      ),
      fc.array(
        fc.tuple(
          fc.constantFrom('client_id', 'redirect_uri', 'state', 'returnTo', 'prompt', 'response_mode'),
          fc.oneof(fc.string({ unit: 'binary' }), fc.webUrl(), fc.constantFrom('spa', html)),
        ),
        { maxLength: 4 },
      ),
      async (endpoint, method, type, body, query) => {
        const { path } = own.honest[endpoint];
        const before = remembered(own.tenant);
        const response = await send(own.tenant, {
          method,
          path,
          query,
          ...(type !== undefined && { type }),
          ...(!['GET', 'HEAD'].includes(method) && { body }),
        });
        const text = await response.text();
        expect(response.status).toBeLessThan(500);
        const reads =
          ['OPTIONS', 'HEAD'].includes(method) || (method === 'GET' && path.startsWith('/__tenant'));
        if (!reads && endpoint !== 'logout') expect(response.status).toBeGreaterThanOrEqual(400);
        expect(text).not.toMatch(/\n\s+at |node_modules|\.ts:\d/);
        expect(text).not.toContain('<script>alert');
        const location = response.headers.get('location');
        if (location !== null) expect(new URL(location, own.tenant.baseUrl).origin).toBe(app);
        expect(remembered(own.tenant)).toBe(before);
      },
    ),
    { numRuns: process.env.LATCHKEY_ROUNDS === 'all' ? 5_000 : 500 },
  );
  expect((await refresh(own.tenant, own.refreshToken)).status).toBe(200);
  expect((await send(own.tenant, own.honest.code)).status).toBe(200);
  expect((await send(own.tenant, own.honest.loginForm)).status).toBe(303);
}, 60_000);
