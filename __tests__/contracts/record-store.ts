/**
 * What every store of records promises, as cases that run anywhere: under Jest over stand-ins, and in a page of a real
 * browser over the real thing.
 */
import type { RecordStore } from '../../src/environment.ts';

export interface ContractCase {
  readonly name: string;
  /** @param open gives another handle on the same records, as another tab would have. @throws when the promise is broken */
  run(open: () => RecordStore): Promise<void>;
}

const read = (store: RecordStore, record: string) => store.update(record, (value) => [value, value]);
const write = (store: RecordStore, record: string, value: unknown) =>
  store.update(record, () => [value, undefined]);
const count = (value: unknown) => (value as { n: number } | undefined)?.n ?? 0;
export const increment = (store: RecordStore, record: string): Promise<number> =>
  store.update(record, (value) => [{ n: count(value) + 1 }, count(value)]);

function same(found: unknown, expected: unknown): void {
  const [one, other] = [JSON.stringify(found), JSON.stringify(expected)];
  if (one !== other) throw new Error(`expected ${other}, found ${one}`);
}

export const recordStoreCases: readonly ContractCase[] = [
  {
    name: 'has nothing at first',
    run: async (open) => same(await read(open(), 'a'), undefined),
  },
  {
    name: 'gives back what was written, by name',
    async run(open) {
      const store = open();
      await write(store, 'a', { version: 1, nested: { list: [1, 'two', null] } });
      await write(store, 'b/%2F=;', { version: 2 });
      same(await read(store, 'a'), { version: 1, nested: { list: [1, 'two', null] } });
      same(await read(store, 'b/%2F=;'), { version: 2 });
    },
  },
  {
    name: 'shows a completed write to every handle',
    async run(open) {
      await write(open(), 'a', { version: 1 });
      same(await read(open(), 'a'), { version: 1 });
      await write(open(), 'a', { version: 2 });
      same(await read(open(), 'a'), { version: 2 });
    },
  },
  {
    name: 'returns what the step told',
    run: async (open) => same(await open().update('a', () => [{ n: 1 }, 'told']), 'told'),
  },
  {
    name: 'shows the step the latest record, and writes nothing when it gets the same back',
    async run(open) {
      const store = open();
      await write(store, 'a', { n: 1 });
      await store.update('a', (value) => [value, undefined]);
      same(await read(open(), 'a'), { n: 1 });
    },
  },
  {
    name: 'loses no update among a hundred at once from five handles',
    async run(open) {
      const stores = Array.from({ length: 5 }, open);
      const turns = Array.from({ length: 100 }, (_, turn) => increment(stores[turn % 5] as RecordStore, 'a'));
      const seen = await Promise.all(turns);
      same(
        seen.sort((one, other) => one - other),
        Array.from({ length: 100 }, (_, n) => n),
      );
    },
  },
  {
    name: 'passes on what a step throws, writes nothing, and goes on',
    async run(open) {
      const store = open();
      await write(store, 'a', { n: 1 });
      const failure = new TypeError('no');
      const thrown = await store
        .update('a', () => {
          throw failure;
        })
        .catch((error: unknown) => error);
      if (thrown !== failure) throw new Error(`expected the step's own error, found ${String(thrown)}`);
      same(await read(store, 'a'), { n: 1 });
    },
  },
  {
    name: 'opens again after it was closed',
    async run(open) {
      const store = open();
      await write(store, 'a', { n: 1 });
      store.close();
      same(await read(store, 'a'), { n: 1 });
    },
  },
];
