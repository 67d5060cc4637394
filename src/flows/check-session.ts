import type { PageContext } from './context.ts';
import { hintCookie, oldHintCookie } from './entries.ts';
import { getTokenSilently, readTokenOptions } from './get-token-silently.ts';
import type { GetTokenSilentlyOptions } from '../core/options.ts';
import { targetOf } from '../core/target.ts';

/** Restores the session if a cookie tells that there was one. Never fails: whoever needs a token will hear why there is none. */
export async function checkSession(context: PageContext, options: GetTokenSilentlyOptions): Promise<void> {
  const { settings, env } = context;
  try {
    if (![hintCookie(context), oldHintCookie].some((name) => env.cookies.get(name) !== undefined)) return;
    const target = targetOf(settings, options.authorizationParams);
    await getTokenSilently(context, target, readTokenOptions(options));
  } catch (error) {
    context.heap.failed(error);
    // Not signed in, or not reachable: both are for the caller of getTokenSilently() to know, the reason too.
  }
}
