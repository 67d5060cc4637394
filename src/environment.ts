/**
 * The ports: everything the SDK asks of the world. `browser/` implements them over a real browser; tests over a world
 * of their own. No port keeps state that another one needs.
 */
import type { Clock, Milliseconds } from './clock.ts';
import type { AuthorizationResponse } from './oauth/authorization-endpoint.ts';
import type { Sha256 } from './oauth/pkce.ts';

export interface Environment extends Omit<PagePorts, 'page' | 'cookies'> {
  readonly page: Page;
  readonly cookies: Cookies;
  readonly cryptography: Cryptography;
  readonly http: Http;
  /** As the platform's. */
  fetch(request: Request): Promise<Response>;
  /** The code is loaded on first use. @throws {GenericError} `feature_load_failed` */
  dpop(): Promise<Dpop>;
  readonly silentFrame: SilentFrame;
  readonly workers: Workers;
  readonly channels: Channels;
  readonly presence: Presence;
  readonly locks: Locks;
  /** Those under which tabs of auth0-spa-js refresh, of whatever version. */
  readonly peerLocks: Locks;
  readonly records: RecordStore;
  /** The same, for what only a structured clone keeps whole: a `CryptoKey`. */
  readonly keys: RecordStore;
  readonly sessionStorage: TextStorage;
  /** Between the tabs of an origin, and the clients of a page. Without `heard`, for telling alone. */
  openChannel(name: string, heard?: ChannelListener): ChangeChannel;
}

export interface ChannelListener {
  /** Somebody else has told something; or the page was asleep, and may have missed it. */
  hear(): void;
  /** Also heard: that a text was written to `localStorage`, or removed, by another page, whose name begins so. */
  readonly names: string;
}

export interface ChangeChannel {
  /** Everybody else who has opened a channel of that name hears, as soon as it is awake. Nobody, where there are no channels. */
  tell(): void;
  close(): void;
}

/** What is needed to serve from the cache, and where nothing may be waited for. */
export interface PagePorts {
  readonly clock: PageClock;
  readonly timers: Timers;
  readonly page: Pick<Page, 'url' | 'warn' | 'leaving'>;
  popupHost(): PopupHost;
  readonly localStorage: TextStorage;
  readonly cookies: Pick<Cookies, 'get' | 'remove'>;
}

export interface PageClock extends Clock {
  /** How far time has gone on, whatever became of the time of day: no correction of the clock moves it. */
  steady(): Milliseconds;
  /** How far `now` is from this machine's clock, where the app has one of its own. */
  readonly offset?: Milliseconds | undefined;
}

export interface Timers {
  /** Runs `task` once, not before `delay` has passed. Returns how to call it off. */
  after(delay: Milliseconds, task: () => void): () => void;
}

export interface Cryptography {
  /** False where Web Crypto is missing; the other two members then throw. */
  readonly available: boolean;
  /** Cryptographically strong random bytes. */
  randomBytes(length: number): Uint8Array;
  readonly sha256: Sha256;
  /** Whether `jwk`, an RSA key, has made that RS256 signature (RFC 7518 §3.3). It rejects for what is no key. */
  verifyRs256(jwk: JsonWebKey, signed: Uint8Array, signature: Uint8Array): Promise<boolean>;
}

/** The kinds of request that the SDK makes. A form is sent, and a document read, by a CORS-simple one: no preflight is needed. */
export interface Http {
  /**
   * Sends once, as a form unless a `Content-Type` among the headers says otherwise; the body of the answer is read whole before the promise settles. It rejects, with whatever the platform
   * throws, when no whole answer arrived within `limit`: whether the server acted is then unknown.
   */
  post(url: string, body: string, options: HttpOptions): Promise<HttpAnswer>;
  /** Reads a document that is anybody's to read, as `post` sends. `fresh`: as it is now, whatever an HTTP cache holds. */
  get(url: string, options: { limit: Milliseconds; fresh?: boolean }): Promise<HttpAnswer>;
}

export interface HttpOptions {
  readonly limit: Milliseconds;
  readonly keepalive?: boolean | undefined;
  /** Any of these costs a preflight. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
  /** Its `DPoP-Nonce` header (RFC 9449 §8). */
  readonly dpopNonce?: string | undefined;
  /** Its `Retry-After` header (RFC 9110 §10.2.3); this and the next only where the server lets the page's origin read them. */
  readonly retryAfter?: string | undefined;
  /** Its `X-RateLimit-Reset` header: when there may be one more request, in seconds since 1970. */
  readonly rateLimitReset?: string | undefined;
}

/** What is done with a key for DPoP (RFC 9449). */
export interface Dpop {
  /** For ES256. The private key signs, and nobody can read it. */
  generateKeyPair(): Promise<CryptoKeyPair>;
  /** The SHA-256 thumbprint of the key (RFC 7638), in base64url. */
  thumbprint(publicKey: CryptoKey): Promise<string>;
  /** A proof for one request, signed now (RFC 9449 §4.2). @param request `url`: without query and fragment. */
  prove(keyPair: CryptoKeyPair, request: ProvenRequest): Promise<string>;
  /** Those that auth0-spa-js has left. What cannot be reached counts as nothing. */
  readonly peer: PeerKeys;
}

export interface PeerKeys {
  find(clientId: string): Promise<CryptoKeyPair | undefined>;
  forget(clientId: string): Promise<void>;
}

export interface ProvenRequest {
  readonly url: string;
  readonly method: string;
  readonly nonce?: string | undefined;
  /** The token that goes with the request, where there is one. */
  readonly accessToken?: string | undefined;
}

export interface Page {
  /** The address of the page, query and fragment included. */
  url(): string;
  /** scheme://host[:port] of the page; `''` where there is no page. */
  origin(): string;
  /** @param method `replace` leaves no entry of this page in the history. Default: `assign`. */
  navigate(url: string, method?: 'assign' | 'replace'): void;
  /** Says something to the app's developer. */
  warn(text: string): void;
  /** False only when the browser knows that there is no network. */
  online(): boolean;
  /**
   * True while the browser takes leave of the page (`pagehide`), until it is shown again, and as long as it may be about to, because of
   * `navigate`: no answer would reach it. Knows what has happened since it was first asked.
   */
  leaving(): boolean;
  /** Whoever says so knows that the page has not gone where `navigate` has sent it. */
  stay(): void;
  /**
   * False only where the browser tells whether the user has just done something, and neither that nor a touch, click or key has
   * been noticed since `leaving` was first asked.
   */
  touched(): boolean;
  /** Runs `task` whenever the network has come back. Returns how to stop that. */
  onOnline(task: () => void): () => void;
  /** Runs `task` whenever the user may have come back to the page, or the network to a page that they see. Returns how to stop that. */
  onWake(task: () => void): () => void;
}

export interface SilentFrame {
  /**
   * Opens `url` in a hidden iframe and waits for its `web_message` answer: from `origin`, from that very frame, with
   * that `state`. Other messages are ignored. The frame is gone when the promise settles.
   * @throws {TimeoutError} when nothing came within `limit`, or within `silence` after the frame had loaded, or nothing can come.
   * @throws {AuthenticationError} `login_required` with `reason: 'third_party_cookies'`, where that is likely.
   */
  authorize(
    url: string,
    expected: {
      origin: string;
      state: string;
      limit: Milliseconds;
      silence: Milliseconds;
      /** Somebody has signed in here, as far as anything in this browser tells. */
      signedIn: boolean;
    },
  ): Promise<AuthorizationResponse>;
}

export interface Workers {
  /**
   * Starts a worker; `undefined`: of the script that the SDK brings along, for this page alone. Of a file there is one by each `name`
   * for all pages of the origin, where the browser has such workers, and this connects to it. Whether it runs is known by its
   * first message.
   * @throws {GenericError} `worker_unavailable`, where the browser refuses; `feature_load_failed`.
   */
  start(url: { toString(): string } | undefined, heard: WorkerListener, name: string): Promise<WorkerPort>;
}

export interface WorkerListener {
  message(message: unknown): void;
  /** Its script did not run, or threw. */
  failure(): void;
}

export interface WorkerPort {
  /** @param message What can be cloned. */
  post(message: unknown): void;
  /** Ends the worker at once, whatever it is doing, or leaves a shared one. Nothing is heard of it any more. */
  terminate(): void;
}

/** Between all tabs and workers of the origin, whoever they belong to: everybody hears everything, and may say anything. */
export interface Channels {
  /** What is posted reaches all others that have a channel of that name open, in the order of posting. Where there are none, nobody. */
  open(name: string, hear: (message: unknown) => void): Channel;
}

export interface Channel {
  /** @param message What can be cloned. */
  post(message: unknown): void;
  close(): void;
}

/** Who is there, which a page or worker that has gone no longer is. */
export interface Presence {
  /** Returns how to hide again. */
  show(name: string): () => void;
  /** How many show that name, on the whole origin; 0 where nobody can tell. */
  count(name: string): Promise<number>;
}

/** What a login by popup asks of the window that it is called in, which is the part of a `Window` by that name; nothing outside of a page. */
export interface PopupHost {
  /** At once, and `null` where the browser does not let it: it does only while it handles what the user did. */
  open?(url: string, target: string, features: string): Window | null;
  addEventListener(
    type: 'message',
    listener: (event: MessageEvent) => void,
    options: { signal: AbortSignal },
  ): void;
  readonly document: { hasFocus(): boolean };
  readonly BroadcastChannel: new (
    name: string,
  ) => Pick<BroadcastChannel, 'onmessage' | 'postMessage' | 'close'>;
}

export interface Locks {
  /**
   * True when a lock that was granted is held by nobody else, whatever happens. False for locks built on storage:
   * whoever holds one has only probably no rival.
   */
  readonly exclusive: boolean;
  /**
   * Runs `task` while holding the lock `name`, and gives the lock back whatever becomes of the task.
   * @param signal Aborted: the lock is not waited for any more, where the platform can leave its queue.
   * @throws {TimeoutError} `lock_timeout`, when the lock was not granted within `limit`, or the wait was aborted; the task did
   * not run.
   * @throws {GenericError} `feature_load_failed`, when the code of the lock could not be loaded; the task did not run.
   */
  run<T>(name: string, limit: Milliseconds, task: () => Promise<T>, signal?: AbortSignal): Promise<T>;
}

/** A few named records that every tab sees alike: a write that has completed is what the next reader finds. */
export interface RecordStore {
  /**
   * One atomic read-decide-write. `step` is pure and synchronous; it gets the record (`undefined` when there is none)
   * and returns what the record shall be and what to tell the caller. The same record back means: write nothing.
   * The promise settles when the write is durable.
   * @throws {StorageError} when the store is missing, refuses or takes too long; then nothing was written, as far as is known.
   * @throws {GenericError} `feature_load_failed`, when the code of the store could not be loaded.
   */
  update<T>(name: string, step: (record: unknown) => readonly [record: unknown, result: T]): Promise<T>;
  /** Gives back what it holds; the next update opens it again. */
  close(): void;
}

/** Text by name, as `localStorage` and `sessionStorage` keep it. Any call may throw. */
export interface TextStorage {
  /** `null`: there is none. */
  get(name: string): string | null;
  /** Writes a text. */
  set(name: string, text: string): void;
  /** Removes a text, if there is one. */
  remove(name: string): void;
  /** Of all texts, anybody's. */
  names(): string[];
}

/** What the browser refuses counts as not there. */
export interface Cookies {
  /** The cookie, or its twin. */
  get(name: string): string | undefined;
  /** Of all cookies that the page can see. */
  names(): string[];
  /** `legacy`: with a twin, `_legacy_` before its name, without `SameSite`. */
  set(name: string, value: string, options: CookieOptions): void;
  /** The cookie and its twin. */
  remove(name: string, options: Pick<CookieOptions, 'domain'>): void;
}

export interface CookieOptions {
  readonly days: number;
  /** Default: the page's host alone. */
  readonly domain?: string | undefined;
  readonly legacy?: boolean | undefined;
}
