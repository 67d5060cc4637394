import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';
import { createIndexedDbRecordStore } from '../../src/browser/indexeddb-record-store.ts';
import type { RecordStore } from '../../src/environment.ts';
import { newerFormat } from '../../src/errors.ts';

const open = () => createIndexedDbRecordStore({ after: () => () => {} });
/** Its time is over before anything can answer. */
const openImpatiently = () =>
  createIndexedDbRecordStore({
    after(_, task) {
      queueMicrotask(task);
      return () => {};
    },
  });
const read = (store: RecordStore) => store.update('a', (record) => [record, record]);
const write = (store: RecordStore, record: unknown) => store.update('a', () => [record, 'done']);

beforeEach(() => {
  globalThis.indexedDB = new IDBFactory();
});
afterEach(() => {
  jest.restoreAllMocks();
});

describe('an update in IndexedDB', () => {
  it('asks for strict durability: what is done has reached the disk', async () => {
    const begun = jest.spyOn(IDBDatabase.prototype, 'transaction');
    await write(open(), { n: 1 });
    expect(begun.mock.lastCall).toEqual(['records', 'readwrite', { durability: 'strict' }]);
  });

  it('that changes nothing writes nothing', async () => {
    const store = open();
    await write(store, { n: 1 });
    const put = jest.spyOn(IDBObjectStore.prototype, 'put');
    await expect(read(store)).resolves.toEqual({ n: 1 });
    expect(put).not.toHaveBeenCalled();
  });

  it('is not done before its transaction is: aborted after the write, it is a typed error at once', async () => {
    const store = open();
    await write(store, { n: 1 });
    const { put } = IDBObjectStore.prototype;
    jest.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(function (this: IDBObjectStore, ...args) {
      const request = put.apply(this, args);
      request.onsuccess = () => this.transaction.abort(); // as a full disk does
      return request;
    });
    await expect(write(store, { n: 2 })).rejects.toMatchObject({ error: 'storage_error', retryable: true });
    await expect(read(store)).resolves.toEqual({ n: 1 });
  });

  it('begins anew once where the browser has closed the connection, not again and again', async () => {
    const { transaction } = IDBDatabase.prototype;
    let begun = 0;
    jest.spyOn(IDBDatabase.prototype, 'transaction').mockImplementation(function (
      this: IDBDatabase,
      ...args
    ) {
      if (args[1] === 'readwrite' && ++begun <= 5) throw new DOMException('closing', 'InvalidStateError');
      return transaction.apply(this, args);
    });
    await expect(write(open(), { n: 1 })).rejects.toMatchObject({ error: 'storage_error' });
    expect(begun).toBe(2);
  });

  it.each<[string, () => RecordStore, (store: RecordStore) => Promise<unknown>]>([
    [
      'is refused',
      open,
      (store) => {
        jest.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(() => {
          throw new DOMException('full', 'QuotaExceededError');
        });
        return write(store, { n: 2 });
      },
    ],
    [
      'finds what it cannot read',
      open,
      (store) =>
        store.update('a', () => {
          throw newerFormat(2, 1);
        }),
    ],
    ['finds that it takes too long to open', openImpatiently, read],
  ])('that %s leaves no connection open', async (_, create, fail) => {
    const [opened, closed] = [jest.spyOn(indexedDB, 'open'), jest.spyOn(IDBDatabase.prototype, 'close')];
    const store = create();
    for (let n = 0; n < 5; n++) await expect(fail(store)).rejects.toMatchObject({ error: 'storage_error' });
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(opened).toHaveBeenCalledTimes(5);
    expect(closed).toHaveBeenCalledTimes(5);
  });
});
