/**
 * The real world. Nothing here touches a global before it is asked to: importing and constructing work without a browser.
 */
import type { Cookies, Cryptography, Environment, Http, HttpAnswer, Page, Workers } from '../environment.ts';
import { get, getAll, set } from 'es-cookie';
import type { Milliseconds } from '../clock.ts';
import { loadFeature } from '../core/load-feature.ts';
import { noPage } from '../errors.ts';
import { attempt } from './attempt.ts';
import { openChannel } from './channel.ts';
import { channels, presence } from './channels.ts';
import { createIndexedDbRecordStore } from './indexeddb-record-store.ts';
import { createLocks, createPeerLocks } from './locks.ts';
import { clock, pagePorts, timers, twinPrefix, wasTouched } from './page-ports.ts';
import { createRecordStore } from './record-store.ts';
import { pageLocalStorage, textStorage } from './text-storage.ts';

export function createBrowserEnvironment(): Environment {
  const locks = createLocks(timers);
  return {
    ...pagePorts,
    page,
    cookies,
    cryptography,
    http,
    fetch: (request) => fetch(request),
    dpop,
    silentFrame: {
      // Where refresh tokens go round, it is never needed.
      async authorize(...request) {
        const { createSilentFrame } = await loadFeature(timers, () => import('./silent-frame.ts'));
        return createSilentFrame(timers).authorize(...request);
      },
    },
    workers,
    channels,
    presence,
    locks,
    peerLocks: createPeerLocks(timers),
    records: createRecordStore({ localStorage: pageLocalStorage, cookies, locks, timers }),
    keys: createIndexedDbRecordStore(timers),
    sessionStorage: textStorage(() => sessionStorage),
    openChannel,
  };
}

/** What custody in a worker has of its own. */
export const workerEnvironment = (): Pick<
  Environment,
  'clock' | 'timers' | 'cryptography' | 'http' | 'page' | 'dpop' | 'keys' | 'channels' | 'presence'
> => ({
  clock,
  timers,
  cryptography,
  http,
  page,
  dpop,
  keys: createIndexedDbRecordStore(timers),
  channels,
  presence,
});

const cryptography: Cryptography = {
  // Browsers leave `subtle` out on insecure origins.
  get available() {
    return typeof crypto !== 'undefined' && typeof (crypto as Partial<Crypto>).subtle === 'object';
  },
  randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  sha256: async (bytes) => new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as BufferSource)),
  async verifyRs256(jwk, signed, signature) {
    const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
    const key = await crypto.subtle.importKey('jwk', jwk, algorithm, false, ['verify']);
    return crypto.subtle.verify(algorithm, key, signature as BufferSource, signed as BufferSource);
  },
};

const http: Http = {
  post: (url, body, { limit, keepalive = false, headers }) =>
    send(url, limit, {
      method: 'POST',
      // With this type, and without any other header, the request is CORS-simple: no preflight goes before it.
      headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...headers },
      body,
      redirect: 'error', // what is sent is for this endpoint and no other
      keepalive,
    }),
  get: (url, { limit, fresh }) =>
    send(url, limit, { credentials: 'omit', ...(fresh && { cache: 'no-cache' }) }),
};

async function send(url: string, limit: Milliseconds, init: RequestInit): Promise<HttpAnswer> {
  const abort = new AbortController();
  const callOff = timers.after(limit, () => abort.abort());
  try {
    const response = await fetch(url, { ...init, signal: abort.signal });
    const header = (name: string) => response.headers.get(name) ?? undefined;
    return {
      status: response.status,
      body: await response.text(), // the limit covers the body too
      dpopNonce: header('DPoP-Nonce'),
      retryAfter: header('Retry-After'),
      rateLimitReset: header('X-RateLimit-Reset'),
    };
  } finally {
    callOff();
  }
}

const dpop: Environment['dpop'] = async () =>
  (await loadFeature(timers, () => import('./dpop.ts'))).createDpop(timers);

/** The code is loaded by those apps only that have a worker. */
const workers: Workers = {
  async start(url, heard, name) {
    const [{ startWorker }, { script }] = await loadFeature(timers, () =>
      Promise.all([import('./start-worker.ts'), url ? { script: '' } : import('virtual:worker-script')]),
    );
    return startWorker(url, script, heard, name);
  },
};

/**
 * A page that is to go elsewhere is there until the first bytes of the answer come, and whether they do, no browser tells: the user
 * may say in a dialog that they stay, or stop it; the answer may be 204, a download, or another program.
 */
const departure: Milliseconds = 10_000;

/** By the steady clock: until then the page may be on its way to where `navigate` has sent it. */
let goneBy: Milliseconds = 0;

const comeBack = (): void => void (document.visibilityState === 'hidden' || page.stay());

const page: Page = {
  ...pagePorts.page,
  navigate(url, method = 'assign') {
    if (typeof location === 'undefined') throw noPage();
    location[method](url);
    goneBy = clock.steady() + departure;
    // Capturing, so before the app's own listeners, which may ask for a token.
    for (const type of ['pageshow', 'visibilitychange']) addEventListener(type, comeBack, true);
  },
  leaving: () => pagePorts.page.leaving() || clock.steady() < goneBy,
  stay: () => void (goneBy = 0),
  origin: () => (typeof location === 'undefined' ? '' : location.origin),
  online: () => typeof navigator === 'undefined' || navigator.onLine !== false,
  // Not `hasBeenActive`: Chromium hands it on to the pages of a site that come after.
  touched: () =>
    wasTouched() || typeof navigator === 'undefined' || navigator.userActivation?.isActive !== false,
  onOnline(task) {
    if (typeof addEventListener === 'undefined') return () => {};
    addEventListener('online', task);
    return () => removeEventListener('online', task);
  },
  onWake(task) {
    if (typeof document === 'undefined') return () => {};
    const wake = () => void (document.visibilityState === 'hidden' || task());
    const types = ['visibilitychange', 'pageshow', 'online']; // the first of them comes up from the document
    for (const type of types) addEventListener(type, wake);
    return () => {
      for (const type of types) removeEventListener(type, wake);
    };
  },
};

const cookies: Cookies = {
  get: (name) => attempt(() => get(name) ?? get(twinPrefix + name)),
  // Of some there is the twin alone.
  names: () => [...new Set(attempt(() => Object.keys(getAll()).map((name) => name.replace(twinPrefix, ''))))],
  set(name, value, { days, domain, legacy }) {
    attempt(() => set(name, value, { ...attributes(domain), expires: days }));
    if (legacy) attempt(() => set(twinPrefix + name, value, { ...twinAttributes(domain), expires: days }));
  },
  remove: pagePorts.cookies.remove,
};

/** On https `SameSite=None`, so that an app that is framed by another site has its cookie too. */
function attributes(domain: string | undefined) {
  const { secure, ...common } = twinAttributes(domain);
  return secure ? { ...common, secure, sameSite: 'none' as const } : common;
}

function twinAttributes(domain: string | undefined) {
  const common = { path: '/', ...(domain !== undefined && { domain }) };
  return location.protocol === 'https:'
    ? { ...common, secure: true as const }
    : { ...common, secure: false as const };
}
