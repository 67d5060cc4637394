import { describe, expect, it } from '@jest/globals';
import { tenantBrowser, type Visit } from '../support/tenant-browser.ts';
import { ada, app, aTenant, authorizeUrl, codeGrant, postToken, signInByForm } from './a-tenant.ts';

/** What the page's form would send to the client. */
const formOf = ({ body }: Visit): Record<string, string> =>
  Object.fromEntries(
    [...body.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)].map(
      ([, name = '', value = '']) => [name, value],
    ),
  );

const answerOf = (visit: Visit, mode: string): Record<string, string> => {
  if (mode === 'form_post') return formOf(visit);
  if (mode === 'web_message') {
    const [, message = ''] = /var message = (.*);/.exec(visit.body) ?? [];
    return (JSON.parse(message) as { response: Record<string, string> }).response;
  }
  const { hash, search } = visit.url;
  return Object.fromEntries(new URLSearchParams(mode === 'fragment' ? hash.slice(1) : search));
};

const discoveryOf = async (tenant: ReturnType<typeof aTenant>) =>
  (await (
    await tenant.fetch(new Request(`${tenant.baseUrl}/.well-known/openid-configuration`))
  ).json()) as Record<string, unknown>;

describe.each(['query', 'fragment', 'form_post', 'web_message'])('response_mode=%s', (response_mode) => {
  it('brings a code that is good, with the client’s state, and nothing that was not asked for', async () => {
    const tenant = aTenant();
    const answer = answerOf(await signInByForm(tenantBrowser(tenant), { response_mode }), response_mode);
    expect(answer).toEqual({ code: expect.any(String), state: 'client-state' });
    expect(await postToken(tenant, codeGrant(answer['code'] ?? ''))).toMatchObject({ status: 200 });
  });

  it('brings errors the same way', async () => {
    const visit = await tenantBrowser(aTenant()).visit(authorizeUrl({ response_mode, prompt: 'none' }));
    expect(answerOf(visit, response_mode)).toEqual({
      error: 'login_required',
      error_description: 'Login required',
      state: 'client-state',
    });
  });

  it('says who answers, in success and in error, where the tenant is set to (RFC 9207)', async () => {
    const tenant = aTenant({ authorization_response_iss_parameter_supported: true });
    expect(await discoveryOf(tenant)).toMatchObject({
      issuer: tenant.issuer,
      authorization_response_iss_parameter_supported: true,
    });
    const browser = tenantBrowser(tenant);
    const refused = await browser.visit(authorizeUrl({ response_mode, prompt: 'none' }));
    expect(answerOf(refused, response_mode)).toMatchObject({ error: 'login_required', iss: tenant.issuer });
    const granted = answerOf(await signInByForm(browser, { response_mode }), response_mode);
    expect(granted).toMatchObject({ code: expect.any(String), iss: tenant.issuer });
  });
});

it('discovery lists the public response modes, and no iss by default', async () => {
  const discovery = await discoveryOf(aTenant());
  expect(discovery['response_modes_supported']).toEqual(['query', 'fragment', 'form_post']);
  expect(discovery['authorization_response_iss_parameter_supported']).toBeUndefined();
});

describe('the page of form_post', () => {
  const visit = async (changes: Record<string, string | null> = {}, tenant = aTenant()) => {
    const browser = tenantBrowser(tenant);
    browser.setCookie(tenant.signIn(ada.email, { client_id: 'spa' }).cookie);
    return browser.visit(authorizeUrl({ response_mode: 'form_post', ...changes }));
  };

  it('sends itself to the client and nowhere else, and has a button where scripts do not run', async () => {
    const { response, body } = await visit({ redirect_uri: `${app}/other?page=1` });
    const policy = response.headers.get('content-security-policy') ?? '';
    const [, nonce = ''] = /script-src 'nonce-([^']+)'/.exec(policy) ?? [];
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain(`form-action ${app};`);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(body).toContain(`<form method="post" action="${app}/other?page=1">`);
    expect(body).toMatch(new RegExp(`<script nonce="${nonce}">\\s*document.forms\\[0\\].submit\\(\\);`));
    expect(body).toContain('<noscript><button type="submit">');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('referrer-policy')).toBe('no-referrer');
  });

  it('has a nonce of its own each time', async () => {
    const tenant = aTenant();
    const policies = [await visit({}, tenant), await visit({}, tenant)].map(({ response }) =>
      response.headers.get('content-security-policy'),
    );
    expect(new Set(policies).size).toBe(2);
  });

  it('cannot be made to run what the client sends', async () => {
    const { body } = await visit({ state: '"><script>alert(1)</script>' });
    expect(body).toContain('value="&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"');
    expect(body.match(/<script/g)).toHaveLength(1);
  });

  it('goes to the scheme of an app that has no origin', async () => {
    const callback = 'com.example.app://callback';
    const tenant = aTenant({ clients: [{ client_id: 'spa', callbacks: [callback] }] });
    const { response, body } = await visit({ redirect_uri: callback, audience: null }, tenant);
    expect(response.headers.get('content-security-policy')).toContain('form-action com.example.app:;');
    expect(body).toContain(`action="${callback}"`);
  });
});
