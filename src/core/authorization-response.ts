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
  const response = readAuthorizationResponse(queryOf(url));
  if (response.code === undefined && response.error === undefined)
    throw new GenericError('missing_callback_parameters', 'There are no query params available for parsing.');
  return response;
}

/** The state in an address, of whomever. */
export const stateIn = (url: string): string | undefined => readAuthorizationResponse(queryOf(url)).state;

const queryOf = (url: string): URLSearchParams =>
  new URLSearchParams(url.split('#', 1)[0]?.split('?').slice(1).join('&'));

/**
 * For a response that no login under way is waiting for. `consumed`: it was handled before, and failed, or nobody heard how that
 * ended, or nobody is signed in any more. `expired`: its login began too long ago, or too many others have begun since. `unknown`: no login of this tab is known by it.
 * `foreign`: no client ever sent such a state, so it belongs to something else of the page. Nothing was done.
 */
export const unknownState = (
  reason: 'consumed' | 'expired' | 'unknown' | 'foreign',
  areOthersUnderWay: boolean,
): GenericError =>
  new GenericError(areOthersUnderWay ? 'state_mismatch' : 'missing_transaction', 'Invalid state', {
    reason,
    requiresLogin: reason !== 'foreign',
  });

/**
 * The transaction that a response answers. The state is compared before anything else is believed, an error included:
 * whoever cannot name the state cannot end the login.
 * @throws {GenericError} `state_mismatch` or `issuer_mismatch` (RFC 9207 §2.4).
 */
export function answeredBy(
  response: AuthorizationResponse,
  transaction: Transaction,
  issuer: string,
  { namesIssuer }: Pick<Endpoints, 'namesIssuer'> = {},
): Transaction {
  if (response.state !== transaction.state) throw new GenericError('state_mismatch', 'Invalid state');
  if (response.iss !== issuer && (response.iss !== undefined || namesIssuer))
    throw new GenericError('issuer_mismatch', 'The answer came from another issuer.');
  return transaction;
}

/** The code of a response. @throws {AuthenticationError} for the error that the authorization server returned instead. */
export function codeOf(
  { code, error, error_description }: AuthorizationResponse,
  answered: Pick<Transaction, 'state' | 'appState'>,
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
