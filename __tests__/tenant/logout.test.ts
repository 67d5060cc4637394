import { describe, expect, it } from '@jest/globals';
import { tenantBrowser } from '../support/tenant-browser.ts';
import {
  aTenant,
  app,
  authorizeUrl,
  codeGrant,
  codesOf,
  postToken,
  refresh,
  signInByForm,
} from './a-tenant.ts';

async function signedIn() {
  const tenant = aTenant();
  const browser = tenantBrowser(tenant);
  const { url } = await signInByForm(browser);
  return { tenant, browser, code: url.searchParams.get('code') ?? '' };
}

const logoutUrl = (query: Record<string, string>) => `/v2/logout?${new URLSearchParams(query).toString()}`;

describe('signing out', () => {
  it('ends the session and goes where the client asked', async () => {
    const { tenant, browser } = await signedIn();
    const { url } = await browser.visit(logoutUrl({ client_id: 'spa', returnTo: `${app}?from=logout#top` }));
    expect(url.href).toBe(`${app}/?from=logout#top`);
    expect(browser.cookies.has('auth0')).toBe(false);
    expect(browser.cookies.has('auth0_compat')).toBe(false);
    expect((await browser.visit(authorizeUrl())).url.pathname).toBe('/u/login');
    expect(codesOf(tenant)).toContain('slo');
  });

  it('makes the cookie worthless, not only absent', async () => {
    const { tenant, browser } = await signedIn();
    const cookie = browser.cookies.get('auth0') ?? '';
    await browser.visit(logoutUrl({ client_id: 'spa' }));
    const thief = tenantBrowser(tenant);
    thief.setCookie(`auth0=${cookie}`);
    expect((await thief.visit(authorizeUrl())).url.pathname).toBe('/u/login');
  });

  it('goes to the first registered address when none is named', async () => {
    const { browser } = await signedIn();
    expect((await browser.visit(logoutUrl({ client_id: 'spa' }))).url.origin).toBe(app);
  });

  it.each([
    ['an address nobody registered', { client_id: 'spa', returnTo: 'https://evil.example' }],
    ['an address that only begins like one', { client_id: 'spa', returnTo: `${app}.evil.example` }],
    ['an address without a client', { returnTo: app }],
  ])('never goes to %s, and signs out all the same', async (_, query) => {
    const { tenant, browser } = await signedIn();
    const { url, response } = await browser.visit(logoutUrl(query));
    expect(url.origin).toBe(tenant.baseUrl);
    expect(response.status).toBe(400);
    expect(browser.cookies.has('auth0')).toBe(false);
    expect(codesOf(tenant)).toContain('flo');
  });

  it('says OK where there is nowhere to go', async () => {
    const { browser } = await signedIn();
    const { response, body } = await browser.visit('/v2/logout');
    expect(response.status).toBe(200);
    expect(body).toContain('OK');
  });

  it('L7: leaves refresh tokens alive', async () => {
    const { tenant, browser, code } = await signedIn();
    const { body } = await postToken(tenant, codeGrant(code));
    await browser.visit(logoutUrl({ client_id: 'spa' }));
    expect(await refresh(tenant, body['refresh_token'])).toMatchObject({ status: 200 });
  });
});
