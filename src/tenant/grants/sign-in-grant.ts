/** A sign-in at the token endpoint, without a browser: what all grants do that bring a user themselves. */
import { scopeNames } from '../../oauth/scope.ts';
import { askForSecondFactor, type SignIn } from '../authenticators.ts';
import type { Authorization } from '../authorization-code.ts';
import { grantableScope } from '../authorization-request.ts';
import type { Client, User } from '../configuration.ts';
import { maySignIn } from '../connections.ts';
import type { TenantContext } from '../context.ts';
import { bindingFor } from '../dpop.ts';
import type { JournalCode } from '../journal.ts';
import type { Parameters } from '../parameters.ts';
import { judgePostLogin, type PostLoginEvent } from '../post-login.ts';
import { refuse, type Refusal, type TokenAnswer } from '../token-answer.ts';
import { beginTokens, giveTokens, judgeAuthorization } from './tokens-for-user.ts';

interface SignInGrant {
  readonly protocol: PostLoginEvent['protocol'];
  readonly success: JournalCode;
  readonly failure: JournalCode;
  /** What is exchanged. */
  readonly what: string;
  readonly gty?: 'password';
}

const password: SignInGrant = {
  protocol: 'oauth2-password',
  success: 'sepft',
  failure: 'fepft',
  what: 'A password was',
  gty: 'password',
};

export const signInGrants = {
  password,
  'http://auth0.com/oauth/grant-type/password-realm': password,
  'http://auth0.com/oauth/grant-type/passwordless/otp': {
    protocol: 'oauth2-passwordless',
    success: 'sepkotpft',
    failure: 'fepotpft',
    what: 'A code that was sent was',
  },
  'urn:ietf:params:oauth:grant-type:token-exchange': {
    protocol: 'oauth2-token-exchange',
    success: 'secte',
    failure: 'fecte',
    what: 'A token was',
  },
} as const satisfies Record<string, SignInGrant>;

export type SignInGrantType = keyof typeof signInGrants;

const isSignInGrant = (grantType: string): grantType is SignInGrantType =>
  Object.hasOwn(signInGrants, grantType);

/** How a request came: which grant it is for, the key that it proved, and whether a web page sent it. */
export interface SignInRequest {
  readonly grantType: SignInGrantType;
  readonly parameters: Parameters;
  readonly jkt: string | null;
  readonly fromBrowser: boolean;
}

export type Checked = { readonly kind: 'checked'; readonly signIn: SignIn & { grantType: SignInGrantType } };

/** What is asked for, or what is wrong with it whoever the user is. Comes before anything is consumed. */
export function checkSignIn(
  context: TenantContext,
  client: Client,
  { grantType, parameters, jkt, fromBrowser }: SignInRequest,
): Checked | Refusal {
  const audience = parameters.get('audience') ?? null;
  const api = audience === null ? undefined : context.state.resourceServers.get(audience);
  const refused = (refusal: Refusal, reason: string) =>
    failSignIn(context, client, grantType, { ...refusal, reason });
  if (audience !== null && !api)
    return refused(
      refuse(403, 'access_denied', `Service not enabled within domain: ${audience}`),
      'the tenant has no such API',
    );
  if (parameters.get('organization') !== undefined || client.organization_usage === 'require')
    return refused(
      refuse(400, 'invalid_request', 'Organizations are not supported by this grant'),
      'without a browser nobody signs in to an organization here',
    );
  const binding = bindingFor(context, client, audience, jkt);
  if (binding.kind === 'refused') return failSignIn(context, client, grantType, binding);
  const scope = grantableScope(parameters.get('scope') ?? '', api);
  return { kind: 'checked', signIn: { grantType, scope, audience, fromBrowser, jkt: binding.jkt } };
}

/** Who the user is is known: the hook, the second factor and the tokens are left. */
export async function completeSignIn(
  context: TenantContext,
  client: Client,
  signIn: SignIn,
  asked: { readonly userId: string; readonly jkt: string | null; readonly secondFactor: boolean },
): Promise<TokenAnswer> {
  const { grantType, scope, audience, fromBrowser } = signIn;
  if (!isSignInGrant(grantType)) throw new TypeError(`no sign-in waits by the grant ${grantType}`);
  const wanted = { ...signIn, grantType };
  const { userId, secondFactor } = asked;
  const { protocol, success, what, gty }: SignInGrant = signInGrants[grantType];
  const refused = (refusal: Refusal, reason: string) =>
    failSignIn(context, client, grantType, { ...refusal, reason, userId });

  const before = judge(context, client.client_id, wanted, asked);
  if (before.kind === 'refused') return refused(before, before.reason);
  const verdict = await judgePostLogin(context, {
    protocol,
    prompt: [],
    client_id: client.client_id,
    user: before.user,
    scope: scopeNames(scope),
    audience,
    secondFactor,
  });
  if (verdict.kind === 'denied')
    return refused(refuse(403, 'access_denied', verdict.why), 'the post-login hook denied it');

  const judged = judge(context, client.client_id, wanted, asked); // much may have happened while the hook was asked
  if (judged.kind === 'refused') return refused(judged, judged.reason);
  if (gty && judged.user.password !== before.user.password)
    return refused(wrongPassword, 'the password was changed while the hook was asked');
  const isAsked = verdict.needsSecondFactor || context.configuration.mfaPolicy === 'always';
  if (isAsked && !secondFactor)
    return askForSecondFactor(context, {
      clientId: client.client_id,
      userId,
      waiting: { kind: 'sign_in', signIn },
    });
  const authorization: Authorization = {
    userId,
    sid: null,
    scope,
    audience,
    nonce: null,
    authTime: null,
    secondFactor,
    claims: verdict.claims,
    organizationId: null,
  };
  const grantee = {
    client: judged.client,
    authorization,
    now: context.clock.now(),
    jkt: judged.jkt,
    fromBrowser,
  };
  const begun = beginTokens(context, grantee);
  return giveTokens(context, grantee, {
    user: judged.user,
    begun,
    type: success,
    description: `${what} exchanged for an access token`,
    reason: `the user is known; ${begun.why}`,
    gty,
  });
}

/** Whether the user may have what is asked for by this client, as things stand. */
function judge(
  context: TenantContext,
  clientId: string,
  { grantType, scope, audience }: SignIn & { readonly grantType: SignInGrantType },
  { userId, jkt }: { readonly userId: string; readonly jkt: string | null },
):
  | {
      readonly kind: 'judged';
      readonly client: Client;
      readonly user: User;
      readonly jkt: string | null;
    }
  | (Refusal & { readonly reason: string }) {
  const client = context.state.clients.get(clientId);
  if (!client)
    return { ...refuse(401, 'access_denied', 'Unauthorized'), reason: 'the client was deleted meanwhile' };
  if (!client.grant_types.includes(grantType))
    return {
      ...refuse(403, 'unauthorized_client', `Grant type '${grantType}' not allowed for the client.`),
      reason: 'the client’s grant_types do not name it any more',
    };
  const judged = judgeAuthorization(context, client, { userId, scope, audience }, words);
  if (judged.kind === 'refused') return judged;
  const { gty }: SignInGrant = signInGrants[grantType];
  if (gty && !maySignIn(context, { clientId, organizationId: null, connection: null }, judged.user))
    return { ...wrongPassword, reason: 'the user’s connection is not enabled for the client any more' };
  const binding = bindingFor(context, client, audience, jkt);
  return binding.kind === 'refused' ? binding : { ...judged, client, jkt: binding.jkt };
}

export const wrongPassword = refuse(403, 'invalid_grant', 'Wrong email or password.');

const words = {
  gone: refuse(403, 'invalid_grant', 'user does not exist'),
  uncovered: refuse(403, 'consent_required', 'Consent required'),
};

/** Writes the refusal down. */
export function failSignIn(
  context: TenantContext,
  client: Client,
  grantType: SignInGrantType,
  {
    reason,
    userId,
    type = signInGrants[grantType].failure,
    ...refusal
  }: Refusal & { readonly reason: string; readonly userId?: string | undefined; readonly type?: JournalCode },
): Refusal {
  context.journal.write({
    type,
    description: refusal.error_description,
    client_id: client.client_id,
    ...(userId !== undefined && { user_id: userId }),
    decision: 'refuse',
    reason,
  });
  return refusal;
}
