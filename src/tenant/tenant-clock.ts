/** The tenant's clock: every lifetime is counted with it, so that a month passes in one call. Only faults wait. */
import type { Clock, Milliseconds } from '../clock.ts';

/** A clock that can be moved. Instants are milliseconds since 1970-01-01T00:00:00Z. */
export interface TenantClock extends Clock {
  /** True between `freeze()` and `resume()`. */
  readonly frozen: boolean;
  /** How far it is ahead of the clock that ticks underneath; negative when behind. */
  readonly offset: Milliseconds;
  /**
   * Moves forward by a span such as `'31d'`, `'9h'`, `'5m'`, `'3s'`, `'250ms'`, or by milliseconds.
   * @throws {RangeError} for any other text, and for a negative number.
   */
  advance(span: string | Milliseconds): void;
  /**
   * Goes to an instant: a Date, milliseconds, or a text that Date understands.
   * @throws {RangeError} when it is no date.
   */
  set(instant: Date | Milliseconds | string): void;
  /** Stops at the present instant. `advance` and `set` still move it. */
  freeze(): void;
  /** Goes on from where it stands. */
  resume(): void;
}

/** 25 years before what a Date can hold, so that lifetimes can be counted from it. */
const latestInstant: Milliseconds = 8.64e15 - 25 * 365 * 86_400_000;

const unitMilliseconds: Readonly<Record<string, Milliseconds>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** 24.8 days: `setTimeout` takes anything longer for no delay at all. */
const longestDelay: Milliseconds = 2 ** 31 - 1;

/** Real time, for a fault that delays an answer. */
export async function realWait(span: Milliseconds): Promise<void> {
  for (let left = span; left > 0; left -= longestDelay)
    await new Promise((resolve) => setTimeout(resolve, Math.min(left, longestDelay)));
}

/** @param world the clock that ticks underneath, in milliseconds */
export function tenantClock(world: () => Milliseconds = Date.now): TenantClock {
  let offset: Milliseconds = 0;
  let frozenAt: Milliseconds | null = null;
  const now = () => frozenAt ?? world() + offset;
  const goTo = (instant: Milliseconds) => {
    if (!(Math.abs(instant) <= latestInstant)) throw new RangeError('no calendar reaches that far');
    if (frozenAt === null) offset = instant - world();
    else frozenAt = instant;
  };
  return {
    now,
    get frozen() {
      return frozenAt !== null;
    },
    get offset() {
      return frozenAt === null ? offset : frozenAt - world();
    },
    advance: (span) => goTo(now() + readSpan(span)),
    set: (instant) => goTo(readInstant(instant)),
    freeze: () => {
      frozenAt = now();
    },
    resume: () => {
      const instant = now();
      frozenAt = null;
      goTo(instant);
    },
  };
}

function readSpan(span: string | Milliseconds): Milliseconds {
  if (typeof span === 'number' && Number.isFinite(span) && span >= 0) return span;
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(String(span)) ?? [];
  const milliseconds = unitMilliseconds[unit ?? ''];
  if (amount === undefined || milliseconds === undefined)
    throw new RangeError(`expected a span such as "31d", "9h", "5m", "3s" or milliseconds, found "${span}"`);
  return Number(amount) * milliseconds;
}

function readInstant(instant: Date | Milliseconds | string): Milliseconds {
  const milliseconds = new Date(instant).getTime();
  if (Number.isNaN(milliseconds)) throw new RangeError(`expected a date, found "${String(instant)}"`);
  return milliseconds;
}
