import { describe, expect, it } from '@jest/globals';
import type { Tenant } from '../../src/tenant/index.ts';
import { tenantBrowser, type TenantBrowser, type Visit } from '../support/tenant-browser.ts';
import { aManagedTenant, call, managerOf } from './a-manager.ts';
import { ada, api, authorizeUrl, codeGrant, grace, postToken, refresh, rotating } from './a-tenant.ts';

/** A tenant where `spa` is somebody else's application. */
async function aThirdParty(): Promise<Tenant> {
  const tenant = aManagedTenant();
  const { status } = await call(tenant, 'PATCH /clients/spa', { body: { is_first_party: false } });
  expect(status).toBe(200);
  return tenant;
}

const asksForConsent = ({ url, response, body }: Visit) =>
  url.pathname === '/u/consent' && response.status === 200 && body.includes('Decline');

const codeOf = ({ url }: Visit) => url.searchParams.get('code');

const signIn = async (browser: TenantBrowser, changes?: Record<string, string | null>) =>
  browser.submit(await browser.visit(authorizeUrl(changes)), ada);

const answer = (browser: TenantBrowser, page: Visit, decision: string) => browser.submit(page, { decision });

describe('an application that is not the tenant’s own', () => {
  it('is let in once the user has consented, and is not asked again', async () => {
    const tenant = await aThirdParty();
    const browser = tenantBrowser(tenant);
    const page = await signIn(browser);
    expect(asksForConsent(page)).toBe(true);
    for (const text of ['The shop', 'Ada Lovelace', api, 'read:things', 'offline_access'])
      expect(page.body).toContain(text);
    const { body } = await postToken(tenant, codeGrant(codeOf(await answer(browser, page, 'accept')) ?? ''));
    expect(await refresh(tenant, body['refresh_token'])).toMatchObject({ status: 200 });
    expect(codeOf(await browser.visit(authorizeUrl()))).not.toBeNull();
    expect(codeOf(await browser.visit(authorizeUrl({ prompt: 'none' })))).not.toBeNull();
  });

  it('is refused when the user declines, and nothing is granted', async () => {
    const tenant = await aThirdParty();
    const browser = tenantBrowser(tenant);
    const { url } = await answer(browser, await signIn(browser), 'decline');
    expect(Object.fromEntries(url.searchParams)).toEqual({
      error: 'access_denied',
      error_description: 'User did not authorize the request',
      state: 'client-state',
    });
    expect((await managerOf(tenant).userGrants.list()).data).toEqual([]);
    expect(asksForConsent(await browser.visit(authorizeUrl()))).toBe(true);
  });

  it('is let do nothing by who has not given the second factor', async () => {
    const tenant = aManagedTenant({
      mfa_policy: 'always',
      users: [
        { ...ada, authenticators: [{ authenticator_type: 'recovery-code', recovery_code: 'WRITTEN' }] },
      ],
    });
    await call(tenant, 'PATCH /clients/spa', { body: { is_first_party: false } });
    const browser = tenantBrowser(tenant);
    const challenge = await signIn(browser);
    const page = await browser.visit(challenge.url.href.replace('mfa-recovery-code-challenge', 'consent'));
    expect(asksForConsent(page)).toBe(true);
    const asked = await answer(browser, page, 'accept');
    expect(asked.url.pathname).toBe('/u/mfa-recovery-code-challenge');
    expect((await managerOf(tenant).userGrants.list()).data).toEqual([]);
    await browser.submit(asked, { code: 'WRITTEN' });
    const done = await browser.visit(
      asked.url.href.replace('u/mfa-recovery-code-challenge', 'authorize/resume'),
    );
    expect(codeOf(done)).not.toBeNull();
    expect((await managerOf(tenant).userGrants.list()).data).toHaveLength(1);
  });

  it('asks for consent in no silent answer', async () => {
    const tenant = await aThirdParty();
    const browser = tenantBrowser(tenant);
    await signIn(browser);
    const { url } = await browser.visit(authorizeUrl({ prompt: 'none' }));
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      error: 'consent_required',
      error_description: 'Consent required',
    });
    expect(tenant.journal.at(-1)).toMatchObject({ type: 'fsa', description: 'Consent required' });
  });

  it.each([
    ['a further scope', { scope: 'openid' }, {}],
    ['another API', { audience: null }, {}],
  ])('asks again for %s', async (_, first, second) => {
    const browser = tenantBrowser(await aThirdParty());
    expect(codeOf(await answer(browser, await signIn(browser, first), 'accept'))).not.toBeNull();
    expect(codeOf(await browser.visit(authorizeUrl(first)))).not.toBeNull();
    expect(asksForConsent(await browser.visit(authorizeUrl(second)))).toBe(true);
  });

  it('asks every user for themselves', async () => {
    const tenant = await aThirdParty();
    const browser = tenantBrowser(tenant);
    await answer(browser, await signIn(browser), 'accept');
    const other = tenantBrowser(tenant);
    other.setCookie(tenant.signIn(grace, { client_id: 'spa' }).cookie);
    expect(asksForConsent(await other.visit(authorizeUrl()))).toBe(true);
  });

  it('R53: asks again after a device credential was deleted, and with it the grant', async () => {
    const tenant = await aThirdParty();
    const browser = tenantBrowser(tenant);
    const code = codeOf(await answer(browser, await signIn(browser), 'accept'));
    await postToken(tenant, codeGrant(code ?? ''));
    const { deviceCredentials } = managerOf(tenant);
    const [credential] = (await deviceCredentials.list({ type: 'rotating_refresh_token' })).data;
    await deviceCredentials.delete(credential?.id ?? '');
    const { url } = await browser.visit(authorizeUrl({ prompt: 'none' }));
    expect(url.searchParams.get('error')).toBe('consent_required');
    expect(asksForConsent(await browser.visit(authorizeUrl()))).toBe(true);
  });

  it('gets nothing for a code when the grant was deleted since, and is asked about again', async () => {
    const tenant = await aThirdParty();
    const browser = tenantBrowser(tenant);
    const code = codeOf(await answer(browser, await signIn(browser), 'accept'));
    const { userGrants } = managerOf(tenant);
    const [grant] = (await userGrants.list()).data;
    await userGrants.delete(grant?.id ?? '');
    expect(await postToken(tenant, codeGrant(code ?? ''))).toMatchObject({
      status: 403,
      body: { error: 'invalid_grant' },
    });
    expect(asksForConsent(await browser.visit(authorizeUrl()))).toBe(true);
  });

  it('S4: gets tokens for its own API alone, whatever its policies say', async () => {
    const tenant = await aThirdParty();
    const further = 'https://online.example';
    const policies = [{ audience: further, scope: [] }];
    tenant.updateClient('spa', { refresh_token: { ...rotating, policies } });
    const browser = tenantBrowser(tenant);
    const code = codeOf(await answer(browser, await signIn(browser), 'accept'));
    const { body } = await postToken(tenant, codeGrant(code ?? ''));
    const answered = await refresh(tenant, body['refresh_token'], { audience: further });
    expect(answered).toMatchObject({ status: 200 });
    expect(answered.body['scope']).toContain('read:things');
  });
});

describe('prompt=consent', () => {
  it('asks whatever was granted before, and whoever makes the application', async () => {
    const browser = tenantBrowser(aManagedTenant());
    expect(codeOf(await signIn(browser))).not.toBeNull();
    const page = await browser.visit(authorizeUrl({ prompt: 'consent' }));
    expect(asksForConsent(page)).toBe(true);
    expect(codeOf(await answer(browser, page, 'accept'))).not.toBeNull();
    expect(asksForConsent(await browser.visit(authorizeUrl({ prompt: 'consent' })))).toBe(true);
  });
});

describe('the answer to the question', () => {
  it.each([
    ['without the form’s token', { csrf: 'guess' }],
    ['by another browser', {}],
    ['by a browser where somebody else has signed in since', {}],
  ])('is taken from nobody %s', async (who, values) => {
    const tenant = await aThirdParty();
    const browser = tenantBrowser(tenant);
    const page = await signIn(browser);
    const other = who.includes('another browser') ? tenantBrowser(tenant) : browser;
    if (who.includes('since')) other.setCookie(tenant.signIn(grace, { client_id: 'spa' }).cookie);
    const { response } = await other.submit(page, { decision: 'accept', ...values });
    expect(response.status).toBe(400);
    expect((await managerOf(tenant).userGrants.list()).data).toEqual([]);
  });

  it('is asked for in words of the API, which no tag gets out of', async () => {
    const tenant = aManagedTenant({
      resource_servers: [
        { identifier: api, scopes: [{ value: 'read:things', description: '<script>alert(1)</script>' }] },
      ],
    });
    const browser = tenantBrowser(tenant);
    const page = await signIn(browser, { prompt: 'consent' });
    expect(page.body).toContain('&lt;script&gt;');
    expect(page.body).not.toContain('<script');
  });
});
