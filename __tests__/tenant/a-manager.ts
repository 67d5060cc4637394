/** The Management API as its callers meet it: the `auth0` package without a network, and requests by hand. */
import { expect } from '@jest/globals';
import { ManagementClient } from 'auth0';
import type { Tenant, TenantConfiguration } from '../../src/tenant/index.ts';
import { managementScopes } from '../../src/tenant/management/system-api.ts';
import { aTenant, configuration, postToken } from './a-tenant.ts';

const machine = { client_id: 'machine', app_type: 'non_interactive', client_secret: 'm@chine' } as const;

/** A tenant with a client that may do these things at its Management API. */
export const aManagedTenant = (
  changes: Partial<TenantConfiguration> = {},
  scope: readonly string[] = managementScopes,
): Tenant =>
  aTenant({
    clients: [...configuration.clients, machine],
    client_grants: [{ client_id: 'machine', audience: 'http://localhost:4400/api/v2/', scope }],
    ...changes,
  });

export const managerOf = (tenant: Tenant): ManagementClient =>
  new ManagementClient({
    domain: new URL(tenant.baseUrl).host,
    clientId: machine.client_id,
    clientSecret: machine.client_secret,
    fetch: (url, init) => tenant.fetch(new Request(url, init)),
  });

export async function managementToken(tenant: Tenant): Promise<string> {
  const { body } = await postToken(tenant, {
    grant_type: 'client_credentials',
    client_id: machine.client_id,
    client_secret: machine.client_secret,
    audience: `${tenant.baseUrl}/api/v2/`,
  });
  return String(body['access_token']);
}

/** A request by hand, `GET /clients`, with a body that may be anything. */
export async function call(
  tenant: Tenant,
  route: string,
  { body, token }: { body?: unknown; token?: string } = {},
): Promise<{ status: number; body: unknown; headers: Headers }> {
  const [method, path] = route.split(' ');
  const response = await tenant.fetch(
    new Request(`${tenant.baseUrl}/api/v2${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token ?? (await managementToken(tenant))}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    }),
  );
  const text = await response.text();
  return {
    status: response.status,
    body: text === '' ? undefined : JSON.parse(text),
    headers: response.headers,
  };
}

/** Auth0's refusal of a body. */
export const invalidBody = (message: string) => ({
  status: 400,
  body: {
    statusCode: 400,
    error: 'Bad Request',
    message: expect.stringContaining(`Payload validation error: '${message}`),
    errorCode: 'invalid_body',
  },
});
