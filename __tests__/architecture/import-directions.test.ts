import { describe, expect, it } from '@jest/globals';
import { importViolations, type ImportTable } from './import-directions.ts';
import { sourceFiles } from './source-files.ts';

const words = ['oauth', 'clock'];
const decisions = [...words, 'errors'];
const custody = [...decisions, 'core', 'environment'];
const sentences = [...custody, 'custody', 'token-endpoint'];

/** Imports point downward only. */
const table = {
  clock: [],
  oauth: ['clock (types)'],
  errors: words,
  environment: words,
  core: decisions,
  custody,
  'token-endpoint': custody,
  flows: sentences,
  browser: [...sentences, 'es-cookie', 'browser-tabs-lock', 'dpop', 'virtual:worker-script'],
  features: sentences,
  compatibility: sentences,
  engine: [...sentences, 'flows', 'browser', 'features', 'compatibility'],
  'auth0-client': [...sentences, 'flows', 'browser', 'compatibility', 'engine'],
  worker: ['custody', 'browser'],
  index: [
    'auth0-client',
    'errors',
    'core',
    'browser',
    'compatibility',
    'oauth (types)',
    'environment (types)',
  ],
  'popup-callback': ['browser'],
  testing: ['index'],
  tenant: [...words, 'hono', 'jose', 'z-schema'],
  'tenant-jest': ['tenant (types)'],
  'tenant-node': ['tenant', 'hono', '@hono/node-server', 'jsonc-parser', 'z-schema', 'node:'],
} satisfies ImportTable;

describe('imports', () => {
  it('point downward only', () => {
    expect(importViolations(sourceFiles(), table)).toEqual([]);
  });
});

describe('the checker of import directions', () => {
  const violations = (path: string, text: string) => importViolations([{ path, text }], table);

  it.each([
    ['a static import', `import { a } from '../flows/a.ts';`],
    ['an import for its effects', `import '../flows/a.ts';`],
    ['a type import', `import type { A } from '../flows/a.ts';`],
    ['a re-export', `export { a } from '../flows/a.ts';`],
    ['a re-export of everything', `export * from '../flows/a.ts';`],
    ['a dynamic import', `const a = () => import('../flows/a.ts');`],
    ['a type written as import()', `let a: import('../flows/a.ts').A;`],
    ['a detour through another folder', `import { a } from '../core/../flows/a.ts';`],
  ])('finds %s that points upward', (_, text) => {
    expect(violations('core/plan.ts', text)).toEqual(['core/plan.ts:1: core may not import flows']);
  });

  it('finds flows and browser importing each other', () => {
    expect(violations('flows/logout.ts', `import '../browser/a.ts';`)).toHaveLength(1);
    expect(violations('browser/lock.ts', `import '../flows/a.ts';`)).toHaveLength(1);
  });

  it('finds a package that the room may not use', () => {
    expect(violations('flows/logout.ts', `import Lock from 'browser-tabs-lock';`)).toHaveLength(1);
    expect(violations('tenant/index.ts', `import { serve } from '@hono/node-server/utils';`)).toEqual([
      'tenant/index.ts:1: tenant may not import @hono/node-server',
    ]);
    expect(violations('tenant/index.ts', `import { readFile } from 'node:fs';`)).toHaveLength(1);
  });

  it('tells types from values where only types are allowed', () => {
    expect(violations('oauth/id-token.ts', `import type { Seconds } from '../clock.ts';`)).toEqual([]);
    expect(violations('oauth/id-token.ts', `import { type Seconds } from '../clock.ts';`)).toEqual([]);
    expect(violations('oauth/id-token.ts', `import { type Seconds, toSeconds } from '../clock.ts';`)).toEqual(
      ['oauth/id-token.ts:1: oauth may import only types from clock'],
    );
  });

  it('finds an import whose module is computed', () => {
    expect(violations('core/plan.ts', `const a = (name: string) => import(name);`)).toHaveLength(1);
  });

  it('finds a room that nobody planned', () => {
    expect(violations('utils/strings.ts', '')).toEqual([
      'utils/strings.ts: the room "utils" has no row in the table',
    ]);
  });

  it('allows imports within a room and downward', () => {
    expect(
      violations(
        'custody/spend.ts',
        `import './family.ts'; import '../core/plan.ts'; import '../oauth/jwt.ts';`,
      ),
    ).toEqual([]);
  });
});
