import type { Milliseconds } from '../clock.ts';
import type { CacheMode } from '../core/options.ts';
import { covers, isServed, serves, type Found, type Token } from '../core/cache.ts';
import {
  isLeaving,
  lackOf,
  planToken,
  type Answer,
  type Lack,
  type Snapshot,
  type TokenPlan,
} from '../core/plan.ts';
import { isSameIdentity, type Identity, type Session } from '../core/session.ts';
import { mayBeOf } from '../core/whose.ts';
import type { Target } from '../core/target.ts';
import { pause } from '../core/patience.ts';
import {
  AuthenticationError,
  GenericError,
  InvalidIdTokenError,
  MissingRefreshTokenError,
  MissingScopesError,
  NetworkError,
  outlookOf,
  SessionEndedError,
  signedOut,
  TimeoutError,
} from '../errors.ts';
import { scopeIncludes, scopeNames } from '../oauth/scope.ts';
import { authorizeSilently } from './authorize-silently.ts';
import type { ClientContext } from './context.ts';
import { findSession, findToken } from './entries.ts';
import type { Obtained, TokenOptions } from './get-token-silently.ts';
import { clearShown, followCustody, isMarked, noteSkew, saveToken } from './keep-session.ts';

/**
 * An access token that the cache did not serve.
 *
 * @param began By the steady clock: however often the walk begins again, its caller waits once.
 * @param found What was just found in the cache.
 */
export async function obtainToken(
  context: ClientContext,
  target: Target,
  options: TokenOptions,
  began: Milliseconds,
  found?: Found,
): Promise<Obtained | undefined> {
  try {
    return await obtain(context, target, options, began, found);
  } catch (error) {
    // Where no new token can be had for now, the last seconds of the old one are better than nothing.
    if (options.cacheMode !== 'on' || !(error instanceof GenericError && error.retryable)) throw error;
    const last = await findToken(context, target, options.least ?? 0);
    if (!isServed(last)) throw error;
    return last;
  }
}

/** One straight line: look → plan → serve | keep | spend | authorize | refuse → write. */
async function obtain(
  context: ClientContext,
  target: Target,
  options: TokenOptions,
  began: Milliseconds,
  found?: Found,
): Promise<Obtained | undefined> {
  const { custody, settings, env } = context;
  const remaining = (limit: Milliseconds) => Math.max(0, began + limit - env.clock.steady());
  const again = () => obtain(context, target, options, began);
  const { ceilings } = context.heap;
  const snapshot = await look(context, target, options, found);
  if (context.heap.ceilings > ceilings) return undefined; // over while it looked: the app is told nothing, as by auth0-spa-js
  const { session } = snapshot;
  /** The ID token that this call knows of: any other was brought by somebody else. */
  let known = session?.id_token;
  const plan = planToken(snapshot, target, options.cacheMode, settings);
  const refuse = async (lack: Lack, cause?: unknown, unsettled = isUnsettled(snapshot)) => {
    // Somebody may have signed in meanwhile, in another tab: then there is nothing to refuse, and nothing to end.
    for (let waited = 0; ; waited += signInPause) {
      const outdated = !unsettled && (await isOutdated(context, target, lack));
      const now = await findSession(context);
      if (outdated || (now && now.id_token !== known)) return again();
      if (!unsettled || (isLeaving(snapshot) && !now))
        return throwRefusal(context, target, lack, cause, known);
      if (waited >= signInLimit) {
        const { signedIn, endedBy } = await custody.look(target);
        const followed = await followCustody(context, target.audience, now, signedIn);
        if (followed) return again();
        // Its page was closed before it saw that a logout had overtaken what it wrote.
        if (endedBy === 'logout') await clearShown(context, known).catch(() => {});
        return throwRefusal(context, target, lack, cause, known);
      }
      await pause(env.timers, signInPause);
    }
  };
  /** A logout is final for this call: it began before, and may not sign the user in again. So is any other end. */
  const leave = async () => {
    const view = await custody.look(target);
    return refuse(lackOf({ ...snapshot, ...view }), undefined, view.signedIn !== undefined);
  };
  const authorize = (lack: Lack) =>
    authorizeSilently(context, target, snapshot, options.limit && remaining(options.limit)).catch(
      (error: unknown) => refuse(lack, error),
    );
  if (isBorrowable(plan, snapshot)) {
    const limit = remaining(options.limit ?? settings.callerLimit);
    const borrowed = await borrow(context, target, snapshot, options.cacheMode, limit);
    if (borrowed) return borrowed;
    if (context.heap.signedOut) return leave(); // meanwhile
  }
  switch (plan.kind) {
    case 'serve':
      return { token: plan.token, session: plan.session };
    case 'nothing':
      return undefined;
    case 'keep':
      return keep(context, target, plan, session, leave);
    case 'refuse':
      return refuse(plan.lack);
    case 'authorize':
      return authorize(plan.lack);
    case 'spend': {
      const limit = remaining(options.limit ?? settings.callerLimit);
      const outcome = await custody.spend({ ...target, identity: session }, plan.seen, limit);
      if (outcome.kind === 'answer') {
        const kept = await keep(context, target, outcome, session, leave);
        const missing = kept && missingScopes(kept.token, target.scope);
        if (!missing) return kept;
        known = kept.session.id_token;
        const lack = { kind: 'missing_scopes', missing } as const;
        return settings.fallback === 'off' ? refuse(lack) : authorize(lack);
      }
      if (outcome.kind === 'quarantined') {
        return refuse(lackOf({ ...snapshot, ...(await custody.look(target)) }), outcome.cause);
      }
      // The family moved on.
      return (await isMarked(context)) ? again() : leave();
    }
  }
}

/** With refresh tokens in memory another tab may have one. A page that saw its session end by a logout asks nobody. */
const isBorrowable = ({ kind }: TokenPlan, snapshot: Snapshot): boolean =>
  (kind === 'authorize' || kind === 'refuse') && !snapshot.signedOut && !isLeaving(snapshot);

/**
 * What another tab lends; nothing where it cannot be asked.
 * @throws {NetworkError} `unreachable`, where it could not reach the server.
 */
async function borrow(
  context: ClientContext,
  target: Target,
  began: Snapshot,
  mode: CacheMode,
  limit: Milliseconds,
): Promise<Obtained | undefined> {
  const { custody } = context;
  const { audience, scope } = target;
  const { organization } = target.params;
  const asked = { audience, scope, fresh: mode === 'off', organization };
  const borrowed = await custody.borrow(asked, began, limit).catch((error: unknown) => {
    if (error instanceof NetworkError || error instanceof TimeoutError) throw error; // the session goes on, there
  });
  if (!borrowed) return undefined;
  const { loan, logouts } = borrowed;
  const session = await saveToken(context, target, loan.token, loan.id_token, logouts, began);
  return session && { token: loan.token, session };
}

/**
 * A family that lives, and no session or another's: somebody is just signing in, or the storage was cleared. Or a session that
 * a logout has ended: it is just being cleared.
 */
const isUnsettled = (snapshot: Snapshot): boolean => {
  const { marked, session, signedIn } = snapshot;
  if (isLeaving(snapshot)) return true;
  return signedIn !== undefined && (!marked || (session !== undefined && !isSameIdentity(session, signedIn)));
};

/** An end that custody knows of no more: a login is in custody before it is in the cache, where it would be cleared with the rest. */
async function isOutdated({ custody }: ClientContext, target: Target, lack: Lack): Promise<boolean> {
  if (lack.kind !== 'ended') return false;
  const { ends, endedBy } = await custody.look(target);
  return ends !== lack.ends || endedBy === undefined;
}

/** How long a login may take from its first write to its last, and how often that is looked for. */
const signInLimit: Milliseconds = 1000;
const signInPause: Milliseconds = 50;

/** Reads what the decision needs. The record in custody is opened only where the cache cannot answer. */
export async function look(
  context: ClientContext,
  target: Target,
  { cacheMode: mode, least }: Pick<TokenOptions, 'cacheMode' | 'least'>,
  found?: Found,
): Promise<Snapshot> {
  const { session, token } = found ?? (await findToken(context, target, least));
  const { custody, settings, heap, env } = context;
  const { signedOut } = heap;
  const served = mode !== 'off' && session !== undefined && token !== undefined;
  const isAsked = !served && mode !== 'cache-only';
  if (!isAsked || !settings.useRefreshTokens) {
    const unknown = { logouts: Infinity };
    const { logouts } = isAsked ? await custody.look(target).catch(() => unknown) : unknown;
    const nothing = { family: { state: 'none', generation: 0 }, ends: 0, endedBy: undefined } as const;
    return { session, token, marked: session !== undefined, signedOut, told: heap.told, logouts, ...nothing };
  }
  await context.moveInAgain();
  const [marked, view] = await Promise.all([isMarked(context), custody.look(target)]);
  if (!marked && view.heads > 0 && settings.cacheLocation !== 'memory') endUnmarked(context, view.heads);
  const held = view.answer && heap.lives?.(view.answer.token);
  const answer =
    held && serves(held, target.scope, env.clock.now(), least) ? { ...view.answer, token: held } : undefined;
  if (view.endedBy === undefined) heap.told = undefined; // a record that was lost counts from 1 again
  return { session, token, marked, signedOut, told: heap.told, ...view, answer };
}

/**
 * Somebody cleared the storage: that signs out, and the refresh tokens are revoked. Not at once, because a login writes its
 * family first and its marker then, and because `localStorage` shows what other tabs wrote late.
 */
function endUnmarked(context: ClientContext, heads: number): void {
  const { env, custody, flights, disposal } = context;
  const end = async () => {
    await pause(env.timers, markerDelay);
    if (!disposal.signal.aborted && !(await isMarked(context))) await custody.end({ still: heads });
  };
  flights.share('unmarked', end).catch(() => {}); // the next call tries again
}

/** Longer than any cache may take to write a marker. */
const markerDelay: Milliseconds = 10_000;

/** Writes the tokens of a refresh. Custody has judged them, and their refresh token is safe there. */
export async function keep(
  context: ClientContext,
  target: Target,
  { answer, identity, skew }: { answer: Answer; identity: Identity; skew?: Milliseconds | undefined },
  session: Session | undefined,
  leave: () => Promise<Obtained | undefined>,
): Promise<Obtained | undefined> {
  noteSkew(context, skew);
  const former = session && isSameIdentity(session, identity) ? session.id_token : undefined;
  const idToken = answer.id_token ?? former;
  if (idToken === undefined) throw new InvalidIdTokenError('missing', '');
  // Signed out meanwhile, or somebody else has signed in.
  if (!mayBeOf(await findSession(context), identity) || !(await isMarked(context))) return leave();
  const saved = await saveToken(context, target, answer.token, idToken);
  return saved ? { token: answer.token, session: saved } : leave();
}

/** The names that were asked for and not granted, separated by commas. */
const missingScopes = (token: Token, scope: string): string =>
  covers(token, scope)
    ? ''
    : scopeNames(scope)
        .filter((name) => !scopeIncludes(token.requestedScope, name))
        .join(',');

/** No token can be had: says why, and ends the local session where the server has ended its own. */
async function throwRefusal(
  context: ClientContext,
  { audience, scope }: Target,
  lack: Lack,
  cause: unknown,
  known: string | undefined,
): Promise<never> {
  const clear = (why?: string) => clearShown(context, known, why).catch(() => {}); // what is thrown is why, not what else went wrong
  const shownAudience = audience === '' ? 'default' : audience;
  switch (lack.kind) {
    case 'ended':
      // Where the iframe got no answer, nobody knows whether the session goes on.
      if (
        cause !== undefined &&
        !(cause instanceof AuthenticationError || cause instanceof InvalidIdTokenError)
      )
        throw cause;
      await clear();
      const ended = new SessionEndedError(lack.cause, cause, whyEnded(lack.cause));
      context.heap.ended.set(ended, lack.ends);
      throw ended;
    case 'not_used':
      if (cause === undefined) throw signedOut('');
      if (cause instanceof GenericError && cause.error === 'login_required') await clear('login_required');
      throw cause;
    case 'missing_scopes':
      throw new MissingScopesError(shownAudience, lack.missing, outlookOf(cause));
    case 'no_refresh_token':
      if (
        context.settings.fallback === 'on' &&
        cause !== undefined &&
        !(lack.reason === 'refused' && cause instanceof InvalidIdTokenError)
      )
        throw cause;
      throw new MissingRefreshTokenError(shownAudience, scope, {
        ...outlookOf(cause),
        reason: lack.reason,
      });
  }
}

const whyEnded = (cause: string): string =>
  cause === 'outcome_unknown'
    ? 'The answer to a refresh was lost, and its refresh token is now refused.'
    : cause === 'invalid_id_token'
      ? 'A refresh brought the ID token of somebody else.'
      : 'The refresh token expired, was revoked, or had been spent before.';
