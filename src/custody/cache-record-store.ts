/**
 * Records in a cache of the app's own, for apps that want their secrets nowhere else. Such a cache promises nothing about
 * tabs; so every version of a record is an entry of its own that is never written again, and a store that is coherent
 * decides which of them counts. That store holds a random name and no secret.
 *
 * Several tabs may share one cache, or each may have its own: an entry of the cache itself says which record is its.
 */
import type { Milliseconds } from '../clock.ts';
import type { ICache } from '../core/cache.ts';
import { within } from '../core/within.ts';
import type { Locks, RecordStore, Timers } from '../environment.ts';
import { StorageError } from '../errors.ts';

/** What the cache may take for one answer, and a tab for naming the record. */
const limit: Milliseconds = 5000;

/** How often a change is tried again because another tab was first. One of them is first each time, so this is many tabs. */
const attempts = 100;

export interface CacheRecordStoreOptions {
  readonly cache: ICache;
  /** The coherent store. */
  readonly heads: RecordStore;
  readonly locks: Locks;
  readonly timers: Timers;
  readonly randomName: () => string;
}

export function createCacheRecordStore(options: CacheRecordStoreOptions): RecordStore {
  const { cache, heads, locks, timers, randomName } = options;
  let last: Promise<unknown> = Promise.resolve();

  return {
    update(name, step) {
      const turn = last.then(() => updateWhenFirst(name, step)); // no page is a rival to itself
      last = turn.catch(() => {});
      return turn;
    },
    close: () => heads.close(),
  };

  async function updateWhenFirst<T>(
    name: string,
    step: (record: unknown) => readonly [record: unknown, result: T],
  ): Promise<T> {
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const place = `${name}/${await idOf(name)}`;
      const head = await heads.update(place, (current) => [current, current]);
      const entry = typeof head === 'string' ? await get(`${place}/${head}`) : undefined;
      // Between the two reads another tab may have gone on, and removed what it had superseded.
      if (entry === undefined && (await heads.update(place, (current) => [current, current])) !== head)
        continue;
      const [record, result] = step(entry);
      if (record === entry) return result;
      const next = randomName();
      await ask(() => cache.set(`${place}/${next}`, record));
      const won = await heads.update(place, (current) =>
        current === head ? [next, true] : [current, false],
      );
      const superseded = won ? head : next;
      if (typeof superseded === 'string') void drop(`${place}/${superseded}`);
      if (won) return result;
    }
    throw new StorageError('other tabs kept changing the record');
  }

  /** Which record this cache's is. Named once, by one tab at a time. */
  async function idOf(name: string): Promise<string> {
    const known = await get(name);
    if (typeof known === 'string') return known;
    const choose = async () => {
      const meanwhile = await get(name);
      if (typeof meanwhile === 'string') return meanwhile;
      const id = randomName();
      await ask(() => cache.set(name, id));
      return id;
    };
    const late = () => new StorageError('the lock did not answer');
    return within(timers, limit, locks.run(`${name}/id`, limit, choose), late).catch(choose); // locks may not work
  }

  async function get(key: string): Promise<unknown> {
    return (await ask<unknown>(() => cache.get(key))) ?? undefined;
  }

  /** An entry that stays is litter, and harms nobody: no head points to it. */
  async function drop(key: string): Promise<void> {
    await ask(() => cache.remove(key)).catch(() => {});
  }

  async function ask<T>(action: () => T | Promise<T>): Promise<T> {
    const late = () => new StorageError(`the cache did not answer within ${limit} ms`);
    try {
      return await within(timers, limit, Promise.resolve(action()), late);
    } catch (error) {
      throw error instanceof StorageError ? error : new StorageError('the cache failed', error);
    }
  }
}
