/**
 * @jest-environment ./__tests__/support/jsdom-environment.js
 * @jest-environment-options {"url": "http://localhost:3000/"}
 */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createBrowserEnvironment } from '../../src/browser/environment.ts';
import { createSilentFrame } from '../../src/browser/silent-frame.ts';
import type { GenericError } from '../../src/errors.ts';

const origin = 'https://tenant.example';
const { timers } = createBrowserEnvironment();

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

const isReachable = () => Promise.resolve(new Response());
const isOutOfReach = () => Promise.reject(new TypeError('Failed to fetch'));
let probes: RequestInfo[] = [];

function begin({ signedIn = false, reach = isReachable, url = 'about:blank#authorize', from = origin } = {}) {
  probes = [];
  window.fetch = globalThis.fetch = (probe) => {
    probes.push(probe as string);
    return reach();
  };
  const answer = createSilentFrame(timers).authorize(url, {
    origin: from,
    state: 's',
    limit: 60_000,
    silence: 2000,
    signedIn,
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

  it('asks the tenant for nothing else where it answers', async () => {
    const { answer, frame } = begin();
    await jest.advanceTimersByTimeAsync(1999);
    post(message({ code: 'c', state: 's' }), { source: frame.contentWindow });
    await expect(answer).resolves.toMatchObject({ code: 'c' });
    await jest.advanceTimersByTimeAsync(60_000);
    expect(probes).toEqual([]);
  });

  it('hears an error as an answer', async () => {
    const { answer, frame } = begin();
    post(message({ error: 'login_required', state: 's' }), { source: frame.contentWindow });
    await expect(answer).resolves.toMatchObject({ error: 'login_required' });
  });

  it('P8: that has loaded and stays silent is given up after 2 s, and names the suspects', async () => {
    const address = `about:blank?client_id=spa&redirect_uri=${encodeURIComponent(`${location.origin}/back?secret=1`)}`;
    const { answer, frame } = begin({ url: address });
    frame.dispatchEvent(new Event('load'));
    await jest.advanceTimersByTimeAsync(1999);
    expect(document.querySelector('iframe')).not.toBeNull();
    await jest.advanceTimersByTimeAsync(1);
    const error = await failureOf(answer);
    expect(error).toMatchObject({
      error: 'timeout',
      message: 'Timeout',
      reason: 'frame_silent',
      retryable: true,
    });
    expect(error.error_description).toBe((error.cause as Error).message);
    const suspects = [
      'Web Origins (http://localhost:3000)',
      'Callback URLs (http://localhost:3000/back)',
      'Client ID (spa)',
    ];
    const places = [...suspects, `domain (${origin})`, 'frame-ancestors', 'extension'].map((it) =>
      error.error_description.indexOf(it),
    );
    expect(places).not.toContain(-1);
    expect(places).toEqual([...places].sort((one, other) => one - other));
    expect(error.error_description).not.toContain('secret');
    expect(probes).toEqual([`${origin}/.well-known/openid-configuration`]);
    expect(document.querySelector('iframe')).toBeNull();
  });

  it('names the isolation of the page where it has one', async () => {
    globalThis.crossOriginIsolated = true;
    try {
      const { answer, frame } = begin();
      frame.dispatchEvent(new Event('load'));
      await jest.advanceTimersByTimeAsync(2000);
      expect((await failureOf(answer)).error_description).toContain('COEP');
    } finally {
      globalThis.crossOriginIsolated = false;
    }
  });

  it('P8: of a tenant that is out of reach is given up after 2 s, whether an error page is loaded or nothing', async () => {
    for (const loads of [true, false]) {
      const { answer, frame } = begin({ reach: isOutOfReach });
      if (loads) frame.dispatchEvent(new Event('load'));
      await jest.advanceTimersByTimeAsync(2100);
      const error = await failureOf(answer);
      expect(error).toMatchObject({ message: 'Timeout', reason: 'frame_unreachable' });
      expect(error.error_description).toContain(`${origin} cannot be reached`);
      expect(document.querySelector('iframe')).toBeNull();
    }
  });

  it.each([
    ['frame_silent', 'connect-src', 'enforce', true],
    ['frame_unreachable', 'connect-src', 'report', true],
    ['frame_unreachable', 'connect-src', 'enforce', false],
  ] as const)(
    'is "%s" where %s (%s; of the tenant: %s) is told meanwhile',
    async (reason, directive, disposition, its) => {
      const { answer, frame } = begin({ reach: isOutOfReach });
      frame.dispatchEvent(new Event('load'));
      await jest.advanceTimersByTimeAsync(1050);
      tellViolation(directive, disposition, its ? origin : 'https://cdn.example');
      await jest.advanceTimersByTimeAsync(1000);
      expect(await failureOf(answer)).toMatchObject({ reason });
    },
  );

  it('P8: whose tenant can be reached only with CORS, as under COEP, is not called out of reach', async () => {
    let asked = 0;
    const { answer, frame } = begin({ reach: () => (asked++ === 0 ? isOutOfReach() : isReachable()) });
    frame.dispatchEvent(new Event('load'));
    await jest.advanceTimersByTimeAsync(2000);
    expect(await failureOf(answer)).toMatchObject({ reason: 'frame_silent' });
  });

  it.each([
    ['load', 'before'],
    ['load', 'after'],
    ['error', 'before'],
  ])('P8: that the page itself forbids is given up at once: "%s", told %s it', async (type, order) => {
    const { answer, frame } = begin();
    const end = () => frame.dispatchEvent(new Event(type));
    if (order === 'after') end();
    tellViolation('frame-src', 'report', origin);
    tellViolation('frame-src', 'enforce', 'https://ads.example');
    tellViolation('img-src', 'enforce', origin);
    await jest.advanceTimersByTimeAsync(1);
    expect(document.querySelector('iframe')).not.toBeNull();
    tellViolation('frame-src', 'enforce', origin);
    if (order === 'before') end();
    const error = await failureOf(answer);
    expect(error).toMatchObject({ message: 'Timeout', reason: 'frame_forbidden' });
    expect(error.error_description).toContain(`${origin} to its frame-src`);
  });

  it('goes on while another one of the page is forbidden, which the tenant has sent elsewhere', async () => {
    const { answer, frame } = begin();
    tellViolation('frame-src', 'enforce', origin);
    await jest.advanceTimersByTimeAsync(1999);
    post(message({ code: 'c', state: 's' }), { source: frame.contentWindow });
    await expect(answer).resolves.toMatchObject({ code: 'c' });
    const second = begin();
    tellViolation('frame-src', 'enforce', origin);
    await jest.advanceTimersByTimeAsync(2000);
    expect(await failureOf(second.answer)).toMatchObject({ reason: 'frame_forbidden' });
  });

  it('that the page forbids to come back to the app has come back all the same', async () => {
    const { answer } = begin();
    tellViolation('frame-src', 'enforce', `${location.origin}/?error=access_denied&state=other`);
    tellViolation('frame-src', 'enforce', `${location.origin}/?error=login_required&state=s`);
    const error = await failureOf(answer);
    expect(error).toMatchObject({ reason: 'frame_callback' });
    expect(error.error_description).toContain('The answer (login_required) went to');
  });

  it('P8: is given up at once where the network goes', async () => {
    const { answer } = begin();
    window.dispatchEvent(new Event('offline'));
    expect(await failureOf(answer)).toMatchObject({ message: 'Timeout', reason: 'frame_offline' });
    expect(document.querySelector('iframe')).toBeNull();
  });

  it.each([
    ['?code=SECRET&state=s', ''],
    ['?error=login_required&state=s', ' (login_required)'],
    ['#state=s&error=login_required', ' (login_required)'],
    ['rewritten-by-the-app', ''],
  ])('that comes back to the app, at %s, is given up at once', async (address, told) => {
    const { answer, frame } = begin();
    come(frame, `http://localhost:3000/${address}`);
    const error = await failureOf(answer);
    expect(error).toMatchObject({ message: 'Timeout', reason: 'frame_callback' });
    expect(error.error_description).toContain(`The answer${told} went to the redirect URI`);
    expect(error.error_description).not.toContain('SECRET');
  });

  it('of a tenant of the very origin of the app may load a page of that origin', async () => {
    const { answer, frame } = begin({ from: location.origin });
    come(frame, 'http://localhost:3000/authorize');
    await jest.advanceTimersByTimeAsync(2000);
    expect(await failureOf(answer)).toMatchObject({ reason: 'frame_silent' });
    const second = begin({ from: location.origin });
    come(second.frame, 'http://localhost:3000/?code=c&state=s');
    expect(await failureOf(second.answer)).toMatchObject({ reason: 'frame_callback' });
  });

  it('P8: that never loads, of a tenant that can be reached, has until the limit', async () => {
    const { answer } = begin();
    await jest.advanceTimersByTimeAsync(59_999);
    expect(document.querySelector('iframe')).not.toBeNull();
    await jest.advanceTimersByTimeAsync(1);
    const error = await failureOf(answer);
    expect(error).toMatchObject({ error: 'timeout', message: 'Timeout', reason: 'frame_timeout' });
    expect(error.error_description).toContain(`${origin} does not answer`);
    expect(probes).toHaveLength(1);
    expect(document.querySelector('iframe')).toBeNull();
  });

  it('that loads late, while it is asked whether the tenant can be reached, has its 2 s from then', async () => {
    const { answer, frame } = begin({ reach: isOutOfReach });
    await jest.advanceTimersByTimeAsync(2050);
    frame.dispatchEvent(new Event('load'));
    await jest.advanceTimersByTimeAsync(1500);
    post(message({ code: 'c', state: 's' }), { source: frame.contentWindow });
    await expect(answer).resolves.toMatchObject({ code: 'c' });
  });

  it('P4: that is told "login_required" where somebody has signed in, by another site, suspects third-party cookies', async () => {
    const { answer, frame } = begin({ signedIn: true });
    post(message({ error: 'login_required', error_description: 'Login required', state: 's' }), {
      source: frame.contentWindow,
    });
    const error = await failureOf(answer);
    expect(error).toMatchObject({
      name: 'AuthenticationError',
      error: 'login_required',
      message: 'Login required',
      reason: 'third_party_cookies',
      requiresLogin: true,
    });
    expect((error.cause as Error).message).toContain(
      `the cookies of ${origin} from iframes of http://localhost:3000`,
    );
  });

  it.each([
    ['nobody has signed in', false, origin, 'login_required'],
    ['the tenant is of the same site', true, 'http://localhost:4400', 'login_required'],
    ['something else is wanted', true, origin, 'consent_required'],
  ])('suspects no cookies where %s', async (_, signedIn, from, error) => {
    const { answer, frame } = begin({ signedIn, from });
    post(message({ error, state: 's' }), { source: frame.contentWindow, origin: from });
    await expect(answer).resolves.toMatchObject({ error });
  });
});

async function failureOf(answer: Promise<unknown>): Promise<GenericError> {
  return (await answer.then(
    () => undefined,
    (error: unknown) => error,
  )) as GenericError;
}

/** A page of that address comes up in the frame; jsdom itself loads none. */
function come(frame: HTMLIFrameElement, href: string): void {
  Object.defineProperty(frame, 'contentWindow', { value: { location: { href } } });
  frame.dispatchEvent(new Event('load'));
}

/** jsdom has no policies. */
function tellViolation(effectiveDirective: string, disposition: string, blockedURI: string): void {
  const event = new Event('securitypolicyviolation', { bubbles: true });
  document.dispatchEvent(Object.assign(event, { effectiveDirective, disposition, blockedURI }));
}
