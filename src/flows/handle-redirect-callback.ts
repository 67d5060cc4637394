import { codeFrom, readCallback } from '../core/authorization-response.ts';
import type { RedirectLoginResult } from '../core/options.ts';
import { readTransaction } from '../core/transaction.ts';
import { AuthenticationError, GenericError, StorageError } from '../errors.ts';
import type { ClientContext } from './context.ts';
import { transactionName } from './login-with-redirect.ts';
import { redeemCode } from './redeem-code.ts';

/**
 * Completes the login that the address belongs to. Two calls for one address share one exchange. The transaction is
 * forgotten at the first definite answer: a foreign state and a server that cannot be reached leave it for another try.
 */
export function handleRedirectCallback<AppState>(
  context: ClientContext,
  url: string,
): Promise<RedirectLoginResult<AppState>> {
  return context.flights.share(`callback ${url}`, async () => {
    const { env, settings } = context;
    const response = readCallback(url);
    const name = transactionName(context);
    const transaction = readTransaction(readText(context, name));
    try {
      const code = codeFrom(response, transaction, settings.issuer);
      // codeFrom() has refused a missing transaction
      await redeemCode(context, code, transaction as NonNullable<typeof transaction>);
    } catch (error) {
      if (isDefinite(error)) env.sessionStorage.remove(name);
      throw error;
    }
    env.sessionStorage.remove(name);
    return { appState: transaction?.appState as AppState, response_type: 'code' };
  });
}

function readText({ env }: ClientContext, name: string): string | null {
  try {
    return env.sessionStorage.get(name);
  } catch (cause) {
    throw new StorageError('sessionStorage cannot be read', cause);
  }
}

/** Nothing that a later try could change: the server refused, or what it sent was refused. */
const isDefinite = (error: unknown): boolean =>
  error instanceof AuthenticationError ||
  (error instanceof GenericError &&
    !error.retryable &&
    !['missing_transaction', 'state_mismatch', 'issuer_mismatch'].includes(error.error));
