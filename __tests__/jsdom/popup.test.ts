/**
 * @jest-environment ./__tests__/support/jsdom-environment.js
 * @jest-environment-options {"url": "http://localhost:3000/popup.html?code=c&state=s&other=1"}
 */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { answerPopup } from '../../src/browser/answer-popup.ts';
import { createBrowserEnvironment } from '../../src/browser/environment.ts';
import { popupAnswer } from '../../src/flows/popup-answer.ts';
import { popupChannelName } from '../../src/oauth/popup-channel.ts';

const origin = 'https://tenant.example';
const { timers, popupHost } = createBrowserEnvironment();
const seconds = 1000;
const close = jest.fn();

beforeEach(() => {
  window.close = close.mockClear();
});

/** The page that waits, over the window of jsdom; `channel` as `popupAnswer` takes it. */
function wait(channel?: { name: string; close: boolean }) {
  const popup = { closed: false, location: { href: 'about:blank', replace: jest.fn() } };
  const giveUp = new AbortController();
  const host = popupHost();
  const answer = popupAnswer({ host, popup: popup as unknown as Window, timers }, `${origin}/authorize`, {
    origin,
    state: 's',
    channel,
    signal: giveUp.signal,
  });
  answer.catch(() => {}); // each test looks at it in its own time
  return { answer, popup, giveUp };
}

const message = { type: 'authorization_response', response: { code: 'c', state: 's' } };

describe('the window of a page', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('brings the answer of a popup, and is not listened to afterwards', async () => {
    const added = jest.spyOn(window, 'addEventListener');
    const { answer, popup } = wait();
    expect(popup.location.replace).toHaveBeenCalledWith(`${origin}/authorize`);
    window.dispatchEvent(new MessageEvent('message', { data: message, origin, source: null }));
    await expect(answer).resolves.toMatchObject({ code: 'c' });
    expect(jest.getTimerCount()).toBe(0);
    const [, , options] = added.mock.calls.find(([type]) => type === 'message') ?? [];
    expect((options as AddEventListenerOptions).signal?.aborted).toBe(true);
  });

  it('is not looked at any more when the popup was given up', async () => {
    const { answer, giveUp } = wait();
    giveUp.abort();
    await expect(answer).rejects.toBe(giveUp.signal.reason);
    expect(jest.getTimerCount()).toBe(0);
  });

  it.each([
    ['that the user has closed a popup, by the focus that comes back to it', 'cancelled', true],
    ['that a popup was cut off, by the focus that stays there', 'popup_severed', false],
  ])('shows %s', async (_, error, isFocused) => {
    const input = document.body.appendChild(document.createElement('input'));
    if (isFocused) input.focus();
    expect(document.hasFocus()).toBe(isFocused);
    const { answer, popup } = wait();
    popup.closed = true;
    await jest.advanceTimersByTimeAsync(1 * seconds);
    await expect(answer).rejects.toMatchObject({ error });
    input.blur();
    input.remove();
  });
});

describe('the page that a popup returns to', () => {
  const name = popupChannelName('spa', 's');

  it.each([true, false])('hands over its answer, and closes if it is told so (%s)', async (isToClose) => {
    history.replaceState(null, '', '/popup.html?code=c&state=s');
    const { answer } = wait({ name, close: isToClose });
    const answered = answerPopup({ clientId: 'spa' });
    expect(location.href).toBe('http://localhost:3000/popup.html'); // before anybody has seen it
    await expect(answered).resolves.toBe(true);
    await expect(answer).resolves.toMatchObject({ code: 'c', state: 's' });
    expect(close).toHaveBeenCalledTimes(Number(isToClose));
  });

  it('of another login is not heard', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    history.replaceState(null, '', '/popup.html?code=c&state=other');
    const { answer, giveUp } = wait({ name, close: true });
    const answered = answerPopup({ clientId: 'spa' });
    await jest.advanceTimersByTimeAsync(5 * seconds);
    await expect(answered).resolves.toBe(false);
    expect(close).not.toHaveBeenCalled();
    giveUp.abort();
    await expect(answer).rejects.toBeDefined();
    jest.useRealTimers();
  });

  it('takes the answer out of an address of two slashes too', async () => {
    history.replaceState(null, '', 'http://localhost:3000//popup.html?code=c');
    await expect(answerPopup({ clientId: 'spa' })).resolves.toBe(false);
    expect(location.href).toBe('http://localhost:3000//popup.html');
  });

  it('without an answer in its address says so', async () => {
    history.replaceState(null, '', '/popup.html');
    await expect(answerPopup({ clientId: 'spa' })).resolves.toBe(false);
  });
});
