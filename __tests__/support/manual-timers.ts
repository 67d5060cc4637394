import type { PageClock, Timers } from '../../src/environment.ts';

/** Time that moves only when a test says so. */
export interface ManualTime {
  readonly clock: PageClock;
  readonly timers: Timers;
  /** Moves on by `milliseconds`, stopping at every timer that falls due to let its work run to rest. */
  advance(milliseconds: number): Promise<void>;
  /** Puts the time of day forward or back. Nothing falls due by that. */
  jump(milliseconds: number): void;
  /** Time goes on by `milliseconds`, and no timer fires: they all wait that much longer. */
  sleep(milliseconds: number): void;
}

/** @param rest Resolves when everything that can go on without time passing has come to rest. */
export function createManualTime(start: number, rest: () => Promise<void>): ManualTime {
  let now = start;
  let correction = 0;
  let waiting: { readonly due: number; readonly task: () => void }[] = [];
  return {
    clock: { now: () => now + correction, steady: () => now },
    sleep(milliseconds) {
      now += milliseconds;
      waiting = waiting.map(({ due, task }) => ({ due: due + milliseconds, task }));
    },
    jump: (milliseconds) => void (correction += milliseconds),
    timers: {
      after(delay, task) {
        const timer = { due: now + delay, task };
        waiting.push(timer);
        return () => {
          waiting = waiting.filter((other) => other !== timer);
        };
      },
    },
    async advance(milliseconds) {
      const end = now + milliseconds;
      for (;;) {
        await rest();
        const [next] = waiting.filter(({ due }) => due <= end).sort((a, b) => a.due - b.due);
        if (!next) break;
        waiting = waiting.filter((other) => other !== next);
        now = Math.max(now, next.due);
        next.task();
      }
      now = end;
      await rest();
    },
  };
}
