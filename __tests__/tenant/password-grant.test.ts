import { describe, expect, it } from '@jest/globals';
import type { PostLoginEvent, Tenant, TenantConfiguration } from '../../src/tenant/index.ts';
import {
  ada,
  api,
  aTenant,
  claimsOf,
  codesOf,
  configuration,
  grace,
  postToken,
  refresh,
  rotating,
  userinfo,
} from './a-tenant.ts';
import { aDpopKey } from './a-dpop-key.ts';
import { call } from './a-manager.ts';
import { managementScopes } from '../../src/tenant/management/system-api.ts';

const realmGrant = 'http://auth0.com/oauth/grant-type/password-realm';

/** Its client `cli` takes passwords. */
function aTenantThatTakesPasswords(changes: Partial<TenantConfiguration> = {}): Tenant {
  const cli = {
    client_id: 'cli',
    app_type: 'native',
    grant_types: ['password', realmGrant, 'refresh_token'],
    refresh_token: rotating,
  } as const;
  return aTenant({
    clients: [
      ...configuration.clients,
      cli,
      { ...cli, client_id: 'foreign', is_first_party: false },
      { ...cli, client_id: 'members', organization_usage: 'require' },
    ],
    ...changes,
  });
}

const present = (tenant: Tenant, changes: Record<string, string> = {}, headers: HeadersInit = {}) =>
  postToken(
    tenant,
    { grant_type: 'password', client_id: 'cli', username: ada.email, password: ada.password, ...changes },
    headers,
  );

const wrong = {
  status: 403,
  body: { error: 'invalid_grant', error_description: 'Wrong email or password.' },
};

describe.each([
  ['password', {}],
  [realmGrant, { realm: 'Username-Password-Authentication' }],
])('the grant %s', (grant_type, realm: Record<string, string>) => {
  it('gives tokens for a password, and a refresh token where offline_access is asked for', async () => {
    const tenant = aTenantThatTakesPasswords();
    const scope = 'openid email offline_access read:things write:things';
    const { status, body } = await present(tenant, { grant_type, ...realm, scope, audience: api });
    expect({ status, ...body }).toMatchObject({
      status: 200,
      scope: 'openid email offline_access read:things',
      expires_in: 3600,
      token_type: 'Bearer',
    });
    expect(claimsOf(body['id_token'])).toMatchObject({ aud: 'cli', email: ada.email });
    expect(claimsOf(body['id_token'])).not.toHaveProperty('sid');
    expect(claimsOf(body['access_token'])).toMatchObject({ azp: 'cli', gty: 'password' });
    expect(codesOf(tenant)).toEqual(['sepft']);
    const next = await refresh(tenant, body['refresh_token'], { client_id: 'cli' });
    expect(next.status).toBe(200);
    expect(claimsOf(next.body['access_token'])).not.toHaveProperty('gty');
  });

  it('is only for clients that name it', async () => {
    const tenant = aTenantThatTakesPasswords();
    expect(await present(tenant, { grant_type, ...realm, client_id: 'native' })).toMatchObject({
      status: 403,
      body: {
        error: 'unauthorized_client',
        error_description: `Grant type '${grant_type}' not allowed for the client.`,
      },
    });
  });

  it.each(['username', 'password', ...Object.keys(realm)])('needs %s', async (name) => {
    expect(await present(aTenantThatTakesPasswords(), { grant_type, ...realm, [name]: '' })).toMatchObject({
      status: 400,
      body: { error: 'invalid_request', error_description: `Missing required parameter: ${name}` },
    });
  });
});

describe('a password at the token endpoint', () => {
  it('that is wrong, or of nobody, is refused in the same words', async () => {
    const tenant = aTenantThatTakesPasswords();
    expect(await present(tenant, { password: 'wrong' })).toMatchObject(wrong);
    expect(await present(tenant, { username: 'nobody@example.com' })).toMatchObject(wrong);
    expect(codesOf(tenant)).toEqual(['fepft', 'fepft']);
    expect(JSON.stringify(tenant.journal)).not.toContain(ada.password);
  });

  it.each([
    [
      'a blocked user',
      { username: 'mallory@example.com', password: 'mallory' },
      403,
      'invalid_grant',
      'user is blocked',
    ],
    [
      'an unknown API',
      { audience: 'https://nothing.example' },
      403,
      'access_denied',
      'Service not enabled within domain: https://nothing.example',
    ],
    [
      'an unknown realm',
      { grant_type: realmGrant, realm: 'sms' },
      400,
      'invalid_request',
      'Unknown realm: sms',
    ],
    [
      'somebody else’s application',
      { client_id: 'foreign', scope: 'openid' },
      403,
      'consent_required',
      'Consent required',
    ],
    [
      'a client of organizations',
      { client_id: 'members' },
      400,
      'invalid_request',
      'Organizations are not supported by this grant',
    ],
    [
      'an organization',
      { organization: 'acme' },
      400,
      'invalid_request',
      'Organizations are not supported by this grant',
    ],
  ])('is refused for %s', async (_, changes, status, error, error_description) => {
    const tenant = aTenantThatTakesPasswords();
    expect(await present(tenant, changes)).toMatchObject({ status, body: { error, error_description } });
    expect(codesOf(tenant)).toEqual(['fepft']);
    expect(tenant.families()).toEqual([]);
  });

  it('is that of nobody where the connection is not enabled for the client', async () => {
    const machine = { client_id: 'machine', app_type: 'non_interactive', client_secret: 'm@chine' } as const;
    const grant_types = ['password', realmGrant];
    const tenant = aTenant({
      clients: [{ client_id: 'cli', app_type: 'native', grant_types }, machine],
      client_grants: [
        { client_id: 'machine', audience: 'http://localhost:4400/api/v2/', scope: managementScopes },
      ],
    });
    expect((await present(tenant)).status).toBe(200);
    const body = { enabled_clients: [] };
    expect((await call(tenant, 'PATCH /connections/con_0000000000000001', { body })).status).toBe(200);
    const realm = { grant_type: realmGrant, realm: 'Username-Password-Authentication' };
    for (const changes of [{}, realm]) expect(await present(tenant, changes)).toMatchObject(wrong);
  });

  it('gives no refresh token where the client’s do not rotate and a web page asks', async () => {
    const tenant = aTenantThatTakesPasswords();
    tenant.updateClient('cli', { refresh_token: null });
    const asked = { scope: 'openid offline_access' };
    expect((await present(tenant, asked)).body).toHaveProperty('refresh_token');
    const { body } = await present(tenant, asked, { origin: tenant.baseUrl });
    expect(body).not.toHaveProperty('refresh_token');
    expect(body['scope']).toBe('openid');
  });

  it('binds the tokens to the key of a DPoP proof', async () => {
    const tenant = aTenantThatTakesPasswords();
    const key = await aDpopKey(tenant);
    const asked = { scope: 'offline_access' };
    const first = await present(tenant, asked, { dpop: await key.proof() });
    expect(first.body['error']).toBe('use_dpop_nonce');
    const nonce = first.headers.get('dpop-nonce');
    const { body } = await present(tenant, asked, { dpop: await key.proof({ claims: { nonce } }) });
    expect(body['token_type']).toBe('DPoP');
    const { refresh_token } = body;
    expect((await refresh(tenant, refresh_token, { client_id: 'cli' })).body['error']).toBe(
      'invalid_dpop_proof',
    );
  });

  it('says whose request it is, to a fault that strikes one user', async () => {
    const tenant = aTenantThatTakesPasswords();
    tenant.faults.add({ kind: 'status', grant: 'password', user: grace });
    tenant.faults.add({ kind: 'status', status: 500, grant: 'password', user: ada.email });
    expect((await present(tenant)).status).toBe(500);
    expect((await present(tenant)).status).toBe(200);
  });

  it('may be tried ten times in a row, and then for thirty days no more', async () => {
    const tenant = aTenantThatTakesPasswords();
    for (let time = 1; time < 10; time++) await present(tenant, { password: 'wrong' });
    expect((await present(tenant)).status).toBe(200);
    for (let time = 1; time <= 10; time++)
      expect(await present(tenant, { password: 'wrong' })).toMatchObject(wrong);
    expect(await present(tenant)).toMatchObject({
      status: 429,
      body: {
        error: 'too_many_attempts',
        error_description: 'Your account has been blocked after multiple consecutive login attempts.',
      },
    });
    expect(codesOf(tenant).at(-1)).toBe('limit_wc');
    tenant.clock.advance(30 * 86_400_000 - 1);
    expect((await present(tenant)).status).toBe(429);
    tenant.clock.advance(1);
    expect((await present(tenant)).status).toBe(200);
  });

  it('that was tried too often works again once it is a new one', async () => {
    const machine = { client_id: 'machine', app_type: 'non_interactive', client_secret: 'm@chine' } as const;
    const clients = [{ client_id: 'cli', app_type: 'native', grant_types: ['password'] } as const, machine];
    const audience = 'http://localhost:4400/api/v2/';
    const client_grants = [{ client_id: 'machine', audience, scope: ['read:users', 'update:users'] }];
    const tenant = aTenant({ clients, client_grants });
    for (let time = 1; time <= 10; time++) await present(tenant, { password: 'wrong' });
    expect((await present(tenant)).status).toBe(429);
    const id = tenant.users().find(({ email }) => email === ada.email)?.user_id ?? '';
    const body = { password: 'new' };
    expect((await call(tenant, `PATCH /users/${encodeURIComponent(id)}`, { body })).status).toBe(200);
    expect((await present(tenant, body)).status).toBe(200);
  });
});

describe('a password that is not enough', () => {
  const authenticators = [{ authenticator_type: 'recovery-code', recovery_code: 'WRITTENDOWN' }] as const;
  const users = [{ ...configuration.users[0], authenticators }];
  const give = (tenant: Tenant, mfa_token: unknown, headers: HeadersInit = {}) =>
    postToken(
      tenant,
      {
        grant_type: 'http://auth0.com/oauth/grant-type/mfa-recovery-code',
        client_id: 'cli',
        mfa_token: String(mfa_token),
        recovery_code: 'WRITTENDOWN',
      },
      headers,
    );

  it.each<[string, Partial<TenantConfiguration>]>([
    ['the tenant', { mfa_policy: 'always' }],
    ['the hook', { hooks: { onPostLogin: () => ({ requireSecondFactor: true }) } }],
  ])('for %s goes on, as it was asked for, once the second factor is given', async (_, changes) => {
    const tenant = aTenantThatTakesPasswords({ users, ...changes });
    const asked = await present(tenant, { scope: 'openid offline_access read:things', audience: api });
    expect(asked).toMatchObject({
      status: 403,
      body: {
        error: 'mfa_required',
        error_description: 'Multifactor authentication required',
        mfa_requirements: { challenge: [{ type: 'recovery-code' }] },
      },
    });
    expect(tenant.families()).toEqual([]);
    const { status, body } = await give(tenant, asked.body['mfa_token']);
    expect({ status, ...body }).toMatchObject({
      status: 200,
      scope: 'openid offline_access read:things',
      refresh_token: expect.any(String),
    });
    expect(claimsOf(body['id_token'])).toMatchObject({ amr: ['mfa'] });
    expect(claimsOf(body['access_token'])['aud']).toContain(api);
    expect(codesOf(tenant)).toEqual(['mfar', 'gd_auth_succeed', 'sepft', 'sercft']);
  });

  it.each([
    ['that is asked for', true],
    ['that the sign-in began with', false],
  ])('uses up no second factor that comes without the key %s', async (_, required) => {
    const cli = { client_id: 'cli', app_type: 'native', grant_types: ['password'] } as const;
    const clients = [{ ...cli, require_proof_of_possession: required }];
    const tenant = aTenantThatTakesPasswords({ users, mfa_policy: 'always', clients });
    const key = await aDpopKey(tenant);
    const first = await present(tenant, {}, { dpop: await key.proof() });
    const claims = { nonce: first.headers.get('dpop-nonce') };
    const { body } = await present(tenant, {}, { dpop: await key.proof({ claims }) });
    expect((await give(tenant, body['mfa_token'])).body['error']).toBe('invalid_dpop_proof');
    const given = await give(tenant, body['mfa_token'], { dpop: await key.proof({ claims }) });
    expect(given.body['token_type']).toBe('DPoP');
  });

  it('is of no use to one who was blocked before the second factor came', async () => {
    const tenant = aTenantThatTakesPasswords({ users, mfa_policy: 'always' });
    const { body } = await present(tenant);
    tenant.updateUser(ada.email, { blocked: true });
    expect((await give(tenant, body['mfa_token'])).body['error_description']).toBe('user is blocked');
  });

  it('is of no use where the hook denies it', async () => {
    const events: PostLoginEvent[] = [];
    const tenant = aTenantThatTakesPasswords({
      hooks: {
        onPostLogin(event) {
          events.push(event);
          return { deny: 'not today' };
        },
      },
    });
    expect(await present(tenant, { scope: 'openid' })).toMatchObject({
      status: 403,
      body: { error: 'access_denied', error_description: 'not today' },
    });
    expect(events).toMatchObject([{ protocol: 'oauth2-password', scope: ['openid'], secondFactor: false }]);
    expect(codesOf(tenant)).toEqual(['fepft']);
  });

  it('is of no use to one who was blocked while the hook was asked', async () => {
    const tenant: Tenant = aTenantThatTakesPasswords({
      hooks: {
        onPostLogin() {
          tenant.updateUser(ada.email, { blocked: true });
          return undefined;
        },
      },
    });
    expect((await present(tenant)).body['error_description']).toBe('user is blocked');
  });

  const cli = { client_id: 'cli', app_type: 'native', grant_types: ['password', 'refresh_token'] } as const;
  const machine = { client_id: 'machine', app_type: 'non_interactive', client_secret: 'm@chine' } as const;
  const audience = 'http://localhost:4400/api/v2/';
  const managed = {
    clients: [cli, machine],
    client_grants: [{ client_id: 'machine', audience, scope: managementScopes }],
  };
  const idOf = (tenant: Tenant) =>
    encodeURIComponent(tenant.users().find(({ email }) => email === ada.email)?.user_id ?? '');
  const denied = { status: 401, body: { error: 'access_denied', error_description: 'Unauthorized' } };
  const notAllowed = { status: 403, body: { error: 'unauthorized_client' } };
  const changed = [
    ['client was deleted', () => 'DELETE /clients/cli', undefined, denied],
    ['client lost the grant', () => 'PATCH /clients/cli', { grant_types: ['refresh_token'] }, notAllowed],
    [
      'connection was switched off',
      () => 'PATCH /connections/con_0000000000000001',
      { enabled_clients: [] },
      wrong,
    ],
  ] as const;

  it.each([
    ...changed,
    [
      'password was changed',
      (tenant: Tenant) => `PATCH /users/${idOf(tenant)}`,
      { password: 'new horse' },
      wrong,
    ] as const,
  ])('is of no use where the %s while the hook was asked', async (_, route, body, refusal) => {
    const tenant: Tenant = aTenantThatTakesPasswords({
      ...managed,
      hooks: {
        async onPostLogin() {
          expect((await call(tenant, route(tenant), { body })).status).toBeLessThan(300);
          return undefined;
        },
      },
    });
    expect(await present(tenant, { scope: 'openid offline_access' })).toMatchObject(refusal);
    expect(tenant.families()).toEqual([]);
    expect(codesOf(tenant).at(-1)).toBe('fepft');
  });

  it.each(changed.slice(1))(
    'is of no use where the %s before the second factor came',
    async (_, route, body, refusal) => {
      const tenant = aTenantThatTakesPasswords({ ...managed, users, mfa_policy: 'always' });
      const asked = await present(tenant, { scope: 'openid offline_access' });
      expect((await call(tenant, route(), { body })).status).toBeLessThan(300);
      expect(await give(tenant, asked.body['mfa_token'])).toMatchObject(refusal);
      expect(tenant.families()).toEqual([]);
      expect(codesOf(tenant).at(-1)).toBe('fepft');
    },
  );

  it('lets nobody enrol, or go on, by the old one once there is a new one', async () => {
    const tenant = aTenantThatTakesPasswords({ ...managed, mfa_policy: 'always' });
    const { body } = await present(tenant);
    const { status } = await call(tenant, `PATCH /users/${idOf(tenant)}`, {
      body: { password: 'new horse' },
    });
    expect(status).toBe(200);
    const enrolment = await tenant.fetch(
      new Request(`${tenant.baseUrl}/mfa/associate`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${String(body['mfa_token'])}` },
        body: JSON.stringify({ authenticator_types: ['otp'] }),
      }),
    );
    expect(enrolment.status).toBe(401);
    expect(await give(tenant, body['mfa_token'])).toMatchObject({
      status: 403,
      body: { error: 'invalid_grant', error_description: 'Unknown or invalid mfa_token.' },
    });
  });

  it('carries the claims that the hook adds', async () => {
    const claims = { 'https://app.example/role': 'admin' };
    const hooks = { onPostLogin: () => ({ idTokenClaims: claims, accessTokenClaims: claims }) };
    const { body } = await present(aTenantThatTakesPasswords({ hooks }), { scope: 'openid', audience: api });
    for (const token of ['id_token', 'access_token']) expect(claimsOf(body[token])).toMatchObject(claims);
  });

  it('is kept with a snapshot, as is how often it was wrong', async () => {
    const tenant = aTenantThatTakesPasswords({ users, mfa_policy: 'always' });
    const { body } = await present(tenant, { scope: 'openid' });
    for (let time = 1; time <= 10; time++) await present(tenant, { password: 'wrong' });
    const other = aTenantThatTakesPasswords({ users, mfa_policy: 'always' });
    other.restore(tenant.snapshot());
    expect((await present(other)).status).toBe(429);
    const given = await give(other, body['mfa_token']);
    expect((await userinfo(other, given.body['access_token'])).status).toBe(200);
  });
});
