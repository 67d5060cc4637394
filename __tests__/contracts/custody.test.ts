/** What custody promises, in the page and behind the message port of a worker. */
import { describe, expect, it } from '@jest/globals';
import type { Target } from '../../src/core/target.ts';
import { endpointsAt } from '../../src/core/endpoints.ts';
import { readSettings } from '../../src/core/settings.ts';
import { createCustody, type AdoptableFamily, type Custody } from '../../src/custody/custody.ts';
import { createMemoryRecordStore } from '../../src/custody/memory-record-store.ts';
import { createPageLocks } from '../../src/custody/page-locks.ts';
import { startRemoteCustody } from '../../src/custody/remote-custody.ts';
import { GenericError, InvalidIdTokenError, NetworkError, TimeoutError } from '../../src/errors.ts';
import { codeChallenge } from '../../src/oauth/pkce.ts';
import { decodeJwt } from '../../src/oauth/jwt.ts';
import { ada, app, audience, createWorld, grace, tenantUrl, type Tab, type World } from '../support/world.ts';
import { watch } from '../support/invariants.ts';

const hour = 3600 * 1000;
const scope = 'openid profile email offline_access read:things';
const wanted: Pick<Target, 'audience' | 'scope'> = { audience, scope };
const limit = 10_000;

const settings = readSettings({
  domain: tenantUrl,
  clientId: 'spa',
  useRefreshTokens: true,
  authorizationParams: { audience, redirect_uri: app },
});

const sides: Readonly<Record<string, (tab: Tab) => Custody | Promise<Custody>>> = {
  'in the page': ({ env }) =>
    createCustody(settings, env, createMemoryRecordStore(), createPageLocks(env.timers)),
  'in a worker': ({ env }) =>
    startRemoteCustody(settings, { url: undefined, fallback: 'error' }, env, async () =>
      endpointsAt(settings),
    ),
};

/** A code of the tenant's for a user who has just signed in there. */
async function codeFor(tab: Tab, email = ada) {
  await tab.login(email);
  const code_verifier = 'v'.repeat(43);
  const url = new URL('/authorize', tenantUrl);
  url.search = new URLSearchParams({
    client_id: 'spa',
    response_type: 'code',
    redirect_uri: app,
    audience,
    scope,
    code_challenge: await codeChallenge(code_verifier, tab.env.cryptography.sha256),
    code_challenge_method: 'S256',
  }).toString();
  tab.env.page.navigate(url.href);
  const { headers } = await tab.follow();
  const code = new URL(headers.get('location') ?? '').searchParams.get('code') ?? '';
  return { code, code_verifier, redirect_uri: app, scope };
}

async function redeemed(custody: Custody, tab: Tab, email = ada) {
  const { receipt, answer } = await custody.redeem(await codeFor(tab, email));
  const { sub } = decodeJwt(answer.id_token ?? '').claims as { sub: string };
  const family: AdoptableFamily = { ...wanted, identity: { sub }, answer };
  return { receipt, answer, family };
}

/** One family, whose access token has expired. */
async function expired(custody: Custody, tab: Tab, world: World) {
  const { receipt, family } = await redeemed(custody, tab);
  await custody.adopt(receipt, family);
  await world.advance(2 * hour);
  const seen = { generation: 1, failures: 0 };
  const spend = () => custody.spend({ ...wanted, identity: family.identity }, seen, limit);
  const refreshes = () => world.refreshes().length;
  return { family, spend, refreshes };
}

describe.each(Object.entries(sides))('custody %s', (_, open) => {
  it('holds what a login brought when it is adopted, and tells whose it is', async () => {
    const world = createWorld();
    const tab = world.openTab();
    const custody = await open(tab);
    const { receipt, family } = await redeemed(custody, tab);
    expect(await custody.look(wanted)).toMatchObject({ family: { state: 'none' }, heads: 0 });
    expect(await custody.adopt(receipt, family)).toBe(0);
    expect(await custody.look(wanted)).toMatchObject({
      family: { state: 'live', generation: 1, failures: 0 },
      answer: { token: family.answer.token },
      signedIn: { ...family.identity, id_token: family.answer.id_token },
      heads: 1,
      logouts: 0,
    });
  });

  it('spends one head for all who ask, and serves the answer to who comes later', async () => {
    const world = createWorld();
    const tab = world.openTab();
    const custody = await open(tab);
    const { spend, family } = await expired(custody, tab, world);
    const [one, other] = await Promise.all([spend(), spend()]);
    const late = await spend();
    expect(one).toMatchObject({ kind: 'answer', identity: family.identity });
    expect(other).toEqual(one);
    expect(late).toMatchObject({
      kind: 'answer',
      answer: { token: (one as { answer: { token: object } }).answer.token },
    });
    expect(world.refreshes()).toHaveLength(1);
  });

  it('tells nobody a refresh token', async () => {
    const world = createWorld();
    const tab = world.openTab();
    const custody = await open(tab);
    const { receipt, answer, family } = await redeemed(custody, tab);
    const told: unknown[] = [receipt, answer, await custody.adopt(receipt, family)];
    await world.advance(2 * hour);
    const spend = () => custody.spend(wanted, { generation: 1, failures: 0 }, limit);
    told.push(await spend(), await spend(), await custody.look(wanted));
    world.faults.push({ kind: 'drop-after' }, { kind: 'drop-after' });
    const next = { generation: 2, failures: 0 };
    const thrown = (await custody
      .spend(wanted, next, limit)
      .catch((error: unknown) => error)) as GenericError;
    told.push({ ...thrown, message: thrown.message, cause: String(thrown.cause) });
    const text = JSON.stringify(told);
    const secrets = world.refreshes().map(({ form }) => form.get('refresh_token') ?? '');
    expect(secrets).toHaveLength(3);
    for (const secret of secrets) expect(text).not.toContain(secret);
    expect(text).not.toContain('"v1.');
  });

  it('ends a family that the tenant refuses, with the cause', async () => {
    const world = createWorld();
    const tab = world.openTab();
    const custody = await open(tab);
    const { spend } = await expired(custody, tab, world);
    world.faults.push({ kind: 'answer', status: 403, body: '{"error":"invalid_grant"}' });
    expect(await spend()).toEqual({ kind: 'moved' });
    expect(await custody.look(wanted)).toMatchObject({
      family: { state: 'ended', generation: 2 },
      endedBy: 'refused',
      ends: 1,
      heads: 0,
    });
  });

  it('quarantines a family whose refresh brings somebody else’s ID token, and says why', async () => {
    const world = createWorld();
    const tab = world.openTab();
    const custody = await open(tab);
    const hers = (await redeemed(custody, world.openTab(), grace)).answer.id_token;
    const { spend } = await expired(custody, tab, world);
    world.faults.push({ kind: 'alter', alter: (body) => ({ ...body, id_token: hers }) });
    const outcome = await spend();
    expect(outcome).toMatchObject({
      kind: 'quarantined',
      cause: { error: 'invalid_id_token', reason: 'subject' },
    });
    expect((outcome as { cause: unknown }).cause).toBeInstanceOf(InvalidIdTokenError);
    expect(await custody.look(wanted)).toMatchObject({ endedBy: 'invalid_id_token' });
  });

  it('throws errors of their class, with all that they tell', async () => {
    const world = createWorld();
    const tab = world.openTab();
    const custody = await open(tab);
    const { spend } = await expired(custody, tab, world);
    world.faults.push({ kind: 'drop-before' }, { kind: 'drop-before' });
    const lost = await spend().catch((error: unknown) => error);
    expect(lost).toBeInstanceOf(NetworkError);
    expect(lost).toMatchObject({
      reason: 'outcome_unknown',
      retryable: true,
      message: expect.stringContaining(app) as unknown,
    });
    expect((lost as NetworkError).cause).toMatchObject({ name: 'TypeError', message: 'Failed to fetch' });

    world.faults.push({ kind: 'answer', status: 400, body: '{"error":"odd","error_description":"Words."}' });
    const declined = await custody
      .spend(wanted, { generation: 1, failures: 1 }, limit)
      .catch((error: unknown) => error);
    expect(declined).toBeInstanceOf(GenericError);
    expect(declined).toMatchObject({
      name: 'GenericError',
      error: 'odd',
      error_description: 'Words.',
      message: 'Words.',
    });
    await expect(custody.redeem({ ...(await codeFor(tab)), code: 'wrong' })).rejects.toMatchObject({
      error: 'invalid_grant',
    });
  });

  it('keeps a slow answer whose caller has gone', async () => {
    const world = createWorld();
    const tab = world.openTab();
    const custody = await open(tab);
    const { spend } = await expired(custody, tab, world);
    world.faults.push({ kind: 'slow', by: 12_000 });
    const call = watch(world, spend());
    await world.advance(11_000);
    expect(call.error).toBeInstanceOf(TimeoutError);
    expect(call.error).toMatchObject({ reason: 'still_waiting', retryable: true });
    await world.advance(2000);
    expect(await spend()).toMatchObject({ kind: 'answer' });
    expect(world.refreshes()).toHaveLength(1);
  });

  it('ends everything at a logout, and revokes it meanwhile', async () => {
    const world = createWorld();
    const tab = world.openTab();
    const custody = await open(tab);
    const { spend } = await expired(custody, tab, world);
    const { revoked } = await custody.end({});
    expect(await custody.look(wanted)).toMatchObject({ endedBy: 'logout', logouts: 1, heads: 0 });
    await revoked;
    expect(world.tenant.families().at(-1)).toMatchObject({ verdict: 'revoked' });
    expect(await spend()).toEqual({ kind: 'moved' });
  });

  it('revokes what a login brought that was discarded', async () => {
    const world = createWorld();
    const tab = world.openTab();
    const custody = await open(tab);
    const { receipt } = await redeemed(custody, tab);
    await custody.discard(receipt);
    expect(world.tenant.families().at(-1)).toMatchObject({ verdict: 'revoked' });
  });

  it('disposed of, sends nothing more', async () => {
    const world = createWorld();
    const tab = world.openTab();
    const custody = await open(tab);
    const { spend } = await expired(custody, tab, world);
    const call = watch(world, spend());
    custody.dispose();
    await world.advance(20_000);
    expect(call.error).toMatchObject({ error: 'disposed' });
    expect(world.refreshes()).toHaveLength(0);
  });
});
