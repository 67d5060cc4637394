import { describe, expect, it } from '@jest/globals';
import { createUnsaved, type CommitEvent } from '../../src/custody/unsaved.ts';
import { createManualTime } from '../support/manual-timers.ts';

const event = (owner: string): CommitEvent => ({ kind: 'refuse', owner });

describe('what the store would not take', () => {
  it('is not forgotten for an earlier event of its family that is saved meanwhile', async () => {
    const { timers, advance } = createManualTime(0, () => new Promise((resolve) => setImmediate(resolve)));
    const written: string[] = [];
    const unsaved = createUnsaved(
      timers,
      (_, { owner }) =>
        new Promise<void>((resolve) => {
          written.push(owner);
          timers.after(1000, resolve);
        }),
      () => {},
    );
    unsaved.keep('a', event('one'));
    await advance(500);
    unsaved.keep('a', event('two'));
    await advance(5000);
    expect(written).toEqual(['one', 'two']);
    expect(unsaved.saving()).toBeUndefined();
  });
});
