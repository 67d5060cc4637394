/** `/api/v2/device-credentials`: refresh tokens by the device they were issued to (Auth0 Management API). */
import { decodeBase64url } from '../../oauth/decode-base64url.ts';
import type { TenantContext } from '../context.ts';
import type { RefreshTokenFamily } from '../refresh-token-family.ts';
import type { ManagementContext } from './access.ts';
import { deleteGrantOf, endFamilies, liveFamilies } from '../families.ts';
import { ManagementError } from './management-error.ts';
import { invalidQuery, respondWithList } from './paging.ts';

const types = ['public_key', 'refresh_token', 'rotating_refresh_token'];

/** Without a type, only tokens that do not rotate. */
export function listDeviceCredentials(context: TenantContext, c: ManagementContext): Response {
  const { user_id, client_id, type = 'refresh_token' } = c.req.query();
  if (!types.includes(type)) throw invalidQuery(`No enum match for: ${type}`, 'type');
  const items = liveFamilies(context).filter(
    (family) =>
      typeOf(family) === type &&
      (user_id ?? family.userId) === family.userId &&
      (client_id ?? family.clientId) === family.clientId,
  );
  const view = (family: RefreshTokenFamily) => ({
    id: idOf(family),
    device_name: 'Browser',
    type: typeOf(family),
    user_id: family.userId,
    client_id: family.clientId,
  });
  return respondWithList(c, { key: 'device_credentials', items, id: idOf, view });
}

/**
 * A rotating token takes the whole grant with it, every other family of it too (R52); one that does not rotate only itself,
 * unless the tenant's flag says otherwise.
 */
export function deleteDeviceCredential(context: TenantContext, c: ManagementContext): Response {
  const id = c.req.param('id') ?? '';
  if (!isDeviceCredential(id))
    throw new ManagementError(
      400,
      `Path validation error: 'String does not match pattern ^dcr_[A-Za-z0-9]{16}$: ${id}' on property id.`,
      'invalid_uri',
    );
  const found = liveFamilies(context).find((family) => idOf(family) === id);
  const [{ flags }] = context.state.settings;
  const always = found?.rotating && !context.configuration.quirks.deviceCredentialsFollowFlag;
  if (found && (always || flags.revoke_refresh_token_grant)) deleteGrantOf(context, found);
  else endFamilies(context, 'admin', (family) => family === found);
  return c.body(null, 204);
}

/** By its form. */
export const isDeviceCredential = (id: string): boolean => /^dcr_[A-Za-z0-9]{16}$/.test(id);

const typeOf = ({ rotating }: RefreshTokenFamily): string =>
  rotating ? 'rotating_refresh_token' : 'refresh_token';

/** The family's own id has characters that Auth0's ids of credentials have not. */
const idOf = ({ familyId }: RefreshTokenFamily): string => {
  const bytes = decodeBase64url(familyId).slice(0, 8);
  return `dcr_${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
};
