/** The session's entries in the cache, the cookies that tell of them, and what custody has: written and removed together. */
import {
  readTokensEntry,
  readUserEntry,
  tokensKey,
  userKey,
  type Token,
  type UserEntry,
} from '../core/cache.ts';
import type { Milliseconds, Seconds } from '../clock.ts';
import { peerPrefix } from '../core/auth0-spa-js-names.ts';
import { ceilingOf } from '../core/id-token-validation.ts';
import { isPastCeiling, isSameIdentity, readSession, type Identity, type Session } from '../core/session.ts';
import { storageName, type Settings } from '../core/settings.ts';
import { withToken } from '../core/token-response.ts';
import type { Target } from '../core/target.ts';
import { loadDpopKey } from '../custody/load-dpop-key.ts';
import type { Began, CustodyView } from '../custody/custody.ts';
import { pause } from '../core/patience.ts';
import type { TextStorage } from '../environment.ts';
import { StorageError } from '../errors.ts';
import { encodeBase64url } from '../oauth/base64url.ts';
import { isText, textsOf } from '../oauth/json.ts';
import { announce } from './announce.ts';
import type { ClientContext } from './context.ts';
import {
  ask,
  hintCookie,
  isOver,
  knownSession,
  lastLogout,
  logoutMark,
  oldHintCookie,
  organizationCookie,
  read,
  readUser,
  removeCookies,
  sessionOf,
  unmark,
  unreadable,
} from './entries.ts';

/** A session that has lasted as long as it may ends here, unless the entry that says so is from before a login in another tab. */
export async function endAtCeiling(context: ClientContext, user: UserEntry): Promise<void> {
  await context.flights.share('ceiling', async () => {
    if (context.settings.cacheLocation === 'memory') {
      if (await followLogin(context)) return;
    } else if (await isBehind(context, user)) {
      await pause(context.env.timers, storageLag);
      if (!isOver(context, await readUser(context))) return;
    }
    await endSession(context);
    context.heap.ceilings += 1;
  });
}

/** Longer than `localStorage` takes to show what another tab wrote. */
const storageLag: Milliseconds = 1000;

/**
 * In memory mode each tab shows what it wrote: somebody may have signed in anew in another, where one custody is all tabs'. False: no
 * session goes on.
 */
export async function followLogin(context: ClientContext): Promise<boolean> {
  const { settings, env } = context;
  const { signedIn, session_expiry } = (await lookAgain(context, '')) ?? {};
  if (signedIn?.id_token === undefined || isPastCeiling(session_expiry, env.clock.now())) return false;
  const user = readUserEntry(await readUser(context));
  if (!user || (await followCustody(context, '', readSession(user.id_token), signedIn))) return true;
  return write(context, userKey(settings), { ...user, session_expiry });
}

/** The user's entry is from before what custody has: somebody may have signed in anew, in another tab. */
async function isBehind(context: ClientContext, { id_token }: UserEntry): Promise<boolean> {
  if (!context.settings.useRefreshTokens) return false;
  const [shown, held] = [id_token, (await lookAgain(context, ''))?.signedIn?.id_token].map((it) =>
    readSession(it ?? ''),
  );
  return (held?.claims.iat ?? 0) > (shown?.claims.iat ?? 0);
}

/**
 * True unless the user's entry is gone; one that cannot be read is there, and so is one that the cache would not take. It is
 * the marker of the session: a login writes it, a logout removes it, and a refresh that does not find it has been signed
 * out meanwhile.
 */
export async function isMarked(context: ClientContext): Promise<boolean> {
  if (((await read(context, userKey(context.settings))) ?? undefined) !== undefined) return true;
  return (await lookAgain(context, ''))?.unmarked === true;
}

/** What custody knows by now; `undefined` where it cannot be read: a store that fails knows of no end. */
const lookAgain = ({ custody }: ClientContext, audience: string): Promise<CustodyView | undefined> =>
  custody.look({ audience, scope: '' }).catch(() => undefined);

/** What the cache would not take, or not give up, for the user's entry is over where custody knows better. */
export async function settleUnsaved(context: ClientContext): Promise<void> {
  const { heap, settings } = context;
  const view = await lookAgain(context, '');
  if (!view) return;
  const kept = readUserEntry(heap.unsaved.get(userKey(settings)));
  const session = kept && readSession(kept.id_token);
  const isPast =
    view.logouts > heap.logouts ||
    (settings.useRefreshTokens && view.endedBy !== undefined) ||
    (session && isOthers(session, view.signedIn));
  if (kept ? isPast : view.signedIn) heap.unsaved.clear();
}

/**
 * Writes what an exchange brought. The user's entry changes hands in one write, and what belonged to another user goes
 * then: a page that is cut off in between leaves nobody signed out.
 *
 * A logout ends the session in custody before it clears; so whoever has just written looks once more, and takes back what it
 * wrote where the session is over or somebody else's. Then, and only then, there is no session to return.
 *
 * @param logouts Of a login: after how many it was adopted. It may have brought no family that could tell of another one.
 * @param began Of a silent login: what it is to carry on.
 */
export async function saveToken(
  context: ClientContext,
  { audience }: Pick<Target, 'audience'>,
  token: Token | undefined,
  idToken: string,
  logouts = Infinity,
  began?: Began,
): Promise<Session | undefined> {
  const { settings, env, heap } = context;
  const session = readSession(idToken) as Session; // of an ID token that was validated
  const key = tokensKey(settings, audience);
  const entry = readTokensEntry(await read(context, key));
  const user = readUserEntry(await readUser(context));
  const former = await knownSession(context);
  // Without families only the cache tells of who has signed in, or out, since a silent login was adopted.
  if (began && !settings.useRefreshTokens && !isCarriedOn(began.session, former)) return undefined;
  const goesOn = former !== undefined && isSameIdentity(former, session);
  const kept = (goesOn && user?.audiences) || [];
  const isLogin = logouts < Infinity && !began;
  const session_expiry = (goesOn && !isLogin && user?.session_expiry) || saidCeiling(session);
  const audiences = [...new Set([...kept, audience])];
  const next: UserEntry = { id_token: idToken, audiences, ...(session_expiry && { session_expiry }) };
  await saveUser(context, next);
  if (token) await write(context, key, withToken(entry, session, token, env.clock.now()));
  // Nothing of another user stays, nor of another organization of the same user. What a cache will not give up is served
  // to nobody.
  if ((former ?? user) && !goesOn)
    await removeEntries(context, user, [userKey(settings), ...(token ? [key] : [])]);
  sessionOf(context, next);
  announce(context);
  const view = await lookAgain(context, audience);
  if (view === undefined) return session;
  heap.logouts = view.logouts;
  const { signedIn } = view;
  const isOver = view.logouts > logouts || (settings.useRefreshTokens && view.endedBy !== undefined);
  if (!isOver && !isOthers(session, signedIn)) {
    const { session_expiry: known } = view; // by the login, which may have been another tab's
    if (settings.cacheLocation === 'memory' && known !== undefined && known !== session_expiry)
      await write(context, userKey(settings), { ...next, session_expiry: known });
    return session;
  }
  if (signedIn?.id_token === undefined) {
    heap.signedOut ||= view.logouts > logouts || view.endedBy === 'logout';
    await clearShown(context, idToken);
  } else {
    // Somebody has signed in since, and stays so: only what was written here is taken back.
    await removeEntries(context, next, [userKey(settings)]);
    await saveToken(context, { audience }, undefined, signedIn.id_token);
  }
  return undefined;
}

/** What a login may not say; what is renewed says nothing by it. */
function saidCeiling({ claims }: Session): Seconds | undefined {
  try {
    return ceilingOf(claims);
  } catch {
    return undefined;
  }
}

/** True for what a silent login may go on with: the session that it began with, or none as then. */
export const isCarriedOn = (began: Identity | undefined, now: Identity | undefined): boolean =>
  began && now ? isSameIdentity(began, now) : began === now;

/** Writes the user's entry and the cookie that tells of it. An empty ID token: whose session it is will be known later. */
export async function saveUser(context: ClientContext, user: UserEntry): Promise<void> {
  const { settings, env, custody } = context;
  if (!(await write(context, userKey(settings), user)))
    await custody
      .goUnmarked()
      .catch(() => void context.flights.share('go unmarked', () => goUnmarked(context)));
  env.cookies.set(hintCookie(context), 'true', settings.cookie);
  context.heap.logout = lastLogout(context);
  const session = readSession(user.id_token);
  if (session?.org_id !== undefined)
    env.cookies.set(organizationCookie(context), JSON.stringify(session.org_id), settings.cookie);
  else if (session && organizationHint(context) !== undefined)
    env.cookies.remove(organizationCookie(context), settings.cookie);
}

/** Puts this client's cookie in the place of the one that named no client. */
export function renameHint(context: ClientContext): void {
  const { settings, env } = context;
  const [now, old] = [hintCookie(context), oldHintCookie].map((name) => env.cookies.get(name));
  if (now !== undefined || old === undefined) return;
  env.cookies.set(hintCookie(context), 'true', settings.cookie);
  for (const domain of [undefined, settings.cookie.domain]) env.cookies.remove(oldHintCookie, { domain });
}

/** Neither the marker nor a word of its absence was taken: until one is, other tabs take the storage for cleared. */
async function goUnmarked({ settings, env, custody, heap, disposal }: ClientContext): Promise<void> {
  for (let isNoted = false; !isNoted;) {
    await pause(env.timers, markPause);
    if (disposal.signal.aborted || heap.unsaved.get(userKey(settings)) === undefined) return;
    isNoted = await custody.goUnmarked().then(
      () => true,
      () => false,
    );
  }
}

/** How often custody is asked again to note that. */
const markPause: Milliseconds = 250;

const isOthers = (session: Session, signedIn: CustodyView['signedIn']): boolean =>
  signedIn !== undefined && !isSameIdentity(session, signedIn);

/**
 * Custody has the last word on whose session it is: where a login was cut off after it was adopted, or two users signed in
 * at one moment, what the one left in the cache gives way to the other. False: there is nothing to follow.
 */
export async function followCustody(
  context: ClientContext,
  audience: string,
  session: Session | undefined,
  signedIn: CustodyView['signedIn'],
): Promise<boolean> {
  if (session === undefined || !isOthers(session, signedIn) || signedIn?.id_token === undefined) return false;
  await saveToken(context, { audience }, undefined, signedIn.id_token); // and follows again, where that has changed
  return true;
}

/**
 * Ends the session here. The tombstone comes before the cache is cleared: a refresh that is under way in any
 * tab meets it, and a tab that has just written finds it and takes back what it wrote. What auth0-spa-js has left goes the same
 * way, and at a logout so does the key of DPoP; a login that the session's end overtakes is bound to it.
 *
 * @param logout The user's. `alsoOf`: another client whose entries go; `null`: those of every client. `unmarked`: see `unmark`.
 * @returns what became of these, and the ID token of who was signed in; `revoked` is still under way
 */
export async function endSession(
  context: ClientContext,
  logout?: { readonly alsoOf: string | null; readonly unmarked: Promise<UserEntry | undefined> },
) {
  const { settings, env, custody } = context;
  const user = await (logout?.unmarked ?? unmark(context));
  announce(context); // the marker is gone
  const isShared = settings.cacheLocation === 'localstorage';
  const left = isShared ? peerRefreshTokens(env.localStorage, settings.clientId) : [];
  if (logout && settings.cacheLocation === 'memory') markLogout(context);
  const forget = async () => logout && settings.useDpop && (await loadDpopKey(settings, env)).forget();
  const only = logout ? {} : { after: Infinity }; // each tab knows when its session is over
  const [ended, forgotten] = await Promise.allSettled([custody.end({ others: left, ...only }), forget()]);
  const [cleared] = await Promise.allSettled([clearSession(context, user, logout?.alsoOf)]);
  return { ended, cleared, forgotten, idToken: user?.id_token };
}

/** Other pages have sessions of their own in memory mode, and the user has left them all. */
function markLogout(context: ClientContext): void {
  const { env, settings, heap } = context;
  heap.logout = encodeBase64url(env.cryptography.randomBytes(16));
  try {
    env.localStorage.set(logoutMark(settings), heap.logout);
  } catch {
    // Where there is no storage, each page is logged out of by itself.
  }
}

/**
 * The user has logged out in another page, in memory mode. The cookies are left alone: they are every page's, and somebody may have
 * signed in there since.
 *
 * @param ended Who told it has ended what was in custody here.
 */
export async function followLogout(context: ClientContext, ended?: 'custody has ended'): Promise<void> {
  const { custody, heap, cache, settings } = context;
  const key = userKey(settings);
  const user = readUserEntry(heap.unsaved.get(key) ?? cache.get(key));
  heap.logout = lastLogout(context);
  heap.signedOut ||= user !== undefined; // whoever showed nobody has lost nothing
  heap.session = undefined;
  heap.unsaved.clear();
  const removing = removeEntries(context, user, []); // in this very tick
  await Promise.allSettled([ended ?? custody.end({ after: heap.logouts }), removing]);
  heap.observer?.changed(); // not by this client
}

/** Removes everything that this client wrote for its user, except what is in custody. `alsoOf`: see `endSession`; `cause`: `announce`. */
async function clearSession(
  context: ClientContext,
  known?: UserEntry,
  alsoOf?: string | null,
  cause?: string,
): Promise<void> {
  const { heap } = context;
  const user = known ?? readUserEntry(await readUser(context));
  heap.session = undefined;
  heap.unsaved.clear();
  removeCookies(context);
  const failures = await removeEntries(context, user, [], alsoOf);
  announce(context, cause);
  if (failures.length > 0) throw failures[0];
}

/** The same, if that session is still the one that is shown, or nobody can tell: a login that came later stays. */
export async function clearShown(
  context: ClientContext,
  idToken: string | undefined,
  cause?: string,
): Promise<void> {
  const user = await readUser(context);
  if (user === unreadable) return clearSession(context, undefined, undefined, cause);
  if (readSession(user?.id_token ?? '')?.id_token !== idToken) return;
  if (user) await clearSession(context, user, undefined, cause);
  else removeCookies(context); // there is nothing else
}

/** @returns what went wrong. What the cache would not remove counts as removed in this page. */
async function removeEntries(
  context: ClientContext,
  user: UserEntry | undefined,
  except: readonly string[],
  alsoOf: string | null = context.settings.clientId,
): Promise<unknown[]> {
  const { cache, settings, heap } = context;
  const failures: unknown[] = [];
  const attempt = async <T>(
    action: () => T | PromiseLike<T>,
    otherwise?: () => void,
  ): Promise<T | undefined> => {
    try {
      return await ask(context, action);
    } catch (error) {
      failures.push(error instanceof StorageError ? error : new StorageError('the cache failed', error));
      otherwise?.();
    }
    return undefined;
  };
  const remove = async (key: string) => {
    if (except.includes(key)) return;
    await attempt(
      () => cache.remove(key),
      () => heap.unsaved.set(key, undefined),
    );
  };
  // The user's entry first: without it the others are not served, even if one of them cannot be removed.
  const [listed] = await Promise.all([attempt(() => cache.allKeys?.()), remove(userKey(settings))]);
  const known = (user?.audiences ?? []).map((audience) => tokensKey(settings, audience));
  const ours = textsOf(listed).filter((key) =>
    [settings.clientId, alsoOf].some(
      (clientId) => isEntryOf(settings, key, clientId) || isPeerEntry(key, clientId), // or it would be moved in again
    ),
  );
  await Promise.all([...new Set([...known, ...ours])].map(remove)); // a cache that hangs is waited for once
  return failures;
}

/** The organization of the last session, by its id; anybody on the origin may have written it. */
export function organizationHint(context: ClientContext): string | undefined {
  try {
    const hint: unknown = JSON.parse(context.env.cookies.get(organizationCookie(context)) ?? '');
    return isText(hint) ? hint : undefined;
  } catch {
    return undefined;
  }
}

/** A cache that refuses a write costs the next page load a request, and this page nothing. False: it did. */
async function write(context: ClientContext, key: string, entry: unknown): Promise<boolean> {
  const { cache, heap } = context;
  try {
    await ask(context, () => cache.set(key, entry));
    heap.unsaved.delete(key);
    return true;
  } catch {
    heap.unsaved.set(key, entry);
    heap.observer?.degraded('cache');
    return false;
  }
}

/**
 * True for the name of a cache entry of a client at this tenant; `null`: of any client. What is in custody is none: whoever has it
 * ends it when the marker of the session is gone.
 */
const isEntryOf = (settings: Settings, name: string, clientId: string | null): boolean =>
  name.startsWith(storageName({ ...settings, clientId: clientId ?? '' }) + (clientId === null ? '' : '/')) &&
  name.split('/')[4] !== 'custody'; // encoded pieces hold no slash

/** The refresh tokens that it keeps for this client. Never throws: out of a storage that does, nothing can be had. */
export function peerRefreshTokens(storage: Pick<TextStorage, 'names' | 'get'>, clientId: string): string[] {
  try {
    const entries = storage.names().filter((name) => isPeerEntry(name, clientId));
    return entries.flatMap((name) => /"refresh_token":"([^"]+)"/.exec(storage.get(name) ?? '')?.[1] ?? []);
  } catch {
    return [];
  }
}

/** Keeps how wrong the clock is, and says so when that is more than the leeway: once, unless it was right meanwhile. */
export function noteSkew({ env, heap, settings }: ClientContext, skew: Milliseconds | undefined): void {
  if (skew === undefined) return;
  const isWrong = (by = 0) => Math.abs(by) > 1000 * settings.leeway;
  if (isWrong(skew) && !isWrong(heap.skew))
    env.page.warn(
      `latchkey: this machine's clock is ${Math.round(Math.abs(skew) / 1000)} s ${skew > 0 ? 'ahead of' : 'behind'} the tenant's. ` +
        "Tokens are judged by the tenant's. See docs/troubleshooting.md.",
    );
  heap.skew = skew;
}

/** True for the name of an entry of auth0-spa-js for this client; `null`: for any. */
export const isPeerEntry = (name: string, clientId: string | null): boolean =>
  name.startsWith(clientId === null ? peerPrefix : `${peerPrefix}${clientId}::`);
