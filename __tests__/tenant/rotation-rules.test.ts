import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';
import { rulesPage, sections, showingsOf, withoutTest } from './rotation-rules.ts';

const root = new URL('../../', import.meta.url);
const rules = sections.flatMap(({ rules }) => rules);

const files = readdirSync(fileURLToPath(new URL('__tests__', root)), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => `__tests__/${name.replaceAll('\\', '/')}`)
  .sort()
  .map((path) => ({ path, text: readFileSync(new URL(path, root), 'utf8') }));
const showings = showingsOf(files);

it('every rule has a test whose name begins with it, or a reason why it has none', () => {
  const lacking = rules.filter(({ id }) => !showings.has(id) && withoutTest[id] === undefined);
  expect(lacking).toEqual([]);
});

it('a reason is given for rules alone that have no test: one that got its test is struck off `withoutTest`', () => {
  const known = new Set(rules.map(({ id }) => id));
  expect(Object.keys(withoutTest).filter((id) => showings.has(id) || !known.has(id))).toEqual([]);
});

it('no test is named after a rule that is not there', () => {
  const known = new Set(rules.map(({ id }) => id));
  expect([...showings].filter(([id]) => !known.has(id))).toEqual([]);
});

it('the rules are numbered without a gap', () => {
  for (const [letter, count] of Object.entries({ R: 66, V: 16, L: 9, C: 5 })) {
    const expected = Array.from({ length: count }, (_, index) => `${letter}${index + 1}`);
    expect(rules.map(({ id }) => id).filter((id) => id.startsWith(letter))).toEqual(expected);
  }
});

it('a name in a comment, of a group, or of another kind shows nothing', () => {
  const text = `
    // it('R1: in a comment')
    describe('R2: a group', () => { it.each([['R3: a row', 1]])('%s', () => {}); });
    describe.each([1])('R4: groups', () => { it.each([1])('R5, V6: both', () => {}); });
    it('not R7: at the beginning', () => {});
  `;
  expect([...showingsOf([{ path: 'a.test.ts', text }]).keys()]).toEqual(['R3', 'R5', 'V6']);
});

// LATCHKEY_WRITE_DOCS=1 writes it anew.
it('docs/rotation-rules.md says which test shows which rule, as it is', () => {
  const page = new URL('docs/rotation-rules.md', root);
  const now = rulesPage(showings);
  if (process.env['LATCHKEY_WRITE_DOCS']) writeFileSync(page, now);
  expect(readFileSync(page, 'utf8')).toBe(now);
});
