/** Refresh token families and what they hang on: those that live, and the end of those that somebody ends, written down. */
import type { Authorization } from './authorization-code.ts';
import { endFamilies as end, familyPolicy, type TenantContext } from './context.ts';
import { isOver, type EndCause, type RefreshTokenFamily } from './refresh-token-family.ts';
import { isOfGrant } from './user-grant.ts';

const words = {
  grant: 'the grant it belongs to was deleted',
  session: 'the session it began in was revoked',
  admin: 'it was revoked through the Management API, or its client, its user or its organization was deleted',
} as const satisfies Partial<Record<EndCause, string>>;

/** In the order of issue. */
export function liveFamilies(
  context: TenantContext,
  chosen: (family: RefreshTokenFamily) => boolean = () => true,
): RefreshTokenFamily[] {
  const now = context.clock.now();
  return [...context.state.families.values()].filter(
    (family) =>
      family.ended === null && chosen(family) && !isOver(family, now, familyPolicy(context, family)),
  );
}

/** Ends every family that is chosen and has not ended yet, and writes each down. */
export function endFamilies(
  context: TenantContext,
  cause: keyof typeof words,
  chosen: (family: RefreshTokenFamily) => boolean,
): void {
  const now = context.clock.now();
  for (const family of end(context, { now, cause }, chosen))
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

/** Ends what began in the sessions that are chosen: refresh tokens, and codes that would yield some, of devices too. */
export function endTokensOfSessions(
  context: TenantContext,
  chosen: (session: { readonly userId: string; readonly sid: string | null }) => boolean,
): void {
  endCodes(context, chosen);
  endFamilies(context, 'session', ({ userId, sessionId }) => chosen({ userId, sid: sessionId }));
}

/** Of browsers, and of devices that somebody has confirmed. */
export function endCodes(
  { state: { codes, devices } }: TenantContext,
  chosen: (authorization: Authorization) => boolean,
): void {
  for (const [value, code] of codes) if (!code.used && chosen(code)) codes.delete(value);
  for (const [value, { outcome }] of devices)
    if (outcome.kind === 'approved' && chosen(outcome.authorization)) devices.delete(value);
}

/** Ends what users hold as members of an organization: refresh tokens, and codes that would yield some. */
export function endTokensOfMembers(
  context: TenantContext,
  organizationId: string,
  chosen: (userId: string) => boolean,
): void {
  const isChosen = (held: { readonly userId: string; readonly organizationId: string | null }) =>
    held.organizationId === organizationId && chosen(held.userId);
  const { codes } = context.state;
  for (const [value, code] of codes) if (!code.used && isChosen(code)) codes.delete(value);
  endFamilies(context, 'admin', isChosen);
}

/** Deletes the grants that are chosen, and all that was issued under them. */
export function deleteGrants(
  context: TenantContext,
  chosen: (grant: Parameters<typeof isOfGrant>[0] & { readonly id: string }) => boolean,
): void {
  const { grants } = context.state;
  for (const grant of [...grants.values()].filter(chosen)) {
    grants.delete(grant.id);
    endFamilies(context, 'grant', (family) => isOfGrant(grant, family));
  }
}

/** Deletes the grant that a family was issued under, and with it every family of the same user, client and API. */
export const deleteGrantOf = (context: TenantContext, family: RefreshTokenFamily): void =>
  deleteGrants(context, (grant) => isOfGrant(grant, family));
