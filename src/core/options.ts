/** What callers may say: the options of the client and of its methods, as auth0-spa-js v2 spells them. */
import type { Seconds } from '../clock.ts';
import type { IdTokenClaims } from '../oauth/id-token.ts';
import type { ICache } from './cache.ts';

/** Where access-token and ID-token entries are kept. Refresh tokens follow: in the page's heap, or in IndexedDB. */
export type CacheLocation = 'memory' | 'localstorage';

/**
 * `on`: a cached token that is valid for another 60 s, else a new one. `off`: always a new one. `cache-only`: the cached
 * one or `undefined`; never a request.
 */
export type CacheMode = 'on' | 'off' | 'cache-only';

/** Parameters of the authorization request (OIDC Core §3.1.2.1 and Auth0's own). Names not listed here are passed on. */
export interface AuthorizationParams {
  scope?: string | undefined;
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
  [parameter: string]: unknown;
}

/** An address as text, a `URL`, or a `TrustedScriptURL` where the page enforces Trusted Types. */
export type WorkerUrl = string | URL | { toString(): string };

export interface Auth0ClientOptions {
  /** The tenant: `tenant.eu.auth0.com`, or a whole origin such as `http://localhost:4400`. */
  domain: string;
  clientId: string;
  /** Sent with every authorization request. Default scope: `openid profile email`; `openid` is always asked for. */
  authorizationParams?: AuthorizationParams | undefined;
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
  /** Multi-resource refresh tokens: renew for any audience with any refresh token that is held. Default: `false`. */
  useMrrt?: boolean | undefined;
  /**
   * With `useRefreshTokens` and `cacheLocation: 'memory'` a worker holds the refresh tokens, out of the page's reach. Its script
   * is a blob, unless this names the file `latchkey/worker` on the page's own origin, for pages whose Content Security Policy
   * allows no `blob:` in `worker-src`.
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
  /** Life of the cookie that tells `checkSession()` that there was a session. Default: 1. */
  sessionCheckExpiryDays?: number | undefined;
  cookieDomain?: string | undefined;
}

/** What every call that waits takes. */
export interface WaitOptions {
  /** Ends the call with an `AbortError`. What it began goes on: a refresh is never aborted, and its result is kept. */
  signal?: AbortSignal | undefined;
}

export interface RedirectLoginOptions<AppState = unknown> extends WaitOptions {
  authorizationParams?: AuthorizationParams | undefined;
  /** Comes back from `handleRedirectCallback()`. Must survive JSON. */
  appState?: AppState | undefined;
  /** Appended to the address as its fragment. */
  fragment?: string | undefined;
  /** Navigates in the SDK's place. */
  openUrl?: ((url: string) => Promise<void> | void) | undefined;
}

export interface RedirectLoginResult<AppState = unknown> {
  appState?: AppState | undefined;
  response_type: 'code';
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
  /** A window that the app has opened. Default: one is opened. */
  popup?: Window | null | undefined;
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
  /** Overrides the client's limit on waiting, for this call. */
  timeoutInSeconds?: Seconds | undefined;
  /** Return everything that is known of the token instead of its text alone. */
  detailedResponse?: boolean | undefined;
}

/** The token and what is known of it. */
export interface GetTokenSilentlyVerboseResponse {
  id_token: string;
  access_token: string;
  token_type: string;
  /** What remains of its life, at the moment of the answer. */
  expires_in: Seconds;
  /** Granted by the server. */
  scope?: string | undefined;
}

export interface LogoutOptions extends WaitOptions {
  /** `null` leaves `client_id` out of the address. Default: the client's own. */
  clientId?: string | null | undefined;
  logoutParams?: {
    returnTo?: string | undefined;
    federated?: boolean | undefined;
    [parameter: string]: unknown;
  };
  /** Navigates in the SDK's place; `false`: end the local session only. */
  openUrl?: false | ((url: string) => Promise<void> | void) | undefined;
}

/** The claims about the user: an ID token's, without those that speak of the token itself. */
export class User {
  name?: string;
  given_name?: string;
  family_name?: string;
  nickname?: string;
  picture?: string;
  email?: string;
  email_verified?: boolean;
  updated_at?: string;
  sub?: string;
  [claim: string]: unknown;
}

/** All claims of the ID token, and its text. */
export type IdToken = IdTokenClaims & Readonly<Omit<User, 'sub'>> & { readonly __raw: string };
