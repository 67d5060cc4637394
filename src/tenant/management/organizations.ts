/** `/api/v2/organizations`: groups of users, who belongs to them, and where their members may come from (Auth0 Management API). */
import { textsOf } from '../../oauth/json.ts';
import type { Organization, OrganizationConnection } from '../configuration.ts';
import { findOrganization, type TenantContext } from '../context.ts';
import { endTokensOfMembers } from '../families.ts';
import type { ManagementContext } from './access.ts';
import { ManagementError, notFound } from './management-error.ts';
import { mergeMetadata } from './metadata.ts';
import { respondWithList, selectFields } from './paging.ts';
import { objectOf, readPayload, type Payload } from './payload.ts';

const text = { type: 'string', minLength: 1 };
const colour = { type: 'string', pattern: '^#[0-9A-Fa-f]{6}$' };
const connection = {
  connection_id: { ...text, description: 'ID of the connection' },
  assign_membership_on_login: {
    type: 'boolean',
    description: 'Whether everybody who logs in becomes a member',
  },
};
const properties = {
  name: {
    type: 'string',
    pattern: '^[a-z0-9][a-z0-9_-]{0,49}$',
    description: 'The name of this organization',
  },
  display_name: { ...text, maxLength: 255, description: 'Friendly name of this organization' },
  branding: objectOf({
    logo_url: { type: 'string', format: 'uri' },
    colors: objectOf({ primary: colour, page_background: colour }, ['primary', 'page_background']),
  }),
  metadata: { type: 'object', additionalProperties: { type: ['string', 'null'], maxLength: 255 } },
};
const creation = objectOf(
  { ...properties, enabled_connections: { type: 'array', items: objectOf(connection, ['connection_id']) } },
  ['name'],
);
const update = objectOf(properties);
const membership = objectOf({ members: { type: 'array', items: text, minItems: 1 } }, ['members']);
const enabling = objectOf(connection, ['connection_id']);

export const listOrganizations = ({ state }: TenantContext, c: ManagementContext): Response =>
  respondWithOrganizations(c, [...state.organizations.values()]);

export const listOrganizationsOfUser = ({ state }: TenantContext, c: ManagementContext): Response =>
  respondWithOrganizations(
    c,
    [...state.organizations.values()].filter(({ members }) => members.includes(c.req.param('id') ?? '')),
  );

const respondWithOrganizations = (c: ManagementContext, items: readonly Organization[]): Response =>
  respondWithList(c, { key: 'organizations', items, id: ({ id }) => id, view });

export async function createOrganization(context: TenantContext, c: ManagementContext): Promise<Response> {
  const { enabled_connections = [], ...body } = await readPayload(c, creation);
  const enabled = (enabled_connections as readonly Payload[]).map((enabled) =>
    readConnection(context, enabled),
  ); // a list, says the schema
  const id = `org_${context.random.hex(16)}`;
  const organization = read({ id, members: [], metadata: {}, enabled_connections: enabled }, body);
  refuseTwin(context, organization);
  context.state.organizations.set(id, organization);
  return c.json({ ...view(organization), enabled_connections: enabled }, 201);
}

export const showOrganization = (context: TenantContext, c: ManagementContext): Response =>
  c.json(selectFields(c, view(knownOrganization(context, c))));

export function showOrganizationByName({ state }: TenantContext, c: ManagementContext): Response {
  const name = c.req.param('name') ?? '';
  const organization = findOrganization(state, name);
  if (organization?.name !== name.toLowerCase()) throw inexistent();
  return c.json(selectFields(c, view(organization)));
}

/** What is present replaces what was there; metadata are merged name by name. */
export async function updateOrganization(context: TenantContext, c: ManagementContext): Promise<Response> {
  const body = await readPayload(c, update);
  const organization = read(knownOrganization(context, c), body);
  refuseTwin(context, organization);
  context.state.organizations.set(organization.id, organization);
  return c.json(view(organization));
}

/** With the organization go its invitations, and what its members hold as such. */
export function deleteOrganization(context: TenantContext, c: ManagementContext): Response {
  const { id } = knownOrganization(context, c);
  const { organizations, invitations } = context.state;
  endTokensOfMembers(context, id, () => true);
  for (const invitation of invitations.values())
    if (invitation.organization_id === id) invitations.delete(invitation.id);
  organizations.delete(id);
  return c.body(null, 204);
}

export function listMembers(context: TenantContext, c: ManagementContext): Response {
  const { members } = knownOrganization(context, c);
  const items = members.flatMap((id) => context.state.users.get(id) ?? []);
  return respondWithList(c, {
    key: 'members',
    items,
    id: ({ user_id }) => user_id,
    view: ({ user_id, picture, name, email }) => ({ user_id, picture, name, email }),
  });
}

export async function addMembers(context: TenantContext, c: ManagementContext): Promise<Response> {
  const added = textsOf((await readPayload(c, membership))['members']);
  const organization = knownOrganization(context, c);
  const { users, organizations } = context.state;
  if (!added.every((id) => users.has(id))) throw notFound('user', 'inexistent_user');
  const members = [...new Set([...organization.members, ...added])];
  organizations.set(organization.id, { ...organization, members });
  return c.body(null, 204);
}

/** With the membership goes what was issued under it. Who is no member is passed over. */
export async function removeMembers(context: TenantContext, c: ManagementContext): Promise<Response> {
  const removed = textsOf((await readPayload(c, membership))['members']);
  const organization = knownOrganization(context, c);
  const members = organization.members.filter((id) => !removed.includes(id));
  context.state.organizations.set(organization.id, { ...organization, members });
  endTokensOfMembers(context, organization.id, (id) => removed.includes(id));
  return c.body(null, 204);
}

export function listConnectionsOfOrganization(context: TenantContext, c: ManagementContext): Response {
  const { enabled_connections: items } = knownOrganization(context, c);
  const id = ({ connection_id }: OrganizationConnection) => connection_id;
  return respondWithList(c, { key: 'enabled_connections', items, id, view: viewConnection(context) });
}

export async function addConnection(context: TenantContext, c: ManagementContext): Promise<Response> {
  const added = readConnection(context, await readPayload(c, enabling));
  const organization = knownOrganization(context, c);
  const enabled = organization.enabled_connections;
  if (enabled.some(({ connection_id }) => connection_id === added.connection_id))
    throw new ManagementError(409, 'The connection is already enabled for the organization.');
  const enabled_connections = [...enabled, added];
  context.state.organizations.set(organization.id, { ...organization, enabled_connections });
  return c.json(viewConnection(context)(added), 201);
}

export function removeConnection(context: TenantContext, c: ManagementContext): Response {
  const organization = knownOrganization(context, c);
  const enabled_connections = organization.enabled_connections.filter(
    ({ connection_id }) => connection_id !== c.req.param('connection'),
  );
  if (enabled_connections.length === organization.enabled_connections.length) throw noConnection();
  context.state.organizations.set(organization.id, { ...organization, enabled_connections });
  return c.body(null, 204);
}

export function knownOrganization({ state }: TenantContext, c: ManagementContext): Organization {
  const organization = state.organizations.get(c.req.param('id') ?? '');
  if (!organization) throw inexistent();
  return organization;
}

const inexistent = () => notFound('organization', 'inexistent_organization');
const noConnection = () => notFound('connection', 'inexistent_connection');

function readConnection(
  { state }: TenantContext,
  { connection_id: id, assign_membership_on_login = false }: Payload,
) {
  const connection_id = String(id);
  if (!state.connections.has(connection_id)) throw noConnection();
  return { connection_id, assign_membership_on_login: assign_membership_on_login === true };
}

/** The members of the body are what the schema says. */
function read(
  before: Omit<Organization, 'name' | 'display_name'> & Partial<Organization>,
  body: Payload,
): Organization {
  const { name = before.name, display_name = before.display_name ?? name, metadata, branding } = body;
  return {
    ...before,
    name: String(name),
    display_name: String(display_name),
    metadata: mergeMetadata(before.metadata, metadata ?? {}),
    ...(typeof branding === 'object' && { branding: { ...branding } }),
  };
}

function refuseTwin({ state }: TenantContext, { id, name }: Organization): void {
  const twin = findOrganization(state, name);
  if (twin && twin.id !== id)
    throw new ManagementError(409, 'An organization with this name already exists.', 'organization_conflict');
}

const view = ({ members: _members, enabled_connections: _connections, ...organization }: Organization) =>
  organization;

const viewConnection =
  ({ state }: TenantContext) =>
  (enabled: OrganizationConnection) => {
    const { name, strategy } = state.connections.get(enabled.connection_id) ?? {};
    return { ...enabled, connection: { name, strategy } };
  };
