/** The revocation endpoint (RFC 7009 §2.1). */

export interface RevocationRequest {
  readonly client_id: string;
  readonly token: string;
  readonly token_type_hint: 'refresh_token';
}
