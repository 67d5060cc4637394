import type { ClientContext } from './context.ts';
import { hintCookie } from './entries.ts';
import { getTokenSilently, readTokenOptions } from './get-token-silently.ts';
import { targetOf } from '../core/authorization-request.ts';
import type { GetTokenSilentlyOptions } from '../core/options.ts';

/** What early versions of auth0-spa-js called the cookie, which named no client. */
const oldHintCookie = 'auth0.is.authenticated';

/** Restores the session if a cookie tells that there was one. Never fails: whoever needs a token will hear why there is none. */
export async function checkSession(context: ClientContext, options: GetTokenSilentlyOptions): Promise<void> {
  const { settings, env } = context;
  try {
    if (env.cookies.get(hintCookie(context)) === undefined) {
      if (env.cookies.get(oldHintCookie) === undefined) return;
      env.cookies.set(hintCookie(context), 'true', settings.cookie);
      for (const domain of [undefined, settings.cookie.domain]) env.cookies.remove(oldHintCookie, { domain });
    }
    const target = targetOf(settings, options.authorizationParams);
    await getTokenSilently(context, target, readTokenOptions(options));
  } catch {
    // Not signed in, or not reachable: both are for the caller of getTokenSilently() to know, the reason too.
  }
}
