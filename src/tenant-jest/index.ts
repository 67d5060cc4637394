/**
 * `latchkey/tenant/jest`: what a test expects of a tenant, as matchers for `expect.extend` of Jest and of whatever speaks
 * its language, and the tenant in a page of jsdom. No message holds a token.
 * @module latchkey/tenant/jest
 */
import type { FamilyView, JournalEntry, RefreshTokenView, Tenant } from '../tenant/index.ts';

export { installTenant, type InstalledTenant } from './install-tenant.ts';

/** Which families are meant: by id, or all those that fit every member. */
export type FamilySelection =
  | string
  | {
      readonly client_id?: string;
      /** Its e-mail address or its `user_id`. */
      readonly user?: string;
      readonly audience?: string | null;
    };

/** What `expect(tenant)` can do; for `interface Matchers<R> extends TenantMatchers<R> {}` in a module declaration. */
export interface TenantMatchers<R = void> {
  /**
   * The refresh tokens of these families, by default of all, were rotated this often in sum, by default at least once. A
   * rotation that the leeway forgave counts too.
   */
  toHaveRotated(families?: FamilySelection, times?: number): R;
  /** Reuse has ended a family, of these or of all. */
  toHaveDetectedReuse(families?: FamilySelection): R;
  /** Nobody, or not this user (an e-mail address or a `user_id`), could refresh now. */
  toHaveNoLiveRefreshTokens(user?: string): R;
}

/** As `expect.extend()` takes it from a matcher. */
export interface MatcherResult {
  readonly pass: boolean;
  /** Why it fails, or would with `.not`. */
  readonly message: () => string;
}

/** For `expect.extend(tenantMatchers)`. What is no tenant is a `TypeError`, an unknown family or user a `RangeError`. */
export const tenantMatchers = {
  /** `times`: in sum; default: at least once. */
  toHaveRotated(received: unknown, selection: FamilySelection = {}, times?: number): MatcherResult {
    const tenant = readTenant(received);
    const families = select(tenant, selection);
    const found = families.reduce((sum, { latestCounter }) => sum + latestCounter - 1, 0);
    const pass = times === undefined ? found > 0 : found === times;
    const wanted = times === undefined ? 'at least once' : inTimes(times);
    return judged(
      tenant,
      families,
      pass,
      `to have rotated refresh tokens ${wanted}`,
      `it did ${inTimes(found)}`,
    );
  },

  /** Of these families, or of any. */
  toHaveDetectedReuse(received: unknown, selection: FamilySelection = {}): MatcherResult {
    const tenant = readTenant(received);
    const families = select(tenant, selection);
    const reused = families.filter(({ endedBecause }) => endedBecause === 'reuse');
    const found = `it detected ${reused.length === 0 ? 'none' : `some in ${inFamilies(reused.length)}`}`;
    return judged(
      tenant,
      families,
      reused.length > 0,
      'to have detected the reuse of a refresh token',
      found,
    );
  },

  /** Of this user (an e-mail address or a `user_id`), or of anybody. */
  toHaveNoLiveRefreshTokens(received: unknown, user?: string): MatcherResult {
    const tenant = readTenant(received);
    const families = select(tenant, { user });
    const live = families.filter(({ verdict }) => verdict === 'live');
    const wanted = `to have no live refresh tokens${user === undefined ? '' : ` of ${user}`}`;
    return judged(tenant, families, live.length === 0, wanted, `${inFamilies(live.length)} can be refreshed`);
  },
};

/** The message serves `.not` too: then it is asked for where the expectation has passed. */
function judged(
  tenant: Tenant,
  families: readonly FamilyView[],
  pass: boolean,
  wanted: string,
  found: string,
): MatcherResult {
  const message = () =>
    [`expected the tenant ${pass ? 'not ' : ''}${wanted}; ${found}`, ...stories(tenant, families)].join('\n');
  return { pass, message };
}

function select(tenant: Tenant, selection: FamilySelection): FamilyView[] {
  const all = tenant.families();
  if (typeof selection === 'string') {
    const family = all.find(({ familyId }) => familyId === selection);
    if (family) return [family];
    const known = all.map(({ familyId }) => familyId).join(', ') || 'none';
    throw new RangeError(`there is no family "${selection}"; there is ${known}`);
  }
  const { client_id, user, audience } = selection;
  const user_id = user === undefined ? undefined : userIdOf(tenant, user);
  return all.filter(
    (family) =>
      (client_id === undefined || family.client_id === client_id) &&
      (user_id === undefined || family.user_id === user_id) &&
      (audience === undefined || family.audience === audience),
  );
}

function userIdOf(tenant: Tenant, user: string): string {
  const users = tenant.users();
  const found = users.find(
    ({ user_id, email }) => user_id === user || email?.toLowerCase() === user.toLowerCase(),
  );
  if (found) return found.user_id;
  throw new RangeError(`there is no user "${user}"; there is ${users.map(({ email }) => email).join(', ')}`);
}

const longest = 10;

/** What became of the families, the latest ones, in words. */
function stories(tenant: Tenant, families: readonly FamilyView[]): string[] {
  const told = families.slice(-longest).flatMap((family) => story(tenant, family));
  return families.length === 0 ? ['  There is no such family of refresh tokens.'] : told;
}

function story({ journal }: Tenant, family: FamilyView): string[] {
  const { familyId, client_id, user_id, audience, verdict, endedBecause, latestCounter } = family;
  const end = endedBecause === null ? verdict : `${verdict} (${endedBecause})`;
  const events = journal.filter(({ details }) => details['familyId'] === familyId);
  return [
    `  Family ${familyId} of ${client_id}, ${user_id}, ${audience ?? 'no API'}: ${end}, ${latestCounter} issued`,
    ...family.nodes.slice(-longest).map(nodeInWords),
    ...events.slice(-longest).map(entryInWords),
  ];
}

const nodeInWords = ({ counter, parentCounter, firstRotatedAt, state }: RefreshTokenView): string => {
  const origin = parentCounter === null ? 'from the login' : `from token ${parentCounter}`;
  const use =
    firstRotatedAt === null ? 'never exchanged' : `exchanged ${new Date(firstRotatedAt).toISOString()}`;
  return `    token ${counter}, ${origin}, ${use}: ${state}`;
};

const entryInWords = ({ date, decision, reason }: JournalEntry): string =>
  `    ${date} ${decision}: ${reason}`;

const inTimes = (count: number): string => (count === 1 ? 'once' : `${count} times`);
const inFamilies = (count: number): string => (count === 1 ? '1 family' : `${count} families`);

function readTenant(received: unknown): Tenant {
  const isTenant =
    typeof received === 'object' &&
    received !== null &&
    ['families', 'users', 'journal'].every((name) => name in received);
  if (!isTenant) throw new TypeError('expected a tenant of latchkey/tenant in expect(…)');
  return received as Tenant; // just looked at
}
