import { describe, expect, it } from '@jest/globals';
import type { TenantConfiguration } from '../../src/tenant/index.ts';
import { tenantBrowser, type TenantBrowser } from '../support/tenant-browser.ts';
import {
  ada,
  app,
  aTenant,
  authorizeUrl,
  codeGrant,
  codesOf,
  configuration,
  login,
  postToken,
  refresh,
  signInByForm,
} from './a-tenant.ts';

const bye = `${app}/bye?from=oidc`;
const [spa, ...others] = configuration.clients;

async function signedIn(changes: Partial<TenantConfiguration> = {}) {
  const clients = [{ ...spa, allowed_logout_urls: [bye, `${app}/plain`] }, ...others];
  const tenant = aTenant({ clients, ...changes });
  const browser = tenantBrowser(tenant);
  const { url } = await signInByForm(browser);
  const { body } = await postToken(tenant, codeGrant(url.searchParams.get('code') ?? ''));
  return { tenant, browser, tokens: body, id_token_hint: String(body['id_token']) };
}

const logoutUrl = (query: Record<string, string>) => `/oidc/logout?${new URLSearchParams(query).toString()}`;

const isSignedIn = async (browser: TenantBrowser) =>
  (await browser.visit(authorizeUrl())).url.searchParams.has('code');

describe('/oidc/logout', () => {
  it('T-LOGOUT-1, 4: signs out by GET and returns with the state to the registered address', async () => {
    const { tenant, browser, id_token_hint } = await signedIn();
    const { url, response } = await browser.visit(
      logoutUrl({ id_token_hint, post_logout_redirect_uri: bye, state: 'a&b' }),
    );
    expect(response.status).toBe(302);
    expect(url.href).toBe(`${bye}&state=a%26b`);
    expect(browser.cookies.has('auth0')).toBe(false);
    expect(await isSignedIn(browser)).toBe(false);
    expect(codesOf(tenant)).toContain('slo');
    expect(JSON.stringify(tenant.journal)).not.toContain(id_token_hint);
  });

  it('T-LOGOUT-1: and by POST', async () => {
    const { browser, id_token_hint } = await signedIn();
    const body = new URLSearchParams({ id_token_hint, post_logout_redirect_uri: `${app}/plain`, state: 's' });
    const { url, response } = await browser.visit('/oidc/logout', { method: 'POST', body });
    expect(response.status).toBe(303);
    expect(url.href).toBe(`${app}/plain?state=s`);
    expect(await isSignedIn(browser)).toBe(false);
  });

  it('T-LOGOUT-5: takes a hint that is expired', async () => {
    const { tenant, browser, id_token_hint } = await signedIn();
    tenant.clock.advance('2d');
    expect((await browser.visit(logoutUrl({ id_token_hint, post_logout_redirect_uri: bye }))).url.href).toBe(
      bye,
    );
  });

  it('says so where there is nowhere to go', async () => {
    const { browser, id_token_hint } = await signedIn();
    const { response, body } = await browser.visit(logoutUrl({ id_token_hint }));
    expect(response.status).toBe(200);
    expect(body).toContain('Signed out');
    expect(await isSignedIn(browser)).toBe(false);
  });

  it('does not ask where nobody is signed in', async () => {
    const { tenant } = await signedIn();
    const query = { client_id: 'spa', post_logout_redirect_uri: bye };
    expect((await tenantBrowser(tenant).visit(logoutUrl(query))).url.href).toBe(bye);
  });

  it('takes the sid as a logout_hint', async () => {
    const { browser, id_token_hint } = await signedIn();
    const { sid } = JSON.parse(atob(id_token_hint.split('.')[1] ?? '')) as { sid: string };
    const query = { client_id: 'spa', logout_hint: sid, post_logout_redirect_uri: bye };
    expect((await browser.visit(logoutUrl(query))).url.href).toBe(bye);
  });

  it('leaves refresh tokens alive, but under quirks.logoutRevokesRefreshTokens', async () => {
    for (const [quirks, status] of [
      [{}, 200],
      [{ logoutRevokesRefreshTokens: true }, 403],
    ] as const) {
      const { tenant, browser, tokens, id_token_hint } = await signedIn({ quirks });
      await browser.visit(logoutUrl({ id_token_hint }));
      expect(await refresh(tenant, tokens['refresh_token'])).toMatchObject({ status });
    }
  });

  it.each<[string, (hint: { readonly id_token_hint: string }) => Record<string, string>]>([
    [
      'an address nobody registered',
      (hint) => ({ ...hint, post_logout_redirect_uri: 'https://evil.example' }),
    ],
    ['an address with another query', (hint) => ({ ...hint, post_logout_redirect_uri: `${app}/bye?from=x` })],
    ['an address with a query more', (hint) => ({ ...hint, post_logout_redirect_uri: `${app}/plain?a=b` })],
    ['a hint of another client', (hint) => ({ ...hint, client_id: 'native', post_logout_redirect_uri: app })],
    ['a client of nobody', () => ({ client_id: 'nobody', post_logout_redirect_uri: bye })],
    ['an address and no client', () => ({ post_logout_redirect_uri: bye })],
    ['an address and a hint that is none', () => ({ id_token_hint: 'x', post_logout_redirect_uri: bye })],
  ])('T-LOGOUT-2: never goes anywhere for %s, and signs nobody out', async (_, queryOf) => {
    const used = await signedIn();
    const { url, response } = await used.browser.visit(
      logoutUrl(queryOf({ id_token_hint: used.id_token_hint })),
    );
    expect(response.status).toBe(400);
    expect(url.origin).toBe(used.tenant.baseUrl);
    expect(codesOf(used.tenant).at(-1)).toBe('flo');
    expect(await isSignedIn(used.browser)).toBe(true);
  });

  it('is in the discovery document', async () => {
    const { tenant } = await signedIn();
    const response = await tenant.fetch(new Request(`${tenant.baseUrl}/.well-known/openid-configuration`));
    expect(await response.json()).toMatchObject({ end_session_endpoint: `${tenant.baseUrl}/oidc/logout` });
  });
});

describe('T-LOGOUT-3: the person is asked first', () => {
  const query = { client_id: 'spa', post_logout_redirect_uri: bye, state: 's' };

  it('without a hint; who agrees is signed out and sent on', async () => {
    const { browser } = await signedIn();
    const page = await browser.visit(logoutUrl(query));
    expect(page.response.status).toBe(200);
    expect(page.body).toContain('The shop asks to sign you out, Ada Lovelace');
    expect(page.response.headers.get('x-frame-options')).toBe('DENY');
    expect(await isSignedIn(browser)).toBe(true);
    const { url, response } = await browser.submit(page, { decision: 'accept' });
    expect(response.status).toBe(303);
    expect(url.href).toBe(`${bye}&state=s`);
    expect(await isSignedIn(browser)).toBe(false);
  });

  it('and who does not stays signed in', async () => {
    const { browser } = await signedIn();
    const page = await browser.submit(await browser.visit(logoutUrl(query)), { decision: 'decline' });
    expect(page.body).toContain('Still signed in');
    expect(await isSignedIn(browser)).toBe(true);
  });

  it('when the hint is of another session', async () => {
    const { tenant, browser } = await signedIn();
    const { id_token } = await login(tenant);
    const page = await browser.visit(logoutUrl({ ...query, id_token_hint: String(id_token) }));
    expect(page.body).toContain('Sign out?');
    expect(await isSignedIn(browser)).toBe(true);
  });

  it('and an answer without the hidden token, or with one from another browser, changes nothing', async () => {
    const { tenant, browser } = await signedIn();
    const page = await browser.visit(logoutUrl(query));
    const attacker = tenantBrowser(tenant);
    attacker.setCookie(tenant.signIn(ada.email, { client_id: 'spa' }).cookie);
    const foreign = await attacker.visit(logoutUrl(query));
    expect((await browser.submit(page, { decision: 'accept', csrf: 'x' })).response.status).toBe(400);
    expect((await browser.submit(foreign, { decision: 'accept' })).response.status).toBe(400);
    expect(await isSignedIn(browser)).toBe(true);
  });

  it('for an hour, and once', async () => {
    const { tenant, browser } = await signedIn();
    const late = await browser.visit(logoutUrl(query));
    tenant.clock.advance('1h');
    expect((await browser.submit(late, { decision: 'accept' })).response.status).toBe(400);
    const page = await browser.visit(logoutUrl(query));
    await browser.submit(page, { decision: 'decline' });
    expect((await browser.submit(page, { decision: 'accept' })).response.status).toBe(400);
    expect(await isSignedIn(browser)).toBe(true);
  });
});
