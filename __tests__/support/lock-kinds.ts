import type { Environment, Locks } from '../../src/environment.ts';

/** `web`: Web Locks. `fallback`: locks built on storage. `never`: locks that never answer. */
export type LockKind = 'web' | 'fallback' | 'never';

/** The ports of a tab of a browser with such locks, over those of the world. */
export function lockPorts(kind: LockKind, locks: Locks): Partial<Environment> {
  switch (kind) {
    case 'web':
      return {};
    case 'fallback':
      return { locks: leaky(locks) };
    case 'never':
      return { locks: { exclusive: true, run: () => new Promise(() => {}) } };
  }
}

/** Each third turn is given away twice: locks built on storage do that. */
function leaky(locks: Locks): Locks {
  let turns = 0;
  return {
    exclusive: false,
    run: (name, limit, task) => (turns++ % 3 === 2 ? task() : locks.run(name, limit, task)),
  };
}
