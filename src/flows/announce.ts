import { storageName, type Settings } from '../core/settings.ts';
import type { ClientContext } from './context.ts';

/** One per client and provider; the version in `storageName` is that of what is said there too, which is nothing but that something has changed. */
export const channelName = (settings: Settings): string => storageName(settings, 'changes');

/**
 * Lets other tabs and clients know that something is to be seen where they look anyway: in the cache, and in custody. A message that
 * is lost or forged makes nobody signed in, or out.
 *
 * @param cause Why the session has ended, where nobody else knows.
 */
export function announce({ heap, env, settings }: ClientContext, cause?: string): void {
  heap.changedHere = { cause };
  if (heap.observer) return heap.observer.changed();
  const channel = env.openChannel(channelName(settings));
  channel.tell();
  channel.close();
}
