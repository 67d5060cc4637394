/** Who may call the Management API: bearers of an access token of this tenant for it, with a scope that the route asks for. */
import { decodeProtectedHeader, errors, jwtVerify, type JWTPayload } from 'jose';
import type { Context, MiddlewareHandler } from 'hono';
import { scopeNames } from '../../oauth/scope.ts';
import type { TenantContext } from '../context.ts';
import { keyOfToken } from '../signing-keys.ts';
import { expiredToken, ManagementError } from './management-error.ts';
import { canonicalAudience, managementAudience } from './system-api.ts';

/** What a route knows of its caller. */
export interface Access {
  readonly clientId: string;
  readonly scopes: readonly string[];
}

interface Variables {
  readonly Variables: { access: Access };
}

export type ManagementContext = Context<Variables>;

/** A guard for a route: the token must carry one of these scopes. */
export const allow =
  (context: TenantContext, ...anyOf: readonly string[]): MiddlewareHandler<Variables> =>
  async (c, next) => {
    const { azp, scope } = await verify(context, readBearer(c));
    const scopes = scopeNames(typeof scope === 'string' ? scope : '');
    if (!anyOf.some((name) => scopes.includes(name)))
      throw new ManagementError(
        403,
        `Insufficient scope, expected any of: ${anyOf.join(',')}`,
        'insufficient_scope',
      );
    c.set('access', { clientId: String(azp), scopes });
    return next();
  };

function readBearer(c: Context): string {
  const header = c.req.header('authorization');
  if (header === undefined) throw new ManagementError(401, 'Missing authentication');
  const [, token] = /^Bearer ([^\s]+)$/i.exec(header) ?? [];
  if (token === undefined || !isJwt(token))
    throw new ManagementError(400, 'Bad HTTP authentication header format', 'Bearer');
  return token;
}

function isJwt(token: string): boolean {
  try {
    return token.split('.').length === 3 && decodeProtectedHeader(token) !== undefined;
  } catch {
    return false;
  }
}

async function verify(context: TenantContext, token: string): Promise<JWTPayload> {
  const { configuration, clock } = context;
  const { payload } = await jwtVerify(token, keyOfToken(context), {
    algorithms: ['RS256'],
    issuer: configuration.issuer,
    currentDate: new Date(clock.now()),
  }).catch((error: unknown) => {
    throw new ManagementError(401, error instanceof errors.JWTExpired ? expiredToken : 'Invalid token');
  });
  const { aud } = payload;
  const audiences = typeof aud === 'string' ? [aud] : (aud ?? []);
  const { baseUrl } = configuration;
  if (!audiences.some((each) => canonicalAudience(baseUrl, each) === managementAudience(baseUrl)))
    throw new ManagementError(401, `Bad audience: ${audiences.join(', ')}`);
  return payload;
}
