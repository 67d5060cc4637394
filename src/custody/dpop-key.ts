/**
 * The key pair that this client's tokens are bound to (RFC 9449), and the nonces that servers want in its proofs. Both stand in
 * one record in IndexedDB, for all tabs and workers; nothing of it is kept in the heap, where it would outlive a logout in
 * another tab.
 */
import { storageName, type Settings } from '../core/settings.ts';
import type { Environment, ProvenRequest } from '../environment.ts';
import { InsecureContextError, InvalidConfigurationError } from '../errors.ts';

export interface DpopKey {
  /**
   * Sees to it that there is a key pair, as `prove` does: that which auth0-spa-js has left, since what is bound to it is moved over too, or a new
   * one. Of two tabs that are first at once, both get the same.
   */
  thumbprint(): Promise<string>;
  /** Whether that is still the key pair: a logout may have been. */
  holds(thumbprint: string): Promise<boolean>;
  /**
   * A fresh proof for one request to `url`, whose query and fragment do not count.
   * @throws {StorageError} where there is no key pair, and none can be kept.
   * @throws {InsecureContextError} where the page has no Web Crypto.
   * @throws {InvalidConfigurationError} for what is no address, or no text.
   */
  prove(request: ProvenRequest): Promise<string>;
  /** As `prove`, with the nonce that is kept for the token endpoint, unless one is given. */
  proveToTenant(request: ProvenRequest): Promise<string>;
  /** Default: that of the token endpoint. @throws {StorageError} | {InvalidConfigurationError} */
  nonce(id?: string): Promise<string | undefined>;
  /** @throws {StorageError} | {InvalidConfigurationError} */
  keepNonce(nonce: string, id?: string): Promise<void>;
  /** The key pair and the nonces are gone for good; the next proof is by another key. */
  forget(): Promise<void>;
}

interface DpopRecord {
  readonly keyPair?: CryptoKeyPair;
  readonly nonces: readonly (readonly [id: string, nonce: string])[];
}

/** Under which the token endpoint's nonce is kept. */
const tenantId = '';

/** What of the world a key takes. */
export type DpopEnvironment = Pick<Environment, 'dpop' | 'keys' | 'cryptography' | 'page'>;

export function createDpopKey(settings: Settings, env: DpopEnvironment): DpopKey {
  const name = storageName(settings, 'dpop');

  return {
    async thumbprint() {
      const { keyPair } = await keyed();
      return (await env.dpop()).thumbprint(keyPair.publicKey);
    },
    async holds(thumbprint) {
      const { keyPair } = await read();
      return keyPair !== undefined && (await (await env.dpop()).thumbprint(keyPair.publicKey)) === thumbprint;
    },
    async prove(request) {
      return proofBy((await keyed()).keyPair, request);
    },
    async proveToTenant(request) {
      const { keyPair, nonces } = await keyed();
      return proofBy(keyPair, { ...request, nonce: request.nonce ?? nonceIn(nonces, tenantId) });
    },
    async nonce(given) {
      const id = readId(given);
      return nonceIn((await read()).nonces, id);
    },
    async keepNonce(nonce, given) {
      requireText('nonce', nonce);
      const id = readId(given);
      await env.keys.update(name, (found) => {
        const record = readRecord(found);
        if (nonceIn(record.nonces, id) === nonce) return [found, undefined];
        const others = record.nonces.filter(([other]) => other !== id);
        return [{ ...record, nonces: [...others, [id, nonce]] }, undefined];
      });
    },
    async forget() {
      await env.keys.update(name, () => [undefined, undefined]);
      const { peer } = await env.dpop();
      await peer.forget(settings.clientId); // or the next login would be bound to it
    },
  };

  function read(): Promise<DpopRecord> {
    return env.keys.update(name, (found) => [found, readRecord(found)]);
  }

  async function keyed(): Promise<Required<DpopRecord>> {
    if (!env.cryptography.available) throw new InsecureContextError(env.page.origin());
    const { keyPair, nonces } = await read();
    if (keyPair) return { keyPair, nonces };
    const dpop = await env.dpop();
    const made = (await dpop.peer.find(settings.clientId)) ?? (await dpop.generateKeyPair());
    // Another tab may have been first: making a key takes time, and looking again and writing is one step.
    return env.keys.update(name, (found) => {
      const record = readRecord(found);
      if (record.keyPair) return [found, { ...record, keyPair: record.keyPair }];
      const next = { ...record, keyPair: made };
      return [next, next];
    });
  }

  async function proofBy(keyPair: CryptoKeyPair, request: ProvenRequest): Promise<string> {
    const { method, accessToken, nonce } = request;
    const url = addressOf(request.url);
    requireText('method', method);
    if (accessToken !== undefined) requireText('accessToken', accessToken);
    if (nonce !== undefined) requireText('nonce', nonce);
    return (await env.dpop()).prove(keyPair, { url, method, accessToken, nonce });
  }
}

/** @throws {InvalidConfigurationError} */
function requireText(name: string, value: unknown): void {
  if (typeof value !== 'string' || value === '')
    throw new InvalidConfigurationError(`"${name}" is no text.`, 'Pass one.');
}

/** @throws {InvalidConfigurationError} */
function readId(id: string | undefined): string {
  if (id !== undefined) requireText('id', id);
  return id ?? tenantId;
}

const nonceIn = (nonces: DpopRecord['nonces'], id: string): string | undefined =>
  nonces.find(([known]) => known === id)?.[1];

/** RFC 9449 §4.2: `htu` is the address without query and fragment. */
function addressOf(url: string): string {
  try {
    const { protocol, origin, pathname } = new URL(url);
    if (/^https?:$/.test(protocol)) return origin + pathname;
  } catch {
    // Refused below, with the same words.
  }
  throw new InvalidConfigurationError('"url" is no address.', 'Pass a whole one.');
}

function readRecord(found: unknown): DpopRecord {
  const { keyPair, nonces } = Object(found) as { keyPair?: CryptoKeyPair; nonces?: unknown };
  return {
    ...(keyPair?.privateKey && { keyPair }),
    nonces: Array.isArray(nonces) ? (nonces as DpopRecord['nonces']) : [],
  };
}
