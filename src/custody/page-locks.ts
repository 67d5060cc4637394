/** Locks within one page: whoever asks first is served first. Other tabs are not kept out. */
import type { Locks, Timers } from '../environment.ts';
import { lockTimeout } from '../errors.ts';

export function createPageLocks(timers: Timers): Locks {
  const tails = new Map<string, Promise<void>>();
  return {
    exclusive: true,
    run: (name, limit, task, signal) =>
      new Promise((resolve, reject) => {
        let waiting = true;
        const leave = () => {
          waiting = false;
          reject(lockTimeout(limit));
        };
        const callOff = timers.after(limit, leave);
        signal?.addEventListener('abort', leave);
        const turn = async () => {
          signal?.removeEventListener('abort', leave);
          if (!waiting) return;
          callOff();
          await task().then(resolve, reject);
        };
        tails.set(name, (tails.get(name) ?? Promise.resolve()).then(turn));
      }),
  };
}
