/** The spellings of auth0-spa-js v1, turned into v2's. They mean what they meant there. */
import type {
  Auth0ClientOptions,
  AuthorizationParams,
  GetTokenSilentlyOptions,
  GetTokenWithPopupOptions,
  LogoutOptions,
  LogoutUrlOptions,
  PopupLoginOptions,
  RedirectLoginOptions,
  Unchecked,
  WaitOptions,
} from '../core/options.ts';
import { readText } from '../core/settings.ts';
import { InvalidConfigurationError } from '../errors.ts';
import { joinScopes } from '../oauth/scope.ts';

/** Authorization parameters at the top level. */
type FlatParams = Pick<AuthorizationParams, (typeof flatParameters)[number]>;

/**
 * Options of v1's `createAuth0Client`: the client id by its wire name, authorization parameters at the top level. What is no
 * option of a client is such a parameter too, as long as it is a text, a number or a boolean.
 */
export interface V1ClientOptions
  extends Omit<Auth0ClientOptions, 'clientId' | 'authorizationParams'>, FlatParams {
  client_id: string;
  clientId?: string | undefined;
  authorizationParams?: AuthorizationParams | undefined;
  /** `defaultScope` is asked for besides any scope. Default: `openid profile email`; `openid` always is. */
  advancedOptions?: { defaultScope?: string | undefined } | undefined;
  [parameter: string]: unknown;
}

/**
 * Parameters at the top level of a call. Of those that are not listed, the types know the names with an underscore only, so that
 * a misspelt option does not compile; and only a client that was made with `client_id` sends them.
 */
export interface V1CallParams extends FlatParams {
  [parameter: `${string}_${string}`]: unknown;
}

export interface V1RedirectLoginOptions<AppState = Unchecked>
  extends RedirectLoginOptions<AppState>, V1CallParams {
  /** `replace` leaves no entry of this page in the browser's history. Default: `assign`. */
  redirectMethod?: 'assign' | 'replace' | undefined;
}

export interface V1PopupLoginOptions extends PopupLoginOptions, V1CallParams {}

export interface V1GetTokenSilentlyOptions extends GetTokenSilentlyOptions, V1CallParams {
  /** `true` is `cacheMode: 'off'`. */
  ignoreCache?: boolean | undefined;
}

export interface V1GetTokenWithPopupOptions extends GetTokenWithPopupOptions, V1CallParams {
  /** Means nothing here. */
  ignoreCache?: boolean | undefined;
}

export interface V1LogoutUrlOptions extends LogoutUrlOptions {
  client_id?: string | null | undefined;
  returnTo?: string | undefined;
  federated?: boolean | undefined;
}

export interface V1LogoutOptions extends LogoutOptions, V1LogoutUrlOptions {
  /** `true` is `openUrl: false`. */
  localOnly?: boolean | undefined;
}

/** Accepted, and without a meaning: there is one user, whatever tokens there are. */
export interface GetUserOptions extends WaitOptions {
  audience?: string | undefined;
  scope?: string | undefined;
}

/** As `GetUserOptions`. */
export interface GetIdTokenClaimsOptions extends GetUserOptions {}

const flatParameters = [
  'scope',
  'audience',
  'redirect_uri',
  'display',
  'prompt',
  'max_age',
  'ui_locales',
  'id_token_hint',
  'screen_hint',
  'login_hint',
  'acr_values',
  'connection',
  'organization',
  'invitation',
] as const;

/** What a client is told that is no parameter: every option of auth0-spa-js, and those of latchkey's own. */
const clientOptions = [
  'domain',
  'clientId',
  'issuer',
  'authorizationParams',
  'leeway',
  'cache',
  'cacheLocation',
  'useRefreshTokens',
  'useRefreshTokensFallback',
  'useMrrt',
  'refreshTokenMode',
  'useDpop',
  'authorizeTimeoutInSeconds',
  'httpTimeoutInSeconds',
  'useFormData',
  'useCookiesForTransactions',
  'legacySameSiteCookie',
  'sessionCheckExpiryDays',
  'cookieDomain',
  'nowProvider',
  'worker',
  'workerUrl',
  'workerFallback',
  'auth0Client',
  'popupCallbackUrl',
  'revokeOnLogout',
  'discovery',
  'verifyIdTokenSignature',
  'refreshAheadInSeconds',
  'onTrace',
] as const;

/** Does not compile while the list above lacks an option. */
type Unlisted = Exclude<keyof Auth0ClientOptions, (typeof clientOptions)[number]>;
const names: readonly (Unlisted extends never ? string : never)[] = clientOptions;

/** The same of calls, logouts among them. */
const callOptions: readonly string[] = (
  'signal authorizationParams appState fragment openUrl onRedirect cacheMode timeoutInSeconds minValiditySeconds ' +
  'detailedResponse redirectMethod clientId logoutParams'
).split(' ');

/**
 * Options in v2's spelling; the very same where nothing is spelt as in v1. With `client_id`, v1's defaults hold: `openid profile
 * email`, or `advancedOptions.defaultScope`, is asked for besides any scope, and the iframe is a declared fallback.
 * @throws {InvalidConfigurationError} when both spellings are given and differ.
 */
export function toV2Options(options: Auth0ClientOptions | V1ClientOptions): Auth0ClientOptions {
  if (!('client_id' in options)) return options;
  const { client_id, advancedOptions, ...rest } = options;
  if ((client_id as string | undefined) === undefined) return options as Auth0ClientOptions; // says nothing
  const clientId = agreed('client_id', client_id, 'clientId', rest.clientId);
  const given = gather(rest, 'authorizationParams', flatParameters, names);
  const { defaultScope = 'openid profile email' } = advancedOptions ?? {};
  const asked = given.authorizationParams?.scope as unknown;
  // By audience, as v2 takes scopes, they stand for themselves.
  const scope =
    typeof asked === 'object' && asked !== null
      ? asked
      : joinScopes(readText('advancedOptions.defaultScope', defaultScope), readText('scope', asked ?? ''));
  return {
    useRefreshTokensFallback: true,
    ...given,
    clientId,
    authorizationParams: { ...given.authorizationParams, scope },
  } as Auth0ClientOptions;
}

/** How the client that is called was made. */
export interface Called {
  /** With `client_id`. */
  readonly isV1: boolean;
}

/**
 * The options of a login or of a call for a token, in v2's spelling.
 * @throws {InvalidConfigurationError} when both spellings are given and differ.
 */
export function toV2Call<T extends object>({ isV1 }: Called, options: T): T {
  const { ignoreCache, ...rest } = options as V1AnyCall;
  const given: V1AnyCall = gather(
    rest,
    'authorizationParams',
    flatParameters,
    isV1 ? callOptions : undefined,
  );
  if (ignoreCache !== undefined) {
    const cacheMode = ignoreCache ? 'off' : 'on';
    given.cacheMode = agreed('ignoreCache', cacheMode, 'cacheMode', given.cacheMode);
  }
  return given as T; // the same members, and those that they stand for
}

type V1AnyCall = Partial<V1RedirectLoginOptions & V1GetTokenSilentlyOptions>;

/**
 * The options of a logout in v2's spelling.
 * @throws {InvalidConfigurationError} when both spellings are given and differ, and for `localOnly` with `federated`.
 */
export function toV2Logout({ isV1 }: Called, options: V1LogoutOptions): LogoutOptions {
  const { client_id, localOnly, ...rest } = options;
  const given: LogoutOptions = gather(
    rest,
    'logoutParams',
    ['returnTo', 'federated'],
    isV1 ? callOptions : undefined,
  );
  const clientId = agreed('client_id', client_id, 'clientId', given.clientId);
  if (!localOnly) return { ...given, clientId };
  if (given.logoutParams?.federated)
    throw new InvalidConfigurationError('"localOnly" and "federated" are both given.', 'Pass one of them.');
  return { ...given, clientId, openUrl: agreed('localOnly', false, 'openUrl', given.openUrl) };
}

/**
 * The options, with the parameters among them moved into `member`: those that are `listed`, and, where it is known what else is
 * none, every other text, number or boolean. An event that comes in as options brings no more than that.
 */
function gather<T extends object>(
  options: T,
  member: 'authorizationParams' | 'logoutParams',
  listed: readonly string[],
  others: readonly string[] | undefined,
): T & { authorizationParams?: AuthorizationParams } {
  const isParameter = ([name, value]: readonly [string, unknown]): boolean =>
    listed.includes(name) || (others?.includes(name) === false && Object(value) !== value);
  const entries = Object.entries(options);
  // Not written one by one: `__proto__`, as JSON may hold it, is a member like another then.
  const rest = Object.fromEntries(entries.filter((it) => !isParameter(it))) as Record<string, unknown>;
  const given = (rest[member] ?? {}) as Record<string, unknown>;
  const params = Object.fromEntries(
    entries
      .filter(isParameter)
      .map(([name, value]) => [name, agreed(name, value, `${member}.${name}`, given[name])]),
  );
  return { ...rest, [member]: { ...given, ...params } } as T;
}

/** What is said in one spelling, or in both alike; `undefined` says nothing. */
function agreed<T>(name: string, value: T, otherName: string, other: T): T {
  if (value !== undefined && other !== undefined && value !== other) throw differ(name, otherName);
  return value === undefined ? other : value;
}

const differ = (name: string, other: string): InvalidConfigurationError =>
  new InvalidConfigurationError(`"${name}" and "${other}" are both given and differ.`, 'Pass one of them.');
