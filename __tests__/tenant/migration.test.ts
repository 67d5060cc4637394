import { describe, expect, it } from '@jest/globals';
import type { Tenant } from '../../src/tenant/index.ts';
import { tenantBrowser } from '../support/tenant-browser.ts';
import {
  aCode,
  ada,
  api,
  aTenant,
  authorizeUrl,
  codeGrant,
  codesOf,
  configuration,
  grace,
  login,
  nonRotating,
  postToken,
  refresh,
  refusedAsUnknown,
  rotating,
  successorOf,
  userinfo,
} from './a-tenant.ts';

const elsewhere = 'https://elsewhere.example';
const native = configuration.clients[2];

/** Two native clients that do not rotate, and two APIs. */
const aTenantOfDevices = () =>
  aTenant({
    clients: [...configuration.clients, { ...native, client_id: 'tablet' }],
    resource_servers: [
      { identifier: api, allow_offline_access: true },
      { identifier: elsewhere, allow_offline_access: true },
    ],
  });

const switchOn = (tenant: Tenant) => tenant.updateClient('native', { refresh_token: rotating });
const switchOff = (tenant: Tenant) => tenant.updateClient('native', { refresh_token: nonRotating });

/** The refresh token of a new login, on a device of its own. */
const aDevice = async (tenant: Tenant, changes: Record<string, string | null> = {}, email = ada.email) =>
  (await login(tenant, { client_id: 'native', ...changes }, email))['refresh_token'];

const exchange = (tenant: Tenant, token: unknown, client_id = 'native') =>
  refresh(tenant, token, { client_id });
const swap = (tenant: Tenant, token: unknown) => successorOf(tenant, token, { client_id: 'native' });
const verdicts = (tenant: Tenant) => tenant.families().map(({ verdict }) => verdict);

describe('rotation, a setting', () => {
  it('R1: is of one client: the tokens of another one, of the same user and API, stay as they are', async () => {
    const tenant = aTenantOfDevices();
    const token = await aDevice(tenant, { client_id: 'tablet' });
    switchOn(tenant);
    await swap(tenant, await aDevice(tenant));
    for (const _ of [1, 2]) {
      const { status, body } = await exchange(tenant, token, 'tablet');
      expect(status).toBe(200);
      expect(body).not.toHaveProperty('refresh_token');
    }
  });

  it('R3: interrupts nobody: the next refresh succeeds with no session, no cookie, and no page in between', async () => {
    const tenant = aTenantOfDevices();
    const token = await aDevice(tenant);
    tenant.clock.advance('8d'); // the session at the tenant is over
    const before = tenant.journal.length;
    switchOn(tenant);
    const { status, body } = await exchange(tenant, token);
    expect(status).toBe(200);
    expect(body).toMatchObject({ access_token: expect.any(String), id_token: expect.any(String) });
    expect(codesOf(tenant).slice(before)).toEqual(['sertft']);
  });

  it('R4: swaps the token at its next exchange for one that rotates, and the old one is dead at once', async () => {
    const tenant = aTenantOfDevices();
    const token = await aDevice(tenant);
    switchOn(tenant);
    const first = await swap(tenant, token);
    expect(first).not.toBe(token);
    expect(await exchange(tenant, token)).toMatchObject(refusedAsUnknown);
    const second = await swap(tenant, first);
    expect(new Set([token, first, second]).size).toBe(3);
    expect(tenant.families()).toMatchObject([
      { rotating: false, endedBecause: 'migration' },
      { rotating: true, verdict: 'live', latestCounter: 2 },
    ]);
  });

  it('R5: revives no token that had expired before its first exchange', async () => {
    const tenant = aTenantOfDevices();
    tenant.updateClient('native', {
      refresh_token: { rotation_type: 'non-rotating', expiration_type: 'expiring', token_lifetime: 100 },
    });
    const token = await aDevice(tenant);
    switchOn(tenant);
    tenant.clock.advance('100s');
    expect(await exchange(tenant, token)).toMatchObject(refusedAsUnknown);
    expect(tenant.families()).toMatchObject([{ rotating: false, verdict: 'expired' }]);
  });

  it('R6: brings with every exchange an access token and a refresh token that never were there before', async () => {
    const tenant = aTenantOfDevices();
    switchOn(tenant);
    let refreshToken = await aDevice(tenant);
    const seen = new Set([refreshToken]);
    for (let round = 1; round <= 5; round += 1) {
      const { body } = await exchange(tenant, refreshToken);
      seen.add(body['access_token']).add(body['refresh_token']);
      expect(seen.size).toBe(1 + 2 * round);
      refreshToken = body['refresh_token'];
    }
  });

  it('R6: brings no refresh token where it is off: the client keeps its own', async () => {
    const tenant = aTenantOfDevices();
    const token = await aDevice(tenant);
    for (const _ of [1, 2]) {
      const { status, body } = await exchange(tenant, token);
      expect(status).toBe(200);
      expect(body).not.toHaveProperty('refresh_token');
      tenant.clock.advance('400d');
    }
  });

  it('R7: lets the code exchange itself begin a family that rotates', async () => {
    const tenant = aTenantOfDevices();
    switchOn(tenant);
    const token = await aDevice(tenant);
    expect(tenant.families()).toMatchObject([{ rotating: true, latestCounter: 1 }]);
    expect(await swap(tenant, token)).toBeDefined();
  });

  it('R8: leaves no token of the old kind usable, whichever way it is switched, and needs no other call for that', async () => {
    const tenant = aTenantOfDevices();
    const [a, b] = [await aDevice(tenant), await aDevice(tenant)];
    switchOn(tenant);
    const c = await swap(tenant, a);
    const d = await swap(tenant, c);
    switchOff(tenant);
    const e = await swap(tenant, d);
    switchOn(tenant);
    const f = await swap(tenant, e);
    for (const old of [a, b, c, d, e]) expect(await exchange(tenant, old)).toMatchObject(refusedAsUnknown);
    expect(verdicts(tenant).filter((verdict) => verdict === 'live')).toHaveLength(1);
    expect(await exchange(tenant, f)).toMatchObject({ status: 200 });
    expect(codesOf(tenant)).not.toContain('ferrt');
  });

  it('R24: may be switched on for a client without the refresh token grant, which then gets no refresh token', async () => {
    const tenant = aTenant({ clients: [{ ...native, grant_types: ['authorization_code'] }] });
    expect(switchOn(tenant)).toMatchObject(rotating);
    const tokens = await login(tenant, { client_id: 'native' });
    expect(tokens).not.toHaveProperty('refresh_token');
    expect(await exchange(tenant, 'x')).toMatchObject({
      status: 403,
      body: { error: 'unauthorized_client' },
    });
  });

  it('R65: switched off, ends nothing by itself', async () => {
    const tenant = aTenantOfDevices();
    switchOn(tenant);
    const tokens = [await aDevice(tenant), await aDevice(tenant)];
    switchOff(tenant);
    expect(verdicts(tenant)).toEqual(['live', 'live']);
    for (const token of tokens) expect(await exchange(tenant, token)).toMatchObject({ status: 200 });
  });
});

describe('from not rotating to rotating', () => {
  it('R9: one exchange ends all tokens of the same user, client and API, on every device', async () => {
    const tenant = aTenantOfDevices();
    const devices = [await aDevice(tenant), await aDevice(tenant), await aDevice(tenant)];
    switchOn(tenant);
    const swapped = await swap(tenant, devices[0]);
    for (const old of devices) expect(await exchange(tenant, old)).toMatchObject(refusedAsUnknown);
    expect(await exchange(tenant, swapped)).toMatchObject({ status: 200 });
  });

  it('R9: so does it where there is no API', async () => {
    const tenant = aTenantOfDevices();
    const devices = [await aDevice(tenant, { audience: null }), await aDevice(tenant, { audience: null })];
    switchOn(tenant);
    await swap(tenant, devices[1]);
    expect(await exchange(tenant, devices[0])).toMatchObject(refusedAsUnknown);
  });

  it.each<[string, { client_id?: string; audience?: string | null; email?: string }]>([
    ['another API', { audience: elsewhere }],
    ['no API', { audience: null }],
    ['another client', { client_id: 'tablet' }],
    ['another user', { email: grace }],
  ])('R10: a token for %s survives that', async (_, { email, ...changes }) => {
    const tenant = aTenantOfDevices();
    const other = await aDevice(tenant, changes, email);
    const own = await aDevice(tenant);
    switchOn(tenant);
    await swap(tenant, own);
    expect(verdicts(tenant)).toEqual(['live', 'revoked', 'live']);
    expect(await exchange(tenant, other, changes.client_id)).toMatchObject({ status: 200 });
  });

  it('R10: so does a token of another tenant', async () => {
    const [tenant, neighbour] = [aTenantOfDevices(), aTenantOfDevices()];
    const [own, other] = [await aDevice(tenant), await aDevice(neighbour)];
    switchOn(tenant);
    await swap(tenant, own);
    expect(await exchange(neighbour, other)).toMatchObject({ status: 200 });
  });

  it('R11: a family of the same user, client and API that rotates already goes on', async () => {
    const tenant = aTenantOfDevices();
    switchOn(tenant);
    const early = await aDevice(tenant);
    switchOff(tenant);
    const late = await aDevice(tenant);
    switchOn(tenant);
    await swap(tenant, late);
    expect(verdicts(tenant)).toEqual(['live', 'revoked', 'live']);
    expect(await exchange(tenant, early)).toMatchObject({ status: 200 });
  });

  it.each([0, 60])(
    'R12: what was swapped is unknown, not reused, at leeway %i: a late device harms none',
    async (leeway) => {
      const tenant = aTenantOfDevices();
      const [a, b] = [await aDevice(tenant), await aDevice(tenant)];
      tenant.updateClient('native', { refresh_token: { ...rotating, leeway } });
      const swapped = await swap(tenant, a);
      for (const old of [b, a]) {
        expect(await exchange(tenant, old)).toMatchObject(refusedAsUnknown);
        expect(codesOf(tenant).at(-1)).toBe('fertft');
      }
      expect(await exchange(tenant, swapped)).toMatchObject({ status: 200 });
    },
  );
});

describe('from rotating to not rotating', () => {
  /** Tokens 1 and 2 of a family whose client does not rotate any more. */
  async function twoTokens() {
    const tenant = aTenantOfDevices();
    switchOn(tenant);
    const first = await aDevice(tenant);
    const second = await swap(tenant, first);
    switchOff(tenant);
    return { tenant, first, second };
  }

  it('R13: the newest token is swapped once for one that stays, and its family is revoked', async () => {
    const { tenant, second } = await twoTokens();
    const swapped = await swap(tenant, second);
    expect(swapped).toEqual(expect.any(String));
    expect(swapped).not.toBe(second);
    expect(tenant.families()).toMatchObject([
      { rotating: true, verdict: 'revoked', endedBecause: 'migration' },
      { rotating: false, verdict: 'live', expiresAt: null },
    ]);
  });

  it('R14: every member of the family is refused from then on, and what took its place is good again and again', async () => {
    const { tenant, first, second } = await twoTokens();
    const swapped = await swap(tenant, second);
    for (const old of [first, second]) expect(await exchange(tenant, old)).toMatchObject(refusedAsUnknown);
    for (const _ of [1, 2, 3]) expect(await swap(tenant, swapped)).toBeUndefined();
    expect(codesOf(tenant)).not.toContain('ferrt');
  });

  it('R15: a spent token that is presented before that is reuse all the same', async () => {
    const { tenant, first, second } = await twoTokens();
    expect(await exchange(tenant, first)).toMatchObject(refusedAsUnknown);
    expect(codesOf(tenant).at(-1)).toBe('ferrt');
    expect(await exchange(tenant, second)).toMatchObject(refusedAsUnknown);
  });

  it('R15: and is forgiven within the leeway that the client still has', async () => {
    const { tenant, first } = await twoTokens();
    tenant.updateClient('native', { refresh_token: { ...nonRotating, leeway: 10 } });
    tenant.clock.advance('10s');
    expect(await exchange(tenant, first)).toMatchObject({ status: 200 });
    expect(codesOf(tenant)).not.toContain('ferrt');
  });
});

describe('two tenants in one process', () => {
  it('R16: know nothing of each other’s users, sessions, codes, tokens and settings', async () => {
    const [tenant, neighbour] = [aTenant(), aTenant({ seed: 'neighbour' })];
    const { refresh_token } = await login(tenant);
    const code = await aCode(tenant);
    const opaque = await login(tenant, { audience: null });
    const { cookie } = tenant.signIn(ada.email, { client_id: 'spa' });

    expect(await refresh(neighbour, refresh_token)).toMatchObject(refusedAsUnknown);
    expect(await postToken(neighbour, codeGrant(code))).toMatchObject({ status: 403 });
    expect((await userinfo(neighbour, opaque['access_token'])).status).toBe(401);
    const browser = tenantBrowser(neighbour);
    browser.setCookie(cookie);
    const { url } = await browser.visit(authorizeUrl({ prompt: 'none' }));
    expect(url.searchParams.get('error')).toBe('login_required');

    neighbour.updateUser(ada.email, { blocked: true });
    neighbour.updateClient('spa', { refresh_token: null });
    neighbour.clock.advance('400d');
    expect(await successorOf(tenant, refresh_token)).toEqual(expect.any(String));
    expect(neighbour.families()).toEqual([]);
  });

  it('R16: take no access token of each other, even where they sign with the same published key', async () => {
    const [tenant, neighbour] = [aTenant(), aTenant({ baseUrl: 'http://localhost:4401' })];
    const { access_token } = await login(tenant);
    expect((await userinfo(tenant, access_token)).status).toBe(200);
    expect((await userinfo(neighbour, access_token)).status).toBe(401);
  });
});
