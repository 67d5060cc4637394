import { expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { appended, itemAt, itemsOf, listOf, replaced } from '../../src/tenant/persistent-list.ts';

const upTo = (length: number) => {
  let list = listOf(0);
  for (let item = 1; item < length; item += 1) list = appended(list, item);
  return list;
};

it.each([1, 32, 33, 1024, 1025, 33_000])('holds %i items in their order', (length) => {
  const list = upTo(length);
  expect(list.length).toBe(length);
  expect(itemsOf(list)).toEqual(Array.from({ length }, (_, index) => index));
  for (const index of [0, 31, 32, 1023, length - 1].filter((each) => each < length))
    expect(itemAt(list, index)).toBe(index);
  for (const index of [-1, length]) {
    expect(itemAt(list, index)).toBeUndefined();
    expect(() => replaced(list, index, 0)).toThrow(RangeError);
  }
});

it('does not change when another is made of it', () => {
  const step = fc.oneof(fc.record({ put: fc.nat() }), fc.constant('append' as const));
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1100 }), fc.array(step, { maxLength: 40 }), (length, steps) => {
      let list = upTo(length);
      let expected = itemsOf(list);
      steps.forEach((each, number) => {
        const before = list;
        const item = 10_000 + number;
        list = each === 'append' ? appended(list, item) : replaced(list, each.put % list.length, item);
        expect(itemsOf(before)).toEqual(expected);
        expected =
          each === 'append'
            ? [...expected, item]
            : expected.map((held, index) => (index === each.put % before.length ? item : held));
        expect(itemsOf(list)).toEqual(expected);
      });
    }),
    { seed: 20_261_125, numRuns: 100 },
  );
});

it('shares nearly all of itself with what is made of it, however long it is', () => {
  const nodes = (node: unknown): unknown[] =>
    Array.isArray(node) ? [node, ...node.flatMap((below: unknown) => nodes(below))] : [];
  const list = upTo(20_000);
  const known = new Set(nodes(list.root));
  for (const next of [appended(list, 1), replaced(list, 7, 1)])
    expect(nodes(next.root).filter((node) => !known.has(node)).length).toBeLessThanOrEqual(4);
});
