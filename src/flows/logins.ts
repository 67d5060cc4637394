/** The logins by redirect of this tab: those under way, and what became of the latest. */
import type { Milliseconds } from '../clock.ts';
import type { Target } from '../core/target.ts';
import { stateIn } from '../core/authorization-response.ts';
import { storageName } from '../core/settings.ts';
import { readTransaction, type Transaction } from '../core/transaction.ts';
import type { TextStorage } from '../environment.ts';
import { redirectLoop, StorageError } from '../errors.ts';
import { isText } from '../oauth/json.ts';
import type { ClientContext } from './context.ts';

/** As many logins as a tab may have under way: the oldest gives way. */
const mostUnderWay = 5;

/**
 * So many characters of them may be in cookies. Each is sent twice, with its twin, and its quotes in three bytes; a server that
 * takes no more than 8 kB of cookies refuses every page of the app, also the one that would clean up.
 */
const mostInCookies = 1500;

/** Longer than a person takes who has to look for a mail, a telephone or a password. */
const life: Milliseconds = 3_600_000;

/** As many logins back it is known what became of them. */
const mostKnown = 10;

/** Of so many characters of that, only the latest keeps what the app has said in it. A sessionStorage has room for five million. */
const mostSaid = 100_000;

/** So many logins that nobody asked for may come back within `loopSpan`; the next is not begun. */
const mostRounds = 3;
const loopSpan: Milliseconds = 60_000;

/** A login under way, and when it began. */
export interface LoginUnderWay extends Transaction {
  readonly began: Milliseconds;
}

/** What is known of a login. Nothing in it is secret by the time that it has come back. */
interface Login {
  readonly state: string;
  readonly began: Milliseconds;
  /** What it asked for; `''`: unknown. */
  readonly target: string;
  /** The user had done nothing in the page that began it. */
  readonly isAutomatic: boolean;
  /** Its callback was handled, or a page at that address began another login. */
  readonly isBack?: boolean;
  /** Absent: its code was not sent. `sent`: nobody heard of an answer. `signed_in`, or the code of its error. */
  readonly outcome?: string | undefined;
  /** Once its code was sent: what its ID token is known by. */
  readonly nonce?: string;
  readonly appState?: unknown;
}

/**
 * Where logins under way are remembered, one entry each: in this tab, or, with `useCookiesForTransactions`, in the browser for a
 * day.
 */
function storeOf({ settings, env }: ClientContext): TextStorage {
  if (!settings.useCookiesForTransactions) return env.sessionStorage;
  return {
    get: (name) => env.cookies.get(name) ?? null,
    set(name, text) {
      env.cookies.set(name, text, { ...settings.cookie, days: 1 });
      // What is too long, or refused, a browser drops without a word.
      if (env.cookies.get(name) !== text) throw new Error('the cookie was not taken: too long, or refused');
    },
    remove: (name) => env.cookies.remove(name, settings.cookie),
    names: () => env.cookies.names(),
  };
}

const transactionName = ({ settings }: ClientContext, state: string): string =>
  storageName(settings, 'transaction', state);

/**
 * Remembers a login. Without it the return could not be judged, so a login that cannot be remembered is not begun.
 * @throws {StorageError}
 */
export function saveTransaction(context: ClientContext, login: LoginUnderWay): void {
  try {
    const store = storeOf(context);
    const text = JSON.stringify(login);
    let room = context.settings.useCookiesForTransactions ? mostInCookies - text.length : Infinity;
    const others = underWay(context)
      .slice(1 - mostUnderWay)
      .reverse();
    const kept = others.filter((other) => (room -= JSON.stringify(other).length) >= 0);
    const names = new Set(kept.map(({ state }) => transactionName(context, state)));
    for (const name of store.names())
      if (name.startsWith(transactionName(context, '')) && !names.has(name)) store.remove(name);
    store.set(transactionName(context, login.state), text);
  } catch (cause) {
    throw new StorageError('sessionStorage or a cookie cannot hold the login', cause);
  }
}

/** Before its code is sent: another client of the page may be handling the same. @throws {StorageError} */
export function removeTransaction(context: ClientContext, { state }: Transaction): void {
  attempt(() => storeOf(context).remove(transactionName(context, state)));
}

/** The logins under way, oldest first; what cannot be read is none. @throws {StorageError} */
export function underWay(context: ClientContext): LoginUnderWay[] {
  const store = storeOf(context);
  const now = context.env.clock.now();
  return attempt(() => store.names())
    .filter((name) => name.startsWith(transactionName(context, '')))
    .map((name) => readTransaction(attempt(() => store.get(name))) as Partial<LoginUnderWay> | undefined)
    .filter((it): it is LoginUnderWay => it !== undefined && isWithin(life, it.began, now))
    .sort((one, other) => one.began - other.began);
}

const attempt = <T>(action: () => T): T => {
  try {
    return action();
  } catch (cause) {
    throw new StorageError('the login cannot be read', cause);
  }
};

/** Either way: the clock may have been put back. */
const isWithin = (span: Milliseconds, then: unknown, now: Milliseconds): boolean =>
  typeof then === 'number' && Math.abs(now - then) < span;

/** What is known of the login with that state. */
export const findLogin = (context: ClientContext, state: string | undefined): Login | undefined =>
  knownLogins(context).find((login) => login.state === state);

/** Notes what is to be known of a login. Where that is not kept, its callback cannot be handled twice, and no loop is noticed. */
export function noteLogin(context: ClientContext, login: Partial<Login> & { state: string }): void {
  const known = knownLogins(context);
  const former = known.find(({ state }) => state === login.state);
  const others = known.filter(({ state }) => state !== login.state);
  const noted = { began: context.env.clock.now(), target: '', isAutomatic: false, ...former, ...login };
  saveLogins(context, [...others, noted]);
}

/** @param logins The latest last. */
function saveLogins(context: ClientContext, logins: readonly Login[]): void {
  const latest = logins.slice(-mostKnown);
  const text = JSON.stringify(latest);
  const brief = () =>
    JSON.stringify(latest.map((it) => (it === latest.at(-1) ? it : { ...it, appState: undefined })));
  try {
    context.env.sessionStorage.set(knownName(context), text.length > mostSaid ? brief() : text);
  } catch {
    // It is kept for the sake of those who come back twice, and stops nobody.
  }
}

const knownName = ({ settings }: ClientContext): string => storageName(settings, 'logins');

function knownLogins(context: ClientContext): Login[] {
  try {
    const known: unknown = JSON.parse(context.env.sessionStorage.get(knownName(context)) ?? '[]');
    return Array.isArray(known) ? known.filter((it: Partial<Login> | null) => isText(it?.state)) : [];
  } catch {
    return [];
  }
}

/** What tells two logins apart that are asked for one after the other. */
export const nameOfTarget = ({ audience, scope }: Target): string => `${audience} ${scope}`;

/** What the user does in a page ends the rounds so far: who logs out by a button has gone in no circle. */
export function endRounds(context: ClientContext): void {
  const known = knownLogins(context);
  if (known.some(({ isAutomatic }) => isAutomatic) && context.env.page.touched())
    saveLogins(
      context,
      known.map((login) => ({ ...login, isAutomatic: false })),
    );
}

/**
 * Ends the game of a page and a tenant that send the user to and fro. A round is a login that the page began before the user did
 * anything in it, and that has come back. Where the browser does not tell whether the user did something, nothing counts.
 * @throws {GenericError} `redirect_loop`
 */
export function refuseLoop(context: ClientContext, target: Target): void {
  const { page, clock } = context.env;
  if (page.touched()) return endRounds(context);
  const here = findLogin(context, stateIn(page.url()));
  if (here) noteLogin(context, { ...here, isBack: true });
  const rounds = knownLogins(context).filter(
    ({ isAutomatic, isBack, target: asked, began }) =>
      isAutomatic && isBack && asked === nameOfTarget(target) && isWithin(loopSpan, began, clock.now()),
  );
  if (rounds.length >= mostRounds) throw redirectLoop(rounds.length, rounds.at(-1)?.outcome);
}
