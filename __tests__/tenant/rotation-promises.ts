/**
 * What Auth0's page "Configure Refresh Token Rotation" promises of any exchange, sentence by sentence, and told from what
 * stood outside: who was given which token for which, and what came of presenting it. A number is a line of that page.
 */
import type { FamilyView, Tenant } from '../../src/tenant/index.ts';

type ForkPolicy = 'last-issued' | 'all-siblings';

/** A refresh token as somebody outside knows it. */
export interface KnownToken {
  readonly value: string;
  readonly family: KnownFamily;
  /** The token that it was given for. */
  readonly parent: KnownToken | null;
  /** The instant of its first success. */
  spentAt: number | null;
}

export interface KnownFamily {
  readonly familyId: string;
  readonly client_id: string;
  readonly user: string;
  readonly audience: string | null;
  readonly rotating: boolean;
  readonly tokens: KnownToken[];
  /** It was breached, revoked or swapped. */
  over: boolean;
}

/** One token was presented, and answered. */
export interface Exchange {
  readonly token: KnownToken;
  readonly now: number;
  readonly byOwner: boolean;
  readonly blocked: boolean;
  readonly forks: ForkPolicy;
  /** The client's settings of now. */
  readonly rotating: boolean;
  readonly leeway: number;
  readonly succeeded: boolean;
  readonly given: string | undefined;
  /** Every value that anybody was given before. */
  readonly values: ReadonlySet<string>;
  /** All families, right before and right after. */
  readonly before: readonly FamilyView[];
  readonly after: readonly FamilyView[];
  /** The families that go with this one if it is swapped: same client, user and API, not rotating. Some may have expired. */
  readonly twins: readonly string[];
}

interface Sentence {
  readonly line: number;
  readonly says: string;
  when(exchange: Exchange): boolean;
  holds(exchange: Exchange): boolean;
}

const newestOf = ({ tokens }: KnownFamily) => tokens.at(-1);
const childrenOf = (token: KnownToken) => token.family.tokens.filter(({ parent }) => parent === token);
const isNewest = ({ token }: Exchange) => newestOf(token.family) === token;

const viewOf = (families: readonly FamilyView[], { family }: KnownToken) => {
  const view = families.find(({ familyId }) => familyId === family.familyId);
  if (!view) throw new Error(`the tenant has forgotten family ${family.familyId}`);
  return view;
};

/** The lifetimes that the tenant shows are not over. */
function inTime({ token, now, forks, before }: Exchange): boolean {
  const { expiresAt, nodes } = viewOf(before, token);
  const lasts = (instant: number | null | undefined) => instant == null || now < instant;
  if (!lasts(expiresAt)) return false;
  if (forks === 'last-issued') return lasts(nodes.at(-1)?.idleExpiresAt);
  const node = nodes[token.family.tokens.indexOf(token)];
  return node?.firstRotatedAt === null
    ? lasts(node.idleExpiresAt)
    : nodes.some(({ firstRotatedAt, idleExpiresAt }) => firstRotatedAt === null && lasts(idleExpiresAt));
}

const mayCount = (exchange: Exchange) => exchange.byOwner && !exchange.token.family.over && inTime(exchange);

const within = ({ now, leeway }: Exchange, spentAt: number | null | undefined) =>
  leeway > 0 && spentAt != null && now <= spentAt + leeway * 1000;

/** Spent, and forgiven neither by its age nor by its place. */
const isInvalidated = (exchange: Exchange) =>
  exchange.token.family.rotating &&
  exchange.token.spentAt !== null &&
  (!within(exchange, exchange.token.spentAt) ||
    childrenOf(exchange.token).some(({ spentAt }) => spentAt !== null));

/** An older sibling of the newest, never exchanged. */
const isOlderLeaf = (exchange: Exchange) => exchange.token.spentAt === null && !isNewest(exchange);

const same = (before: readonly FamilyView[], after: readonly FamilyView[]) =>
  JSON.stringify(before) === JSON.stringify(after);

const isEnded = (families: readonly FamilyView[], familyId: string) =>
  families.find((view) => view.familyId === familyId)?.verdict === 'revoked';

const breached = ({ succeeded, token, after }: Exchange) => {
  const view = viewOf(after, token);
  return !succeeded && view.endedBecause === 'reuse' && view.nodes.every(({ state }) => state === 'revoked');
};

const isNew = ({ given, values }: Exchange) => given !== undefined && !values.has(given);

export const promises: readonly Sentence[] = [
  {
    line: 59,
    says: 'nothing of a family succeeds after its breach, its revocation or its being swapped, and nothing changes',
    when: ({ token, byOwner }) => byOwner && token.family.over,
    holds: ({ succeeded, before, after }) => !succeeded && same(before, after),
  },
  {
    line: 49,
    says: 'nothing succeeds when its time is over, and nothing changes',
    when: (exchange) => exchange.byOwner && !exchange.token.family.over && !inTime(exchange),
    holds: ({ succeeded, before, after }) => !succeeded && same(before, after),
  },
  {
    line: 16,
    says: 'a token is worth nothing to another client, and takes no harm from it',
    when: ({ byOwner }) => !byOwner,
    holds: ({ succeeded, before, after }) => !succeeded && same(before, after),
  },
  {
    line: 16,
    says: 'the newest token of a family is good',
    when: (exchange) =>
      mayCount(exchange) && isNewest(exchange) && !exchange.blocked && !isInvalidated(exchange),
    holds: ({ succeeded }) => succeeded,
  },
  {
    line: 16,
    says: 'a user who is blocked is refused, and no honest token is spent',
    when: (exchange) => mayCount(exchange) && isNewest(exchange) && exchange.blocked,
    holds: ({ succeeded, before, after }) => !succeeded && same(before, after),
  },
  {
    line: 16,
    says: 'every success of a client that rotates gives a value that never was there before',
    when: ({ succeeded, rotating }) => succeeded && rotating,
    holds: isNew,
  },
  {
    line: 16,
    says: 'a token that does not rotate gives no new one',
    when: ({ succeeded, rotating, token }) => succeeded && !rotating && !token.family.rotating,
    holds: ({ given }) => given === undefined,
  },
  {
    line: 55,
    says: 'within the leeway the previous token is good, and gives a new one',
    when: (exchange) => {
      const { token, blocked } = exchange;
      const isPrevious = newestOf(token.family)?.parent === token;
      return (
        mayCount(exchange) && isPrevious && !blocked && token.family.rotating && !isInvalidated(exchange)
      );
    },
    holds: (exchange) => exchange.succeeded && isNew(exchange),
  },
  {
    line: 59,
    says: 'a token that was invalidated ends its whole family, the newest token included, whoever is blocked',
    when: (exchange) => mayCount(exchange) && isInvalidated(exchange),
    holds: breached,
  },
  {
    line: 55,
    says: 'last-issued: an older sibling is good while the window of its parent is open, and then reuse',
    when: (exchange) => exchange.forks === 'last-issued' && mayCount(exchange) && isOlderLeaf(exchange),
    holds: (exchange) => {
      const open = within(exchange, exchange.token.parent?.spentAt);
      return open ? exchange.succeeded !== exchange.blocked : breached(exchange);
    },
  },
  {
    line: 55,
    says: 'all-siblings: an older sibling is as good as the newest',
    when: (exchange) => exchange.forks === 'all-siblings' && mayCount(exchange) && isOlderLeaf(exchange),
    holds: ({ succeeded, blocked }) => succeeded !== blocked,
  },
  {
    line: 20,
    says: 'switched on, one exchange ends all tokens of its client, API and user that do not rotate, and begins one family',
    when: ({ succeeded, rotating, token }) => succeeded && rotating && !token.family.rotating,
    holds: ({ token, twins, before, after }) =>
      isEnded(after, token.family.familyId) &&
      after.every(({ familyId, verdict }) => verdict !== 'live' || !twins.includes(familyId)) &&
      after.length === before.length + 1 &&
      after.at(-1)?.rotating === true,
  },
  {
    line: 21,
    says: 'switched off, the newest token is swapped for one that does not rotate, and its family is revoked',
    when: (exchange) =>
      exchange.succeeded && !exchange.rotating && exchange.token.family.rotating && isNewest(exchange),
    holds: (exchange) =>
      isNew(exchange) &&
      isEnded(exchange.after, exchange.token.family.familyId) &&
      exchange.after.length === exchange.before.length + 1 &&
      exchange.after.at(-1)?.rotating === false,
  },
  {
    line: 59,
    says: 'no other family is touched, but by a swap its twins',
    when: () => true,
    holds: ({ token, twins, rotating, succeeded, before, after }) => {
      const touched = new Set([
        token.family.familyId,
        ...(succeeded && rotating && !token.family.rotating ? twins : []),
      ]);
      return before.every((view, index) => touched.has(view.familyId) || same([view], [after[index]!]));
    },
  },
];

/** A live family that rotates has one head, its last issued token; others are good only while a window is open. */
export function hasOneHead(tenant: Tenant, forks: ForkPolicy): boolean {
  const now = tenant.clock.now();
  return tenant
    .families()
    .filter(({ verdict, rotating }) => verdict === 'live' && rotating)
    .every(({ nodes }) => {
      const active = nodes.filter(({ state }) => state === 'active');
      const beside = active.filter((node) => node !== nodes.at(-1));
      if (forks === 'all-siblings') return active.every(({ firstRotatedAt }) => firstRotatedAt === null);
      return (
        nodes.at(-1)?.state === 'active' &&
        beside.every(({ parentCounter }) => (nodes[(parentCounter ?? 1) - 1]?.windowEndsAt ?? 0) >= now)
      );
    });
}
