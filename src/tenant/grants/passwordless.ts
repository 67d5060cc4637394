/** Auth0's `passwordless/otp`: the code that `/passwordless/start` sent to the user. */
import type { Client } from '../configuration.ts';
import type { TenantContext } from '../context.ts';
import { readAddress, takePasswordlessCode } from '../passwordless.ts';
import { missingParameter, refuse, type TokenAnswer } from '../token-answer.ts';
import { checkSignIn, completeSignIn, failSignIn, type SignInRequest } from './sign-in-grant.ts';

export async function exchangePasswordlessCode(
  context: TenantContext,
  client: Client,
  request: SignInRequest,
): Promise<TokenAnswer> {
  const { grantType, parameters, jkt } = request;
  const missing = ['username', 'otp', 'realm'].find((name) => parameters.get(name) === undefined);
  if (missing !== undefined) return missingParameter(missing);
  const realm = parameters.get('realm');
  if (realm !== 'email' && realm !== 'sms')
    return failSignIn(context, client, grantType, {
      ...refuse(400, 'invalid_request', `Unknown realm: ${realm}`),
      reason: 'codes are sent by email and by sms',
    });
  const checked = checkSignIn(context, client, request);
  if (checked.kind === 'refused') return checked;

  const address = readAddress(realm, parameters.get('username') ?? '');
  const judgement = address
    ? takePasswordlessCode(context, client.client_id, address, parameters.get('otp') ?? '')
    : ({ kind: 'wrong', reason: 'the username is no such address' } as const);
  if (judgement.kind === 'wrong') {
    const what = realm === 'email' ? 'email' : 'phone number';
    return failSignIn(context, client, grantType, {
      ...refuse(403, 'invalid_grant', `Wrong ${what} or verification code.`),
      reason: judgement.reason,
    });
  }
  const userId = judgement.user.user_id;
  return completeSignIn(context, client, checked.signIn, { userId, jkt, secondFactor: false });
}
