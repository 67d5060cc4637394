/** `/api/v2/organizations/{id}/invitations`: links by which users become members. No mail is sent (Auth0 Management API). */
import type { Client } from '../configuration.ts';
import type { TenantContext } from '../context.ts';
import { isExpired, type Invitation } from '../invitation.ts';
import type { ManagementContext } from './access.ts';
import { ManagementError, notFound } from './management-error.ts';
import { mergeMetadata } from './metadata.ts';
import { knownOrganization } from './organizations.ts';
import { respondWithList, selectFields } from './paging.ts';
import { objectOf, readPayload } from './payload.ts';

const text = { type: 'string', minLength: 1 };
const creation = objectOf(
  {
    inviter: objectOf({ name: { ...text, maxLength: 300 } }, ['name']),
    invitee: objectOf({ email: { ...text, format: 'email' } }, ['email']),
    client_id: { ...text, description: 'The client whose users are invited' },
    ttl_sec: {
      type: 'integer',
      minimum: 1,
      maximum: 2_592_000,
      description: 'Number of seconds for which the invitation is valid',
    },
    user_metadata: { type: 'object' },
    app_metadata: { type: 'object' },
    send_invitation_email: { type: 'boolean' },
  },
  ['inviter', 'invitee', 'client_id'],
);
const oneWeek = 604_800;

export function listInvitations(context: TenantContext, c: ManagementContext): Response {
  const items = liveInvitations(context, c);
  return respondWithList(c, {
    key: 'invitations',
    items,
    id: ({ id }) => id,
    view: (invitation) => invitation,
  });
}

export async function createInvitation(context: TenantContext, c: ManagementContext): Promise<Response> {
  const body = await readPayload(c, creation);
  const { id: organization_id, name } = knownOrganization(context, c);
  const { state, random, clock } = context;
  const client = state.clients.get(String(body['client_id']));
  if (!client) throw notFound('client', 'inexistent_client');
  const now = clock.now();
  const ticket_id = random.text(24);
  const invitation: Invitation = {
    id: `uinv_${random.hex(16)}`,
    organization_id,
    client_id: client.client_id,
    inviter: body['inviter'] as Invitation['inviter'], // says the schema
    invitee: body['invitee'] as Invitation['invitee'],
    ticket_id,
    invitation_url: linkTo(client, {
      invitation: ticket_id,
      organization: organization_id,
      organization_name: name,
    }),
    created_at: new Date(now).toISOString(),
    expires_at: new Date(now + Number(body['ttl_sec'] ?? oneWeek) * 1000).toISOString(),
    user_metadata: mergeMetadata({}, body['user_metadata']),
    app_metadata: mergeMetadata({}, body['app_metadata']),
  };
  state.invitations.set(invitation.id, invitation);
  return c.json(invitation, 201);
}

export const showInvitation = (context: TenantContext, c: ManagementContext): Response =>
  c.json(selectFields(c, knownInvitation(context, c)));

export function deleteInvitation(context: TenantContext, c: ManagementContext): Response {
  context.state.invitations.delete(knownInvitation(context, c).id);
  return c.body(null, 204);
}

function knownInvitation(context: TenantContext, c: ManagementContext): Invitation {
  const invitation = liveInvitations(context, c).find(({ id }) => id === c.req.param('invitation'));
  if (!invitation) throw notFound('invitation', 'inexistent_invitation');
  return invitation;
}

function liveInvitations(context: TenantContext, c: ManagementContext): Invitation[] {
  const { id } = knownOrganization(context, c);
  const now = context.clock.now();
  return [...context.state.invitations.values()].filter(
    (invitation) => invitation.organization_id === id && !isExpired(invitation, now),
  );
}

/** To where the application begins logins; the tenant knows no such address but its first callback. */
function linkTo({ callbacks }: Client, parameters: Readonly<Record<string, string>>): string {
  const callback = callbacks.find((each) => !each.includes('*'));
  if (callback === undefined)
    throw new ManagementError(400, 'The client has no callback that an invitation could lead to.');
  const url = new URL(callback);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}
