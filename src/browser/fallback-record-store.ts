/**
 * Records where IndexedDB does not work on this page, or did not on another one: in `localStorage` with a serial number in
 * a cookie; where nothing can be stored at all, in the page's heap.
 *
 * Pages of one browser may differ in this: IndexedDB may have failed on one of them once. What such a page has left in
 * `localStorage` is followed by all of them:
 *
 * - A page whose IndexedDB works takes it over before it does anything else: the record is sealed in `localStorage`, merged
 *   into IndexedDB, and then gone from `localStorage`, where a word of it stays. A page that dies in between is no loss: the
 *   next one goes on, and merges nothing twice.
 * - The page that lived on it finds it sealed or gone, and goes on with IndexedDB; as long as that does not work there, its
 *   updates fail, and can be tried again. It never takes the record for one that was ended, and spends nothing of it meanwhile.
 *
 * So no refresh token is ever in two records that somebody works on.
 */
import { createMemoryRecordStore } from '../custody/memory-record-store.ts';
import { leavesNothingOf, mergeRecords } from '../custody/merge-records.ts';
import type { RecordStore } from '../environment.ts';
import { StorageError } from '../errors.ts';
import {
  createLocalStorageRecordStore,
  type LocalStorageRecordStoreOptions,
} from './local-storage-record-store.ts';

export interface FallbackRecordStoreOptions extends LocalStorageRecordStoreOptions {
  readonly indexedDb: RecordStore;
  /** There may be a record in `localStorage`. */
  readonly isLeftBehind: (name: string) => boolean;
}

type Step<T> = (record: unknown) => readonly [record: unknown, result: T];

export function createFallbackRecordStore(options: FallbackRecordStoreOptions): RecordStore {
  const { indexedDb, isLeftBehind, localStorage } = options;
  const inLocalStorage = createLocalStorageRecordStore(options);
  /** Where this page's records are, for as long as they are not in IndexedDB. */
  let home: RecordStore | undefined;

  return { update, close: () => indexedDb.close() };

  async function update<T>(name: string, step: Step<T>): Promise<T> {
    if (home) {
      try {
        return await home.update(name, step);
      } catch (error) {
        if (!hasReason(error, 'moved')) throw error;
        home = undefined;
      }
    }
    try {
      if (isLeftBehind(name)) await takeOver(name);
      return await indexedDb.update(name, step);
    } catch (error) {
      if (hasReason(error, 'unavailable')) return settle(name, step);
      if (hasReason(error, 'refused')) return settleBeside(name, step, error);
      throw error;
    }
  }

  async function takeOver(name: string): Promise<void> {
    await readIndexedDb(name); // nothing is sealed where that does not work
    await inLocalStorage.handOver(name, (record, id) =>
      indexedDb.update(name, (held) => [mergeRecords(held, record, id), undefined]),
    );
  }

  function settle<T>(name: string, step: Step<T>): Promise<T> {
    home = canStore() ? inLocalStorage : createMemoryRecordStore();
    return home.update(name, step);
  }

  /**
   * IndexedDB can be read here and not written. Another page may be able to write it; so nothing of what it holds may live on
   * elsewhere. A login or a logout leaves nothing of it.
   */
  async function settleBeside<T>(name: string, step: Step<T>, refusal: unknown): Promise<T> {
    const held = await readIndexedDb(name);
    try {
      return await settle<T>(name, (record) => {
        if (record !== undefined) return step(record); // that is the younger one
        const [next, result] = step(held);
        if (!leavesNothingOf(held, next)) throw refusal;
        return [next, result];
      });
    } catch (error) {
      if (error === refusal) home = undefined;
      throw error;
    }
  }

  function readIndexedDb(name: string): Promise<unknown> {
    return indexedDb.update(name, (record) => [record, record]);
  }

  function canStore(): boolean {
    try {
      const probe = 'latchkey/probe';
      localStorage.set(probe, '.'.repeat(probeLength));
      localStorage.remove(probe);
      return true;
    } catch {
      return false;
    }
  }
}

/** As long as a record of several audiences: a storage that is nearly full would take the first ones only. */
const probeLength = 20_000;

const hasReason = (error: unknown, reason: string): boolean =>
  error instanceof StorageError && error.reason === reason;
