/**
 * The signature of ID tokens (OIDC Core §3.1.3.7 (6) to (8)): RS256, by a key of the issuer's JWK Set (RFC 7517 §5). Loaded by those
 * apps only that ask for it.
 *
 * The keys are fetched before a code or a refresh token is spent, so that where they cannot be had nothing is; what is spent is
 * then judged without waiting for the network.
 */
import type { Milliseconds } from '../clock.ts';
import { createBackOff, withWish } from '../core/back-off.ts';
import type { FindEndpoints } from '../core/endpoints.ts';
import { waitAskedFor } from '../core/token-response.ts';
import type { Environment } from '../environment.ts';
import { InvalidIdTokenError, NetworkError, type GenericError } from '../errors.ts';
import { decodeBase64url } from '../oauth/decode-base64url.ts';
import { isText, parseJsonObject } from '../oauth/json.ts';
import { decodeJwt } from '../oauth/jwt.ts';
import type { Custody, Redeemed } from './custody.ts';

export interface IdTokenSignatures {
  /**
   * Settles when there are keys.
   * @param patience How long it may take until they may be asked for, where that fails again and again; absent: the user asks, and is
   * not kept waiting.
   * @throws {NetworkError} `unreachable`, when they cannot be had, or `backing_off`.
   */
  prepare(patience?: Milliseconds): Promise<void>;
  /**
   * What is wrong with the signature of `idToken`, by the keys that are there. `signature`: no key of that name has made it.
   * `unknown_key`, which is retryable: its key is not among them. `malformed`, `algorithm`: there is none to be judged.
   */
  problemOf(idToken: string): Promise<InvalidIdTokenError | undefined>;
  /**
   * What the `exchange` of `code` brings, once its signature is good. Where that cannot be judged, it is held, and another call for the
   * same code judges it anew and sends nothing; a later exchange that brings what is good discards it.
   * @throws {InvalidIdTokenError} as `problemOf()`; what came is discarded, unless that is retryable
   * @throws {NetworkError} as `prepare()`
   */
  redeem(code: string, exchange: () => Promise<Redeemed>): Promise<Redeemed>;
  /** Discards what is held. */
  forget(): Promise<void>;
  /** Whether the keys may be fetched anew because one was unknown: once in a while, whatever tokens come. */
  mayRenew(): boolean;
  /** Does so, once for all who ask meanwhile. @throws {NetworkError} as `prepare()` */
  renew(): Promise<void>;
}

/** How long a request for the keys may take. */
const keysLimit: Milliseconds = 5000;

/** How long keys are used before they are asked for again: one that was withdrawn is believed no longer than that. */
const keysLife: Milliseconds = 600_000;

/** How long after they were fetched for an unknown key they are not again, whatever is asked: a forger may name any. */
const coolDown: Milliseconds = 30_000;

export function createIdTokenSignatures({
  endpoints,
  discard,
  signal,
  ...env
}: Pick<Environment, 'http' | 'clock' | 'timers' | 'page' | 'cryptography'> &
  Pick<Custody, 'discard'> & {
    readonly endpoints: FindEndpoints;
    readonly signal: AbortSignal;
  }): IdTokenSignatures {
  const { http, clock, cryptography } = env;
  const backOff = createBackOff(env, signal);
  /** By code: in a shared worker several tabs may wait for the same key. */
  const held = new Map<string, Redeemed>();
  let keys: readonly SigningKey[] = [];
  let fetchedAt = -Infinity;
  let renewedAt = -Infinity;
  let fetching: Promise<void> | undefined;
  let renewing: Promise<void> | undefined;
  const since = (instant: Milliseconds): Milliseconds => clock.steady() - instant;

  return {
    async prepare(patience) {
      if (since(fetchedAt) < keysLife) return;
      await backOff.turn(patience);
      await (fetching ??= fetchKeys(false).finally(() => (fetching = undefined)));
    },

    async redeem(code, exchange) {
      const found = held.get(code);
      held.delete(code);
      const redeemed = found ?? (await exchange());
      const problem = await judge(redeemed.answer.id_token).catch((error: GenericError) => error);
      if (problem?.retryable) held.set(code, redeemed);
      else if (problem) await discard(redeemed.receipt);
      else if (!found) void forget();
      if (problem) throw problem;
      return redeemed;
    },

    problemOf,
    forget,
    mayRenew,
    renew,
  };

  async function forget(): Promise<void> {
    const receipts = [...held.values()].map(({ receipt }) => receipt);
    held.clear();
    await Promise.all(receipts.map(discard));
  }

  /** With the keys fetched anew where its own is unknown. What is no token at all is refused for that by who asked for it. */
  async function judge(idToken: string | undefined): Promise<InvalidIdTokenError | undefined> {
    if (idToken === undefined) return undefined;
    const problem = await problemOf(idToken);
    if (!problem?.retryable || !mayRenew()) return problem;
    await renew();
    return problemOf(idToken);
  }

  async function problemOf(idToken: string): Promise<InvalidIdTokenError | undefined> {
    const decoded = attempt(() => decodeJwt(idToken));
    if (!decoded) return new InvalidIdTokenError('malformed', '');
    const { header, signature } = decoded;
    // With extensions that must be understood, what is signed may be something else (RFC 7515 §4.1.11, RFC 7797).
    if (header.alg !== 'RS256' || header.crit !== undefined)
      return new InvalidIdTokenError('algorithm', 'Expected "RS256", and no "crit".');
    const signed = new TextEncoder().encode(idToken.slice(0, idToken.lastIndexOf('.')));
    const named = keys.filter(({ kid }) => header.kid === undefined || header.kid === kid);
    for (const { jwk } of named)
      if (await isSignedBy(jwk, signed, signature).catch(() => false)) return undefined; // it may be no key at all
    // A token that names no key may be signed by one that was not there yet.
    const isUnknown = named.length === 0 || (header.kid === undefined && mayRenew());
    return isUnknown
      ? new InvalidIdTokenError('unknown_key', 'No key of the issuer that is known has its name.')
      : new InvalidIdTokenError('signature', 'The key that it names has not signed it.');
  }

  function renew(): Promise<void> {
    return (renewing ??= fetchForUnknown().finally(() => (renewing = undefined)));
  }

  function mayRenew(): boolean {
    return renewing !== undefined || since(renewedAt) >= coolDown;
  }

  function fetchForUnknown(): Promise<void> {
    renewedAt = clock.steady();
    return fetchKeys(true);
  }

  async function isSignedBy(jwk: JsonWebKey, signed: Uint8Array, signature: string): Promise<boolean> {
    return cryptography.verifyRs256(jwk, signed, decodeBase64url(signature));
  }

  /** @param fresh Not what the browser's HTTP cache holds. */
  async function fetchKeys(fresh: boolean): Promise<void> {
    const { keys: url } = await endpoints();
    // Discovery sees to it that there is one.
    keys = await backOff.follow(() => readKeys(url as string, fresh));
    fetchedAt = clock.steady();
  }

  async function readKeys(url: string, fresh: boolean): Promise<SigningKey[]> {
    const answer = await http.get(url, { limit: keysLimit, fresh }).catch((cause: unknown) => {
      throw unreachable('No answer', cause);
    });
    const found = parseJsonObject(answer.body)?.['keys'];
    if (answer.status === 200 && Array.isArray(found)) return found.flatMap(readKey);
    const error = unreachable(`No usable answer (HTTP status ${answer.status})`);
    throw withWish(error, waitAskedFor(answer, clock.now()));
  }
}

interface SigningKey {
  readonly kid: unknown;
  readonly jwk: JsonWebKey;
}

/** 2048 bits in base64url, without the zeros before them. */
const shortestModulus = 342;

/** Of the JWK Set only what can have made an RS256 signature (RFC 7517 §4, RFC 7518 §6.3.1), by a key as long as §3.3 has it. */
function readKey(value: unknown): SigningKey[] {
  const { kty, use = 'sig', alg = 'RS256', kid, n, e } = Object(value) as Record<string, unknown>;
  if (kty !== 'RSA' || use !== 'sig' || alg !== 'RS256' || !isText(n) || !isText(e)) return [];
  if (n.replace(/^A+/, '').length < shortestModulus) return [];
  return [{ kid, jwk: { kty, n, e, alg } }];
}

function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}

const unreachable = (what: string, cause?: unknown): NetworkError =>
  new NetworkError('unreachable', `${what} to the request for the issuer's keys.`, cause);
