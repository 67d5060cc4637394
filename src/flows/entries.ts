/** The session's entries in the cache, and the cookies that tell of them, as they are read. `keep-session.ts` writes them. */
import {
  readTokensEntry,
  readUserEntry,
  serves,
  tokensKey,
  userKey,
  type Found,
  type UserEntry,
} from '../core/cache.ts';
import type { Milliseconds, Seconds } from '../clock.ts';
import { isPastCeiling, isSameIdentity, readSession, type Session } from '../core/session.ts';
import { storageName, type Settings } from '../core/settings.ts';
import type { Target } from '../core/target.ts';
import { within } from '../core/within.ts';
import { StorageError } from '../errors.ts';
import type { PageContext } from './context.ts';

/**
 * The signed-in user. The same object for as long as the ID token is the same. A session that has lasted as long as it may ends
 * here.
 */
export async function findSession(context: PageContext): Promise<Session | undefined> {
  await context.moveIn();
  const user = await readUser(context);
  if (!isOver(context, user)) return sessionOf(context, user);
  const engine = await Promise.resolve(context.engine()).catch(() => undefined);
  if (!engine) return undefined; // nobody's session goes on because a file is missing
  await engine.flows.endAtCeiling(engine.context, user);
  return knownSession(context);
}

export const isOver = (
  { env }: PageContext,
  user: UserEntry | typeof unreadable | undefined,
): user is UserEntry =>
  user !== undefined && user !== unreadable && isPastCeiling(user.session_expiry, env.clock.now());

/** The same, of what latchkey itself has stored. */
export async function knownSession(context: PageContext): Promise<Session | undefined> {
  return sessionOf(context, await readUser(context));
}

/** The session, and the first token of it that covers the target and is good for another `least` seconds. */
export async function findToken(
  context: PageContext,
  { audience, scope }: Target,
  least?: Seconds,
): Promise<Found> {
  const [session, entry] = await Promise.all([
    findSession(context),
    read(context, tokensKey(context.settings, audience)).then(readTokensEntry),
  ]);
  const now = context.env.clock.now();
  const tokens = entry && isSameIdentity(entry, session) ? entry.tokens : undefined;
  const { lives = (it) => it } = context.heap;
  const token = tokens?.map(lives).find((it) => serves(it, scope, now, least));
  return { session, token };
}

/** Removes the marker, before a logout is anywhere else: a page that is cut off in the middle leaves nobody signed in. */
export async function unmark(context: PageContext): Promise<UserEntry | undefined> {
  const { cache, settings, heap } = context;
  heap.signedOut = true;
  const reading = readUser(context);
  // A built-in cache has answered by now: its marker goes in the same tick. Another one might answer the second question first.
  if (settings.cacheLocation === 'custom') await reading;
  removeCookies(context);
  await ask(context, () => cache.remove(userKey(settings))).catch(() => {}); // `clearSession` will tell
  return readUserEntry(await reading);
}

/** Tells `checkSession()`, and the app's own server, that there was a session; Auth0's name for it. */
export const hintCookie = ({ settings }: PageContext): string =>
  `auth0.${settings.clientId}.is.authenticated`;

/** What early versions of auth0-spa-js called the cookie, which named no client. */
export const oldHintCookie = 'auth0.is.authenticated';

/** Tells a page that has forgotten the session, as pages in memory mode do, which organization it was for; Auth0's name for it. */
export const organizationCookie = ({ settings }: PageContext): string =>
  `auth0.${settings.clientId}.organization_hint`;

export function removeCookies(context: PageContext): void {
  const { env, settings } = context;
  for (const name of [hintCookie(context), organizationCookie(context)])
    env.cookies.remove(name, settings.cookie);
}

/**
 * The user's entry. One that the cache would not take, or not give up, tells nobody of a logout, or a login, in another tab; the
 * record does.
 */
export async function readUser(context: PageContext): Promise<UserEntry | typeof unreadable | undefined> {
  const { heap, settings } = context;
  const isShared = settings.cacheLocation !== 'memory';
  if (isShared && heap.unsaved.has(userKey(settings))) {
    const engine = await context.engine(); // whose doing that is
    await engine.flows.settleUnsaved(engine.context);
  }
  const { logout } = heap;
  const value = await read(context, userKey(settings));
  if (heap.logout !== logout) return readUser(context); // a logout was followed meanwhile
  if (value === unreadable) return value;
  const user = readUserEntry(value);
  if (!user || isShared || lastLogout(context) === heap.logout) return user;
  const engine = await context.engine(); // by which that user was signed in
  await engine.flows.followLogout(engine.context);
  return undefined;
}

/** Where a logout is told to the other pages, which have sessions of their own in memory mode. */
export const logoutMark = (settings: Settings): string => storageName(settings, 'logout');

/** What was last told there. That it was removed tells nothing. */
export function lastLogout({ env, settings, heap }: PageContext): string | null {
  try {
    return env.localStorage.get(logoutMark(settings)) ?? heap.logout;
  } catch {
    return heap.logout;
  }
}

export function sessionOf(
  { heap }: PageContext,
  user: UserEntry | typeof unreadable | undefined,
): Session | undefined {
  if (user === unreadable) return heap.session; // as it was: nobody knows better
  if (user === undefined) {
    heap.signedOut ||= heap.session !== undefined;
    heap.session = undefined;
  } else {
    heap.signedOut = false;
    if (heap.session?.id_token !== user.id_token) heap.session = readSession(user.id_token);
  }
  return heap.session;
}

/** What a cache holds that throws, or does not answer. */
export const unreadable = Symbol('unreadable');

/** What a cache of the app's own may take for one answer. */
export const cacheLimit: Milliseconds = 5000;

export const cacheIsLate = () => new StorageError('the cache is late');

export async function ask<T>({ env, heap }: PageContext, action: () => T | PromiseLike<T>): Promise<T> {
  const answer = action();
  if (!isThenable(answer)) return answer;
  return heap.answerOf?.(answer) ?? within(env.timers, cacheLimit, Promise.resolve(answer), cacheIsLate);
}

/** A cache may be of another realm, or built on promises of its own. */
export const isThenable = <T>(answer: T | PromiseLike<T>): answer is PromiseLike<T> =>
  typeof (answer as PromiseLike<T> | undefined | null)?.then === 'function';

export async function read(context: PageContext, key: string): Promise<unknown> {
  const { cache, heap } = context;
  if (heap.unsaved.has(key)) return heap.unsaved.get(key);
  try {
    return await ask(context, () => cache.get(key));
  } catch {
    return unreadable;
  }
}
