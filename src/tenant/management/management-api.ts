/** `/api/v2/*`: the Management API, as far as it concerns clients, users and what they hold (Auth0 Management API v2). */
import { Hono } from 'hono';
import type { TenantContext } from '../context.ts';
import { allow, type Access, type ManagementContext } from './access.ts';
import {
  createClientGrant,
  deleteClientGrant,
  listClientGrants,
  showClientGrant,
  updateClientGrant,
} from './client-grants.ts';
import {
  createClient,
  deleteClient,
  listClients,
  rotateSecret,
  showClient,
  updateClient,
} from './clients.ts';
import {
  createConnection,
  deleteConnection,
  listClientsOfConnection,
  listConnections,
  showConnection,
  switchClients,
  updateConnection,
} from './connections.ts';
import { deleteDeviceCredential, isDeviceCredential, listDeviceCredentials } from './device-credentials.ts';
import { deleteGrant, deleteGrantsOfUser, listGrants } from './grants.ts';
import { listLogs, listLogsOfUser, showLog } from './logs.ts';
import { respondWithError } from './management-error.ts';
import { refuseRepeated } from './paging.ts';
import {
  addConnection,
  addMembers,
  createOrganization,
  deleteOrganization,
  listConnectionsOfOrganization,
  listMembers,
  listOrganizations,
  listOrganizationsOfUser,
  removeConnection,
  removeMembers,
  showOrganization,
  showOrganizationByName,
  updateOrganization,
} from './organizations.ts';
import { createInvitation, deleteInvitation, listInvitations, showInvitation } from './invitations.ts';
import {
  deleteRefreshToken,
  deleteRefreshTokensOfUser,
  listRefreshTokens,
  listRefreshTokensOfUser,
  revokeRefreshTokens,
  showRefreshToken,
  updateRefreshToken,
} from './refresh-tokens.ts';
import {
  createResourceServer,
  deleteResourceServer,
  listResourceServers,
  showResourceServer,
  updateResourceServer,
} from './resource-servers.ts';
import {
  deleteSession,
  deleteSessionsOfUser,
  listSessionsOfUser,
  revokeSession,
  showSession,
  updateSession,
} from './sessions.ts';
import { isSigningKey, listSigningKeys, revokeKey, rotateKey, showSigningKey } from './signing-keys.ts';
import { showSettings, updateSettings } from './tenant-settings.ts';
import type { ManagementScope } from './system-api.ts';
import {
  createUser,
  deleteUser,
  listUsers,
  listUsersByEmail,
  revokeAccess,
  showUser,
  updateUser,
} from './users.ts';

type Endpoint = (context: TenantContext, c: ManagementContext) => Response | Promise<Response>;

export function managementApi(context: TenantContext): Hono<{ Variables: { access: Access } }> {
  const app = new Hono<{ Variables: { access: Access } }>();
  const on = (route: string, scopes: readonly ManagementScope[], endpoint: Endpoint) => {
    const [method = '', path = ''] = route.split(' ');
    app.on(method, path, allow(context, ...scopes), async (c) => {
      refuseRepeated(c);
      const written = Object.values<string>(c.req.param()).every((id) => isKnown(context, id))
        ? c.req.path
        : `/api/v2${path}`;
      const response = await endpoint(context, c);
      if (method !== 'GET') writeDown(context, c, written);
      return response;
    });
  };
  on('GET /clients', ['read:clients', 'read:client_keys'], listClients);
  on('POST /clients', ['create:clients'], createClient);
  on('GET /clients/:id', ['read:clients', 'read:client_keys'], showClient);
  on('PATCH /clients/:id', ['update:clients', 'update:client_keys'], updateClient);
  on('DELETE /clients/:id', ['delete:clients'], deleteClient);
  on('POST /clients/:id/rotate-secret', ['update:client_keys'], rotateSecret);

  on('GET /client-grants', ['read:client_grants'], listClientGrants);
  on('POST /client-grants', ['create:client_grants'], createClientGrant);
  on('GET /client-grants/:id', ['read:client_grants'], showClientGrant);
  on('PATCH /client-grants/:id', ['update:client_grants'], updateClientGrant);
  on('DELETE /client-grants/:id', ['delete:client_grants'], deleteClientGrant);
  on('GET /resource-servers', ['read:resource_servers'], listResourceServers);
  on('POST /resource-servers', ['create:resource_servers'], createResourceServer);
  on('GET /resource-servers/:id', ['read:resource_servers'], showResourceServer);
  on('PATCH /resource-servers/:id', ['update:resource_servers'], updateResourceServer);
  on('DELETE /resource-servers/:id', ['delete:resource_servers'], deleteResourceServer);

  on('GET /device-credentials', ['read:device_credentials'], listDeviceCredentials);
  on('DELETE /device-credentials/:id', ['delete:device_credentials'], deleteDeviceCredential);
  on('GET /grants', ['read:grants'], listGrants);
  on('DELETE /grants', ['delete:grants'], deleteGrantsOfUser);
  on('DELETE /grants/:id', ['delete:grants'], deleteGrant);

  on('GET /refresh-tokens', ['read:refresh_tokens'], listRefreshTokens);
  on('POST /refresh-tokens/revoke', ['delete:refresh_tokens'], revokeRefreshTokens);
  on('GET /refresh-tokens/:id', ['read:refresh_tokens'], showRefreshToken);
  on('PATCH /refresh-tokens/:id', ['update:refresh_tokens'], updateRefreshToken);
  on('DELETE /refresh-tokens/:id', ['delete:refresh_tokens'], deleteRefreshToken);
  on('GET /sessions/:id', ['read:sessions'], showSession);
  on('PATCH /sessions/:id', ['update:sessions'], updateSession);
  on('DELETE /sessions/:id', ['delete:sessions'], deleteSession);
  on('POST /sessions/:id/revoke', ['delete:sessions'], revokeSession);

  on('GET /users', ['read:users'], listUsers);
  on('POST /users', ['create:users'], createUser);
  on('GET /users-by-email', ['read:users'], listUsersByEmail);
  on('GET /users/:id', ['read:users'], showUser);
  on('PATCH /users/:id', ['update:users'], updateUser);
  on('DELETE /users/:id', ['delete:users'], deleteUser);
  on('POST /users/:id/revoke-access', ['delete:sessions'], revokeAccess);
  on('GET /users/:id/refresh-tokens', ['read:refresh_tokens'], listRefreshTokensOfUser);
  on('DELETE /users/:id/refresh-tokens', ['delete:refresh_tokens'], deleteRefreshTokensOfUser);
  on('GET /users/:id/sessions', ['read:sessions'], listSessionsOfUser);
  on('DELETE /users/:id/sessions', ['delete:sessions'], deleteSessionsOfUser);

  on('GET /users/:id/logs', ['read:logs', 'read:logs_users'], listLogsOfUser);
  on('GET /users/:id/organizations', ['read:organizations'], listOrganizationsOfUser);

  on('GET /connections', ['read:connections'], listConnections);
  on('POST /connections', ['create:connections'], createConnection);
  on('GET /connections/:id', ['read:connections'], showConnection);
  on('PATCH /connections/:id', ['update:connections'], updateConnection);
  on('DELETE /connections/:id', ['delete:connections'], deleteConnection);
  on('GET /connections/:id/clients', ['read:connections'], listClientsOfConnection);
  on('PATCH /connections/:id/clients', ['update:connections'], switchClients);

  on('GET /organizations', ['read:organizations'], listOrganizations);
  on('POST /organizations', ['create:organizations'], createOrganization);
  on('GET /organizations/name/:name', ['read:organizations'], showOrganizationByName);
  on('GET /organizations/:id', ['read:organizations'], showOrganization);
  on('PATCH /organizations/:id', ['update:organizations'], updateOrganization);
  on('DELETE /organizations/:id', ['delete:organizations'], deleteOrganization);
  on('GET /organizations/:id/members', ['read:organization_members'], listMembers);
  on('POST /organizations/:id/members', ['create:organization_members'], addMembers);
  on('DELETE /organizations/:id/members', ['delete:organization_members'], removeMembers);
  const connections = '/organizations/:id/enabled_connections';
  on(`GET ${connections}`, ['read:organization_connections'], listConnectionsOfOrganization);
  on(`POST ${connections}`, ['create:organization_connections'], addConnection);
  on(`DELETE ${connections}/:connection`, ['delete:organization_connections'], removeConnection);
  const invitations = '/organizations/:id/invitations';
  on(`GET ${invitations}`, ['read:organization_invitations'], listInvitations);
  on(`POST ${invitations}`, ['create:organization_invitations'], createInvitation);
  on(`GET ${invitations}/:invitation`, ['read:organization_invitations'], showInvitation);
  on(`DELETE ${invitations}/:invitation`, ['delete:organization_invitations'], deleteInvitation);

  on('GET /tenants/settings', ['read:tenant_settings'], showSettings);
  on('PATCH /tenants/settings', ['update:tenant_settings'], updateSettings);
  on('GET /keys/signing', ['read:signing_keys'], listSigningKeys);
  on('POST /keys/signing/rotate', ['create:signing_keys', 'update:signing_keys'], rotateKey);
  on('GET /keys/signing/:id', ['read:signing_keys'], showSigningKey);
  on('PUT /keys/signing/:id/revoke', ['update:signing_keys'], revokeKey);

  on('GET /logs', ['read:logs'], listLogs);
  on('GET /logs/:id', ['read:logs'], showLog);
  app.onError(respondWithError);
  return app;
}

/** Never a body: passwords and secrets come in them. */
function writeDown({ journal }: TenantContext, c: ManagementContext, path: string): void {
  const { method } = c.req;
  journal.write({
    type: 'sapi',
    description: `${method} ${path}`,
    client_id: c.get('access').clientId,
    details: { request: { method, path } },
    decision: 'carry out',
    reason: 'the access token allows it',
  });
}

/** Whether it is the id of anything here. What is none may be a secret that was sent in its place. */
function isKnown(context: TenantContext, id: string): boolean {
  if (isDeviceCredential(id) || isSigningKey(context, id)) return true;
  const { state } = context;
  const { clients, clientGrants, resourceServers, users, grants, families, sessions } = state;
  const { organizations, invitations, connections } = state;
  return (
    [
      clients,
      clientGrants,
      resourceServers,
      users,
      grants,
      families,
      organizations,
      invitations,
      connections,
    ].some((held) => held.has(id)) ||
    [...resourceServers.values()].some((api) => api.id === id) ||
    [...sessions.values()].some(({ sid }) => sid === id)
  );
}
