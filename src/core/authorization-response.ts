/** Judges what came back from the authorization endpoint, against the transaction that it must belong to. */
import { AuthenticationError, GenericError } from '../errors.ts';
import { readAuthorizationResponse, type AuthorizationResponse } from '../oauth/authorization-endpoint.ts';
import type { Endpoints } from './endpoints.ts';
import type { Transaction } from './transaction.ts';

/**
 * The response in a callback address.
 * @throws {GenericError} `missing_callback_parameters`, when it holds neither a code nor an error.
 */
export function readCallback(url: string): AuthorizationResponse {
  const query = url.split('#', 1)[0]?.split('?').slice(1).join('&') ?? '';
  const response = readAuthorizationResponse(new URLSearchParams(query));
  if (response.code === undefined && response.error === undefined)
    throw new GenericError('missing_callback_parameters', 'There are no query params available for parsing.');
  return response;
}

/**
 * The transaction that a response answers. The state is compared before anything else is believed, an error included:
 * whoever cannot name the state cannot end the login.
 * @throws {GenericError} `missing_transaction`, `state_mismatch` or `issuer_mismatch` (RFC 9207 §2.4).
 */
export function answeredBy(
  response: AuthorizationResponse,
  transaction: Transaction | undefined,
  issuer: string,
  { namesIssuer }: Pick<Endpoints, 'namesIssuer'> = {},
): Transaction {
  if (transaction === undefined) throw new GenericError('missing_transaction', 'Invalid state');
  if (response.state !== transaction.state) throw new GenericError('state_mismatch', 'Invalid state');
  if (response.iss !== issuer && (response.iss !== undefined || namesIssuer))
    throw new GenericError('issuer_mismatch', 'The answer came from another issuer.');
  return transaction;
}

/** The code of a response. @throws {AuthenticationError} for the error that the authorization server returned instead. */
export function codeOf(
  { code, error, error_description }: AuthorizationResponse,
  answered: Transaction,
): string {
  if (code !== undefined && error === undefined) return code;
  const { state, appState } = answered;
  throw new AuthenticationError(
    error ?? 'missing_code',
    error_description ?? error ?? 'missing_code',
    state,
    appState,
  );
}
