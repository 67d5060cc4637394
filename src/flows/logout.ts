import type { LogoutOptions } from '../core/options.ts';
import { readParams } from '../core/settings.ts';
import { logoutUrl } from '../oauth/logout-endpoint.ts';
import type { ClientContext } from './context.ts';
import { endSession } from './entries.ts';
import { readNavigation } from './login-with-redirect.ts';

/**
 * Ends the session here, then at the tenant. The page does not wait for the revocation, since until it has left, the tenant still
 * knows the user. A store that fails does not keep the user either; its error is thrown afterwards.
 */
export async function logout(context: ClientContext, options: LogoutOptions): Promise<void> {
  const { settings, env } = context;
  const { clientId = settings.clientId, logoutParams, openUrl = options.onRedirect } = options;
  const navigate = openUrl === false ? () => {} : readNavigation(openUrl, env);
  const url = logoutUrl(`${settings.domainUrl}/v2/logout`, {
    ...readParams({ client_id: clientId, ...logoutParams, auth0Client: settings.telemetry?.query }),
    federated: logoutParams?.federated,
  });
  const { ended, cleared } = await endSession(context, clientId);
  await navigate(url);
  if (ended.status === 'rejected') throw ended.reason;
  await ended.value.revoked;
  if (cleared.status === 'rejected') throw cleared.reason;
}
