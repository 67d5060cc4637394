/** What every grant for a user ends with, once user and scope are known: a refresh token family if there may be one, and tokens. */
import type { Milliseconds } from '../../clock.ts';
import { joinScopes, scopeNames } from '../../oauth/scope.ts';
import type { Authorization } from '../authorization-code.ts';
import type { Client, User } from '../configuration.ts';
import { endFamilies, keepFamily, policyOf, type TenantContext } from '../context.ts';
import { liveFamilies } from '../families.ts';
import type { JournalCode } from '../journal.ts';
import { beginFamily, headOf, type RefreshTokenFamily } from '../refresh-token-family.ts';
import { refuse, type Refusal, type TokenAnswer } from '../token-answer.ts';
import { issueTokens } from '../token-issuance.ts';
import { isCovered, keepUserGrant } from '../user-grant.ts';

/** Who is to get tokens for whom. */
export interface Grantee {
  readonly client: Client;
  readonly authorization: Authorization;
  /** The instant of the decision. */
  readonly now: Milliseconds;
  /** Thumbprint of the key that they are bound to, or `null`. */
  readonly jkt: string | null;
  readonly fromBrowser: boolean;
}

export interface Begun {
  readonly family: RefreshTokenFamily | null;
  /** What is granted: without `offline_access` where there is no refresh token. */
  readonly scope: string;
  /** Whether there is a refresh token and why not, in plain words. */
  readonly why: string;
}

/**
 * Whether a user may have what is asked for, as things stand.
 * @param words what it is called where there is no such user, and where the user has not let somebody else's application do all this
 */
export function judgeAuthorization(
  context: TenantContext,
  client: Client,
  authorization: Pick<Authorization, 'userId' | 'audience' | 'scope'>,
  words: { readonly gone: Refusal; readonly uncovered: Refusal },
): { readonly kind: 'judged'; readonly user: User } | (Refusal & { readonly reason: string }) {
  const { userId, audience, scope } = authorization;
  const { users, resourceServers } = context.state;
  const user = users.get(userId);
  if (!user) return { ...words.gone, reason: 'there is no such user, or not any more' };
  if (user.blocked)
    return { ...refuse(403, 'invalid_grant', 'user is blocked'), reason: 'the user is blocked' };
  if (audience !== null && !resourceServers.has(audience))
    return {
      ...refuse(403, 'access_denied', `Service not found: ${audience}`),
      reason: 'the API was deleted since',
    };
  const granted = { userId, clientId: client.client_id, audience, scope };
  if (!client.is_first_party && !isCovered(context, granted))
    return {
      ...words.uncovered,
      reason: 'the user has not let this application do what it asks for, or has taken it back',
    };
  return { kind: 'judged', user };
}

/** Begins the family, without waiting for anything. */
export function beginTokens(context: TenantContext, grantee: Grantee): Begun {
  const { scope } = grantee.authorization;
  const whyNot = whyNoRefreshToken(context, grantee);
  if (whyNot !== undefined)
    return { family: null, scope: without(scope, 'offline_access'), why: `no refresh token: ${whyNot}` };
  const family = begin(context, grantee);
  return { family, scope, why: `refresh token family ${family.familyId} begins` };
}

/** Writes the success down, in these words, and signs. */
export async function giveTokens(
  context: TenantContext,
  { client, authorization, now, jkt }: Grantee,
  {
    user,
    begun: { family, scope },
    ...entry
  }: {
    readonly user: User;
    readonly begun: Begun;
    readonly type: JournalCode;
    readonly description: string;
    readonly reason: string;
    /** The code that is exchanged. */
    readonly code?: string;
    /** `gty` of the access token. */
    readonly gty?: 'password' | undefined;
  },
): Promise<TokenAnswer> {
  const { code, gty, ...words } = entry;
  context.journal.write({
    ...words,
    client_id: client.client_id,
    user_id: user.user_id,
    details: { scope, audience: authorization.audience, familyId: family?.familyId ?? null },
    decision: 'exchange',
  });
  const response = await issueTokens(context, {
    ...authorization,
    now,
    clientId: client.client_id,
    user,
    scope,
    jkt,
    refreshToken: family && headOf(family).value,
    code,
    gty,
  });
  return { kind: 'tokens', response };
}

/** The first condition for a refresh token that is not met (I1-I5), or nothing. */
function whyNoRefreshToken(
  { state }: TenantContext,
  { client, authorization: { scope, audience }, fromBrowser }: Grantee,
): string | undefined {
  if (!scopeNames(scope).includes('offline_access')) return 'offline_access was not requested';
  if (audience !== null && !state.resourceServers.get(audience)?.allow_offline_access)
    return `the API ${audience} does not allow offline access`;
  if (!client.grant_types.includes('refresh_token')) return 'the client may not use the refresh_token grant';
  const inBrowser = client.app_type === 'spa' || fromBrowser;
  if (inBrowser && client.refresh_token.rotation_type !== 'rotating')
    return 'a client in a browser gets refresh tokens only when they rotate';
  return undefined;
}

function begin(context: TenantContext, { client, authorization, now, jkt }: Grantee): RefreshTokenFamily {
  const { userId, audience, scope, sid, authTime, organizationId } = authorization;
  const family = beginFamily(
    {
      familyId: context.random.text(12),
      value: newRefreshToken(context),
      now,
      clientId: client.client_id,
      userId,
      audience,
      scope,
      sessionId: sid,
      authTime,
      organizationId,
      // Of a client that proves who it is the secret is asked for anyway (RFC 9449 §5).
      jkt: client.token_endpoint_auth_method === 'none' ? jkt : null,
    },
    policyOf(context, client),
  );
  keepFamily(context, family);
  keepUserGrant(context, family);
  removeSurplus(context, family, now);
  return family;
}

/** How many refresh tokens of one user a client may hold (Auth0's limit). */
const mostRefreshTokens = 200;

/** The oldest give way. */
function removeSurplus(context: TenantContext, { clientId, userId }: RefreshTokenFamily, now: Milliseconds) {
  if (context.state.families.size <= mostRefreshTokens) return;
  const held = liveFamilies(context, (family) => family.userId === userId && family.clientId === clientId);
  const surplus = held.slice(0, Math.max(0, held.length - mostRefreshTokens));
  if (surplus.length === 0) return;
  endFamilies(context, { now, cause: 'cap' }, (family) => surplus.includes(family));
  context.journal.write({
    type: 'resource_cleanup',
    description: 'The oldest refresh tokens of the user at this client were removed',
    client_id: clientId,
    user_id: userId,
    details: { start: held.length, removedCount: surplus.length, endCount: mostRefreshTokens },
    decision: 'revoke',
    reason: `a user may have ${mostRefreshTokens} refresh tokens at a client`,
  });
}

/** A value that says nothing of the family or the counter. */
export const newRefreshToken = ({ random }: TenantContext): string => `v1.M${random.text()}`;

const without = (scope: string, name: string): string =>
  joinScopes(...scopeNames(scope).filter((held) => held !== name));
