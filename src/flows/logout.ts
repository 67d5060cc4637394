import type { LogoutOptions, LogoutUrlOptions, RedirectLoginOptions } from '../core/options.ts';
import { readFunction, readParams, type Settings } from '../core/settings.ts';
import type { PagePorts } from '../environment.ts';
import { logoutUrl, type LogoutRequest } from '../oauth/logout-endpoint.ts';
import type { PageContext } from './context.ts';
import { unmark } from './entries.ts';

/**
 * Ends the session. The marker of a built-in cache and the cookies go before the call returns: a page that does not wait for it, and
 * goes at once, leaves nobody signed in. Where the rest cannot be loaded, the page is left all the same, and the next one that is
 * loaded ends what is in custody.
 */
export async function logout(context: PageContext, options: LogoutOptions): Promise<void> {
  const { settings, env } = context;
  const { clientId: alsoOf = settings.clientId, openUrl = options.onRedirect } = options;
  const navigate = openUrl === false ? undefined : readNavigation(openUrl, env);
  const request = logoutRequest(settings, options);
  const unmarked = unmark(context);
  const engine = await Promise.resolve(context.engine()).catch(async (error: unknown) => {
    await unmarked;
    if (!settings.discovery) await navigate?.(logoutAddress(settings, options));
    throw error;
  });
  await engine.flows.finishLogout(engine.context, { navigate, request, alsoOf, unmarked });
}

/** What leaves the page: the app's own way, or the SDK's. @throws {InvalidConfigurationError} for what is no way. */
export function readNavigation(
  openUrl: RedirectLoginOptions['openUrl'],
  { page }: Pick<PagePorts, 'page'>,
): (url: string) => Promise<void> | void {
  return readFunction('openUrl', openUrl ?? undefined) ?? page.navigate;
}

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
