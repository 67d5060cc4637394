import type { Milliseconds } from '../clock.ts';
import type { FindEndpoints } from '../core/endpoints.ts';
import { identityOf } from '../core/whose.ts';
import { storageName, type Settings, type WorkerSettings } from '../core/settings.ts';
import { within } from '../core/within.ts';
import type { Environment, WorkerListener } from '../environment.ts';
import { TimeoutError, workerUnavailable, type InvalidIdTokenError } from '../errors.ts';
import {
  messageVersion,
  readError,
  type CallRequest,
  type RemoteMethod,
  type Reply,
  type Request,
  type Told,
} from './custody-messages.ts';
import type { Custody } from './custody.ts';

/** How long a worker may take to start; one that takes longer is ended before anything else is tried. */
const startLimit: Milliseconds = 3000;
/** How long an answer may take, beside what was asked for. */
const answerLimit: Milliseconds = 5000;

/** How long an exchange may wait for the keys of ID tokens, before it and after it. */
const keysPatience: Milliseconds = 10_000;

/** The same of IndexedDB, with DPoP: whoever gave up earlier might send a code again that the worker has sent meanwhile. */
const proofsPatience: Milliseconds = 30_000;

type Answer = Extract<Reply, { kind: 'value' | 'error' }>;

const silent = () => new TimeoutError('worker_silent');

/**
 * The page's side of custody behind a message port. Every message to the worker has a deadline. Once it has started, it is the
 * only custodian, whatever becomes of it: the refresh tokens are in its heap and nowhere else.
 *
 * @throws {GenericError} `worker_unavailable`, when it did not start: nothing of it is left then; `feature_load_failed`.
 */
export async function startRemoteCustody(
  settings: Settings,
  worker: WorkerSettings,
  { clock, workers, timers, page }: Pick<Environment, 'clock' | 'workers' | 'timers' | 'page'>,
  endpoints: FindEndpoints,
  loggedOut: () => void = () => {},
  signedIn: () => void = () => {},
): Promise<Custody> {
  const waiting = new Map<number, (reply: Answer) => void>();
  const revoking = new Map<number, () => void>();
  let lastId = 0;
  let isIdle = false;
  let onStart: (problem?: Error) => void = () => {};
  const started = new Promise<void>((resolve, reject) => {
    onStart = (problem) => (problem ? reject(problem) : resolve());
  });
  started.catch(() => {}); // it may have failed before anybody waits

  const heard: WorkerListener = {
    message: (message) => hear(message as Reply),
    failure: () => onStart(workerUnavailable('blocked')),
  };
  const port = await workers.start(worker.url, heard, storageName(settings, 'worker', `${messageVersion}`));
  const post = (request: Request): void => port.post(request);
  try {
    // What is the page's alone stays here: some of it is as the app gave it, and may be nothing that can be cloned.
    const kept = {
      worker: undefined,
      popupCallbackUrl: undefined,
      nowProvider: undefined,
      onTrace: undefined,
    };
    const told = { ...settings, ...kept };
    post({ kind: 'begin', settings: told, origin: page.origin() });
    await within(timers, startLimit, started, () => workerUnavailable('late'));
  } catch (error) {
    port.terminate();
    throw error;
  }

  return {
    look: (wanted) => ask('look', [wanted]),
    async spend(wanted, seen, limit) {
      await tellEndpoints(Math.min(limit, settings.callerLimit));
      const outcome = await ask('spend', [wanted, seen, limit], limit);
      return outcome.kind === 'quarantined'
        ? { ...outcome, cause: readError(outcome.cause) as InvalidIdTokenError }
        : outcome;
    },
    async redeem(code) {
      await tellEndpoints();
      const patience = keysPatience + (settings.useDpop ? proofsPatience : 0);
      return ask('redeem', [code], settings.exchangeLimit + patience);
    },
    adopt: (receipt, family) => ask('adopt', [receipt, family], settings.useDpop ? proofsPatience : 0),
    async borrow(wanted, { session, logouts }, limit) {
      await tellEndpoints(0);
      const patience = settings.verifyIdTokenSignature ? keysPatience : 0;
      return ask(
        'borrow',
        [wanted, { session: session && identityOf(session), logouts }, limit],
        limit + patience,
      );
    },
    goUnmarked: () => ask('goUnmarked', []),
    discard: (receipt) => ask('discard', [receipt]).catch(() => {}),
    async end(options) {
      const id = lastId + 1; // its own
      const revoked = new Promise<void>((resolve) => revoking.set(id, resolve));
      await ask('end', [options]);
      return { ended: true, revoked: within(timers, answerLimit, revoked, silent).catch(() => {}) };
    },
    revoke: (wanted) => ask('revoke', [wanted], settings.callerLimit),
    moveIn: async () => undefined, // there is nothing to be moved into memory
    dispose: () => post({ kind: 'dispose' }),
  };

  /** What a worker revokes, it has redeemed: then it knows already. */
  async function tellEndpoints(patience?: Milliseconds): Promise<void> {
    if (settings.discovery) post({ kind: 'endpoints', endpoints: await endpoints(patience) });
  }

  /** @param extra How long what is asked for may itself take. */
  async function ask<Method extends RemoteMethod>(
    method: Method,
    args: Parameters<Custody[Method]>,
    extra: Milliseconds = 0,
  ): Promise<Told<Method>> {
    const id = ++lastId;
    const offset = clock.offset ?? 0;
    post({ kind: 'call', id, method, args, leaving: page.leaving(), offset } as CallRequest);
    const answered = new Promise<Told<Method>>((resolve, reject) =>
      waiting.set(id, (reply) =>
        reply.kind === 'value' ? resolve(reply.value as Told<Method>) : reject(readError(reply.error)),
      ),
    );
    return within(timers, extra + answerLimit, answered, silent).finally(() => waiting.delete(id));
  }

  /** Not at once: what brought an answer may have another question yet. */
  function terminateWhenQuiet(): void {
    timers.after(answerLimit, () => (waiting.size > 0 ? terminateWhenQuiet() : port.terminate()));
  }

  function hear(reply: Reply): void {
    switch (reply.kind) {
      case 'ready':
        return onStart(reply.version === messageVersion ? undefined : workerUnavailable('version'));
      case 'idle':
        if (!isIdle) terminateWhenQuiet(); // it says so more than once
        isIdle = true;
        return;
      case 'logged_out':
        return loggedOut();
      case 'signed_in':
        return signedIn();
      case 'revoked':
        return revoking.get(reply.id)?.();
      case 'value':
      case 'error':
        waiting.get(reply.id)?.(reply);
    }
  }
}
