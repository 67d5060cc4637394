/**
 * @jest-environment ./__tests__/support/jsdom-environment.js
 * @jest-environment-options {"url": "http://localhost:3000/"}
 */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createBrowserEnvironment } from '../../src/browser/environment.ts';
import { createSilentFrame } from '../../src/browser/silent-frame.ts';

const origin = 'https://tenant.example';
const { timers } = createBrowserEnvironment();

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

function begin(state = 's') {
  const answer = createSilentFrame(timers).authorize('about:blank#authorize', {
    origin,
    state,
    limit: 60_000,
    silence: 2000,
  });
  answer.catch(() => {}); // each test looks at it in its own time
  const frame = document.querySelector('iframe:last-of-type') as HTMLIFrameElement;
  return { answer, frame };
}

function post(data: unknown, changes: { origin?: string; source?: Window | null } = {}): void {
  window.dispatchEvent(new MessageEvent('message', { data, origin, source: null, ...changes }));
}

const message = (response: object) => ({ type: 'authorization_response', response });

describe('a silent frame', () => {
  it('hears its own answer, and is gone afterwards', async () => {
    const { answer, frame } = begin();
    expect(frame.style.display).toBe('none');
    post(message({ code: 'c', state: 's' }), { source: frame.contentWindow });
    await expect(answer).resolves.toMatchObject({ code: 'c', state: 's' });
    expect(document.querySelector('iframe')).toBeNull();
  });

  it.each([
    ['another origin', message({ code: 'x', state: 's' }), { origin: 'https://evil.example' }, true],
    ['another window', message({ code: 'x', state: 's' }), {}, false],
    ['another login', message({ code: 'x', state: 'other' }), {}, true],
    ['no login at all', { type: 'other' }, {}, true],
    ['text', 'authorization_response', {}, true],
    ['nothing', null, {}, true],
  ])('is deaf to a message of %s', async (_, data, changes, fromFrame) => {
    const { answer, frame } = begin();
    post(data, { source: fromFrame ? frame.contentWindow : window, ...changes });
    post(message({ code: 'c', state: 's' }), { source: frame.contentWindow });
    await expect(answer).resolves.toMatchObject({ code: 'c' });
  });

  it('hears an error as an answer', async () => {
    const { answer, frame } = begin();
    post(message({ error: 'login_required', state: 's' }), { source: frame.contentWindow });
    await expect(answer).resolves.toMatchObject({ error: 'login_required' });
  });

  it('P8: that has loaded and stays silent is given up after 2 s, and names the suspects', async () => {
    const { answer, frame } = begin();
    frame.dispatchEvent(new Event('load'));
    await jest.advanceTimersByTimeAsync(2000);
    await expect(answer).rejects.toMatchObject({
      error: 'timeout',
      message: 'Timeout',
      reason: 'frame_silent',
      cause: { message: expect.stringContaining(location.origin) as unknown },
    });
    expect(document.querySelector('iframe')).toBeNull();
  });

  it('that never loads is given up at the limit', async () => {
    const { answer } = begin();
    await jest.advanceTimersByTimeAsync(59_999);
    expect(document.querySelector('iframe')).not.toBeNull();
    await jest.advanceTimersByTimeAsync(1);
    await expect(answer).rejects.toMatchObject({ error: 'timeout', reason: 'frame_timeout' });
    expect(document.querySelector('iframe')).toBeNull();
  });
});
