/** @jest-environment ./__tests__/support/jsdom-environment.js */
import { afterEach, describe, expect, it } from '@jest/globals';
import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';
import { createIndexedDbRecordStore } from '../../src/browser/indexeddb-record-store.ts';
import { createLocalStorageRecordStore } from '../../src/browser/local-storage-record-store.ts';
import { LocalStorageCache } from '../../src/browser/local-storage-cache.ts';
import { createRecordStore } from '../../src/browser/record-store.ts';
import type { ICache } from '../../src/core/cache.ts';
import { createCacheRecordStore } from '../../src/custody/cache-record-store.ts';
import { createMemoryRecordStore } from '../../src/custody/memory-record-store.ts';
import { createPageLocks } from '../../src/custody/page-locks.ts';
import type { Cookies, RecordStore, TextStorage, Timers } from '../../src/environment.ts';
import { featureLoadFailed } from '../../src/errors.ts';
import { createManualTime } from '../support/manual-timers.ts';
import { createTextStorage, laggingViews } from '../support/world.ts';
import { increment, occupyIndexedDb, pending, recordStoreCases, type Troubles } from './record-store.ts';

const never = { after: () => () => {} };
/** Pauses pass at once, and limits never. */
const pausing: Timers = {
  after(delay, task) {
    if (delay < 100) setImmediate(task);
    return () => {};
  },
};
const still = { steady: () => 0 };

/** Cookies as a page has them. */
function createCookies(jar = new Map<string, string>()): Omit<Cookies, 'names'> {
  return {
    get: (name) => jar.get(name),
    set: (name, value) => void jar.set(name, value),
    remove: (name) => void jar.delete(name),
  };
}

/** A cache that answers late, over entries that every handle shares. */
function lateCache(): ICache {
  const entries = new Map<string, unknown>();
  const later = () => new Promise((resolve) => setImmediate(resolve));
  return {
    async get<T>(key: string) {
      await later();
      return entries.get(key) as T | undefined;
    },
    async set(key, entry) {
      await later();
      entries.set(key, structuredClone(entry));
    },
    async remove(key) {
      await later();
      entries.delete(key);
    },
  };
}

/** Time for a store in trouble: pauses pass at once, and limits when a test says so. */
function createTroubledTime() {
  const time = createManualTime(0, () => new Promise((resolve) => setTimeout(resolve)));
  const timers: Timers = {
    after: (delay, task) => (delay < 100 ? pausing : time.timers).after(delay, task),
  };
  return { timers, pass: () => time.advance(20_000) };
}

/** What is changed about `object`, until the function that is returned is called. */
function altered<T extends object>(object: T, changes: Partial<T>): () => void {
  const former = { ...object };
  Object.assign(object, changes);
  return () => void Object.assign(object, former);
}

const refusing = () => {
  throw new DOMException('full', 'QuotaExceededError');
};

describe.each<[string, () => { open: () => RecordStore; troubles?: Troubles }]>([
  [
    'the page’s heap', // takes all writes, at once
    () => {
      const store = createMemoryRecordStore();
      return { open: () => store };
    },
  ],
  [
    'IndexedDB',
    () => {
      globalThis.indexedDB = new IDBFactory();
      const { timers, pass } = createTroubledTime();
      const refuse = () => {
        const records = IDBObjectStore.prototype;
        const { put } = records;
        records.put = refusing;
        return () => (records.put = put);
      };
      return {
        open: () => createIndexedDbRecordStore(timers),
        troubles: { refuse, stall: occupyIndexedDb, pass },
      };
    },
  ],
  [
    'localStorage with a serial number in a cookie',
    () => {
      const { timers, pass } = createTroubledTime();
      const localStorage = createTextStorage();
      const locks = createPageLocks(timers);
      const shared = { localStorage, cookies: createCookies(), locks, timers };
      return {
        open: () => createLocalStorageRecordStore(shared),
        troubles: {
          refuse: () => altered(localStorage, { set: refusing }),
          async stall(record) {
            const { until, end } = pending();
            void locks.run(`${record}/store`, 1000, () => until);
            return end;
          },
          pass,
        },
      };
    },
  ],
  [
    'a cache of the app’s own',
    () => {
      const { timers, pass } = createTroubledTime();
      let names = 0;
      const cache = lateCache();
      const { set } = cache;
      const shared = { cache, heads: createMemoryRecordStore(), clock: still, timers };
      return {
        open: () => createCacheRecordStore({ ...shared, randomName: () => `name ${names++}` }),
        troubles: {
          refuse: () => altered(cache, { set: refusing }),
          async stall() {
            const { until, end } = pending();
            const restore = altered(cache, { set: (key, entry) => until.then(() => set(key, entry)) });
            return () => {
              restore();
              end();
            };
          },
          pass,
        },
      };
    },
  ],
])('%s, as a store of records', (_, create) => {
  it.each(recordStoreCases.map(({ name, run }) => [name, run] as const))('%s', async (_, run) => {
    const { open, troubles } = create();
    await run(open, troubles);
  });
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

  it('that is busy for too long takes nothing: an update that was given up does not happen later', async () => {
    globalThis.indexedDB = new IDBFactory();
    const time = createManualTime(0, () => new Promise((resolve) => setTimeout(resolve, 5)));
    const store = createIndexedDbRecordStore(time.timers);
    await update(store);
    const other = await new Promise<IDBDatabase>((resolve) => {
      const request = indexedDB.open('latchkey');
      request.onsuccess = () => resolve(request.result);
    });
    let busy = true;
    const occupy = (records: IDBObjectStore) => {
      records.get('b').onsuccess = () => busy && occupy(records);
    };
    occupy(other.transaction('records', 'readwrite').objectStore('records'));
    const call = expect(store.update('a', () => [{ n: 2 }, 'done'])).rejects.toMatchObject(failure);
    await time.advance(5000);
    await call;
    busy = false;
    await expect(
      createIndexedDbRecordStore(never).update('a', (record) => [record, record]),
    ).resolves.toEqual({
      n: 1,
    });
    other.close();
  });

  it('is let go when another page adds something to it, and goes on afterwards', async () => {
    globalThis.indexedDB = new IDBFactory();
    const store = createIndexedDbRecordStore(never);
    await update(store);
    await new Promise<void>((resolve, reject) => {
      const request = indexedDB.open('latchkey', 2);
      request.onsuccess = () => resolve(request.result.close());
      request.onblocked = () => reject(new Error('blocked'));
    });
    await expect(update(store)).resolves.toBe('done');
  });

  it('that somebody else made, without our store, is given one', async () => {
    globalThis.indexedDB = new IDBFactory();
    await new Promise<void>((resolve) => {
      const request = indexedDB.open('latchkey', 7);
      request.onupgradeneeded = () => void request.result.createObjectStore('theirs');
      request.onsuccess = () => resolve(request.result.close());
    });
    await expect(update()).resolves.toBe('done');
    await expect(update()).resolves.toBe('done');
  });

  it('whose connection the browser has closed is opened once more', async () => {
    globalThis.indexedDB = new IDBFactory();
    const store = createIndexedDbRecordStore(never);
    const databases: IDBDatabase[] = [];
    const open = indexedDB.open.bind(indexedDB);
    indexedDB.open = (...named) => {
      const request = open(...named);
      request.addEventListener('success', () => databases.push(request.result));
      return request;
    };
    await update(store);
    for (const database of databases) database.close();
    await expect(update(store)).resolves.toBe('done');
    expect(databases).toHaveLength(2);
  });
});

describe('localStorage with a serial number in a cookie', () => {
  const time = () => createManualTime(0, () => new Promise((resolve) => setImmediate(resolve)));
  function open(ports: Partial<Parameters<typeof createLocalStorageRecordStore>[0]> = {}) {
    const { timers, advance } = time();
    const parts = {
      localStorage: createTextStorage(),
      cookies: createCookies(),
      locks: createPageLocks(timers),
      timers,
      ...ports,
    };
    return { ...parts, advance, store: createLocalStorageRecordStore(parts) };
  }
  const read = (store: RecordStore) => store.update('a', (value) => [value, value]);
  const write = (store: RecordStore, value: unknown) => store.update('a', () => [value, undefined]);

  it('P1: is read again while it shows what was there before the cookie changed', async () => {
    const { localStorage, store, advance } = open();
    await write(store, { n: 1 });
    const stale = localStorage.get('a')!;
    await write(store, { n: 2 });
    const fresh = localStorage.get('a')!;
    localStorage.set('a', stale);
    const reading = read(store);
    await advance(500);
    localStorage.set('a', fresh);
    await advance(20);
    await expect(reading).resolves.toEqual({ n: 2 });
  });

  it.each([
    ['the cookies were cleared', ({ cookies }: ReturnType<typeof open>) => cookies.remove('a', {}), { n: 1 }],
    [
      'localStorage was cleared',
      ({ localStorage }: ReturnType<typeof open>) => localStorage.remove('a'),
      undefined,
    ],
    [
      'it holds what is no record',
      ({ localStorage }: ReturnType<typeof open>) => localStorage.set('a', '{'),
      undefined,
    ],
  ])('has an end where %s', async (_, befall, expected) => {
    const opened = open();
    await write(opened.store, { n: 1 });
    befall(opened);
    const reading = read(opened.store);
    await opened.advance(1000);
    await expect(reading).resolves.toEqual(expected);
  });

  it.each<[string, Partial<TextStorage>]>([
    [
      'cannot be read',
      {
        get: () => {
          throw new Error('no');
        },
      },
    ],
    [
      'is full',
      {
        set: () => {
          throw new Error('no');
        },
      },
    ],
  ])('that %s is a typed error, and nothing has changed', async (_, broken) => {
    const sound = createTextStorage();
    const { store } = open({ localStorage: { ...sound, ...broken } });
    await expect(write(store, { n: 1 })).rejects.toMatchObject({ error: 'storage_error', retryable: true });
    expect(sound.names()).toEqual([]);
  });

  it('P3: that is still read when the caller is told that its turn did not come takes nothing', async () => {
    let grant = () => Promise.resolve<unknown>(undefined);
    const locks = {
      exclusive: true,
      run: <T>(_: string, _limit: number, task: () => Promise<T>) =>
        new Promise<T>((resolve, reject) => {
          grant = () => task().then(resolve, reject);
        }),
    };
    const { store, advance, localStorage, cookies } = open({ locks });
    cookies.set('a', '1', { days: 1 }); // another tab has just written
    const writing = expect(write(store, { n: 1 })).rejects.toMatchObject({ error: 'storage_error' });
    await advance(5900);
    void grant();
    await advance(1000);
    await writing;
    expect(localStorage.names()).toEqual([]);
  });

  it('whose lock cannot be had is a typed error with its cause, and nothing has changed', async () => {
    const cause = featureLoadFailed(new TypeError('Failed to fetch'));
    const { store, localStorage } = open({ locks: { exclusive: false, run: () => Promise.reject(cause) } });
    await expect(write(store, { n: 1 })).rejects.toMatchObject({ error: 'storage_error', cause });
    expect(localStorage.names()).toEqual([]);
  });

  it('P3: whose turn never comes is a typed error, and nothing is written when it comes after all', async () => {
    let grant = () => Promise.resolve<unknown>(undefined);
    const locks = {
      exclusive: true,
      run: <T>(_: string, _limit: number, task: () => Promise<T>) => new Promise<T>(() => (grant = task)),
    };
    const { store, advance, localStorage } = open({ locks });
    const writing = expect(write(store, { n: 1 })).rejects.toMatchObject({ error: 'storage_error' });
    await advance(6000);
    await writing;
    await grant().catch(() => {});
    expect(localStorage.names()).toEqual([]);
  });
});

describe('a cache of the app’s own', () => {
  it('is read again when another tab goes on between the head and its entry', async () => {
    const heads = createMemoryRecordStore();
    const cache = lateCache();
    const shared = { heads, clock: still, timers: pausing };
    let names = 0;
    const randomName = () => `name ${names++}`;
    const other = createCacheRecordStore({ ...shared, cache, randomName });
    await other.update('a', () => [{ n: 1 }, undefined]);
    let interfered = false;
    const interfering: ICache = {
      ...cache,
      async get<T>(key: string) {
        if (key !== 'a' && !interfered) {
          interfered = true;
          await other.update('a', () => [{ n: 2 }, undefined]);
          for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve)); // its removals
        }
        return cache.get<T>(key);
      },
    };
    const store = createCacheRecordStore({ ...shared, cache: interfering, randomName });
    await expect(store.update('a', (value) => [value, value])).resolves.toEqual({ n: 2 });
  });

  /** Tabs over one cache, or each over its own, where a tab sees at once what it wrote, and after `lag` what others did. */
  function lagging({ lag, shared = true }: { lag: number; shared?: boolean }) {
    const time = createManualTime(0, () => new Promise((resolve) => setTimeout(resolve)));
    const heads = createMemoryRecordStore();
    const createView = () => laggingViews(createTextStorage(), lag, time.clock.steady);
    const view = createView();
    let names = 0;
    const open = (ports: Partial<ICache> = {}, coherent = heads) => {
      const cache = new LocalStorageCache((shared ? view : createView())());
      const bare: ICache = {
        get: (key) => cache.get(key),
        set: (key, entry) => cache.set(key, entry),
        remove: (key) => cache.remove(key),
      };
      const randomName = () => `name ${names++}`;
      return createCacheRecordStore({ cache: { ...bare, ...ports }, heads: coherent, ...time, randomName });
    };
    return { ...time, heads, open };
  }

  it('P1: is waited for where it lags behind other tabs, from its first record on', async () => {
    const { open, advance } = lagging({ lag: 300 });
    const turns = [open(), open(), open()].map(async (store) => [
      await increment(store, 'a'),
      await increment(store, 'a'),
    ]);
    await advance(20_000);
    const seen = (await Promise.all(turns)).flat();
    expect(seen.sort((one, other) => one - other)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('of each tab alone has a record of its own, and no tab waits a second time', async () => {
    const { open, advance } = lagging({ lag: 0, shared: false });
    const tabs = Array.from({ length: 10 }, () => open());
    const firsts = tabs.map((store) => increment(store, 'a'));
    await advance(1500);
    expect(await Promise.all(firsts)).toEqual(tabs.map(() => 0));
    expect(await Promise.all(tabs.map((store) => increment(store, 'a')))).toEqual(tabs.map(() => 1));
  });

  it('that is only read is not named', async () => {
    const { open, heads } = lagging({ lag: 0 });
    await expect(open().update('a', (record) => [record, record])).resolves.toBeUndefined();
    await expect(heads.update('a', (pointer) => [pointer, pointer])).resolves.toBeUndefined();
  });

  it('P3: is not named by a page that slept between its turn and its writing', async () => {
    const { open, heads, sleep, advance } = lagging({ lag: 0 });
    let asleep = false;
    const sleepy: RecordStore = {
      ...heads,
      async update(name, step) {
        const result = await heads.update(name, step);
        if (name === 'a' && !asleep && (result as unknown) === true) {
          asleep = true;
          sleep(6000);
          await increment(other, 'a');
        }
        return result;
      },
    };
    const other = open();
    const slept = increment(open({}, sleepy), 'a');
    await advance(1000);
    await expect(slept).resolves.toBe(1);
    await expect(increment(other, 'a')).resolves.toBe(2);
  });

  it('that was emptied has no record, and takes a new one', async () => {
    const entries = new Map<string, unknown>();
    const { open, advance } = lagging({ lag: 0 });
    const store = open({
      get: <T>(key: string) => entries.get(key) as T | undefined,
      set: (key, entry) => void entries.set(key, entry),
    });
    await increment(store, 'a');
    for (const key of entries.keys()) if (key.split('/').length === 3) entries.delete(key);
    const next = increment(store, 'a');
    await advance(1500);
    await expect(next).resolves.toBe(0);
    await expect(increment(store, 'a')).resolves.toBe(1);
  });

  it('that fails is a typed error, and no other tab waits for it', async () => {
    const { open } = lagging({ lag: 0 });
    const full = () => {
      throw new DOMException('full', 'QuotaExceededError');
    };
    await expect(increment(open({ set: full }), 'a')).rejects.toMatchObject({ error: 'storage_error' });
    await expect(increment(open(), 'a')).resolves.toBe(0);
  });
});

describe('the store that a browser has', () => {
  const original = globalThis.indexedDB;
  afterEach(() => {
    globalThis.indexedDB = original;
  });
  function open(localStorage = createTextStorage(), timers = never as Timers) {
    const locks = createPageLocks(timers);
    return {
      localStorage,
      store: createRecordStore({ localStorage, cookies: createCookies(), locks, timers }),
    };
  }
  const update = ({ store }: ReturnType<typeof open>) => store.update('a', () => [{ n: 1 }, 'done']);

  it('is IndexedDB where that works, and nothing else', async () => {
    globalThis.indexedDB = new IDBFactory();
    const opened = open();
    await update(opened);
    expect(opened.localStorage.names()).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['there is none', undefined],
    [
      'it is blocked',
      {
        open: () => {
          throw new DOMException('denied', 'SecurityError');
        },
      },
    ],
  ])('P33: is localStorage where %s', async (_, indexedDB) => {
    globalThis.indexedDB = indexedDB as never;
    const opened = open();
    await expect(update(opened)).resolves.toBe('done');
    expect(opened.localStorage.names()).toEqual(['a']);
    await expect(update(open(opened.localStorage))).resolves.toBe('done');
  });

  it('P33: is the page’s heap where nothing can be stored', async () => {
    globalThis.indexedDB = undefined as never;
    const full = () => {
      throw new DOMException('full', 'QuotaExceededError');
    };
    const opened = open({ ...createTextStorage(), set: full });
    await expect(update(opened)).resolves.toBe('done');
    await expect(opened.store.update('a', (value) => [value, value])).resolves.toEqual({ n: 1 });
  });

  it('is still IndexedDB where that has worked, and fails to open again', async () => {
    globalThis.indexedDB = new IDBFactory();
    const opened = open();
    await update(opened);
    opened.store.close();
    const working = globalThis.indexedDB;
    globalThis.indexedDB = {
      open: () => {
        throw new DOMException('Internal error', 'UnknownError');
      },
    } as never;
    await expect(update(opened)).rejects.toMatchObject({ error: 'storage_error', retryable: true });
    globalThis.indexedDB = working;
    await expect(opened.store.update('a', (record) => [record, record])).resolves.toEqual({ n: 1 });
  });

  it('is still IndexedDB where that is only slow to open', async () => {
    const { timers, advance } = createManualTime(0, () => new Promise((resolve) => setImmediate(resolve)));
    globalThis.indexedDB = { open: () => ({}) } as never;
    const opened = open(createTextStorage(), timers);
    const call = expect(update(opened)).rejects.toMatchObject({ error: 'storage_error', retryable: true });
    await advance(5000);
    await call;
    expect(opened.localStorage.names()).toEqual([]);
  });

  describe('takes over what another page has left in localStorage', () => {
    const custody = (logouts: number) => ({ version: 1, families: {}, moved: [], logouts, unmarked: false });
    const logoutsIn = (store: RecordStore) =>
      store.update('a', (record) => [record, (record as { logouts?: number } | undefined)?.logouts]);

    /** A browser, and a page of it that keeps its record in localStorage. */
    async function leftBehind(record: unknown) {
      globalThis.indexedDB = new IDBFactory();
      const shared = { localStorage: createTextStorage(), cookies: createCookies(), timers: never as Timers };
      // The locks of a page that is gone are free.
      const openPage = () => ({ ...shared, locks: createPageLocks(never) });
      const page = createLocalStorageRecordStore(openPage());
      await page.update('a', () => [record, undefined]);
      return { ...shared, page, openPage, openNext: () => createRecordStore(openPage()) };
    }

    it('though the page that was at it is gone: it had sealed it and not taken it yet', async () => {
      const { openPage, openNext, page } = await leftBehind(custody(1));
      let begun = () => {};
      const sealed = new Promise<void>((resolve) => (begun = resolve));
      void createLocalStorageRecordStore(openPage()).handOver('a', () => {
        begun();
        return new Promise(() => {});
      });
      await sealed;
      await expect(logoutsIn(page)).rejects.toMatchObject({ error: 'storage_error', reason: 'moved' });
      await expect(logoutsIn(openNext())).resolves.toBe(1);
      await expect(logoutsIn(openNext())).resolves.toBe(1);
    });

    it('once, though the page that was at it is gone: it had taken it and not said so yet', async () => {
      const { localStorage, openNext } = await leftBehind(custody(1));
      const before = localStorage.get('a')!;
      const next = openNext();
      await expect(logoutsIn(next)).resolves.toBe(1);
      localStorage.set('a', before.replace('"serial":1', '"serial":3,"sealed":true'));
      await expect(logoutsIn(next)).resolves.toBe(1);
      await expect(logoutsIn(openNext())).resolves.toBe(1);
      expect(localStorage.get('a')).not.toContain('"record"');
    });

    it('but touches nothing of it while its own IndexedDB only hangs', async () => {
      const { page, openPage } = await leftBehind(custody(1));
      const { timers, pass } = createTroubledTime();
      globalThis.indexedDB = { open: () => ({}) } as never;
      const hanging = logoutsIn(createRecordStore({ ...openPage(), timers }));
      const told = expect(hanging).rejects.toMatchObject({ error: 'storage_error', retryable: true });
      await pass();
      await told;
      await expect(logoutsIn(page)).resolves.toBe(1);
    });

    it.each([
      ['goes on on its page where it cannot be written', false],
      ['does not, where it may have been taken before', true],
    ])('later: what %s', async (_, wasSealed) => {
      const { localStorage, openNext, page } = await leftBehind(custody(1));
      const next = openNext();
      const text = localStorage.get('a')!;
      localStorage.remove('a');
      await next.update('a', () => [custody(2), undefined]); // it has written, and stays with IndexedDB
      localStorage.set('a', wasSealed ? text.replace('"serial"', '"sealed":true,"serial"') : text);
      const records = IDBObjectStore.prototype;
      const { put } = records;
      records.put = refusing;
      await expect(logoutsIn(next)).rejects.toMatchObject({ error: 'storage_error' });
      records.put = put;
      const going = logoutsIn(page);
      await (wasSealed
        ? expect(going).rejects.toMatchObject({ reason: 'moved' })
        : expect(going).resolves.toBe(1));
      await expect(logoutsIn(next)).resolves.toBe(3);
    });

    it.each([
      ['younger', 7, 'of localStorage'],
      ['older', 3, 'of IndexedDB'],
    ])('the name that a cache of the app’s own is found by, if it is the %s one', async (_, at, found) => {
      const { localStorage, openNext } = await leftBehind({ to: 'of localStorage', at });
      const text = localStorage.get('a')!;
      localStorage.remove('a');
      const store = openNext();
      await store.update('a', () => [{ to: 'of IndexedDB', at: 5 }, undefined]);
      localStorage.set('a', text);
      const read = store.update('a', (record) => [record, record]);
      await expect(read).resolves.toMatchObject({ to: found });
    });

    it('but nothing of a later version, which its own page goes on with', async () => {
      const { openNext, page } = await leftBehind({ ...custody(1), version: 2 });
      await expect(logoutsIn(openNext())).rejects.toMatchObject({ error: 'storage_error' });
      await expect(logoutsIn(page)).resolves.toBe(1);
    });
  });
});
