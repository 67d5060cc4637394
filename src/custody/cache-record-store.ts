/**
 * Records in a cache of the app's own, for apps that want their secrets nowhere else. Such a cache promises nothing about
 * tabs; so every version of a record is an entry of its own that is never written again, and a store that is coherent
 * decides which of them counts. That store holds a random name and no secret.
 *
 * Several tabs may share one cache, or each may have its own: an entry of the cache itself says which record is its.
 */
import type { Milliseconds } from '../clock.ts';
import type { ICache } from '../core/cache.ts';
import { patiently, pause } from '../core/patience.ts';
import { within } from '../core/within.ts';
import type { PageClock, RecordStore, Timers } from '../environment.ts';
import { StorageError } from '../errors.ts';

/** What the cache may take for one answer. */
const limit: Milliseconds = 5000;

/** How long a cache may go on to show a tab what was there before another tab wrote. `localStorage` does, for milliseconds. */
const lagLimit: Milliseconds = 1000;
const lagPause: Milliseconds = 20;

/** How often a change is tried again because another tab was first. One of them is first each time, so this is many tabs. */
const attempts = 100;

export interface CacheRecordStoreOptions {
  readonly cache: ICache;
  /** The coherent store. */
  readonly heads: RecordStore;
  readonly clock: Pick<PageClock, 'steady'>;
  readonly timers: Timers;
  readonly randomName: () => string;
}

/** What the coherent store holds: a name, and when it was given, by the steady clock. */
interface Pointer {
  readonly to: string;
  readonly at: Milliseconds;
  /** The cache has yet to be told. */
  readonly pending?: boolean;
}

export function createCacheRecordStore(options: CacheRecordStoreOptions): RecordStore {
  const { cache, heads, clock, timers, randomName } = options;
  const answerOf = patiently(
    timers,
    limit,
    () => new StorageError(`the cache did not answer within ${limit} ms`),
  );
  let last: Promise<unknown> = Promise.resolve();
  /** How long a name has been waited for: once is enough, since a cache that shows none by then is this tab's alone. */
  let waited: Milliseconds = 0;

  return {
    update(name, step) {
      // No page is a rival to itself; but where the cache hangs, it need not wait for itself either.
      const turn = within(timers, limit, last, () => new Error('it takes too long'))
        .catch(() => {})
        .then(() => updateWhenFirst(name, step));
      last = turn;
      return turn;
    },
    close: () => heads.close(),
  };

  async function updateWhenFirst<T>(
    name: string,
    step: (record: unknown) => readonly [record: unknown, result: T],
  ): Promise<T> {
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const id = await idOf(name);
      if (id === undefined) {
        const [record, result] = step(undefined);
        if (record === undefined) return result; // nothing to write, and nothing to name
        await nameRecord(name);
        continue;
      }
      const place = `${name}/${id}`;
      const head = await pointer(place);
      const entry = head && (await get(`${place}/${head.to}`));
      if (head && entry === undefined) {
        // It has yet to arrive; or another tab has gone on meanwhile, and removed what it superseded.
        const latest = await pointer(place);
        if (latest?.to !== head.to || isRecent(latest)) {
          await pause(timers, lagPause);
          continue;
        }
      }
      const [record, result] = step(entry);
      if (record === entry) return result;
      const next: Pointer = { to: randomName(), at: clock.steady() };
      await ask(() => cache.set(`${place}/${next.to}`, record));
      const won = await heads.update(place, (current) =>
        asPointer(current)?.to === head?.to ? [next, true] : [current, false],
      );
      const superseded = won ? head : next;
      if (superseded) void drop(`${place}/${superseded.to}`);
      if (won) return result;
    }
    throw new StorageError('other tabs kept changing the record');
  }

  /**
   * Which record this cache's is; `undefined`: none yet. A tab that finds no name soon after another tab has given one waits
   * until the cache shows it, or may be taken for a cache of this tab alone.
   */
  async function idOf(name: string): Promise<string | undefined> {
    for (;;) {
      const known = await get(name);
      const { record } = Object(known) as { record?: unknown };
      if (typeof record === 'string') return record;
      if (!mayComeYet(await pointer(name))) return undefined;
      waited += lagPause;
      await pause(timers, lagPause);
    }
  }

  function mayComeYet(other: Pointer | undefined): boolean {
    return other !== undefined && isRecent(other) && (other.pending === true || waited < lagLimit);
  }

  /** Names this cache's record, unless another tab is just doing that. */
  async function nameRecord(name: string): Promise<void> {
    const own: Pointer = { to: randomName(), at: clock.steady(), pending: true };
    const isFirst = await heads.update(name, (current) =>
      mayComeYet(asPointer(current)) ? [current, false] : [own, true],
    );
    if (!isFirst || !isRecent(own)) return; // a page that slept meanwhile is not first any more
    let named: Pointer | undefined;
    try {
      await ask(() => cache.set(name, { record: own.to })); // an object: a cache may look into what it is given
      named = { to: own.to, at: clock.steady() };
    } finally {
      await heads.update(name, (current) => [asPointer(current)?.to === own.to ? named : current, undefined]);
    }
  }

  function pointer(place: string): Promise<Pointer | undefined> {
    return heads.update(place, (current) => [current, asPointer(current)]);
  }

  function isRecent({ at, pending }: Pointer): boolean {
    return Math.abs(clock.steady() - at) < (pending ? limit : lagLimit);
  }

  async function get(key: string): Promise<unknown> {
    return (await ask<unknown>(() => cache.get(key))) ?? undefined;
  }

  /** An entry that stays is litter, and harms nobody: no head points to it. */
  async function drop(key: string): Promise<void> {
    await ask(() => cache.remove(key)).catch(() => {});
  }

  async function ask<T>(action: () => T | Promise<T>): Promise<T> {
    try {
      return await answerOf(Promise.resolve(action()));
    } catch (error) {
      throw error instanceof StorageError ? error : new StorageError('the cache failed', error);
    }
  }
}

function asPointer(stored: unknown): Pointer | undefined {
  return typeof stored === 'object' && stored !== null ? (stored as Pointer) : undefined;
}
