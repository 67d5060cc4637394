/** `/userinfo`: claims about the user whom an access token speaks for (OIDC Core §5.3). */
import { jwtVerify } from 'jose';
import type { Context } from 'hono';
import { scopeNames } from '../../oauth/scope.ts';
import { type TenantContext } from '../context.ts';
import { keyOfToken } from '../signing-keys.ts';
import { userClaims } from '../user-claims.ts';

export async function userinfo(context: TenantContext, c: Context): Promise<Response> {
  c.header('Cache-Control', 'no-store');
  const token = await readBearerToken(c);
  if (token === undefined) return refuse(c, 401, 'Bearer');
  const access = (await readJwt(context, token)) ?? readOpaque(context, token);
  const user = access && context.state.users.get(access.userId);
  if (!user) return refuse(c, 401, 'Bearer error="invalid_token"');
  if (!scopeNames(access.scope).includes('openid'))
    return refuse(c, 403, 'Bearer error="insufficient_scope", scope="openid"');
  return c.json(userClaims(user, access.scope));
}

/** From the header, or from the form of a POST (RFC 6750 §2.1, §2.2). */
async function readBearerToken(c: Context): Promise<string | undefined> {
  const [, token] = /^Bearer ([^\s]+)$/i.exec(c.req.header('authorization') ?? '') ?? [];
  if (token !== undefined || c.req.method !== 'POST') return token;
  return new URLSearchParams(await c.req.text()).get('access_token') ?? undefined;
}

/** Every access token of ours says its scope, and `openid` in it stands for the audience of this endpoint. */
async function readJwt(
  context: TenantContext,
  token: string,
): Promise<{ userId: string; scope: string } | undefined> {
  try {
    const { payload } = await jwtVerify(token, keyOfToken(context), {
      algorithms: ['RS256'],
      issuer: context.configuration.issuer,
      currentDate: new Date(context.clock.now()),
    });
    const { sub, scope } = payload;
    return typeof sub === 'string' && typeof scope === 'string' ? { userId: sub, scope } : undefined;
  } catch {
    return undefined;
  }
}

function readOpaque(
  { state, clock }: TenantContext,
  token: string,
): { userId: string; scope: string } | undefined {
  const access = state.opaqueAccessTokens.get(token);
  return access && clock.now() < access.expiresAt ? access : undefined;
}

function refuse(c: Context, status: 401 | 403, challenge: string): Response {
  c.header('WWW-Authenticate', challenge);
  return c.text(status === 401 ? 'Unauthorized' : 'Forbidden', status);
}
