/** A provider's discovery document (OpenID Connect Discovery 1.0 §4, RFC 8414), and its logout. Loaded by apps that ask for it. */
import type { Milliseconds } from '../clock.ts';
import { createBackOff, withWish } from '../core/back-off.ts';
import type { Endpoints, FindEndpoints } from '../core/endpoints.ts';
import { storageName, type Settings } from '../core/settings.ts';
import { waitAskedFor } from '../core/token-response.ts';
import type { Environment } from '../environment.ts';
import { GenericError, InvalidConfigurationError, NetworkError } from '../errors.ts';
import { isText, parseJsonObject } from '../oauth/json.ts';
import { logoutUrl, type LogoutRequest } from '../oauth/logout-endpoint.ts';

/** How long the request may take. */
const discoveryLimit: Milliseconds = 10_000;

/** How long what it said is used before it is asked for again. */
const documentLife: Milliseconds = 3_600_000;

interface Known {
  readonly endpoints: Endpoints;
  readonly fetchedAt: Milliseconds;
}

/**
 * Tells where the endpoints are: as the document says that is at the issuer, or as it said within the last hour, or earlier to this
 * page where it cannot be had now. With `cacheLocation: 'localstorage'` other page loads know for that hour, too.
 *
 * @param signal Aborted: the client was disposed of.
 * @throws {NetworkError} when the document cannot be had, and never could; `backing_off`, where it is not asked for just now.
 * @throws {GenericError} `discovery_failed`, with the `reason` `issuer_mismatch` when it is another issuer's, or `malformed` when it
 * names no endpoints that can be used.
 */
export function createDiscovery(
  settings: Settings,
  env: Pick<Environment, 'clock' | 'http' | 'localStorage' | 'timers' | 'page' | 'cryptography'>,
  signal: AbortSignal,
): FindEndpoints {
  const { clock, http, localStorage } = env;
  const name = storageName(settings, 'discovery');
  const isShared = settings.cacheLocation === 'localstorage';
  const backOff = createBackOff(env, signal);
  let known: Known | undefined;
  let asking: Promise<Known> | undefined;

  return async (patience) => {
    const found = recall();
    if (found) return found;
    await backOff.turn(patience);
    return recall() ?? (await ask());
  };

  /** What may be used as it is; while the document is not asked for, also what is old. */
  function recall(): Endpoints | undefined {
    const isFresh = ({ fetchedAt }: Known) => Math.abs(clock.now() - fetchedAt) < documentLife;
    known ??= [load()].find((it) => it && isFresh(it));
    return known && (isFresh(known) || backOff.isPaused()) ? known.endpoints : undefined;
  }

  /** Once for all who ask at the same time. */
  async function ask(): Promise<Endpoints> {
    asking ??= backOff.follow(fetchDocument).finally(() => (asking = undefined));
    try {
      known = await asking;
    } catch (error) {
      // What is nobody's document tells nothing of the provider.
      if ((error as GenericError).reason === 'issuer_mismatch') known = undefined;
      if (!known) throw error;
    }
    return known.endpoints;
  }

  async function fetchDocument(): Promise<Known> {
    const fetchedAt = clock.now();
    const url = `${settings.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const answer = await http.get(url, { limit: discoveryLimit }).catch((cause: unknown) => {
      throw unreachable('No answer', cause);
    });
    const { status } = answer;
    if (status >= 500 || status === 408 || status === 429) {
      const error = unreachable(`No usable answer (HTTP status ${status})`);
      throw withWish(error, waitAskedFor(answer, fetchedAt));
    }
    const document = status === 200 ? parseJsonObject(answer.body) : undefined;
    if (!document) return failed('malformed', `There is none at ${url} (HTTP status ${status}).`);
    const endpoints = readDocument(document, settings);
    save(document, fetchedAt);
    return { endpoints, fetchedAt };
  }

  /** Judged like one that has just come: any page of the origin may have written it. */
  function load(): Known | undefined {
    try {
      const document = parseJsonObject((isShared && localStorage.get(name)) || '') ?? {};
      return { endpoints: readDocument(document, settings), fetchedAt: Number(document['fetchedAt']) };
    } catch {
      return undefined;
    }
  }

  function save(document: Record<string, unknown>, fetchedAt: Milliseconds): void {
    if (!isShared) return;
    const kept = ['issuer', ...Object.values(wireNames)].map((member) => [member, document[member]] as const);
    try {
      localStorage.set(name, JSON.stringify({ ...Object.fromEntries(kept), fetchedAt }));
    } catch {
      // The next page load asks again.
    }
  }
}

const wireNames = {
  authorize: 'authorization_endpoint',
  token: 'token_endpoint',
  revoke: 'revocation_endpoint',
  endSession: 'end_session_endpoint',
  keys: 'jwks_uri',
  namesIssuer: 'authorization_response_iss_parameter_supported',
} as const satisfies Record<keyof Endpoints, string>;

function readDocument(
  document: Record<string, unknown>,
  { issuer, verifyIdTokenSignature }: Settings,
): Endpoints {
  const found = document['issuer'];
  if (found !== issuer)
    failed('issuer_mismatch', `Expected "${issuer}", found "${isText(found) ? found : typeof found}".`);
  const optional = (member: keyof Endpoints): string | undefined => {
    const value = document[wireNames[member]];
    if (value === undefined || isAddress(value, issuer)) return value;
    return failed('malformed', `Its ${wireNames[member]} is no address that can be used.`);
  };
  const required = (member: keyof Endpoints): string =>
    optional(member) ?? failed('malformed', `It has no ${wireNames[member]}.`);
  return {
    authorize: required('authorize'),
    token: required('token'),
    revoke: optional('revoke'),
    endSession: optional('endSession'),
    keys: (verifyIdTokenSignature ? required : optional)('keys'),
    namesIssuer: document[wireNames.namesIssuer] === true,
  };
}

/** An absolute one that a request can go to, with a query behind it (RFC 6749 §3.1), and none that leads from TLS to the open. */
function isAddress(value: unknown, issuer: string): value is string {
  if (!isText(value) || value.includes('#')) return false;
  try {
    const { protocol, username, password } = new URL(value);
    if (username !== '' || password !== '') return false;
    return protocol === 'https:' || (protocol === 'http:' && issuer.startsWith('http:'));
  } catch {
    return false;
  }
}

/**
 * The address of a logout (OpenID Connect RP-Initiated Logout 1.0 §2). `returnTo` goes by its name there; what else an app passes
 * goes as it is. A provider that has no logout is not told; the page goes where it would return to, if anywhere: no provider has
 * looked at that address then.
 *
 * @throws {InvalidConfigurationError} where that would be a script.
 */
export function endSessionUrl(
  { endSession }: Endpoints,
  { returnTo, ...request }: LogoutRequest,
  idToken: string | undefined,
): string | undefined {
  if (endSession === undefined && isScript(returnTo))
    throw new InvalidConfigurationError('"returnTo" is a script.', 'Pass an address.');
  return endSession === undefined
    ? returnTo
    : logoutUrl(endSession, { id_token_hint: idToken, post_logout_redirect_uri: returnTo, ...request });
}

function isScript(address: string | undefined): boolean {
  try {
    return new URL(address ?? '').protocol === 'javascript:';
  } catch {
    return false; // it is relative
  }
}

const unreachable = (what: string, cause?: unknown): NetworkError =>
  new NetworkError('unreachable', `${what} to the request for the discovery document.`, cause);

function failed(reason: 'issuer_mismatch' | 'malformed', detail: string): never {
  const description = `The discovery document was refused (${reason}). ${detail}`;
  throw new GenericError('discovery_failed', description, { reason });
}
