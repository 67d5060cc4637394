/**
 * What every store of records promises, as cases that run anywhere: under Jest over stand-ins, and in a page of a real
 * browser over the real thing.
 */
import type { RecordStore } from '../../src/environment.ts';
import { StorageError } from '../../src/errors.ts';

/** What may befall what a store is built on, until the function that is returned is called. */
export interface Troubles {
  /** It takes no writes. */
  refuse(): () => void;
  /** It comes to no end with what changes the record of that name; when the trouble is over, it goes on with it. */
  stall(record: string): Promise<() => void>;
  /** Lets so much time pass that no store waits any longer. */
  pass(): Promise<void>;
}

export interface ContractCase {
  readonly name: string;
  /**
   * @param open gives another handle on the same records, as another tab would have.
   * @param troubles absent: none can befall the store; the case ends early.
   * @throws when the promise is broken
   */
  run(open: () => RecordStore, troubles?: Troubles): Promise<void>;
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

/** What it was refused with: as the port says, a StorageError to be tried again. */
async function refused(update: Promise<unknown>): Promise<void> {
  const thrown = await update.then(
    () => 'nothing',
    (error: unknown) => error,
  );
  if (!(thrown instanceof StorageError && thrown.retryable))
    throw new Error(`expected a StorageError, found ${String(thrown)}`);
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
  {
    name: 'carries out what was under way when it was closed',
    async run(open) {
      const store = open();
      const writing = write(store, 'a', { n: 1 });
      store.close();
      await writing;
      same(await increment(store, 'a'), 1);
    },
  },
  {
    name: 'carries out the updates of one handle one after the other, in their order',
    async run(open) {
      const store = open();
      const append = (text: string) =>
        store.update('a', (value) => [[...((value as string[] | undefined) ?? []), text], undefined]);
      await Promise.all(['one', 'two', 'three'].map(append));
      same(await read(store, 'a'), ['one', 'two', 'three']);
    },
  },
  {
    name: 'goes on with other records, and other updates, when a step has thrown among several at once',
    async run(open) {
      const store = open();
      const failure = new Error('no');
      const fail = () => {
        throw failure;
      };
      const all = [
        increment(store, 'a'),
        store.update('a', fail),
        increment(store, 'a'),
        increment(store, 'b'),
      ];
      const outcomes = await Promise.all(
        all.map((update) => update.catch((error: unknown) => error === failure)),
      );
      same(outcomes, [0, true, 1, 0]);
    },
  },
  {
    name: 'says so where a write is refused, still reads what was there, and works again afterwards',
    async run(open, troubles) {
      if (!troubles) return;
      const store = open();
      await write(store, 'a', { n: 1 });
      const end = troubles.refuse();
      try {
        await refused(write(store, 'a', { n: 2 }));
        await refused(write(open(), 'a', { n: 3 }));
        same(await read(store, 'a'), { n: 1 });
        same(await read(open(), 'a'), { n: 1 });
      } finally {
        end();
      }
      same(await increment(store, 'a'), 1);
      same(await increment(open(), 'a'), 2);
    },
  },
  {
    name: 'says so where a write takes too long, lets nothing of it happen later, and works again afterwards',
    async run(open, troubles) {
      if (!troubles) return;
      const store = open();
      await write(store, 'a', { n: 1 });
      const end = await troubles.stall('a');
      try {
        const writing = refused(write(store, 'a', { n: 2 }));
        await troubles.pass();
        await writing;
      } finally {
        end();
      }
      await troubles.pass();
      same(await read(open(), 'a'), { n: 1 });
      same(await increment(store, 'a'), 1);
      same(await read(open(), 'a'), { n: 2 });
    },
  },
];

/** A promise that is kept when `end` is called. */
export function pending() {
  let end = () => {};
  const until = new Promise<void>((resolve) => (end = resolve));
  return { until, end: () => end() };
}

/** Keeps the one store of the database busy. */
export function occupyIndexedDb(): Promise<() => void> {
  let busy = true;
  const opening = indexedDB.open('latchkey');
  return new Promise((resolve) => {
    opening.onsuccess = () => {
      const records = opening.result.transaction('records', 'readwrite').objectStore('records');
      const occupy = () => {
        records.get('b').onsuccess = () => (busy ? occupy() : opening.result.close());
      };
      occupy();
      resolve(() => (busy = false));
    };
  });
}
