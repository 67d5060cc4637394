import { LocalStorageCache } from './browser/local-storage-cache.ts';
import { pagePorts } from './browser/page-ports.ts';
import type { TokenEndpointResponse } from './compatibility/auth0-spa-js-types.ts';
import {
  toV2Call,
  toV2Logout,
  toV2Options,
  type Called,
  type GetIdTokenClaimsOptions,
  type GetUserOptions,
  type V1ClientOptions,
  type V1GetTokenSilentlyOptions,
  type V1GetTokenWithPopupOptions,
  type V1LogoutOptions,
  type V1LogoutUrlOptions,
  type V1PopupLoginOptions,
  type V1RedirectLoginOptions,
} from './compatibility/v1-options.ts';
import { peerPrefix } from './core/auth0-spa-js-names.ts';
import { detailsOf, InMemoryCache } from './core/cache.ts';
import type { Diagnosis, SessionState } from './core/diagnosis.ts';
import { isEventName, type ClientEvents, type Listening } from './core/events.ts';
import { loadFeature } from './core/load-feature.ts';
import type {
  Auth0ClientOptions,
  ConnectAccountRedirectResult,
  ClientConfiguration,
  CustomFetchMinimalOutput,
  CustomTokenExchangeOptions,
  DpopProofOptions,
  Fetcher,
  FetcherConfig,
  GetTokenSilentlyOptions,
  GetTokenSilentlyVerboseResponse,
  IdToken,
  GetTokenWithPopupOptions,
  LogoutOptions,
  LogoutUrlOptions,
  PopupConfigOptions,
  PopupLoginOptions,
  RedirectLoginOptions,
  RedirectLoginResult,
  RevokeRefreshTokenOptions,
  Unchecked,
  User,
  WaitOptions,
} from './core/options.ts';
import { readSettings, readText } from './core/settings.ts';
import { targetOf } from './core/target.ts';
import type { DpopKey } from './custody/dpop-key.ts';
import { unlessAborted } from './core/within.ts';
import type { Environment, PagePorts } from './environment.ts';
import { AbortError, DisposedError, InvalidConfigurationError } from './errors.ts';
import { checkSession } from './flows/check-session.ts';
import type { Engine, PageContext } from './flows/context.ts';
import { findSession, readUser } from './flows/entries.ts';
import { createFlights } from './core/flights.ts';
import { getTokenSilently, readTokenOptions } from './flows/get-token-silently.ts';
import { inBackground } from './flows/in-background.ts';
import { loginWithPopup } from './flows/login-with-popup.ts';
import { logout, logoutAddress } from './flows/logout.ts';

/**
 * Builds a client and restores the session that the browser still knows of.
 *
 * @param waitOptions A number is none: `map` passes one.
 * @throws {InvalidConfigurationError} for a missing domain or client id, an unknown cache location, contradicting spellings.
 */
export function createAuth0Client(
  options: V1ClientOptions,
  waitOptions?: WaitOptions | number,
): Promise<Auth0Client>;
export function createAuth0Client(
  options: Auth0ClientOptions,
  waitOptions?: WaitOptions | number,
): Promise<Auth0Client>;
export async function createAuth0Client(
  options: Auth0ClientOptions | V1ClientOptions,
  waitOptions?: WaitOptions | number,
): Promise<Auth0Client> {
  const client = new Auth0Client(options as Auth0ClientOptions);
  await client.checkSession(typeof waitOptions === 'number' ? undefined : waitOptions);
  return client;
}

/**
 * What belongs to a client and to nobody else. Not a `#private` field: what bundlers turn one into, for targets before
 * ES2022, costs every app a quarter of a kB more after gzip than this map.
 */
const contexts = new WeakMap<Auth0Client, OwnContext>();
const contextOf = (client: Auth0Client): OwnContext => contexts.get(client) as OwnContext; // set when constructed

interface OwnContext extends PageContext {
  /** How its options were spelt says which spelling its calls are read in. */
  readonly called: Called;
}

function readOptions<T>(options: T): T {
  if (typeof options === 'object' && options !== null) return options;
  throw new InvalidConfigurationError('Options are no object.');
}

/** In either spelling. @inline */
type AnyTokenOptions = GetTokenSilentlyOptions | V1GetTokenSilentlyOptions;

/**
 * A call ends at once when its caller or its client gives up. What it began goes on.
 *
 * @param atOnce It may not wait for the app to tell the time: it needs none, or asks for that itself.
 */
async function call<T>(
  client: Auth0Client,
  options: WaitOptions,
  work: (context: OwnContext) => Promise<T>,
  atOnce?: 'at once',
): Promise<T> {
  const { signal } = readOptions(options);
  if (signal && typeof signal.addEventListener !== 'function')
    throw new InvalidConfigurationError('"signal" is no AbortSignal.');
  const context = contextOf(client);
  context.env.page.leaving(); // from now on it knows
  const { tune } = context;
  const begin = () => (tune && !atOnce ? tune().then(() => work(context)) : work(context));
  const detachable = () => unlessAborted(signal, begin, (reason) => new AbortError(reason));
  try {
    return await unlessAborted(context.disposal.signal, detachable, () => new DisposedError());
  } catch (error) {
    context.heap.told = context.heap.ended.get(error as object) ?? context.heap.told;
    context.heap.failed?.(error);
    throw error;
  } finally {
    context.heap.observer?.glance();
    // After a call that has not needed it, since it takes time; and not only when it is needed: this deployment may be over by then.
    void inBackground(context, () => {});
  }
}

/** The same, where the cache alone is not enough. */
const callEngine = <T>(
  client: Auth0Client,
  options: WaitOptions,
  work: (engine: Engine, called: Called) => Promise<T>,
): Promise<T> => call(client, options, async ({ engine, called }) => work(await engine(), called));

/** What a call was given that was given nothing. */
const nothing: object = {};

const sessionOf = (client: Auth0Client, options: WaitOptions) =>
  (options === nothing && contextOf(client).heap.atHand?.session()) || call(client, options, findSession);

/**
 * Sign-in for one application at one tenant. Constructing it touches no storage and sends nothing.
 *
 * Errors of all methods are `GenericError`s: branch on `error`, and ask `retryable` and `requiresLogin` what to do.
 */
export class Auth0Client {
  /**
   * @throws {InvalidConfigurationError} for a missing domain or client id, an unknown cache location, contradicting spellings.
   */
  constructor(options: V1ClientOptions);
  constructor(options: Auth0ClientOptions);
  /** @internal The world to live in; tests bring one of their own. */
  constructor(options: Auth0ClientOptions | V1ClientOptions, world: Environment);
  constructor(options: Auth0ClientOptions | V1ClientOptions, world?: Environment) {
    const given = toV2Options(readOptions(options));
    const settings = readSettings(given);
    const { nowProvider, cacheLocation, clientId } = settings;
    const ports: PagePorts = world ?? pagePorts;
    const appClock = { ...ports.clock, offset: 0, now: () => ports.clock.now() + appClock.offset };
    const tune = async () => {
      const engine = await Promise.resolve(context.engine()).catch(() => undefined);
      const { offset } = appClock;
      appClock.offset =
        (await engine?.flows.askAppClock(ports.clock, ports.timers, nowProvider!, offset)) ?? offset;
    };
    const env = nowProvider ? { ...ports, clock: appClock } : ports;
    if (given.cache && given.cacheLocation)
      env.page.warn('latchkey: beside "cache", "cacheLocation" says nothing.');
    const ownCache = () =>
      cacheLocation === 'memory'
        ? new InMemoryCache().enclosedCache
        : new LocalStorageCache(env.localStorage);
    const flights = createFlights();
    const disposal = new AbortController();
    let engine: Engine | undefined;
    const context: OwnContext = {
      called: { isV1: given !== options },
      settings,
      env,
      world,
      cache: given.cache || ownCache(),
      flights,
      heap: {
        signedOut: false,
        ceilings: 0,
        logouts: Infinity,
        ended: new WeakMap(),
        hasMovedIn: cacheLocation !== 'localstorage',
        unsaved: new Map(),
        listeners: new Set(),
        logout: null,
      },
      async moveIn() {
        if (context.heap.hasMovedIn) return;
        await flights.share('move in', async () => {
          // Busy, or not to be reached: the next call tries again.
          const work = async () => {
            if (env.localStorage.names().some((name) => name.startsWith(`${peerPrefix}${clientId}::`)))
              await (await context.engine()).moveIn();
          };
          context.heap.hasMovedIn = await work().then(
            () => true,
            () => false,
          );
        });
      },
      tune: nowProvider && tune,
      disposal,
      engine: () =>
        engine ??
        flights.share('engine', async () => {
          const { openEngine } = await loadFeature(env.timers, () => import('./engine.ts'));
          // Whoever logs out, and goes at once, is logged out.
          if (disposal.signal.aborted && !context.heap.signedOut) throw new DisposedError();
          return (engine = openEngine(context));
        }),
    };
    contexts.set(this, context);
  }

  /**
   * Leaves the page for the tenant's login. Call `handleRedirectCallback()` on the page that the user returns to.
   *
   * @throws {InsecureContextError} where the page has no Web Crypto.
   * @throws {StorageError} when the login cannot be remembered; the page is not left.
   * @throws {NetworkError} | {GenericError} `discovery_failed`, with `discovery` only: nobody knows where to go to.
   */
  async loginWithRedirect<AppState = Unchecked>(
    options: RedirectLoginOptions<AppState> | V1RedirectLoginOptions<AppState> = {},
  ): Promise<void> {
    await callEngine(this, options, ({ flows, context }, called) =>
      flows.loginWithRedirect(context, toV2Call(called, options)),
    );
  }

  /**
   * Begins a login, and leaves it to the caller to go to the address that is returned, as v1 did; v2's way is `openUrl`.
   *
   * @throws {InsecureContextError} | {StorageError} as `loginWithRedirect()`.
   */
  async buildAuthorizeUrl<AppState = Unchecked>(
    options: RedirectLoginOptions<AppState> | V1RedirectLoginOptions<AppState> = {},
  ): Promise<string> {
    return callEngine(this, options, ({ flows, context }, called) =>
      flows.beginLogin(context, toV2Call(called, options)),
    );
  }

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
  async handleRedirectCallback<AppState = Unchecked>(
    url: string | URL = contextOf(this).env.page.url(),
    options: WaitOptions = {},
  ): Promise<RedirectLoginResult<AppState> | ConnectAccountRedirectResult<AppState>> {
    return callEngine(this, options, ({ flows, context }) =>
      flows.handleRedirectCallback<AppState>(context, readText('url', url)),
    );
  }

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
  async loginWithPopup(
    options: PopupLoginOptions | V1PopupLoginOptions = {},
    config?: PopupConfigOptions,
  ): Promise<void> {
    await loginInPopup(this, options, config);
  }

  /** A login in a popup, and the access token that it brought. As `loginWithPopup()`. */
  async getTokenWithPopup(
    options: GetTokenWithPopupOptions | V1GetTokenWithPopupOptions = {},
    config?: PopupConfigOptions,
  ): Promise<string> {
    return (await loginInPopup(this, options, config)).token.access_token;
  }

  /**
   * An access token: from the cache, or by spending the refresh token, or through a hidden iframe. `undefined` only for a
   * miss with `cacheMode: 'cache-only'`, and where the session has just lasted as long as its ID token lets it (`session_expiry`).
   *
   * @throws {SessionEndedError} `invalid_grant`, when the tenant no longer accepts the refresh token.
   * @throws {MissingRefreshTokenError} when there is none, and the iframe did not help.
   * @throws {AuthenticationError} `login_required` and its kin, from the iframe.
   * @throws {NetworkError} | {TimeoutError} | {StorageError} with `retryable`; the session is as it was.
   */
  async getTokenSilently(
    options: AnyTokenOptions & { detailedResponse: true },
  ): Promise<GetTokenSilentlyVerboseResponse | undefined>;
  async getTokenSilently(options?: AnyTokenOptions): Promise<string | undefined>;
  async getTokenSilently(
    options: AnyTokenOptions = nothing,
  ): Promise<string | GetTokenSilentlyVerboseResponse | undefined> {
    const token = options === nothing && contextOf(this).heap.atHand?.find()?.obtained?.token;
    if (token) return token.access_token;
    return call(this, options, async (context) => {
      const { settings, env } = context;
      const given = toV2Call(context.called, options);
      const { detailedResponse = false, authorizationParams } = given;
      const target = targetOf(settings, authorizationParams);
      const obtained = await getTokenSilently(context, target, readTokenOptions(given));
      if (obtained === undefined) return undefined;
      const { token, session } = obtained;
      if (!detailedResponse) return token.access_token;
      return detailsOf(token, session.id_token, env.clock.now());
    });
  }

  /**
   * Signs in with a token of somebody else's (RFC 8693), as Auth0's Custom Token Exchange takes them, and keeps the session as a
   * login does. There is no `refresh_token` in what is returned.
   *
   * @throws {GenericError} with the tenant's code, when it declines.
   * @throws {InvalidIdTokenError} when the ID token is not what was asked for; what came with it is revoked.
   * @throws {InvalidConfigurationError} without `subject_token` and `subject_token_type`.
   * @throws {NetworkError} when the tenant could not be reached.
   */
  async loginWithCustomTokenExchange(options: CustomTokenExchangeOptions): Promise<TokenEndpointResponse> {
    return callEngine(this, options, (it) => it.flows.exchangeToken(it.context, options, true));
  }

  /** @deprecated As `loginWithCustomTokenExchange()`. */
  async exchangeToken(options: CustomTokenExchangeOptions): Promise<TokenEndpointResponse> {
    return this.loginWithCustomTokenExchange(options);
  }

  /**
   * Exchanges a token of somebody else's for an access token (RFC 8693), and keeps nothing: the session, whosever it is, goes on
   * as it was. No refresh token is asked for. `id_token` is empty where the tenant sent none. Throws as
   * `loginWithCustomTokenExchange()`.
   */
  async customTokenExchange(options: CustomTokenExchangeOptions): Promise<TokenEndpointResponse> {
    return callEngine(this, options, (it) => it.flows.exchangeToken(it.context, options, false));
  }

  /** The signed-in user's claims, frozen; the same object for as long as the ID token is the same. `undefined`: nobody. */
  async getUser<TUser extends User>(options: GetUserOptions = nothing): Promise<TUser | undefined> {
    return (await sessionOf(this, options))?.user as TUser | undefined; // the caller knows what the tenant adds
  }

  /** All claims of the ID token, frozen, with its text as `__raw`. `undefined`: nobody is signed in. */
  async getIdTokenClaims(options: GetIdTokenClaimsOptions = nothing): Promise<IdToken | undefined> {
    return (await sessionOf(this, options))?.claims;
  }

  /**
   * The nonce that is to stand in the next DPoP proof for a server (RFC 9449 §8), as it was last kept. Default `id`: the token
   * endpoint's.
   *
   * @throws {InvalidConfigurationError} where `useDpop` is off, and for an `id` that is no text.
   * @throws {StorageError}
   */
  async getDpopNonce(id?: string): Promise<string | undefined> {
    return withDpopKey(this, (key) => key.nonce(id));
  }

  /** Keeps a nonce that came in a `DPoP-Nonce` header. As `getDpopNonce()`. */
  async setDpopNonce(nonce: string, id?: string): Promise<void> {
    await withDpopKey(this, (key) => key.keepNonce(nonce, id));
  }

  /**
   * A DPoP proof (RFC 9449 §4.2) for one request to an API: a JWT for its `DPoP` header, by the key that `accessToken` is bound to.
   *
   * @param params `url`: the whole address; query and fragment do not count.
   * @throws {InvalidConfigurationError} where `useDpop` is off, or `url` is no http(s) address.
   * @throws {StorageError} | {InsecureContextError}
   */
  async generateDpopProof(params: DpopProofOptions): Promise<string> {
    return withDpopKey(this, (key) => key.prove(readOptions(params)));
  }

  /**
   * A `fetch` with access tokens for one API.
   *
   * @throws {InvalidConfigurationError} for what is no object.
   */
  createFetcher<TOutput extends CustomFetchMinimalOutput = Response>(
    config: FetcherConfig<TOutput> = {},
  ): Fetcher<TOutput> {
    readOptions(config);
    const context = contextOf(this);
    const getToken = (options: GetTokenSilentlyOptions) =>
      this.getTokenSilently({ ...options, detailedResponse: true });
    return {
      async fetchWithAuth(...request) {
        const engine = await context.engine();
        return engine.fetchWithAuth(getToken, config, request);
      },
    };
  }

  /** True while a user is signed in here: the life of an access token does not matter. */
  async isAuthenticated(options: WaitOptions = nothing): Promise<boolean> {
    return (await sessionOf(this, options)) !== undefined;
  }

  /** Restores the session, if a cookie tells that there was one. Rejects only when its `signal` is aborted. */
  async checkSession(options: AnyTokenOptions = {}): Promise<void> {
    await call(this, options, (context) => checkSession(context, toV2Call(context.called, options)));
  }

  /**
   * Ends the session here, revokes the refresh tokens as far as the tenant can be reached, and leaves for the tenant's
   * logout, unless `openUrl` says otherwise. Whoever does not wait for it has nobody signed in all the same, in any page that is
   * loaded from then on, with a built-in cache; the revocation takes its time.
   *
   * @throws {StorageError} when something could not be removed; the page is left all the same.
   * @throws {NetworkError} | {GenericError} `discovery_failed`, with `discovery` only: the session has ended here, and the page stays.
   */
  async logout(options: LogoutOptions | V1LogoutOptions = {}): Promise<void> {
    const work = (context: OwnContext) => logout(context, toV2Logout(context.called, options));
    await call(this, options, work, 'at once');
  }

  /**
   * The address of the tenant's logout, at once and without any effect, as in v1. `logout()` goes there.
   *
   * @throws {InvalidConfigurationError} for what is no option, and with `discovery`: the address is known at no moment but a logout's.
   */
  buildLogoutUrl(options: LogoutUrlOptions | V1LogoutUrlOptions = {}): string {
    const { called, settings } = contextOf(this);
    if (settings.discovery)
      throw new InvalidConfigurationError(
        'With "discovery" there is no buildLogoutUrl().',
        'Call logout({ openUrl }).',
      );
    return logoutAddress(settings, toV2Logout(called, readOptions(options)));
  }

  /**
   * Revokes the refresh token for an audience at the tenant (RFC 7009). From then on nobody spends it, also where this fails; the
   * next call then tells the tenant again. The user stays signed in, and access tokens stay good until they expire. Without
   * `useRefreshTokens` there is nothing to do.
   *
   * @throws {GenericError} with the tenant's code, or `revoke_error`, when it declined.
   * @throws {NetworkError} when it could not be reached. {StorageError} when the end could not be noted; nothing was sent.
   */
  async revokeRefreshToken(options: RevokeRefreshTokenOptions = {}): Promise<void> {
    await callEngine(this, options, ({ flows, context }) => flows.revokeRefreshToken(context, options));
  }

  /**
   * Calls `listener` whenever that has happened, here or in another tab; see `ClientEvents`. Nothing is sent for it. A listener that
   * throws stops no other one.
   *
   * @returns How to stop that.
   * @throws {InvalidConfigurationError} for an event that there is not, and for what is no function.
   */
  on<Name extends keyof ClientEvents>(
    name: Name,
    listener: (event: ClientEvents[Name]) => unknown,
  ): () => void {
    if (!isEventName(name) || typeof listener !== 'function')
      throw new InvalidConfigurationError('No such event or listener.');
    const context = contextOf(this);
    const { heap } = context;
    const listening: Listening = [name, listener];
    heap.listeners.add(listening);
    heap.before ??= readUser(context);
    void inBackground(context, ({ flows, context: own }) => flows.watch(own));
    return () => {
      if (!heap.listeners.delete(listening) || heap.listeners.size > 0) return;
      heap.before = undefined;
      heap.observer?.close();
    };
  }

  /**
   * What may be said of the session without asking the tenant: nothing is sent, and nothing changes. It goes by what is stored, and
   * not by a cookie, where there is a refresh token.
   *
   * @throws {GenericError} `feature_load_failed`
   */
  async getSessionState(options: WaitOptions = {}): Promise<SessionState> {
    return callEngine(this, options, ({ flows, context }) => flows.diagnose(context, 'sessionState'));
  }

  /**
   * Why the last failure came about, in one line, and what went on before, for a report to whoever can help: no token, code, name or
   * address of anybody is in it. Nothing is sent.
   *
   * @throws {GenericError} `feature_load_failed`
   */
  async diagnose(options: WaitOptions = {}): Promise<Diagnosis> {
    return callEngine(this, options, ({ flows, context }) => flows.diagnose(context, 'diagnosis'));
  }

  /** The tenant and the application that the client was built for. Frozen. */
  getConfiguration(): Readonly<ClientConfiguration> {
    return contextOf(this).settings.configuration;
  }

  /**
   * Gives back what the client holds: calls that wait end with a `DisposedError`, and so do all later ones. The session
   * stays where it is stored; a refresh under way is kept. For pages that replace their client, as hot reloading does.
   */
  dispose(): void {
    contextOf(this).disposal.abort();
  }
}

const loginInPopup = (
  client: Auth0Client,
  options: PopupLoginOptions | V1PopupLoginOptions,
  config: PopupConfigOptions | undefined,
) => {
  const login = (context: OwnContext) => loginWithPopup(context, toV2Call(context.called, options), config);
  return call(client, options, login, 'at once');
};

const withDpopKey = <T>(client: Auth0Client, work: (key: DpopKey) => Promise<T>): Promise<T> =>
  callEngine(client, {}, async ({ flows, context: { settings, env } }) =>
    work(await flows.loadDpopKey(settings, env)),
  );
