import type { TenantConfiguration } from '../src/tenant/index.ts';

export const playgroundUser: { readonly email: string; readonly password: string; readonly name: string };

export function playgroundTenant(addresses: {
  readonly tenantUrl: string;
  readonly playgroundUrl: string;
}): TenantConfiguration;

export interface PlaygroundSettings {
  readonly tenantUrl: string;
  readonly clientId: string;
  readonly seedExampleClientId: string;
  readonly audience: string;
  readonly scope: string;
  readonly developmentToken: string;
  readonly user: typeof playgroundUser;
}

export function playgroundSettings(tenant: {
  readonly tenantUrl: string;
  readonly developmentToken: string;
}): PlaygroundSettings;
