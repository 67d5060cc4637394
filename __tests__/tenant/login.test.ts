import { describe, expect, it } from '@jest/globals';
import { tenantBrowser } from '../support/tenant-browser.ts';
import {
  aTenant,
  ada,
  app,
  authorizeUrl,
  claimsOf,
  codeGrant,
  codesOf,
  postToken,
  signInByForm,
} from './a-tenant.ts';

describe('signing in by form', () => {
  it('brings a code and the state back to the application', async () => {
    const tenant = aTenant();
    const { url, response } = await signInByForm(tenantBrowser(tenant));
    expect(url.origin).toBe(app);
    expect(url.searchParams.get('state')).toBe('client-state');
    expect(url.searchParams.get('code')).toMatch(/^[\w-]{43}$/);
    expect(response.status).toBe(302);
    expect(codesOf(tenant)).toEqual(['s']);
  });

  it('keeps the query of a registered callback', async () => {
    const { url } = await signInByForm(tenantBrowser(aTenant()), { redirect_uri: `${app}/other?page=1` });
    expect(url.pathname).toBe('/other');
    expect([...url.searchParams.keys()]).toEqual(['page', 'code', 'state']);
  });

  it('shows a form that password managers and people without JavaScript can use, in nobody’s frame', async () => {
    const { response, body } = await tenantBrowser(aTenant()).visit(authorizeUrl());
    expect(response.status).toBe(200);
    expect(body).toContain('autocomplete="username"');
    expect(body).toContain('autocomplete="current-password"');
    expect(body).toContain('<label for="email">');
    expect(body).toContain('<label for="password">');
    expect(body).toContain('to continue to The shop');
    expect(body).toContain('ada@example.com');
    expect(body).not.toContain('<script');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('x-frame-options')).toBe('DENY');
    expect(response.headers.get('referrer-policy')).toBe('no-referrer');
    expect(response.headers.get('cross-origin-opener-policy')).toBeNull();
    expect(response.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    const [, nonce] =
      /style-src 'nonce-([^']+)'/.exec(response.headers.get('content-security-policy') ?? '') ?? [];
    expect(body).toContain(`<style nonce="${nonce}">`);
  });

  it('fills in the login_hint, and cannot be made to run it', async () => {
    const { body } = await tenantBrowser(aTenant()).visit(
      authorizeUrl({ login_hint: '"><script>alert(1)</script>' }),
    );
    expect(body).not.toContain('<script');
    expect(body).toContain('value="&quot;&gt;&lt;script&gt;');
  });

  it('says that the password is wrong, keeps the e-mail address, and lets the person try again', async () => {
    const tenant = aTenant();
    const browser = tenantBrowser(tenant);
    const page = await browser.visit(authorizeUrl());
    const again = await browser.submit(page, { email: ada.email, password: 'wrong' });
    expect(again.response.status).toBe(400);
    expect(again.body).toContain('Wrong email or password');
    expect(again.body).toContain(`value="${ada.email}"`);
    expect((await browser.submit(again, ada)).url.origin).toBe(app);
    expect(codesOf(tenant)).toEqual(['fp', 's']);
  });

  it('says the same of an address that nobody has', async () => {
    const tenant = aTenant();
    const browser = tenantBrowser(tenant);
    const page = await browser.submit(await browser.visit(authorizeUrl()), {
      email: 'x@example.com',
      password: 'x',
    });
    expect(page.response.status).toBe(400);
    expect(page.body).toContain('Wrong email or password');
    expect(codesOf(tenant)).toEqual(['fu']);
  });

  it('answers a POST with 303, so that the password is not sent on', async () => {
    const browser = tenantBrowser(aTenant());
    const page = await browser.visit(authorizeUrl());
    const [, csrf = ''] = /name="csrf" value="([^"]+)"/.exec(page.body) ?? [];
    const body = new URLSearchParams({ ...ada, csrf });
    const response = await browser.request(page.url, { method: 'POST', body });
    expect(response.status).toBe(303);
  });

  it.each([
    ['without the hidden token', { csrf: '' }],
    ['with another one', { csrf: 'guessed' }],
  ])('refuses the form %s', async (_, forged) => {
    const tenant = aTenant();
    const browser = tenantBrowser(tenant);
    const page = await browser.visit(authorizeUrl());
    const { response, url } = await browser.submit(page, { ...ada, ...forged });
    expect(response.status).toBe(400);
    expect(url.origin).toBe(tenant.baseUrl);
    expect(browser.cookies.has('auth0')).toBe(false);
  });

  it('refuses the form in a browser that did not begin the sign-in', async () => {
    const tenant = aTenant();
    const page = await tenantBrowser(tenant).visit(authorizeUrl());
    const stranger = tenantBrowser(tenant);
    const { response } = await stranger.submit(page, ada);
    expect(response.status).toBe(400);
    const state = page.url.searchParams.get('state') ?? '';
    stranger.setCookie(`auth0_login_${state.slice(0, 12)}=guessed`);
    expect((await stranger.submit(page, ada)).response.status).toBe(400);
    expect(stranger.cookies.has('auth0')).toBe(false);
  });

  it('works in two tabs that begin at the same moment', async () => {
    const browser = tenantBrowser(aTenant());
    const pages = await Promise.all([browser.visit(authorizeUrl()), browser.visit(authorizeUrl())]);
    for (const page of pages)
      expect((await browser.submit(page, ada)).url.searchParams.has('code')).toBe(true);
  });

  it('leaves no cookie of the sign-in behind', async () => {
    const browser = tenantBrowser(aTenant());
    await signInByForm(browser);
    expect([...browser.cookies.keys()]).toEqual(['auth0', 'auth0_compat', 'did', 'did_compat']);
  });

  it('answers the client once', async () => {
    const browser = tenantBrowser(aTenant());
    const page = await browser.visit(authorizeUrl());
    const loginCookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`);
    await browser.submit(page, ada);
    for (const cookie of loginCookie) browser.setCookie(cookie); // as if the answer had not taken it away
    const again = await browser.visit(page.url.href.replace('/u/login', '/authorize/resume'));
    expect(again.response.status).toBe(400);
    expect(again.url.pathname).toBe('/authorize/resume');
  });

  it('does not go on past an unfinished form', async () => {
    const browser = tenantBrowser(aTenant());
    const page = await browser.visit(authorizeUrl());
    const resumed = await browser.visit(page.url.href.replace('/u/login', '/authorize/resume'));
    expect(resumed.url.pathname).toBe('/u/login');
  });

  it('refuses a form that stayed open for an hour', async () => {
    const tenant = aTenant();
    const browser = tenantBrowser(tenant);
    const page = await browser.visit(authorizeUrl());
    tenant.clock.advance('1h');
    expect((await browser.submit(page, ada)).response.status).toBe(400);
  });

  it('tells the client that a blocked user may not come in', async () => {
    const browser = tenantBrowser(aTenant());
    const page = await browser.visit(authorizeUrl());
    const { url } = await browser.submit(page, { email: 'mallory@example.com', password: 'mallory' });
    expect(url.origin).toBe(app);
    expect(url.searchParams.get('error')).toBe('access_denied');
    expect(url.searchParams.get('error_description')).toBe('user is blocked');
  });

  it('sets cookies that scripts cannot read and other sites’ frames can send', async () => {
    const tenant = aTenant();
    const browser = tenantBrowser(tenant);
    const page = await browser.visit(authorizeUrl());
    const [, csrf = ''] = /name="csrf" value="([^"]+)"/.exec(page.body) ?? [];
    const response = await browser.request(page.url, {
      method: 'POST',
      body: new URLSearchParams({ ...ada, csrf }),
    });
    const session = response.headers.getSetCookie().find((line) => line.startsWith('auth0='));
    expect(session).toMatch(/^auth0=s%3Av1\./);
    for (const attribute of ['HttpOnly', 'Secure', 'SameSite=None', 'Path=/', `Max-Age=${168 * 3600}`])
      expect(session).toContain(attribute);
  });
});

describe('coming back with a session', () => {
  it('goes straight through', async () => {
    const browser = tenantBrowser(aTenant());
    await signInByForm(browser);
    const { url } = await browser.visit(authorizeUrl());
    expect(url.searchParams.has('code')).toBe(true);
  });

  it.each<Record<string, string>>([{ prompt: 'login' }, { max_age: '0' }])(
    'shows the form all the same with %j',
    async (changes) => {
      const browser = tenantBrowser(aTenant());
      await signInByForm(browser);
      expect((await browser.visit(authorizeUrl(changes))).url.pathname).toBe('/u/login');
    },
  );

  it('shows the form when the sign-in is older than max_age, and says when it was', async () => {
    const tenant = aTenant();
    const browser = tenantBrowser(tenant);
    await signInByForm(browser);
    tenant.clock.advance('60s');
    expect((await browser.visit(authorizeUrl({ max_age: '60' }))).url.searchParams.has('code')).toBe(true);
    tenant.clock.advance('1s');
    const page = await browser.visit(authorizeUrl({ max_age: '60' }));
    expect(page.url.pathname).toBe('/u/login');
    const { url } = await browser.submit(page, ada);
    const { body } = await postToken(tenant, codeGrant(url.searchParams.get('code') ?? ''));
    expect(claimsOf(body['id_token'])['auth_time']).toBe(tenant.clock.now() / 1000);
  });

  it('keeps the sid when the same user signs in again, and changes the cookie', async () => {
    const tenant = aTenant();
    const browser = tenantBrowser(tenant);
    const sidOf = async (url: URL) => {
      const { body } = await postToken(tenant, codeGrant(url.searchParams.get('code') ?? ''));
      return claimsOf(body['id_token'])['sid'];
    };
    const first = await sidOf((await signInByForm(browser)).url);
    const cookie = browser.cookies.get('auth0');
    expect(await sidOf((await signInByForm(browser, { prompt: 'login' })).url)).toBe(first);
    expect(browser.cookies.get('auth0')).not.toBe(cookie);
    const page = await browser.visit(authorizeUrl({ prompt: 'login' }));
    const other = await browser.submit(page, { email: 'grace@example.com', password: 'battery staple' });
    expect(await sidOf(other.url)).not.toBe(first);
  });

  it('an older cookie of the same browser is worth nothing', async () => {
    const tenant = aTenant();
    const browser = tenantBrowser(tenant);
    await signInByForm(browser);
    const old = browser.cookies.get('auth0') ?? '';
    await signInByForm(browser, { prompt: 'login' });
    const thief = tenantBrowser(tenant);
    thief.setCookie(`auth0=${old}`);
    expect((await thief.visit(authorizeUrl())).url.pathname).toBe('/u/login');
  });
});

describe('a wrong authorization request', () => {
  it.each([
    [
      'R60: no client, as an app sends it that spells the option as the page does,',
      { client_id: null },
      400,
      'Missing required parameter: client_id',
    ],
    ['an unknown client', { client_id: 'nobody' }, 400, 'Unknown client: nobody'],
    [
      'a callback nobody registered',
      { redirect_uri: 'https://evil.example/' },
      403,
      'Callback URL mismatch.',
    ],
    ['a callback with another path', { redirect_uri: `${app}/evil` }, 403, 'Callback URL mismatch.'],
    [
      'no callback where there are several',
      { redirect_uri: null },
      400,
      'Missing required parameter: redirect_uri',
    ],
  ])('%s is shown on a page and never redirected', async (_, changes, status, text) => {
    const tenant = aTenant();
    const response = await tenantBrowser(tenant).request(authorizeUrl({ ...changes, prompt: 'none' }));
    expect(response.status).toBe(status);
    expect(response.headers.get('location')).toBeNull();
    expect(await response.text()).toContain(text);
    expect(codesOf(tenant)).toEqual(['f']);
  });

  it('shows the refused callback as text', async () => {
    const { body } = await tenantBrowser(aTenant()).visit(
      authorizeUrl({ redirect_uri: 'https://x/<script>' }),
    );
    expect(body).not.toContain('<script');
  });

  it.each([
    ['no response_type', { response_type: null }, 'invalid_request'],
    ['another response_type', { response_type: 'token' }, 'unsupported_response_type'],
    ['an unknown API', { audience: 'https://nowhere' }, 'access_denied'],
    ['an unknown PKCE method', { code_challenge_method: 'S512' }, 'invalid_request'],
    ['a challenge that is too short', { code_challenge: 'short' }, 'invalid_request'],
    ['prompt=none beside another one', { prompt: 'none login' }, 'invalid_request'],
    ['an unknown response_mode', { response_mode: 'jwt' }, 'invalid_request'],
    ['a max_age that is no number', { max_age: 'soon' }, 'invalid_request'],
  ])('%s goes to the client with its state', async (_, changes, error) => {
    const { url } = await tenantBrowser(aTenant()).visit(authorizeUrl(changes));
    expect(url.origin).toBe(app);
    expect(url.searchParams.get('error')).toBe(error);
    expect(url.searchParams.get('state')).toBe('client-state');
    expect(url.searchParams.has('code')).toBe(false);
  });

  it('names the API it does not know', async () => {
    const { url } = await tenantBrowser(aTenant()).visit(authorizeUrl({ audience: 'https://nowhere' }));
    expect(url.searchParams.get('error_description')).toBe('Service not found: https://nowhere');
  });

  it('a parameter sent twice is refused', async () => {
    const { url } = await tenantBrowser(aTenant()).visit(`${authorizeUrl()}&scope=openid`);
    expect(url.searchParams.get('error')).toBe('invalid_request');
  });

  it('unknown parameters are not', async () => {
    const { url } = await tenantBrowser(aTenant()).visit(
      authorizeUrl({ auth0Client: 'e30', display: 'page' }),
    );
    expect(url.pathname).toBe('/u/login');
  });
});

describe('an authorization request', () => {
  it('may come by POST', async () => {
    const browser = tenantBrowser(aTenant());
    const body = new URLSearchParams(authorizeUrl().split('?')[1]);
    const response = await browser.request('/authorize', { method: 'POST', body });
    expect(response.status).toBe(303);
    expect(response.headers.get('location')).toMatch(/^\/u\/login\?state=/);
  });

  it('may leave out the only callback', async () => {
    const { url } = await signInByForm(tenantBrowser(aTenant()), { client_id: 'other', redirect_uri: null });
    expect(url.origin).toBe('https://other.example');
  });

  it('may come from one level below a wildcard, and from nowhere else', async () => {
    const wildcard = { client_id: 'spa', callbacks: ['https://*.example.com/cb'] };
    const tenant = aTenant({ clients: [wildcard] });
    const statusFor = async (redirect_uri: string) =>
      (await tenantBrowser(tenant).request(authorizeUrl({ redirect_uri, audience: null }))).status;
    expect(await statusFor('https://one.example.com/cb')).toBe(302);
    expect(await statusFor('https://two.one.example.com/cb')).toBe(403);
    expect(await statusFor('https://evil.net/.example.com/cb')).toBe(403);
    expect(await statusFor('https://evil.net#.example.com/cb')).toBe(403);
    expect(await statusFor('https://*.example.com/cb')).toBe(403);
  });
});
