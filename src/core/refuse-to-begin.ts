import { DisposedError, NetworkError } from '../errors.ts';

/**
 * @throws {NetworkError} `offline` or `leaving`, where nothing could be sent, or the answer would reach nobody.
 * @throws {DisposedError} when the client was disposed of.
 */
export function refuseToBegin(page: { online(): boolean; leaving(): boolean }, disposal?: AbortSignal): void {
  if (disposal?.aborted) throw new DisposedError();
  if (!page.online()) throw new NetworkError('offline', 'The browser is offline.');
  if (page.leaving()) throw new NetworkError('leaving', 'The page is being left.');
}
