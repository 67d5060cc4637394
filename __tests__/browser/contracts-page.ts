/** What a page of a real browser runs: the adapters over the real thing, and the cases that every one of them must pass. */
import { createBrowserEnvironment } from '../../src/browser/environment.ts';
import { createIndexedDbRecordStore } from '../../src/browser/indexeddb-record-store.ts';
import { LocalStorageCache } from '../../src/browser/local-storage-cache.ts';
import { createLocalStorageRecordStore } from '../../src/browser/local-storage-record-store.ts';
import { createCacheRecordStore } from '../../src/custody/cache-record-store.ts';
import type { RecordStore } from '../../src/environment.ts';
import { increment, recordStoreCases } from '../contracts/record-store.ts';

const environment = createBrowserEnvironment();
const { clock, timers } = environment;
const randomName = () => crypto.randomUUID();

export const stores = {
  IndexedDB: () => createIndexedDbRecordStore(timers),
  'localStorage with a serial number in a cookie': () => createLocalStorageRecordStore(environment),
  'a cache of the app’s own': () =>
    createCacheRecordStore({
      cache: new LocalStorageCache(),
      heads: createIndexedDbRecordStore(timers),
      clock,
      timers,
      randomName,
    }),
} satisfies Record<string, () => RecordStore>;

export const caseNames = recordStoreCases.map(({ name }) => name);

/** @param scope sets the names of one run apart from those of another. @throws what the case throws */
export async function runCase(store: keyof typeof stores, name: string, scope: string): Promise<void> {
  const found = recordStoreCases.find((candidate) => candidate.name === name);
  if (!found) throw new Error(`there is no case "${name}"`);
  const open = (): RecordStore => {
    const opened: RecordStore = stores[store]();
    return {
      update: (record, step) => opened.update(`${scope}/${record}`, step),
      close: () => opened.close(),
    };
  };
  await found.run(open);
}

/** Turns of one tab among several. */
export async function takeTurns(store: keyof typeof stores, turns: number): Promise<void> {
  const opened = stores[store]();
  for (let turn = 0; turn < turns; turn++) await increment(opened, 'turns');
}

export const turnsTaken = (store: keyof typeof stores): Promise<number> =>
  increment(stores[store](), 'turns');
