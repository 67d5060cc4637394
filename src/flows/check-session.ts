import type { PageContext } from './context.ts';
import { findToken, hintCookie, oldHintCookie } from './entries.ts';
import { getTokenSilently, readTokenOptions } from './get-token-silently.ts';
import { isServed } from '../core/cache.ts';
import type { GetTokenSilentlyOptions } from '../core/options.ts';
import { targetOf } from '../core/target.ts';

/** Restores the session if a cookie tells that there was one. Never fails: whoever needs a token will hear why there is none. */
export async function checkSession(context: PageContext, options: GetTokenSilentlyOptions): Promise<void> {
  const { settings, env } = context;
  try {
    const target = targetOf(settings, options.authorizationParams);
    const given = readTokenOptions(options);
    // No cookie has to tell of what is there, and a page's first look at them takes longer than all the rest.
    const isKept = settings.cacheLocation === 'localstorage' && given.cacheMode === 'on';
    if (isKept && isServed(await findToken(context, target, given.least))) return;
    if ([hintCookie(context), oldHintCookie].some((name) => env.cookies.get(name) !== undefined))
      await getTokenSilently(context, target, given);
  } catch (error) {
    context.heap.failed?.(error);
    // Not signed in, or not reachable: both are for the caller of getTokenSilently() to know, the reason too.
  }
}
