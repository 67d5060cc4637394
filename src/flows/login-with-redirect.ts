import { authorizationRequest, targetOf } from '../core/authorization-request.ts';
import type { RedirectLoginOptions } from '../core/options.ts';
import { readFunction, readText, storageName } from '../core/settings.ts';
import type { Transaction } from '../core/transaction.ts';
import type { Environment, TextStorage } from '../environment.ts';
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
  const navigate = readNavigation(options.openUrl ?? options.onRedirect, env);
  const fragment = options.fragment ? `#${readText('fragment', options.fragment)}` : '';
  const { authorize } = await context.endpoints();
  const { url, transaction } = authorizationRequest(settings, target, await authorizationSecrets(env), {
    authorize,
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
  return readFunction('openUrl', openUrl ?? undefined) ?? page.navigate;
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

/** Where a login under way is remembered: in this tab, or, with `useCookiesForTransactions`, in the browser for a day. */
export function transactionStorage({ settings, env }: ClientContext): TextStorage {
  if (!settings.useCookiesForTransactions) return env.sessionStorage;
  return {
    get: (name) => env.cookies.get(name) ?? null,
    set(name, text) {
      env.cookies.set(name, text, { ...settings.cookie, days: 1 });
      // What is too long, or refused, a browser drops without a word.
      if (env.cookies.get(name) !== text) throw new Error('the cookie was not taken: too long, or refused');
    },
    remove: (name) => env.cookies.remove(name, settings.cookie),
    names: () => env.cookies.names(),
  };
}

/** Without it the return could not be judged, so a login that cannot be remembered is not begun. */
function saveTransaction(context: ClientContext, transaction: Transaction): void {
  try {
    transactionStorage(context).set(transactionName(context), JSON.stringify(transaction));
  } catch (cause) {
    throw new StorageError('sessionStorage or a cookie cannot hold the login', cause);
  }
}
