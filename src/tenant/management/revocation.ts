/** Refresh token families that are ended from outside: with their grant, with their session, or with their client or user. */
import { keepFamily, familyPolicy, type TenantContext } from '../context.ts';
import { transition, type EndCause, type RefreshTokenFamily } from '../refresh-token-family.ts';

const words = {
  revoked: 'the token was revoked through the Management API; its whole family ends',
  grant: 'the grant it belongs to was deleted',
  session: 'the session it began in was revoked',
  admin: 'its client or its user was deleted, or lost all access',
} as const satisfies Partial<Record<EndCause, string>>;

/** Ends every family that is chosen and has not ended yet. */
export function endFamilies(
  context: TenantContext,
  cause: keyof typeof words,
  chosen: (family: RefreshTokenFamily) => boolean,
): void {
  const now = context.clock.now();
  for (const family of [...context.state.families.values()].filter(chosen)) {
    const [next, outcome] = transition(family, { kind: 'end', now, cause }, familyPolicy(context, family));
    if (outcome.kind !== 'ended') continue;
    keepFamily(context, next);
    context.journal.write({
      type: 'srrt',
      description: 'Refresh token revoked',
      client_id: family.clientId,
      user_id: family.userId,
      details: { familyId: family.familyId, audience: family.audience },
      decision: 'revoke',
      reason: words[cause],
    });
  }
}
