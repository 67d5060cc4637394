/** The Management API seen as an API: the audiences its access tokens are for, and the scopes that its routes ask for. */

/** The audience as the tenant writes it. */
export const managementAudience = (baseUrl: string): string => `${baseUrl}/api/v2/`;

/** The `auth0` package always says https, whatever the tenant's own address is: both are one audience. */
export function canonicalAudience(baseUrl: string, audience: string): string {
  const own = managementAudience(baseUrl);
  return audience === own.replace(/^http:/, 'https:') ? own : audience;
}
