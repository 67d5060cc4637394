/** Refresh token families for people to look at. No view holds a token's value. */
import type { Milliseconds } from '../clock.ts';
import { itemsOf } from './persistent-list.ts';
import {
  headOf,
  noSuccessor,
  transition,
  windowEndsAt,
  type EndCause,
  type RefreshToken,
  type RefreshTokenFamily,
  type RotationPolicy,
} from './refresh-token-family.ts';

/**
 * What would become of a token presented now. `active`: exchanged; `spent`: forgiven once more, its window is open;
 * `retired`: taken for reuse; `revoked`, `expired`: refused.
 */
export type RefreshTokenState = 'active' | 'spent' | 'retired' | 'revoked' | 'expired';

/** One refresh token of a family; its value is not in it. Instants are milliseconds since 1970. */
export interface RefreshTokenView {
  readonly counter: number;
  readonly parentCounter: number | null;
  readonly issuedAt: Milliseconds;
  readonly firstRotatedAt: Milliseconds | null;
  /** End of the leeway, with the client's present setting; `null` for a token never exchanged. */
  readonly windowEndsAt: Milliseconds | null;
  readonly idleExpiresAt: Milliseconds | null;
  readonly state: RefreshTokenState;
}

/** All tokens of one authorization, in the order of issue. Instants are milliseconds of the tenant's clock. */
export interface FamilyView {
  readonly familyId: string;
  readonly client_id: string;
  readonly user_id: string;
  readonly audience: string | null;
  readonly scope: string;
  readonly rotating: boolean;
  /** Thumbprint of the key that its tokens are bound to, or `null`. */
  readonly jkt: string | null;
  readonly createdAt: Milliseconds;
  readonly expiresAt: Milliseconds | null;
  readonly latestCounter: number;
  readonly verdict: 'live' | 'revoked' | 'expired';
  readonly endedBecause: EndCause | null;
  readonly nodes: readonly RefreshTokenView[];
}

export function viewFamily(
  family: RefreshTokenFamily,
  now: Milliseconds,
  policy: RotationPolicy,
): FamilyView {
  const endedBecause = endCauseOf(family, now, policy);
  return {
    familyId: family.familyId,
    client_id: family.clientId,
    user_id: family.userId,
    audience: family.audience,
    scope: family.scope,
    rotating: family.rotating,
    jkt: family.jkt,
    createdAt: family.createdAt,
    expiresAt: family.expiresAt,
    latestCounter: headOf(family).counter,
    verdict: verdictOf(endedBecause),
    endedBecause,
    nodes: itemsOf(family.tokens).map((token) => ({
      counter: token.counter,
      parentCounter: token.parentCounter,
      issuedAt: token.issuedAt,
      firstRotatedAt: token.firstRotatedAt,
      windowEndsAt: windowEndsAt(token, policy),
      idleExpiresAt: token.idleExpiresAt,
      state: stateOf(family, token, now, policy),
    })),
  };
}

/** Why the family has ended, or would be found to have: expiry is noticed only when somebody looks. */
function endCauseOf(family: RefreshTokenFamily, now: Milliseconds, policy: RotationPolicy): EndCause | null {
  if (family.ended) return family.ended.cause;
  const [asOfNow, outcome] = tryToken(family, headOf(family), now, policy);
  return outcome.kind === 'refused' ? (asOfNow.ended?.cause ?? null) : null;
}

function verdictOf(endedBecause: EndCause | null): FamilyView['verdict'] {
  if (endedBecause === null) return 'live';
  return endedBecause === 'absolute_expiry' || endedBecause === 'idle_expiry' ? 'expired' : 'revoked';
}

function stateOf(
  family: RefreshTokenFamily,
  token: RefreshToken,
  now: Milliseconds,
  policy: RotationPolicy,
): RefreshTokenState {
  const [, outcome] = tryToken(family, token, now, policy);
  switch (outcome.kind) {
    case 'exchanged':
    case 'rotated':
    case 'migrated_in':
    case 'migrated_out':
      return 'active';
    case 'grace':
      return 'spent';
    case 'reuse':
      return 'retired';
    case 'refused':
      return outcome.why === 'absolute_expiry' || outcome.why === 'idle_expiry' ? 'expired' : 'revoked';
    case 'ended':
    case 'unchanged':
      throw new TypeError('presenting a token has no such outcome');
  }
}

/** A dry run: what the rules say is what is shown, so the two cannot differ. */
const tryToken = (
  family: RefreshTokenFamily,
  token: RefreshToken,
  now: Milliseconds,
  policy: RotationPolicy,
) =>
  transition(
    family,
    {
      kind: 'present',
      now,
      counter: token.counter,
      clientId: family.clientId,
      successor: noSuccessor,
    },
    policy,
  );
