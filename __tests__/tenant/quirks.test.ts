/** What Auth0 leaves open: each switch of docs/decisions/28-quirks.md, as it is and as it is when turned. */
import { describe, expect, it } from '@jest/globals';
import type { Quirks, Tenant } from '../../src/tenant/index.ts';
import { tenantBrowser } from '../support/tenant-browser.ts';
import { aManagedTenant, call, managerOf } from './a-manager.ts';
import {
  aCode,
  ada,
  api,
  app,
  authorizeUrl,
  claimsOf,
  codeGrant,
  codesOf,
  login,
  nonRotating,
  postToken,
  refresh,
  refusedAsUnknown,
  revoke,
  rotating,
  successorOf,
} from './a-tenant.ts';

type Tokens = Awaited<ReturnType<typeof login>>;

const statusOf = async (tenant: Tenant, tokens: Tokens, client_id = 'spa') =>
  (await refresh(tenant, tokens['refresh_token'], { client_id })).status;

/** Uses a token twice. */
async function reuse(tenant: Tenant, tokens: Tokens): Promise<void> {
  await successorOf(tenant, tokens['refresh_token']);
  expect(await refresh(tenant, tokens['refresh_token'])).toMatchObject(refusedAsUnknown);
}

const turned = (quirk: keyof Quirks, flags = {}) => aManagedTenant({ quirks: { [quirk]: true }, flags });

describe('a detected reuse', () => {
  it.each([
    ['R43: leaves the other family of its grant alone, and the grant', aManagedTenant(), 200, 1],
    [
      'R47: takes the grant with it under quirks.reuseDeletesGrant, and what was issued under it',
      turned('reuseDeletesGrant'),
      403,
      0,
    ],
  ])('%s', async (_, tenant, status, grants) => {
    const [one, two] = [await login(tenant), await login(tenant)];
    const otherApi = await login(tenant, { audience: '' });
    await reuse(tenant, one);
    expect(await statusOf(tenant, two)).toBe(status);
    expect(await statusOf(tenant, otherApi)).toBe(200);
    const { data } = await managerOf(tenant).userGrants.list({ audience: api });
    expect(data).toHaveLength(grants);
  });

  it.each([
    ['R46: leaves the session of its family alone', aManagedTenant(), /\?code=/],
    [
      'R46: ends the session of its family under quirks.reuseEndsSession',
      turned('reuseEndsSession'),
      /error=login_required/,
    ],
  ])('%s', async (_, tenant, answer) => {
    const [browser, elsewhere] = [tenantBrowser(tenant), tenantBrowser(tenant)];
    for (const each of [browser, elsewhere])
      each.setCookie(tenant.signIn(ada.email, { client_id: 'spa' }).cookie);
    const { url } = await browser.visit(authorizeUrl());
    const tokens = await postToken(tenant, codeGrant(url.searchParams.get('code') ?? ''));
    await reuse(tenant, tokens.body);
    expect((await browser.visit(authorizeUrl({ prompt: 'none' }))).url.href).toMatch(answer);
    expect((await elsewhere.visit(authorizeUrl({ prompt: 'none' }))).url.href).toMatch(/\?code=/);
  });
});

describe('quirks.strictRfcStatus', () => {
  it.each([
    ['an unknown token', { grant_type: 'refresh_token', refresh_token: 'x' }, 403, 'invalid_grant', 400],
    ['an unknown code', codeGrant('x'), 403, 'invalid_grant', 400],
    ['an unknown grant', { grant_type: 'implicit' }, 403, 'unsupported_grant_type', 400],
    ['a missing parameter', { grant_type: 'refresh_token' }, 400, 'invalid_request', 400],
  ])('has the status of RFC 6749 for %s', async (_, form, plain, error, strict) => {
    const send = async (tenant: Tenant) => postToken(tenant, { client_id: 'spa', ...form });
    expect(await send(aManagedTenant())).toMatchObject({ status: plain, body: { error } });
    expect(await send(turned('strictRfcStatus'))).toMatchObject({ status: strict, body: { error } });
  });

  it('calls a client that is unknown by its RFC name', async () => {
    const form = { grant_type: 'refresh_token', client_id: 'nobody', refresh_token: 'x' };
    expect(await postToken(aManagedTenant(), form)).toMatchObject({
      status: 401,
      body: { error: 'access_denied' },
    });
    expect(await postToken(turned('strictRfcStatus'), form)).toMatchObject({
      status: 401,
      body: { error: 'invalid_client' },
    });
  });
});

describe('quirks.strictScope', () => {
  it('ignores what was not granted, or refuses it and consumes nothing', async () => {
    const plain = aManagedTenant();
    const scope = 'openid read:things write:things';
    const { refresh_token } = await login(plain);
    expect((await refresh(plain, refresh_token, { scope })).body).toMatchObject({
      scope: 'openid read:things',
    });

    const strict = turned('strictScope');
    const tokens = await login(strict);
    expect(await refresh(strict, tokens['refresh_token'], { scope })).toMatchObject({
      status: 400,
      body: { error: 'invalid_scope', error_description: 'Not granted: write:things' },
    });
    expect(await refresh(strict, tokens['refresh_token'], { scope: 'openid' })).toMatchObject({
      status: 200,
      body: { scope: 'openid' },
    });
    expect(codesOf(strict)).not.toContain('ferrt');
  });
});

describe('revocation', () => {
  it('of a foreign token says nothing, or by quirks.strictRevocation that it is foreign; the token lives on', async () => {
    for (const [tenant, status] of [
      [aManagedTenant(), 200],
      [turned('strictRevocation'), 400],
    ] as const) {
      const tokens = await login(tenant);
      const token = String(tokens['refresh_token']);
      const answer = await revoke(tenant, { client_id: 'other', token });
      expect(answer.status).toBe(status);
      expect(await answer.text()).not.toContain(token);
      expect((await revoke(tenant, { client_id: 'other', token: 'unknown' })).status).toBe(200);
      expect(await statusOf(tenant, tokens)).toBe(200);
    }
  });

  it.each([
    ['R52: leaves the second family of the grant alone', {}, 200, 1],
    [
      'R52: takes the grant under flags.revoke_refresh_token_grant',
      { revoke_refresh_token_grant: true },
      403,
      0,
    ],
  ])('%s', async (_, flags, status, grants) => {
    const tenant = aManagedTenant({ flags });
    const [one, two] = [await login(tenant), await login(tenant)];
    await revoke(tenant, { client_id: 'spa', token: String(one['refresh_token']) });
    expect(await statusOf(tenant, one)).toBe(403);
    expect(await statusOf(tenant, two)).toBe(status);
    expect((await managerOf(tenant).userGrants.list()).data).toHaveLength(grants);
  });

  it.each([
    ['always takes the grant', {}, {}, 'rotating', 403],
    ['takes only the family', { deviceCredentialsFollowFlag: true }, {}, 'rotating', 200],
    [
      'takes the grant by the flag',
      { deviceCredentialsFollowFlag: true },
      { revoke_refresh_token_grant: true },
      'rotating',
      403,
    ],
    ['takes only the token', {}, {}, 'non-rotating', 200],
    ['takes the grant by the flag', {}, { revoke_refresh_token_grant: true }, 'non-rotating', 403],
  ] as const)(
    'of a device credential %s (quirks %j, flags %j, %s)',
    async (_, quirks, flags, rotation, status) => {
      const tenant = aManagedTenant({ quirks, flags });
      const [client_id, type] =
        rotation === 'rotating'
          ? (['spa', 'rotating_refresh_token'] as const)
          : (['native', 'refresh_token'] as const);
      const [one, two] = [await login(tenant, { client_id }), await login(tenant, { client_id })];
      const { deviceCredentials } = managerOf(tenant);
      const [credential] = (await deviceCredentials.list({ type })).data;
      await deviceCredentials.delete(credential?.id ?? '');
      expect(await statusOf(tenant, one, client_id)).toBe(403);
      expect(await statusOf(tenant, two, client_id)).toBe(status);
    },
  );
});

describe('quirks.graceForSwapped', () => {
  /** A token of `native`, swapped for a rotating one. */
  async function aSwap(tenant: Tenant, leeway: number) {
    const swapped = (await login(tenant, { client_id: 'native' }))['refresh_token'];
    tenant.updateClient('native', { refresh_token: { ...rotating, leeway } });
    const present = (token: unknown) => refresh(tenant, token, { client_id: 'native' });
    const first = await present(swapped);
    expect(first.status).toBe(200);
    return { swapped, present, first: first.body['refresh_token'] };
  }

  it('is off: the token that was swapped is unknown at once, and that is no reuse', async () => {
    const tenant = aManagedTenant();
    const { swapped, present, first } = await aSwap(tenant, 10);
    expect(await present(swapped)).toMatchObject(refusedAsUnknown);
    expect(codesOf(tenant)).not.toContain('ferrt');
    expect(await present(first)).toMatchObject({ status: 200 });
  });

  it('forgives a lost answer within the leeway; both answers are good', async () => {
    const tenant = turned('graceForSwapped');
    const { swapped, present, first } = await aSwap(tenant, 10);
    tenant.clock.advance('10s');
    expect(tenant.explain(String(swapped))).toMatchObject({ decision: 'rotate', tokenCounter: 1 });
    const again = await present(swapped);
    expect(again.status).toBe(200);
    expect(await present(first)).toMatchObject({ status: 200 });
    expect(tenant.families().filter(({ verdict }) => verdict === 'live')).toHaveLength(1);
  });

  it.each([
    ['its leeway is over', 10, async (tenant: Tenant) => tenant.clock.advance('10001ms')],
    ['there is none', 0, async () => {}],
    [
      'what took its place was used',
      10,
      async (_: Tenant, present: (token: unknown) => Promise<unknown>, first: unknown) =>
        void (await present(first)),
    ],
  ])('forgives no more when %s', async (_, leeway, meanwhile) => {
    const tenant = turned('graceForSwapped');
    const { swapped, present, first } = await aSwap(tenant, leeway);
    await meanwhile(tenant, present, first);
    expect(await present(swapped)).toMatchObject(refusedAsUnknown);
    expect(codesOf(tenant)).not.toContain('ferrt');
  });

  it('forgives one of two that come at once', async () => {
    const tenant = turned('graceForSwapped');
    const held = await login(tenant, { client_id: 'native' });
    tenant.updateClient('native', { refresh_token: { ...rotating, leeway: 10 } });
    const statuses = [statusOf(tenant, held, 'native'), statusOf(tenant, held, 'native')];
    expect(await Promise.all(statuses)).toEqual([200, 200]);
  });

  it('forgives the latest of several swaps', async () => {
    const tenant = turned('graceForSwapped');
    const { present, first } = await aSwap(tenant, 10);
    tenant.updateClient('native', { refresh_token: nonRotating });
    const back = (await present(first)).body['refresh_token'];
    tenant.updateClient('native', { refresh_token: { ...rotating, leeway: 10 } });
    expect(await present(back)).toMatchObject({ status: 200 });
    expect(await present(back)).toMatchObject({ status: 200 });
  });

  it('forgives nothing that was swapped back', async () => {
    const tenant = turned('graceForSwapped');
    const spent = (await login(tenant))['refresh_token'];
    tenant.updateClient('spa', { refresh_token: nonRotating });
    await successorOf(tenant, spent);
    expect(await refresh(tenant, spent)).toMatchObject(refusedAsUnknown);
  });
});

describe('what ends refresh tokens', () => {
  it.each([
    ['revokes what it gave', {}, 403],
    ['is refused, and no more', { codeReplayKeepsTokens: true }, 200],
  ])('a code that comes twice %s (%j)', async (_, quirks, status) => {
    const tenant = aManagedTenant({ quirks });
    const code = await aCode(tenant);
    const { body } = await postToken(tenant, codeGrant(code));
    expect(await postToken(tenant, codeGrant(code))).toMatchObject({ status: 403 });
    expect(await statusOf(tenant, body)).toBe(status);
  });

  it.each([
    ['L7: a logout leaves refresh tokens alone', {}, 200],
    [
      'L7: a logout takes those of its session under quirks.logoutRevokesRefreshTokens',
      { logoutRevokesRefreshTokens: true },
      403,
    ],
  ])('%s', async (_, quirks, status) => {
    const tenant = aManagedTenant({ quirks });
    const browser = tenantBrowser(tenant);
    browser.setCookie(tenant.signIn(ada.email, { client_id: 'spa' }).cookie);
    const { url } = await browser.visit(authorizeUrl());
    const { body } = await postToken(tenant, codeGrant(url.searchParams.get('code') ?? ''));
    const elsewhere = await login(tenant);
    const waiting = (await browser.visit(authorizeUrl())).url.searchParams.get('code') ?? '';
    await browser.request(`/v2/logout?client_id=spa&returnTo=${encodeURIComponent(app)}`);
    expect(await statusOf(tenant, body)).toBe(status);
    expect((await postToken(tenant, codeGrant(waiting))).status).toBe(status);
    expect(await statusOf(tenant, elsewhere)).toBe(200);
  });

  it.each([
    ['L8: a new password ends the sessions, and no refresh token', {}, 200],
    [
      'L8: a new password revokes refresh tokens, too, under quirks.passwordChangeRevokesRefreshTokens',
      { passwordChangeRevokesRefreshTokens: true },
      403,
    ],
  ])('%s', async (_, quirks, status) => {
    const tenant = aManagedTenant({ quirks });
    const browser = tenantBrowser(tenant);
    browser.setCookie(tenant.signIn(ada.email, { client_id: 'spa' }).cookie);
    const tokens = await login(tenant);
    const { users } = managerOf(tenant);
    const id = String(claimsOf(tokens['id_token'])['sub']);
    await users.update(id, { nickname: 'countess' });
    expect((await browser.visit(authorizeUrl({ prompt: 'none' }))).url.href).toMatch(/\?code=/);
    await users.update(id, { password: 'better horse' });
    expect((await browser.visit(authorizeUrl({ prompt: 'none' }))).url.href).toMatch(/login_required/);
    expect(await statusOf(tenant, tokens)).toBe(status);
  });

  it('L8: with the user go their refresh tokens', async () => {
    const tenant = aManagedTenant();
    const tokens = await login(tenant);
    const { users } = managerOf(tenant);
    await users.delete(String(claimsOf(tokens['id_token'])['sub']));
    expect(await refresh(tenant, tokens['refresh_token'])).toMatchObject(refusedAsUnknown);
  });

  it('U29: the 201st refresh token of a user at a client takes the oldest with it', async () => {
    const tenant = aManagedTenant();
    const elsewhere = await login(tenant, { client_id: 'native' });
    const [oldest, second] = [await login(tenant), await login(tenant)];
    for (let count = 3; count <= 200; count += 1) await login(tenant);
    expect(codesOf(tenant)).not.toContain('resource_cleanup');
    await login(tenant);
    expect(tenant.journal.find(({ type }) => type === 'resource_cleanup')).toMatchObject({
      client_id: 'spa',
      details: { start: 201, removedCount: 1, endCount: 200 },
    });
    expect(await statusOf(tenant, oldest)).toBe(403);
    expect(tenant.journal.at(-1)?.reason).toContain('too many refresh tokens');
    expect(await statusOf(tenant, second)).toBe(200);
    expect(await statusOf(tenant, elsewhere, 'native')).toBe(200);
  });
});

describe('quirks.webMessageToCallbacks', () => {
  it.each([
    [{}, 403],
    [{ webMessageToCallbacks: true }, 200],
  ])('%j: an answer to an origin that is a callback alone has status %d', async (quirks, status) => {
    const tenant = aManagedTenant({ quirks });
    const browser = tenantBrowser(tenant);
    browser.setCookie(tenant.signIn(ada.email, { client_id: 'other' }).cookie);
    const request = {
      client_id: 'other',
      redirect_uri: 'https://other.example/cb',
      response_mode: 'web_message',
      prompt: 'none',
    };
    const { response, body } = await browser.visit(authorizeUrl(request));
    expect(response.status).toBe(status);
    expect(body.includes('"code"')).toBe(status === 200);
    const stranger = await browser.visit(authorizeUrl({ ...request, redirect_uri: 'https://evil.example/' }));
    expect(stranger.response.status).toBe(403);
  });
});

describe('R62: a rotation type called "reusable"', () => {
  it('is refused in Auth0’s words, with a hint beside them', async () => {
    const tenant = aManagedTenant();
    const patch = (rotation_type: string) =>
      call(tenant, 'PATCH /clients/spa', {
        body: { refresh_token: { rotation_type, expiration_type: 'non-expiring' } },
      });
    const { status, headers, body } = await patch('reusable');
    expect(status).toBe(400);
    expect(headers.get('x-tenant-hint')).toContain('non-rotating');
    expect(JSON.stringify(body)).not.toContain('is called');
    expect((await patch('sometimes')).headers.get('x-tenant-hint')).toBeNull();
  });
});
