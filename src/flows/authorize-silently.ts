import { authorizationRequest, type Target } from '../core/authorization-request.ts';
import { codeFrom } from '../core/authorization-response.ts';
import type { ClientContext } from './context.ts';
import type { Obtained } from './get-token-silently.ts';
import { redeemCode } from './redeem-code.ts';
import { authorizationSecrets } from './secrets.ts';

/**
 * A token through a hidden iframe, `prompt=none` (OIDC Core §3.1.2.1), answered by `web_message`. Never under a lock: a
 * frame may take a minute. One frame at a time per client, so that no frame can take another's answer.
 * @throws {AuthenticationError} for the server's refusal, such as `login_required`.
 * @throws {TimeoutError} when the frame stays silent.
 */
export function authorizeSilently(context: ClientContext, target: Target): Promise<Obtained> {
  const { settings, env } = context;
  return context.frames.run('frame', settings.frameLimit, async () => {
    const redirect_uri = target.params.redirect_uri ?? env.page.origin();
    const { url, transaction } = authorizationRequest(settings, target, await authorizationSecrets(env), {
      response_mode: 'web_message',
      prompt: 'none',
      redirect_uri,
    });
    const response = await env.silentFrame.authorize(url, {
      origin: settings.domainUrl,
      state: transaction.state,
      limit: settings.frameLimit,
      silence: settings.frameSilence,
    });
    return redeemCode(context, codeFrom(response, transaction, settings.issuer), transaction);
  });
}
