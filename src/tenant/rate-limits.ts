/**
 * How often the tenant may be called, by its own clock: a bucket of tokens for each family of endpoints, one of which every
 * request takes. It comes before anything is looked at, so that what is refused has consumed nothing.
 */
import type { Context, MiddlewareHandler } from 'hono';
import type { Milliseconds } from '../clock.ts';
import type { TenantContext } from './context.ts';
import { forgetPast } from './forgetting.ts';
import { readFormParameters } from './parameters.ts';
import { userOfRequest } from './request-user.ts';

/** Which of Auth0's figures; `none`: no limit. */
export type RateLimits = 'none' | 'free' | 'prod';

interface Limit {
  /** How many requests may come at once. */
  readonly burst: number;
  /** How long it takes until there may be one more. */
  readonly interval: Milliseconds;
}

const free = {
  token: { burst: 30, interval: 1000 / 30 },
  /** For each user. */
  userinfo: { burst: 10, interval: 60_000 / 5 },
  jwks: { burst: 20, interval: 1000 / 20 },
  management: { burst: 10, interval: 1000 / 2 },
  authentication: { burst: 300, interval: 60_000 / 300 },
} as const satisfies Record<string, Limit>;

type EndpointFamily = keyof typeof free;

const tenfold = ({ burst, interval }: Limit): Limit => ({ burst: burst * 10, interval: interval / 10 });

const presets = {
  free,
  prod: {
    token: tenfold(free.token),
    userinfo: free.userinfo,
    jwks: tenfold(free.jwks),
    management: tenfold(free.management),
    authentication: tenfold(free.authentication),
  },
} as const satisfies Record<Exclude<RateLimits, 'none'>, Record<EndpointFamily, Limit>>;

export const rateLimitPresets = ['none', 'free', 'prod'] as const satisfies readonly RateLimits[];

/** Where it has to stand: after CORS, or a page could not read the refusal. */
export function limitRates(context: TenantContext, preset: keyof typeof presets): MiddlewareHandler {
  return async (c, next) => {
    const family = familyOf(c.req.path);
    if (family === undefined) return next();
    const limit = presets[preset][family];
    const key = family === 'userinfo' ? `userinfo ${userOf(context, c)}` : family;
    const { isAllowed, remaining, reset } = take(context, key, limit);
    if (isAllowed) await next();
    else c.res = refuse(context, c, family);
    c.header('X-RateLimit-Limit', String(limit.burst));
    c.header('X-RateLimit-Remaining', String(remaining));
    c.header('X-RateLimit-Reset', String(reset));
  };
}

/** Nobody limits the tenant's own controls. */
function familyOf(path: string): EndpointFamily | undefined {
  if (path === '/' || path.startsWith('/__tenant')) return undefined;
  if (path.startsWith('/api/v2/')) return 'management';
  const families: Readonly<Record<string, EndpointFamily>> = {
    '/oauth/token': 'token',
    '/userinfo': 'userinfo',
    '/.well-known/jwks.json': 'jwks',
  };
  return families[path] ?? 'authentication';
}

const userOf = (context: TenantContext, c: Context): string =>
  userOfRequest(context, c.req.raw, readFormParameters(new URLSearchParams())) ?? '';

/** A bucket is known by when it will be full; one that is need not be known at all. */
function take(
  context: TenantContext,
  key: string,
  { burst, interval }: Limit,
): { isAllowed: boolean; remaining: number; reset: number } {
  const { rateLimits } = context.state;
  const now = context.clock.now();
  if (!rateLimits.has(key)) forgetPast(context, now);
  // A clock that was turned back finds it empty, and no worse.
  const taken = Math.min(burst, Math.max(0, ((rateLimits.get(key) ?? now) - now) / interval));
  const isAllowed = taken <= burst - 1 + rounding;
  const used = isAllowed ? taken + 1 : taken;
  rateLimits.set(key, now + used * interval);
  const untilNext = (used - Math.ceil(used - 1 - rounding)) * interval;
  return {
    isAllowed,
    remaining: Math.max(0, Math.floor(burst - used + rounding)),
    reset: Math.ceil((now + untilNext - rounding) / 1000),
  };
}

/** A third of a second is no number that a computer knows. */
const rounding = 1e-6;

function refuse({ journal }: TenantContext, c: Context, family: EndpointFamily): Response {
  journal.write({
    type: 'api_limit',
    description: 'Too many requests',
    details: { endpoints: family },
    decision: 'refuse',
    reason: 'rate_limits allow no more of these requests for now; nothing was consumed',
  });
  c.header('Cache-Control', 'no-store');
  if (family === 'management')
    return c.json(
      {
        statusCode: 429,
        error: 'Too Many Requests',
        message: 'Global limit has been reached',
        errorCode: 'too_many_requests',
      },
      429,
    );
  return c.json(
    {
      error: 'too_many_requests',
      error_description:
        'Too many requests. Check the X-RateLimit-Limit, X-RateLimit-Remaining and X-RateLimit-Reset headers.',
    },
    429,
  );
}
