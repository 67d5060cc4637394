/** `/authorize`: answers at once when the browser's session allows it, otherwise sends the person to the login page. */
import type { Context } from 'hono';
import { getCookie } from 'hono/cookie';
import { scopeNames } from '../../oauth/scope.ts';
import type { AuthorizationResponse } from '../../oauth/authorization-endpoint.ts';
import type { Authorization } from '../authorization-code.ts';
import {
  judgeAuthorizationRequest,
  type CheckedRequest,
  type Judgement,
  type ReplyAddress,
} from '../authorization-request.ts';
import { secondFactorPage } from '../authenticators.ts';
import { maySignIn } from '../connections.ts';
import { isMember, type TenantContext } from '../context.ts';
import { answerDevice, waitingDevice, type DeviceAuthorization } from '../device-authorization.ts';
import { forgetPast } from '../forgetting.ts';
import { readIdTokenHint } from '../id-token-hint.ts';
import { currentSession, isBlocked, isRemembered, joinSession, type LoginSession } from '../login-session.ts';
import { transactionLifetime, type LoginTransaction } from '../login-transaction.ts';
import { inOrganization, lacksOrganization, mustChooseOrganization } from '../organization-prompt.ts';
import { respondWithFormPost } from '../pages/form-post-page.ts';
import { respondWithPage } from '../pages/layout.ts';
import { messagePage } from '../pages/message-page.ts';
import { webMessageResponse } from '../pages/web-message-page.ts';
import { judgePostLogin, type PostLoginVerdict } from '../post-login.ts';
import { readFormParameters } from '../parameters.ts';
import { isPushed, takePushedRequest, unknownRequestUri } from '../pushed-request.ts';
import { deleteCookie, setCookie } from '../side-channel.ts';
import { originOf } from '../url-matching.ts';
import { isCovered, keepUserGrant } from '../user-grant.ts';

/**
 * Ties a sign-in to the browser that began it. Every sign-in has a cookie of its own: of one for all, tabs that begin
 * at the same moment would each overwrite the other's.
 */
const browserCookie = (state: string): string => `auth0_login_${state.slice(0, 12)}`;

/** GET and POST (OIDC Core §3.1.2.1). */
export async function authorize(context: TenantContext, c: Context): Promise<Response> {
  const source = c.req.method === 'POST' ? await c.req.text() : new URL(c.req.url).search;
  const sent = readFormParameters(new URLSearchParams(source));
  const wasPushed = isPushed(sent);
  const parameters = wasPushed ? takePushedRequest(context, sent) : sent;
  if (!parameters) return refuseWithPage(context, c, unknownRequestUri);
  const hasHint = parameters.get('id_token_hint') !== undefined;
  const idTokenHint = hasHint ? await readIdTokenHint(context, parameters) : null;
  const judgement = judgeAuthorizationRequest(parameters, context, {
    wasPushed,
    idTokenHint,
  });
  if (judgement.kind === 'page') return refuseWithPage(context, c, judgement);
  if (judgement.kind === 'refused') {
    const { reply, error, error_description } = judgement;
    return refuseRequest(context, c, reply, error, error_description);
  }
  const { request } = judgement;
  const session = currentSession(context, c);
  const isSilent = request.prompts.includes('none');
  const outcome = firstOutcome(context, request, session);
  if (outcome.kind === 'waiting' && isSilent)
    return refuseSilently(context, c, request, loginRequired(context, c, session));
  if (request.organizationPrompt?.when === 'before_login')
    return isSilent
      ? refuseSilently(context, c, request, organizationRequired)
      : beginTransaction(context, c, request, { kind: 'waiting' });
  if (!session || outcome.kind !== 'signed_in') return beginTransaction(context, c, request, outcome);

  const verdict = await judgeLogin(context, c, { request, session });
  if (currentSession(context, c)?.sid !== session.sid || whyRefused(context, request, session.userId))
    return authorizeAnew(context, c, request); // while the hook was asked
  if (verdict.kind === 'denied')
    return isSilent
      ? refuseSilently(context, c, request, denied(verdict.why))
      : refuseRequest(context, c, request, 'access_denied', verdict.why);
  const mustChoose = mustChooseOrganization(context, request, session.userId);
  const wantsPage = mustChoose || wantsConsent(context, request, session.userId);
  if (isSilent && mustChoose) return refuseSilently(context, c, request, organizationRequired);
  if (isSilent && verdict.needsSecondFactor) return refuseSilently(context, c, request, secondFactorRequired);
  if (isSilent && wantsPage) return refuseSilently(context, c, request, consentRequired);
  return verdict.needsSecondFactor || wantsPage
    ? beginTransaction(context, c, request, { kind: 'signed_in', sid: session.sid })
    : grant(context, c, inOrganization(context, request, { userId: session.userId, choice: null }), {
        session,
        verdict,
      });
}

/** Whether the browser's session is good enough for what is asked, and if so, whether its user is asked all the same. */
export function firstOutcome(
  context: TenantContext,
  request: CheckedRequest,
  session: LoginSession | undefined,
): LoginTransaction['outcome'] {
  const mayContinue =
    session !== undefined &&
    !whyRefused(context, request, session.userId) &&
    isRecent(context, session, request);
  if (!mayContinue || request.prompts.includes('login')) return { kind: 'waiting' };
  const { sid } = session;
  return { kind: request.prompts.includes('select_account') ? 'choosing' : 'signed_in', sid };
}

/** The session has gone meanwhile, or its user may not come in any more. */
const authorizeAnew = (
  context: TenantContext,
  c: Context,
  request: CheckedRequest,
): Response | Promise<Response> =>
  request.prompts.includes('none')
    ? refuseSilently(context, c, request, loginRequired(context, c, currentSession(context, c)))
    : beginTransaction(context, c, request, { kind: 'waiting' });

/** What the post-login hook says of a sign-in, and whether that, the tenant or the request asks for a second factor. */
async function judgeLogin(
  context: TenantContext,
  c: Context,
  { request, session }: { readonly request: CheckedRequest; readonly session: LoginSession },
): Promise<PostLoginVerdict> {
  const { userId, secondFactor } = session;
  const user = context.state.users.get(userId);
  if (!user) return { kind: 'denied', why: 'the user does not exist any more' };
  const verdict = await judgePostLogin(context, {
    protocol: request.deviceCode === undefined ? 'oidc-basic-profile' : 'oauth2-device-code',
    prompt: request.prompts,
    client_id: request.clientId,
    user,
    scope: scopeNames(request.scope),
    audience: request.audience,
    secondFactor,
  });
  if (verdict.kind === 'denied' || secondFactor) return verdict;
  const isAsked = verdict.needsSecondFactor || context.configuration.mfaPolicy === 'always';
  // A client that asks for one itself wants it given now.
  const needsSecondFactor = request.secondFactor || (isAsked && !isRemembered(context, c, userId));
  return { ...verdict, needsSecondFactor };
}

const notEnrolled = 'A second factor is asked for, and the user has none that the pages could ask for';

/** `/authorize/resume`: the way back from the login page to the client. */
export async function resumeAuthorization(context: TenantContext, c: Context): Promise<Response> {
  const state = c.req.query('state') ?? '';
  const transaction = currentTransaction(context, c, state);
  if (!transaction) return respondWithLostTransaction(context, c);
  const { request: asked, outcome } = transaction;
  if (transaction.awaitsOrganization) return c.redirect(organizationAddress(state), 302);
  switch (outcome.kind) {
    case 'waiting':
      return c.redirect(loginAddress(state), 302);
    case 'choosing':
      return c.redirect(accountAddress(state), 302);
    case 'refused':
      endTransaction(context, c, state);
      return refuseRequest(context, c, asked, outcome.error, outcome.error_description);
    case 'signed_in':
    case 'consented': {
      const session = currentSession(context, c);
      if (session?.sid !== outcome.sid) return c.redirect(loginAddress(state), 302);
      const verdict = await judgeLogin(context, c, { request: asked, session });
      // While the hook was asked the sign-in may have been answered, and the session have ended.
      if (context.state.transactions.get(state) !== transaction)
        return respondWithLostTransaction(context, c);
      if (currentSession(context, c)?.sid !== outcome.sid) return c.redirect(loginAddress(state), 302);
      const { organizationChoice } = transaction;
      const request = inOrganization(context, asked, {
        userId: session.userId,
        choice: organizationChoice?.sid === session.sid ? organizationChoice : null,
      });
      const refusal = whyRefused(context, request, session.userId); // since the password was given
      if (verdict.kind === 'denied' || refusal) {
        endTransaction(context, c, state);
        const why = verdict.kind === 'denied' ? verdict.why : '';
        const { error, error_description } = refusal ?? { error: 'access_denied', error_description: why };
        return refuseRequest(context, c, request, error, error_description);
      }
      if (mustChooseOrganization(context, request, session.userId))
        return c.redirect(pickerAddress(state), 302);
      if (verdict.needsSecondFactor) {
        const page = secondFactorPage(context, session.userId);
        if (page !== undefined) return c.redirect(`${page}?state=${encodeURIComponent(state)}`, 302);
        endTransaction(context, c, state);
        return refuseRequest(context, c, request, 'access_denied', notEnrolled);
      }
      if (outcome.kind === 'signed_in' && wantsConsent(context, request, session.userId))
        return c.redirect(consentAddress(state), 302);
      endTransaction(context, c, state);
      const { deviceCode } = request;
      const isAwaited = deviceCode === undefined || waitingDevice(context, deviceCode) !== undefined;
      if (outcome.kind === 'consented' && isAwaited)
        keepUserGrant(context, { ...request, userId: session.userId });
      const reason =
        outcome.kind === 'consented' ? 'the user has just consented' : 'the user has just signed in';
      return grant(context, c, request, { session, verdict, reason });
    }
  }
}

/** The sign-in a tenant's `state` names, in the browser that began it and not too long ago, for a client that there still is. */
export function currentTransaction(
  context: TenantContext,
  c: Context,
  state: string,
): LoginTransaction | undefined {
  const transaction = context.state.transactions.get(state);
  if (!transaction || getCookie(c, browserCookie(state)) !== transaction.browser) return undefined;
  if (!context.state.clients.has(transaction.request.clientId)) return undefined;
  return context.clock.now() < transaction.begunAt + transactionLifetime ? transaction : undefined;
}

export function respondWithLostTransaction(context: TenantContext, c: Context): Promise<Response> {
  return respondWithPage(c, context.random, {
    title: 'Sign-in not found',
    status: 400,
    body: messagePage(
      'This sign-in cannot go on',
      'It is finished, too old, or was begun in another browser. Please start again from the application.',
    ),
  });
}

export const loginAddress = (state: string): string => `/u/login?state=${encodeURIComponent(state)}`;
const signUpAddress = (state: string): string => `/u/signup?state=${encodeURIComponent(state)}`;
const organizationAddress = (state: string): string => `/u/organization?state=${encodeURIComponent(state)}`;
const pickerAddress = (state: string): string => `/u/organization/picker?state=${encodeURIComponent(state)}`;
const accountAddress = (state: string): string => `/u/account?state=${encodeURIComponent(state)}`;
const consentAddress = (state: string): string => `/u/consent?state=${encodeURIComponent(state)}`;
export const resumeAddress = (state: string): string =>
  `/authorize/resume?state=${encodeURIComponent(state)}`;

/** The page that a sign-in begins with, or `/authorize/resume` where the browser's session may do. */
export function firstAddress(
  state: string,
  { request, outcome, awaitsOrganization }: LoginTransaction,
): string {
  if (awaitsOrganization) return organizationAddress(state);
  if (outcome.kind !== 'waiting') return resumeAddress(state);
  return request.wantsSignUp ? signUpAddress(state) : loginAddress(state);
}

/**
 * Somebody else's application asks once for all that it wants (OIDC Core §3.1.2.4); `prompt=consent` asks anew, and so does a
 * device, lest somebody confirms a stranger's (RFC 8628 §3.3).
 */
function wantsConsent(context: TenantContext, request: CheckedRequest, userId: string): boolean {
  if (request.prompts.includes('consent') || request.deviceCode !== undefined) return true;
  const client = context.state.clients.get(request.clientId);
  return client?.is_first_party === false && !isCovered(context, { ...request, userId });
}

const isWhoIsMeant = ({ hintedUserId }: CheckedRequest, userId: string): boolean =>
  hintedUserId === null || hintedUserId === userId;

/** Why a user may not come in at this moment, in the words for the client, or nothing. */
export function whyRefused(
  context: TenantContext,
  request: CheckedRequest,
  userId: string,
): { error: string; error_description: string } | undefined {
  const { organizationId } = request;
  const user = context.state.users.get(userId);
  if (user?.blocked) return { error: 'access_denied', error_description: 'user is blocked' };
  if (user && !maySignIn(context, request, user))
    return { error: 'unauthorized_client', error_description: 'the connection is not enabled' };
  if (lacksOrganization(context, request, userId))
    return {
      error: 'invalid_request',
      error_description:
        'client requires organization membership, but user does not belong to any organization',
    };
  if (!isMember(context, organizationId, userId))
    return {
      error: 'access_denied',
      error_description: `user ${userId} is not part of the ${organizationId} organization`,
    };
  if (!isWhoIsMeant(request, userId)) return { error: 'login_required', error_description: 'Login required' };
  return undefined;
}

/** `max_age` asks how long ago the person proved who they are; 0 is the same as `prompt=login` (OIDC Core §3.1.2.1). */
export function isRecent(
  { clock }: TenantContext,
  session: LoginSession,
  { maxAge }: CheckedRequest,
): boolean {
  return maxAge === null || (maxAge > 0 && clock.now() - session.authTime <= maxAge * 1000);
}

export function beginTransaction(
  context: TenantContext,
  c: Context,
  request: CheckedRequest,
  outcome: LoginTransaction['outcome'],
): Response {
  const { random, state, clock, configuration } = context;
  const browser = random.text();
  const name = random.text();
  const now = clock.now();
  forgetPast(context, now);
  const transaction: LoginTransaction = {
    request,
    begunAt: now,
    browser,
    csrf: random.text(),
    awaitsOrganization: request.organizationPrompt?.when === 'before_login',
    organizationChoice: null,
    wrongCodes: 0,
    challenge: null,
    outcome,
  };
  state.transactions.set(name, transaction);
  setCookie(c, browserCookie(name), browser, {
    path: '/',
    maxAge: transactionLifetime / 1000,
    httpOnly: true,
    sameSite: 'Lax',
    secure: configuration.baseUrl.startsWith('https:'),
  });
  return redirect(c, firstAddress(name, transaction));
}

/** One login, one answer. */
function endTransaction({ state }: TenantContext, c: Context, name: string): void {
  state.transactions.delete(name);
  deleteCookie(c, browserCookie(name), { path: '/' });
}

function grant(
  context: TenantContext,
  c: Context,
  request: CheckedRequest,
  {
    session,
    verdict,
    reason = 'the browser has a session that is good enough',
  }: {
    session: LoginSession;
    verdict: PostLoginVerdict & { kind: 'allowed' };
    reason?: string;
  },
): Response | Promise<Response> {
  const now = context.clock.now();
  forgetPast(context, now);
  joinSession(context, session, request.clientId);
  const wantsAuthTime =
    context.configuration.quirks.conformance || request.maxAge !== null || request.prompts.includes('login');
  const authorization: Authorization = {
    userId: session.userId,
    sid: session.sid,
    scope: request.scope,
    audience: request.audience,
    nonce: request.nonce,
    authTime: wantsAuthTime ? session.authTime : null,
    secondFactor: session.secondFactor,
    claims: verdict.claims,
    organizationId: request.organizationId,
  };
  const { deviceCode } = request;
  const code = context.random.text();
  if (deviceCode === undefined)
    context.state.codes.set(code, {
      ...authorization,
      clientId: request.clientId,
      redirectUri: request.redirectUri,
      redirectUriWasSent: request.redirectUriWasSent,
      challenge: request.challenge,
      dpopJkt: request.dpopJkt,
      issuedAt: now,
      used: null,
    });
  const silent = request.prompts.includes('none');
  context.journal.write({
    type: silent ? 'ssa' : 's',
    client_id: request.clientId,
    user_id: session.userId,
    details: { scope: request.scope, audience: request.audience, prompt: request.prompts },
    decision: deviceCode === undefined ? 'grant a code' : 'grant tokens to a device',
    reason,
  });
  return deviceCode === undefined
    ? respond(context, c, request, { code })
    : respondAboutDevice(context, c, deviceCode, { kind: 'approved', authorization });
}

function refuseSilently(
  context: TenantContext,
  c: Context,
  request: CheckedRequest,
  { error, error_description, reason }: SilentRefusal,
): Response | Promise<Response> {
  const client_id = request.clientId;
  context.journal.write({
    type: 'fsa',
    description: error_description,
    client_id,
    decision: 'refuse',
    reason,
  });
  return respond(context, c, request, { error, error_description });
}

interface SilentRefusal {
  readonly error: string;
  readonly error_description: string;
  readonly reason: string;
}

const loginRequired = (
  context: TenantContext,
  c: Context,
  session: LoginSession | undefined,
): SilentRefusal => ({
  error: 'login_required',
  error_description: 'Login required',
  reason: session
    ? 'the session is older than max_age, or its user is blocked, no member of the organization, of another connection or not whom id_token_hint names'
    : isBlocked(context, c.req.raw)
      ? 'an iframe of another site asks, and quirks.thirdPartyCookies keeps the session cookie back'
      : 'the browser sent no session cookie, or the session is over',
});

const secondFactorRequired: SilentRefusal = {
  error: 'login_required',
  error_description: 'Multifactor authentication required',
  reason: 'the session has no second factor, and nobody is there to give one',
};

const organizationRequired: SilentRefusal = {
  error: 'interaction_required',
  error_description: 'Interaction required',
  reason: 'the request names no organization, and nobody is there to be asked for one',
};

const denied = (why: string): SilentRefusal => ({
  error: 'access_denied',
  error_description: why,
  reason: 'the post-login hook denied it',
});

const consentRequired: SilentRefusal = {
  error: 'consent_required',
  error_description: 'Consent required',
  reason: 'the user has not let this application do what it asks for, and it is not one of the tenant’s own',
};

function refuseRequest(
  context: TenantContext,
  c: Context,
  reply: ReplyAddress,
  error: string,
  error_description: string,
): Response | Promise<Response> {
  context.journal.write({
    type: 'f',
    description: error_description,
    client_id: reply.clientId,
    details: { error },
    decision: 'refuse',
    reason: error_description,
  });
  return respond(context, c, reply, { error, error_description });
}

function refuseWithPage(
  context: TenantContext,
  c: Context,
  { status, title, message, clientId, cause }: Judgement & { kind: 'page' },
): Promise<Response> {
  context.journal.write({
    type: cause === 'origin' ? 'fco' : 'f',
    description: cause === 'request' ? message : `${title} ${message}`,
    client_id: clientId ?? undefined,
    decision: 'show an error page',
    reason: `${message}; an answer by redirect or message could reach a stranger`,
  });
  return respondWithPage(c, context.random, { title, status, body: messagePage(title, message) });
}

/** The answer in the mode the client asked for, `state` included. */
function respond(
  context: TenantContext,
  c: Context,
  { redirectUri, responseMode, state, deviceCode }: ReplyAddress,
  answer: AuthorizationResponse,
): Response | Promise<Response> {
  const { configuration, random } = context;
  const [settings] = context.state.settings;
  if (deviceCode !== undefined) {
    const why = answer.error_description ?? 'The device was not authorized';
    return respondAboutDevice(context, c, deviceCode, { kind: 'denied', why });
  }
  const response: AuthorizationResponse = {
    ...answer,
    ...(state !== null && { state }),
    ...(settings.authorization_response_iss_parameter_supported && { iss: configuration.issuer }),
  };
  switch (responseMode) {
    case 'web_message': {
      const targetOrigin = originOf(redirectUri);
      if (targetOrigin === undefined) throw new TypeError('a web_message needs an origin to go to');
      return webMessageResponse(response, targetOrigin, random.text(16));
    }
    case 'form_post':
      return respondWithFormPost(c, random, redirectUri, response);
    case 'query':
    case 'fragment': {
      const separator = responseMode === 'fragment' ? '#' : redirectUri.includes('?') ? '&' : '?';
      return redirect(c, `${redirectUri}${separator}${new URLSearchParams({ ...response }).toString()}`);
    }
  }
}

/** Tells the device, and the person who has to do with it. */
function respondAboutDevice(
  context: TenantContext,
  c: Context,
  deviceCode: string,
  outcome: DeviceAuthorization['outcome'],
): Promise<Response> {
  const isTold = answerDevice(context, deviceCode, outcome);
  const isGood = isTold && outcome.kind === 'approved';
  const [title, message] = isGood
    ? ['Device connected', 'You can go on at your device, and close this page.']
    : ['Device not connected', isTold ? 'Nothing was given to it.' : 'Its code is too old, or was used.'];
  return respondWithPage(c, context.random, {
    title,
    status: isTold ? 200 : 400,
    body: messagePage(title, message),
  });
}

/** 303 after a POST: never a status that would send the body on (RFC 9700 §4.12). */
function redirect(c: Context, location: string): Response {
  c.header('Cache-Control', 'no-store');
  return c.redirect(location, c.req.method === 'POST' ? 303 : 302);
}
