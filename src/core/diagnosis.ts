/** What an app may be told of what went on: facts without any token, code or name, and what they mean. */
import type { Milliseconds, Seconds } from '../clock.ts';

/** Something that went on, as it may be shown to anybody. */
export interface Fact {
  /** When it was over, in milliseconds since 1970. */
  readonly at: Milliseconds;
  /** `call`: of the app, and only where it failed. */
  readonly what: 'call' | 'refresh' | 'login' | 'logout' | 'revocation' | 'iframe';
  /** `done`, or how a refresh ended (`answer`, `moved`, `quarantined`), or `failed`. */
  readonly outcome: string;
  /** How long it took. */
  readonly duration?: Milliseconds | undefined;
  /** How many refresh tokens there had been for the audience. */
  readonly generation?: number | undefined;
  readonly failure?: Failure | undefined;
}

/** Of an error, its codes alone. */
export interface Failure {
  readonly error: string;
  readonly reason?: string | undefined;
  readonly cause?: Failure | undefined;
}

/** What may be said of the session without asking anybody. */
export interface SessionState {
  /**
   * `anonymous`: nobody is signed in. `active`: somebody is, with an access token that is good. `refreshable`: with a refresh token that
   * may bring one. `expired`: only a login helps. `unknown`: only the tenant could tell.
   */
  readonly state: 'anonymous' | 'active' | 'refreshable' | 'expired' | 'unknown';
  /**
   * Of `expired`: `refused`, `outcome_unknown` or `invalid_id_token`, as `reason` of `SessionEndedError`; `session_expiry`, or
   * `no_refresh_token`. Of `unknown`: `offline`, `storage`, or `silent_login`, which would tell.
   */
  readonly cause?: string | undefined;
  /** When the access token expires, in seconds since 1970. Of `active` only. */
  readonly expires_at?: Seconds | undefined;
}

/** Why the last failure came about, and what went on before it. */
export interface Diagnosis {
  /** Why the last failure came about, in one line. `undefined`: nothing has failed that is remembered. */
  readonly cause: string | undefined;
  readonly state: SessionState;
  /** The last hundred, oldest first. */
  readonly facts: readonly Fact[];
}

/** Longer than any chain of causes that means something. */
const deepest = 4;

/** Our words are literals; a server's are shown only as far as they look like a code. */
const wordOf = (value: unknown): string | undefined =>
  typeof value === 'string' && /^[a-z][a-z_]{0,39}$/.test(value) ? value : undefined;

export function failureOf(thrown: unknown, depth = 1): Failure {
  const { error, reason, cause } = Object(thrown) as Record<string, unknown>;
  const isKnown = error !== undefined;
  return {
    error: wordOf(error) ?? (isKnown ? 'other' : 'unexpected'),
    reason: wordOf(reason),
    cause: cause === undefined || depth === deepest ? undefined : failureOf(cause, depth + 1),
  };
}
