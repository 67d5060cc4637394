/** Between tabs and workers: BroadcastChannel, and Web Locks for who is there. Where they are missing, there is nobody else. */
import type { Channels, Presence } from '../environment.ts';

export const channels: Channels = {
  open(name, hear) {
    if (typeof BroadcastChannel === 'undefined') return { post() {}, close() {} };
    const channel = new BroadcastChannel(name);
    channel.onmessage = ({ data }) => hear(data);
    (channel as { unref?(): void }).unref?.(); // in Node it would keep the process
    return { post: (message) => channel.postMessage(message), close: () => channel.close() };
  },
};

export const presence: Presence = {
  show(name) {
    let hide = (): void => {};
    const shown = new Promise<void>((resolve) => (hide = resolve));
    const abort = new AbortController();
    if (canLock())
      navigator.locks.request(name, { mode: 'shared', signal: abort.signal }, () => shown).catch(() => {});
    return () => {
      hide();
      abort.abort(); // where it is not granted yet
    };
  },
  async count(name) {
    if (!canLock()) return 0;
    const { held = [] } = await navigator.locks.query().catch(() => ({ held: [] as LockInfo[] }));
    return held.filter((lock) => lock.name === name).length;
  },
};

/** Both: a lock tells who could be asked, and without a channel nobody can. */
const canLock = (): boolean =>
  typeof BroadcastChannel !== 'undefined' &&
  typeof navigator !== 'undefined' &&
  typeof navigator.locks?.query === 'function';
