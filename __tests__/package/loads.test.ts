import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { root } from '../architecture/source-files.ts';
import { installApp, type InstalledApp } from './installed-app.ts';
import { manyTabs, readme } from './readme.ts';
import { construct, everyPart, report, untouched, watching, watchingModule, watchText } from './watch.ts';

const run = promisify(execFile);

jest.setTimeout(120_000);

let app: InstalledApp;

beforeAll(async () => {
  app = await installApp();
});
afterAll(() => app?.remove());

it('installs nothing but itself', () => {
  expect(app.installed).toEqual(['latchkey']);
});

it('brings the pages that its README leads to, and those that they lead to', () => {
  const folder = join(app.directory, 'node_modules/latchkey');
  const pages = new Set(['README.md']);
  for (const page of pages) {
    if (!page.endsWith('.md') || !existsSync(join(folder, page))) continue;
    for (const [, link = ''] of readFileSync(join(folder, page), 'utf8').matchAll(/\]\(([^)#:\s]+)/g))
      if (!link.startsWith('__tests__/')) pages.add(join(dirname(page), link)); // those stay in the repository
  }
  expect([...pages].filter((page) => !existsSync(join(folder, page)))).toEqual([]);
  expect(pages).toContain('docs/reference/latchkey.md');
});

/** Programs of the project; each ends with a report of what it did to the globals. */
const esModule = `${readme.esModule}import { Auth0Client } from 'latchkey';\n`;
const commonJs = `${readme.commonJs}const { Auth0Client } = require('latchkey');\n`;
const url = 'https://app.example';

/** The globals of a page in Node's own, as test runners lay them there. */
const laidOver = (page: string) => `${page}
for (const name of Object.getOwnPropertyNames(page))
  if (!(name in globalThis)) Object.defineProperty(globalThis, name, { configurable: true, value: page[name] });
export { page };\n`;

describe('loads and constructs, touches no global, and keeps no process from ending', () => {
  beforeAll(() => {
    app.link('jsdom', 'happy-dom', 'preact', 'preact-render-to-string', 'esbuild', 'jest', '@jest/globals');
    app.write({
      'watch.js': watchingModule(everyPart),
      'jsdom.js': laidOver(
        `import { JSDOM } from 'jsdom'; const { window: page } = new JSDOM('', { url: '${url}' });`,
      ),
      'happy-dom.js': laidOver(
        `import { Window } from 'happy-dom'; const page = new Window({ url: '${url}' });`,
      ),
    });
  });

  const watched = `import { observe } from './watch.js';\n`;
  it.each([
    ['in Node, as an ES module', 'main.js', watched + esModule + construct + report],
    ['in Node, as CommonJS', 'main.cjs', watching(everyPart) + commonJs + construct + report],
    [
      'beside the globals of jsdom',
      'beside-jsdom.js',
      `import { page } from './jsdom.js';\n${watched}${esModule}${construct}${report}page.close();`,
    ],
    [
      'beside the globals of happy-dom',
      'beside-happy-dom.js',
      `import { page } from './happy-dom.js';\n${watched}${esModule}${construct}${report}await page.happyDOM.close();`,
    ],
    [
      'in the window of jsdom, as CommonJS',
      'in-jsdom.js',
      `import { readFileSync } from 'node:fs';
      import { createRequire } from 'node:module';
      import { JSDOM } from 'jsdom';
      const { window } = new JSDOM('', { url: '${url}', runScripts: 'outside-only' });
      const source = readFileSync(createRequire(import.meta.url).resolve('latchkey'), 'utf8');
      const load = window.eval('(function (exports) {' + source + '\\n})');
      const exports = {};
      const observe = window.eval(${JSON.stringify(watchText(everyPart))});
      load(exports);
      const { Auth0Client, createAuth0Client } = exports;
      ${construct}${report}
      window.close();`,
    ],
    [
      'while a server renders',
      'render.js',
      `import { h } from 'preact';
      import { renderToString } from 'preact-render-to-string';
      ${watched}${esModule}
      let client;
      function App() {
        ${construct.replace('const client', 'client')}
        return h('p', null, 'Signed out');
      }
      if (renderToString(h(App)) !== '<p>Signed out</p>') throw new Error('rendered something else');
      ${report}`,
    ],
  ])('%s', async (_, file, text) => {
    app.write({ [file]: text });
    expect(JSON.parse(await app.node(file))).toEqual(untouched);
  });

  /** Bundles a program of the project. */
  const bundle = async (file: string, text: string) => {
    const options = { bundle: true, splitting: true, minify: true, format: 'esm', outdir: 'out' };
    app.write({
      [file]: text,
      'bundle.js': `import { build } from 'esbuild';
        await build({ entryPoints: ['${file}'], ...${JSON.stringify(options)} });`,
    });
    await app.node('bundle.js');
    return `out/${file}`;
  };

  it('bundled by esbuild', async () => {
    const bundled = await bundle(
      'bundled.js',
      `${esModule}${construct}export { client, createAuth0Client };`,
    );
    // Watched from outside: a bundle evaluates its shared chunks first.
    const program = `${watched}const { client, createAuth0Client } = await import('./${bundled}');\n${report}`;
    app.write({ 'of-bundle.js': program });
    expect(JSON.parse(await app.node('of-bundle.js'))).toEqual(untouched);
  });

  it.each([
    ['test of a tenant', readme.jestTest],
    ['unit test', readme.unitTest],
  ])('runs the README’s %s in Jest', async (_, test) => {
    app.write({
      'readme.test.js': test,
      'jest.config.js': 'export default { transform: {}, testMatch: ["**/readme.test.js"] };',
    });
    // Jest writes to stderr alone; were a test of the file to fail, or none to run, its exit code would not be 0.
    await app.node('--experimental-vm-modules', 'node_modules/jest/bin/jest.js', '--ci');
  });

  it('and leaves nothing in the bundle of an app that imports it and does not use it', async () => {
    const bundled = await bundle('unused.js', `${esModule}import 'latchkey/tenant'; console.log('all');`);
    expect(readFileSync(join(app.directory, bundled), 'utf8')).toBe('console.log("all");\n');
  });
});

describe('the module of auth0-spa-js v1', () => {
  const use = `
    createAuth0Client({ domain: 'tenant.example', client_id: 'app', redirect_uri: '${url}' }).then((client) => {
      client.dispose();
      console.log(JSON.stringify({
        client: client instanceof createAuth0Client.Auth0Client && client instanceof all.Auth0Client,
        missing: Object.keys(createAuth0Client).filter((name) => createAuth0Client[name] !== all[name]),
        carried: ['Auth0Client', 'GenericError', 'TimeoutError', 'LocalStorageCache'].every((name) => createAuth0Client[name]),
      }));
    });`;
  it.each([
    ['imported', 'v1.js', `import createAuth0Client, * as all from 'latchkey';`],
    ['required', 'v1.cjs', `const createAuth0Client = require('latchkey'); const all = createAuth0Client;`],
    [
      'required as a compiler writes an import',
      'v1-compiled.cjs',
      `const all = require('latchkey'); const createAuth0Client = all.__esModule ? all.default : undefined;`,
    ],
    [
      'imported as CommonJS',
      'v1-mixed.js',
      `import createAuth0Client from './node_modules/latchkey/dist/index.cjs';
      import * as all from './node_modules/latchkey/dist/index.cjs';`,
    ],
  ])('is what it was, %s: a function that carries the rest', async (_, file, text) => {
    app.write({ [file]: text + use });
    expect(JSON.parse(await app.node(file))).toEqual({ client: true, missing: [], carried: true });
  });
});

describe('the script in a window of jsdom', () => {
  it.each(['latchkey.umd.js', 'latchkey.umd.min.js'])(
    'gives a page the globals of %s: the one of its own and those of auth0-spa-js v1',
    async (file) => {
      app.write({
        'script.js': `import { readFileSync } from 'node:fs';
        import { JSDOM } from 'jsdom';
        const { window } = new JSDOM('', { url: '${url}', runScripts: 'outside-only' });
        const observe = window.eval(${JSON.stringify(watchText(everyPart))});
        window.eval(readFileSync('node_modules/latchkey/dist/${file}', 'utf8'));
        const { read, changed } = observe();
        const { auth0, createAuth0Client, Auth0Client } = window;
        // As v1's documentation begins.
        const client = await createAuth0Client({ domain: 'tenant.example', client_id: 'app', redirect_uri: '${url}' });
        console.log(JSON.stringify({
          read,
          changed,
          same: [createAuth0Client === auth0.createAuth0Client, Auth0Client === auth0.Auth0Client],
          client: client instanceof Auth0Client,
          carried: Object.keys(auth0).filter((name) => createAuth0Client[name] !== auth0[name]),
        }));
        window.close();`,
      });
      expect(JSON.parse(await app.node('script.js'))).toEqual({
        read: [],
        changed: ['Auth0Client', 'auth0', 'createAuth0Client'],
        same: [true, true],
        client: true,
        carried: [],
      });
    },
  );

  it('leaves the globals alone where it is a module of somebody', async () => {
    app.write({
      'module.cjs': `${watching(everyPart)}
      const { readFileSync } = require('node:fs');
      const factories = [];
      const define = Object.assign((names, factory) => factories.push(factory), { amd: {} });
      const source = readFileSync('node_modules/latchkey/dist/latchkey.umd.min.js', 'utf8');
      new Function('define', 'exports', 'module', source)(define);
      const asked = {};
      factories[0](asked);
      const module_ = { exports: {} };
      new Function('exports', 'module', source)(module_.exports, module_);
      const { Auth0Client, createAuth0Client } = asked;
      if (typeof module_.exports.Auth0Client !== 'function') throw new Error('no CommonJS');
      ${construct}${report}`,
    });
    expect(JSON.parse(await app.node('module.cjs'))).toEqual(untouched);
  });
});

describe('the tenant', () => {
  it.each([
    ['ES modules', 'tenant.js', (text: string) => text],
    [
      'require(), which takes ES modules',
      'tenant.cjs',
      (text: string) =>
        `(async () => {\n${text.replace(/import (.*) from '(.*)';/g, "const $1 = require('$2');")}})();`,
    ],
  ])('serves by %s, and ends', async (_, file, toModule) => {
    const listening = readme.tenant.replace(
      'await serve(tenant);',
      'const server = await serve(tenant, { port: 0 });',
    );
    app.write({
      [file]: toModule(`${listening}
        const { status } = await fetch(server.url + '/.well-known/openid-configuration');
        console.log(status);
        await server.close();\n`),
    });
    expect(await app.node(file)).toBe('200\n');
  });

  it('signs where Uint8Array is that of another realm than the rest, as in Vitest’s jsdom', async () => {
    app.write({
      'another-realm.js': `import { runInNewContext } from 'node:vm';
        globalThis.Uint8Array = runInNewContext('Uint8Array');`,
      'sign.js': `import './another-realm.js';
        import { createTenant } from 'latchkey/tenant';
        const audience = 'https://api.example';
        const machine = { client_id: 'machine', client_secret: 'm@chine' };
        const tenant = createTenant({
          clients: [{ ...machine, app_type: 'non_interactive' }],
          client_grants: [{ client_id: 'machine', audience, scope: [] }],
          resource_servers: [{ identifier: audience }],
          users: [],
        });
        const body = new URLSearchParams({ ...machine, audience, grant_type: 'client_credentials' });
        const { status } = await tenant.fetch(new Request(tenant.baseUrl + '/oauth/token', { method: 'POST', body }));
        console.log(status);`,
    });
    expect(await app.node('sign.js')).toBe('200\n');
  });
});

describe('the command', () => {
  it('serves the tenant of a file, and ends when it is told to', async () => {
    app.write({
      'tenant.json': `{
        "$schema": "./node_modules/latchkey/dist/tenant.schema.json",
        "clients": [{ "client_id": "spa" }],
        "users": []
      }`,
    });
    // npx runs what is there; without npm in between, the signal reaches the program itself.
    const [, args = ''] = /^npx latchkey (.*?) +#.*\n$/.exec(readme.command) ?? [];
    const child = spawn('node_modules/.bin/latchkey', [...args.split(' '), '--port', '0', '--json'], {
      cwd: app.directory,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
      const { issuer } = JSON.parse(line) as { issuer: string };
      const answer = await fetch(`${issuer}.well-known/openid-configuration`);
      expect(await answer.json()).toMatchObject({ issuer });
    } finally {
      child.kill('SIGINT');
    }
    expect(await once(child, 'exit')).toEqual([0, null]);
    const schema = JSON.parse(
      readFileSync(join(app.directory, 'node_modules/latchkey/dist/tenant.schema.json'), 'utf8'),
    ) as object;
    expect(schema).toHaveProperty('properties.clients');
  });
});

describe('the types', () => {
  const uses = `
    const options: Auth0ClientOptions = { domain: 'tenant.example', clientId: 'app', useRefreshTokens: true };
    export const client: Auth0Client = new Auth0Client(options);
    export const factory: (options: Auth0ClientOptions) => Promise<Auth0Client> = createAuth0Client;
    // @ts-expect-error a client id is needed
    export const nobody = createAuth0Client({ domain: 'tenant.example' });
    // @ts-expect-error a misspelt option of a client
    export const misspelt = createAuth0Client({ domain: 'tenant.example', clientId: 'app', useRefreshToken: true });
    // @ts-expect-error a misspelt option of a call
    export const off: Promise<unknown> = client.getTokenSilently({ cachemode: 'off' });`;
  const v1 = `
    const options: V1ClientOptions = { domain: 'tenant.example', client_id: 'app', audience: 'a', custom: 'b' };
    export async function v1(): Promise<string> {
      const auth0 = await createAuth0Client(options);
      if (!(auth0 instanceof createAuth0Client.Auth0Client)) throw new createAuth0Client.GenericError('a', 'b');
      await auth0.loginWithRedirect({ redirect_uri: 'b', appState: { at: 1 }, redirectMethod: 'replace', my_own: 'c' });
      const { appState } = await auth0.handleRedirectCallback<{ at: number }>();
      await auth0.loginWithPopup({ scope: 'd', max_age: 0 });
      await auth0.getUser({ audience: 'a', scope: 'd' });
      await auth0.getIdTokenClaims({ audience: 'a' });
      await auth0.logout({ returnTo: auth0.buildLogoutUrl({ federated: true }), client_id: 'app' });
      const fresh = await auth0.getTokenSilently({ ignoreCache: true, detailedResponse: true });
      const tokens = [fresh?.access_token, await auth0.getTokenSilently({ audience: 'a', scope: 'd' })];
      return tokens.join() + String(appState?.at);
    }`;
  const servers = `
    import { createTenant, type Tenant } from 'latchkey/tenant';
    import { installTenant, tenantMatchers, type InstalledTenant } from 'latchkey/tenant/jest';
    import { serve, tenantListener, type TenantListener } from 'latchkey/tenant/node';
    export const tenant: Tenant = createTenant({ baseUrl: 'http://localhost:4400', clients: [], users: [] });
    export const rotated: boolean = tenantMatchers.toHaveRotated(tenant, { client_id: 'app' }, 2).pass;
    export const browser: InstalledTenant = installTenant(tenant, window);
    export const listener: TenantListener = tenantListener(tenant);
    export const answer = tenant.fetch(new Request('http://localhost:4400'), {
      headers: tenant.signIn('ada@example.com', { client_id: 'app' }),
      setCookie: (line: string) => void line,
    });
    export const close: () => Promise<void> = async () => (await serve(tenant)).close();`;

  it.each([
    ['nodenext', ['module.mts', 'v1.mts', 'many-tabs.mts', 'common.cts', 'unit.cts', 'server.mts']],
    ['node16', ['module.mts', 'v1.mts', 'many-tabs.mts', 'common.cts', 'unit.cts']],
    ['bundler', ['module.mts', 'v1.mts', 'many-tabs.mts', 'server.mts']],
  ])('compile strictly, the package too, with moduleResolution %s', async (resolution, files) => {
    app.write({
      'module.mts': `${readme.esModule}import { Auth0Client, type Auth0ClientOptions } from 'latchkey';${uses}`,
      'v1.mts': `import createAuth0Client, { type V1ClientOptions } from 'latchkey';${v1}`,
      'common.cts': `import latchkey = require('latchkey');
        import type { Auth0ClientOptions } from 'latchkey';
        const { createAuth0Client } = latchkey;
        import Auth0Client = latchkey.Auth0Client;${uses}`,
      'unit.cts': `import testing = require('latchkey/testing');
        import type { Auth0Client } from 'latchkey';
        export const client: Auth0Client = testing.createFakeAuth0Client({ user: testing.fakeUser });`,
      'server.mts': servers,
      'many-tabs.mts': manyTabs,
    });
    const module = resolution.startsWith('node') ? resolution : 'esnext';
    const compilerOptions = {
      noEmit: true,
      strict: true,
      target: 'es2022',
      lib: ['es2022', 'dom'],
      types: [],
      module,
      moduleResolution: resolution,
    };
    app.write({ 'tsconfig.json': JSON.stringify({ compilerOptions, files }) });
    await app.node(join(root, 'node_modules/@typescript/native/bin/tsc'));
  });

  it('and the package are what publint asks for', async () => {
    const publint = join(root, 'node_modules/publint/src/cli.js');
    await expect(
      app.node(publint, 'run', 'node_modules/latchkey', '--strict', '--pack', 'false'),
    ).resolves.toContain('All good!');
  });

  // The tenant is ES modules for Node: neither TypeScript's resolution of before package exports (node10) sees its entries,
  // nor does it know, for CommonJS, that Node requires ES modules since 20.19.
  it.each([
    ['the SDK', ['--entrypoints', '.']],
    ['the fake client', ['--profile', 'node16', '--entrypoints', 'testing']],
    [
      'the tenant and the popup’s page',
      ['--profile', 'esm-only', '--entrypoints', 'tenant', 'tenant/node', 'tenant/jest', 'popup-callback'],
    ],
  ])('of %s are right in every way of resolving them', async (_, options) => {
    const attw = join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js');
    await run(process.execPath, [attw, app.tarball, ...options]); // fails where it finds a problem
  });
});
