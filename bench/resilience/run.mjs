// `npm run bench:resilience`: both SDKs through every scenario, round after round in one run; writes the README's table, the
// figures, and what `diagnose()` says of what failed. `-- --rounds 3` and `-- --only frozen` make it shorter, and write nothing.
import { parseArgs } from 'node:util';
import { writeResults, writeTable } from '../write-results.mjs';
import { measure } from './measure.mjs';
import { scenarios } from './scenarios.mjs';
import { sdks } from './world.mjs';

const { values } = parseArgs({
  options: { rounds: { type: 'string' }, only: { type: 'string', default: '' } },
});
/** Of the long run's 50: enough to see a loss of one in five, and within ten minutes. */
const mostRounds = Number(values.rounds ?? 15);

const rows = [];
for (const scenario of scenarios.filter(({ name }) => name.includes(values.only))) {
  const row = { pain: scenario.pain, name: scenario.name, ends: scenario.ends, saved: scenario.saved };
  for (const sdk of Object.keys(sdks)) {
    if (scenario.only !== undefined && scenario.only !== sdk) continue;
    row[sdk] = await measure(scenario, sdk, Math.min(scenario.rounds, mostRounds));
    console.log(scenario.name.padEnd(48), sdk.padEnd(14), JSON.stringify(row[sdk]));
  }
  rows.push(row);
}

const table = [
  '| what happens | rounds | latchkey: sessions lost | calls failed | longest call | auth0-spa-js: sessions lost | calls failed | longest call |',
  '| --- | --- | --- | --- | --- | --- | --- | --- |',
  ...rows.map(
    (row) =>
      `| ${[label(row), row.latchkey.rounds, ...cells(row, 'latchkey'), ...cells(row, 'auth0-spa-js')].join(' | ')} |`,
  ),
].join('\n');
const diagnosis = [
  '| what happens | what `diagnose()` says to a page whose call fails |',
  '| --- | --- |',
  ...rows.flatMap(({ name, latchkey }) => latchkey.diagnosis?.map((line) => `| ${name} | ${line} |`) ?? []),
].join('\n');
console.log(`\n${table}\n\n${diagnosis}`);

if (values.rounds === undefined && values.only === '') {
  writeResults('resilience', rows, table);
  writeTable('docs/troubleshooting.md', 'diagnosis', diagnosis);
}

function label({ name, ends, saved }) {
  return `${name}${ends ? ' (nobody may be signed in afterwards)' : ''}${saved === false ? ' (no SDK can save it)' : ''}`;
}

/** Where the session must end, what is counted is a session that came back. */
function cells(of, sdk) {
  const row = of[sdk];
  if (!row) return ['', '', ''];
  const bad = of.ends ? row.rounds - row.lost : row.lost;
  const failed = row.failed === 0 ? '0' : `${row.failed} (${row.retryable} retryable)`;
  return [of.ends ? `${bad} came back` : String(bad), failed, `${(row.worst / 1000).toFixed(1)} s`];
}
