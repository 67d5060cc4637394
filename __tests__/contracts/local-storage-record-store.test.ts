import { describe, expect, it } from '@jest/globals';
import { createLocalStorageRecordStore } from '../../src/browser/local-storage-record-store.ts';
import { createPageLocks } from '../../src/custody/page-locks.ts';
import { createManualTime } from '../support/manual-timers.ts';
import { createTextStorage } from '../support/world.ts';

describe('an update in localStorage', () => {
  it('does not wait for the lock of the same name under which custody makes it', async () => {
    const { timers } = createManualTime(0, () => Promise.resolve());
    const locks = createPageLocks(timers);
    const cookies = { get: () => undefined, set: () => {}, remove: () => {} };
    const store = createLocalStorageRecordStore({
      localStorage: createTextStorage(),
      cookies,
      locks,
      timers,
    });
    const update = () => store.update('a', () => [{ n: 1 }, 'done']);
    await expect(locks.run('a', 1000, update)).resolves.toBe('done');
  });
});
