/** What an app may listen to. No event holds a token. */
import type { Seconds } from '../clock.ts';

/** What every event tells. */
export interface ClientEvent {
  /** Whose doing it was: this client's, or that of another tab, or of another client in this page. */
  readonly from: 'this' | 'other';
}

/** The events of a client by name, and what each tells. */
export interface ClientEvents {
  /** Somebody is signed in, and nobody was. */
  signed_in: ClientEvent;
  /** The user has logged out, or the app's storage was cleared. */
  signed_out: ClientEvent;
  /**
   * The session is over, and the user has not logged out. `cause`: `refused`, `outcome_unknown` or `invalid_id_token`, as `reason` of
   * `SessionEndedError` and `InvalidIdTokenError`; `session_expiry`; or `login_required`, where the tenant knows nobody any more.
   */
  session_ended: ClientEvent & { readonly cause: string };
  /** There is another access token for an audience (`''`: none was named). In memory mode each page has its own. */
  token_refreshed: ClientEvent & { readonly audience: string; readonly expires_at: Seconds };
  /** Somebody else is signed in, or the same user with other claims: ask `getUser()`. */
  user_changed: ClientEvent;
  /** The browser's storage did not take, or give, what it should. The session goes on in this page as far as it can. */
  storage_degraded: ClientEvent & { readonly reason: string | undefined };
  /** A later version of latchkey, in another tab, has written what this page cannot read: it should be loaded anew. */
  reload: ClientEvent;
}

/** Does not compile while it lacks an event. */
const names: Readonly<Record<keyof ClientEvents, true>> = {
  signed_in: true,
  signed_out: true,
  session_ended: true,
  token_refreshed: true,
  user_changed: true,
  storage_degraded: true,
  reload: true,
};

export const isEventName = (name: unknown): name is keyof ClientEvents =>
  Object.hasOwn(names, name as string);

/** One listener, and the name of what it listens to. */
export type Listening = readonly [name: keyof ClientEvents, listener: (event: never) => unknown];
