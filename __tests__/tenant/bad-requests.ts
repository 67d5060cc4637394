/** Requests that nobody honest sends, and the proof that they do no harm. */
import { expect } from '@jest/globals';
import fc from 'fast-check';
import type { Tenant } from '../../src/tenant/index.ts';
import { tenantBrowser } from '../support/tenant-browser.ts';
import { aCode, ada, authorizeUrl, login, verifier } from './a-tenant.ts';

export const form = 'application/x-www-form-urlencoded';
export const json = 'application/json';
export const html = '"><script>alert(1)</script><b x=\'';
export const large = 'a'.repeat(300_000);
/** JSON that whoever walks down it by recursion does not come back from. */
export const deep = '['.repeat(60_000) + ']'.repeat(60_000);
/** What every object has already. */
export const inherited = ['__proto__', 'constructor', 'toString'];

export interface Sent {
  readonly method?: string;
  readonly path: string;
  /** A list, so that a name may come twice. */
  readonly query?: readonly (readonly [string, string])[];
  readonly body?: string;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** In the place of an id, as it stands in a path. */
export const oddIds: readonly (readonly [string, string])[] = [
  ['nobody', 'nobody'],
  ['markup', encodeURIComponent(html)],
  ['a path', '..%2f..%2fusers'],
  ['a NUL', 'spa%00'],
  ['a broken encoding', '%E0%A4%A'],
  ['a name that is very long', 'a'.repeat(50_000)],
  ...inherited.map((name) => [name, name] as const),
];

/** Bodies that are no JSON object. */
export const noObjects: readonly (readonly [string, string])[] = [
  ['no JSON', '{'],
  ['a list', '[]'],
  ['null', 'null'],
  ['a number', '7'],
  ['a text', '"text"'],
  ['a list without a bottom', deep],
];

/** Pairs of a query or a form; `null` takes one away, a list repeats it. */
export function pairs(
  from: Readonly<Record<string, string>>,
  changes: Readonly<Record<string, string | readonly string[] | null>> = {},
): readonly (readonly [string, string])[] {
  const merged: Readonly<Record<string, string | readonly string[] | null>> = { ...from, ...changes };
  return Object.entries(merged).flatMap(([name, value]) =>
    value === null ? [] : [value].flat().map((text) => [name, text] as const),
  );
}

export const encoded = (list: readonly (readonly [string, string])[]): string =>
  new URLSearchParams(list.map(([name, value]) => [name, value])).toString();

/** What a tenant and its clients hold, and what must not get about. */
export interface InUse {
  readonly tenant: Tenant;
  readonly secrets: readonly string[];
}

/** Somebody is signed in, holds tokens and a code, and has a login page open. */
export async function putToUse(tenant: Tenant) {
  const tokens = await login(tenant);
  const refreshToken = String(tokens['refresh_token']);
  const accessToken = String(tokens['access_token']);
  const code = await aCode(tenant);
  const session = tenant.signIn(ada.email, { client_id: 'spa' }).cookie;
  const browser = tenantBrowser(tenant);
  const page = await browser.visit(authorizeUrl());
  const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  const csrf = /name="csrf" value="([^"]*)"/.exec(page.body)?.[1] ?? '';
  const state = page.url.searchParams.get('state') ?? '';
  const secrets = [
    refreshToken,
    accessToken,
    code,
    session,
    csrf,
    verifier,
    ada.password,
    's3 cret',
    tenant.developmentToken,
  ];
  return { tenant, secrets, refreshToken, accessToken, code, page: { state, csrf, cookie } };
}

export function send(
  tenant: Tenant,
  { method = 'GET', path, query = [], body, type, headers = {} }: Sent,
): Promise<Response> {
  const search = query.length > 0 ? `?${encoded(query)}` : '';
  return tenant.fetch(
    new Request(tenant.baseUrl + path + search, {
      method,
      headers: { ...headers, ...(type !== undefined && { 'content-type': type }) },
      ...(body !== undefined && { body }),
      redirect: 'manual',
    }),
  );
}

/** All that a request could have changed. What was refused may be in the journal. */
export function remembered(tenant: Tenant, snapshot = tenant.snapshot()): string {
  const { state, clock, faults } = snapshot.remembered as Readonly<Record<string, unknown>>;
  return JSON.stringify({ state, clock, faults }, null, 1); // lines, so that a difference can be read
}

/**
 * Nothing that was there is gone; nothing is told of the tenant's inside, no markup of the sender's, and by a refusal no
 * secret that it was not asked with.
 */
export async function expectUnchanged({ tenant, secrets }: InUse, sent: Sent): Promise<Response> {
  const snapshot = tenant.snapshot();
  const before = remembered(tenant, snapshot);
  const latest = tenant.journal.at(-1);
  const response = await send(tenant, sent);
  const text = await response.clone().text();
  const after = remembered(tenant);
  const log = JSON.stringify(tenant.journal.slice(latest ? tenant.journal.indexOf(latest) + 1 : 0));
  if (after !== before) tenant.restore(snapshot); // so that the next one does not pay for it
  expect(after).toBe(before);
  expect(response.status).toBeLessThan(500);
  expect(text).not.toMatch(/\n\s+at |node_modules|\.ts:\d/); // a stack
  if (response.headers.get('content-type')?.includes('html')) expect(text).not.toMatch(/<script>alert|<b x=/);
  for (const secret of secrets) expect(log).not.toContain(secret);
  const asked = JSON.stringify(sent);
  const others = secrets.filter((held) => !asked.includes(held) && !asked.includes(encodeURIComponent(held)));
  if (!response.ok) for (const secret of others) expect(text).not.toContain(secret);
  return response;
}

/** Refused without harm. */
export async function expectHarmless(used: InUse, sent: Sent): Promise<Response> {
  const response = await expectUnchanged(used, sent);
  expect(response.status).toBeGreaterThanOrEqual(400);
  expect(response.headers.get('location')).toBeNull();
  return response;
}

const { LATCHKEY_ROUNDS, LATCHKEY_SEED, LATCHKEY_PATH } = process.env;

/** JSON objects whose members nobody knows, some of which every object has; a member that is known is not among them. */
export const strangeObjects: fc.Arbitrary<string> = fc
  .array(
    fc.tuple(
      fc.oneof(
        fc.constantFrom(...inherited),
        fc.string().map((name) => `x${name}`),
      ),
      fc.json(),
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((members) => `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join()}}`);

/** Whatever is sent there, with whatever else: nothing fails, and nothing changes. */
export async function expectToBearAnything(
  used: InUse,
  asked: {
    /** Where to, by which method. */
    readonly targets: fc.Arbitrary<Sent>;
    readonly parameters: readonly string[];
    readonly bodies: fc.Arbitrary<string>;
    readonly judge: (sent: Sent, response: Response) => void;
  },
): Promise<void> {
  const types = [form, json, 'text/plain', 'multipart/form-data', ''];
  const values = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.webUrl(),
    fc.constantFrom('spa', html, '-1', '1e9', ...inherited),
  );
  await fc.assert(
    fc.asyncProperty(
      asked.targets,
      fc.option(fc.constantFrom(...types), { nil: undefined }),
      fc.oneof(fc.string({ unit: 'binary', minLength: 1 }), asked.bodies),
      fc.array(fc.tuple(fc.constantFrom(...asked.parameters, ...inherited), values), { maxLength: 4 }),
      async ({ method = 'GET', path, headers, type: ownType }, otherType, body, query) => {
        const type = otherType ?? ownType;
        const sent = {
          method,
          path,
          query,
          ...(headers && { headers }),
          ...(type !== undefined && { type }),
          ...(method !== 'GET' && method !== 'HEAD' && { body }),
        };
        asked.judge(sent, await expectUnchanged(used, sent));
      },
    ),
    {
      seed: Number(LATCHKEY_SEED ?? 1),
      numRuns: LATCHKEY_ROUNDS === 'all' ? 5_000 : 500,
      ...(LATCHKEY_PATH !== undefined && { path: LATCHKEY_PATH }),
    },
  );
}

/**
 * Refused for its method alone, with those that there are.
 * @param routes all of them, `GET /clients/:id`
 */
export async function expectOtherMethodRefused(
  used: InUse,
  sent: Sent,
  { routes, base }: { readonly routes: readonly string[]; readonly base: string },
): Promise<void> {
  const response = await expectHarmless(used, { ...sent, method: sent.method === 'PUT' ? 'PATCH' : 'PUT' });
  expect(response.status).toBe(405);
  const taken = routes
    .map((route) => route.split(' '))
    .filter(([, path = '']) => new RegExp(`^${base}${path.replaceAll(/:\w+/g, '[^/]+')}$`).test(sent.path))
    .flatMap(([method]) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  expect(new Set(response.headers.get('allow')?.split(', '))).toEqual(new Set(taken));
}

/** A request with other pairs in its query, or else in its form. */
export function changed(
  sent: Sent,
  changes: Readonly<Record<string, string | readonly string[] | null>>,
): Sent {
  if (sent.query && sent.body === undefined)
    return { ...sent, query: pairs(Object.fromEntries(sent.query), changes) };
  return { ...sent, body: encoded(pairs(Object.fromEntries(new URLSearchParams(sent.body)), changes)) };
}
