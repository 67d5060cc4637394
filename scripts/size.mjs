// `npm run size`: what a minimal app costs its users, and what every entry of the built package weighs. Of the app, counts
// the entry and every chunk that it imports statically, and, apart from that, the engine, which its first call asks for; chunks
// that load on first use are listed and not counted.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { gzipSync } from 'node:zlib';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const limit = 10_000; // bytes after gzip -9; docs/decisions/24-size.md
const engineLimit = 26_000; // the same, of the engine
const featureLimit = 3_000; // and of each chunk that loads on first use; a worker's script is an entry below
const languageLevels = ['es2020', 'es2022'];

/** Entries with everything that they can load, in bytes after gzip -9; docs/decisions/24-size.md */
const entries = [
  { file: 'latchkey.umd.min.js', limit: 70_200 },
  { file: 'index.cjs', limit: 73_400 },
  { file: 'worker.js', limit: 19_700 },
  { file: 'tenant.js', limit: 156_400 },
  { file: 'tenant-node.js', limit: 8_000 },
  { file: 'tenant-jest.js', limit: 3_100 },
  { file: 'latchkey.js', limit: 172_800 },
];

/** Init, login, callback, token with refresh tokens, logout. */
const app = `
  import { createAuth0Client } from './dist/index.js';
  const auth0 = await createAuth0Client({
    domain: 'tenant.example',
    clientId: 'app',
    useRefreshTokens: true,
    cacheLocation: 'localstorage',
    authorizationParams: { redirect_uri: 'https://app.example', audience: 'https://api.example' },
  });
  if (new URLSearchParams(location.search).has('code')) await auth0.handleRedirectCallback();
  if (await auth0.isAuthenticated()) show(await auth0.getUser(), await auth0.getTokenSilently());
  else await auth0.loginWithRedirect();
  document.onclick = () => auth0.logout({ logoutParams: { returnTo: 'https://app.example' } });
  function show(user, token) {
    document.title = user.name + token;
  }
`;

let tooLarge = false;
for (const target of languageLevels) {
  const files = await bundle(target).catch(() => process.exit(1)); // esbuild has said why
  const counted = staticallyLoaded(files, 'app.js');
  const engine = [...staticallyLoaded(files, 'engine-')].filter((file) => !counted.has(file));
  const [size, engineSize] = [[...counted], engine].map((loaded) => sum(loaded, (file) => file.gzip));
  const isFeature = (file) =>
    !counted.has(file) && !engine.includes(file) && !file.name.startsWith('virtual_');
  const largest = Math.max(...files.filter(isFeature).map((file) => file.gzip));
  tooLarge ||= size > limit || engineSize > engineLimit || largest > featureLimit;

  console.log(`\nminimal app, ${target}                         minified      gzip -9`);
  for (const file of files) row(file.name, file.minified, file.gzip, when(file));
  const minifiedOf = (loaded) => sum([...loaded], (file) => file.minified);
  row('total', minifiedOf(counted), size, verdict(size, limit));
  row('and the engine, by the first call', minifiedOf(engine), engineSize, verdict(engineSize, engineLimit));
  row('the largest of what loads on first use', '', largest, verdict(largest, featureLimit));
  function when(file) {
    return counted.has(file)
      ? ''
      : engine.includes(file)
        ? '  by the first call'
        : '  on first use, not counted';
  }
}

console.log('\nentries, each as a whole                  minified      gzip -9');
for (const { file, limit } of entries) {
  const contents = await minified(file).catch(() => process.exit(1)); // esbuild has said why
  const size = gzipped(contents);
  tooLarge ||= size > limit;
  row(file, contents.length, size, verdict(size, limit));
}
if (tooLarge) process.exitCode = 1;

async function bundle(target) {
  const { outputFiles, metafile } = await build({
    stdin: {
      // esbuild has no top-level await below ES2022; the wrapper costs the same few bytes at both levels.
      contents: app.replace(/^(\s*import .*;)([^]*)$/m, '$1 (async () => {$2})();'),
      resolveDir: fileURLToPath(new URL('../', import.meta.url)),
      sourcefile: 'app.js',
    },
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    target,
    outdir: 'out',
    entryNames: 'app',
    metafile: true,
    write: false,
    logLevel: 'warning',
  });
  return outputFiles.map(({ path, contents }) => {
    const [key, output] = Object.entries(metafile.outputs).find(
      ([name]) => basename(name) === basename(path),
    );
    return {
      key,
      name: basename(path),
      output,
      minified: contents.length,
      gzip: gzipped(contents),
    };
  });
}

/** A file of the package and all its chunks in one; a script that comes minified is taken as it is. */
async function minified(file) {
  const path = fileURLToPath(new URL(`../dist/${file}`, import.meta.url));
  if (file.endsWith('.min.js')) return readFileSync(path);
  const { outputFiles } = await build({
    entryPoints: [path],
    bundle: true,
    minify: true,
    format: file.endsWith('.cjs') ? 'cjs' : 'esm',
    target: 'es2022',
    external: ['node:*'],
    write: false,
    logLevel: 'warning',
  });
  return outputFiles[0].contents;
}

function gzipped(contents) {
  return gzipSync(contents, { level: 9 }).length;
}

function verdict(size, limit) {
  return `  limit ${bytes(limit).trim()}${size > limit ? ': TOO LARGE' : ''}`;
}

/** The entry and what it imports, chunk by chunk, without waiting for a user's action. */
function staticallyLoaded(files, first) {
  const loaded = new Set();
  const visit = (file) => {
    if (loaded.has(file)) return;
    loaded.add(file);
    for (const { path, kind } of file.output.imports)
      if (kind === 'import-statement') visit(files.find(({ key }) => key === path));
  };
  visit(files.find(({ name }) => name.startsWith(first))); // what loads on first use is an entry of its own, too
  return loaded;
}

function row(name, minified, gzip, remark) {
  console.log(`  ${name.padEnd(38)} ${bytes(minified)} ${bytes(gzip)}${remark}`);
}

function bytes(count) {
  return `${count.toLocaleString('en')} B`.padStart(10);
}

function sum(items, of) {
  return items.reduce((total, item) => total + of(item), 0);
}
