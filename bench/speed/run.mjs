// `npm run bench`: latchkey beside its peers and the bare limit, in one run; writes the figures, the README's table and that of
// docs/performance.md. `-- --only warm` measures a part, and `-- --quick` in a few rounds; both write nothing.
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { writeResults, writeTable } from '../write-results.mjs';
import { entries } from './entries.mjs';
import { heap, imports, load } from './load.mjs';
import { callers, logouts, tabs } from './many.mjs';
import { outage } from './outage.mjs';
import { refresh } from './refresh.mjs';
import { sizes } from './sizes.mjs';
import { growthTable, table } from './table.mjs';
import { warm } from './warm.mjs';

const parts = { sizes, warm, entries, refresh, load, callers, tabs, logouts, heap, imports, outage };

const { only, quick } = parseArgs({
  options: { only: { type: 'string', default: '' }, quick: { type: 'boolean', default: false } },
}).values;
const chosen = Object.entries(parts).filter(([name]) => only === '' || only.split(',').includes(name));
if (chosen.length === 0)
  throw new Error(`--only: expected some of ${Object.keys(parts).join(', ')}, found "${only}"`);

const samples = {};
const note = (figure, contender, ...values) => ((samples[figure] ??= {})[contender] ??= []).push(...values);
for (const [name, measure] of chosen) {
  const begun = performance.now();
  await measure(note, { rounds: quick ? 5 : 31, few: quick ? 2 : 9 });
  console.log(`${name}: ${((performance.now() - begun) / 1000).toFixed(1)} s`);
}

const versionOf = (name) =>
  JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), 'utf8')).version;
const results = {
  machine: `${cpus()[0].model.trim()}, ${cpus().length} cores, Node ${process.versions.node}`,
  versions: Object.fromEntries(
    ['@auth0/auth0-spa-js', 'oidc-client-ts', 'keycloak-js', '@azure/msal-browser', 'oauth4webapi'].map(
      (name) => [name, versionOf(name)],
    ),
  ),
  figures: Object.fromEntries(
    Object.entries(samples).map(([figure, byContender]) => [
      figure,
      Object.fromEntries(
        Object.entries(byContender).map(([contender, values]) => [contender, summary(values)]),
      ),
    ]),
  ),
};
console.log(`\n${table(results)}`);
if (only === '' && !quick) {
  writeResults('speed', results, table(results));
  writeTable('docs/performance.md', 'growth', growthTable(results));
}

/** The median, and the quartiles. */
function summary(values) {
  const sorted = values.toSorted((one, other) => one - other);
  const at = (share) => round(sorted[Math.round(share * (sorted.length - 1))]);
  return { median: at(1 / 2), low: at(1 / 4), high: at(3 / 4), rounds: values.length };
}

function round(value) {
  return Number.isInteger(value) ? value : Number(value.toPrecision(4));
}
