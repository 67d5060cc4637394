/**
 * Records in IndexedDB: the one store of a browser that is coherent between tabs. `localStorage` is not; a tab that has
 * just been handed a lock still reads old values from it.
 *
 * Each update is one `readwrite` transaction with strict durability, and counts as done when the transaction completes.
 */
import type { Milliseconds } from '../clock.ts';
import { within } from '../core/within.ts';
import type { RecordStore, Timers } from '../environment.ts';
import { StorageError } from '../errors.ts';

const databaseName = 'latchkey';
const databaseVersion = 1;
const storeName = 'records';

/** Opening takes 4 to 19 ms, and an update 1 to 4; what takes this long does not come any more. */
const deadline: Milliseconds = 5000;

export function createIndexedDbRecordStore(timers: Timers): RecordStore {
  let opening: Promise<IDBDatabase> | undefined;
  const forget = () => (opening = undefined);

  return {
    async update(name, step) {
      opening ??= inTime('IndexedDB did not open', connect(forget));
      try {
        return await inTime('an update did not complete', updateIn(await opening, name, step));
      } catch (error) {
        if (error instanceof StorageError) forget(); // the next update opens another connection
        throw error;
      }
    },
    close() {
      void opening?.then(
        (database) => database.close(),
        () => {},
      );
      forget();
    },
  };

  function inTime<T>(what: string, work: Promise<T>): Promise<T> {
    return within(timers, deadline, work, () => new StorageError(`${what} within ${deadline} ms`));
  }
}

function connect(forget: () => void): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) => reject(new StorageError('IndexedDB did not open', cause));
    try {
      const request = indexedDB.open(databaseName, databaseVersion);
      request.onupgradeneeded = () => request.result.createObjectStore(storeName);
      request.onerror = () => fail(request.error);
      request.onsuccess = () => {
        const database = request.result;
        // A page of a later version, or the user's wish to delete the data, must not wait for this page.
        database.onversionchange = () => {
          database.close();
          forget();
        };
        database.onclose = forget;
        resolve(database);
      };
    } catch (cause) {
      fail(cause); // there is no IndexedDB, or it is blocked
    }
  });
}

function updateIn<T>(
  database: IDBDatabase,
  name: string,
  step: (record: unknown) => readonly [record: unknown, result: T],
): Promise<T> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) => reject(new StorageError('an update was refused', cause));
    try {
      const transaction = database.transaction(storeName, 'readwrite', { durability: 'strict' });
      const store = transaction.objectStore(storeName);
      const reading: IDBRequest<unknown> = store.get(name);
      transaction.onabort = () => fail(transaction.error);
      reading.onsuccess = () => {
        try {
          const [record, result] = step(reading.result);
          transaction.oncomplete = () => resolve(result);
          if (record !== reading.result) store.put(record, name);
        } catch (error) {
          reject(error); // the step's own
          transaction.abort();
        }
      };
    } catch (cause) {
      fail(cause); // the connection is closed
    }
  });
}
