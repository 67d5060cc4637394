/** `/api/v2/refresh-tokens`: one resource for a family, whose id stays while its tokens rotate (Auth0 Management API). */
import { scopeNames } from '../../oauth/scope.ts';
import type { Milliseconds } from '../../clock.ts';
import type { TenantContext } from '../context.ts';
import { headOf, type RefreshTokenFamily } from '../refresh-token-family.ts';
import type { ManagementContext } from './access.ts';
import { endFamilies, liveFamilies } from '../families.ts';
import { ManagementError, notFound } from './management-error.ts';
import { patchMetadata } from './metadata.ts';
import { respondWithList, selectFields } from './paging.ts';
import { objectOf, readPayload } from './payload.ts';

const id = { type: 'string', minLength: 1 };
const ids = { type: 'array', items: id, minItems: 1, maxItems: 100 };
const revocation = {
  anyOf: [objectOf({ ids }, ['ids']), { ...objectOf({ user_id: id, client_id: id }), minProperties: 1 }],
};

export function listRefreshTokens(context: TenantContext, c: ManagementContext): Response {
  const { user_id, client_id } = c.req.query();
  if (user_id === undefined)
    throw new ManagementError(400, "Missing required 'user_id' parameter.", 'invalid_query_string');
  return respondWithTokens(context, c, {
    key: 'refresh_tokens',
    chosen: (family) => family.userId === user_id && (client_id ?? family.clientId) === family.clientId,
  });
}

export const listRefreshTokensOfUser = (context: TenantContext, c: ManagementContext): Response =>
  respondWithTokens(context, c, { key: 'tokens', chosen: ({ userId }) => userId === c.req.param('id') });

export const showRefreshToken = (context: TenantContext, c: ManagementContext): Response =>
  c.json(selectFields(c, view(context)(knownFamily(context, c))));

export async function updateRefreshToken(context: TenantContext, c: ManagementContext): Promise<Response> {
  const family = knownFamily(context, c);
  await patchMetadata(context, c, { name: 'refresh_token_metadata', id: family.familyId });
  return c.json(view(context)(family));
}

function knownFamily(context: TenantContext, c: ManagementContext): RefreshTokenFamily {
  const family = liveFamilies(context).find(({ familyId }) => familyId === c.req.param('id'));
  if (!family) throw notFound('refresh token', 'inexistent_refresh_token');
  return family;
}

export function deleteRefreshToken(context: TenantContext, c: ManagementContext): Response {
  endFamilies(context, 'admin', ({ familyId }) => familyId === c.req.param('id'));
  return c.body(null, 202);
}

export function deleteRefreshTokensOfUser(context: TenantContext, c: ManagementContext): Response {
  endFamilies(context, 'admin', ({ userId }) => userId === c.req.param('id'));
  return c.body(null, 202);
}

/** Several at once: by their ids, or all of a user, of a client, or of a user at a client. */
export async function revokeRefreshTokens(context: TenantContext, c: ManagementContext): Promise<Response> {
  const { ids, user_id, client_id } = await readPayload(c, revocation);
  endFamilies(
    context,
    'admin',
    ({ familyId, userId, clientId }) =>
      (Array.isArray(ids) ? ids.includes(familyId) : true) &&
      (user_id ?? userId) === userId &&
      (client_id ?? clientId) === clientId,
  );
  return c.body(null, 202);
}

const respondWithTokens = (
  context: TenantContext,
  c: ManagementContext,
  { key, chosen }: { key: string; chosen: (family: RefreshTokenFamily) => boolean },
): Response =>
  respondWithList(c, {
    key,
    items: liveFamilies(context).filter(chosen),
    id: ({ familyId }) => familyId,
    view: view(context),
    checkpointOnly: true,
  });

/** Never the value. */
const view =
  ({ state }: TenantContext) =>
  (family: RefreshTokenFamily): object => {
    const head = headOf(family);
    return {
      id: family.familyId,
      user_id: family.userId,
      client_id: family.clientId,
      session_id: family.sessionId,
      rotating: family.rotating,
      created_at: iso(family.createdAt),
      expires_at: iso(family.expiresAt),
      idle_expires_at: iso(head.idleExpiresAt),
      last_exchanged_at: head.counter > 1 ? iso(head.issuedAt) : null,
      resource_servers:
        family.audience === null ? [] : [{ audience: family.audience, scopes: scopeNames(family.scope) }],
      refresh_token_metadata: state.metadata.get(family.familyId) ?? {},
    };
  };

const iso = (instant: Milliseconds | null): string | null =>
  instant === null ? null : new Date(instant).toISOString();
