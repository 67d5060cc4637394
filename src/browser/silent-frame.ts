import { pause } from '../core/patience.ts';
import { within } from '../core/within.ts';
import type { SilentFrame, Timers } from '../environment.ts';
import { AuthenticationError, noPage, TimeoutError } from '../errors.ts';
import type { AuthorizationResponse } from '../oauth/authorization-endpoint.ts';
import { readWebMessage } from '../oauth/web-message.ts';

/** Browsers tell little of a frame of another origin; docs/decisions/03-iframe-fallback.md has what, and which of them. */
export function createSilentFrame(timers: Timers): SilentFrame {
  return {
    async authorize(url, { origin, state, limit, silence, signedIn }) {
      if (typeof document === 'undefined') throw noPage();
      const frame = document.createElement('iframe');
      frame.title = 'Silent sign-in';
      frame.style.display = 'none'; // inline, so that no style of the page shows it
      frame.src = url;

      const listening = new AbortController();
      const { signal } = listening;
      let callOff = () => {};
      const wait = (span: number, task: () => void) => {
        callOff();
        callOff = timers.after(span, task);
      };
      const answer = new Promise<AuthorizationResponse>((resolve, reject) => {
        const giveUp = (reason: Silence, seen?: string) => reject(silent(reason, url, origin, seen));
        const hear = (event: MessageEvent) => {
          if (event.origin !== origin || event.source !== frame.contentWindow) return;
          const response = readWebMessage(event.data);
          if (response?.state !== state) return;
          if (response.error === 'login_required' && signedIn && isOtherSite(origin))
            return reject(cookielessFrame(response, state, origin));
          resolve(response);
        };
        window.addEventListener('message', hear, { signal });
        window.addEventListener('offline', () => giveUp('frame_offline'), { signal });

        let hasEnded = false; // loading, one way or another
        let isForbidden = false;
        onViolation('frame-src', signal, (blocked) => {
          const back = answerIn(blocked, state);
          if (back !== undefined) return giveUp('frame_callback', back);
          isForbidden ||= blocked.startsWith(origin);
          if (isForbidden && hasEnded) giveUp('frame_forbidden');
        });
        // Of a tenant that is out of reach, Chromium loads an error page, and the others load nothing.
        wait(silence, async () => {
          if (isForbidden) return giveUp('frame_forbidden');
          if ((await isReached(origin, timers, signal)) === false && !hasEnded) giveUp('frame_unreachable');
        });
        frame.onerror = frame.onload = () => {
          hasEnded = true;
          const back = answerIn(addressOf(frame), origin === location.origin ? state : undefined);
          if (back !== undefined) return giveUp('frame_callback', back);
          if (isForbidden) return giveUp('frame_forbidden'); // or another frame was, whose load this is not
          // A page that had something to say has said it by the time it has loaded.
          wait(silence / 2, () => {
            let reached: boolean | undefined;
            void isReached(origin, timers, signal).then((it) => (reached = it));
            wait(silence / 2, () => giveUp(reached === false ? 'frame_unreachable' : 'frame_silent'));
          });
        };
      });

      document.documentElement.append(frame); // there may be no body yet
      try {
        return await within(timers, limit, answer, () => silent('frame_timeout', url, origin));
      } finally {
        listening.abort();
        callOff();
        frame.remove();
      }
    },
  };
}

/** All are known but `frame_silent`, which has several suspects. */
type Silence =
  | 'frame_offline'
  | 'frame_forbidden'
  | 'frame_unreachable'
  | 'frame_callback'
  | 'frame_silent'
  | 'frame_timeout';

/** The message is the one that apps know; what was found out is its description, and its cause, which consoles show. */
function silent(reason: Silence, url: string, origin: string, seen = ''): TimeoutError {
  const asked = new URL(url).searchParams;
  const [callback = ''] = (asked.get('redirect_uri') ?? '').split(/[?#]/, 1);
  const isolated = globalThis.crossOriginIsolated
    ? ' This page is cross-origin isolated (COEP): a frame without COEP of its own is not loaded.'
    : '';
  const found: Readonly<Record<Silence, string>> = {
    frame_offline: 'The browser has lost its network.',
    frame_forbidden: `The page's own Content-Security-Policy forbids the iframe: add ${origin} to its frame-src (and, should that be there, where ${origin} sends it).`,
    frame_unreachable: `${origin} cannot be reached from this page: a wrong domain, or something on the way blocks it (network, firewall, extension).`,
    frame_callback: `The answer${seen} went to the redirect URI inside the iframe: the provider does not know response_mode=web_message. Use refresh tokens.`,
    frame_silent:
      `The iframe has loaded, and says nothing.${isolated} To be looked at in the dashboard, the likeliest first: Allowed Web Origins ` +
      `(${location.origin}); Allowed Callback URLs (${callback}); the application's Client ID (${asked.get('client_id')}) and the domain ` +
      `(${origin}). Then: a frame-ancestors or X-Frame-Options there, or an extension that forbids the iframe.`,
    frame_timeout: `The iframe has not loaded in time: ${origin} does not answer, or not with a page.${isolated}`,
  };
  const error_description = found[reason];
  return Object.assign(new TimeoutError(reason, undefined, new Error(error_description)), {
    error_description,
  });
}

/** Nothing in the page can tell whether another origin's cookies are kept back; but somebody has signed in here. */
function cookielessFrame(
  { error_description = 'login_required' }: AuthorizationResponse,
  state: string,
  origin: string,
): AuthenticationError {
  const error = new AuthenticationError(
    'login_required',
    error_description,
    state,
    null,
    'third_party_cookies',
  );
  const cause = new Error(
    `Somebody has signed in here, and the iframe is told that nobody has. Likely: the browser keeps the cookies of ${origin} from ` +
      `iframes of ${location.origin}, which is another site; then use refresh tokens, or a custom domain of the app's own site. ` +
      "Else the session there is over, or its connection runs on Auth0's developer keys.",
  );
  return Object.assign(error, { cause });
}

/** As near as a page can tell, which knows no list of public suffixes: one site too many, rather than one suspicion too many. */
const isOtherSite = (origin: string): boolean =>
  siteOf(new URL(origin).hostname) !== siteOf(location.hostname);
const siteOf = (host: string): string => host.split('.').slice(-2).join('.');

/** Where the page in the frame is; `''`: at another origin, as it is to be. */
function addressOf(frame: HTMLIFrameElement): string {
  try {
    return frame.contentWindow?.location.href ?? '';
  } catch {
    return '';
  }
}

/** What came to this origin in the frame, instead of a message; `undefined`: nothing did. @param state Where it may be others'. */
function answerIn(address: string, state: string | undefined): string | undefined {
  const isIts = state === undefined || address.includes(`state=${state}`);
  if (!address.startsWith(`${location.origin}/`) || !isIts) return undefined;
  const [, error] = /[?&#]error=(\w+)/.exec(address) ?? [];
  return error === undefined ? '' : ` (${error})`;
}

/** Whether anything at all answers there; `undefined` where the page may not ask. */
async function isReached(origin: string, timers: Timers, signal: AbortSignal): Promise<boolean | undefined> {
  let mayAsk = true;
  onViolation('connect-src', signal, (blocked) => (mayAsk &&= !blocked.startsWith(origin)));
  const ask = (mode: RequestMode) =>
    fetch(`${origin}/.well-known/openid-configuration`, {
      mode,
      cache: 'no-store',
      credentials: 'omit',
      signal,
    });
  try {
    await ask('no-cors').catch(() => ask('cors')); // a page under COEP may do the second only
    return true;
  } catch {
    await pause(timers, reportDelay);
    return mayAsk ? false : undefined;
  }
}

/** A request that a policy forbids fails before that is told. */
const reportDelay = 100;

/** Calls `task` with each address that a policy of the page forbids. */
function onViolation(directive: string, signal: AbortSignal, task: (blocked: string) => void): void {
  document.addEventListener(
    'securitypolicyviolation',
    ({ disposition, effectiveDirective, blockedURI }) => {
      if (disposition === 'enforce' && effectiveDirective === directive) task(blockedURI);
    },
    { signal },
  );
}
