/** The Management API seen as an API: the audiences its access tokens are for, and the scopes that its routes ask for. */

/** The audience as the tenant writes it. */
export const managementAudience = (baseUrl: string): string => `${baseUrl}/api/v2/`;

/** The `auth0` package always says https, whatever the tenant's own address is: both are one audience. */
export function canonicalAudience(baseUrl: string, audience: string): string {
  const own = managementAudience(baseUrl);
  return audience === own.replace(/^http:/, 'https:') ? own : audience;
}

export const managementScopes = [
  'read:clients',
  'create:clients',
  'update:clients',
  'delete:clients',
  'read:client_keys',
  'update:client_keys',
  'read:client_grants',
  'create:client_grants',
  'update:client_grants',
  'delete:client_grants',
  'read:resource_servers',
  'create:resource_servers',
  'update:resource_servers',
  'delete:resource_servers',
  'read:users',
  'create:users',
  'update:users',
  'delete:users',
  'read:grants',
  'delete:grants',
  'read:device_credentials',
  'delete:device_credentials',
  'read:refresh_tokens',
  'update:refresh_tokens',
  'delete:refresh_tokens',
  'read:sessions',
  'update:sessions',
  'delete:sessions',
  'read:connections',
  'create:connections',
  'update:connections',
  'delete:connections',
  'read:organizations',
  'create:organizations',
  'update:organizations',
  'delete:organizations',
  'read:organization_members',
  'create:organization_members',
  'delete:organization_members',
  'read:organization_connections',
  'create:organization_connections',
  'delete:organization_connections',
  'read:organization_invitations',
  'create:organization_invitations',
  'delete:organization_invitations',
  'read:tenant_settings',
  'update:tenant_settings',
  'read:signing_keys',
  'create:signing_keys',
  'update:signing_keys',
  'read:logs',
  'read:logs_users',
] as const;

export type ManagementScope = (typeof managementScopes)[number];
