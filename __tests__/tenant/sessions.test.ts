import { describe, expect, it } from '@jest/globals';
import { TenantConfigurationError, type TenantConfiguration } from '../../src/tenant/index.ts';
import { tenantBrowser } from '../support/tenant-browser.ts';
import { ada, app, aTenant, authorizeUrl, signInByForm } from './a-tenant.ts';

async function signedIn(changes: Partial<TenantConfiguration>) {
  const tenant = aTenant(changes);
  const browser = tenantBrowser(tenant);
  await signInByForm(browser);
  const silently = async () => {
    const { url } = await browser.visit(authorizeUrl({ prompt: 'none' }));
    return url.searchParams.get('error') ?? 'a code';
  };
  return { tenant, browser, silently };
}

describe('a session', () => {
  it.each<[string, Partial<TenantConfiguration>, string, string]>([
    ['72 hours', {}, '71h', '1h'],
    ['idle_session_lifetime', { idle_session_lifetime: 2 }, '119m', '1m'],
    [
      '24 hours, where its cookie is not persistent,',
      { session_cookie: { mode: 'non-persistent' } },
      '23h',
      '1h',
    ],
    [
      'its own idle_session_lifetime, whatever its cookie,',
      { session_cookie: { mode: 'non-persistent' }, idle_session_lifetime: 0.5 },
      '29m',
      '1m',
    ],
  ])('ends after %s without a sign of life', async (_, changes, before, more) => {
    const alive = await signedIn(changes);
    alive.tenant.clock.advance(before);
    expect(await alive.silently()).toBe('a code');
    const dead = await signedIn(changes);
    dead.tenant.clock.advance(before);
    dead.tenant.clock.advance(more);
    expect(await dead.silently()).toBe('login_required');
  });

  it.each<[string, Partial<TenantConfiguration>, number]>([
    ['168 hours', {}, 168],
    ['session_lifetime', { session_lifetime: 10 }, 10],
    ['72 hours, where its cookie is not persistent,', { session_cookie: { mode: 'non-persistent' } }, 72],
  ])('ends after %s, however often it is used', async (_, changes, hours) => {
    const { tenant, silently } = await signedIn(changes);
    for (let hour = 1; hour < hours; hour += 1) {
      tenant.clock.advance('1h');
      expect(await silently()).toBe('a code');
    }
    tenant.clock.advance('1h');
    expect(await silently()).toBe('login_required');
  });

  it.each<[string, Partial<TenantConfiguration>, RegExp]>([
    ['as long as the session may last', { session_lifetime: 10 }, /Max-Age=36000/],
    ['as long as the browser', { session_cookie: { mode: 'non-persistent' } }, /^(?!.*(Max-Age|Expires))/],
  ])('has a cookie that lives %s', async (_, changes, expected) => {
    const browser = tenantBrowser(aTenant(changes));
    const page = await browser.visit(authorizeUrl());
    const [, csrf = ''] = /name="csrf" value="([^"]+)"/.exec(page.body) ?? [];
    const body = new URLSearchParams({ ...ada, csrf });
    const lines = (await browser.request(page.url, { method: 'POST', body })).headers.getSetCookie();
    const ofSession = lines.filter((line) => line.startsWith('auth0'));
    expect(ofSession).toHaveLength(2);
    for (const line of ofSession) expect(line).toMatch(expected);
  });

  it('leaves beside it the name of the browser, which outlives it', async () => {
    const browser = tenantBrowser(aTenant());
    await signInByForm(browser);
    const names = ['did', 'did_compat'].map((name) => browser.cookies.get(name));
    expect(new Set(names)).toEqual(new Set([expect.stringMatching(/^s%3Av0\./)]));
    await browser.visit('/v2/logout');
    await signInByForm(browser);
    expect(['did', 'did_compat'].map((name) => browser.cookies.get(name))).toEqual(names);
  });

  it.each<[string, object]>([
    ['session_lifetime', { session_lifetime: 0 }],
    ['session_lifetime', { session_lifetime: '168' }],
    ['idle_session_lifetime', { idle_session_lifetime: 8761 }],
    ['session_cookie.mode', { session_cookie: { mode: 'ephemeral' } }],
  ])('is configured in what can be: %s of %j is not', (field, changes) => {
    expect(() => aTenant(changes)).toThrow(TenantConfigurationError);
    expect(() => aTenant(changes)).toThrow(field);
  });
});

describe('quirks.thirdPartyCookies', () => {
  const foreignFrame = { 'sec-fetch-dest': 'iframe', 'sec-fetch-site': 'cross-site' };
  const silently = async (
    thirdPartyCookies: 'allow' | 'block' | undefined,
    headers: Record<string, string>,
  ) => {
    const { tenant, browser } = await signedIn({
      quirks: thirdPartyCookies === undefined ? {} : { thirdPartyCookies },
    });
    const { url } = await browser.visit(authorizeUrl({ prompt: 'none' }), { headers });
    return { answer: url.searchParams.get('error') ?? 'a code', tenant, browser };
  };

  it('K8: block keeps the session from an iframe of another site, and says so', async () => {
    const { answer, tenant, browser } = await silently('block', foreignFrame);
    expect(answer).toBe('login_required');
    expect(tenant.journal.at(-1)?.reason).toContain('quirks.thirdPartyCookies');
    await browser.visit('/v2/logout', { headers: foreignFrame });
    const { url } = await browser.visit(authorizeUrl({ prompt: 'none' }));
    expect(url.origin + url.pathname).toBe(`${app}/`);
    expect(url.searchParams.has('code')).toBe(true);
  });

  it.each<['allow' | 'block' | undefined, string, Record<string, string>]>([
    [undefined, 'an iframe of another site', foreignFrame],
    ['allow', 'an iframe of another site', foreignFrame],
    ['block', 'an iframe of the same site', { ...foreignFrame, 'sec-fetch-site': 'same-site' }],
    ['block', 'a page that another site leads to', { ...foreignFrame, 'sec-fetch-dest': 'document' }],
    ['block', 'a request without such headers', {}],
  ])('%s lets the session count in %s', async (setting, _, headers) => {
    expect((await silently(setting, headers)).answer).toBe('a code');
  });
});
