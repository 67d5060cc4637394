/**
 * What the cache answers at once: an entry is read and held against what it was, and taken apart only when it has changed. Whatever
 * is out of the ordinary is left to the long way, by telling nothing.
 */
import type { Milliseconds } from '../clock.ts';
import {
  covers,
  isFresh,
  marginOf,
  readTokensEntry,
  readUserEntry,
  tokensKey,
  userKey,
  type Token,
  type TokensEntry,
  type UserEntry,
} from '../core/cache.ts';
import { isSameIdentity, type Session } from '../core/session.ts';
import { targetOf, type Target } from '../core/target.ts';
import type { AtHand, ClientContext } from './context.ts';
import type { Obtained, TokenOptions } from './get-token-silently.ts';
import { isOver, isThenable, logoutMark, sessionOf } from './entries.ts';

/** An entry as it was last read. */
interface Known<T> {
  raw: unknown;
  entry: T | undefined;
}

interface KnownTokens extends Known<TokensEntry> {
  readonly key: string;
  /** By the scope. */
  readonly covering: Map<string, Covering>;
}

/** The tokens that cover a scope. */
interface Covering {
  readonly tokens: readonly Token[];
  last?: Served;
}

/** What was last served, and until when it is, by either clock. */
interface Served {
  readonly obtained: Obtained;
  readonly until: Milliseconds;
  readonly steadyUntil: Milliseconds;
  /** When the steady clock was last asked, by the time of day. */
  lookedAt: Milliseconds;
}

/** For so long after a look at the steady clock the time of day is believed: the other takes longer to read than an entry. */
const belief: Milliseconds = 250;

/** By how much the two may come apart. */
const tolerance: Milliseconds = 1000;

const missed = { obtained: undefined };

const plain: TokenOptions = { cacheMode: 'on' };

/** Of how many audiences, and of how many scopes of each, something is remembered. */
const most = 1000;

/**
 * @param isPlain The cache is `env.localStorage`, as JSON.
 * @returns `undefined` where every call has to go the long way: with a cache or a clock of the app's own.
 */
export function createAtHand(context: ClientContext, isPlain: boolean): AtHand | undefined {
  const { settings, heap, cache, env, disposal, tune } = context;
  const inMemory = settings.cacheLocation === 'memory';
  if (tune || !(inMemory || isPlain)) return undefined;
  const mark = logoutMark(settings);
  const user: Known<UserEntry> & { readonly key: string } = {
    key: userKey(settings),
    raw: undefined,
    entry: undefined,
  };
  let answersLater = false;
  const byAudience = new Map<string, KnownTokens>();
  const own = targetOf(settings);
  return { session: () => attempt(session), find: (target, options) => attempt(() => find(target, options)) };

  function session(): Session | undefined {
    if (answersLater || disposal.signal.aborted || !heap.hasMovedIn || heap.unsaved.size > 0 || heap.observer)
      return undefined;
    if (inMemory && (env.localStorage.get(mark) ?? heap.logout) !== heap.logout) return undefined;
    renew(user, readUserEntry);
    return user.entry && !isOver(context, user.entry) ? sessionOf(context, user.entry) : undefined;
  }

  function find(
    { audience, scope }: Target = own,
    { cacheMode, least }: TokenOptions = plain,
  ): ReturnType<AtHand['find']> {
    if (cacheMode === 'off' || settings.refreshAhead > 0) return undefined;
    const signedIn = session();
    if (!signedIn) return undefined;
    const known = tokensFor(audience);
    if (renew(known, readTokensEntry)) known.covering.clear();
    const covering = coveringOf(known, scope);
    const now = env.clock.now();
    const { last } = covering;
    if (last?.obtained.session === signedIn && least === undefined && isStill(last, now)) return last;
    const { lives = (it) => it } = heap;
    const isTheirs = known.entry && isSameIdentity(known.entry, signedIn);
    const token = isTheirs && covering.tokens.map(lives).find((it) => isFresh(it, now, least));
    if (!token) return cacheMode === 'cache-only' ? missed : undefined;
    const obtained = { token, session: signedIn };
    if (least === undefined) {
      const until = 1000 * (token.expires_at - marginOf(token));
      covering.last = { obtained, until, steadyUntil: env.clock.steady() + until - now, lookedAt: now };
    }
    return { obtained };
  }

  function isStill(last: Served, now: Milliseconds): boolean {
    if (now >= last.until) return false;
    if (now >= last.lookedAt && now < last.lookedAt + belief) return true;
    const drift = last.until - now - (last.steadyUntil - env.clock.steady());
    if (Math.abs(drift) >= tolerance) return false; // what becomes of the token then, `lives` says
    last.lookedAt = now;
    return true;
  }

  function coveringOf({ covering, entry }: KnownTokens, scope: string): Covering {
    const known = covering.get(scope);
    if (known) return known;
    if (covering.size >= most) covering.clear();
    const fresh = { tokens: entry?.tokens.filter((token) => covers(token, scope)) ?? [] };
    covering.set(scope, fresh);
    return fresh;
  }

  function tokensFor(audience: string): KnownTokens {
    const known = byAudience.get(audience);
    if (known) return known;
    if (byAudience.size >= most) byAudience.clear();
    const key = tokensKey(settings, audience);
    const fresh: KnownTokens = { key, raw: undefined, entry: undefined, covering: new Map() };
    byAudience.set(audience, fresh);
    return fresh;
  }

  /** True when the entry is another than it was. */
  function renew<T>(
    known: Known<T> & { readonly key: string },
    read: (value: unknown) => T | undefined,
  ): boolean {
    const raw = inMemory ? cache.get<unknown>(known.key) : env.localStorage.get(known.key);
    if (raw === known.raw) return false;
    if (isThenable(raw)) {
      answersLater = true;
      Promise.resolve(raw).catch(() => {}); // the long way asks again, and judges
      throw new TypeError('A cache that answers later is asked on the long way.');
    }
    known.entry = read(inMemory ? raw : JSON.parse(raw as string));
    known.raw = raw;
    return true;
  }
}

/** A storage that is blocked, or holds what is no JSON, is judged on the long way. */
function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}
