import { describe, expect, it } from '@jest/globals';
import { Secret, TOTP, URI } from 'otpauth';
import type {
  Hooks,
  PostLoginEvent,
  PostLoginResult,
  Tenant,
  TenantConfiguration,
} from '../../src/tenant/index.ts';
import { tenantBrowser } from '../support/tenant-browser.ts';
import {
  ada,
  api,
  app,
  aTenant,
  authorizeUrl,
  claimsOf,
  codeGrant,
  codesOf,
  configuration,
  grace,
  login,
  postToken,
  refresh,
  signInByForm,
} from './a-tenant.ts';

const secret = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
const grantOf = (kind: 'otp' | 'oob' | 'recovery-code') => `http://auth0.com/oauth/grant-type/mfa-${kind}`;

/** Ada has an app that shows codes, a telephone and a recovery code. */
function aTenantWithFactors(changes: Partial<TenantConfiguration> = {}): Tenant {
  const [first, ...others] = configuration.users;
  return aTenant({
    users: [
      {
        ...first,
        authenticators: [
          { authenticator_type: 'otp', secret },
          { authenticator_type: 'oob', oob_channel: 'sms', name: '+15550100' },
          { authenticator_type: 'recovery-code', recovery_code: 'WRITTENDOWN' },
        ],
      },
      ...others,
    ],
    ...changes,
  });
}

/** What an authenticator app shows, by another implementation than the tenant's. */
const shownBy = (tenant: Tenant, key = secret, after = 0) =>
  new TOTP({ secret: Secret.fromBase32(key) }).generate({ timestamp: tenant.clock.now() + after * 1000 });

/** A refresh that was asked for a second factor. */
async function asked(tenant: Tenant, changes?: Record<string, string>) {
  const { refresh_token } = await login(tenant);
  tenant.faults.add({ kind: 'mfa-required' });
  const { status, body } = await refresh(tenant, refresh_token, changes);
  expect({ status, error: body['error'] }).toEqual({ status: 403, error: 'mfa_required' });
  return { refresh_token, body, mfa_token: String(body['mfa_token']) };
}

const give = (tenant: Tenant, mfa_token: string, otp: string, changes: Record<string, string> = {}) =>
  postToken(tenant, { grant_type: grantOf('otp'), client_id: 'spa', mfa_token, otp, ...changes });

async function call(tenant: Tenant, path: string, init: RequestInit = {}, body?: object) {
  const json = body && { method: 'POST', body: JSON.stringify(body) };
  const headers = { ...init.headers, ...(body && { 'content-type': 'application/json' }) };
  const response = await tenant.fetch(new Request(tenant.baseUrl + path, { ...init, ...json, headers }));
  const text = await response.text();
  const answer: unknown = text === '' ? undefined : JSON.parse(text);
  return { status: response.status, headers: response.headers, body: answer as Record<string, unknown> };
}
const bearing = (mfa_token: string): RequestInit => ({ headers: { authorization: `Bearer ${mfa_token}` } });
const challenged = (tenant: Tenant, mfa_token: string, changes: object = {}) =>
  call(tenant, '/mfa/challenge', {}, { client_id: 'spa', mfa_token, ...changes });

describe('a refresh that is asked for a second factor', () => {
  it('says what is asked for, in Auth0’s words, and consumes nothing', async () => {
    const tenant = aTenantWithFactors();
    const { refresh_token, body } = await asked(tenant);
    expect(body).toEqual({
      error: 'mfa_required',
      error_description: 'Multifactor authentication required',
      mfa_token: expect.any(String),
      mfa_requirements: { challenge: [{ type: 'otp' }, { type: 'phone' }, { type: 'recovery-code' }] },
    });
    expect(codesOf(tenant).slice(-2)).toEqual(['mfar', 'fault']);
    expect(tenant.families()).toMatchObject([{ latestCounter: 1 }]);
    expect((await refresh(tenant, refresh_token)).status).toBe(200);
  });

  it('goes on with what it asked for, and its ID token says how', async () => {
    const tenant = aTenantWithFactors();
    const { mfa_token } = await asked(tenant, { scope: 'openid' });
    expect(await challenged(tenant, mfa_token, { challenge_type: 'otp' })).toMatchObject({
      status: 200,
      body: { challenge_type: 'otp' },
    });
    const { status, body } = await give(tenant, mfa_token, shownBy(tenant), { scope: 'openid email' });
    expect({ status, scope: body['scope'] }).toEqual({ status: 200, scope: 'openid' });
    expect(claimsOf(body['id_token'])).toMatchObject({
      amr: ['mfa'],
      acr: 'http://schemas.openid.net/pape/policies/2007/06/multi-factor',
    });
    expect(codesOf(tenant).slice(-4)).toEqual(['gd_start_auth', 'gd_auth_succeed', 'sertft', 'seotpft']);
    const later = await refresh(tenant, body['refresh_token']);
    expect(claimsOf(later.body['id_token'])).not.toHaveProperty('amr');
  });

  it('whose token was spent meanwhile is judged by the rules of its family', async () => {
    const tenant = aTenantWithFactors();
    const { mfa_token, refresh_token } = await asked(tenant);
    await refresh(tenant, refresh_token);
    expect((await give(tenant, mfa_token, shownBy(tenant))).body['error']).toBe('invalid_grant');
    expect(codesOf(tenant).slice(-2)).toEqual(['gd_auth_succeed', 'ferrt']);
  });

  it('with a token that was spent before is reuse, and is asked for nothing', async () => {
    const tenant = aTenantWithFactors();
    const { refresh_token } = await login(tenant);
    await refresh(tenant, refresh_token);
    tenant.faults.add({ kind: 'mfa-required' });
    expect((await refresh(tenant, refresh_token)).body['error']).toBe('invalid_grant');
    expect(codesOf(tenant)).toContain('ferrt');
  });
});

describe('a code of an app', () => {
  it.each([-30, 0, 30])('is taken %s seconds from now', async (after) => {
    const tenant = aTenantWithFactors();
    const { mfa_token } = await asked(tenant);
    expect((await give(tenant, mfa_token, shownBy(tenant, secret, after))).status).toBe(200);
  });

  it.each([-60, 60])('is not taken %s seconds from now', async (after) => {
    const tenant = aTenantWithFactors();
    const { mfa_token } = await asked(tenant);
    expect(await give(tenant, mfa_token, shownBy(tenant, secret, after))).toMatchObject({
      status: 403,
      body: { error: 'invalid_grant', error_description: 'Invalid otp_code.' },
    });
    expect(codesOf(tenant).at(-1)).toBe('feotpft');
  });

  it('works once, and no older one after it', async () => {
    const tenant = aTenantWithFactors();
    const first = await asked(tenant);
    await give(tenant, first.mfa_token, shownBy(tenant));
    const second = await asked(tenant);
    for (const after of [0, -30])
      expect((await give(tenant, second.mfa_token, shownBy(tenant, secret, after))).status).toBe(403);
    expect((await give(tenant, second.mfa_token, shownBy(tenant, secret, 30))).status).toBe(200);
  });

  it('is taken after the clock was turned back', async () => {
    const tenant = aTenantWithFactors();
    await give(tenant, (await asked(tenant)).mfa_token, shownBy(tenant));
    tenant.clock.set(tenant.clock.now() - 3_600_000);
    const { mfa_token } = await asked(tenant);
    expect((await give(tenant, mfa_token, shownBy(tenant))).status).toBe(200);
    const again = await asked(tenant);
    expect((await give(tenant, again.mfa_token, shownBy(tenant))).status).toBe(403);
  });

  it('works once for two who bring it at the same moment', async () => {
    const tenant = aTenantWithFactors();
    const [one, other] = [await asked(tenant), await asked(tenant)];
    const answers = await Promise.all(
      [one, other].map(({ mfa_token }) => give(tenant, mfa_token, shownBy(tenant))),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 403]));
  });
});

describe('an mfa_token', () => {
  const unknown = { error: 'invalid_grant', error_description: 'Unknown or invalid mfa_token.' };

  it('lives ten minutes', async () => {
    const tenant = aTenantWithFactors();
    const { mfa_token } = await asked(tenant);
    tenant.clock.advance(599_999);
    expect((await challenged(tenant, mfa_token)).status).toBe(200);
    tenant.clock.advance(1);
    const expired = { error: 'expired_token', error_description: 'mfa_token is expired' };
    expect(await challenged(tenant, mfa_token)).toMatchObject({ status: 401, body: expired });
    expect((await give(tenant, mfa_token, shownBy(tenant))).body).toEqual(expired);
    await asked(tenant); // what is over is forgotten where a new one comes to be
    expect((await give(tenant, mfa_token, shownBy(tenant))).body).toEqual(unknown);
  });

  it('is for one client, and for one exchange', async () => {
    const tenant = aTenantWithFactors();
    const { mfa_token } = await asked(tenant);
    const foreign = { client_id: 'other' };
    expect((await give(tenant, mfa_token, shownBy(tenant), foreign)).body).toEqual(unknown);
    expect((await challenged(tenant, mfa_token, foreign)).body).toEqual(unknown);
    expect((await give(tenant, mfa_token, shownBy(tenant))).status).toBe(200);
    expect((await give(tenant, mfa_token, shownBy(tenant, secret, 30))).body).toEqual(unknown);
  });

  it('says whose request it is, to a fault that strikes one user', async () => {
    const tenant = aTenantWithFactors();
    const { mfa_token } = await asked(tenant);
    tenant.faults.add({ kind: 'status', grant: grantOf('otp'), user: grace });
    tenant.faults.add({ kind: 'status', status: 500, grant: grantOf('otp'), user: ada.email });
    expect((await give(tenant, mfa_token, shownBy(tenant))).status).toBe(500);
    expect((await give(tenant, mfa_token, shownBy(tenant))).status).toBe(200);
  });

  it('is dead with the tenth wrong code', async () => {
    const tenant = aTenantWithFactors();
    const { mfa_token } = await asked(tenant);
    for (let tries = 1; tries < 10; tries++) await give(tenant, mfa_token, 'no code');
    expect((await challenged(tenant, mfa_token)).status).toBe(200);
    await give(tenant, mfa_token, 'no code');
    expect((await give(tenant, mfa_token, shownBy(tenant))).body).toEqual(unknown);
  });

  it('goes on after a snapshot, with what was sent', async () => {
    const tenant = aTenantWithFactors();
    const { mfa_token } = await asked(tenant);
    await challenged(tenant, mfa_token, { challenge_type: 'oob' });
    const twin = aTenantWithFactors();
    twin.restore(tenant.snapshot());
    expect(twin.outbox).toEqual(tenant.outbox);
    expect((await give(twin, mfa_token, shownBy(twin))).status).toBe(200);
    twin.reset();
    expect(twin.outbox).toEqual([]);
  });
});

describe('other second factors', () => {
  it('a code that was sent, which is in the outbox and in no log', async () => {
    const tenant = aTenantWithFactors();
    const { mfa_token } = await asked(tenant);
    const { body } = await challenged(tenant, mfa_token, { challenge_type: 'oob' });
    expect(body).toEqual({ challenge_type: 'oob', oob_code: expect.any(String), binding_method: 'prompt' });
    expect(tenant.outbox).toEqual([
      { kind: 'sms', to: '+15550100', code: expect.stringMatching(/^\d{6}$/), at: tenant.clock.now() },
    ]);
    const code = tenant.outbox[0]?.code ?? '';
    const bring = (binding_code: string, oob_code = String(body['oob_code'])) =>
      postToken(tenant, { grant_type: grantOf('oob'), client_id: 'spa', mfa_token, oob_code, binding_code });
    expect((await bring('wrong')).body['error_description']).toBe('Invalid binding_code.');
    expect((await bring(code, 'wrong')).status).toBe(403);
    expect((await bring('')).body['error_description']).toBe('Missing required parameter: binding_code');
    expect((await bring(code)).status).toBe(200);
    expect(codesOf(tenant)).toEqual(expect.arrayContaining(['gd_send_sms', 'feoobft', 'seoobft']));
    expect(JSON.stringify(tenant.journal)).not.toContain(code);
    const headers = { 'x-tenant-token': tenant.developmentToken };
    const overHttp = await call(tenant, '/__tenant/outbox', { method: 'POST', headers });
    expect(overHttp.body).toEqual(tenant.outbox);
    expect((await call(tenant, '/__tenant/outbox', { method: 'POST' })).status).toBe(403);
  });

  it('a recovery code, once; another takes its place', async () => {
    const tenant = aTenantWithFactors();
    const bring = (mfa_token: string, recovery_code: unknown) =>
      postToken(tenant, {
        grant_type: grantOf('recovery-code'),
        client_id: 'spa',
        mfa_token,
        recovery_code: String(recovery_code),
      });
    const { body } = await bring((await asked(tenant)).mfa_token, 'WRITTENDOWN');
    expect(body).toMatchObject({ recovery_code: expect.stringMatching(/^[A-Z2-7]{24}$/) });
    const { mfa_token } = await asked(tenant);
    expect((await bring(mfa_token, 'WRITTENDOWN')).status).toBe(403);
    expect((await bring(mfa_token, body['recovery_code'])).status).toBe(200);
    expect(codesOf(tenant)).toEqual(expect.arrayContaining(['fercft', 'sercft']));
  });

  it.each([
    ['otp', 'feotpft'],
    ['oob', 'feoobft'],
    ['recovery-code', 'fercft'],
  ] as const)('%s of a client that is none, or with a bad proof, fails as %s', async (kind, code) => {
    const tenant = aTenant();
    const form = { grant_type: grantOf(kind), client_id: 'spa' };
    await postToken(tenant, { ...form, client_id: 'nobody' });
    await postToken(tenant, form, { dpop: 'no proof' });
    expect(codesOf(tenant)).toEqual([code, code]);
  });

  it('a challenge is refused where the user has nothing that fits', async () => {
    const tenant = aTenantWithFactors();
    const { mfa_token } = await asked(tenant);
    const errorOf = async (changes: object) => (await challenged(tenant, mfa_token, changes)).body['error'];
    expect(await errorOf({ challenge_type: 'push' })).toBe('unsupported_challenge_type');
    expect(await errorOf({ authenticator_id: 'totp|dev_nobody' })).toBe('invalid_request');
  });
});

describe('the MFA API', () => {
  it('lists what the user has, without a secret or a whole telephone number', async () => {
    const tenant = aTenantWithFactors();
    const { mfa_token } = await asked(tenant);
    const { body } = await call(tenant, '/mfa/authenticators', bearing(mfa_token));
    expect(body).toEqual([
      { id: expect.stringMatching(/^totp\|dev_/), authenticator_type: 'otp', active: true, type: 'otp' },
      {
        id: expect.stringMatching(/^sms\|dev_/),
        authenticator_type: 'oob',
        active: true,
        type: 'phone',
        oob_channel: 'sms',
        name: 'XXXXX0100',
      },
      {
        id: expect.stringMatching(/^recovery-code\|dev_/),
        authenticator_type: 'recovery-code',
        active: true,
        type: 'recovery-code',
      },
    ]);
    const ids = (body as unknown as { id: string }[]).map(({ id }) => id);
    const path = `/mfa/authenticators/${encodeURIComponent(ids[0] ?? '')}`;
    expect((await call(tenant, path, { ...bearing(mfa_token), method: 'DELETE' })).status).toBe(403);
    expect(
      await call(tenant, '/mfa/associate', bearing(mfa_token), { authenticator_types: ['otp'] }),
    ).toMatchObject({ status: 403, body: { error: 'access_denied' } });
    expect((await call(tenant, '/mfa/authenticators', bearing('nobody'))).status).toBe(401);
  });

  it('enrols the first app of a user, whose first code completes it', async () => {
    const tenant = aTenant();
    const { mfa_token, body } = await asked(tenant);
    expect(body['mfa_requirements']).toEqual({
      enroll: [{ type: 'otp' }, { type: 'phone' }, { type: 'email' }],
    });
    expect((await challenged(tenant, mfa_token)).body['error']).toBe('association_required');
    const begun = await call(tenant, '/mfa/associate', bearing(mfa_token), { authenticator_types: ['otp'] });
    expect(begun).toMatchObject({ status: 200, body: { authenticator_type: 'otp' } });
    const otpauth = URI.parse(String(begun.body['barcode_uri']));
    expect(otpauth).toMatchObject({ issuer: 'localhost', label: ada.email, digits: 6, period: 30 });
    const listed = await call(tenant, '/mfa/authenticators', bearing(mfa_token));
    expect(listed.body).toMatchObject([{ active: false }, { active: false }]);
    const otp = shownBy(tenant, String(begun.body['secret']));
    expect((await give(tenant, mfa_token, otp)).status).toBe(200);
    expect(codesOf(tenant)).toEqual(expect.arrayContaining(['gd_start_enroll', 'gd_enrollment_complete']));
    const again = await asked(tenant);
    expect(again.body['mfa_requirements']).toEqual({
      challenge: [{ type: 'otp' }, { type: 'recovery-code' }],
    });
  });

  it('enrols a telephone, by the code that is sent there', async () => {
    const tenant = aTenant();
    const { mfa_token } = await asked(tenant);
    const { body } = await call(tenant, '/mfa/associate', bearing(mfa_token), {
      authenticator_types: ['oob'],
      oob_channels: ['sms'],
      phone_number: '+15550111',
    });
    expect(tenant.outbox).toMatchObject([{ kind: 'sms', to: '+15550111' }]);
    const answer = await postToken(tenant, {
      grant_type: grantOf('oob'),
      client_id: 'spa',
      mfa_token,
      oob_code: String(body['oob_code']),
      binding_code: tenant.outbox[0]?.code ?? '',
    });
    expect(answer.status).toBe(200);
  });

  it('ends an enrolment that is not complete', async () => {
    const tenant = aTenant();
    const { mfa_token } = await asked(tenant);
    const { body } = await call(tenant, '/mfa/associate', bearing(mfa_token), {
      authenticator_types: ['otp'],
    });
    const path = `/mfa/authenticators/${encodeURIComponent(String(body['id']))}`;
    const init = { ...bearing(mfa_token), method: 'DELETE' };
    expect((await call(tenant, path, init)).status).toBe(204);
    expect((await call(tenant, path, init)).status).toBe(404);
    expect((await give(tenant, mfa_token, shownBy(tenant, String(body['secret'])))).status).toBe(403);
  });

  it('adds nothing beside what the user has enrolled while another enrolment was under way', async () => {
    const tenant = aTenant();
    const begin = async () => {
      const { mfa_token } = await asked(tenant);
      const otp = { authenticator_types: ['otp'] };
      const { body } = await call(tenant, '/mfa/associate', bearing(mfa_token), otp);
      return { mfa_token, key: String(body['secret']) };
    };
    const [thief, owner] = [await begin(), await begin()];
    expect((await give(tenant, owner.mfa_token, shownBy(tenant, owner.key))).status).toBe(200);
    expect((await give(tenant, thief.mfa_token, shownBy(tenant, thief.key))).status).toBe(403);
    const listed = await call(tenant, '/mfa/authenticators', bearing(thief.mfa_token));
    expect(listed.body).toMatchObject([{ active: true }, { active: true }]);
    expect((await give(tenant, thief.mfa_token, shownBy(tenant, owner.key, 30))).status).toBe(200);
  });

  it('answers the pages of clients, and no others', async () => {
    const tenant = aTenantWithFactors();
    const { mfa_token } = await asked(tenant);
    const from = async (origin: string) => {
      const { headers } = bearing(mfa_token);
      const answer = await call(tenant, '/mfa/authenticators', { headers: { ...headers, origin } });
      return [answer.status, answer.headers.get('access-control-allow-origin')];
    };
    expect(await from(app)).toEqual([200, app]);
    expect(await from('https://evil.example')).toEqual([403, null]);
    expect(await from('https://other.example')).toEqual([403, null]);
  });
});

it.each([
  [{ authenticator_type: 'otp', secret: 'no base32!' }, 'users[0].authenticators[0].secret'],
  [{ authenticator_type: 'oob', oob_channel: 'pigeon', name: 'x' }, 'users[0].authenticators[0].oob_channel'],
  [{ authenticator_type: 'oob', oob_channel: 'sms' }, 'users[0].authenticators[0].name'],
  [{ authenticator_type: 'push' }, 'users[0].authenticators[0].authenticator_type'],
])('a configuration with %j is refused, and the secret is not told', (authenticator, field) => {
  const users = [{ ...ada, authenticators: [authenticator] }] as unknown as TenantConfiguration['users'];
  expect(() => aTenant({ users })).toThrow(field);
  expect(() => aTenant({ users })).not.toThrow(/no base32!/);
});

it('the fault mfa-required is for refreshes, and for nothing else', () => {
  const tenant = aTenant();
  expect(() => tenant.faults.add({ kind: 'mfa-required', grant: 'authorization_code' })).toThrow(
    /fault\.grant/,
  );
  expect(() => tenant.faults.add({ kind: 'mfa-required', endpoint: '/authorize' })).toThrow(
    /fault\.endpoint/,
  );
});

const multiFactor = 'http://schemas.openid.net/pape/policies/2007/06/multi-factor';
const everything = { mfa_policy: 'always' } as const;
const silent = { prompt: 'none', response_mode: 'query' };
const answerOf = ({ url }: { readonly url: URL }) => Object.fromEntries(url.searchParams);
const mfaRequired = {
  error: 'login_required',
  error_description: 'Multifactor authentication required',
};

/** A browser before the page that asks for a second factor. */
async function beforeThePage(tenant: Tenant, changes: Record<string, string | null> = {}) {
  const browser = tenantBrowser(tenant);
  const page = await signInByForm(browser, changes);
  return { browser, page };
}

describe('a sign-in', () => {
  it('under the policy asks for a second factor after the password, and the session remembers it', async () => {
    const tenant = aTenantWithFactors(everything);
    const { browser, page } = await beforeThePage(tenant);
    expect(page.url.pathname).toBe('/u/mfa-otp-challenge');
    expect(page.body).toContain('your authenticator app shows');
    const wrong = await browser.submit(page, { code: 'no code' });
    expect([wrong.response.status, wrong.body.includes('The code is wrong')]).toEqual([400, true]);
    expect(answerOf(await browser.visit(authorizeUrl(silent)))).toMatchObject(mfaRequired);
    const done = await browser.submit(wrong, { code: shownBy(tenant) });
    const code = done.url.searchParams.get('code') ?? '';
    const { body } = await postToken(tenant, codeGrant(code));
    expect(claimsOf(body['id_token'])).toMatchObject({ amr: ['mfa'], acr: multiFactor });
    expect(codesOf(tenant)).toEqual(
      expect.arrayContaining(['gd_auth_failed', 'fsa', 'gd_auth_succeed', 's', 'seacft']),
    );
    expect((await browser.visit(authorizeUrl(silent))).url.searchParams.has('code')).toBe(true);
    expect((await refresh(tenant, body['refresh_token'])).status).toBe(200);
  });

  it('in a browser that is to be remembered asks this user no more for thirty days, unless the client does', async () => {
    const users = [
      { ...ada, authenticators: [{ authenticator_type: 'otp', secret }] },
      { email: grace, password: 'x', authenticators: [{ authenticator_type: 'otp', secret }] },
    ] as const;
    const tenant = aTenantWithFactors({ ...everything, users });
    const { browser, page } = await beforeThePage(tenant);
    expect(page.body).toContain('Remember this browser for 30 days');
    await browser.submit(page, { code: shownBy(tenant), remember: 'yes' });
    const whereAfterPassword = async (who: { email: string; password: string }, changes = {}) => {
      await browser.visit('/v2/logout');
      const form = await browser.visit(authorizeUrl(changes));
      return (await browser.submit(form, who)).url;
    };

    tenant.clock.advance('29d');
    expect((await whereAfterPassword(ada)).searchParams.has('code')).toBe(true);
    expect((await whereAfterPassword(ada, { acr_values: multiFactor })).pathname).toBe(
      '/u/mfa-otp-challenge',
    );
    expect((await whereAfterPassword({ email: grace, password: 'x' })).pathname).toBe('/u/mfa-otp-challenge');
    tenant.restore(JSON.parse(JSON.stringify(tenant.snapshot())));
    expect((await whereAfterPassword(ada)).searchParams.has('code')).toBe(true);
    tenant.clock.advance('1d');
    expect((await whereAfterPassword(ada)).pathname).toBe('/u/mfa-otp-challenge');
  });

  it('that is not to be remembered is asked again', async () => {
    const tenant = aTenantWithFactors(everything);
    const { browser, page } = await beforeThePage(tenant);
    await browser.submit(page, { code: shownBy(tenant) });
    await browser.visit('/v2/logout');
    expect((await signInByForm(browser)).url.pathname).toBe('/u/mfa-otp-challenge');
  });

  it('asks by acr_values, for that request alone', async () => {
    const tenant = aTenantWithFactors();
    const { browser, page } = await beforeThePage(tenant);
    const plain = await postToken(tenant, codeGrant(page.url.searchParams.get('code') ?? ''));
    expect(claimsOf(plain.body['id_token'])).not.toHaveProperty('amr');
    expect(answerOf(await browser.visit(authorizeUrl({ ...silent, acr_values: multiFactor })))).toMatchObject(
      mfaRequired,
    );
    const asking = await browser.visit(authorizeUrl({ acr_values: multiFactor }));
    expect(asking.url.pathname).toBe('/u/mfa-otp-challenge');
    expect((await browser.visit(authorizeUrl(silent))).url.searchParams.has('code')).toBe(true);
  });

  it('that is asked for a factor, of a user without one, is refused', async () => {
    const { page } = await beforeThePage(aTenant(everything));
    expect(answerOf(page)).toMatchObject({
      error: 'access_denied',
      error_description: expect.stringContaining('second factor'),
    });
  });

  it('takes the code of a message, which is sent once', async () => {
    const tenant = aTenantWithFactors({
      ...everything,
      users: [
        { ...ada, authenticators: [{ authenticator_type: 'oob', oob_channel: 'email', name: ada.email }] },
      ],
    });
    const { browser, page } = await beforeThePage(tenant);
    expect(page.url.pathname).toBe('/u/mfa-email-challenge');
    const again = await browser.visit(page.url);
    expect(tenant.outbox).toMatchObject([{ kind: 'email', to: ada.email }]);
    const done = await browser.submit(again, { code: tenant.outbox[0]?.code ?? '' });
    expect(done.url.searchParams.has('code')).toBe(true);
  });

  it('takes a recovery code, and shows the next one', async () => {
    const users = [
      { ...ada, authenticators: [{ authenticator_type: 'recovery-code', recovery_code: 'WRITTENDOWN' }] },
    ] as const;
    const tenant = aTenantWithFactors({ ...everything, users });
    const { browser, page } = await beforeThePage(tenant);
    const shown = await browser.submit(page, { code: 'WRITTENDOWN' });
    const [, next = ''] = /<strong>([A-Z2-7]{24})</.exec(shown.body) ?? [];
    const [, link = ''] = /href="([^"]*)"/.exec(shown.body) ?? [];
    expect((await browser.visit(link)).url.searchParams.has('code')).toBe(true);
    const other = await beforeThePage(tenant);
    expect((await other.browser.submit(other.page, { code: 'WRITTENDOWN' })).response.status).toBe(400);
    expect((await other.browser.submit(other.page, { code: next })).body).toContain('new recovery code');
  });

  it('ends with the tenth wrong code', async () => {
    const tenant = aTenantWithFactors(everything);
    const { browser, page } = await beforeThePage(tenant);
    for (let tries = 1; tries < 10; tries++) await browser.submit(page, { code: 'no code' });
    const last = await browser.submit(page, { code: 'no code' });
    expect(answerOf(last)).toMatchObject({
      error: 'access_denied',
      error_description: 'Too many wrong codes',
    });
    expect((await browser.submit(page, { code: shownBy(tenant) })).response.status).toBe(400);
  });

  it('that ended so is not brought back by the password', async () => {
    const tenant = aTenantWithFactors(everything);
    const { browser, page } = await beforeThePage(tenant);
    const state = page.url.searchParams.get('state') ?? '';
    const tryCode = (code: string) => {
      const [, csrf = ''] = /name="csrf" value="([^"]*)"/.exec(page.body) ?? [];
      return browser.request(page.url, { method: 'POST', body: new URLSearchParams({ csrf, code }) });
    };
    for (let tries = 0; tries < 10; tries++) await tryCode('no code');
    await browser.submit(await browser.visit(`/u/login?state=${state}`), ada);
    expect((await tryCode(shownBy(tenant))).status).toBe(400);
    expect(answerOf(await browser.visit(authorizeUrl(silent)))).toMatchObject(mfaRequired);
  });

  it('sends a code to each who gives a password at its page, and takes it once', async () => {
    const byMail = (email: string) =>
      [{ authenticator_type: 'oob', oob_channel: 'email', name: email }] as const;
    const users = configuration.users.map((user) => ({ ...user, authenticators: byMail(user.email) }));
    const tenant = aTenantWithFactors({ ...everything, users });
    const { browser, page } = await beforeThePage(tenant);
    const loginPage = `/u/login?state=${page.url.searchParams.get('state') ?? ''}`;
    const other = { email: grace, password: configuration.users[1]?.password ?? '' };
    const ofOther = await browser.submit(await browser.visit(loginPage), other);
    expect(tenant.outbox.map(({ to }) => to)).toEqual([ada.email, grace]);

    const [, csrf = ''] = /name="csrf" value="([^"]*)"/.exec(ofOther.body) ?? [];
    const body = () => new URLSearchParams({ csrf, code: tenant.outbox[1]?.code ?? '' });
    const answers = await Promise.all(
      [1, 2].map(() => browser.request(ofOther.url, { method: 'POST', body: body() })),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([303, 400]));
  });

  it.each([
    ['another hidden token', '/u/mfa-otp-challenge', { csrf: 'x' }],
    ['the page of another factor', '/u/mfa-sms-challenge', {}],
  ])('takes no code by %s', async (_, path, changes) => {
    const tenant = aTenantWithFactors(everything);
    const { browser, page } = await beforeThePage(tenant);
    const elsewhere = { ...page, body: page.body.replace('/u/mfa-otp-challenge', path) };
    const answer = await browser.submit(elsewhere, { code: shownBy(tenant), ...changes });
    expect(answer.response.status).toBe(400);
    expect(answerOf(await browser.visit(authorizeUrl(silent)))).toMatchObject(mfaRequired);
  });

  it('asks nobody else who has signed in at the same browser meanwhile', async () => {
    const authenticators = [{ authenticator_type: 'otp', secret }] as const;
    const others = configuration.users.slice(1).map((user) => ({ ...user, authenticators }));
    const tenant = aTenantWithFactors({ ...everything, users: [{ ...ada, authenticators }, ...others] });
    const { browser, page } = await beforeThePage(tenant);
    browser.setCookie(tenant.signIn(grace, { client_id: 'spa' }).cookie);
    expect((await browser.visit(page.url)).response.status).toBe(400);
  });

  it('takes no code of a browser that has not given the password', async () => {
    const tenant = aTenantWithFactors(everything);
    const { page } = await beforeThePage(tenant);
    expect((await tenantBrowser(tenant).visit(page.url)).response.status).toBe(400);
  });
});

describe('the post-login hook', () => {
  type OnPostLogin = NonNullable<Hooks['onPostLogin']>;
  const withHook = (onPostLogin: OnPostLogin) => aTenantWithFactors({ hooks: { onPostLogin } });

  it('is told of sign-ins, silent ones and refreshes, and of no password', async () => {
    const told: PostLoginEvent[] = [];
    const tenant = withHook((event) => {
      told.push(event);
      return undefined;
    });
    const browser = tenantBrowser(tenant);
    const { url } = await signInByForm(browser);
    await browser.visit(authorizeUrl(silent));
    const { body } = await postToken(tenant, codeGrant(url.searchParams.get('code') ?? ''));
    await refresh(tenant, body['refresh_token'], { scope: 'openid' });
    expect(told).toMatchObject([
      { protocol: 'oidc-basic-profile', prompt: [], client_id: 'spa', user: { email: ada.email } },
      { protocol: 'oidc-basic-profile', prompt: ['none'], audience: api },
      { protocol: 'oauth2-refresh-token', scope: ['openid'], audience: api, secondFactor: false },
    ]);
    expect(JSON.stringify(told)).not.toContain(ada.password);
    for (const { user } of told) expect(user).not.toHaveProperty('connection');
  });

  it('denies a refresh, and nothing is consumed', async () => {
    let deny: string | undefined;
    const tenant = withHook(() => (deny === undefined ? {} : { deny }));
    const { refresh_token } = await login(tenant);
    deny = 'not on Sundays';
    expect(await refresh(tenant, refresh_token)).toMatchObject({
      status: 403,
      body: { error: 'access_denied', error_description: 'not on Sundays' },
    });
    expect(codesOf(tenant).at(-1)).toBe('fertft');
    deny = undefined;
    expect((await refresh(tenant, refresh_token)).status).toBe(200);
    deny = 'never';
    expect((await refresh(tenant, refresh_token)).body['error']).toBe('invalid_grant');
    expect(codesOf(tenant).at(-1)).toBe('ferrt');
  });

  it.each([{ deny: 'no' }, { requireSecondFactor: true }, {}])(
    'that waits hides no reuse behind %j: the token is judged when it has answered',
    async (result) => {
      const waiting: (() => void)[] = [];
      let isSlow = false;
      const tenant = withHook(async () => {
        if (!isSlow) return {};
        isSlow = false;
        await new Promise<void>((end) => waiting.push(end));
        return result;
      });
      const { refresh_token } = await login(tenant);
      isSlow = true;
      const slow = refresh(tenant, refresh_token);
      while (waiting.length === 0) await new Promise(setImmediate);
      expect((await refresh(tenant, refresh_token)).status).toBe(200);
      waiting[0]?.();
      expect((await slow).body['error']).toBe('invalid_grant');
      expect(tenant.families()).toMatchObject([{ verdict: 'revoked' }]);
    },
  );

  it('denies a sign-in, silent or not', async () => {
    const tenant = withHook(() => ({ deny: 'not you' }));
    const browser = tenantBrowser(tenant);
    const denied = { error: 'access_denied', error_description: 'not you' };
    expect(answerOf(await signInByForm(browser))).toMatchObject(denied);
    expect(answerOf(await browser.visit(authorizeUrl(silent)))).toMatchObject(denied);
    expect(answerOf(await browser.visit(authorizeUrl()))).toMatchObject(denied);
    expect(codesOf(tenant)).toEqual(['f', 'fsa', 'f']);
  });

  it('asks for a second factor, at a sign-in and at a refresh, and once for each', async () => {
    let requireSecondFactor = true;
    const tenant = withHook(() => ({ requireSecondFactor }));
    const { browser, page } = await beforeThePage(tenant);
    const { url } = await browser.submit(page, { code: shownBy(tenant) });
    const { body } = await postToken(tenant, codeGrant(url.searchParams.get('code') ?? ''));
    const refused = await refresh(tenant, body['refresh_token']);
    expect(refused.body['error']).toBe('mfa_required');
    tenant.clock.advance(60_000);
    const given = await give(tenant, String(refused.body['mfa_token']), shownBy(tenant));
    expect(given.status).toBe(200);
    requireSecondFactor = false;
    expect((await refresh(tenant, given.body['refresh_token'])).status).toBe(200);
  });

  it('adds claims to both tokens, by names that no claim of the tenant has', async () => {
    let name = 'https://app.example/roles';
    const tenant = withHook(() => ({ idTokenClaims: { [name]: ['id'] }, accessTokenClaims: { [name]: 1 } }));
    const first = await login(tenant);
    const { body } = await refresh(tenant, first['refresh_token']);
    for (const { id_token, access_token } of [first, body]) {
      expect(claimsOf(id_token)[name]).toEqual(['id']);
      expect(claimsOf(access_token)[name]).toBe(1);
    }
    name = 'sub';
    const refused = await refresh(tenant, body['refresh_token']);
    expect(refused).toMatchObject({ status: 500, body: { error: 'server_error' } });
    name = 'urn:roles';
    expect((await refresh(tenant, body['refresh_token'])).status).toBe(200);
  });

  it('that adds a claim that is no JSON fails the request, and nothing is consumed', async () => {
    let roles: unknown = ['reader'];
    const tenant = withHook(() => ({ accessTokenClaims: { 'https://app.example/roles': roles } }));
    const { refresh_token } = await login(tenant);
    roles = 1n;
    expect((await refresh(tenant, refresh_token)).status).toBe(500);
    expect(tenant.families()).toMatchObject([{ latestCounter: 1 }]);
  });

  it('that waits while the user is blocked lets the refresh grant nothing', async () => {
    const waiting: (() => void)[] = [];
    let isSlow = false;
    const tenant = withHook(async () => {
      if (isSlow) await new Promise<void>((end) => waiting.push(end));
      return {};
    });
    const { refresh_token } = await login(tenant);
    isSlow = true;
    const slow = refresh(tenant, refresh_token);
    while (waiting.length === 0) await new Promise(setImmediate);
    tenant.updateUser(ada.email, { blocked: true });
    waiting[0]?.();
    expect((await slow).body['error_description']).toBe('user is blocked');
    expect(tenant.families()).toMatchObject([{ latestCounter: 1, verdict: 'live' }]);
  });

  it('that waits while its sign-in is answered otherwise grants one code', async () => {
    const waiting: (() => void)[] = [];
    const tenant = withHook(async () => {
      await new Promise<void>((end) => waiting.push(end));
      return {};
    });
    const browser = tenantBrowser(tenant);
    const page = await browser.visit(authorizeUrl());
    const form = new URLSearchParams({
      csrf: /name="csrf" value="([^"]*)"/.exec(page.body)?.[1] ?? '',
      ...ada,
    });
    const resume =
      (await browser.request(page.url, { method: 'POST', body: form })).headers.get('location') ?? '';
    const answers = [browser.request(resume), browser.request(resume)];
    while (waiting.length < 2) await new Promise(setImmediate);
    for (const end of waiting) end();
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([302, 400]));
  });

  it.each([
    ['a silent sign-in', silent, 'error=login_required'],
    ['a sign-in by the session', {}, '/u/login?state='],
  ])('that waits while the session ends grants %s nothing', async (_, changes, whereTo) => {
    const waiting: (() => void)[] = [];
    const tenant = withHook(async () => {
      await new Promise<void>((end) => waiting.push(end));
      return {};
    });
    const browser = tenantBrowser(tenant);
    browser.setCookie(tenant.signIn(ada.email, { client_id: 'spa' }).cookie);
    const slow = browser.request(authorizeUrl(changes));
    while (waiting.length === 0) await new Promise(setImmediate);
    await browser.request('/v2/logout');
    waiting[0]?.();
    expect((await slow).headers.get('location')).toContain(whereTo);
  });

  it('that waits while the session ends lets the page of the sign-in grant nothing either', async () => {
    const waiting: (() => void)[] = [];
    const tenant = withHook(async () => {
      await new Promise<void>((end) => waiting.push(end));
      return {};
    });
    const browser = tenantBrowser(tenant);
    const slow = signInByForm(browser);
    while (waiting.length === 0) await new Promise(setImmediate);
    await browser.request('/v2/logout');
    waiting[0]?.();
    expect((await slow).url.pathname).toBe('/u/login');
  });

  it.each<[unknown, string]>([
    [{ deny: null }, 'a text that says why for "deny", found null'],
    [{ deny: 7 }, 'a text that says why for "deny", found number'],
    [{ requireSecondFactor: 'yes' }, 'true or false for "requireSecondFactor", found string'],
    [{ idTokenClaims: null }, 'an object of claims for "idTokenClaims", found null'],
    [{ denied: 'why' }, 'one of deny, requireSecondFactor, idTokenClaims, accessTokenClaims, found "denied"'],
    [false, 'an object or nothing, found boolean'],
    ['deny', 'an object or nothing, found string'],
  ])('that gives %j fails the request, and nothing is consumed', async (mistake, expected) => {
    let result: unknown = {};
    const tenant = withHook(() => result as PostLoginResult);
    const { refresh_token } = await login(tenant);
    result = mistake;
    expect(await refresh(tenant, refresh_token)).toMatchObject({
      status: 500,
      body: { error_description: `The tenant failed: onPostLogin: expected ${expected}` },
    });
    result = { deny: undefined };
    expect(await refresh(tenant, refresh_token)).toMatchObject({ status: 200 });
  });

  it('is a function, or the configuration is refused', () => {
    const hooks = { onPostLogin: 'deny' } as unknown as Hooks;
    expect(() => aTenant({ hooks })).toThrow('hooks.onPostLogin');
    expect(() => aTenant({ hooks: { onPostLogn: () => ({}) } as Hooks })).toThrow('hooks.onPostLogn');
  });
});
