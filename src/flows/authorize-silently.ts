import type { Milliseconds } from '../clock.ts';
import { authorizationRequest } from '../core/authorization-request.ts';
import type { Endpoints } from '../core/endpoints.ts';
import type { Target } from '../core/target.ts';
import { answeredBy } from '../core/authorization-response.ts';
import type { Snapshot } from '../core/plan.ts';
import { refuseToBegin } from '../core/refuse-to-begin.ts';
import { GenericError } from '../errors.ts';
import type { ClientContext } from './context.ts';
import type { Obtained } from './get-token-silently.ts';
import { hintCookie } from './entries.ts';
import { organizationHint } from './keep-session.ts';
import { redeemCode } from './redeem-code.ts';
import { authorizationSecrets } from './secrets.ts';

/**
 * A token through a hidden iframe, `prompt=none` (OIDC Core §3.1.2.1), answered by `web_message`. Never under a lock: a
 * frame may take a minute. One frame at a time per client, so that no frame can take another's answer.
 *
 * @param began What it is to carry on: whoever logged out or signed in meanwhile has the last word.
 * @throws {AuthenticationError} for the server's refusal, such as `login_required`; with `reason: 'third_party_cookies'` where that
 * is the likely cause.
 * @throws {GenericError} `temporarily_unavailable` or `server_error`, with `retryable`.
 * @throws {TimeoutError} when the frame stays silent; its `reason` says why, as far as can be told.
 * @throws {NetworkError} `offline`, `leaving` or `backing_off`; no frame was opened.
 */
export async function authorizeSilently(
  context: ClientContext,
  wanted: Target,
  began: Snapshot,
  limit: Milliseconds = context.settings.frameLimit,
): Promise<Obtained> {
  const { settings, env, disposal } = context;
  refuseToBegin(env.page, disposal.signal);
  return context.frames.run('frame', limit, async () => {
    const patience = Math.min(limit, settings.callerLimit);
    const endpoints = await context.endpoints(patience);
    await context.frameBackOff.turn(patience);
    return context.frameBackOff.follow(() => authorizeInFrame(context, wanted, began, { endpoints, limit }));
  });
}

/** How long a frame that has loaded may stay silent. */
const frameSilence: Milliseconds = 2000;

async function authorizeInFrame(
  context: ClientContext,
  { params, ...wanted }: Target,
  began: Snapshot,
  { endpoints, limit }: { readonly endpoints: Endpoints; readonly limit: Milliseconds },
): Promise<Obtained> {
  const { settings, env, heap, disposal } = context;
  const known = began.session ? began.session.org_id : organizationHint(context);
  const { redirect_uri = env.page.origin(), organization = known } = params;
  const target = { ...wanted, params: { ...params, organization } };
  const { url, transaction } = authorizationRequest(settings, target, await authorizationSecrets(context), {
    authorize: endpoints.authorize,
    response_mode: 'web_message',
    prompt: 'none',
    redirect_uri,
  });
  refuseToBegin(env.page, disposal.signal); // it has waited for its turn
  // `checkSession` tells nobody of a refusal, and the cookie goes with it: whoever asks next is to hear the reason.
  heap.hinted ||= began.session !== undefined || env.cookies.get(hintCookie(context)) !== undefined;
  const response = await env.silentFrame.authorize(url, {
    origin: new URL(endpoints.authorize).origin,
    state: transaction.state,
    limit,
    silence: frameSilence,
    signedIn: heap.hinted,
  });
  const { error = '', error_description = error } = response;
  // That refuses nobody: the server is not up to it for now (RFC 6749 §4.1.2.1).
  if (/^(temporarily_unavailable|server_error)$/.test(error))
    throw new GenericError(error, error_description, { retryable: true });
  return redeemCode(context, response, answeredBy(response, transaction, settings.issuer, endpoints), began);
}
