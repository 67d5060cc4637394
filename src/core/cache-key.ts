/** How auth0-spa-js names and shapes its cache entries, for apps that inspect them. latchkey stores nothing by these names. */
import type { Seconds } from '../clock.ts';
import { peerName } from './auth0-spa-js-names.ts';
import type { IdToken, User } from './options.ts';

/** What an entry of auth0-spa-js is found by. */
export interface CacheKeyData {
  clientId: string;
  /** Of the entry without an audience: `default`. */
  audience?: string | undefined;
  scope?: string | undefined;
}

/** The name of an entry: prefix, client id, audience, scope and suffix, as far as they are there, with `::` between them. */
export class CacheKey {
  clientId: string;
  audience?: string | undefined;
  scope?: string | undefined;

  constructor(
    { clientId, audience, scope }: CacheKeyData,
    readonly prefix: string = peerName,
    /** `@@user@@`: the entry of the ID token. */
    readonly suffix?: string,
  ) {
    this.clientId = clientId;
    this.audience = audience;
    this.scope = scope;
  }

  /** The name. */
  toKey(): string {
    const { prefix, clientId, audience, scope, suffix } = this;
    return [prefix, clientId, audience, scope, suffix].filter(Boolean).join('::');
  }

  /** Out of a name. One with an audience or a scope that holds `::` is not told apart, and a suffix is none to it. */
  static fromKey(key: string): CacheKey {
    const [prefix, clientId = '', audience, scope] = key.split('::');
    return new CacheKey({ clientId, audience, scope }, prefix);
  }

  /** Of an entry. */
  static fromCacheEntry({
    client_id,
    audience,
    scope,
  }: Pick<CacheEntry, 'client_id' | 'audience' | 'scope'> & Partial<CacheEntry>): CacheKey {
    return new CacheKey({ clientId: client_id, audience, scope });
  }
}

/** An ID token, read. */
export interface DecodedToken {
  claims: IdToken;
  user: User;
}

/** What auth0-spa-js keeps of a token. */
export interface CacheEntry {
  client_id: string;
  audience: string;
  /** Asked for. */
  scope: string;
  access_token: string;
  token_type?: string | undefined;
  /** As it was at issue. */
  expires_in: Seconds;
  /** Granted. */
  oauthTokenScope?: string | undefined;
  refresh_token?: string | undefined;
  id_token?: string | undefined;
  decodedToken?: DecodedToken | undefined;
}

/** An entry, and when it ends. */
export interface WrappedCacheEntry {
  /** After it has expired, only what a refresh needs. */
  body: Partial<CacheEntry>;
  /** Since 1970. */
  expiresAt: Seconds;
}

/** The names of a client's entries, in caches that have no `allKeys`. */
export interface KeyManifestEntry {
  keys: string[];
}

/** What auth0-spa-js gives a cache to keep. */
export type Cacheable = WrappedCacheEntry | KeyManifestEntry;

/** What may have to be waited for. */
export type MaybePromise<T> = T | Promise<T>;
