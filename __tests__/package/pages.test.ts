import { once, type EventEmitter } from 'node:events';
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Page } from 'puppeteer-core';
import { launchChromium, type Chromium } from '../support/chromium.ts';
import { installApp, type InstalledApp } from './installed-app.ts';
import { onPageOf, playgroundUser, signIn, type OpenedPage } from './pages.ts';
import { readme } from './readme.ts';
import { construct, partsOfPages, report, untouched, watching, watchingModule } from './watch.ts';

jest.setTimeout(120_000); // webpack takes 3 s, and 18 s on a busy machine

let app: InstalledApp;
let chromium: Chromium;

beforeAll(async () => {
  [app, chromium] = await Promise.all([installApp(), launchChromium({ thirdPartyCookies: 'allowed' })]);
  app.link('vite', 'webpack', 'rollup', '@rollup/plugin-node-resolve', '@rollup/plugin-commonjs', 'esbuild');
});
afterAll(async () => {
  await chromium?.close();
  app?.remove();
});

/** A page whose globals are watched before any script but the first, so that nothing of a bundle comes too early. */
const html = ({
  first = '',
  scripts,
}: {
  readonly first?: string;
  readonly scripts: string;
}) => `<!doctype html>
<title>App</title>
<link rel="icon" href="data:," />
${first}
<script>${watching(partsOfPages)}</script>
${scripts}`;
const main = '<script type="module" src="/main.js"></script>';

/** The README's app, which first tells what it took to load. */
const applications = {
  'ES modules': `import { Auth0Client } from 'latchkey';\n${construct}${report}${readme.tenLines}`,
  CommonJS: `${readme.commonJs}const { Auth0Client } = require('latchkey');
${construct}${report}${tenLinesAlone()}`,
} as const;

/** For where the function has its name already, and `await` may not stand at the top. */
function tenLinesAlone(): string {
  return `(async () => {\n${readme.tenLines.slice(readme.esModule.length)}})();\n`;
}

/** A token, and whose it is. */
const signedIn = [
  expect.objectContaining({ email: playgroundUser.email, name: playgroundUser.name }),
  expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
];

/** The report of a page that was loaded: the first that it prints. */
const loadedBy = ({ printed }: OpenedPage): unknown => JSON.parse((printed as [[string]])[0][0]);

/** Programs of the project that make `out/` of `index.html` and `main.js`, each as its tool's readers are told to. */
const bundlers = {
  Vite: `import { build } from 'vite';
    await build({ configFile: false, logLevel: 'error', build: { outDir: 'out' } });`,
  webpack: `import { cpSync } from 'node:fs';
    import webpack from 'webpack';
    const compiler = webpack({
      mode: 'production',
      context: import.meta.dirname,
      entry: './main.js',
      output: { path: import.meta.dirname + '/out', filename: 'main.js', clean: true },
      performance: false,
    });
    await new Promise((resolve, reject) =>
      compiler.run((error, stats) => {
        const failed = error ?? (stats.hasErrors() || stats.hasWarnings() ? new Error(stats.toString()) : undefined);
        compiler.close(() => (failed ? reject(failed) : resolve()));
      }),
    );
    cpSync('index.html', 'out/index.html');`,
  Rollup: `import { cpSync } from 'node:fs';
    import commonjs from '@rollup/plugin-commonjs';
    import { nodeResolve } from '@rollup/plugin-node-resolve';
    import { rollup } from 'rollup';
    const onwarn = (warning) => { throw new Error(warning.message); };
    const plugins = [nodeResolve({ browser: true }), commonjs()];
    const bundle = await rollup({ input: 'main.js', plugins, onwarn });
    await bundle.write({ dir: 'out', format: 'es' });
    cpSync('index.html', 'out/index.html');`,
  esbuild: `import { cpSync } from 'node:fs';
    import { build } from 'esbuild';
    const options = { bundle: true, splitting: true, minify: true, format: 'esm', outdir: 'out' };
    const { warnings } = await build({ entryPoints: ['main.js'], ...options });
    if (warnings.length > 0) throw new Error(JSON.stringify(warnings));
    cpSync('index.html', 'out/index.html');`,
} as const;
type Tool = keyof typeof bundlers;
type Form = keyof typeof applications;
const tools = Object.keys(bundlers) as Tool[];

/** What a page may lack, so that it needs the code that is loaded on first use, a library in CommonJS among it. */
const withoutNewParts = `<script>
  delete Navigator.prototype.locks;
  Object.defineProperty(globalThis, 'indexedDB', { value: undefined, configurable: true });
</script>`;

/** Bundles `main.js` in a folder of its own within the project. */
async function bundle(tool: Tool, form: Form): Promise<string> {
  const folder = `${tool}-${form}`.replace(' ', '-');
  app.write({
    [`${folder}/package.json`]: JSON.stringify({ type: form === 'CommonJS' ? 'commonjs' : 'module' }),
    [`${folder}/index.html`]: html({ first: withoutNewParts, scripts: main }),
    [`${folder}/main.js`]: applications[form],
    [`${folder}/bundle.mjs`]: `process.chdir(import.meta.dirname);\nawait import('./build.mjs');`,
    [`${folder}/build.mjs`]: bundlers[tool],
  });
  await app.node(`${folder}/bundle.mjs`);
  return join(app.directory, folder, 'out');
}

/** Where a bundler's own code keeps something. */
const ownGlobals: Partial<Record<Tool, Partial<Record<Form, string[]>>>> = {
  webpack: { 'ES modules': ['webpackChunk'] },
};

describe.each(tools)('bundled by %s', (tool) => {
  it.each(Object.keys(applications) as Form[])(
    'as %s, it touches no global until it is asked to, loads what it needs, and signs in',
    async (form) => {
      const folder = await bundle(tool, form);
      await onPageOf(folder, chromium, async (opened) => {
        await expect(signIn(opened)).resolves.toEqual(signedIn);
        expect(loadedBy(opened)).toEqual({ ...untouched, changed: ownGlobals[tool]?.[form] ?? [] });
      });
    },
  );
});

/** A folder of the project with the package's files beside its page, as the README lays them there. */
function folderOf(folder: string, files: Readonly<Record<string, string>>): string {
  const packaged = join(app.directory, 'node_modules/latchkey/dist');
  const script = 'latchkey.umd.min.js';
  cpSync(packaged, join(app.directory, folder, 'latchkey'), { recursive: true });
  cpSync(join(packaged, script), join(app.directory, folder, script));
  app.write(Object.fromEntries(Object.entries(files).map(([name, text]) => [`${folder}/${name}`, text])));
  return join(app.directory, folder);
}

const globalsOfScript = ['Auth0Client', 'auth0', 'createAuth0Client'];

describe('without a bundler', () => {
  /** The README's lines for a page, with the hash that they leave out: the one of a file. */
  const script = (file: string) => {
    const list = readFileSync(join(app.directory, 'node_modules/latchkey/dist/integrity.json'), 'utf8');
    return readme.script.replace('sha384-…', (JSON.parse(list) as Record<string, string>)[file] ?? '');
  };

  it('an import map finds it, and it signs in', async () => {
    const folder = folderOf('import-map', {
      'index.html': html({ scripts: readme.importMap + main }),
      'main.js': applications['ES modules'],
    });
    await onPageOf(folder, chromium, async (opened) => {
      await expect(signIn(opened)).resolves.toEqual(signedIn);
      expect(loadedBy(opened)).toEqual(untouched);
    });
  });

  it('a script gives three globals, and signs in', async () => {
    const end = `<script>${construct.replace('new ', 'new auth0.')}${report}</script>`;
    const folder = folderOf('script', {
      'index.html': html({ scripts: script('latchkey.umd.min.js') + end + main }),
      'main.js': tenLinesAlone(), // the README's second script has named the function
    });
    await onPageOf(folder, chromium, async (opened) => {
      await expect(signIn(opened)).resolves.toEqual(signedIn);
      expect(loadedBy(opened)).toEqual({ ...untouched, changed: globalsOfScript });
    });
  });

  it('a popup hands its answer over on a page of its own', async () => {
    const folder = folderOf('popup', {
      'index.html': `<!doctype html>${readme.importMap}<button>Log in</button>${main}`,
      'popup.html': `<!doctype html>${readme.importMap}<script type="module">${readme.popupCallback}</script>`,
      'main.js': `import { Auth0Client } from 'latchkey';
        const auth0 = new Auth0Client({
          domain: 'http://localhost:4400',
          clientId: 'spa',
          popupCallbackUrl: '/popup.html',
        });
        document.querySelector('button').onclick = async () => {
          await auth0.loginWithPopup();
          console.log(await auth0.getUser(), (await auth0.getIdTokenClaims()).__raw);
        };`,
    });
    await onPageOf(folder, chromium, async (opened) => {
      const [[popup]] = await Promise.all([
        once(opened.page as unknown as EventEmitter, 'popup', { signal: AbortSignal.timeout(10_000) }),
        opened.page.click('button'),
      ]);
      await expect(signIn({ ...opened, page: popup as Page })).resolves.toEqual(signedIn);
    });
  });

  it('a script of another hash does not run', async () => {
    const folder = folderOf('wrong-hash', { 'index.html': html({ scripts: script('latchkey.umd.js') }) });
    await onPageOf(folder, chromium, async ({ page }) => {
      await expect(page.evaluate(() => 'auth0' in globalThis)).resolves.toBe(false);
    });
  });
});

describe('in a web worker', () => {
  it.each([
    [
      'the ES modules touch no global',
      'module',
      `import { observe } from './watch.js';
      import { Auth0Client, createAuth0Client } from './latchkey/index.js';\n`,
      [],
    ],
    [
      'the script gives three globals',
      'classic',
      `${watching(partsOfPages)}importScripts('latchkey.umd.min.js');\n`,
      globalsOfScript,
    ],
  ] as const)('%s', async (_, type, load, changed) => {
    const folder = folderOf(`worker-${type}`, {
      'index.html': '<!doctype html>',
      'watch.js': watchingModule(partsOfPages),
      'worker.js': `${load}${construct}${report.replace('console.log', 'postMessage')}`,
    });
    await onPageOf(folder, chromium, async ({ page }) => {
      const answer = page.evaluate(
        (type) =>
          new Promise<string>((resolve, reject) => {
            const worker = new Worker('/worker.js', { type });
            worker.addEventListener('message', ({ data }) => resolve(data as string));
            worker.addEventListener('error', ({ message }) => reject(new Error(message)));
          }),
        type,
      );
      expect(JSON.parse(await answer)).toEqual({ ...untouched, changed });
    });
  });
});
