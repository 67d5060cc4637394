import { describe, expect, it } from '@jest/globals';
import type { Tenant } from '../../src/tenant/index.ts';
import { tenantBrowser } from '../support/tenant-browser.ts';
import {
  ada,
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
} from './a-tenant.ts';

const gracePassword = 'battery staple';

function signedIn(tenant: Tenant, email = ada.email) {
  const browser = tenantBrowser(tenant);
  browser.setCookie(tenant.signIn(email, { client_id: 'spa' }).cookie);
  return browser;
}

async function emailOf(tenant: Tenant, url: URL): Promise<unknown> {
  const { body } = await postToken(tenant, codeGrant(url.searchParams.get('code') ?? ''));
  return claimsOf(body['id_token'])['email'];
}

describe('prompt=select_account', () => {
  it('asks whether to go on as who is signed in, and does', async () => {
    const tenant = aTenant();
    const browser = signedIn(tenant);
    const page = await browser.visit(authorizeUrl({ prompt: 'select_account' }));
    expect(page.url.pathname).toBe('/u/account');
    expect(page.body).toContain('Ada Lovelace');
    expect(page.body).toContain(ada.email);
    expect(page.body).toContain('The shop');
    expect(page.response.headers.get('x-frame-options')).toBe('DENY');
    const { url } = await browser.submit(page, { account: 'this' });
    expect(await emailOf(tenant, url)).toBe(ada.email);
  });

  it('lets another account sign in', async () => {
    const tenant = aTenant();
    const browser = signedIn(tenant);
    const page = await browser.visit(authorizeUrl({ prompt: 'select_account' }));
    const form = await browser.submit(page, { account: 'another' });
    expect(form.url.pathname).toBe('/u/login');
    const { url } = await browser.submit(form, { email: grace, password: gracePassword });
    expect(await emailOf(tenant, url)).toBe(grace);
  });

  it('shows the login form where nobody is signed in, or prompt=login is asked for, too', async () => {
    const tenant = aTenant();
    const pathFor = async (browser: ReturnType<typeof tenantBrowser>, prompt: string) =>
      (await browser.visit(authorizeUrl({ prompt }))).url.pathname;
    expect(await pathFor(tenantBrowser(tenant), 'select_account')).toBe('/u/login');
    expect(await pathFor(signedIn(tenant), 'login select_account')).toBe('/u/login');
  });

  it('goes on to consent where that is asked for, too', async () => {
    const browser = signedIn(aTenant());
    const page = await browser.visit(authorizeUrl({ prompt: 'select_account consent' }));
    expect((await browser.submit(page, { account: 'this' })).url.pathname).toBe('/u/consent');
  });

  it('takes no answer without the hidden token, nor from another browser', async () => {
    const tenant = aTenant();
    const browser = signedIn(tenant);
    const page = await browser.visit(authorizeUrl({ prompt: 'select_account' }));
    expect((await browser.submit(page, { account: 'this', csrf: 'x' })).response.status).toBe(400);
    expect((await signedIn(tenant).submit(page, { account: 'this' })).response.status).toBe(400);
  });

  it('does not go on as somebody who has signed out meanwhile', async () => {
    const browser = signedIn(aTenant());
    const page = await browser.visit(authorizeUrl({ prompt: 'select_account' }));
    await browser.visit('/v2/logout');
    expect((await browser.visit(page.url)).url.pathname).toBe('/u/login');
  });

  it('asks for a login where max_age has passed while the page was open', async () => {
    const tenant = aTenant();
    const browser = signedIn(tenant);
    const page = await browser.visit(authorizeUrl({ prompt: 'select_account', max_age: '60' }));
    tenant.clock.advance('61s');
    expect((await browser.submit(page, { account: 'this' })).url.pathname).toBe('/u/login');
  });

  it('asks for a login where somebody else has signed in meanwhile', async () => {
    const tenant = aTenant();
    const browser = signedIn(tenant);
    const page = await browser.visit(authorizeUrl({ prompt: 'select_account' }));
    const other = await browser.visit(authorizeUrl({ prompt: 'select_account' }));
    browser.setCookie(tenant.signIn(grace, { client_id: 'spa' }).cookie);
    expect((await browser.submit(page, { account: 'this' })).url.pathname).toBe('/u/login');
    expect((await browser.visit(other.url)).url.pathname).toBe('/u/login');
  });

  it('grants nothing as somebody who has signed out after the page was shown', async () => {
    const browser = signedIn(aTenant());
    const page = await browser.visit(authorizeUrl({ prompt: 'select_account' }));
    await browser.visit('/v2/logout');
    expect((await browser.submit(page, { account: 'this' })).url.pathname).toBe('/u/login');
  });
});

describe('id_token_hint', () => {
  /** Of an API that is called as the client is, so that only its claims tell it from an ID token. */
  const accessTokenFor = async (tenant: Tenant, audience: string) =>
    String((await login(tenant, { audience, scope: 'read:things' }))['access_token']);

  const hintOf = async (tenant: Tenant, changes?: Record<string, string>) =>
    String((await login(tenant, changes))['id_token']);

  it('lets the user go through whom it names, expired or not', async () => {
    const tenant = aTenant();
    const id_token_hint = await hintOf(tenant);
    tenant.clock.advance('2d');
    const { url } = await signedIn(tenant).visit(authorizeUrl({ id_token_hint, prompt: 'none' }));
    expect(await emailOf(tenant, url)).toBe(ada.email);
  });

  it('T-OIDC-5: is login_required for a session of anybody else', async () => {
    const tenant = aTenant();
    const id_token_hint = await hintOf(tenant);
    const { url } = await signedIn(tenant, grace).visit(authorizeUrl({ id_token_hint, prompt: 'none' }));
    expect(url.searchParams.get('error')).toBe('login_required');
    expect(tenant.journal.at(-1)?.reason).toContain('id_token_hint');
  });

  it('fills in the form for whom it names, and lets nobody else in', async () => {
    const tenant = aTenant();
    const id_token_hint = await hintOf(tenant);
    const browser = signedIn(tenant, grace);
    const page = await browser.visit(authorizeUrl({ id_token_hint }));
    expect(page.url.pathname).toBe('/u/login');
    expect(page.body).toContain(`value="${ada.email}"`);
    const refused = await browser.submit(page, { email: grace, password: gracePassword });
    expect(refused.url.searchParams.get('error')).toBe('login_required');
    const { url } = await browser.submit(await browser.visit(authorizeUrl({ id_token_hint })), ada);
    expect(await emailOf(tenant, url)).toBe(ada.email);
  });

  it.each<[string, (tenant: Tenant) => Promise<string>]>([
    ['of another client', (tenant) => hintOf(tenant, { client_id: 'native' })],
    ['with another signature', async (tenant) => (await hintOf(tenant)).replace(/[^.]{8}$/, 'AAAAAAAA')],
    ['that is an access token', async (tenant) => accessTokenFor(tenant, 'spa')],
    ['that is no token', async () => 'x'],
  ])('is refused, one %s', async (_, hint) => {
    const tenant = aTenant({ resource_servers: [...configuration.resource_servers, { identifier: 'spa' }] });
    const { url } = await signedIn(tenant).visit(authorizeUrl({ id_token_hint: await hint(tenant) }));
    expect(url.origin).toBe(app);
    expect(url.searchParams.get('error')).toBe('invalid_request');
  });
});

describe('signing up', () => {
  const someone = { email: 'new@example.com', password: 'fresh start' };

  it('is what screen_hint=signup begins with; a new account is signed in, and can sign in again', async () => {
    const tenant = aTenant();
    const browser = tenantBrowser(tenant);
    const page = await browser.visit(authorizeUrl({ screen_hint: 'signup', login_hint: someone.email }));
    expect(page.url.pathname).toBe('/u/signup');
    expect(page.body).toContain(`value="${someone.email}"`);
    expect(page.body).toContain('autocomplete="new-password"');
    const { url } = await browser.submit(page, someone);
    expect(await emailOf(tenant, url)).toBe(someone.email);
    expect(codesOf(tenant)).toEqual(['ss', 's', 'seacft']);
    expect(JSON.stringify(tenant.journal)).not.toContain(someone.password);
    const again = tenantBrowser(tenant);
    const back = await again.submit(await again.visit(authorizeUrl()), someone);
    expect(await emailOf(tenant, back.url)).toBe(someone.email);
  });

  it('and signing in lead to each other', async () => {
    const browser = tenantBrowser(aTenant());
    const linkOf = (body: string) => /<a href="([^"]+)"/.exec(body)?.[1] ?? '';
    const form = await browser.visit(linkOf((await browser.visit(authorizeUrl())).body));
    expect(form.url.pathname).toBe('/u/signup');
    const back = await browser.visit(linkOf(form.body));
    expect(back.url.pathname).toBe('/u/login');
    expect((await browser.submit(back, ada)).url.searchParams.has('code')).toBe(true);
  });

  it.each([
    ['an address that is taken', { ...ada, email: 'ADA@example.com' }, 'There is an account with this email'],
    ['no address', { email: 'nobody', password: 'x' }, 'An email and a password are needed'],
    ['no password', { email: someone.email, password: '' }, 'An email and a password are needed'],
  ])('says what is wrong with %s, and makes no account', async (_, form, message) => {
    const tenant = aTenant();
    const browser = tenantBrowser(tenant);
    const page = await browser.submit(await browser.visit(authorizeUrl({ screen_hint: 'signup' })), form);
    expect(page.response.status).toBe(400);
    expect(page.body).toContain(message);
    expect(page.body).toContain(`value="${form.email}"`);
    expect(tenant.users()).toHaveLength(3);
    expect(browser.cookies.has('auth0')).toBe(false);
    expect(codesOf(tenant)).toEqual(['fs']);
  });

  it('takes no form without the hidden token, nor from another browser', async () => {
    const tenant = aTenant();
    const browser = tenantBrowser(tenant);
    const page = await browser.visit(authorizeUrl({ screen_hint: 'signup' }));
    expect((await browser.submit(page, { ...someone, csrf: 'x' })).response.status).toBe(400);
    expect((await tenantBrowser(tenant).submit(page, someone)).response.status).toBe(400);
    expect(tenant.users()).toHaveLength(3);
  });
});

describe('/dbconnections', () => {
  const someone = {
    client_id: 'spa',
    connection: 'Username-Password-Authentication',
    email: 'new@example.com',
    password: 'fresh start',
  };
  const post = (tenant: Tenant, path: string, body: object, headers: Record<string, string> = {}) =>
    tenant.fetch(
      new Request(`${tenant.baseUrl}/dbconnections/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      }),
    );

  it('/signup makes an account that can sign in', async () => {
    const tenant = aTenant();
    const names = {
      given_name: 'New',
      family_name: 'Comer',
      nickname: 'newt',
      picture: 'https://pictures.example/n.png',
    };
    const body = { ...someone, ...names, user_metadata: { plan: 'free' }, blocked: true };
    const response = await post(tenant, 'signup', body, { origin: app });
    expect(response.status).toBe(200);
    expect(response.headers.get('access-control-allow-origin')).toBe(app);
    const answer = (await response.json()) as Record<string, unknown>;
    expect(answer).toEqual({
      _id: expect.stringMatching(/^[^|]+$/),
      email: someone.email,
      email_verified: false,
    });
    expect(codesOf(tenant)).toEqual(['ss']);
    const { id_token } = await login(tenant, {}, someone.email);
    expect(claimsOf(id_token)).toMatchObject({ sub: `auth0|${String(answer['_id'])}`, ...names });
  });

  it.each<[string, object, object]>([
    [
      'an address that is taken',
      { email: ada.email },
      { code: 'invalid_signup', description: 'Invalid sign up' },
    ],
    ['a name that is no text', { name: { a: 1 } }, { code: 'invalid_signup' }],
    ['no password', { password: '' }, { error: 'invalid_request' }],
    ['a connection of nobody', { connection: 'sms' }, { error: 'bad.connection' }],
    ['a client of nobody', { client_id: 'nobody' }, { error: 'invalid_request' }],
  ])('/signup refuses %s', async (_, changes, refusal) => {
    const tenant = aTenant();
    const response = await post(tenant, 'signup', { ...someone, ...changes });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject(refusal);
    expect(tenant.users()).toHaveLength(3);
  });

  it('/change_password says the same whether anybody has the address or not', async () => {
    const tenant = aTenant();
    for (const email of [ada.email, 'nobody@example.com']) {
      const response = await post(tenant, 'change_password', { ...someone, email });
      expect(response.status).toBe(200);
      expect(await response.text()).toBe("We've just sent you an email to reset your password.");
    }
  });
});
