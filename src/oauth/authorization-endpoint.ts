/** The authorization endpoint: request and response as they stand in URLs (RFC 6749 §4.1, OIDC Core §3.1.2). */

import { formOf, withQuery } from './form.ts';

/** Parameters of an authorization request. Unknown names are passed on as they are. */
export interface AuthorizationRequest {
  readonly client_id: string;
  readonly response_type: 'code';
  readonly response_mode: 'query' | 'web_message';
  readonly redirect_uri?: string;
  readonly scope: string;
  readonly audience?: string;
  readonly state: string;
  readonly nonce: string;
  readonly code_challenge: string;
  readonly code_challenge_method: 'S256';
  readonly prompt?: string;
  readonly [parameter: string]: unknown;
}

/** The address that starts an authorization: `endpoint`, which may have a query (RFC 6749 §3.1), with the request as its query. */
export const authorizationUrl = (endpoint: string, request: AuthorizationRequest): string =>
  withQuery(endpoint, formOf(request).toString());

/** What an authorization server may answer, by redirect or by message (RFC 6749 §4.1.2, RFC 9207 §2). */
export interface AuthorizationResponse {
  readonly code?: string;
  readonly state?: string;
  readonly iss?: string;
  readonly error?: string;
  readonly error_description?: string;
}

/** Takes the known members out of a query, a form or a message body; members that are no text count as absent. */
export function readAuthorizationResponse(source: unknown): AuthorizationResponse {
  const members = Object(source instanceof URLSearchParams ? Object.fromEntries(source) : source) as object;
  const value = (name: keyof AuthorizationResponse): string | undefined => {
    const found: unknown = (members as Record<string, unknown>)[name];
    return typeof found === 'string' ? found : undefined;
  };
  return {
    code: value('code'),
    state: value('state'),
    iss: value('iss'),
    error: value('error'),
    error_description: value('error_description'),
  };
}
