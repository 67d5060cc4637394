import { readFileSync } from 'node:fs';
import { root } from '../architecture/source-files.ts';

const text = readFileSync(`${root}README.md`, 'utf8');

/** The blocks of code under a heading, in order. */
function codeUnder(heading: string): string[] {
  const [, section = ''] = new RegExp(`^## ${heading}\\n([^]*?)^## `, 'm').exec(text) ?? [];
  return [...section.matchAll(/^```\w+\n([^]*?)^```$/gm)].map(([, code = '']) => code);
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
