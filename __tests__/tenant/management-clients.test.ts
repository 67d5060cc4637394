import { describe, expect, it } from '@jest/globals';
import type { Tenant } from '../../src/tenant/index.ts';
import { tenantBrowser } from '../support/tenant-browser.ts';
import { aManagedTenant, call, invalidBody, managerOf } from './a-manager.ts';
import {
  ada,
  authorizeUrl,
  codesOf,
  login,
  nonRotating,
  refresh,
  refusedAsUnknown,
  rotating,
} from './a-tenant.ts';

const patch = (tenant: Tenant, body: unknown, client_id = 'spa') =>
  call(tenant, `PATCH /clients/${client_id}`, { body });
const patchSettings = (refresh_token: unknown) => patch(aManagedTenant(), { refresh_token });

const month = { ...rotating, token_lifetime: 2_592_000 };

describe('PATCH of refresh_token, the decision table of §12.4', () => {
  it('R19: the body as the document printed it, without commas, is no JSON', async () => {
    const tenant = aManagedTenant();
    const printed =
      '{ "refresh_token": { "rotation_type": "rotating" "expiration_type": "expiring" "leeway": 3 } }';
    const before = await call(tenant, 'GET /clients/spa');
    expect(await patch(tenant, printed)).toMatchObject({
      status: 400,
      body: { statusCode: 400, error: 'Bad Request', message: 'Invalid request payload JSON format' },
    });
    expect((await call(tenant, 'GET /clients/spa')).body).toEqual(before.body);
  });

  it.each([
    ['R18: a month and a leeway', { ...month, leeway: 3 }, { token_lifetime: 2_592_000, leeway: 3 }],
    ['R26: no lifetime', rotating, { token_lifetime: 2_592_000, idle_token_lifetime: 2_592_000, leeway: 0 }],
    ['R27: 90 days', { ...rotating, token_lifetime: 7_776_000 }, { token_lifetime: 7_776_000 }],
    ['R63: rotation switched off', nonRotating, { ...nonRotating, infinite_token_lifetime: true }],
    [
      'R22: null, for the defaults',
      null,
      { ...nonRotating, leeway: 0, token_lifetime: 31_557_600, infinite_token_lifetime: true },
    ],
    [
      'a policy',
      { ...rotating, policies: [{ audience: 'https://x', scope: ['a'] }] },
      { policies: [{ audience: 'https://x', scope: ['a'] }] },
    ],
  ])('%s (%j) is accepted, and GET shows it with its defaults', async (_, settings, shown) => {
    const tenant = aManagedTenant();
    const answer = await patch(tenant, { refresh_token: settings });
    expect(answer).toMatchObject({ status: 200, body: { client_id: 'spa', refresh_token: shown } });
    expect((await call(tenant, 'GET /clients/spa')).body).toEqual(answer.body);
  });

  it.each([
    [
      'R20: a lifetime as a text',
      { ...rotating, token_lifetime: '2592000' },
      'Expected type integer but found type string',
    ],
    ['R21: no expiration_type', { rotation_type: 'rotating' }, 'Missing required property: expiration_type'],
    [
      'R27: more than five years',
      { ...rotating, token_lifetime: 157_788_001 },
      'Value 157788001 is greater than maximum 157788000',
    ],
    ['R27: no time at all', { ...rotating, token_lifetime: 0 }, 'Value 0 is less than minimum 1'],
    ['R33: less than nothing', { ...rotating, leeway: -1 }, 'Value -1 is less than minimum 0'],
    ['R33: half a second', { ...rotating, leeway: 1.5 }, 'Expected type integer but found type number'],
    ['R33: a leeway of null', { ...rotating, leeway: null }, 'Expected type integer but found type null'],
    [
      'R29: rotation without an expiry',
      { ...rotating, expiration_type: 'non-expiring' },
      'expected "expiring": a rotating token must expire',
    ],
    [
      'an idle lifetime beyond the absolute one',
      { ...rotating, token_lifetime: 100, idle_token_lifetime: 200 },
      'expected at most token_lifetime (100)',
    ],
    [
      'no finite lifetime',
      { ...rotating, infinite_token_lifetime: true, infinite_idle_token_lifetime: true },
      'expected one finite lifetime at least',
    ],
    ['R62: the printed word', { ...nonRotating, rotation_type: 'reusable' }, 'No enum match for: reusable'],
    ['the old spelling', { type: 'rotating' }, 'Missing required property: expiration_type'],
    ['an unknown name', { ...rotating, sliding: true }, 'Additional properties not allowed: sliding'],
    ['a list of no policy', { ...rotating, policies: [] }, 'Array is too short (0), minimum 1'],
  ])('%s (%j) is refused, and nothing changes', async (_, settings, message) => {
    const tenant = aManagedTenant();
    const before = await call(tenant, 'GET /clients/spa');
    expect(await patch(tenant, { refresh_token: settings })).toMatchObject(invalidBody(message));
    expect((await call(tenant, 'GET /clients/spa')).body).toEqual(before.body);
  });

  it('names the property, and what it is', async () => {
    const { body } = await patchSettings({ ...rotating, token_lifetime: '2592000' });
    expect(body).toHaveProperty(
      'message',
      "Payload validation error: 'Expected type integer but found type string' on property " +
        'refresh_token.token_lifetime (Period (in seconds) for which refresh tokens will remain valid).',
    );
  });

  it('U10: takes the number that is printed as a text where quirks.coerceNumericStrings says so', async () => {
    const tenant = aManagedTenant({ quirks: { coerceNumericStrings: true } });
    expect(await patch(tenant, { refresh_token: { ...month, token_lifetime: '2592000' } })).toMatchObject({
      status: 200,
      body: { refresh_token: { token_lifetime: 2_592_000 } },
    });
    expect(await patch(tenant, { refresh_token: { ...rotating, token_lifetime: '30d' } })).toMatchObject(
      invalidBody('Expected type integer but found type string'),
    );
  });

  it('R22: replaces refresh_token and leaves everything else of the client', async () => {
    const tenant = aManagedTenant();
    await patch(tenant, { refresh_token: { ...month, leeway: 9, idle_token_lifetime: 60 } });
    const { body } = await patch(tenant, { refresh_token: month });
    expect(body).toMatchObject({
      name: 'The shop',
      callbacks: ['http://localhost:3000', 'http://localhost:3000/other?page=1'],
      refresh_token: { leeway: 0, idle_token_lifetime: 2_592_000 },
    });
    expect(await patch(tenant, { name: 'Another' })).toMatchObject({
      body: { name: 'Another', refresh_token: { rotation_type: 'rotating' } },
    });
  });

  it('R2, R3, R13: takes effect on the next refresh, without a new login', async () => {
    const tenant = aManagedTenant();
    const { refresh_token } = await login(tenant);
    await patch(tenant, { refresh_token: { ...rotating, leeway: 3 } });
    await refresh(tenant, refresh_token);
    const { status, body } = await refresh(tenant, refresh_token);
    expect(status).toBe(200);
    await patch(tenant, { refresh_token: nonRotating });
    const swapped = (await refresh(tenant, body['refresh_token'])).body['refresh_token'];
    for (let turn = 0; turn < 2; turn += 1) {
      const answer = await refresh(tenant, swapped);
      expect(answer.status).toBe(200);
      expect(answer.body).not.toHaveProperty('refresh_token');
    }
  });

  it('R1: another client rotates as before', async () => {
    const tenant = aManagedTenant();
    await patch(tenant, { refresh_token: null });
    expect((await call(tenant, 'GET /clients/other')).body).toMatchObject({
      refresh_token: { rotation_type: 'rotating' },
    });
  });
});

describe('clients of the Management API', () => {
  it('are made, read, changed, listed and deleted by the auth0 package', async () => {
    const tenant = aManagedTenant();
    const { clients } = managerOf(tenant);
    const made = await clients.create({
      name: 'A new one',
      app_type: 'spa',
      callbacks: ['https://new.example'],
      client_metadata: { team: 'a', floor: '1' },
    });
    expect(made).toMatchObject({
      name: 'A new one',
      app_type: 'spa',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      refresh_token: { rotation_type: 'non-rotating', expiration_type: 'non-expiring' },
      is_first_party: true,
    });
    const id = made.client_id ?? '';
    expect(await clients.get(id)).toEqual(made);
    const changed = await clients.update(id, {
      description: 'x',
      client_metadata: { floor: null, room: '2' },
    });
    expect(changed.description).toBe('x');
    expect(changed.client_metadata).toEqual({ team: 'a', room: '2' });
    const names = [];
    for await (const { name } of await clients.list()) names.push(name);
    expect(names).toEqual(['The shop', 'The shop', 'The shop', 'The shop', 'machine', 'A new one']);
    await clients.delete(id);
    await clients.delete(id);
    await expect(clients.get(id)).rejects.toMatchObject({
      statusCode: 404,
      body: { errorCode: 'inexistent_client' },
    });
  });

  it('fail as the auth0 package expects', async () => {
    const { clients } = managerOf(aManagedTenant());
    await expect(clients.update('spa', { refresh_token: { ...rotating, leeway: -1 } })).rejects.toMatchObject(
      { statusCode: 400, body: { errorCode: 'invalid_body' } },
    );
  });

  it.each([
    ['without a name', {}, 'Missing required property: name'],
    ['with a name of tags', { name: '<b>' }, 'String does not match pattern ^[^<>]+$: <b>'],
    ['with an id', { name: 'x', client_id: 'mine' }, 'Additional properties not allowed: client_id'],
    ['with a callback that is none', { name: 'x', callbacks: ['/cb'] }, 'expected an absolute URL'],
  ])('are not made %s', async (_, body, message) => {
    expect(await call(aManagedTenant(), 'POST /clients', { body })).toMatchObject(invalidBody(message));
  });

  it.each(['client_id', 'tenant', 'global'])('have a %s that nobody changes', async (name) => {
    expect(await patch(aManagedTenant(), { [name]: 'x' })).toMatchObject(
      invalidBody(`Additional properties not allowed: ${name}`),
    );
  });

  it('that nobody knows are answered with 404', async () => {
    const missing = { status: 404, body: { error: 'Not Found', errorCode: 'inexistent_client' } };
    const tenant = aManagedTenant();
    expect(await patch(tenant, { name: 'x' }, 'nobody')).toMatchObject(missing);
    expect(await call(tenant, 'GET /clients/nobody')).toMatchObject(missing);
    expect(await call(tenant, 'POST /clients/nobody/rotate-secret')).toMatchObject(missing);
  });

  it('show their secret only to whom read:client_keys is granted', async () => {
    const scopes = ['read:clients', 'update:clients', 'create:clients', 'update:client_keys'];
    const blind = aManagedTenant({}, scopes);
    for (const [route, body] of [
      ['GET /clients'],
      ['GET /clients/server'],
      ['GET /clients/server?fields=client_secret,name'],
      ['PATCH /clients/server', { name: 'x' }],
      ['POST /clients', { name: 'y' }],
      ['POST /clients/server/rotate-secret'],
    ] as const)
      expect(JSON.stringify((await call(blind, route, { body })).body)).not.toContain('"client_secret":');
    expect((await call(aManagedTenant(), 'GET /clients/server')).body).toMatchObject({
      client_secret: 's3 cret',
    });
  });

  it('get a new secret, and the old one is worth nothing', async () => {
    const tenant = aManagedTenant();
    const { body } = await call(tenant, 'POST /clients/machine/rotate-secret');
    expect(body).toMatchObject({ client_secret: expect.stringMatching(/^[\w-]{64}$/) });
    await expect(managerOf(tenant).clients.get('spa')).rejects.toThrow();
    expect(JSON.stringify(tenant.journal)).not.toContain((body as { client_secret: string }).client_secret);
  });

  it('take their refresh tokens with them', async () => {
    const tenant = aManagedTenant();
    const { refresh_token } = await login(tenant);
    expect(await call(tenant, 'DELETE /clients/spa')).toMatchObject({ status: 204, body: undefined });
    expect(tenant.families()).toMatchObject([{ endedBecause: 'admin', verdict: 'revoked' }]);
    expect(await refresh(tenant, refresh_token)).toMatchObject({ status: 401 });
    expect(await refresh(tenant, refresh_token, { client_id: 'other' })).toMatchObject(refusedAsUnknown);
  });

  it('take the logins with them that have begun, and no code goes to where they were', async () => {
    const tenant = aManagedTenant();
    const browser = tenantBrowser(tenant);
    const page = await browser.visit(authorizeUrl());
    await managerOf(tenant).clients.delete('spa');
    const { url, response } = await browser.submit(page, ada);
    expect(url.origin).toBe(tenant.baseUrl);
    expect(response.status).toBe(400);
    expect(codesOf(tenant)).not.toContain('s');
  });

  it('are written down when they are changed, and not when they are read', async () => {
    const tenant = aManagedTenant();
    await call(tenant, 'GET /clients');
    await patch(tenant, { client_secret: 'topsecret', name: 'x' });
    expect(codesOf(tenant)).toEqual(['seccft', 'seccft', 'sapi']);
    expect(tenant.journal.at(-1)).toMatchObject({
      client_id: 'machine',
      description: 'PATCH /api/v2/clients/spa',
    });
    expect(JSON.stringify(tenant.journal)).not.toContain('topsecret');
  });
});

describe('lists of the Management API', () => {
  const list = async (query: string) => (await call(aManagedTenant(), `GET /clients?${query}`)).body;
  const ids = (...client_ids: string[]) => client_ids.map((client_id) => ({ client_id }));

  it('come in numbered pages', async () => {
    expect(await list('fields=client_id&per_page=2&page=1')).toEqual(ids('native', 'server'));
    expect(await list('fields=client_id&per_page=2&page=2&include_totals=true')).toEqual({
      start: 4,
      limit: 2,
      length: 1,
      total: 5,
      clients: ids('machine'),
    });
  });

  it('come from a place on, until there is no next', async () => {
    expect(await list('fields=client_id&take=4')).toEqual({
      clients: ids('spa', 'other', 'native', 'server'),
      next: 'machine',
    });
    expect(await list('fields=client_id&take=4&from=machine')).toEqual({ clients: ids('machine') });
  });

  it('leave out what is not wanted', async () => {
    const [first] = (await list('fields=name,client_id&include_fields=false')) as object[];
    expect(first).not.toHaveProperty('name');
    expect(first).toHaveProperty('callbacks');
    expect(await list('fields=client_id&app_type=native,regular_web')).toEqual(ids('native', 'server'));
  });

  it.each([
    ['per_page=101', "'Value 101 is greater than maximum 100' on property per_page"],
    ['page=-1', "'Value -1 is less than minimum 0' on property page"],
    ['take=0', "'Value 0 is less than minimum 1' on property take"],
    ['page=x', "'Expected type integer but found type string' on property page"],
    ['from=nowhere', 'on property from'],
  ])('refuse %s', async (query, message) => {
    expect(await list(query)).toMatchObject({
      statusCode: 400,
      errorCode: 'invalid_query_string',
      message: expect.stringContaining(message),
    });
  });
});

describe('settings of a client', () => {
  it.each(
    Object.entries({
      name: 'Another name',
      description: 'What it is for',
      app_type: 'native',
      callbacks: ['https://new.example/cb'],
      web_origins: ['https://new.example'],
      allowed_origins: ['https://new.example'],
      allowed_logout_urls: ['https://new.example/'],
      grant_types: ['refresh_token'],
      token_endpoint_auth_method: 'none',
      client_metadata: { team: 'shop' },
      is_first_party: false,
      require_proof_of_possession: true,
      require_pushed_authorization_requests: true,
      organization_usage: 'require',
      organization_require_behavior: 'no_prompt',
      oidc_conformant: true,
    }),
  )('%s is taken, shown, and the only one that changes', async (name, value) => {
    const tenant = aManagedTenant();
    const before = (await call(tenant, 'GET /clients/spa')).body;
    expect(await patch(tenant, { [name]: value })).toMatchObject({ status: 200, body: { [name]: value } });
    expect((await call(tenant, 'GET /clients/spa')).body).toEqual({ ...Object(before), [name]: value });
  });
});
