/** `/userinfo`: claims about the user whom an access token speaks for (OIDC Core §5.3). */
import { jwtVerify } from 'jose';
import type { Context } from 'hono';
import { scopeNames } from '../../oauth/scope.ts';
import { type TenantContext } from '../context.ts';
import { dpopAlgorithms, judgeDpopProof } from '../dpop.ts';
import { keyOfToken } from '../signing-keys.ts';
import type { AccessGrant } from '../token-issuance.ts';
import { userClaims } from '../user-claims.ts';

export async function userinfo(context: TenantContext, c: Context): Promise<Response> {
  c.header('Cache-Control', 'no-store');
  const presented = await readAccessToken(c);
  if (!presented) return refuse(c, 401, 'Bearer');
  const access = (await readJwt(context, presented.token)) ?? readOpaque(context, presented.token);
  const isBound = access !== undefined && access.jkt !== null;
  const scheme = isBound || presented.scheme === 'dpop' ? 'DPoP' : 'Bearer';
  const user = access && context.state.users.get(access.userId);
  if (!user || isBound !== (presented.scheme === 'dpop'))
    return refuse(c, 401, `${scheme} error="invalid_token"`);
  if (isBound) {
    const client = context.state.clients.get(access.clientId);
    const proof = await judgeDpopProof(context, c, { client, accessToken: presented.token });
    const error =
      proof.kind === 'refused' ? proof.error : proof.jkt === access.jkt ? undefined : 'invalid_dpop_proof';
    if (error !== undefined)
      return refuse(c, 401, `DPoP error="${error}", algs="${dpopAlgorithms.join(' ')}"`);
  }
  if (!scopeNames(access.scope).includes('openid'))
    return refuse(c, 403, `${scheme} error="insufficient_scope", scope="openid"`);
  return c.json(userClaims(context, user, access.scope));
}

/** From the header (RFC 6750 §2.1, RFC 9449 §7.1), or from the form of a POST (RFC 6750 §2.2). */
async function readAccessToken(
  c: Context,
): Promise<{ scheme: 'bearer' | 'dpop'; token: string } | undefined> {
  const [, scheme, token] = /^(Bearer|DPoP) ([^\s]+)$/i.exec(c.req.header('authorization') ?? '') ?? [];
  if (token !== undefined) return { scheme: scheme?.toLowerCase() === 'dpop' ? 'dpop' : 'bearer', token };
  if (c.req.method !== 'POST') return undefined;
  const sent = new URLSearchParams(await c.req.text()).get('access_token');
  return sent === null ? undefined : { scheme: 'bearer', token: sent };
}

type Access = Pick<AccessGrant, 'userId' | 'clientId' | 'scope' | 'jkt'>;

/** Every access token of ours says its scope, and `openid` in it stands for the audience of this endpoint. */
async function readJwt(context: TenantContext, token: string): Promise<Access | undefined> {
  try {
    const { payload } = await jwtVerify(token, keyOfToken(context), {
      algorithms: ['RS256'],
      issuer: context.configuration.issuer,
      currentDate: new Date(context.clock.now()),
    });
    const { sub, scope, azp, cnf } = payload as Record<string, unknown>;
    if (typeof sub !== 'string' || typeof scope !== 'string' || typeof azp !== 'string') return undefined;
    const { jkt = null } = (cnf ?? {}) as { readonly jkt?: string }; // our own signature is under it
    return { userId: sub, clientId: azp, scope, jkt };
  } catch {
    return undefined;
  }
}

function readOpaque({ state, clock }: TenantContext, token: string): Access | undefined {
  const access = state.opaqueAccessTokens.get(token);
  return access && clock.now() < access.expiresAt ? access : undefined;
}

function refuse(c: Context, status: 401 | 403, challenge: string): Response {
  c.header('WWW-Authenticate', challenge);
  return c.text(status === 401 ? 'Unauthorized' : 'Forbidden', status);
}
