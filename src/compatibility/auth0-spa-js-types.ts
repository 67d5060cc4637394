/** Shapes and names that auth0-spa-js exports, for apps that name them in code of their own. */
import type { Milliseconds, Seconds } from '../clock.ts';
import type { Unchecked } from '../core/options.ts';

/** What a return from the authorization endpoint says (RFC 6749 §4.1.2). */
export interface AuthenticationResult {
  state: string;
  code?: string | undefined;
  /** In the place of `code`, where an account was connected. */
  connect_code?: string | undefined;
  error?: string | undefined;
  error_description?: string | undefined;
}

/** A successful answer of the token endpoint (RFC 6749 §5.1, OIDC Core §3.1.3.3). */
export interface TokenEndpointResponse {
  id_token: string;
  access_token: string;
  token_type: string;
  expires_in: Seconds;
  /** Never in what a client here returns. */
  refresh_token?: string | undefined;
  scope?: string | undefined;
}

/** A request to the token endpoint, whatever its grant (RFC 6749 §4.1.3, §6). */
export interface TokenEndpointOptions {
  baseUrl: string;
  client_id: string;
  grant_type: string;
  timeout?: Milliseconds | undefined;
  auth0Client: Unchecked;
  useFormData?: boolean | undefined;
  [parameter: string]: Unchecked;
}

/** The exchange of an authorization code (RFC 6749 §4.1.3, RFC 7636 §4.5). */
export interface OAuthTokenOptions extends TokenEndpointOptions {
  code: string;
  code_verifier: string;
  redirect_uri: string;
  audience: string;
  scope: string;
}

/** A refresh (RFC 6749 §6). */
export interface RefreshTokenOptions extends TokenEndpointOptions {
  refresh_token: string;
}

/** What an ID token is judged by (OIDC Core §3.1.3.7). */
export interface JWTVerifyOptions {
  id_token: string;
  iss: string;
  aud: string;
  nonce?: string | undefined;
  organization?: string | undefined;
  max_age?: Seconds | undefined;
  leeway?: Seconds | undefined;
  /** Since 1970. */
  now?: Milliseconds | undefined;
}

/** Who acts in the user's name (RFC 8693 §4.1). */
export interface ActClaim {
  sub?: string | undefined;
  [claim: string]: Unchecked;
}

/** What a request to the tenant is made of. */
export interface FetchOptions {
  method?: string | undefined;
  headers?: Record<string, string> | undefined;
  credentials?: 'include' | 'omit' | undefined;
  body?: string | undefined;
  signal?: AbortSignal | undefined;
}

/** What is left of an answer. */
export interface FetchResponse {
  ok: boolean;
  headers: Record<string, string | undefined>;
  json: Unchecked;
}

/** How long the refresh token is to live: latchkey knows `offline` alone. */
export const RefreshTokenMode = { Offline: 'offline', Online: 'online' } as const;
/** One of its values. */
export type RefreshTokenMode = (typeof RefreshTokenMode)[keyof typeof RefreshTokenMode];
