import { describe, expect, it } from '@jest/globals';
import { tenantBrowser } from '../support/tenant-browser.ts';
import { aTenant, ada, authorizeUrl, claimsOf, login, refresh, signInByForm } from './a-tenant.ts';

const organizations = [
  { id: 'org_1', name: 'acme', members: [ada.email] },
  { id: 'org_2', name: 'umbrella', members: ['grace@example.com'] },
];

describe('an organization', () => {
  it.each(['org_1', 'acme', 'ACME'])(
    'asked for as %s is named by the ID token, and stays on refresh',
    async (organization) => {
      const tenant = aTenant({ organizations });
      const { id_token, access_token, refresh_token } = await login(tenant, { organization });
      expect(claimsOf(id_token)).toMatchObject({ org_id: 'org_1', org_name: 'acme' });
      expect(claimsOf(access_token)).toMatchObject({ org_id: 'org_1' });
      const { body } = await refresh(tenant, refresh_token);
      expect(claimsOf(body['id_token'])).toMatchObject({ org_id: 'org_1', org_name: 'acme' });
    },
  );

  it('is in no token of a login without one', async () => {
    const tenant = aTenant({ organizations });
    const { id_token } = await login(tenant);
    expect(claimsOf(id_token)).not.toHaveProperty('org_id');
  });

  it('that does not exist is refused', async () => {
    const browser = tenantBrowser(aTenant({ organizations }));
    const { url } = await browser.visit(authorizeUrl({ organization: 'org_9' }));
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      error: 'invalid_request',
      error_description: 'parameter organization is invalid: org_9',
    });
  });

  it('lets no stranger in, by form or silently', async () => {
    const tenant = aTenant({ organizations });
    const browser = tenantBrowser(tenant);
    const { url } = await signInByForm(browser, { organization: 'org_2' });
    expect(url.searchParams.get('error')).toBe('access_denied');
    expect(url.searchParams.get('error_description')).toContain('is not part of the org_2 organization');
    browser.setCookie(tenant.signIn(ada.email, { client_id: 'spa' }).cookie);
    const silent = await browser.visit(authorizeUrl({ organization: 'org_2', prompt: 'none' }));
    expect(silent.url.searchParams.get('error')).toBe('login_required');
  });

  it.each([
    [{ name: 'Acme' }, 'organizations[0].name'],
    [{ name: 'acme', id: 'acme' }, 'organizations[0].id'],
    [{ name: 'acme', members: ['nobody@example.com'] }, 'organizations[0].members[0]'],
  ])('that cannot be is refused when the tenant is made: %j', (organization, field) => {
    expect(() => aTenant({ organizations: [organization] })).toThrow(expect.objectContaining({ field }));
  });
});
