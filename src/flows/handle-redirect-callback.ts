import { answeredBy, codeOf, readCallback, unknownState } from '../core/authorization-response.ts';
import type { Endpoints } from '../core/endpoints.ts';
import { ResponseType, type RedirectLoginResult } from '../core/options.ts';
import { storageName } from '../core/settings.ts';
import { GenericError } from '../errors.ts';
import type { AuthorizationResponse } from '../oauth/authorization-endpoint.ts';
import { checkSession } from './check-session.ts';
import type { ClientContext } from './context.ts';
import { findSession } from './entries.ts';
import { findLogin, noteLogin, removeTransaction, saveTransaction, underWay } from './logins.ts';
import type { LoginUnderWay } from './logins.ts';
import { keepRedeemed, sendCode } from './redeem-code.ts';

/**
 * Completes the login that the address belongs to, once: whoever handles it a second time, from the same page or from one that
 * was loaded since, is told the same. An address that belongs to no login of this tab changes nothing.
 */
export async function handleRedirectCallback<AppState>(
  context: ClientContext,
  url: string,
): Promise<RedirectLoginResult<AppState>> {
  const response = readCallback(url);
  context.env.page.stay(); // an app may have been sent to another program, and the answer has come from there
  return context.flights.share(`callback ${JSON.stringify(response)}`, async () => {
    const isMeant = ({ state }: LoginUnderWay) => state === response.state;
    const atFirst = underWay(context);
    const mayBeSent = atFirst.some(isMeant) || findLogin(context, response.state)?.outcome === 'sent';
    const endpoints = mayBeSent ? await context.endpoints() : undefined;
    const find = () => underWay(context).find(isMeant); // somebody may have taken it meanwhile
    const login = find() ?? (await othersDone(context, response).then(find)); // found, it is taken at once
    const appState = await (login && endpoints
      ? complete(context, response, login, endpoints)
      : repeat(context, response, !atFirst.every(isMeant)));
    return { appState: appState as AppState, response_type: ResponseType.Code };
  });
}

const lockOf = ({ settings }: ClientContext, state: string): string =>
  storageName(settings, 'callback', state);

/**
 * A second client of the page waits for what becomes of the first one's exchange. A page that is loaded while the former one was
 * at it need not wait: the lock has gone with that. Where locks do not, nobody waits, and the second call is refused.
 */
async function othersDone(context: ClientContext, { state }: AuthorizationResponse): Promise<void> {
  const { env, settings } = context;
  const login = findLogin(context, state);
  if (login?.outcome !== 'sent' || !env.locks.exclusive) return;
  await env.locks.run(lockOf(context, login.state), settings.exchangeLimit, async () => {}).catch(() => {});
}

/** Lets other clients of the page know how long it takes. It is not waited for itself: nothing hangs on a lock that does. */
function hold(context: ClientContext, state: string, exchange: Promise<unknown>): void {
  const { env, settings } = context;
  if (!env.locks.exclusive) return;
  const done = exchange.then(
    () => {},
    () => {},
  );
  env.locks.run(lockOf(context, state), settings.exchangeLimit, () => done).catch(() => {});
}

/**
 * The login is forgotten before its code is sent; where no answer came, it is put back for another try.
 * @returns the app's state
 */
function complete(
  context: ClientContext,
  response: AuthorizationResponse,
  login: LoginUnderWay,
  endpoints: Endpoints,
): Promise<unknown> {
  const { state, appState, nonce } = answeredBy(response, login, context.settings.issuer, endpoints);
  const note = (outcome: string) => noteLogin(context, { state, appState, nonce, outcome, isBack: true });
  removeTransaction(context, login);
  note('sent');
  const exchange = redeemOnce(context, response, login, note);
  hold(context, state, exchange);
  return exchange;
}

async function redeemOnce(
  context: ClientContext,
  response: AuthorizationResponse,
  login: LoginUnderWay,
  note: (outcome: string) => void,
): Promise<unknown> {
  let isSpent = false;
  try {
    const redeemed = await sendCode(context, response, login);
    isSpent = true;
    await keepRedeemed(context, redeemed, login);
    note('signed_in');
    return login.appState;
  } catch (error) {
    // What has been disposed of sends nothing.
    if (!(error instanceof GenericError && (error.retryable || error.error === 'disposed'))) {
      note(error instanceof GenericError ? error.error : 'error');
      throw error;
    }
    if (isSpent) {
      note(error.error);
      throw Object.assign(error, { retryable: false, requiresLogin: true }); // only a login helps
    }
    saveTransaction(context, login); // the code may still be good: nobody asked, or answered, or the server declined for a while
    throw error;
  }
}

/**
 * For an address that no login under way is waiting for: nothing is sent for it. What is known to have ended well, and what nobody
 * knows of, is no failure for somebody who is signed in. A login that did not take place is one, whoever is: it may have been for
 * somebody else.
 * @returns the app's state, where it is known
 */
async function repeat(
  context: ClientContext,
  response: AuthorizationResponse,
  areOthersUnderWay: boolean,
): Promise<unknown> {
  const { state = '' } = response;
  const login = findLogin(context, state);
  const { appState, outcome, nonce } = login ?? {};
  if (outcome !== undefined && response.error !== undefined) codeOf(response, { state, appState }); // throws it again
  // In memory mode it was signed in by a page, or a client, that was another.
  if (outcome === 'signed_in' && !(await findSession(context))) await checkSession(context, {});
  const session = await findSession(context);
  const reason =
    outcome !== undefined ? 'consumed' : login ? 'expired' : isOurs(state) ? 'unknown' : 'foreign';
  // Its page was left in the middle: then the session tells whether it is the one that the code has brought.
  const isFound = outcome === 'sent' && nonce !== undefined && session?.claims.nonce === nonce;
  if (isFound) noteLogin(context, { state, outcome: 'signed_in' });
  const isNoFailure =
    outcome === 'signed_in' || isFound || (reason === 'unknown' && response.error === undefined);
  if (session && isNoFailure) return appState;
  throw unknownState(reason, areOthersUnderWay);
}

/** Everything that was ever sent from here as a state looks like this. */
const isOurs = (state: string): boolean => /^[\w-]{43}$/.test(state);
