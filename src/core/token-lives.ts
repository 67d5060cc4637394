import { toSeconds, type Clock, type Milliseconds } from '../clock.ts';
import type { Token } from './cache.ts';

/** Tells when a token ends by the time of day as it is by now; the same token where nothing has happened to that. */
export type TokenLives = (token: Token) => Token;

/** How many tokens are remembered. */
const most = 100;

/** Two readings of two clocks, and the whole seconds of a token's end. */
const tolerance: Milliseconds = 1000;

/**
 * Tokens live by the steady clock, from when this page has first seen them: a time of day that is put back meanwhile would have them
 * served long after their end. One that is put forward ends them sooner, which costs an exchange; a page cannot tell that from a
 * machine that has slept.
 */
export function createTokenLives(clock: Clock & { steady(): Milliseconds }): TokenLives {
  const ends = new Map<string, Milliseconds>();
  return (token) => {
    const { access_token, lifetime = Infinity } = token;
    const [now, steady] = [clock.now(), clock.steady()];
    const left: Milliseconds = 1000 * token.expires_at - now;
    let end = ends.get(access_token);
    if (end === undefined) {
      if (left <= 0) return token;
      end = steady + Math.min(left, 1000 * lifetime); // more tells of a clock that was put back before this page was there
      for (const [oldest] of ends) if (ends.size >= most) ends.delete(oldest);
      ends.set(access_token, end);
    }
    return steady + left < end + tolerance ? token : { ...token, expires_at: toSeconds(now + end - steady) };
  };
}
