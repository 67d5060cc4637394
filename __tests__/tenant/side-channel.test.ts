import { describe, expect, it } from '@jest/globals';
import type { Tenant } from '../../src/tenant/index.ts';
import { tenantBrowser } from '../support/tenant-browser.ts';
import { ada, app, aTenant, authorizeUrl, signInByForm } from './a-tenant.ts';

/** A browser whose requests and answers carry no cookies but in the side channel, as those of a service worker. */
function besideRequests(tenant: Tenant) {
  const lines: string[] = [];
  const browser = tenantBrowser({
    baseUrl: tenant.baseUrl,
    fetch: async (request) => {
      const headers = new Headers(request.headers);
      const cookie = headers.get('cookie') ?? '';
      headers.delete('cookie');
      const said: string[] = [];
      const response = await tenant.fetch(new Request(request, { headers }), {
        headers: { cookie },
        setCookie: (line) => said.push(line),
      });
      expect(said).toEqual(response.headers.getSetCookie());
      expect([...response.headers.keys()].filter((name) => name.startsWith('x-tenant'))).toEqual([]);
      lines.push(...said);
      return response;
    },
  });
  return { browser, lines };
}

const tokenRequestFrom = (tenant: Tenant, origin: string) =>
  tenant.fetch(
    new Request(`${tenant.baseUrl}/oauth/token`, {
      method: 'POST',
      headers: { origin: 'https://replaced.example' },
      body: new URLSearchParams({ client_id: 'spa', grant_type: 'refresh_token', refresh_token: 'unknown' }),
    }),
    { headers: { origin } },
  );

describe('the side channel', () => {
  it('carries the cookies of a login, of a silent one after it, and of a logout', async () => {
    const tenant = aTenant();
    const { browser, lines } = besideRequests(tenant);
    const { url } = await signInByForm(browser);
    expect(url.searchParams.get('code')).not.toBeNull();
    const silent = () => browser.visit(authorizeUrl({ prompt: 'none' }));
    expect((await silent()).url.searchParams.get('code')).not.toBeNull();
    await browser.visit('/v2/logout');
    expect((await silent()).url.searchParams.get('error')).toBe('login_required');
    expect(lines.map((line) => line.split('=')[0])).toEqual(
      expect.arrayContaining(['auth0', 'auth0_compat', expect.stringMatching(/^auth0_login_/)]),
    );
  });

  it('takes what signIn returns', async () => {
    const tenant = aTenant();
    const request = new Request(tenant.baseUrl + authorizeUrl({ prompt: 'none' }));
    const headers = tenant.signIn(ada.email, { client_id: 'spa' });
    for (const given of [headers, new Headers(headers)]) {
      const response = await tenant.fetch(request, { headers: given });
      expect(new URL(response.headers.get('location') ?? '').searchParams.get('code')).not.toBeNull();
    }
  });

  it('says the origin of a page, in place of the request', async () => {
    const tenant = aTenant();
    const known = await tokenRequestFrom(tenant, app);
    expect(known.headers.get('access-control-allow-origin')).toBe(app);
    const stranger = await tokenRequestFrom(tenant, 'https://evil.example');
    expect(await stranger.json()).toMatchObject({
      error_description: 'Origin https://evil.example is not allowed.',
    });
  });

  it('plays an iframe for a browser that blocks third-party cookies', async () => {
    const tenant = aTenant({ quirks: { thirdPartyCookies: 'block' } });
    const { cookie } = tenant.signIn(ada.email, { client_id: 'spa' });
    const headers = { cookie, 'sec-fetch-dest': 'iframe', 'sec-fetch-site': 'cross-site' };
    const response = await tenant.fetch(new Request(tenant.baseUrl + authorizeUrl({ prompt: 'none' })), {
      headers,
    });
    expect(response.headers.get('location')).toContain('error=login_required');
  });

  it('counts a body like any other', async () => {
    const tenant = aTenant();
    const body = 'a'.repeat(300_000);
    const request = new Request(`${tenant.baseUrl}/oauth/token`, { method: 'POST', body });
    expect((await tenant.fetch(request, {})).status).toBe(413);
  });

  it('brings no cookie of an answer that is lost', async () => {
    const tenant = aTenant();
    tenant.faults.add({ kind: 'drop-response', endpoint: '/authorize' });
    const lines: string[] = [];
    const lost = tenant.fetch(new Request(tenant.baseUrl + authorizeUrl()), {
      setCookie: (line) => lines.push(line),
    });
    await expect(lost).rejects.toThrow(TypeError);
    expect(lines).toEqual([]);
  });
});
