import { describe, expect, it } from '@jest/globals';
import type { Tenant } from '../../src/tenant/index.ts';
import { tenantBrowser } from '../support/tenant-browser.ts';
import {
  aCode,
  aTenant,
  authorizeUrl,
  codeGrant,
  codesOf,
  login,
  nonRotating,
  postToken,
  refresh,
  refusedAsUnknown,
  revoke,
  rotating,
} from './a-tenant.ts';

const unknown = 'the tenant has issued no such refresh token';

const isForgotten = (tenant: Tenant, token: unknown) =>
  tenant.explain(String(token)).reason.startsWith(unknown);

const settings = (lifetime: number, idle: number) => ({
  ...rotating,
  token_lifetime: lifetime,
  idle_token_lifetime: idle,
});

describe('a family that is over', () => {
  it('is told of as it ended, by the next login, and its tokens are forgotten', async () => {
    const tenant = aTenant();
    const { refresh_token } = await login(tenant);
    const { body } = await refresh(tenant, refresh_token);
    await refresh(tenant, refresh_token);
    tenant.clock.advance('30d');
    const [before] = tenant.families();
    await login(tenant);
    expect(tenant.families()).toHaveLength(2);
    expect(tenant.families()[0]).toEqual(before);
    expect(tenant.family(before?.familyId ?? '')).toMatchObject({
      endedBecause: 'reuse',
      latestCounter: 2,
      nodes: [{ counter: 1 }, { counter: 2 }],
    });
    for (const token of [refresh_token, body['refresh_token']]) {
      expect(isForgotten(tenant, token)).toBe(true);
      expect(await refresh(tenant, token)).toMatchObject(refusedAsUnknown);
      expect(tenant.journal.at(-1)).toMatchObject({
        type: 'fertft',
        reason: expect.stringContaining(unknown),
      });
    }
    await expect(tenant.replay(before?.familyId ?? '')).rejects.toThrow('is over');
  });

  it.each<[name: string, configured: Parameters<Tenant['updateClient']>[1]['refresh_token'], after: string]>([
    ['its lifetime has passed', settings(1000, 500), '1000s'],
    ['it was idle too long', settings(1000, 500), '500s'],
    [
      'it was idle too long and has no lifetime',
      { ...settings(1000, 500), infinite_token_lifetime: true },
      '500s',
    ],
  ])('is forgotten once %s, and not a millisecond earlier', async (_, configured, after) => {
    for (const [early, forgotten] of [
      [1, false],
      [0, true],
    ] as const) {
      const tenant = aTenant();
      tenant.updateClient('spa', { refresh_token: configured });
      const { refresh_token } = await login(tenant);
      if (after === '1000s') {
        tenant.clock.advance('499s'); // spent in time, so that its successor may outlive the idle lifetime
        const { body } = await refresh(tenant, refresh_token);
        tenant.clock.advance('499s');
        await refresh(tenant, body['refresh_token']);
        tenant.clock.advance(2000 - early);
      } else tenant.clock.advance(Number.parseInt(after, 10) * 1000 - early);
      await login(tenant);
      expect(isForgotten(tenant, refresh_token)).toBe(forgotten);
    }
  });

  it('that was revoked is remembered until its lifetime has passed', async () => {
    const tenant = aTenant();
    const { refresh_token } = await login(tenant);
    await revoke(tenant, { client_id: 'spa', token: String(refresh_token) });
    tenant.clock.advance('29d');
    await login(tenant);
    expect(tenant.explain(String(refresh_token)).reason).toBe('the family was revoked');
  });

  it('that was revoked and would have lived for ever is forgotten at once', async () => {
    const tenant = aTenant();
    tenant.updateClient('native', { refresh_token: nonRotating });
    const { refresh_token: revoked } = await login(tenant, { client_id: 'native' });
    const { refresh_token: kept } = await login(tenant, { client_id: 'native' });
    await revoke(tenant, { client_id: 'native', token: String(revoked) });
    tenant.clock.advance('9000d');
    await login(tenant);
    expect(isForgotten(tenant, revoked)).toBe(true);
    expect(await refresh(tenant, kept, { client_id: 'native' })).toMatchObject({ status: 200 });
  });

  it('leaves the superseded tokens of a family that lives', async () => {
    const tenant = aTenant();
    const { refresh_token } = await login(tenant);
    await refresh(tenant, refresh_token);
    tenant.clock.advance('29d');
    await login(tenant);
    await refresh(tenant, refresh_token);
    expect(codesOf(tenant).at(-1)).toBe('ferrt');
  });
});

describe('what else is over', () => {
  /** How much of each kind a tenant remembers. */
  function remembered(tenant: Tenant): Record<string, number> {
    const { state } = tenant.snapshot().remembered as { state: Record<string, unknown[]> };
    const kinds = ['codes', 'transactions', 'sessions', 'opaqueAccessTokens'];
    return Object.fromEntries(kinds.map((kind) => [kind, state[kind]?.length ?? 0]));
  }

  it('codes, unfinished logins, sessions and opaque access tokens are forgotten by those that follow', async () => {
    const tenant = aTenant();
    const browser = tenantBrowser(tenant);
    for (let visit = 1; visit <= 5; visit += 1) {
      await browser.visit(authorizeUrl());
      await aCode(tenant);
      await login(tenant, { audience: null });
    }
    expect(remembered(tenant)).toEqual({
      codes: 10,
      transactions: 5,
      sessions: 10,
      opaqueAccessTokens: 5,
    });
    tenant.clock.advance('8d');
    await browser.visit(authorizeUrl());
    expect(remembered(tenant)).toEqual({
      codes: 5, // whose refresh tokens live
      transactions: 1,
      sessions: 0,
      opaqueAccessTokens: 5, // until another is issued
    });
    tenant.clock.advance('30d');
    await login(tenant, { audience: null });
    expect(remembered(tenant)).toEqual({ codes: 1, transactions: 0, sessions: 1, opaqueAccessTokens: 1 });
  });

  it('a code that was used takes its refresh tokens along after weeks, too', async () => {
    const tenant = aTenant();
    const code = await aCode(tenant);
    const { body } = await postToken(tenant, codeGrant(code));
    tenant.clock.advance('20d');
    await login(tenant);
    expect(await postToken(tenant, codeGrant(code))).toMatchObject({ status: 403 });
    expect(await refresh(tenant, body['refresh_token'])).toMatchObject(refusedAsUnknown);
  });

  it('a code that was used takes along what its tokens were swapped for, weeks after the swap', async () => {
    const tenant = aTenant();
    const client_id = 'native';
    const code = await aCode(tenant, { client_id });
    const { body } = await postToken(tenant, codeGrant(code, { client_id }));
    tenant.updateClient(client_id, { refresh_token: rotating });
    const swapped = await refresh(tenant, body['refresh_token'], { client_id });
    tenant.clock.advance('14d');
    await login(tenant);
    await postToken(tenant, codeGrant(code, { client_id }));
    const { refresh_token } = swapped.body;
    expect(await refresh(tenant, refresh_token, { client_id })).toMatchObject(refusedAsUnknown);
  });

  it('opaque access tokens are forgotten where only refreshes follow', async () => {
    const tenant = aTenant();
    let token = (await login(tenant, { audience: null }))['refresh_token'];
    for (let day = 1; day <= 10; day += 1) {
      tenant.clock.advance('1d');
      token = (await refresh(tenant, token)).body['refresh_token'];
    }
    expect(remembered(tenant)).toMatchObject({ opaqueAccessTokens: 1 });
  });
});

it('an opaque access token from before the clock was turned back holds up none that expire', async () => {
  const tenant = aTenant();
  const noon = tenant.clock.now();
  tenant.clock.advance('365d');
  await login(tenant, { audience: null });
  tenant.clock.set(noon);
  for (let day = 1; day <= 5; day += 1) {
    tenant.clock.advance('1d');
    await login(tenant, { audience: null });
  }
  const { state } = tenant.snapshot().remembered as { state: Record<string, unknown[]> };
  expect(state['opaqueAccessTokens']).toHaveLength(2);
});

describe('what is kept', () => {
  it('of families that are over: the latest hundred, each with its newest fifty tokens', async () => {
    const tenant = aTenant();
    tenant.updateClient('spa', { refresh_token: settings(10, 10) });
    for (let family = 1; family <= 101; family += 1) await login(tenant);
    const [first, second] = tenant.families();
    let token = (await login(tenant))['refresh_token'];
    for (let counter = 1; counter < 60; counter += 1)
      token = (await refresh(tenant, token)).body['refresh_token'];
    tenant.clock.advance('10s');
    await login(tenant);
    expect(tenant.families()).toHaveLength(101); // and the one that lives
    expect(tenant.family(first?.familyId ?? '')).toBeUndefined();
    expect(tenant.family(second?.familyId ?? '')).toBeUndefined();
    const long = tenant.families().at(-2);
    expect(long).toMatchObject({ latestCounter: 60, verdict: 'expired', endedBecause: 'absolute_expiry' });
    expect(long?.nodes.map(({ counter }) => counter)).toEqual(Array.from({ length: 50 }, (_, at) => at + 11));
  });

  it('of the journal: the latest thousand entries', async () => {
    const tenant = aTenant();
    for (let entry = 1; entry <= 1002; entry += 1) await refresh(tenant, `guess`, { client_id: `c${entry}` });
    expect(tenant.journal).toHaveLength(1000);
    expect(tenant.journal[0]?.client_id).toBe('c3');
    expect(tenant.journal.at(-1)?.client_id).toBe('c1002');
  });
});
