/** Puts together what logs in, renews and logs out: all of the client that a page does not need to serve from the cache. */
import { LocalStorageCache } from './browser/local-storage-cache.ts';
import { createBrowserEnvironment } from './browser/environment.ts';
import { createBackOff } from './core/back-off.ts';
import { endpointsAt, type FindEndpoints } from './core/endpoints.ts';
import { loadFeature } from './core/load-feature.ts';
import { patiently } from './core/patience.ts';
import { createTokenLives } from './core/token-lives.ts';
import { createCustody } from './custody/custody.ts';
import { createLazyRecordStore } from './custody/lazy-record-store.ts';
import { createMemoryRecordStore } from './custody/memory-record-store.ts';
import { createPageLocks } from './custody/page-locks.ts';
import { createWorkerCustody } from './custody/worker-custody.ts';
import { featureLoadFailed } from './errors.ts';
import { createAtHand } from './flows/at-hand.ts';
import type { ClientContext, Engine, PageContext } from './flows/context.ts';
import * as flows from './flows/engine-flows.ts';
import { watch } from './flows/watch.ts';
import { cacheIsLate, cacheLimit, knownSession } from './flows/entries.ts';
import {
  followLogin,
  followLogout,
  isPeerEntry,
  peerRefreshTokens,
  renameHint,
  saveToken,
  saveUser,
} from './flows/keep-session.ts';
import { createRecorder } from './flows/record-facts.ts';
import { createRefreshAhead } from './flows/refresh-ahead.ts';

/** @throws {GenericError} `feature_load_failed`, for whatever it lacks */
export function openEngine(page: PageContext): Engine {
  try {
    return putTogether(page);
  } catch (cause) {
    throw featureLoadFailed(cause);
  }
}

function putTogether(page: PageContext): Engine {
  const recorder = createRecorder(page);
  const world = page.world ?? createBrowserEnvironment();
  const silentFrame = recorder.silentFrame(world.silentFrame);
  const env = { ...world, clock: page.env.clock, silentFrame };
  const { settings, flights, cache, heap, disposal } = page;
  heap.lives = createTokenLives(env.clock);
  const inHeap = settings.cacheLocation === 'memory';
  const pageLocks = createPageLocks(env.timers);
  const records = {
    memory: createMemoryRecordStore,
    localstorage: () => env.records,
    custom: () => createLazyRecordStore(env, cache),
  }[settings.cacheLocation]();
  let discovery: FindEndpoints | undefined;
  const discover: FindEndpoints = async (patience) => {
    const { createDiscovery } = await loadFeature(env.timers, () => import('./flows/discover.ts'));
    discovery ??= createDiscovery(settings, env, disposal.signal);
    return discovery(patience);
  };
  const endpoints = settings.discovery ? discover : async () => endpointsAt(settings);
  const loggedOut = () => void followLogout(context, 'custody has ended');
  const signedIn = () => void followLogin(context).catch(() => {}); // the next refresh will tell
  const createInPage = () =>
    createCustody(
      settings,
      env,
      records,
      recorder.locks(inHeap ? pageLocks : env.locks),
      endpoints,
      loggedOut,
    );
  const context: ClientContext = {
    ...page,
    env,
    custody: recorder.custody(
      settings.worker
        ? createWorkerCustody(settings, settings.worker, env, createInPage, endpoints, loggedOut, signedIn)
        : createInPage(),
    ),
    endpoints,
    frames: pageLocks,
    frameBackOff: createBackOff(env, disposal.signal),
    async moveInAgain() {
      if (settings.cacheLocation !== 'localstorage') return;
      // An old tab may still write back what it got for a refresh token that was moved meanwhile.
      if (peerRefreshTokens(env.localStorage, settings.clientId).length === 0) return;
      await flights.share('move in', async () => {
        // Busy, or not to be reached: the next call tries again.
        heap.hasMovedIn = await moveIn(context).then(
          () => true,
          () => false,
        );
      });
    },
  };
  heap.answerOf = patiently(env.timers, cacheLimit, cacheIsLate);
  renameHint(context);
  const isPlain = cache instanceof LocalStorageCache && cache['storage'] === env.localStorage;
  heap.atHand = createAtHand(context, isPlain);
  const ahead = createRefreshAhead(context);
  heap.failed = (error) => {
    recorder.failed(error);
    heap.observer?.failed(error);
  };
  if (heap.listeners.size > 0) watch(context).catch(() => {}); // the next change tries again
  const dispose = () => {
    ahead.dispose();
    context.custody.dispose();
    env.keys.close();
  };
  const { signal } = page.disposal;
  if (signal.aborted) dispose();
  else signal.addEventListener('abort', dispose);
  return {
    context,
    flows,
    ahead,
    moveIn: () => moveIn(context),
    async fetchWithAuth(getToken, config, request) {
      const load = () => import('./features/fetch-with-auth.ts');
      const { fetchWithAuth } = await loadFeature(env.timers, load);
      return fetchWithAuth({ settings, env, getToken }, config, request);
    },
  };
}

/** What auth0-spa-js has left; the code for it is loaded only where there is something. */
async function moveIn(context: ClientContext): Promise<void> {
  const { settings, env, custody, heap } = context;
  if (!env.localStorage.names().some((name) => isPeerEntry(name, settings.clientId))) return;
  const { moveSession } = await loadFeature(env.timers, () => import('./compatibility/move-session.ts'));
  const countLogouts = async () => (await custody.look({ audience: '', scope: '' })).logouts;
  const before = await countLogouts();
  try {
    await moveSession({
      settings,
      env,
      custody,
      findSession: () => knownSession(context),
      save: (audience, token, idToken) => saveToken(context, { audience }, token, idToken, 0), // nothing is moved after a logout
      saveUnknown: (audiences) => saveUser(context, { id_token: '', audiences }),
    });
  } finally {
    // It may have waited for seconds, for a session that nobody had seen here yet.
    heap.signedOut ||= (await countLogouts()) > before;
  }
}
