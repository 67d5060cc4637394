/** Locks within one page: whoever asks first is served first. Other tabs are not kept out. */
import type { Locks, Timers } from '../environment.ts';
import { TimeoutError } from '../errors.ts';

export function createPageLocks(timers: Timers): Locks {
  const queues = new Map<string, (() => void)[]>();

  return {
    exclusive: true,
    async run(name, limit, task) {
      await acquire(name, limit);
      try {
        return await task();
      } finally {
        release(name);
      }
    },
  };

  function acquire(name: string, limit: number): Promise<void> {
    const waiting = queues.get(name);
    if (waiting === undefined) {
      queues.set(name, []);
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const granted = () => {
        callOff();
        resolve();
      };
      const callOff = timers.after(limit, () => {
        waiting.splice(waiting.indexOf(granted), 1);
        reject(
          new TimeoutError('lock_timeout', `Timeout: the lock was held by another call for ${limit} ms.`),
        );
      });
      waiting.push(granted);
    });
  }

  function release(name: string): void {
    const next = queues.get(name)?.shift();
    if (next) next();
    else queues.delete(name);
  }
}
