/**
 * @jest-environment ./__tests__/support/jsdom-environment.js
 * @jest-environment-options {"url": "http://localhost:3000/"}
 *
 * The tenant's mishaps by name, with two SDKs side by side: ours and the published auth0-spa-js, each in a page of its own kind.
 */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Auth0Client } from '../../src/index.ts';
import { scenarioNames, type ScenarioName } from '../../src/tenant/index.ts';
import { ada, aStage, closePage, openPage, type Client, type Sdk, type Stage } from '../support/two-sdks.ts';

beforeEach(openPage);
afterEach(closePage);

/** A page that is signed in, and closed again. */
async function signedIn(sdk: Sdk): Promise<Stage> {
  const stage = aStage(sdk);
  stage.signIn(ada);
  expect(await stage.logIn(stage.open())).toBe('done');
  return stage;
}

const renew = (client: Client) => client.getTokenSilently({ cacheMode: 'off' });

interface Outcome {
  /** What the tenant says of a client that does everything right. */
  readonly promised: 'stays' | 'ends';
  /** Whether the user is signed in still, once the mishap is over: a page that is opened anew can renew. */
  readonly found: 'stays' | 'ends';
  /** What the calls during the mishap came to, and what `diagnose()` says of those that failed. */
  readonly told: readonly string[];
}

async function play(sdk: Sdk, name: ScenarioName): Promise<Outcome> {
  const { tenant, clientId, open, logIn, signIn, comesTo, pass } = await signedIn(sdk);
  const client = open();
  for (const _ of [1, 2]) expect(await comesTo(renew(client))).toBe('done'); // some mishaps need a past
  const { session: promised } = await tenant.scenario(name, { client_id: clientId });
  const pages = name === 'two-tabs' || name === 'out-of-order' ? [client, open()] : [client];
  const ends = await Promise.all(pages.map((page) => comesTo(renew(page))));
  const lines = sdk === 'latchkey' ? await diagnosed(pages as unknown as Auth0Client[]) : [];
  tenant.faults.clear();
  await pass(60); // whoever was told to wait has waited
  await comesTo(renew(open()));
  const found = (await comesTo(renew(open()))) === 'done' ? 'stays' : 'ends';
  if (promised === 'ends') {
    tenant.updateUser(ada, { blocked: false });
    signIn(ada);
    expect(await logIn(open())).toBe('done'); // whatever it was, a new login is good again
    expect(await comesTo(renew(open()))).toBe('done');
  }
  return { promised, found, told: ends.map((end, at) => (end === 'done' ? end : `${end}: ${lines[at]}`)) };
}

const diagnosed = (clients: readonly Auth0Client[]) =>
  Promise.all(clients.map(async (client) => (await client.diagnose()).cause));

const refused =
  /^invalid_grant: the refresh token was refused: it had expired, was revoked, or had been spent before$/;

/** What `diagnose()` says of the call that meets the mishap; where there is nothing, none fails. */
const causes: Readonly<Partial<Record<ScenarioName, RegExp>>> = {
  'lost-response-without-leeway':
    /^invalid_grant: the refresh token was refused after an answer had been lost/,
  'hang-12s': /^timeout: the answer took longer than the call could wait; it is kept when it comes$/,
  'theft-attacker-first': refused,
  'theft-victim-first': refused,
  'breach-then-login': refused,
  'second-to-last-replay': refused,
  'absolute-expiry': refused,
  'idle-expiry': refused,
  'revoked-from-console': refused,
  'device-credentials-deleted': refused,
  'user-blocked': refused,
  'mfa-required': /^mfa_required: the tenant asks for a second factor$/,
  '429-json': /^too_many_requests: the tenant had been asked too often$/,
  '429-html': /^request_error: the server answered with what is no OAuth error: a proxy, a limit/,
};

/** Where the published SDK loses a session that it need not lose. */
const lost: readonly ScenarioName[] = ['hang-12s', 'migration-out', 'no-id-token'];

describe.each(scenarioNames.map((name) => [name] as const))('%s', (name) => {
  it('latchkey comes out as well as a client can, and says why a call has failed', async () => {
    const { promised, found, told } = await play('latchkey', name);
    expect(found).toBe(promised);
    expect(told).toEqual(causes[name] ? [expect.stringMatching(causes[name])] : told.map(() => 'done'));
  });

  it(`auth0-spa-js ${lost.includes(name) ? 'loses the session' : 'does, too'}`, async () => {
    const { promised, found } = await play('auth0-spa-js', name);
    expect({ promised, found }).toEqual(
      lost.includes(name) ? { promised: 'stays', found: 'ends' } : { promised, found: promised },
    );
  });
});

describe('a scenario', () => {
  const fresh = () => signedIn('latchkey');

  it('says what was done', async () => {
    const { tenant, clientId } = await fresh();
    expect(await tenant.scenario('lost-response', { client_id: clientId })).toEqual({
      name: 'lost-response',
      what: 'the answer to the next refresh is lost after the rotation, within a leeway of 3 s',
      session: 'stays',
    });
    expect(tenant.faults.list()).toMatchObject([{ kind: 'drop-response', client_id: clientId }]);
  });

  it.each([
    ['that there is not', 'nonsense', undefined, /no scenario "nonsense", only rotate-each-time, /],
    ['of an inherited name', 'toString', undefined, /no scenario "toString"/],
    ['for a client that there is not', 'lost-response', 'none', /client "none" has no live refresh token/],
    ['for a token that is too young', 'theft-victim-first', undefined, /must have refreshed once before/],
    [
      'for a token that is too young by one',
      'second-to-last-replay',
      undefined,
      /must have refreshed twice before/,
    ],
  ])('%s is refused, and nothing changes', async (_, name, other, message) => {
    const { tenant, clientId } = await fresh();
    const client_id = other ?? clientId;
    const before = JSON.stringify(tenant.snapshot());
    await expect(tenant.scenario(name as ScenarioName, { client_id })).rejects.toThrow(RangeError);
    await expect(tenant.scenario(name as ScenarioName, { client_id })).rejects.toThrow(message);
    expect(JSON.stringify(tenant.snapshot())).toBe(before);
  });

  it.each([
    'rotate-each-time',
    'lost-response-without-leeway',
    'theft-attacker-first',
    'migration-in',
  ] as const)('%s is refused where nothing rotates', async (name) => {
    const { tenant, clientId, open, comesTo } = await fresh();
    await tenant.scenario('migration-out', { client_id: clientId });
    await comesTo(renew(open()));
    await expect(tenant.scenario(name, { client_id: clientId })).rejects.toThrow(/not rotate/);
  });

  it('of a theft says so where an earlier one meets the thief instead of the client', async () => {
    const { tenant, clientId } = await fresh();
    await tenant.scenario('500-json', { client_id: clientId });
    await expect(tenant.scenario('theft-attacker-first', { client_id: clientId })).rejects.toThrow(
      RangeError,
    );
    expect((await tenant.scenario('theft-attacker-first', { client_id: clientId })).session).toBe('ends');
  });

  it('of a migration leaves no spent token that could be swapped', async () => {
    const { tenant, clientId, open, comesTo } = await fresh();
    await comesTo(renew(open()));
    const { familyId = '' } = tenant.families()[0] ?? {};
    await tenant.scenario('migration-in', { client_id: clientId });
    expect(tenant.family(familyId)).toMatchObject({ rotating: false, latestCounter: 1, nodes: [{}] });
    expect((await tenant.replay(familyId, 1)).status).toBe(200);
  });
});
