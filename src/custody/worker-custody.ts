import { loadFeature } from '../core/load-feature.ts';
import type { FindEndpoints } from '../core/endpoints.ts';
import type { Settings, WorkerSettings } from '../core/settings.ts';
import type { Environment } from '../environment.ts';
import { DisposedError, type GenericError } from '../errors.ts';
import type { Custody } from './custody.ts';

/**
 * Custody in a worker, which is started by the first call, and in the page where it does not start. It stays where it is then:
 * there are never two custodians.
 */
export function createWorkerCustody(
  settings: Settings,
  worker: WorkerSettings,
  env: Pick<Environment, 'clock' | 'workers' | 'timers' | 'page'>,
  createInPage: () => Custody,
  endpoints: FindEndpoints,
  loggedOut: () => void,
  signedIn: () => void,
): Custody {
  let custodian: Promise<Custody> | undefined;
  let disposed = false;

  async function start(): Promise<Custody> {
    try {
      const { startRemoteCustody } = await loadFeature(env.timers, () => import('./remote-custody.ts'));
      return await startRemoteCustody(settings, worker, env, endpoints, loggedOut, signedIn);
    } catch (error) {
      if (worker.fallback === 'error') {
        custodian = undefined; // the next call tries again
        throw error;
      }
      const { message, reason } = error as GenericError;
      // Where there are no workers at all, nobody can do anything about it.
      if (reason !== 'unsupported')
        env.page.warn(`latchkey: ${message} Refresh tokens are held in the page. See "workerUrl", "worker".`);
      return createInPage();
    }
  }

  async function custodianOf(): Promise<Custody> {
    if (!custodian && disposed) throw new DisposedError();
    return (custodian ??= start());
  }

  return {
    look: async (wanted) => (await custodianOf()).look(wanted),
    spend: async (wanted, seen, limit) => (await custodianOf()).spend(wanted, seen, limit),
    redeem: async (code) => (await custodianOf()).redeem(code),
    adopt: async (receipt, family) => (await custodianOf()).adopt(receipt, family),
    moveIn: async (takeOver) => (await custodianOf()).moveIn(takeOver),
    borrow: async (wanted, began, limit) => (await custodianOf()).borrow(wanted, began, limit),
    goUnmarked: async () => (await custodianOf()).goUnmarked(),
    discard: async (receipt) => (await custodianOf()).discard(receipt),
    async end(options) {
      const it = await (custodian ??= start()); // a logout is completed, also of a client that was disposed of before
      return it.end(options).finally(() => disposed && it.dispose());
    },
    revoke: async (wanted) => (await custodianOf()).revoke(wanted),
    dispose() {
      disposed = true;
      custodian?.then((it) => it.dispose()).catch(() => {});
    },
  };
}
