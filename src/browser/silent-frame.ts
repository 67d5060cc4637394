import { within } from '../core/within.ts';
import type { SilentFrame, Timers } from '../environment.ts';
import { noPage, TimeoutError } from '../errors.ts';
import type { AuthorizationResponse } from '../oauth/authorization-endpoint.ts';
import { readWebMessage } from '../oauth/web-message.ts';

export function createSilentFrame(timers: Timers): SilentFrame {
  return {
    async authorize(url, { origin, state, limit, silence }) {
      if (typeof document === 'undefined') throw noPage();
      const frame = document.createElement('iframe');
      frame.title = 'Silent sign-in';
      frame.style.display = 'none'; // inline, so that no style of the page shows it
      frame.src = url;

      const listening = new AbortController();
      let callOff = () => {};
      const answer = new Promise<AuthorizationResponse>((resolve, reject) => {
        const hear = (event: MessageEvent) => {
          if (event.origin !== origin || event.source !== frame.contentWindow) return;
          const response = readWebMessage(event.data);
          if (response?.state === state) resolve(response);
        };
        window.addEventListener('message', hear, { signal: listening.signal });
        // A page that had something to say has said it by the time it has loaded.
        frame.onload = () => {
          callOff();
          callOff = timers.after(silence, () =>
            reject(new TimeoutError('frame_silent', undefined, suspects())),
          );
        };
      });

      document.documentElement.append(frame); // there may be no body yet
      try {
        return await within(timers, limit, answer, () => new TimeoutError('frame_timeout'));
      } finally {
        listening.abort();
        callOff();
        frame.remove();
      }
    },
  };
}

/** What to look at, beside the message that apps know. */
const suspects = (): Error =>
  new Error(
    `The iframe has loaded and says nothing. Does the tenant know the client id, and list ${location.origin} among the web ` +
      'origins, and the redirect URI among the callbacks? Does a policy of the page forbid the frame?',
  );
