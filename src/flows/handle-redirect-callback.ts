import { answeredBy, readCallback } from '../core/authorization-response.ts';
import type { RedirectLoginResult } from '../core/options.ts';
import { readTransaction } from '../core/transaction.ts';
import { GenericError, InvalidIdTokenError, StorageError } from '../errors.ts';
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
    const transaction = answeredBy(response, readTransaction(readText(context, name)), settings.issuer);
    try {
      await redeemCode(context, response, transaction);
    } catch (error) {
      if (!isUnspent(error)) env.sessionStorage.remove(name);
      throw error;
    }
    env.sessionStorage.remove(name);
    return { appState: transaction.appState as AppState, response_type: 'code' };
  });
}

/** The code may still be good: nobody answered, or the server declined for a while. */
const isUnspent = (error: unknown): boolean =>
  error instanceof GenericError &&
  error.retryable &&
  !(error instanceof InvalidIdTokenError || error instanceof StorageError);

function readText({ env }: ClientContext, name: string): string | null {
  try {
    return env.sessionStorage.get(name);
  } catch (cause) {
    throw new StorageError('sessionStorage cannot be read', cause);
  }
}
