/** The session's entries in the cache, and the cookie that tells of them: read, written and removed together. */
import {
  readTokensEntry,
  readUserEntry,
  serves,
  tokensKey,
  userKey,
  withToken,
  type Token,
  type UserEntry,
} from '../core/cache.ts';
import type { Target } from '../core/authorization-request.ts';
import { readSession, type Session } from '../core/session.ts';
import { storageName } from '../core/settings.ts';
import type { ClientContext } from './context.ts';

/** The signed-in user. The same object for as long as the ID token is the same. */
export async function findSession(context: ClientContext): Promise<Session | undefined> {
  return sessionOf(context, await readUser(context));
}

/**
 * True while the user's entry is there, even if it cannot be read. It is the marker of the session: a login writes it, a
 * logout removes it, and a refresh that does not find it has been signed out meanwhile.
 */
export async function isMarked(context: ClientContext): Promise<boolean> {
  return ((await read(context, userKey(context.settings))) ?? undefined) !== undefined;
}

/** The session, and the first fresh token of it that covers the target. */
export async function findToken(
  context: ClientContext,
  { audience, scope }: Target,
): Promise<{ session: Session | undefined; token: Token | undefined }> {
  const [session, entry] = await Promise.all([
    findSession(context),
    read(context, tokensKey(context.settings, audience)).then(readTokensEntry),
  ]);
  const now = context.env.clock.now();
  const token = entry?.sub === session?.sub ? entry?.tokens.find((it) => serves(it, scope, now)) : undefined;
  return { session, token };
}

/**
 * Writes what an exchange brought. A logout ends the family before it clears; so whoever has just written looks once
 * more, and takes back what it wrote where the family is over. Then, and only then, there is no session to return.
 */
export async function saveToken(
  context: ClientContext,
  { audience }: Pick<Target, 'audience'>,
  token: Token,
  idToken: string,
): Promise<Session | undefined> {
  const { settings, env, custody } = context;
  const user = await readUser(context);
  const next: UserEntry = {
    id_token: idToken,
    audiences: [...new Set([...(user?.audiences ?? []), audience])],
  };
  const session = sessionOf(context, next) as Session; // of an ID token that was validated
  const key = tokensKey(settings, audience);
  const entry = readTokensEntry(await read(context, key));
  await write(context, userKey(settings), next);
  await write(context, key, withToken(entry, session.sub, token, env.clock.now()));
  env.cookies.set(hintCookie(context), 'true', {
    days: settings.sessionCheckExpiryDays,
    domain: settings.cookieDomain,
  });
  if (!settings.useRefreshTokens) return session;
  const look = custody.look({ audience, scope: '' }).catch(() => undefined); // a store that fails knows of no logout
  if ((await look)?.family.state !== 'ended') return session;
  await clearSession(context);
  return undefined;
}

/** Removes everything that this client wrote for its user, except what is in custody. */
export async function clearSession(context: ClientContext): Promise<void> {
  const { cache, settings, env, heap } = context;
  const user = await readUser(context);
  heap.session = undefined;
  heap.unsaved.clear();
  env.cookies.remove(hintCookie(context), { domain: settings.cookieDomain });
  // The user's entry first: without it the others are not served, even if one of them cannot be removed.
  await cache.remove(userKey(settings));
  const known = (user?.audiences ?? []).map((audience) => tokensKey(settings, audience));
  const listed = ((await cache.allKeys?.()) ?? []).filter((key) =>
    key.startsWith(`${storageName(settings)}/`),
  );
  for (const key of new Set([...known, ...listed])) await cache.remove(key);
}

/** Tells `checkSession()`, and the app's own server, that there was a session; Auth0's name for it. */
export const hintCookie = ({ settings }: ClientContext): string =>
  `auth0.${settings.clientId}.is.authenticated`;

async function readUser(context: ClientContext): Promise<UserEntry | undefined> {
  return readUserEntry(await read(context, userKey(context.settings)));
}

function sessionOf({ heap }: ClientContext, user: UserEntry | undefined): Session | undefined {
  if (user === undefined) {
    heap.signedOut ||= heap.session !== undefined;
    heap.session = undefined;
  } else {
    heap.signedOut = false;
    if (heap.session?.id_token !== user.id_token) heap.session = readSession(user.id_token);
  }
  return heap.session;
}

/** A cache that cannot be read is a miss. */
async function read({ cache, heap }: ClientContext, key: string): Promise<unknown> {
  if (heap.unsaved.has(key)) return heap.unsaved.get(key);
  try {
    return await cache.get(key);
  } catch {
    return undefined;
  }
}

/** A cache that refuses a write costs the next page load a request, and this page nothing. */
async function write({ cache, heap }: ClientContext, key: string, entry: unknown): Promise<void> {
  try {
    await cache.set(key, entry);
    heap.unsaved.delete(key);
  } catch {
    heap.unsaved.set(key, entry);
  }
}
