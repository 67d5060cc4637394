/** @jest-environment ./__tests__/support/jsdom-environment.js */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createBrowserEnvironment } from '../../src/browser/environment.ts';
import { createLocks, createPeerLocks } from '../../src/browser/locks.ts';
import { createPageLocks } from '../../src/custody/page-locks.ts';
import type { Locks } from '../../src/environment.ts';

const { timers } = createBrowserEnvironment();
const webLocks = navigator.locks;

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
  setWebLocks(webLocks);
});

function setWebLocks(value: LockManager | undefined): void {
  Object.defineProperty(navigator, 'locks', { value, configurable: true });
}

describe.each([
  ['in a page', () => createPageLocks(timers), true],
  ['through Web Locks', () => createLocks(timers), true],
  ['through browser-tabs-lock', () => (setWebLocks(undefined), createLocks(timers)), false],
])('locks %s', (_, create, exclusive) => {
  /** Runs timers until `work` has settled. */
  async function inTime<T>(work: Promise<T>): Promise<T> {
    let settled = false;
    void work.then(
      () => (settled = true),
      () => (settled = true),
    );
    while (!settled) await jest.advanceTimersByTimeAsync(50);
    return work;
  }
  let lock = ''; // a name of its own for each test: a lock on storage outlives the test that took it
  beforeEach(() => {
    lock = crypto.randomUUID();
  });
  const hold = (locks: Locks, until: Promise<void>, log: string[], name: string) =>
    locks.run(lock, 60_000, async () => {
      log.push(`${name} in`);
      await until;
      log.push(`${name} out`);
      return name;
    });

  it(`say whether they are exclusive: ${String(exclusive)}`, () => {
    expect(create().exclusive).toBe(exclusive);
  });

  it('let one task in at a time, and pass on what it returns', async () => {
    const locks = create();
    const log: string[] = [];
    let finish = () => {};
    const until = new Promise<void>((resolve) => (finish = resolve));
    const first = hold(locks, until, log, 'a');
    await jest.advanceTimersByTimeAsync(500);
    const both = Promise.all([first, hold(locks, Promise.resolve(), log, 'b')]);
    await jest.advanceTimersByTimeAsync(500);
    expect(log).toEqual(['a in']);
    finish();
    await expect(inTime(both)).resolves.toEqual(['a', 'b']);
    expect(log).toEqual(['a in', 'a out', 'b in', 'b out']);
  });

  it('of different names do not wait for each other', async () => {
    const locks = create();
    const forever = locks.run(lock, 1000, () => new Promise<void>(() => {}));
    void forever.catch(() => {});
    await expect(inTime(locks.run(`${lock} two`, 1000, () => Promise.resolve('in')))).resolves.toBe('in');
  });

  it('are given back when a task fails, and pass on its error', async () => {
    const locks = create();
    const failure = new DOMException('of the task', 'AbortError');
    const failing = locks.run(lock, 1000, () => Promise.reject(failure));
    await expect(inTime(failing)).rejects.toBe(failure);
    await expect(inTime(locks.run(lock, 1000, () => Promise.resolve('in')))).resolves.toBe('in');
  });

  it('that are not granted in time are a typed error, and the task never runs', async () => {
    const locks = create();
    let finish = () => {};
    const until = new Promise<void>((resolve) => (finish = resolve));
    const holder = hold(locks, until, [], 'a');
    await jest.advanceTimersByTimeAsync(200);
    const task = jest.fn(() => Promise.resolve());
    await expect(inTime(locks.run(lock, 1000, task))).rejects.toMatchObject({
      name: 'TimeoutError',
      error: 'timeout',
      reason: 'lock_timeout',
      retryable: true,
    });
    finish();
    await inTime(holder);
    await expect(inTime(locks.run(lock, 1000, () => Promise.resolve('in')))).resolves.toBe('in');
    expect(task).not.toHaveBeenCalled();
  });

  // browser-tabs-lock cannot leave its queue.
  (exclusive ? it : it.skip)('are not waited for any more when the wait is aborted', async () => {
    const locks = create();
    let finish = () => {};
    const until = new Promise<void>((resolve) => (finish = resolve));
    const holder = hold(locks, until, [], 'a');
    await jest.advanceTimersByTimeAsync(0);
    const task = jest.fn(() => Promise.resolve());
    const leaving = new AbortController();
    const waiting = expect(locks.run(lock, 60_000, task, leaving.signal)).rejects.toMatchObject({
      reason: 'lock_timeout',
    });
    leaving.abort();
    await waiting;
    finish();
    await inTime(holder);
    await expect(inTime(locks.run(lock, 1000, () => Promise.resolve('in'), leaving.signal))).resolves.toBe(
      'in',
    );
    expect(task).not.toHaveBeenCalled();
  });
});

describe('locks of auth0-spa-js', () => {
  it('are waited for no longer than the limit, both kinds together', async () => {
    const name = crypto.randomUUID();
    void createLocks(timers).run(name, 1000, () => new Promise(() => {}));
    setWebLocks(undefined);
    const release = new Promise<void>((resolve) => setTimeout(resolve, 700));
    const holder = createLocks(timers).run(name, 1000, () => release);
    await jest.advanceTimersByTimeAsync(100);
    setWebLocks(webLocks);
    let failure: unknown;
    createPeerLocks(timers)
      .run(name, 1000, () => Promise.resolve())
      .catch((error: unknown) => (failure = error));
    await jest.advanceTimersByTimeAsync(900);
    await holder;
    expect(failure).toBeUndefined();
    await jest.advanceTimersByTimeAsync(200);
    expect(failure).toMatchObject({ reason: 'lock_timeout' });
  });
});
