/**
 * The life of one refresh token family as this browser sees it: a pure state machine. Every change of the record is one
 * `transition`, carried out as one atomic read-decide-write of the store.
 *
 *   none ──adopt──▶ live(g) ◀──────────────────────────────────┐
 *                     │  ▲ ▲                                    │
 *                     │  │ └──release (nothing was spent)───────┤
 *                     │  └──release (outcome unknown, marked)───┤
 *                   claim                                       │
 *                     ▼                                         │
 *                  claimed(g, owner) ──rotate──▶ live(g + 1)    │
 *                     │  │                                      │
 *                     │  └──claim by the same owner (retry), or by another one when the holder is gone:
 *                     │        claimed(g, new owner), outcome unknown
 *                     └──refuse──▶ ended(g + 1, cause) ──adopt──┘
 *   live, claimed ──end (logout, another user)──▶ ended(g + 1, cause)
 *
 * The claim is the intent: it is written before the refresh token is sent, so that whoever finds it knows that the token
 * may be spent. Only the claim's owner may send, and only it may rotate, refuse or release; anybody else's event changes
 * nothing and is answered with `passed`. The generation counts heads: a holder that wakes up after its generation has
 * passed can tell, and discards what it got. A silent login adopts only what has not ended since it began.
 */
import type { Milliseconds } from '../clock.ts';
import { serves } from '../core/cache.ts';
import type { Answer, EndedCause, FamilyStatus } from '../core/plan.ts';

/** The intent to spend the head, by whom and since when. */
export interface Claim {
  readonly owner: string;
  readonly startedAt: Milliseconds;
}

export interface LiveFamily {
  readonly state: 'live';
  readonly generation: number;
  /** The head: the one refresh token of the family that may be spent. */
  readonly refresh_token: string;
  /** What the login asked for: no exchange yields more. */
  readonly scope: string;
  /** Whose it is: no exchange may bring another user's tokens. */
  readonly sub: string;
  readonly answer?: Answer | undefined;
  readonly claim?: Claim | undefined;
  /** The head was sent once and no answer came: it may be spent already. */
  readonly outcomeUnknown?: boolean | undefined;
}

export interface EndedFamily {
  readonly state: 'ended';
  readonly generation: number;
  readonly cause: EndedCause;
}

/** `undefined`: there never was one. */
export type Family = LiveFamily | EndedFamily | undefined;

export type FamilyEvent =
  | {
      readonly kind: 'adopt';
      readonly refresh_token: string;
      readonly scope: string;
      readonly sub: string;
      /** The generation that a silent login began with: what has ended since has ended. Absent: the user logs in. */
      readonly seen?: number | undefined;
    }
  | {
      readonly kind: 'claim';
      readonly owner: string;
      readonly now: Milliseconds;
      /** The generation the claimant looked at: a later one has an answer that it has not seen. */
      readonly seen: number;
      /** True when the lock proves that no other holder is alive. */
      readonly alone: boolean;
      /** How old another's claim must be before it counts as abandoned, where the lock proves nothing. */
      readonly abandonedAfter: Milliseconds;
    }
  | {
      readonly kind: 'rotate';
      readonly owner: string;
      /** Absent where the server does not rotate: the head stays. */
      readonly refresh_token?: string | undefined;
      readonly answer: Answer;
    }
  | { readonly kind: 'refuse'; readonly owner: string }
  | { readonly kind: 'release'; readonly owner: string; readonly outcome: 'not_spent' | 'unknown' }
  /** `unless`: the family of this user goes on. */
  | { readonly kind: 'end'; readonly cause: EndedCause; readonly unless?: string | undefined };

export type FamilyOutcome =
  | { readonly kind: 'adopted' }
  | { readonly kind: 'claimed'; readonly refresh_token: string; readonly scope: string; readonly sub: string }
  | { readonly kind: 'newer'; readonly answer: Answer | undefined; readonly sub: string }
  | { readonly kind: 'busy' }
  | { readonly kind: 'none' }
  | { readonly kind: 'rotated' }
  | { readonly kind: 'released' }
  /** `orphan`: the head that nobody will spend any more; to be revoked. */
  | { readonly kind: 'ended'; readonly orphan?: string | undefined }
  /** The event came too late: somebody else has moved the family on. Nothing changed. */
  | { readonly kind: 'passed'; readonly live: boolean };

export function transition(family: Family, event: FamilyEvent): readonly [Family, FamilyOutcome] {
  switch (event.kind) {
    case 'adopt': {
      const { refresh_token, scope, sub, seen = Infinity } = event;
      if (family?.state === 'ended' && family.generation > seen) return passed(family);
      const generation = (family?.generation ?? 0) + 1;
      return [{ state: 'live', generation, refresh_token, scope, sub }, { kind: 'adopted' }];
    }

    case 'claim':
      return claim(family, event);

    case 'rotate': {
      if (!isOwner(family, event.owner)) return passed(family);
      const { scope, sub } = family;
      const generation = family.generation + 1;
      const refresh_token = event.refresh_token ?? family.refresh_token;
      return [
        { state: 'live', generation, refresh_token, scope, sub, answer: event.answer },
        { kind: 'rotated' },
      ];
    }

    case 'refuse': {
      if (!isOwner(family, event.owner)) return passed(family);
      return [ended(family, family.outcomeUnknown ? 'outcome_unknown' : 'refused'), { kind: 'ended' }];
    }

    case 'release': {
      if (!isOwner(family, event.owner)) return passed(family);
      const outcomeUnknown = family.outcomeUnknown || event.outcome === 'unknown' || undefined;
      return [{ ...family, claim: undefined, outcomeUnknown }, { kind: 'released' }];
    }

    case 'end': {
      if (family === undefined) return [family, { kind: 'none' }];
      // What has ended keeps its cause, unless the user leaves: then there is nothing left to explain.
      if (family.state === 'ended' && event.cause !== 'logout') return [family, { kind: 'ended' }];
      if (family.state === 'live' && family.sub === event.unless) return [family, { kind: 'none' }];
      const orphan = family.state === 'live' ? family.refresh_token : undefined;
      return [ended(family, event.cause), { kind: 'ended', orphan }];
    }
  }
}

function claim(
  family: Family,
  event: Extract<FamilyEvent, { kind: 'claim' }>,
): readonly [Family, FamilyOutcome] {
  if (family === undefined) return [family, { kind: 'none' }];
  if (family.state === 'ended') return [family, { kind: 'ended' }];
  if (family.generation > event.seen)
    return [family, { kind: 'newer', answer: family.answer, sub: family.sub }];
  const former = family.claim;
  const abandoned =
    former !== undefined &&
    (former.owner === event.owner || event.alone || event.now - former.startedAt >= event.abandonedAfter);
  if (former && !abandoned) return [family, { kind: 'busy' }];
  const { refresh_token, scope, sub } = family;
  return [
    {
      ...family,
      claim: { owner: event.owner, startedAt: event.now },
      // A claim that nobody gave back tells of an exchange whose answer nobody kept.
      outcomeUnknown: family.outcomeUnknown || former !== undefined || undefined,
    },
    { kind: 'claimed', refresh_token, scope, sub },
  ];
}

/** What may be told of a family. */
export function statusOf(family: Family): FamilyStatus {
  if (family === undefined) return { state: 'none', generation: 0 };
  const { generation } = family;
  return family.state === 'ended'
    ? { state: 'ended', generation, cause: family.cause }
    : { state: 'live', generation, scope: family.scope, sub: family.sub };
}

/** The answer, if it serves the wanted scope for a while yet. */
export const answerFor = (
  answer: Answer | undefined,
  scope: string,
  now: Milliseconds,
): Answer | undefined => (answer && serves(answer.token, scope, now) ? answer : undefined);

const isOwner = (family: Family, owner: string): family is LiveFamily =>
  family?.state === 'live' && family.claim?.owner === owner;

const passed = (family: Family): readonly [Family, FamilyOutcome] => [
  family,
  { kind: 'passed', live: family?.state === 'live' },
];

const ended = ({ generation }: LiveFamily | EndedFamily, cause: EndedCause): EndedFamily => ({
  state: 'ended',
  generation: generation + 1,
  cause,
});
