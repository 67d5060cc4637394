// `npm test`: the whole gate, in two lanes beside one another, each part after part. `npm run test:all`: what takes longer, every
// cell and all rounds. The last line printed is `N passed, N failed` over all of them: types, lint, build and size count one
// each, Jest counts its tests. A part without a result counts as one failure.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { npmCommand } from './npm-command.mjs';

process.chdir(fileURLToPath(new URL('../', import.meta.url)));

const all = process.argv[2] === 'all';
if (all) process.env.LATCHKEY_ROUNDS = 'all';

// What needs the build is in its lane, after it. The browser's tests wait a lot: the unit tests have that time.
const daily = [
  [
    { name: 'types', run: check },
    { name: 'unit', run: jest },
  ],
  [
    { name: 'lint', run: check },
    { name: 'build', run: check },
    { name: 'size', needs: 'build', run: check },
    { name: 'browser', needs: 'build', run: jest },
    { name: 'package', needs: 'build', run: jest, only: ['bundles', 'loads', 'wrappers'] },
  ],
];
const long = [
  [{ name: 'unit', run: jest, only: ['matrix', 'model', 'histories'] }],
  [
    { name: 'build', run: check },
    {
      name: 'browser',
      needs: 'build',
      run: jest,
      only: [
        'storm',
        'soak',
        'missing-parts',
        'two-clients',
        'browser/story',
        'third-party-cookies',
        'silent-frames',
        'browser/engines',
        'browser/popups',
        'custody-in-a-worker',
        'browser/versions',
        'many-tabs',
      ],
    },
    { name: 'package', needs: 'build', run: jest },
  ],
];

const results = [];
await Promise.all(
  (all ? long : daily).map(async (lane) => {
    for (const part of lane) results.push(await runPart(part));
  }),
);

console.log('');
for (const { name, passed, failed, seconds } of results)
  console.log(`${name.padEnd(8)} ${seconds.toFixed(1).padStart(6)} s   ${passed} passed, ${failed} failed`);
const total = (count) => results.reduce((sum, result) => sum + result[count], 0);
if (total('failed') > 0) process.exitCode = 1;
console.log(`${total('passed')} passed, ${total('failed')} failed`);

async function runPart({ name, needs, run, only = [] }) {
  console.log(`\n── ${name}`);
  const startedAt = performance.now();
  let counts;
  if (results.some((result) => result.name === needs && result.failed > 0)) {
    console.log(`not run: it needs the ${needs}`);
    counts = { passed: 0, failed: 1 };
  } else counts = await run(name, only);
  const seconds = (performance.now() - startedAt) / 1000;
  console.log(`── ${name} ${counts.failed === 0 ? 'passed' : 'FAILED'}, ${seconds.toFixed(1)} s`);
  return { name, seconds, ...counts };
}

/** A part that passes or fails as a whole. */
async function check(name) {
  return (await npmRun(name)) ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/** A Jest project, counted from the report that Jest itself writes. */
async function jest(name, only) {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-test-'));
  try {
    const report = join(directory, 'report.json');
    const succeeded = await npmRun(name, '--json', `--outputFile=${report}`, ...only);
    if (!existsSync(report)) return { passed: 0, failed: 1 };
    const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites } = JSON.parse(
      readFileSync(report, 'utf8'),
    );
    const failed = numFailedTests + numRuntimeErrorTestSuites; // a file that did not load has no tests to count
    const broken = failed === 0 && (!succeeded || numPassedTests === 0);
    return { passed: numPassedTests, failed: broken ? 1 : failed };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** `npm run <name>` with its output on ours; true when it succeeded. */
function npmRun(name, ...options) {
  const [command, ...first] = npmCommand();
  const child = spawn(command, [...first, 'run', '--silent', name, '--', ...options], {
    stdio: 'inherit',
    env: { ...process.env, CI: 'true' }, // nothing draws over what another has printed
    shell: process.platform === 'win32',
  });
  return new Promise((resolve) => {
    child.once('error', (error) => {
      console.error(`${command}: ${error.message}`);
      resolve(false);
    });
    child.once('close', (code) => resolve(code === 0));
  });
}
