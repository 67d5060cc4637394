/** `grant_type=refresh_token`: a refresh token against an access token, and under rotation against its successor (RFC 6749 §6). */
import type { Milliseconds } from '../../clock.ts';
import { joinScopes, scopeNames } from '../../oauth/scope.ts';
import { askForSecondFactor } from '../authenticators.ts';
import type { Client, User } from '../configuration.ts';
import {
  descendsFrom,
  endFamilies,
  findRefreshToken,
  keepFamily,
  familyPolicy,
  policyOf,
  type HeldRefreshToken,
  type TenantContext,
} from '../context.ts';
import { bindingFor, judgeKey } from '../dpop.ts';
import { endSessions } from '../login-session.ts';
import { deleteGrantOf } from '../families.ts';
import type { Parameters } from '../parameters.ts';
import { judgePostLogin } from '../post-login.ts';
import {
  headOf,
  noSuccessor,
  transition,
  type FamilyEvent,
  type Outcome,
  type RefreshTokenFamily,
  type RotationPolicy,
  type Successor,
} from '../refresh-token-family.ts';
import {
  missingParameter,
  refuse,
  unknownRefreshToken,
  type Refusal,
  type TokenAnswer,
} from '../token-answer.ts';
import { issueTokens } from '../token-issuance.ts';
import { newRefreshToken } from './tokens-for-user.ts';

/** What becomes of a presented refresh token, and why. */
export interface Verdict {
  readonly decision: 'exchange' | 'rotate' | 'grace' | 'migrate' | 'reuse' | 'refuse';
  /** In plain words. */
  readonly reason: string;
}

/** What would become of a refresh token if its client presented it now. It never holds the token's value. */
export interface Explanation extends Verdict {
  /** `null` where the tenant knows no such token. */
  readonly familyId: string | null;
  readonly tokenCounter: number | null;
  /** Counter of the newest token of the family. */
  readonly latestCounter: number | null;
}

/** `given`: the user has just proved it; `asked`: something asks for it, whatever else. */
export type SecondFactor = 'given' | 'asked' | 'not_asked';

interface Presentation {
  readonly client: Client;
  readonly familyId: string;
  readonly counter: number;
}

const presentationOf = (client: Client, { family, counter }: HeldRefreshToken): Presentation => ({
  client,
  familyId: family.familyId,
  counter,
});

/** A token was accepted: by the family it belongs to from now on, with a new value to hand out if there is one. */
interface Acceptance {
  readonly kind: 'accepted';
  readonly family: RefreshTokenFamily;
  readonly refreshToken: string | null;
}

export async function exchangeRefreshToken(
  context: TenantContext,
  client: Client,
  parameters: Parameters,
  { jkt, secondFactor }: { readonly jkt: string | null; readonly secondFactor: SecondFactor },
): Promise<TokenAnswer> {
  const value = parameters.get('refresh_token');
  if (value === undefined) return missingParameter('refresh_token');
  const held = findPresented(context, value);
  if (!held) return fail(context, client, unknownRefreshToken, unknownWords); // A5
  // Whoever has a token without its key has nothing, and must not be able to end the family either.
  const otherKey = judgeKey(held.family.jkt, jkt);
  if (otherKey) return fail(context, client, otherKey, otherKey.reason, held);

  // A replayed token must not hide behind a blocked user or a wrong scope: reuse counts before anything else may refuse.
  const judged = await judgeBeforehand(context, presentationOf(client, held));
  if (judged.kind === 'refused') return judged;
  const before = prepare(context, client, value, { parameters, jkt });
  if (before.kind === 'refused') return before;
  const verdict = await judgePostLogin(context, {
    protocol: 'oauth2-refresh-token',
    prompt: [],
    client_id: client.client_id,
    user: judged.user,
    scope: scopeNames(before.scope),
    audience: before.audience,
    secondFactor: secondFactor === 'given',
  });

  const prepared = prepare(context, client, value, { parameters, jkt }); // others may have been here while the hook was asked
  if (prepared.kind === 'refused') return prepared;
  const { kept, audience, scope, policy } = prepared;
  const isAsked = secondFactor === 'asked' || (verdict.kind === 'allowed' && verdict.needsSecondFactor);
  const isBlocked = context.state.users.get(judged.user.user_id)?.blocked === true; // by now
  if (verdict.kind === 'denied' || isAsked || isBlocked) {
    const over = refuseWhatIsOver(context, presentationOf(client, kept)); // a replay hides behind none of them
    if (over) return over;
  }
  if (isBlocked) return fail(context, client, blockedUser, userWords.blocked, kept);
  if (verdict.kind === 'denied')
    return fail(
      context,
      client,
      refuse(403, 'access_denied', verdict.why),
      'the post-login hook denied it; the token is not consumed',
      kept,
    );
  if (isAsked) return waitForSecondFactor(context, client, kept, { value, parameters });

  // Looking and changing is one synchronous step; others may have been here since the look above.
  const now = context.clock.now();
  const accepted = spend(context, presentationOf(client, kept), now, {
    requested_audience: parameters.get('audience'),
    requested_scope: parameters.get('scope'),
    policy_used: policy,
  });
  if (accepted.kind === 'refused') return accepted;

  const { family, refreshToken } = accepted;
  const response = await issueTokens(context, {
    now,
    clientId: client.client_id,
    user: judged.user,
    scope,
    audience,
    sid: family.sessionId,
    nonce: null,
    authTime: family.authTime,
    organizationId: family.organizationId,
    jkt: prepared.jkt,
    refreshToken,
    secondFactor: secondFactor === 'given',
    claims: verdict.claims,
  });
  return { kind: 'tokens', response };
}

/** What a token would be exchanged for, if its family lets it; it may have been forgotten or swapped while something was waited for. */
function prepare(
  context: TenantContext,
  client: Client,
  value: string,
  { parameters, jkt }: { readonly parameters: Parameters; readonly jkt: string | null },
):
  | Refusal
  | {
      readonly kind: 'prepared';
      readonly kept: HeldRefreshToken;
      readonly audience: string | null;
      readonly scope: string;
      readonly policy: string | undefined;
      readonly jkt: string | null;
    } {
  const kept = findPresented(context, value);
  if (!kept) return fail(context, client, unknownRefreshToken, unknownWords);
  const { audience, scope, policy, excess } = resolveTarget(context, client, kept.family, parameters);
  if (scope === undefined)
    return fail(
      context,
      client,
      refuse(403, 'access_denied', `Service not found: ${audience}`),
      'no policy of the client covers the audience; the token is not consumed',
    );
  if (context.configuration.quirks.strictScope && excess.length > 0)
    return fail(
      context,
      client,
      refuse(400, 'invalid_scope', `Not granted: ${excess.join(' ')}`),
      'more was asked for than was granted; the token is not consumed',
    );
  const binding = bindingFor(context, client, audience, jkt);
  if (binding.kind === 'refused') return fail(context, client, binding, binding.reason);
  return { kind: 'prepared', kept, audience, scope, policy, jkt: binding.jkt };
}

/**
 * A dry run of the exchange, for the family's own client and with its key, without a `scope` or an `audience`: nothing is written, nothing
 * is drawn from the tenant's randomness, and the words are those that the journal would hold.
 */
export function explainRefreshToken(context: TenantContext, value: string): Explanation {
  const held = findPresented(context, value);
  if (!held)
    return {
      decision: 'refuse',
      reason: unknownWords,
      familyId: null,
      tokenCounter: null,
      latestCounter: null,
    };
  const { family, counter } = held;
  const { familyId, clientId } = family;
  const policy = familyPolicy(context, family);
  const [, outcome] = transition(
    family,
    { kind: 'present', now: context.clock.now(), counter, clientId, successor: noSuccessor },
    policy,
  );
  const position = { familyId, tokenCounter: counter, latestCounter: headOf(family).counter };
  const refused = (reason: string): Explanation => ({ decision: 'refuse', reason, ...position });

  const verdict = inWords(outcome, family, counter, policy);
  if (verdict.decision === 'reuse' || verdict.decision === 'refuse') return { ...verdict, ...position };
  const user = context.state.users.get(family.userId);
  if (!user) return refused(userWords.gone);
  return user.blocked ? refused(userWords.blocked) : { ...verdict, ...position };
}

/** The token, or the one that took its place in a migration and has not been used, where such a token is forgiven. */
function findPresented(context: TenantContext, value: string): HeldRefreshToken | undefined {
  const held = findRefreshToken(context, value);
  if (!held || !context.configuration.quirks.graceForSwapped) return held;
  const { rotating, ended, firstFamilyId } = held.family;
  if (rotating || ended?.cause !== 'migration') return held;
  const kin = [...context.state.families.values()].filter(descendsFrom(firstFamilyId)); // in the order of issue
  const replacement = kin[kin.indexOf(held.family) + 1];
  if (!replacement?.rotating || replacement.tokens.length > 1) return held;
  const { leeway } = familyPolicy(context, replacement);
  const forgiven = leeway > 0 && context.clock.now() <= ended.at + leeway * 1000;
  return forgiven ? { family: replacement, counter: 1 } : held;
}

/**
 * What speaks against the exchange before the token is spent (A9b, A10). It may wait; only a detected reuse and an
 * expiry change anything.
 */
async function judgeBeforehand(
  context: TenantContext,
  presentation: Presentation,
): Promise<{ kind: 'passed'; user: User } | Refusal> {
  const { client } = presentation;
  const refusal = refuseWhatIsOver(context, presentation);
  if (refusal) return refusal;
  const user = await context.findUser(
    presented(context, presentation, context.clock.now(), noSuccessor).family.userId,
  );
  if (!user) return fail(context, client, unknownRefreshToken, userWords.gone);
  if (!user.blocked) return { kind: 'passed', user };
  return fail(context, client, blockedUser, userWords.blocked);
}

const blockedUser = refuse(403, 'invalid_grant', 'user is blocked');

/** What the family's rules refuse is refused, and a reuse noted; nothing happens to a token that they accept. */
function refuseWhatIsOver(context: TenantContext, presentation: Presentation): Refusal | undefined {
  const now = context.clock.now();
  const { family, event, policy } = presented(context, presentation, now, noSuccessor);
  const [, outcome] = transition(family, event, policy);
  if (outcome.kind !== 'reuse' && outcome.kind !== 'refused') return undefined;
  const answer = spend(context, presentation, now);
  return answer.kind === 'refused' ? answer : undefined;
}

/** A12: the exchange waits for a second factor, and goes on by the grant that brings one; the token is not consumed. */
function waitForSecondFactor(
  context: TenantContext,
  client: Client,
  { family, counter }: HeldRefreshToken,
  { value, parameters }: { readonly value: string; readonly parameters: Parameters },
): Refusal {
  const asked = ['scope', 'audience'].flatMap((name) => {
    const sent = parameters.get(name);
    return sent === undefined ? [] : [[name, sent] as const];
  });
  return askForSecondFactor(
    context,
    {
      clientId: client.client_id,
      userId: family.userId,
      waiting: { kind: 'refresh', parameters: { refresh_token: value, ...Object.fromEntries(asked) } },
    },
    { familyId: family.familyId, tokenCounter: counter, latestCounter: headOf(family).counter },
  );
}

/** Classifies, keeps what follows and writes it down, without waiting for anything (C4). */
function spend(
  context: TenantContext,
  presentation: Presentation,
  now: Milliseconds,
  asked: Readonly<Record<string, string | undefined>> = {},
): Acceptance | Refusal {
  const { family, event, policy } = presented(context, presentation, now, drawSuccessor(context));
  const [next, outcome] = transition(family, event, policy);
  keepFamily(context, next);
  const { client, counter } = presentation;
  const verdict = inWords(outcome, family, counter, policy);
  const accept = (family: RefreshTokenFamily, refreshToken: string | null) =>
    writeSuccess(context, family, asked, { counter, refreshToken, ...verdict });
  switch (outcome.kind) {
    case 'exchanged':
      return accept(next, null);
    case 'rotated':
    case 'grace':
      return accept(next, outcome.token.value);
    case 'migrated_in':
      endTwins(context, next, now);
      keepFamily(context, outcome.replacement);
      return accept(outcome.replacement, headOf(outcome.replacement).value);
    case 'migrated_out':
      keepFamily(context, outcome.replacement);
      return accept(outcome.replacement, headOf(outcome.replacement).value);
    case 'reuse':
      return detectReuse(context, next, counter, verdict);
    case 'refused':
      return fail(context, client, unknownRefreshToken, verdict.reason, { family, counter });
    case 'ended':
    case 'unchanged':
      throw new TypeError('presenting a token has no such outcome');
  }
}

/** What the family's rules are asked about: one token, presented by a client at an instant. */
function presented(
  context: TenantContext,
  { client, familyId, counter }: Presentation,
  now: Milliseconds,
  successor: Successor,
) {
  const family = context.state.families.get(familyId);
  if (!family) throw new TypeError(`family ${familyId} is not kept`);
  const event: FamilyEvent = { kind: 'present', now, counter, clientId: client.client_id, successor };
  return { family, event, policy: policyOf(context, client) };
}

const drawSuccessor = (context: TenantContext): Successor => ({
  value: newRefreshToken(context),
  familyId: context.random.text(12),
});

/** R9: one exchange swaps every non-rotating token of the same client, audience and user, not only the presented one. */
function endTwins(context: TenantContext, swapped: RefreshTokenFamily, now: Milliseconds): void {
  endFamilies(
    context,
    { now, cause: 'migration' },
    (family) =>
      !family.rotating &&
      family.clientId === swapped.clientId &&
      family.userId === swapped.userId &&
      family.audience === swapped.audience,
  );
}

interface Success extends Verdict {
  readonly counter: number;
  readonly refreshToken: string | null;
}

function writeSuccess(
  context: TenantContext,
  family: RefreshTokenFamily,
  asked: Readonly<Record<string, string | undefined>>,
  success: Success,
): Acceptance {
  const { counter, refreshToken, decision, reason } = success;
  context.journal.write({
    type: 'sertft',
    description: 'Refresh token exchanged for an access token',
    client_id: family.clientId,
    user_id: family.userId,
    details: {
      familyId: family.familyId,
      tokenCounter: counter,
      latestCounter: headOf(family).counter,
      refresh_token: { access: 'offline', session_id: family.sessionId },
      ...Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined)),
    },
    decision,
    reason,
  });
  return { kind: 'accepted', family, refreshToken };
}

function detectReuse(
  context: TenantContext,
  family: RefreshTokenFamily,
  tokenCounter: number,
  verdict: Verdict,
): Refusal {
  const latestCounter = headOf(family).counter;
  context.journal.write({
    type: 'ferrt',
    description: 'Unsuccessful Refresh Token exchange, reused refresh token detected',
    client_id: family.clientId,
    user_id: family.userId,
    details: { familyId: family.familyId, tokenCounter, latestCounter },
    ...verdict,
  });
  const { reuseDeletesGrant, reuseEndsSession } = context.configuration.quirks;
  if (reuseDeletesGrant) deleteGrantOf(context, family);
  if (reuseEndsSession) endSessions(context, ({ sid }) => sid === family.sessionId);
  return unknownRefreshToken;
}

function fail(
  context: TenantContext,
  client: Client,
  refusal: Refusal,
  reason: string,
  presented?: { family: RefreshTokenFamily; counter: number },
): Refusal {
  context.journal.write({
    type: 'fertft',
    description: refusal.error_description,
    client_id: client.client_id,
    user_id: presented?.family.userId,
    details: presented
      ? {
          familyId: presented.family.familyId,
          tokenCounter: presented.counter,
          latestCounter: headOf(presented.family).counter,
        }
      : {},
    decision: 'refuse',
    reason,
  });
  return refusal;
}

/**
 * What the access token is for (S1-S5). Without policies an `audience` is ignored; with them it must be the original one or
 * one that they name, and `scope` is undefined where it is neither.
 */
function resolveTarget(
  { state }: TenantContext,
  client: Client,
  family: RefreshTokenFamily,
  parameters: Parameters,
): {
  audience: string | null;
  scope: string | undefined;
  policy: string | undefined;
  excess: readonly string[];
} {
  const policies = client.is_first_party ? client.refresh_token.policies : []; // S4
  const requested = parameters.get('scope');
  const asked = parameters.get('audience');
  const audience = policies.length === 0 || asked === undefined ? family.audience : asked;
  // What the API does not define is no scope of it, whatever the policy says (S4).
  const defined = (state.resourceServers.get(audience ?? '')?.scopes ?? []).map(({ value }) => value);
  const policy = policies.find((candidate) => candidate.audience === audience && defined.length > 0);
  const allowed = (policy?.scope ?? []).filter((name) => defined.includes(name));
  if (audience === family.audience) {
    const granted = joinScopes(family.scope, ...allowed);
    return {
      audience,
      scope: narrowedScope(granted, requested),
      policy: policy && 'mrrt',
      excess: excessOf(granted, requested),
    };
  }
  if (!policy) return { audience, scope: undefined, policy: undefined, excess: [] };
  const standard = scopeNames(family.scope).filter((name) => standardScopes.includes(name));
  const granted = joinScopes(...standard, ...allowed);
  return {
    audience,
    scope: narrowedScope(granted, requested),
    policy: 'mrrt',
    excess: excessOf(granted, requested),
  };
}

/** What is asked for and was not granted. */
function excessOf(granted: string, requested = ''): readonly string[] {
  const held = scopeNames(granted);
  return scopeNames(requested).filter((name) => !held.includes(name));
}

const standardScopes = ['openid', 'profile', 'email', 'offline_access'];

/** Only names of the original grant count; when none is left, the OpenID Connect names of the grant are. The successor keeps the full scope. */
function narrowedScope(granted: string, requested: string | undefined): string {
  if (requested === undefined) return granted;
  const held = scopeNames(granted);
  const wanted = scopeNames(requested).filter((name) => held.includes(name));
  const standard = held.filter((name) => standardScopes.includes(name));
  return joinScopes(...(wanted.length > 0 ? wanted : standard));
}

/** @param family as it was before */
function inWords(
  outcome: Outcome,
  family: RefreshTokenFamily,
  counter: number,
  policy: RotationPolicy,
): Verdict {
  switch (outcome.kind) {
    case 'exchanged':
      return { decision: 'exchange', reason: 'the client does not rotate: the token stays as it is' };
    case 'rotated':
      return { decision: 'rotate', reason: rotationReason(family, counter) };
    case 'grace':
      return {
        decision: 'grace',
        reason: `token ${counter} was spent before, within the leeway of ${policy.leeway} s; no reuse`,
      };
    case 'migrated_in':
      return {
        decision: 'migrate',
        reason: 'rotation is on by now: one rotating token for all tokens of this user, client and audience',
      };
    case 'migrated_out':
      return {
        decision: 'migrate',
        reason: 'rotation is off by now: the family is swapped for one token that stays',
      };
    case 'reuse':
      return {
        decision: 'reuse',
        reason: `token ${counter} of ${headOf(family).counter}: ${reuseWords[outcome.why]}; the whole family is revoked`,
      };
    case 'refused':
      return { decision: 'refuse', reason: refusalWords[outcome.why] };
    case 'ended':
    case 'unchanged':
      throw new TypeError('presenting a token has no such outcome');
  }
}

const rotationReason = (family: RefreshTokenFamily, counter: number): string =>
  counter === headOf(family).counter
    ? `token ${counter} is the newest of its family`
    : `token ${counter} was issued beside the newest, and has not been used`;

const unknownWords =
  'the tenant has issued no such refresh token, or has forgotten it since its family was over';

const userWords = {
  gone: 'the user does not exist any more',
  blocked: 'the user is blocked; the token is not consumed',
} as const;

const reuseWords = {
  no_leeway: 'it was spent before, and the client has no leeway',
  window_closed: 'it was spent before, and its leeway is over',
  second_to_last: 'it is older than the token before the newest',
  fork_retired: 'a newer token was issued beside it, and the leeway is over',
} as const;

const refusalWords = {
  other_client: 'the token belongs to another client; nothing changes',
  reuse: 'the family was revoked when one of its tokens was used again',
  revoked: 'the family was revoked',
  code_replay: 'the family was revoked when its authorization code came a second time',
  grant: 'the grant that the family belonged to was deleted',
  session: 'the session that the family began in was revoked',
  admin:
    'the family was revoked through the Management API, or its client, its user or its organization was deleted',
  cap: 'the user had too many refresh tokens at the client, and this one was among the oldest',
  migration: 'the token was swapped when the rotation setting changed',
  absolute_expiry: 'the family has reached the end of its lifetime',
  idle_expiry: 'the family was not used for longer than its idle lifetime',
} as const;
