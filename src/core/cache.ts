/**
 * What the cache holds: per client one entry for the signed-in user, and per audience one with its access tokens. All
 * scopes of an audience stand in one entry, so that a narrower scope is served by a wider token without a search.
 * No entry ever holds a refresh token; those are in custody.
 */
import { toSeconds, type Milliseconds, type Seconds } from '../clock.ts';
import { isText, textsOf } from '../oauth/json.ts';
import { scopeIncludes } from '../oauth/scope.ts';
import type { Cacheable } from './cache-key.ts';
import type { CacheLocation, GetTokenSilentlyVerboseResponse } from './options.ts';
import { organizationOf, type Identity, type Session } from './session.ts';
import { storageName, type Settings } from './settings.ts';

/** A store for entries that survive JSON. Any method may be synchronous or return a promise. What is not there is anything falsy. */
export interface ICache {
  /** The entry; `undefined` where there is none. */
  get<T = Cacheable>(key: string): T | undefined | Promise<T | undefined>;
  /** Writes an entry. */
  set<T = Cacheable>(key: string, entry: T): void | Promise<void>;
  /** Removes an entry, if there is one. */
  remove(key: string): void | Promise<void>;
  /** Names of all entries, anybody's. */
  allKeys?(): string[] | Promise<string[]>;
  /** Set by the built-in caches: where the rest of the session's state belongs. */
  readonly location?: CacheLocation;
}

/** Keeps entries for as long as the page lives. The cache itself is `new InMemoryCache().enclosedCache`. */
export class InMemoryCache {
  enclosedCache: ICache = (() => {
    const entries = new Map<string, unknown>();
    return {
      location: 'memory' as const,
      get: <T>(key: string) => entries.get(key) as T | undefined,
      set: (key: string, entry: unknown) => void entries.set(key, entry),
      remove: (key: string) => void entries.delete(key),
      allKeys: () => [...entries.keys()],
    };
  })();
}

/** An access token and what is known of it. */
export interface Token {
  readonly access_token: string;
  readonly token_type: string;
  /** Granted by the server. */
  readonly scope: string;
  /** Asked for: a server may grant less, and asking again would not change that. */
  readonly requestedScope: string;
  readonly expires_at: Seconds;
  /** How long it lives in all. Absent: nobody knows, because another SDK has got it. */
  readonly lifetime?: Seconds | undefined;
}

/** The access tokens for one audience, all of one identity. */
export interface TokensEntry extends Identity {
  readonly tokens: readonly Token[];
}

/** The signed-in user: the raw ID token, and which audiences have entries. */
export interface UserEntry {
  readonly id_token: string;
  readonly audiences: readonly string[];
  /** When the session is over, whatever is renewed: what the login's ID token said; later ones change nothing. */
  readonly session_expiry?: Seconds | undefined;
}

/** What the cache has for a call: who is signed in, and a token that covers what is asked for. */
export interface Found {
  readonly session: Session | undefined;
  readonly token: Token | undefined;
}

/** True where there is nothing more to do. */
export const isServed = (found: Found): found is { readonly session: Session; readonly token: Token } =>
  found.session !== undefined && found.token !== undefined;

/**
 * A token within this much of its end is no longer served while a new one can be had. Of a short life it is a quarter: a margin
 * longer than that life would leave no token that is served, and cost a request for every call.
 */
const renewalMargin: Seconds = 60;
const renewalPart = 1 / 4;

/**
 * What a token must be good for to be served: `least` seconds, where the caller says so. A new token would not do either for what is
 * no less than its whole life: then one does that has three quarters of it left.
 */
export const marginOf = ({ lifetime = Infinity }: Token, least?: Seconds): Seconds => {
  if (least === undefined) return Math.min(renewalMargin, lifetime * renewalPart);
  return least < lifetime ? least : Math.max(0, lifetime * (1 - renewalPart));
};

export const tokensKey = (settings: Settings, audience: string): string =>
  storageName(settings, 'tokens', audience);

export const userKey = (settings: Settings): string => storageName(settings, 'user');

/** True while the token is good for another `least` seconds; see `marginOf`. */
export const isFresh = (token: Token, now: Milliseconds, least?: Seconds): boolean =>
  token.expires_at - marginOf(token, least) > toSeconds(now);

/** True for a token that covers `scope`: a server that granted less than was asked for would do so again. */
export const covers = (token: Token, scope: string): boolean =>
  scopeIncludes(token.requestedScope, scope) || scopeIncludes(token.scope, scope);

/** True for a token that covers `scope` and is good for another `least` seconds; default: as long as it is to be served. */
export const serves = (token: Token, scope: string, now: Milliseconds, least?: Seconds): boolean =>
  isFresh(token, now, least) && covers(token, scope);

/** What callers are told of a token, beside the session's ID token. */
export const detailsOf = (
  { access_token, token_type, scope, expires_at }: Token,
  id_token: string,
  now: Milliseconds,
): GetTokenSilentlyVerboseResponse => ({
  id_token,
  access_token,
  token_type,
  expires_in: expires_at - toSeconds(now),
  expires_at,
  scope,
});

/** An entry out of what a cache returned; anything of another shape is a miss. */
export function readTokensEntry(value: unknown): TokensEntry | undefined {
  if (!isRecord(value) || typeof value.sub !== 'string' || !Array.isArray(value.tokens)) return undefined;
  return { sub: value.sub, org_id: organizationOf(value), tokens: value.tokens.filter(isToken) };
}

/** As `readTokensEntry`, for the user's entry. */
export function readUserEntry(value: unknown): UserEntry | undefined {
  if (!isRecord(value) || typeof value.id_token !== 'string' || !Array.isArray(value.audiences))
    return undefined;
  const { id_token, audiences, session_expiry } = value;
  return {
    id_token,
    audiences: textsOf(audiences),
    ...(typeof session_expiry === 'number' && { session_expiry }),
  };
}

/** True for what has every member of a token. */
export const isToken = (value: unknown): value is Token =>
  isRecord(value) &&
  ['access_token', 'token_type', 'scope', 'requestedScope'].every((name) => isText(value[name])) &&
  typeof value.expires_at === 'number';

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;
