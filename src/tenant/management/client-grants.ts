/** `/api/v2/client-grants`: what clients may do by `client_credentials` (Auth0 Management API). */
import { textsOf } from '../../oauth/json.ts';
import type { ClientGrant } from '../configuration.ts';
import type { TenantContext } from '../context.ts';
import type { ManagementContext } from './access.ts';
import { ManagementError, notFound } from './management-error.ts';
import { respondWithList } from './paging.ts';
import { objectOf, readPayload } from './payload.ts';
import { canonicalAudience, managementAudience } from './system-api.ts';

const text = { type: 'string', minLength: 1 };
const scope = { type: 'array', items: text, description: 'Scopes allowed for this client grant' };
const creation = objectOf({ client_id: text, audience: text, scope }, ['client_id', 'audience', 'scope']);
const update = objectOf({ scope }, ['scope']);

export function listClientGrants(context: TenantContext, c: ManagementContext): Response {
  const { client_id, audience } = c.req.query();
  const { baseUrl } = context.configuration;
  const items = [...context.state.clientGrants.values()].filter(
    (grant) =>
      (client_id ?? grant.client_id) === grant.client_id &&
      canonicalAudience(baseUrl, audience ?? grant.audience) === grant.audience,
  );
  return respondWithList(c, { key: 'client_grants', items, id: ({ id }) => id, view: (grant) => grant });
}

export async function createClientGrant(context: TenantContext, c: ManagementContext): Promise<Response> {
  const body = await readPayload(c, creation);
  const { state, random, configuration } = context;
  const client_id = String(body['client_id']);
  const audience = canonicalAudience(configuration.baseUrl, String(body['audience']));
  if (!state.clients.has(client_id)) throw notFound('client', 'inexistent_client');
  if (audience !== managementAudience(configuration.baseUrl) && !state.resourceServers.has(audience))
    throw notFound('resource server', 'inexistent_resource_server');
  const twin = [...state.clientGrants.values()].some(
    (grant) => grant.client_id === client_id && grant.audience === audience,
  );
  if (twin)
    throw new ManagementError(409, 'A resource server grant already exists for this client and audience.');
  const grant = { id: `cgr_${random.hex(16)}`, client_id, audience, scope: textsOf(body['scope']) };
  state.clientGrants.set(grant.id, grant);
  return c.json(grant, 201);
}

export function showClientGrant(context: TenantContext, c: ManagementContext): Response {
  return c.json(knownGrant(context, c));
}

export async function updateClientGrant(context: TenantContext, c: ManagementContext): Promise<Response> {
  const body = await readPayload(c, update);
  const grant = { ...knownGrant(context, c), scope: textsOf(body['scope']) };
  context.state.clientGrants.set(grant.id, grant);
  return c.json(grant);
}

export function deleteClientGrant({ state }: TenantContext, c: ManagementContext): Response {
  state.clientGrants.delete(c.req.param('id') ?? '');
  return c.body(null, 204);
}

function knownGrant({ state }: TenantContext, c: ManagementContext): ClientGrant {
  const grant = state.clientGrants.get(c.req.param('id') ?? '');
  if (!grant) throw notFound('client grant', 'inexistent_client_grant');
  return grant;
}
