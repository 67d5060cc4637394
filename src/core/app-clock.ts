import type { Clock, Milliseconds } from '../clock.ts';
import { InvalidConfigurationError } from '../errors.ts';
import { within } from './within.ts';

/** How long the app may take to tell the time. */
const askLimit: Milliseconds = 5000;

/**
 * This machine's clock, put right by the app's. That may take its time to answer, and a clock may not: so it is asked now and then,
 * and what it was off by goes on in between, also where it fails or is not heard of.
 *
 * @param nowProvider Milliseconds since 1970.
 */
export function createAppClock<Machine extends Clock>(
  machine: Machine,
  timers: Parameters<typeof within>[0],
  nowProvider: () => Milliseconds | Promise<Milliseconds>,
): { readonly clock: Machine & { readonly offset: Milliseconds }; readonly tune: () => Promise<void> } {
  let offset: Milliseconds = 0;
  const clock = {
    ...machine,
    now: () => machine.now() + offset,
    get offset() {
      return offset;
    },
  };
  return { clock, tune };

  /** @throws {InvalidConfigurationError} for what is no time. */
  async function tune(): Promise<void> {
    const asked = new Promise<unknown>((resolve) => resolve(nowProvider()));
    const now = await within(timers, askLimit, asked, () => new Error('late')).catch(() => clock.now());
    if (!Number.isFinite(now))
      throw new InvalidConfigurationError(
        '"nowProvider" returned no time.',
        'Return milliseconds since 1970, as a number.',
      );
    offset = (now as Milliseconds) - machine.now(); // a number, as was checked
  }
}
