import type { WorkerListener, WorkerPort, Workers } from '../environment.ts';
import { workerUnavailable } from '../errors.ts';

/** @param script What is started where no `url` names a file. */
export function startWorker(
  url: Parameters<Workers['start']>[0],
  script: string,
  heard: WorkerListener,
): WorkerPort {
  if (typeof Worker === 'undefined') throw workerUnavailable('unsupported');
  try {
    const worker = new Worker(trusted(url ?? blobUrl(script)));
    worker.addEventListener('message', ({ data }) => heard.message(data));
    worker.addEventListener('error', (event) => {
      event.preventDefault(); // told to who waits for the start, and not to the console
      heard.failure();
    });
    return { post: (message) => worker.postMessage(message), terminate: () => worker.terminate() };
  } catch (cause) {
    throw workerUnavailable('blocked', cause); // WebKit refuses at once what a policy forbids
  }
}

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
