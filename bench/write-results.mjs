import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** Keeps figures as `bench/results/<name>.json`, and puts their table where the README has `<!-- <name> -->`. */
export function writeResults(name, figures, table) {
  mkdirSync(root('bench/results'), { recursive: true });
  writeFileSync(root(`bench/results/${name}.json`), `${JSON.stringify(figures, null, 2)}\n`);
  writeTable('README.md', name, table);
}

/** Puts a table where a page has `<!-- <name> -->`. */
export function writeTable(page, name, table) {
  const marked = new RegExp(`(<!-- ${name} -->\n)[^]*(<!-- end of ${name} -->)`);
  const text = readFileSync(root(page), 'utf8');
  writeFileSync(
    root(page),
    text.replace(marked, (_, from, to) => `${from}\n${table}\n\n${to}`),
  );
}
