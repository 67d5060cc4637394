/** What may be said of the session, and of what has failed, without asking anybody. Nothing is sent, and nothing changed. */
import { readTokensEntry, readUserEntry, serves, tokensKey, userKey } from '../core/cache.ts';
import type { Diagnosis, SessionState } from '../core/diagnosis.ts';
import { causeOf } from '../core/explain.ts';
import { isSameIdentity, readSession } from '../core/session.ts';
import { targetOf } from '../core/target.ts';
import type { ClientContext } from './context.ts';
import { hintCookie, isOver, lastLogout, read, unreadable } from './entries.ts';

/** For the client's own audience and scope. */
export async function sessionState(context: ClientContext): Promise<SessionState> {
  const { settings, env, heap, custody } = context;
  const { audience, scope } = targetOf(settings, {});
  const found = await read(context, userKey(settings));
  const unknownBy = (cause: string): SessionState => ({ state: 'unknown', cause });
  const expired = (cause: string): SessionState => ({ state: 'expired', cause });
  const anonymous: SessionState = { state: 'anonymous' };
  if (found === unreadable) return unknownBy('storage');
  const entry = readUserEntry(found);
  const isElsewhere = settings.cacheLocation === 'memory' && lastLogout(context) !== heap.logout;
  const user = entry && isElsewhere ? undefined : entry;
  const isPast: boolean = isOver(context, user);
  if (isPast) return expired('session_expiry');
  const session = user && readSession(user.id_token);
  const tokens = session && readTokensEntry(await read(context, tokensKey(settings, audience)));
  const token =
    tokens &&
    isSameIdentity(tokens, session) &&
    tokens.tokens.map(heap.lives ?? ((it) => it)).find((it) => serves(it, scope, env.clock.now(), 0));
  if (token) return { state: 'active', expires_at: token.expires_at };
  const view = settings.useRefreshTokens
    ? await custody.look({ audience, scope }).catch(() => null)
    : undefined;
  if (view === null) return unknownBy('storage');
  const mayAsk = !heap.signedOut && (!settings.useRefreshTokens || settings.fallback !== 'off');
  if (!user) {
    if (view?.endedBy !== undefined && view.endedBy !== 'logout') return expired(view.endedBy);
    const isHinted = env.cookies.get(hintCookie(context)) !== undefined;
    return isHinted && mayAsk && !entry ? unknownBy('silent_login') : anonymous;
  }
  if (!env.page.online()) return unknownBy('offline');
  if (view?.family.state === 'live') return { state: 'refreshable' };
  if (mayAsk) return unknownBy('silent_login');
  return expired(view?.endedBy ?? 'no_refresh_token');
}

export async function diagnosis(context: ClientContext): Promise<Diagnosis> {
  const state = await sessionState(context);
  const facts = Object.freeze((context.heap.facts ?? []).map((fact) => Object.freeze({ ...fact })));
  return { cause: causeOf(facts), state, facts };
}
