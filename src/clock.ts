/** A span or an instant counted in seconds, as the wire counts them (`expires_in`, `exp`, `leeway`). */
export type Seconds = number;

/** A span or an instant counted in milliseconds, as clocks and timers count them. */
export type Milliseconds = number;

/** The only source of "now". Instants are milliseconds since 1970-01-01T00:00:00Z. */
export interface Clock {
  /** The instant that it is. */
  now(): Milliseconds;
}

/** Whole seconds since the epoch, rounded down, as JWT dates are written (RFC 7519 §2, NumericDate). */
export const toSeconds = (instant: Milliseconds): Seconds => Math.floor(instant / 1000);
