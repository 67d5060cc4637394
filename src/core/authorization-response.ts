/** Judges what came back from the authorization endpoint, against the transaction that it must belong to. */
import { AuthenticationError, GenericError } from '../errors.ts';
import { readAuthorizationResponse, type AuthorizationResponse } from '../oauth/authorization-endpoint.ts';
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
 * The code of a response that answers `transaction`. The state is compared before anything else is believed, an error
 * included: whoever cannot name the state cannot end the login.
 * @throws {GenericError} `missing_transaction`, `state_mismatch` or `issuer_mismatch` (RFC 9207 §2.4).
 * @throws {AuthenticationError} for an error that the authorization server returned.
 */
export function codeFrom(
  response: AuthorizationResponse,
  transaction: Transaction | undefined,
  issuer: string,
): string {
  if (transaction === undefined)
    throw new GenericError('missing_transaction', 'Invalid state', { reason: 'no_login_begun_in_this_tab' });
  if (response.state !== transaction.state)
    throw new GenericError('state_mismatch', 'Invalid state', { reason: 'state_of_another_login' });
  if (response.iss !== undefined && response.iss !== issuer)
    throw new GenericError('issuer_mismatch', 'The answer came from another authorization server.');
  if (response.error !== undefined)
    throw new AuthenticationError(
      response.error,
      response.error_description ?? response.error,
      transaction.state,
      transaction.appState,
    );
  if (response.code === undefined) throw new GenericError('missing_code', 'The answer holds no code.');
  return response.code;
}
