/** What callers may say: the options of the client and of its methods, as auth0-spa-js v2 spells them. */
import type { Milliseconds, Seconds } from '../clock.ts';
import type { ICache } from './cache.ts';

/** What the app knows better: as free as with auth0-spa-js, so that code that was written for it compiles. @inline */
// oxlint-disable-next-line typescript/no-explicit-any -- `unknown` would have every app say what it knows
export type Unchecked = any;

/** Where access-token and ID-token entries are kept. Refresh tokens follow: in the page's heap, or in IndexedDB. */
export type CacheLocation = 'memory' | 'localstorage';

/**
 * `on`: a cached token that is valid for another 60 s, else a new one. `off`: always a new one, and one for all who ask while it is
 * on its way. `cache-only`: the cached one or `undefined`; never a request.
 */
export type CacheMode = 'on' | 'off' | 'cache-only';

interface ParamsBesideScope {
  audience?: string | undefined;
  redirect_uri?: string | undefined;
  prompt?: 'none' | 'login' | 'consent' | 'select_account' | undefined;
  display?: 'page' | 'popup' | 'touch' | 'wap' | undefined;
  max_age?: string | number | undefined;
  ui_locales?: string | undefined;
  id_token_hint?: string | undefined;
  screen_hint?: string | undefined;
  login_hint?: string | undefined;
  acr_values?: string | undefined;
  connection?: string | undefined;
  organization?: string | undefined;
  invitation?: string | undefined;
  [parameter: string]: Unchecked;
}

/** Parameters of the authorization request (OIDC Core §3.1.2.1 and Auth0's own). Names not listed here are passed on. */
export interface AuthorizationParams extends ParamsBesideScope {
  scope?: string | undefined;
}

/** The client's own parameters, whose `scope` may say apart what is asked for of each audience. */
export interface ClientAuthorizationParams extends ParamsBesideScope {
  /** One text for every audience, or texts by audience; `default` is asked for where no audience is, or none of those named. */
  scope?: string | Readonly<Record<string, string>> | undefined;
}

/** An address as text, a `URL`, or a `TrustedScriptURL` where the page enforces Trusted Types. */
export type WorkerUrl =
  | string
  | URL
  | {
      /** The address. */
      toString(): string;
    };

/** What a client is made with. */
export interface Auth0ClientOptions {
  /** The tenant: `tenant.eu.auth0.com`, or a whole origin such as `http://localhost:4400`. */
  domain: string;
  clientId: string;
  /**
   * What ID tokens must say in `iss`, where that is not `https://<domain>/`: as it is if it begins with `https://` or `http://`, else as
   * `https://<issuer>/`.
   */
  issuer?: string | undefined;
  /**
   * Ask the provider where its endpoints are, for providers other than Auth0: at `<issuer>/.well-known/openid-configuration`
   * (OpenID Connect Discovery 1.0 §4). A logout is then an RP-initiated one, if it has any. Default: `false`.
   */
  discovery?: boolean | undefined;
  /**
   * Verify the signature of ID tokens (RS256), with the issuer's JWK Set: at the cost of a request for that. Default: `false`, as
   * they come over TLS (OIDC Core §3.1.3.7 (6)).
   */
  verifyIdTokenSignature?: boolean | undefined;
  /** Sent with every authorization request. Default scope: `openid profile email`; `openid` is always asked for. */
  authorizationParams?: ClientAuthorizationParams | undefined;
  /** Default: `memory`. */
  cacheLocation?: CacheLocation | undefined;
  /**
   * A cache of your own, in the place of `cacheLocation`; refresh tokens are kept in it too, and what makes tabs take turns
   * in IndexedDB. The built-in caches count as their `cacheLocation`.
   */
  cache?: ICache | undefined;
  /** Ask for `offline_access` and renew with the refresh token instead of a hidden iframe. Default: `false`. */
  useRefreshTokens?: boolean | undefined;
  /** With no refresh token to spend, try a hidden iframe. Default: it is tried; a failure is then `missing_refresh_token`. */
  useRefreshTokensFallback?: boolean | undefined;
  /** As auth0-spa-js means it by default; its other mode, `online`, is not there. */
  refreshTokenMode?: 'offline' | undefined;
  /** Multi-resource refresh tokens: renew for any audience with any refresh token that is held. Default: `false`. */
  useMrrt?: boolean | undefined;
  /**
   * Bind tokens to a key of this browser (DPoP, RFC 9449): an ES256 key pair in IndexedDB, whose private key nobody can read. It
   * is removed at a logout. Default: `false`.
   */
  useDpop?: boolean | undefined;
  /**
   * With `useRefreshTokens` and `cacheLocation: 'memory'` a worker holds the refresh tokens, out of the page's reach. Its script
   * is a blob, unless this names the file `latchkey/worker` on the page's own origin. Then one worker serves all tabs, where the
   * browser has a `SharedWorker`: it is there for as long as one of them is, in some browsers for some seconds more, and a reload
   * finds it. And a Content Security Policy need allow no `blob:` in `worker-src`.
   */
  workerUrl?: WorkerUrl | undefined;
  /** `false`: no worker; the page holds them itself. Default: `true`. */
  worker?: boolean | undefined;
  /**
   * What becomes of the calls where the worker does not start: `page` holds the refresh tokens in the page, and says so once on
   * the console, where the browser has workers; `error` lets them fail with `worker_unavailable`, and the next call tries again. Default: `page`.
   */
  workerFallback?: 'page' | 'error' | undefined;
  /** How far the clocks of this machine and of the tenant may be apart when an ID token is judged. Default: 60. */
  leeway?: Seconds | undefined;
  /**
   * How long before it has to be, a token is renewed: calls are answered with the one there is, and one tab gets another in the
   * background, also when the user comes back to a page or its network does. At most half of a token's life. Without
   * `useRefreshTokens` it means nothing. Default: 0, off.
   */
  refreshAheadInSeconds?: Seconds | undefined;
  /** How long `getTokenSilently()` waits for the token endpoint; the exchange itself goes on, and a login waits for its own. Default: 10. */
  httpTimeoutInSeconds?: Seconds | undefined;
  /** How long a hidden iframe may take in all, and a user in a popup. Default: 60. */
  authorizeTimeoutInSeconds?: Seconds | undefined;
  /**
   * Where popups return to: a page of the app's own origin that calls `answerPopup()`, listed as a callback. Needed where a page
   * has a `Cross-Origin-Opener-Policy`, which cuts a popup off. That the user closes the popup is not noticed then.
   */
  popupCallbackUrl?: string | undefined;
  /**
   * Revoke the refresh tokens at a logout (RFC 7009). `false`: they stay good until they expire at the tenant, for tenants
   * where a revocation reaches further than this session. Default: `true`.
   */
  revokeOnLogout?: boolean | undefined;
  /** Life of the cookies that tell `checkSession()` of a session and of its organization. Default: 1, also for 0. */
  sessionCheckExpiryDays?: number | undefined;
  /** The `Domain` of all cookies that the SDK sets. Default: the page's host alone. */
  cookieDomain?: string | undefined;
  /**
   * Each cookie has a twin, `_legacy_` before its name, without `SameSite`, for browsers that do not know `SameSite=None`.
   * `false`: none is set. Default: `true`.
   */
  legacySameSiteCookie?: boolean | undefined;
  /** Remember a login under way in a cookie, for a day, instead of `sessionStorage`. Default: `false`. */
  useCookiesForTransactions?: boolean | undefined;
  /** `false`: JSON at the token and revocation endpoints, which costs a preflight per request. Default: `true`, forms. */
  useFormData?: boolean | undefined;
  /**
   * The time of day in milliseconds since 1970, where this machine's clock is not to be trusted: tokens expire and ID tokens are
   * judged by it. Asked once a call; where it fails or is not heard of within 5 s, what it last told goes on. Default: `Date.now`.
   */
  nowProvider?: (() => Milliseconds | Promise<Milliseconds>) | undefined;
  /**
   * Who calls, for the tenant's log: in the query of /authorize and /v2/logout (without `env`), and as the header `Auth0-Client` of a
   * code exchange, which then needs a preflight; never on a refresh. Default: nothing is told.
   */
  auth0Client?:
    { name: string; version: string | number; env?: Record<string, string> | undefined } | undefined;
  /** Is told of each exchange, iframe and wait for a lock, when it is over. Default: nothing is measured for it. */
  onTrace?: ((span: Span) => void) | undefined;
}

/** Something that took its time. No token is in it. */
export interface Span {
  /** `exchange`: with the token endpoint, the wait for its turn included. `lock`: until it was granted, where the page holds refresh tokens. */
  readonly name: 'exchange' | 'iframe' | 'lock';
  /** In milliseconds since 1970. */
  readonly startedAt: Milliseconds;
  readonly duration: Milliseconds;
  /** `done`, how a refresh ended (`answer`, `moved`, `quarantined`), or the code of an error. */
  readonly outcome: string;
}

/** What a client was built with. */
export interface ClientConfiguration {
  /** As it was given. */
  readonly domain: string;
  readonly clientId: string;
}

/** The parameters that stand in the address of an authorization request (RFC 6749 §4.1.1, RFC 7636 §4.3). */
export interface AuthorizeOptions extends AuthorizationParams {
  response_type: string;
  response_mode: string;
  nonce: string;
  state: string;
  scope: string;
  code_challenge: string;
  code_challenge_method: string;
}

/** What every call that waits takes. */
export interface WaitOptions {
  /** Ends the call with an `AbortError`. What it began goes on: a refresh is never aborted, and its result is kept. */
  signal?: AbortSignal | undefined;
}

export interface RedirectLoginOptions<AppState = Unchecked> extends WaitOptions {
  authorizationParams?: AuthorizationParams | undefined;
  /** Comes back from `handleRedirectCallback()`. Must survive JSON. */
  appState?: AppState | undefined;
  /** Appended to the address as its fragment. */
  fragment?: string | undefined;
  /** Navigates in the SDK's place. */
  openUrl?: ((url: string) => Promise<void> | void) | undefined;
  /** @deprecated An older name of `openUrl`, which goes before it. */
  onRedirect?: ((url: string) => Promise<void>) | undefined;
}

/** What an address that a user returns by may stand for: a login, or an account that was connected to theirs. */
export enum ResponseType {
  Code = 'code',
  ConnectCode = 'connect_code',
}

/** What auth0-spa-js returns where an account was connected: its type is here for code that tells the two apart, and it never comes. */
export interface ConnectAccountRedirectResult<AppState = Unchecked> {
  appState?: AppState | undefined;
  response_type: ResponseType.ConnectCode;
  id: string;
  connection: string;
  access_type: 'offline';
  scopes?: string[];
  created_at: string;
  expires_at?: string;
}

/** What a login by redirect comes to. */
export interface RedirectLoginResult<AppState = Unchecked> {
  appState?: AppState | undefined;
  response_type: ResponseType.Code;
}

export interface PopupLoginOptions extends WaitOptions {
  authorizationParams?: AuthorizationParams | undefined;
}

export interface GetTokenWithPopupOptions extends PopupLoginOptions {
  /** Means nothing here: a login always brings a new token. Accepted because auth0-spa-js does. */
  cacheMode?: CacheMode | undefined;
}

/** It is read, and never written to. */
export interface PopupConfigOptions {
  /** A `Window` that the app has opened, whatever the app types it as. Default, also for `null`: one is opened. */
  popup?: Unchecked;
  /** How long the user may take. Default: the client's `authorizeTimeoutInSeconds`. */
  timeoutInSeconds?: Seconds | undefined;
  /** Close the popup when it has answered, or is not waited for any more. Default: `true`. */
  closePopup?: boolean | undefined;
  /** Overrides the client's, for this call. */
  popupCallbackUrl?: string | undefined;
}

export interface GetTokenSilentlyOptions extends WaitOptions {
  /** Default: `on`. */
  cacheMode?: CacheMode | undefined;
  authorizationParams?: AuthorizationParams | undefined;
  /**
   * How long the token is good for, at the least; 0: as long as it is good at all. Where no token lives that long, one is returned that
   * has three quarters of its life left. Default: 60, and a quarter of a life that is shorter than 240.
   */
  minValiditySeconds?: Seconds | undefined;
  /** Overrides the client's limit on waiting, for this call. */
  timeoutInSeconds?: Seconds | undefined;
  /** Return everything that is known of the token instead of its text alone. */
  detailedResponse?: boolean | undefined;
}

/** What is exchanged for tokens (RFC 8693 §2.1). Names not listed here are passed on. */
export interface CustomTokenExchangeOptions extends WaitOptions {
  /** A token of somebody else's. */
  subject_token: string;
  /** A URI that the tenant knows, of your own. */
  subject_token_type: string;
  /** Default: the client's. */
  audience?: string | undefined;
  /** Asked for beside the client's. */
  scope?: string | undefined;
  /** Default: the client's. */
  organization?: string | undefined;
  actor_token?: string | undefined;
  actor_token_type?: string | undefined;
  [parameter: string]: Unchecked;
}

/** What an access token is for, as `fetchWithAuth()` takes it. What is left out, or `undefined`, is the client's. */
export interface AuthParams {
  scope?: string[] | undefined;
  audience?: string | undefined;
}

/** What must be known of an answer, whoever gives it. */
export interface CustomFetchMinimalOutput {
  status: number;
  headers:
    | {
        /** The header’s value. */
        get(name: string): string | null | undefined;
      }
    | [name: string, value: string][]
    | Record<string, string | null | undefined>;
}

/** What `createFetcher()` takes. */
export interface FetcherConfig<TOutput extends CustomFetchMinimalOutput> {
  /**
   * Where tokens come from. `cacheMode: 'off'`: the API has refused the one before. A mere text is a bearer token; with a
   * `dpopNonceId` and `useDpop`, one that is bound to a key. Default: `getTokenSilently()`.
   */
  getAccessToken?:
    | ((
        authParams?: AuthParams,
        options?: { cacheMode: CacheMode },
      ) => Promise<string | GetTokenSilentlyVerboseResponse | undefined>)
    | undefined;
  /** What relative addresses are relative to; and its origin is sent tokens. */
  baseUrl?: string | undefined;
  /**
   * Further origins that are sent tokens: `https://api.example`. Default, where there is no `baseUrl` either: that of the audience,
   * where that is an address.
   */
  allowedOrigins?: string[] | undefined;
  /** Sends the request, in the place of the platform's `fetch`. */
  fetch?: ((request: Request) => Promise<TOutput>) | undefined;
  /** Under which the nonces of an API are kept; see `getDpopNonce()`. Default: its origin. */
  dpopNonceId?: string | undefined;
}

/** What `createFetcher()` makes. */
export interface Fetcher<TOutput extends CustomFetchMinimalOutput> {
  /**
   * As `fetch`, with an access token, and a DPoP proof where the token is bound to a key. An answer of 401 has it sent again: once
   * with the nonce that the API wants, once with a new token. A body that is a stream is sent once.
   *
   * @throws {InvalidConfigurationError} for an address that is not whole without a `baseUrl`, or of an origin that gets no tokens.
   * @throws {GenericError} `missing_access_token`
   * @throws {UseDpopNonceError} where the API refuses the nonce that it has just sent, or sends none.
   * @throws {InsufficientUserAuthenticationError} where it asks for another login (RFC 9470).
   * @throws what `getTokenSilently()` and `fetch` do
   */
  fetchWithAuth(info: RequestInfo | URL, init?: RequestInit, authParams?: AuthParams): Promise<TOutput>;
}

/** The request that a DPoP proof is for. */
export interface DpopProofOptions {
  url: string;
  /** As it goes on the wire: `GET`. */
  method: string;
  /** What the server last sent in a `DPoP-Nonce` header. Default: the proof has none. */
  nonce?: string | undefined;
  accessToken: string;
}

/** The token and what is known of it. */
export interface GetTokenSilentlyVerboseResponse {
  id_token: string;
  access_token: string;
  token_type: string;
  /** What remains of its life, at the moment of the answer. */
  expires_in: Seconds;
  /** When that is over, since 1970, by this machine's clock or the app's `nowProvider`. A client's answer always has it. */
  expires_at?: Seconds | undefined;
  /** Granted by the server. */
  scope?: string | undefined;
}

/** What the address of Auth0's logout, `/v2/logout`, is made of. */
export interface LogoutUrlOptions {
  /** Which application logs out, for the tenant; `null`: none is named. Default: the client's own. */
  clientId?: string | null | undefined;
  logoutParams?:
    | {
        /** Where to return to: one of the application's allowed logout URLs. */
        returnTo?: string | undefined;
        /** Log out at the upstream identity provider too. */
        federated?: boolean | undefined;
        [parameter: string]: Unchecked;
      }
    | undefined;
}

export interface LogoutOptions extends LogoutUrlOptions, WaitOptions {
  /** Navigates in the SDK's place; `false`: end the local session only. */
  openUrl?: false | ((url: string) => Promise<void> | void) | undefined;
  /** @deprecated An older name of `openUrl`, which goes before it. */
  onRedirect?: ((url: string) => Promise<void>) | undefined;
}

export interface RevokeRefreshTokenOptions extends WaitOptions {
  /** Whose refresh token. Default: the client's own audience. With `useMrrt` one refresh token serves all audiences. */
  audience?: string | undefined;
}

/** The claims about the user: an ID token's, without those that speak of the token itself. */
export class User {
  name?: string;
  given_name?: string;
  family_name?: string;
  middle_name?: string;
  nickname?: string;
  preferred_username?: string;
  profile?: string;
  picture?: string;
  website?: string;
  email?: string;
  email_verified?: boolean;
  gender?: string;
  birthdate?: string;
  zoneinfo?: string;
  locale?: string;
  phone_number?: string;
  phone_number_verified?: boolean;
  address?: string;
  updated_at?: string;
  sub?: string;
  [claim: string]: Unchecked;
}

/**
 * All claims of the ID token, and its text. As free as auth0-spa-js's, so that what was written for that compiles: what is checked
 * before a client hands it out (`iss`, `sub`, `aud`, `exp`, `iat`) is there all the same. `aud` is a text or a list of them, and
 * `auth_time` a number of seconds, for which that has other types.
 */
export interface IdToken extends User {
  /** The token. */
  __raw: string;
  iss?: string;
  exp?: Seconds;
  nbf?: Seconds;
  iat?: Seconds;
  jti?: string;
  azp?: string;
  nonce?: string;
  at_hash?: string;
  acr?: string;
  amr?: string[];
  sid?: string;
  org_id?: string;
  org_name?: string;
  /** When the user must have logged in anew (IPSIE). */
  session_expiry?: Seconds;
}
