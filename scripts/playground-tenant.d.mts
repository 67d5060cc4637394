import type { TenantConfiguration } from '../src/tenant/index.ts';
import type { exampleConfiguration } from '../src/tenant-node/index.ts';

type Example = typeof exampleConfiguration;

export function playgroundTenant(
  example: Example,
  addresses: { readonly tenantUrl: string; readonly playgroundUrl: string },
): TenantConfiguration;

/** What the playground's pages read as `/settings.js`. */
export interface PlaygroundSettings {
  readonly tenantUrl: string;
  readonly clientId: string;
  readonly seedExampleClientId: string;
  readonly audience: string;
  readonly scope: string;
  readonly developmentToken: string;
  readonly user: Example['users'][0];
}

export function playgroundSettings(
  example: Example,
  tenant: { readonly tenantUrl: string; readonly developmentToken: string },
): PlaygroundSettings;
