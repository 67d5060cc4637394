import type { Milliseconds } from '../clock.ts';
import type { PopupHost, Timers } from '../environment.ts';
import { GenericError, PopupCancelledError } from '../errors.ts';
import type { AuthorizationResponse } from '../oauth/authorization-endpoint.ts';
import { popupReceipt } from '../oauth/popup-channel.ts';
import { readWebMessage } from '../oauth/web-message.ts';

export interface ExpectedAnswer {
  readonly origin: string;
  readonly state: string;
  /** Where the app's own callback page answers, and whether it is to close then. */
  readonly channel: { readonly name: string; readonly close: boolean } | undefined;
  /** Nobody waits any more. */
  readonly signal: AbortSignal;
}

/**
 * Sends `popup` to `url` and waits for its answer, with that `state`: by `web_message` from `origin`, from that window or from
 * one that is gone; or over `channel`, where there is one. Other messages are ignored.
 *
 * @throws {PopupCancelledError} when the user has closed it, unless there is a `channel`: what cannot be reached looks closed.
 * @throws {GenericError} `popup_severed`, when no message can arrive any more.
 */
export async function popupAnswer(
  { host, popup, timers }: { host: PopupHost; popup: Window; timers: Timers },
  url: string,
  { origin, state, channel: wanted, signal }: ExpectedAnswer,
): Promise<AuthorizationResponse> {
  signal.throwIfAborted();
  const listening = new AbortController();
  const channel = wanted && new host.BroadcastChannel(wanted.name);
  let callOff = () => {};
  try {
    return await new Promise<AuthorizationResponse>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { signal: listening.signal });
      popup.location.replace(url); // unlike `href`, leaves no empty page behind to go back to
      if (channel) {
        channel.onmessage = ({ data }) => {
          const response = readWebMessage(data);
          if (response?.state !== state) return;
          channel.postMessage(popupReceipt(wanted.close));
          resolve(response);
        };
        return;
      }
      const hear = (event: MessageEvent) => {
        // In WebKit a window that has closed itself meanwhile is no source any more.
        if (event.origin !== origin || (event.source !== popup && event.source !== null)) return;
        const response = readWebMessage(event.data);
        if (response?.state === state) resolve(response);
      };
      host.addEventListener('message', hear, { signal: listening.signal });
      const judge = closedJudge(host, popup);
      const look = () => {
        const verdict = judge();
        if (verdict) reject(verdict);
        else callOff = timers.after(lookPause, look);
      };
      look();
    });
  } finally {
    callOff();
    listening.abort();
    channel?.close();
  }
}

const lookPause: Milliseconds = 200;

/** After so many looks at a window that seems closed, all is known that ever will be. */
const mostLooks = 4;

/**
 * Looks at a popup from time to time, and says why nothing will come any more, once that is certain.
 *
 * A window looks closed when the user has closed it, and also when a page has come into it that a Cross-Origin-Opener-Policy
 * cuts off. In Chromium one that is cut off by the first page from elsewhere has not been seen open with it, or only for an
 * instant, and cannot be read. In all other cases the two look alike, but for the focus: it comes back to this page from a
 * window that is closed, and stays with one that is cut off. Firefox and WebKit cut a window off while it is still empty, and
 * it can be read ever after, as one that the user has closed then.
 */
function closedJudge({ document }: PopupHost, popup: Window): () => GenericError | undefined {
  let looksAtOthers = 0;
  let looksAtClosed = 0;
  return () => {
    if (!popup.closed) {
      looksAtOthers += Number(!isReadable(popup));
      return undefined;
    }
    looksAtClosed++;
    if (looksAtClosed === 1) return undefined; // it may have answered before it went: the message is then on its way
    if (!isReadable(popup) && looksAtOthers < 2) return severed();
    if (document.hasFocus()) return new PopupCancelledError(popup);
    return looksAtClosed < mostLooks ? undefined : severed();
  };
}

/** False while it shows, or was showing at its end, a page of another origin. */
function isReadable(popup: Window): boolean {
  try {
    return popup.location.href !== undefined;
  } catch {
    return false;
  }
}

const severed = (): GenericError =>
  new GenericError(
    'popup_severed',
    'The popup cannot be reached any more: a Cross-Origin-Opener-Policy, of a page in it or of this page, cuts it off. ' +
      'The user may still be there. Set "popupCallbackUrl".',
  );
