import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import type { Tenant } from '../../src/tenant/index.ts';
import { tenantBrowser, type TenantBrowser } from '../support/tenant-browser.ts';
import { aTenant, app, authorizeUrl, codesOf, ada } from './a-tenant.ts';

const silently = (changes: Record<string, string | null> = {}) =>
  authorizeUrl({ prompt: 'none', response_mode: 'web_message', ...changes });

function signedIn(tenant: Tenant): TenantBrowser {
  const browser = tenantBrowser(tenant);
  browser.setCookie(tenant.signIn(ada.email, { client_id: 'spa' }).cookie);
  return browser;
}

/** Runs the page's script as a browser would, in a frame or a popup, and returns what it posted. */
function run(page: string, role: 'frame' | 'popup' | 'alone' = 'frame') {
  const posted: { message: unknown; target: unknown }[] = [];
  const receiver = { postMessage: (message: unknown, target: unknown) => posted.push({ message, target }) };
  const shown: string[] = [];
  const window: Record<string, unknown> = { opener: role === 'popup' ? receiver : null };
  window['parent'] = role === 'frame' ? receiver : window;
  const [, script = ''] = /<script[^>]*>(.*?)<\/script>/s.exec(page) ?? [];
  runInNewContext(script, { window, document: { body: { append: (text: string) => shown.push(text) } } });
  return { posted: JSON.parse(JSON.stringify(posted)) as typeof posted, shown };
}

describe('prompt=none', () => {
  it('R57: with a session posts a code to the application’s origin, and to no other', async () => {
    const tenant = aTenant();
    const { body } = await signedIn(tenant).visit(silently());
    const code: unknown = expect.stringMatching(/^[\w-]{43}$/);
    const message = { type: 'authorization_response', response: { code, state: 'client-state' } };
    expect(run(body).posted).toEqual([{ message, target: app }]);
    expect(run(body, 'popup').posted).toEqual([{ message, target: app }]);
    expect(codesOf(tenant)).toEqual(['s', 'ssa']);
  });

  it('R59: without a session says login_required, and never shows a form', async () => {
    const tenant = aTenant();
    const { body, response } = await tenantBrowser(tenant).visit(silently());
    expect(response.status).toBe(200);
    expect(body).not.toContain('<form');
    const { posted } = run(body);
    expect(posted[0]?.message).toEqual({
      type: 'authorization_response',
      response: { error: 'login_required', error_description: 'Login required', state: 'client-state' },
    });
    expect(codesOf(tenant)).toEqual(['fsa']);
  });

  it('answers in the query when no message was asked for', async () => {
    const { url } = await tenantBrowser(aTenant()).visit(silently({ response_mode: null }));
    expect(url.origin).toBe(app);
    expect(url.searchParams.get('error')).toBe('login_required');
  });

  it.each([
    ['the session is older than max_age', '11s', { max_age: '10' }],
    ['nobody has been there for 72 hours', '72h', {}],
  ])('says login_required when %s', async (_, wait, changes) => {
    const tenant = aTenant();
    const browser = signedIn(tenant);
    tenant.clock.advance(wait);
    expect((await browser.visit(silently(changes))).body).toContain('login_required');
  });

  it('keeps a session alive by use, for 168 hours', async () => {
    const tenant = aTenant();
    const browser = signedIn(tenant);
    for (const wait of ['71h', '71h', '25h']) {
      tenant.clock.advance(wait);
      expect((await browser.visit(silently())).body).not.toContain('login_required');
    }
    tenant.clock.advance('1h');
    expect((await browser.visit(silently())).body).toContain('login_required');
  });

  it('says that an API is unknown', async () => {
    const { body } = await signedIn(aTenant()).visit(silently({ audience: 'https://nowhere' }));
    expect(run(body).posted[0]?.message).toMatchObject({
      response: { error: 'access_denied', error_description: 'Service not found: https://nowhere' },
    });
  });

  it('posts nothing to an origin that is not in web_origins, and says which one is missing', async () => {
    const tenant = aTenant();
    const { body, response } = await signedIn(tenant).visit(
      silently({ client_id: 'other', redirect_uri: 'https://other.example/cb' }),
    );
    expect(response.status).toBe(403);
    expect(body).not.toContain('<script');
    expect(body).toContain('https://other.example');
    expect(codesOf(tenant)).toEqual(['s', 'fco']);
  });
});

describe('the web_message page', () => {
  it('may be framed, keeps its opener, and runs its own script only', async () => {
    const { response, body } = await signedIn(aTenant()).visit(silently());
    const { headers } = response;
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('x-frame-options')).toBeNull();
    expect(headers.get('cross-origin-opener-policy')).toBeNull();
    const policy = headers.get('content-security-policy') ?? '';
    const [, nonce] = /^default-src 'none'; script-src 'nonce-([\w-]{22})'$/.exec(policy) ?? [];
    expect(body).toContain(`<script nonce="${nonce}">`);
  });

  it('cannot be broken out of by the state', async () => {
    const state = `</script><script>alert(1)</script><!--\u2028\u2029"'\\`;
    const { body } = await signedIn(aTenant()).visit(silently({ state }));
    expect(body.match(/<script/g)).toHaveLength(1);
    expect(body).not.toContain('\u2028');
    expect(run(body).posted[0]?.message).toMatchObject({ response: { state } });
  });

  it('has a nonce of its own every time', async () => {
    const browser = signedIn(aTenant());
    const policies = [await browser.visit(silently()), await browser.visit(silently())].map(({ response }) =>
      response.headers.get('content-security-policy'),
    );
    expect(policies[0]).not.toBe(policies[1]);
  });

  it('says a line when nobody opened it', async () => {
    const { posted, shown } = run((await signedIn(aTenant()).visit(silently())).body, 'alone');
    expect(posted).toEqual([]);
    expect(shown).toHaveLength(1);
  });

  it('ends a login in a popup, too', async () => {
    const browser = tenantBrowser(aTenant());
    const page = await browser.visit(silently({ prompt: null }));
    const { body } = await browser.submit(page, ada);
    expect(run(body, 'popup').posted[0]?.message).toMatchObject({ response: { state: 'client-state' } });
    expect(body).toContain('"code":');
  });

  it('is cut off from its opener, with every page before it, where the tenant is told so', async () => {
    const tenant = aTenant({ quirks: { openerPolicy: 'same-origin' } });
    const browser = tenantBrowser(tenant);
    const begun = await browser.request(silently({ prompt: null }));
    const page = await browser.visit(silently({ prompt: null }));
    const { response } = await browser.submit(page, ada);
    for (const { headers } of [begun, page.response, response])
      expect(headers.get('cross-origin-opener-policy')).toBe('same-origin');
    expect(begun.status).toBe(302);
  });
});
