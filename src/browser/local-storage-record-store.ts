/**
 * Records in `localStorage`, for browsers without IndexedDB. It is not coherent between tabs: a tab that has just been
 * handed a lock may still read what was there before. Cookies are nearly so; so each record carries a serial number, and
 * the same number stands in a cookie. A reader reads again until the two agree.
 *
 * Only as atomic as the lock is: where locks are built on storage too, two tabs may now and then both write.
 */
import type { Milliseconds } from '../clock.ts';
import { within } from '../core/within.ts';
import type { Cookies, Locks, RecordStore, TextStorage, Timers } from '../environment.ts';
import { StorageError } from '../errors.ts';
import { parseJsonObject } from '../oauth/json.ts';

/** How long another tab may take with an update. */
const turnLimit: Milliseconds = 5000;

/** How long the storage may lag behind the cookie. It was milliseconds in every browser that was measured. */
const lagLimit: Milliseconds = 1000;
const lagPause: Milliseconds = 10;

export interface LocalStorageRecordStoreOptions {
  readonly localStorage: TextStorage;
  readonly cookies: Cookies;
  readonly locks: Locks;
  readonly timers: Timers;
}

export function createLocalStorageRecordStore(options: LocalStorageRecordStoreOptions): RecordStore {
  const { localStorage, cookies, locks, timers } = options;

  return {
    update(name, step) {
      const late = () => new StorageError(`another tab's update did not end within ${turnLimit} ms`);
      let waiting = true;
      const inTurn = locks.run(`${name}/store`, turnLimit, async () => {
        if (!waiting) throw late(); // told already
        const { serial, record } = await readSettled(name);
        if (!waiting) throw late();
        const [next, result] = step(record);
        if (next !== record) write(name, serial + 1, next);
        return result;
      });
      return within(timers, turnLimit + lagLimit, inTurn, () => {
        waiting = false;
        return late();
      });
    },
    close() {},
  };

  async function readSettled(name: string): Promise<{ serial: number; record: unknown }> {
    for (let waited = 0; ; waited += lagPause) {
      const found = read(name);
      const expected = cookies.get(name);
      // Cookies may have been cleared, or be refused: then there is only the record to go by.
      if (expected === undefined || String(found.serial) === expected || waited >= lagLimit) return found;
      await new Promise<void>((resolve) => timers.after(lagPause, resolve));
    }
  }

  function read(name: string): { serial: number; record: unknown } {
    try {
      const { serial = 0, record } = parseJsonObject(localStorage.get(name) ?? '') ?? {};
      return { serial: Number(serial) || 0, record };
    } catch (cause) {
      throw new StorageError('localStorage cannot be read', cause);
    }
  }

  function write(name: string, serial: number, record: unknown): void {
    try {
      localStorage.set(name, JSON.stringify({ serial, record }));
    } catch (cause) {
      throw new StorageError('localStorage is full or blocked', cause);
    }
    cookies.set(name, String(serial), { days: 400 });
  }
}
