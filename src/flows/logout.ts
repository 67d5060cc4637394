import { loadFeature } from '../core/load-feature.ts';
import type { LogoutOptions, LogoutUrlOptions } from '../core/options.ts';
import { readParams, type Settings } from '../core/settings.ts';
import { logoutUrl, type LogoutRequest } from '../oauth/logout-endpoint.ts';
import type { ClientContext } from './context.ts';
import { endSession } from './entries.ts';
import { readNavigation } from './login-with-redirect.ts';
import { endRounds } from './logins.ts';

/**
 * Ends the session here, then at the tenant. The page does not wait for the revocation, since until it has left, the tenant still
 * knows the user. A store that fails does not keep the user either; its error is thrown afterwards. Only where nobody knows where
 * the tenant's logout is, because its discovery document cannot be had, is the page not left; the session has ended here all the same.
 * The marker of a built-in cache and the cookies go before the call returns: a page that does not wait for it, and goes at once,
 * leaves nobody signed in.
 */
export async function logout(context: ClientContext, options: LogoutOptions): Promise<void> {
  const { settings, env } = context;
  const { clientId = settings.clientId, openUrl = options.onRedirect } = options;
  const navigate = openUrl === false ? undefined : readNavigation(openUrl, env);
  const request = logoutRequest(settings, options);
  endRounds(context);
  const { ended, cleared, forgotten, idToken } = await endSession(context, { alsoOf: clientId });
  if (navigate) {
    const url = settings.discovery
      ? await providersLogout(context, request, idToken)
      : logoutUrl(`${settings.domainUrl}/v2/logout`, request);
    if (url !== undefined) await navigate(url);
  }
  if (ended.status === 'rejected') throw ended.reason;
  await ended.value.revoked;
  for (const it of [cleared, forgotten]) if (it.status === 'rejected') throw it.reason;
}

async function providersLogout(
  { env, endpoints }: ClientContext,
  request: LogoutRequest,
  idToken: string | undefined,
): Promise<string | undefined> {
  const { endSessionUrl } = await loadFeature(env.timers, () => import('./discover.ts'));
  return endSessionUrl(await endpoints(), request, idToken);
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
