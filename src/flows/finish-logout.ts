import { loadFeature } from '../core/load-feature.ts';
import type { UserEntry } from '../core/cache.ts';
import type { LogoutOptions } from '../core/options.ts';
import { logoutUrl, type LogoutRequest } from '../oauth/logout-endpoint.ts';
import type { ClientContext } from './context.ts';
import { endSession } from './keep-session.ts';
import { endRounds } from './logins.ts';

export interface Logout {
  /** The app's own way to leave the page; `false`: it stays. */
  readonly openUrl: LogoutOptions['openUrl'];
  readonly request: LogoutRequest;
  /** See `endSession`. */
  readonly alsoOf: string | null;
  readonly unmarked: Promise<UserEntry | undefined>;
}

/**
 * Ends the session here, then at the tenant. The page does not wait for the revocation, since until it has left, the tenant still
 * knows the user. A store that fails does not keep the user either; its error is thrown afterwards. Only where nobody knows where
 * the tenant's logout is, because its discovery document cannot be had, is the page not left; the session has ended here all the same.
 */
export async function finishLogout(context: ClientContext, logout: Logout): Promise<void> {
  const { settings, env } = context;
  const { openUrl = env.page.navigate, request } = logout;
  endRounds(context);
  const { ended, cleared, forgotten, idToken } = await endSession(context, logout);
  if (openUrl) {
    const url = settings.discovery
      ? await providersLogout(context, request, idToken)
      : logoutUrl(`${settings.domainUrl}/v2/logout`, request);
    if (url !== undefined) await openUrl(url);
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
