/** Auth0's logout endpoint, `GET /v2/logout`: ends the session at the tenant and returns to a registered address. */

export interface LogoutRequest {
  readonly client_id?: string | undefined;
  readonly returnTo?: string | undefined;
  /** Ends the session at the upstream identity provider too; on the wire a name without a value. */
  readonly federated?: boolean | undefined;
  readonly [parameter: string]: unknown;
}

/** The address to navigate to. `undefined`, `null` and `false` are left out; `true` is a name without a value, put last. */
export function logoutUrl(endpoint: string, request: LogoutRequest): string {
  const query = new URLSearchParams();
  const flags: string[] = [];
  for (const [name, value] of Object.entries(request)) {
    if (value === true) flags.push(encodeURIComponent(name));
    else if (value !== undefined && value !== null && value !== false) query.set(name, String(value));
  }
  const search = [query.toString(), ...flags].filter((part) => part !== '').join('&');
  return search === '' ? endpoint : `${endpoint}?${search}`;
}
