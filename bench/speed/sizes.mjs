// What a minimal app of each contender loads before its first line runs, after gzip -9: the entry and what it imports statically.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import commonjs from '@rollup/plugin-commonjs';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import terser from '@rollup/plugin-terser';
import { build } from 'esbuild';
import { rollup } from 'rollup';

const apps = [
  'latchkey',
  'floor',
  'auth0-spa-js',
  'oidc-client-ts',
  'keycloak-js',
  'msal-browser',
  'oauth4webapi',
];
const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const gzipped = (contents) => gzipSync(contents, { level: 9 }).length;

export async function sizes(note) {
  for (const name of apps) {
    const files = await withEsbuild(name, 'es2022');
    note('size, esbuild, ES2022', name, sizeOf(files, [`${name}.js`]));
    note('size, esbuild, ES2020', name, sizeOf(await withEsbuild(name, 'es2020'), [`${name}.js`]));
    note('size, rollup and terser', name, sizeOf(await withRollup(name), [`${name}.js`]));
    const engine = files.find((file) => file.name.startsWith('engine-'));
    note('size, with the first call', name, sizeOf(files, [`${name}.js`, ...(engine ? [engine.name] : [])]));
  }
  note('worker', 'latchkey', gzipped(await minified('../../dist/worker.js')));
  note(
    'worker',
    'auth0-spa-js',
    gzipped(
      readFileSync(
        path('../node_modules/@auth0/auth0-spa-js/dist/auth0-spa-js.worker.production.js'),
        'utf8',
      ).replace(/\n\/\/# sourceMappingURL=.*\s*$/, ''),
    ),
  );
}

/** Those entries, and what they import, file by file, without waiting for a user's action. */
function sizeOf(files, entries) {
  const loaded = new Set();
  const visit = (name) => {
    if (loaded.has(name)) return;
    loaded.add(name);
    files.find((file) => file.name === name).imports.forEach(visit);
  };
  entries.forEach(visit);
  return [...loaded].reduce((sum, name) => sum + gzipped(files.find((file) => file.name === name).code), 0);
}

async function withEsbuild(name, target) {
  const { outputFiles, metafile } = await build({
    entryPoints: [path(`apps/${name}.js`)],
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    target,
    outdir: 'out',
    entryNames: '[name]',
    metafile: true,
    write: false,
    logLevel: 'warning',
  });
  return outputFiles.map(({ path, contents }) => {
    const [, { imports }] = Object.entries(metafile.outputs).find(
      ([output]) => basename(output) === basename(path),
    );
    const ours = imports.filter(({ kind }) => kind === 'import-statement');
    return { name: basename(path), code: contents, imports: ours.map(({ path }) => basename(path)) };
  });
}

async function withRollup(name) {
  const bundle = await rollup({
    input: path(`apps/${name}.js`),
    plugins: [nodeResolve({ browser: true }), commonjs(), terser({ module: true })],
    onwarn: ({ code, message }) => {
      if (code !== 'CIRCULAR_DEPENDENCY' && code !== 'THIS_IS_UNDEFINED') throw new Error(message);
    },
  });
  const { output } = await bundle.generate({ format: 'es', entryFileNames: '[name].js' });
  await bundle.close();
  return output.map(({ fileName, code, imports }) => ({ name: fileName, code, imports }));
}

async function minified(file) {
  const { outputFiles } = await build({
    entryPoints: [path(file)],
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    write: false,
    logLevel: 'warning',
  });
  return outputFiles[0].contents;
}
