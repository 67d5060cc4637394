import type { ICache } from '../core/cache.ts';
import { loadFeature } from '../core/load-feature.ts';
import type { Environment, RecordStore } from '../environment.ts';
import { encodeBase64url } from '../oauth/base64url.ts';

/** Records in a cache of the app's own. Its code is loaded by those apps only that bring one. */
export function createLazyRecordStore(
  env: Pick<Environment, 'records' | 'clock' | 'timers' | 'cryptography'>,
  cache: ICache,
): RecordStore {
  const { records: heads, clock, timers, cryptography } = env;
  const randomName = () => encodeBase64url(cryptography.randomBytes(16));
  let store: RecordStore | undefined;
  return {
    async update(name, step) {
      const code = store ? undefined : await loadFeature(timers, () => import('./cache-record-store.ts'));
      // Created once, whoever waited for the code: it keeps the page's own updates in order.
      if (code) store ??= code.createCacheRecordStore({ cache, heads, clock, timers, randomName });
      return (store as RecordStore).update(name, step);
    },
    close: () => heads.close(),
  };
}
