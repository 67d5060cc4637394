/**
 * Whose request it is, by what the request carries. A mere look, for faults that strike one user: nothing is judged, nothing
 * changes, nothing is drawn; so that a spent refresh token and an expired access token have an owner, too.
 */
import { decodeJwt } from '../oauth/jwt.ts';
import { findRefreshToken, userByEmail, type TenantContext } from './context.ts';
import { userOfSession } from './login-session.ts';
import type { Parameters } from './parameters.ts';
import { userByAddress } from './passwordless.ts';

/** The `user_id`, where one can be told. */
export function userOfRequest(
  context: TenantContext,
  request: Request,
  parameters: Parameters,
): string | undefined {
  const ownerOf = (name: string) => findRefreshToken(context, parameters.get(name) ?? '')?.family.userId;
  switch (new URL(request.url).pathname) {
    case '/oauth/token':
      return parameters.get('grant_type') === 'authorization_code'
        ? context.state.codes.get(parameters.get('code') ?? '')?.userId
        : (context.state.mfaTokens.get(parameters.get('mfa_token') ?? '')?.userId ??
            ownerOf('refresh_token') ??
            userOfDevice(context, parameters.get('device_code') ?? '') ??
            userOfName(context, parameters.get('username') ?? ''));
    case '/oauth/revoke':
      return ownerOf('token');
    default: {
      const [, bearer] = /^(?:Bearer|DPoP) ([^\s]+)$/i.exec(request.headers.get('authorization') ?? '') ?? [];
      const token = bearer ?? parameters.get('access_token');
      return token === undefined ? userOfSession(context, request) : userOfAccessToken(context, token);
    }
  }
}

function userOfDevice({ state }: TenantContext, deviceCode: string): string | undefined {
  const outcome = state.devices.get(deviceCode)?.outcome;
  return outcome?.kind === 'approved' ? outcome.authorization.userId : undefined;
}

function userOfName(context: TenantContext, username: string): string | undefined {
  const user =
    userByEmail(context, username) ?? userByAddress(context, { connection: 'sms', address: username });
  return user?.user_id;
}

function userOfAccessToken({ state }: TenantContext, token: string): string | undefined {
  const access = state.opaqueAccessTokens.get(token);
  if (access) return access.userId;
  try {
    const { sub } = decodeJwt(token).claims;
    return typeof sub === 'string' ? sub : undefined;
  } catch {
    return undefined;
  }
}
