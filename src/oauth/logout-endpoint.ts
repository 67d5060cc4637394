/** Auth0's logout endpoint, `GET /v2/logout`: ends the session at the tenant and returns to a registered address. */

import { formOf, withQuery } from './form.ts';

export interface LogoutRequest {
  readonly client_id?: string | undefined;
  readonly returnTo?: string | undefined;
  /** Ends the session at the upstream identity provider too; on the wire a name without a value. */
  readonly federated?: boolean | undefined;
  readonly [parameter: string]: unknown;
}

/** The address to navigate to. `federated` is a name without a value, and stands last. */
export function logoutUrl(endpoint: string, { federated, ...members }: LogoutRequest): string {
  const query = [formOf(members).toString(), federated ? 'federated' : ''].filter((part) => part !== '');
  return query.length === 0 ? endpoint : withQuery(endpoint, query.join('&'));
}
