// `npm run soak`: tabs at random in a real Chromium for two minutes, a third of them with refresh tokens in a store, a third in a
// worker of all pages, and a third in one of each page. `-- --seconds 600` at the most, `-- --seed 7` does what was done before,
// `-- --keeping worker` one third alone, `-- --peer` lets auth0-spa-js do what was done in a store afterwards. Exit code 1: an
// invariant did not hold.
import { pathToFileURL, fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '120' },
    seed: { type: 'string', default: String(1 + (Date.now() % 1_000_000)) },
    keeping: { type: 'string' },
    peer: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);
const seconds = Number(values.seconds);
if (!(Number.isInteger(seed) && seed > 0))
  throw new Error(`--seed: expected a positive integer, found "${values.seed}"`);
if (!(seconds > 0 && seconds <= 600))
  throw new Error(`--seconds: expected 1 to 600, found "${values.seconds}"`);

const keepings = ['store', 'shared-worker', 'worker'].filter((it) =>
  [undefined, it].includes(values.keeping),
);
if (keepings.length === 0)
  throw new Error(`--keeping: expected "store", "shared-worker" or "worker", found "${values.keeping}"`);

const { soak, invariants } = await load('__tests__/browser/soak.ts');

const list = (counts) =>
  Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ') || 'none';

function print(sdk, keeping, result) {
  const { rounds, pages, refreshes, calls, failed, retryable, deeds, faults, sessions, ended, lost } = result;
  console.log(
    `\n${sdk}, ${keeping}, leeway 0, seed ${seed}: ${rounds} rounds, ${pages} pages, ${refreshes} refreshes at the tenant`,
  );
  console.log(`  done: ${list(deeds)}`);
  console.log(`  faults that struck: ${list(faults)}`);
  console.log(`  calls for a token: ${calls}, of which ${failed} failed (${retryable} of them retryable)`);
  console.log(
    `  sessions: ${sessions} begun; ended by what no client can help: ${list(ended)}; lost: ${lost}`,
  );
}

let rounds = 0;
for (const keeping of keepings) {
  const result = await soak({ sdk: 'latchkey', keeping, seed, seconds: seconds / keepings.length });
  print('latchkey', keeping, result);
  for (const [name, sentence] of Object.entries(invariants)) {
    const broken = result.broken.filter((text) => text.includes(`${name}: `)).length;
    console.log(`  ${name} ${sentence}: judged ${result.judged[name]} times, broken ${broken}`);
  }
  if (result.broken.length > 0) {
    console.log(`\n${[result.broken.join('\n'), ...result.stories].join('\n\n')}`);
    process.exitCode = 1;
  }
  if (keeping === 'store') rounds = result.rounds;
}
if (values.peer && rounds > 0)
  print('auth0-spa-js', 'store', await soak({ sdk: 'auth0-spa-js', seed, seconds, rounds }));
console.log(`\nseed ${seed}`);

/** The soak is written in TypeScript, as the tests whose invariants it shares. */
async function load(path) {
  const root = new URL('../../', import.meta.url);
  const outfile = fileURLToPath(new URL('.build/soak/soak.mjs', root));
  await build({
    entryPoints: [fileURLToPath(new URL(path, root))],
    outfile,
    bundle: true,
    packages: 'external',
    external: ['*.mjs'],
    platform: 'node',
    format: 'esm',
    logLevel: 'warning',
  });
  return import(pathToFileURL(outfile));
}
