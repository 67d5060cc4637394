import { describe, expect, it } from '@jest/globals';
import { tenantBrowser } from '../support/tenant-browser.ts';
import { aManagedTenant, call, invalidBody, managerOf } from './a-manager.ts';
import {
  aCode,
  ada,
  authorizeUrl,
  claimsOf,
  codeGrant,
  configuration,
  grace,
  login,
  postToken,
  refresh,
  refusedAsUnknown,
  signInByForm,
} from './a-tenant.ts';

const database = 'con_0000000000000001';
const organizations = [{ id: 'org_1', name: 'acme', members: [ada.email] }];
const aTenantWithAcme = () => aManagedTenant({ organizations });
const userIdOf = (tenant: ReturnType<typeof aManagedTenant>, email: string) =>
  tenant.users().find((user) => user.email === email)?.user_id ?? '';

describe('organizations of the Management API', () => {
  it('are made, read, changed and deleted by the auth0 package', async () => {
    const tenant = aTenantWithAcme();
    const { organizations: api } = managerOf(tenant);
    const made = await api.create({ name: 'shop', metadata: { plan: 'gold', size: 'small' } });
    expect(made).toEqual({
      id: expect.stringMatching(/^org_[0-9a-f]{16}$/),
      name: 'shop',
      display_name: 'shop',
      metadata: { plan: 'gold', size: 'small' },
      enabled_connections: [],
    });
    const id = made.id ?? '';
    const branding = { logo_url: 'https://shop.example/logo.png' };
    const changed = await api.update(id, {
      display_name: 'The shop',
      branding,
      metadata: { plan: 'silver' },
    });
    expect(changed).toEqual({
      id,
      name: 'shop',
      display_name: 'The shop',
      branding,
      metadata: { plan: 'silver', size: 'small' },
    });
    expect(await api.get(id)).toEqual(changed);
    expect(await api.getByName('shop')).toEqual(changed);
    const names = [];
    for await (const { name } of await api.list({ take: 1 })) names.push(name);
    expect(names).toEqual(['acme', 'shop']);
    await api.delete(id);
    const gone = { statusCode: 404, body: { errorCode: 'inexistent_organization' } };
    await expect(api.get(id)).rejects.toMatchObject(gone);
    await expect(api.getByName('shop')).rejects.toMatchObject(gone);
    await expect(api.delete(id)).rejects.toMatchObject(gone);
  });

  it('let in whoever is made a member, once they have a connection', async () => {
    const tenant = aManagedTenant();
    const { organizations: api } = managerOf(tenant);
    const { id = '' } = await api.create({ name: 'shop' });
    const user_id = userIdOf(tenant, ada.email);
    await api.members.create(id, { members: [user_id] });
    const { url } = await tenantBrowser(tenant).visit(authorizeUrl({ organization: 'shop' }));
    expect(url.searchParams.get('error_description')).toBe('no connections enabled for the organization');
    await api.enabledConnections.add(id, { connection_id: database });
    const { id_token } = await login(tenant, { organization: 'shop' });
    expect(claimsOf(id_token)).toMatchObject({ org_id: id, org_name: 'shop' });
    await api.update(id, { name: 'store' });
    expect(claimsOf((await login(tenant, { organization: 'store' }))['id_token'])).toMatchObject({
      org_name: 'store',
    });
  });

  it('show their members, and users their organizations', async () => {
    const tenant = aTenantWithAcme();
    const { organizations: api, users } = managerOf(tenant);
    await api.members.create('org_1', { members: [userIdOf(tenant, grace)] });
    const emails = [];
    for await (const { email } of await api.members.list('org_1', { take: 1 })) emails.push(email);
    expect(emails).toEqual([ada.email, grace]);
    const names = [];
    for await (const { name } of await users.organizations.list(userIdOf(tenant, grace))) names.push(name);
    expect(names).toEqual(['acme']);
    await users.delete(userIdOf(tenant, grace));
    expect((await call(tenant, 'GET /organizations/org_1/members')).body).toMatchObject([
      { email: ada.email },
    ]);
  });

  it.each([
    ['a membership', 'DELETE /organizations/org_1/members', true],
    ['an organization', 'DELETE /organizations/org_1', false],
  ])('take with %s what was issued under it, and nothing else', async (_, route, named) => {
    const tenant = aTenantWithAcme();
    const { refresh_token: inside } = await login(tenant, { organization: 'acme' });
    const { refresh_token: outside } = await login(tenant);
    const code = await aCode(tenant, { organization: 'acme' });
    const body = { members: [userIdOf(tenant, ada.email)] };
    expect(await call(tenant, route, named ? { body } : {})).toMatchObject({ status: 204 });
    expect(await refresh(tenant, inside)).toMatchObject(refusedAsUnknown);
    expect(await postToken(tenant, codeGrant(code))).toMatchObject({ status: 403 });
    expect(await refresh(tenant, outside)).toMatchObject({ status: 200 });
  });

  it('give nothing to who ceases to be a member before the sign-in is answered', async () => {
    const tenant = aManagedTenant({
      organizations,
      clients: [
        ...configuration.clients.map((client) => ({ ...client, is_first_party: false })),
        { client_id: 'machine', app_type: 'non_interactive', client_secret: 'm@chine' },
      ],
    });
    const browser = tenantBrowser(tenant);
    const consent = await signInByForm(browser, { organization: 'acme' });
    expect(consent.url.pathname).toBe('/u/consent');
    const members = [userIdOf(tenant, ada.email)];
    await managerOf(tenant).organizations.members.delete('org_1', { members });
    const { url } = await browser.submit(consent, { decision: 'accept' });
    expect(url.searchParams.get('error_description')).toContain('is not part of the org_1 organization');
  });

  it('give nothing to who ceases to be a member while the hook is asked', async () => {
    const waiting: (() => void)[] = [];
    const onPostLogin = async () => {
      await new Promise<void>((end) => waiting.push(end));
      return {};
    };
    const tenant = aManagedTenant({ organizations, hooks: { onPostLogin } });
    const browser = tenantBrowser(tenant);
    browser.setCookie(tenant.signIn(ada.email, { client_id: 'spa' }).cookie);
    const silent = { organization: 'acme', prompt: 'none', response_mode: 'query' };
    const slow = browser.visit(authorizeUrl(silent));
    while (waiting.length === 0) await new Promise(setImmediate);
    const members = [userIdOf(tenant, ada.email)];
    await managerOf(tenant).organizations.members.delete('org_1', { members });
    waiting[0]?.();
    expect((await slow).url.searchParams.get('error')).toBe('login_required');
  });

  it('make members of all who log in, where a connection says so', async () => {
    const tenant = aManagedTenant();
    const { organizations: api } = managerOf(tenant);
    const enabled = { connection_id: database, assign_membership_on_login: true };
    const { id = '' } = await api.create({ name: 'shop', enabled_connections: [enabled] });
    const { url } = await signInByForm(tenantBrowser(tenant), { organization: id });
    expect(url.searchParams.get('code')).toEqual(expect.any(String));
    const { body } = await call(tenant, `GET /organizations/${id}/members`);
    expect(body).toMatchObject([{ email: ada.email }]);
  });

  it('list, add and remove connections', async () => {
    const tenant = aTenantWithAcme();
    const { enabledConnections } = managerOf(tenant).organizations;
    const add = () => enabledConnections.add('org_1', { connection_id: database });
    await expect(add()).rejects.toMatchObject({ statusCode: 409 });
    await enabledConnections.delete('org_1', database);
    await expect(enabledConnections.delete('org_1', database)).rejects.toMatchObject({ statusCode: 404 });
    const added = await add();
    expect(added).toEqual({
      connection_id: database,
      assign_membership_on_login: false,
      connection: { name: 'Username-Password-Authentication', strategy: 'auth0' },
    });
    const listed = [];
    for await (const enabled of await enabledConnections.list('org_1')) listed.push(enabled);
    expect(listed).toEqual([added]);
  });

  it.each([
    [409, 'POST /organizations', { name: 'acme' }],
    [409, 'PATCH /organizations/org_2', { name: 'acme' }],
    [404, 'POST /organizations/org_1/members', { members: ['auth0|nobody'] }],
    [404, 'POST /organizations', { name: 'shop', enabled_connections: [{ connection_id: 'con_x' }] }],
    [404, 'POST /organizations/org_1/enabled_connections', { connection_id: 'con_x' }],
    [404, 'POST /organizations/org_1/invitations', invitationOf(grace, { client_id: 'nobody' })],
    [400, 'POST /organizations/org_1/invitations', invitationOf(grace, { client_id: 'machine' })],
  ])('answer %d to %s %j', async (status, route, body) => {
    const tenant = aManagedTenant({ organizations: [...organizations, { id: 'org_2', name: 'other' }] });
    expect(await call(tenant, route, { body })).toMatchObject({ status });
  });

  it.each([
    [{}, 'Missing required property: name'],
    [{ name: 'Shop' }, 'String does not match pattern'],
    [{ name: 'shop', metadata: { a: 1 } }, 'Expected type string,null but found type integer'],
  ])('are refused for %j', async (body, message) => {
    expect(await call(aManagedTenant(), 'POST /organizations', { body })).toMatchObject(invalidBody(message));
  });
});

function invitationOf(email: string, changes: { client_id?: string; ttl_sec?: number } = {}) {
  return { inviter: { name: 'Ada' }, invitee: { email }, client_id: 'spa', ...changes };
}

describe('invitations to an organization', () => {
  const form = (email: string, password: string) => ({ email, password });
  const invite = async (tenant: ReturnType<typeof aManagedTenant>, changes = {}) => {
    const { invitations } = managerOf(tenant).organizations;
    const made = await invitations.create('org_1', { ...invitationOf(grace), ...changes });
    const { searchParams } = new URL(made.invitation_url ?? '');
    const sent = authorizeUrl({
      invitation: searchParams.get('invitation'),
      organization: searchParams.get('organization'),
    });
    return { made, sent, id: made.id ?? '', invitations };
  };
  const refused = 'invitation not found or already used';

  it('are made, listed, read and deleted by the auth0 package', async () => {
    const tenant = aTenantWithAcme();
    const { made, id, invitations, sent } = await invite(tenant);
    expect(made).toMatchObject({
      id: expect.stringMatching(/^uinv_[0-9a-f]{16}$/),
      organization_id: 'org_1',
      inviter: { name: 'Ada' },
      invitee: { email: grace },
      client_id: 'spa',
      created_at: '2026-11-23T12:00:00.000Z',
      expires_at: '2026-11-30T12:00:00.000Z',
      invitation_url: `http://localhost:3000/?invitation=${made.ticket_id}&organization=org_1&organization_name=acme`,
    });
    expect(await invitations.get('org_1', id)).toEqual(made);
    const listed = [];
    for await (const invitation of await invitations.list('org_1')) listed.push(invitation);
    expect(listed).toEqual([made]);
    await invitations.delete('org_1', id);
    await expect(invitations.delete('org_1', id)).rejects.toMatchObject({ statusCode: 404 });
    const { url } = await tenantBrowser(tenant).visit(sent);
    expect(url.searchParams.get('error_description')).toBe(refused);
  });

  it('make a member of the one who was invited, once, and note what was to be noted', async () => {
    const tenant = aTenantWithAcme();
    const { sent, id, invitations } = await invite(tenant, { app_metadata: { plan: 'gold' } });
    const browser = tenantBrowser(tenant);
    const { url } = await browser.submit(await browser.visit(sent), form(grace, 'battery staple'));
    expect(url.searchParams.get('code')).toEqual(expect.any(String));
    const { id_token } = await login(tenant, { organization: 'acme' }, grace);
    expect(claimsOf(id_token)).toMatchObject({ org_id: 'org_1' });
    expect(await managerOf(tenant).users.get(userIdOf(tenant, grace))).toMatchObject({
      app_metadata: { plan: 'gold' },
    });
    await expect(invitations.get('org_1', id)).rejects.toMatchObject({ statusCode: 404 });
    const again = await tenantBrowser(tenant).visit(sent);
    expect(again.url.searchParams.get('error')).toBe('access_denied');
    expect(again.url.searchParams.get('error_description')).toBe(refused);
  });

  it('let in nobody else, and are not used up by them', async () => {
    const tenant = aTenantWithAcme();
    const { sent, id, invitations } = await invite(tenant);
    const stranger = await managerOf(tenant).users.create({
      connection: 'Username-Password-Authentication',
      email: 'eve@example.com',
      password: 'eve',
    });
    const browser = tenantBrowser(tenant);
    const { url } = await browser.submit(await browser.visit(sent), form('eve@example.com', 'eve'));
    expect(url.searchParams.get('error_description')).toBe(
      `user ${stranger.user_id} is not part of the org_1 organization`,
    );
    expect(await invitations.get('org_1', id)).toMatchObject({ id });
  });

  it('are good for their client and their organization only', async () => {
    const tenant = aManagedTenant({
      organizations: [...organizations, { id: 'org_2', name: 'other' }],
    });
    const { made } = await invite(tenant);
    const invitation = made.ticket_id ?? '';
    const others: Record<string, string | null>[] = [
      { organization: 'org_2' },
      { organization: null },
      { organization: 'org_1', client_id: 'native' },
    ];
    for (const changes of others) {
      const { url } = await tenantBrowser(tenant).visit(authorizeUrl({ invitation, ...changes }));
      expect(url.searchParams.get('error_description')).toBe(refused);
    }
  });

  it('expire, also while the form is open, and are forgotten', async () => {
    const tenant = aTenantWithAcme();
    const { sent, id, invitations } = await invite(tenant, { ttl_sec: 60 });
    const browser = tenantBrowser(tenant);
    const page = await browser.visit(sent);
    tenant.clock.advance('60s');
    expect((await browser.submit(page, form(grace, 'battery staple'))).url.searchParams.get('error')).toBe(
      'access_denied',
    );
    expect((await tenantBrowser(tenant).visit(sent)).url.searchParams.get('error_description')).toBe(refused);
    await expect(invitations.get('org_1', id)).rejects.toMatchObject({ statusCode: 404 });
    await login(tenant);
    expect(JSON.stringify(tenant.snapshot())).not.toContain(id);
  });

  it('go with their organization and with their client', async () => {
    const tenant = aManagedTenant({ organizations: [...organizations, { id: 'org_2', name: 'other' }] });
    const { id, invitations } = await invite(tenant);
    const { id: other = '' } = await invitations.create('org_2', invitationOf(grace));
    await managerOf(tenant).organizations.delete('org_2');
    await managerOf(tenant).clients.delete('spa');
    const told = JSON.stringify(tenant.snapshot().remembered);
    expect(told).not.toContain(`["${id}"`);
    expect(told).not.toContain(`["${other}"`);
  });
});

describe('organization_usage of a client', () => {
  it.each([
    ['deny', { organization: 'acme' }, 'parameter organization is not allowed for this client'],
    ['require', {}, 'parameter organization is required for this client'],
  ] as const)('%s refuses %j', async (organization_usage, changes, error_description) => {
    const tenant = aTenantWithAcme();
    await managerOf(tenant).clients.update('spa', { organization_usage });
    const { url } = await tenantBrowser(tenant).visit(authorizeUrl(changes));
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      error: 'invalid_request',
      error_description,
    });
  });

  it.each([
    ['deny', {}],
    ['require', { organization: 'acme' }],
    ['allow', {}],
    ['allow', { organization: 'acme' }],
  ] as const)('%s lets %j pass', async (organization_usage, changes) => {
    const tenant = aTenantWithAcme();
    await managerOf(tenant).clients.update('spa', { organization_usage });
    expect(await login(tenant, changes)).toHaveProperty('id_token');
  });

  it.each(['pre_login_prompt', 'post_login_prompt', 'no_prompt'] as const)(
    'goes with %s',
    async (organization_require_behavior) => {
      const tenant = aTenantWithAcme();
      const { clients } = managerOf(tenant);
      await clients.update('spa', { organization_usage: 'require', organization_require_behavior });
      expect(await clients.get('spa')).toMatchObject({ organization_require_behavior });
      const { url } = await tenantBrowser(tenant).visit(authorizeUrl());
      expect(url.origin + url.pathname).toBe(
        {
          no_prompt: 'http://localhost:3000/',
          pre_login_prompt: `${tenant.baseUrl}/u/organization`,
          post_login_prompt: `${tenant.baseUrl}/u/login`,
        }[organization_require_behavior],
      );
    },
  );

  it('goes with no other behaviour', async () => {
    const body = { organization_require_behavior: 'prompt' };
    expect(await call(aManagedTenant(), 'PATCH /clients/spa', { body })).toMatchObject(
      invalidBody('No enum match for: prompt'),
    );
  });
});
