/**
 * `GET /v2/logout` and `/oidc/logout` (OpenID Connect RP-Initiated Logout 1.0): end the browser's session and return to a
 * registered address. Refresh tokens live on (L7), but for a quirk.
 */
import type { Context } from 'hono';
import type { TenantContext } from '../context.ts';
import { endTokensOfSessions } from '../families.ts';
import { forgetPast } from '../forgetting.ts';
import { readIdTokenHint } from '../id-token-hint.ts';
import { currentSession, endSession, type LoginSession } from '../login-session.ts';
import { transactionLifetime } from '../login-transaction.ts';
import { logoutPage } from '../pages/logout-page.ts';
import { respondWithPage } from '../pages/layout.ts';
import { messagePage } from '../pages/message-page.ts';
import { readFormParameters, readPageForm, type Parameters } from '../parameters.ts';
import { isRegistered, withoutQuery } from '../url-matching.ts';

export async function logout(context: TenantContext, c: Context): Promise<Response> {
  const parameters = readFormParameters(new URL(c.req.url).searchParams);
  const clientId = parameters.get('client_id');
  const client = clientId === undefined ? undefined : context.state.clients.get(clientId);
  const returnTo = parameters.get('returnTo') ?? client?.allowed_logout_urls[0];
  const session = currentSession(context, c);
  signOut(context, c, session);
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

/** `GET|POST /oidc/logout`. Who cannot show that it is about this browser's session has the person asked first. */
export async function endSessionByOpenId(context: TenantContext, c: Context): Promise<Response> {
  const source = c.req.method === 'POST' ? await c.req.text() : new URL(c.req.url).search;
  const parameters = readFormParameters(new URLSearchParams(source));
  c.header('Cache-Control', 'no-store');
  const asked = await readLogoutRequest(context, parameters);
  if ('wrong' in asked) return refuseLogout(context, c, asked.wrong, asked.clientId);
  const { clientId, location, sid } = asked;
  const session = currentSession(context, c);
  if (!session || sid === session.sid) return completeLogout(context, c, { session, clientId, location });
  const now = context.clock.now();
  forgetPast(context, now);
  const csrf = context.random.text();
  context.state.logouts.set(csrf, { sid: session.sid, clientId, location, begunAt: now });
  return respondWithPage(c, context.random, {
    title: 'Sign out',
    status: 200,
    body: logoutPage({
      userName: context.state.users.get(session.userId)?.name ?? session.userId,
      clientName: context.state.clients.get(clientId ?? '')?.name ?? null,
      csrf,
    }),
  });
}

/** `POST /u/logout`: takes the person's answer. The hidden token is of one session; in another's browser it is worth nothing. */
export async function submitLogout(context: TenantContext, c: Context): Promise<Response> {
  const form = await readPageForm(c.req.raw);
  c.header('Cache-Control', 'no-store');
  const { logouts } = context.state;
  const csrf = form?.get('csrf') ?? '';
  const asked = logouts.get(csrf);
  const session = currentSession(context, c);
  if (
    !form ||
    !asked ||
    asked.sid !== session?.sid ||
    context.clock.now() >= asked.begunAt + transactionLifetime
  )
    return refuseLogout(
      context,
      c,
      'This sign-out is finished, too old, or was begun in another browser',
      null,
    );
  logouts.delete(csrf);
  if (form.get('decision') === 'accept') return completeLogout(context, c, { ...asked, session });
  return respondWithPage(c, context.random, {
    title: 'Still signed in',
    status: 200,
    body: messagePage('Still signed in', 'Nothing has changed.'),
  });
}

/** What the client wants, and which session it knows to be its own; or what is wrong with it. */
async function readLogoutRequest(
  context: TenantContext,
  parameters: Parameters,
): Promise<
  | { readonly clientId: string | null; readonly location: string | null; readonly sid: string | null }
  | { readonly clientId: string | null; readonly wrong: string }
> {
  const hint = await readIdTokenHint(context, parameters);
  const hinted = hint?.kind === 'good' ? hint : undefined;
  const clientId = parameters.get('client_id') ?? hinted?.clientId ?? null;
  const client = context.state.clients.get(clientId ?? '');
  const wrong = (why: string) => ({ clientId, wrong: why });
  if (parameters.repeated !== undefined)
    return wrong(`Parameter sent more than once: ${parameters.repeated}`);
  if (clientId !== null && !client) return wrong(`Unknown client: ${clientId}`);
  if (hinted && hinted.clientId !== clientId)
    return wrong('client_id is not whom id_token_hint was issued to');
  const sid = hinted?.sid ?? (client ? (parameters.get('logout_hint') ?? null) : null);
  const target = parameters.get('post_logout_redirect_uri');
  if (target === undefined) return { clientId, location: null, sid };
  if (!client) return wrong('post_logout_redirect_uri needs a client_id or an id_token_hint');
  if (!isRegistered(client.allowed_logout_urls, target) || /\p{Cc}/u.test(target))
    return wrong(`${target} is not in the list of allowed logout URLs`);
  const state = parameters.get('state');
  const separator = target.includes('?') ? '&' : '?';
  const query = state === undefined ? '' : separator + new URLSearchParams({ state }).toString();
  return { clientId, location: target + query, sid };
}

function completeLogout(
  context: TenantContext,
  c: Context,
  {
    session,
    clientId,
    location,
  }: { session: LoginSession | undefined; clientId: string | null; location: string | null },
): Response | Promise<Response> {
  signOut(context, c, session);
  context.journal.write({
    type: 'slo',
    description: 'User signed out',
    client_id: clientId ?? undefined,
    user_id: session?.userId,
    details: { post_logout_redirect_uri: location },
    decision: 'sign out',
    reason: session ? 'the browser had a session' : 'the browser had no session',
  });
  if (location !== null) return c.redirect(location, c.req.method === 'POST' ? 303 : 302);
  return respondWithPage(c, context.random, {
    title: 'Signed out',
    status: 200,
    body: messagePage('Signed out', 'OK'),
  });
}

/** A page, and no redirect: nobody vouches for the address. The session stays. */
function refuseLogout(
  context: TenantContext,
  c: Context,
  message: string,
  clientId: string | null,
): Promise<Response> {
  context.journal.write({
    type: 'flo',
    description: message,
    client_id: clientId ?? undefined,
    decision: 'show an error page',
    reason: message,
  });
  const title = 'This request cannot be answered';
  return respondWithPage(c, context.random, { title, status: 400, body: messagePage(title, message) });
}

function signOut(context: TenantContext, c: Context, session: LoginSession | undefined): void {
  endSession(context, c);
  if (session && context.configuration.quirks.logoutRevokesRefreshTokens)
    endTokensOfSessions(context, ({ sid }) => sid === session.sid);
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
