import type { Channel, Environment } from '../environment.ts';
import { attempt } from './attempt.ts';
import { channels } from './channels.ts';

/**
 * A BroadcastChannel, and `storage` events. A page that is left gives its channel back, so that the browser may keep the page for the
 * back button; shown again, as after it was frozen, it hears at once, whatever it has missed.
 */
export const openChannel: Environment['openChannel'] = (name, heard) => {
  let channel: Channel | undefined;
  const open = () => void (channel ??= attempt(() => channels.open(name, () => heard?.hear())));
  const rest = () => {
    channel?.close();
    channel = undefined;
  };
  open();
  const stop = heard && attempt(() => listen(heard, open, rest));
  return {
    tell() {
      attempt(() => channel?.post(version));
    },
    close() {
      stop?.();
      rest();
    },
  };
};

/** There is nothing else to be said. */
const version = 1;

function listen(
  { hear, names }: NonNullable<Parameters<Environment['openChannel']>[1]>,
  open: () => void,
  rest: () => void,
): () => void {
  const shown = ({ persisted }: PageTransitionEvent) => {
    if (!persisted) return;
    open();
    hear();
  };
  const stored = ({ key }: StorageEvent) => {
    if (key === null || key.startsWith(names)) hear();
  };
  addEventListener('pagehide', rest);
  addEventListener('pageshow', shown);
  addEventListener('storage', stored);
  document.addEventListener('resume', hear);
  return () => {
    removeEventListener('pagehide', rest);
    removeEventListener('pageshow', shown);
    removeEventListener('storage', stored);
    document.removeEventListener('resume', hear);
  };
}
