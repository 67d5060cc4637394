/**
 * @jest-environment ./__tests__/support/jsdom-environment.js
 * @jest-environment-options {"url": "http://localhost:3000/"}
 */
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { createBrowserEnvironment } from '../../src/browser/environment.ts';

it('a page that is being left, or is shown again, knows that before listeners that came first', () => {
  const { page } = createBrowserEnvironment();
  const heard: boolean[] = [];
  for (const type of ['pagehide', 'pageshow']) addEventListener(type, () => heard.push(page.leaving()));
  page.leaving(); // as a client's first call asks
  for (const type of ['pagehide', 'pageshow'])
    dispatchEvent(new PageTransitionEvent(type, { persisted: true }));
  expect(heard).toEqual([true, false]);
});

describe('a page that has been sent elsewhere is about to be left', () => {
  const { page } = createBrowserEnvironment();
  const see = (state: DocumentVisibilityState) => {
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => state });
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
  };
  const isLeaving = (): boolean => {
    page.navigate('#elsewhere'); // jsdom goes no further
    return page.leaving();
  };
  afterEach(() => {
    jest.useRealTimers();
    history.replaceState(null, '', '/');
    Reflect.deleteProperty(document, 'visibilityState');
  });

  it('until it is shown again, or the user comes back to it, and its listeners know', () => {
    const heard: boolean[] = [];
    for (const type of ['pageshow', 'visibilitychange'])
      addEventListener(type, () => heard.push(page.leaving()), { once: true });
    expect(isLeaving()).toBe(true);
    dispatchEvent(new PageTransitionEvent('pageshow'));
    expect(isLeaving()).toBe(true);
    see('visible');
    expect(heard).toEqual([false, false]);
  });

  it('also while the user looks at another one', () => {
    expect(isLeaving()).toBe(true);
    see('hidden');
    expect(page.leaving()).toBe(true);
    see('visible');
    expect(page.leaving()).toBe(false);
  });

  it('until the answer has come that it was sent for', () => {
    expect(isLeaving()).toBe(true);
    page.stay();
    expect(page.leaving()).toBe(false);
  });

  it('for 10 s, whatever became of that', () => {
    jest.useFakeTimers();
    expect(isLeaving()).toBe(true);
    jest.advanceTimersByTime(9_999);
    expect(page.leaving()).toBe(true);
    jest.advanceTimersByTime(1);
    expect(page.leaving()).toBe(false);
  });
});

afterEach(() => void Reflect.deleteProperty(navigator, 'userActivation'));

it.each([
  [true, 'of whose user the browser tells nothing', undefined],
  [true, 'in which the user has just done something', { isActive: true }],
  [false, 'in which the user has done nothing', { isActive: false }],
])('touched is %p of a page %s', (touched, _, userActivation) => {
  if (userActivation)
    Object.defineProperty(navigator, 'userActivation', { configurable: true, value: userActivation });
  expect(createBrowserEnvironment().page.touched()).toBe(touched);
});

it('touched is false of a page in which only scripts have clicked', () => {
  Object.defineProperty(navigator, 'userActivation', { configurable: true, value: { isActive: false } });
  const { page } = createBrowserEnvironment();
  page.leaving();
  for (const type of ['pointerdown', 'keydown']) dispatchEvent(new Event(type));
  expect(page.touched()).toBe(false);
});

it('a page that can be seen is told of whatever it may have slept before, until it stops that', () => {
  const { page } = createBrowserEnvironment();
  let told = 0;
  const stop = page.onWake(() => void (told += 1));
  const happen = () => {
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
    for (const type of ['pageshow', 'online']) dispatchEvent(new Event(type));
  };
  happen();
  expect(told).toBe(3);
  let state = 'hidden';
  Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => state });
  happen();
  expect(told).toBe(3);
  state = 'visible';
  happen();
  expect(told).toBe(6);
  stop();
  happen();
  expect(told).toBe(6);
  Reflect.deleteProperty(document, 'visibilityState');
});
