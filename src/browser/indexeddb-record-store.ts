/**
 * Records in IndexedDB: the one store of a browser that is coherent between tabs. `localStorage` is not; a tab that has
 * just been handed a lock still reads old values from it.
 *
 * Each update is one `readwrite` transaction with strict durability, and counts as done when the transaction completes.
 */
import type { Milliseconds } from '../clock.ts';
import type { RecordStore, Timers } from '../environment.ts';
import { StorageError } from '../errors.ts';

const databaseName = 'latchkey';
const databaseVersion = 1;
const storeName = 'records';

/** Opening takes 4 to 19 ms, and an update 1 to 4; what takes this long does not come any more. */
const deadline: Milliseconds = 5000;

export function createIndexedDbRecordStore(timers: Timers): RecordStore {
  let opening: Promise<IDBDatabase> | undefined;

  return {
    async update(name, step) {
      const database = await open();
      return inTime('an update did not complete', (resolve, reject) => {
        const transaction = begin(database);
        const store = transaction.objectStore(storeName);
        const reading: IDBRequest<unknown> = store.get(name);
        reading.onsuccess = () => {
          try {
            const [record, result] = step(reading.result);
            transaction.oncomplete = () => resolve(result);
            if (record !== reading.result) store.put(record, name);
          } catch (error) {
            reject(error);
            transaction.abort();
          }
        };
        transaction.onabort = () => reject(new StorageError('an update was aborted', transaction.error));
      });
    },
  };

  function begin(database: IDBDatabase): IDBTransaction {
    try {
      return database.transaction(storeName, 'readwrite', { durability: 'strict' });
    } catch (cause) {
      opening = undefined; // the connection was closed; the next update opens another one
      throw new StorageError('the connection to IndexedDB is closed', cause);
    }
  }

  function open(): Promise<IDBDatabase> {
    opening ??= connect().catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  }

  function connect(): Promise<IDBDatabase> {
    return inTime('IndexedDB did not open', (resolve, reject) => {
      if (typeof indexedDB === 'undefined') throw new StorageError('there is no IndexedDB');
      const request = indexedDB.open(databaseName, databaseVersion);
      request.onupgradeneeded = () => request.result.createObjectStore(storeName);
      request.onerror = () => reject(new StorageError('IndexedDB did not open', request.error));
      request.onsuccess = () => {
        const database = request.result;
        // A page of a later version, or the user's wish to delete the data, must not wait for this page.
        database.onversionchange = () => {
          database.close();
          opening = undefined;
        };
        database.onclose = () => (opening = undefined);
        resolve(database);
      };
    });
  }

  function inTime<T>(
    what: string,
    work: (resolve: (value: T) => void, reject: (error: unknown) => void) => void,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const callOff = timers.after(deadline, () => reject(new StorageError(`${what} within ${deadline} ms`)));
      const settle =
        <V>(how: (value: V) => void) =>
        (value: V) => {
          callOff();
          how(value);
        };
      const fail = settle(reject);
      try {
        work(settle(resolve), fail);
      } catch (error) {
        fail(error instanceof StorageError ? error : new StorageError(what, error));
      }
    });
  }
}
