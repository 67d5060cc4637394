/**
 * @jest-environment ./__tests__/support/jsdom-environment.js
 * @jest-environment-options {"url": "http://localhost:3000/"}
 */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createBrowserEnvironment } from '../../src/browser/environment.ts';

const original = globalThis.fetch;
beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
  globalThis.fetch = original;
});

const { http } = createBrowserEnvironment();
const post = () => http.post('https://tenant.example', 'a=b', { limit: 30_000 });
const get = () => http.get('https://tenant.example', { limit: 30_000 });

/** Answers as the platform's does: the headers at once, of the body a part, and nothing more until it is aborted. */
const stalling: typeof fetch = async (_, { signal } = {}) =>
  new Response(
    new ReadableStream({
      start(body) {
        body.enqueue(new TextEncoder().encode('{"access_token":'));
        signal?.addEventListener('abort', () => body.error(signal.reason));
      },
    }),
  );

describe('a page', () => {
  it('that the browser takes leave of says so until it is shown again', () => {
    const { page } = createBrowserEnvironment();
    expect(page.leaving()).toBe(false);
    dispatchEvent(new PageTransitionEvent('pagehide'));
    expect(page.leaving()).toBe(true);
    dispatchEvent(new PageTransitionEvent('pageshow'));
    expect(page.leaving()).toBe(false);
  });
});

describe('P3: a request', () => {
  it.each<[string, typeof fetch]>([
    ['whose body never ends', stalling],
    [
      'that is never answered',
      (_, { signal } = {}) =>
        new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
    ],
  ])('%s is given up at its limit, and aborted', async (_, fetch) => {
    globalThis.fetch = fetch;
    for (const request of [post, get]) {
      let ended = false;
      const answer = expect(request().finally(() => (ended = true))).rejects.toMatchObject({
        name: 'AbortError',
      });
      await jest.advanceTimersByTimeAsync(29_999);
      expect(ended).toBe(false);
      await jest.advanceTimersByTimeAsync(1);
      await answer;
    }
  });

  it('tells of its answer what the server says of the next one', async () => {
    const headers = { 'DPoP-Nonce': 'n', 'Retry-After': '30', 'X-RateLimit-Reset': '1795860000' };
    globalThis.fetch = async () => new Response('{}', { status: 429, headers });
    const told = { dpopNonce: 'n', retryAfter: '30', rateLimitReset: '1795860000' };
    await expect(post()).resolves.toEqual({ status: 429, body: '{}', ...told });
  });

  it('for a document sends no cookie and no header of its own, and passes the HTTP cache by where it is told to', async () => {
    const sent: Parameters<typeof fetch>[] = [];
    globalThis.fetch = async (...request) => {
      sent.push(request);
      return new Response('{}', { status: 203 });
    };
    await expect(get()).resolves.toEqual({ status: 203, body: '{}' });
    await http.get('https://tenant.example', { limit: 30_000, fresh: true });
    const signal = expect.any(AbortSignal);
    expect(sent.map(([, init]) => init)).toEqual([
      { credentials: 'omit', signal },
      { credentials: 'omit', cache: 'no-cache', signal },
    ]);
  });
});
