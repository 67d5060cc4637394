/**
 * Custody: the only place that holds, claims or spends a refresh token. Whoever asks gets tokens, never the refresh token.
 *
 * Everything a client holds stands in one record, a family per audience, so that a logout or another user's login is one
 * atomic write. The claim in the record decides who may send; the lock around it only saves waste.
 */
import type { Milliseconds, Seconds } from '../clock.ts';
import { serves } from '../core/cache.ts';
import type { Target } from '../core/target.ts';
import { backingOff, drawOf, withWish, type Failure } from '../core/back-off.ts';
import { endpointsAt, type FindEndpoints } from '../core/endpoints.ts';
import {
  ceilingOf,
  isOfAnotherLogin,
  skewOf,
  validateAnswer,
  type IdTokenExpectation,
} from '../core/id-token-validation.ts';
import type { Answer, FamilyStatus, Seen, SessionEnd } from '../core/plan.ts';
import { isPastCeiling, isSameIdentity, readSession, type Identity } from '../core/session.ts';
import { identityOf, mayBeOf, unknownIdentity } from '../core/whose.ts';
import { storageName, type Settings } from '../core/settings.ts';
import { loadFeature } from '../core/load-feature.ts';
import { tokenOf } from '../core/token-response.ts';
import { refuseToBegin } from '../core/refuse-to-begin.ts';
import { pause } from '../core/patience.ts';
import { within } from '../core/within.ts';
import type { Environment, Locks, RecordStore } from '../environment.ts';
import { InvalidIdTokenError, lockTimeout, signedOut, StorageError, TimeoutError } from '../errors.ts';
import { encodeBase64url } from '../oauth/base64url.ts';
import { joinScopes, scopeIncludes, scopeNames } from '../oauth/scope.ts';
import {
  tokenExchangeType,
  type AuthorizationCodeGrant,
  type TokenExchangeGrant,
  type TokenResponse,
} from '../oauth/token-endpoint.ts';
import {
  answerFor,
  audienceKey,
  idTokenOf,
  isLive,
  statusOf,
  type Family,
  type FamilyEvent,
  type FamilyOutcome,
  type Head,
} from './family.ts';
import type { IdTokenSignatures } from './id-token-signature.ts';
import type { Asked, Lending, Loan } from './lending.ts';
import {
  changed,
  changedAt,
  createRecordUpdate,
  headsOf,
  type CustodyRecord,
  type Families,
  type FamilyChange,
  type UpdateRecord,
} from './record.ts';
import { createTokenRequests, type Unclear } from './token-requests.ts';
import { busyPause, createTurns } from './turns.ts';
import { createUnsaved, type CommitEvent } from './unsaved.ts';

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
   * @throws {InvalidIdTokenError} with `retryable`, when only a clock is wrong, or the key of its signature is not known; the
   * successor is kept.
   * @throws {StorageError} before anything was sent, when the claim could not be written.
   * @throws {TimeoutError} when `limit` is over: `lock_timeout` while another tab is at it, `still_waiting` for the answer.
   */
  spend(wanted: Spendable, seen: Seen, limit: Milliseconds): Promise<SpendOutcome>;
  /**
   * Exchanges an authorization code, or a token of somebody else's. The refresh token that comes with it is provisional: held
   * here, and spent by nobody, until `adopt`. Where the app wants signatures verified, the ID token's is good.
   * @throws {GenericError} with the server's code, or {NetworkError}; `offline` or `leaving`: nothing was sent.
   * @throws {InvalidIdTokenError} for a signature; what came with it is revoked. `unknown_key`: another call for that code may do.
   * @throws {AuthenticationError} `signed_out`, where the key that its tokens are bound to was removed meanwhile.
   */
  redeem(given: Redeemable): Promise<Redeemed>;
  /**
   * Makes the provisional refresh token of a redeemed code, if there is one, the head of the family for `audience`.
   * Families of any other user are ended and revoked. `undefined`: since a silent login began, somebody has logged
   * out or signed in; that stays so.
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
  /**
   * In memory mode: a token of another tab's custody, which holds a refresh token, for who has none; see `lending.ts`. It has been
   * judged as what a refresh brings. `undefined`: there is nobody, or nothing; or not all who answer are of one session.
   * @throws {NetworkError} `unreachable`, where that tab has nothing yet.
   */
  borrow(wanted: Borrowable, began: Began, limit: Milliseconds): Promise<Borrowed | undefined>;
  /** Revokes the provisional refresh token of a redeemed code; it was never in use. */
  discard(receipt: string): Promise<void>;
  /**
   * Ends all families as a logout does; `still`: only if there are as many `heads` as were seen; `after`: only if there were no more
   * logouts than that, and other tabs know already. Settles when that is durable. What they held, and `others` beside them, is
   * revoked meanwhile, as far as the server can be reached, and unless the app turned that off: `revoked` settles within 3 s and
   * never rejects.
   */
  end(options: {
    readonly still?: number;
    readonly after?: number;
    readonly others?: readonly string[];
  }): Promise<{
    /** It counts as a logout. */
    readonly ended: boolean;
    readonly revoked: Promise<void>;
  }>;
  /**
   * Revokes the refresh token for `audience`, or, with one for many resources, all of them. They are spent by nobody from then on,
   * also where the server could not be told; then they are kept, and the next call tells it again.
   * @throws {GenericError} with the server's code, `revoke_error`, or `feature_load_failed`; {NetworkError} when it could not be
   * reached.
   */
  revoke(wanted: Pick<Wanted, 'audience'>): Promise<void>;
  /** Sends nothing more, and gives back what it holds. What is under way is kept. */
  dispose(): void;
}

export interface CustodyView extends SessionEnd {
  readonly family: FamilyStatus;
  /** The family's last answer, if that serves the wanted scope for a while yet. */
  readonly answer: Answer | undefined;
  /** Whose families live, all of them: only one user's do. */
  readonly signedIn: (Identity & { readonly id_token: string | undefined }) | undefined;
  /** How many heads all families have had together; 0: none lives. */
  readonly heads: number;
  /** How often the user has logged out. */
  readonly logouts: number;
  /** The cache would not take the session's marker: that there is none says nothing. */
  readonly unmarked: boolean;
  /** How long the session may last, as its login said. */
  readonly session_expiry?: Seconds | undefined;
}

export type SpendOutcome =
  | {
      readonly kind: 'answer';
      readonly answer: Answer;
      readonly identity: Identity;
      /** How far the clock is ahead of the tenant's, where the exchange told; see `skewOf`. */
      readonly skew?: Milliseconds | undefined;
    }
  /** Look again: the family is over, gone or somebody else's. */
  | { readonly kind: 'moved' }
  /** The answer was somebody else's, by `cause`; the family has ended. */
  | { readonly kind: 'quarantined'; readonly cause: InvalidIdTokenError };

/** The successor is kept. The ID token that it came with has a key that is not known yet. */
interface Unjudged {
  readonly kind: 'unjudged';
}

/** What keeps a claim from being made, for a while. */
type Wait = Extract<FamilyOutcome, { kind: 'busy' | 'paused' }>;

/** An exchange that is under way, or waits for its turn. */
interface Spend {
  readonly work: Promise<SpendOutcome>;
  readonly turn: Turn;
}

interface Turn {
  /** What a caller is told that waits no longer than `limit`. */
  late(limit: Milliseconds): Error;
}

/** After how many logouts, and what became of other families; nothing: it was too late. */
interface AdoptOutcome {
  readonly logouts?: number;
  readonly outcomes?: readonly FamilyOutcome[];
}

/** A code, or what is exchanged instead of one; and the scope that was, or is to be, asked for. */
export type Redeemable = { readonly scope: string } & (
  | Omit<AuthorizationCodeGrant, 'grant_type' | 'client_id'>
  | { readonly exchange: Readonly<Record<string, string | undefined>> & ExchangedToken }
);
type ExchangedToken = Pick<TokenExchangeGrant, 'subject_token' | 'subject_token_type'>;

export interface AdoptableFamily extends Wanted {
  readonly identity: Identity;
  readonly answer: Answer;
  /** What a silent login began with. Absent: the user logs in. */
  readonly began?: Began | undefined;
}

export interface Began {
  readonly session: Identity | undefined;
  readonly logouts: number;
}

export interface Borrowable extends Asked {
  /** By id or by name. */
  readonly organization?: string | undefined;
}

export interface Borrowed {
  readonly loan: Loan;
  /** After how many logouts; see `adopt`. */
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
  /** Before the request. */
  readonly askedAt: Milliseconds;
}

/** What a code brought, as long as its login is not adopted. */
interface Provisional {
  readonly refresh_token: string | undefined;
  /** With DPoP: see `TokenRequests`. */
  readonly isBound: (() => Promise<boolean>) | undefined;
}

/** What writing a claim and a successor may take, in the slowest store. */
const storeLimit: Milliseconds = 5000;

/** How long a logout waits for the code that tells other tabs of it. */
const tellingLimit: Milliseconds = 1000;

/** @param loggedOut What to do when a logout in another tab, in memory mode, has ended what is here. */
export function createCustody(
  settings: Settings,
  env: Pick<
    Environment,
    'clock' | 'timers' | 'cryptography' | 'http' | 'page' | 'dpop' | 'keys' | 'channels' | 'presence'
  >,
  records: RecordStore,
  locks: Locks,
  endpoints: FindEndpoints = async () => endpointsAt(settings),
  loggedOut: () => void = () => {},
): Custody {
  const { clock, page, timers } = env;
  const name = storageName(settings, 'custody');
  /** A claim that has stood this long is nobody's any more: its exchange was aborted, or its page sleeps. */
  const abandonedAfter = settings.exchangeLimit + storeLimit;
  /** A holder sends twice at the most, and writes a little. */
  const waitLimit = 2 * abandonedAfter;
  const update = createRecordUpdate(records, name);
  /** After `dispose()`, whatever has opened the store closes it. */
  const updateRecord: UpdateRecord = (step) =>
    update((found) => {
      const made = step(found);
      showWhetherItLends(made[0]);
      return made;
    }).finally(closeWhenIdle);
  const disposal = new AbortController();
  const takeTurn = createTurns(locks, timers, name, disposal.signal);
  const requests = createTokenRequests(settings, env, endpoints);
  const { prepareProofs, send, revoke, noAnswer } = requests;
  const unsaved = createUnsaved(timers, write, closeWhenIdle);
  const spends = new Map<string, Spend>();
  const provisional = new Map<string, Provisional>();
  let signatures: IdTokenSignatures | undefined;
  let isToldOfLogin = false;
  /** In memory mode each tab has a custody of its own. */
  const isLent = settings.useRefreshTokens && settings.cacheLocation === 'memory';
  let lends = false;
  let lending: Promise<Lending> | undefined;
  /** How to stop waiting for the network, by family. */
  const waiting = new Map<string, () => void>();
  const randomName = () => encodeBase64url(env.cryptography.randomBytes(16));

  return {
    look,
    spend,
    redeem,
    adopt,
    borrow,
    moveIn,
    goUnmarked,
    discard,
    end,
    revoke: revokeByCall,
    dispose,
  };

  async function look({ audience, scope }: Wanted): Promise<CustodyView> {
    const { families, ...rest } = await updateRecord((it) => [it, it]);
    const family = families[familyKey(families, audience)];
    const answer = answerFor(family, audienceKey(audience), scope, clock.now());
    const [signedIn] = Object.values(families).flatMap((it) =>
      isLive(it) && it.sub !== unknownIdentity.sub
        ? [{ sub: it.sub, org_id: it.org_id, id_token: idTokenOf(it) }]
        : [],
    );
    return { ...rest, family: statusOf(family), answer, signedIn, heads: headsOf(families) };
  }

  function spend(
    wanted: Spendable,
    { generation, failures }: Seen,
    limit: Milliseconds,
  ): Promise<SpendOutcome> {
    const { audience, scope, identity } = wanted;
    const key = JSON.stringify([audience, scope, identity?.sub, identity?.org_id, generation, failures]);
    const begin = (): Spend => {
      const turn: Turn = { late: lockTimeout };
      const work = spendWhenFree(wanted, { generation, failures }, turn).finally(() => {
        spends.delete(key);
        closeWhenIdle();
      });
      return { work, turn };
    };
    const { work, turn } = spends.get(key) ?? begin();
    spends.set(key, { work, turn });
    return within(timers, limit, work, () => turn.late(limit));
  }

  async function spendWhenFree(wanted: Spendable, seen: Seen, turn: Turn): Promise<SpendOutcome> {
    const owner = randomName();
    const giveUpAt = clock.steady() + waitLimit;
    const inTurn = (locked: boolean) => claimAndExchange(owner, wanted, seen, turn, locked);
    // While the store does not know of the successor, the lock keeps the other tabs from the spent head.
    const rest = () => {
      const saving = unsaved.saving();
      return (
        saving && within(timers, abandonedAfter, saving, () => lockTimeout(abandonedAfter)).catch(() => {})
      );
    };
    refuseToBegin(page, disposal.signal);
    turn.late = () => new TimeoutError('still_waiting');
    await prepare(settings.callerLimit);
    turn.late = lockTimeout;
    for (;;) {
      refuseToBegin(page, disposal.signal);
      const outcome = await takeTurn(inTurn, rest);
      if (outcome.kind === 'unjudged') {
        await signatures?.renew();
        continue; // the successor brings another ID token, and that can be judged
      }
      if (outcome.kind !== 'busy' && outcome.kind !== 'paused') return outcome;
      const met = clock.steady();
      const wait = outcome.kind === 'busy' ? busyPause : outcome.until - clock.now();
      turn.late =
        outcome.kind === 'busy'
          ? (limit) => lockTimeout(limit, outcome.age + clock.steady() - met)
          : () => backingOff(outcome.until);
      const isLong = outcome.kind === 'paused' && wait > settings.callerLimit;
      if (isLong || met >= giveUpAt) throw turn.late(waitLimit);
      await pause(timers, wait);
    }
  }

  async function claimAndExchange(
    owner: string,
    wanted: Spendable,
    seen: Seen,
    turn: Turn,
    locked: boolean,
  ): Promise<SpendOutcome | Wait | Unjudged> {
    const { audience, scope, identity } = wanted;
    const key = audienceKey(audience);
    await unsaved.save();
    refuseToBegin(page, disposal.signal); // it has waited for its turn
    const claim = async (): Promise<{ at: string; outcome: FamilyOutcome }> => {
      for (let attempt = 1; ; attempt++) {
        const [now, steady] = [clock.now(), clock.steady()];
        const event = {
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
        } as const;
        const made = await updateRecord((found) => {
          const at = familyKey(found.families, audience);
          const [next, outcome] = changedAt(found, at, event);
          return [next, { at, outcome }];
        });
        // A page that slept since it asked asks again: somebody may have taken over meanwhile.
        if (clock.steady() - steady < storeLimit || made.outcome.kind !== 'claimed') return made;
        await release(made.at, owner, 'not_spent');
        // One that is late again has a slow store: what it claims would be overdue before its answer is there.
        if (attempt > 1 || disposal.signal.aborted)
          throw new StorageError(`a claim did not complete within ${storeLimit} ms`, undefined, 'late');
      }
    };
    const { at, outcome } = await claim();
    if (outcome.kind === 'busy' || outcome.kind === 'paused') return outcome;
    if (outcome.kind === 'newer') return { ...outcome, kind: 'answer' };
    if (outcome.kind === 'failed') {
      if (outcome.outcomeUnknown) throw noAnswer('outcome_unknown');
      throw outcome.until === undefined ? noAnswer('unreachable') : backingOff(outcome.until);
    }
    if (outcome.kind !== 'claimed') return { kind: 'moved' };
    turn.late = () => new TimeoutError('still_waiting');
    try {
      refuseToBegin(page, disposal.signal); // the claim has taken its time
    } catch (error) {
      await release(at, owner, 'not_spent');
      throw error;
    }

    const first = await exchange(at, owner, outcome, wanted);
    if (first.kind !== 'lost') return first;
    const giveUp = async (unclear: Unclear): Promise<never> => {
      await release(at, owner, 'unknown', failureNow(unclear));
      tryAgainOnline(at, wanted, outcome.generation);
      throw noAnswer(unclear.status < 300 ? 'outcome_unknown' : 'unreachable', unclear);
    };
    // What has been failing for a while is not asked twice, a server that says so least of all; nor is one that asks to be left
    // alone. And nothing is sent without a network, or by a page that is being left.
    const { failures = 0 } = outcome;
    const isFailing = failures > (first.status >= 300 ? 0 : 1);
    if (isFailing || first.retryAfter || !page.online() || page.leaving()) return giveUp(first);
    // The answer was lost: at once, and once only, since a tenant's leeway runs from its commit. The claim is renewed
    // first, so that nothing is sent if another tab has taken over meanwhile.
    const { outcome: again } = await claim();
    if (again.kind !== 'claimed') return { kind: 'moved' };
    const second = await exchange(at, owner, again, wanted);
    return second.kind === 'lost' ? giveUp(second) : second;
  }

  /** Sends the head once. `lost`: whether the server acted is unknown, and the claim still stands. */
  async function exchange(
    at: string,
    owner: string,
    head: Head,
    { audience, scope, identity: asked }: Spendable,
  ): Promise<SpendOutcome | Unjudged | ({ readonly kind: 'lost' } & Unclear)> {
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
        const owned = head.sub === unknownIdentity.sub ? asked : head;
        const expected = { identity: owned, former: idTokenOf(head), askedAt, now: clock.now() };
        const problem = await problemOf(answer, expected);
        const identity = identityOf(owned ?? readSession(id_token ?? '') ?? unknownIdentity);
        if (problem && !problem.retryable) {
          await commit(at, { kind: 'quarantine', owner });
          await revoke([successor ?? refresh_token]);
          return { kind: 'quarantined', cause: problem };
        }
        const rotated = { kind: 'rotate', owner, refresh_token: successor, key, identity } as const;
        const isUnjudged = problem?.reason === 'unknown_key' && signatures?.mayRenew();
        const failure = isUnjudged ? undefined : failureNow();
        const kept = await commit(at, { ...rotated, ...(problem ? { failure } : { answer }) });
        if (isUnjudged) return { kind: 'unjudged' };
        if (problem) throw problem; // only a clock is wrong, or a key is still unknown
        const skew = skewOf(readSession(id_token ?? '')?.claims ?? {}, expected);
        return kept ? { kind: 'answer', answer, identity, skew } : { kind: 'moved' };
      }
      case 'refused':
        await commit(at, { kind: 'refuse', owner });
        return { kind: 'moved' };
      case 'declined': {
        const isBusy = judgement.error.retryable || judgement.retryAfter !== undefined;
        await release(at, owner, 'not_spent', isBusy ? failureNow(judgement) : undefined);
        throw judgement.error;
      }
      case 'unclear':
        return { ...judgement, kind: 'lost' };
    }
  }

  /** What is wrong with the ID token of a refresh (OIDC Core §12.2), which may have none. Waits for no network: the successor is not written yet. */
  async function problemOf(
    answer: Answer,
    expected: IdTokenExpectation,
  ): Promise<InvalidIdTokenError | undefined> {
    if (answer.id_token === undefined) return undefined;
    try {
      const claims = await validateAnswer(settings, env.cryptography.sha256, answer, expected);
      const problem = await signatures?.problemOf(answer.id_token);
      if (!problem && isOfAnotherLogin(claims, expected.former)) tellOfLogin();
      return problem;
    } catch (error) {
      if (error instanceof InvalidIdTokenError) return error;
      throw error;
    }
  }

  /** To the app's developer, once. */
  function tellOfLogin(): void {
    if (!isToldOfLogin)
      page.warn('latchkey: a refresh brought another auth_time (OIDC Core §12.2). The session goes on.');
    isToldOfLogin = true;
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
      unsaved.keep(at, event);
      return true;
    }
  }

  async function write(at: string, event: CommitEvent): Promise<boolean> {
    const outcome = await change(at, event);
    if (outcome.kind !== 'passed') return true;
    if (!outcome.live && (settings.revokeOnLogout || outcome.revoked)) await revoke(successorOf(event));
    return false;
  }

  async function release(at: string, owner: string, outcome: 'not_spent' | 'unknown', failure?: Failure) {
    await change(at, { kind: 'release', owner, outcome, failure });
  }

  function failureNow({ retryAfter }: Pick<Failure, 'retryAfter'> = {}): Failure {
    return { at: clock.now(), draw: drawOf(env.cryptography.randomBytes(4)), retryAfter };
  }

  /** What is in doubt is settled as soon as there is a network: a tenant's leeway, if it has one, is running. */
  function tryAgainOnline(at: string, wanted: Spendable, generation: number): void {
    const settle = async () => {
      stopWaiting(at);
      const { family } = await look(wanted);
      if (family.state === 'live' && family.generation === generation) await spend(wanted, family, waitLimit);
    };
    stopWaiting(at);
    if (disposal.signal.aborted) return;
    const waitAgain = () => {
      if (!waiting.has(at)) tryAgainOnline(at, wanted, generation); // the network has gone again, or something else failed
    };
    waiting.set(
      at,
      page.onOnline(() => void settle().catch(waitAgain)),
    );
  }

  function stopWaiting(at: string): void {
    waiting.get(at)?.();
    waiting.delete(at);
  }

  /**
   * Gets what has to be there before a code or a refresh token is spent: where it cannot be had, nothing is.
   * @param patience See `FindEndpoints`.
   * @returns With DPoP: see `TokenRequests`.
   */
  async function prepare(patience?: Milliseconds): Promise<(() => Promise<boolean>) | undefined> {
    await endpoints(patience);
    const isBound = prepareProofs && (await prepareProofs());
    if (!settings.verifyIdTokenSignature) return isBound;
    const load = () => import('./id-token-signature.ts');
    const { createIdTokenSignatures } = await loadFeature(timers, load);
    signatures ??= createIdTokenSignatures({ ...env, endpoints, discard, signal: disposal.signal });
    await signatures.prepare(patience);
    return isBound;
  }

  async function redeem(given: Redeemable): Promise<Redeemed> {
    refuseToBegin(page, disposal.signal);
    const isBound = await prepare();
    const exchange = () => exchangeOnce(given, isBound);
    return signatures
      ? signatures.redeem('exchange' in given ? JSON.stringify(given) : given.code, exchange)
      : exchange();
  }

  async function exchangeOnce(
    { scope, ...given }: Redeemable,
    isBound: (() => Promise<boolean>) | undefined,
  ): Promise<Redeemed> {
    refuseToBegin(page, disposal.signal); // it may have waited for the network
    const askedAt = clock.now();
    // Sent once: a code that is presented twice may cost the family that it led to (RFC 6749 §4.1.2).
    const { clientId: client_id } = settings;
    const judgement = await send(
      'exchange' in given
        ? { ...given.exchange, scope, grant_type: tokenExchangeType, client_id } // whatever the caller passed
        : { grant_type: 'authorization_code', client_id, ...given },
    );
    switch (judgement.kind) {
      case 'tokens': {
        const { refresh_token, id_token } = judgement.response;
        if (isBound && !(await isBound())) {
          await revoke(refresh_token === undefined ? [] : [refresh_token]);
          throw signedOut('');
        }
        const receipt = randomName();
        provisional.set(receipt, { refresh_token, isBound });
        return { receipt, askedAt, answer: { token: tokenOf(judgement.response, scope, askedAt), id_token } };
      }
      case 'refused':
        throw judgement.error;
      case 'declined':
        throw withWish(judgement.error, judgement.retryAfter);
      case 'unclear':
        throw withWish(noAnswer('unreachable', judgement), judgement.retryAfter);
    }
  }

  async function adopt(
    receipt: string,
    { audience, scope, identity, answer, began }: AdoptableFamily,
  ): Promise<number | undefined> {
    const key = audienceKey(audience);
    const { refresh_token, isBound } = provisional.get(receipt) ?? {};
    if (isBound && !(await isBound())) return undefined; // a logout has removed the key since it was redeemed
    const end = { kind: 'end', cause: 'user_changed', unless: identity } as const;
    const adopting = updateRecord((found): readonly [CustodyRecord, AdoptOutcome] => {
      const { families, logouts } = found;
      if (began && isPast(found, identity, began)) return [found, {}];
      const ends = Object.keys(families).map((other): FamilyChange => [other, end]);
      const adoption: FamilyChange[] =
        refresh_token === undefined
          ? []
          : [[key, { kind: 'adopt', refresh_token, scope, identity, answer, key }]];
      const [next, outcomes] = changed(found, [...ends, ...adoption]);
      const goesOn = began && headsOf(families) > 0;
      const said =
        (goesOn && found.session_expiry) || ceilingOf(readSession(answer.id_token ?? '')?.claims ?? {});
      const isAsItWas = next.endedBy === undefined && next.session_expiry === said;
      return [
        isAsItWas ? next : { ...next, endedBy: undefined, session_expiry: said },
        { logouts, outcomes },
      ];
    });
    const { logouts, outcomes = [] } = await adopting.catch((error: unknown): AdoptOutcome => {
      if (settings.useRefreshTokens) throw error;
      return { logouts: Infinity }; // without them there is nothing to lose
    });
    void revoke(orphansOf(outcomes));
    if (logouts === undefined) return undefined;
    provisional.delete(receipt);
    if (refresh_token !== undefined) unsaved.drop(key); // of the family that was replaced
    return logouts;
  }

  /** Whoever has logged out or signed in since a silent login began has the last word. */
  function isPast({ families, logouts }: CustodyRecord, identity: Identity, began: Began): boolean {
    const isStranger = (family: Family): boolean =>
      isLive(family) && !mayBeOf(identity, family) && !isSameIdentity(family, began.session);
    return logouts > began.logouts || Object.values(families).some(isStranger);
  }

  async function borrow(
    { organization, ...asked }: Borrowable,
    began: Began,
    limit: Milliseconds,
  ): Promise<Borrowed | undefined> {
    if (!isLent) return undefined;
    const { ask } = await openLending();
    if (settings.verifyIdTokenSignature) await prepare(0);
    const judge = async (loan: Loan) => {
      if (!serves(loan.token, asked.scope, clock.now())) return undefined;
      const problem = await problemOf(loan, { identity: began.session, organization, now: clock.now() });
      return problem ? undefined : readSession(loan.id_token);
    };
    const own = await lend(asked, limit); // in a shared worker, for a page that has shown nobody yet
    const loan = own && (await judge(own)) ? own : await ask(asked, judge, limit);
    const session = loan && readSession(loan.id_token);
    if (!session) return undefined;
    return updateRecord((found) => {
      if (isPast(found, session, began)) return [found, undefined];
      const { session_expiry } = headsOf(found.families) > 0 ? found : loan;
      return [
        { ...found, endedBy: undefined, session_expiry },
        { loan, logouts: found.logouts },
      ];
    });
  }

  /** What another tab may have: what is here, or, by one exchange for all who ask, what the server gives. */
  async function lend({ fresh, ...wanted }: Asked, limit = settings.callerLimit): Promise<Loan | undefined> {
    const { family, answer, signedIn, session_expiry } = await look(wanted);
    if (family.state !== 'live' || !signedIn || isPastCeiling(session_expiry, clock.now())) return undefined;
    const identity = identityOf(signedIn);
    const loanOf = async ({ token, id_token = signedIn.id_token }: Answer): Promise<Loan | undefined> => {
      const isGood =
        id_token !== undefined && !(await problemOf({ token, id_token }, { identity, now: clock.now() }));
      return isGood ? { token, id_token, session_expiry } : undefined;
    };
    const held = !fresh && answer && (await loanOf(answer)); // an ID token may end before its access token does
    if (held) return held;
    if (!settings.useMrrt && !scopeIncludes(family.scope, wanted.scope)) return undefined;
    const outcome = await spend({ ...wanted, identity }, family, limit);
    return outcome.kind === 'answer' ? loanOf(outcome.answer) : undefined;
  }

  function openLending(limit?: Milliseconds): Promise<Lending> {
    const open = async () => {
      const { createLending } = await loadFeature(timers, () => import('./lending.ts'), limit);
      const leave = () =>
        void endHere({})
          .catch(() => {})
          .then(loggedOut);
      return createLending(settings, env, { randomName, lend, loggedOut: leave });
    };
    lending ??= open().catch((error: unknown) => {
      lending = undefined; // the next call tries again
      throw error;
    });
    return lending;
  }

  function showWhetherItLends({ families }: CustodyRecord): void {
    if (!isLent || disposal.signal.aborted || headsOf(families) > 0 === lends) return;
    lends = !lends;
    void openLending().then(
      ({ show }) => show(lends),
      () => (lends = false),
    );
  }

  async function moveIn(takeOver: TakeOver): Promise<readonly MovedFamily[] | undefined> {
    const { adopted, outcomes } = await updateRecord((found) => {
      const taken = takeOver(found);
      return [taken.next, taken];
    });
    void revoke(orphansOf(outcomes));
    return adopted;
  }

  function goUnmarked(): Promise<void> {
    return updateRecord((found) => [{ ...found, unmarked: true }, undefined]);
  }

  async function discard(receipt: string): Promise<void> {
    const refresh_token = provisional.get(receipt)?.refresh_token;
    provisional.delete(receipt);
    if (refresh_token !== undefined) await revoke([refresh_token]);
  }

  async function end(options: Parameters<Custody['end']>[0]) {
    const ending = endHere(options);
    const tell = async () => {
      await ending.catch(() => {}); // the tombstone is first
      (await openLending(tellingLimit)).tellLogout();
    };
    if (isLent && options.still === undefined && options.after === undefined) await tell().catch(() => {});
    return ending;
  }

  async function endHere({ still, after = Infinity, others = [] }: Parameters<Custody['end']>[0]) {
    const revokeAll = (tokens: readonly string[]) => revoke(settings.revokeOnLogout ? tokens : []);
    if (settings.revokeOnLogout) void signatures?.forget();
    // What the store would not take belongs to a session that is over: it is not written after that.
    if (still) await unsaved.save();
    const late = still ? others : [...unsaved.drop().flatMap(successorOf), ...others];
    const event = { kind: 'end', cause: 'logout' } as const;
    let ended = false;
    const ending = updateRecord((found): readonly [CustodyRecord, readonly FamilyOutcome[]] => {
      const { families, logouts } = found;
      ended = !still && logouts <= after;
      if (still ? headsOf(families) !== still : !ended) return [found, []];
      const [next, outcomes] = changed(
        found,
        Object.keys(families).map((at): FamilyChange => [at, event]),
      );
      return [still ? next : { ...next, logouts: logouts + 1 }, outcomes];
    });
    try {
      const revoked = revokeAll([...late, ...orphansOf(await ending)]);
      return { ended, revoked };
    } catch (error) {
      const revoked = revokeAll(late);
      if (settings.useRefreshTokens) throw error; // without them there is nothing to lose
      return { ended, revoked };
    }
  }

  async function revokeByCall({ audience }: Pick<Wanted, 'audience'>): Promise<void> {
    const { revokeFamilies } = await loadFeature(timers, () => import('./revoke-families.ts'));
    const keysIn = (families: Families) =>
      settings.useMrrt ? Object.keys(families) : [audienceKey(audience)];
    const refuse = () => refuseToBegin(page, disposal.signal);
    const tools = { updateRecord, requests, unsaved, refuseToBegin: refuse };
    await revokeFamilies(tools, keysIn, settings.callerLimit);
  }

  function dispose(): void {
    disposal.abort();
    for (const at of waiting.keys()) stopWaiting(at);
    lending?.then(({ close }) => close()).catch(() => {});
    closeWhenIdle();
  }

  function closeWhenIdle(): void {
    if (disposal.signal.aborted && spends.size === 0 && unsaved.saving() === undefined) {
      records.close();
      env.keys.close();
    }
  }

  /** Which family serves an audience: its own, or, with a refresh token for many resources, any that lives. */
  function familyKey(families: Families, audience: string): string {
    const own = audienceKey(audience);
    if (!settings.useMrrt) return own;
    const keys = [own, ...Object.keys(families)].filter((key) => families[key]);
    return keys.find((key) => isLive(families[key])) ?? keys[0] ?? own;
  }

  function change(at: string, event: FamilyEvent): Promise<FamilyOutcome> {
    return updateRecord((found) => changedAt(found, at, event));
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
