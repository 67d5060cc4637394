import { describe, expect, it } from '@jest/globals';
import type { PostLoginEvent, Tenant, TenantConfiguration } from '../../src/tenant/index.ts';
import { tenantBrowser, type TenantBrowser } from '../support/tenant-browser.ts';
import {
  ada,
  api,
  aTenant,
  claimsOf,
  codesOf,
  configuration,
  postToken,
  refresh,
  rotating,
  signInByForm,
} from './a-tenant.ts';
import { aDpopKey } from './a-dpop-key.ts';
import { call } from './a-manager.ts';
import { managementScopes } from '../../src/tenant/management/system-api.ts';

const grant_type = 'urn:ietf:params:oauth:grant-type:device_code';
const scope = 'openid profile offline_access read:things';

/** Its client `tv` is a device. */
function aTenantWithDevices(changes: Partial<TenantConfiguration> = {}): Tenant {
  const tv = {
    client_id: 'tv',
    name: 'Television',
    app_type: 'native',
    grant_types: [grant_type, 'refresh_token'],
    refresh_token: rotating,
  } as const;
  return aTenant({
    clients: [
      ...configuration.clients,
      tv,
      { ...tv, client_id: 'foreign', is_first_party: false },
      { ...tv, client_id: 'members', organization_usage: 'require' },
    ],
    ...changes,
  });
}

function aManagedTenantWithDevices(): Tenant {
  const machine = { client_id: 'machine', app_type: 'non_interactive', client_secret: 'm@chine' } as const;
  const tv = { client_id: 'tv', app_type: 'native', grant_types: [grant_type] } as const;
  const audience = 'http://localhost:4400/api/v2/';
  return aTenantWithDevices({
    clients: [tv, machine],
    client_grants: [{ client_id: 'machine', audience, scope: managementScopes }],
  });
}

async function ask(tenant: Tenant, changes: Readonly<Record<string, string>> = {}) {
  const response = await tenant.fetch(
    new Request(`${tenant.baseUrl}/oauth/device/code`, {
      method: 'POST',
      body: new URLSearchParams({ client_id: 'tv', scope, audience: api, ...changes }),
    }),
  );
  const body = (await response.json()) as Record<string, unknown>;
  const { device_code, user_code } = body;
  return { status: response.status, body, deviceCode: String(device_code), userCode: String(user_code) };
}

const poll = (tenant: Tenant, device_code: string, changes: Record<string, string> = {}, headers = {}) =>
  postToken(tenant, { grant_type, client_id: 'tv', device_code, ...changes }, headers);

/** Types the code in, in this browser, as far as the next page that asks something. */
const typeIn = async (browser: TenantBrowser, user_code: string) =>
  browser.submit(await browser.visit('/activate'), { user_code });

/** Somebody who is not signed in confirms the device. */
async function confirm(
  tenant: Tenant,
  userCode: string,
  decision = 'accept',
  browser = tenantBrowser(tenant),
) {
  const question = await browser.submit(await typeIn(browser, userCode), ada);
  return browser.submit(question, { decision });
}

const refused = (status: number, error: string) => ({ status, body: { error } });

describe('a device', () => {
  it('is given a code to show, and one to ask with', async () => {
    const { status, body, userCode } = await ask(aTenantWithDevices());
    expect({ status, body }).toEqual({
      status: 200,
      body: {
        device_code: expect.stringMatching(/^[\w-]{43}$/),
        user_code: expect.stringMatching(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/),
        verification_uri: 'http://localhost:4400/activate',
        verification_uri_complete: `http://localhost:4400/activate?user_code=${userCode}`,
        expires_in: 900,
        interval: 5,
      },
    });
  });

  it.each([
    ['a client without the grant', { client_id: 'native' }, 403, 'unauthorized_client'],
    ['an unknown API', { audience: 'https://nothing.example' }, 403, 'access_denied'],
    ['a client of organizations', { client_id: 'members' }, 400, 'invalid_request'],
  ])('is given none for %s', async (_, changes, status, error) => {
    const tenant = aTenantWithDevices();
    expect(await ask(tenant, changes)).toMatchObject(refused(status, error));
    expect(codesOf(tenant)).toEqual(['fdeaz']);
  });

  it('asks until somebody has signed in and confirmed, and gets tokens once', async () => {
    const tenant = aTenantWithDevices();
    const { deviceCode, userCode } = await ask(tenant);
    expect(await poll(tenant, deviceCode)).toMatchObject(refused(403, 'authorization_pending'));
    const browser = tenantBrowser(tenant);
    const page = await confirm(tenant, userCode.toLowerCase().replace('-', ' '), 'accept', browser);
    expect(page.body).toContain('Device connected');
    expect(page.body).not.toContain(deviceCode);

    const { status, body } = await poll(tenant, deviceCode);
    expect({ status, ...body }).toMatchObject({ status: 200, scope, token_type: 'Bearer' });
    expect(claimsOf(body['id_token'])).toMatchObject({ aud: 'tv', name: 'Ada Lovelace' });
    expect(claimsOf(body['id_token'])).toHaveProperty('sid');
    expect((await refresh(tenant, body['refresh_token'], { client_id: 'tv' })).status).toBe(200);
    expect(codesOf(tenant)).toEqual(['s', 'sede', 'sertft']);
    expect(await poll(tenant, deviceCode)).toMatchObject(refused(403, 'invalid_grant'));
  });

  it('that asks more often than every five seconds is told to slow down', async () => {
    const tenant = aTenantWithDevices();
    const { deviceCode, userCode } = await ask(tenant);
    await poll(tenant, deviceCode);
    tenant.clock.advance(4_999);
    expect(await poll(tenant, deviceCode)).toMatchObject(refused(429, 'slow_down'));
    tenant.clock.advance(5_000);
    expect(await poll(tenant, deviceCode)).toMatchObject(refused(403, 'authorization_pending'));
    await confirm(tenant, userCode);
    expect((await poll(tenant, deviceCode)).status).toBe(200);
  });

  it('is told that the answer was no', async () => {
    const tenant = aTenantWithDevices();
    const { deviceCode, userCode } = await ask(tenant);
    expect((await confirm(tenant, userCode, 'decline')).body).toContain('Device not connected');
    expect(await poll(tenant, deviceCode)).toMatchObject({
      status: 403,
      body: { error: 'access_denied', error_description: 'User did not authorize the request' },
    });
    expect(await poll(tenant, deviceCode)).toMatchObject(refused(403, 'access_denied'));
    expect(codesOf(tenant)).toEqual(['f', 'fede', 'fede']);
  });

  it('has a quarter of an hour', async () => {
    const tenant = aTenantWithDevices();
    const { deviceCode, userCode } = await ask(tenant);
    tenant.clock.advance(899_999);
    const other = aTenantWithDevices();
    other.restore(tenant.snapshot());
    expect((await confirm(other, userCode)).body).toContain('Device connected');
    expect((await poll(other, deviceCode)).status).toBe(200);
    tenant.clock.advance(1);
    expect((await typeIn(tenantBrowser(tenant), userCode)).body).toContain('The code is wrong, or too old');
    expect(await poll(tenant, deviceCode)).toMatchObject(refused(403, 'expired_token'));
    tenant.clock.advance(899_999);
    await ask(tenant);
    expect(await poll(tenant, deviceCode)).toMatchObject(refused(403, 'expired_token'));
    tenant.clock.advance(2_000);
    await ask(tenant); // what is over is forgotten where a new one comes to be
    expect(await poll(tenant, deviceCode)).toMatchObject(refused(403, 'invalid_grant'));
  });

  it('gets nothing from a confirmation that comes too late', async () => {
    const tenant = aManagedTenantWithDevices();
    const { deviceCode, userCode } = await ask(tenant);
    const browser = tenantBrowser(tenant);
    const question = await browser.submit(await typeIn(browser, userCode), ada);
    tenant.clock.advance(900_000);
    expect((await browser.submit(question, { decision: 'accept' })).body).toContain('Its code is too old');
    expect((await call(tenant, 'GET /grants')).body).toEqual([]); // no consent to nothing
    expect(await poll(tenant, deviceCode)).toMatchObject(refused(403, 'expired_token'));
  });

  it.each<[string, Record<string, string>, number, string]>([
    ['another client', { client_id: 'members' }, 403, 'invalid_grant'],
    ['a client without the grant', { client_id: 'native' }, 403, 'unauthorized_client'],
    ['a code of nobody', { device_code: 'nobody' }, 403, 'invalid_grant'],
    ['no code', { device_code: '' }, 400, 'invalid_request'],
  ])('that is %s gets nothing, and takes nothing away', async (_, changes, status, error) => {
    const tenant = aTenantWithDevices();
    const { deviceCode, userCode } = await ask(tenant);
    await confirm(tenant, userCode);
    expect(await poll(tenant, deviceCode, changes)).toMatchObject(refused(status, error));
    expect((await poll(tenant, deviceCode)).status).toBe(200);
  });

  it('gets nothing for a user who was blocked since', async () => {
    const tenant = aTenantWithDevices();
    const { deviceCode, userCode } = await ask(tenant);
    await confirm(tenant, userCode);
    tenant.updateUser(ada.email, { blocked: true });
    expect((await poll(tenant, deviceCode)).body['error_description']).toBe('user is blocked');
    tenant.updateUser(ada.email, { blocked: false });
    expect((await poll(tenant, deviceCode)).status).toBe(200);
  });

  it('says whose it is once that is known, to a fault that strikes one user', async () => {
    const tenant = aTenantWithDevices();
    tenant.faults.add({ kind: 'status', status: 500, grant: grant_type, user: ada.email });
    const { deviceCode, userCode } = await ask(tenant);
    expect((await poll(tenant, deviceCode)).status).toBe(403);
    await confirm(tenant, userCode);
    expect((await poll(tenant, deviceCode)).status).toBe(500);
    expect((await poll(tenant, deviceCode)).status).toBe(200);
  });

  it('gets nothing by a session that an administrator has ended since', async () => {
    const tenant = aManagedTenantWithDevices();
    const { deviceCode, userCode } = await ask(tenant);
    await confirm(tenant, userCode);
    const id = tenant.users().find(({ email }) => email === ada.email)?.user_id ?? '';
    const path = `/users/${encodeURIComponent(id)}/revoke-access`;
    expect((await call(tenant, `POST ${path}`, { body: {} })).status).toBe(202);
    expect(await poll(tenant, deviceCode)).toMatchObject(refused(403, 'invalid_grant'));
  });

  it('gets nothing for an account that was made anew under the id of one that was deleted', async () => {
    const tenant = aManagedTenantWithDevices();
    const { deviceCode, userCode } = await ask(tenant);
    await confirm(tenant, userCode);
    const id = tenant.users().find(({ email }) => email === ada.email)?.user_id ?? '';
    await call(tenant, `DELETE /users/${encodeURIComponent(id)}`);
    const user_id = id.replace('auth0|', '');
    const connection = 'Username-Password-Authentication';
    const body = { user_id, connection, email: 'new@example.com', password: 'somebody else' };
    expect((await call(tenant, 'POST /users', { body })).body).toMatchObject({ user_id: id });
    expect(await poll(tenant, deviceCode)).toMatchObject(refused(403, 'invalid_grant'));
  });

  it('is refused with the statuses of RFC 6749 where the tenant keeps to them', async () => {
    const tenant = aTenantWithDevices({ quirks: { strictRfcStatus: true } });
    expect(await ask(tenant, { client_id: 'native' })).toMatchObject(refused(400, 'unauthorized_client'));
    expect(await ask(tenant, { client_id: 'nobody' })).toMatchObject(refused(401, 'invalid_client'));
  });

  it('has its tokens bound to the key of its DPoP proof', async () => {
    const tenant = aTenantWithDevices();
    const { deviceCode, userCode } = await ask(tenant, { audience: '' });
    await confirm(tenant, userCode);
    const key = await aDpopKey(tenant);
    const first = await poll(tenant, deviceCode, {}, { dpop: await key.proof() });
    expect(first.body['error']).toBe('use_dpop_nonce');
    const claims = { nonce: first.headers.get('dpop-nonce') };
    const { body } = await poll(tenant, deviceCode, {}, { dpop: await key.proof({ claims }) });
    expect(body['token_type']).toBe('DPoP');
  });

  it('of somebody else’s makers refreshes on what the user confirmed', async () => {
    const tenant = aTenantWithDevices();
    const { deviceCode, userCode } = await ask(tenant, { client_id: 'foreign' });
    await confirm(tenant, userCode);
    expect((await poll(tenant, deviceCode, { client_id: 'foreign' })).body).toHaveProperty('refresh_token');
  });
});

describe('/activate', () => {
  it('asks one who is signed in for the confirmation alone, and says for what', async () => {
    const tenant = aTenantWithDevices();
    const { deviceCode, body, userCode } = await ask(tenant);
    const browser = tenantBrowser(tenant);
    await signInByForm(browser);
    const form = await browser.visit(String(body['verification_uri_complete']));
    expect(form.body).toContain(`value="${userCode}"`);
    const question = await browser.submit(form, { user_code: userCode });
    expect(question.url.pathname).toBe('/u/consent');
    for (const told of ['Television', userCode, 'read:things']) expect(question.body).toContain(told);
    await browser.submit(question, { decision: 'accept' });
    expect((await poll(tenant, deviceCode)).status).toBe(200);
  });

  it('asks again for a code that is wrong', async () => {
    const tenant = aTenantWithDevices();
    const browser = tenantBrowser(tenant);
    const page = await typeIn(browser, 'WRON-GGGG');
    expect(page.response.status).toBe(400);
    expect(page.body).toContain('value="WRON-GGGG"');
    expect(codesOf(tenant)).toEqual(['fdeac']);
    const { userCode } = await ask(tenant);
    expect((await browser.submit(page, { user_code: userCode })).url.pathname).toBe('/u/login');
  });

  it.each([
    ['another browser', (tenant: Tenant) => tenantBrowser(tenant)],
    [
      'another form',
      async (_: Tenant, browser: TenantBrowser) => (await browser.visit('/activate'), browser),
    ],
  ])('takes no code by a form of %s', async (_, other) => {
    const tenant = aTenantWithDevices();
    const { userCode } = await ask(tenant);
    const browser = tenantBrowser(tenant);
    const form = await browser.visit('/activate');
    const page = await (await other(tenant, browser)).submit(form, { user_code: userCode });
    expect({ status: page.response.status, path: page.url.pathname }).toEqual({
      status: 400,
      path: '/activate',
    });
  });

  it('gives its cookie where responses carry none', async () => {
    const tenant = aTenantWithDevices();
    const lines: string[] = [];
    const request = new Request(`${tenant.baseUrl}/activate`);
    await tenant.fetch(request, { setCookie: (line) => lines.push(line) });
    expect(lines).toEqual([expect.stringMatching(/^auth0_activate=.*HttpOnly/)]);
  });

  it('takes a code once', async () => {
    const tenant = aTenantWithDevices();
    const { userCode } = await ask(tenant);
    await confirm(tenant, userCode);
    expect((await typeIn(tenantBrowser(tenant), userCode)).body).toContain('The code is wrong, or too old');
  });

  it('lets one of two who confirm the same device do so', async () => {
    const tenant = aTenantWithDevices();
    const { userCode } = await ask(tenant);
    const browsers = [tenantBrowser(tenant), tenantBrowser(tenant)];
    const [one, other] = await Promise.all(
      browsers.map(async (browser) => {
        const question = await browser.submit(await typeIn(browser, userCode), ada);
        return () => browser.submit(question, { decision: 'accept' });
      }),
    );
    expect((await one?.())?.body).toContain('Device connected');
    expect((await other?.())?.response.status).toBe(400);
  });

  it('asks the hook, and adds its claims', async () => {
    const events: PostLoginEvent[] = [];
    const claims = { 'https://app.example/role': 'viewer' };
    const tenant = aTenantWithDevices({
      hooks: {
        onPostLogin(event) {
          events.push(event);
          return { idTokenClaims: claims };
        },
      },
    });
    const { deviceCode, userCode } = await ask(tenant);
    await confirm(tenant, userCode);
    expect(events.at(-1)).toMatchObject({ protocol: 'oauth2-device-code', client_id: 'tv' });
    expect(claimsOf((await poll(tenant, deviceCode)).body['id_token'])).toMatchObject(claims);
  });

  it('tells the device where the hook denies it', async () => {
    const tenant = aTenantWithDevices({ hooks: { onPostLogin: () => ({ deny: 'not today' }) } });
    const { deviceCode, userCode } = await ask(tenant);
    const browser = tenantBrowser(tenant);
    await browser.submit(await typeIn(browser, userCode), ada);
    expect(await poll(tenant, deviceCode)).toMatchObject({
      status: 403,
      body: { error: 'access_denied', error_description: 'not today' },
    });
  });

  it('asks for a second factor where the tenant does', async () => {
    const authenticators = [{ authenticator_type: 'recovery-code', recovery_code: 'WRITTENDOWN' }] as const;
    const users = [{ ...configuration.users[0], authenticators }];
    const tenant = aTenantWithDevices({ users, mfa_policy: 'always' });
    const { deviceCode, userCode } = await ask(tenant);
    const browser = tenantBrowser(tenant);
    const factor = await browser.submit(await typeIn(browser, userCode), ada);
    expect(factor.url.pathname).toBe('/u/mfa-recovery-code-challenge');
    const told = await browser.submit(factor, { code: 'WRITTENDOWN' });
    const next = /href="([^"]*)">Continue/.exec(told.body)?.[1] ?? '';
    await browser.submit(await browser.visit(next.replaceAll('&amp;', '&')), { decision: 'accept' });
    expect(claimsOf((await poll(tenant, deviceCode)).body['id_token'])).toMatchObject({ amr: ['mfa'] });
  });
});
