import { rmSync } from 'node:fs';
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
  { input: sdk, plugins: [resolve({ browser: true }), commonjs(), compile()], output },
  {
    input: server,
    external,
    plugins: [resolve({ preferBuiltins: true, exportConditions: ['node'] }), commonjs(), compile()],
    output,
  },
  types(sdk),
  types(server),
];
