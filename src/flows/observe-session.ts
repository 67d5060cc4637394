/** Tells an app's listeners what has become of the session, in this tab or another one: by comparing what is there with what was. */
import { readTokensEntry, tokensKey, type Token, type UserEntry } from '../core/cache.ts';
import type { Milliseconds } from '../clock.ts';
import type { ClientEvents } from '../core/events.ts';
import { isPastCeiling, isSameIdentity, readSession, type Session } from '../core/session.ts';
import { storageName } from '../core/settings.ts';
import { pause } from '../core/patience.ts';
import { StorageError } from '../errors.ts';
import { channelName } from './announce.ts';
import type { ClientContext, Observer } from './context.ts';
import { read, readUser, sessionOf, unreadable } from './entries.ts';

/** What is there to be seen. */
interface Sight {
  readonly session: Session | undefined;
  readonly user: UserEntry | undefined;
  /** The newest token for each audience. */
  readonly tokens: ReadonlyMap<string, Token>;
}

/** Longer than `localStorage`, or an app's cache, takes to show what another tab wrote. */
const lag: Milliseconds = 1000;

/** @param before The user's entry as it was when the app began to listen. */
export function observe(
  context: ClientContext,
  before: Promise<UserEntry | typeof unreadable | undefined>,
): Observer {
  const { settings, env, heap, custody, disposal } = context;
  const nothing: Sight = { session: undefined, user: undefined, tokens: new Map() };
  let last: Sight | undefined;
  /** The ID token that the session was first seen with: an access token that comes with it is none that is renewed. */
  let first: string | undefined;
  let looking: Promise<void> | undefined;
  let isDue = false;
  const channel = env.openChannel(channelName(settings), {
    hear() {
      look();
      void pause(env.timers, lag).then(look);
    },
    // Other tabs' writes of its entries: all that is heard where there are no channels, and what tells when a write can be seen.
    names: storageName(settings),
  });
  const close = () => {
    heap.observer = undefined;
    channel.close();
    disposal.signal.removeEventListener('abort', close);
  };
  disposal.signal.addEventListener('abort', close);
  look();
  return {
    glance: () => void (heap.session?.id_token === last?.user?.id_token || look()),
    changed() {
      channel.tell();
      look();
    },
    failed(error) {
      if (!(error instanceof StorageError)) return;
      if (error.reason === 'newer_format') tell('reload', { from: 'other' });
      else tell('storage_degraded', { from: 'this', reason: error.reason });
    },
    degraded: (reason) => tell('storage_degraded', { from: 'this', reason }),
    close,
  };

  /** One look at a time; what is heard meanwhile makes one more. */
  function look(): void {
    isDue = true;
    looking ??= lookAgain().finally(() => (looking = undefined));
  }

  async function lookAgain(): Promise<void> {
    while (isDue && heap.listeners.size > 0 && !disposal.signal.aborted) {
      isDue = false;
      last ??= await sightOf(before, (user) => readSession(user.id_token));
      const { changedHere } = heap;
      heap.changedHere = undefined;
      const now = await sightOf(readUser(context), (user) => sessionOf(context, user));
      first ??= last?.user?.id_token;
      if (now && last) await compare(last, now, changedHere);
      last = now ?? last;
    }
  }

  async function sightOf(
    reading: ReturnType<typeof readUser>,
    decode: (user: UserEntry) => Session | undefined,
  ): Promise<Sight | undefined> {
    const user = await reading;
    if (user === unreadable) return undefined; // nobody knows better
    if (!user) {
      if (reading !== before) sessionOf(context, undefined);
      return nothing;
    }
    const entries = await Promise.all(
      user.audiences.map(async (audience) => ({
        audience,
        entry: readTokensEntry(await read(context, tokensKey(settings, audience))),
      })),
    );
    const session = decode(user);
    const tokens = entries.flatMap(({ audience, entry }) => {
      const token = entry && isSameIdentity(entry, session) ? entry.tokens[0] : undefined;
      return token ? [[audience, token] as const] : [];
    });
    return { session, user, tokens: new Map(tokens) };
  }

  async function compare(was: Sight, now: Sight, changedHere: typeof heap.changedHere): Promise<void> {
    const from = changedHere ? 'this' : 'other';
    if (now.session && !(was.session && isSameIdentity(was.session, now.session)))
      first = now.session.id_token;
    if (!was.session && now.session) return tell('signed_in', { from });
    if (was.session && !now.session) {
      const cause = changedHere?.cause ?? (await causeOf(was));
      return cause === undefined ? tell('signed_out', { from }) : tell('session_ended', { from, cause });
    }
    if (!was.session || !now.session) return;
    const { session } = was;
    if (!isSameIdentity(session, now.session)) return tell('user_changed', { from });
    if (JSON.stringify(session.user) !== JSON.stringify(now.session.user)) tell('user_changed', { from });
    for (const [audience, { access_token, expires_at }] of now.tokens) {
      const known = was.tokens.get(audience);
      if (known ? known.access_token !== access_token : now.session.id_token !== first)
        tell('token_refreshed', { from, audience, expires_at });
    }
  }

  /** Why a session is over that is not there any more; `undefined`: by a logout, or nobody knows. */
  async function causeOf({ user }: Sight): Promise<string | undefined> {
    if (isPastCeiling(user?.session_expiry, env.clock.now())) return 'session_expiry';
    if (!settings.useRefreshTokens) return undefined;
    const view = await custody.look({ audience: '', scope: '' }).catch(() => undefined);
    return view?.endedBy === 'logout' ? undefined : view?.endedBy;
  }

  /** A listener that throws stops nobody. What it threw may hold anything, and is not repeated. */
  function tell<Name extends keyof ClientEvents>(name: Name, event: ClientEvents[Name]): void {
    const warn = () => env.page.warn(`latchkey: a listener of "${name}" failed.`);
    const ofName = [...heap.listeners].filter(([listened]) => listened === name);
    for (const listening of ofName) {
      if (!heap.listeners.has(listening) || disposal.signal.aborted) continue; // by one before it
      const [, listener] = listening;
      try {
        Promise.resolve(listener(Object.freeze({ ...event }) as never)).catch(warn); // of the event by that name
      } catch {
        warn();
      }
    }
  }
}
