import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { TenantContext } from '../../src/tenant/context.ts';
import { managementApi } from '../../src/tenant/management/management-api.ts';
import { aManagedTenant, call, managementToken } from './a-manager.ts';
import { ada, api, app, rotating } from './a-tenant.ts';
import {
  deep,
  expectHarmless,
  expectOtherMethodRefused,
  expectToBearAnything,
  expectUnchanged,
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
  /** Of what kind `:id` is. */
  readonly id?: keyof Ids;
  /** What the route cannot do without. */
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: Readonly<Record<string, unknown>> | readonly unknown[];
  /** A list by numbered pages, or only from a place on. */
  readonly pages?: 'numbered' | 'checkpoints';
  /** Further queries that are refused. */
  readonly refuses?: readonly (readonly [name: string, value: string])[];
  /** An id that is not there, or not any more, is as good as one that was deleted just now. */
  readonly idempotent?: true;
  /** The list is of something that must be there. */
  readonly listOf?: true;
}

interface Ids {
  readonly client: string;
  readonly clientGrant: string;
  readonly api: string;
  readonly device: string;
  readonly grant: string;
  readonly family: string;
  readonly session: string;
  readonly user: string;
  readonly log: string;
  /** One that signs no more. */
  readonly signingKey: string;
  readonly organization: string;
  /** One without a connection. */
  readonly bareOrganization: string;
  readonly connection: string;
  readonly invitation: string;
}

const client = {
  name: 'New',
  description: 'Another shop',
  app_type: 'spa',
  callbacks: [app],
  web_origins: [app],
  allowed_origins: [app],
  allowed_logout_urls: [app],
  grant_types: ['refresh_token'],
  token_endpoint_auth_method: 'none',
  client_metadata: { colour: 'red' },
  is_first_party: true,
  oidc_conformant: true,
  refresh_token: rotating,
};
const resourceServer = {
  name: 'New',
  scopes: [{ value: 'buy' }],
  signing_alg: 'RS256',
  allow_offline_access: true,
  token_lifetime: 60,
};
const user = {
  connection: 'Username-Password-Authentication',
  email: 'new@example.com',
  password: 'new battery',
  name: 'New',
  nickname: 'new',
  given_name: 'N',
  family_name: 'Ew',
  picture: 'https://pictures.example/new.png',
  email_verified: true,
  blocked: false,
  user_metadata: { colour: 'red' },
  app_metadata: { plan: 'gold' },
};
const connection = { display_name: 'New', enabled_clients: ['spa'], metadata: { colour: 'red' } };
const organization = {
  name: 'new-shop',
  display_name: 'New shop',
  branding: {
    logo_url: 'https://pictures.example/shop.png',
    colors: { primary: '#000000', page_background: '#ffffff' },
  },
  metadata: { colour: 'red' },
};
const enabling = { connection_id: 'con_0000000000000001', assign_membership_on_login: true };
const invitation = {
  inviter: { name: 'Ada' },
  invitee: { email: 'grace@example.com' },
  client_id: 'spa',
  ttl_sec: 60,
  user_metadata: { colour: 'red' },
  app_metadata: { plan: 'gold' },
  send_invitation_email: false,
};
const searches = [
  'AND',
  'type',
  'type:',
  ':s',
  'type:"s',
  'type:"s" extra',
  '(type:s)',
  'type:s OR type:f',
  '*',
  '"',
  html,
  ...inherited.map((name) => `${name}:x`),
].map((text) => ['q', text] as const);

/** Every route, and an honest request to it. */
const routes: Readonly<Record<string, Route>> = {
  'GET /clients': { pages: 'numbered', refuses: [['is_first_party', 'maybe']] },
  'POST /clients': { body: client },
  'GET /clients/:id': { id: 'client' },
  'PATCH /clients/:id': { id: 'client', body: client },
  'DELETE /clients/:id': { id: 'client', idempotent: true },
  'POST /clients/:id/rotate-secret': { id: 'client' },
  'GET /client-grants': { pages: 'numbered' },
  'POST /client-grants': { body: { client_id: 'server', audience: api, scope: ['read:things'] } },
  'GET /client-grants/:id': { id: 'clientGrant' },
  'PATCH /client-grants/:id': { id: 'clientGrant', body: { scope: ['read:things'] } },
  'DELETE /client-grants/:id': { id: 'clientGrant', idempotent: true },
  'GET /resource-servers': { pages: 'numbered' },
  'POST /resource-servers': { body: { ...resourceServer, identifier: 'https://new.example' } },
  'GET /resource-servers/:id': { id: 'api' },
  'PATCH /resource-servers/:id': { id: 'api', body: resourceServer },
  'DELETE /resource-servers/:id': { id: 'api', idempotent: true },
  'GET /device-credentials': {
    pages: 'numbered',
    refuses: [
      ['type', 'garbage'],
      ['type', '__proto__'],
    ],
  },
  'DELETE /device-credentials/:id': { id: 'device' },
  'GET /grants': { pages: 'numbered' },
  'DELETE /grants': { query: { user_id: 'auth0|nobody' } },
  'DELETE /grants/:id': { id: 'grant', idempotent: true },
  'GET /refresh-tokens': { query: { user_id: 'auth0|nobody' }, pages: 'checkpoints' },
  'POST /refresh-tokens/revoke': { body: { client_id: 'spa' } },
  'GET /refresh-tokens/:id': { id: 'family' },
  'PATCH /refresh-tokens/:id': { id: 'family', body: { refresh_token_metadata: { colour: 'red' } } },
  'DELETE /refresh-tokens/:id': { id: 'family', idempotent: true },
  'GET /sessions/:id': { id: 'session' },
  'PATCH /sessions/:id': { id: 'session', body: { session_metadata: { colour: 'red' } } },
  'DELETE /sessions/:id': { id: 'session', idempotent: true },
  'POST /sessions/:id/revoke': { id: 'session', idempotent: true },
  'GET /users': {
    pages: 'numbered',
    refuses: [...searches, ['sort', 'email'], ['sort', html], ['sort', 'constructor:1']],
  },
  'POST /users': { body: { ...user, user_id: 'new' } },
  'GET /users-by-email': { query: { email: ada.email } },
  'GET /users/:id': { id: 'user' },
  'PATCH /users/:id': { id: 'user', body: user },
  'DELETE /users/:id': { id: 'user', idempotent: true },
  'POST /users/:id/revoke-access': { id: 'user', body: { session_id: 'x', preserve_refresh_tokens: true } },
  'GET /users/:id/refresh-tokens': { id: 'user', pages: 'checkpoints' },
  'DELETE /users/:id/refresh-tokens': { id: 'user', idempotent: true },
  'GET /users/:id/sessions': { id: 'user', pages: 'checkpoints' },
  'DELETE /users/:id/sessions': { id: 'user', idempotent: true },
  'GET /users/:id/logs': {
    id: 'user',
    pages: 'numbered',
    listOf: true,
    refuses: [
      ['sort', 'date'],
      ['sort', html],
    ],
  },
  'GET /users/:id/organizations': { id: 'user', pages: 'numbered' },
  'GET /connections': { pages: 'numbered' },
  'POST /connections': { body: { name: 'New-Database', strategy: 'auth0', ...connection } },
  'GET /connections/:id': { id: 'connection' },
  'PATCH /connections/:id': { id: 'connection', body: connection },
  'DELETE /connections/:id': { id: 'connection', idempotent: true },
  'GET /connections/:id/clients': { id: 'connection', pages: 'checkpoints', listOf: true },
  'PATCH /connections/:id/clients': { id: 'connection', body: [{ client_id: 'spa', status: false }] },
  'GET /organizations': { pages: 'numbered' },
  'POST /organizations': { body: { ...organization, enabled_connections: [enabling] } },
  'GET /organizations/name/:name': {},
  'GET /organizations/:id': { id: 'organization' },
  'PATCH /organizations/:id': { id: 'organization', body: organization },
  'DELETE /organizations/:id': { id: 'organization' },
  'GET /organizations/:id/members': { id: 'organization', pages: 'numbered', listOf: true },
  'POST /organizations/:id/members': { id: 'organization', body: { members: ['auth0|ada'] } },
  'DELETE /organizations/:id/members': { id: 'organization', body: { members: ['auth0|ada'] } },
  'GET /organizations/:id/enabled_connections': { id: 'organization', pages: 'numbered', listOf: true },
  'POST /organizations/:id/enabled_connections': { id: 'bareOrganization', body: enabling },
  'DELETE /organizations/:id/enabled_connections/:connection': { id: 'organization' },
  'GET /organizations/:id/invitations': { id: 'organization', pages: 'numbered', listOf: true },
  'POST /organizations/:id/invitations': { id: 'organization', body: invitation },
  'GET /organizations/:id/invitations/:invitation': { id: 'organization' },
  'DELETE /organizations/:id/invitations/:invitation': { id: 'organization' },
  'GET /tenants/settings': {},
  'PATCH /tenants/settings': {
    body: {
      friendly_name: 'New',
      flags: { revoke_refresh_token_grant: true },
      session_lifetime: 10,
      idle_session_lifetime: 2,
      session_cookie: { mode: 'non-persistent' },
      authorization_response_iss_parameter_supported: true,
      pushed_authorization_requests_supported: true,
    },
  },
  'GET /keys/signing': {},
  'POST /keys/signing/rotate': {},
  'GET /keys/signing/:id': { id: 'signingKey' },
  'PUT /keys/signing/:id/revoke': { id: 'signingKey' },
  'GET /logs': {
    pages: 'numbered',
    refuses: [...searches, ['sort', 'date'], ['sort', html], ['sort', 'constructor']],
  },
  'GET /logs/:id': { id: 'log' },
};

/** A tenant in use, whose manager has every scope. */
async function inUse() {
  const tenant = aManagedTenant({
    users: [{ ...ada, user_id: 'auth0|ada' }],
    organizations: [{ id: 'org_1', name: 'acme', members: [ada.email] }],
  });
  const [{ kid: signingKey }] = (await call(tenant, 'GET /keys/signing')).body as [{ kid: string }];
  await call(tenant, 'POST /keys/signing/rotate');
  const used = await putToUse(tenant);
  const token = await managementToken(tenant);
  const first = async (path: string) => {
    const { body } = await call(tenant, `GET ${path}`, { token });
    const [found] = body as [{ id: string }];
    return found.id;
  };
  const [family] = tenant.families();
  const [entry] = tenant.journal;
  const [person] = tenant.users();
  if (!family || !entry || !person) throw new Error('nobody has logged in');
  const { body } = await call(tenant, `GET /users/${encodeURIComponent(person.user_id)}/sessions`, { token });
  const { sessions } = body as { sessions: [{ id: string }] };
  const idOf = async (route: string, sent: object) =>
    ((await call(tenant, route, { token, body: sent })).body as { id: string }).id;
  const ids: Ids = {
    organization: 'org_1',
    bareOrganization: await idOf('POST /organizations', { name: 'bare' }),
    connection: enabling.connection_id,
    invitation: await idOf('POST /organizations/org_1/invitations', invitation),
    client: 'spa',
    clientGrant: await first('/client-grants'),
    api,
    device: await first('/device-credentials?type=rotating_refresh_token'),
    grant: await first('/grants'),
    family: family.familyId,
    session: sessions[0].id,
    user: person.user_id,
    log: entry.log_id,
    signingKey,
  };
  return {
    ...used,
    secrets: [...used.secrets, token, 'm@chine'],
    ids,
    token,
    // The seed decides on the key: what one tenant signs another takes.
    tokenWithoutScopes: await managementToken(aManagedTenant({}, [])),
  };
}
type Managed = Awaited<ReturnType<typeof inUse>>;

/** @param id in the place of the honest one, as it stands in a path */
function honest({ ids, token }: Managed, name: string, id?: string): Sent {
  const { id: kind, query = {}, body } = routes[name] ?? {};
  const [method = '', path = ''] = name.split(' ');
  return {
    method,
    path: `/api/v2${path
      .replace(':id', id ?? encodeURIComponent(kind ? ids[kind] : ''))
      .replace(':name', 'acme')
      .replace(':connection', ids.connection)
      .replace(':invitation', ids.invitation)}`,
    query: Object.entries(query),
    headers: { authorization: `Bearer ${token}` },
    ...(body && { type: json, body: JSON.stringify(body) }),
  };
}

type Row = readonly [what: string, status: number, spoil: (sent: Sent, used: Managed) => Sent];

const bearing = (sent: Sent, authorization: string): Sent => ({ ...sent, headers: { authorization } });
const asking = (sent: Sent, ...more: readonly (readonly [string, string])[]): Sent => ({
  ...sent,
  query: [...(sent.query ?? []), ...more],
});

/** What is refused from everybody, everywhere. */
const callers: readonly Row[] = [
  ['no token', 401, ({ headers: _, ...sent }) => sent],
  ['a token of nobody', 400, (sent) => bearing(sent, 'Bearer x')],
  ['markup for a token', 400, (sent) => bearing(sent, `Bearer ${html}`)],
  ['another scheme', 400, (sent) => bearing(sent, 'Basic eDp5')],
  ['two tokens', 400, (sent, { token }) => bearing(sent, `Bearer ${token}, Bearer ${token}`)],
  [
    'a token without its signature',
    401,
    (sent, { token }) => bearing(sent, `Bearer ${token.split('.').slice(0, 2).join('.')}.`),
  ],
  ['a token for another API', 401, (sent, { accessToken }) => bearing(sent, `Bearer ${accessToken}`)],
  [
    'a token without its scopes',
    403,
    (sent, { tokenWithoutScopes }) => bearing(sent, `Bearer ${tokenWithoutScopes}`),
  ],
  ['a parameter twice', 400, (sent) => asking(sent, ['fields', 'name'], ['fields', 'id'])],
];

const pagings = {
  checkpoints: [
    ['take', '0'],
    ['take', '-1'],
    ['take', '101'],
    ['take', 'abc'],
    ['take', ''],
    ['from', 'garbage'],
    ['from', html],
    ['from', '__proto__'],
  ],
  numbered: [
    ['page', '-1'],
    ['page', '1e3'],
    ['page', 'abc'],
    ['page', '9'.repeat(400)],
    ['per_page', '-1'],
    ['per_page', '101'],
    ['per_page', '1000000000'],
    ['per_page', '1e9'],
    ['include_totals', 'maybe'],
  ],
} as const;

const withBody = (sent: Sent, body: string, type = json): Sent => ({ ...sent, type, body });
/** With a member more in its body. */
const withMember = (sent: Sent, name: string, value: string): Sent =>
  withBody(sent, `${sent.body?.slice(0, -1)},${JSON.stringify(name)}:${value}}`);

function badBodies(body: NonNullable<Route['body']>): readonly Row[] {
  return [
    ['no body', 400, (sent) => withBody(sent, '')],
    ...noObjects.map(([what, text]): Row => [what, 400, (sent) => withBody(sent, text)]),
    ['a form', 415, (sent) => withBody(sent, 'name=x', form)],
    ['JSON that is called a text', 415, (sent) => ({ ...sent, type: 'text/plain' })],
    ['a body that is too large', 413, (sent) => withMember(sent, 'more', JSON.stringify(large))],
    ['a member of nobody', 400, (sent) => withMember(sent, 'more', '1')],
    ['a member without a bottom', 400, (sent) => withMember(sent, 'more', deep)],
    ...inherited.flatMap((name): Row[] => [
      [`${name} for a member`, 400, (sent) => withMember(sent, name, '{"name":"x"}')],
      [`${name} for the only member`, 400, (sent) => withBody(sent, `{"${name}":{"name":"x"}}`)],
    ]),
    ...Object.keys(body).flatMap((name): Row[] =>
      ['7.5', '[7]', deep, `{"a":${deep}}`].map((value) => [
        `${value.slice(0, 6)} for ${name}`,
        400,
        (sent) => withBody(sent, JSON.stringify({ ...body, [name]: 'here' }).replace('"here"', value)),
      ]),
    ),
  ];
}

function rowsOf(name: string): readonly Row[] {
  const { query = {}, body, pages, refuses = [] } = routes[name] ?? {};
  return [
    ...callers,
    ...(body ? badBodies(body) : []),
    ...(name.startsWith('GET')
      ? []
      : [['a body that is too large', 413, (sent) => withBody(sent, large)] satisfies Row]),
    ...Object.keys(query).map((missing): Row => [`no ${missing}`, 400, (sent) => ({ ...sent, query: [] })]),
    ...(pages ? pagings.checkpoints : []),
    ...(pages === 'numbered' ? pagings.numbered : []),
    ...refuses,
  ].map((row): Row =>
    row.length === 3
      ? row
      : [`${row[0]}=${row[1].slice(0, 20)}`, 400, (sent) => asking(sent, [row[0], row[1]])],
  );
}

let used: Managed;
beforeAll(async () => {
  used = await inUse();
});

it('every route of the Management API is in the table', () => {
  const { routes: known } = managementApi({} as TenantContext); // who only asks for the routes needs no tenant
  const names = known.map(({ method, path }) => `${method} ${path}`);
  expect(Object.keys(routes).sort()).toEqual([...new Set(names)].sort());
});

describe.each(Object.keys(routes))('%s', (name) => {
  it('answers honest callers', async () => {
    await expectHonestToGoOn(used, name);
  });

  it('refuses other methods', async () => {
    const all = { routes: Object.keys(routes), base: '/api/v2' };
    await expectOtherMethodRefused(used, honest(used, name), all);
  });

  it.each([...rowsOf(name)])('refuses %s', async (_, status, spoil) => {
    await expectRefused(used, spoil(honest(used, name), used), status);
  });
});

const withIds = Object.entries(routes).filter(([, { id }]) => id !== undefined);

describe.each(withIds)('%s', (name, { id: kind, idempotent, pages, listOf }) => {
  const isHarmless = idempotent ?? (pages !== undefined && !listOf); // nothing is there to list, or to end
  const status = kind === 'device' ? 400 : 404;

  it.each([...oddIds])(`${isHarmless ? 'does nothing for' : 'refuses'} %s`, async (_, id) => {
    const sent = honest(used, name, id);
    if (isHarmless) expect((await expectUnchanged(used, sent)).status).toBeLessThan(300);
    else await expectRefused(used, sent, status);
  });

  it('keeps to itself what was sent for an id and is a secret', async () => {
    await expectUnchanged(used, honest(used, name, used.refreshToken));
  });
});

it('whatever else was sent, honest managers go on', async () => {
  const own = await inUse();
  const methods = fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS');
  const names = Object.keys(routes);
  const takesBody = names.filter((name) => routes[name]?.body);
  const odd = fc
    .tuple(
      fc.constantFrom(...names.filter((name) => name !== 'POST /keys/signing/rotate')), // nothing can be wrong there
      fc.oneof(
        fc.constantFrom(...oddIds.map(([, id]) => id)),
        fc.string({ unit: 'binary', minLength: 1 }).map((id) => encodeURIComponent(id)),
      ),
      fc.option(methods, { nil: undefined }),
    )
    .map(([name, id, method]) => ({ ...honest(own, name, id), ...(method && { method }) }));
  await expectToBearAnything(own, {
    targets: fc.oneof(
      odd,
      fc.constantFrom(...takesBody).map((name) => honest(own, name)),
    ),
    parameters: ['fields', 'include_fields', 'page', 'per_page', 'take', 'from', 'q', 'sort', 'user_id'],
    bodies: fc.oneof(
      strangeObjects,
      fc.json().filter((text) => !text.startsWith('{')),
    ),
    judge: ({ method, path }, { status }) => {
      if (method === 'PATCH' || (method === 'POST' && !/sessions\/.*\/revoke$/.test(path)))
        expect(status).toBeGreaterThanOrEqual(400);
    },
  });
  for (const name of names) await expectHonestToGoOn(own, name);
}, 60_000);

async function expectRefused(by: InUse, sent: Sent, status: number): Promise<void> {
  const response = await expectHarmless(by, sent);
  expect(await response.json()).toMatchObject({
    statusCode: status,
    error: expect.any(String),
    message: expect.any(String),
  });
  expect(response.status).toBe(status);
}

/** And the tenant is afterwards as it was. */
async function expectHonestToGoOn(by: Managed, name: string): Promise<void> {
  const snapshot = by.tenant.snapshot();
  const response = await send(by.tenant, honest(by, name));
  by.tenant.restore(snapshot);

  expect(Math.floor(response.status / 100)).toBe(2);
}
