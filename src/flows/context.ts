/** What every flow works with: one per client, put together in `auth0-client.ts`. */
import type { Milliseconds } from '../clock.ts';
import type { ICache, UserEntry } from '../core/cache.ts';
import type { Fact } from '../core/diagnosis.ts';
import type { BackOff } from '../core/back-off.ts';
import type { FindEndpoints } from '../core/endpoints.ts';
import type { Listening } from '../core/events.ts';
import type { Flights } from '../core/flights.ts';
import type {
  CustomFetchMinimalOutput,
  Fetcher,
  FetcherConfig,
  GetTokenSilentlyOptions,
  GetTokenSilentlyVerboseResponse,
} from '../core/options.ts';
import type { Session } from '../core/session.ts';
import type { TokenLives } from '../core/token-lives.ts';
import type { Settings } from '../core/settings.ts';
import type { Target } from '../core/target.ts';
import type { Custody } from '../custody/custody.ts';
import type { Environment, Locks, PagePorts } from '../environment.ts';
import type * as flows from './engine-flows.ts';
import type { Obtained, TokenOptions } from './get-token-silently.ts';
import type { RefreshAhead } from './refresh-ahead.ts';
import type { unreadable } from './entries.ts';

/** What serves from the cache. */
export interface PageContext {
  readonly settings: Settings;
  readonly env: PagePorts;
  /** What `env` is a part of, where it is not the browser's. */
  readonly world: Environment | undefined;
  readonly cache: ICache;
  /** Work that several callers share. */
  readonly flights: Flights;
  readonly heap: Heap;
  /** Takes over what auth0-spa-js has stored, where there is something, once in this page. */
  readonly moveIn: () => Promise<void>;
  /** Asks the app for the time, where it has a clock of its own; `env.clock` goes by that. */
  readonly tune: (() => Promise<void>) | undefined;
  /** Aborted by `dispose()`. */
  readonly disposal: AbortController;
  /** At hand once it has been loaded. @throws {GenericError} `feature_load_failed` | {DisposedError} */
  readonly engine: () => Engine | Promise<Engine>;
}

/** All that logs in, renews and logs out. Its code is asked for as soon as the client is used. */
export interface Engine {
  readonly context: ClientContext;
  readonly flows: typeof flows;
  readonly ahead: RefreshAhead;
  /** Takes over what auth0-spa-js has stored. */
  moveIn(): Promise<void>;
  /** A request with a token of `getToken`. */
  fetchWithAuth<TOutput extends CustomFetchMinimalOutput>(
    getToken: (options: GetTokenSilentlyOptions) => Promise<GetTokenSilentlyVerboseResponse | undefined>,
    config: FetcherConfig<TOutput>,
    request: Parameters<Fetcher<TOutput>['fetchWithAuth']>,
  ): Promise<TOutput>;
}

export interface ClientContext extends PageContext {
  readonly env: Environment;
  readonly custody: Custody;
  /** Where they are. @throws {NetworkError} | {GenericError} `discovery_failed`, where the provider's document is to tell. */
  readonly endpoints: FindEndpoints;
  /** One hidden iframe at a time. */
  readonly frames: Locks;
  /** Those that bring nothing are spaced out. */
  readonly frameBackOff: BackOff;
  /** As `moveIn`, also where this page has looked before. */
  readonly moveInAgain: () => Promise<void>;
}

/** What lives in this page only. */
export interface Heap {
  /** The session as it was last decoded: callers get the same object for as long as the ID token is the same. */
  session?: Session | undefined;
  /** This page saw its session end by a logout, here or elsewhere: it signs in again only when the user does. */
  signedOut: boolean;
  /** This page has begun a silent login where somebody had signed in, by the session or the cookie that tells of one. */
  hinted?: boolean;
  /**
   * How far this machine's clock, or the app's, was ahead of the tenant's, at the least, when this page last got an ID token; below 0:
   * behind. `undefined`: it has got none, or none that tells.
   */
  skew?: Milliseconds | undefined;
  /** What this page knows of the tokens it has seen; since the engine was loaded, it knows. */
  lives?: TokenLives;
  /** What the cache answers at once; its code comes with the engine. */
  atHand?: AtHand | undefined;
  /** How often this page has found a session to have lasted as long as it may. */
  ceilings: number;
  /** How often the user had logged out when this page last wrote whose session it is. */
  logouts: number;
  /** What calls were told of the end of a session, and how many had ended then. */
  readonly ended: WeakMap<object, number>;
  /** The same, of the ends that the app has heard of: each is told once. */
  told?: number | undefined;
  /** What auth0-spa-js had left when this page looked has been taken over. */
  hasMovedIn: boolean;
  /** Waits for an answer of the cache, and shorter where it was late before. @throws {StorageError} when it is late */
  answerOf?: <T>(answer: PromiseLike<T>) => Promise<T>;
  /** Entries that the cache would not take; `undefined`: one that it would not give up. */
  readonly unsaved: Map<string, unknown>;
  /** What went on, oldest first; see `record-facts.ts`. */
  facts?: Fact[];
  /** Takes note of what a call failed with, once there is an engine. */
  failed?: (error: unknown) => void;
  /** Of the app, to events. */
  readonly listeners: Set<Listening>;
  /** The user's entry as it was when the first of them came. */
  before?: Promise<UserEntry | typeof unreadable | undefined> | undefined;
  /** Tells them; its code is loaded where there are any. */
  observer?: Observer | undefined;
  /** This page has changed what is there, since the observer last looked. `cause`: of a session's end, where nobody else knows. */
  changedHere?: { readonly cause: string | undefined } | undefined;
  /** The last logout from another page that this one has taken note of; in memory mode. */
  logout: string | null;
}

/** `undefined` where it cannot be sure: then the long way is. */
export interface AtHand {
  session(): Session | undefined;
  /**
   * Nothing was obtained: there is none, and the call wants no other.
   * @param target Default: what the client asks for by itself.
   */
  find(target?: Target, options?: TokenOptions): { readonly obtained: Obtained | undefined } | undefined;
}

/** What tells the app's listeners of events. */
export interface Observer {
  /** A call is over, and may have found another session than was there before. */
  glance(): void;
  /** This page has written: other tabs are told too. */
  changed(): void;
  /** A call has failed. */
  failed(error: unknown): void;
  /** The cache has refused a write. */
  degraded(reason: string): void;
  close(): void;
}
