/** A token presented once more, as a thief or a client that lost an answer would do it. */
import type { TenantContext } from './context.ts';
import { itemAt, itemsOf } from './persistent-list.ts';
import type { RefreshTokenFamily } from './refresh-token-family.ts';

export type ReplayPlan =
  | { readonly kind: 'request'; readonly request: Request }
  | { readonly kind: 'impossible'; readonly why: string };

/** The request to send: for the token with that counter, or for the newest that was spent already. */
export function planReplay(context: TenantContext, familyId: string, counter?: number): ReplayPlan {
  const family = context.state.families.get(familyId);
  if (!family) {
    const isPast = context.state.pastFamilies.some((past) => past.familyId === familyId);
    const why = isPast
      ? `the family "${familyId}" is over, and its tokens are forgotten`
      : `there is no family "${familyId}"`;
    return { kind: 'impossible', why };
  }
  const token =
    counter === undefined
      ? itemsOf(family.tokens)
          .filter((held) => held.firstRotatedAt !== null)
          .at(-1)
      : itemAt(family.tokens, counter - 1);
  if (!token)
    return {
      kind: 'impossible',
      why:
        counter === undefined ? 'no token of the family was spent yet' : `the family has no token ${counter}`,
    };
  return { kind: 'request', request: requestFor(context, family, token.value) };
}

function requestFor(
  { state, configuration }: TenantContext,
  family: RefreshTokenFamily,
  value: string,
): Request {
  const secret = state.clients.get(family.clientId)?.client_secret;
  return new Request(`${configuration.baseUrl}/oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: family.clientId,
      refresh_token: value,
      ...(secret && { client_secret: secret }),
    }),
  });
}
