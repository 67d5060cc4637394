/** Renews tokens before they have to be, in the background: of that no call hears, and for that none waits. */
import { toSeconds, type Milliseconds, type Seconds } from '../clock.ts';
import { marginOf, type Token } from '../core/cache.ts';
import { planToken } from '../core/plan.ts';
import type { Target } from '../core/target.ts';
import type { ClientContext } from './context.ts';
import { findToken } from './entries.ts';
import type { TokenOptions } from './get-token-silently.ts';
import { keep, look } from './obtain-token.ts';

export interface RefreshAhead {
  /** Notes what a call was given, if it was. Where the moment to renew it has come, that begins. */
  given(target: Target, options: Pick<TokenOptions, 'cacheMode'>, token: Token | undefined): void;
  /** Begins nothing any more. */
  dispose(): void;
}

/** What the app has asked for in this page, and was last given. */
interface Given {
  readonly target: Target;
  readonly access_token: string;
  /** How long before it is no longer served this page is to renew it. */
  readonly lead: Milliseconds;
}

/**
 * There is no timer: the time of day decides, whenever a call is made or the user comes back. Whichever page is first renews for all;
 * the others find what it got.
 */
export function createRefreshAhead(context: ClientContext): RefreshAhead {
  const { settings, env, flights, custody, disposal } = context;
  const all = new Map<string, Given>();
  let stopListening: (() => void) | undefined;
  const renewDue = () => void flights.share('ahead', renewAll).catch(() => {}); // nobody waits for that
  return {
    given(target, { cacheMode }, token) {
      if (!token || cacheMode === 'cache-only' || !settings.useRefreshTokens || disposal.signal.aborted)
        return;
      stopListening ??= env.page.onWake(renewDue);
      if (isDue(target, token)) renewDue();
    },
    dispose: () => stopListening?.(),
  };

  /** How long it is still served. */
  function remaining(token: Token): Milliseconds {
    return Math.max(0, 1000 * (token.expires_at - marginOf(token)) - env.clock.now());
  }

  /** Each page draws a moment of its own, in the first half of the span: a call in the second half always renews. */
  function isDue(target: Target, token: Token): boolean {
    const key = JSON.stringify(target);
    const { access_token, lifetime = Infinity } = token;
    let given = all.get(key);
    if (given?.access_token !== access_token) {
      const span = Math.min(1000 * settings.refreshAhead, 500 * lifetime);
      given = { target, access_token, lead: draw(span / 2, span) };
      all.set(key, given);
    }
    return remaining(token) <= given.lead;
  }

  function draw(from: Milliseconds, to: Milliseconds): Milliseconds {
    const [byte = 0] = env.cryptography.randomBytes(1);
    return from + (byte / 256) * (to - from);
  }

  /** One after the other: what one brings may serve the next. */
  async function renewAll(): Promise<void> {
    for (const { target } of all.values()) {
      if (disposal.signal.aborted || !env.page.online() || env.page.leaving()) return;
      const { session, token } = await findToken(context, target, 0);
      if (session && (!token || isDue(target, token))) await renew(target, token);
    }
  }

  /** A failure changes nothing: the token is served for as long as it would have been, and whoever needs another will hear why. */
  async function renew(target: Target, token: Token | undefined): Promise<void> {
    // Any that lives longer than this one, whoever has got it.
    const least = token && token.expires_at - toSeconds(env.clock.now());
    const renewed = await obtain(target, least).catch(() => undefined);
    if (renewed) isDue(target, renewed);
    else if (token) {
      const { access_token } = token;
      all.set(JSON.stringify(target), { target, access_token, lead: draw(0, remaining(token) / 2) });
    }
  }

  /** As a call does, but through no iframe; and an end, whatever it is, is left for a call to come upon. */
  async function obtain(target: Target, least: Seconds | undefined): Promise<Token | undefined> {
    const leave = async () => undefined;
    const snapshot = await look(context, target, { cacheMode: 'on', least });
    const { session } = snapshot;
    const plan = planToken(snapshot, target, 'on', settings);
    if (plan.kind === 'serve') return plan.token;
    const wanted = { ...target, identity: session };
    const got = plan.kind === 'spend' ? await custody.spend(wanted, plan.seen, settings.exchangeLimit) : plan;
    if (got.kind !== 'keep' && got.kind !== 'answer') return undefined;
    return (await keep(context, target, got, session, leave))?.token;
  }
}
