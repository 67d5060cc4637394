/**
 * Custody: the only place that holds, claims or spends a refresh token. Whoever asks gets tokens, never the refresh token.
 *
 * Everything a client holds stands in one record, a family per audience, so that a logout or another user's login is one
 * atomic write. The claim in the record decides who may send; the lock around it only saves waste.
 */
import type { Milliseconds } from '../clock.ts';
import type { Target } from '../core/authorization-request.ts';
import type { Answer, EndedCause, FamilyStatus } from '../core/plan.ts';
import { storageName, type Settings } from '../core/settings.ts';
import { judgeTokenAnswer, tokenOf, type TokenJudgement } from '../core/token-response.ts';
import type { Environment, HttpAnswer, Locks, RecordStore } from '../environment.ts';
import { lockTimeout, NetworkError, StorageError } from '../errors.ts';
import { encodeBase64url } from '../oauth/base64url.ts';
import { formOf } from '../oauth/form.ts';
import type { RevocationRequest } from '../oauth/revocation-endpoint.ts';
import type { AuthorizationCodeGrant, TokenRequest } from '../oauth/token-endpoint.ts';
import {
  answerFor,
  statusOf,
  transition,
  type Family,
  type FamilyEvent,
  type FamilyOutcome,
} from './family.ts';

/** What a token is wanted for. */
type Wanted = Pick<Target, 'audience' | 'scope'>;

export interface Custody {
  /** What may be known of the family for `audience`, and its last answer, if that serves `scope` for a while yet. */
  look(wanted: Wanted): Promise<{ family: FamilyStatus; answer: Answer | undefined }>;
  /**
   * Spends the head of the family for `audience`, unless the family has moved on since generation `seen`.
   * `moved`: look again; the family is over, gone, or newer and of no use for this scope.
   * @throws {NetworkError} when the server could not be reached or no whole answer came; the head is kept.
   * @throws {GenericError} with the server's code, when it declined without ending the family.
   * @throws {StorageError} before anything was sent, when the claim could not be written.
   * @throws {TimeoutError} `lock_timeout`.
   */
  spend(wanted: Wanted, seen: number): Promise<SpendOutcome>;
  /**
   * Exchanges an authorization code. The refresh token that comes with it is provisional: held here, and spent by nobody,
   * until `adopt`.
   * @throws {GenericError} with the server's code, or {NetworkError}.
   */
  redeem(code: RedeemableCode): Promise<Redeemed>;
  /**
   * Makes the provisional refresh token of a redeemed code, if there is one, the head of the family for `audience`.
   * Families of any other user are ended and revoked. False: the family has ended since generation `seen`, and stays so.
   */
  adopt(receipt: string, family: AdoptableFamily): Promise<boolean>;
  /** Revokes the provisional refresh token of a redeemed code; it was never in use. */
  discard(receipt: string): Promise<void>;
  /**
   * Ends the family for `audience`, or all of them; settles when that is durable. What they held is revoked meanwhile, as
   * far as the server can be reached: `revoked` settles within 3 s and never rejects.
   */
  end(cause: EndedCause, audience?: string): Promise<{ readonly revoked: Promise<void> }>;
}

export type SpendOutcome =
  /** `own`: obtained by this call, and nobody has judged its ID token yet; else by another tab. */
  | { readonly kind: 'answer'; readonly answer: Answer; readonly sub: string; readonly own: boolean }
  | { readonly kind: 'moved' };

export type RedeemableCode = Omit<AuthorizationCodeGrant, 'grant_type' | 'client_id'> & { scope: string };

export interface AdoptableFamily extends Wanted {
  readonly sub: string;
  readonly seen?: number | undefined;
}

export interface Redeemed {
  readonly receipt: string;
  readonly answer: Answer;
}

/** Version of the record's format. A record of a later one belongs to a later latchkey, and is left alone. */
const recordVersion = 1;

interface CustodyRecord {
  readonly version: number;
  readonly families: Readonly<Record<string, Family>>;
}

/** What writing a claim and a successor may take, in the slowest store. */
const storeLimit: Milliseconds = 5000;

/** How often a claim that the lock does not account for is looked at again. */
const busyPause: Milliseconds = 250;

/** How often the store is asked to take a successor, while the lock still keeps the other tabs from the spent head. */
const commitAttempts = 3;

/** How long a revocation may take. */
const revocationLimit: Milliseconds = 3000;

export function createCustody(
  settings: Settings,
  env: Pick<Environment, 'clock' | 'timers' | 'cryptography' | 'http' | 'page'>,
  records: RecordStore,
  locks: Locks,
): Custody {
  const name = storageName(settings, 'custody');
  /** A holder sends twice at the most, and writes a little. */
  const lockLimit = 2 * (settings.exchangeLimit + storeLimit);
  const provisional = new Map<string, string>();
  /** Successors that the store would not take: the only copy, until it does. */
  const unsaved = new Map<string, FamilyEvent>();
  const randomName = () => encodeBase64url(env.cryptography.randomBytes(16));

  return { look, spend, redeem, adopt, discard, end };

  async function look({ audience, scope }: Wanted) {
    const family = await records.update(
      name,
      (record) => [record, readFamilies(record)[keyOf(audience)]] as const,
    );
    const answer = family?.state === 'live' ? answerFor(family.answer, scope, env.clock.now()) : undefined;
    return { family: statusOf(family), answer };
  }

  async function spend(wanted: Wanted, seen: number): Promise<SpendOutcome> {
    if (!env.page.online()) throw new NetworkError('offline', 'The browser is offline.');
    const owner = randomName();
    const giveUpAt = env.clock.now() + lockLimit;
    for (;;) {
      const outcome = await locks.run(name, lockLimit, () => claimAndExchange(owner, wanted, seen));
      if (outcome.kind !== 'busy') return outcome;
      if (env.clock.now() >= giveUpAt) throw lockTimeout(lockLimit);
      await new Promise<void>((resolve) => env.timers.after(busyPause, resolve));
    }
  }

  async function claimAndExchange(
    owner: string,
    { audience, scope }: Wanted,
    seen: number,
  ): Promise<SpendOutcome | Extract<FamilyOutcome, { kind: 'busy' }>> {
    await saveLate(audience);
    const claim = () =>
      change(audience, {
        kind: 'claim',
        owner,
        now: env.clock.now(),
        seen,
        alone: locks.exclusive,
        abandonedAfter: settings.exchangeLimit + storeLimit,
      });
    const claimed = await claim();
    if (claimed.kind === 'busy') return claimed;
    if (claimed.kind === 'newer') {
      const answer = answerFor(claimed.answer, scope, env.clock.now());
      return answer ? { kind: 'answer', answer, sub: claimed.sub, own: false } : { kind: 'moved' };
    }
    if (claimed.kind !== 'claimed') return { kind: 'moved' };

    const first = await exchange(audience, owner, claimed);
    if (first !== 'lost') return first;
    // The answer was lost: at once, and once only, since a tenant's leeway runs from its commit. The claim is renewed
    // first, so that nothing is sent if another tab has taken over meanwhile.
    const again = await claim();
    if (again.kind !== 'claimed') return { kind: 'moved' };
    const second = await exchange(audience, owner, again);
    if (second !== 'lost') return second;
    await change(audience, { kind: 'release', owner, outcome: 'unknown' });
    throw new NetworkError('outcome_unknown', 'No answer to a token request.');
  }

  /** Sends the head once. `lost`: whether the server acted is unknown, and the claim still stands. */
  async function exchange(
    audience: string,
    owner: string,
    head: { refresh_token: string; scope: string; sub: string },
  ): Promise<SpendOutcome | 'lost'> {
    const askedAt = env.clock.now();
    const { refresh_token } = head;
    const judgement = await send({
      grant_type: 'refresh_token',
      client_id: settings.clientId,
      refresh_token,
    });
    switch (judgement.kind) {
      case 'tokens': {
        const { refresh_token: successor, id_token } = judgement.response;
        const answer = { token: tokenOf(judgement.response, head.scope, askedAt), id_token };
        const kept = await commit(audience, { kind: 'rotate', owner, refresh_token: successor, answer });
        return kept ? { kind: 'answer', answer, sub: head.sub, own: true } : { kind: 'moved' };
      }
      case 'refused':
        await change(audience, { kind: 'refuse', owner });
        return { kind: 'moved' };
      case 'declined':
        await change(audience, { kind: 'release', owner, outcome: 'not_spent' });
        throw judgement.error;
      case 'unclear':
        if (judgement.status < 300) return 'lost';
        // A gateway or a failing server answered: sending again at once would only meet the same.
        await change(audience, { kind: 'release', owner, outcome: 'unknown' });
        throw noUsableAnswer(judgement.status);
    }
  }

  /**
   * Writes a successor before anything else may fail. What the store will not take stays in the heap. False: the family
   * has moved on, and what came is discarded; where a logout was first, or the record is gone, it is revoked too.
   */
  async function commit(audience: string, event: Extract<FamilyEvent, { kind: 'rotate' }>): Promise<boolean> {
    for (let attempt = 1; ; attempt++) {
      try {
        const outcome = await change(audience, event);
        if (outcome.kind !== 'passed') return true;
        if (!outcome.live && event.refresh_token !== undefined) await revoke([event.refresh_token]);
        return false;
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
        if (attempt < commitAttempts) continue;
        unsaved.set(audience, event);
        return true;
      }
    }
  }

  async function saveLate(audience: string): Promise<void> {
    const event = unsaved.get(audience);
    if (event === undefined) return;
    await change(audience, event);
    unsaved.delete(audience);
  }

  async function redeem({ scope, ...code }: RedeemableCode): Promise<Redeemed> {
    const askedAt = env.clock.now();
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
        throw noUsableAnswer(judgement.status);
    }
  }

  async function adopt(receipt: string, { audience, ...family }: AdoptableFamily): Promise<boolean> {
    await endEach(undefined, { kind: 'end', cause: 'user_changed', unless: family.sub });
    const refresh_token = provisional.get(receipt);
    if (refresh_token === undefined) return true; // none was issued
    const outcome = await change(audience, { kind: 'adopt', refresh_token, ...family });
    if (outcome.kind === 'passed') return false;
    provisional.delete(receipt);
    unsaved.delete(audience); // of the family that was replaced
    return true;
  }

  async function discard(receipt: string): Promise<void> {
    const refresh_token = provisional.get(receipt);
    provisional.delete(receipt);
    if (refresh_token !== undefined) await revoke([refresh_token]);
  }

  async function end(cause: EndedCause, audience?: string) {
    for (const of of audience === undefined ? [...unsaved.keys()] : [audience]) await saveLate(of);
    return endEach(audience, { kind: 'end', cause });
  }

  async function endEach(audience: string | undefined, event: FamilyEvent) {
    let orphans: string[] = [];
    try {
      const outcomes = await changeEach(audience, event);
      orphans = outcomes.flatMap((outcome) => (outcome.kind === 'ended' && outcome.orphan) || []);
    } catch (error) {
      if (settings.useRefreshTokens) throw error; // without them there is nothing to lose
    }
    return { revoked: revoke(orphans) };
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

  /** One transition of one family. */
  async function change(audience: string, event: FamilyEvent): Promise<FamilyOutcome> {
    const [outcome] = await changeEach(audience, event);
    return outcome as FamilyOutcome; // one audience, one outcome
  }

  /** One transition of the family for `audience`, or of every family, as one atomic step of the store. */
  async function changeEach(
    audience: string | undefined,
    event: FamilyEvent,
  ): Promise<readonly FamilyOutcome[]> {
    return records.update(name, (record) => {
      const families = { ...readFamilies(record) };
      let changed = false;
      const keys = audience === undefined ? Object.keys(families) : [keyOf(audience)];
      const outcomes = keys.map((key) => {
        const [family, outcome] = transition(families[key], event);
        changed ||= family !== families[key];
        families[key] = family;
        return outcome;
      });
      return [changed ? { version: recordVersion, families } : record, outcomes];
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

  async function post(
    endpoint: 'token' | 'revoke',
    request: TokenRequest | RevocationRequest,
    options: { limit: Milliseconds; keepalive?: boolean } = { limit: settings.exchangeLimit },
  ): Promise<HttpAnswer> {
    return env.http.post(`${settings.domainUrl}/oauth/${endpoint}`, formOf(request).toString(), options);
  }
}

/** Not the audience itself: `__proto__` is one, too. */
const keyOf = (audience: string): string => `audience ${audience}`;

const noUsableAnswer = (status: number): NetworkError =>
  new NetworkError('unreachable', `No usable answer to a token request (HTTP status ${status}).`);

/**
 * The families in a stored record. What this version wrote, whole and at once, is trusted; anything else counts as none.
 * @throws {StorageError} for a record of a later version.
 */
function readFamilies(record: unknown): Readonly<Record<string, Family>> {
  const { version = 0, families } = (record ?? {}) as Partial<CustodyRecord>;
  if (version > recordVersion)
    throw new StorageError(`its record has format ${version}, later than ${recordVersion}`);
  return version === recordVersion && families ? families : {};
}
