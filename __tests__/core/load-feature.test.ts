import { describe, expect, it } from '@jest/globals';
import { loadFeature } from '../../src/core/load-feature.ts';
import { createManualTime } from '../support/manual-timers.ts';

const createTime = () => createManualTime(0, () => new Promise((resolve) => setImmediate(resolve)));
const failure = { name: 'GenericError', error: 'feature_load_failed', retryable: true };

describe('code that is loaded on first use', () => {
  it('is what was loaded', async () => {
    await expect(loadFeature(createTime().timers, async () => ({ n: 1 }))).resolves.toEqual({ n: 1 });
  });

  it('and cannot be had is a typed error with its cause, and is asked for again by the next call', async () => {
    const { timers } = createTime();
    const cause = new TypeError('Failed to fetch dynamically imported module');
    let isThere = false;
    const load = async () => {
      if (!isThere) throw cause;
      return 'code';
    };
    await expect(loadFeature(timers, load)).rejects.toMatchObject({ ...failure, cause });
    isThere = true;
    await expect(loadFeature(timers, load)).resolves.toBe('code');
  });

  it.each([
    ['10 s', undefined, 10_000],
    ['its caller’s limit, where that is shorter', 3000, 3000],
    ['10 s, where its caller’s limit is longer', 60_000, 10_000],
  ])('and does not come is waited for no longer than %s', async (_, limit, expected) => {
    const { timers, advance } = createTime();
    let thrown: unknown;
    loadFeature(timers, () => new Promise(() => {}), limit).catch((error: unknown) => (thrown = error));
    await advance(expected - 1);
    expect(thrown).toBeUndefined();
    await advance(1);
    expect(thrown).toMatchObject(failure);
  });
});
