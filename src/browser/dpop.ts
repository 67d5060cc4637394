import { calculateThumbprint, generateKeyPair, generateProof } from 'dpop';
import type { Milliseconds } from '../clock.ts';
import { within } from '../core/within.ts';
import type { Dpop, PeerKeys, Timers } from '../environment.ts';

export const createDpop = (timers: Timers): Dpop => ({
  generateKeyPair: () => generateKeyPair('ES256', { extractable: false }),
  thumbprint: calculateThumbprint,
  prove: (keyPair, { url, method, nonce, accessToken }) =>
    generateProof(keyPair, url, method, nonce, accessToken),
  peer: createPeerKeys(timers),
});

/** Opening and reading take some ms; what takes this long does not come any more. */
const deadline: Milliseconds = 5000;

/** In auth0-spa-js's database, under the name that its version 2 gives to the key pair of a client. */
function createPeerKeys(timers: Timers): PeerKeys {
  const nameOf = (clientId: string) => `${clientId}::auth0`;

  async function use<T>(mode: IDBTransactionMode, work: (keys: IDBObjectStore) => IDBRequest<T>) {
    let database: IDBDatabase | undefined;
    const used = open().then((opened) => {
      database = opened;
      return settled(work(opened.transaction('keypair', mode).objectStore('keypair')));
    });
    try {
      return await within(timers, deadline, used, () => new Error(`nothing within ${deadline} ms`));
    } catch {
      return undefined;
    } finally {
      database?.close();
    }
  }

  return {
    find: (clientId) => use<CryptoKeyPair | undefined>('readonly', (keys) => keys.get(nameOf(clientId))),
    forget: (clientId) => use('readwrite', (keys) => keys.delete(nameOf(clientId))),
  };
}

/** Where there is no such database, none is made: that would be one without its stores. */
async function open(): Promise<IDBDatabase> {
  const opening = indexedDB.open('auth0-spa-js');
  opening.onupgradeneeded = () => opening.transaction?.abort();
  return settled(opening);
}

const settled = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = (event) => {
      event.preventDefault(); // told here, and to nobody else
      reject(request.error ?? new Error('refused'));
    };
  });
