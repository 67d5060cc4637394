import type { ClientContext } from './context.ts';
import { hintCookie } from './entries.ts';
import { getTokenSilently, readTokenOptions } from './get-token-silently.ts';
import { targetOf } from '../core/authorization-request.ts';
import type { GetTokenSilentlyOptions } from '../core/options.ts';

/** Restores the session if a cookie tells that there was one. Never fails: whoever needs a token will hear why there is none. */
export async function checkSession(context: ClientContext, options: GetTokenSilentlyOptions): Promise<void> {
  const { settings, env } = context;
  try {
    if (env.cookies.get(hintCookie(context)) === undefined) return;
    const target = targetOf(settings, options.authorizationParams);
    await getTokenSilently(context, target, readTokenOptions(options));
  } catch {
    // Not signed in, or not reachable: both are for the caller of getTokenSilently() to know, the reason too.
  }
}
