/** What is over is let go of, so that memory is bounded by what lives (docs/decisions/26-what-the-tenant-forgets.md). */
import type { Milliseconds } from '../clock.ts';
import { secondFactorLifetime } from './authenticators.ts';
import { codeLifetime, type AuthorizationCode } from './authorization-code.ts';
import type { TenantContext } from './context.ts';
import { deviceCodeLifetime } from './device-authorization.ts';
import { isExpired } from './invitation.ts';
import { isLive } from './login-session.ts';
import { transactionLifetime } from './login-transaction.ts';
import { forgetPastFamilies } from './past-families.ts';
import { passwordlessLifetime } from './passwordless.ts';
import { wrongPasswordsLifetime } from './wrong-passwords.ts';

/** Less often than this nobody gains by looking; a stopped clock lets nothing end. */
const pause: Milliseconds = 1000;

/** To be called where something comes to be that ends. A clock that is turned back afterwards brings nothing back. */
export function forgetPast(context: TenantContext, now: Milliseconds): void {
  if (Math.abs(now - context.forgetting.lastAt) < pause) return;
  context.forgetting.lastAt = now;
  const { state } = context;
  forgetPastFamilies(context, now);
  const begun = new Set([...state.families.values()].map(({ firstFamilyId }) => firstFamilyId));
  forget(state.codes, (code) => isPast(code, begun, now));
  forget(state.transactions, ({ begunAt }) => now >= begunAt + transactionLifetime);
  forget(state.dpopProofs, (until) => now > until);
  forget(state.mfaTokens, ({ issuedAt }) => now >= issuedAt + secondFactorLifetime);
  forget(state.wrongPasswords, ({ latestAt }) => now >= latestAt + wrongPasswordsLifetime);
  forget(state.passwordlessCodes, ({ sentAt }) => now >= sentAt + passwordlessLifetime);
  forget(state.devices, ({ issuedAt }) => now >= issuedAt + 2 * deviceCodeLifetime * 1000); // a device is to be told
  forget(state.rememberedBrowsers, ({ expiresAt }) => now >= expiresAt);
  forget(state.rateLimits, (fullAt) => now >= fullAt);
  forget(state.logouts, ({ begunAt }) => now >= begunAt + transactionLifetime);
  forget(state.pushedRequests, ({ expiresAt }) => now >= expiresAt);
  forget(state.sessions, (session) => !isLive(context, session, now));
  forget(state.invitations, (invitation) => isExpired(invitation, now));
  const named = new Set([...state.families.keys(), ...[...state.sessions.values()].map(({ sid }) => sid)]);
  forget(state.metadata, (_, id) => !named.has(id));
}

/**
 * A code that was used is kept as long as what it gave, or what that was swapped for: should it come again, that is taken back.
 * @param begun families that logins began and of which something is kept
 */
function isPast(
  { issuedAt, used }: AuthorizationCode,
  begun: ReadonlySet<string>,
  now: Milliseconds,
): boolean {
  return now >= issuedAt + codeLifetime && !begun.has(used?.familyId ?? '');
}

function forget<T>(held: Map<string, T>, isOver: (value: T, key: string) => boolean): void {
  for (const [key, value] of held) if (isOver(value, key)) held.delete(key);
}
