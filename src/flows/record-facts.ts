/** Takes note of what goes on, always: what is kept of it is small, bounded, and holds no secret. */
import { failureOf, type Fact } from '../core/diagnosis.ts';
import type { Span } from '../core/options.ts';
import type { Custody, SpendOutcome } from '../custody/custody.ts';
import type { Locks, SilentFrame } from '../environment.ts';
import type { PageContext } from './context.ts';

/** How many are kept. */
const limit = 100;

export function createRecorder({ env: { clock, page }, heap, settings: { onTrace } }: PageContext) {
  /** What the app's listener throws stays with it. */
  const trace = (span: Span): void => {
    try {
      onTrace?.(Object.freeze(span));
    } catch {
      page.warn('latchkey: onTrace failed.');
    }
  };

  const note = (fact: Omit<Fact, 'at'>): void => {
    const facts = (heap.facts ??= []);
    facts.push({ at: clock.now(), ...fact });
    if (facts.length > limit) facts.shift();
  };

  async function follow<T>(
    name: Span['name'] | undefined,
    what: Fact['what'],
    work: () => Promise<T>,
    { generation, outcomeOf = () => 'done' }: { generation?: number; outcomeOf?: (result: T) => string } = {},
  ): Promise<T> {
    const began = clock.steady();
    const startedAt = clock.now();
    const over = (outcome: string, failure?: Fact['failure']) => {
      const duration = clock.steady() - began;
      note({ what, outcome, duration, generation, failure });
      if (name && onTrace) trace({ name, startedAt, duration, outcome: failure?.error ?? outcome });
    };
    try {
      const result = await work();
      over(outcomeOf(result));
      return result;
    } catch (error) {
      over('failed', failureOf(error));
      throw error;
    }
  }

  return {
    failed: (error: unknown): void => note({ what: 'call', outcome: 'failed', failure: failureOf(error) }),
    custody: (custody: Custody): Custody => ({
      ...custody,
      spend: (wanted, seen, ...rest) =>
        follow('exchange', 'refresh', () => custody.spend(wanted, seen, ...rest), {
          generation: seen.generation,
          outcomeOf: ({ kind }: SpendOutcome) => kind,
        }),
      redeem: (given) => follow('exchange', 'login', () => custody.redeem(given)),
      end: (options) => follow(undefined, 'logout', () => custody.end(options)),
      revoke: (wanted) => follow(undefined, 'revocation', () => custody.revoke(wanted)),
    }),
    silentFrame: (frame: SilentFrame): SilentFrame => ({
      authorize: (...request) => follow('iframe', 'iframe', () => frame.authorize(...request)),
    }),
    /** How long each was waited for. */
    locks: (locks: Locks): Locks =>
      onTrace
        ? {
            exclusive: locks.exclusive,
            async run(name, lockLimit, task, signal) {
              const began = clock.steady();
              const startedAt = clock.now();
              let isGranted = false;
              const waited = (outcome: string) =>
                trace({ name: 'lock', startedAt, duration: clock.steady() - began, outcome });
              const granted = () => {
                isGranted = true;
                waited('done');
                return task();
              };
              try {
                return await locks.run(name, lockLimit, granted, signal);
              } catch (error) {
                if (!isGranted) waited(failureOf(error).error);
                throw error;
              }
            },
          }
        : locks,
  };
}
