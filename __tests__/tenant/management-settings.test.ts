import { describe, expect, it } from '@jest/globals';
import { URI } from 'otpauth';
import type { Tenant, TenantConfiguration } from '../../src/tenant/index.ts';
import { tenantBrowser } from '../support/tenant-browser.ts';
import { aManagedTenant, call, invalidBody, managerOf } from './a-manager.ts';
import { ada, authorizeUrl, login, refresh, revoke, signInByForm } from './a-tenant.ts';

const settingsOf = (tenant: Tenant) => managerOf(tenant).tenants.settings;
const hour = 3_600_000;

/** Whether somebody who signed in is so still, without a page. */
async function isSignedIn(tenant: Tenant, hours: number): Promise<boolean> {
  const browser = tenantBrowser(tenant);
  await signInByForm(browser);
  tenant.clock.advance(hours * hour);
  return (await browser.visit(authorizeUrl({ prompt: 'none' }))).url.searchParams.has('code');
}

const usual = {
  flags: { revoke_refresh_token_grant: false },
  session_lifetime: 168,
  idle_session_lifetime: 72,
  session_cookie: { mode: 'persistent' },
  authorization_response_iss_parameter_supported: false,
  pushed_authorization_requests_supported: true,
};

describe('tenant settings of the Management API', () => {
  it('are read and changed by the auth0 package, and what is not named stays', async () => {
    const tenant = aManagedTenant();
    const settings = settingsOf(tenant);
    expect(await settings.get()).toEqual(usual);
    const changed = { ...usual, friendly_name: 'The shop', session_lifetime: 10 };
    expect(await settings.update({ friendly_name: 'The shop', session_lifetime: 10 })).toEqual(changed);
    expect(await settings.update({ flags: { revoke_refresh_token_grant: true } })).toEqual({
      ...changed,
      flags: { revoke_refresh_token_grant: true },
    });
    expect(await settings.update({ flags: {}, session_cookie: { mode: 'non-persistent' } })).toEqual({
      ...changed,
      flags: { revoke_refresh_token_grant: true },
      session_cookie: { mode: 'non-persistent' },
      idle_session_lifetime: 24,
    });
    const lifetimes = { fields: 'session_lifetime,idle_session_lifetime', include_fields: true };
    expect(await settings.get(lifetimes)).toEqual({ session_lifetime: 10, idle_session_lifetime: 24 });
  });

  it.each<[string, Partial<TenantConfiguration>]>([
    ['a flag', { flags: { revoke_refresh_token_grant: true } }],
    ['lifetimes', { session_lifetime: 5, idle_session_lifetime: 0.5 }],
    ['a cookie', { session_cookie: { mode: 'non-persistent' } }],
    ['the issuer in answers', { authorization_response_iss_parameter_supported: true }],
    ['a name', { friendly_name: 'The shop' }],
  ])('begin as the tenant was configured: %s', async (_, configured) => {
    expect(await settingsOf(aManagedTenant(configured)).get()).toMatchObject(configured);
  });

  it('decide at once how long sessions last, those that are there already too', async () => {
    const tenant = aManagedTenant();
    expect(await isSignedIn(tenant, 71)).toBe(true);
    const browser = tenantBrowser(tenant);
    await signInByForm(browser);
    tenant.clock.advance(2 * hour);
    await settingsOf(tenant).update({ idle_session_lifetime: 2 });
    const { url } = await browser.visit(authorizeUrl({ prompt: 'none' }));
    expect(url.searchParams.get('error')).toBe('login_required');
    await settingsOf(tenant).update({ idle_session_lifetime: 100, session_lifetime: 90 });
    expect(await isSignedIn(tenant, 89)).toBe(true);
    expect(await isSignedIn(tenant, 91)).toBe(false);
  });

  it('decide at once whether the cookie outlives the browser', async () => {
    const tenant = aManagedTenant();
    const cookie = async () => {
      const browser = tenantBrowser(tenant);
      const page = await browser.visit(authorizeUrl());
      const [, csrf = ''] = /name="csrf" value="([^"]+)"/.exec(page.body) ?? [];
      const body = new URLSearchParams({ ...ada, csrf });
      const { headers } = await browser.request(page.url, { method: 'POST', body });
      return headers.getSetCookie().find((each) => each.startsWith('auth0='));
    };
    await settingsOf(tenant).update({ session_lifetime: 10 });
    expect(await cookie()).toContain('Max-Age=36000');
    await settingsOf(tenant).update({ session_cookie: { mode: 'non-persistent' } });
    expect(await cookie()).not.toContain('Max-Age');
    await settingsOf(tenant).update({ session_cookie: null });
    expect(await cookie()).toContain('Max-Age=36000');
  });

  it('decide at once whether answers say who answers', async () => {
    const tenant = aManagedTenant();
    const iss = async () => (await signInByForm(tenantBrowser(tenant))).url.searchParams.get('iss');
    const discovered = async () =>
      (
        (await (
          await tenant.fetch(new Request(`${tenant.baseUrl}/.well-known/openid-configuration`))
        ).json()) as Record<string, unknown>
      )['authorization_response_iss_parameter_supported'];
    await settingsOf(tenant).update({ authorization_response_iss_parameter_supported: true });
    expect([await iss(), await discovered()]).toEqual([tenant.issuer, true]);
    await settingsOf(tenant).update({ authorization_response_iss_parameter_supported: null });
    expect([await iss(), await discovered()]).toEqual([null, undefined]);
  });

  it.each([false, true])(
    'decide at once whether the grant goes with a token that is revoked: %s',
    async (revoke_refresh_token_grant) => {
      const tenant = aManagedTenant({ flags: { revoke_refresh_token_grant: !revoke_refresh_token_grant } });
      const [given, kept] = [await login(tenant), await login(tenant)];
      await settingsOf(tenant).update({ flags: { revoke_refresh_token_grant } });
      await revoke(tenant, { client_id: 'spa', token: String(given['refresh_token']) });
      expect((await refresh(tenant, kept['refresh_token'])).status).toBe(
        revoke_refresh_token_grant ? 403 : 200,
      );
    },
  );

  it('name the tenant to apps that show codes', async () => {
    const tenant = aManagedTenant();
    await settingsOf(tenant).update({ friendly_name: 'The shop: ours' });
    const { refresh_token } = await login(tenant);
    tenant.faults.add({ kind: 'mfa-required' });
    const { body } = await refresh(tenant, refresh_token);
    const begun = await tenant.fetch(
      new Request(`${tenant.baseUrl}/mfa/associate`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${String(body['mfa_token'])}`,
          'content-type': 'application/json',
        },
        body: JSON.stringify({ authenticator_types: ['otp'] }),
      }),
    );
    const { barcode_uri } = (await begun.json()) as { barcode_uri: string };
    expect(URI.parse(barcode_uri)).toMatchObject({ issuer: 'The shop  ours', label: ada.email });
  });

  it('are part of a snapshot, and go back with a reset', async () => {
    const tenant = aManagedTenant();
    await settingsOf(tenant).update({ session_lifetime: 10, friendly_name: 'The shop' });
    const snapshot = tenant.snapshot();
    tenant.reset();
    expect(await settingsOf(tenant).get()).toEqual(usual);
    tenant.restore(snapshot);
    expect(await settingsOf(tenant).get()).toMatchObject({ session_lifetime: 10, friendly_name: 'The shop' });
  });

  it.each([
    [{ sandbox_version: '22' }, 'Additional properties not allowed: sandbox_version'],
    [{ flags: { enable_sso: true } }, 'Additional properties not allowed: enable_sso'],
    [{ session_cookie: {} }, 'Missing required property: mode'],
    [{ session_cookie: { mode: 'eternal' } }, 'No enum match for: eternal'],
    [{ session_lifetime: 0 }, 'Value 0 is less than minimum 1'],
    [{ idle_session_lifetime: 8761 }, 'Value 8761 is greater than maximum 8760'],
    [{ session_lifetime: '10' }, 'Expected type integer but found type string'],
    [{ pushed_authorization_requests_supported: false }, 'No enum match for: false'],
  ])('refuse %j and stay as they are', async (body, message) => {
    const tenant = aManagedTenant();
    expect(await call(tenant, 'PATCH /tenants/settings', { body })).toMatchObject(invalidBody(message));
    expect(await settingsOf(tenant).get()).toEqual(usual);
  });

  it.each([
    ['GET', 'update:tenant_settings'],
    ['PATCH', 'read:tenant_settings'],
  ])('are not for everybody: %s with %s', async (method, scope) => {
    const answer = await call(aManagedTenant({}, [scope]), `${method} /tenants/settings`);
    expect(answer).toMatchObject({ status: 403, body: { errorCode: 'insufficient_scope' } });
  });
});
