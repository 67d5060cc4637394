/** Locks within one page: whoever asks first is served first. Other tabs are not kept out. */
import type { Locks, Timers } from '../environment.ts';
import { lockTimeout } from '../errors.ts';

export function createPageLocks(timers: Timers): Locks {
  const tails = new Map<string, Promise<void>>();
  return {
    exclusive: true,
    run: (name, limit, task) =>
      new Promise((resolve, reject) => {
        let waiting = true;
        const callOff = timers.after(limit, () => {
          waiting = false;
          reject(lockTimeout(limit));
        });
        const turn = async () => {
          if (!waiting) return;
          callOff();
          await task().then(resolve, reject);
        };
        tails.set(name, (tails.get(name) ?? Promise.resolve()).then(turn));
      }),
  };
}
