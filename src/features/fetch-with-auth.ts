/** Requests to APIs with an access token. Loaded by the first call. */
import type {
  AuthParams,
  CacheMode,
  CustomFetchMinimalOutput,
  Fetcher,
  FetcherConfig,
  GetTokenSilentlyOptions,
  GetTokenSilentlyVerboseResponse,
} from '../core/options.ts';
import { isSameIdentity, readSession } from '../core/session.ts';
import { readFunction, readText, type Settings } from '../core/settings.ts';
import { unlessAborted } from '../core/within.ts';
import { loadDpopKey } from '../custody/load-dpop-key.ts';
import type { Environment } from '../environment.ts';
import {
  AbortError,
  GenericError,
  InsufficientUserAuthenticationError,
  InvalidConfigurationError,
  UseDpopNonceError,
} from '../errors.ts';
import { challengeValues } from '../oauth/challenge.ts';

export interface FetcherContext {
  readonly settings: Settings;
  readonly env: Environment;
  /** The client's own. */
  readonly getToken: (
    options: GetTokenSilentlyOptions,
  ) => Promise<GetTokenSilentlyVerboseResponse | undefined>;
}

type Config = FetcherConfig<CustomFetchMinimalOutput>;
type Token = Pick<GetTokenSilentlyVerboseResponse, 'access_token' | 'token_type'> & {
  /** Of who was signed in, where that is known. */
  readonly id_token?: string | undefined;
};

/**
 * Sends a request with a token. Where it is answered 401, it is sent again: once with the nonce that the server wants in a DPoP proof
 * (RFC 9449 §9), and once with a new token. A body that can be read only once is sent once: its 401 is returned.
 */
export async function fetchWithAuth<TOutput extends CustomFetchMinimalOutput>(
  context: FetcherContext,
  config: FetcherConfig<TOutput>,
  [info, init, authParams]: Parameters<Fetcher<TOutput>['fetchWithAuth']>,
): Promise<TOutput> {
  const { env } = context;
  for (const name of ['fetch', 'getAccessToken'] as const) readFunction(name, config[name]);
  const url = addressOf(context, config, info);
  refuseForeign(context, config, url, authParams);
  const signal = init?.signal ?? (isRequest(info) ? info.signal : undefined);
  const mayRepeat = !isStream(init?.body);
  // Without a `fetch` of the app's own it is the platform's, whose answer `TOutput` is then.
  const send = config.fetch ?? (env.fetch as unknown as (request: Request) => Promise<TOutput>);

  let token = await tokenFor(context, config, authParams, 'on', signal);
  let nonce: string | undefined;
  let isChallenged = false;
  let isRenewed = false;
  for (;;) {
    const request = new Request(isRequest(info) ? info.clone() : url, init); // a clone leaves the body for the next one
    await authorize(context, config, request, token, nonce);
    const response = await send(request);
    const told = isDpop(token) ? headerOf(response, 'dpop-nonce') : '';
    if (told) void keepNonce(context, nonceId(config, url), (nonce = told));
    if (response.status !== 401) return response;

    const challenge = headerOf(response, 'www-authenticate');
    const errors = challengeValues(challenge, 'error');
    if (errors.includes('insufficient_user_authentication')) throw stepUp(challenge);
    if (!mayRepeat) return response;
    if (errors.some((error) => /^(use|invalid)_dpop_nonce$/.test(error))) {
      if (isChallenged || !told) throw new UseDpopNonceError(told || undefined);
      isChallenged = true;
      continue;
    }
    if (isRenewed) return response;
    isRenewed = true;
    const renewed = await renewedToken(context, config, authParams, token, signal);
    // What one user sends is not sent as another's, who has signed in meanwhile.
    if (renewed.access_token === token.access_token || !isOfSameUser(renewed, token)) return response;
    token = renewed;
  }
}

/** @throws {InvalidConfigurationError} for an address that is not whole, where there is no `baseUrl`. */
function addressOf({ env }: FetcherContext, { baseUrl }: Config, info: RequestInfo | URL): URL {
  if (isRequest(info)) return readUrl(info.url); // it goes there, whatever the `baseUrl`
  const text = readText('url', info);
  const isWhole = /^(https?:)?\/\//i.test(text);
  if (!isWhole && baseUrl === undefined)
    throw new InvalidConfigurationError(`"${text}" is no whole address.`, 'Pass one, or a "baseUrl".');
  const base = readText('baseUrl', baseUrl ?? '').replace(/\/+$/, '');
  return readUrl(isWhole ? text : `${base}/${text.replace(/^\/+/, '')}`, env.page.url());
}

/** @param page What it may be relative to. */
function readUrl(text: string, page?: string): URL {
  try {
    return new URL(text, page || undefined);
  } catch {
    throw new InvalidConfigurationError(`"${text}" is no address.`, 'Pass a whole one.');
  }
}

/**
 * A token is for those whom the app has named: the origin of `baseUrl`, and `allowedOrigins`; where it has named none, that of the
 * audience, where that is an address.
 *
 * @throws {InvalidConfigurationError}
 */
function refuseForeign(
  { settings, env }: FetcherContext,
  { baseUrl, allowedOrigins = [] }: Config,
  { origin, protocol, username, password }: URL,
  authParams: AuthParams | undefined,
): void {
  if (username !== '' || password !== '')
    throw new InvalidConfigurationError('The address names a user.', 'Leave that out.'); // `fetch` takes none such

  const named = [allowedOrigins].flat().map((it) => readUrl(readText('allowedOrigins', it)));
  if (baseUrl !== undefined) named.push(readUrl(readText('baseUrl', baseUrl), env.page.url()));
  const audience = readText('audience', authParams?.audience ?? settings.authorizationParams.audience ?? '');
  if (named.length === 0 && /^https?:\/\//i.test(audience)) named.push(readUrl(audience));
  // The origin of `blob:` is that of the page that made it.
  if (!/^https?:$/.test(protocol) || !named.some((it) => it.origin === origin))
    throw new InvalidConfigurationError(
      `No token is sent to ${origin}.`,
      'Pass a "baseUrl" there, or name it in "allowedOrigins".',
    );
}

/** One that is not the refused one: another call may have renewed it meanwhile. */
async function renewedToken(
  context: FetcherContext,
  config: Config,
  authParams: AuthParams | undefined,
  refused: Token,
  signal: AbortSignal | undefined,
): Promise<Token> {
  if (!config.getAccessToken) {
    const current = await tokenFor(context, config, authParams, 'on', signal);
    if (current.access_token !== refused.access_token) return current;
  }
  return tokenFor(context, config, authParams, 'off', signal);
}

/** @throws {GenericError} `missing_access_token`, where the app's own function brings none. */
async function tokenFor(
  { settings, getToken }: FetcherContext,
  { getAccessToken, dpopNonceId }: Config,
  authParams: AuthParams | undefined,
  cacheMode: CacheMode,
  signal: AbortSignal | undefined,
): Promise<Token> {
  const { audience, scope } = authParams ?? {};
  const found = getAccessToken
    ? await unlessAborted(
        signal,
        () => getAccessToken(authParams, { cacheMode }),
        (reason) => new AbortError(reason),
      )
    : await getToken({
        authorizationParams: { audience, scope: scope && readScope(scope) },
        cacheMode,
        signal,
      });
  const bound = settings.useDpop && dpopNonceId !== undefined;
  const token: Partial<Token> = typeof found === 'string' ? { access_token: found } : (found ?? {});
  const { access_token, token_type = bound ? 'DPoP' : 'Bearer', id_token } = token;
  if (!access_token) throw new GenericError('missing_access_token', 'There is no access token to send.');
  return { access_token, token_type, id_token };
}

const readScope = (names: string[]): string =>
  [names]
    .flat()
    .map((name) => readText('scope', name))
    .join(' ');

/** True where nobody can tell, too: of a token that the app's own function brings. */
function isOfSameUser({ id_token: one }: Token, { id_token: other }: Token): boolean {
  const session = one && other ? readSession(one) : undefined;
  return !session || isSameIdentity(session, readSession(other ?? ''));
}

/**
 * @throws {StorageError} | {GenericError} where a token is bound to a key, and no proof can be made; `missing_access_token`, for
 * what no header can hold.
 */
async function authorize(
  { settings, env }: FetcherContext,
  config: Config,
  { url, method, headers }: Request,
  token: Token,
  wanted: string | undefined,
): Promise<void> {
  try {
    headers.set('authorization', `${token.token_type} ${token.access_token}`);
  } catch {
    throw new GenericError('missing_access_token', 'What is to be sent is no token.'); // the cause may quote it
  }
  if (!isDpop(token)) return;
  const key = await loadDpopKey(settings, env);
  const nonce = wanted ?? (await key.nonce(nonceId(config, new URL(url))));
  headers.set('dpop', await key.prove({ url, method, nonce, accessToken: token.access_token }));
}

const isDpop = ({ token_type }: Token): boolean => token_type.toLowerCase() === 'dpop';

const nonceId = ({ dpopNonceId }: Config, { origin }: URL): string => dpopNonceId ?? origin;

/** Nothing waits for it, and nothing depends on it: without it the server tells its nonce again. */
async function keepNonce({ settings, env }: FetcherContext, id: string, nonce: string): Promise<void> {
  const kept = loadDpopKey(settings, env).then((key) => key.keepNonce(nonce, id));
  await kept.catch(() => {});
}

/** RFC 9470 §3. */
function stepUp(challenge: string): InsufficientUserAuthenticationError {
  const [acr_values] = challengeValues(challenge, 'acr_values');
  const [max_age = ''] = challengeValues(challenge, 'max_age');
  return new InsufficientUserAuthenticationError(
    acr_values,
    /^\d+$/.test(max_age) ? Number(max_age) : undefined,
  );
}

/** Headers as whatever an app's own `fetch` has for them. `''`: it is not there. */
function headerOf(output: CustomFetchMinimalOutput, name: string): string {
  const headers = (output.headers as typeof output.headers | undefined) ?? {};
  if (!Array.isArray(headers) && typeof headers.get === 'function') return headers.get(name) ?? '';
  const pairs = Array.isArray(headers) ? headers : Object.entries(headers as Record<string, unknown>);
  const value: unknown = pairs.find(([known]) => known.toLowerCase() === name)?.[1];
  return readText(name, value ?? '');
}

const isRequest = (info: RequestInfo | URL | null): info is Request =>
  typeof info === 'object' && info !== null && 'url' in info && 'clone' in info;

/** What can be read only once. */
const isStream = (body: unknown): boolean =>
  typeof body === 'object' && body !== null && ('getReader' in body || Symbol.asyncIterator in body);
