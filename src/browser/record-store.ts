/**
 * Which store of the browser holds the records: IndexedDB, unless it has never worked on this page, or another page has left
 * a record in `localStorage` because it did not work there. Either is rare; the code for it is loaded where it is needed.
 */
import { loadFeature } from '../core/load-feature.ts';
import type { RecordStore } from '../environment.ts';
import { StorageError } from '../errors.ts';
import { parseJsonObject } from '../oauth/json.ts';
import { createIndexedDbRecordStore } from './indexeddb-record-store.ts';
import type { LocalStorageRecordStoreOptions } from './local-storage-record-store.ts';

export function createRecordStore(options: LocalStorageRecordStoreOptions): RecordStore {
  const { localStorage, timers } = options;
  const indexedDb = createIndexedDbRecordStore(timers);
  let withFallback: RecordStore | undefined;

  return {
    async update(name, step) {
      if (!withFallback) {
        try {
          if (!isLeftBehind(name)) return await indexedDb.update(name, step);
        } catch (error) {
          if (!isNeverWorking(error)) throw error;
        }
        const code = await loadFeature(timers, () => import('./fallback-record-store.ts'));
        withFallback ??= code.createFallbackRecordStore({ ...options, indexedDb, isLeftBehind });
      }
      return withFallback.update(name, step);
    },
    close: () => indexedDb.close(),
  };

  /** Looked at each time: a record that is there is younger than what IndexedDB holds, since nobody goes on there beside it. */
  function isLeftBehind(name: string): boolean {
    try {
      const text = localStorage.get(name);
      return text !== null && parseJsonObject(text)?.record !== undefined;
    } catch {
      return false; // nothing can be kept there
    }
  }
}

/** `unavailable`: nothing has ever worked on this page; `refused`: it has read, and never written. */
const isNeverWorking = (error: unknown): boolean =>
  error instanceof StorageError && (error.reason === 'unavailable' || error.reason === 'refused');
