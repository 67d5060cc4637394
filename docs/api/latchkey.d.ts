/** A span or an instant counted in seconds, as the wire counts them (`expires_in`, `exp`, `leeway`). */
type Seconds = number;

/** The ID token: who signed in, when and for whom (OpenID Connect Core 1.0 §2). */

/** Claims about the authentication, and claims about the user as far as the granted scope reaches (OIDC Core §5.4). */
interface IdTokenClaims {
    readonly iss: string;
    readonly sub: string;
    readonly aud: string | readonly string[];
    readonly exp: Seconds;
    readonly iat: Seconds;
    readonly nbf?: Seconds;
    readonly auth_time?: Seconds;
    readonly azp?: string;
    readonly nonce?: string;
    readonly sid?: string;
    readonly org_id?: string;
    readonly org_name?: string;
    readonly [claim: string]: unknown;
}

/**
 * What the cache holds: per client one entry for the signed-in user, and per audience one with its access tokens. All
 * scopes of an audience stand in one entry, so that a narrower scope is served by a wider token without a search.
 * No entry ever holds a refresh token; those are in custody.
 */

/** A store for entries that survive JSON. Any method may be synchronous or return a promise. */
interface ICache {
    get<T = unknown>(key: string): T | undefined | null | Promise<T | undefined | null>;
    set<T = unknown>(key: string, entry: T): void | Promise<void>;
    remove(key: string): void | Promise<void>;
    allKeys?(): string[] | Promise<string[]>;
    /** Set by the built-in caches: where the rest of the session's state belongs. */
    readonly location?: CacheLocation;
}
/** Keeps entries for as long as the page lives. The cache itself is `new InMemoryCache().enclosedCache`. */
declare class InMemoryCache {
    readonly enclosedCache: ICache;
}

/** What callers may say: the options of the client and of its methods, as auth0-spa-js v2 spells them. */

/** Where access-token and ID-token entries are kept. Refresh tokens follow: in the page's heap, or in IndexedDB. */
type CacheLocation = 'memory' | 'localstorage';
/**
 * `on`: a cached token that is valid for another 60 s, else a new one. `off`: always a new one. `cache-only`: the cached
 * one or `undefined`; never a request.
 */
type CacheMode = 'on' | 'off' | 'cache-only';
/** Parameters of the authorization request (OIDC Core §3.1.2.1 and Auth0's own). Names not listed here are passed on. */
interface AuthorizationParams {
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
type WorkerUrl = string | URL | {
    toString(): string;
};
interface Auth0ClientOptions {
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
interface WaitOptions {
    /** Ends the call with an `AbortError`. What it began goes on: a refresh is never aborted, and its result is kept. */
    signal?: AbortSignal | undefined;
}
interface RedirectLoginOptions<AppState = unknown> extends WaitOptions {
    authorizationParams?: AuthorizationParams | undefined;
    /** Comes back from `handleRedirectCallback()`. Must survive JSON. */
    appState?: AppState | undefined;
    /** Appended to the address as its fragment. */
    fragment?: string | undefined;
    /** Navigates in the SDK's place. */
    openUrl?: ((url: string) => Promise<void> | void) | undefined;
}
interface RedirectLoginResult<AppState = unknown> {
    appState?: AppState | undefined;
    response_type: 'code';
}
interface PopupLoginOptions extends WaitOptions {
    authorizationParams?: AuthorizationParams | undefined;
}
interface GetTokenWithPopupOptions extends PopupLoginOptions {
    /** Means nothing here: a login always brings a new token. Accepted because auth0-spa-js does. */
    cacheMode?: CacheMode | undefined;
}
/** It is read, and never written to. */
interface PopupConfigOptions {
    /** A window that the app has opened. Default: one is opened. */
    popup?: Window | null | undefined;
    /** How long the user may take. Default: the client's `authorizeTimeoutInSeconds`. */
    timeoutInSeconds?: Seconds | undefined;
    /** Close the popup when it has answered, or is not waited for any more. Default: `true`. */
    closePopup?: boolean | undefined;
    /** Overrides the client's, for this call. */
    popupCallbackUrl?: string | undefined;
}
interface GetTokenSilentlyOptions extends WaitOptions {
    /** Default: `on`. */
    cacheMode?: CacheMode | undefined;
    authorizationParams?: AuthorizationParams | undefined;
    /** Overrides the client's limit on waiting, for this call. */
    timeoutInSeconds?: Seconds | undefined;
    /** Return everything that is known of the token instead of its text alone. */
    detailedResponse?: boolean | undefined;
}
/** The token and what is known of it. */
interface GetTokenSilentlyVerboseResponse {
    id_token: string;
    access_token: string;
    token_type: string;
    /** What remains of its life, at the moment of the answer. */
    expires_in: Seconds;
    /** Granted by the server. */
    scope?: string | undefined;
}
interface LogoutOptions extends WaitOptions {
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
declare class User {
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
type IdToken = IdTokenClaims & Readonly<Omit<User, 'sub'>> & {
    readonly __raw: string;
};

/** The spellings of auth0-spa-js v1, turned into v2's. They mean what they meant there. */

/** Options of v1's `createAuth0Client`: the client id by its wire name, authorization parameters at the top level. */
interface V1ClientOptions extends Omit<Auth0ClientOptions, 'clientId' | 'authorizationParams'>, Pick<AuthorizationParams, (typeof flatParameters)[number]> {
    client_id: string;
    clientId?: string | undefined;
    authorizationParams?: AuthorizationParams | undefined;
}
declare const flatParameters: readonly ["scope", "audience", "redirect_uri", "display", "prompt", "max_age", "ui_locales", "id_token_hint", "screen_hint", "login_hint", "acr_values", "connection", "organization", "invitation"];

/**
 * Builds a client and restores the session that the browser still knows of.
 *
 * @throws {InvalidConfigurationError} for a missing domain or client id, an unknown cache location, contradicting spellings.
 */
declare function createAuth0Client(options: Auth0ClientOptions | V1ClientOptions, waitOptions?: WaitOptions): Promise<Auth0Client>;
/**
 * Sign-in for one application at one tenant. Constructing it touches no storage and sends nothing.
 *
 * Errors of all methods are `GenericError`s: branch on `error`, and ask `retryable` and `requiresLogin` what to do.
 */
declare class Auth0Client {
    /**
     * @throws {InvalidConfigurationError} for a missing domain or client id, an unknown cache location, contradicting spellings.
     */
    constructor(options: Auth0ClientOptions | V1ClientOptions);
    /**
     * Leaves the page for the tenant's login. Call `handleRedirectCallback()` on the page that the user returns to.
     *
     * @throws {InsecureContextError} where the page has no Web Crypto.
     * @throws {StorageError} when the login cannot be remembered; the page is not left.
     */
    loginWithRedirect<AppState = unknown>(options?: RedirectLoginOptions<AppState>): Promise<void>;
    /**
     * Completes the login that `url` returns from (RFC 6749 §4.1.2): checks the state, exchanges the code, validates the
     * ID token (OIDC Core §3.1.3.7) and keeps the session. Clean the address afterwards; the SDK does not touch history.
     *
     * @param url Default: the page's address.
     * @throws {InvalidConfigurationError} for an address that has no text.
     * @throws {GenericError} `missing_callback_parameters`, `missing_transaction`, `state_mismatch`, or the tenant's own code.
     * @throws {AuthenticationError} when the tenant returned an error, such as `access_denied`.
     * @throws {InvalidIdTokenError} when the ID token is not what was asked for; what came with it is revoked.
     * @throws {NetworkError} when the tenant could not be reached.
     */
    handleRedirectCallback<AppState = unknown>(url?: string | URL, options?: WaitOptions): Promise<RedirectLoginResult<AppState>>;
    /**
     * A login in a window of its own. Call it straight out of what the user did, a click for one: nothing waits before the popup is
     * opened. Where a page has a `Cross-Origin-Opener-Policy`, `popupCallbackUrl` is needed. Aborting its `signal` closes the popup.
     *
     * @throws {PopupOpenError} when the browser did not let a popup be opened.
     * @throws {PopupCancelledError} when the user closed it.
     * @throws {PopupTimeoutError} when the user took too long. A login that is completed later is kept: `isAuthenticated()` tells.
     * @throws {GenericError} `popup_severed`, when no answer can arrive, because a Cross-Origin-Opener-Policy has cut the popup off.
     * @throws {AuthenticationError} when the tenant returned an error, such as `access_denied`.
     * @throws {InvalidIdTokenError} | {NetworkError} | {InsecureContextError} as `handleRedirectCallback()` and `loginWithRedirect()`.
     */
    loginWithPopup(options?: PopupLoginOptions, config?: PopupConfigOptions): Promise<void>;
    /** A login in a popup, and the access token that it brought. As `loginWithPopup()`. */
    getTokenWithPopup(options?: GetTokenWithPopupOptions, config?: PopupConfigOptions): Promise<string>;
    /**
     * An access token: from the cache, or by spending the refresh token, or through a hidden iframe. `undefined` only for a
     * miss with `cacheMode: 'cache-only'`.
     *
     * @throws {SessionEndedError} `invalid_grant`, when the tenant no longer accepts the refresh token.
     * @throws {MissingRefreshTokenError} when there is none, and the iframe did not help.
     * @throws {AuthenticationError} `login_required` and its kin, from the iframe.
     * @throws {NetworkError} | {TimeoutError} | {StorageError} with `retryable`; the session is as it was.
     */
    getTokenSilently(options: GetTokenSilentlyOptions & {
        cacheMode?: 'on' | 'off' | undefined;
        detailedResponse: true;
    }): Promise<GetTokenSilentlyVerboseResponse>;
    getTokenSilently(options?: GetTokenSilentlyOptions & {
        cacheMode?: 'on' | 'off' | undefined;
        detailedResponse?: false | undefined;
    }): Promise<string>;
    getTokenSilently(options: GetTokenSilentlyOptions & {
        detailedResponse: true;
    }): Promise<GetTokenSilentlyVerboseResponse | undefined>;
    getTokenSilently(options: GetTokenSilentlyOptions & {
        detailedResponse?: false | undefined;
    }): Promise<string | undefined>;
    /** The signed-in user's claims, frozen; the same object for as long as the ID token is the same. `undefined`: nobody. */
    getUser<TUser extends User>(options?: WaitOptions): Promise<TUser | undefined>;
    /** All claims of the ID token, frozen, with its text as `__raw`. `undefined`: nobody is signed in. */
    getIdTokenClaims(options?: WaitOptions): Promise<IdToken | undefined>;
    /** True while a user is signed in here: the life of an access token does not matter. */
    isAuthenticated(options?: WaitOptions): Promise<boolean>;
    /** Restores the session, if a cookie tells that there was one. Rejects only when its `signal` is aborted. */
    checkSession(options?: GetTokenSilentlyOptions): Promise<void>;
    /**
     * Ends the session here, revokes the refresh tokens as far as the tenant can be reached, and leaves for the tenant's
     * logout, unless `openUrl` says otherwise.
     *
     * @throws {StorageError} when something could not be removed; the page is left all the same.
     */
    logout(options?: LogoutOptions): Promise<void>;
    /**
     * Gives back what the client holds: calls that wait end with a `DisposedError`, and so do all later ones. The session
     * stays where it is stored; a refresh under way is kept. For pages that replace their client, as hot reloading does.
     */
    dispose(): void;
}

/**
 * The ports: everything the SDK asks of the world. `browser/` implements them over a real browser; tests over a world
 * of their own. No port keeps state that another one needs.
 */

/** Text by name, as `localStorage` and `sessionStorage` keep it. Any call may throw. */
interface TextStorage {
    get(name: string): string | null;
    set(name: string, text: string): void;
    remove(name: string): void;
    names(): string[];
}

/** Keeps entries as JSON in `localStorage`: they outlive the page and are shared by the tabs of an origin. */
declare class LocalStorageCache implements ICache {
    private readonly storage;
    readonly location = "localstorage";
    /** @param storage Default: the page's `localStorage`. */
    constructor(storage?: TextStorage);
    /** The entry; `undefined` where there is none; what is not JSON, as text. @throws {StorageError} when storage is blocked. */
    get<T = unknown>(key: string): T | undefined;
    /** @throws {StorageError} when storage is full or blocked. */
    set(key: string, entry: unknown): void;
    /** @throws {StorageError} when storage is blocked. */
    remove(key: string): void;
    /** Every key of the origin, other applications' too. @throws {StorageError} when storage is blocked. */
    allKeys(): string[];
}

/**
 * Every error the SDK raises on purpose. Branch on `error` (a stable code), never on a message.
 *
 * Messages, descriptions and causes never hold a token, a code or a code verifier.
 */
/** What all errors may tell beside their code. */
interface ErrorDetails {
    /** The same call may succeed later without anybody doing anything: nothing was lost. */
    readonly retryable?: boolean;
    /** Only a new login helps. */
    readonly requiresLogin?: boolean;
    /** Which of several causes, where one code has several. */
    readonly reason?: string;
    readonly cause?: unknown;
}
/** The root of all errors here, and itself the error for a refusal by the authorization server (RFC 6749 §4.1.2.1, §5.2). */
declare class GenericError extends Error {
    name: string;
    readonly error: string;
    readonly error_description: string;
    readonly retryable: boolean;
    readonly requiresLogin: boolean;
    readonly reason: string | undefined;
    constructor(error: string, error_description: string, details?: ErrorDetails);
    /** The error for an answer of the authorization server. */
    static fromPayload(payload: {
        error: string;
        error_description?: string;
    }): GenericError;
}
/** An option or argument is missing, unknown or contradicts another. Nothing was done. */
declare class InvalidConfigurationError extends GenericError {
    name: string;
    readonly suggestion: string;
    constructor(problem: string, suggestion: string);
}
/** Web Crypto is missing, because the page has no secure origin (https, or http on localhost). */
declare class InsecureContextError extends GenericError {
    name: string;
    constructor(origin: string);
}
/**
 * The authorization server answered with an error (RFC 6749 §4.1.2.1). `login_required`, `consent_required` and their
 * kin (OIDC Core §3.1.2.6) ask for the user; others, such as `access_denied`, would only come again. `reason`: `signed_out`
 * where it was not the server that answered so.
 */
declare class AuthenticationError extends GenericError {
    name: string;
    readonly state: string;
    readonly appState: unknown;
    constructor(error: string, error_description: string, state: string, appState?: unknown, reason?: string);
}
/** Something took longer than its limit. What was under way goes on, and its result is kept. */
declare class TimeoutError extends GenericError {
    name: string;
    constructor(reason?: string, description?: string);
}
/** The browser let no popup be opened: the call did not come straight out of what the user did, or popups are blocked. */
declare class PopupOpenError extends GenericError {
    name: string;
    constructor();
}
/** The user closed the popup. */
declare class PopupCancelledError extends GenericError {
    readonly popup: Window;
    name: string;
    constructor(popup: Window);
}
/**
 * The user did not log in within the limit. The popup is left open, and a login that is completed in it later is kept, unless
 * there was a logout or another login before it; whoever does not want that closes the popup.
 */
declare class PopupTimeoutError extends TimeoutError {
    readonly popup: Window;
    name: string;
    constructor(popup: Window);
}
/**
 * The authorization server could not be reached, or its answer did not arrive whole. `reason`: `offline` (nothing was
 * sent), `leaving` (nothing was sent, because nobody would be there for the answer), `unreachable` (no usable answer came),
 * `outcome_unknown` (a refresh token was sent and no answer came: the server may have rotated it; a later call tries again)
 * or `backing_off` (nothing was sent, because the last requests failed). `cause`: what the platform threw, if it did.
 */
declare class NetworkError extends GenericError {
    name: string;
    constructor(reason: 'offline' | 'leaving' | 'unreachable' | 'outcome_unknown' | 'backing_off', description: string, cause?: unknown);
}
/**
 * The browser's storage refused to read or write. What was already held stays held. `reason` may say `unavailable`, `refused`,
 * `late`, `closed`, `moved` or `newer_format`: only the last one is not retryable.
 */
declare class StorageError extends GenericError {
    name: string;
    constructor(what: string, cause?: unknown, reason?: string);
}
/** The ID token does not hold what it must (OIDC Core §3.1.3.7). `reason` names the claim or the check. */
declare class InvalidIdTokenError extends GenericError {
    name: string;
    constructor(reason: string, detail: string);
}
/**
 * A token was asked for, no refresh token is held for it, and no other way led to one; `cause` holds the other way's error.
 * `reason`: `signed_out` (nobody is signed in), `audience_never_granted` or `scope_never_granted` (no login asked for it), or
 * `refused` (the refresh token for that audience is over; the session goes on with that of another).
 */
declare class MissingRefreshTokenError extends GenericError {
    name: string;
    readonly audience: string;
    readonly scope: string;
    constructor(audience: string, scope: string, reason?: string, cause?: unknown);
}
/**
 * The session is over: the authorization server no longer accepts the refresh token. `reason` is `refused`, or
 * `outcome_unknown` where an earlier answer had been lost and the refused token may have been spent by that exchange.
 */
declare class SessionEndedError extends GenericError {
    name: string;
    constructor(reason: string, cause?: unknown);
}
/** Its `signal` was aborted while the call waited. What was under way goes on, and its result is kept. `cause`: the signal's reason. */
declare class AbortError extends GenericError {
    name: string;
    constructor(cause: unknown);
}
/** The client was disposed of: it does nothing any more. */
declare class DisposedError extends GenericError {
    name: string;
    constructor();
}
/** The tenant granted less for an audience than was asked for, and no other way led to more. */
declare class MissingScopesError extends GenericError {
    name: string;
    readonly audience: string;
    /** Those that are missing, separated by commas. */
    readonly scope: string;
    constructor(audience: string, scope: string, cause?: unknown);
}

export { AbortError, Auth0Client, AuthenticationError, DisposedError, GenericError, InMemoryCache, InsecureContextError, InvalidConfigurationError, InvalidIdTokenError, LocalStorageCache, MissingRefreshTokenError, MissingScopesError, NetworkError, PopupCancelledError, PopupOpenError, PopupTimeoutError, SessionEndedError, StorageError, TimeoutError, User, createAuth0Client, createAuth0Client as default };
export type { Auth0ClientOptions, AuthorizationParams, CacheLocation, CacheMode, ErrorDetails, GetTokenSilentlyOptions, GetTokenSilentlyVerboseResponse, GetTokenWithPopupOptions, ICache, IdToken, LogoutOptions, PopupConfigOptions, PopupLoginOptions, RedirectLoginOptions, RedirectLoginResult, V1ClientOptions, WaitOptions };
