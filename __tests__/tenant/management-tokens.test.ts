import { describe, expect, it } from '@jest/globals';
import type { Tenant } from '../../src/tenant/index.ts';
import { tenantBrowser } from '../support/tenant-browser.ts';
import { aManagedTenant, call, managerOf } from './a-manager.ts';
import {
  aCode,
  ada,
  api,
  authorizeUrl,
  claimsOf,
  codeGrant,
  codesOf,
  grace,
  login,
  nonRotating,
  postToken,
  refresh,
  refusedAsUnknown,
  revoke,
} from './a-tenant.ts';

const userOf = ({ access_token }: { readonly [name: string]: unknown }) =>
  String(claimsOf(access_token)['sub']);
const statusOf = async (tenant: Tenant, held: { readonly [name: string]: unknown }, client_id = 'spa') =>
  (await refresh(tenant, held['refresh_token'], { client_id })).status;
const itemsOf = async <T>(pages: PromiseLike<AsyncIterable<T>>): Promise<T[]> => {
  const items = [];
  for await (const item of await pages) items.push(item);
  return items;
};

describe('device credentials', () => {
  const rotatingOnes = (tenant: Tenant) =>
    itemsOf(managerOf(tenant).deviceCredentials.list({ type: 'rotating_refresh_token' }));

  it('R51: list rotating refresh tokens, one for each family, by their type', async () => {
    const tenant = aManagedTenant();
    const user_id = userOf(await login(tenant));
    await refresh(tenant, (await login(tenant))['refresh_token']);
    const listed = await rotatingOnes(tenant);
    expect(listed).toEqual(
      [0, 1].map(() => ({
        id: expect.stringMatching(/^dcr_[A-Za-z0-9]{16}$/),
        device_name: 'Browser',
        type: 'rotating_refresh_token',
        user_id,
        client_id: 'spa',
      })),
    );
    expect(new Set(listed.map(({ id }) => id)).size).toBe(2);
    expect(await itemsOf(managerOf(tenant).deviceCredentials.list({ user_id }))).toEqual([]);
  });

  it('R52, V13: deleting a rotating one takes every family of its user, client and audience, and the grant', async () => {
    const tenant = aManagedTenant();
    const [one, two] = [await login(tenant), await login(tenant)];
    const elsewhere = await login(tenant, { client_id: 'other', redirect_uri: 'https://other.example/cb' });
    const withoutApi = await login(tenant, { audience: '' });
    const { deviceCredentials, userGrants: grants } = managerOf(tenant);
    const [credential] = await rotatingOnes(tenant);
    await deviceCredentials.delete(credential?.id ?? '');
    expect(await statusOf(tenant, one)).toBe(403);
    expect(await statusOf(tenant, two)).toBe(403);
    expect(await statusOf(tenant, elsewhere, 'other')).toBe(200);
    expect(await statusOf(tenant, withoutApi)).toBe(200);
    expect(await itemsOf(grants.list({ user_id: userOf(one) }))).toMatchObject([
      { clientID: 'other', audience: api },
      { clientID: 'spa', audience: `${tenant.baseUrl}/userinfo` },
    ]);
    expect(tenant.families().map(({ endedBecause }) => endedBecause)).toEqual(['grant', 'grant', null, null]);
    expect(codesOf(tenant).filter((code) => code === 'srrt')).toHaveLength(2);
  });

  it('R52: unlike /oauth/revoke, which leaves the second family of the user and the grant', async () => {
    const tenant = aManagedTenant();
    const [one, two] = [await login(tenant), await login(tenant)];
    await revoke(tenant, { client_id: 'spa', token: String(one['refresh_token']) });
    expect(await statusOf(tenant, two)).toBe(200);
    expect(await itemsOf(managerOf(tenant).userGrants.list())).toHaveLength(1);
    expect(await rotatingOnes(tenant)).toHaveLength(1);
  });

  it('that do not rotate are deleted alone', async () => {
    const tenant = aManagedTenant();
    tenant.updateClient('native', { refresh_token: nonRotating });
    const [one, two] = [
      await login(tenant, { client_id: 'native' }),
      await login(tenant, { client_id: 'native' }),
    ];
    const { deviceCredentials } = managerOf(tenant);
    const [credential] = await itemsOf(deviceCredentials.list());
    expect(credential).toMatchObject({ type: 'refresh_token', client_id: 'native' });
    await deviceCredentials.delete(credential?.id ?? '');
    expect(await statusOf(tenant, one, 'native')).toBe(403);
    expect(await statusOf(tenant, two, 'native')).toBe(200);
  });

  it.each([
    ['DELETE /device-credentials/dcr_0000000000000000', 204, undefined],
    ['DELETE /device-credentials/1', 400, { errorCode: 'invalid_uri' }],
    ['GET /device-credentials?type=cookie', 400, { errorCode: 'invalid_query_string' }],
  ])('%s is answered with %d', async (route, status, body) => {
    const answer = await call(aManagedTenant(), route);
    expect(answer.status).toBe(status);
    if (body === undefined) expect(answer.body).toBeUndefined();
    else expect(answer.body).toMatchObject(body);
  });
});

describe('grants', () => {
  it('are there from the first refresh token on, one for a user, a client and an audience', async () => {
    const tenant = aManagedTenant();
    await login(tenant, { scope: 'openid read:things' });
    expect(await itemsOf(managerOf(tenant).userGrants.list())).toEqual([]);
    const user_id = userOf(await login(tenant, { scope: 'openid offline_access' }));
    await login(tenant, { scope: 'offline_access read:things' });
    expect(await itemsOf(managerOf(tenant).userGrants.list())).toEqual([
      {
        id: expect.stringMatching(/^cgr_[a-z0-9]{16}$/),
        clientID: 'spa',
        user_id,
        audience: api,
        scope: ['openid', 'offline_access', 'read:things'],
      },
    ]);
    expect((await call(tenant, `GET /grants?audience=${api}`)).body).toHaveLength(1);
    for (const query of ['audience=https://x', 'client_id=other', 'user_id=nobody'])
      expect((await call(tenant, `GET /grants?${query}`)).body).toEqual([]);
  });

  it('take their refresh tokens with them, one by one or all of a user', async () => {
    const tenant = aManagedTenant();
    const { userGrants: grants } = managerOf(tenant);
    const first = await login(tenant);
    const [grant] = await itemsOf(grants.list());
    await grants.delete(grant?.id ?? '');
    await grants.delete(grant?.id ?? '');
    expect(await statusOf(tenant, first)).toBe(403);
    const second = await login(tenant);
    await grants.deleteByUserId({ user_id: 'nobody' });
    await grants.deleteByUserId({ user_id: userOf(second) });
    expect(await statusOf(tenant, second)).toBe(403);
    expect(tenant.families().map(({ endedBecause }) => endedBecause)).toEqual(['grant', 'grant']);
    expect(await call(tenant, 'DELETE /grants')).toMatchObject({
      status: 400,
      body: { errorCode: 'invalid_query_string' },
    });
  });
});

describe('refresh tokens', () => {
  it('are one resource for a family, whose id stays while its tokens rotate', async () => {
    const tenant = aManagedTenant();
    const { refreshTokens } = managerOf(tenant);
    const held = await login(tenant);
    const user_id = userOf(held);
    const [before] = await itemsOf(refreshTokens.list({ user_id }));
    const noon = '2026-11-23T12:00:00.000Z';
    expect(before).toEqual({
      id: expect.any(String),
      user_id,
      client_id: 'spa',
      session_id: claimsOf(held['id_token'])['sid'],
      rotating: true,
      created_at: noon,
      expires_at: '2026-12-23T12:00:00.000Z',
      idle_expires_at: '2026-12-23T12:00:00.000Z',
      last_exchanged_at: null,
      resource_servers: [
        { audience: api, scopes: ['openid', 'profile', 'email', 'offline_access', 'read:things'] },
      ],
      refresh_token_metadata: {},
    });
    tenant.clock.advance('1h');
    const { body } = await refresh(tenant, held['refresh_token']);
    expect(await itemsOf(refreshTokens.list({ user_id, client_id: 'spa' }))).toEqual([
      { ...before, last_exchanged_at: '2026-11-23T13:00:00.000Z' },
    ]);
    const shown = JSON.stringify([await refreshTokens.get(before?.id ?? ''), tenant.journal]);
    for (const value of [held['refresh_token'], body['refresh_token']]) expect(shown).not.toContain(value);
    expect(await itemsOf(refreshTokens.list({ user_id, client_id: 'other' }))).toEqual([]);
  });

  it('carry notes, merged name by name, which stay while they rotate and in a snapshot', async () => {
    const tenant = aManagedTenant();
    const { refreshTokens } = managerOf(tenant);
    const { refresh_token } = await login(tenant);
    const id = tenant.families()[0]?.familyId ?? '';
    await refreshTokens.update(id, { refresh_token_metadata: { device: 'phone', size: 1 } });
    await refresh(tenant, refresh_token);
    await refreshTokens.update(id, { refresh_token_metadata: { size: null } });
    const snapshot = tenant.snapshot();
    await refreshTokens.update(id, { refresh_token_metadata: null as never });
    const notes = async () => (await refreshTokens.get(id)).refresh_token_metadata;
    expect(await notes()).toEqual({});
    tenant.restore(snapshot);
    expect(await notes()).toEqual({ device: 'phone' });
    await expect(
      refreshTokens.update('nobody', { refresh_token_metadata: { a: '1' } }),
    ).rejects.toMatchObject({ statusCode: 404 });
    expect(await call(tenant, `PATCH /refresh-tokens/${id}`, { body: { rotating: false } })).toMatchObject({
      status: 400,
      body: { errorCode: 'invalid_body' },
    });
  });

  it('end when they are deleted', async () => {
    const tenant = aManagedTenant();
    const { refreshTokens } = managerOf(tenant);
    const [one, two] = [await login(tenant), await login(tenant)];
    const id = tenant.families()[0]?.familyId ?? '';
    await refreshTokens.delete(id);
    await refreshTokens.delete(id);
    expect(await refresh(tenant, one['refresh_token'])).toMatchObject(refusedAsUnknown);
    expect(await statusOf(tenant, two)).toBe(200);
    expect(tenant.families()[0]?.endedBecause).toBe('admin');
    await expect(refreshTokens.get(id)).rejects.toMatchObject({
      statusCode: 404,
      body: { errorCode: 'inexistent_refresh_token' },
    });
  });

  it('are not shown any more when they have expired', async () => {
    const tenant = aManagedTenant();
    const user_id = userOf(await login(tenant));
    tenant.clock.advance('30d');
    expect(await itemsOf(managerOf(tenant).refreshTokens.list({ user_id }))).toEqual([]);
  });

  it.each([
    ['by their ids', (tenant: Tenant) => ({ ids: [tenant.families()[0]?.familyId] }), [403, 200, 200]],
    ['of a user', (tenant: Tenant) => ({ user_id: tenant.families()[0]?.user_id }), [403, 403, 403]],
    ['of a client', () => ({ client_id: 'spa' }), [403, 403, 200]],
    [
      'of a user at a client',
      (tenant: Tenant) => ({ user_id: tenant.families()[0]?.user_id, client_id: 'other' }),
      [200, 200, 403],
    ],
    ['of nobody', () => ({ user_id: 'nobody', client_id: 'spa' }), [200, 200, 200]],
  ])('are revoked together: those %s', async (_, request, statuses) => {
    const tenant = aManagedTenant();
    const [one, two] = [await login(tenant), await login(tenant)];
    const other = await login(tenant, { client_id: 'other', redirect_uri: 'https://other.example/cb' });
    const answer = await call(tenant, 'POST /refresh-tokens/revoke', { body: request(tenant) });
    expect(answer).toMatchObject({ status: 202, body: undefined });
    expect([
      await statusOf(tenant, one),
      await statusOf(tenant, two),
      await statusOf(tenant, other, 'other'),
    ]).toEqual(statuses);
  });

  it.each([{}, { ids: [] }, { ids: ['x'], user_id: 'y' }, { everything: true }])(
    'are not revoked by %j',
    async (body) => {
      expect(await call(aManagedTenant(), 'POST /refresh-tokens/revoke', { body })).toMatchObject({
        status: 400,
        body: { errorCode: 'invalid_body' },
      });
    },
  );

  it('are listed for one user only', async () => {
    expect(await call(aManagedTenant(), 'GET /refresh-tokens')).toMatchObject({
      status: 400,
      body: { message: "Missing required 'user_id' parameter." },
    });
  });

  it('are a resource of the user, too', async () => {
    const tenant = aManagedTenant();
    const { users } = managerOf(tenant);
    const held = await login(tenant);
    const user_id = userOf(held);
    expect(await itemsOf(users.refreshToken.list(user_id))).toMatchObject([{ user_id, client_id: 'spa' }]);
    await users.refreshToken.delete('auth0|nobody');
    await users.refreshToken.delete(user_id);
    expect(await statusOf(tenant, held)).toBe(403);
    expect(await itemsOf(users.refreshToken.list(user_id))).toEqual([]);
  });
});

describe('sessions', () => {
  /** A browser that has signed in, and the tokens it got. */
  async function aSession() {
    const tenant = aManagedTenant();
    const browser = tenantBrowser(tenant);
    browser.setCookie(tenant.signIn(ada.email, { client_id: 'spa' }).cookie);
    const { url } = await browser.visit(authorizeUrl());
    const { body } = await postToken(tenant, codeGrant(url.searchParams.get('code') ?? ''));
    const silently = async () =>
      (await browser.visit(authorizeUrl({ prompt: 'none' }))).url.searchParams.get('error');
    return { tenant, browser, body, sid: String(claimsOf(body['id_token'])['sid']), silently };
  }

  it('say who is signed in, since when, and where', async () => {
    const { tenant, body, sid } = await aSession();
    const { sessions, users } = managerOf(tenant);
    const session = await sessions.get(sid);
    expect(session).toMatchObject({
      id: sid,
      user_id: userOf(body),
      authenticated_at: '2026-11-23T12:00:00.000Z',
      idle_expires_at: '2026-11-26T12:00:00.000Z',
      expires_at: '2026-11-30T12:00:00.000Z',
      clients: [{ client_id: 'spa' }],
    });
    expect(await itemsOf(users.sessions.list(userOf(body)))).toEqual([session]);
    tenant.clock.advance('72h');
    await expect(managerOf(tenant).sessions.get(sid)).rejects.toMatchObject({
      statusCode: 404,
      body: { errorCode: 'inexistent_session' },
    });
  });

  it('carry notes, which are forgotten with them', async () => {
    const { tenant, sid } = await aSession();
    const { sessions } = managerOf(tenant);
    const notes = () => JSON.stringify(tenant.snapshot()).includes('by the window');
    await sessions.update(sid, { session_metadata: { seat: 'by the window' } });
    expect(await sessions.get(sid)).toMatchObject({ session_metadata: { seat: 'by the window' } });
    expect(notes()).toBe(true);
    tenant.clock.advance('8d');
    await login(tenant);
    expect(notes()).toBe(false);
    await expect(managerOf(tenant).sessions.update(sid, { session_metadata: {} })).rejects.toMatchObject({
      statusCode: 404,
    });
  });

  it('are deleted without their refresh tokens', async () => {
    const { tenant, body, sid, silently } = await aSession();
    expect(await silently()).toBeNull();
    await managerOf(tenant).sessions.delete(sid);
    await managerOf(tenant).sessions.delete(sid);
    expect(await silently()).toBe('login_required');
    expect(await statusOf(tenant, body)).toBe(200);
  });

  it('are revoked with their refresh tokens, and with those of no other session', async () => {
    const { tenant, browser, body, sid, silently } = await aSession();
    const elsewhere = await login(tenant);
    const waiting = (await browser.visit(authorizeUrl())).url.searchParams.get('code') ?? '';
    await managerOf(tenant).sessions.revoke(sid);
    expect(await silently()).toBe('login_required');
    expect(await statusOf(tenant, body)).toBe(403);
    expect((await postToken(tenant, codeGrant(waiting))).status).toBe(403);
    expect(await statusOf(tenant, elsewhere)).toBe(200);
    expect(tenant.families().map(({ endedBecause }) => endedBecause)).toEqual(['session', null]);
  });

  it('of a user are deleted together', async () => {
    const { tenant, body, silently } = await aSession();
    await managerOf(tenant).users.sessions.delete('auth0|nobody');
    expect(await silently()).toBeNull();
    await managerOf(tenant).users.sessions.delete(userOf(body));
    expect(await silently()).toBe('login_required');
  });
});

describe('logs', () => {
  it('of one user are those of nobody else, newest first', async () => {
    const tenant = aManagedTenant();
    const [own, other] = tenant.users();
    await login(tenant);
    await aCode(tenant, {}, grace);
    const typesOf = async (user_id = '', sort = 'date:-1') =>
      (await itemsOf(managerOf(tenant).users.logs.list(user_id, { sort, per_page: 1 }))).map(
        ({ type }) => type,
      );
    expect(await typesOf(own?.user_id)).toEqual(['seacft', 's', 's']);
    expect(await typesOf(own?.user_id, 'date:1')).toEqual(['s', 's', 'seacft']);
    expect(await typesOf(other?.user_id)).toEqual(['s', 's']);
    await expect(managerOf(tenant).users.logs.list('auth0|nobody')).rejects.toMatchObject({
      statusCode: 404,
      body: { errorCode: 'inexistent_user' },
    });
  });

  it('are the journal, newest first', async () => {
    const tenant = aManagedTenant();
    await login(tenant);
    const logs = await itemsOf(managerOf(tenant).logs.list());
    expect(logs.map(({ type }) => type)).toEqual(codesOf(tenant).reverse());
    const [newest] = logs;
    expect(await managerOf(tenant).logs.get(newest?.log_id ?? '')).toEqual(newest);
    expect(newest).toMatchObject({ type: 'seccft', client_id: 'machine' });
    await expect(managerOf(tenant).logs.get('none')).rejects.toMatchObject({ statusCode: 404 });
  });

  it('are searched by type and by user, so that one finds a reuse', async () => {
    const tenant = aManagedTenant();
    const held = await login(tenant);
    const user_id = userOf(held);
    await refresh(tenant, held['refresh_token']);
    await refresh(tenant, held['refresh_token']);
    const find = async (q: string) =>
      (await itemsOf(managerOf(tenant).logs.list({ search: q }))).map(({ type }) => type);
    expect(await find('type:ferrt')).toEqual(['ferrt']);
    expect(await find(`type:ferrt AND user_id:"${user_id}"`)).toEqual(['ferrt']);
    expect(await find('type:ferrt AND user_id:"auth0|nobody"')).toEqual([]);
    expect(await find(`user_id:"${user_id}"`)).toEqual(['ferrt', 'sertft', 'seacft', 's', 's']);
    expect((await call(tenant, 'GET /logs?sort=date:1&per_page=1&fields=type')).body).toEqual([
      { type: 's' },
    ]);
  });

  it.each(['q=everything', 'q=type:s%20OR%20type:f', 'q=password:x', 'sort=type:1'])(
    'are not searched by %s',
    async (query) => {
      expect(await call(aManagedTenant(), `GET /logs?${query}`)).toMatchObject({
        status: 400,
        body: { errorCode: 'invalid_query_string' },
      });
    },
  );
});
