import type { Milliseconds, Seconds } from '../clock.ts';
import { isServed, type Token } from '../core/cache.ts';
import type { CacheMode, GetTokenSilentlyOptions } from '../core/options.ts';
import type { Session } from '../core/session.ts';
import { readChoice, readLimit } from '../core/settings.ts';
import type { Target } from '../core/target.ts';
import { within } from '../core/within.ts';
import { TimeoutError } from '../errors.ts';
import type { PageContext } from './context.ts';
import { findToken } from './entries.ts';
import { inBackground } from './in-background.ts';

/** An access token, and the session it belongs to. */
export interface Obtained {
  readonly token: Token;
  readonly session: Session;
}

export interface TokenOptions {
  readonly cacheMode: CacheMode;
  /** How long this caller waits; default: the client's limits, for an exchange and for a frame. */
  readonly limit?: Milliseconds | undefined;
  /** How long the token is to be good for; default: as long as a token has to be to be served. */
  readonly least?: Seconds | undefined;
}

/** @throws {InvalidConfigurationError} for a cache mode that there is not, and for what is no time. */
export function readTokenOptions({
  cacheMode: given,
  timeoutInSeconds,
  minValiditySeconds,
}: GetTokenSilentlyOptions): TokenOptions {
  const cacheMode = readChoice('cacheMode', given, ['on', 'off', 'cache-only']);
  const limit =
    timeoutInSeconds === undefined ? undefined : 1000 * readLimit('timeoutInSeconds', timeoutInSeconds, 0);
  const least =
    minValiditySeconds === undefined ? undefined : readLimit('minValiditySeconds', minValiditySeconds, 60);
  return { cacheMode, limit, least };
}

/**
 * An access token for `target`, without involving the user; `undefined` only for a `cache-only` miss, and where the session has just
 * lasted as long as it may.
 *
 * What the cache does not serve, `obtain-token.ts` gets. Callers who ask for the same at the same time share one walk; tabs share an
 * exchange through custody.
 */
export function getTokenSilently(
  context: PageContext,
  target: Target,
  options: TokenOptions,
): Promise<Obtained | undefined> {
  const { env, flights, heap, settings } = context;
  const atHand = heap.atHand?.find(target, options);
  if (atHand) return Promise.resolve(atHand.obtained);
  const { callerLimit, fallback, frameLimit, useRefreshTokens } = settings;
  const needsNoFrame = useRefreshTokens && fallback === 'off';
  const limit = options.limit ?? callerLimit + (needsNoFrame ? 0 : frameLimit);
  const key = JSON.stringify(['token', options, target]);
  return flights.share(key, async () => {
    const obtained = await within(
      env.timers,
      limit + storageGrace,
      serve(context, target, options),
      () => new TimeoutError('still_waiting'),
    );
    if (settings.refreshAhead)
      void inBackground(context, ({ ahead }) => ahead.given(target, options, obtained?.token));
    return obtained;
  });
}

/** A storage that hangs ends a call so much later than its limit; whatever else does, ends it in time and says so. */
const storageGrace: Milliseconds = 1000;

async function serve(
  context: PageContext,
  target: Target,
  options: TokenOptions,
): Promise<Obtained | undefined> {
  const { env, heap } = context;
  const { cacheMode } = options;
  const began = env.clock.steady();
  const { ceilings } = heap;
  const found = cacheMode === 'off' ? undefined : await findToken(context, target, options.least);
  if (heap.ceilings > ceilings) return undefined; // over while it looked: the app is told nothing, as by auth0-spa-js
  if (found && isServed(found)) return found;
  if (cacheMode === 'cache-only') return undefined;
  const engine = context.engine();
  const isAtHand = 'flows' in engine; // else what was found may be no longer so
  const { flows, context: own } = await engine;
  return flows.obtainToken(own, target, options, began, isAtHand ? found : undefined);
}
