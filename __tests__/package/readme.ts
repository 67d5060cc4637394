import { readFileSync } from 'node:fs';
import { root } from '../architecture/source-files.ts';

const read = (page: string): string => readFileSync(root + page, 'utf8');
const blocksIn = (text: string): string[] =>
  [...text.matchAll(/^```\w+\n([^]*?)^```$/gm)].map(([, code = '']) => code);

const text = read('README.md');

/** The blocks of code under a heading, in order. */
function codeUnder(heading: string): string[] {
  const [, section = ''] = new RegExp(`^## ${heading}\\n([^]*?)^## `, 'm').exec(text) ?? [];
  return blocksIn(section);
}

function blocks(heading: string, count: number): string[] {
  const found = codeUnder(heading);
  if (found.length !== count)
    throw new Error(`README, "${heading}": expected ${count} blocks of code, found ${found.length}`);
  return found;
}

const [commands = '', esModule = '', commonJs = '', script = '', importMap = ''] = blocks('Install', 5);
const [tenLines = '', popupCallback = ''] = blocks('Ten lines', 2);
const [tenant = '', command = '', jestTest = ''] = blocks('A tenant of your own', 3);
const [unitTest = ''] = blocks('Unit tests of your app', 1);

/** The examples of docs/many-tabs.md, which are one module in TypeScript. */
export const manyTabs = blocksIn(read('docs/many-tabs.md')).join('\n');

/** What the README tells its readers to write, to the letter. */
export const readme = {
  commands,
  esModule,
  commonJs,
  script,
  importMap,
  tenLines,
  popupCallback,
  tenant,
  command,
  jestTest,
  unitTest,
};
