/**
 * Which store of the browser holds the records: IndexedDB; where there is none, or it refuses to open, `localStorage` with a
 * serial number in a cookie; where nothing can be stored at all, the page's heap. Chosen once for the life of a page: that
 * IndexedDB is slow to open, or fails after it has worked, changes nothing, since what it holds is still there.
 */
import { createMemoryRecordStore } from '../custody/memory-record-store.ts';
import type { RecordStore } from '../environment.ts';
import { StorageError } from '../errors.ts';
import { createIndexedDbRecordStore } from './indexeddb-record-store.ts';
import type { LocalStorageRecordStoreOptions } from './local-storage-record-store.ts';

export function createRecordStore(options: LocalStorageRecordStoreOptions): RecordStore {
  const { localStorage, timers } = options;
  const indexedDb = createIndexedDbRecordStore(timers);
  let fallback: Promise<RecordStore> | undefined;
  let worked = false;

  return {
    async update(name, step) {
      if (!fallback) {
        try {
          const result = await indexedDb.update(name, step);
          forgetFallback(name);
          return result;
        } catch (error) {
          if (worked || !(error instanceof StorageError && error.reason === 'unavailable')) throw error;
          fallback = openFallback();
        }
      }
      return (await fallback).update(name, step);
    },
    close: () => indexedDb.close(),
  };

  /** Its code is loaded where it is needed. */
  async function openFallback(): Promise<RecordStore> {
    try {
      const probe = 'latchkey/probe';
      localStorage.set(probe, '');
      localStorage.remove(probe);
    } catch {
      return createMemoryRecordStore();
    }
    const { createLocalStorageRecordStore } = await import('./local-storage-record-store.ts');
    return createLocalStorageRecordStore(options);
  }

  /** What was kept there while IndexedDB was out of order must not come to life again when it is another time. */
  function forgetFallback(name: string): void {
    if (worked) return;
    worked = true;
    try {
      if (localStorage.get(name) !== null) localStorage.remove(name);
    } catch {
      // Nothing can have been kept there.
    }
  }
}
