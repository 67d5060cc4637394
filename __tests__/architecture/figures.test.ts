import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { growthTable, table } from '../../bench/speed/table.mjs';
import { root } from './source-files.ts';

const read = (path: string) => readFileSync(`${root}${path}`, 'utf8');

/** What stands between the marks, without what prettier adds so that columns stand in line. */
const between = (path: string, name: string) =>
  plain(new RegExp(`<!-- ${name} -->\n([^]*)<!-- end of ${name} -->`).exec(read(path))?.[1] ?? '');
const plain = (text: string) => text.trim().replace(/-{3,}/g, '---').replace(/ {2,}/g, ' ');

it.each([
  ['README.md', 'speed', table],
  ['docs/performance.md', 'growth', growthTable],
] as const)(
  'tells in %s what the last run of the benchmark has measured, and nothing else',
  (page, name, of) => {
    const results = JSON.parse(read('bench/results/speed.json')) as Parameters<typeof table>[0];

    expect(between(page, name)).toBe(plain(of(results)));
  },
);
