/**
 * `/__tenant/*`: the tenant's own controls, which Auth0 does not have. They run on a developer's machine, where any
 * web page can reach them; so the Host must be ours (a rebound name is refused), the page must be the tenant's or a
 * client's, and every write wants the token of this start.
 */
import { Hono, type Context, type MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import { streamSSE } from 'hono/streaming';
import { parseJsonObject } from '../../oauth/json.ts';
import { BrokenConnectionError } from '../broken-connection-error.ts';
import { TenantConfigurationError } from '../configuration-error.ts';
import type { TenantContext } from '../context.ts';
import { anyClientAllows, isOwnOrigin } from '../cors.ts';
import type { Tenant } from '../create-tenant.ts';
import { asJson, type Fault } from '../faults.ts';
import { readJsonObject } from '../parameters.ts';
import { TenantSnapshotError } from '../snapshot.ts';

export function developmentRoutes(context: TenantContext, tenant: Tenant): Hono {
  const app = new Hono();
  const mayCall = (origin: string) => isOwnOrigin(context, origin) || anyClientAllows(context, origin);
  app.use(guard(context, mayCall));
  app.use(cors({ origin: (origin) => (mayCall(origin) ? origin : null), maxAge: 600 }));
  app.use(requireToken(tenant));

  app.get('/journal', (c) => c.json(tenant.journal));
  app.get('/events', (c) => streamEvents(tenant, c));
  app.get('/families', (c) => c.json(tenant.families()));
  app.post('/families/:id/replay', (c) => replay(tenant, c));
  app.post('/explain', (c) => explain(tenant, c));
  app.patch('/clients/:id', (c) => patchClient(tenant, c));
  app.get('/faults', (c) => c.json(tenant.faults.list().map(asJson)));
  app.post('/faults', (c) => addFault(tenant, c));
  app.delete('/faults', (c) => {
    tenant.faults.clear();
    return c.json(tenant.faults.list().map(asJson));
  });
  app.delete('/faults/:id', (c) =>
    tenant.faults.remove(c.req.param('id'))
      ? c.json(tenant.faults.list().map(asJson))
      : refuse(c, 404, 'there is no such fault'),
  );
  app.post('/snapshot', (c) => c.json(tenant.snapshot())); // it holds secrets, so that not every reader gets one
  app.post('/outbox', (c) => c.json(tenant.outbox)); // for the same reason
  app.post('/restore', (c) => restore(tenant, c));
  app.post('/reset', (c) => {
    tenant.reset();
    return c.json({});
  });
  app.get('/clock', (c) => showClock(tenant, c));
  app.post('/clock', (c) => moveClock(tenant, c));
  return app;
}

function guard({ configuration }: TenantContext, mayCall: (origin: string) => boolean): MiddlewareHandler {
  const ownHost = new URL(configuration.baseUrl).hostname;
  return async (c, next) => {
    c.header('Cache-Control', 'no-store');
    const host = hostnameOf(c);
    if (host === undefined || !(isLoopback(host) || host === ownHost))
      return refuse(c, 403, `the host "${host ?? ''}" is neither a loopback name nor ${ownHost}`);
    if (c.req.header('sec-fetch-site') === 'cross-site')
      return refuse(c, 403, 'a page of another site called');
    const origin = c.req.header('origin');
    if (origin !== undefined && !mayCall(origin))
      return refuse(c, 403, `the origin ${origin} is neither the tenant's nor a client's`);
    return next();
  };
}

function requireToken(tenant: Tenant): MiddlewareHandler {
  return async (c, next) => {
    const reads = c.req.method === 'GET' || c.req.method === 'HEAD';
    if (reads || c.req.header('x-tenant-token') === tenant.developmentToken) return next();
    return refuse(c, 403, 'a write needs the header x-tenant-token with the token of this start');
  };
}

/** The journal, live, as server-sent events (HTML §9.2); the id of each is its `log_id`. */
function streamEvents(tenant: Tenant, c: Context): Response {
  const events = tenant.events(c.req.header('last-event-id'));
  return streamSSE(c, async (stream) => {
    stream.onAbort(() => void events.return?.());
    await stream.write(': live\n\n'); // or a server would keep the headers back until the first entry
    for await (const entry of events)
      await stream.writeSSE({ id: entry.log_id, data: JSON.stringify(entry) });
  });
}

async function replay(tenant: Tenant, c: Context): Promise<Response> {
  const body = await readBody(c, ['counter']);
  const counter = body?.get('counter');
  if (!body || (counter !== undefined && typeof counter !== 'number'))
    return refuse(c, 400, 'expected {"counter"?: number}');
  try {
    const response = await tenant.replay(c.req.param('id') ?? '', counter);
    const answer = parseJsonObject(await response.text()); // a fault may have made anything of it
    // Tokens that a replay inside the leeway yields are of no use to whoever looks on.
    return c.json({ status: response.status, ...errorMembers(answer) });
  } catch (error) {
    if (error instanceof BrokenConnectionError) return c.json({ status: null }); // a fault's doing: no answer came
    if (error instanceof RangeError) return refuse(c, 404, error.message);
    throw error;
  }
}

/** A write only in its method: the token must not be in an address, which logs and histories keep. */
async function explain(tenant: Tenant, c: Context): Promise<Response> {
  const token = (await readBody(c, ['token']))?.get('token');
  if (typeof token !== 'string' || token === '')
    return refuse(c, 400, 'expected {"token": "a refresh token"}');
  return c.json(tenant.explain(token));
}

async function patchClient(tenant: Tenant, c: Context): Promise<Response> {
  const body = await readBody(c, ['refresh_token']);
  if (!body?.has('refresh_token')) return refuse(c, 400, 'expected {"refresh_token": {...}}');
  const client_id = c.req.param('id') ?? '';
  try {
    // `updateClient` checks every member of what it is given.
    const refresh_token = body.get('refresh_token') as Parameters<Tenant['updateClient']>[1]['refresh_token'];
    return c.json({ client_id, refresh_token: tenant.updateClient(client_id, { refresh_token }) });
  } catch (error) {
    if (error instanceof TenantConfigurationError)
      return refuse(c, error.field === 'client_id' ? 404 : 400, error.message);
    throw error;
  }
}

async function addFault(tenant: Tenant, c: Context): Promise<Response> {
  const { times, ...members } = Object.fromEntries((await readBody(c)) ?? []);
  try {
    // `add` checks every member of what it is given. JSON has no infinity.
    const fault = {
      ...members,
      ...(times !== undefined && { times: times === 'always' ? Infinity : times }),
    } as Fault;
    return c.json({ id: tenant.faults.add(fault) });
  } catch (error) {
    if (error instanceof TenantConfigurationError) return refuse(c, 400, error.message);
    throw error;
  }
}

async function restore(tenant: Tenant, c: Context): Promise<Response> {
  try {
    tenant.restore(parseJsonObject(await c.req.text())); // its people's metadata may be of any depth
    return c.json({});
  } catch (error) {
    if (error instanceof TenantSnapshotError) return refuse(c, 400, error.message);
    throw error;
  }
}

async function moveClock(tenant: Tenant, c: Context): Promise<Response> {
  const body = await readBody(c, ['advance', 'set']);
  const advance = body?.get('advance');
  const set = body?.get('set');
  try {
    if (body && body.size > 1) return refuse(c, 400, 'expected either "advance" or "set"');
    if (typeof advance === 'string' || typeof advance === 'number') tenant.clock.advance(advance);
    else if (typeof set === 'string' || typeof set === 'number') tenant.clock.set(set);
    else return refuse(c, 400, 'expected {"advance": "5m"} or {"set": "2026-01-31T00:00:00Z"}');
    return showClock(tenant, c);
  } catch (error) {
    if (error instanceof RangeError) return refuse(c, 400, error.message);
    throw error;
  }
}

function showClock({ clock }: Tenant, c: Context): Response {
  const now = clock.now();
  return c.json({ now, date: new Date(now).toISOString(), frozen: clock.frozen });
}

/** A server finds the name in `Host`; a request made by hand in the same process has only its URL. */
function hostnameOf(c: Context): string | undefined {
  const host = c.req.header('host') ?? new URL(c.req.url).host;
  return URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : undefined;
}

const isLoopback = (hostname: string): boolean =>
  hostname === 'localhost' ||
  hostname.endsWith('.localhost') ||
  hostname === '127.0.0.1' ||
  hostname === '[::1]';

/**
 * The members of a JSON object; none when there is no body, nothing when it is something else.
 * @param known the members that there may be; whoever misspells one must not get what its absence means
 */
async function readBody(
  c: Context,
  known?: readonly string[],
): Promise<ReadonlyMap<string, unknown> | undefined> {
  const text = await c.req.text();
  if (text === '') return new Map();
  const value = readJsonObject(text);
  if (!value || Object.keys(value).some((name) => known?.includes(name) === false)) return undefined;
  return new Map(Object.entries(value));
}

function errorMembers(answer: unknown): { error?: unknown; error_description?: unknown } {
  if (typeof answer !== 'object' || answer === null || !('error' in answer)) return {};
  return {
    error: answer.error,
    error_description: 'error_description' in answer ? answer.error_description : undefined,
  };
}

const refuse = (c: Context, status: 400 | 403 | 404, message: string): Response =>
  c.json({ statusCode: status, message }, status);
