/** `/api/v2/tenants/settings`: what holds for the tenant as a whole (Auth0 Management API). */
import { readTenantSettings } from '../configuration.ts';
import type { TenantContext } from '../context.ts';
import { sessionLifetimes } from '../login-session.ts';
import type { ManagementContext } from './access.ts';
import { selectFields } from './paging.ts';
import { objectOf, readPayload } from './payload.ts';

const hours = (description: string) => ({ type: 'integer', minimum: 1, maximum: 8760, description });

/** What the tenant may be told. Where it can do only one thing, only that is a value. */
const update = objectOf({
  friendly_name: { type: 'string', minLength: 1, description: 'Friendly name for this tenant' },
  flags: objectOf({
    revoke_refresh_token_grant: {
      type: 'boolean',
      description: 'Whether the whole grant goes with a refresh token that is revoked',
    },
  }),
  session_lifetime: hours('Number of hours a session stays valid'),
  idle_session_lifetime: hours('Number of hours a session may be inactive'),
  session_cookie: {
    ...objectOf({ mode: { type: 'string', enum: ['persistent', 'non-persistent'] } }, ['mode']),
    type: ['object', 'null'],
  },
  authorization_response_iss_parameter_supported: {
    type: ['boolean', 'null'],
    description: 'Whether answers to authorization requests say who answers',
  },
  pushed_authorization_requests_supported: { type: 'boolean', enum: [true] },
});

export const showSettings = (context: TenantContext, c: ManagementContext): Response =>
  c.json(selectFields(c, view(context)));

/** What is present replaces what was there; flags are merged name by name, and `null` goes back to the default. */
export async function updateSettings(context: TenantContext, c: ManagementContext): Promise<Response> {
  const body = await readPayload(c, update);
  const { settings } = context.state;
  const [before] = settings;
  const changes = Object.entries(body).map(([name, value]) => [name, value ?? undefined] as const);
  const flags = { ...before.flags, ...(body['flags'] as object | undefined) }; // an object, says the schema
  settings[0] = readTenantSettings(new Map([...Object.entries(before), ...changes, ['flags', flags]]));
  return c.json(view(context));
}

const view = ({ state: { settings } }: TenantContext): object => ({
  ...settings[0],
  ...sessionLifetimes(settings[0]),
  pushed_authorization_requests_supported: true,
});
