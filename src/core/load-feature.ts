import type { Milliseconds } from '../clock.ts';
import { featureLoadFailed } from '../errors.ts';
import { within } from './within.ts';

/** A chunk is a few kB; what takes this long does not come any more. */
const loadLimit: Milliseconds = 10_000;

/**
 * Code that is loaded where it is needed. Nothing of a failure is kept here: whoever needs the code next asks for it again.
 * Browsers that follow HTML as it was until 2026 keep a failed import themselves, until the page is loaded anew.
 *
 * @throws {GenericError} `feature_load_failed`, when it cannot be had, or not within `limit`.
 */
export async function loadFeature<T>(
  timers: Parameters<typeof within>[0],
  load: () => Promise<T>,
  limit: Milliseconds = loadLimit,
): Promise<T> {
  const late = () => new Error('late');
  try {
    return await within(timers, Math.min(limit, loadLimit), load(), late);
  } catch (cause) {
    throw featureLoadFailed(cause);
  }
}
