import { describe, expect, it } from '@jest/globals';
import type { ICache } from '../../src/core/cache.ts';
import { createCacheRecordStore } from '../../src/custody/cache-record-store.ts';
import { createMemoryRecordStore } from '../../src/custody/memory-record-store.ts';
import { createManualTime } from '../support/manual-timers.ts';
import { increment } from './record-store.ts';

/** Tabs over one cache, whose whims are each tab's own, and one coherent store. */
function tabs() {
  const rest = async () => {
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  const time = createManualTime(0, rest);
  const heads = createMemoryRecordStore();
  const entries = new Map<string, unknown>();
  let names = 0;
  const open = (whims: Partial<ICache> = {}) => {
    const cache: ICache = {
      get: <T>(key: string) => entries.get(key) as T | undefined,
      set: (key, entry) => void entries.set(key, entry),
      remove: (key) => void entries.delete(key),
      ...whims,
    };
    return createCacheRecordStore({ ...time, cache, heads, randomName: () => `name ${names++}` });
  };
  return { ...time, rest, entries, open };
}

describe('a record in a cache of the app’s own', () => {
  it('is named once, however long that takes and whatever else was waited for', async () => {
    const { timers, advance, entries, open } = tabs();
    const slow = open({
      async set(key, entry) {
        if (key === 'b') await new Promise<void>((resolve) => void timers.after(3000, resolve));
        entries.set(key, entry);
      },
    });
    const first = increment(slow, 'b');
    await advance(100);
    const second = increment(open(), 'b');
    await advance(10_000);
    await expect(Promise.all([first, second])).resolves.toEqual([0, 1]);
  });

  it('that another tab has just gone on with is waited for where the cache says null for what has yet to arrive', async () => {
    const { advance, entries, open } = tabs();
    await increment(open(), 'a');
    const [place, record] = [...entries].find(([key]) => key !== 'a')!;
    entries.delete(place); // it shows up later
    const call = increment(open({ get: <T>(key: string) => (entries.get(key) ?? null) as T }), 'a');
    await advance(300);
    entries.set(place, record);
    await advance(1000);
    await expect(call).resolves.toBe(1);
  });

  it('leaves no entry behind of a tab that came second', async () => {
    const { advance, entries, rest, open } = tabs();
    const first = open();
    await increment(first, 'a');
    let outrun = false;
    const second = open({
      async set(key, entry) {
        entries.set(key, entry);
        if (outrun) return;
        outrun = true;
        await increment(first, 'a');
      },
    });
    const call = increment(second, 'a');
    await advance(1000);
    await expect(call).resolves.toBe(2);
    await rest();
    expect([...entries.values()]).toEqual([{ record: expect.any(String) }, { n: 3 }]);
  });
});
