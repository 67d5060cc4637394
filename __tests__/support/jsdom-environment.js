// jsdom with the parts of a browser that it lacks and Node has, all from Node's own realm, and Web Locks, which Node 20
// has not. The binary types come along, or `instanceof Uint8Array` would fail on what TextEncoder and Web Crypto return.
import Base from '@jest/environment-jsdom-abstract';
import * as jsdom from 'jsdom';

const fromNode = (
  'TextEncoder TextDecoder structuredClone BroadcastChannel MessageChannel MessagePort fetch Request Response Headers ' +
  'FormData Blob File URL URLSearchParams ReadableStream TransformStream setImmediate clearImmediate ' +
  'ArrayBuffer Uint8Array Uint16Array Uint32Array Int8Array Int16Array Int32Array DataView'
).split(' ');

export default class JsdomEnvironment extends (Base.default ?? Base) {
  constructor(config, context) {
    super(config, context, jsdom);
    for (const name of fromNode) define(this.global, name, globalThis[name]);
    define(this.global, 'crypto', globalThis.crypto);
    define(this.global, 'CryptoKey', globalThis.CryptoKey);
    define(this.global, 'isSecureContext', true);
    define(this.global.navigator, 'locks', createLockManager());
  }

  exportConditions() {
    return ['browser'];
  }
}

function define(target, name, value) {
  Object.defineProperty(target, name, { value, configurable: true, writable: true });
}

/** Exclusive locks with `signal`, in the order of asking (Web Locks §3.2). */
function createLockManager() {
  const tails = new Map();
  return {
    request(name, { signal }, callback) {
      const turn = tails.get(name) ?? Promise.resolve();
      let release;
      tails.set(name, new Promise((resolve) => (release = resolve)));
      return new Promise((resolve, reject) => {
        const aborted = () => {
          turn.then(release);
          reject(signal.reason);
        };
        if (signal?.aborted) return aborted();
        signal?.addEventListener('abort', aborted, { once: true });
        turn.then(async () => {
          if (signal?.aborted) return;
          signal?.removeEventListener('abort', aborted);
          await Promise.resolve(callback({ name, mode: 'exclusive' })).then(resolve, reject);
          release();
        });
      });
    },
  };
}
