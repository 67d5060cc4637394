/**
 * The life of one refresh token family as this browser sees it: a pure state machine. Every change of the record is one
 * `transition`, carried out as one atomic read-decide-write of the store.
 *
 *   none ──adopt──▶ live
 *   live ──adopt──▶ live
 *   live ──claim──▶ claimed
 *   live ──end──▶ ended
 *   claimed ──adopt, rotate, release──▶ live
 *   claimed ──claim──▶ claimed
 *   claimed ──quarantine, refuse, end──▶ ended
 *   ended ──adopt──▶ live
 *   ended ──end, forget──▶ ended
 *
 * The claim is the intent: it is written before the refresh token is sent, so that whoever finds it knows that the token
 * may be spent. Only the claim's owner may send, and only it may rotate, quarantine, refuse or release; anybody else's
 * event changes nothing and is answered with `passed`. A claim over a claim is made by the same owner (a retry), or by another
 * one when the holder is gone or overdue: then, and when a holder gives back a claim without knowing the outcome, the head is
 * in doubt. The generation counts heads and ends (adopt, rotate, quarantine, refuse, end): a holder that wakes up after its
 * generation has passed can tell, and discards what it got.
 */
import type { Milliseconds } from '../clock.ts';
import { pauseAfter, pausedUntil, type Failure, type Pause } from '../core/back-off.ts';
import { isToken, serves } from '../core/cache.ts';
import type { Answer, EndedCause, FamilyStatus, Seen } from '../core/plan.ts';
import { isSameIdentity, readSession, type Identity } from '../core/session.ts';
import { identityOf, mayBeOf } from '../core/whose.ts';
import { isText, textsOf } from '../oauth/json.ts';

/** The intent to spend the head, by whom and since when. */
export interface Claim {
  readonly owner: string;
  /** By the steady clock, which no correction of the time of day moves; but it may stand still while a machine sleeps. */
  readonly startedAt: Milliseconds;
  /** By the time of day. */
  readonly madeAt: Milliseconds;
  /** It was made while holding an exclusive lock: whoever gets that lock next knows that the holder is gone. */
  readonly locked: boolean;
}

/** An answer, and the generation that it came with. */
export interface HeldAnswer extends Answer {
  readonly generation: number;
}

export interface LiveFamily extends Identity {
  readonly state: 'live';
  readonly generation: number;
  /** The head: the one refresh token of the family that may be spent. */
  readonly refresh_token: string;
  /** What the login asked for. */
  readonly scope: string;
  /** Heads that later logins of the same user replaced: good at the server still, and to be revoked with this one. */
  readonly former?: readonly string[] | undefined;
  /** The last answer for each audience, by `audienceKey`. */
  readonly answers: Readonly<Record<string, HeldAnswer>>;
  readonly claim?: Claim | undefined;
  /** The head was sent once and no answer came: it may be spent already. */
  readonly outcomeUnknown?: boolean | undefined;
  /** How many exchanges failed in a row, and what keeps the next one from being tried. */
  readonly failures?: number | undefined;
  readonly pause?: Pause | undefined;
}

/** What its holder needs to spend it and to judge what comes. */
export type Head = Pick<
  LiveFamily,
  'generation' | 'refresh_token' | 'scope' | 'sub' | 'org_id' | 'failures' | 'answers'
>;

export interface EndedFamily {
  readonly state: 'ended';
  readonly generation: number;
  readonly cause: EndedCause;
  /** Revoked by the app, and the server has yet to hear of it: spent by nobody, and kept so that it can be told again. */
  readonly unrevoked?: readonly string[] | undefined;
}

/** `undefined`: there never was one. */
export type Family = LiveFamily | EndedFamily | undefined;

export type FamilyEvent =
  | {
      readonly kind: 'adopt';
      readonly refresh_token: string;
      readonly scope: string;
      readonly identity: Identity;
      readonly answer?: Answer | undefined;
      /** Which audience the answer is for, as `audienceKey` writes it. */
      readonly key: string;
    }
  | {
      readonly kind: 'claim';
      readonly owner: string;
      readonly now: Milliseconds;
      readonly steady: Milliseconds;
      /** What the claimant knew: a later answer serves it, and a later failure is its own. */
      readonly seen: Seen;
      /** What it wants, and for whom; absent: whoever signed in. */
      readonly key: string;
      readonly scope: string;
      readonly identity?: Identity | undefined;
      /** True under an exclusive lock. */
      readonly locked: boolean;
      /** How old another's claim must be before it counts as abandoned, where the lock proves nothing. */
      readonly abandonedAfter: Milliseconds;
    }
  | {
      readonly kind: 'rotate';
      readonly owner: string;
      /** Absent where the server does not rotate: the head stays. */
      readonly refresh_token?: string | undefined;
      readonly key: string;
      /** Whose it is by the answer's ID token, where nobody knew. */
      readonly identity?: Identity | undefined;
      /** Absent where the answer is good for nothing but its refresh token. */
      readonly answer?: Answer | undefined;
      /** That counts as one, unless it is yet to be judged. */
      readonly failure?: Failure | undefined;
    }
  /** The successor came with somebody else's ID token: it is spent by nobody. */
  | { readonly kind: 'quarantine'; readonly owner: string }
  | { readonly kind: 'refuse'; readonly owner: string }
  | {
      readonly kind: 'release';
      readonly owner: string;
      readonly outcome: 'not_spent' | 'unknown';
      /** Absent: the server works, and may be asked again at once. */
      readonly failure?: Failure | undefined;
    }
  | {
      readonly kind: 'end';
      readonly cause: Extract<EndedCause, 'logout' | 'revoked' | 'user_changed'>;
      /** The families of this user go on. */
      readonly unless?: Identity | undefined;
    }
  /** The server has heard that these are revoked. */
  | { readonly kind: 'forget'; readonly tokens: readonly string[] };

export type FamilyOutcome =
  | { readonly kind: 'adopted' }
  | ({ readonly kind: 'claimed' } & Head)
  /** Another tab was first, and its answer serves. */
  | { readonly kind: 'newer'; readonly answer: Answer; readonly identity: Identity }
  /** Somebody else's claim stands, since `age` ago. */
  | { readonly kind: 'busy'; readonly age: Milliseconds }
  /** Another tab's exchange failed while this one waited. `until`: none before that instant. */
  | { readonly kind: 'failed'; readonly outcomeUnknown: boolean; readonly until?: Milliseconds | undefined }
  /** Too many exchanges have failed: none before that instant. */
  | { readonly kind: 'paused'; readonly until: Milliseconds }
  | { readonly kind: 'none' }
  | { readonly kind: 'rotated' }
  | { readonly kind: 'released' }
  /** `orphans`: what nobody will spend any more; to be revoked. */
  | { readonly kind: 'ended'; readonly orphans?: readonly string[] | undefined }
  /** The event came too late: somebody else has moved the family on. Nothing changed. */
  | { readonly kind: 'passed'; readonly live: boolean; readonly revoked?: boolean | undefined };

/** What a family is, by what may become of it. `claimed`: it lives, and somebody may be spending its head. */
interface FamilyStates {
  readonly none: undefined;
  readonly live: LiveFamily;
  readonly claimed: LiveFamily;
  readonly ended: EndedFamily;
}

export type FamilyState = keyof FamilyStates;

type EventOf<Kind extends FamilyEvent['kind']> = Extract<FamilyEvent, { kind: Kind }>;
type Step = readonly [Family, FamilyOutcome];

/** What each event does in each state. */
type Rules = {
  readonly [Kind in FamilyEvent['kind']]: {
    readonly [State in FamilyState]: (family: FamilyStates[State], event: EventOf<Kind>) => Step;
  };
};

const rules: Rules = {
  adopt: { none: adopt, live: adopt, claimed: adopt, ended: adopt },
  claim: { none: nothing, live: claim, claimed: claim, ended: over },
  rotate: byOwner(rotate),
  quarantine: byOwner((family) => endedBy(family, 'invalid_id_token')),
  refuse: byOwner((family) => endedBy(family, family.outcomeUnknown ? 'outcome_unknown' : 'refused')),
  release: byOwner(release),
  end: { none: nothing, live: end, claimed: end, ended: endAgain },
  forget: { none: nothing, live: nothing, claimed: nothing, ended: forget },
};

export function transition(family: Family, event: FamilyEvent): Step {
  const rule = rules[event.kind][stateOf(family)] as (family: Family, event: FamilyEvent) => Step; // found by both
  return rule(family, event);
}

export function stateOf(family: Family): FamilyState {
  if (family === undefined) return 'none';
  return family.state === 'live' && family.claim ? 'claimed' : family.state;
}

/** Only the claim's owner may; to anybody else the family has moved on. */
function byOwner<Event extends { readonly owner: string }>(rule: (family: LiveFamily, event: Event) => Step) {
  const claimed = (family: LiveFamily, event: Event) =>
    family.claim?.owner === event.owner ? rule(family, event) : passed(family);
  return { none: passed, live: passed, claimed, ended: passed };
}

function adopt(family: Family, event: EventOf<'adopt'>): Step {
  const { refresh_token, scope, identity, answer, key } = event;
  const generation = (family?.generation ?? 0) + 1;
  const answers = answer ? { [key]: { ...answer, generation } } : {};
  const { sub, org_id } = identity;
  const former = isLive(family) ? tokensOf(family).slice(-formerLimit) : undefined;
  return [
    { state: 'live', generation, refresh_token, scope, sub, org_id, former, answers },
    { kind: 'adopted' },
  ];
}

function claim(family: LiveFamily, event: EventOf<'claim'>): Step {
  const { owner, now, steady, seen, key, identity, locked } = event;
  if (!mayBeOf(identity, family)) return nothing(family);

  const held = family.answers[key];
  const answer =
    held && held.generation > seen.generation ? answerFor(family, key, event.scope, now) : undefined;
  if (answer) return [family, { kind: 'newer', answer, identity: identityOf(family) }];

  const former = family.claim;
  if (former && former.owner !== owner && !(locked && former.locked)) {
    // A page that was loaded before the machine slept counts behind one that was loaded after; and the time of day may have
    // been corrected since. What is old by both is old. One from the future is none of a living page.
    const age = Math.min(Math.abs(steady - former.startedAt), Math.abs(now - former.madeAt));
    if (age < event.abandonedAfter) return [family, { kind: 'busy', age }];
  }

  const { failures = 0, outcomeUnknown = false } = family;
  const until = pausedUntil(family.pause, now);
  if (!former && failures > seen.failures) return [family, { kind: 'failed', outcomeUnknown, until }];
  if (!former && until !== undefined) return [family, { kind: 'paused', until }];

  return [
    {
      ...family,
      claim: { owner, startedAt: steady, madeAt: now, locked },
      // A claim that nobody gave back tells of an exchange whose answer nobody kept.
      outcomeUnknown: outcomeUnknown || former !== undefined || undefined,
    },
    { ...family, kind: 'claimed' },
  ];
}

function rotate(family: LiveFamily, event: EventOf<'rotate'>): Step {
  const { scope, former, answers } = family;
  const { refresh_token = family.refresh_token, key, answer } = event;
  const { sub, org_id } = event.identity ?? family;
  const generation = family.generation + 1;
  const kept = answer ? { ...answers, [key]: { ...answer, generation } } : answers;
  const next = {
    state: 'live',
    generation,
    refresh_token,
    scope,
    sub,
    org_id,
    former,
    answers: kept,
  } as const;
  const { failures, pause } = answer ? {} : family; // with an answer they are over
  return [withFailure({ ...next, failures, pause }, family, event.failure), { kind: 'rotated' }];
}

function release(family: LiveFamily, event: EventOf<'release'>): Step {
  const outcomeUnknown = family.outcomeUnknown || event.outcome === 'unknown' || undefined;
  const released = { ...family, claim: undefined, outcomeUnknown };
  return [withFailure(released, family, event.failure), { kind: 'released' }];
}

function end(family: LiveFamily, { cause, unless }: EventOf<'end'>): Step {
  if (unless && isSameIdentity(family, unless)) return nothing(family);
  const tokens = tokensOf(family);
  const [ended, outcome] = endedBy(family, cause, tokens);
  return [cause === 'revoked' ? { ...ended, unrevoked: tokens } : ended, outcome];
}

/**
 * What has ended keeps its cause, unless the user leaves: then there is nothing left to explain. What the server has yet to hear
 * of is told anew each time.
 */
function endAgain(family: EndedFamily, { cause }: EventOf<'end'>): Step {
  const { unrevoked } = family;
  if (cause === 'logout' || (cause !== 'revoked' && unrevoked)) return endedBy(family, cause, unrevoked);
  return [family, { kind: 'ended', orphans: unrevoked }];
}

function forget(family: EndedFamily, { tokens }: EventOf<'forget'>): Step {
  const { unrevoked = [], ...rest } = family;
  const left = unrevoked.filter((token) => !tokens.includes(token));
  if (left.length === unrevoked.length) return over(family);
  return [left.length > 0 ? { ...rest, unrevoked: left } : rest, { kind: 'ended' }];
}

function withFailure(next: LiveFamily, former: LiveFamily, failure: Failure | undefined): LiveFamily {
  if (!failure) return next;
  const failures = (former.failures ?? 0) + 1;
  return { ...next, failures, pause: pauseAfter(failures, failure, former.pause) };
}

/** Under which name a record keeps what is for an audience. Not the audience itself: `__proto__` is one, too. */
export const audienceKey = (audience: string): string => `audience ${audience}`;

/** What may be told of a family. */
export function statusOf(family: Family): FamilyStatus {
  if (family === undefined) return { state: 'none', generation: 0 };
  const { generation } = family;
  if (family.state === 'ended') return { state: 'ended', generation };
  const { scope, sub, org_id, failures = 0 } = family;
  return { state: 'live', generation, scope, sub, org_id, failures };
}

/** The family's last answer for an audience, if it serves the wanted scope for a while yet. */
export function answerFor(family: Family, key: string, scope: string, now: Milliseconds): Answer | undefined {
  const held = isLive(family) ? family.answers[key] : undefined;
  return held && serves(held.token, scope, now) ? held : undefined;
}

/** The last ID token that it brought: whose session it is. */
export const idTokenOf = ({ answers }: Pick<LiveFamily, 'answers'>): string | undefined =>
  Object.values(answers)
    .sort((one, other) => other.generation - one.generation)
    .find(({ id_token }) => id_token !== undefined)?.id_token;

/**
 * The family out of what a store returned, without what has not the shape it must have; `undefined`: nothing that
 * `transition` can go on with. A record is read from a store that anybody on the origin can write.
 */
export function readFamily(value: unknown): Family {
  const family = (value ?? {}) as LiveFamily | EndedFamily; // every member that is relied on is checked here
  if (!Number.isFinite(family.generation)) return undefined;
  if (family.state === 'ended')
    return family.unrevoked ? { ...family, unrevoked: textsOf(family.unrevoked) } : family;
  if (family.state !== 'live' || ![family.refresh_token, family.scope, family.sub].every(isText))
    return undefined;
  const answers = Object.entries(family.answers ?? {}).filter(([, answer]) => isAnswer(answer, family));
  return { ...family, former: textsOf(family.former), answers: Object.fromEntries(answers) };
}

/** True for an answer whose ID token, if it has one, can be read and is the family's own. */
function isAnswer(value: unknown, family: LiveFamily): value is HeldAnswer {
  const { generation, token, id_token } = (value ?? {}) as Partial<HeldAnswer>;
  if (!Number.isFinite(generation) || !isToken(token)) return false;
  if (id_token === undefined) return true;
  const session = readSession(id_token);
  return session !== undefined && mayBeOf(session, family);
}

export const isLive = (family: Family): family is LiveFamily => family?.state === 'live';

/** All that the server may still accept of it. */
export const tokensOf = ({ former = [], refresh_token }: LiveFamily): string[] => [...former, refresh_token];

/** How many replaced heads are kept for their revocation. */
const formerLimit = 5;

function nothing(family: Family): Step {
  return [family, { kind: 'none' }];
}

function over(family: EndedFamily): Step {
  return [family, { kind: 'ended' }];
}

function passed(family: Family): Step {
  const revoked = (family?.state === 'ended' && family.cause === 'revoked') || undefined;
  return [family, { kind: 'passed', live: isLive(family), revoked }];
}

const endedBy = (
  { generation }: LiveFamily | EndedFamily,
  cause: EndedCause,
  orphans?: readonly string[],
): readonly [EndedFamily, FamilyOutcome] => [
  { state: 'ended', generation: generation + 1, cause },
  { kind: 'ended', orphans },
];
