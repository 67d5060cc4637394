/** `/api/v2/clients`: applications and their settings, rotation among them (Auth0 Management API). */
import { readClient, type Client } from '../configuration.ts';
import { disableConnections, enableConnections } from '../connections.ts';
import type { TenantContext } from '../context.ts';
import { refreshTokenSchema } from '../refresh-token-settings.ts';
import type { ManagementContext } from './access.ts';
import { notFound } from './management-error.ts';
import { mergeMetadata } from './metadata.ts';
import { readFlag, respondWithList, selectFields } from './paging.ts';
import { judge, objectOf, readPayload, type Payload } from './payload.ts';
import { deleteGrants, endFamilies } from '../families.ts';

const texts = { type: 'array', items: { type: 'string', minLength: 1 } };

/** What a client may be told. Where the tenant can do only one thing, only that is a value. */
const properties = {
  name: { type: 'string', minLength: 1, pattern: '^[^<>]+$', description: 'Name of this client' },
  description: { type: 'string', maxLength: 140, description: 'Free text description of this client' },
  app_type: { type: 'string', enum: ['spa', 'native', 'regular_web', 'non_interactive'] },
  callbacks: { ...texts, description: 'URLs that may be returned to after a login' },
  web_origins: { ...texts, description: 'Origins that may get answers by web_message' },
  allowed_origins: { ...texts, description: 'Origins that may call from a browser' },
  allowed_logout_urls: { ...texts, description: 'URLs that may be returned to after a logout' },
  require_pushed_authorization_requests: {
    type: 'boolean',
    description: 'Whether authorization requests must come by PAR',
  },
  grant_types: { ...texts, description: 'Grant types this client may use' },
  token_endpoint_auth_method: { type: 'string', enum: ['none', 'client_secret_post', 'client_secret_basic'] },
  client_metadata: { type: ['object', 'null'], additionalProperties: { type: ['string', 'null'] } },
  is_first_party: { type: 'boolean', description: 'Whether this client is one of the tenant’s own' },
  require_proof_of_possession: {
    type: 'boolean',
    description: 'Whether this client gets tokens only that are bound to a key',
  },
  oidc_conformant: { type: 'boolean', enum: [true] },
  organization_usage: {
    type: 'string',
    enum: ['deny', 'allow', 'require'],
    description: 'Whether users log in as members of an organization',
  },
  organization_require_behavior: {
    type: 'string',
    enum: ['no_prompt', 'pre_login_prompt', 'post_login_prompt'],
    description: 'When users are asked for their organization',
  },
  refresh_token: refreshTokenSchema,
};
const creation = objectOf(properties, ['name']);
const update = objectOf({
  ...properties,
  client_secret: { type: 'string', minLength: 1, description: 'The secret of this client' },
});

export function listClients(context: TenantContext, c: ManagementContext): Response {
  const types = c.req.query('app_type')?.split(',');
  const isFirstParty = readFlag(c, 'is_first_party');
  const items = [...context.state.clients.values()].filter(
    (client) =>
      (types?.includes(client.app_type) ?? true) &&
      (isFirstParty ?? client.is_first_party) === client.is_first_party,
  );
  return respondWithList(c, { key: 'clients', items, id: ({ client_id }) => client_id, view: view(c) });
}

export async function createClient(context: TenantContext, c: ManagementContext): Promise<Response> {
  const body = await readPayload(c, creation, adaptation(context));
  const { random } = context;
  const client = read({ ...body, client_id: random.hex(32), client_secret: random.text(48) });
  context.state.clients.set(client.client_id, client);
  enableConnections(context, client.client_id);
  return c.json(view(c)(client), 201);
}

export const showClient = (context: TenantContext, c: ManagementContext): Response =>
  c.json(selectFields(c, view(c)(knownClient(context, c))));

/** What is present replaces what was there, `refresh_token` as a whole; metadata are merged name by name. */
export async function updateClient(context: TenantContext, c: ManagementContext): Promise<Response> {
  const body = await readPayload(c, update, adaptation(context));
  const before = knownClient(context, c);
  const { client_metadata } = body;
  const client = read({
    ...before,
    client_secret: before.client_secret ?? undefined,
    ...body,
    ...('client_metadata' in body && {
      client_metadata: mergeMetadata(before.client_metadata, client_metadata),
    }),
  });
  context.state.clients.set(client.client_id, client);
  return c.json(view(c)(client));
}

export function deleteClient(context: TenantContext, c: ManagementContext): Response {
  const client_id = c.req.param('id') ?? '';
  const isOfClient = ({ clientId }: { readonly clientId: string }) => clientId === client_id;
  endFamilies(context, 'admin', isOfClient);
  deleteGrants(context, isOfClient);
  const { clients, clientGrants, invitations, passwordlessCodes } = context.state;
  for (const [to, sent] of passwordlessCodes) if (isOfClient(sent)) passwordlessCodes.delete(to);
  for (const grant of clientGrants.values()) if (grant.client_id === client_id) clientGrants.delete(grant.id);
  for (const { id, client_id: of } of invitations.values()) if (of === client_id) invitations.delete(id);
  disableConnections(context, client_id);
  clients.delete(client_id);
  return c.body(null, 204);
}

export function rotateSecret(context: TenantContext, c: ManagementContext): Response {
  const client = { ...knownClient(context, c), client_secret: context.random.text(48) };
  context.state.clients.set(client.client_id, client);
  return c.json(view(c)(client));
}

function knownClient({ state }: TenantContext, c: ManagementContext): Client {
  const client = state.clients.get(c.req.param('id') ?? '');
  if (!client) throw notFound('client', 'inexistent_client');
  return client;
}

const read = ({ oidc_conformant: _conformant, ...members }: Payload): Client =>
  judge('client', update, () => readClient('client', members));

/** A secret is for whom the keys of clients are for. */
const view =
  (c: ManagementContext) =>
  ({ client_secret, refresh_token, ...client }: Client): object => {
    const { policies, ...settings } = refresh_token;
    return {
      ...client,
      ...(client_secret !== null && c.get('access').scopes.includes('read:client_keys') && { client_secret }),
      refresh_token: { ...settings, ...(policies.length > 0 && { policies }) },
      global: false,
      oidc_conformant: true,
    };
  };

/** Auth0's documentation prints numbers as texts, which its API refuses; `quirks.coerceNumericStrings` takes them. */
function adaptation({ configuration }: TenantContext): ((payload: Payload) => Payload) | undefined {
  if (!configuration.quirks.coerceNumericStrings) return undefined;
  return (payload) => {
    const settings = payload['refresh_token'];
    if (typeof settings !== 'object' || settings === null) return payload;
    const coerced = Object.entries(settings).map(([name, value]: [string, unknown]) => [
      name,
      typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value,
    ]);
    return { ...payload, refresh_token: Object.fromEntries(coerced) };
  };
}
