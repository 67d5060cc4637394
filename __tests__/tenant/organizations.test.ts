import { describe, expect, it } from '@jest/globals';
import type { Tenant, TenantConfiguration } from '../../src/tenant/index.ts';
import { tenantBrowser } from '../support/tenant-browser.ts';
import { aManagedTenant, managerOf } from './a-manager.ts';
import {
  aTenant,
  ada,
  authorizeUrl,
  claimsOf,
  codeGrant,
  configuration,
  grace,
  login,
  postToken,
  refresh,
  signInByForm,
} from './a-tenant.ts';

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

const database = 'con_0000000000000001';
const gracePassword = 'battery staple';
const html = '"><script>alert(1)</script>';

/** A tenant of three organizations whose client has its users asked. Ada is a member of two, Grace of one. */
const asking = (
  organization_require_behavior: 'pre_login_prompt' | 'post_login_prompt',
  organization_usage: 'deny' | 'allow' | 'require' = 'require',
  changes: Partial<TenantConfiguration> = {},
): TenantConfiguration => ({
  ...configuration,
  clients: [
    ...configuration.clients.map((client) => ({
      ...client,
      organization_usage,
      organization_require_behavior,
    })),
    { client_id: 'machine', app_type: 'non_interactive', client_secret: 'm@chine' },
  ],
  organizations: [
    { id: 'org_1', name: 'acme', members: [ada.email] },
    { id: 'org_2', name: 'umbrella', members: [ada.email, grace] },
    { id: 'org_3', name: 'initech' },
  ],
  ...changes,
});

function signedIn(tenant: Tenant, email = ada.email) {
  const browser = tenantBrowser(tenant);
  browser.setCookie(tenant.signIn(email, { client_id: 'spa' }).cookie);
  return browser;
}

/** What the ID token says of the organization. */
async function organizationOf(tenant: Tenant, url: URL): Promise<unknown> {
  const { body } = await postToken(tenant, codeGrant(url.searchParams.get('code') ?? ''));
  return claimsOf(body['id_token'])['org_name'];
}

const memberOf = (tenant: Tenant, email: string) =>
  tenant.users().find((user) => user.email === email)?.user_id ?? '';

describe('a client with organization_require_behavior', () => {
  it.each(['pre_login_prompt', 'post_login_prompt'] as const)(
    '%s has nobody asked where it names an organization, or where its users have none',
    async (behavior) => {
      const named = tenantBrowser(aTenant(asking(behavior)));
      const page = await named.visit(authorizeUrl({ organization: 'acme' }));
      expect(page.url.pathname).toBe('/u/login');
      expect((await named.submit(page, ada)).url.searchParams.has('code')).toBe(true);
      const tenant = aTenant(asking(behavior, 'deny'));
      const { url } = await signInByForm(tenantBrowser(tenant));
      expect(await organizationOf(tenant, url)).toBeUndefined();
    },
  );

  it('has no page but its own', async () => {
    const before = tenantBrowser(aTenant(asking('pre_login_prompt')));
    const { url } = await before.visit(authorizeUrl());
    const after = tenantBrowser(aTenant(asking('post_login_prompt')));
    const picker = await signInByForm(after);
    const paths = ['/u/organization', '/u/organization/picker'] as const;
    const other = (at: URL) => at.href.replace(at.pathname, paths[at.pathname === paths[0] ? 1 : 0]);
    expect((await before.visit(other(url))).response.status).toBe(400);
    expect((await after.visit(other(picker.url))).response.status).toBe(400);
  });

  it('of nobody is refused when the tenant is made', () => {
    expect(() => aTenant(asking('prompt' as 'pre_login_prompt'))).toThrow(
      expect.objectContaining({ field: 'clients[0].organization_require_behavior' }),
    );
  });
});

describe('pre_login_prompt', () => {
  it('asks for the name of the organization, and then for the login, whose tokens are of it', async () => {
    const tenant = aTenant(asking('pre_login_prompt'));
    const browser = tenantBrowser(tenant);
    const page = await browser.visit(authorizeUrl());
    expect(page.url.pathname).toBe('/u/organization');
    expect(page.response.status).toBe(200);
    expect(page.response.headers.get('x-frame-options')).toBe('DENY');
    expect(page.body).toContain('The shop');
    expect(page.body).not.toContain('Without an organization');
    const form = await browser.submit(page, { organizationName: ' ACME ' });
    expect(form.url.pathname).toBe('/u/login');
    const { url } = await browser.submit(form, ada);
    expect(url.searchParams.get('state')).toBe('client-state');
    const { body } = await postToken(tenant, codeGrant(url.searchParams.get('code') ?? ''));
    expect(claimsOf(body['id_token'])).toMatchObject({ org_id: 'org_1', org_name: 'acme' });
    const refreshed = await refresh(tenant, body['refresh_token']);
    expect(claimsOf(refreshed.body['access_token'])).toMatchObject({ org_id: 'org_1' });
  });

  it.each(['nobody', '', html])('asks again for %j, and tells the client nothing', async (name) => {
    const browser = tenantBrowser(aTenant(asking('pre_login_prompt')));
    const page = await browser.visit(authorizeUrl());
    const again = await browser.submit(page, { organizationName: name });
    expect(again.url.pathname).toBe('/u/organization');
    expect(again.response.status).toBe(400);
    expect(again.body).toContain('There is no organization of this name');
    expect(again.body).not.toContain('<script>');
    expect((await browser.submit(again, { organizationName: 'acme' })).url.pathname).toBe('/u/login');
  });

  it('takes no organization that nobody could sign in to', async () => {
    const tenant = aManagedTenant(asking('pre_login_prompt'));
    await managerOf(tenant).organizations.enabledConnections.delete('org_1', database);
    const browser = tenantBrowser(tenant);
    const page = await browser.submit(await browser.visit(authorizeUrl()), { organizationName: 'acme' });
    expect(page.response.status).toBe(400);
    expect(page.body).toContain('No connection is enabled');
    expect(tenant.journal.at(-1)).toMatchObject({ type: 'f', decision: 'ask again' });
  });

  it('lets in no stranger', async () => {
    const browser = tenantBrowser(aTenant(asking('pre_login_prompt')));
    const form = await browser.submit(await browser.visit(authorizeUrl()), { organizationName: 'initech' });
    const { url } = await browser.submit(form, ada);
    expect(url.searchParams.get('error')).toBe('access_denied');
    expect(url.searchParams.get('error_description')).toContain('is not part of the org_3 organization');
  });

  it('makes a member of who logs in, where the connection says so', async () => {
    const tenant = aManagedTenant(asking('pre_login_prompt'));
    const { enabledConnections } = managerOf(tenant).organizations;
    await enabledConnections.delete('org_3', database);
    const connection = { connection_id: database, assign_membership_on_login: true };
    await enabledConnections.add('org_3', connection);
    const browser = signedIn(tenant);
    const form = await browser.submit(await browser.visit(authorizeUrl()), { organizationName: 'initech' });
    expect(form.url.pathname).toBe('/u/login');
    const { url } = await browser.submit(form, ada);
    expect(await organizationOf(tenant, url)).toBe('initech');
  });

  it.each([
    ['lets a member go on who is signed in', 'acme', {}, '/'],
    ['asks for a login in an organization of others', 'initech', {}, '/u/login'],
    ['asks for the login that prompt=login wants', 'acme', { prompt: 'login' }, '/u/login'],
    ['asks as whom to go on', 'acme', { prompt: 'select_account' }, '/u/account'],
    ['shows the sign-up form', 'initech', { screen_hint: 'signup' }, '/u/signup'],
  ])('%s', async (_, organizationName, changes, path) => {
    const tenant = aTenant(asking('pre_login_prompt'));
    const browser = signedIn(tenant);
    const page = await browser.visit(authorizeUrl(changes));
    expect(page.url.pathname).toBe('/u/organization');
    const next = await browser.submit(page, { organizationName });
    expect(next.url.pathname).toBe(path);
    if (path === '/') expect(await organizationOf(tenant, next.url)).toBe('acme');
  });

  it('lets nobody go round the question', async () => {
    const tenant = aTenant(asking('pre_login_prompt'));
    const browser = tenantBrowser(tenant);
    const { url } = await browser.visit(authorizeUrl());
    const form = await browser.visit(url.href.replace('/u/organization', '/u/login'));
    const page = await browser.submit(form, ada);
    expect(page.url.pathname).toBe('/u/organization');
    const done = await browser.submit(page, { organizationName: 'acme' });
    expect(await organizationOf(tenant, done.url)).toBe('acme');
  });

  it('takes another name as long as nobody has signed in', async () => {
    const tenant = aTenant(asking('pre_login_prompt'));
    const browser = tenantBrowser(tenant);
    const page = await browser.visit(authorizeUrl());
    await browser.submit(page, { organizationName: 'initech' });
    const form = await browser.submit(await browser.visit(page.url), { organizationName: 'acme' });
    expect(await organizationOf(tenant, (await browser.submit(form, ada)).url)).toBe('acme');
  });

  it('answers prompt=none that somebody must be asked, or must sign in first', async () => {
    const tenant = aTenant(asking('pre_login_prompt'));
    const errorFor = async (browser: ReturnType<typeof tenantBrowser>) =>
      (await browser.visit(authorizeUrl({ prompt: 'none' }))).url.searchParams.get('error');
    expect(await errorFor(signedIn(tenant))).toBe('interaction_required');
    expect(await errorFor(tenantBrowser(tenant))).toBe('login_required');
  });

  it('lets users do without, where they may', async () => {
    const tenant = aTenant(asking('pre_login_prompt', 'allow'));
    const browser = tenantBrowser(tenant);
    const page = await browser.visit(authorizeUrl());
    expect(page.body).toContain('Without an organization');
    const { url } = await browser.submit(await browser.submit(page, { action: 'skip' }), ada);
    expect(url.searchParams.has('code')).toBe(true);
    expect(await organizationOf(tenant, url)).toBeUndefined();
    const own = tenantBrowser(tenant);
    const form = await own.submit(await own.visit(authorizeUrl()), { organizationName: 'acme' });
    expect(await organizationOf(tenant, (await own.submit(form, ada)).url)).toBe('acme');
  });

  it('goes on in a tenant that was made from a snapshot', async () => {
    const tenant = aTenant(asking('pre_login_prompt'));
    const browser = tenantBrowser(tenant);
    const page = await browser.visit(authorizeUrl());
    const restored = aTenant(asking('pre_login_prompt'));
    restored.restore(tenant.snapshot());
    const later = tenantBrowser(restored);
    for (const [name, value] of browser.cookies) later.setCookie(`${name}=${value}`);
    const form = await later.submit(page, { organizationName: 'acme' });
    expect(await organizationOf(restored, (await later.submit(form, ada)).url)).toBe('acme');
  });
});

describe('post_login_prompt', () => {
  it('has users choose, after the login, one of the organizations that they are members of', async () => {
    const tenant = aManagedTenant(asking('post_login_prompt'));
    await managerOf(tenant).organizations.update('org_1', { display_name: 'Acme <Inc>' });
    const browser = tenantBrowser(tenant);
    const page = await signInByForm(browser);
    expect(page.url.pathname).toBe('/u/organization/picker');
    expect(page.response.status).toBe(200);
    expect(page.body).toContain('Acme &lt;Inc&gt;');
    expect(page.body).toContain('umbrella');
    expect(page.body).not.toContain('initech');
    expect(page.body).not.toContain('Without an organization');
    const { url } = await browser.submit(page, { organization: 'org_2' });
    const { body } = await postToken(tenant, codeGrant(url.searchParams.get('code') ?? ''));
    expect(claimsOf(body['id_token'])).toMatchObject({ org_id: 'org_2', org_name: 'umbrella' });
    const refreshed = await refresh(tenant, body['refresh_token']);
    expect(claimsOf(refreshed.body['access_token'])).toMatchObject({ org_id: 'org_2' });
  });

  it('asks nobody who is a member of one alone', async () => {
    const tenant = aTenant(asking('post_login_prompt'));
    const browser = tenantBrowser(tenant);
    const form = await browser.visit(authorizeUrl());
    const { url } = await browser.submit(form, { email: grace, password: gracePassword });
    expect(await organizationOf(tenant, url)).toBe('umbrella');
    const silent = await signedIn(tenant, grace).visit(authorizeUrl({ prompt: 'none' }));
    expect(await organizationOf(tenant, silent.url)).toBe('umbrella');
  });

  it('refuses who is a member of none', async () => {
    const tenant = aTenant(asking('post_login_prompt', 'require', { organizations: [] }));
    const { url } = await signInByForm(tenantBrowser(tenant));
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      error: 'invalid_request',
      error_description:
        'client requires organization membership, but user does not belong to any organization',
    });
    const browser = signedIn(tenant);
    expect((await browser.visit(authorizeUrl())).url.pathname).toBe('/u/login'); // as somebody else
    const silent = await browser.visit(authorizeUrl({ prompt: 'none' }));
    expect(silent.url.searchParams.get('error')).toBe('login_required');
  });

  it.each(['org_3', 'org_9', 'acme', html, ''])('asks again for %j', async (organization) => {
    const tenant = aTenant(asking('post_login_prompt'));
    const browser = tenantBrowser(tenant);
    const page = await signInByForm(browser);
    const again = await browser.submit(page, { organization });
    expect(again.response.status).toBe(400);
    expect(again.body).toContain('Please choose one of your organizations');
    expect(again.body).not.toContain('<script>');
    expect(tenant.journal.at(-1)).toMatchObject({ type: 'f', decision: 'ask again' });
    const { url } = await browser.submit(again, { organization: 'org_1' });
    expect(await organizationOf(tenant, url)).toBe('acme');
  });

  it('asks who is signed in already, but nobody silently', async () => {
    const tenant = aTenant(asking('post_login_prompt'));
    const browser = signedIn(tenant);
    const silent = await browser.visit(authorizeUrl({ prompt: 'none' }));
    expect(Object.fromEntries(silent.url.searchParams)).toMatchObject({
      error: 'interaction_required',
      error_description: 'Interaction required',
    });
    const page = await browser.visit(authorizeUrl());
    expect(page.url.pathname).toBe('/u/organization/picker');
    const { url } = await browser.submit(page, { organization: 'org_1' });
    expect(await organizationOf(tenant, url)).toBe('acme');
  });

  it('comes before consent, which does not forget the choice', async () => {
    const tenant = aTenant(asking('post_login_prompt'));
    const browser = tenantBrowser(tenant);
    const page = await signInByForm(browser, { prompt: 'consent' });
    const consent = await browser.submit(page, { organization: 'org_2' });
    expect(consent.url.pathname).toBe('/u/consent');
    const { url } = await browser.submit(consent, { decision: 'accept' });
    expect(await organizationOf(tenant, url)).toBe('umbrella');
  });

  it('lets users do without, where they may', async () => {
    const tenant = aTenant(asking('post_login_prompt', 'allow'));
    const browser = tenantBrowser(tenant);
    const page = await signInByForm(browser);
    expect(page.body).toContain('Without an organization');
    const { url } = await browser.submit(page, { action: 'skip' });
    expect(url.searchParams.has('code')).toBe(true);
    expect(await organizationOf(tenant, url)).toBeUndefined();
    const one = signedIn(tenant, grace);
    const picker = await one.visit(authorizeUrl());
    expect(picker.url.pathname).toBe('/u/organization/picker');
    const done = await one.submit(picker, { organization: 'org_2' });
    expect(await organizationOf(tenant, done.url)).toBe('umbrella');
    const none = aTenant(asking('post_login_prompt', 'allow', { organizations: [] }));
    const free = await signInByForm(tenantBrowser(none));
    expect(await organizationOf(none, free.url)).toBeUndefined();
  });

  it('offers no organization that the account is of no connection of', async () => {
    const tenant = aManagedTenant(asking('post_login_prompt'));
    await managerOf(tenant).organizations.enabledConnections.delete('org_1', database);
    const { url } = await signInByForm(tenantBrowser(tenant));
    expect(await organizationOf(tenant, url)).toBe('umbrella');
  });

  it('asks anew who signs in after another has chosen', async () => {
    const tenant = aManagedTenant(asking('post_login_prompt'));
    const members = [memberOf(tenant, grace)];
    await managerOf(tenant).organizations.members.create('org_3', { members });
    const browser = tenantBrowser(tenant);
    const form = await browser.visit(authorizeUrl({ prompt: 'consent' }));
    const consent = await browser.submit(await browser.submit(form, ada), { organization: 'org_1' });
    expect(consent.url.pathname).toBe('/u/consent');
    const page = await browser.submit(form, { email: grace, password: gracePassword });
    expect(page.url.pathname).toBe('/u/organization/picker');
    expect(page.body).toContain('initech');
    expect(page.body).not.toContain('acme');
  });

  it('grants nothing of an organization that the user has ceased to be a member of', async () => {
    const tenant = aManagedTenant(asking('post_login_prompt'));
    const { members } = managerOf(tenant).organizations;
    const user = { members: [memberOf(tenant, ada.email)] };
    const browser = tenantBrowser(tenant);
    const page = await signInByForm(browser);
    const other = await browser.visit(authorizeUrl({ prompt: 'consent' }));
    const consent = await browser.submit(other, { organization: 'org_1' });
    await members.delete('org_1', user);
    const again = await browser.submit(page, { organization: 'org_1' });
    expect(again.response.status).toBe(400);
    expect(again.body).not.toContain('acme');
    const { url } = await browser.submit(consent, { decision: 'accept' });
    expect(url.searchParams.get('error_description')).toContain('is not part of the org_1 organization');
    await members.delete('org_2', user);
    const last = await browser.submit(again, { organization: 'org_2' });
    expect(last.url.searchParams.get('error_description')).toContain('does not belong to any organization');
  });

  it('asks who becomes a member of a second one while consent is asked for', async () => {
    const tenant = aManagedTenant(asking('post_login_prompt'));
    const browser = signedIn(tenant, grace);
    const consent = await browser.visit(authorizeUrl({ prompt: 'consent' }));
    const members = [memberOf(tenant, grace)];
    await managerOf(tenant).organizations.members.create('org_1', { members });
    const page = await browser.submit(consent, { decision: 'accept' });
    expect(page.url.pathname).toBe('/u/organization/picker');
    const { url } = await browser.submit(page, { organization: 'org_1' });
    expect(await organizationOf(tenant, url)).toBe('acme');
  });

  it('asks who becomes a member of a second one while the hook is asked', async () => {
    const waiting: (() => void)[] = [];
    const onPostLogin = async () => {
      await new Promise<void>((end) => waiting.push(end));
      return {};
    };
    const tenant = aManagedTenant(asking('post_login_prompt', 'require', { hooks: { onPostLogin } }));
    const members = [memberOf(tenant, grace)];
    const answers = [null, 'none'].map((prompt) => signedIn(tenant, grace).visit(authorizeUrl({ prompt })));
    while (waiting.length < 2) await new Promise(setImmediate);
    await managerOf(tenant).organizations.members.create('org_1', { members });
    let isDone = false;
    const done = Promise.all(answers).finally(() => (isDone = true));
    while (!isDone) {
      waiting.splice(0).forEach((end) => end());
      await new Promise(setImmediate);
    }
    const [page, silent] = await done;
    expect(page?.url.pathname).toBe('/u/organization/picker');
    expect(silent?.url.searchParams.get('error')).toBe('interaction_required');
  });

  it('takes no choice without the hidden token, from another browser, or of who has signed out', async () => {
    const tenant = aTenant(asking('post_login_prompt'));
    const browser = tenantBrowser(tenant);
    const page = await signInByForm(browser);
    const choice = { organization: 'org_1' };
    expect((await browser.submit(page, { ...choice, csrf: 'x' })).response.status).toBe(400);
    expect((await signedIn(tenant).submit(page, choice)).response.status).toBe(400);
    await browser.visit('/v2/logout');
    expect((await browser.submit(page, choice)).response.status).toBe(400);
    expect((await browser.visit(page.url)).response.status).toBe(400);
  });

  it('takes no choice of another user who has signed in meanwhile', async () => {
    const tenant = aTenant(asking('post_login_prompt'));
    const browser = tenantBrowser(tenant);
    const page = await signInByForm(browser);
    browser.setCookie(tenant.signIn(grace, { client_id: 'spa' }).cookie);
    expect((await browser.submit(page, { organization: 'org_2' })).response.status).toBe(400);
  });

  it('is not asked of who is let in by signIn and names one', async () => {
    const tenant = aTenant(asking('post_login_prompt'));
    const { id_token } = await login(tenant, { organization: 'umbrella' });
    expect(claimsOf(id_token)).toMatchObject({ org_name: 'umbrella' });
  });

  it('does not keep the invited from joining', async () => {
    const tenant = aManagedTenant(asking('post_login_prompt'));
    const { invitation_url = '' } = await managerOf(tenant).organizations.invitations.create('org_3', {
      inviter: { name: 'Ada' },
      invitee: { email: grace },
      client_id: 'spa',
    });
    const invited = Object.fromEntries(new URL(invitation_url).searchParams);
    const browser = tenantBrowser(tenant);
    const form = await browser.visit(authorizeUrl(invited));
    const { url } = await browser.submit(form, { email: grace, password: gracePassword });
    expect(await organizationOf(tenant, url)).toBe('initech');
  });
});
