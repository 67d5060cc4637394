import { describe, expect, it } from '@jest/globals';
import type { RecordStore } from '../../src/environment.ts';

/** What every store of records promises. `open` gives another handle on the same records, as another tab would have. */
export function recordStoreContract(name: string, create: () => { open(): RecordStore }): void {
  const read = (store: RecordStore, record: string) => store.update(record, (value) => [value, value]);
  const write = (store: RecordStore, record: string, value: unknown) =>
    store.update(record, () => [value, undefined]);

  describe(`${name}, as a store of records`, () => {
    it('has nothing at first', async () => {
      await expect(read(create().open(), 'a')).resolves.toBeUndefined();
    });

    it('gives back what was written, by name', async () => {
      const store = create().open();
      await write(store, 'a', { version: 1 });
      await write(store, 'b', { version: 2 });
      await expect(read(store, 'a')).resolves.toEqual({ version: 1 });
      await expect(read(store, 'b')).resolves.toEqual({ version: 2 });
    });

    it('shows a completed write to every handle', async () => {
      const { open } = create();
      await write(open(), 'a', { version: 1 });
      await expect(read(open(), 'a')).resolves.toEqual({ version: 1 });
    });

    it('returns what the step told', async () => {
      await expect(
        create()
          .open()
          .update('a', () => [{ n: 1 }, 'told']),
      ).resolves.toBe('told');
    });

    it('loses no update among a hundred at once from five handles', async () => {
      const { open } = create();
      const stores = Array.from({ length: 5 }, open);
      const count = (value: unknown) => (value as { n: number } | undefined)?.n ?? 0;
      const seen = await Promise.all(
        Array.from({ length: 100 }, (_, turn) =>
          stores[turn % 5]!.update('a', (value) => [{ n: count(value) + 1 }, count(value)]),
        ),
      );
      expect([...seen].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, n) => n));
    });

    it('passes on what a step throws, writes nothing, and goes on', async () => {
      const store = create().open();
      await write(store, 'a', { n: 1 });
      const failure = new TypeError('no');
      await expect(
        store.update('a', () => {
          throw failure;
        }),
      ).rejects.toBe(failure);
      await expect(read(store, 'a')).resolves.toEqual({ n: 1 });
    });
  });
}
