/** `urn:ietf:params:oauth:grant-type:token-exchange`: a token of somebody else's, whose user the hook names (RFC 8693). */
import { scopeNames } from '../../oauth/scope.ts';
import type { Client } from '../configuration.ts';
import type { TenantContext } from '../context.ts';
import type { TokenExchangeResult } from '../post-login.ts';
import { missingParameter, refuse, type Refusal, type TokenAnswer } from '../token-answer.ts';
import { checkSignIn, completeSignIn, failSignIn, type SignInRequest } from './sign-in-grant.ts';

export async function exchangeToken(
  context: TenantContext,
  client: Client,
  request: SignInRequest,
): Promise<TokenAnswer> {
  const { grantType, parameters, jkt } = request;
  const refused = (refusal: Refusal, reason: string) =>
    failSignIn(context, client, grantType, { ...refusal, reason });
  const subject_token = parameters.get('subject_token');
  const subject_token_type = parameters.get('subject_token_type');
  if (subject_token === undefined) return missingParameter('subject_token');
  if (subject_token_type === undefined) return missingParameter('subject_token_type');
  if (!URL.canParse(subject_token_type) || /^urn:ietf:/i.test(subject_token_type))
    return refused(
      refuse(400, 'invalid_request', 'subject_token_type must be a URI of your own'),
      'only types that the hook knows are exchanged, and those of the IETF (RFC 8693 §3) are not its to define',
    );
  if (parameters.get('actor_token') !== undefined)
    return refused(
      refuse(400, 'invalid_request', 'actor_token is not supported'),
      'nobody acts for somebody else here',
    );
  const { onTokenExchange } = context;
  if (!onTokenExchange)
    return refused(
      refuse(403, 'access_denied', 'Token exchange is not configured for this tenant'),
      'the tenant has no hooks.onTokenExchange',
    );
  const checked = checkSignIn(context, client, request);
  if (checked.kind === 'refused') return checked;
  const { scope, audience } = checked.signIn;
  const result = judgeAnswer(
    await onTokenExchange({
      client_id: client.client_id,
      subject_token,
      subject_token_type,
      scope: scopeNames(scope),
      audience,
    }),
  );
  if ('deny' in result)
    return refused(refuse(403, 'access_denied', result.deny), 'the token exchange hook denied it');
  return completeSignIn(context, client, checked.signIn, {
    userId: result.user_id,
    jkt,
    secondFactor: false,
  });
}

/** A hook in JavaScript may give anything. @throws {TypeError} */
function judgeAnswer(answer: unknown): TokenExchangeResult {
  const { user_id, deny } = Object(answer) as { readonly user_id?: unknown; readonly deny?: unknown };
  if (typeof deny === 'string') return { deny };
  if (deny === undefined && typeof user_id === 'string') return { user_id };
  throw new TypeError('onTokenExchange: expected a "user_id", or a text that says why for "deny"');
}
