import { rmSync } from 'node:fs';
import { rollup } from 'rollup';
import { transform } from 'esbuild';
import commonjs from '@rollup/plugin-commonjs';
import resolve from '@rollup/plugin-node-resolve';
import typescript from '@rollup/plugin-typescript';
import { dts } from 'rollup-plugin-dts';

rmSync('dist', { recursive: true, force: true });

// Types are the type checker's job (`npm run types`); here TypeScript only takes them away.
const compile = () =>
  typescript({
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

const output = { dir: 'dist', format: 'es', sourcemap: true, chunkFileNames: 'chunks/[name]-[hash].js' };

/** The worker's script: one classic script, whatever starts it. */
async function workerScript() {
  const bundle = await rollup({ input: 'src/worker.ts', plugins: [resolve({ browser: true }), compile()] });
  const { output } = await bundle.generate({ format: 'iife', sourcemap: true });
  const { code } = await transform(output[0].code, { minify: true, target: 'es2022' });
  return code.trim();
}

/** The same script as a file, `latchkey/worker`, and as text, for the blob that is started where no file is named. */
function worker() {
  const script = workerScript();
  const id = 'virtual:worker-script';
  return {
    name: 'worker-script',
    resolveId: (source) => (source === id ? `\0${id}` : null),
    load: async (source) =>
      source === `\0${id}` ? `export const script = ${JSON.stringify(await script)};` : null,
    async generateBundle() {
      this.emitFile({ type: 'asset', fileName: 'worker.js', source: await script });
    },
  };
}

// The SDK and the server side are built apart, types too, so that no chunk is ever shared between them.
const sdk = { index: 'src/index.ts' };
const server = { tenant: 'src/tenant/index.ts', 'tenant-node': 'src/tenant-node/index.ts' };
const external = [/^node:/];

const types = (input) => ({
  input,
  external,
  plugins: [dts()],
  output: { dir: 'dist', format: 'es', chunkFileNames: 'chunks/[name]-[hash].d.ts' },
});

export default [
  { input: sdk, plugins: [worker(), resolve({ browser: true }), commonjs(), compile()], output },
  {
    input: server,
    external,
    plugins: [resolve({ preferBuiltins: true, exportConditions: ['node'] }), commonjs(), compile()],
    output,
  },
  types(sdk),
  types(server),
];
