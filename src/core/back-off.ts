/**
 * How requests that fail are spaced out: by one rule, whatever is asked for. The pause of a refresh token is kept in its family's
 * record, for all tabs; that of anything else in the page (`createBackOff`).
 */
import type { Milliseconds } from '../clock.ts';
import { GenericError, NetworkError } from '../errors.ts';

/** Between two requests, by the time of day. */
export interface Pause {
  /** When the last one failed. */
  readonly since: Milliseconds;
  /** When the next may be tried: an instant that was drawn from a span of time, all of which is as likely. */
  readonly until: Milliseconds;
  /** When that span is over, and the next one may begin. */
  readonly ends: Milliseconds;
}

/** A request that brought nothing. */
export interface Failure {
  readonly at: Milliseconds;
  /** Drawn anew for each: from 0 on and below 1. */
  readonly draw: number;
  /** How long the server asks to be left alone. */
  readonly retryAfter?: Milliseconds | undefined;
}

/**
 * Full jitter: the next request falls anywhere in its span, so that browsers that failed at one moment do not come back at another.
 * One span begins where the former one ends, or where the server's wish does: so there are never more requests than spans, whatever
 * is drawn.
 */
export function pauseAfter(
  failures: number,
  { at, draw, retryAfter = 0 }: Failure,
  former: Pause | undefined,
): Pause {
  const span = spanAfter(retryAfter > 0 ? Math.max(2, failures) : failures);
  // A clock that was put back makes nobody wait longer.
  const begins = Math.max(at + retryAfter, Math.min(former?.ends ?? at, at + longestSpan));
  return { since: at, until: begins + Math.floor(draw * span), ends: begins + span };
}

/** No pause after one failure: whoever asks again may be luckier. Then 3 s, four times as much after each further one. */
const spanAfter = (failures: number): Milliseconds =>
  failures < 2 ? 0 : Math.min(longestSpan, 3000 * 4 ** (failures - 2));

const longestSpan: Milliseconds = 180_000;

/** What a server may ask for, and a span. Whatever is longer was written by nobody who follows these rules. */
const longestPause: Milliseconds = 600_000 + longestSpan;

/** Until when nobody is to try; `undefined`: anybody may. A failure that is yet to come tells of a clock that was put back. */
export function pausedUntil(pause: Pause | undefined, now: Milliseconds): Milliseconds | undefined {
  if (!pause || now < pause.since) return undefined;
  const until = Math.min(pause.until, pause.since + longestPause);
  return until > now ? until : undefined;
}

/** Strong random bytes as a number from 0 on and below 1. */
export const drawOf = (bytes: Uint8Array): number => bytes.reduce((rest, byte) => (rest + byte) / 256, 0);

/** @param cause What the last request failed with. */
export const backingOff = (until: Milliseconds, cause?: unknown): NetworkError =>
  new NetworkError(
    'backing_off',
    `The last requests failed, or were too many; the next may be sent at ${new Date(until).toISOString()}.`,
    cause,
  );

/** The error, with how long the server that answered so asks to be left alone; not from its message, so that it reaches `follow`. */
export const withWish = <E extends Error>(error: E, retryAfter: Milliseconds | undefined): E =>
  retryAfter === undefined ? error : Object.assign(error, { retryAfter });

/** For requests of one kind that this page makes. */
export interface BackOff {
  isPaused(): boolean;
  /**
   * Settles when the next may be sent. @param patience How long that may take; `undefined`: the user asks, and is not kept waiting.
   * @throws {NetworkError} `backing_off`, at once, where it would take longer.
   */
  turn(patience: Milliseconds | undefined): Promise<void>;
  /** Makes a request, and takes note of what it comes to. A refusal is an answer; of what was not sent, nothing is known. */
  follow<T>(request: () => Promise<T>): Promise<T>;
  /** The server works: nobody has to wait any more. */
  forget(): void;
}

/** @param signal Aborted: the network's return is not listened for any more. */
export function createBackOff(
  {
    clock,
    timers,
    page,
    cryptography,
  }: {
    readonly clock: { now(): Milliseconds; steady(): Milliseconds };
    readonly timers: { after(delay: Milliseconds, task: () => void): () => void };
    readonly page: { onOnline(task: () => void): () => void };
    readonly cryptography: { randomBytes(length: number): Uint8Array };
  },
  signal: AbortSignal,
): BackOff {
  let failures = 0;
  let pause: Pause | undefined;
  let cause: unknown;
  /** Until when the server asks to be left alone. */
  let leftAlone: Milliseconds = 0;
  let stopListening: (() => void) | undefined;
  const waiting = new Set<() => void>();

  const paused = () => pausedUntil(pause, clock.now());
  const wake = () => {
    for (const goOn of waiting) goOn();
  };
  const stop = () => {
    stopListening?.();
    stopListening = undefined;
  };
  signal.addEventListener('abort', stop);

  /** Of a network that is back one may be tried at once, unless the server is there and has asked for a pause. Its span stays. */
  function hearOfNetwork(): void {
    if (pause) pause = { ...pause, until: Math.min(pause.until, leftAlone) };
    wake();
  }

  function forget(): void {
    failures = 0;
    pause = undefined;
    stop();
    wake();
  }

  function count(error: unknown): void {
    const { retryAfter } = Object(error) as { retryAfter?: Milliseconds };
    const at = clock.now();
    cause = error;
    failures += 1;
    leftAlone = at + (retryAfter ?? 0);
    pause = pauseAfter(failures, { at, draw: drawOf(cryptography.randomBytes(4)), retryAfter }, pause);
    if (!signal.aborted) stopListening ??= page.onOnline(hearOfNetwork);
  }

  return {
    isPaused: () => paused() !== undefined,

    async turn(patience) {
      if (patience === undefined) return;
      const giveUpAt = clock.steady() + patience;
      for (let until = paused(); until !== undefined; until = paused()) {
        const wait = until - clock.now();
        if (clock.steady() + wait > giveUpAt) throw backingOff(until, cause);
        await new Promise<void>((resolve) => {
          const goOn = () => {
            callOff();
            waiting.delete(goOn);
            resolve();
          };
          const callOff = timers.after(wait, goOn);
          waiting.add(goOn);
        });
      }
    },

    async follow(request) {
      try {
        const result = await request();
        forget();
        return result;
      } catch (error) {
        const verdict = judge(error);
        if (verdict === 'failed') count(error);
        if (verdict === 'answered') forget();
        throw error;
      }
    },

    forget,
  };
}

/** What a request that ended so tells of the server. */
function judge(error: unknown): 'failed' | 'answered' | 'not_sent' {
  if (!(error instanceof GenericError)) return 'failed';
  const { reason = '', retryable } = error;
  if (/^(offline|leaving|backing_off|frame_offline|frame_forbidden)$/.test(reason)) return 'not_sent';
  if (error.error === 'feature_load_failed') return 'not_sent';
  // Another one's document may come from anything on the way; and who asks to be left alone is to be, whatever else is said.
  if (error.error === 'discovery_failed' || 'retryAfter' in error) return 'failed';
  return retryable && reason !== 'frame_callback' ? 'failed' : 'answered';
}
