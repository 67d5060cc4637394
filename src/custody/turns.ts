/** Turns under a lock that saves waste and decides nothing: where it is not granted in time, or never, they begin without it. */
import type { Milliseconds } from '../clock.ts';
import type { Locks, Timers } from '../environment.ts';

/** How long the lock is waited for: its holder may be frozen. And how long where it was not granted last time. */
const lockPatience: Milliseconds = 5000;
export const busyPause: Milliseconds = 250;

/** Runs `task` in its turn; `locked`: under a lock that keeps all others out, which is held until `rest` has settled too. */
export type TakeTurn = <T>(
  task: (locked: boolean) => Promise<T>,
  rest: () => Promise<unknown> | undefined,
) => Promise<T>;

/** @param signal Aborted: whoever waits for the lock goes without at once. */
export function createTurns(locks: Locks, timers: Timers, name: string, signal: AbortSignal): TakeTurn {
  let patience = lockPatience;
  return (task, rest) =>
    new Promise((resolve, reject) => {
      let lock: 'awaited' | 'taken' | 'missed' = 'awaited';
      const goWithout = () => {
        lock = 'missed';
        patience = busyPause;
        task(false).then(resolve, reject);
      };
      const callOff = timers.after(patience + busyPause, goWithout); // for locks that do not keep to their limit
      const take = async () => {
        if (lock === 'missed') return;
        lock = 'taken';
        patience = lockPatience;
        callOff();
        await task(locks.exclusive).then(resolve, reject);
        await rest();
      };
      locks.run(name, patience, take, signal).catch(() => {
        callOff();
        if (lock === 'awaited') goWithout();
      });
    });
}
