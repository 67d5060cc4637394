import type { Milliseconds } from '../clock.ts';
import { endpointsAt, type Endpoints } from '../core/endpoints.ts';
import type { Environment, PageClock } from '../environment.ts';
import {
  messageVersion,
  writeError,
  type CallRequest,
  type Reply,
  type Request,
} from './custody-messages.ts';
import { createCustody, type Custody } from './custody.ts';
import { createMemoryRecordStore } from './memory-record-store.ts';
import { createPageLocks } from './page-locks.ts';

/**
 * The worker's side of custody behind a message port: the refresh tokens are in its heap, and in no message.
 *
 * @param env The worker's own; of its page it is told.
 * @returns what to do with each message of the page
 */
export function serveCustody(
  env: Parameters<typeof createCustody>[1],
  post: (reply: Reply) => void,
): (request: Request) => void {
  let custody: Custody;
  let endpoints: Endpoints;
  let leaving = false;
  let offset: Milliseconds = 0;
  const clock: PageClock = { ...env.clock, now: () => env.clock.now() + offset };

  return (request) => {
    switch (request.kind) {
      case 'begin': {
        const { settings, origin } = request;
        const page: Environment['page'] = { ...env.page, origin: () => origin, leaving: () => leaving };
        const records = { ...createMemoryRecordStore(), close: () => post({ kind: 'idle' }) };
        endpoints = endpointsAt(settings);
        const locks = createPageLocks(env.timers);
        custody = createCustody(
          settings,
          { ...env, clock, page },
          records,
          locks,
          async () => endpoints,
          () => post({ kind: 'logged_out' }),
        );
        return post({ kind: 'ready', version: messageVersion });
      }
      case 'endpoints':
        endpoints = request.endpoints;
        return;
      case 'dispose':
        return custody.dispose();
      case 'call':
        ({ leaving, offset } = request);
        return void answer(request).catch((error: unknown) =>
          post({ kind: 'error', id: request.id, error: writeError(error) }),
        );
    }
  };

  async function answer({ id, method, args }: CallRequest): Promise<void> {
    const value = (value: unknown): void => post({ kind: 'value', id, value });
    if (method === 'end') {
      const { revoked } = await custody.end(...args);
      value(undefined);
      await revoked;
      return post({ kind: 'revoked', id });
    }
    if (method !== 'spend')
      return value(await (custody[method] as (...args: readonly unknown[]) => Promise<unknown>)(...args));
    const outcome = await custody.spend(...args);
    value(outcome.kind === 'quarantined' ? { ...outcome, cause: writeError(outcome.cause) } : outcome);
  }
}
