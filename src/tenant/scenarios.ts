/**
 * Mishaps by name, so that any SDK can be put through them: what a rotating refresh token meets in the lives of honest users,
 * and of robbed ones. Each is about the newest live family of a client, and strikes from the client's next refresh on.
 */
import type { Seconds } from '../clock.ts';
import { joinScopes, scopeNames } from '../oauth/scope.ts';
import { BrokenConnectionError } from './broken-connection-error.ts';
import { familyPolicy, type TenantContext } from './context.ts';
import type { Tenant } from './create-tenant.ts';
import { deleteGrantOf, endFamilies, liveFamilies } from './families.ts';
import type { Fault } from './faults.ts';
import { itemsOf, listOf } from './persistent-list.ts';
import { headOf, type RefreshTokenFamily } from './refresh-token-family.ts';

/** What was done, and what a client that does everything right comes out with. */
export interface Scenario {
  readonly name: ScenarioName;
  /** In a sentence. */
  readonly what: string;
  /**
   * Whether the user is still signed in when it is over. `ends`: by the rules of rotation, whatever the client does. `stays`: a
   * call may fail meanwhile, and a later one succeeds.
   */
  readonly session: 'stays' | 'ends';
}

interface Stage {
  readonly context: TenantContext;
  readonly tenant: Tenant;
  readonly family: RefreshTokenFamily;
}

interface Script extends Omit<Scenario, 'name'> {
  /** Why it cannot be played with this family, or nothing. */
  readonly lacks?: (family: RefreshTokenFamily) => string | undefined;
  /** Only of a token that rotates. */
  readonly leeway?: Seconds;
  readonly fault?: Omit<Fault, 'client_id'>;
  readonly act?: (stage: Stage) => void | Promise<unknown>;
}

const refreshes = { grant: 'refresh_token' } as const;

/** One status, one body: a client may tell JSON from what it cannot read. */
const unavailable = (status: 429 | 500, body: 'json' | 'html'): Script => ({
  what: `the next refresh is answered by ${status} and ${body}; nothing is consumed`,
  session: 'stays',
  fault: { ...refreshes, kind: 'status', status, body, ...(status === 429 && { retryAfter: 1 }) },
});

/** So many tokens before the newest were spent, and whoever has one may use it. */
const stealable =
  (count: number) =>
  (family: RefreshTokenFamily): string | undefined => {
    if (family.jkt !== null) return 'its refresh token is bound to a key, which nobody can steal';
    return headOf(family).counter > count
      ? undefined
      : `it must have refreshed ${count === 1 ? 'once' : 'twice'} before`;
  };

/** Somebody presents the token that lies so many before the newest. */
const presentStolen =
  (age: number) =>
  async ({ context, tenant, family }: Stage): Promise<void> => {
    const { familyId, clientId } = family;
    await tenant.replay(familyId, headOf(family).counter - age).catch((error: unknown) => {
      if (!(error instanceof BrokenConnectionError)) throw error; // the answer was lost: what counts is below
    });
    if (context.state.families.get(familyId) === family)
      throw new RangeError(`client "${clientId}": whoever stole the token was refused or met a fault`);
  };

/** It has its newest token alone, as if it had never rotated. */
function stopRotating({ context: { state }, family }: Stage): void {
  const { familyId, tokens } = family;
  const token = { ...headOf(family), counter: 1, parentCounter: null };
  for (const { value } of itemsOf(tokens)) if (value !== token.value) state.refreshTokens.delete(value);
  state.families.set(familyId, { ...family, rotating: false, tokens: listOf(token) });
}

/** Written out, so that the types of the package do not show how each is played. */
export type ScenarioName =
  | 'rotate-each-time'
  | 'two-tabs'
  | 'lost-response'
  | 'lost-response-without-leeway'
  | 'hang-12s'
  | 'duplicate-submit'
  | 'out-of-order'
  | 'server-unreachable'
  | 'theft-attacker-first'
  | 'theft-victim-first'
  | 'breach-then-login'
  | 'second-to-last-replay'
  | 'absolute-expiry'
  | 'idle-expiry'
  | 'migration-out'
  | 'migration-in'
  | 'revoked-from-console'
  | 'device-credentials-deleted'
  | 'user-blocked'
  | 'mfa-required'
  | '429-json'
  | '429-html'
  | '500-json'
  | '500-html'
  | 'nonce-churn'
  | 'scope-narrowed'
  | 'no-id-token'
  | 'clock-jump'
  | 'key-rotation';

const scripts: Readonly<Record<ScenarioName, Script>> = {
  'rotate-each-time': {
    what: 'nothing goes wrong: every refresh gives a new token, without a leeway',
    session: 'stays',
    leeway: 0,
  },
  'two-tabs': {
    what: 'nothing goes wrong, without a leeway; to be run with two pages that refresh at the same moment',
    session: 'stays',
    leeway: 0,
  },
  'lost-response': {
    what: 'the answer to the next refresh is lost after the rotation, within a leeway of 3 s',
    session: 'stays',
    leeway: 3,
    fault: { ...refreshes, kind: 'drop-response', cut: 'start' },
  },
  'lost-response-without-leeway': {
    what: 'the answer to the next refresh is lost after the rotation, and there is no leeway',
    session: 'ends',
    leeway: 0,
    fault: { ...refreshes, kind: 'drop-response', cut: 'start' },
  },
  'hang-12s': {
    what: 'the answer to the next refresh comes 12 s late, at a leeway of 3 s',
    session: 'stays',
    leeway: 3,
    fault: { ...refreshes, kind: 'delay', ms: 12_000 },
  },
  'duplicate-submit': {
    what: 'something on the way sends the next refresh twice, within a leeway of 3 s; the second answer arrives',
    session: 'stays',
    leeway: 3,
    fault: { ...refreshes, kind: 'duplicate' },
  },
  'out-of-order': {
    what: 'the answer to the next refresh is held until another refresh was answered, or 5 s; the leeway is 30 s',
    session: 'stays',
    leeway: 30,
    fault: { ...refreshes, kind: 'reorder', ms: 5_000 },
  },
  'server-unreachable': {
    what: 'the next refresh never arrives, and there is no leeway',
    session: 'stays',
    leeway: 0,
    fault: { ...refreshes, kind: 'drop-request' },
  },
  'theft-attacker-first': {
    what: 'somebody has exchanged the newest refresh token before the client does, and there is no leeway',
    session: 'ends',
    lacks: stealable(0),
    leeway: 0,
    act: presentStolen(0),
  },
  'theft-victim-first': {
    what: 'somebody presents a refresh token that the client has spent, and there is no leeway',
    session: 'ends',
    lacks: stealable(1),
    leeway: 0,
    act: presentStolen(1),
  },
  'breach-then-login': {
    what: 'somebody has presented a spent refresh token, which ended the family; the user signs in again',
    session: 'ends',
    lacks: stealable(1),
    leeway: 0,
    act: presentStolen(1),
  },
  'second-to-last-replay': {
    what: 'somebody presents the token before the last one, within its leeway',
    session: 'ends',
    lacks: stealable(2),
    leeway: 3600,
    act: presentStolen(2),
  },
  'absolute-expiry': {
    what: 'the lifetime of the family is over',
    session: 'ends',
    lacks: ({ expiresAt }) => (expiresAt === null ? 'its refresh token does not expire' : undefined),
    act: ({ tenant, family }) => tenant.clock.set(family.expiresAt ?? 0),
  },
  'idle-expiry': {
    what: 'the family was not used for longer than its idle lifetime',
    session: 'ends',
    lacks: (family) =>
      headOf(family).idleExpiresAt === null ? 'its refresh token has no idle lifetime' : undefined,
    act: ({ tenant, family }) => tenant.clock.set(headOf(family).idleExpiresAt ?? 0),
  },
  'migration-out': {
    what: 'rotation is switched off',
    session: 'stays',
    act: ({ tenant, family }) =>
      void tenant.updateClient(family.clientId, {
        refresh_token: { rotation_type: 'non-rotating', expiration_type: 'non-expiring' },
      }),
  },
  'migration-in': {
    what: 'rotation is switched on for a token that did not rotate: the next refresh swaps it',
    session: 'stays',
    lacks: ({ rotating }) => (rotating ? undefined : 'its refresh token does not rotate anyway'),
    act: stopRotating,
  },
  'revoked-from-console': {
    what: 'an administrator revokes the refresh token',
    session: 'ends',
    act: ({ context, family }) =>
      endFamilies(context, 'admin', ({ familyId }) => familyId === family.familyId),
  },
  'device-credentials-deleted': {
    what: 'a device credential of the user is deleted, and the grant with it',
    session: 'ends',
    act: ({ context, family }) => deleteGrantOf(context, family),
  },
  'user-blocked': {
    what: 'the user is blocked; unblocked, they would be signed in again',
    session: 'ends',
    act: ({ context: { state }, family }) => {
      const user = state.users.get(family.userId);
      if (user) state.users.set(user.user_id, { ...user, blocked: true });
    },
  },
  'mfa-required': {
    what: 'the next refresh is asked for a second factor; nothing is consumed',
    session: 'stays',
    fault: { ...refreshes, kind: 'mfa-required' },
  },
  '429-json': unavailable(429, 'json'),
  '429-html': unavailable(429, 'html'),
  '500-json': unavailable(500, 'json'),
  '500-html': unavailable(500, 'html'),
  'nonce-churn': {
    what: 'the DPoP nonces that the client holds are worth nothing at the next refresh',
    session: 'stays',
    fault: { ...refreshes, kind: 'nonce-churn' },
  },
  'scope-narrowed': {
    what: 'the grant loses every scope of the API, and keeps those of OpenID Connect',
    session: 'stays',
    act: ({ context: { state }, family }) => {
      const defined = (state.resourceServers.get(family.audience ?? '')?.scopes ?? []).map(
        ({ value }) => value,
      );
      const scope = scopeNames(family.scope).filter((name) => !defined.includes(name));
      state.families.set(family.familyId, { ...family, scope: joinScopes(...scope) });
    },
  },
  'no-id-token': {
    what: 'the answer to the next refresh has no ID token',
    session: 'stays',
    fault: { ...refreshes, kind: 'omit', members: ['id_token'] },
  },
  'clock-jump': {
    what: 'the clocks of client and tenant part by an hour',
    session: 'stays',
    act: ({ tenant }) => tenant.clock.advance('1h'),
  },
  'key-rotation': {
    what: 'the tenant signs with a fresh key from the next refresh on',
    session: 'stays',
    fault: { ...refreshes, kind: 'rotate-key' },
  },
};

/** In the order in which they are documented. */
export const scenarioNames = Object.keys(scripts) as readonly ScenarioName[];

/** @throws {RangeError} when there is no such scenario, or the client has no refresh token that it could happen to */
export async function stage(
  context: TenantContext,
  tenant: Tenant,
  name: string,
  client_id: string,
): Promise<Scenario> {
  if (!Object.hasOwn(scripts, name))
    throw new RangeError(`there is no scenario "${name}", only ${scenarioNames.join(', ')}`);
  const { what, session, lacks, leeway, fault, act } = scripts[name as ScenarioName]; // own, as was just seen
  const family = liveFamilies(context)
    .filter(({ clientId }) => clientId === client_id)
    .at(-1);
  if (!family)
    throw new RangeError(
      `client "${client_id}" has no live refresh token: somebody must have signed in there with offline_access`,
    );
  const { rotating } = familyPolicy(context, family);
  const lacking = leeway !== undefined && !rotating ? 'it does not rotate refresh tokens' : lacks?.(family);
  if (lacking !== undefined) throw new RangeError(`client "${client_id}": ${lacking}`);
  const client = context.state.clients.get(client_id);
  if (client && leeway !== undefined)
    context.state.clients.set(client_id, { ...client, refresh_token: { ...client.refresh_token, leeway } });
  if (fault) tenant.faults.add({ ...fault, client_id });
  await act?.({ context, tenant, family });
  return { name: name as ScenarioName, what, session };
}
