/**
 * Records in `localStorage`, for browsers without IndexedDB. It is not coherent between tabs: a tab that has just been
 * handed a lock may still read what was there before. Cookies are nearly so; so each record carries a serial number, and
 * the same number stands in a cookie. A reader reads again until the two agree.
 *
 * Only as atomic as the lock is: where locks are built on storage too, two tabs may now and then both write.
 */
import type { Milliseconds } from '../clock.ts';
import { pause } from '../core/patience.ts';
import { within } from '../core/within.ts';
import type { Cookies, Locks, RecordStore, TextStorage, Timers } from '../environment.ts';
import { StorageError } from '../errors.ts';
import { encodeBase64url } from '../oauth/base64url.ts';
import { isText, parseJsonObject } from '../oauth/json.ts';

/** How long another tab may take with an update. */
const turnLimit: Milliseconds = 5000;

/** How long the storage may lag behind the cookie. It was milliseconds in every browser that was measured. */
const lagLimit: Milliseconds = 1000;
const lagPause: Milliseconds = 10;

export interface LocalStorageRecordStoreOptions {
  readonly localStorage: TextStorage;
  readonly cookies: Omit<Cookies, 'names'>;
  readonly locks: Locks;
  readonly timers: Timers;
}

export interface LocalStorageRecordStore extends RecordStore {
  /**
   * Gives the record away for good, if there is one. It is sealed first: from then on nobody goes on with it here. Where `take`
   * fails, it is opened again; unless it was only late, or the page is gone: then nobody knows whether it was taken, and it
   * stays sealed, and is given to the next who asks, under the same `id`.
   */
  handOver(name: string, take: (record: unknown, id: string) => Promise<void>): Promise<void>;
}

/** What is stored: a record, or a word of one that was given away. */
interface Stored {
  readonly serial: number;
  readonly record?: unknown;
  /** Tells this record from those that were here before, and were given away. */
  readonly id?: string | undefined;
  readonly sealed?: boolean | undefined;
}

export function createLocalStorageRecordStore(
  options: LocalStorageRecordStoreOptions,
): LocalStorageRecordStore {
  const { localStorage, cookies, locks, timers } = options;
  /** Which records this page has worked on, by name. */
  const known = new Map<string, string>();

  return {
    update(name, step) {
      return inTurn(name, async ({ serial, record, id: found, sealed }) => {
        const mine = known.get(name);
        const isGone = mine !== undefined && found !== undefined && (mine !== found || record === undefined);
        if (sealed || isGone) throw new StorageError('its record was moved to IndexedDB', undefined, 'moved');
        const id = record === undefined ? randomId() : (found ?? randomId());
        const [next, result] = step(record);
        if (next !== record) write(name, { serial: serial + 1, record: next, id });
        if (next !== record || found === id) known.set(name, id);
        return result;
      });
    },
    handOver(name, take) {
      return inTurn(name, async ({ serial, record, id = randomId(), sealed }) => {
        if (record === undefined) return;
        write(name, { serial: serial + 1, record, id, sealed: true });
        try {
          await take(record, id);
        } catch (error) {
          const reason = error instanceof StorageError ? error.reason : undefined;
          // Of one that was sealed before, only a refusal tells: what has been taken is not written again.
          if (sealed ? reason === 'refused' : reason !== 'late')
            write(name, { serial: serial + 2, record, id });
          throw error;
        }
        write(name, { serial: serial + 2, id });
      });
    },
    close() {},
  };

  /** One page at a time. Nothing begins once its caller was told that it did not. */
  async function inTurn<T>(name: string, task: (stored: Stored) => Promise<T>): Promise<T> {
    const late = () => new StorageError(`another tab's update did not end within ${turnLimit} ms`);
    let waiting = true;
    const turn = locks.run(`${name}/store`, turnLimit, async () => {
      if (!waiting) throw late(); // told already
      try {
        const stored = await readSettled(name);
        if (!waiting) throw late();
        const result = await task(stored);
        return () => result;
      } catch (error) {
        return () => {
          throw error;
        };
      }
    });
    const limit = turnLimit + lagLimit;
    const end = await within(timers, limit, turn, () => {
      waiting = false;
      return late();
    }).catch((error: unknown) => {
      throw error instanceof StorageError ? error : new StorageError('no turn was to be had', error);
    });
    return end();
  }

  async function readSettled(name: string): Promise<Stored> {
    for (let waited = 0; ; waited += lagPause) {
      const [found, expected] = read(name);
      // Cookies may have been cleared, or be refused: then there is only the record to go by.
      if (expected === undefined || String(found.serial) === expected || waited >= lagLimit) return found;
      await pause(timers, lagPause);
    }
  }

  function read(name: string): [stored: Stored, expected: string | undefined] {
    try {
      const { serial, record, id, sealed } = parseJsonObject(localStorage.get(name) ?? '') ?? {};
      const stored = {
        serial: Number(serial) || 0,
        record,
        id: isText(id) ? id : undefined,
        sealed: sealed === true,
      };
      return [stored, cookies.get(name)];
    } catch (cause) {
      throw new StorageError('localStorage cannot be read', cause);
    }
  }

  function write(name: string, stored: Stored): void {
    try {
      localStorage.set(name, JSON.stringify(stored));
    } catch (cause) {
      throw new StorageError('localStorage is full or blocked', cause);
    }
    try {
      cookies.set(name, String(stored.serial), { days: 400 });
    } catch {
      // Where cookies throw, none is read either.
    }
  }
}

const randomId = (): string => encodeBase64url(crypto.getRandomValues(new Uint8Array(16)));
