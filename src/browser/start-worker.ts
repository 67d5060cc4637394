import type { WorkerListener, WorkerPort, Workers } from '../environment.ts';
import { workerUnavailable } from '../errors.ts';

/** @param script What is started where no `url` names a file. */
export function startWorker(
  url: Parameters<Workers['start']>[0],
  script: string,
  heard: WorkerListener,
  name: string,
): WorkerPort {
  if (typeof Worker === 'undefined') throw workerUnavailable('unsupported');
  const listen = (worker: AbstractWorker, port: Worker | MessagePort) => {
    port.addEventListener('message', (event) => heard.message((event as MessageEvent).data));
    worker.addEventListener('error', (event) => {
      event.preventDefault(); // told to who waits for the start, and not to the console
      heard.failure();
    });
  };
  try {
    if (url && typeof SharedWorker !== 'undefined') {
      const worker = new SharedWorker(trusted(url), shared(name));
      const { port } = worker;
      listen(worker, port);
      port.start();
      return { post: (message) => port.postMessage(message), terminate: () => port.close() };
    }
    const worker = new Worker(trusted(url ?? blobUrl(script)));
    listen(worker, worker);
    return { post: (message) => worker.postMessage(message), terminate: () => worker.terminate() };
  } catch (cause) {
    throw workerUnavailable('blocked', cause); // WebKit refuses at once what a policy forbids
  }
}

/** `extendedLifetime`, which some browsers have: for some seconds after its last page, so that a reload finds it there. */
const shared = (name: string) => ({ name, extendedLifetime: true });

const blobUrl = (script: string) => URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));

/** One for all clients of a page: its Content Security Policy may allow a policy of this name once. */
let policy: TrustedTypePolicy | undefined;

/** Where Trusted Types are enforced, no text is an address of a script: the app has chosen it, or the SDK brings it along. */
function trusted(script: { toString(): string }): string {
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
  if (!trustedTypes || trustedTypes.isScriptURL(script)) return script as string;
  policy ??= trustedTypes.createPolicy('latchkey', { createScriptURL: (text) => text });
  return policy.createScriptURL(script.toString()) as string; // `Worker` takes it, its type does not know
}

/** W3C Trusted Types, what is used of it. */
interface TrustedTypes {
  isScriptURL(value: unknown): boolean;
  createPolicy(name: string, rules: { createScriptURL(text: string): string }): TrustedTypePolicy;
}
interface TrustedTypePolicy {
  createScriptURL(text: string): unknown;
}
