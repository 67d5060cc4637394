/** @jest-environment ./__tests__/support/jsdom-environment.js */
import { afterEach, describe, expect, it } from '@jest/globals';
import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';
import { createIndexedDbRecordStore } from '../../src/browser/indexeddb-record-store.ts';
import { createMemoryRecordStore } from '../../src/custody/memory-record-store.ts';
import { createManualTime } from '../support/manual-timers.ts';
import { recordStoreContract } from './record-store.ts';

const never = { after: () => () => {} };

recordStoreContract('the page’s heap', () => {
  const store = createMemoryRecordStore();
  return { open: () => store };
});

recordStoreContract('IndexedDB', () => {
  globalThis.indexedDB = new IDBFactory();
  return { open: () => createIndexedDbRecordStore(never) };
});

describe('IndexedDB', () => {
  const original = globalThis.indexedDB;
  afterEach(() => {
    globalThis.indexedDB = original;
  });
  const failure = { name: 'StorageError', error: 'storage_error', retryable: true };
  const update = (store = createIndexedDbRecordStore(never)) => store.update('a', () => [{ n: 1 }, 'done']);

  it('that is missing is a typed error', async () => {
    globalThis.indexedDB = undefined as never;
    await expect(update()).rejects.toMatchObject(failure);
  });

  it('that is blocked is a typed error', async () => {
    globalThis.indexedDB = {
      open: () => {
        throw new DOMException('denied', 'SecurityError');
      },
    } as never;
    await expect(update()).rejects.toMatchObject(failure);
  });

  it('that never opens is given up after its deadline, and tried again by the next call', async () => {
    const time = createManualTime(0, () => new Promise((resolve) => setImmediate(resolve)));
    const store = createIndexedDbRecordStore(time.timers);
    globalThis.indexedDB = { open: () => ({}) } as never;
    const call = expect(update(store)).rejects.toMatchObject(failure);
    await time.advance(5000);
    await call;
    globalThis.indexedDB = new IDBFactory();
    await expect(update(store)).resolves.toBe('done');
  });

  it('that a later version of the page opens is let go, and an update after that is a typed error', async () => {
    globalThis.indexedDB = new IDBFactory();
    const store = createIndexedDbRecordStore(never);
    await update(store);
    await new Promise<void>((resolve, reject) => {
      const request = indexedDB.open('latchkey', 2);
      request.onsuccess = () => resolve();
      request.onblocked = () => reject(new Error('blocked'));
    });
    await expect(update(store)).rejects.toMatchObject(failure);
  });
});
