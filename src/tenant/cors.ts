/**
 * Who may call from which origin. A preflight does not say which client is calling, so it passes when any client lists
 * the origin; the request itself is held against its own client. A request without `Origin` comes from no web page.
 */
import type { Context, MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import type { Client } from './configuration.ts';
import type { TenantContext } from './context.ts';
import { isRegistered, originOf } from './url-matching.ts';

/** What pages may read beside what they always may. */
export const exposeHeaders = [
  'DPoP-Nonce',
  'X-RateLimit-Limit',
  'X-RateLimit-Remaining',
  'X-RateLimit-Reset',
  'Retry-After',
  'WWW-Authenticate',
];

/** Puts CORS headers on every answer, errors included: without them a page sees a network failure and tries again. */
export function corsForClients(context: TenantContext): MiddlewareHandler {
  const writeHeaders = cors({
    origin: (origin) => (anyClientAllows(context, origin) ? origin : null),
    allowMethods: ['GET', 'POST', 'PATCH', 'PUT', 'DELETE', 'OPTIONS'],
    exposeHeaders,
    maxAge: 600,
  });
  return async (c, next) => {
    const origin = c.req.header('origin');
    if (origin === undefined) return next();
    if (!anyClientAllows(context, origin) && !isOwnOrigin(context, origin))
      return refuseOrigin(context, c, origin);
    return writeHeaders(c, next);
  };
}

/** An answer for a page whose origin this client does not list, or nothing. Comes before anything is consumed. */
export function refuseForeignOrigin(
  context: TenantContext,
  c: Context,
  client: Client,
): Response | undefined {
  const origin = c.req.header('origin');
  if (origin === undefined || isOwnOrigin(context, origin) || clientAllows(client, origin)) return undefined;
  return refuseOrigin(context, c, origin, client);
}

/** True when some client lists the origin among its callbacks, its web origins or its allowed origins. */
export const anyClientAllows = ({ state }: TenantContext, origin: string): boolean =>
  [...state.clients.values()].some((client) => clientAllows(client, origin));

export const isOwnOrigin = ({ configuration }: TenantContext, origin: string): boolean =>
  origin === configuration.baseUrl;

function clientAllows(client: Client, origin: string): boolean {
  const callbackOrigins = client.callbacks.map(originOf).filter((found) => found !== undefined);
  return isRegistered([...client.web_origins, ...client.allowed_origins, ...callbackOrigins], origin);
}

function refuseOrigin(context: TenantContext, c: Context, origin: string, client?: Client): Response {
  context.journal.write({
    type: 'fco',
    description: `Origin ${origin} is not allowed.`,
    client_id: client?.client_id,
    details: { origin, path: c.req.path },
    decision: 'refuse',
    reason: client
      ? `${origin} is none of the origins of client ${client.client_id}: callbacks, web_origins, allowed_origins`
      : `no client lists ${origin} in callbacks, web_origins or allowed_origins`,
  });
  c.header('Access-Control-Allow-Origin', undefined);
  c.header('Cache-Control', 'no-store');
  return c.json({ error: 'access_denied', error_description: `Origin ${origin} is not allowed.` }, 403);
}
