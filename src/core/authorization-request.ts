/** The authorization request that leads to a token. */
import type { AuthorizationRequest } from '../oauth/authorization-endpoint.ts';
import { authorizationUrl } from '../oauth/authorization-endpoint.ts';
import type { Endpoints } from './endpoints.ts';
import type { Settings } from './settings.ts';
import type { Target } from './target.ts';
import type { Transaction } from './transaction.ts';

/** The fresh random texts of one authorization: 43 characters of base64url each. */
export interface AuthorizationSecrets {
  readonly state: string;
  readonly nonce: string;
  readonly code_verifier: string;
  /** S256 of the verifier. */
  readonly code_challenge: string;
  /** With DPoP: the thumbprint of the key that the code is to be bound to (RFC 9449 §10). */
  readonly dpop_jkt?: string | undefined;
}

/** The address to go to, and the transaction that its answer is judged by. */
export function authorizationRequest(
  settings: Settings,
  target: Target,
  secrets: AuthorizationSecrets,
  mode: Pick<AuthorizationRequest, 'response_mode' | 'prompt' | 'redirect_uri'> &
    Pick<Endpoints, 'authorize'>,
): { readonly url: string; readonly transaction: Transaction } {
  const { code_challenge, dpop_jkt, ...kept } = secrets;
  const redirect_uri = mode.redirect_uri ?? target.params.redirect_uri;
  const request: AuthorizationRequest = {
    ...target.params,
    client_id: settings.clientId, // whatever the caller passed, what is ours is written last
    scope: target.scope,
    audience: target.audience || undefined,
    redirect_uri,
    response_type: 'code',
    response_mode: mode.response_mode,
    state: kept.state,
    nonce: kept.nonce,
    code_challenge,
    code_challenge_method: 'S256',
    dpop_jkt,
    prompt: mode.prompt ?? target.params.prompt,
    ...(settings.telemetry && { auth0Client: settings.telemetry.query }),
  };
  return {
    url: authorizationUrl(mode.authorize, request),
    transaction: {
      ...kept,
      audience: target.audience,
      scope: target.scope,
      redirect_uri,
      organization: target.params.organization,
      max_age: readMaxAge(target.params.max_age),
    },
  };
}

function readMaxAge(value: string | number | undefined): number | undefined {
  const seconds = Number.parseFloat(String(value)); // `Number` would make 0 of an empty text, and of `null`
  return Number.isFinite(seconds) ? seconds : undefined;
}
