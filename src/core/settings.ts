/** Options, normalised once at the door. Everything behind it reads these settings and doubts them no more. */
import type { Milliseconds, Seconds } from '../clock.ts';
import { InvalidConfigurationError } from '../errors.ts';
import { isText } from '../oauth/json.ts';
import { joinScopes } from '../oauth/scope.ts';
import type {
  Auth0ClientOptions,
  AuthorizationParams,
  CacheLocation,
  ClientConfiguration,
  ClientAuthorizationParams,
  WorkerUrl,
} from './options.ts';

export interface Settings {
  /** As the app gave it. */
  readonly configuration: ClientConfiguration;
  /** scheme://host[:port], without a slash at its end. */
  readonly domainUrl: string;
  /** What this provider is called in names of what is stored: its host, or its issuer where another one is given. */
  readonly domain: string;
  readonly clientId: string;
  readonly issuer: string;
  /** The endpoints are where the provider's discovery document says. */
  readonly discovery: boolean;
  readonly verifyIdTokenSignature: boolean;
  readonly authorizationParams: AuthorizationParams;
  /** What is asked for of the audiences that the app names one by one; of any other, what the parameters say. */
  readonly scopes: ReadonlyMap<string, string>;
  /** `custom`: in a cache of the app's own. */
  readonly cacheLocation: CacheLocation | 'custom';
  readonly useRefreshTokens: boolean;
  /** One refresh token for all audiences that the tenant's policies name. */
  readonly useMrrt: boolean;
  /** Tokens are bound to a key of this browser (RFC 9449). */
  readonly useDpop: boolean;
  /** What to do with no refresh token: `default` and `on` try the iframe, and differ in how its failure is reported. */
  readonly fallback: 'default' | 'on' | 'off';
  readonly leeway: Seconds;
  /** How long before it has to be, a token is renewed; 0: it is not. */
  readonly refreshAhead: Seconds;
  /** How long a caller waits for an exchange. */
  readonly callerLimit: Milliseconds;
  /** How long one exchange may take: an answer within it is kept, whoever still waits. */
  readonly exchangeLimit: Milliseconds;
  /** How long the iframe may take in all, and a user in a popup. */
  readonly frameLimit: Milliseconds;
  /** Absent: the page holds its refresh tokens itself. */
  readonly worker: WorkerSettings | undefined;
  readonly revokeOnLogout: boolean;
  /** Of all cookies. `legacy`: each has a twin for browsers that do not know `SameSite=None`. */
  readonly cookie: {
    readonly days: number;
    readonly domain: string | undefined;
    readonly legacy: boolean;
  };
  readonly useCookiesForTransactions: boolean;
  readonly useFormData: boolean;
  /** Absent: the tenant is not told who calls. */
  readonly telemetry: Telemetry | undefined;
  /** Absent: the machine's own clock. */
  readonly nowProvider: Auth0ClientOptions['nowProvider'];
  readonly onTrace: Auth0ClientOptions['onTrace'];
  /** As the app gave it: judged where a popup is opened. */
  readonly popupCallbackUrl: string | undefined;
}

export interface WorkerSettings {
  /** Absent: a blob. */
  readonly url: WorkerUrl | undefined;
  readonly fallback: 'page' | 'error';
}

/** What `auth0Client` is on the wire: base64 of JSON, in an address and as a header. */
export interface Telemetry {
  readonly query: string;
  readonly header: string;
}

const seconds = (value: Seconds): Milliseconds => value * 1000;

/** Three times what a caller waits by default, and never less than what it was told to wait. */
const shortestExchangeLimit = seconds(30);

/** @throws {InvalidConfigurationError} for a missing domain or client id, an unknown cache location, a limit that is no time. */
export function readSettings(options: Auth0ClientOptions): Settings {
  const domainUrl = readDomain(options.domain);
  const { clientId, cache } = options;
  if (typeof clientId !== 'string' || clientId === '')
    throw new InvalidConfigurationError('"clientId" is missing.', "Pass your application's.");
  const cacheLocation = readChoice('cacheLocation', options.cacheLocation, cacheLocations);
  if (cache && typeof cache.get !== 'function') throw new InvalidConfigurationError('"cache" is no cache.');
  const useRefreshTokens = options.useRefreshTokens === true;
  readChoice('refreshTokenMode', options.refreshTokenMode, ['offline']);
  const workerFallback = readChoice('workerFallback', options.workerFallback, ['page', 'error'] as const);
  const ownLocation = cache && (cacheLocations.find((it) => it === cache.location) ?? 'custom');
  const location = ownLocation || cacheLocation;
  const hasWorker = useRefreshTokens && location === 'memory' && options.worker !== false;
  const callerLimit = seconds(readLimit('httpTimeoutInSeconds', options.httpTimeoutInSeconds, 10) || 10);
  const { scope: given, ...params } = options.authorizationParams ?? {};
  const { default: scope, ...scopes } = readScopes(given);
  const whole = (text: string) => joinScopes('openid', text, useRefreshTokens ? 'offline_access' : undefined);
  const issuer = readIssuer(options.issuer) ?? `${domainUrl}/`;
  return {
    configuration: Object.freeze({ domain: options.domain, clientId }),
    domainUrl,
    domain: issuer === `${domainUrl}/` ? new URL(domainUrl).host : issuer,
    clientId,
    issuer,
    discovery: readFlag('discovery', options.discovery),
    verifyIdTokenSignature: readFlag('verifyIdTokenSignature', options.verifyIdTokenSignature),
    authorizationParams: { ...readParams(params), scope: whole(scope) },
    scopes: new Map(Object.entries(scopes).map(([audience, text]) => [audience, whole(text)])),
    cacheLocation: location,
    useRefreshTokens,
    useMrrt: options.useMrrt === true,
    useDpop: readFlag('useDpop', options.useDpop),
    fallback:
      options.useRefreshTokensFallback === undefined
        ? 'default'
        : options.useRefreshTokensFallback
          ? 'on'
          : 'off',
    leeway: readLimit('leeway', options.leeway, 60),
    refreshAhead: readLimit('refreshAheadInSeconds', options.refreshAheadInSeconds, 0),
    callerLimit,
    exchangeLimit: Math.max(shortestExchangeLimit, callerLimit),
    frameLimit: seconds(readLimit('authorizeTimeoutInSeconds', options.authorizeTimeoutInSeconds, 60)),
    worker: hasWorker ? { url: options.workerUrl || undefined, fallback: workerFallback } : undefined,
    revokeOnLogout: options.revokeOnLogout !== false,
    cookie: {
      days: readLimit('sessionCheckExpiryDays', options.sessionCheckExpiryDays, 1) || 1,
      domain: options.cookieDomain ? readText('cookieDomain', options.cookieDomain) : undefined,
      legacy: options.legacySameSiteCookie !== false,
    },
    useCookiesForTransactions: options.useCookiesForTransactions === true,
    useFormData: options.useFormData !== false,
    telemetry: readTelemetry(options.auth0Client),
    nowProvider: readFunction('nowProvider', options.nowProvider),
    onTrace: readFunction('onTrace', options.onTrace),
    popupCallbackUrl: options.popupCallbackUrl,
  };
}

/**
 * The name under which something of this client is stored. Pieces are encoded, so that no client id and no audience can
 * imitate another's name; `1` is the version of the format behind all of these names. Names are written, never parsed.
 */
export const storageName = (settings: Settings, ...pieces: readonly string[]): string =>
  ['latchkey', '1', settings.domain, settings.clientId, ...pieces].map(encode).join('/');

function encode(piece: string): string {
  try {
    return encodeURIComponent(piece);
  } catch {
    throw new InvalidConfigurationError('A client id or audience is no text.'); // half a surrogate pair is in it
  }
}

/** A limit in seconds out of what the caller gave. @throws {InvalidConfigurationError} for what is no time. */
export function readLimit(name: string, value: Seconds | undefined, otherwise: Seconds): Seconds {
  if (value === undefined) return otherwise;
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0)
    throw new InvalidConfigurationError(
      `"${name}" is no number of zero or more.`,
      `Leave it out for ${otherwise}.`,
    );
  return value;
}

/**
 * Parameters as they go on the wire: texts. `undefined` and `null` for all of them say nothing; of one, `undefined` says
 * nothing, and `null` leaves it out.
 * @throws {InvalidConfigurationError} for a value that no text can be made of.
 */
export const readParams = (params: object | null | undefined): AuthorizationParams =>
  Object.fromEntries(
    Object.entries(params ?? {})
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, value === null ? value : readText(name, value)]),
  );

/** The text of what the caller gave, where that is not a text already. @throws {InvalidConfigurationError} for what has none. */
export function readText(name: string, value: unknown): string {
  try {
    return ''.concat(value as string); // unlike `String`, refuses symbols
  } catch {
    throw new InvalidConfigurationError(`"${name}" is no text.`);
  }
}

/** What the app gave to be called, if it did. @throws {InvalidConfigurationError} for what is no function. */
export function readFunction<T extends (...args: never[]) => unknown>(
  name: string,
  value: T | undefined,
): T | undefined {
  if (value === undefined || typeof value === 'function') return value;
  throw new InvalidConfigurationError(`"${name}" is no function.`);
}

/** Only what Auth0 knows is told, and what an app's environment is not where addresses are kept. */
function readTelemetry(given: Auth0ClientOptions['auth0Client']): Telemetry | undefined {
  if (given === undefined) return undefined;
  const { name, version, env } = Object(given) as Record<string, unknown>;
  if (!isText(name)) throw new InvalidConfigurationError('"auth0Client" has no name.');
  const caller = { name, version: isText(version) || typeof version === 'number' ? version : undefined };
  const told = { ...caller, env: typeof env === 'object' && env !== null ? env : undefined };
  try {
    return { query: base64Json(caller), header: base64Json(told) };
  } catch {
    throw new InvalidConfigurationError('"auth0Client" is no JSON.');
  }
}

const base64Json = (value: object): string =>
  btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(value))));

/** What is asked for, by audience; `default`: of any other. */
function readScopes(
  given: ClientAuthorizationParams['scope'] | null,
): Readonly<Record<string, string>> & { readonly default: string } {
  if (typeof given !== 'object' || Array.isArray(given))
    return { default: readText('scope', given ?? 'openid profile email') };
  return {
    default: '',
    ...Object.fromEntries(
      Object.entries(given ?? {})
        .filter(([, text]) => text != null) // it says nothing
        .map(([audience, text]) => [audience, readText('scope', text)]),
    ),
  };
}

const cacheLocations = ['memory', 'localstorage'] as const satisfies CacheLocation[];

/** One of several; the first where nothing is said. @throws {InvalidConfigurationError} for any other. */
export function readChoice<const T extends string>(name: string, value: unknown, choices: readonly T[]): T {
  const choice = choices.find((it) => it === (value ?? choices[0]));
  if (choice !== undefined) return choice;
  throw new InvalidConfigurationError(
    `Invalid ${name} "${readText(name, value)}".`,
    `Use "${choices.join('" or "')}".`,
  );
}

/** Where `'true'` would otherwise count as `false`, and nobody hear of it. */
function readFlag(name: string, value: unknown): boolean {
  const flag = value ?? false;
  if (typeof flag === 'boolean') return flag;
  throw new InvalidConfigurationError(`"${name}" is no boolean.`);
}

/** An address as it is, whatever stands behind its host; else the name of a host. */
function readIssuer(issuer: unknown): string | undefined {
  if (issuer === undefined || issuer === null || issuer === '') return undefined;
  const text = readText('issuer', issuer);
  const address = isAddress(text) ? text : `https://${text}/`;
  const { search = '?', hash } = urlOf(address) ?? {};
  if (search === '' && hash === '') return address;
  throw new InvalidConfigurationError('"issuer" is no address.');
}

function readDomain(domain: unknown): string {
  const text = isText(domain) ? domain : '';
  const { origin = '', href } = urlOf(isAddress(text) ? text : `https://${text}`) ?? {};
  if (href === `${origin}/`) return origin;
  throw new InvalidConfigurationError(
    `"domain" is no domain: "${text}".`,
    'Pass one such as "tenant.eu.auth0.com".',
  );
}

const isAddress = (text: string): boolean => /^https?:\/\//.test(text);

function urlOf(address: string): URL | undefined {
  try {
    return new URL(address);
  } catch {
    return undefined;
  }
}
