/** `GET /v2/logout`: ends the browser's session and returns to a registered address. Refresh tokens live on (L7). */
import type { Context } from 'hono';
import type { TenantContext } from '../context.ts';
import { currentSession, endSession } from '../login-session.ts';
import { respondWithPage } from '../pages/layout.ts';
import { messagePage } from '../pages/message-page.ts';
import { isRegistered, withoutQuery } from '../url-matching.ts';

export async function logout(context: TenantContext, c: Context): Promise<Response> {
  const clientId = c.req.query('client_id') || undefined;
  const client = clientId === undefined ? undefined : context.state.clients.get(clientId);
  const returnTo = c.req.query('returnTo') || client?.allowed_logout_urls[0];
  const session = currentSession(context, c);
  endSession(context, c);
  c.header('Cache-Control', 'no-store');

  const allowed = (client?.allowed_logout_urls ?? []).map(withoutQuery);
  const mayReturn =
    returnTo === undefined || (!/\p{Cc}/u.test(returnTo) && isRegistered(allowed, withoutQuery(returnTo)));
  context.journal.write({
    type: mayReturn ? 'slo' : 'flo',
    description: mayReturn ? 'User signed out' : `${returnTo} is not in the list of allowed logout URLs`,
    client_id: clientId,
    user_id: session?.userId,
    details: { returnTo },
    decision: mayReturn ? 'sign out' : 'sign out, and show an error page',
    reason: session ? 'the browser had a session' : 'the browser had no session',
  });
  if (mayReturn && returnTo !== undefined) return c.redirect(returnTo, 302);
  const title = mayReturn ? 'Signed out' : 'This request cannot be answered';
  const message = mayReturn ? 'OK' : `${returnTo} is not in the list of allowed logout URLs`;
  return respondWithPage(c, context.random, {
    title,
    status: mayReturn ? 200 : 400,
    body: messagePage(title, message),
  });
}
