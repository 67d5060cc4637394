import type { LogoutOptions, LogoutUrlOptions, RedirectLoginOptions } from '../core/options.ts';
import { readFunction, readParams, type Settings } from '../core/settings.ts';
import { logoutUrl, type LogoutRequest } from '../oauth/logout-endpoint.ts';
import type { PageContext } from './context.ts';
import { unmark } from './entries.ts';

/**
 * Ends the session. The marker of a built-in cache and the cookies go before the call returns: a page that does not wait for it, and
 * goes at once, leaves nobody signed in. Where the rest cannot be loaded, the page stays; the next one that is loaded ends what is
 * in custody.
 */
export async function logout(context: PageContext, options: LogoutOptions): Promise<void> {
  const { settings } = context;
  const { clientId: alsoOf = settings.clientId, openUrl: given = options.onRedirect } = options;
  const openUrl = given === false ? given : readOpenUrl(given);
  const request = logoutRequest(settings, options);
  const unmarked = unmark(context);
  const engine = await context.engine();
  await engine.flows.finishLogout(engine.context, { openUrl, request, alsoOf, unmarked });
}

/** The app's own way to leave the page. @throws {InvalidConfigurationError} for what is no way. */
export const readOpenUrl = (openUrl: RedirectLoginOptions['openUrl']) =>
  readFunction('openUrl', openUrl ?? undefined);

/** The address of the tenant's own logout. @throws {InvalidConfigurationError} for a parameter that no text can be made of. */
export const logoutAddress = (settings: Settings, options: LogoutUrlOptions): string =>
  logoutUrl(`${settings.domainUrl}/v2/logout`, logoutRequest(settings, options));

const logoutRequest = (
  settings: Settings,
  { clientId = settings.clientId, logoutParams }: LogoutUrlOptions,
): LogoutRequest => ({
  ...readParams({ client_id: clientId, ...logoutParams, auth0Client: settings.telemetry?.query }),
  federated: logoutParams?.federated,
});
