/** A span or an instant counted in seconds, as the wire counts them (`expires_in`, `exp`, `leeway`). */
type Seconds = number;
/** A span or an instant counted in milliseconds, as clocks and timers count them. */
type Milliseconds = number;

/** How auth0-spa-js names and shapes its cache entries, for apps that inspect them. latchkey stores nothing by these names. */

/** What an entry of auth0-spa-js is found by. */
interface CacheKeyData {
    clientId: string;
    /** Of the entry without an audience: `default`. */
    audience?: string | undefined;
    scope?: string | undefined;
}
/** The name of an entry: prefix, client id, audience, scope and suffix, as far as they are there, with `::` between them. */
declare class CacheKey {
    readonly prefix: string;
    /** `@@user@@`: the entry of the ID token. */
    readonly suffix?: string | undefined;
    clientId: string;
    audience?: string | undefined;
    scope?: string | undefined;
    constructor({ clientId, audience, scope }: CacheKeyData, prefix?: string, 
    /** `@@user@@`: the entry of the ID token. */
    suffix?: string | undefined);
    /** The name. */
    toKey(): string;
    /** Out of a name. One with an audience or a scope that holds `::` is not told apart, and a suffix is none to it. */
    static fromKey(key: string): CacheKey;
    /** Of an entry. */
    static fromCacheEntry({ client_id, audience, scope, }: Pick<CacheEntry, 'client_id' | 'audience' | 'scope'> & Partial<CacheEntry>): CacheKey;
}
/** An ID token, read. */
interface DecodedToken {
    claims: IdToken;
    user: User;
}
/** What auth0-spa-js keeps of a token. */
interface CacheEntry {
    client_id: string;
    audience: string;
    /** Asked for. */
    scope: string;
    access_token: string;
    token_type?: string | undefined;
    /** As it was at issue. */
    expires_in: Seconds;
    /** Granted. */
    oauthTokenScope?: string | undefined;
    refresh_token?: string | undefined;
    id_token?: string | undefined;
    decodedToken?: DecodedToken | undefined;
}
/** An entry, and when it ends. */
interface WrappedCacheEntry {
    /** After it has expired, only what a refresh needs. */
    body: Partial<CacheEntry>;
    /** Since 1970. */
    expiresAt: Seconds;
}
/** The names of a client's entries, in caches that have no `allKeys`. */
interface KeyManifestEntry {
    keys: string[];
}
/** What auth0-spa-js gives a cache to keep. */
type Cacheable = WrappedCacheEntry | KeyManifestEntry;
/** What may have to be waited for. */
type MaybePromise<T> = T | Promise<T>;

/**
 * What the cache holds: per client one entry for the signed-in user, and per audience one with its access tokens. All
 * scopes of an audience stand in one entry, so that a narrower scope is served by a wider token without a search.
 * No entry ever holds a refresh token; those are in custody.
 */

/** A store for entries that survive JSON. Any method may be synchronous or return a promise. What is not there is anything falsy. */
interface ICache {
    /** The entry; `undefined` where there is none. */
    get<T = Cacheable>(key: string): T | undefined | Promise<T | undefined>;
    /** Writes an entry. */
    set<T = Cacheable>(key: string, entry: T): void | Promise<void>;
    /** Removes an entry, if there is one. */
    remove(key: string): void | Promise<void>;
    /** Names of all entries, anybody's. */
    allKeys?(): string[] | Promise<string[]>;
    /** Set by the built-in caches: where the rest of the session's state belongs. */
    readonly location?: CacheLocation;
}
/** Keeps entries for as long as the page lives. The cache itself is `new InMemoryCache().enclosedCache`. */
declare class InMemoryCache {
    enclosedCache: ICache;
}

/** What callers may say: the options of the client and of its methods, as auth0-spa-js v2 spells them. */

/** What the app knows better: as free as with auth0-spa-js, so that code that was written for it compiles. @inline */
type Unchecked = any;
/** Where access-token and ID-token entries are kept. Refresh tokens follow: in the page's heap, or in IndexedDB. */
type CacheLocation = 'memory' | 'localstorage';
/**
 * `on`: a cached token that is valid for another 60 s, else a new one. `off`: always a new one, and one for all who ask while it is
 * on its way. `cache-only`: the cached one or `undefined`; never a request.
 */
type CacheMode = 'on' | 'off' | 'cache-only';
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
interface AuthorizationParams extends ParamsBesideScope {
    scope?: string | undefined;
}
/** The client's own parameters, whose `scope` may say apart what is asked for of each audience. */
interface ClientAuthorizationParams extends ParamsBesideScope {
    /** One text for every audience, or texts by audience; `default` is asked for where no audience is, or none of those named. */
    scope?: string | Readonly<Record<string, string>> | undefined;
}
/** An address as text, a `URL`, or a `TrustedScriptURL` where the page enforces Trusted Types. */
type WorkerUrl = string | URL | {
    /** The address. */
    toString(): string;
};
/** What a client is made with. */
interface Auth0ClientOptions {
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
    auth0Client?: {
        name: string;
        version: string | number;
        env?: Record<string, string> | undefined;
    } | undefined;
    /** Is told of each exchange, iframe and wait for a lock, when it is over. Default: nothing is measured for it. */
    onTrace?: ((span: Span) => void) | undefined;
}
/** Something that took its time. No token is in it. */
interface Span {
    /** `exchange`: with the token endpoint, the wait for its turn included. `lock`: until it was granted, where the page holds refresh tokens. */
    readonly name: 'exchange' | 'iframe' | 'lock';
    /** In milliseconds since 1970. */
    readonly startedAt: Milliseconds;
    readonly duration: Milliseconds;
    /** `done`, how a refresh ended (`answer`, `moved`, `quarantined`), or the code of an error. */
    readonly outcome: string;
}
/** What a client was built with. */
interface ClientConfiguration {
    /** As it was given. */
    readonly domain: string;
    readonly clientId: string;
}
/** The parameters that stand in the address of an authorization request (RFC 6749 §4.1.1, RFC 7636 §4.3). */
interface AuthorizeOptions extends AuthorizationParams {
    response_type: string;
    response_mode: string;
    nonce: string;
    state: string;
    scope: string;
    code_challenge: string;
    code_challenge_method: string;
}
/** What every call that waits takes. */
interface WaitOptions {
    /** Ends the call with an `AbortError`. What it began goes on: a refresh is never aborted, and its result is kept. */
    signal?: AbortSignal | undefined;
}
interface RedirectLoginOptions<AppState = Unchecked> extends WaitOptions {
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
declare enum ResponseType {
    Code = "code",
    ConnectCode = "connect_code"
}
/** What auth0-spa-js returns where an account was connected: its type is here for code that tells the two apart, and it never comes. */
interface ConnectAccountRedirectResult<AppState = Unchecked> {
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
interface RedirectLoginResult<AppState = Unchecked> {
    appState?: AppState | undefined;
    response_type: ResponseType.Code;
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
    /** A `Window` that the app has opened, whatever the app types it as. Default, also for `null`: one is opened. */
    popup?: Unchecked;
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
interface CustomTokenExchangeOptions extends WaitOptions {
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
interface AuthParams {
    scope?: string[] | undefined;
    audience?: string | undefined;
}
/** What must be known of an answer, whoever gives it. */
interface CustomFetchMinimalOutput {
    status: number;
    headers: {
        /** The header’s value. */
        get(name: string): string | null | undefined;
    } | [name: string, value: string][] | Record<string, string | null | undefined>;
}
/** What `createFetcher()` takes. */
interface FetcherConfig<TOutput extends CustomFetchMinimalOutput> {
    /**
     * Where tokens come from. `cacheMode: 'off'`: the API has refused the one before. A mere text is a bearer token; with a
     * `dpopNonceId` and `useDpop`, one that is bound to a key. Default: `getTokenSilently()`.
     */
    getAccessToken?: ((authParams?: AuthParams, options?: {
        cacheMode: CacheMode;
    }) => Promise<string | GetTokenSilentlyVerboseResponse | undefined>) | undefined;
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
interface Fetcher<TOutput extends CustomFetchMinimalOutput> {
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
interface DpopProofOptions {
    url: string;
    /** As it goes on the wire: `GET`. */
    method: string;
    /** What the server last sent in a `DPoP-Nonce` header. Default: the proof has none. */
    nonce?: string | undefined;
    accessToken: string;
}
/** The token and what is known of it. */
interface GetTokenSilentlyVerboseResponse {
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
interface LogoutUrlOptions {
    /** Which application logs out, for the tenant; `null`: none is named. Default: the client's own. */
    clientId?: string | null | undefined;
    logoutParams?: {
        /** Where to return to: one of the application's allowed logout URLs. */
        returnTo?: string | undefined;
        /** Log out at the upstream identity provider too. */
        federated?: boolean | undefined;
        [parameter: string]: Unchecked;
    } | undefined;
}
interface LogoutOptions extends LogoutUrlOptions, WaitOptions {
    /** Navigates in the SDK's place; `false`: end the local session only. */
    openUrl?: false | ((url: string) => Promise<void> | void) | undefined;
    /** @deprecated An older name of `openUrl`, which goes before it. */
    onRedirect?: ((url: string) => Promise<void>) | undefined;
}
interface RevokeRefreshTokenOptions extends WaitOptions {
    /** Whose refresh token. Default: the client's own audience. With `useMrrt` one refresh token serves all audiences. */
    audience?: string | undefined;
}
/** The claims about the user: an ID token's, without those that speak of the token itself. */
declare class User {
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
interface IdToken extends User {
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

/** Shapes and names that auth0-spa-js exports, for apps that name them in code of their own. */

/** What a return from the authorization endpoint says (RFC 6749 §4.1.2). */
interface AuthenticationResult {
    state: string;
    code?: string | undefined;
    /** In the place of `code`, where an account was connected. */
    connect_code?: string | undefined;
    error?: string | undefined;
    error_description?: string | undefined;
}
/** A successful answer of the token endpoint (RFC 6749 §5.1, OIDC Core §3.1.3.3). */
interface TokenEndpointResponse {
    id_token: string;
    access_token: string;
    token_type: string;
    expires_in: Seconds;
    /** Never in what a client here returns. */
    refresh_token?: string | undefined;
    scope?: string | undefined;
}
/** A request to the token endpoint, whatever its grant (RFC 6749 §4.1.3, §6). */
interface TokenEndpointOptions {
    baseUrl: string;
    client_id: string;
    grant_type: string;
    timeout?: Milliseconds | undefined;
    auth0Client: Unchecked;
    useFormData?: boolean | undefined;
    [parameter: string]: Unchecked;
}
/** The exchange of an authorization code (RFC 6749 §4.1.3, RFC 7636 §4.5). */
interface OAuthTokenOptions extends TokenEndpointOptions {
    code: string;
    code_verifier: string;
    redirect_uri: string;
    audience: string;
    scope: string;
}
/** A refresh (RFC 6749 §6). */
interface RefreshTokenOptions extends TokenEndpointOptions {
    refresh_token: string;
}
/** What an ID token is judged by (OIDC Core §3.1.3.7). */
interface JWTVerifyOptions {
    id_token: string;
    iss: string;
    aud: string;
    nonce?: string | undefined;
    organization?: string | undefined;
    max_age?: Seconds | undefined;
    leeway?: Seconds | undefined;
    /** Since 1970. */
    now?: Milliseconds | undefined;
}
/** Who acts in the user's name (RFC 8693 §4.1). */
interface ActClaim {
    sub?: string | undefined;
    [claim: string]: Unchecked;
}
/** What a request to the tenant is made of. */
interface FetchOptions {
    method?: string | undefined;
    headers?: Record<string, string> | undefined;
    credentials?: 'include' | 'omit' | undefined;
    body?: string | undefined;
    signal?: AbortSignal | undefined;
}
/** What is left of an answer. */
interface FetchResponse {
    ok: boolean;
    headers: Record<string, string | undefined>;
    json: Unchecked;
}
/** How long the refresh token is to live: latchkey knows `offline` alone. */
declare const RefreshTokenMode: {
    readonly Offline: "offline";
    readonly Online: "online";
};
/** One of its values. */
type RefreshTokenMode = (typeof RefreshTokenMode)[keyof typeof RefreshTokenMode];

/** The spellings of auth0-spa-js v1, turned into v2's. They mean what they meant there. */

/** Authorization parameters at the top level. */
type FlatParams = Pick<AuthorizationParams, (typeof flatParameters)[number]>;
/**
 * Options of v1's `createAuth0Client`: the client id by its wire name, authorization parameters at the top level. What is no
 * option of a client is such a parameter too, as long as it is a text, a number or a boolean.
 */
interface V1ClientOptions extends Omit<Auth0ClientOptions, 'clientId' | 'authorizationParams'>, FlatParams {
    client_id: string;
    clientId?: string | undefined;
    authorizationParams?: AuthorizationParams | undefined;
    /** `defaultScope` is asked for besides any scope. Default: `openid profile email`; `openid` always is. */
    advancedOptions?: {
        defaultScope?: string | undefined;
    } | undefined;
    [parameter: string]: unknown;
}
/**
 * Parameters at the top level of a call. Of those that are not listed, the types know the names with an underscore only, so that
 * a misspelt option does not compile; and only a client that was made with `client_id` sends them.
 */
interface V1CallParams extends FlatParams {
    [parameter: `${string}_${string}`]: unknown;
}
interface V1RedirectLoginOptions<AppState = Unchecked> extends RedirectLoginOptions<AppState>, V1CallParams {
    /** `replace` leaves no entry of this page in the browser's history. Default: `assign`. */
    redirectMethod?: 'assign' | 'replace' | undefined;
}
interface V1PopupLoginOptions extends PopupLoginOptions, V1CallParams {
}
interface V1GetTokenSilentlyOptions extends GetTokenSilentlyOptions, V1CallParams {
    /** `true` is `cacheMode: 'off'`. */
    ignoreCache?: boolean | undefined;
}
interface V1GetTokenWithPopupOptions extends GetTokenWithPopupOptions, V1CallParams {
    /** Means nothing here. */
    ignoreCache?: boolean | undefined;
}
interface V1LogoutUrlOptions extends LogoutUrlOptions {
    client_id?: string | null | undefined;
    returnTo?: string | undefined;
    federated?: boolean | undefined;
}
interface V1LogoutOptions extends LogoutOptions, V1LogoutUrlOptions {
    /** `true` is `openUrl: false`. */
    localOnly?: boolean | undefined;
}
/** Accepted, and without a meaning: there is one user, whatever tokens there are. */
interface GetUserOptions extends WaitOptions {
    audience?: string | undefined;
    scope?: string | undefined;
}
/** As `GetUserOptions`. */
interface GetIdTokenClaimsOptions extends GetUserOptions {
}
declare const flatParameters: readonly ["scope", "audience", "redirect_uri", "display", "prompt", "max_age", "ui_locales", "id_token_hint", "screen_hint", "login_hint", "acr_values", "connection", "organization", "invitation"];

/** What an app may be told of what went on: facts without any token, code or name, and what they mean. */

/** Something that went on, as it may be shown to anybody. */
interface Fact {
    /** When it was over, in milliseconds since 1970. */
    readonly at: Milliseconds;
    /** `call`: of the app, and only where it failed. */
    readonly what: 'call' | 'refresh' | 'login' | 'logout' | 'revocation' | 'iframe';
    /** `done`, or how a refresh ended (`answer`, `moved`, `quarantined`), or `failed`. */
    readonly outcome: string;
    /** How long it took. */
    readonly duration?: Milliseconds | undefined;
    /** How many refresh tokens there had been for the audience. */
    readonly generation?: number | undefined;
    readonly failure?: Failure | undefined;
}
/** Of an error, its codes alone. */
interface Failure {
    readonly error: string;
    readonly reason?: string | undefined;
    readonly cause?: Failure | undefined;
}
/** What may be said of the session without asking anybody. */
interface SessionState {
    /**
     * `anonymous`: nobody is signed in. `active`: somebody is, with an access token that is good. `refreshable`: with a refresh token that
     * may bring one. `expired`: only a login helps. `unknown`: only the tenant could tell.
     */
    readonly state: 'anonymous' | 'active' | 'refreshable' | 'expired' | 'unknown';
    /**
     * Of `expired`: `refused`, `outcome_unknown` or `invalid_id_token`, as `reason` of `SessionEndedError`; `session_expiry`, or
     * `no_refresh_token`. Of `unknown`: `offline`, `storage`, or `silent_login`, which would tell.
     */
    readonly cause?: string | undefined;
    /** When the access token expires, in seconds since 1970. Of `active` only. */
    readonly expires_at?: Seconds | undefined;
}
/** Why the last failure came about, and what went on before it. */
interface Diagnosis {
    /** Why the last failure came about, in one line. `undefined`: nothing has failed that is remembered. */
    readonly cause: string | undefined;
    readonly state: SessionState;
    /** The last hundred, oldest first. */
    readonly facts: readonly Fact[];
}

/** What an app may listen to. No event holds a token. */

/** What every event tells. */
interface ClientEvent {
    /** Whose doing it was: this client's, or that of another tab, or of another client in this page. */
    readonly from: 'this' | 'other';
}
/** The events of a client by name, and what each tells. */
interface ClientEvents {
    /** Somebody is signed in, and nobody was. */
    signed_in: ClientEvent;
    /** The user has logged out, or the app's storage was cleared. */
    signed_out: ClientEvent;
    /**
     * The session is over, and the user has not logged out. `cause`: `refused`, `outcome_unknown` or `invalid_id_token`, as `reason` of
     * `SessionEndedError` and `InvalidIdTokenError`; `session_expiry`; or `login_required`, where the tenant knows nobody any more.
     */
    session_ended: ClientEvent & {
        readonly cause: string;
    };
    /** There is another access token for an audience (`''`: none was named). In memory mode each page has its own. */
    token_refreshed: ClientEvent & {
        readonly audience: string;
        readonly expires_at: Seconds;
    };
    /** Somebody else is signed in, or the same user with other claims: ask `getUser()`. */
    user_changed: ClientEvent;
    /** The browser's storage did not take, or give, what it should. The session goes on in this page as far as it can. */
    storage_degraded: ClientEvent & {
        readonly reason: string | undefined;
    };
    /** A later version of latchkey, in another tab, has written what this page cannot read: it should be loaded anew. */
    reload: ClientEvent;
}

/**
 * Builds a client and restores the session that the browser still knows of.
 *
 * @param waitOptions A number is none: `map` passes one.
 * @throws {InvalidConfigurationError} for a missing domain or client id, an unknown cache location, contradicting spellings.
 */
declare function createAuth0Client(options: V1ClientOptions, waitOptions?: WaitOptions | number): Promise<Auth0Client>;
declare function createAuth0Client(options: Auth0ClientOptions, waitOptions?: WaitOptions | number): Promise<Auth0Client>;
/** In either spelling. @inline */
type AnyTokenOptions = GetTokenSilentlyOptions | V1GetTokenSilentlyOptions;
/**
 * Sign-in for one application at one tenant. Constructing it touches no storage and sends nothing.
 *
 * Errors of all methods are `GenericError`s: branch on `error`, and ask `retryable` and `requiresLogin` what to do.
 */
declare class Auth0Client {
    /**
     * @throws {InvalidConfigurationError} for a missing domain or client id, an unknown cache location, contradicting spellings.
     */
    constructor(options: V1ClientOptions);
    constructor(options: Auth0ClientOptions);
    /**
     * Leaves the page for the tenant's login. Call `handleRedirectCallback()` on the page that the user returns to.
     *
     * @throws {InsecureContextError} where the page has no Web Crypto.
     * @throws {StorageError} when the login cannot be remembered; the page is not left.
     * @throws {NetworkError} | {GenericError} `discovery_failed`, with `discovery` only: nobody knows where to go to.
     */
    loginWithRedirect<AppState = Unchecked>(options?: RedirectLoginOptions<AppState> | V1RedirectLoginOptions<AppState>): Promise<void>;
    /**
     * Begins a login, and leaves it to the caller to go to the address that is returned, as v1 did; v2's way is `openUrl`.
     *
     * @throws {InsecureContextError} | {StorageError} as `loginWithRedirect()`.
     */
    buildAuthorizeUrl<AppState = Unchecked>(options?: RedirectLoginOptions<AppState> | V1RedirectLoginOptions<AppState>): Promise<string>;
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
    handleRedirectCallback<AppState = Unchecked>(url?: string | URL, options?: WaitOptions): Promise<RedirectLoginResult<AppState> | ConnectAccountRedirectResult<AppState>>;
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
    loginWithPopup(options?: PopupLoginOptions | V1PopupLoginOptions, config?: PopupConfigOptions): Promise<void>;
    /** A login in a popup, and the access token that it brought. As `loginWithPopup()`. */
    getTokenWithPopup(options?: GetTokenWithPopupOptions | V1GetTokenWithPopupOptions, config?: PopupConfigOptions): Promise<string>;
    /**
     * An access token: from the cache, or by spending the refresh token, or through a hidden iframe. `undefined` only for a
     * miss with `cacheMode: 'cache-only'`, and where the session has just lasted as long as its ID token lets it (`session_expiry`).
     *
     * @throws {SessionEndedError} `invalid_grant`, when the tenant no longer accepts the refresh token.
     * @throws {MissingRefreshTokenError} when there is none, and the iframe did not help.
     * @throws {AuthenticationError} `login_required` and its kin, from the iframe.
     * @throws {NetworkError} | {TimeoutError} | {StorageError} with `retryable`; the session is as it was.
     */
    getTokenSilently(options: AnyTokenOptions & {
        detailedResponse: true;
    }): Promise<GetTokenSilentlyVerboseResponse | undefined>;
    getTokenSilently(options?: AnyTokenOptions): Promise<string | undefined>;
    /**
     * Signs in with a token of somebody else's (RFC 8693), as Auth0's Custom Token Exchange takes them, and keeps the session as a
     * login does. There is no `refresh_token` in what is returned.
     *
     * @throws {GenericError} with the tenant's code, when it declines.
     * @throws {InvalidIdTokenError} when the ID token is not what was asked for; what came with it is revoked.
     * @throws {InvalidConfigurationError} without `subject_token` and `subject_token_type`.
     * @throws {NetworkError} when the tenant could not be reached.
     */
    loginWithCustomTokenExchange(options: CustomTokenExchangeOptions): Promise<TokenEndpointResponse>;
    /** @deprecated As `loginWithCustomTokenExchange()`. */
    exchangeToken(options: CustomTokenExchangeOptions): Promise<TokenEndpointResponse>;
    /**
     * Exchanges a token of somebody else's for an access token (RFC 8693), and keeps nothing: the session, whosever it is, goes on
     * as it was. No refresh token is asked for. `id_token` is empty where the tenant sent none. Throws as
     * `loginWithCustomTokenExchange()`.
     */
    customTokenExchange(options: CustomTokenExchangeOptions): Promise<TokenEndpointResponse>;
    /** The signed-in user's claims, frozen; the same object for as long as the ID token is the same. `undefined`: nobody. */
    getUser<TUser extends User>(options?: GetUserOptions): Promise<TUser | undefined>;
    /** All claims of the ID token, frozen, with its text as `__raw`. `undefined`: nobody is signed in. */
    getIdTokenClaims(options?: GetIdTokenClaimsOptions): Promise<IdToken | undefined>;
    /**
     * The nonce that is to stand in the next DPoP proof for a server (RFC 9449 §8), as it was last kept. Default `id`: the token
     * endpoint's.
     *
     * @throws {InvalidConfigurationError} where `useDpop` is off, and for an `id` that is no text.
     * @throws {StorageError}
     */
    getDpopNonce(id?: string): Promise<string | undefined>;
    /** Keeps a nonce that came in a `DPoP-Nonce` header. As `getDpopNonce()`. */
    setDpopNonce(nonce: string, id?: string): Promise<void>;
    /**
     * A DPoP proof (RFC 9449 §4.2) for one request to an API: a JWT for its `DPoP` header, by the key that `accessToken` is bound to.
     *
     * @param params `url`: the whole address; query and fragment do not count.
     * @throws {InvalidConfigurationError} where `useDpop` is off, or `url` is no http(s) address.
     * @throws {StorageError} | {InsecureContextError}
     */
    generateDpopProof(params: DpopProofOptions): Promise<string>;
    /**
     * A `fetch` with access tokens for one API.
     *
     * @throws {InvalidConfigurationError} for what is no object.
     */
    createFetcher<TOutput extends CustomFetchMinimalOutput = Response>(config?: FetcherConfig<TOutput>): Fetcher<TOutput>;
    /** True while a user is signed in here: the life of an access token does not matter. */
    isAuthenticated(options?: WaitOptions): Promise<boolean>;
    /** Restores the session, if a cookie tells that there was one. Rejects only when its `signal` is aborted. */
    checkSession(options?: AnyTokenOptions): Promise<void>;
    /**
     * Ends the session here, revokes the refresh tokens as far as the tenant can be reached, and leaves for the tenant's
     * logout, unless `openUrl` says otherwise. Whoever does not wait for it has nobody signed in all the same, in any page that is
     * loaded from then on, with a built-in cache; the revocation takes its time.
     *
     * @throws {StorageError} when something could not be removed; the page is left all the same.
     * @throws {NetworkError} | {GenericError} `discovery_failed`, with `discovery` only: the session has ended here, and the page stays.
     */
    logout(options?: LogoutOptions | V1LogoutOptions): Promise<void>;
    /**
     * The address of the tenant's logout, at once and without any effect, as in v1. `logout()` goes there.
     *
     * @throws {InvalidConfigurationError} for what is no option, and with `discovery`: the address is known at no moment but a logout's.
     */
    buildLogoutUrl(options?: LogoutUrlOptions | V1LogoutUrlOptions): string;
    /**
     * Revokes the refresh token for an audience at the tenant (RFC 7009). From then on nobody spends it, also where this fails; the
     * next call then tells the tenant again. The user stays signed in, and access tokens stay good until they expire. Without
     * `useRefreshTokens` there is nothing to do.
     *
     * @throws {GenericError} with the tenant's code, or `revoke_error`, when it declined.
     * @throws {NetworkError} when it could not be reached. {StorageError} when the end could not be noted; nothing was sent.
     */
    revokeRefreshToken(options?: RevokeRefreshTokenOptions): Promise<void>;
    /**
     * Calls `listener` whenever that has happened, here or in another tab; see `ClientEvents`. Nothing is sent for it. A listener that
     * throws stops no other one.
     *
     * @returns How to stop that.
     * @throws {InvalidConfigurationError} for an event that there is not, and for what is no function.
     */
    on<Name extends keyof ClientEvents>(name: Name, listener: (event: ClientEvents[Name]) => unknown): () => void;
    /**
     * What may be said of the session without asking the tenant: nothing is sent, and nothing changes. It goes by what is stored, and
     * not by a cookie, where there is a refresh token.
     *
     * @throws {GenericError} `feature_load_failed`
     */
    getSessionState(options?: WaitOptions): Promise<SessionState>;
    /**
     * Why the last failure came about, in one line, and what went on before, for a report to whoever can help: no token, code, name or
     * address of anybody is in it. Nothing is sent.
     *
     * @throws {GenericError} `feature_load_failed`
     */
    diagnose(options?: WaitOptions): Promise<Diagnosis>;
    /** The tenant and the application that the client was built for. Frozen. */
    getConfiguration(): Readonly<ClientConfiguration>;
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
    /** `null`: there is none. */
    get(name: string): string | null;
    /** Writes a text. */
    set(name: string, text: string): void;
    /** Removes a text, if there is one. */
    remove(name: string): void;
    /** Of all texts, anybody's. */
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
    error: string;
    error_description: string;
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
    constructor(problem: string, suggestion?: string);
}
/** Web Crypto is missing, because the page has no secure origin (https, or http on localhost). */
declare class InsecureContextError extends GenericError {
    name: string;
    constructor(origin: string);
}
/**
 * The authorization server answered with an error (RFC 6749 §4.1.2.1). `login_required`, `consent_required` and their
 * kin (OIDC Core §3.1.2.6) ask for the user; others, such as `access_denied`, would only come again. `reason`: `signed_out`
 * where it was not the server that answered so; `third_party_cookies` where that is the likely cause of an iframe's
 * `login_required`, and then `cause` says why.
 */
declare class AuthenticationError extends GenericError {
    name: string;
    readonly state: string;
    readonly appState: any;
    constructor(error: string, error_description: string, state: string, appState?: unknown, reason?: string);
}
/** What the tenant offers where it asks for a second factor: which kinds to enrol, or which of the enrolled to challenge. */
interface MfaRequirements {
    readonly enroll?: {
        readonly type: string;
    }[] | undefined;
    readonly challenge?: {
        readonly type: string;
    }[] | undefined;
}
/**
 * The token endpoint asks for a second factor first (`mfa_required`, Auth0's MFA API); the session is as it was. `mfa_token` is
 * a secret: it is in no message.
 */
declare class MfaRequiredError extends GenericError {
    readonly mfa_token: string;
    readonly mfa_requirements: MfaRequirements;
    name: string;
    constructor(error: string, error_description: string, mfa_token: string, mfa_requirements: MfaRequirements);
}
/**
 * Something took longer than its limit. What was under way goes on, and its result is kept. Of a hidden iframe the `error_description`,
 * and the `cause`, say in a sentence what was found out, or what to look at; `reason`, of which all but `frame_silent` are known for
 * sure: `frame_offline` (the network went), `frame_forbidden` (by a policy of the page), `frame_unreachable` (nothing answers at the
 * tenant's origin), `frame_callback` (the answer came to the redirect URI), `frame_silent` (loaded, with nothing to say for 2 s),
 * `frame_timeout` (not loaded in time). Of anything else: `still_waiting`, `lock_timeout`, `popup_timeout`, `worker_silent`.
 */
declare class TimeoutError extends GenericError {
    name: string;
    constructor(reason?: string, description?: string, cause?: unknown);
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
 * or `backing_off` (nothing was sent, because the last requests failed, or the server asks to be left alone; the message says
 * until when). `cause`: what the platform threw, if it did.
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
/**
 * A server wants another nonce in a DPoP proof (RFC 9449 §8, §9) than that of the request that followed its last word. Nothing was
 * consumed.
 */
declare class UseDpopNonceError extends GenericError {
    readonly newDpopNonce: string | undefined;
    name: string;
    /** @param newDpopNonce The nonce that came with the answer, if there was one; it is kept. */
    constructor(newDpopNonce: string | undefined);
}
/**
 * An API wants a login that is more recent, or stronger, than that of the token (RFC 9470 §3). What it asks for is to be passed on:
 * `loginWithRedirect({ authorizationParams: { acr_values, max_age } })`.
 */
declare class InsufficientUserAuthenticationError extends GenericError {
    readonly acr_values: string | undefined;
    readonly max_age: number | undefined;
    name: string;
    /** @param max_age In seconds. */
    constructor(acr_values: string | undefined, max_age: number | undefined);
}
/**
 * The ID token does not hold what it must (OIDC Core §3.1.3.7, §3.1.3.8; on refresh §12.2). `reason` names the claim or the check:
 * `missing`, `malformed`, `algorithm`, `signature`, `issuer`, `subject`, `audience`, `authorized_party`, `nonce`, `organization`,
 * `access_token_hash`, `expiry`, `issued_at`, `authentication_time`, `max_age`; or, and then it is retryable, `time` or `unknown_key`.
 */
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
    constructor(audience: string, scope: string, details?: ErrorDetails);
}
/**
 * The session is over: the authorization server no longer accepts the refresh token. `reason` is `refused`, or
 * `outcome_unknown` where an earlier answer had been lost and the refused token may have been spent by that exchange.
 */
declare class SessionEndedError extends GenericError {
    name: string;
    /** @param why Told besides. */
    constructor(reason: string, cause?: unknown, why?: string);
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
    constructor(audience: string, scope: string, details?: ErrorDetails);
}

/**
 * The error classes of those features of auth0-spa-js that latchkey does not have. The vendor's wrappers import them by name,
 * and apps ask `instanceof`: it is always false, for nothing here throws them.
 */

/** Of `auth0.myAccount`: an account was not connected. */
declare class ConnectError extends GenericError {
    readonly connection: string;
    readonly state: string;
    readonly appState: Unchecked;
    name: string;
    constructor(error: string, error_description: string, connection: string, state: string, appState?: Unchecked);
}
/** Of `auth0.mfa`, all of its errors. */
declare class MfaError extends GenericError {
    name: string;
}
/** Of `auth0.mfa.getAuthenticators()`. */
declare class MfaListAuthenticatorsError extends MfaError {
    name: string;
}
/** Of `auth0.mfa.enroll()`. */
declare class MfaEnrollmentError extends MfaError {
    name: string;
}
/** Of `auth0.mfa.challenge()`. */
declare class MfaChallengeError extends MfaError {
    name: string;
}
/** Of `auth0.mfa.verify()`. */
declare class MfaVerifyError extends MfaError {
    name: string;
}
/** Of `auth0.mfa.getEnrollmentFactors()`. */
declare class MfaEnrollmentFactorsError extends MfaError {
    name: string;
}
/** Of `auth0.passkey`, all of its errors. */
declare class PasskeyError extends Error {
    readonly code: string;
    name: string;
    readonly cause?: Unchecked;
    constructor(code: string, message: string, cause?: unknown);
}
/** Of `auth0.passkey.signup()`. */
declare class PasskeyRegisterError extends PasskeyError {
    name: string;
    constructor(message: string, cause?: unknown);
}
/** Of `auth0.passkey.login()`. */
declare class PasskeyChallengeError extends PasskeyError {
    name: string;
    constructor(message: string, cause?: unknown);
}
/** Of `auth0.passkey.getTokenWithPasskey()`. */
declare class PasskeyGetTokenError extends PasskeyError {
    name: string;
    constructor(message: string, cause?: unknown);
}
/** Of `auth0.myAccount` (RFC 7807). */
declare class MyAccountApiError extends Error {
    name: string;
    readonly type: string;
    readonly status: number;
    readonly title: string;
    readonly detail: string;
    constructor({ type, status, title, detail, }: Pick<MyAccountApiError, 'type' | 'status' | 'title' | 'detail'>);
}
/** Of `auth0.anonymous`. */
declare class AnonymousSessionError extends Error {
    readonly code: string;
    name: string;
    readonly cause?: Unchecked;
    constructor(code: string, message: string, cause?: unknown);
}

/** What `isFederatedDomain` takes besides the two domains. */
interface IsFederatedDomainOptions {
    /** In the place of the platform's `fetch`. */
    customFetch?: typeof fetch | undefined;
}
/**
 * Whether the users of an e-mail domain sign in by a connection of their own company at this tenant, asked by WebFinger (RFC 7033).
 *
 * @param auth0Domain That of the tenant, such as `tenant.eu.auth0.com`, or its whole origin.
 * @param emailDomain Such as `example.com`.
 * @returns False too where the tenant could not be asked. Never rejects. An answer is kept for 60 s, a no for 15 s.
 */
declare function isFederatedDomain(auth0Domain: string, emailDomain: string, { customFetch }?: IsFederatedDomainOptions): Promise<boolean>;

/**
 * The public surface of latchkey's SDK: re-exports, and the default export of auth0-spa-js v1.
 * @module latchkey
 */

/** `createAuth0Client`, carrying what v1's did as a script and for CommonJS. Whoever does not import it has nothing of it. */
declare const _default: typeof createAuth0Client & {
    Auth0Client: typeof Auth0Client;
    /** Itself. */
    createAuth0Client: typeof createAuth0Client;
    AuthenticationError: typeof AuthenticationError;
    GenericError: typeof GenericError;
    InMemoryCache: typeof InMemoryCache;
    LocalStorageCache: typeof LocalStorageCache;
    PopupCancelledError: typeof PopupCancelledError;
    PopupTimeoutError: typeof PopupTimeoutError;
    TimeoutError: typeof TimeoutError;
};

export { AbortError, AnonymousSessionError, Auth0Client, AuthenticationError, CacheKey, ConnectError, DisposedError, GenericError, InMemoryCache, InsecureContextError, InsufficientUserAuthenticationError, InvalidConfigurationError, InvalidIdTokenError, LocalStorageCache, MfaChallengeError, MfaEnrollmentError, MfaEnrollmentFactorsError, MfaError, MfaListAuthenticatorsError, MfaRequiredError, MfaVerifyError, MissingRefreshTokenError, MissingScopesError, MyAccountApiError, NetworkError, PasskeyChallengeError, PasskeyError, PasskeyGetTokenError, PasskeyRegisterError, PopupCancelledError, PopupOpenError, PopupTimeoutError, RefreshTokenMode, ResponseType, SessionEndedError, StorageError, TimeoutError, UseDpopNonceError, User, createAuth0Client, _default as default, isFederatedDomain };
export type { ActClaim, Auth0ClientOptions, AuthParams, AuthenticationResult, AuthorizationParams, AuthorizeOptions, CacheEntry, CacheKeyData, CacheLocation, CacheMode, Cacheable, ClientAuthorizationParams, ClientConfiguration, ClientEvent, ClientEvents, ConnectAccountRedirectResult, CustomFetchMinimalOutput, CustomTokenExchangeOptions, DecodedToken, Diagnosis, DpopProofOptions, ErrorDetails, Fact, Failure, FetchOptions, FetchResponse, Fetcher, FetcherConfig, GetIdTokenClaimsOptions, GetTokenSilentlyOptions, GetTokenSilentlyVerboseResponse, GetTokenWithPopupOptions, GetUserOptions, ICache, IdToken, IsFederatedDomainOptions, JWTVerifyOptions, KeyManifestEntry, LogoutOptions, LogoutUrlOptions, MaybePromise, MfaRequirements, OAuthTokenOptions, PopupConfigOptions, PopupLoginOptions, RedirectLoginOptions, RedirectLoginResult, RefreshTokenOptions, RevokeRefreshTokenOptions, SessionState, Span, TextStorage, TokenEndpointOptions, TokenEndpointResponse, V1CallParams, V1ClientOptions, V1GetTokenSilentlyOptions, V1GetTokenWithPopupOptions, V1LogoutOptions, V1LogoutUrlOptions, V1PopupLoginOptions, V1RedirectLoginOptions, WaitOptions, WorkerUrl, WrappedCacheEntry };
