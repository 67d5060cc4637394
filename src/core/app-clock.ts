import type { Clock, Milliseconds } from '../clock.ts';
import { InvalidConfigurationError } from '../errors.ts';
import { within } from './within.ts';

/** How long the app may take to tell the time. */
const askLimit: Milliseconds = 5000;

/**
 * What this machine's clock is off by, by the app's. That may take its time to answer, and a clock may not: so it is asked now and
 * then, and what it was off by goes on in between, also where it fails or is not heard of.
 *
 * @param nowProvider Milliseconds since 1970.
 * @param offset What it was off by before.
 * @throws {InvalidConfigurationError} for what is no time.
 */
export async function askAppClock(
  machine: Clock,
  timers: Parameters<typeof within>[0],
  nowProvider: () => Milliseconds | Promise<Milliseconds>,
  offset: Milliseconds,
): Promise<Milliseconds> {
  const asked = new Promise<unknown>((resolve) => resolve(nowProvider()));
  const now = await within(timers, askLimit, asked, () => new Error('late')).catch(
    () => machine.now() + offset,
  );
  if (!Number.isFinite(now))
    throw new InvalidConfigurationError(
      '"nowProvider" returned no time.',
      'Return milliseconds since 1970, as a number.',
    );
  return (now as Milliseconds) - machine.now(); // a number, as was checked
}
