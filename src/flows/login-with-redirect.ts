import { authorizationRequest, targetOf } from '../core/authorization-request.ts';
import type { RedirectLoginOptions } from '../core/options.ts';
import { readText, storageName } from '../core/settings.ts';
import type { Transaction } from '../core/transaction.ts';
import type { Environment } from '../environment.ts';
import { InvalidConfigurationError, StorageError } from '../errors.ts';
import type { ClientContext } from './context.ts';
import { authorizationSecrets } from './secrets.ts';

/** The one slot for a login under way in this tab: a second login replaces the first. */
export const transactionName = ({ settings }: ClientContext): string => storageName(settings, 'transaction');

/** Remembers the login, then leaves for the tenant. */
export async function loginWithRedirect(
  context: ClientContext,
  options: RedirectLoginOptions,
): Promise<void> {
  const { settings, env } = context;
  const appState = readAppState(options.appState);
  const target = targetOf(settings, options.authorizationParams);
  const navigate = readNavigation(options.openUrl, env);
  const fragment = options.fragment ? `#${readText('fragment', options.fragment)}` : '';
  const { url, transaction } = authorizationRequest(settings, target, await authorizationSecrets(env), {
    response_mode: 'query',
  });
  saveTransaction(context, { ...transaction, appState });
  await navigate(url + fragment);
}

/** What leaves the page: the app's own way, or the SDK's. @throws {InvalidConfigurationError} for what is no way. */
export function readNavigation(
  openUrl: RedirectLoginOptions['openUrl'],
  { page }: Pick<Environment, 'page'>,
): (url: string) => Promise<void> | void {
  const navigate = openUrl ?? page.navigate;
  if (typeof navigate !== 'function')
    throw new InvalidConfigurationError('"openUrl" is no function.', 'Leave it out, or pass one.');
  return navigate;
}

/** @throws {InvalidConfigurationError} for what would not come back. */
function readAppState(appState: unknown): unknown {
  try {
    JSON.stringify(appState);
    return appState;
  } catch {
    throw new InvalidConfigurationError(
      '"appState" does not survive JSON.',
      'Leave out circles and big integers.',
    );
  }
}

/** Without it the return could not be judged, so a login that cannot be remembered is not begun. */
function saveTransaction(context: ClientContext, transaction: Transaction): void {
  try {
    context.env.sessionStorage.set(transactionName(context), JSON.stringify(transaction));
  } catch (cause) {
    throw new StorageError('sessionStorage cannot hold the login', cause);
  }
}
