/** Locks between tabs: Web Locks, and `browser-tabs-lock` where they are missing. */
import { loadFeature } from '../core/load-feature.ts';
import type { Locks, Timers } from '../environment.ts';
import { lockTimeout } from '../errors.ts';

export function createLocks(timers: Timers): Locks {
  return {
    get exclusive() {
      return hasWebLocks();
    },
    run: (name, limit, task, signal) =>
      (hasWebLocks() ? runWithWebLock : runWithTabsLock)(timers, name, limit, task, signal),
  };
}

/** Versions of auth0-spa-js before 2.15 lock by `browser-tabs-lock`, even where there are Web Locks; later ones by those. */
export function createPeerLocks(timers: Timers): Locks {
  return {
    exclusive: false,
    run(name, limit, task) {
      const deadline = performance.now() + limit; // for both
      return runWithTabsLock(timers, name, limit, () =>
        hasWebLocks()
          ? runWithWebLock(timers, name, Math.max(0, deadline - performance.now()), task)
          : task(),
      );
    },
  };
}

const hasWebLocks = (): boolean =>
  typeof navigator !== 'undefined' && typeof navigator.locks?.request === 'function';

async function runWithWebLock<T>(
  timers: Timers,
  name: string,
  limit: number,
  task: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const waiting = new AbortController();
  const leave = () => waiting.abort();
  let granted = false;
  const callOff = timers.after(limit, leave);
  signal?.addEventListener('abort', leave);
  try {
    return await navigator.locks.request(name, { signal: waiting.signal }, () => {
      granted = true;
      callOff();
      return task();
    });
  } catch (error) {
    // An abort before the grant is ours; whatever comes later is the task's own error.
    throw granted || !waiting.signal.aborted ? error : lockTimeout(limit);
  } finally {
    callOff();
    signal?.removeEventListener('abort', leave);
  }
}

/** Built on localStorage: its holder has only probably no rival, so the claim in the record decides. */
async function runWithTabsLock<T>(
  timers: Timers,
  name: string,
  limit: number,
  task: () => Promise<T>,
): Promise<T> {
  const deadline = performance.now() + limit; // for the code too
  const { default: module } = await loadFeature(timers, () => import('browser-tabs-lock'), limit);
  const lock = new (unwrap(module))();
  if (!(await lock.acquireLock(name, Math.max(0, deadline - performance.now())))) throw lockTimeout(limit);
  try {
    return await task();
  } finally {
    await lock.releaseLock(name);
  }
}

/** The package is CommonJS: depending on who loads it, the class is the default export or a member of it. */
function unwrap<C>(module: C | { default: C }): C {
  return typeof module === 'object' && module !== null && 'default' in module ? module.default : module;
}
