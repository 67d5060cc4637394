import type { Milliseconds } from '../clock.ts';
import type { Target } from '../core/authorization-request.ts';
import type { Token } from '../core/cache.ts';
import { validateIdToken } from '../core/id-token-validation.ts';
import type { CacheMode } from '../core/options.ts';
import { planToken, type Answer, type Lack, type Snapshot } from '../core/plan.ts';
import type { Session } from '../core/session.ts';
import { within } from '../core/within.ts';
import {
  AuthenticationError,
  GenericError,
  InvalidIdTokenError,
  MissingRefreshTokenError,
  SessionEndedError,
  TimeoutError,
} from '../errors.ts';
import { authorizeSilently } from './authorize-silently.ts';
import type { ClientContext } from './context.ts';
import { clearSession, findSession, findToken, isMarked, saveToken } from './entries.ts';

/** An access token, and the session it belongs to. */
export interface Obtained {
  readonly token: Token;
  readonly session: Session;
}

export interface TokenOptions {
  readonly cacheMode: CacheMode;
  /** How long this caller waits; default: the client's limits, for an exchange and for a frame. */
  readonly limit?: Milliseconds | undefined;
}

/**
 * An access token for `target`, without involving the user; `undefined` only for a `cache-only` miss.
 *
 * One straight line: look → plan → serve | keep | spend | authorize | refuse → write. Callers who ask for the same at the same
 * time share one walk along it; tabs share an exchange through custody.
 */
export function getTokenSilently(
  context: ClientContext,
  target: Target,
  options: TokenOptions,
): Promise<Obtained | undefined> {
  const key = JSON.stringify(['token', options, target]);
  return context.flights.share(key, () => obtain(context, target, options));
}

async function obtain(
  context: ClientContext,
  target: Target,
  options: TokenOptions,
): Promise<Obtained | undefined> {
  const snapshot = await look(context, target, options.cacheMode);
  const { session } = snapshot;
  const plan = planToken(snapshot, target, options.cacheMode, context.settings);
  const refuse = async (lack: Lack, cause?: unknown) => {
    // Somebody may have signed in meanwhile, in another tab: then there is nothing to refuse, and nothing to end.
    const now = await findSession(context);
    if (now && now.id_token !== session?.id_token) return obtain(context, target, options);
    return throwRefusal(context, target, lack, cause);
  };
  switch (plan.kind) {
    case 'serve':
      return { token: plan.token, session: plan.session };
    case 'nothing':
      return undefined;
    case 'keep':
      return keep(context, target, { ...plan, own: false }, session, refuse);
    case 'refuse':
      return refuse(plan.lack);
    case 'authorize':
      return authorizeSilently(context, target, snapshot, options.limit).catch((error: unknown) =>
        refuse(plan.lack, error),
      );
    case 'spend': {
      const { settings, env } = context;
      const spending = context.custody.spend(target, plan.generation);
      const late = () => new TimeoutError('still_waiting');
      const outcome = await within(env.timers, options.limit ?? settings.callerLimit, spending, late);
      if (outcome.kind === 'answer') return keep(context, target, outcome, session, refuse);
      // The family moved on. A logout is final for this call; it began before, and may not sign the user in again.
      return (await isMarked(context))
        ? obtain(context, target, options)
        : refuse({ kind: 'no_refresh_token' });
    }
  }
}

/** Reads what the decision needs. The record in custody is opened only where the cache cannot answer. */
async function look(context: ClientContext, target: Target, mode: CacheMode): Promise<Snapshot> {
  const { session, token } = await findToken(context, target);
  const { signedOut } = context.heap;
  const served = mode !== 'off' && session !== undefined && token !== undefined;
  if (served || mode === 'cache-only' || !context.settings.useRefreshTokens)
    return {
      session,
      token,
      marked: session !== undefined,
      signedOut,
      family: { state: 'none', generation: 0 },
    };
  const [marked, { family, answer }] = await Promise.all([isMarked(context), context.custody.look(target)]);
  return { session, token, marked, signedOut, family, answer };
}

/** Judges the ID token of a refresh (OIDC Core §12.2) and writes the tokens. Their refresh token is safe in custody. */
async function keep(
  context: ClientContext,
  target: Target,
  { answer, sub, own }: { answer: Answer; sub: string; own: boolean },
  session: Session | undefined,
  refuse: (lack: Lack, cause?: unknown) => Promise<Obtained | undefined>,
): Promise<Obtained | undefined> {
  const idToken = answer.id_token ?? (session?.sub === sub ? session.id_token : undefined);
  try {
    const now = own && answer.id_token !== undefined ? context.env.clock.now() : undefined;
    validateIdToken(context.settings, idToken, { now, sub });
  } catch (error) {
    const forged = error instanceof InvalidIdTokenError && !error.retryable && idToken !== undefined;
    if (!forged) throw error; // a clock is wrong, or nothing was sent: all is kept
    await (
      await context.custody.end('invalid_id_token', target.audience)
    ).revoked;
    return refuse({ kind: 'ended', cause: 'invalid_id_token' }, error);
  }
  if (!(await isMarked(context))) return refuse({ kind: 'no_refresh_token' }); // signed out meanwhile
  const saved = await saveToken(context, target, answer.token, idToken as string); // validated above
  return saved ? { token: answer.token, session: saved } : refuse({ kind: 'no_refresh_token' });
}

/** No token can be had: says why, and ends the local session where the server has ended its own. */
async function throwRefusal(
  context: ClientContext,
  { audience, scope }: Target,
  lack: Lack,
  cause: unknown,
): Promise<never> {
  const clear = () => clearSession(context).catch(() => {}); // what is thrown is why, not what else went wrong
  switch (lack.kind) {
    case 'ended':
      // Where the iframe got no answer, nobody knows whether the session goes on.
      if (
        cause !== undefined &&
        !(cause instanceof AuthenticationError || cause instanceof InvalidIdTokenError)
      )
        throw cause;
      await clear();
      throw new SessionEndedError(lack.cause, cause);
    case 'not_used':
      if (cause === undefined) throw new AuthenticationError('login_required', 'Login required', '');
      if (cause instanceof GenericError && cause.error === 'login_required') await clear();
      throw cause;
    case 'no_refresh_token':
      if (context.settings.fallback === 'on' && cause !== undefined) throw cause;
      throw new MissingRefreshTokenError(audience === '' ? 'default' : audience, scope, cause);
  }
}
