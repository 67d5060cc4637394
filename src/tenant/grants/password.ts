/** `password` and Auth0's `password-realm`: the password itself, typed in by the user at the client (RFC 6749 §4.3). */
import type { Client } from '../configuration.ts';
import { findConnection, maySignIn } from '../connections.ts';
import { userByEmail, type TenantContext } from '../context.ts';
import { forgetPast } from '../forgetting.ts';
import { missingParameter, refuse, type TokenAnswer } from '../token-answer.ts';
import { mostWrongPasswords, wrongPasswordsOf } from '../wrong-passwords.ts';
import {
  checkSignIn,
  completeSignIn,
  failSignIn,
  wrongPassword,
  type SignInRequest,
} from './sign-in-grant.ts';

export async function exchangePassword(
  context: TenantContext,
  client: Client,
  request: SignInRequest,
): Promise<TokenAnswer> {
  const { grantType, parameters, jkt } = request;
  const needed = ['username', 'password', ...(grantType === 'password' ? [] : ['realm'])];
  const missing = needed.find((name) => parameters.get(name) === undefined);
  if (missing !== undefined) return missingParameter(missing);
  const realm = grantType === 'password' ? undefined : parameters.get('realm');
  if (realm !== undefined && !findConnection(context, realm))
    return failSignIn(context, client, grantType, {
      ...refuse(400, 'invalid_request', `Unknown realm: ${realm}`),
      reason: 'there is no connection of this name that knows passwords',
    });
  const checked = checkSignIn(context, client, request);
  if (checked.kind === 'refused') return checked;

  const login = { clientId: client.client_id, organizationId: null, connection: realm ?? null };
  const user = userByEmail(context, parameters.get('username') ?? '');
  if (!user || !maySignIn(context, login, user))
    return failSignIn(context, client, grantType, {
      ...wrongPassword,
      reason: 'there is no account with this e-mail address in a connection that is enabled for the client',
    });
  const userId = user.user_id;
  const { wrongPasswords } = context.state;
  const now = context.clock.now();
  const times = wrongPasswordsOf(context, userId, now);
  if (times >= mostWrongPasswords)
    return failSignIn(context, client, grantType, {
      ...tooMany,
      type: 'limit_wc',
      reason: `${mostWrongPasswords} passwords in a row were wrong; a new password lets the user in again`,
      userId,
    });
  if (user.password !== parameters.get('password')) {
    forgetPast(context, now);
    wrongPasswords.set(userId, { times: times + 1, latestAt: now });
    return failSignIn(context, client, grantType, {
      ...wrongPassword,
      reason: 'the password is not the one of the account',
      userId,
    });
  }
  wrongPasswords.delete(userId);
  return completeSignIn(context, client, checked.signIn, { userId, jkt, secondFactor: false });
}

const tooMany = refuse(
  429,
  'too_many_attempts',
  'Your account has been blocked after multiple consecutive login attempts.',
);
