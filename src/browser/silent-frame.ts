import type { SilentFrame, Timers } from '../environment.ts';
import { TimeoutError } from '../errors.ts';
import { readWebMessage } from '../oauth/web-message.ts';

export function createSilentFrame(timers: Timers): SilentFrame {
  return {
    async authorize(url, { origin, state, limit, silence }) {
      const frame = document.createElement('iframe');
      frame.setAttribute('width', '0');
      frame.setAttribute('height', '0');
      frame.setAttribute('aria-hidden', 'true');
      frame.title = 'Silent sign-in';
      frame.style.display = 'none';

      let callOffSilence = () => {};
      const listening = new AbortController();
      const answer = new Promise<ReturnType<typeof readWebMessage> & object>((resolve, reject) => {
        const callOffLimit = timers.after(limit, () => reject(new TimeoutError('frame_timeout')));
        listening.signal.addEventListener('abort', callOffLimit);
        window.addEventListener(
          'message',
          (event) => {
            if (event.origin !== origin || event.source !== frame.contentWindow) return;
            const response = readWebMessage(event.data);
            if (response?.state === state) resolve(response);
          },
          { signal: listening.signal },
        );
        // A page that had something to say has said it by the time it has loaded.
        frame.addEventListener('load', () => {
          callOffSilence();
          callOffSilence = timers.after(silence, () => reject(new TimeoutError('frame_silent')));
        });
      });

      frame.src = url;
      document.body.append(frame);
      try {
        return await answer;
      } finally {
        listening.abort();
        callOffSilence();
        frame.remove();
      }
    },
  };
}
