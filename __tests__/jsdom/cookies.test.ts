/**
 * @jest-environment ./__tests__/support/jsdom-environment.js
 * @jest-environment-options {"url": "https://app.example/"}
 */
import { afterEach, expect, it } from '@jest/globals';
import { createBrowserEnvironment } from '../../src/browser/environment.ts';
import { pagePorts } from '../../src/browser/page-ports.ts';

const { cookies } = createBrowserEnvironment();
const twoDays = { days: 2, domain: 'app.example' };

/** What is written to `document.cookie` from now on: each cookie's name and value, and its attributes, without when it ends. */
function written(standing = ''): string[][] {
  const texts: string[][] = [];
  const set = (text: string) =>
    void texts.push(text.split('; ').filter((part) => !/^(expires|max-age)/i.test(part)));
  Object.defineProperty(document, 'cookie', { configurable: true, get: () => standing, set });
  return texts;
}

afterEach(() => void Reflect.deleteProperty(document, 'cookie'));

it('a cookie of a page on https is for framed pages too, and its twin says nothing of that', () => {
  const texts = written();
  cookies.set('a', 'b', { ...twoDays, legacy: true });
  expect(texts.map((parts) => parts.sort())).toEqual([
    ['Domain=app.example', 'Path=/', 'SameSite=none', 'Secure', 'a=b'],
    ['Domain=app.example', 'Path=/', 'Secure', '_legacy_a=b'],
  ]);
});

it('a cookie without a twin is one', () => {
  const texts = written();
  cookies.set('a', 'b', twoDays);
  expect(texts).toHaveLength(1);
});

it('a cookie and its twin are removed where they were set', () => {
  const texts = written('%=x; b=c; a=b; _legacy_a=b; aa=b');
  cookies.remove('a', twoDays);
  expect(texts.map((parts) => parts.sort())).toEqual([
    ['Domain=app.example', 'Path=/', 'SameSite=None', 'Secure', 'a='],
    ['Domain=app.example', 'Path=/', 'Secure', '_legacy_a='],
  ]);
});

it.each(['a b', 'ä', 'a(b)', 'a&b', 'a%20b'])(
  'a cookie of whatever name is removed before anything is loaded: %s',
  (name) => {
    cookies.set(name, 'b', { days: 1, legacy: true });
    expect(pagePorts.cookies.get(name)).toMatch(/=b$/);
    pagePorts.cookies.remove(name, {});
    expect(pagePorts.cookies.get(name)).toBeUndefined();
    expect(document.cookie).toBe('');
  },
);

it('a cookie that is gone is read from its twin, and goes before it', () => {
  cookies.set('a', 'b', { days: 1, legacy: true });
  document.cookie = '_legacy_a=c; path=/; secure';
  expect(cookies.get('a')).toBe('b');
  expect(cookies.names()).toEqual(['a']);
  document.cookie = 'a=; path=/; secure; max-age=0';
  expect(cookies.names()).toEqual(['a']);
  expect(cookies.get('a')).toBe('c');
  cookies.remove('a', {});
  expect(cookies.get('a')).toBeUndefined();
});
