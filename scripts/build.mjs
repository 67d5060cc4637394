import { spawn } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const built = [
  'index.js',
  'index.cjs',
  'worker.js',
  'popup-callback.js',
  'testing.js',
  'latchkey.umd.min.js',
  'tenant.js',
  'tenant-node.js',
  'tenant-jest.js',
].map((name) => `dist/${name}`);
const sources = ['src', 'rollup.config.js', 'tsconfig.json', 'package-lock.json'];

/** Builds the package when `dist/` is missing or older than the sources; false when the build failed. */
export async function buildIfStale() {
  if (Math.min(...built.map(changedAt)) > Math.max(...sources.flatMap(withEverythingInside).map(changedAt)))
    return true;
  console.log('building…');
  const build = spawn(process.execPath, ['node_modules/rollup/dist/bin/rollup', '--config', '--silent'], {
    cwd: root,
    stdio: 'inherit',
  });
  return new Promise((resolve) => build.once('close', (code) => resolve(code === 0)));
}

/** A file that is not there is older than any other. */
const changedAt = (path) => statSync(root + path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** Folders count too: theirs is the date on which a file went away. */
function withEverythingInside(path) {
  if (!statSync(root + path).isDirectory()) return [path];
  return [
    path,
    ...readdirSync(root + path, { recursive: true, encoding: 'utf8' }).map((name) => `${path}/${name}`),
  ];
}
