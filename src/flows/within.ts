import type { Milliseconds } from '../clock.ts';
import type { Timers } from '../environment.ts';
import { TimeoutError } from '../errors.ts';

/**
 * Waits for `work`, but not longer than `limit`. Then the caller is let go with a `TimeoutError`; the work itself goes
 * on, and whatever it brings is kept by whoever does it.
 */
export function within<T>(timers: Timers, limit: Milliseconds, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const callOff = timers.after(limit, () => reject(new TimeoutError('still_waiting')));
    work.then(resolve, reject).finally(callOff);
  });
}
