import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { TenantContext } from '../../src/tenant/context.ts';
import { developmentRoutes } from '../../src/tenant/endpoints/development.ts';
import type { TenantSnapshot } from '../../src/tenant/index.ts';
import { aTenant, refresh, rotating } from './a-tenant.ts';
import {
  deep,
  expectHarmless,
  expectOtherMethodRefused,
  expectToBearAnything,
  form,
  html,
  inherited,
  json,
  large,
  noObjects,
  oddIds,
  putToUse,
  send,
  strangeObjects,
  type InUse,
  type Sent,
} from './bad-requests.ts';

interface Route {
  /** In the place of `:id`, and what nobody has there. */
  readonly id?: (ids: Ids) => string;
  readonly body?: (ids: Ids) => object;
  /** Bodies that are refused, with 400 unless it says otherwise. */
  readonly refuses?: readonly (readonly [what: string, body: string, status?: number])[];
}

interface Ids {
  readonly family: string;
  readonly fault: string;
  readonly refreshToken: string;
  readonly snapshot: TenantSnapshot;
}

/** Instead of one member. */
const instead = (name: string, ...values: readonly string[]) =>
  values.map((value) => [`${name}: ${value.slice(0, 20)}`, `{"${name}":${value}}`] as const);

/** Every route, and an honest request to it. */
const routes: Readonly<Record<string, Route>> = {
  'GET /journal': {},
  'GET /events': {},
  'GET /families': {},
  'POST /families/:id/replay': {
    id: ({ family }) => family,
    body: () => ({ counter: 2 }),
    refuses: [
      ...noObjects,
      ['a member of nobody', '{"conter":2}'],
      ...inherited.map((name) => [name, `{"${name}":2}`] as const),
      ...instead('counter', '"1"', 'null', '[1]', deep),
      ...['99', '0', '-1', '1.5', '1e999', '4294967297'].map(
        (counter) => [`a token ${counter}`, `{"counter":${counter}}`, 404] as const,
      ),
    ],
  },
  'POST /explain': {
    body: ({ refreshToken }) => ({ token: refreshToken }),
    refuses: [
      ['nothing', ''],
      ['a member too many', '{"token":"x","more":1}'],
      ...noObjects,
      ...instead('token', '1', 'null', '""', '["x"]', deep),
    ],
  },
  'PATCH /clients/:id': {
    id: () => 'spa',
    body: () => ({ refresh_token: rotating }),
    refuses: [
      ['nothing', ''],
      ...noObjects,
      ['another setting', '{"callbacks":["https://evil.example"]}'],
      ['another setting too', '{"refresh_token":null,"callbacks":["https://evil.example"]}'],
      ...inherited.map((name) => [`${name} too`, `{"refresh_token":null,"${name}":null}`] as const),
      ...instead('refresh_token', '"rotating"', '1', 'true', '[]', '{}', deep, `{"rotation_type":${deep}}`),
      ...instead('refresh_token', ...inherited.map((name) => `{"${name}":{"rotation_type":"rotating"}}`)),
      ...[...inherited, 'leeway', 'policies', 'token_lifetime', 'infinite_token_lifetime'].map(
        (name): [string, string] => [
          `${name} that is none`,
          JSON.stringify({ refresh_token: rotating }).replace('}}', `,"${name}":"3"}}`),
        ],
      ),
    ],
  },
  'GET /faults': {},
  'POST /faults': {
    body: () => ({ kind: 'delay', ms: 1 }),
    refuses: [
      ['nothing', ''],
      ...noObjects,
      ...instead('kind', '"flood"', '1', 'null', '["delay"]', deep, ...inherited.map((name) => `"${name}"`)),
      ['a member of nobody', '{"kind":"delay","ms":1,"url":"x"}'],
      ...inherited.map((name) => [`${name} too`, `{"kind":"delay","${name}":{}}`] as const),
      ...['1e999', '-1', '"1"', 'null', deep].map((value): [string, string] => [
        `ms: ${value.slice(0, 20)}`,
        `{"kind":"delay","ms":${value}}`,
      ]),
      ['a path that is none', '{"kind":"delay","endpoint":"https://evil.example"}'],
      ['no times', '{"kind":"delay","times":0}'],
      ['times without a number', '{"kind":"delay","times":"often"}'],
    ],
  },
  'DELETE /faults': {},
  'DELETE /faults/:id': { id: ({ fault }) => fault },
  'POST /outbox': {},
  'POST /snapshot': {},
  'POST /restore': {
    body: ({ snapshot }) => snapshot,
    refuses: [
      ['nothing', ''],
      ...noObjects,
      ...inherited.map((name) => [name, `{"${name}":{"format":"latchkey tenant snapshot"}}`] as const),
      ['another format', '{"format":"another","version":1}'],
      ...['2', '"1"', 'null', deep].map((version): [string, string] => [
        `version ${version.slice(0, 20)}`,
        `{"format":"latchkey tenant snapshot","version":${version}}`,
      ]),
      ...['null', '{}', '[]', '1', deep].map((remembered): [string, string] => [
        `what was not remembered: ${remembered.slice(0, 20)}`,
        `{"format":"latchkey tenant snapshot","version":1,"checksum":1,"remembered":${remembered}}`,
      ]),
    ],
  },
  'POST /reset': {},
  'GET /clock': {},
  'POST /clock': {
    body: () => ({ advance: '5m' }),
    refuses: [
      ['nothing', ''],
      ...noObjects,
      ['both ways at once', '{"advance":"5m","set":"2027-01-01T00:00:00Z"}'],
      ['a member too many', '{"advance":"5m","more":1}'],
      ...instead('advance', '"soon"', '""', '"5"', '"-5m"', '"5 m"', `"${'9'.repeat(400)}d"`),
      ...instead('advance', '-1', '1e999', '9e15', 'null', '[]', deep),
      ...instead('advance', ...inherited.map((name) => `"1${name}"`)),
      ...instead('set', '"soon"', '""', '9e15', '-9e15', '1e999', 'null', '{}', deep),
    ],
  },
};

/** A tenant in use, with a token spent and a fault that waits for what never comes. */
async function inUse() {
  const used = await putToUse(aTenant());
  const { tenant } = used;
  const { body } = await refresh(tenant, used.refreshToken);
  const head = String(body['refresh_token']);
  const fault = tenant.faults.add({ kind: 'delay', endpoint: '/never' });
  const snapshot = tenant.snapshot();
  const ids: Ids = {
    family: tenant.families()[0]?.familyId ?? '',
    fault,
    refreshToken: head,
    snapshot,
  };
  return { ...used, secrets: [...used.secrets, head], ids };
}
type Used = Awaited<ReturnType<typeof inUse>>;

const isRead = (name: string) => name.startsWith('GET');

/** @param id in the place of the honest one, as it stands in a path */
function honest({ tenant, ids }: Used, name: string, id?: string): Sent {
  const { id: ownId, body } = routes[name] ?? {};
  const [method = '', path = ''] = name.split(' ');
  return {
    method,
    path: `/__tenant${path.replace(':id', id ?? ownId?.(ids) ?? '')}`,
    ...(!isRead(name) && { headers: { 'x-tenant-token': tenant.developmentToken } }),
    ...(body && { type: json, body: JSON.stringify(body(ids)) }),
  };
}

type Row = readonly [what: string, status: number, spoil: (sent: Sent, used: Used) => Sent];

const heading = (sent: Sent, headers: Readonly<Record<string, string>>): Sent => ({
  ...sent,
  headers: { ...sent.headers, ...headers },
});

/** Pages that may not call, and names that are not the tenant's. */
const strangers: readonly Row[] = [
  ['a foreign host', 403, (sent) => heading(sent, { host: 'evil.example' })],
  ['a host that begins alike', 403, (sent) => heading(sent, { host: 'localhost.evil.example' })],
  ['a host with a user', 403, (sent) => heading(sent, { host: 'localhost@evil.example' })],
  ['markup for a host', 403, (sent) => heading(sent, { host: html })],
  ['a foreign origin', 403, (sent) => heading(sent, { origin: 'https://evil.example' })],
  [
    'an origin that begins alike',
    403,
    (sent) => heading(sent, { origin: 'http://localhost:3000.evil.example' }),
  ],
  ['no origin that has a name', 403, (sent) => heading(sent, { origin: 'null' })],
  ['markup for an origin', 403, (sent) => heading(sent, { origin: html })],
  ['a page of another site', 403, (sent) => heading(sent, { 'sec-fetch-site': 'cross-site' })],
];

const writers: readonly Row[] = [
  ['no token of this start', 403, ({ headers: _, ...sent }) => sent],
  ['another token', 403, (sent) => heading(sent, { 'x-tenant-token': 'guessed' })],
  ['an empty token', 403, (sent) => heading(sent, { 'x-tenant-token': '' })],
  [
    'the token twice',
    403,
    (sent, { tenant: { developmentToken: token } }) =>
      heading(sent, { 'x-tenant-token': `${token}, ${token}` }),
  ],
  [
    'the token in the address',
    403,
    ({ headers: _, ...sent }, { tenant }) => ({
      ...sent,
      query: [['x-tenant-token', tenant.developmentToken]],
    }),
  ],
  [
    'the token as a bearer',
    403,
    ({ headers: _, ...sent }, { tenant }) =>
      heading(sent, { authorization: `Bearer ${tenant.developmentToken}` }),
  ],
];

function rowsOf(name: string): readonly Row[] {
  const { body: takesBody, refuses = [] } = routes[name] ?? {};
  return [
    ...strangers,
    ...(isRead(name) ? [] : writers),
    ...(takesBody && name !== 'POST /restore' ? [tooLarge] : []),
    ...(takesBody ? [['a form', 400, (sent) => ({ ...sent, type: form, body: 'a=b' })] satisfies Row] : []),
    ...refuses.map(([what, body, status = 400]): Row => [what, status, (sent) => ({ ...sent, body })]),
  ];
}

const tooLarge: Row = [
  'a body that is too large',
  413,
  (sent) => ({ ...sent, body: `${sent.body?.slice(0, -1)},"more":"${large}"}` }),
];

let used: Used;
beforeAll(async () => {
  used = await inUse();
});

it('every route under /__tenant is in the table', () => {
  const { tenant } = used;
  const context = { configuration: { baseUrl: tenant.baseUrl } } as TenantContext;
  const { routes: known } = developmentRoutes(context, tenant);
  const names = known.filter(({ method }) => method !== 'ALL').map(({ method, path }) => `${method} ${path}`);
  expect(Object.keys(routes).sort()).toEqual(names.sort());
});

describe.each(Object.keys(routes))('%s', (name) => {
  it('answers whoever may ask', async () => {
    await expectHonestToGoOn(used, name);
  });

  it('refuses other methods', async () => {
    const all = { routes: Object.keys(routes), base: '/__tenant' };
    const headers = { 'x-tenant-token': used.tenant.developmentToken };
    await expectOtherMethodRefused(used, { ...honest(used, name), headers }, all);
  });

  it.each([...rowsOf(name)])('refuses %s', async (_, status, spoil) => {
    await expectRefused(used, spoil(honest(used, name), used), status);
  });
});

const withIds = Object.entries(routes)
  .filter(([, { id }]) => id !== undefined)
  .map(([name]) => name);

describe.each(withIds)('%s', (name) => {
  it.each([...oddIds])('refuses %s', async (_, id) => {
    await expectRefused(used, honest(used, name, id), 404);
  });

  it('keeps to itself what was sent for an id and is a secret', async () => {
    await expectRefused(used, honest(used, name, used.refreshToken), 404);
  });
});

it('whatever else was sent, whoever may ask is answered', async () => {
  const own = await inUse();
  const names = Object.keys(routes);
  const methods = fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS');
  const withoutToken = fc
    .tuple(fc.constantFrom(...names.filter((name) => name !== 'GET /events')), methods)
    .map(([name, method]) => ({ path: honest(own, name).path, method }));
  const withToken = fc
    .constantFrom(...names.filter((name) => routes[name]?.body))
    .map((name) => honest(own, name));
  await expectToBearAnything(own, {
    targets: fc.oneof(withoutToken, withToken),
    parameters: ['x-tenant-token', 'token', 'counter'],
    bodies: fc.oneof(
      strangeObjects,
      fc.json().filter((text) => !text.startsWith('{')),
    ),
    judge: ({ method = '', headers }, { status }) => {
      if (!['GET', 'HEAD', 'OPTIONS'].includes(method)) expect(status).toBeGreaterThanOrEqual(400);
      if (headers) expect(status).toBeLessThan(413);
    },
  });
  for (const name of names) await expectHonestToGoOn(own, name);
}, 60_000);

async function expectRefused(by: InUse, sent: Sent, status: number): Promise<void> {
  const response = await expectHarmless(by, sent);
  expect(await response.json()).toMatchObject({ statusCode: status, message: expect.any(String) });
  expect(response.status).toBe(status);
}

/** And the tenant is afterwards as it was. */
async function expectHonestToGoOn(by: Used, name: string): Promise<void> {
  const snapshot = by.tenant.snapshot();
  const response = await send(by.tenant, honest(by, name));
  await response.body?.cancel(); // events go on
  by.tenant.restore(snapshot);
  expect(response.status).toBe(200);
}
