import { describe, expect, it } from '@jest/globals';
import type { Tenant } from '../../src/tenant/index.ts';
import { tenantBrowser } from '../support/tenant-browser.ts';
import { aManagedTenant, call, invalidBody, managerOf } from './a-manager.ts';
import { ada, authorizeUrl, claimsOf, configuration, login, refresh, refusedAsUnknown } from './a-tenant.ts';

const connection = 'Username-Password-Authentication';
const eve = { connection, email: 'eve@example.com', password: 'tops3cret' };

const idOfAda = async (tenant: Tenant) =>
  (await managerOf(tenant).users.listUsersByEmail({ email: ada.email }))[0]?.user_id ?? '';

describe('users of the Management API', () => {
  it('take with them what waits for their second factor', async () => {
    const tenant = aManagedTenant();
    const { refresh_token } = await login(tenant);
    tenant.faults.add({ kind: 'mfa-required' });
    const { body } = await refresh(tenant, refresh_token);
    const user_id = await idOfAda(tenant);
    const list = () =>
      tenant.fetch(
        new Request(`${tenant.baseUrl}/mfa/authenticators`, {
          headers: { authorization: `Bearer ${String(body['mfa_token'])}` },
        }),
      );
    expect((await list()).status).toBe(200);
    await managerOf(tenant).users.delete(user_id);
    expect((await list()).status).toBe(401);
  });

  it('are made, found, changed and deleted by the auth0 package', async () => {
    const tenant = aManagedTenant();
    const { users } = managerOf(tenant);
    const made = await users.create({ ...eve, user_metadata: { theme: 'dark', size: 1 } });
    expect(made).toMatchObject({
      user_id: expect.stringMatching(/^auth0\|[0-9a-f]{24}$/),
      email: eve.email,
      email_verified: false,
      nickname: 'eve',
      created_at: '2026-11-23T12:00:00.000Z',
      identities: [{ provider: 'auth0', connection, isSocial: false }],
    });
    const id = made.user_id ?? '';
    expect(await users.get(id)).toEqual(made);
    tenant.clock.advance('1h');
    const changed = await users.update(id, { name: 'Eve', user_metadata: { size: null, font: 'x' } });
    expect(changed.user_metadata).toEqual({ theme: 'dark', font: 'x' });
    expect(changed).toMatchObject({
      email: eve.email,
      name: 'Eve',
      created_at: '2026-11-23T12:00:00.000Z',
      updated_at: '2026-11-23T13:00:00.000Z',
    });
    const found = [];
    for await (const { name } of await users.list({ q: 'email:"eve@example.com" AND blocked:false' }))
      found.push(name);
    expect(found).toEqual(['Eve']);
    await users.delete(id);
    await users.delete(id);
    await expect(users.get(id)).rejects.toMatchObject({
      statusCode: 404,
      body: { errorCode: 'inexistent_user' },
    });
    expect(await users.listUsersByEmail({ email: eve.email })).toEqual([]);
  });

  it.each([
    ['email:1', ['ada@example.com', 'grace@example.com', 'mallory@example.com']],
    ['email:-1', ['mallory@example.com', 'grace@example.com', 'ada@example.com']],
  ])('are sorted by %s', async (sort, emails) => {
    const { data } = await managerOf(aManagedTenant()).users.list({ sort });
    expect(data.map(({ email }) => email)).toEqual(emails);
  });

  it.each(['email', 'password:1', 'email:0', '__proto__:1'])('are not sorted by %s', async (sort) => {
    expect(await call(aManagedTenant(), `GET /users?sort=${sort}`)).toMatchObject({
      status: 400,
      body: { errorCode: 'invalid_query_string' },
    });
  });

  it('sign in with the password that they have now, which nobody is shown', async () => {
    const tenant = aManagedTenant();
    const { users } = managerOf(tenant);
    const { user_id = '' } = await users.create(eve);
    const signIn = async (password: string) => {
      const browser = tenantBrowser(tenant);
      const { url } = await browser.submit(await browser.visit(authorizeUrl()), {
        email: eve.email,
        password,
      });
      return url.searchParams.has('code');
    };
    expect(await signIn(eve.password)).toBe(true);
    await users.update(user_id, { password: 'an0ther' });
    expect(await signIn(eve.password)).toBe(false);
    expect(await signIn('an0ther')).toBe(true);
    const shown = JSON.stringify([
      (await call(tenant, 'GET /users')).body,
      await users.get(user_id),
      tenant.journal,
    ]);
    for (const password of [eve.password, 'an0ther', ada.password]) expect(shown).not.toContain(password);
  });

  it('have a telephone number, verified by Auth0’s name for it, and keep an address to themselves', async () => {
    const [user] = configuration.users;
    const tenant = aManagedTenant({ users: [{ ...user, address: { locality: 'London' } }] });
    const { users } = managerOf(tenant);
    const id = await idOfAda(tenant);
    await users.update(id, { phone_number: '+442071231234', phone_verified: true });
    const changed = await users.update(id, { name: 'Ada' });
    expect(changed).toMatchObject({ phone_number: '+442071231234', phone_verified: true });
    expect(await users.get(id)).toEqual(changed);
    for (const name of ['address', 'phone_number_verified']) expect(changed).not.toHaveProperty(name);
    expect(claimsOf((await login(tenant, { scope: 'openid address phone' }))['id_token'])).toMatchObject({
      address: { locality: 'London' },
      phone_number: '+442071231234',
      phone_number_verified: true,
    });
  });

  it('U34: that are blocked refresh nothing until they are let in again', async () => {
    const tenant = aManagedTenant();
    const { refresh_token } = await login(tenant);
    const { users } = managerOf(tenant);
    await users.update(await idOfAda(tenant), { blocked: true });
    expect(await refresh(tenant, refresh_token)).toMatchObject({
      status: 403,
      body: { error_description: 'user is blocked' },
    });
    await users.update(await idOfAda(tenant), { blocked: false });
    expect(await refresh(tenant, refresh_token)).toMatchObject({ status: 200 });
  });

  it('take their sessions, grants and refresh tokens with them', async () => {
    const tenant = aManagedTenant();
    const browser = tenantBrowser(tenant);
    browser.setCookie(tenant.signIn(ada.email, { client_id: 'spa' }).cookie);
    const { refresh_token } = await login(tenant);
    await managerOf(tenant).users.delete(await idOfAda(tenant));
    expect(await refresh(tenant, refresh_token)).toMatchObject(refusedAsUnknown);
    expect(tenant.families()).toMatchObject([{ endedBecause: 'admin' }]);
    expect((await call(tenant, 'GET /grants')).body).toEqual([]);
    const { url } = await browser.visit(authorizeUrl({ prompt: 'none' }));
    expect(url.searchParams.get('error')).toBe('login_required');
  });

  it.each([
    ['all sessions', {}, [403, 403]],
    ['all sessions, but no refresh token', { preserve_refresh_tokens: true }, [200, 200]],
    ['one session', 'first', [403, 200]],
  ])('lose access by revoke-access: %s', async (_, request, statuses) => {
    const tenant = aManagedTenant();
    const [one, two] = [await login(tenant), await login(tenant)];
    const sid = String(claimsOf(one['id_token'])['sid']);
    await managerOf(tenant).users.revokeAccess(
      await idOfAda(tenant),
      request === 'first' ? { session_id: sid } : (request as object),
    );
    expect(await call(tenant, `GET /sessions/${sid}`)).toMatchObject({ status: 404 });
    const answers = [
      await refresh(tenant, one['refresh_token']),
      await refresh(tenant, two['refresh_token']),
    ];
    expect(answers.map(({ status }) => status)).toEqual(statuses);
  });

  it('are not made in a connection that nobody has', async () => {
    const refused = { statusCode: 400, body: { errorCode: 'inexistent_connection' } };
    const { users } = managerOf(aManagedTenant());
    await expect(users.create({ ...eve, connection: 'google' })).rejects.toMatchObject(refused);
  });

  it('are unique by their address and their id', async () => {
    const tenant = aManagedTenant();
    const { users } = managerOf(tenant);
    const conflict = {
      statusCode: 409,
      body: { error: 'Conflict', message: 'The user already exists.', errorCode: 'auth0_idp_error' },
    };
    await expect(users.create({ ...eve, email: 'ADA@example.com' })).rejects.toMatchObject(conflict);
    const { user_id = '' } = await users.create({ ...eve, user_id: 'eve' });
    expect(user_id).toBe('auth0|eve');
    await expect(users.create({ ...eve, email: 'eve2@example.com', user_id: 'eve' })).rejects.toMatchObject(
      conflict,
    );
    await expect(users.update(user_id, { email: ada.email })).rejects.toMatchObject(conflict);
    expect(await users.update(user_id, { email: 'EVE@example.com' })).toMatchObject({
      email: 'EVE@example.com',
    });
  });

  it.each([
    ['without a connection', { ...eve, connection: undefined }, 'Missing required property: connection'],
    ['without an address', { ...eve, email: 'eve' }, "Object didn't pass validation for format email: eve"],
    ['without a password', { ...eve, password: '' }, 'String is too short (0 chars), minimum 1'],
    ['with what nobody knows', { ...eve, admin: true }, 'Additional properties not allowed: admin'],
  ])('are not made %s', async (_, body, message) => {
    expect(await call(aManagedTenant(), 'POST /users', { body })).toMatchObject(invalidBody(message));
  });

  it.each(['GET /users?q=ada', 'GET /users-by-email'])('are not found by %s', async (route) => {
    expect(await call(aManagedTenant(), route)).toMatchObject({
      status: 400,
      body: { errorCode: 'invalid_query_string' },
    });
  });
});
