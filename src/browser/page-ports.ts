/** What the client asks of the page before anything is loaded. Nothing here touches a global before it is asked to. */
import type { PageClock, PagePorts, Timers } from '../environment.ts';
import { get, remove } from 'es-cookie';
import { pageLocalStorage } from './text-storage.ts';

/** 24.8 days: the platform takes anything longer for no delay at all. */
const longestDelay = 2 ** 31 - 1;

export const timers: Timers = {
  after(delay, task) {
    const timer = setTimeout(task, Math.min(delay, longestDelay));
    return () => clearTimeout(timer);
  },
};

export const clock: PageClock = {
  now: () => Date.now(),
  steady: () => performance.timeOrigin + performance.now(),
};

/** Watched from the first time on that somebody asks; not before, since importing and constructing touch nothing. */
let isWatched = false;
let isLeaving = false;
let isTouched = false;
export const wasTouched = (): boolean => isTouched;

const page: PagePorts['page'] = {
  url: () => (typeof location === 'undefined' ? '' : location.href),
  // oxlint-disable-next-line no-console -- for the developer who reads it
  warn: (text) => console.warn(text),
  leaving() {
    if (!isWatched && typeof addEventListener !== 'undefined') {
      isWatched = true;
      // Capturing, so before the app's own listeners, which may ask for a token.
      addEventListener('pagehide', () => (isLeaving = true), true);
      addEventListener('pageshow', () => (isLeaving = false), true);
      for (const type of ['pointerdown', 'keydown'])
        addEventListener(type, ({ isTrusted }) => (isTouched ||= isTrusted), true);
    }
    return isLeaving;
  },
};

/** Cookies that the browser refuses, as in a sandboxed frame, count as none. */
const cookies: PagePorts['cookies'] = {
  get: (name) => attempt(() => get(name) ?? get(twinOf(name))),
  remove(name, { domain }) {
    attempt(() => remove(name, attributes(domain)));
    attempt(() => remove(twinOf(name), twinAttributes(domain)));
  },
};

/** For browsers that take `SameSite=None` for `Strict`, or refuse it: auth0-spa-js's name for it. */
export const twinOf = (name: string): string => `_legacy_${name}`;

export function attempt<T>(action: () => T): T | undefined {
  try {
    return typeof document === 'undefined' ? undefined : action();
  } catch {
    return undefined;
  }
}

/** On https `SameSite=None`, so that an app that is framed by another site has its cookie too. */
export function attributes(domain: string | undefined) {
  const { secure, ...common } = twinAttributes(domain);
  return secure ? { ...common, secure, sameSite: 'none' as const } : common;
}

export function twinAttributes(domain: string | undefined) {
  const common = { path: '/', ...(domain !== undefined && { domain }) };
  return location.protocol === 'https:'
    ? { ...common, secure: true as const }
    : { ...common, secure: false as const };
}

export const pagePorts: PagePorts = {
  clock,
  timers,
  page,
  popupHost: () => globalThis,
  localStorage: pageLocalStorage,
  cookies,
};
