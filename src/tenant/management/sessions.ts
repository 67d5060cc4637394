/** `/api/v2/sessions`: who is signed in at the tenant (Auth0 Management API). */
import type { TenantContext } from '../context.ts';
import { endSessions, liveSessions, sessionEnds, type LoginSession } from '../login-session.ts';
import type { ManagementContext } from './access.ts';
import { endTokensOfSessions } from '../families.ts';
import { notFound } from './management-error.ts';
import { patchMetadata } from './metadata.ts';
import { respondWithList, selectFields } from './paging.ts';

export const showSession = (context: TenantContext, c: ManagementContext): Response =>
  c.json(selectFields(c, view(context)(knownSession(context, c))));

export async function updateSession(context: TenantContext, c: ManagementContext): Promise<Response> {
  const session = knownSession(context, c);
  await patchMetadata(context, c, { name: 'session_metadata', id: session.sid });
  return c.json(view(context)(session));
}

function knownSession(context: TenantContext, c: ManagementContext): LoginSession {
  const session = liveSessions(context).find(({ sid }) => sid === c.req.param('id'));
  if (!session) throw notFound('session', 'inexistent_session');
  return session;
}

export const listSessionsOfUser = (context: TenantContext, c: ManagementContext): Response =>
  respondWithList(c, {
    key: 'sessions',
    items: liveSessions(context).filter(({ userId }) => userId === c.req.param('id')),
    id: ({ sid }) => sid,
    view: view(context),
    checkpointOnly: true,
  });

/** The session only: the refresh tokens that began in it live on, as after a logout (L7). */
export function deleteSession(context: TenantContext, c: ManagementContext): Response {
  endSessions(context, ({ sid }) => sid === c.req.param('id'));
  return c.body(null, 202);
}

export function deleteSessionsOfUser(context: TenantContext, c: ManagementContext): Response {
  endSessions(context, ({ userId }) => userId === c.req.param('id'));
  return c.body(null, 202);
}

/** The session and the refresh tokens that began in it. */
export function revokeSession(context: TenantContext, c: ManagementContext): Response {
  const id = c.req.param('id');
  endSessions(context, ({ sid }) => sid === id);
  endTokensOfSessions(context, ({ sid }) => sid === id);
  return c.body(null, 202);
}

/** Never the cookie. */
const view =
  (context: TenantContext) =>
  (session: LoginSession): object => {
    const { idle, absolute } = sessionEnds(context, session);
    const iso = (instant: number) => new Date(instant).toISOString();
    return {
      id: session.sid,
      user_id: session.userId,
      authenticated_at: iso(session.authTime),
      last_interacted_at: iso(session.lastSeenAt),
      updated_at: iso(session.lastSeenAt),
      idle_expires_at: iso(idle),
      expires_at: iso(absolute),
      clients: session.clients.map((client_id) => ({ client_id })),
      authentication: { methods: [{ name: 'pwd', timestamp: iso(session.authTime) }] },
      cookie: { mode: context.state.settings[0].session_cookie.mode },
      session_metadata: context.state.metadata.get(session.sid) ?? {},
    };
  };
