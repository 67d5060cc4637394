/**
 * Custody: the only place that holds, claims or spends a refresh token. Whoever asks gets tokens, never the refresh token.
 *
 * Everything a client holds stands in one record, a family per audience, so that a logout or another user's login is one
 * atomic write. The claim in the record decides who may send; the lock around it only saves waste.
 */
import type { Milliseconds } from '../clock.ts';
import type { Target } from '../core/authorization-request.ts';
import { createFlights } from '../core/flights.ts';
import { validateIdToken } from '../core/id-token-validation.ts';
import type { Answer, EndedCause, FamilyStatus, Seen } from '../core/plan.ts';
import { isSameIdentity, mayBeOf, readSession, unknownIdentity, type Identity } from '../core/session.ts';
import { storageName, type Settings } from '../core/settings.ts';
import { judgeTokenAnswer, tokenOf, type TokenJudgement } from '../core/token-response.ts';
import { within } from '../core/within.ts';
import type { Environment, HttpAnswer, Locks, RecordStore } from '../environment.ts';
import {
  DisposedError,
  InvalidIdTokenError,
  lockTimeout,
  NetworkError,
  StorageError,
  TimeoutError,
} from '../errors.ts';
import { encodeBase64url } from '../oauth/base64url.ts';
import { formOf } from '../oauth/form.ts';
import { textsOf } from '../oauth/json.ts';
import type { RevocationRequest } from '../oauth/revocation-endpoint.ts';
import { joinScopes, scopeIncludes, scopeNames } from '../oauth/scope.ts';
import type { AuthorizationCodeGrant, TokenRequest, TokenResponse } from '../oauth/token-endpoint.ts';
import {
  answerFor,
  audienceKey,
  idTokenOf,
  readFamily,
  statusOf,
  transition,
  type Family,
  type FamilyEvent,
  type FamilyOutcome,
  type Head,
} from './family.ts';

/** What a token is wanted for. */
type Wanted = Pick<Target, 'audience' | 'scope'>;

/** What a token is wanted for, and whose: absent where nobody can tell. */
export interface Spendable extends Wanted {
  readonly identity?: Identity | undefined;
}

export interface Custody {
  /** What may be known of the family for `audience`. */
  look(wanted: Wanted): Promise<CustodyView>;
  /**
   * Spends the head of the family for `audience`, unless another tab has got an answer for it since what was `seen`.
   * Callers who want the same share one exchange; it goes on when a caller's `limit` is over.
   * @throws {NetworkError} when the server could not be reached or no whole answer came; the head is kept.
   * @throws {GenericError} with the server's code, when it declined without ending the family.
   * @throws {InvalidIdTokenError} with `retryable`, when only a clock is wrong; the successor is kept.
   * @throws {StorageError} before anything was sent, when the claim could not be written.
   * @throws {TimeoutError} when `limit` is over: `lock_timeout` while another tab is at it, `still_waiting` for the answer.
   */
  spend(wanted: Spendable, seen: Seen, limit: Milliseconds): Promise<SpendOutcome>;
  /**
   * Exchanges an authorization code. The refresh token that comes with it is provisional: held here, and spent by nobody,
   * until `adopt`.
   * @throws {GenericError} with the server's code, or {NetworkError}.
   */
  redeem(code: RedeemableCode): Promise<Redeemed>;
  /**
   * Makes the provisional refresh token of a redeemed code, if there is one, the head of the family for `audience`.
   * Families of any other user are ended and revoked. `undefined`: since a silent login began, the family has ended, or
   * somebody has logged out or signed in; that stays so.
   * @returns after how many logouts: whoever finds more of them later has been logged out
   */
  adopt(receipt: string, family: AdoptableFamily): Promise<number | undefined>;
  /**
   * Takes over what another SDK has left, as heads of families; `prepareTakeOver` decides which, and what gives way to them.
   * @returns Those that were adopted; `undefined`: nothing may be taken over.
   */
  moveIn(takeOver: TakeOver): Promise<readonly MovedFamily[] | undefined>;
  /** Notes that the session could not be marked, until the next login. */
  goUnmarked(): Promise<void>;
  /** Revokes the provisional refresh token of a redeemed code; it was never in use. */
  discard(receipt: string): Promise<void>;
  /**
   * Ends all families, or the one for `audience` if it is still the one that was `seen`; settles when that is durable.
   * What they held, and `others` beside them, is revoked meanwhile, as far as the server can be reached, and unless the app
   * turned that off for logouts: `revoked` settles within 3 s and never rejects.
   */
  end(
    cause: EndedCause,
    only?: { readonly audience: string; readonly seen: number },
    others?: readonly string[],
  ): Promise<{ readonly revoked: Promise<void> }>;
  /** Sends nothing more, and gives back what it holds. What is under way is kept. */
  dispose(): void;
}

export interface CustodyView {
  readonly family: FamilyStatus;
  /** The family's last answer, if that serves the wanted scope for a while yet. */
  readonly answer: Answer | undefined;
  /** Whose families live, all of them: only one user's do. */
  readonly signedIn: (Identity & { readonly id_token: string | undefined }) | undefined;
  /** How often the user has logged out. */
  readonly logouts: number;
  /** The cache would not take the session's marker: that there is none says nothing. */
  readonly unmarked: boolean;
}

export type SpendOutcome =
  | { readonly kind: 'answer'; readonly answer: Answer; readonly identity: Identity }
  /** Look again: the family is over, gone or somebody else's. */
  | { readonly kind: 'moved' }
  /** The answer was somebody else's, by `cause`; the family ended with that generation. */
  | { readonly kind: 'quarantined'; readonly cause: InvalidIdTokenError; readonly generation: number };

/** What keeps a claim from being made, for a while. */
type Wait = Extract<FamilyOutcome, { kind: 'busy' | 'paused' }>;

/** A place in the queue for a family. */
interface Turn {
  /** What a caller is told that waits no longer than `limit`. */
  late(limit: Milliseconds): Error;
}

export type RedeemableCode = Omit<AuthorizationCodeGrant, 'grant_type' | 'client_id'> & { scope: string };

export interface AdoptableFamily extends Wanted {
  readonly identity: Identity;
  readonly answer: Answer;
  /** What a silent login began with. Absent: the user logs in. */
  readonly began?: Began | undefined;
}

export interface Began {
  readonly session: Identity | undefined;
  readonly family: Pick<FamilyStatus, 'generation'>;
  readonly logouts: number;
}

export interface MovedFamily extends Wanted {
  readonly refresh_token: string;
  readonly answer: Answer | undefined;
}

/** One step of the record. */
export type TakeOver = (record: CustodyRecord) => {
  /** The same one where nothing changes. */
  readonly next: CustodyRecord;
  readonly adopted: readonly MovedFamily[] | undefined;
  /** Of the families that gave way. */
  readonly outcomes: readonly FamilyOutcome[];
};

export interface Redeemed {
  readonly receipt: string;
  readonly answer: Answer;
}

/** Version of the record's format. A record of a later one belongs to a later latchkey, and is left alone. */
const recordVersion = 1;

type Families = Readonly<Record<string, Family>>;

/** Which family of the record, and what happens to it. */
type FamilyChange = readonly [at: string, event: FamilyEvent];

/** What became of a head: cannot be had again. */
type CommitEvent = Extract<FamilyEvent, { kind: 'rotate' | 'quarantine' | 'refuse' }>;

export interface CustodyRecord {
  readonly version: number;
  readonly families: Families;
  /** Digests of the refresh tokens that were moved in, so that none is when an old tab writes it back. */
  readonly moved: readonly string[];
  /** How often the user has logged out: a silent login that began before may find no family to tell it. */
  readonly logouts: number;
  /** See `CustodyView`. */
  readonly unmarked: boolean;
}

/** What writing a claim and a successor may take, in the slowest store. */
const storeLimit: Milliseconds = 5000;

/** How long the lock is waited for before the claim is looked at without it: its holder may be frozen. */
const lockPatience: Milliseconds = 5000;

/** How often a claim that the lock does not account for is looked at again, and how long the lock is waited for then. */
const busyPause: Milliseconds = 250;

/** How often the store is asked again to take what it would not take. */
const savePause: Milliseconds = 250;

/** How long a revocation may take. */
const revocationLimit: Milliseconds = 3000;

export function createCustody(
  settings: Settings,
  env: Pick<Environment, 'clock' | 'timers' | 'cryptography' | 'http' | 'page'>,
  records: RecordStore,
  locks: Locks,
): Custody {
  const { clock, page, timers } = env;
  const name = storageName(settings, 'custody');
  /** A claim that has stood this long is nobody's any more: its exchange was aborted, or its page sleeps. */
  const abandonedAfter = settings.exchangeLimit + storeLimit;
  /** A holder sends twice at the most, and writes a little. */
  const waitLimit = 2 * abandonedAfter;
  const flights = createFlights();
  const turns = new Map<string, Turn>();
  const provisional = new Map<string, string>();
  /** What became of heads and the store would not take: the only copy, until it does. */
  const unsaved = new Map<string, CommitEvent>();
  let saving: Promise<void> | undefined;
  const randomName = () => encodeBase64url(env.cryptography.randomBytes(16));
  /** How long the lock is waited for: not long again where it was not granted last time. */
  let patience = lockPatience;
  let active = 0;
  let disposed = false;
  let stopWaiting = () => {};

  return { look, spend, redeem, adopt, moveIn, goUnmarked, discard, end, dispose };

  async function look({ audience, scope }: Wanted): Promise<CustodyView> {
    const { families, ...rest } = await records.update(name, (record) => [record, readRecord(record)]);
    const family = families[familyKey(families, audience)];
    const answer = answerFor(family, audienceKey(audience), scope, clock.now());
    const [signedIn] = Object.values(families).flatMap((it) =>
      it?.state === 'live' && it.sub !== unknownIdentity.sub
        ? [{ sub: it.sub, org_id: it.org_id, id_token: idTokenOf(it) }]
        : [],
    );
    return { ...rest, family: statusOf(family), answer, signedIn };
  }

  function spend(wanted: Spendable, { generation, failures }: Seen, limit = Infinity): Promise<SpendOutcome> {
    const { audience, scope, identity } = wanted;
    const key = JSON.stringify([audience, scope, identity?.sub, identity?.org_id, generation, failures]);
    const turn = turns.get(key) ?? { late: lockTimeout };
    turns.set(key, turn);
    const exchanging = flights.share(key, async () => {
      active++;
      try {
        return await spendWhenFree(wanted, { generation, failures }, turn);
      } finally {
        active--;
        turns.delete(key);
        closeWhenIdle();
      }
    });
    return within(timers, limit, exchanging, () => turn.late(limit));
  }

  async function spendWhenFree(wanted: Spendable, seen: Seen, turn: Turn): Promise<SpendOutcome> {
    const owner = randomName();
    const giveUpAt = clock.steady() + waitLimit;
    for (;;) {
      if (disposed) throw new DisposedError();
      if (!page.online()) throw new NetworkError('offline', 'The browser is offline.');
      const outcome = await exchangeInTurn(owner, wanted, seen, turn);
      if (outcome.kind !== 'busy' && outcome.kind !== 'paused') return outcome;
      const met = clock.steady();
      const wait = outcome.kind === 'busy' ? busyPause : outcome.until - clock.now();
      turn.late =
        outcome.kind === 'busy'
          ? (limit) => lockTimeout(limit, outcome.age + clock.steady() - met)
          : () => new NetworkError('backing_off', `The last requests failed; the next is due in ${wait} ms.`);
      const isLong = outcome.kind === 'paused' && wait > settings.callerLimit;
      if (isLong || met >= giveUpAt) throw turn.late(waitLimit);
      await new Promise<void>((resolve) => timers.after(wait, resolve));
    }
  }

  /** Under the lock; where it is not granted in time, or never, without it: the claim decides. */
  function exchangeInTurn(
    owner: string,
    wanted: Spendable,
    seen: Seen,
    turn: Turn,
  ): Promise<SpendOutcome | Wait> {
    return new Promise((resolve, reject) => {
      let lock: 'awaited' | 'taken' | 'missed' = 'awaited';
      const goWithout = () => {
        lock = 'missed';
        patience = busyPause;
        claimAndExchange(owner, wanted, seen, turn, false).then(resolve, reject);
      };
      const callOff = timers.after(patience + busyPause, goWithout); // for locks that do not keep to their limit
      const take = async () => {
        if (lock === 'missed') return;
        lock = 'taken';
        patience = lockPatience;
        callOff();
        await claimAndExchange(owner, wanted, seen, turn, locks.exclusive).then(resolve, reject);
        // While the store does not know of the successor, the lock keeps the other tabs from the spent head.
        if (saving)
          await within(timers, abandonedAfter, saving, () => lockTimeout(abandonedAfter)).catch(() => {});
      };
      locks.run(name, patience, take).catch(() => {
        callOff();
        if (lock === 'awaited') goWithout();
      });
    });
  }

  async function claimAndExchange(
    owner: string,
    wanted: Spendable,
    seen: Seen,
    turn: Turn,
    locked: boolean,
  ): Promise<SpendOutcome | Wait> {
    const { audience, scope, identity } = wanted;
    const key = audienceKey(audience);
    await saveLate();
    const claim = async (): Promise<{ at: string; outcome: FamilyOutcome }> => {
      for (;;) {
        if (disposed) throw new DisposedError(); // while it waited for its turn
        const [now, steady] = [clock.now(), clock.steady()];
        const made = await changeOne(audience, {
          kind: 'claim',
          owner,
          now,
          steady,
          seen,
          key,
          scope,
          identity,
          locked,
          abandonedAfter,
        });
        // A page that slept since it asked asks again: somebody may have taken over meanwhile.
        if (clock.steady() - steady < storeLimit) return made;
      }
    };
    const { at, outcome } = await claim();
    if (outcome.kind === 'busy' || outcome.kind === 'paused') return outcome;
    if (outcome.kind === 'newer') return { ...outcome, kind: 'answer' };
    if (outcome.kind === 'failed')
      throw outcome.outcomeUnknown ? noAnswer('outcome_unknown') : noAnswer('unreachable');
    if (outcome.kind !== 'claimed') return { kind: 'moved' };
    turn.late = () => new TimeoutError('still_waiting');

    const first = await exchange(at, owner, outcome, wanted);
    if (first.kind !== 'lost') return first;
    const giveUp = async ({ status }: { status: number }): Promise<never> => {
      await release(at, owner, 'unknown');
      tryAgainOnline(wanted, outcome.generation);
      throw noAnswer(status < 300 ? 'outcome_unknown' : 'unreachable', status);
    };
    // A server that has been failing for a while is not asked twice.
    if (first.status >= 300 && outcome.failures) return giveUp(first);
    // The answer was lost: at once, and once only, since a tenant's leeway runs from its commit. The claim is renewed
    // first, so that nothing is sent if another tab has taken over meanwhile.
    const { outcome: again } = await claim();
    if (again.kind !== 'claimed') return { kind: 'moved' };
    const second = await exchange(at, owner, again, wanted);
    return second.kind === 'lost' ? giveUp(second) : second;
  }

  /** Sends the head once. `lost`: whether the server acted is unknown, and the claim still stands; status 0: nothing came. */
  async function exchange(
    at: string,
    owner: string,
    head: Head,
    { audience, scope, identity: asked }: Spendable,
  ): Promise<SpendOutcome | { readonly kind: 'lost'; readonly status: number }> {
    const askedAt = clock.now();
    const { refresh_token } = head;
    const key = audienceKey(audience);
    // A narrower scope is left out: the whole grant comes back, and serves every caller.
    const whole = !settings.useMrrt || (key === at && scopeIncludes(head.scope, scope));
    const judgement = await send({
      grant_type: 'refresh_token',
      client_id: settings.clientId,
      refresh_token,
      ...(!whole && { audience: audience || undefined, scope }),
    });
    switch (judgement.kind) {
      case 'tokens': {
        const { refresh_token: successor, id_token } = judgement.response;
        const granted = whole ? head.scope : grantedOf(judgement.response, scope);
        const answer = { token: tokenOf(judgement.response, granted, askedAt), id_token };
        const expected = head.sub === unknownIdentity.sub ? asked : head;
        const problem = id_token === undefined ? undefined : problemOf(id_token, expected);
        const identity = expected ?? readSession(id_token ?? '') ?? unknownIdentity;
        if (problem && !problem.retryable) {
          await commit(at, { kind: 'quarantine', owner });
          await revoke([successor ?? refresh_token]);
          return { kind: 'quarantined', cause: problem, generation: head.generation + 1 };
        }
        const rotated = { kind: 'rotate', owner, refresh_token: successor, key, identity } as const;
        const kept = await commit(at, { ...rotated, ...(problem ? { failedAt: clock.now() } : { answer }) });
        if (problem) throw problem; // only a clock is wrong
        return kept ? { kind: 'answer', answer, identity } : { kind: 'moved' };
      }
      case 'refused':
        await commit(at, { kind: 'refuse', owner });
        return { kind: 'moved' };
      case 'declined':
        await release(at, owner, 'not_spent', judgement.error.retryable);
        throw judgement.error;
      case 'unclear':
        return { kind: 'lost', status: judgement.status };
    }
  }

  /** What is wrong with the ID token of a refresh (OIDC Core §12.2). */
  function problemOf(idToken: string, identity: Identity | undefined): InvalidIdTokenError | undefined {
    try {
      validateIdToken(settings, idToken, { now: clock.now(), identity });
      return undefined;
    } catch (error) {
      if (error instanceof InvalidIdTokenError) return error;
      throw error;
    }
  }

  /**
   * Writes what became of a head before anything else may fail. What the store will not take stays in the heap, and the store
   * is asked again and again. False: the family has moved on, and what came is discarded; where a logout was first, or the
   * record is gone, it is revoked too, unless logouts revoke nothing.
   */
  async function commit(at: string, event: CommitEvent): Promise<boolean> {
    try {
      return await write(at, event);
    } catch {
      unsaved.set(at, event);
      saving ??= saveSoon();
      return true;
    }
  }

  async function write(at: string, event: CommitEvent): Promise<boolean> {
    const outcome = await change(at, event);
    if (outcome.kind !== 'passed') return true;
    const isLeftover = event.kind === 'rotate' && !outcome.live && settings.revokeOnLogout;
    if (isLeftover && event.refresh_token !== undefined) await revoke([event.refresh_token]);
    return false;
  }

  async function saveLate(): Promise<void> {
    for (const [at, event] of unsaved) {
      await write(at, event);
      unsaved.delete(at);
    }
  }

  async function saveSoon(): Promise<void> {
    while (unsaved.size > 0) {
      await new Promise<void>((resolve) => timers.after(savePause, resolve));
      await saveLate().catch(() => {}); // a store that still refuses is asked again
    }
    saving = undefined;
    closeWhenIdle();
  }

  async function release(at: string, owner: string, outcome: 'not_spent' | 'unknown', failed = true) {
    await change(at, { kind: 'release', owner, outcome, failedAt: failed ? clock.now() : undefined });
  }

  /** What is in doubt is settled as soon as there is a network: a tenant's leeway, if it has one, is running. */
  function tryAgainOnline(wanted: Spendable, generation: number): void {
    stopWaiting();
    const settle = async () => {
      stopWaiting();
      const { family } = await look(wanted);
      if (family.state === 'live' && family.generation === generation) await spend(wanted, family);
    };
    stopWaiting = page.onOnline(() => void settle().catch(() => {})); // whoever calls next will hear
  }

  async function redeem({ scope, ...code }: RedeemableCode): Promise<Redeemed> {
    const askedAt = clock.now();
    // Sent once: a code that is presented twice may cost the family that it led to (RFC 6749 §4.1.2).
    const judgement = await send({ grant_type: 'authorization_code', client_id: settings.clientId, ...code });
    switch (judgement.kind) {
      case 'tokens': {
        const { refresh_token, id_token } = judgement.response;
        const receipt = randomName();
        if (refresh_token !== undefined) provisional.set(receipt, refresh_token);
        return { receipt, answer: { token: tokenOf(judgement.response, scope, askedAt), id_token } };
      }
      case 'refused':
      case 'declined':
        throw judgement.error;
      case 'unclear':
        throw noAnswer('unreachable', judgement.status);
    }
  }

  async function adopt(
    receipt: string,
    { audience, scope, identity, answer, began }: AdoptableFamily,
  ): Promise<number | undefined> {
    const key = audienceKey(audience);
    const refresh_token = provisional.get(receipt);
    const end = { kind: 'end', cause: 'user_changed', unless: identity } as const;
    const seen = began?.family.generation;
    const isStranger = (family: Family): boolean =>
      family?.state === 'live' && !mayBeOf(identity, family) && !isSameIdentity(family, began?.session);
    let late = false;
    let after = Infinity;
    const adopting = changeEach(({ families, logouts }) => {
      after = logouts;
      late = began !== undefined && (logouts > began.logouts || Object.values(families).some(isStranger));
      if (late) return [];
      const ends = Object.keys(families).map((other): FamilyChange => [other, end]);
      if (refresh_token === undefined) {
        const over = families[key]?.state === 'ended';
        return over ? [...ends, [key, { kind: 'end', cause: 'none_issued', seen }]] : ends;
      }
      return [...ends, [key, { kind: 'adopt', refresh_token, scope, identity, answer, key, seen }]];
    });
    const outcomes = await adopting.catch((error: unknown) => {
      if (settings.useRefreshTokens) throw error;
      return []; // without them there is nothing to lose
    });
    void revoke(orphansOf(outcomes));
    if (late || outcomes.at(-1)?.kind === 'passed') return undefined;
    provisional.delete(receipt);
    if (refresh_token !== undefined) unsaved.delete(key); // of the family that was replaced
    return after;
  }

  async function moveIn(takeOver: TakeOver): Promise<readonly MovedFamily[] | undefined> {
    const { adopted, outcomes } = await records.update(name, (stored) => {
      const record = readRecord(stored);
      const taken = takeOver(record);
      return [taken.next === record ? stored : taken.next, taken];
    });
    void revoke(orphansOf(outcomes));
    return adopted;
  }

  function goUnmarked(): Promise<void> {
    return records.update(name, (record) => [{ ...readRecord(record), unmarked: true }, undefined]);
  }

  async function discard(receipt: string): Promise<void> {
    const refresh_token = provisional.get(receipt);
    provisional.delete(receipt);
    if (refresh_token !== undefined) await revoke([refresh_token]);
  }

  async function end(
    cause: EndedCause,
    only?: { readonly audience: string; readonly seen: number },
    others: readonly string[] = [],
  ) {
    const isKept = cause === 'logout' && !settings.revokeOnLogout;
    const revokeAll = (tokens: readonly string[]) => revoke(isKept ? [] : tokens);
    // What the store would not take belongs to a session that is over: it is not written after that.
    const late = only ? others : [...[...unsaved.values()].flatMap(successorOf), ...others];
    if (only) await saveLate();
    else unsaved.clear();
    try {
      const event = { kind: 'end', cause, seen: only?.seen } as const;
      const outcomes = await changeEach(
        ({ families }) =>
          (only ? [familyKey(families, only.audience)] : Object.keys(families)).map((at) => [at, event]),
        only ? 0 : 1,
      );
      return { revoked: revokeAll([...late, ...orphansOf(outcomes)]) };
    } catch (error) {
      const revoked = revokeAll(late);
      if (settings.useRefreshTokens) throw error; // without them there is nothing to lose
      return { revoked };
    }
  }

  function dispose(): void {
    disposed = true;
    stopWaiting();
    closeWhenIdle();
  }

  function closeWhenIdle(): void {
    if (disposed && active === 0 && unsaved.size === 0) records.close();
  }

  /** Best effort: the local end stands, whether the server hears of it or not. */
  async function revoke(tokens: readonly string[]): Promise<void> {
    await Promise.allSettled(
      tokens.map((token) =>
        post(
          'revoke',
          { client_id: settings.clientId, token, token_type_hint: 'refresh_token' },
          { limit: revocationLimit, keepalive: true },
        ),
      ),
    );
  }

  /** Which family serves an audience: its own, or, with a refresh token for many resources, any that lives. */
  function familyKey(families: Families, audience: string): string {
    const own = audienceKey(audience);
    if (!settings.useMrrt) return own;
    const keys = [own, ...Object.keys(families)].filter((key) => families[key]);
    return keys.find((key) => families[key]?.state === 'live') ?? keys[0] ?? own;
  }

  /** One transition of the family that serves `audience`, and which that is. */
  async function changeOne(audience: string, event: FamilyEvent) {
    let at = '';
    const [outcome] = await changeEach(({ families }) => [[(at = familyKey(families, audience)), event]]);
    return { at, outcome: outcome as FamilyOutcome }; // one event, one outcome
  }

  async function change(at: string, event: FamilyEvent): Promise<FamilyOutcome> {
    const [outcome] = await changeEach(() => [[at, event]]);
    return outcome as FamilyOutcome; // one event, one outcome
  }

  /** Some transitions, each of one family, as one atomic step of the store. */
  async function changeEach(
    events: (record: CustodyRecord) => readonly FamilyChange[],
    moreLogouts = 0,
  ): Promise<readonly FamilyOutcome[]> {
    return records.update(name, (stored) => {
      const record = readRecord(stored);
      const families: Record<string, Family> = { ...record.families };
      let changed = moreLogouts > 0;
      const outcomes = events(record).map(([at, event]) => {
        const [family, outcome] = transition(families[at], event);
        changed ||= family !== families[at];
        families[at] = family;
        return outcome;
      });
      const unmarked = record.unmarked && !outcomes.some(({ kind }) => kind === 'adopted');
      const next = () => ({ ...record, families, logouts: record.logouts + moreLogouts, unmarked });
      return [changed ? next() : stored, outcomes];
    });
  }

  /** Sends once. No answer at all is `unclear`, with status 0. */
  async function send(request: TokenRequest): Promise<TokenJudgement> {
    try {
      return judgeTokenAnswer(await post('token', request));
    } catch {
      return { kind: 'unclear', status: 0 };
    }
  }

  /** Browsers do not say why an answer cannot be read; that the tenant does not know the page's origin is one of the reasons. */
  function noAnswer(reason: 'unreachable' | 'outcome_unknown', status = 0): NetworkError {
    const suspect = `If none ever comes: does the tenant list ${page.origin()} in the application's web origins (CORS)?`;
    const description =
      status === 0
        ? `No answer to a token request could be read. ${suspect}`
        : `No usable answer to a token request (HTTP status ${status}).`;
    return new NetworkError(reason, description);
  }

  async function post(
    endpoint: 'token' | 'revoke',
    request: TokenRequest | RevocationRequest,
    options: { limit: Milliseconds; keepalive?: boolean } = { limit: settings.exchangeLimit },
  ): Promise<HttpAnswer> {
    return env.http.post(`${settings.domainUrl}/oauth/${endpoint}`, formOf(request).toString(), options);
  }
}

/**
 * What a refresh for another audience or a wider scope led to. Asking again for what is missing may help, once the
 * tenant's policies have changed; the scopes of OIDC Core §5.4 and §11 are the login's, whatever the answer says of them.
 */
const grantedOf = ({ scope: granted = '' }: TokenResponse, asked: string): string =>
  granted === ''
    ? asked
    : joinScopes(
        granted,
        ...scopeNames(asked).filter((name) =>
          /^(openid|profile|email|address|phone|offline_access)$/.test(name),
        ),
      );

const successorOf = (event: CommitEvent): string[] =>
  event.kind === 'rotate' && event.refresh_token !== undefined ? [event.refresh_token] : [];

const orphansOf = (outcomes: readonly FamilyOutcome[]): string[] =>
  outcomes.flatMap((outcome) => (outcome.kind === 'ended' && outcome.orphans) || []);

/**
 * What a stored record says; what has not the shape it must have is left out.
 * @throws {StorageError} for a record of a later version.
 */
function readRecord(stored: unknown): CustodyRecord {
  const record = (stored ?? {}) as Partial<CustodyRecord>;
  const { version = 0, families, moved, logouts, unmarked } = record;
  if (version > recordVersion)
    throw new StorageError(`its record has format ${version}, later than ${recordVersion}`);
  if (version !== recordVersion)
    return { version: recordVersion, families: {}, moved: [], logouts: 0, unmarked: false };
  const read = Object.entries(families ?? {}).map(([at, family]) => [at, readFamily(family)] as const);
  return {
    version,
    families: Object.fromEntries(read),
    moved: textsOf(moved),
    logouts: Number.isFinite(logouts) ? (logouts as number) : 0,
    unmarked: unmarked === true,
  };
}
