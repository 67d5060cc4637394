import { authorizationRequest } from '../core/authorization-request.ts';
import type { RedirectLoginOptions } from '../core/options.ts';
import { readChoice, readText } from '../core/settings.ts';
import { targetOf } from '../core/target.ts';
import { InvalidConfigurationError } from '../errors.ts';
import type { ClientContext } from './context.ts';
import { readOpenUrl } from './logout.ts';
import { nameOfTarget, noteLogin, refuseLoop, saveTransaction } from './logins.ts';
import { authorizationSecrets } from './secrets.ts';

/** Remembers the login, then leaves for the tenant. */
export async function loginWithRedirect(
  context: ClientContext,
  options: RedirectLoginOptions & { readonly redirectMethod?: unknown },
): Promise<void> {
  const openUrl = readOpenUrl(options.openUrl ?? options.onRedirect);
  const method = readMethod(options.redirectMethod, openUrl);
  const navigate = openUrl ?? ((url: string) => context.env.page.navigate(url, method));
  await navigate(await beginLogin(context, options));
}

/** Remembers a login, beside those that are under way. Returns the address to go to. */
export async function beginLogin(context: ClientContext, options: RedirectLoginOptions): Promise<string> {
  const { settings, env } = context;
  const appState = readAppState(options.appState);
  const target = targetOf(settings, options.authorizationParams);
  const fragment = options.fragment ? `#${readText('fragment', options.fragment)}` : '';
  refuseLoop(context, target);
  const { authorize } = await context.endpoints();
  const { url, transaction } = authorizationRequest(settings, target, await authorizationSecrets(context), {
    authorize,
    response_mode: 'query',
  });
  const began = env.clock.now();
  saveTransaction(context, { ...transaction, appState, began });
  const { state } = transaction;
  noteLogin(context, { state, began, target: nameOfTarget(target), isAutomatic: !env.page.touched() });
  return url + fragment;
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

/** How v1 leaves the page. @throws {InvalidConfigurationError} for what is no way, and where the app has one of its own. */
function readMethod(method: unknown, openUrl: unknown): 'assign' | 'replace' | undefined {
  if (method === undefined) return undefined;
  if (openUrl)
    throw new InvalidConfigurationError(
      '"redirectMethod" and "openUrl" are both given.',
      'Pass one of them.',
    );
  return readChoice('redirectMethod', method, ['assign', 'replace']);
}
