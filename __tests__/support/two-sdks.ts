/**
 * A page in jsdom and a tenant, on one clock that moves only when told to, for either of two SDKs: ours, and auth0-spa-js as
 * published. What a browser has and jsdom lacks, workers and frames that load, is stood in for here.
 */
import { jest } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { createContext, runInContext } from 'node:vm';
import * as peer from '@auth0/auth0-spa-js';
import * as latchkey from '../../src/index.ts';
import { workerEnvironment } from '../../src/browser/environment.ts';
// What is loaded on first use: a file system takes time that the page's clock knows nothing of.
import '../../src/browser/dpop.ts';
import '../../src/browser/fallback-record-store.ts';
import '../../src/browser/indexeddb-record-store.ts';
import '../../src/browser/local-storage-record-store.ts';
import '../../src/browser/silent-frame.ts';
import '../../src/browser/start-worker.ts';
import '../../src/custody/cache-record-store.ts';
import '../../src/custody/dpop-key.ts';
import '../../src/custody/proven-requests.ts';
import '../../src/custody/remote-custody.ts';
import '../../src/features/fetch-with-auth.ts';
import '../../src/flows/authorize-in-popup.ts';
import '../../src/flows/exchange-token.ts';
import type { Seconds } from '../../src/clock.ts';
import type { ICache } from '../../src/core/cache.ts';
import { serveCustody } from '../../src/custody/serve-custody.ts';
import { createTenant, type Fault, type Tenant } from '../../src/tenant/index.ts';
import { tenantBrowser } from './tenant-browser.ts';
import { messageOf, tokenExchange } from './world.ts';

export type Sdk = 'auth0-spa-js' | 'latchkey';
export const sdks: readonly Sdk[] = ['auth0-spa-js', 'latchkey'];

export const app = 'http://localhost:3000';
export const api = 'https://api.example';
export const orders = 'https://orders.example';
export const oddApi = 'https://api.example/a::b|c';
export const ada = 'ada@example.com';
export const grace = 'grace@example.com';

type Params = Readonly<Record<string, unknown>>;

/** What the two have in common, as far as the stories go. */
export interface Client {
  loginWithRedirect(options: { openUrl: (url: string) => void; authorizationParams?: Params }): Promise<void>;
  handleRedirectCallback(url: string): Promise<unknown>;
  loginWithPopup(options: object, config: { popup?: unknown }): Promise<void>;
  getTokenSilently(options?: {
    cacheMode?: 'on' | 'off' | 'cache-only';
    authorizationParams?: Params;
  }): Promise<string | undefined>;
  getUser(): Promise<Record<string, unknown> | undefined>;
  isAuthenticated(): Promise<boolean>;
  checkSession(): Promise<void>;
  logout(options: { openUrl: false }): Promise<void>;
  revokeRefreshToken(): Promise<void>;
  loginWithCustomTokenExchange(options: {
    subject_token: string;
    subject_token_type: string;
  }): Promise<Record<string, unknown>>;
  generateDpopProof(params: { url: string; method: string; accessToken: string }): Promise<string>;
  createFetcher(config: {
    baseUrl?: string;
    dpopNonceId?: string;
    fetch: (request: Request) => Promise<Response>;
    getAccessToken?: () => Promise<Record<string, unknown>>;
  }): {
    fetchWithAuth(
      info: string | Request,
      init?: RequestInit,
      authParams?: { audience: string },
    ): Promise<Response>;
  };
}

export interface ClientOptions {
  readonly domain?: string;
  readonly clientId?: string;
  readonly authorizationParams?: Params;
  readonly cacheLocation?: 'memory' | 'localstorage';
  readonly cache?: ICache;
  readonly useRefreshTokens?: boolean;
  readonly useRefreshTokensFallback?: boolean;
  readonly useMrrt?: boolean;
  readonly useDpop?: boolean;
  readonly leeway?: Seconds;
  readonly sessionTransferTokenQueryParamName?: string;
}

export interface SentRequest {
  readonly url: URL;
  readonly headers: Headers;
  readonly form: URLSearchParams;
}

/** An iframe, or a popup. */
export interface Frame {
  remove?(): void;
  closed?: boolean;
}

export interface Stage {
  readonly tenant: Tenant;
  /** Of the tenant; there is another one of that name with a `2` after it. */
  readonly clientId: string;
  /** What was sent to the token endpoint, whoever sent it. */
  readonly sent: SentRequest[];
  /** How far the tenant's clock is behind the page's. */
  readonly clock: { behind: Seconds };
  /** What becomes of a request: whatever this answers; nothing: the tenant's own answer. */
  intercept: (request: Request) => Promise<Response> | undefined;
  /** Hidden iframes and popups: where they were sent to, and what becomes of their answers. */
  readonly windows: { readonly opened: URL[]; posts: (post: () => void, frame: Frame) => void };
  /** What workers do. `dead`: they hear nothing. `missing`: their script is not found. */
  workers: 'well' | 'dead' | 'missing';
  /** A client as a page would have made it, by default with refresh tokens, in localStorage, without an iframe. */
  open(options?: ClientOptions): Client;
  /** Who is signed in at the tenant, in this browser. */
  signIn(email: string): void;
  /** Nobody is. */
  signOut(): void;
  /**
   * The address that the user comes back to, and which `visit` may change: a user may be sent elsewhere than the SDK wanted.
   * @param visit Changes the address of the authorization request.
   */
  leave(client: Client, authorizationParams?: Params, visit?: (url: URL) => void): Promise<string>;
  /** `leave`, and the callback; what came of it. */
  logIn(client: Client, authorizationParams?: Params, visit?: (url: URL) => void): Promise<string>;
  /** For the token endpoint. */
  fault(fault: Fault): void;
  /** A call's value, while the clock runs on from timer to timer, but never while the tenant works. */
  settle<T>(call: Promise<T>): Promise<T>;
  /** What a call comes to: `done`, the code of its error (`no code`: it has none), or `never`, which is within two minutes. */
  comesTo(call: Promise<unknown>): Promise<string>;
  /** Lets time pass, with what falls due in it. */
  pass(time: Seconds): Promise<void>;
}

let stages = 0;

export function aStage(sdk: Sdk): Stage {
  const clientId = `app-${++stages}`; // locks of an earlier story may still be held
  const clock = { behind: 0 };
  let working = 0;
  const track = async <T>(work: Promise<T>): Promise<T> => {
    working += 1;
    return work.finally(() => (working -= 1));
  };
  const client = (client_id: string) => ({
    client_id,
    callbacks: [`${app}/`],
    web_origins: [app],
    grant_types: ['authorization_code', 'refresh_token', tokenExchange],
    refresh_token: {
      rotation_type: 'rotating',
      expiration_type: 'expiring',
      policies: [{ audience: orders, scope: ['read:orders'] }],
    } as const,
  });
  const server = (identifier: string, ...scopes: string[]) => ({
    identifier,
    scopes: scopes.map((value) => ({ value })),
    allow_offline_access: true,
    token_lifetime: 3600,
  });
  const tenant: Tenant = createTenant({
    seed: 'side by side',
    clients: [client(clientId), client(`${clientId}2`)],
    resource_servers: [
      server(api, 'read:things', 'write:things'),
      server(orders, 'read:orders'),
      server(oddApi, 'read:things', 'write:things'),
    ],
    users: [
      { email: ada, password: 'correct horse', name: 'Ada', address: { locality: 'London' } },
      { email: grace, password: 'battery staple', name: 'Grace' },
    ],
    hooks: {
      onTokenExchange: ({ subject_token }) => ({
        user_id: tenant.users().find(({ email }) => email === subject_token)?.user_id ?? '',
      }),
    },
    organizations: ['a', 'b'].map((name) => ({ id: `org_${name}`, name, members: [ada] })),
    now: () => Date.now() - 1000 * clock.behind,
    wait: (span) => {
      working -= 1;
      return new Promise((end) =>
        setTimeout(() => {
          working += 1;
          end();
        }, span),
      );
    },
  });
  const browser = tenantBrowser(tenant);

  async function fetch(url: string, init: RequestInit = {}): Promise<Response> {
    const request = new Request(url, {
      ...init,
      headers: { ...(init.headers as Record<string, string>), origin: app },
    });
    const { pathname } = new URL(url);
    if (pathname === '/oauth/token')
      stage.sent.push({
        url: new URL(url),
        headers: request.headers,
        form: new URLSearchParams(init.body as string),
      });
    return track(stage.intercept(request) ?? Promise.race([tenant.fetch(request), aborted(init.signal)]));
  }

  /** Resolves when nothing goes on without time passing: promises of the page take some turns. */
  async function rest(): Promise<void> {
    for (let quiet = 0; quiet < 20; quiet = working > 0 ? 0 : quiet + 1)
      await new Promise((turn) => setImmediate(turn));
  }

  const stage: Stage = {
    tenant,
    clientId,
    sent: [],
    clock,
    intercept: () => undefined,
    windows: { opened: [], posts: (post) => post() },
    workers: 'well',
    open: (options = {}) => {
      const { Auth0Client } = (sdk === 'latchkey' ? latchkey : peer) as unknown as {
        Auth0Client: new (options: object) => Client;
      };
      return new Auth0Client({
        domain: tenant.baseUrl,
        clientId,
        cacheLocation: options.cache ? undefined : 'localstorage',
        useRefreshTokens: true,
        useRefreshTokensFallback: false,
        workerUrl: `/${sdk}/worker.js`,
        ...options,
        authorizationParams: {
          redirect_uri: `${app}/`,
          audience: api,
          scope: 'openid profile offline_access read:things',
          ...options.authorizationParams,
        },
      });
    },
    signIn: (email) => browser.setCookie(tenant.signIn(email, { client_id: clientId }).cookie),
    signOut: () => [...browser.cookies.keys()].forEach((name) => browser.setCookie(`${name}=; max-age=0`)),
    async leave(client, authorizationParams = {}, visit = () => {}) {
      let sentTo = '';
      await settle(client.loginWithRedirect({ openUrl: (url) => void (sentTo = url), authorizationParams }));
      const url = new URL(sentTo);
      visit(url);
      return (await browser.visit(url)).url.href;
    },
    async logIn(client, authorizationParams, visit) {
      const back = await stage.leave(client, authorizationParams, visit);
      return stage.comesTo(client.handleRedirectCallback(back));
    },
    fault: (fault) => void tenant.faults.add(fault),
    settle,
    async comesTo(call) {
      let outcome: string | undefined;
      call.then(
        () => (outcome = 'done'),
        (error: { error?: string }) => (outcome = error.error ?? 'no code'),
      );
      const end = Date.now() + 120_000;
      for (await rest(); outcome === undefined; await rest()) {
        if (jest.getTimerCount() === 0 || Date.now() > end) return 'never';
        await jest.advanceTimersToNextTimerAsync();
      }
      return outcome;
    },
    async pass(time) {
      const step = Math.max(5, time / 12);
      for (let passed = 0; passed < time; passed += step) {
        await jest.advanceTimersByTimeAsync(1000 * step);
        await rest();
      }
    },
  };

  async function settle<T>(call: Promise<T>): Promise<T> {
    await stage.comesTo(call);
    return call;
  }

  standIn(sdk, stage, fetch as typeof globalThis.fetch, track, async (url) => {
    const { body } = await track(browser.visit(url));
    return messageOf(body);
  });
  return stage;
}

/** To be called before each story. */
export function openPage(): void {
  jest.useFakeTimers({
    now: Date.UTC(2026, 10, 23, 12),
    doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'],
  });
  localStorage.clear();
  sessionStorage.clear();
  for (const frame of document.querySelectorAll('iframe')) frame.remove();
  for (const name of document.cookie.split('; '))
    document.cookie = `${name.split('=')[0]}=; path=/; expires=${new Date(0).toUTCString()}`;
}

/** To be called after each story. */
export function closePage(): void {
  frames.disconnect();
  jest.useRealTimers();
}

const aborted = (signal: AbortSignal | null | undefined) =>
  new Promise<never>((_, reject) => {
    signal?.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')));
  });

let frames = { disconnect: () => {} };
const { crypto } = globalThis;
const peerWorker = readFileSync(
  new URL('../../node_modules/@auth0/auth0-spa-js/dist/auth0-spa-js.worker.production.js', import.meta.url),
  'utf8',
);

/** The globals of the page, from now on. */
function standIn(
  sdk: Sdk,
  stage: Stage,
  fetch: typeof globalThis.fetch,
  track: <T>(work: Promise<T>) => Promise<T>,
  answerOf: (url: string) => Promise<unknown>,
): void {
  const subtle = new Proxy(crypto.subtle, {
    get: (target, name) => {
      const method = Reflect.get(target, name) as (...args: unknown[]) => Promise<unknown>;
      return (...args: unknown[]) => track(Reflect.apply(method, target, args));
    },
  });
  const getRandomValues = (array: Uint8Array<ArrayBuffer>) => crypto.getRandomValues(array);
  const globals = {
    fetch,
    crypto: { getRandomValues, subtle, randomUUID: () => crypto.randomUUID() },
    MessageChannel: FakeMessageChannel,
    Worker: workerClass(sdk, stage, fetch),
  };
  for (const [name, value] of Object.entries(globals))
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });

  const { windows } = stage;
  const load = (url: string, frame: Frame, source: () => unknown) => {
    windows.opened.push(new URL(url));
    void answerOf(url).then((data) =>
      windows.posts(() => post(data, { origin: stage.tenant.baseUrl, source: source() }), frame),
    );
  };
  const observer = new MutationObserver((changes) => {
    for (const frame of changes.flatMap(({ addedNodes }) => [...addedNodes]))
      if (frame instanceof HTMLIFrameElement) load(frame.src, frame, () => frame.contentWindow);
  });
  observer.observe(document.documentElement, { childList: true, subtree: true });
  frames.disconnect();
  frames = observer;
  window.open = () => {
    const go = (url: string) => load(url, popup, () => popup);
    const popup = {
      closed: false,
      close: () => void (popup.closed = true),
      location: {
        replace: go,
        get href() {
          return 'about:blank';
        },
        set href(url) {
          go(url);
        },
      },
    };
    return popup as unknown as Window;
  };
}

/** A message to the page. */
export function post(data: unknown, { origin, source }: { origin: string; source: unknown }): void {
  const event = new MessageEvent('message', { data, origin });
  Object.defineProperty(event, 'source', { value: source });
  window.dispatchEvent(event);
}

type Listener = (event: object) => void;

function workerClass(sdk: Sdk, stage: Stage, fetch: typeof globalThis.fetch) {
  return class {
    readonly #listeners = new Map<string, Listener>();
    #hear: Listener = () => {};

    constructor() {
      if (stage.workers === 'missing') queueMicrotask(() => this.#tell('error', new Event('error')));
      else this.#hear = sdk === 'latchkey' ? this.#serve() : runPeerWorker(fetch);
    }

    addEventListener(type: string, listener: Listener): void {
      this.#listeners.set(type, listener);
    }

    postMessage(message: unknown, ports: unknown[] = []): void {
      const data = structuredClone(message);
      queueMicrotask(() => stage.workers === 'dead' || this.#hear({ data, ports }));
    }

    terminate(): void {
      this.#hear = () => {};
      this.#listeners.clear();
    }

    #serve(): Listener {
      const { hear } = serveCustody(workerEnvironment())((reply) => {
        const data = structuredClone(reply);
        queueMicrotask(() => this.#tell('message', { data }));
      });
      return ({ data }: { data?: unknown }) => hear(data as never);
    }

    #tell(type: string, event: object): void {
      this.#listeners.get(type)?.(event);
    }
  };
}

/** The published script, in a global scope of its own. */
function runPeerWorker(fetch: typeof globalThis.fetch): Listener {
  let hear: Listener = () => {};
  const scope = createContext({
    addEventListener: (_: string, listener: Listener) => void (hear = listener),
    fetch,
    URL,
    URLSearchParams,
    AbortController,
    setTimeout: (task: () => void, delay: number) => setTimeout(task, delay),
    clearTimeout: (timer: number) => clearTimeout(timer),
  });
  runInContext(peerWorker, scope);
  return (event) => hear(event);
}

class FakeMessageChannel {
  readonly port1: FakePort = new FakePort((data) => this.port2.onmessage?.({ data }));
  readonly port2: FakePort = new FakePort((data) => this.port1.onmessage?.({ data }));
}

class FakePort {
  onmessage: Listener | null = null;
  readonly #deliver: (data: unknown) => void;

  constructor(deliver: (data: unknown) => void) {
    this.#deliver = deliver;
  }

  postMessage(message: unknown): void {
    const data = structuredClone(message);
    queueMicrotask(() => this.#deliver(data));
  }

  close(): void {}
}
