/** What every flow works with: one per client, put together in `auth0-client.ts`. */
import type { ICache } from '../core/cache.ts';
import type { Endpoints } from '../core/endpoints.ts';
import type { Flights } from '../core/flights.ts';
import type { Session } from '../core/session.ts';
import type { Settings } from '../core/settings.ts';
import type { Custody } from '../custody/custody.ts';
import type { Environment, Locks } from '../environment.ts';

export interface ClientContext {
  readonly settings: Settings;
  readonly env: Environment;
  readonly cache: ICache;
  readonly custody: Custody;
  /** Where they are. @throws {NetworkError} | {GenericError} `discovery_failed`, where the provider's document is to tell. */
  readonly endpoints: () => Promise<Endpoints>;
  /** Work that several callers share. */
  readonly flights: Flights;
  /** One hidden iframe at a time. */
  readonly frames: Locks;
  readonly heap: Heap;
  /** Takes over what auth0-spa-js has stored, where there is something; `again`: even if this page has looked before. */
  readonly moveIn: (again?: 'again') => Promise<void>;
  /** Asks the app for the time, where it has a clock of its own; `env.clock` goes by that. */
  readonly tune: (() => Promise<void>) | undefined;
  /** Aborted by `dispose()`. */
  readonly disposal: AbortController;
}

/** What lives in this page only. */
export interface Heap {
  /** The session as it was last decoded: callers get the same object for as long as the ID token is the same. */
  session: Session | undefined;
  /** This page saw its session end by a logout, here or elsewhere: it signs in again only when the user does. */
  signedOut: boolean;
  /** How often this page has found a session to have lasted as long as it may. */
  ceilings: number;
  /** How often the user had logged out when this page last wrote whose session it is. */
  logouts: number;
  /** How many sessions had ended when a call last came upon such an end. */
  ended: number | undefined;
  /** The same, of the ends that the app has been told of: each is told once. */
  told: number | undefined;
  /** Waits for an answer of the cache, but not for ever. @throws {StorageError} when it is late */
  readonly answerOf: <T>(answer: PromiseLike<T>) => Promise<T>;
  /** Entries that the cache would not take; `undefined`: one that it would not give up. */
  readonly unsaved: Map<string, unknown>;
}
