import { describe, expect, it } from '@jest/globals';
import type { Tenant, TenantConfiguration } from '../../src/tenant/index.ts';
import { tenantBrowser } from '../support/tenant-browser.ts';
import {
  ada,
  api,
  app,
  aTenant,
  authorizeUrl,
  claimsOf,
  codesOf,
  configuration,
  postToken,
  refresh,
  rotating,
} from './a-tenant.ts';
import { call } from './a-manager.ts';

const grant = 'http://auth0.com/oauth/grant-type/passwordless/otp';
const phone = '+15550100';

/** Its client `cli` takes codes that were sent. */
function aTenantThatSendsCodes(changes: Partial<TenantConfiguration> = {}): Tenant {
  const cli = {
    client_id: 'cli',
    app_type: 'native',
    grant_types: [grant, 'refresh_token'],
    refresh_token: rotating,
  } as const;
  const machine = { client_id: 'machine', app_type: 'non_interactive', client_secret: 'm@chine' } as const;
  return aTenant({
    clients: [...configuration.clients, cli, { ...cli, client_id: 'cli2' }, machine],
    client_grants: [
      {
        client_id: 'machine',
        audience: 'http://localhost:4400/api/v2/',
        scope: ['read:users', 'update:users', 'delete:clients'],
      },
    ],
    ...changes,
  });
}

async function start(tenant: Tenant, body: Readonly<Record<string, unknown>>, headers: HeadersInit = {}) {
  const response = await tenant.fetch(
    new Request(`${tenant.baseUrl}/passwordless/start`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ client_id: 'cli', send: 'code', ...body }),
    }),
  );
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const byMail = (email: string, changes = {}) => ({ connection: 'email', email, ...changes });
const byText = (phone_number: string) => ({ connection: 'sms', phone_number });

const present = (tenant: Tenant, username: string, otp: string, changes: Record<string, string> = {}) =>
  postToken(tenant, { grant_type: grant, client_id: 'cli', realm: 'email', username, otp, ...changes });

const sentCode = (tenant: Tenant): string => tenant.outbox.at(-1)?.code ?? '';
const otherThan = (code: string): string => (code === '000000' ? '000001' : '000000');

const wrong = {
  status: 403,
  body: { error: 'invalid_grant', error_description: 'Wrong email or verification code.' },
};

describe('a code by mail', () => {
  it('goes to the outbox, and into no log', async () => {
    const tenant = aTenantThatSendsCodes();
    expect(await start(tenant, byMail('new@example.com'))).toEqual({
      status: 200,
      body: { _id: expect.stringMatching(/^[0-9a-f]{24}$/), email: 'new@example.com', email_verified: false },
    });
    const at = tenant.clock.now();
    expect(tenant.outbox).toEqual([
      { kind: 'email', to: 'new@example.com', code: expect.stringMatching(/^\d{6}$/), at },
    ]);
    expect(codesOf(tenant)).toEqual(['cs']);
    expect(JSON.stringify(tenant.journal)).not.toContain(sentCode(tenant));
  });

  it('signs a new user in, with the id that was told', async () => {
    const tenant = aTenantThatSendsCodes();
    const { body: told } = await start(tenant, byMail('new@example.com'));
    const scope = 'openid email offline_access';
    const { status, body } = await present(tenant, 'New@example.com', sentCode(tenant), {
      scope,
      audience: api,
    });
    expect({ status, scope: body['scope'] }).toEqual({ status: 200, scope });
    expect(claimsOf(body['id_token'])).toMatchObject({
      sub: `email|${String(told['_id'])}`,
      email: 'new@example.com',
      email_verified: true,
    });
    expect(claimsOf(body['access_token'])).not.toHaveProperty('gty');
    expect(codesOf(tenant)).toEqual(['cs', 'ss', 'sepkotpft']);
    expect((await refresh(tenant, body['refresh_token'], { client_id: 'cli' })).status).toBe(200);
  });

  it('signs in the user that there is', async () => {
    const tenant = aTenantThatSendsCodes();
    const id = tenant.users().find(({ email }) => email === ada.email)?.user_id;
    const { body: told } = await start(tenant, byMail(ada.email));
    expect(`auth0|${String(told['_id'])}`).toBe(id);
    const { body } = await present(tenant, ada.email, sentCode(tenant), { scope: 'openid email' });
    expect(claimsOf(body['id_token'])).toMatchObject({ sub: id, email_verified: true });
    expect(tenant.users()).toHaveLength(3);
  });

  it('works once', async () => {
    const tenant = aTenantThatSendsCodes();
    await start(tenant, byMail(ada.email));
    const code = sentCode(tenant);
    const answers = await Promise.all([1, 2].map(() => present(tenant, ada.email, code)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 403]));
  });

  it('lives three minutes', async () => {
    const tenant = aTenantThatSendsCodes();
    await start(tenant, byMail(ada.email));
    tenant.clock.advance(179_999);
    const other = aTenantThatSendsCodes();
    other.restore(tenant.snapshot());
    expect((await present(other, ada.email, sentCode(tenant))).status).toBe(200);
    tenant.clock.advance(1);
    expect(await present(tenant, ada.email, sentCode(tenant))).toMatchObject(wrong);
    expect(codesOf(tenant).at(-1)).toBe('fepotpft');
  });

  it('is dead with the third wrong one', async () => {
    const tenant = aTenantThatSendsCodes();
    await start(tenant, byMail(ada.email));
    const code = sentCode(tenant);
    for (let tries = 1; tries <= 2; tries++)
      expect(await present(tenant, ada.email, otherThan(code))).toMatchObject(wrong);
    const snapshot = tenant.snapshot();
    expect((await present(tenant, ada.email, code)).status).toBe(200);
    tenant.restore(snapshot);
    await present(tenant, ada.email, otherThan(code));
    expect(await present(tenant, ada.email, code)).toMatchObject(wrong);
  });

  it('is for one client, one address, and until the next', async () => {
    const tenant = aTenantThatSendsCodes();
    await start(tenant, byMail('new@example.com'));
    const code = sentCode(tenant);
    await start(tenant, byMail(ada.email));
    expect(await present(tenant, 'new@example.com', code, { client_id: 'cli2' })).toMatchObject(wrong);
    expect(await present(tenant, ada.email, otherThan(sentCode(tenant)))).toMatchObject(wrong);
    await start(tenant, byMail('new@example.com'));
    if (sentCode(tenant) !== code)
      expect(await present(tenant, 'new@example.com', code)).toMatchObject(wrong);
    expect((await present(tenant, 'new@example.com', sentCode(tenant))).status).toBe(200);
  });

  it.each([
    [{ realm: 'Username-Password-Authentication' }, 400, 'invalid_request'],
    [{ realm: '' }, 400, 'invalid_request'],
    [{ otp: '' }, 400, 'invalid_request'],
    [{ client_id: 'native' }, 403, 'unauthorized_client'],
    [{ audience: 'https://nothing.example' }, 403, 'access_denied'],
  ])('is not consumed by a request with %j', async (changes, status, error) => {
    const tenant = aTenantThatSendsCodes();
    await start(tenant, byMail(ada.email));
    const code = sentCode(tenant);
    expect(await present(tenant, ada.email, code, changes)).toMatchObject({ status, body: { error } });
    expect((await present(tenant, ada.email, code)).status).toBe(200);
  });

  it('does not let a blocked user in', async () => {
    const tenant = aTenantThatSendsCodes();
    await start(tenant, byMail('mallory@example.com'));
    const { body } = await present(tenant, 'mallory@example.com', sentCode(tenant));
    expect(body).toEqual({ error: 'invalid_grant', error_description: 'user is blocked' });
  });

  it('waits for a second factor where one is asked for', async () => {
    const authenticators = [{ authenticator_type: 'recovery-code', recovery_code: 'WRITTENDOWN' }] as const;
    const users = [{ ...configuration.users[0], authenticators }];
    const tenant = aTenantThatSendsCodes({ users, mfa_policy: 'always' });
    await start(tenant, byMail(ada.email));
    const { body } = await present(tenant, ada.email, sentCode(tenant), { scope: 'openid' });
    const given = await postToken(tenant, {
      grant_type: 'http://auth0.com/oauth/grant-type/mfa-recovery-code',
      client_id: 'cli',
      mfa_token: String(body['mfa_token']),
      recovery_code: 'WRITTENDOWN',
    });
    expect(claimsOf(given.body['id_token'])).toMatchObject({ amr: ['mfa'] });
  });
});

describe('a code by text', () => {
  it('signs a user in who has a telephone number and no address', async () => {
    const tenant = aTenantThatSendsCodes();
    const { body: told } = await start(tenant, byText(phone));
    expect(told).toEqual({ _id: expect.any(String), phone_number: phone, phone_verified: false });
    expect(tenant.outbox).toMatchObject([{ kind: 'sms', to: phone }]);
    const scope = 'openid profile email phone';
    const { body } = await present(tenant, phone, sentCode(tenant), { realm: 'sms', scope });
    const claims = claimsOf(body['id_token']);
    expect(claims).toMatchObject({
      sub: `sms|${String(told['_id'])}`,
      name: phone,
      phone_number: phone,
      phone_number_verified: true,
    });
    expect(claims).not.toHaveProperty('email');
    expect(tenant.users().at(-1)).toEqual({
      user_id: `sms|${String(told['_id'])}`,
      phone_number: phone,
      name: phone,
      blocked: false,
    });
    expect((await start(tenant, byText(phone))).body).toMatchObject({
      _id: told['_id'],
      phone_verified: true,
    });
  });

  it('makes a user whom the Management API shows, and changes', async () => {
    const tenant = aTenantThatSendsCodes();
    await start(tenant, byText(phone));
    await present(tenant, phone, sentCode(tenant), { realm: 'sms' });
    const id = tenant.users().at(-1)?.user_id ?? '';
    const path = `/users/${encodeURIComponent(id)}`;
    const changed = await call(tenant, `PATCH ${path}`, { body: { name: 'Grace' } });
    expect(changed).toMatchObject({
      status: 200,
      body: {
        name: 'Grace',
        phone_number: phone,
        phone_verified: true,
        identities: [{ provider: 'sms', connection: 'sms', user_id: id.slice(4) }],
      },
    });
    expect(changed.body).not.toHaveProperty('email');
    expect((await call(tenant, 'GET /users?sort=email:1')).status).toBe(200);
  });

  it('says whose request it is, to a fault that strikes one user', async () => {
    const users = [{ ...configuration.users[0], phone_number: phone }, configuration.users[1]];
    const tenant = aTenantThatSendsCodes({ users });
    tenant.faults.add({ kind: 'status', status: 500, grant, user: ada.email });
    await start(tenant, byText(phone));
    expect((await present(tenant, phone, sentCode(tenant), { realm: 'sms' })).status).toBe(500);
    const { body } = await present(tenant, phone, sentCode(tenant), { realm: 'sms', scope: 'openid email' });
    expect(claimsOf(body['id_token'])).toMatchObject({ email: ada.email });
  });

  it('that is wrong is called so', async () => {
    const tenant = aTenantThatSendsCodes();
    await start(tenant, byText(phone));
    const { body } = await present(tenant, phone, otherThan(sentCode(tenant)), { realm: 'sms' });
    expect(body['error_description']).toBe('Wrong phone number or verification code.');
  });
});

describe('/passwordless/start refuses', () => {
  it.each([
    ['no client', { client_id: undefined }, 'bad.client_id'],
    ['an unknown client', { client_id: 'nobody' }, 'bad.client_id'],
    ['a client without its secret', { client_id: 'server' }, 'bad.client_id'],
    ['an unknown connection', { connection: 'Username-Password-Authentication' }, 'bad.connection'],
    ['no address', { email: undefined }, 'bad.email'],
    ['what is no address', { email: 'nobody' }, 'bad.email'],
    ['a number without its country', { connection: 'sms', phone_number: '5550100' }, 'bad.phone_number'],
    ['another way to send', { send: 'pigeon' }, 'invalid_request'],
  ])('%s', async (_, changes, error) => {
    const tenant = aTenantThatSendsCodes();
    const answer = await start(tenant, { ...byMail(ada.email), ...changes });
    expect(answer).toMatchObject({ status: 400, body: { error } });
    expect(tenant.outbox).toEqual([]);
  });

  it('a page of another origin', async () => {
    const tenant = aTenantThatSendsCodes();
    expect((await start(tenant, byMail(ada.email), { origin: app })).status).toBe(403);
    const own = await start(tenant, byMail(ada.email, { client_id: 'spa' }), { origin: app });
    expect(own.status).toBe(200);
  });
});

describe('a link by mail', () => {
  const asked = Object.fromEntries(new URL(authorizeUrl(), app).searchParams);
  const startLink = async (tenant: Tenant, email: string) => {
    const { client_id, ...authParams } = asked;
    await start(tenant, byMail(email, { client_id, send: undefined, authParams }));
    return tenant.outbox.at(-1)?.link ?? '';
  };

  it('signs the browser in, and brings the application a code', async () => {
    const tenant = aTenantThatSendsCodes();
    const link = await startLink(tenant, 'new@example.com');
    expect(codesOf(tenant)).toEqual(['cls']);
    await tenantBrowser(tenant).request(link, { method: 'HEAD' }); // a scanner of mail
    const { url } = await tenantBrowser(tenant).visit(link);
    expect(url.origin + url.pathname).toBe(`${app}/`);
    expect(url.searchParams.get('state')).toBe('client-state');
    expect(url.searchParams.get('code')).not.toBeNull();
    expect(codesOf(tenant)).toEqual(['cls', 'ss', 's']);
  });

  it.each<[string, string, (tenant: Tenant, link: string) => Promise<string> | string]>([
    [
      'a second time',
      ada.email,
      async (tenant, link) => {
        await tenantBrowser(tenant).visit(link);
        return link;
      },
    ],
    [
      'for a client that was deleted',
      ada.email,
      async (tenant, link) => {
        expect((await call(tenant, 'DELETE /clients/spa')).status).toBe(204);
        return link;
      },
    ],
    ['by a blocked user', 'mallory@example.com', (_, link) => link],
    ['for another client', ada.email, (_, link) => link.replace('client_id=spa', 'client_id=other')],
    ['with a code of nobody', ada.email, (_, link) => link.replace(/verification_code=\d/, '$&x')],
    ['without a code', ada.email, (_, link) => link.replace(/verification_code=\d+/, '')],
  ])('opens nothing %s', async (_, email, spoil) => {
    const tenant = aTenantThatSendsCodes();
    const link = await spoil(tenant, await startLink(tenant, email));
    const browser = tenantBrowser(tenant);
    const page = await browser.visit(link);
    expect(page.url.pathname).toBe('/passwordless/verify_redirect');
    expect(page.body).toContain('This link cannot be used');
    expect([...browser.cookies]).toEqual([]);
  });
});
