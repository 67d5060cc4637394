/** What a page of a real browser runs: the adapters over the real thing, and the cases that every one of them must pass. */
import { createBrowserEnvironment } from '../../src/browser/environment.ts';
import { createIndexedDbRecordStore } from '../../src/browser/indexeddb-record-store.ts';
import { LocalStorageCache } from '../../src/browser/local-storage-cache.ts';
import { createLocalStorageRecordStore } from '../../src/browser/local-storage-record-store.ts';
import { createRecordStore } from '../../src/browser/record-store.ts';
import { createCacheRecordStore } from '../../src/custody/cache-record-store.ts';
import type { RecordStore, Timers } from '../../src/environment.ts';
import {
  increment,
  occupyIndexedDb,
  pending,
  recordStoreCases,
  type Troubles,
} from '../contracts/record-store.ts';

/** How many times faster than the page's the stores' limits are: nobody wants to wait for them. */
let haste = 1;
const browser = createBrowserEnvironment();
const timers: Timers = { after: (delay, task) => browser.timers.after(delay / haste, task) };
const environment = { ...browser, timers };
const { clock } = environment;
const randomName = () => crypto.randomUUID();

/** The app's own cache, and what befalls it. */
const cache = new LocalStorageCache();
let beforeSet = (): void | Promise<void> => {};
const troubledCache = {
  get: <T>(key: string) => cache.get<T>(key),
  set: async (key: string, entry: unknown) => {
    await beforeSet();
    cache.set(key, entry);
  },
  remove: (key: string) => cache.remove(key),
};

export const stores = {
  IndexedDB: () => createIndexedDbRecordStore(timers),
  'localStorage with a serial number in a cookie': () => createLocalStorageRecordStore(environment),
  'a cache of the app’s own': () =>
    createCacheRecordStore({
      cache: troubledCache,
      heads: createIndexedDbRecordStore(timers),
      clock,
      timers,
      randomName,
    }),
  'whatever the browser has': () => createRecordStore(environment),
} satisfies Record<string, () => RecordStore>;

const full = (): never => {
  throw new DOMException('full', 'QuotaExceededError');
};

/** Replaces a method, until the function that is returned is called. */
function replaced<T extends object, K extends keyof T>(object: T, name: K, method: T[K]): () => void {
  const former = object[name];
  object[name] = method;
  return () => void (object[name] = former);
}

const refusals = {
  IndexedDB: () => replaced(IDBObjectStore.prototype, 'put', full),
  'localStorage with a serial number in a cookie': () => replaced(Storage.prototype, 'setItem', full),
  'a cache of the app’s own': () => {
    beforeSet = full;
    return () => (beforeSet = () => {});
  },
};

const stalls = {
  IndexedDB: occupyIndexedDb,
  'localStorage with a serial number in a cookie': async (record: string) => {
    const { until, end } = pending();
    void environment.locks.run(`${record}/store`, 1000, () => until);
    return end;
  },
  'a cache of the app’s own': async () => {
    const { until, end } = pending();
    beforeSet = () => until;
    return () => {
      beforeSet = () => {};
      end();
    };
  },
};

type ContractStore = keyof typeof refusals;

const troublesOf = (store: ContractStore, scope: string): Troubles => ({
  refuse: refusals[store],
  async stall(record) {
    const end = await stalls[store](`${scope}/${record}`);
    haste = 20;
    return () => {
      haste = 1;
      end();
    };
  },
  pass: () => new Promise((resolve) => setTimeout(resolve, 600)), // 12 s of those in haste
});

/** @param scope sets the names of one run apart from those of another. @throws what the case throws */
export async function runCase(store: ContractStore, name: string, scope: string): Promise<void> {
  const found = recordStoreCases.find((candidate) => candidate.name === name);
  if (!found) throw new Error(`there is no case "${name}"`);
  const open = (): RecordStore => {
    const opened: RecordStore = stores[store]();
    return {
      update: (record, step) => opened.update(`${scope}/${record}`, step),
      close: () => opened.close(),
    };
  };
  await found.run(open, troublesOf(store, scope));
}

/** Turns of one tab among several. */
export async function takeTurns(store: keyof typeof stores, turns: number): Promise<void> {
  const opened = stores[store]();
  for (let turn = 0; turn < turns; turn++) await increment(opened, 'turns');
}

export const turnsTaken = (store: keyof typeof stores): Promise<number> =>
  increment(stores[store](), 'turns');

export const isInLocalStorage = (record: string): boolean => localStorage.getItem(record) !== null;
