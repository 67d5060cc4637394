/**
 * Moves a session that auth0-spa-js has stored, once: its refresh tokens into custody, and out of the peer's entries. An old
 * tab goes on serving its access token; what it still writes back later is taken over if it is newer.
 */
import type { Milliseconds } from '../clock.ts';
import { validateIdToken } from '../core/id-token-validation.ts';
import { isSameIdentity, readSession, type Identity, type Session } from '../core/session.ts';
import { unknownIdentity } from '../core/whose.ts';
import type { Settings } from '../core/settings.ts';
import type { Token } from '../core/cache.ts';
import type { Custody } from '../custody/custody.ts';
import { prepareTakeOver } from '../custody/take-over.ts';
import { pause } from '../core/patience.ts';
import type { Environment } from '../environment.ts';
import { InvalidIdTokenError, lockTimeout } from '../errors.ts';
import {
  peerLockNames,
  readPeerSession,
  removePeerRefreshTokens,
  type PeerFamily,
  type PeerSession,
} from './auth0-spa-js-session.ts';

/** How long old tabs may keep us waiting in all: one holds its lock for as long as its iframe takes. The next call tries again. */
const lockLimit: Milliseconds = 3000;

/**
 * Right after a lock has changed hands, localStorage may show a tab what was there before: for 6 ms at the most, as measured.
 * So what is there is read this long after the locks were granted, and they are given back only when nothing more comes.
 */
const storageLag: Milliseconds = 20;
const rounds = 5;

/** How long a login may take from its family in custody to the session that is shown. */
const loginLag: Milliseconds = 1000;

export interface Move {
  readonly settings: Settings;
  readonly env: Pick<Environment, 'clock' | 'timers' | 'cryptography' | 'localStorage' | 'peerLocks'>;
  readonly custody: Custody;
  /** The session that there is by now, if any: another user's is none to be moved into. */
  readonly findSession: () => Promise<Session | undefined>;
  /** Writes what was moved, token by token. */
  readonly save: (audience: string, token: Token | undefined, idToken: string) => Promise<unknown>;
  /** Writes that there is a session, of nobody knows whom yet. */
  readonly saveUnknown: (audiences: readonly string[]) => Promise<unknown>;
}

export async function moveSession(move: Move): Promise<void> {
  const { settings, env } = move;
  // Before the locks: whoever is none of ours to move may hold them for long.
  const found = await findMovable(move);
  if (!found) return;
  const { former } = found;
  if (former) await pause(env.timers, loginLag);
  const audiences = found.peer.families.map(({ audience }) => audience);
  await holding(env, peerLockNames(settings.clientId, audiences), async () => {
    for (let round = 1; round <= rounds; round++) {
      await pause(env.timers, storageLag);
      // Read again: until the locks were granted, an old tab may have been spending one of these; and one that was doing so
      // without them may have written back what it got.
      const movable = await findMovable(move);
      if (!movable || (round > 1 && movable.peer.families.length === 0)) return;
      if (!(await take(move, { ...movable, former }))) return;
    }
  });
}

/** What was found, and may be moved. */
interface Movable {
  readonly peer: PeerSession;
  /** Empty where v1 has kept nothing but a refresh token. */
  readonly idToken: string;
  readonly identity: Identity;
  /** The same user's, in the same organization. */
  readonly session: Session | undefined;
  /** Whose families live in custody, though nobody is shown as signed in. */
  readonly former: Identity | undefined;
}

async function findMovable({ settings, env, custody, findSession }: Move): Promise<Movable | undefined> {
  const types = settings.useDpop ? ['bearer', 'dpop'] : ['bearer']; // its key is taken over too
  const peer = readPeerSession(env.localStorage, settings.clientId, types);
  if (peer === undefined) return undefined;
  const idToken = peer.id_token ?? '';
  if (idToken !== '' && !isOurs(settings, idToken, env.clock.now())) return undefined;
  const identity = readSession(idToken) ?? unknownIdentity;
  const session = await findSession();
  if (session && (peer.families.length === 0 || !isSameIdentity(session, identity))) return undefined;
  const { signedIn, logouts, unmarked } = await custody.look({ audience: '', scope: '' });
  if (logouts > 0) return undefined;
  const former = session || !signedIn || isSameIdentity(signedIn, identity) ? undefined : signedIn;
  if (former && unmarked) return undefined; // signed in, though the cache shows nobody
  return { peer, idToken, identity, session, former };
}

/** True: an old tab may have written back something newer meanwhile. */
async function take(
  { env, custody, save, saveUnknown }: Move,
  { peer, idToken, identity, session, former }: Movable,
): Promise<boolean> {
  const newest = newestPerAudience(peer.families);
  const families = newest.map(({ refresh_token, audience, scope, token }) => ({
    refresh_token,
    audience,
    scope,
    answer: token && { token, id_token: idToken },
  }));
  const takeOver = await prepareTakeOver({ identity, families, former }, env.cryptography.sha256);
  const adopted = await custody.moveIn(takeOver);
  if (!adopted) return false; // an old tab's own, for good
  removePeerRefreshTokens(env.localStorage, peer.families);
  const audiences = newest.map(({ audience }) => audience);
  if (idToken === '') {
    await saveUnknown(audiences);
    return false;
  }
  // Whoever took them over may have been cut off before anybody knew of it.
  if (adopted.length === 0 && !session) await save(audiences[0] ?? '', undefined, idToken);
  for (const { audience, answer } of adopted)
    await save(audience, answer?.token, session?.id_token ?? idToken);
  return true;
}

/** Issued by this tenant for this client. That its times have passed does not matter: the session goes on. */
function isOurs(settings: Settings, idToken: string, now: Milliseconds): boolean {
  try {
    validateIdToken(settings, idToken, { now });
    return true;
  } catch (error) {
    return error instanceof InvalidIdTokenError && error.retryable;
  }
}

/** An older one of the same audience may be an ancestor of the newer, and presenting it would end the family. */
const newestPerAudience = (families: readonly PeerFamily[]): PeerFamily[] =>
  families.filter(
    ({ audience }, index) => families.findIndex((other) => other.audience === audience) === index,
  );

/** Runs `task` under all of these locks; they are waited for until `deadline`, by the steady clock. */
function holding(
  env: Pick<Environment, 'peerLocks' | 'clock' | 'timers'>,
  names: readonly string[],
  task: () => Promise<void>,
  deadline = env.clock.steady() + lockLimit,
): Promise<void> {
  const [name, ...others] = names;
  if (name === undefined) return task();
  const limit = Math.max(0, deadline - env.clock.steady());
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(lockTimeout(limit));
    const callOff = env.timers.after(limit + storageLag, giveUp); // for locks that do not keep to their limit
    const inTurn = async () => {
      callOff();
      await holding(env, others, task, deadline).then(resolve, reject);
    };
    env.peerLocks.run(name, limit, inTurn).catch(reject).finally(callOff);
  });
}
