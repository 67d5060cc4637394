/**
 * The life of a refresh token family: everything that descends from one authorization. No clock, no randomness, no I/O;
 * the instant, the value of the next token and the client's settings arrive from outside.
 *
 * One token of a rotating family, L = leeway, w = time since the token's first exchange:
 *
 *                 exchanged                       presented again, w <= L, still the parent of the head
 *   [head] ───────────────────────> [spent] ─────────────────────┐
 *     │  ▲                            │ ▲                        │  a further child is issued and becomes the head;
 *     │  └── issued by a login,       │ └────────────────────────┘  the window does not move
 *     │      a migration, a rotation  │
 *     │                               │ w > L, or one of its children was exchanged
 *     │                               ▼
 *     │                           [retired] ── presented ──> family ended: reuse. Every member dies, the newest included.
 *     │
 *     ├── idle or absolute lifetime over ──> family ended: expired
 *     └── any member revoked ─────────────> family ended: revoked
 *
 *   A fork's leaf (the older of two children of one token, never exchanged) works while its parent's window is open.
 *   Afterwards it is retired under `last-issued`; under `all-siblings` it stays as good as a head.
 *
 * Presenting a token, the first rule that fits decides:
 *
 *   A6  another client presents it                              refused, nothing changes
 *   A7  the family has ended                                    refused
 *   A8  absolute lifetime over, or the head idle too long       refused; family ended
 *   B1  non-rotating family, client does not rotate             exchanged, no new token
 *   B2  non-rotating family, client rotates by now              migrated in: a rotating family takes its place
 *   B3  (all-siblings) this leaf idle too long                  refused
 *   B4  head, client does not rotate any more                   migrated out: a non-rotating token takes its place
 *   B5  head                                                    rotated
 *   B6  parent of the head, inside its window                   rotated again (grace)
 *   B7  a fork's leaf, inside its parent's window               rotated
 *   B8  anything else                                           reuse; family ended
 *
 * `all-siblings` reads "head" as "any leaf", "parent of the head" as "no child exchanged yet", and A8's idle test as
 * "every leaf idle too long".
 *
 * Sources: Auth0's refresh token rotation; RFC 9700 §4.14.2. Where Auth0 is silent the choice is ours: the window is
 * counted from the first exchange, both ends included, with the leeway the client has now.
 */
import type { Milliseconds, Seconds } from '../clock.ts';
import { appended, itemAt, itemsOf, listOf, replaced, type PersistentList } from './persistent-list.ts';

/** One issued refresh token. `counter` counts from 1 within its family. */
export interface RefreshToken {
  readonly counter: number;
  readonly parentCounter: number | null;
  readonly value: string;
  readonly issuedAt: Milliseconds;
  readonly idleExpiresAt: Milliseconds | null;
  readonly firstRotatedAt: Milliseconds | null;
}

/**
 * Why a family ended. `grant`, `session`: with it; `admin`: by the Management API, or with its client, its user or its organization;
 * `cap`: to make room for a newer one.
 */
export type EndCause =
  | 'reuse'
  | 'absolute_expiry'
  | 'idle_expiry'
  | 'revoked'
  | 'code_replay'
  | 'migration'
  | 'grant'
  | 'session'
  | 'admin'
  | 'cap';

/** Every token that descends from one authorization, superseded ones included: without them reuse could not be seen. */
export interface RefreshTokenFamily {
  readonly familyId: string;
  /** The family that the login began; one that takes another's place in a migration keeps it. */
  readonly firstFamilyId: string;
  readonly clientId: string;
  readonly userId: string;
  readonly audience: string | null;
  readonly scope: string;
  readonly sessionId: string | null;
  /** When the user signed in, if the authorization request wanted to know; repeated in every ID token (OIDC Core §12.2). */
  readonly authTime: Milliseconds | null;
  /** As whose member the user signed in; in every ID token too. */
  readonly organizationId: string | null;
  /** Thumbprint of the key that its tokens are bound to (RFC 9449 §5); `null`: whoever has one may use it. */
  readonly jkt: string | null;
  readonly rotating: boolean;
  readonly createdAt: Milliseconds;
  readonly expiresAt: Milliseconds | null;
  /** In the order of issue; the last one is the head. */
  readonly tokens: PersistentList<RefreshToken>;
  readonly ended: { readonly at: Milliseconds; readonly cause: EndCause } | null;
}

/** Which child of a token that was exchanged twice survives the window: the last one issued, or every one. */
export type ForkPolicy = 'last-issued' | 'all-siblings';

/** The client's settings as they are now. A lifetime of `null` does not end. */
export interface RotationPolicy {
  readonly rotating: boolean;
  readonly leeway: Seconds;
  readonly tokenLifetime: Seconds | null;
  readonly idleTokenLifetime: Seconds | null;
  readonly forks: ForkPolicy;
}

/** Names drawn before the decision, used only if it issues something. */
export interface Successor {
  readonly value: string;
  readonly familyId: string;
}

/** For a dry run, which keeps nothing of what it issues. */
export const noSuccessor: Successor = { value: '', familyId: '' };

export type FamilyEvent =
  | {
      readonly kind: 'present';
      readonly now: Milliseconds;
      readonly counter: number;
      readonly clientId: string;
      readonly successor: Successor;
    }
  | {
      readonly kind: 'end';
      readonly now: Milliseconds;
      readonly cause: Exclude<EndCause, 'reuse' | 'absolute_expiry' | 'idle_expiry'>;
    };

export type Outcome =
  | { readonly kind: 'exchanged' }
  | { readonly kind: 'rotated' | 'grace'; readonly token: RefreshToken }
  | { readonly kind: 'migrated_in' | 'migrated_out'; readonly replacement: RefreshTokenFamily }
  | { readonly kind: 'reuse'; readonly why: ReuseReason }
  | { readonly kind: 'refused'; readonly why: EndCause | 'other_client' }
  | { readonly kind: 'ended' }
  | { readonly kind: 'unchanged' };

/** Why a spent or retired token is no longer forgiven. */
type ReuseReason = 'no_leeway' | 'window_closed' | 'second_to_last' | 'fork_retired';

/** What an authorization fixes for all tokens that descend from it. */
export interface FamilyBirth {
  readonly familyId: string;
  readonly value: string;
  readonly now: Milliseconds;
  readonly clientId: string;
  readonly userId: string;
  readonly audience: string | null;
  readonly scope: string;
  readonly sessionId: string | null;
  readonly authTime: Milliseconds | null;
  /** As whose member the user signed in; in every ID token too. */
  readonly organizationId: string | null;
  readonly jkt: string | null;
}

/** A family with its first token. The absolute lifetime is fixed here, once (L1). */
export function beginFamily(birth: FamilyBirth, policy: RotationPolicy): RefreshTokenFamily {
  const expiresAt = after(birth.now, policy.tokenLifetime);
  return found({ ...birth, firstFamilyId: birth.familyId, expiresAt }, policy);
}

/**
 * Applies one event. Nothing but a success, a detected reuse, an expiry or an explicit end changes the family.
 * @throws {RangeError} when the event names a token that the family never issued; the family is then unchanged.
 */
export function transition(
  family: RefreshTokenFamily,
  event: FamilyEvent,
  policy: RotationPolicy,
): readonly [RefreshTokenFamily, Outcome] {
  switch (event.kind) {
    case 'present':
      return present(family, event, policy);
    case 'end':
      return family.ended ? [family, { kind: 'unchanged' }] : [end(family, event), { kind: 'ended' }];
  }
}

/** The newest token of the family. */
export function headOf(family: RefreshTokenFamily): RefreshToken {
  return tokenNumber(family, family.tokens.length);
}

/** The token with that value. The newest are looked at first: they are the ones that are presented, but for a replay. */
export function tokenWithValue({ tokens }: RefreshTokenFamily, value: string): RefreshToken | undefined {
  for (let index = tokens.length - 1; index >= 0; index -= 1) {
    const token = itemAt(tokens, index);
    if (token?.value === value) return token;
  }
  return undefined;
}

/**
 * True once nothing presented can change the family any more and none of its tokens could be good: its lifetime has passed,
 * or it has ended and has none. An ended family with a lifetime is not over before that has passed, so that a token of it
 * is still told from garbage.
 */
export function isOver(family: RefreshTokenFamily, now: Milliseconds, policy: RotationPolicy): boolean {
  if (expiryOf(family, now, policy)) return true;
  return family.ended !== null && family.expiresAt === null && headOf(family).idleExpiresAt === null;
}

/** When a spent token stops being forgiven, or `null` for one that was never exchanged. */
export function windowEndsAt(token: RefreshToken, policy: RotationPolicy): Milliseconds | null {
  return token.firstRotatedAt === null ? null : token.firstRotatedAt + policy.leeway * 1000;
}

function present(
  family: RefreshTokenFamily,
  event: FamilyEvent & { kind: 'present' },
  policy: RotationPolicy,
): readonly [RefreshTokenFamily, Outcome] {
  const { now } = event;
  const token = tokenNumber(family, event.counter);

  if (event.clientId !== family.clientId) return [family, { kind: 'refused', why: 'other_client' }]; // A6
  if (family.ended) return [family, { kind: 'refused', why: family.ended.cause }]; // A7
  const expiry = expiryOf(family, now, policy);
  if (expiry) return [end(family, { now, cause: expiry }), { kind: 'refused', why: expiry }]; // A8

  if (!family.rotating)
    return policy.rotating ? migrateIn(family, event, policy) : exchange(family, now, policy); // B1, B2

  if (isCurrent(family, token, policy)) {
    if (passed(token.idleExpiresAt, now)) return [family, { kind: 'refused', why: 'idle_expiry' }]; // B3
    return policy.rotating ? rotate(family, token, event, policy) : migrateOut(family, event, policy); // B4, B5
  }
  // The leeway must be more than zero: with a stopped clock and a window that includes its end, a leeway of zero
  // would forgive a replay in the same millisecond.
  const forgiving = policy.leeway > 0;
  if (forgiving && isPrevious(family, token, policy) && windowIsOpen(token, now, policy))
    return rotate(family, token, event, policy, 'grace'); // B6
  const parent = token.parentCounter === null ? null : tokenNumber(family, token.parentCounter);
  if (forgiving && parent && isLeaf(token) && windowIsOpen(parent, now, policy))
    return rotate(family, token, event, policy); // B7
  return [end(family, { now, cause: 'reuse' }), { kind: 'reuse', why: reuseReason(family, token, policy) }]; // B8
}

/** B5, B6, B7: the same token may be exchanged several times, but its window opens only once. */
function rotate(
  family: RefreshTokenFamily,
  spent: RefreshToken,
  { now, successor }: { now: Milliseconds; successor: Successor },
  policy: RotationPolicy,
  kind: 'rotated' | 'grace' = 'rotated',
): readonly [RefreshTokenFamily, Outcome] {
  const expiresAt = absoluteExpiry(family, now, policy);
  const token: RefreshToken = {
    counter: family.tokens.length + 1,
    parentCounter: spent.counter,
    value: successor.value,
    issuedAt: now,
    idleExpiresAt: idleExpiry(now, policy, expiresAt),
    firstRotatedAt: null,
  };
  const marked = replaceToken(family, { ...spent, firstRotatedAt: spent.firstRotatedAt ?? now });
  return [
    { ...marked, expiresAt, tokens: appended(marked.tokens, token) },
    { kind, token },
  ];
}

/** B1: the token stays; only its idle lifetime begins anew (L3). */
function exchange(
  family: RefreshTokenFamily,
  now: Milliseconds,
  policy: RotationPolicy,
): readonly [RefreshTokenFamily, Outcome] {
  const expiresAt = absoluteExpiry(family, now, policy);
  const renewed = { ...headOf(family), idleExpiresAt: idleExpiry(now, policy, expiresAt) };
  return [{ ...replaceToken(family, renewed), expiresAt }, { kind: 'exchanged' }];
}

/** B2: rotation was switched on since. The swapped token is unknown from now on, not reused, even inside the leeway. */
function migrateIn(
  family: RefreshTokenFamily,
  { now, successor }: { now: Milliseconds; successor: Successor },
  policy: RotationPolicy,
): readonly [RefreshTokenFamily, Outcome] {
  const expiresAt = absoluteExpiry(family, now, policy);
  const replacement = found({ ...identityOf(family), ...successor, now, expiresAt }, policy);
  return [end(family, { now, cause: 'migration' }), { kind: 'migrated_in', replacement }];
}

/** B4: rotation was switched off since. What takes the place must not outlive what it replaces. */
function migrateOut(
  family: RefreshTokenFamily,
  { now, successor }: { now: Milliseconds; successor: Successor },
  policy: RotationPolicy,
): readonly [RefreshTokenFamily, Outcome] {
  const lifetime = after(now, policy.tokenLifetime);
  const expiresAt = lifetime === null ? null : Math.min(lifetime, family.expiresAt ?? lifetime);
  const replacement = found({ ...identityOf(family), ...successor, now, expiresAt }, policy);
  return [end(family, { now, cause: 'migration' }), { kind: 'migrated_out', replacement }];
}

function found(
  birth: FamilyBirth & { firstFamilyId: string; expiresAt: Milliseconds | null },
  policy: RotationPolicy,
): RefreshTokenFamily {
  const { value, now, expiresAt, ...identity } = birth;
  const first: RefreshToken = {
    counter: 1,
    parentCounter: null,
    value,
    issuedAt: now,
    idleExpiresAt: idleExpiry(now, policy, expiresAt),
    firstRotatedAt: null,
  };
  return {
    ...identity,
    rotating: policy.rotating,
    createdAt: now,
    expiresAt,
    tokens: listOf(first),
    ended: null,
  };
}

function identityOf(family: RefreshTokenFamily) {
  const { firstFamilyId, clientId, userId, audience, scope, sessionId, authTime, organizationId, jkt } =
    family;
  return { firstFamilyId, clientId, userId, audience, scope, sessionId, authTime, organizationId, jkt };
}

const isLeaf = (token: RefreshToken): boolean => token.firstRotatedAt === null;

const isCurrent = (family: RefreshTokenFamily, token: RefreshToken, { forks }: RotationPolicy): boolean =>
  forks === 'all-siblings' ? isLeaf(token) : token.counter === headOf(family).counter;

/** Only the token before the head is forgiven; anything older is second to last (R36). */
const isPrevious = (family: RefreshTokenFamily, token: RefreshToken, { forks }: RotationPolicy): boolean =>
  forks === 'all-siblings'
    ? !isLeaf(token) && childrenAreLeaves(family, token)
    : token.counter === headOf(family).parentCounter;

function childrenAreLeaves(family: RefreshTokenFamily, { counter }: RefreshToken): boolean {
  for (let next = counter + 1; next <= family.tokens.length; next += 1) {
    const other = tokenNumber(family, next);
    if (other.parentCounter === counter && !isLeaf(other)) return false; // in a long family soon found
  }
  return true;
}

function windowIsOpen(token: RefreshToken, now: Milliseconds, policy: RotationPolicy): boolean {
  const end = windowEndsAt(token, policy);
  return end !== null && now <= end;
}

function expiryOf(
  family: RefreshTokenFamily,
  now: Milliseconds,
  { forks }: RotationPolicy,
): 'absolute_expiry' | 'idle_expiry' | null {
  if (passed(family.expiresAt, now)) return 'absolute_expiry';
  if (!passed(headOf(family).idleExpiresAt, now)) return null; // the head first: a long family is seldom looked through
  const idle = (token: RefreshToken) => !isLeaf(token) || passed(token.idleExpiresAt, now);
  return forks === 'last-issued' || itemsOf(family.tokens).every(idle) ? 'idle_expiry' : null;
}

/** A token is good while now < its expiry (L6). */
const passed = (expiry: Milliseconds | null, now: Milliseconds): boolean => expiry !== null && now >= expiry;

/** Once set it never moves (L1, L2); a family without one gets it at the first exchange under a maximum (L5). */
const absoluteExpiry = (family: RefreshTokenFamily, now: Milliseconds, policy: RotationPolicy) =>
  family.expiresAt ?? after(now, policy.tokenLifetime);

/** The idle lifetime of a token is never longer than its family's life (L3). */
function idleExpiry(
  now: Milliseconds,
  policy: RotationPolicy,
  expiresAt: Milliseconds | null,
): Milliseconds | null {
  const idle = after(now, policy.idleTokenLifetime);
  return idle === null ? null : Math.min(idle, expiresAt ?? idle);
}

const after = (now: Milliseconds, lifetime: Seconds | null): Milliseconds | null =>
  lifetime === null ? null : now + lifetime * 1000;

function reuseReason(family: RefreshTokenFamily, token: RefreshToken, policy: RotationPolicy): ReuseReason {
  if (policy.leeway === 0) return 'no_leeway';
  if (isLeaf(token)) return 'fork_retired';
  return isPrevious(family, token, policy) ? 'window_closed' : 'second_to_last';
}

const end = (
  family: RefreshTokenFamily,
  { now, cause }: { now: Milliseconds; cause: EndCause },
): RefreshTokenFamily => ({ ...family, ended: { at: now, cause } });

/** @throws {RangeError} when the family never issued it */
function tokenNumber(family: RefreshTokenFamily, counter: number): RefreshToken {
  const token = itemAt(family.tokens, counter - 1);
  if (!token) throw new RangeError(`family ${family.familyId} has no token number ${counter}`);
  return token;
}

const replaceToken = (family: RefreshTokenFamily, token: RefreshToken): RefreshTokenFamily => ({
  ...family,
  tokens: replaced(family.tokens, token.counter - 1, token),
});
