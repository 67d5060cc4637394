/**
 * A world for stories: one tenant, one clock that moves only when told to, and any number of tabs of one browser over the
 * SDK's ports. Everything is real but the ports: the SDK, the tenant, the requests and answers between them.
 */
import { runInNewContext } from 'node:vm';
import { Auth0Client } from '../../src/auth0-client.ts';
// Read from the disk by now, they take no time to load.
import '../../src/custody/lending.ts';
import '../../src/engine.ts';
import '../../src/flows/diagnose.ts';
import '../../src/flows/observe-session.ts';
import { createBrowserEnvironment } from '../../src/browser/environment.ts';
import type { ICache } from '../../src/core/cache.ts';
import type { Auth0ClientOptions, AuthorizationParams } from '../../src/core/options.ts';
import { createDpop } from '../../src/browser/dpop.ts';
import { createMemoryRecordStore } from '../../src/custody/memory-record-store.ts';
import { serveCustody, type ServePage } from '../../src/custody/serve-custody.ts';
import { createPageLocks } from '../../src/custody/page-locks.ts';
import type {
  Environment,
  HttpAnswer,
  Locks,
  RecordStore,
  TextStorage,
  Timers,
} from '../../src/environment.ts';
import { TimeoutError } from '../../src/errors.ts';
import { popupChannelName } from '../../src/oauth/popup-channel.ts';
import { readWebMessage, webMessageType } from '../../src/oauth/web-message.ts';
import { createTenant, type Tenant } from '../../src/tenant/index.ts';
import { heardIn, type Heard } from './invariants.ts';
import { createManualTime } from './manual-timers.ts';
import { seededBy } from './seeded-random.ts';
import { tenantBrowser } from './tenant-browser.ts';

export const app = 'http://localhost:3000';
export const tenantUrl = 'http://localhost:4400';
export const audience = 'https://api.example';
export const orders = 'https://orders.example';
export const billing = 'https://billing.example';
/** RFC 8693 §2.1. */
export const tokenExchange = 'urn:ietf:params:oauth:grant-type:token-exchange';
export const ada = 'ada@example.com';
export const grace = 'grace@example.com';

/** What becomes of one request. `drop-before`: it never arrives. `drop-after`: it is served, and the answer is lost. */
export type Fault =
  | { readonly kind: 'drop-before' | 'hang' }
  /** `meanwhile`: what else happens at that moment. */
  | { readonly kind: 'drop-after'; readonly meanwhile?: () => void }
  /** What becomes of it reaches the page only when `until` settles. It is served, unless `fault` says otherwise. */
  | { readonly kind: 'hold'; readonly until: Promise<void>; readonly fault?: Fault | undefined }
  | { readonly kind: 'slow'; readonly by: number }
  | ({ readonly kind: 'answer' } & HttpAnswer)
  | { readonly kind: 'alter'; readonly alter: (body: Body) => Body | Promise<Body> };
type Body = Record<string, unknown>;

export interface RecordedRequest {
  readonly path: string;
  /** What its body says, as a form or in JSON. */
  readonly form: URLSearchParams;
  /** What a browser would ask leave for first. */
  readonly headers: Readonly<Record<string, string>>;
  readonly by: Tab;
  /** Its DPoP proof. */
  readonly proof: string | undefined;
  /** By the steady clock. */
  readonly sentAt: number;
  /** The server did what was asked, whoever heard of it. */
  granted?: boolean;
  /** What its page knows of it, and since when; absent while it knows nothing. */
  heard?: Heard;
  heardAt?: number;
  /** The refreshes with the same refresh token that went before, as they stood when this one was sent. */
  readonly earlier: readonly EarlierRequest[];
  /** When it was sent, the store that all tabs share held its refresh token. */
  readonly kept: boolean;
}

interface EarlierRequest {
  readonly request: RecordedRequest;
  readonly heard: Heard | undefined;
  readonly page: PageState;
}

/** `gone`: killed, or left by a reload. */
export type PageState = 'awake' | 'frozen' | 'gone';

export interface Tab {
  readonly client: Auth0Client;
  readonly env: Environment;
  /** Where the page was sent, in order. */
  readonly navigations: string[];
  readonly sessionStorage: TextStorage;
  /** The popups that the page has opened, in order. */
  readonly popups: Popup[];
  /** The whole login by redirect: leaves, signs in at the tenant, comes back. */
  login(email?: string, authorizationParams?: AuthorizationParams): Promise<void>;
  /** Follows the page's last navigation to the tenant, with the browser's cookies. */
  follow(): Promise<Response>;
  /** The same tab after a reload: a new client over the same storage. */
  reload(options?: Partial<Auth0ClientOptions>): Tab;
  /** A second client in the same page. */
  twin(): Tab;
  /** The user comes back to it. */
  show(): void;
  /** Somebody wants to hear of that. */
  isWatched(): boolean;
  /** As a browser freezes a page: nothing that it waits for reaches it, and its locks stay held. */
  freeze(): void;
  /** What it missed reaches it now. */
  wake(): void;
  /** What it has missed so far never reaches it: the browser kept the page for the back button, and no messages. */
  miss(): void;
  /** The page is gone: what it was doing never goes on, and its locks are free. */
  kill(): void;
  state(): PageState;
}

/** A popup, and what the user does in it. */
export interface Popup {
  /** What the page that opened it holds. */
  readonly window: Window;
  /** Where the page has sent it; empty as long as it is. */
  readonly url: () => URL;
  /** Signs in at the tenant, whose last page answers. */
  signIn(email?: string): Promise<void>;
  /** As `signIn`, but the answer is on its way until the returned function is called. */
  answer(email?: string): Promise<() => void>;
  /** A message that reaches the page that opened it. */
  post(data: unknown, from?: { origin?: string; source?: Window | null }): void;
  close(): void;
  /** A page with a Cross-Origin-Opener-Policy has come. */
  sever(): void;
}

export interface World {
  readonly tenant: Tenant;
  readonly now: () => number;
  readonly steady: () => number;
  readonly locks: Locks;
  readonly timers: Timers;
  advance(milliseconds: number): Promise<void>;
  /** Puts the pages' time of day forward or back, and not the tenant's. */
  jump(milliseconds: number): void;
  /** Time goes on without any timer firing. */
  sleep(milliseconds: number): void;
  /** Resolves when everything that can go on without time passing has come to rest. */
  rest(): Promise<void>;
  /** Every request of a page to the token and revocation endpoints, in the order of sending. */
  readonly requests: RecordedRequest[];
  /** Refreshes among them. */
  refreshes(): RecordedRequest[];
  /** Every document that a page has asked for: discovery, and the tenant's keys. `fresh`: from no HTTP cache. */
  readonly documents: { readonly path: string; readonly fresh: boolean; readonly by: Tab }[];
  /** The next of those requests meet these, one each. */
  readonly documentFaults: Fault[];
  /** How many refreshes were under way at the same moment, at the most. */
  mostAtOnce(): number;
  /** What the SDK has said on the console. */
  readonly warnings: string[];
  /** What tabs have heard of each other over channels. */
  readonly said: unknown[];
  /** The iframes that were opened, by address. */
  readonly frames: (URL & { readonly by: Tab })[];
  /** The next requests to the token endpoint meet these, one each. */
  readonly faults: Fault[];
  /** The next requests to the revocation endpoint meet these, one each. */
  readonly revocationFaults: Fault[];
  /** What one tab tells the others is lost. */
  silent: boolean;
  /** A worker that pages share stays when the last of them has gone: for ever, where a browser would for some seconds. */
  workersOutlivePages: boolean;
  /** Back to true: the pages hear of it. */
  online: boolean;
  readonly records: RecordStore;
  recordNames(): string[];
  readonly localStorage: TextStorage;
  readonly cookies: Map<string, string>;
  /** What is in the app's own cache, as JSON by name; see `WorldOptions.appCache`. */
  readonly cacheEntries: Map<string, string>;
  /** Every refresh token, code and verifier that was on the wire, in either direction. */
  readonly secrets: ReadonlySet<string>;
  /** @param ports Replaced ports, for a browser that lacks something. */
  openTab(options?: Partial<Auth0ClientOptions>, ports?: Partial<Environment>): Tab;
  /** A message on that channel, from anybody. */
  forge(name: string): void;
  /** How many listen to channels. */
  channels(): number;
  /** Codes of the tenant's journal, oldest first. */
  journal(): string[];
}

/** One end of a channel between tabs. */
interface Broadcast {
  readonly name: string;
  deliver(message: unknown): void;
}

interface SharedWorkerOfWorld {
  readonly connect: ServePage;
  readonly pages: Tab[];
  readonly host: Tab;
}

/** What a worker has, and knows of a page. */
const inWorker = (env: Environment): Environment => ({
  ...env,
  page: { ...env.page, origin: () => 'null', leaving: () => false },
});

export interface WorldOptions {
  readonly leeway?: number;
  /** What the locks promise; see `Locks.exclusive`. */
  readonly exclusiveLocks?: boolean;
  /** The tenant exchanges a refresh token for any of its APIs. */
  readonly multiResource?: boolean;
  /** APIs take tokens that are bound to a key (`useDpop`), beside others. */
  readonly dpop?: boolean;
  /** How long the next step takes on its way to a server or a store, or back. Default: none takes any time. */
  readonly latency?: () => number;
  /** How long `localStorage` goes on to show a tab what was there before another tab wrote. */
  readonly storageLag?: number;
  /** The tenant does as the specifications want; see `quirks.conformance`. */
  readonly conformance?: boolean;
  /** The tabs keep everything in one asynchronous cache of the app's own. */
  readonly appCache?: boolean;
  /** Of what tabs draw by lot, names and pauses. */
  readonly seed?: number;
  /** How often the tenant may be called. */
  readonly rateLimits?: 'none' | 'free';
}

export function createWorld({
  leeway = 0,
  exclusiveLocks = true,
  multiResource = false,
  dpop = false,
  latency = () => 0,
  storageLag = 0,
  conformance = false,
  appCache = false,
  seed = 1,
  rateLimits = 'none',
}: WorldOptions = {}): World {
  const scopes = [{ value: 'read:things' }, { value: 'write:things' }];
  const proof_of_possession = dpop ? ({ mechanism: 'dpop', required: false } as const) : null;
  const api = { scopes, allow_offline_access: true, token_lifetime: 3600, proof_of_possession };
  const policies = [audience, orders].map((name) => ({ audience: name, scope: ['read:things'] }));
  /** Work on Node's other threads (digests, signatures): it takes real time, and the world waits for it. */
  const working = new Set<Promise<unknown>>();
  const track = <T>(work: Promise<T>): Promise<T> => {
    const done = work.finally(() => working.delete(done));
    done.catch(() => {});
    working.add(done);
    return done;
  };
  const rest = async (): Promise<void> => {
    do {
      await Promise.allSettled(working);
      for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
    } while (working.size > 0);
  };
  const time = createManualTime(Date.UTC(2026, 10, 23, 12), rest);
  const tenant = createTenant({
    baseUrl: tenantUrl,
    seed: 'world',
    now: time.clock.steady,
    quirks: { conformance },
    rate_limits: rateLimits,
    clients: [
      {
        client_id: 'spa',
        app_type: 'spa',
        callbacks: [app, `${app}/popup.html`],
        web_origins: [app],
        allowed_logout_urls: [app],
        grant_types: ['authorization_code', 'refresh_token', tokenExchange],
        refresh_token: {
          rotation_type: 'rotating',
          expiration_type: 'expiring',
          leeway,
          policies: multiResource ? policies : [],
        },
      },
    ],
    resource_servers: [audience, orders, billing].map((identifier) => ({ identifier, ...api })),
    organizations: [
      { id: 'org_1', name: 'acme', members: [ada, grace] },
      { id: 'org_2', name: 'umbrella', members: [ada] },
    ],
    users: [
      { email: ada, password: 'correct horse', name: 'Ada' },
      { email: grace, password: 'battery staple', name: 'Grace' },
    ],
    hooks: {
      // Somebody else's token is whose it is.
      onTokenExchange({ subject_token }) {
        const user = tenant.users().find(({ email }) => email === subject_token);
        return user ? { user_id: user.user_id } : { deny: `nobody is called ${subject_token}` };
      },
    },
  });

  const random = seededBy(seed);
  const shared = createMemoryRecordStore();
  const browserDpop = createDpop(time.timers);
  const sharedKeys = createMemoryRecordStore();
  const keys: RecordStore = {
    update: (name, step) => sharedKeys.update(name, (record) => step(structuredClone(record))),
    close() {},
  };
  const recordNames = new Set<string>();
  const recordTexts = new Map<string, string>();
  const records: RecordStore = {
    update(name, step) {
      recordNames.add(name);
      return shared.update(name, (record) => {
        const read = structuredClone(record);
        const [next, result] = step(read);
        if (next !== read) recordTexts.set(name, JSON.stringify(next ?? null));
        return [next, result];
      });
    },
    close() {},
  };
  const locks = createPageLocks(time.timers);
  const localStorage = createTextStorage();
  const viewStorage = laggingViews(localStorage, storageLag, time.clock.steady);
  const cacheEntries = new Map<string, string>();
  const secrets = new Set<string>();
  const cookies = new Map<string, string>();
  const atTenant = tenantBrowser(tenant);
  const onlineListeners = new Set<() => void>();
  const channels = new Set<{ name: string; onmessage: ((event: MessageEvent) => void) | null }>();
  const broadcasts = new Set<Broadcast>();
  const sharedWorkers = new Map<string, SharedWorkerOfWorld>();
  const shown = new Map<object, string>();
  const openChannels = new Set<{ readonly name: string; readonly hear: () => void }>();
  let online = true;
  let underWay = 0;
  let most = 0;

  const world: World = {
    tenant,
    now: time.clock.now,
    steady: time.clock.steady,
    locks,
    timers: time.timers,
    advance: time.advance,
    jump: time.jump,
    sleep: time.sleep,
    rest,
    requests: [],
    documents: [],
    documentFaults: [],
    refreshes: () => world.requests.filter(({ form }) => form.get('grant_type') === 'refresh_token'),
    mostAtOnce: () => most,
    frames: [],
    warnings: [],
    said: [],
    faults: [],
    revocationFaults: [],
    silent: false,
    workersOutlivePages: false,
    get online() {
      return online;
    },
    set online(now) {
      const back = now && !online;
      online = now;
      if (back) for (const hear of onlineListeners) hear();
    },
    records,
    recordNames: () => [...recordNames],
    localStorage,
    cookies,
    cacheEntries,
    secrets,
    openTab: (options, ports) => openTab(options, createTextStorage(), ports),
    forge(name) {
      for (const channel of openChannels) if (channel.name.startsWith(name)) channel.hear();
    },
    channels: () => openChannels.size,
    journal: () => tenant.journal.map(({ type }) => type),
  };
  return world;

  async function travel(): Promise<void> {
    const delay = latency();
    if (delay > 0) await new Promise<void>((resolve) => time.timers.after(delay, resolve));
  }

  /** As the browser navigates: with the tenant's cookies, which the answer may change. */
  function visit(url: string): Promise<Response> {
    return track(atTenant.request(url));
  }

  function openTab(
    options: Partial<Auth0ClientOptions> | undefined,
    sessionStorage: TextStorage,
    ports?: Partial<Environment>,
  ): Tab {
    let die: (error: Error) => void = () => {};
    const death = new Promise<never>((_, reject) => (die = reject));
    death.catch(() => {});
    let dead = false;
    let frozen = false;
    let missed: (() => void)[] = [];
    /** To a dead page nothing gets through, and to a frozen one nothing until it wakes. */
    const reach = (task: () => void): void => {
      if (frozen) missed.push(task);
      else if (!dead) task();
    };
    const alive = <T>(work: Promise<T>): Promise<T> =>
      new Promise((resolve, reject) => {
        work.then(
          (value) => reach(() => resolve(value)),
          (error: unknown) => reach(() => reject(error)),
        );
      });
    const atStore = async <T>(action: () => Promise<T>): Promise<T> => {
      await alive(travel());
      return alive(action().finally(travel));
    };
    const navigations: string[] = [];
    const popups: Popup[] = [];
    const closings: (() => void)[] = [];
    const listeners = new Set<(event: MessageEvent) => void>();
    const wakeListeners = new Set<() => void>();

    const env: Environment = {
      clock: time.clock,
      timers: {
        after: (delay, task) => {
          let calledOff = false;
          const callOff = time.timers.after(delay, () => reach(() => void (calledOff || task())));
          return () => {
            calledOff = true;
            callOff();
          };
        },
      },
      cryptography: {
        available: true,
        randomBytes: (length) => Uint8Array.from({ length }, () => random(256)),
        sha256: async (bytes) =>
          new Uint8Array(await track(crypto.subtle.digest('SHA-256', bytes as BufferSource))),
        verifyRs256: (...signature) =>
          track(createBrowserEnvironment().cryptography.verifyRs256(...signature)),
      },
      http: {
        async get(url, { limit, fresh = false }) {
          world.documents.push({ path: new URL(url).pathname, fresh, by: tab });
          const answer = async () => {
            await travel();
            const fault = world.documentFaults.shift();
            if (!world.online || fault?.kind === 'drop-before') throw new TypeError('Failed to fetch');
            if (fault?.kind === 'hang') return new Promise<never>(() => {});
            if (fault?.kind === 'answer') return fault;
            const response = await track(tenant.fetch(new Request(url, { headers: { origin: app } })));
            const body = await track(response.text());
            await travel();
            if (fault?.kind !== 'alter') return { status: response.status, body, ...adviceOf(response) };
            const altered = await fault.alter(JSON.parse(body) as Body);
            return { status: response.status, body: JSON.stringify(altered) };
          };
          return alive(Promise.race([withLimit(env.timers, limit, answer()), death]));
        },
        async post(url, body, { limit, headers = {} }) {
          const recorded = record(url, body, headers, tab);
          for (const name of secretNames) keepSecret(recorded.form.get(name));
          const isRefresh = recorded.form.get('grant_type') === 'refresh_token';
          if (isRefresh) most = Math.max(most, ++underWay);
          const hear = (heard: Heard) => Object.assign(recorded, { heard, heardAt: time.clock.steady() });
          const answering = withLimit(env.timers, limit, answerOf(url, body, recorded));
          const settled = Promise.race([answering, death]).finally(() => {
            underWay -= Number(isRefresh);
          });
          try {
            const answer = await alive(settled);
            hear(heardIn(answer));
            return answer;
          } catch (error) {
            hear('unknown');
            throw error;
          }
        },
      },
      fetch: (request) => track(tenant.fetch(request)),
      dpop: async () => ({
        peer: { find: async () => undefined, forget: async () => {} },
        generateKeyPair: () => track(browserDpop.generateKeyPair()),
        thumbprint: (key) => track(browserDpop.thumbprint(key)),
        prove: (...request) => track(at(time.clock.now(), () => browserDpop.prove(...request))),
      }),
      page: {
        url: () => app,
        origin: () => app,
        navigate: (url) => void navigations.push(url),
        warn: (text) => void world.warnings.push(text),
        online: () => world.online,
        leaving: () => false,
        stay: () => {},
        touched: () => true,
        onOnline(task) {
          const hear = () => reach(task);
          onlineListeners.add(hear);
          return () => void onlineListeners.delete(hear);
        },
        onWake(task) {
          const hear = () => reach(task);
          for (const heard of [onlineListeners, wakeListeners]) heard.add(hear);
          return () => {
            for (const heard of [onlineListeners, wakeListeners]) heard.delete(hear);
          };
        },
      },
      silentFrame: {
        async authorize(url, { origin, state, silence }) {
          world.frames.push(Object.assign(new URL(url), { by: tab }));
          const response = await visit(url).catch(() => undefined);
          const message = response && messageOf(await response.text());
          const answer = origin === tenantUrl ? readWebMessage(message) : undefined;
          if (answer?.state === state) return answer;
          await new Promise<void>((resolve) => time.timers.after(silence, resolve));
          throw new TimeoutError(response ? 'frame_silent' : 'frame_unreachable');
        },
      },
      workers: {
        async start(url, heard, name) {
          let isOver = false;
          const send = (message: unknown, hear: (message: never) => void) => {
            const clone = structuredClone(message) as never;
            queueMicrotask(() => reach(() => isOver || hear(clone)));
          };
          const shared = url && sharedWorker(name);
          shared?.pages.push(tab);
          const connect = shared ? shared.connect : serveCustody(inWorker(env));
          const { hear } = connect((reply) => send(reply, heard.message));
          return { post: (message) => send(message, hear), terminate: () => void (isOver = true) };
        },
      },
      channels: {
        open(name, hear) {
          const own: Broadcast = {
            name,
            deliver: (message) => reach(() => broadcasts.has(own) && hear(message)),
          };
          broadcasts.add(own);
          closings.push(() => broadcasts.delete(own));
          return {
            post(message) {
              if (dead) return;
              if (!broadcasts.has(own)) throw new DOMException('closed', 'InvalidStateError'); // as browsers do
              for (const other of broadcasts) {
                if (other === own || other.name !== name) continue;
                const clone: unknown = structuredClone(message);
                world.said.push(clone);
                queueMicrotask(() => other.deliver(clone));
              }
            },
            close: () => void broadcasts.delete(own),
          };
        },
      },
      presence: {
        show(name) {
          const own = {};
          shown.set(own, name);
          closings.push(() => shown.delete(own));
          return () => void shown.delete(own);
        },
        count: (name) => alive(Promise.resolve([...shown.values()].filter((it) => it === name).length)),
      },
      popupHost: () => ({
        open() {
          const popup = openPopup((event) => {
            for (const listener of listeners) reach(() => listener(event));
          });
          popups.push(popup);
          return popup.window;
        },
        addEventListener(_, listener, { signal }) {
          listeners.add(listener);
          signal.addEventListener('abort', () => listeners.delete(listener));
        },
        document: { hasFocus: () => true },
        BroadcastChannel: class {
          onmessage = null;
          constructor(readonly name: string) {
            channels.add(this);
          }
          postMessage() {}
          close() {
            channels.delete(this);
          }
        },
      }),
      locks: {
        exclusive: exclusiveLocks,
        run(name, limit, task, signal) {
          const inTurn = () => new Promise<void>((resolve) => reach(resolve)).then(task);
          return locks.run(name, limit, () => Promise.race([inTurn(), death]), signal);
        },
      },
      peerLocks: {
        exclusive: false,
        run: (name, limit, task) => locks.run(`peer ${name}`, limit, () => Promise.race([task(), death])),
      },
      records: { update: (name, step) => atStore(() => records.update(name, step)), close() {} },
      keys: { update: (name, step) => atStore(() => keys.update(name, step)), close() {} },
      localStorage: viewStorage(),
      sessionStorage,
      openChannel(name, heard) {
        const channel = { name, hear: () => reach(() => openChannels.has(channel) && heard?.hear()) };
        openChannels.add(channel);
        return {
          tell() {
            for (const other of openChannels)
              if (other !== channel && other.name === name && !world.silent) queueMicrotask(other.hear);
          },
          close: () => void openChannels.delete(channel),
        };
      },
      cookies: {
        get: (name) => cookies.get(name),
        names: () => [...cookies.keys()],
        set: (name, value) => void cookies.set(name, value),
        remove: (name) => void cookies.delete(name),
      },
      ...ports,
    };

    const client = new Auth0Client(
      {
        domain: tenantUrl,
        clientId: 'spa',
        useRefreshTokens: true,
        cacheLocation: 'localstorage',
        authorizationParams: { audience, redirect_uri: app, scope: 'openid profile email read:things' },
        ...(appCache && { cache: cacheOver(cacheEntries, atStore), cacheLocation: undefined }),
        ...options,
      },
      env,
    );

    const tab: Tab = {
      client,
      env,
      navigations,
      sessionStorage,
      popups,
      async login(email = ada, authorizationParams = {}) {
        const { cookie } = await tenant.signIn(email, { client_id: 'spa' });
        atTenant.setCookie(cookie);
        await client.loginWithRedirect({ authorizationParams });
        const response = await tab.follow();
        await client.handleRedirectCallback(response.headers.get('location') ?? '');
      },
      follow: () => visit(navigations.at(-1) ?? ''),
      reload(changed) {
        tab.kill();
        return openTab({ ...options, ...changed }, sessionStorage, ports);
      },
      twin: () => openTab(options, sessionStorage, ports),
      isWatched: () => wakeListeners.size > 0,
      show() {
        for (const hear of wakeListeners) hear();
      },
      freeze: () => void (frozen = true),
      wake() {
        frozen = false;
        const tasks = missed;
        missed = [];
        for (const task of tasks) reach(task);
      },
      miss: () => void (missed = []),
      kill() {
        dead = true;
        for (const close of closings) close();
        die(new Error('the page is gone'));
        for (const [name, { pages, host }] of sharedWorkers) {
          if (world.workersOutlivePages || pages.some((page) => page.state() !== 'gone')) continue;
          sharedWorkers.delete(name);
          host.kill();
        }
      },
      state: () => (dead ? 'gone' : frozen ? 'frozen' : 'awake'),
    };
    return tab;
  }

  /** What lives as long as a page that is connected with it. */
  function sharedWorker(name: string): SharedWorkerOfWorld {
    const existing = sharedWorkers.get(name);
    if (existing) return existing;
    const host = openTab({}, createTextStorage());
    const worker = { host, pages: [], connect: serveCustody(inWorker(host.env), true) };
    sharedWorkers.set(name, worker);
    return worker;
  }

  /** A window that can be read as long as it is empty, and never again after it was sent to the tenant. */
  function openPopup(hear: (event: MessageEvent) => void): Popup {
    let closed = false;
    let url: string | undefined;
    const location = {
      get href() {
        if (url !== undefined) throw new DOMException('another origin', 'SecurityError');
        return 'about:blank';
      },
      replace: (to: string) => void (url = to),
    };
    const close = () => void (closed = true);
    const window = {
      location,
      close,
      get closed() {
        return closed;
      },
    } as unknown as Window;
    const popup: Popup = {
      window,
      url: () => new URL(url ?? 'about:blank'),
      async signIn(email) {
        const arrive = await popup.answer(email);
        arrive();
      },
      async answer(email = ada) {
        const page = await track(atTenant.visit(url ?? ''));
        const password = email === ada ? 'correct horse' : 'battery staple';
        const end = page.body.includes('<form') ? await atTenant.submit(page, { email, password }) : page;
        if (end.url.origin === tenantUrl) return () => popup.post(messageOf(end.body));
        const response = Object.fromEntries(end.url.searchParams);
        const name = popupChannelName('spa', response['state'] ?? '');
        const data = { type: webMessageType, response };
        return () => {
          for (const channel of channels)
            if (channel.name === name) channel.onmessage?.(new MessageEvent('message', { data }));
        };
      },
      post: (data, { origin = tenantUrl, source = window } = {}) =>
        hear({ data, origin, source } as MessageEvent),
      close,
      sever: close,
    };
    return popup;
  }

  function record(
    url: string,
    text: string,
    headers: Readonly<Record<string, string>>,
    by: Tab,
  ): RecordedRequest {
    const isJson = headers['Content-Type'] === 'application/json';
    const form = new URLSearchParams(isJson ? (JSON.parse(text) as Record<string, string>) : text);
    const token = form.get('refresh_token');
    const earlier = world
      .refreshes()
      .filter((request) => request.form.get('refresh_token') === token)
      .map((request) => ({ request, heard: request.heard, page: request.by.state() }));
    const kept =
      token !== null && [...recordTexts.values(), ...cacheEntries.values()].some((it) => it.includes(token));
    const path = new URL(url).pathname;
    const proof = headers['DPoP'];
    const recorded = { path, form, headers, proof, by, sentAt: time.clock.steady(), earlier, kept };
    world.requests.push(recorded);
    return recorded;
  }

  async function answerOf(url: string, body: string, recorded: RecordedRequest): Promise<HttpAnswer> {
    const faults = recorded.path === '/oauth/token' ? world.faults : world.revocationFaults;
    const fault = faults.shift();
    if (fault?.kind !== 'hold') return served(url, body, recorded, fault);
    const answer = served(url, body, recorded, fault.fault);
    await Promise.allSettled([answer, fault.until]);
    return answer;
  }

  async function served(
    url: string,
    sent: string,
    recorded: RecordedRequest,
    fault: Fault | undefined,
  ): Promise<HttpAnswer> {
    await travel();
    if (!world.online || fault?.kind === 'drop-before') throw new TypeError('Failed to fetch');
    if (fault?.kind === 'answer') return fault;
    if (fault?.kind === 'hang') return new Promise(() => {});
    const request = new Request(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...recorded.headers, origin: app },
      body: sent,
    });
    const response = await track(tenant.fetch(request));
    recorded.granted = response.ok;
    const body = await track(response.text());
    const headers = adviceOf(response);
    keepSecret(/"refresh_token":"([^"]*)"/.exec(body)?.[1]);
    await travel();
    if (!world.online) throw new TypeError('Failed to fetch');
    if (fault?.kind === 'slow') await new Promise<void>((resolve) => time.timers.after(fault.by, resolve));
    if (fault?.kind === 'alter') {
      const altered = await track(Promise.resolve(fault.alter(JSON.parse(body) as Body)));
      return { status: response.status, body: JSON.stringify(altered), ...headers };
    }
    if (fault?.kind === 'drop-after') {
      fault.meanwhile?.();
      throw new TypeError('Failed to fetch');
    }
    return { status: response.status, body, ...headers };
  }

  /** The headers that a page may read. */
  function adviceOf({ headers }: Response): Omit<HttpAnswer, 'status' | 'body'> {
    const header = (name: string) => headers.get(name) ?? undefined;
    return {
      dpopNonce: header('DPoP-Nonce'),
      retryAfter: header('Retry-After'),
      rateLimitReset: header('X-RateLimit-Reset'),
    };
  }

  function keepSecret(text: string | null | undefined): void {
    if (text) secrets.add(text);
  }

  /** By the page's own timers: while it is frozen, its requests go on. */
  function withLimit<T>(timers: Timers, limit: number, work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const callOff = timers.after(limit, () => reject(new DOMException('aborted', 'AbortError')));
      void work.then(resolve, reject).finally(callOff);
    });
  }
}

/** These records, of which every update that changes one waits for `then` before its caller hears of it. */
export const afterWrites = (records: RecordStore, then: () => Promise<void> | void): RecordStore => ({
  ...records,
  async update(name, step) {
    let wrote = false;
    const result = await records.update(name, (record) => {
      const [next, told] = step(record);
      wrote = next !== record;
      return [next, told];
    });
    if (wrote) await then();
    return result;
  },
});

/** The package that makes the proofs reads the time itself, before it waits for anything. */
function at<T>(now: number, action: () => T): T {
  const { now: realNow } = Date;
  Date.now = () => now;
  try {
    return action();
  } finally {
    Date.now = realNow;
  }
}

const secretNames = ['refresh_token', 'code', 'code_verifier', 'token'];

/** A cache of the app's own, over entries that all tabs share. */
function cacheOver(
  entries: Map<string, string>,
  atStore: <T>(action: () => Promise<T>) => Promise<T>,
): ICache {
  return {
    get: <T>(key: string) =>
      atStore(async () => {
        const text = entries.get(key);
        return text === undefined ? undefined : (JSON.parse(text) as T);
      }),
    set: (key, entry) => atStore(async () => void entries.set(key, JSON.stringify(entry))),
    remove: (key) => atStore(async () => void entries.delete(key)),
    allKeys: () => atStore(async () => [...entries.keys()]),
  };
}

/** Each tab's view of one storage: its own writes at once, those of others when `lag` has passed. */
export function laggingViews(storage: TextStorage, lag: number, now: () => number): () => TextStorage {
  if (lag === 0) return () => storage;
  type Write = { readonly by: object; readonly at: number; readonly text: string | null };
  const writes = new Map<string, Write[]>();
  return () => {
    const by = {};
    const get = (name: string) =>
      writes
        .get(name)
        ?.filter((write) => write.by === by || write.at + lag <= now())
        .at(-1)?.text ?? null;
    const write = (name: string, text: string | null) => {
      writes.set(name, [...(writes.get(name) ?? []), { by, at: now(), text }]);
      if (text === null) storage.remove(name);
      else storage.set(name, text);
    };
    return {
      get,
      set: (name, text) => write(name, text),
      remove: (name) => write(name, null),
      names: () => [...writes.keys()].filter((name) => get(name) !== null),
    };
  };
}

export function createTextStorage(): TextStorage {
  const texts = new Map<string, string>();
  return {
    get: (name) => texts.get(name) ?? null,
    set: (name, text) => void texts.set(name, text),
    remove: (name) => void texts.delete(name),
    names: () => [...texts.keys()],
  };
}

/** Runs the scripts of a page as a frame would, and returns what they posted to the parent. */
export function messageOf(html: string): unknown {
  const messages: unknown[] = [];
  const parent = {
    postMessage(message: unknown, targetOrigin: string) {
      if (targetOrigin === app) messages.push(message);
    },
  };
  for (const [, script = ''] of html.matchAll(/<script[^>]*>(.*?)<\/script>/gs))
    runInNewContext(script, { window: { opener: null, parent } });
  // Out of the other realm, as a real message would be cloned.
  return messages[0] === undefined ? undefined : JSON.parse(JSON.stringify(messages[0]));
}
