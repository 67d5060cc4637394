/** What the client asks of the page before anything is loaded. Nothing here touches a global before it is asked to. */
import type { PageClock, PagePorts, Timers } from '../environment.ts';
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

/**
 * What is read, and removed, before anything is loaded; `environment.ts` writes. A cookie goes by its name as that stands in the
 * document, however it was encoded there. Those that the browser refuses, as in a sandboxed frame, count as none.
 */
const cookies: PagePorts['cookies'] = {
  get: (name) => standing(name)[0] ?? standing(twinPrefix + name)[0],
  remove(name, { domain }) {
    for (const cookie of [...standing(name), ...standing(twinPrefix + name)]) {
      const isTwin = cookie.startsWith(twinPrefix);
      const site = location.protocol === 'https:' ? `; Secure${isTwin ? '' : '; SameSite=None'}` : '';
      const host = domain === undefined ? '' : `; Domain=${domain}`;
      document.cookie = `${cookie.split('=')[0]}=; Path=/; Max-Age=0${host}${site}`;
    }
  },
};

/** The twin that a cookie has for browsers that take `SameSite=None` for `Strict`, or refuse it: auth0-spa-js's name for it. */
export const twinPrefix = '_legacy_';

/** The cookies of that name, as the document has them. */
function standing(name: string): string[] {
  try {
    return document.cookie.split('; ').filter((cookie) => isNamed(cookie, name));
  } catch {
    return []; // not to be had, or no document
  }
}

function isNamed(cookie: string, name: string): boolean {
  try {
    return decodeURIComponent(cookie.split('=')[0] ?? '') === name;
  } catch {
    return false; // somebody else's
  }
}

export const pagePorts: PagePorts = {
  clock,
  timers,
  page,
  popupHost: () => globalThis,
  localStorage: pageLocalStorage,
  cookies,
};
