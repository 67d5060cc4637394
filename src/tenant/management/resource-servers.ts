/** `/api/v2/resource-servers`: APIs, by their id or their identifier (Auth0 Management API). */
import { readResourceServer, type ResourceServer } from '../configuration.ts';
import type { TenantContext } from '../context.ts';
import type { ManagementContext } from './access.ts';
import { deleteGrants } from '../families.ts';
import { ManagementError, notFound } from './management-error.ts';
import { respondWithList, selectFields } from './paging.ts';
import { judge, objectOf, readPayload, type Payload } from './payload.ts';
import { canonicalAudience, managementAudience, managementScopes } from './system-api.ts';

const text = { type: 'string', minLength: 1 };
const properties = {
  name: { ...text, description: 'Friendly name of this API' },
  scopes: { type: 'array', items: objectOf({ value: text, description: { type: 'string' } }, ['value']) },
  signing_alg: { type: 'string', enum: ['RS256'] },
  allow_offline_access: { type: 'boolean', description: 'Whether refresh tokens can be issued for this API' },
  token_lifetime: {
    type: 'integer',
    minimum: 1,
    maximum: 2_592_000,
    description: 'Expiration (in seconds) of access tokens for this API',
  },
  proof_of_possession: {
    ...objectOf(
      {
        mechanism: { type: 'string', enum: ['dpop'] },
        required: { type: 'boolean' },
        required_for: { type: 'string', enum: ['public_clients', 'all_clients'] },
      },
      ['mechanism', 'required'],
    ),
    type: ['object', 'null'],
    description: 'Whether access tokens for this API may, or must, be bound to a key',
  },
};
const creation = objectOf({ ...properties, identifier: text }, ['identifier']);
const update = objectOf(properties);

export function listResourceServers(context: TenantContext, c: ManagementContext): Response {
  const items = [systemApi(context), ...context.state.resourceServers.values()];
  return respondWithList(c, { key: 'resource_servers', items, id: ({ id }) => id, view: view(context) });
}

export async function createResourceServer(context: TenantContext, c: ManagementContext): Promise<Response> {
  const api = read(context, await readPayload(c, creation));
  if (isSystem(context, api) || context.state.resourceServers.has(api.identifier))
    throw new ManagementError(409, 'A resource server with the same identifier already exists.');
  context.state.resourceServers.set(api.identifier, api);
  return c.json(view(context)(api), 201);
}

export const showResourceServer = (context: TenantContext, c: ManagementContext): Response =>
  c.json(selectFields(c, view(context)(knownApi(context, c))));

/** The identifier stays: it is in the tokens. */
export async function updateResourceServer(context: TenantContext, c: ManagementContext): Promise<Response> {
  const body = await readPayload(c, update);
  const { id, ...before } = knownApi(context, c);
  refuseSystem(context, before);
  const api = { ...read(context, { ...before, ...body }), id };
  context.state.resourceServers.set(api.identifier, api);
  return c.json(view(context)(api), 201); // so says Auth0's description of its API
}

/** With the API go what users and clients were allowed to do there, and the refresh tokens for it. */
export function deleteResourceServer(context: TenantContext, c: ManagementContext): Response {
  const api = findApi(context, c.req.param('id') ?? '');
  if (api) {
    refuseSystem(context, api);
    const { state } = context;
    deleteGrants(context, ({ audience }) => audience === api.identifier);
    for (const { id, audience } of state.clientGrants.values())
      if (audience === api.identifier) state.clientGrants.delete(id);
    state.resourceServers.delete(api.identifier);
  }
  return c.body(null, 204);
}

function knownApi(context: TenantContext, c: ManagementContext): ResourceServer {
  const api = findApi(context, c.req.param('id') ?? '');
  if (!api) throw notFound('resource server', 'inexistent_resource_server');
  return api;
}

const findApi = (context: TenantContext, asked: string): ResourceServer | undefined =>
  [systemApi(context), ...context.state.resourceServers.values()].find(
    ({ id, identifier }) =>
      id === asked || identifier === canonicalAudience(context.configuration.baseUrl, asked),
  );

/** The Management API itself: it is listed, and belongs to the tenant. */
const systemApi = ({ configuration }: TenantContext): ResourceServer => ({
  id: 'management-api',
  identifier: managementAudience(configuration.baseUrl),
  name: 'Auth0 Management API',
  scopes: managementScopes.map((value) => ({ value })),
  allow_offline_access: false,
  token_lifetime: 86_400,
  proof_of_possession: null,
});

const isSystem = ({ configuration }: TenantContext, { identifier }: Pick<ResourceServer, 'identifier'>) =>
  canonicalAudience(configuration.baseUrl, identifier) === managementAudience(configuration.baseUrl);

function refuseSystem(context: TenantContext, api: Pick<ResourceServer, 'identifier'>): void {
  if (isSystem(context, api)) throw new ManagementError(400, 'System entities cannot be modified.');
}

const read = ({ random }: TenantContext, { signing_alg: _, ...members }: Payload): ResourceServer =>
  judge('resource_server', creation, () => readResourceServer('resource_server', members, random));

const view =
  (context: TenantContext) =>
  (api: ResourceServer): object => ({ ...api, signing_alg: 'RS256', is_system: isSystem(context, api) });
