/** `GET /v2/logout`: ends the browser's session and returns to a registered address. Refresh tokens live on (L7), but for a quirk. */
import type { Context } from 'hono';
import type { TenantContext } from '../context.ts';
import { currentSession, endSession } from '../login-session.ts';
import { endTokensOfSessions } from '../families.ts';
import { respondWithPage } from '../pages/layout.ts';
import { messagePage } from '../pages/message-page.ts';
import { readFormParameters } from '../parameters.ts';
import { isRegistered, withoutQuery } from '../url-matching.ts';

export async function logout(context: TenantContext, c: Context): Promise<Response> {
  const parameters = readFormParameters(new URL(c.req.url).searchParams);
  const clientId = parameters.get('client_id');
  const client = clientId === undefined ? undefined : context.state.clients.get(clientId);
  const returnTo = parameters.get('returnTo') ?? client?.allowed_logout_urls[0];
  const session = currentSession(context, c);
  endSession(context, c);
  if (session && context.configuration.quirks.logoutRevokesRefreshTokens)
    endTokensOfSessions(context, ({ sid }) => sid === session.sid);
  c.header('Cache-Control', 'no-store');

  const wrong = whatIsWrong(parameters.repeated, returnTo, client?.allowed_logout_urls ?? []);
  context.journal.write({
    type: wrong === undefined ? 'slo' : 'flo',
    description: wrong ?? 'User signed out',
    client_id: clientId,
    user_id: session?.userId,
    details: { returnTo },
    decision: wrong === undefined ? 'sign out' : 'sign out, and show an error page',
    reason: session ? 'the browser had a session' : 'the browser had no session',
  });
  if (wrong === undefined && returnTo !== undefined) return c.redirect(returnTo, 302);
  const title = wrong === undefined ? 'Signed out' : 'This request cannot be answered';
  return respondWithPage(c, context.random, {
    title,
    status: wrong === undefined ? 200 : 400,
    body: messagePage(title, wrong ?? 'OK'),
  });
}

function whatIsWrong(
  repeated: string | undefined,
  returnTo: string | undefined,
  allowed: readonly string[],
): string | undefined {
  if (repeated !== undefined) return `Parameter sent more than once: ${repeated}`;
  if (returnTo === undefined) return undefined;
  const registered = isRegistered(allowed.map(withoutQuery), withoutQuery(returnTo));
  return registered && !/\p{Cc}/u.test(returnTo)
    ? undefined
    : `${returnTo} is not in the list of allowed logout URLs`;
}
