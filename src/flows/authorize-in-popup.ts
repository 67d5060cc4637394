import type { Milliseconds } from '../clock.ts';
import { authorizationRequest } from '../core/authorization-request.ts';
import { targetOf, type Target } from '../core/target.ts';
import { answeredBy } from '../core/authorization-response.ts';
import type { PopupConfigOptions, PopupLoginOptions } from '../core/options.ts';
import type { Session } from '../core/session.ts';
import { readLimit, readText } from '../core/settings.ts';
import { within } from '../core/within.ts';
import type { PopupHost } from '../environment.ts';
import {
  InvalidConfigurationError,
  noPage,
  PopupCancelledError,
  PopupOpenError,
  PopupTimeoutError,
} from '../errors.ts';
import { popupChannelName } from '../oauth/popup-channel.ts';
import type { ClientContext } from './context.ts';
import { findSession } from './entries.ts';
import { isCarriedOn } from './keep-session.ts';
import type { Obtained } from './get-token-silently.ts';
import { popupAnswer } from './popup-answer.ts';
import { redeemCode } from './redeem-code.ts';
import { authorizationSecrets } from './secrets.ts';

/** How long a popup is listened to after its caller was told of a time-out: as long as a code lives that is issued at once. */
const lateLimit: Milliseconds = 600_000;

/**
 * A login by the user in `popup`, which is `null` where the browser let none be opened. Never under a lock: a user may take a
 * minute. The limit is for the user; the exchange that follows has its own. Where it is over, only the caller stops waiting: a
 * login that is completed later is kept, unless there was a logout or another login before it.
 */
export async function authorizeInPopup(
  context: ClientContext,
  { popup, ...options }: PopupLogin,
): Promise<Obtained> {
  if (!options.host.open) throw noPage();
  if (!popup) throw new PopupOpenError();
  if (typeof popup.close !== 'function' || typeof popup.location !== 'object')
    throw new InvalidConfigurationError('"popup" is no window.');
  const { settings, env } = context;
  const giveUp = new AbortController();
  for (const signal of [options.signal, context.disposal.signal]) follow(giveUp, signal);
  const finish = () => {
    giveUp.abort();
    if (options.closePopup !== false) popup.close();
  };

  const { limit, target, transaction, url, channel, endpoints } = await prepare(
    context,
    popup,
    options,
  ).catch((error: unknown) => {
    finish();
    throw error;
  });
  const before = standing(context, target);
  let isLate = false;
  const answer = popupAnswer({ host: options.host, popup, timers: env.timers }, url, {
    origin: new URL(endpoints.authorize).origin,
    state: transaction.state,
    channel,
    signal: giveUp.signal,
  });
  const login = answer
    .then(async (response) => {
      const answered = answeredBy(response, transaction, settings.issuer, endpoints);
      if (isLate && !isUnchanged(await before, await standing(context, target)))
        throw new Error('the user has logged out or in meanwhile'); // told to nobody
      giveUp.signal.throwIfAborted(); // the code is good for nobody else
      return redeemCode(context, response, answered);
    })
    .finally(finish); // a page that lives in the popup's shadow, as an extension's does, has its tokens before it goes
  login.catch(() => {}); // the caller may have been told something else
  const late = () => {
    isLate = true;
    const callOff = env.timers.after(lateLimit, () => giveUp.abort());
    login.then(callOff, callOff);
    return new PopupTimeoutError(popup);
  };
  await within(env.timers, limit, answer, late);
  return login;
}

interface PopupLogin extends PopupLoginOptions, PopupConfigOptions {
  readonly host: PopupHost;
  popup?: Window | null | undefined;
}

/** Whatever ends one ends the other. */
function follow(controller: AbortController, signal: AbortSignal | undefined): void {
  const abort = () => controller.abort(signal?.reason);
  if (signal?.aborted) abort();
  else signal?.addEventListener('abort', abort, { signal: controller.signal });
}

async function prepare(context: ClientContext, popup: Window, options: PopupLogin) {
  const { settings, env } = context;
  await context.tune?.();
  const callback = readCallbackUrl(context, options.popupCallbackUrl);
  const limit = 1000 * readLimit('timeoutInSeconds', options.timeoutInSeconds, settings.frameLimit / 1000);
  const target = targetOf(settings, options.authorizationParams);
  const { redirect_uri = env.page.origin() } = target.params;
  const endpoints = await context.endpoints();
  const { url, transaction } = authorizationRequest(settings, target, await authorizationSecrets(context), {
    authorize: endpoints.authorize,
    response_mode: callback === undefined ? 'web_message' : 'query',
    redirect_uri: callback ?? redirect_uri,
  });
  if (popup.closed) throw new PopupCancelledError(popup); // nothing has been in it that could cut it off
  const name = popupChannelName(settings.clientId, transaction.state);
  const channel = callback === undefined ? undefined : { name, close: options.closePopup !== false };
  return { limit, target, transaction, url, channel, endpoints };
}

/** @throws {InvalidConfigurationError} for an address that this page could hear nothing from. */
function readCallbackUrl(
  { settings, env }: ClientContext,
  given = settings.popupCallbackUrl,
): string | undefined {
  if (given === undefined) return undefined;
  const text = readText('popupCallbackUrl', given);
  try {
    const { origin, href } = new URL(text, env.page.url());
    if (origin === env.page.origin()) return href;
  } catch {
    // Not an address at all: refused below, with the same words.
  }
  throw new InvalidConfigurationError(
    `"popupCallbackUrl" is "${text}", which is no address of this page's origin.`,
    'Pass that of a page which calls answerPopup().',
  );
}

interface Standing {
  readonly session: Session | undefined;
  readonly logouts: number;
}

/** Who is signed in, and after how many logouts; `undefined` where nobody can tell. */
async function standing(context: ClientContext, target: Target): Promise<Standing | undefined> {
  try {
    const [session, { logouts }] = await Promise.all([findSession(context), context.custody.look(target)]);
    return { session, logouts };
  } catch {
    return undefined;
  }
}

function isUnchanged(before: Standing | undefined, now: Standing | undefined): boolean {
  if (!before || !now || before.logouts !== now.logouts) return false;
  return isCarriedOn(before.session, now.session);
}
