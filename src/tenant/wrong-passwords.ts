/** Whoever guesses passwords at the token endpoint is stopped (Auth0's brute-force protection). */
import type { Milliseconds } from '../clock.ts';
import type { TenantContext } from './context.ts';

/** Those of one user since the latest right one. */
export interface WrongPasswords {
  readonly times: number;
  readonly latestAt: Milliseconds;
}

/** After so many in a row not even the right one is taken. */
export const mostWrongPasswords = 10;

/** Thirty days after the latest one the account is open again. */
export const wrongPasswordsLifetime: Milliseconds = 30 * 86_400_000;

export function wrongPasswordsOf({ state }: TenantContext, userId: string, now: Milliseconds): number {
  const wrong = state.wrongPasswords.get(userId);
  return wrong && now < wrong.latestAt + wrongPasswordsLifetime ? wrong.times : 0;
}
