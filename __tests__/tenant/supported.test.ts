import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { routes } from '../../src/tenant/create-tenant.ts';
import type { TenantContext } from '../../src/tenant/context.ts';
import { tenantBrowser } from '../support/tenant-browser.ts';
import { ada, aTenant, authorizeUrl, login, refresh } from './a-tenant.ts';
import { authorizeParameters, endpoints, supportedPage, type Endpoint } from './supported.ts';

const root = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');
const sourceFiles = readdirSync(fileURLToPath(new URL('src/tenant', root)), {
  recursive: true,
  encoding: 'utf8',
})
  .filter((name) => name.endsWith('.ts'))
  .map((name) => read(`src/tenant/${name}`));

/** Texts and names of members in a file: as what a parameter may stand there. */
function wordsOf(text: string): ReadonlySet<string> {
  const words = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) || ts.isIdentifier(node))
      for (const word of node.text.split(/[^\w-]+/)) words.add(word);
    if (ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node))
      for (const word of node.text.split(/[^\w-]+/)) words.add(word);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('a.ts', text, ts.ScriptTarget.ES2022, true));
  return words;
}

const sourceWords = new Set(sourceFiles.flatMap((text) => [...wordsOf(text)]));
const wordsOfTests = new Map<string, ReadonlySet<string>>();
const wordsOfTest = (name: string): ReadonlySet<string> => {
  const known = wordsOfTests.get(name) ?? wordsOf(read(`__tests__/tenant/${name}.test.ts`));
  wordsOfTests.set(name, known);
  return known;
};
/** What tests of an endpoint share. */
const shared = new Set(
  ['a-tenant', 'a-manager', 'bad-requests'].flatMap((name) => [
    ...wordsOf(read(`__tests__/tenant/${name}.ts`)),
  ]),
);

const named = endpoints.map(
  (endpoint) => [[...endpoint.routes, endpoint.grant ?? ''].join(' '), endpoint] as const,
);

it('every route of the tenant is listed, and no other', () => {
  const { configuration } = {
    configuration: { quirks: {}, rate_limits: 'none', baseUrl: 'http://localhost' },
  };
  const context = { configuration, state: {} } as unknown as TenantContext; // the router is made, and asked nothing
  const router = routes(context, {} as Parameters<typeof routes>[1]);
  const there = router.routes
    .filter(({ method }) => method !== 'ALL')
    .map(({ method, path }) => `${method} ${path}`);
  const listed = endpoints.flatMap((endpoint) => endpoint.routes);
  expect([...new Set(listed)].sort()).toEqual([...new Set(there)].sort());
});

it('every parameter that the source reads by its name is listed', () => {
  const names = sourceFiles.flatMap((text) =>
    [...text.matchAll(/(?:parameters|form|sent)\.get\('(\w+)'\)|req\.query\('(\w+)'\)/g)].map(
      ([, a, b]) => a ?? b ?? '',
    ),
  );
  const listed = new Set(endpoints.flatMap(({ parameters = {} }) => Object.keys(parameters)));
  expect(names.length).toBeGreaterThan(50);
  expect([...new Set(names)].filter((name) => !listed.has(name))).toEqual([]);
});

const supportedOf = ({ parameters = {} }: Endpoint) =>
  Object.entries(parameters).flatMap(([name, support]) => (support === 'supported' ? [name] : []));

describe.each(named)('%s', (_, endpoint) => {
  it('the source knows every parameter that is supported', () => {
    expect(supportedOf(endpoint).filter((name) => !sourceWords.has(name))).toEqual([]);
  });

  it('its tests speak of every parameter that is supported', () => {
    const words = new Set(endpoint.tests.flatMap((name) => [...wordsOfTest(name)]));
    expect(supportedOf(endpoint).filter((name) => !words.has(name) && !shared.has(name))).toEqual([]);
  });
});

const withSupport = (wanted: string, parameters: Endpoint['parameters'] = {}) =>
  Object.entries(parameters).flatMap(([name, support]) => (support === wanted ? [name] : []));

describe('at /authorize', () => {
  /** Where the application is called back, by name. */
  async function answerTo(changes: Record<string, string>) {
    const tenant = aTenant();
    const browser = tenantBrowser(tenant);
    browser.setCookie(tenant.signIn(ada.email, { client_id: 'spa' }).cookie);
    const { url } = await browser.visit(authorizeUrl(changes));
    return Object.fromEntries(url.searchParams);
  }

  it.each(withSupport('ignored', authorizeParameters))('%s is ignored', async (name) => {
    expect(await answerTo({ [name]: 'anything' })).toEqual(await answerTo({}));
  });

  it.each(withSupport('refused', authorizeParameters))('%s is refused', async (name) => {
    expect(await answerTo({ [name]: 'anything' })).toHaveProperty('error');
  });
});

describe('at the token endpoint', () => {
  const grant = endpoints.find((endpoint) => endpoint.grant === 'refresh_token');
  it.each(withSupport('ignored', grant?.parameters))('%s of a refresh is ignored', async (name) => {
    const tenant = aTenant();
    const { refresh_token } = await login(tenant);
    expect(await refresh(tenant, refresh_token, { [name]: 'anything' })).toMatchObject({ status: 200 });
  });
});

// LATCHKEY_WRITE_DOCS=1 writes it anew.
it('SUPPORTED.md says so', () => {
  const page = new URL('SUPPORTED.md', root);
  if (process.env['LATCHKEY_WRITE_DOCS']) writeFileSync(page, supportedPage());
  expect(readFileSync(page, 'utf8')).toBe(supportedPage());
});
