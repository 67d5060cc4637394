/** The revocation endpoint (RFC 7009 §2.1). */

export interface RevocationRequest {
  readonly client_id: string;
  readonly token: string;
  readonly token_type_hint: 'refresh_token';
}

/** The request as `application/x-www-form-urlencoded` text. */
export const encodeRevocationRequest = (request: RevocationRequest): string =>
  new URLSearchParams({ ...request }).toString();
