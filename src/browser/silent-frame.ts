import { pause, within } from '../core/within.ts';
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
        // Firefox tells of no load then.
        onViolation('frame-src', origin, signal, () => giveUp('frame_forbidden'));

        let hasLoaded = false;
        // Of a tenant that is out of reach, Chromium loads an error page, and the others load nothing.
        wait(silence, async () => {
          if ((await isReached(origin, timers, signal)) === false && !hasLoaded) giveUp('frame_unreachable');
        });
        frame.onload = () => {
          hasLoaded = true;
          const back = answerOutside(frame, origin, state);
          if (back !== undefined) return giveUp('frame_callback', back);
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
    frame_forbidden: `The page's own Content-Security-Policy forbids the iframe: add ${origin} to its frame-src.`,
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

/** What came to the redirect URI, instead of a message; `undefined`: nothing did. */
function answerOutside(frame: HTMLIFrameElement, origin: string, state: string): string | undefined {
  try {
    const { href = '' } = frame.contentWindow?.location ?? {};
    if (
      new URL(href).origin !== location.origin ||
      (origin === location.origin && !href.includes(`state=${state}`))
    )
      return undefined;
    const [, error] = /[?&#]error=(\w+)/.exec(href) ?? [];
    return error === undefined ? '' : ` (${error})`;
  } catch {
    return undefined; // of another origin, as it is to be
  }
}

/** Whether anything at all answers there; `undefined` where the page may not ask. */
async function isReached(origin: string, timers: Timers, signal: AbortSignal): Promise<boolean | undefined> {
  let mayAsk = true;
  onViolation('connect-src', origin, signal, () => (mayAsk = false));
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

/** Calls `task` when a policy of the page forbids something of `origin`. */
function onViolation(directive: string, origin: string, signal: AbortSignal, task: () => void): void {
  document.addEventListener(
    'securitypolicyviolation',
    ({ disposition, effectiveDirective, blockedURI }) => {
      if (disposition === 'enforce' && effectiveDirective === directive && blockedURI.startsWith(origin))
        task();
    },
    { signal },
  );
}
