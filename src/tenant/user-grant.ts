/** What a user has let a client do at an API. Its refresh tokens belong to it: they go when it goes (Auth0's grants). */
import { joinScopes, scopeNames } from '../oauth/scope.ts';
import type { TenantContext } from './context.ts';

export interface UserGrant {
  readonly id: string;
  readonly userId: string;
  readonly clientId: string;
  readonly audience: string | null;
  readonly scope: string;
}

/** What a grant and the families that belong to it have in common. */
type Held = Omit<UserGrant, 'id' | 'scope'>;

/** There is one grant for a user, a client and an audience; what is granted later is added to it. */
export function keepUserGrant({ state, random }: TenantContext, granted: Held & { scope: string }): void {
  const { userId, clientId, audience, scope } = granted;
  const known = [...state.grants.values()].find((grant) => isOfGrant(grant, granted));
  const id = known?.id ?? `cgr_${random.hex(16)}`;
  state.grants.set(id, { id, userId, clientId, audience, scope: joinScopes(known?.scope ?? '', scope) });
}

/** Whether the user has let the client do all this before. */
export const isCovered = ({ state }: TenantContext, asked: Held & { scope: string }): boolean =>
  [...state.grants.values()].some((grant) => {
    const held = scopeNames(grant.scope);
    return isOfGrant(grant, asked) && scopeNames(asked.scope).every((name) => held.includes(name));
  });

export const isOfGrant = (grant: Held, { userId, clientId, audience }: Held): boolean =>
  grant.userId === userId && grant.clientId === clientId && grant.audience === audience;
