/** `/api/v2/grants`: what users have let clients do (Auth0 Management API). */
import { scopeNames } from '../../oauth/scope.ts';
import type { TenantContext } from '../context.ts';
import type { UserGrant } from '../user-grant.ts';
import type { ManagementContext } from './access.ts';
import { deleteGrants } from '../families.ts';
import { invalidQuery, respondWithList } from './paging.ts';

export function listGrants(context: TenantContext, c: ManagementContext): Response {
  const { user_id, client_id, audience } = c.req.query();
  const audienceOf = (grant: UserGrant) => grant.audience ?? `${context.configuration.baseUrl}/userinfo`;
  const items = [...context.state.grants.values()].filter(
    (grant) =>
      (user_id ?? grant.userId) === grant.userId &&
      (client_id ?? grant.clientId) === grant.clientId &&
      (audience ?? audienceOf(grant)) === audienceOf(grant),
  );
  const view = (grant: UserGrant) => ({
    id: grant.id,
    clientID: grant.clientId,
    user_id: grant.userId,
    audience: audienceOf(grant),
    scope: scopeNames(grant.scope),
  });
  return respondWithList(c, { key: 'grants', items, id: ({ id }) => id, view });
}

export function deleteGrant(context: TenantContext, c: ManagementContext): Response {
  deleteGrants(context, ({ id }) => id === c.req.param('id'));
  return c.body(null, 204);
}

/** All grants of one user; without a user there would be no end to it. */
export function deleteGrantsOfUser(context: TenantContext, c: ManagementContext): Response {
  const user_id = c.req.query('user_id');
  if (user_id === undefined) throw invalidQuery('Missing required property: user_id', 'user_id');
  deleteGrants(context, ({ userId }) => userId === user_id);
  return c.body(null, 204);
}
