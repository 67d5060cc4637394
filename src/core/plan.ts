/**
 * What to do for a token: decided from one snapshot, without waiting for anything. All of the policy is here; the flow
 * only carries it out.
 */
import { scopeIncludes } from '../oauth/scope.ts';
import type { Target } from './target.ts';
import type { Token } from './cache.ts';
import type { CacheMode } from './options.ts';
import type { Identity, Session } from './session.ts';
import { mayBeOf } from './whose.ts';
import type { Settings } from './settings.ts';

/** Why a family is over. The last two, which end no session: the app revoked it, or another user signed in. */
export type EndedCause =
  'refused' | 'outcome_unknown' | 'invalid_id_token' | 'logout' | 'revoked' | 'user_changed';

/** What all tabs know of the end of a session. It ends when no family of it lives any more. */
export interface SessionEnd {
  /** How many sessions have ended. */
  readonly ends: number;
  /** Why the last one did. `undefined`: the user has logged in since, or never has. */
  readonly endedBy: Exclude<EndedCause, 'revoked' | 'user_changed'> | undefined;
}

/** What may be known of a refresh token family outside custody: never its token. */
export type FamilyStatus =
  | { readonly state: 'none'; readonly generation: number }
  | ({
      readonly state: 'live';
      readonly generation: number;
      readonly scope: string;
      /** How many exchanges have failed in a row. */
      readonly failures: number;
    } & Identity)
  | { readonly state: 'ended'; readonly generation: number };

/** What a caller knew of a family when it decided to spend its head: what has happened since is news to it. */
export interface Seen {
  readonly generation: number;
  readonly failures: number;
}

/** What an exchange brought. Holds no refresh token. */
export interface Answer {
  readonly token: Token;
  readonly id_token?: string | undefined;
}

/** Everything that the decision needs, read at one instant. */
export interface Snapshot extends SessionEnd {
  readonly session: Session | undefined;
  /** The user's entry is there, readable or not. Without it a family is none of ours to spend: somebody cleared storage. */
  readonly marked: boolean;
  /** The user has logged out since this page was loaded, and nobody has signed in again. */
  readonly signedOut: boolean;
  /** How many ends this page's callers have been told of: each is told once. */
  readonly told: number | undefined;
  /** A fresh token that covers the target. */
  readonly token: Token | undefined;
  readonly family: FamilyStatus;
  /** Whose families live. */
  readonly signedIn?: Identity | undefined;
  /** How often the user has logged out. */
  readonly logouts: number;
  /** What the family's last exchange brought, where it serves: another tab's, or one that its caller did not wait for. */
  readonly answer?: Answer | undefined;
}

/** Why the iframe is tried, or nothing is. */
export type Lack =
  | { readonly kind: 'not_used' }
  | { readonly kind: 'no_refresh_token'; readonly reason: NoRefreshToken }
  | { readonly kind: 'missing_scopes'; readonly missing: string }
  | { readonly kind: 'ended'; readonly cause: string; readonly ends: number };

/**
 * Nobody is signed in; nothing was ever granted for that audience, or for that scope of it; or the refresh token for that
 * audience is over, while the session goes on with another one.
 */
export type NoRefreshToken = 'signed_out' | 'audience_never_granted' | 'scope_never_granted' | 'refused';

export type TokenPlan =
  | { readonly kind: 'serve'; readonly token: Token; readonly session: Session }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'keep'; readonly answer: Answer; readonly identity: Identity }
  | { readonly kind: 'spend'; readonly seen: Seen }
  | { readonly kind: 'authorize'; readonly lack: Lack }
  | { readonly kind: 'refuse'; readonly lack: Lack };

export function planToken(
  snapshot: Snapshot,
  target: Target,
  mode: CacheMode,
  settings: Settings,
): TokenPlan {
  const { session, marked, token, family, answer } = snapshot;
  const signedOut = snapshot.signedOut || isLeaving(snapshot);
  if (mode !== 'off' && session && token) return { kind: 'serve', token, session };
  if (mode === 'cache-only') return { kind: 'nothing' };
  const otherwise = signedOut ? 'refuse' : 'authorize';
  if (!settings.useRefreshTokens) return { kind: otherwise, lack: { kind: 'not_used' } };
  // The family of another user is none of this session's: the two are read from two stores, and one may lag behind.
  if (family.state === 'live' && marked && mayBeOf(session, family)) {
    if (mode === 'on' && answer) return { kind: 'keep', answer, identity: family };
    if (settings.useMrrt || scopeIncludes(family.scope, target.scope)) return { kind: 'spend', seen: family };
  }
  return { kind: settings.fallback === 'off' ? 'refuse' : otherwise, lack: lackOf(snapshot) };
}

/** A logout writes its tombstone first: a session that is still shown is just being cleared. */
export const isLeaving = ({ session, endedBy }: Pick<Snapshot, 'session' | 'endedBy'>): boolean =>
  session !== undefined && endedBy === 'logout';

/** What is missing where no refresh token can be had. A logout ends a session too, but leaves none to be missed. */
export function lackOf({
  family,
  ends,
  endedBy,
  told,
  session,
}: Pick<Snapshot, 'family' | 'ends' | 'endedBy' | 'told' | 'session'>): Lack {
  if (endedBy !== undefined && endedBy !== 'logout' && ends !== told)
    return { kind: 'ended', cause: endedBy, ends };
  const isSignedOut = session === undefined || endedBy === 'logout';
  return { kind: 'no_refresh_token', reason: isSignedOut ? 'signed_out' : reasons[family.state] };
}

const reasons = {
  none: 'audience_never_granted',
  live: 'scope_never_granted',
  ended: 'refused',
} as const;
