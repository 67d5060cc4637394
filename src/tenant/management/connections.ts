/** `/api/v2/connections`: databases of accounts (Auth0 Management API). */
import { textsOf } from '../../oauth/json.ts';
import type { Connection } from '../configuration.ts';
import { findConnection } from '../connections.ts';
import type { TenantContext } from '../context.ts';
import type { ManagementContext } from './access.ts';
import { ManagementError, notFound } from './management-error.ts';
import { mergeMetadata } from './metadata.ts';
import { respondWithList, selectFields } from './paging.ts';
import { objectOf, readListPayload, readPayload, type Payload } from './payload.ts';
import { removeUser } from './users.ts';

const properties = {
  display_name: { type: 'string', minLength: 1, maxLength: 128, description: 'Name on the login page' },
  enabled_clients: {
    type: 'array',
    items: { type: 'string', minLength: 1 },
    description: 'Clients whose users may come from this connection',
  },
  metadata: { type: 'object', additionalProperties: { type: ['string', 'null'], maxLength: 255 } },
};
const creation = objectOf(
  {
    name: {
      type: 'string',
      pattern: '^[a-zA-Z0-9](-[a-zA-Z0-9]|[a-zA-Z0-9])*$',
      maxLength: 128,
      description: 'The name of the connection',
    },
    strategy: { type: 'string', enum: ['auth0'] },
    ...properties,
  },
  ['name', 'strategy'],
);
const update = objectOf(properties);
const switching = {
  type: 'array',
  items: objectOf({ client_id: { type: 'string', minLength: 1 }, status: { type: 'boolean' } }, [
    'client_id',
    'status',
  ]),
  minItems: 1,
  maxItems: 50,
};

export function listConnections({ state }: TenantContext, c: ManagementContext): Response {
  const { name, strategy } = c.req.query();
  const items = [...state.connections.values()].filter(
    (connection) =>
      (name ?? connection.name) === connection.name &&
      (strategy ?? connection.strategy) === connection.strategy,
  );
  return respondWithList(c, { key: 'connections', items, id: ({ id }) => id, view });
}

export async function createConnection(context: TenantContext, c: ManagementContext): Promise<Response> {
  const { name, strategy: _, ...body } = await readPayload(c, creation);
  const { state, random } = context;
  if (findConnection(context, String(name)) || name === 'email' || name === 'sms')
    throw new ManagementError(409, 'A connection with the same name already exists.', 'connection_conflict');
  const made = {
    id: `con_${random.hex(16)}`,
    name: String(name),
    strategy: 'auth0',
    enabled_clients: [],
    metadata: {},
  } as const;
  const connection = read(context, made, body);
  state.connections.set(connection.id, connection);
  return c.json(view(connection), 201);
}

export const showConnection = (context: TenantContext, c: ManagementContext): Response =>
  c.json(selectFields(c, view(knownConnection(context, c))));

/** The name stays. What is present replaces what was there; metadata are merged name by name. */
export async function updateConnection(context: TenantContext, c: ManagementContext): Promise<Response> {
  const body = await readPayload(c, update);
  const connection = read(context, knownConnection(context, c), body);
  context.state.connections.set(connection.id, connection);
  return c.json(view(connection));
}

/** With the connection go the users that come from it, and organizations have it no more. */
export function deleteConnection(context: TenantContext, c: ManagementContext): Response {
  const { connections, organizations, users } = context.state;
  const connection = connections.get(c.req.param('id') ?? '');
  if (connection) {
    connections.delete(connection.id);
    for (const user of users.values())
      if (user.connection === connection.name) removeUser(context, user.user_id);
    for (const organization of organizations.values())
      organizations.set(organization.id, {
        ...organization,
        enabled_connections: organization.enabled_connections.filter(
          ({ connection_id }) => connection_id !== connection.id,
        ),
      });
  }
  return c.body(null, 202);
}

export const listClientsOfConnection = (context: TenantContext, c: ManagementContext): Response =>
  respondWithList(c, {
    key: 'clients',
    items: knownConnection(context, c).enabled_clients,
    id: (client_id) => client_id,
    view: (client_id) => ({ client_id }),
    checkpointOnly: true,
  });

/** Enables the connection for some clients and disables it for others; who is not named stays as they are. */
export async function switchClients(context: TenantContext, c: ManagementContext): Promise<Response> {
  const list = await readListPayload(c, switching);
  const before = knownConnection(context, c);
  const enabled = new Set(before.enabled_clients);
  for (const { client_id, status } of list)
    if (status === true) enabled.add(String(client_id));
    else enabled.delete(String(client_id));
  context.state.connections.set(before.id, read(context, before, { enabled_clients: [...enabled] }));
  return c.body(null, 204);
}

function knownConnection({ state }: TenantContext, c: ManagementContext): Connection {
  const connection = state.connections.get(c.req.param('id') ?? '');
  if (!connection) throw notFound('connection', 'inexistent_connection');
  return connection;
}

/** The members of the body are what the schema says. */
function read({ state }: TenantContext, before: Connection, body: Payload): Connection {
  const { display_name, enabled_clients, metadata } = body;
  const enabled = enabled_clients === undefined ? before.enabled_clients : textsOf(enabled_clients);
  if (enabled_clients !== undefined && !enabled.every((id) => state.clients.has(id)))
    throw new ManagementError(400, 'One of the clients does not exist.', 'inexistent_client');
  return {
    ...before,
    ...(display_name !== undefined && { display_name: String(display_name) }),
    enabled_clients: [...new Set(enabled)],
    metadata: mergeMetadata(before.metadata, metadata ?? {}),
  };
}

const view = (connection: Connection): object => ({
  ...connection,
  options: {},
  realms: [connection.name],
  is_domain_connection: false,
});
