import type { Milliseconds } from '../clock.ts';

/**
 * Waits for `work`, but not longer than `limit`; then rejects with what `late` returns. The work itself goes on, and
 * whatever it brings is kept, or not, by whoever does it.
 */
export function within<T>(
  timers: { after(delay: Milliseconds, task: () => void): () => void },
  limit: Milliseconds,
  work: Promise<T>,
  late: () => Error,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const callOff = timers.after(limit, () => reject(late()));
    work.then(resolve, reject).finally(callOff);
  });
}
