import type { Milliseconds } from '../clock.ts';
import { within } from './within.ts';

/** Settles when `span` has passed. */
export const pause = (
  timers: { after(delay: Milliseconds, task: () => void): () => void },
  span: Milliseconds,
): Promise<void> => new Promise((resolve) => void timers.after(span, resolve));

/** How long something is waited for that did not answer last time. */
const shortPatience: Milliseconds = 250;

/**
 * As `within`, for one that is asked again and again: where it did not answer in time, it is not waited for as long again
 * until it has answered something.
 */
export function patiently(
  timers: Parameters<typeof within>[0],
  limit: Milliseconds,
  late: () => Error,
): <T>(work: PromiseLike<T>) => Promise<T> {
  let patience = limit;
  const answered = () => void (patience = limit);
  return (work) => {
    work.then(answered, answered);
    return within(timers, patience, Promise.resolve(work), () => {
      patience = shortPatience;
      return late();
    });
  };
}
