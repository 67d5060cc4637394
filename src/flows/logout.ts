import type { LogoutOptions } from '../core/options.ts';
import { logoutUrl } from '../oauth/logout-endpoint.ts';
import type { ClientContext } from './context.ts';
import { clearSession } from './entries.ts';

/**
 * Ends the session here, then at the tenant. The tombstone comes first: a refresh that is under way in any tab meets it
 * and revokes what it got. A store that fails does not keep the user from leaving; the error is thrown afterwards.
 */
export async function logout(context: ClientContext, options: LogoutOptions): Promise<void> {
  const { settings, env, custody } = context;
  const ended = await Promise.allSettled([custody.end('logout'), clearSession(context)]);
  if (options.openUrl !== false) {
    const { clientId = settings.clientId, logoutParams } = options;
    const url = logoutUrl(`${settings.domainUrl}/v2/logout`, {
      client_id: clientId ?? undefined,
      ...logoutParams,
    });
    await (options.openUrl ?? env.page.navigate)(url);
  }
  for (const result of ended) if (result.status === 'rejected') throw result.reason;
}
