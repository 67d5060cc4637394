import { answeredBy, readCallback } from '../core/authorization-response.ts';
import type { RedirectLoginResult } from '../core/options.ts';
import { readTransaction } from '../core/transaction.ts';
import { GenericError, StorageError } from '../errors.ts';
import type { ClientContext } from './context.ts';
import { transactionName, transactionStorage } from './login-with-redirect.ts';
import { keepRedeemed, sendCode } from './redeem-code.ts';

/**
 * Completes the login that the address belongs to. Two calls for one address share one exchange. The transaction is
 * forgotten when the code is sent; where no answer came, it is put back for another try, unless another login has
 * begun meanwhile. A foreign state leaves it.
 */
export function handleRedirectCallback<AppState>(
  context: ClientContext,
  url: string,
): Promise<RedirectLoginResult<AppState>> {
  return context.flights.share(`callback ${url}`, async () => {
    const { settings } = context;
    const transactions = transactionStorage(context);
    const response = readCallback(url);
    const endpoints = await context.endpoints();
    const name = transactionName(context);
    const text = readText(context, name);
    const transaction = answeredBy(response, readTransaction(text), settings.issuer, endpoints);
    transactions.remove(name); // before anything is sent: another client of the page may be handling the same
    let isSpent = false;
    try {
      const redeemed = await sendCode(context, response, transaction);
      isSpent = true;
      await keepRedeemed(context, redeemed, transaction);
    } catch (error) {
      if (!(error instanceof GenericError && error.retryable)) throw error;
      // The code may still be good where nobody answered, or the server declined for a while. Otherwise only a login helps.
      if (isSpent || text === null) throw Object.assign(error, { retryable: false, requiresLogin: true });
      if (readText(context, name) === null) transactions.set(name, text); // else another login has begun meanwhile
      throw error;
    }
    return { appState: transaction.appState as AppState, response_type: 'code' };
  });
}

function readText(context: ClientContext, name: string): string | null {
  try {
    return transactionStorage(context).get(name);
  } catch (cause) {
    throw new StorageError('sessionStorage cannot be read', cause);
  }
}
