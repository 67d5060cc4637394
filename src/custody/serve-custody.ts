import type { Milliseconds } from '../clock.ts';
import { endpointsAt, type Endpoints } from '../core/endpoints.ts';
import { refuseToBegin } from '../core/refuse-to-begin.ts';
import type { Settings } from '../core/settings.ts';
import type { Environment, PageClock } from '../environment.ts';
import {
  messageVersion,
  remoteMethods,
  writeError,
  type CallRequest,
  type Reply,
  type Request,
} from './custody-messages.ts';
import { createCustody, type Custody } from './custody.ts';
import { createMemoryRecordStore } from './memory-record-store.ts';
import { createPageLocks } from './page-locks.ts';

type Post = (reply: Reply) => void;

export type ServePage = (post: Post) => { hear(request: Request): void; leave(): void };

/** Custody, and what its pages have told of themselves. */
interface Served {
  readonly custody: Custody;
  readonly pages: Set<Post>;
  endpoints: Endpoints | undefined;
  /** The page that was heard last is being left. */
  leaving: boolean;
  offset: Milliseconds;
}

/**
 * The worker's side of custody behind message ports: the refresh tokens are in its heap, and in no message. Pages that began with the
 * same settings have one custody.
 *
 * @param env The worker's own; of its pages it is told.
 * @param isShared Pages come and go, and custody stays.
 * @returns what serves a page: `hear` is for each of its messages, `leave` for its end
 */
export function serveCustody(env: Parameters<typeof createCustody>[1], isShared = false): ServePage {
  const all = new Map<string, Served>();

  return (post) => {
    const disposal = new AbortController();
    let served: Served;
    return { hear: hearAny, leave: () => void served?.pages.delete(post) };

    /** No page says what throws in here. Firefox (140) would tell every page of it, and one that waits for the start would take it for its own. */
    function hearAny(request: Request): void {
      try {
        hear(request);
      } catch {}
    }

    function hear(request: Request): void {
      switch (request.kind) {
        case 'begin': {
          const key = keyOf(request);
          served = all.get(key) ?? open(request);
          all.set(key, served);
          served.pages.add(post);
          return post({ kind: 'ready', version: messageVersion });
        }
        case 'endpoints':
          // Once: whoever finds the way to a worker that has a refresh token may not send that elsewhere.
          served.endpoints ??= request.endpoints;
          return;
        case 'dispose':
          if (!isShared) return served.custody.dispose();
          disposal.abort();
          served.pages.delete(post);
          return post({ kind: 'idle' });
        case 'call':
          if (!remoteMethods.includes(request.method)) return; // any script may ask, and `dispose` would be everybody's end
          served.leaving = request.leaving && !isShared;
          served.offset = request.offset;
          return void answer(request).catch((error: unknown) =>
            post({ kind: 'error', id: request.id, error: writeError(error) }),
          );
      }
    }

    async function answer({ id, method, args, leaving }: CallRequest): Promise<void> {
      const { custody, pages } = served;
      const value = (value: unknown): void => post({ kind: 'value', id, value });
      const tellOthers = (reply: Reply): void => pages.forEach((other) => other === post || other(reply));
      // Custody goes on without this page. It may be the last one, though, and take the worker with it.
      if (isShared && (method === 'spend' || method === 'redeem'))
        refuseToBegin({ ...env.page, leaving: () => leaving }, disposal.signal);
      if (method === 'end') {
        const { ended, revoked } = await custody.end(...args);
        if (ended) tellOthers({ kind: 'logged_out' });
        value(undefined);
        await revoked;
        return post({ kind: 'revoked', id });
      }
      if (method !== 'spend') {
        value(await (custody[method] as (...args: readonly unknown[]) => Promise<unknown>)(...args));
        if (method === 'adopt') tellOthers({ kind: 'signed_in' });
        return;
      }
      const outcome = await custody.spend(...args);
      value(outcome.kind === 'quarantined' ? { ...outcome, cause: writeError(outcome.cause) } : outcome);
    }
  };

  function open({ settings, origin }: Begin): Served {
    const pages = new Set<Post>();
    const tell = (reply: Reply): void => pages.forEach((post) => post(reply));
    const clock: PageClock = { ...env.clock, now: () => env.clock.now() + served.offset };
    const page: Environment['page'] = { ...env.page, origin: () => origin, leaving: () => served.leaving };
    const custody = createCustody(
      settings,
      { ...env, clock, page },
      { ...createMemoryRecordStore(), close: () => tell({ kind: 'idle' }) },
      createPageLocks(env.timers),
      async () => served.endpoints ?? endpointsAt(settings),
      () => tell({ kind: 'logged_out' }),
    );
    const endpoints = settings.discovery ? undefined : endpointsAt(settings);
    const served: Served = { custody, pages, endpoints, leaving: false, offset: 0 };
    return served;
  }
}

type Begin = Extract<Request, { kind: 'begin' }>;

/** Where a page is sent, and what it asks for there, is its own affair; as whose member is the session's. */
const keyOf = ({ settings, origin }: Begin): string => {
  const { authorizationParams, configuration, scopes, ...others }: Settings = settings;
  return JSON.stringify([origin, authorizationParams.organization, others]);
};
