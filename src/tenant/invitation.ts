/** How users come to be members of organizations: by an invitation, or because a connection makes everybody one. */
import type { Milliseconds } from '../clock.ts';
import type { Organization, User } from './configuration.ts';
import type { TenantContext } from './context.ts';

/** That somebody may become a member by logging in, in the words of Auth0's Management API. */
export interface Invitation {
  readonly id: string;
  readonly organization_id: string;
  readonly client_id: string;
  readonly inviter: { readonly name: string };
  readonly invitee: { readonly email: string };
  /** What `invitation` says at /authorize. */
  readonly ticket_id: string;
  readonly invitation_url: string;
  readonly created_at: string;
  readonly expires_at: string;
  readonly user_metadata: Readonly<Record<string, unknown>>;
  readonly app_metadata: Readonly<Record<string, unknown>>;
}

export const isExpired = ({ expires_at }: Invitation, now: Milliseconds): boolean =>
  now >= Date.parse(expires_at);

/** The invitation of a ticket, to this organization and by way of this client. */
export const findInvitation = (
  { state, clock }: TenantContext,
  sent: { ticket: string; organization: Organization | null; clientId: string },
): Invitation | undefined =>
  [...state.invitations.values()].find(
    (invitation) =>
      invitation.ticket_id === sent.ticket &&
      invitation.organization_id === sent.organization?.id &&
      invitation.client_id === sent.clientId &&
      !isExpired(invitation, clock.now()),
  );

/** To be called when it is known who logs in. An invitation is used up by the one whom it names, and by nobody else. */
export function joinOrganization(
  { state, clock }: TenantContext,
  login: { readonly organizationId: string | null; readonly invitationId: string | null },
  user: User,
): void {
  const organization = state.organizations.get(login.organizationId ?? '');
  if (!organization) return;
  const { members, enabled_connections } = organization;
  const invitation = state.invitations.get(login.invitationId ?? '');
  const isInvited =
    invitation !== undefined &&
    !isExpired(invitation, clock.now()) &&
    invitation.invitee.email.toLowerCase() === user.email?.toLowerCase();
  const own = [...state.connections.values()].find(({ name }) => name === user.connection);
  const joins =
    isInvited ||
    enabled_connections.some(
      (enabled) => enabled.assign_membership_on_login && enabled.connection_id === own?.id,
    );
  if (joins && !members.includes(user.user_id))
    state.organizations.set(organization.id, { ...organization, members: [...members, user.user_id] });
  if (!isInvited) return;
  state.invitations.delete(invitation.id);
  const { user_metadata, app_metadata } = invitation;
  state.users.set(user.user_id, {
    ...user,
    user_metadata: { ...user.user_metadata, ...user_metadata },
    app_metadata: { ...user.app_metadata, ...app_metadata },
  });
}
