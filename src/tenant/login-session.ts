/** A user's being signed in at the tenant, as one browser's cookie shows it. */
import type { Context } from 'hono';
import { getCookie } from 'hono/cookie';
import { parse } from 'hono/utils/cookie';
import type { Milliseconds } from '../clock.ts';
import type { TenantSettings, User } from './configuration.ts';
import type { TenantContext } from './context.ts';
import { deleteCookie, setCookie } from './side-channel.ts';

export interface LoginSession {
  /** `sid` of the ID token: names the session, opens nothing. */
  readonly sid: string;
  readonly userId: string;
  /** When the user last proved who they are. */
  readonly authTime: Milliseconds;
  readonly lastSeenAt: Milliseconds;
  /** Given since. */
  readonly secondFactor: boolean;
  /** Those that got a code by it. */
  readonly clients: readonly string[];
}

/** `auth0_compat` is for browsers that drop `SameSite=None`, and those that keep no `Secure` cookie from http://localhost. */
const cookieNames = ['auth0', 'auth0_compat'] as const;

/** The browser's session, if its cookie names one that is within its lifetimes; a look counts as a sign of life (K2). */
export function currentSession(context: TenantContext, c: Context): LoginSession | undefined {
  const { sessions } = context.state;
  const now = context.clock.now();
  const cookie = isBlocked(context, c.req.raw) ? '' : sessionCookie(context, getCookie(c));
  const session = sessions.get(cookie);
  if (!session) return undefined;
  if (!isLive(context, session, now)) {
    sessions.delete(cookie);
    return undefined;
  }
  const seen = { ...session, lastSeenAt: now };
  sessions.set(cookie, seen);
  return seen;
}

/** Whose session a request's cookies name, if it lives. A mere look: nothing changes, and it is no sign of life. */
export function userOfSession(context: TenantContext, request: Request): string | undefined {
  if (isBlocked(context, request)) return undefined;
  const { headers } = request;
  const cookie = sessionCookie(context, parse(headers.get('cookie') ?? ''));
  const session = context.state.sessions.get(cookie);
  return session && isLive(context, session, context.clock.now()) ? session.userId : undefined;
}

/** Whether the browser that `quirks.thirdPartyCookies` plays would have kept the cookies back. */
export const isBlocked = ({ configuration }: TenantContext, { headers }: Request): boolean =>
  configuration.quirks.thirdPartyCookies === 'block' &&
  headers.get('sec-fetch-dest') === 'iframe' &&
  headers.get('sec-fetch-site') === 'cross-site';

/** The one of the browser's cookies that names a session; none does: an empty text. */
function sessionCookie({ state }: TenantContext, cookies: Readonly<Record<string, string>>): string {
  return cookieNames.map((name) => cookies[name] ?? '').find((value) => state.sessions.has(value)) ?? '';
}

/** When the session ends without a sign of life, and when it ends whatever happens. */
export function sessionEnds({ state }: TenantContext, { authTime, lastSeenAt }: LoginSession) {
  const { session_lifetime, idle_session_lifetime } = sessionLifetimes(state.settings[0]);
  return { absolute: authTime + session_lifetime * hour, idle: lastSeenAt + idle_session_lifetime * hour };
}

/** In hours. Auth0 lets sessions end earlier that live in a cookie without an end of its own. */
export function sessionLifetimes({
  session_cookie,
  session_lifetime,
  idle_session_lifetime,
}: TenantSettings) {
  const [longest, idle] = session_cookie.mode === 'persistent' ? [168, 72] : [72, 24];
  return {
    session_lifetime: session_lifetime ?? longest,
    idle_session_lifetime: idle_session_lifetime ?? idle,
  };
}

const hour: Milliseconds = 3_600_000;

export function isLive(context: TenantContext, session: LoginSession, now: Milliseconds): boolean {
  const { absolute, idle } = sessionEnds(context, session);
  return now < absolute && now < idle;
}

/** Every session that lives, once each: browsers may share a `sid` under several cookies. */
export function liveSessions(context: TenantContext): LoginSession[] {
  const now = context.clock.now();
  const live = [...context.state.sessions.values()].filter((session) => isLive(context, session, now));
  return [...new Map(live.map((session) => [session.sid, session])).values()];
}

/** Signs out every browser of the sessions that are chosen. */
export function endSessions({ state }: TenantContext, chosen: (session: LoginSession) => boolean): void {
  for (const [cookie, session] of state.sessions) if (chosen(session)) state.sessions.delete(cookie);
}

/**
 * Begins a session. The same user signing in again keeps the `sid`; the cookie's value is always a new one, so that a
 * value planted before the login is worth nothing.
 */
export function beginSession(
  context: TenantContext,
  user: User,
  previous?: LoginSession,
): { session: LoginSession; cookie: string } {
  const now = context.clock.now();
  const sid = previous?.userId === user.user_id ? previous.sid : context.random.text(18);
  const clients = previous?.sid === sid ? previous.clients : [];
  const session = { sid, userId: user.user_id, authTime: now, lastSeenAt: now, secondFactor: false, clients };
  const cookie = `s:v1.${context.random.text()}`;
  context.state.sessions.set(cookie, session);
  return { session, cookie };
}

/** Notes that the user of this browser has given a second factor. */
export function noteSecondFactor(context: TenantContext, c: Context): void {
  const cookie = sessionCookie(context, getCookie(c));
  const session = context.state.sessions.get(cookie);
  if (session) context.state.sessions.set(cookie, { ...session, secondFactor: true });
}

/** Who gave a second factor in a browser that is to be remembered. */
export interface RememberedBrowser {
  readonly userId: string;
  readonly expiresAt: Milliseconds;
}

const rememberedFor: Milliseconds = 30 * 24 * hour;

/** For thirty days this browser's user is asked for no second factor; the session itself has one. */
export function rememberBrowser(context: TenantContext, c: Context, userId: string): void {
  const value = `s:v1.${context.random.text()}`;
  context.state.rememberedBrowsers.set(value, { userId, expiresAt: context.clock.now() + rememberedFor });
  setBothCookies(context, c, 'auth0-mf', value, rememberedFor);
}

export function isRemembered({ state, clock }: TenantContext, c: Context, userId: string): boolean {
  return ['auth0-mf', 'auth0-mf_compat'].some((name) => {
    const known = state.rememberedBrowsers.get(getCookie(c, name) ?? '');
    return known?.userId === userId && clock.now() < known.expiresAt;
  });
}

/** Notes that a client lives of the session, in every browser that has it. */
export function joinSession(
  { state }: TenantContext,
  { sid, clients }: LoginSession,
  clientId: string,
): void {
  if (clients.includes(clientId)) return;
  for (const [cookie, session] of state.sessions)
    if (session.sid === sid) state.sessions.set(cookie, { ...session, clients: [...clients, clientId] });
}

/** Hands the session's cookie to the browser, in place of whatever it had. */
export function setSessionCookie(context: TenantContext, c: Context, value: string): void {
  const [settings] = context.state.settings;
  const { session_cookie } = settings;
  const { session_lifetime } = sessionLifetimes(settings);
  const isPersistent = session_cookie.mode === 'persistent';
  setBothCookies(context, c, 'auth0', value, isPersistent ? session_lifetime * hour : null);
  if (getCookie(c, 'did') === undefined)
    setBothCookies(context, c, 'did', `s:v0.${context.random.text()}`, 365 * 24 * hour);
}

/** One as Auth0 sets it today, one for browsers that want none of its attributes (K1). Without a life it ends with the browser. */
function setBothCookies(
  context: TenantContext,
  c: Context,
  name: string,
  value: string,
  life: Milliseconds | null,
): void {
  const common = {
    path: '/',
    httpOnly: true,
    ...(life !== null && { maxAge: Math.floor(life / 1000) }),
  };
  setCookie(c, name, value, { ...common, secure: true, sameSite: 'None' });
  setCookie(c, `${name}_compat`, value, {
    ...common,
    secure: context.configuration.baseUrl.startsWith('https:'),
  });
}

/** Forgets what the browser's cookies name; what they say is worth nothing from now on. */
export function forgetSession(context: TenantContext, c: Context): void {
  if (isBlocked(context, c.req.raw)) return;
  for (const name of cookieNames) context.state.sessions.delete(getCookie(c, name) ?? '');
}

/** Ends the session the browser's cookies name and takes the cookies away. */
export function endSession(context: TenantContext, c: Context): void {
  if (isBlocked(context, c.req.raw)) return;
  forgetSession(context, c);
  for (const name of cookieNames) {
    // A browser takes a deletion of a Secure, SameSite=None cookie only when it looks like the cookie.
    if (name === 'auth0')
      deleteCookie(c, name, { path: '/', secure: true, httpOnly: true, sameSite: 'None' });
    else deleteCookie(c, name, { path: '/', httpOnly: true });
  }
}
