import { peerRefreshTokens } from '../core/auth0-spa-js-names.ts';
import type { LogoutOptions } from '../core/options.ts';
import { readParams } from '../core/settings.ts';
import { logoutUrl } from '../oauth/logout-endpoint.ts';
import type { ClientContext } from './context.ts';
import { clearSession, unmark } from './entries.ts';
import { readNavigation } from './login-with-redirect.ts';

/**
 * Ends the session here, then at the tenant. The tombstone comes before the cache is cleared: a refresh that is under way in
 * any tab meets it, and a tab that has just written finds it and takes back what it wrote. The page does not wait for the
 * revocation, since until it has left, the tenant still knows the user. What auth0-spa-js has left goes the same way. A store
 * that fails does not keep the user either; its error is thrown afterwards.
 */
export async function logout(context: ClientContext, options: LogoutOptions): Promise<void> {
  const { settings, env, custody, heap } = context;
  const { clientId = settings.clientId, logoutParams, openUrl } = options;
  const navigate = openUrl === false ? () => {} : readNavigation(openUrl, env);
  const url = logoutUrl(`${settings.domainUrl}/v2/logout`, {
    ...readParams({ client_id: clientId, ...logoutParams }),
    federated: logoutParams?.federated,
  });
  heap.signedOut = true;
  const user = await unmark(context);
  const isShared = settings.cacheLocation === 'localstorage';
  const left = isShared ? peerRefreshTokens(env.localStorage, settings.clientId) : [];
  const [ended] = await Promise.allSettled([custody.end({ others: left })]);
  const [cleared] = await Promise.allSettled([clearSession(context, user)]);
  await navigate(url);
  if (ended.status === 'rejected') throw ended.reason;
  await ended.value.revoked;
  if (cleared.status === 'rejected') throw cleared.reason;
}
