/** The token endpoint: what is sent and what comes back (RFC 6749 §4.1.3, §5 and §6). */
import type { Seconds } from '../clock.ts';

/** `grant_type=authorization_code` of a public client with PKCE (RFC 6749 §4.1.3, RFC 7636 §4.5). */
export interface AuthorizationCodeGrant {
  readonly grant_type: 'authorization_code';
  readonly client_id: string;
  readonly code: string;
  readonly code_verifier: string;
  readonly redirect_uri?: string;
}

/** `grant_type=refresh_token` of a public client (RFC 6749 §6). */
export interface RefreshTokenGrant {
  readonly grant_type: 'refresh_token';
  readonly client_id: string;
  readonly refresh_token: string;
  readonly scope?: string;
  readonly audience?: string;
}

/** `grant_type=urn:ietf:params:oauth:grant-type:token-exchange` (RFC 8693 §2.1). Unknown names are passed on as they are. */
export interface TokenExchangeGrant {
  readonly grant_type: typeof tokenExchangeType;
  readonly client_id: string;
  readonly subject_token: string;
  readonly subject_token_type: string;
  readonly scope: string;
  readonly audience?: string | undefined;
  readonly [parameter: string]: string | undefined;
}

export const tokenExchangeType = 'urn:ietf:params:oauth:grant-type:token-exchange';

export type TokenRequest = AuthorizationCodeGrant | RefreshTokenGrant | TokenExchangeGrant;

/** A successful answer (RFC 6749 §5.1), with the ID token of OIDC Core §3.1.3.3. */
export interface TokenResponse {
  readonly access_token: string;
  readonly token_type: string;
  readonly expires_in?: Seconds | undefined;
  readonly scope?: string | undefined;
  readonly id_token?: string | undefined;
  readonly refresh_token?: string | undefined;
}
