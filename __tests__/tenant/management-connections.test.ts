import { describe, expect, it } from '@jest/globals';
import type { Tenant } from '../../src/tenant/index.ts';
import { tenantBrowser } from '../support/tenant-browser.ts';
import { aManagedTenant, call, invalidBody, managerOf } from './a-manager.ts';
import {
  ada,
  app,
  authorizeUrl,
  claimsOf,
  codesOf,
  grace,
  login,
  refresh,
  refusedAsUnknown,
  signInByForm,
} from './a-tenant.ts';

const database = 'con_0000000000000001';
const name = 'Username-Password-Authentication';
const eve = { email: 'eve@example.com', password: 'tops3cret' };
const connectionsOf = (tenant: Tenant) => managerOf(tenant).connections;

/** What an authorization request comes to; a page of the tenant's is no answer. */
async function answer(tenant: Tenant, changes: Record<string, string | null> = {}) {
  const { url } = await tenantBrowser(tenant).visit(authorizeUrl(changes));
  const { searchParams: sent } = url;
  return sent.has('error') ? [sent.get('error'), sent.get('error_description')] : url.pathname;
}

/** Another database, with a user of its own. */
async function withPartners(tenant: Tenant, enabled_clients = ['spa']): Promise<string> {
  const { connections, users } = managerOf(tenant);
  const { id = '' } = await connections.create({ name: 'Partners', strategy: 'auth0', enabled_clients });
  await users.create({ ...eve, connection: 'Partners' });
  return id;
}

const signUp = async (tenant: Tenant, connection: string, client_id = 'spa') => {
  const response = await tenant.fetch(
    new Request(`${tenant.baseUrl}/dbconnections/signup`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ client_id, connection, email: 'new@example.com', password: 'fresh start' }),
    }),
  );
  return { status: response.status, body: (await response.json()) as object };
};

describe('connections of the Management API', () => {
  it('are made, read, changed and deleted by the auth0 package', async () => {
    const tenant = aManagedTenant();
    const api = connectionsOf(tenant);
    const made = await api.create({
      name: 'Partners',
      strategy: 'auth0',
      display_name: 'Our partners',
      metadata: { region: 'eu', kind: 'b2b' },
    });
    const id = made.id ?? '';
    expect(made).toEqual({
      id: expect.stringMatching(/^con_[0-9a-f]{16}$/),
      name: 'Partners',
      strategy: 'auth0',
      display_name: 'Our partners',
      enabled_clients: [],
      metadata: { region: 'eu', kind: 'b2b' },
      options: {},
      realms: ['Partners'],
      is_domain_connection: false,
    });
    const changed = await api.update(id, { enabled_clients: ['spa'], metadata: { region: 'us' } });
    expect(changed).toEqual({
      ...made,
      enabled_clients: ['spa'],
      metadata: { region: 'us', kind: 'b2b' },
    });
    expect(await api.update(id, { display_name: 'Partners' })).toEqual({
      ...changed,
      display_name: 'Partners',
    });
    expect(await api.get(id, { fields: 'id,enabled_clients' })).toEqual({ id, enabled_clients: ['spa'] });
    const names = async (query: object) => {
      const found = [];
      for await (const each of await api.list({ take: 1, ...query })) found.push(each.name);
      return found;
    };
    expect(await names({})).toEqual([name, 'Partners']);
    expect(await names({ name: 'Partners' })).toEqual(['Partners']);
    expect(await names({ strategy: ['google-oauth2'] })).toEqual([]);
    await api.delete(id);
    await api.delete(id);
    const gone = { statusCode: 404, body: { errorCode: 'inexistent_connection' } };
    await expect(api.get(id)).rejects.toMatchObject(gone);
    await expect(api.update(id, {})).rejects.toMatchObject(gone);
  });

  it('begin with one, which every client has, those that are made later too', async () => {
    const tenant = aManagedTenant();
    const { clients, connections } = managerOf(tenant);
    const before = await connections.get(database);
    expect(before).toMatchObject({ name, enabled_clients: ['spa', 'other', 'native', 'server', 'machine'] });
    const { client_id = '' } = await clients.create({ name: 'New', app_type: 'spa', callbacks: [app] });
    expect((await connections.get(database)).enabled_clients).toContain(client_id);
    expect(await answer(tenant, { client_id })).toBe('/u/login');
    await clients.delete(client_id);
    expect(await connections.get(database)).toEqual(before);
  });

  it('are switched on and off for clients, one by one', async () => {
    const tenant = aManagedTenant();
    const { clients } = connectionsOf(tenant);
    await clients.update(database, [
      { client_id: 'spa', status: false },
      { client_id: 'other', status: true },
      { client_id: 'server', status: false },
    ]);
    const listed = [];
    for await (const { client_id } of await clients.get(database, { take: 2 })) listed.push(client_id);
    expect(listed).toEqual(['other', 'native', 'machine']);
    expect(await answer(tenant)).toEqual(['invalid_request', 'no connections enabled for the client']);
    await clients.update(database, [{ client_id: 'spa', status: true }]);
    expect(await answer(tenant)).toBe('/u/login');
    const unknown = clients.update(database, [{ client_id: 'nobody', status: true }]);
    await expect(unknown).rejects.toMatchObject({
      statusCode: 400,
      body: { errorCode: 'inexistent_client' },
    });
    await expect(clients.update('con_0', [{ client_id: 'spa', status: true }])).rejects.toMatchObject({
      statusCode: 404,
    });
  });

  it.each([
    ['nobody', [], 'Array is too short (0), minimum 1'],
    ['somebody without saying how', [{ client_id: 'spa' }], 'Missing required property: status'],
    ['what is no client', ['spa'], 'Expected type object but found type string'],
  ])('are not switched for %s', async (_, body, message) => {
    const answered = await call(aManagedTenant(), `PATCH /connections/${database}/clients`, { body });
    expect(answered).toMatchObject(invalidBody(message));
  });

  it('have a name of their own', async () => {
    const tenant = aManagedTenant();
    await expect(connectionsOf(tenant).create({ name, strategy: 'auth0' })).rejects.toMatchObject({
      statusCode: 409,
      body: { errorCode: 'connection_conflict' },
    });
    expect((await call(tenant, 'GET /connections')).body).toHaveLength(1);
  });

  it.each(['email', 'sms'])('are not called %s, where users by a code come from', async (taken) => {
    const tenant = aManagedTenant();
    await expect(connectionsOf(tenant).create({ name: taken, strategy: 'auth0' })).rejects.toMatchObject({
      statusCode: 409,
      body: { errorCode: 'connection_conflict' },
    });
  });

  it('are not enabled for clients that nobody has', async () => {
    const tenant = aManagedTenant();
    const body = { enabled_clients: ['spa', 'nobody'] };
    expect(await call(tenant, `PATCH /connections/${database}`, { body })).toMatchObject({
      status: 400,
      body: { errorCode: 'inexistent_client' },
    });
    expect((await connectionsOf(tenant).get(database)).enabled_clients).toHaveLength(5);
  });

  it.each([
    [{ strategy: 'auth0' }, 'Missing required property: name'],
    [{ name: 'Partners' }, 'Missing required property: strategy'],
    [{ name: 'Partners', strategy: 'google-oauth2' }, 'No enum match for: google-oauth2'],
    [{ name: '-Partners', strategy: 'auth0' }, 'String does not match pattern'],
    [{ name: 'Partners', strategy: 'auth0', options: {} }, 'Additional properties not allowed: options'],
  ])('are not made of %j', async (body, message) => {
    expect(await call(aManagedTenant(), 'POST /connections', { body })).toMatchObject(invalidBody(message));
  });

  it.each([
    ['GET /connections', 'update:connections'],
    ['POST /connections', 'read:connections'],
    [`GET /connections/${database}`, 'delete:connections'],
    [`PATCH /connections/${database}`, 'create:connections'],
    [`DELETE /connections/${database}`, 'update:connections'],
    [`GET /connections/${database}/clients`, 'update:connections'],
    [`PATCH /connections/${database}/clients`, 'read:connections'],
  ])('are not for everybody: %s with %s', async (route, scope) => {
    expect(await call(aManagedTenant({}, [scope]), route)).toMatchObject({
      status: 403,
      body: { errorCode: 'insufficient_scope' },
    });
  });

  it('survive a snapshot, and go back with a reset', async () => {
    const tenant = aManagedTenant();
    await connectionsOf(tenant).update(database, { display_name: 'Everybody', enabled_clients: ['spa'] });
    const snapshot = tenant.snapshot();
    tenant.reset();
    expect((await connectionsOf(tenant).get(database)).enabled_clients).toHaveLength(5);
    tenant.restore(snapshot);
    expect(await connectionsOf(tenant).get(database)).toMatchObject({
      display_name: 'Everybody',
      enabled_clients: ['spa'],
    });
  });
});

describe('the connection at /authorize', () => {
  it('E7: must be there, and enabled for the client', async () => {
    const tenant = aManagedTenant();
    await withPartners(tenant, ['other']);
    expect(await answer(tenant, { connection: name })).toBe('/u/login');
    expect(await answer(tenant, { connection: 'sms' })).toEqual([
      'invalid_request',
      'the connection was not found',
    ]);
    expect(await answer(tenant, { connection: 'Partners' })).toEqual([
      'unauthorized_client',
      'the connection is not enabled',
    ]);
  });

  it('must be enabled for the organization, too', async () => {
    const organizations = [{ id: 'org_1', name: 'acme', members: [ada.email] }];
    const tenant = aManagedTenant({ organizations });
    const connection_id = await withPartners(tenant);
    const asked = { organization: 'acme', connection: 'Partners' };
    expect(await answer(tenant, asked)).toEqual(['unauthorized_client', 'the connection is not enabled']);
    await managerOf(tenant).organizations.enabledConnections.add('org_1', { connection_id });
    expect(await answer(tenant, asked)).toBe('/u/login');
    await connectionsOf(tenant).delete(connection_id);
    expect((await call(tenant, 'GET /organizations/org_1/enabled_connections')).body).toMatchObject([
      { connection_id: database },
    ]);
  });

  it('decides who can sign in', async () => {
    const tenant = aManagedTenant();
    const id = await withPartners(tenant);
    const enter = async (person: typeof ada, changes: Record<string, string> = {}) => {
      const browser = tenantBrowser(tenant);
      const { url, body } = await browser.submit(await browser.visit(authorizeUrl(changes)), person);
      return url.searchParams.has('code') ? 'a code' : /Wrong email or password/.exec(body)?.[0];
    };
    const wrong = 'Wrong email or password';
    expect([await enter(ada), await enter(eve)]).toEqual(['a code', 'a code']);
    const partners = { connection: 'Partners' };
    expect([await enter(ada, partners), await enter(eve, partners)]).toEqual([wrong, 'a code']);
    expect([await enter(ada, { connection: name }), await enter(eve, { connection: name })]).toEqual([
      'a code',
      wrong,
    ]);
    const shown = await tenantBrowser(tenant).visit(authorizeUrl(partners));
    expect(shown.body).toContain(eve.email);
    expect(shown.body).not.toContain(ada.email);
    await connectionsOf(tenant).update(id, { enabled_clients: [] });
    expect([await enter(ada), await enter(eve)]).toEqual(['a code', wrong]);
  });

  it('must still be enabled when the sign-in ends', async () => {
    const tenant = aManagedTenant();
    const browser = tenantBrowser(tenant);
    const consent = await signInByForm(browser, { prompt: 'consent' });
    expect(consent.url.pathname).toBe('/u/consent');
    await connectionsOf(tenant).update(database, { enabled_clients: ['other'] });
    const { url } = await browser.submit(consent, { decision: 'accept' });
    expect(url.searchParams.get('error_description')).toBe('the connection is not enabled');
  });

  it('asks whoever is signed in by another one to sign in', async () => {
    const tenant = aManagedTenant();
    await withPartners(tenant);
    const browser = tenantBrowser(tenant);
    await signInByForm(browser);
    const silently = async (connection: string) =>
      (await browser.visit(authorizeUrl({ prompt: 'none', connection }))).url.searchParams.get('error');
    expect(await silently(name)).toBeNull();
    expect(await silently('Partners')).toBe('login_required');
    expect((await browser.visit(authorizeUrl({ connection: 'Partners' }))).url.pathname).toBe('/u/login');
  });
});

describe('a database that is deleted', () => {
  it('takes its users with it, and what they hold', async () => {
    const tenant = aManagedTenant();
    const id = await withPartners(tenant);
    const [ours, theirs] = [await login(tenant), await login(tenant, {}, eve.email)];
    await connectionsOf(tenant).delete(id);
    expect(tenant.users().map(({ email }) => email)).toEqual([ada.email, grace, 'mallory@example.com']);
    expect(await refresh(tenant, theirs['refresh_token'])).toMatchObject(refusedAsUnknown);
    expect(await refresh(tenant, ours['refresh_token'])).toMatchObject({ status: 200 });
  });

  it.each([
    ['deleted', (tenant: Tenant) => connectionsOf(tenant).delete(database)],
    ['disabled', (tenant: Tenant) => connectionsOf(tenant).update(database, { enabled_clients: ['other'] })],
  ])('or the only one, %s, is said to be the reason why nobody signs in', async (_, end) => {
    const tenant = aManagedTenant();
    const browser = tenantBrowser(tenant);
    const form = await browser.visit(authorizeUrl());
    const other = tenantBrowser(tenant);
    const signUpForm = await other.visit(authorizeUrl({ screen_hint: 'signup' }));
    await end(tenant);
    const late = 'No connection is enabled for this application: nobody can sign in';
    const refused = await browser.submit(form, ada);
    expect(refused.response.status).toBe(400);
    expect(refused.body).toContain(late);
    expect(tenant.journal.at(-1)).toMatchObject({ type: 'f', description: late });
    expect((await other.submit(signUpForm, eve)).body).toContain(late);
    expect(tenant.users().map(({ email }) => email)).not.toContain(eve.email);
    const reason = ['invalid_request', 'no connections enabled for the client'];
    expect(await answer(tenant)).toEqual(reason);
    expect(await answer(tenant, { prompt: 'none' })).toEqual(reason);
  });
});

describe('accounts', () => {
  it('say which connection they are of, and stay there', async () => {
    const tenant = aManagedTenant();
    await withPartners(tenant);
    const { users } = managerOf(tenant);
    const [made] = await users.listUsersByEmail({ email: eve.email });
    expect(made).toMatchObject({ identities: [{ connection: 'Partners' }] });
    expect(made).not.toHaveProperty('connection');
    const user_id = made?.user_id ?? '';
    expect(await users.update(user_id, { connection: 'Partners', name: 'Eve' })).toMatchObject({
      name: 'Eve',
      identities: [{ connection: 'Partners' }],
    });
    const refused = { statusCode: 400, body: { errorCode: 'inexistent_connection' } };
    await expect(users.update(user_id, { connection: name })).rejects.toMatchObject(refused);
  });

  it('are made by apps in connections that are enabled for them', async () => {
    const tenant = aManagedTenant();
    await withPartners(tenant, ['other']);
    const refused = { status: 400, body: { error: 'bad.connection' } };
    expect(await signUp(tenant, 'Partners')).toMatchObject(refused);
    expect(await signUp(tenant, 'nobody')).toMatchObject(refused);
    expect(codesOf(tenant)).not.toContain('ss');
    expect(await signUp(tenant, 'Partners', 'other')).toMatchObject({ status: 200 });
    const { body } = await call(tenant, 'GET /users-by-email?email=new@example.com');
    expect(body).toMatchObject([{ identities: [{ connection: 'Partners' }] }]);
  });

  it('are made by people in the connection that the app asks for', async () => {
    const tenant = aManagedTenant();
    await withPartners(tenant);
    const browser = tenantBrowser(tenant);
    const asked = authorizeUrl({ screen_hint: 'signup', connection: 'Partners' });
    const someone = { email: 'new@example.com', password: 'fresh start' };
    expect((await browser.submit(await browser.visit(asked), someone)).url.searchParams.has('code')).toBe(
      true,
    );
    const { body } = await call(tenant, 'GET /users-by-email?email=new@example.com');
    expect(body).toMatchObject([{ identities: [{ connection: 'Partners' }] }]);
  });

  it('join an organization by the connection that says so, and by no other', async () => {
    const tenant = aManagedTenant();
    const connection_id = await withPartners(tenant);
    const enabled_connections = [
      { connection_id: database },
      { connection_id, assign_membership_on_login: true },
    ];
    await managerOf(tenant).organizations.create({ name: 'shop', enabled_connections });
    const enter = async (person: typeof ada) => {
      const browser = tenantBrowser(tenant);
      const page = await browser.visit(authorizeUrl({ organization: 'shop' }));
      return (await browser.submit(page, person)).url.searchParams.get('error');
    };
    expect([await enter(ada), await enter(eve)]).toEqual(['access_denied', null]);
    expect(claimsOf((await login(tenant, { organization: 'shop' }, eve.email))['id_token'])).toMatchObject({
      org_name: 'shop',
    });
  });
});
