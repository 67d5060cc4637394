import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import commonjs from '@rollup/plugin-commonjs';
import json from '@rollup/plugin-json';
import resolve from '@rollup/plugin-node-resolve';
import terser from '@rollup/plugin-terser';
import typescript from '@rollup/plugin-typescript';
import { dts } from 'rollup-plugin-dts';
import license from 'rollup-plugin-license';

rmSync('dist', { recursive: true, force: true });
mkdirSync('dist');

// Types are the type checker's job (`npm run types`); here TypeScript only takes them away.
const compile = () =>
  typescript({
    tsconfig: 'tsconfig.build.json', // the sources alone: it makes a program of them for each bundle
    outputToFilesystem: false,
    compilerOptions: {
      noEmit: false,
      allowImportingTsExtensions: false,
      rewriteRelativeImportExtensions: false,
      declaration: false,
      sourceMap: true,
      inlineSources: true,
      noCheck: true,
    },
  });

/** `dist/THIRD-PARTY-LICENSES`: whose code is in an entry, after what nobody uses was left out. */
function licences(entry) {
  const plugin = license({
    thirdParty: {
      output(packages) {
        for (const found of packages) bundled[entry][`${found.name} ${found.version}`] = found;
        writeFileSync('dist/THIRD-PARTY-LICENSES', Object.entries(bundled).map(licenceSection).join('\n'));
      },
    },
  });
  bundled[entry] ??= {}; // two builds make one entry
  // It only has to look: with the code that it hands back unchanged come source maps of twice the size.
  return { ...plugin, renderChunk: (...chunk) => void plugin.renderChunk(...chunk) };
}
const bundled = {};

function licenceSection([entry, packages]) {
  const names = Object.keys(packages).sort();
  const texts = names.map((name) => {
    const { license, licenseText } = packages[name];
    if (!licenseText) throw new Error(`${name} is bundled and brings no licence text`);
    return `## ${name} (${license})\n\n${licenseText.trim()}\n`;
  });
  return `# In ${entry}\n\n${texts.join('\n')}`;
}

/** `dist/integrity.json`: what a page writes into `<script integrity>` for each file that it may load by such a tag. */
const integrity = {
  name: 'integrity',
  writeBundle({ dir }, bundle) {
    for (const name of Object.keys(bundle).filter((name) => name.endsWith('.js'))) {
      const hash = createHash('sha384').update(readFileSync(`${dir}/${name}`));
      hashes[name] = `sha384-${hash.digest('base64')}`;
    }
    writeFileSync(`${dir}/integrity.json`, JSON.stringify(hashes, undefined, 2) + '\n');
  },
};
const hashes = {};

/** Within the script's wrapper: the names that the script of auth0-spa-js v1 gave to a page, where it is one's script. */
const globalsOfV1 = `
if (globalThis.auth0 === exports)
  Object.assign(globalThis, { createAuth0Client: Object.assign(createAuth0Client, exports), Auth0Client });`;

/** The module is the function, as that of v1 is, and carries every export. */
const moduleOfV1 = `
if (typeof module === 'object' && module.exports === exports)
  module.exports = Object.defineProperty(Object.assign(createAuth0Client, exports), '__esModule', { value: true });`;

const output = { dir: 'dist', sourcemap: true, exports: 'named' };
const chunked = { ...output, format: 'es', chunkFileNames: 'chunks/[name]-[hash].js' };
const whole = { ...output, inlineDynamicImports: true };
const script = { ...whole, format: 'umd', name: 'auth0', outro: globalsOfV1 };

/** The worker's script as text, for the blob that is started where no file is named; it has been built before. */
const workerScript = {
  name: 'worker-script',
  resolveId: (source) => (source === 'virtual:worker-script' ? source : null),
  load(id) {
    if (id !== 'virtual:worker-script') return null;
    const script = readFileSync('dist/worker.js', 'utf8').replace(/\n\/\/# sourceMappingURL=.*\s*$/, '');
    return `export const script = ${JSON.stringify(script)};`;
  },
};

/** Beside the command, for editors. */
const configurationSchema = {
  name: 'configuration-schema',
  writeBundle: ({ dir }) => copyFileSync('src/tenant-node/tenant.schema.json', `${dir}/tenant.schema.json`),
};

// The SDK, the page that its popups return to and the server side are built apart, types too: they share no chunk.
const sdk = { index: 'src/index.ts' };
const popupCallback = { 'popup-callback': 'src/popup-callback.ts' };
const testing = { testing: 'src/testing/index.ts' };
const server = {
  tenant: 'src/tenant/index.ts',
  'tenant-node': 'src/tenant-node/index.ts',
  'tenant-jest': 'src/tenant-jest/index.ts',
};
const command = { latchkey: 'src/tenant-node/command.ts' };
const external = [/^node:/];

/**
 * `dpop` makes its encoders when it is evaluated. In a bundle of one piece that is when the SDK is imported, and a page in jsdom may
 * have none: here it makes them when it needs them.
 */
const lateEncoders = {
  name: 'late-encoders',
  transform(code, id) {
    if (!id.includes('/node_modules/dpop/')) return null;
    const late = code
      .replace('const encoder = new TextEncoder();', '')
      .replace('const decoder = new TextDecoder();', '')
      .replace('encoder.encode(', 'new TextEncoder().encode(')
      .replace('decoder.decode(', 'new TextDecoder().decode(');
    if (/\b(en|de)coder\b/.test(late)) throw new Error('dpop has changed: see to its encoders');
    return { code: late, map: null };
  },
};

/** `jose` asks for bytes by `instanceof`, and in jsdom those of the platform are none of the window's own `Uint8Array`. */
const anyBytes = {
  name: 'any-bytes',
  transform: (code, id) =>
    id.includes('/node_modules/jose/')
      ? { code: code.replaceAll(/(\w+) instanceof Uint8Array/g, 'ArrayBuffer.isView($1)'), map: null }
      : null,
};

const forBrowsers = (entry) => [
  resolve({ browser: true }),
  commonjs(),
  lateEncoders,
  compile(),
  licences(entry),
];
const forNode = (entry) => [
  json(), // the schema of the command's file, and those that z-schema brings
  resolve({ preferBuiltins: true, exportConditions: ['node'] }),
  commonjs(),
  anyBytes,
  compile(),
  licences(entry),
];

// What package.json says of this package, for Rollup too: how it would find that out for itself depends on the order in
// which files happen to be read, and the chunks with it.
const treeshake = { moduleSideEffects: (id) => !id.startsWith(sources) };
const sources = fileURLToPath(new URL('src/', import.meta.url));

const types = (input, ...extensions) => ({
  input,
  external: input === testing ? sdkItself : external,
  plugins: [dts()],
  output: extensions.map((extension) => ({
    dir: 'dist',
    format: 'es',
    entryFileNames: `[name].${extension}`,
    chunkFileNames: `chunks/[name]-[hash].${extension}`,
    paths: asPublished(`./index.${extension.replace(/^d\.(c?)ts$/, '$1js')}`),
  })),
});

/** What a test throws must be of the class that the app knows, so that this entry takes the SDK's own from beside it. */
const sdkItself = [fileURLToPath(new URL(sdk.index, import.meta.url))];
const asPublished = (file) => Object.fromEntries(sdkItself.map((path) => [path, file]));

export default [
  {
    input: { worker: 'src/worker.ts' },
    external: ['virtual:worker-script'], // it starts none itself
    plugins: forBrowsers('latchkey/worker'),
    output: { ...whole, format: 'iife', plugins: [terser({ ecma: 2022 })] },
  },
  {
    input: sdk,
    treeshake,
    plugins: [workerScript, ...forBrowsers('latchkey')],
    output: { ...chunked, hoistTransitiveImports: false },
  },
  {
    input: sdk.index, // in one piece
    plugins: [workerScript, ...forBrowsers('latchkey')],
    output: [
      { ...whole, format: 'cjs', entryFileNames: 'index.cjs', outro: moduleOfV1 },
      { ...script, entryFileNames: 'latchkey.umd.js', plugins: [integrity] },
      { ...script, entryFileNames: 'latchkey.umd.min.js', plugins: [terser({ ecma: 2022 }), integrity] },
    ],
  },
  { input: popupCallback, plugins: [compile()], output: chunked },
  {
    input: testing,
    external: sdkItself,
    plugins: [compile()],
    output: [
      { ...output, format: 'es', paths: asPublished('./index.js') },
      { ...output, format: 'cjs', entryFileNames: '[name].cjs', paths: asPublished('./index.cjs') },
    ],
  },
  {
    input: { ...server, ...command },
    external,
    treeshake,
    plugins: [
      configurationSchema,
      ...forNode('latchkey/tenant, latchkey/tenant/node, latchkey/tenant/jest, the command latchkey'),
    ],
    // A bare import of what an import imports would warn whoever bundles a package that has no side effects.
    output: { ...chunked, hoistTransitiveImports: false },
  },
  ...Object.entries(sdk).map(([name, source]) => types({ [name]: source }, 'd.ts', 'd.cts')), // each of them whole
  types(popupCallback, 'd.ts'),
  types(testing, 'd.ts', 'd.cts'),
  types(server, 'd.ts'),
];
