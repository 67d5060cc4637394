import type { Milliseconds } from '../clock.ts';

/**
 * Waits for `work`, but not longer than `limit`; then rejects with what `late` returns. The work itself goes on, and
 * whatever it brings is kept, or not, by whoever does it. In two halves: a page that slept through the first one finds its
 * timer due and the answer still on its way.
 */
export function within<T>(
  timers: { after(delay: Milliseconds, task: () => void): () => void },
  limit: Milliseconds,
  work: Promise<T>,
  late: () => Error,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const half = (then: () => void) => timers.after(limit / 2, then);
    let callOff = half(() => (callOff = half(() => reject(late()))));
    work.then(resolve, reject).finally(() => callOff());
  });
}

/**
 * Begins `work`, and waits for it until `signal` is aborted; then rejects with what `stopped` returns. An aborted signal
 * lets nothing begin; what has begun goes on.
 */
export function unlessAborted<T>(
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
  stopped: (reason: unknown) => Error,
): Promise<T> {
  if (!signal) return work();
  return new Promise((resolve, reject) => {
    const stop = () => reject(stopped(signal.reason));
    if (signal.aborted) return stop();
    signal.addEventListener('abort', stop);
    work()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', stop));
  });
}
