/**
 * Records in IndexedDB: the one store of a browser that is coherent between tabs. `localStorage` is not; a tab that has
 * just been handed a lock still reads old values from it.
 *
 * Each update is one `readwrite` transaction with strict durability, and counts as done when the transaction completes.
 * One that has not completed in time is aborted, so that nothing of it happens later; only where it was just committing it
 * may have happened.
 */
import type { Milliseconds } from '../clock.ts';
import { within } from '../core/within.ts';
import type { RecordStore, Timers } from '../environment.ts';
import { StorageError } from '../errors.ts';

const databaseName = 'latchkey';
const storeName = 'records';

/** Opening takes 4 to 19 ms, and an update 1 to 4; what takes this long does not come any more. */
const deadline: Milliseconds = 5000;

/** What a failure tells, where nothing like it has ever worked on this page: reading and all that comes before, and writing. */
const reasons = ['unavailable', 'refused'] as const;

export function createIndexedDbRecordStore(timers: Timers): RecordStore {
  let opening: Promise<IDBDatabase> | undefined;
  /** How many of these have worked. */
  let worked = 0;
  const reasonAt = (stage: 0 | 1) => (worked > stage ? undefined : reasons[stage]);
  const forget = () => (opening = undefined);

  return {
    async update(name, step) {
      for (let attempt = 1; ; attempt++) {
        const connection = (opening ??= connect());
        try {
          const late = () => tooLate('IndexedDB did not open');
          const database = await within(timers, deadline, connection, late);
          const { done, abort } = updateIn(database, name, step);
          return await within(timers, deadline, done, () => {
            abort();
            return tooLate('an update did not complete');
          });
        } catch (error) {
          if (!(error instanceof StorageError)) throw error;
          drop(connection); // the next update opens another one
          // The browser had closed it: nothing was begun, so it may begin anew.
          if (error.reason !== 'closed' || attempt > 1) throw error;
        }
      }
    },
    close() {
      if (opening) drop(opening);
    },
  };

  /** Closes it, however late it opens; transactions that it has begun go on. */
  function drop(connection: Promise<IDBDatabase>): void {
    if (opening === connection) forget();
    void connection.then(
      (database) => database.close(),
      () => {},
    );
  }

  /**
   * Opens the database at whatever version it has. One without our store was made by somebody else, or its making was
   * interrupted: the store is added.
   */
  function connect(version?: number): Promise<IDBDatabase> {
    return new Promise((resolve, reject) => {
      const fail = (cause: unknown) =>
        reject(
          new StorageError('IndexedDB did not open', cause, version === undefined ? reasonAt(0) : undefined),
        );
      try {
        const request = indexedDB.open(databaseName, version);
        request.onupgradeneeded = () => {
          if (!request.result.objectStoreNames.contains(storeName))
            request.result.createObjectStore(storeName);
        };
        request.onerror = () => fail(request.error);
        request.onsuccess = () => {
          const database = request.result;
          if (!database.objectStoreNames.contains(storeName)) {
            database.close();
            return resolve(connect(database.version + 1));
          }
          // A page that adds something, or the user's wish to delete the data, must not wait for this page.
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
  ): { readonly done: Promise<T>; readonly abort: () => void } {
    let transaction: IDBTransaction | undefined;
    const done = new Promise<T>((resolve, reject) => {
      let stage: 0 | 1 = 0;
      const fail = (cause: unknown, reason: string | undefined = reasonAt(stage)) =>
        reject(new StorageError('an update was refused', cause, reason));
      try {
        transaction = database.transaction(storeName, 'readwrite', { durability: 'strict' });
      } catch (cause) {
        return fail(cause, 'closed');
      }
      const store = transaction.objectStore(storeName);
      store.transaction.onabort = () => fail(store.transaction.error);
      const reading: IDBRequest<unknown> = store.get(name);
      reading.onsuccess = () => {
        let failed = reject; // the step's own error
        try {
          const [record, result] = step(reading.result);
          store.transaction.oncomplete = () => {
            worked = Math.max(worked, stage + 1);
            resolve(result);
          };
          if (record === reading.result) return;
          stage = 1;
          failed = fail;
          store.put(record, name);
        } catch (error) {
          failed(error);
          store.transaction.abort();
        }
      };
    });
    const abort = () => {
      try {
        transaction?.abort();
      } catch {
        // It is over, or committing.
      }
    };
    return { done, abort };
  }
}

const tooLate = (what: string): StorageError =>
  new StorageError(`${what} within ${deadline} ms`, undefined, 'late');
