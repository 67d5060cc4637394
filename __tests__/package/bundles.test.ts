import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { importsOf } from '../architecture/import-directions.ts';
import { root, roomOf } from '../architecture/source-files.ts';

const run = promisify(execFile);

const dist = join(root, 'dist');

const scripts = ['latchkey.umd.js', 'latchkey.umd.min.js'];
const formats = ['index.js', 'index.cjs', ...scripts];

describe.each(formats)('the SDK as %s', (file) => {
  it('holds nothing of the tenant', () => {
    const { rooms, packages } = contentsOf([file]);
    expect(rooms).toContain('auth0-client');
    expect(rooms.filter((room) => room.startsWith('tenant'))).toEqual([]);
    expect(difference(packages, ['es-cookie', 'browser-tabs-lock', 'dpop', 'tslib'])).toEqual([]);
  });

  it('imports no package: installing latchkey installs nothing else', () => {
    expect(bareImports([file])).toEqual([]);
    expect(read(file)).not.toMatch(/\brequire\(/);
  });
});

describe('the SDK', () => {
  it.each(['index.js', 'index.cjs'])(
    'touches no global and leaves no handle open when Node imports %s',
    async (file) => {
      expect(await importInNode(join(dist, file))).toMatchObject({ touched: [], ended: true });
    },
  );

  it('is the same in every format, down to the features that index.js loads on first use', () => {
    const { rooms, packages } = contentsOf(['index.js']);
    for (const file of formats) expect(contentsOf([file])).toEqual({ rooms, packages });
    for (const file of formats.slice(1)) expect(importsOfChunk(file)).toEqual([]);
  });

  // npm run build && LATCHKEY_WRITE_DOCS=1 npm run package -- bundles
  it('has the types of docs/api/latchkey.d.ts (with LATCHKEY_WRITE_DOCS=1 this test writes them anew)', () => {
    const page = join(root, 'docs/api/latchkey.d.ts');
    const types = read('index.d.ts');
    if (process.env.LATCHKEY_WRITE_DOCS) writeFileSync(page, types);
    expect(readFileSync(page, 'utf8')).toBe(types);
    expect(read('index.d.cts')).toBe(types);
  });

  it('lists the hash of every script, for a page that says which one it means', () => {
    const hashes = scripts.map((file) => [
      file,
      `sha384-${createHash('sha384')
        .update(readFileSync(join(dist, file)))
        .digest('base64')}`,
    ]);
    expect(JSON.parse(read('integrity.json'))).toEqual(Object.fromEntries(hashes));
  });
});

describe('the bundle of the page that popups return to', () => {
  it('is one file, holds nothing of the SDK’s core, and touches no global when it is imported', async () => {
    expect(chunksOf(['popup-callback.js'])).toEqual(['popup-callback.js']);
    expect(
      difference(contentsOf(['popup-callback.js']).rooms, ['browser', 'oauth', 'popup-callback']),
    ).toEqual([]);
    expect(await importInNode(join(dist, 'popup-callback.js'))).toMatchObject({ touched: [], ended: true });
  });
});

describe('the fake client for tests', () => {
  it.each([
    ['testing.js', './index.js'],
    ['testing.cjs', './index.cjs'],
  ])('takes its errors from the SDK: %s', async (file, sdk) => {
    expect(read(file)).toContain(`'${sdk}'`);
    expect(read(file)).not.toContain('class GenericError');
    expect(await importInNode(join(dist, file))).toMatchObject({ touched: [], ended: true });
  });
});

describe('the bundles of the tenant', () => {
  const entries = ['tenant.js', 'tenant-node.js', 'tenant-jest.js', 'latchkey.js'];

  it('hold nothing of the SDK but the words of OAuth and the clock', () => {
    const { rooms, packages } = contentsOf(entries);
    expect(rooms).toContain('tenant');
    expect(difference(rooms, ['tenant', 'tenant-node', 'tenant-jest', 'oauth', 'clock'])).toEqual([]);
    expect(packages.filter((name) => ['es-cookie', 'browser-tabs-lock', 'dpop'].includes(name))).toEqual([]);
  });

  it('import no package; only tenant/node imports modules of Node', () => {
    expect(bareImports(['tenant.js'])).toEqual([]);
    expect(bareImports(entries).filter((specifier) => !specifier.startsWith('node:'))).toEqual([]);
  });

  it('of the matchers hold nothing of the tenant: they are told which one', () => {
    expect(contentsOf(['tenant-jest.js'])).toEqual({ rooms: ['tenant-jest'], packages: [] });
  });

  it('share no chunk with the SDK', () => {
    const sdk = chunksOf(['index.js']);
    expect(chunksOf(entries).filter((chunk) => sdk.includes(chunk))).toEqual([]);
  });
});

describe('the build', () => {
  it.each([
    ['latchkey', formats],
    [
      'latchkey/tenant, latchkey/tenant/node, latchkey/tenant/jest, the command latchkey',
      ['tenant.js', 'tenant-node.js', 'tenant-jest.js', 'latchkey.js'],
    ],
  ])('prints the licence of every package that is in %s, and of no other', (entry, files) => {
    const [, section = ''] = new RegExp(`^# In ${entry}\n([^]*?)(?=^# In |$(?![^]))`, 'm').exec(
      read('THIRD-PARTY-LICENSES'),
    )!;
    const licences = section.split(/^## /m).slice(1);
    expect(licences.map((text) => text.split(' ')[0])).toEqual(contentsOf(files).packages);
    for (const text of licences) expect(text).toMatch(/Copyright .*[^]*Permission is hereby granted/);
  });

  it('gives every script a map that carries its sources', () => {
    const names = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((name) =>
      /\.c?js$/.test(name),
    );
    expect(names).toEqual(expect.arrayContaining(formats));
    for (const name of names) {
      expect(read(name)).toMatch(new RegExp(`\n//# sourceMappingURL=${basename(name)}\\.map\n?$`));
      const { sources, sourcesContent } = sourceMapOf(name);
      expect(sourcesContent.filter((text) => typeof text === 'string')).toHaveLength(sources.length);
    }
  });

  it('makes no chunk that belongs to no entry', () => {
    const built = readdirSync(join(dist, 'chunks'), { encoding: 'utf8' }).filter((name) =>
      name.endsWith('.js'),
    );
    const reached = chunksOf(['index.js', 'tenant.js', 'tenant-node.js', 'tenant-jest.js', 'latchkey.js']);
    expect(
      difference(
        built.map((name) => join('chunks', name)),
        reached,
      ),
    ).toEqual([]);
  });
});

const difference = (all: readonly string[], known: readonly string[]) =>
  all.filter((item) => !known.includes(item));

const read = (name: string) => readFileSync(join(dist, name), 'utf8');

const sourceMapOf = (name: string) =>
  JSON.parse(read(`${name}.map`)) as { sources: string[]; sourcesContent: (string | null)[] };

const importsOfChunk = (chunk: string): readonly string[] => {
  const known = importsByChunk.get(chunk);
  if (known) return known;
  const imports = importsOf({ path: chunk, text: read(chunk) }).map(({ specifier }) => specifier ?? '?');
  importsByChunk.set(chunk, imports);
  return imports;
};
const importsByChunk = new Map<string, readonly string[]>();

/** The entries and everything that they import, now or on first use; paths relative to `dist/`. */
function chunksOf(entries: readonly string[]): string[] {
  const found = new Set(entries);
  // A set hands out what is added during the iteration.
  for (const chunk of found)
    for (const specifier of importsOfChunk(chunk))
      if (specifier.startsWith('.')) found.add(join(dirname(chunk), specifier));
  return [...found];
}

const bareImports = (entries: readonly string[]): string[] =>
  chunksOf(entries)
    .flatMap(importsOfChunk)
    .filter((specifier) => !specifier.startsWith('.'));

/** The rooms of `src/` and the packages that the source maps of these entries and their chunks name. */
function contentsOf(entries: readonly string[]): { rooms: string[]; packages: string[] } {
  const rooms = new Set<string>();
  const packages = new Set<string>();
  for (const chunk of chunksOf(entries)) {
    for (const source of sourceMapOf(chunk).sources) {
      const path = resolve(dist, dirname(chunk), source);
      const [, packageName] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path) ?? [];
      if (packageName) packages.add(packageName);
      else if (!source.startsWith('\0')) rooms.add(roomOf(relative(join(root, 'src'), path)));
    }
  }
  return { rooms: [...rooms].sort(), packages: [...packages].sort() };
}

/** Imports a module in a new Node whose globals tell when somebody reads them, and waits for that Node to end. */
async function importInNode(path: string) {
  const script = `
    import { setTimeout } from 'node:timers';
    import { runInNewContext } from 'node:vm';
    const language = new Set(runInNewContext('Object.getOwnPropertyNames(globalThis)'));
    const ofBrowsers = [
      'window', 'document', 'self', 'localStorage', 'sessionStorage', 'navigator', 'location', 'history', 'indexedDB',
      'Worker', 'SharedWorker', 'name', 'parent', 'opener', 'cookieStore', 'caches', 'addEventListener',
    ];
    const touched = new Set();
    const { process, console } = globalThis;
    const names = [...Object.getOwnPropertyNames(globalThis), ...ofBrowsers];
    for (const name of new Set(names.filter((name) => !language.has(name)))) {
      const value = globalThis[name];
      const get = () => (touched.add(name), value);
      Object.defineProperty(globalThis, name, { configurable: true, get });
    }
    touched.clear();
    await import(${JSON.stringify(pathToFileURL(path).href)});
    const report = { touched: [...touched], open: process.getActiveResourcesInfo(), ended: false };
    const print = () => console.log(JSON.stringify(report));
    process.once('beforeExit', () => print((report.ended = true)));
    setTimeout(() => process.exit(print()), 2_000).unref();
  `;
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script]);
  return JSON.parse(stdout) as { touched: string[]; open: string[]; ended: boolean };
}
