/* oxlint-disable typescript/no-useless-default-assignment -- it overlooks that these parameters are optional where they are called */
import {
  AbortError,
  Auth0Client,
  AuthenticationError,
  DisposedError,
  GenericError,
  InvalidConfigurationError,
  ResponseType,
  SessionEndedError,
  type ClientEvent,
  type ClientEvents,
  type CustomFetchMinimalOutput,
  type CustomTokenExchangeOptions,
  type Fetcher,
  type FetcherConfig,
  type GetTokenSilentlyOptions,
  type GetTokenSilentlyVerboseResponse,
  type IdToken,
  type RedirectLoginResult,
  type User,
  type V1GetTokenSilentlyOptions,
  type V1LogoutOptions,
  type V1LogoutUrlOptions,
  type V1RedirectLoginOptions,
  type WaitOptions,
} from '../index.ts';

/** 2100-01-01 */
const endOfTime = 4_102_444_800;

/** A user with every claim of `openid profile email`. */
export const fakeUser: Readonly<User> = Object.freeze({
  sub: 'auth0|ada',
  name: 'Ada Lovelace',
  given_name: 'Ada',
  family_name: 'Lovelace',
  nickname: 'ada',
  picture: 'https://fake.example/ada.png',
  email: 'ada@example.com',
  email_verified: true,
  updated_at: '2026-01-01T00:00:00.000Z',
});

/** What `createFakeAuth0Client` takes. */
export interface FakeClientOptions {
  /** Who is signed in from the start. Default: nobody. */
  readonly user?: Readonly<User> | undefined;
  /** Default: `fake.example`. */
  readonly domain?: string | undefined;
  /** Default: `fake-client`. */
  readonly clientId?: string | undefined;
  /** The access token for an audience (`''`: none was named) and a scope. Default: a text with a number that counts up. */
  readonly accessToken?: ((wanted: { audience: string; scope: string }) => string) | undefined;
  /** Answers what `fetchWithAuth()` sends, where its fetcher has no `fetch` of its own. Default: 200 with no body. */
  readonly fetch?: ((request: Request) => Promise<Response>) | undefined;
}

/** In either spelling. */
type TokenOptions = GetTokenSilentlyOptions &
  Pick<V1GetTokenSilentlyOptions, 'audience' | 'scope' | 'ignoreCache'>;

/** One call of a method, with what it was given. */
export interface FakeCall {
  readonly method: keyof Auth0Client;
  readonly arguments: readonly unknown[];
}

/** A client for tests: an `Auth0Client` to `instanceof` and to TypeScript, and moved by hand. */
export interface FakeAuth0Client extends Pick<Auth0Client, keyof Auth0Client> {
  /** Every call so far, in order. */
  readonly calls: readonly FakeCall[];
  /** Signs somebody in, as a login in another tab does. Default: `fakeUser`. */
  signIn(user?: Readonly<User>): void;
  /** Signs out, as a logout in another tab does. */
  signOut(): void;
  /** Ends the session, as a refused refresh token does: the next call for a token is told so, once. */
  endSession(): void;
  /** Who signs in at the next logins. Default: `fakeUser`. */
  nextUser(user: Readonly<User>): void;
  /** Lets the next calls of `method` reject, as many as there are errors. */
  fail(method: keyof Auth0Client, ...errors: readonly Error[]): void;
}

/**
 * An ID token with these claims, for what reads one: it can be decoded, and its signature is none.
 *
 * @returns Header, claims and `fake`, base64url and joined by dots (RFC 7515 §3.1).
 */
export function fakeIdToken(claims: object): string {
  const byte = (hex: string) => String.fromCharCode(Number.parseInt(hex, 16));
  const encode = (value: object) =>
    btoa(encodeURIComponent(JSON.stringify(value)).replace(/%(..)/g, (_, hex: string) => byte(hex))) // jsdom has no TextEncoder
      .replaceAll('+', '-')
      .replaceAll('/', '_')
      .replace(/=+$/, '');
  return `${encode({ alg: 'RS256', typ: 'JWT', kid: 'fake' })}.${encode(claims)}.fake`;
}

/**
 * A client for the unit tests of apps. A login signs in at once, with no page and no popup: by redirect when
 * `handleRedirectCallback()` is called. Tokens last until `cacheMode: 'off'` asks for new ones. Errors are those of `latchkey`.
 */
export function createFakeAuth0Client(options: FakeClientOptions = {}): FakeAuth0Client {
  const { domain = 'fake.example', clientId = 'fake-client' } = options;
  const calls: FakeCall[] = [];
  const failures = new Map<keyof Auth0Client, Error[]>();
  const logins = new Map<string, unknown>();
  const tokens = new Map<string, string>();
  const nonces = new Map<string, string>();
  let issued = 0;
  let next: Readonly<User> = fakeUser;
  let session: { readonly user: User; readonly claims: IdToken } | undefined;
  let isEnded = false;
  let isDisposed = false;
  const listeners = new Set<{ readonly name: string; readonly listener: (event: object) => unknown }>();
  const tell = (name: keyof ClientEvents, event: ClientEvent & { cause?: string }) => {
    const listening = [...listeners].filter((it) => it.name === name);
    for (const { listener } of listening) listener(event);
  };

  const signIn = (user: Readonly<User> = fakeUser, from: ClientEvent['from'] = 'this') => {
    const before = session;
    const claims = {
      ...user,
      iss: `https://${domain}/`,
      aud: clientId,
      sub: user.sub ?? 'auth0|nameless',
      iat: 1_767_225_600, // 2026-01-01
      exp: endOfTime,
    };
    session = {
      user: Object.freeze({ ...user, sub: claims.sub }),
      claims: Object.freeze({ ...claims, __raw: fakeIdToken(claims) }),
    };
    isEnded = false;
    tokens.clear();
    if (!before) tell('signed_in', { from });
    else if (before.user.sub !== session.user.sub) tell('user_changed', { from });
  };
  const signOut = (from: ClientEvent['from'] = 'this', cause?: string) => {
    const before = session;
    session = undefined;
    isEnded = cause !== undefined;
    tokens.clear();
    if (before && cause !== undefined) tell('session_ended', { from, cause });
    else if (before) tell('signed_out', { from });
  };
  if (options.user) signIn(options.user);

  /** Notes the call, and lets it fail where it is to. */
  async function call<T>(
    method: keyof Auth0Client,
    given: readonly unknown[],
    { signal }: WaitOptions,
    work: () => T | Promise<T>,
  ): Promise<T> {
    calls.push({ method, arguments: given });
    if (isDisposed) throw new DisposedError();
    if (signal?.aborted) throw new AbortError(signal.reason);
    const failure = failures.get(method)?.shift();
    if (failure) throw failure;
    return work();
  }

  const target = ({ authorizationParams, audience = '', scope }: TokenOptions) => ({
    audience: authorizationParams?.audience ?? audience,
    scope: authorizationParams?.scope ?? scope ?? 'openid profile email',
  });

  const make = (wanted: { audience: string; scope: string }): string =>
    options.accessToken?.(wanted) ?? `fake-access-token-${(issued += 1)}`;

  function token(
    given: TokenOptions,
    mode = given.ignoreCache ? 'off' : given.cacheMode,
  ): string | undefined {
    const wanted = target(given);
    const key = JSON.stringify(wanted);
    const held = tokens.get(key);
    if (mode === 'cache-only' || (held !== undefined && mode !== 'off')) return held;
    const made = make(wanted);
    tokens.set(key, made);
    return made;
  }

  function requireSession() {
    if (isEnded) {
      isEnded = false;
      throw new SessionEndedError('refused');
    }
    if (!session) throw new AuthenticationError('login_required', 'Login required', '');
    return session;
  }

  const details = (access_token: string, scope: string): GetTokenSilentlyVerboseResponse => ({
    id_token: session?.claims.__raw ?? '',
    access_token,
    token_type: 'Bearer',
    expires_in: 86_400,
    expires_at: endOfTime,
    scope,
  });

  const exchange = (
    method: 'loginWithCustomTokenExchange' | 'exchangeToken' | 'customTokenExchange',
    given: CustomTokenExchangeOptions,
  ) =>
    call(method, [given], given, () => {
      if (method !== 'customTokenExchange') signIn(next);
      const wanted = { authorizationParams: { audience: given.audience, scope: given.scope } };
      if (method !== 'customTokenExchange') return details(token(wanted, 'off') ?? '', target(wanted).scope);
      return { ...details(make(target(wanted)), target(wanted).scope), id_token: fakeIdToken(next) };
    });

  const address = (path: string, params: object) =>
    `https://${domain}${path}?${new URLSearchParams(
      Object.entries(params).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
    )}`;

  /** Begins a login. Returns where its page would go. */
  const begin = ({ appState, authorizationParams, ...flat }: Partial<V1RedirectLoginOptions>) => {
    const state = `fake-state-${logins.size + 1}`;
    logins.set(state, appState);
    const texts = Object.fromEntries(Object.entries(flat).filter(([, value]) => typeof value === 'string'));
    const params = { ...texts, ...authorizationParams, response_type: 'code', state };
    return address('/authorize', { client_id: clientId, ...params });
  };
  const logoutAddress = ({ returnTo, logoutParams }: V1LogoutUrlOptions) =>
    address('/v2/logout', { client_id: clientId, returnTo, ...logoutParams });

  const methods: FakeAuth0Client = {
    calls,
    signIn: (user) => signIn(user, 'other'),
    signOut: () => signOut('other'),
    endSession: () => signOut('this', 'refused'),
    nextUser: (user) => void (next = user),
    fail: (method, ...errors) => void failures.set(method, [...(failures.get(method) ?? []), ...errors]),

    loginWithRedirect: (given: Partial<V1RedirectLoginOptions<never>> = {}) =>
      call('loginWithRedirect', [given], given, async () => {
        const url = begin(given);
        await (given.openUrl ?? given.onRedirect)?.(url);
      }),
    buildAuthorizeUrl: (given: Partial<V1RedirectLoginOptions<never>> = {}) =>
      call('buildAuthorizeUrl', [given], given, () => begin(given)),
    handleRedirectCallback: <AppState>(url: string | URL = '', given: WaitOptions = {}) =>
      call('handleRedirectCallback', url === '' ? [] : [url], given, () => {
        const query = new URLSearchParams(String(url).split('?')[1]);
        const state = query.get('state') ?? [...logins.keys()].at(-1);
        if (state === undefined || logins.size === 0)
          throw new GenericError('missing_transaction', 'Invalid state');
        if (!logins.has(state)) throw new GenericError('state_mismatch', 'Invalid state');
        const appState = logins.get(state) as AppState; // the caller knows what it has passed
        logins.delete(state);
        const error = query.get('error');
        if (error !== null)
          throw new AuthenticationError(error, query.get('error_description') ?? error, state, appState);
        signIn(next);
        return { appState, response_type: ResponseType.Code } satisfies RedirectLoginResult<AppState>;
      }),
    loginWithPopup: (given = {}, config) =>
      call('loginWithPopup', [given, config], given, () => signIn(next)),
    getTokenWithPopup: (given = {}, config) =>
      call('getTokenWithPopup', [given, config], given, () => {
        signIn(next);
        return token(given, 'off') ?? '';
      }),

    getTokenSilently: ((given: TokenOptions = {}) =>
      call('getTokenSilently', [given], given, () => {
        if (given.cacheMode === 'cache-only' && !session) return undefined;
        requireSession();
        const access_token = token(given);
        if (access_token === undefined || !given.detailedResponse) return access_token;
        return details(access_token, target(given).scope);
      })) as Auth0Client['getTokenSilently'], // what it returns depends on what it is given, which overloads alone can say
    getUser: <TUser extends User>(given: WaitOptions = {}) =>
      call('getUser', [], given, () => session?.user as TUser | undefined), // the test knows whom it has signed in
    getIdTokenClaims: (given = {}) => call('getIdTokenClaims', [], given, () => session?.claims),
    isAuthenticated: (given = {}) => call('isAuthenticated', [], given, () => session !== undefined),
    checkSession: (given = {}) => call('checkSession', [given], given, () => {}),
    logout: (given: V1LogoutOptions = {}) =>
      call('logout', [given], given, async () => {
        signOut();
        const { openUrl = given.onRedirect } = given;
        if (openUrl) await openUrl(logoutAddress(given));
      }),
    buildLogoutUrl: (given = {}) => {
      calls.push({ method: 'buildLogoutUrl', arguments: [given] });
      return logoutAddress(given);
    },
    revokeRefreshToken: (given = {}) => call('revokeRefreshToken', [given], given, () => {}),
    getConfiguration: () => Object.freeze({ domain, clientId }),
    loginWithCustomTokenExchange: (given) => exchange('loginWithCustomTokenExchange', given),
    exchangeToken: (given) => exchange('exchangeToken', given),
    customTokenExchange: (given) => exchange('customTokenExchange', given),
    getDpopNonce: (id) => call('getDpopNonce', id === undefined ? [] : [id], {}, () => nonces.get(id ?? '')),
    setDpopNonce: (nonce, id) =>
      call('setDpopNonce', [nonce, ...(id === undefined ? [] : [id])], {}, () => {
        nonces.set(id ?? '', nonce);
      }),
    generateDpopProof: (params) => call('generateDpopProof', [params], {}, () => 'fake-dpop-proof'),
    createFetcher<TOutput extends CustomFetchMinimalOutput = Response>(
      config: FetcherConfig<TOutput> = {},
    ): Fetcher<TOutput> {
      calls.push({ method: 'createFetcher', arguments: [config] });
      const answer = options.fetch ?? (async () => new Response());
      return {
        async fetchWithAuth(info, init, { audience, scope } = {}) {
          const found = config.getAccessToken
            ? await config.getAccessToken({ audience, scope }, { cacheMode: 'on' })
            : await fake.getTokenSilently({ authorizationParams: { audience, scope: scope?.join(' ') } });
          const bearer = typeof found === 'object' ? found.access_token : found;
          if (!bearer) throw new GenericError('missing_access_token', 'There is no access token to send.');
          const isRelative = typeof info === 'string' && !/^(https?:)?\/\//i.test(info);
          const base = config.baseUrl ?? 'https://api.fake.example';
          const whole = `${base.replace(/\/+$/, '')}/${String(info).replace(/^\/+/, '')}`;
          const request = new Request(isRelative ? whole : info, init);
          request.headers.set('authorization', `Bearer ${bearer}`);
          // Without a `fetch` of the app's own, `TOutput` is the platform's answer.
          return config.fetch ? config.fetch(request) : (answer(request) as unknown as Promise<TOutput>);
        },
      };
    },
    getSessionState: (given = {}) =>
      call('getSessionState', [], given, () => ({
        state: session ? ('active' as const) : ('anonymous' as const),
      })),
    diagnose: (given = {}) =>
      call('diagnose', [], given, () => ({
        cause: undefined,
        state: { state: session ? ('active' as const) : ('anonymous' as const) },
        facts: [],
      })),
    on(name, listener) {
      if (typeof listener !== 'function')
        throw new InvalidConfigurationError('No such event, or no listener.', 'Pass a name and a function.');
      const listening = { name, listener: listener as (event: object) => unknown };
      listeners.add(listening);
      return () => void listeners.delete(listening);
    },
    dispose: () => void (isDisposed = true),
  };
  // For whoever asks `instanceof`: nothing is constructed.
  const fake = Object.assign(Object.create(Auth0Client.prototype) as object, methods);
  return fake;
}
