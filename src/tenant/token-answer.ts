/** How the token and revocation endpoints answer: tokens, or a refusal with Auth0's status (RFC 6749 §5). */
import type { Context } from 'hono';
import type { TokenResponse } from '../oauth/token-endpoint.ts';

export type TokenAnswer = { readonly kind: 'tokens'; readonly response: TokenResponse } | Refusal;

export interface Refusal {
  readonly kind: 'refused';
  readonly status: 400 | 401 | 403 | 429;
  readonly error: string;
  readonly error_description: string;
  /** Further members of the answer. */
  readonly more?: Readonly<Record<string, unknown>>;
}

export const refuse = (status: Refusal['status'], error: string, error_description: string): Refusal => ({
  kind: 'refused',
  status,
  error,
  error_description,
});

export const missingParameter = (name: string): Refusal =>
  refuse(400, 'invalid_request', `Missing required parameter: ${name}`);

/** 403 where RFC 6749 §5.2 says 400: this is what Auth0 answers. */
export const unknownRefreshToken: Refusal = refuse(403, 'invalid_grant', 'Unknown or invalid refresh token.');

export const invalidCode: Refusal = refuse(403, 'invalid_grant', 'Invalid authorization code');

export function respond(c: Context, answered: TokenAnswer): Response {
  if (answered.kind === 'tokens') return c.json(answered.response);
  const { status, error, error_description, more } = answered;
  return c.json({ error, error_description, ...more }, status);
}
