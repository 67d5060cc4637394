/**
 * Moves a session that auth0-spa-js has stored, once: its refresh tokens into custody, and out of the peer's entries. An old
 * tab goes on serving its access token; what it still writes back later is taken over if it is newer.
 */
import type { Milliseconds } from '../clock.ts';
import { validateIdToken } from '../core/id-token-validation.ts';
import { isSameIdentity, readSession, unknownIdentity, type Session } from '../core/session.ts';
import type { Settings } from '../core/settings.ts';
import type { Token } from '../core/cache.ts';
import type { Custody } from '../custody/custody.ts';
import { prepareTakeOver } from '../custody/take-over.ts';
import type { Environment, Locks, Timers } from '../environment.ts';
import { InvalidIdTokenError } from '../errors.ts';
import {
  peerLockNames,
  readPeerSession,
  removePeerRefreshTokens,
  type PeerFamily,
} from './auth0-spa-js-session.ts';

/** How long an old tab may keep us waiting: it holds its lock for as long as its iframe takes. The next call tries again. */
const lockLimit: Milliseconds = 3000;

/**
 * Right after a lock has changed hands, localStorage may show a tab what was there before: for 6 ms at the most, as measured.
 * So what is there is read this long after the locks were granted, and they are given back only when nothing more comes.
 */
const storageLag: Milliseconds = 20;
const rounds = 5;

export interface Move {
  readonly settings: Settings;
  readonly env: Pick<Environment, 'clock' | 'timers' | 'cryptography' | 'localStorage' | 'peerLocks'>;
  readonly custody: Custody;
  /** The session that there is already, if any: another user's is none to be moved into. */
  readonly session: Session | undefined;
  /** Writes what was moved, token by token. */
  readonly save: (audience: string, token: Token | undefined, idToken: string) => Promise<unknown>;
  /** Writes that there is a session, of nobody knows whom yet. */
  readonly saveUnknown: (audiences: readonly string[]) => Promise<unknown>;
}

export async function moveSession({
  settings,
  env,
  custody,
  session,
  save,
  saveUnknown,
}: Move): Promise<void> {
  const { localStorage, peerLocks } = env;
  const { clientId } = settings;
  const found = readPeerSession(localStorage, clientId);
  if (!found) return;
  const audiences = found.families.map(({ audience }) => audience);
  await holding(peerLocks, peerLockNames(clientId, audiences), async () => {
    for (let round = 1; round <= rounds; round++) {
      await pause(env.timers, storageLag);
      // Read again: until the locks were granted, an old tab may have been spending one of these; and one that was doing so
      // without them may have written back what it got.
      const peer = readPeerSession(localStorage, clientId);
      if (peer === undefined || (round > 1 && peer.families.length === 0)) return;
      // v1 keeps nothing of an expired entry but its refresh token.
      const idToken = peer.id_token ?? '';
      if (idToken !== '' && !isOurs(settings, idToken, env.clock.now())) return;
      const identity = readSession(idToken) ?? unknownIdentity;
      if (session && !isSameIdentity(session, identity)) return;
      const newest = newestPerAudience(peer.families);
      const families = newest.map(({ refresh_token, audience, scope, token }) => ({
        refresh_token,
        audience,
        scope,
        answer: token && { token, id_token: idToken },
      }));
      const takeOver = await prepareTakeOver({ identity, families }, env.cryptography.sha256);
      const adopted = await custody.moveIn(takeOver);
      removePeerRefreshTokens(localStorage, peer.families);
      if (!adopted) return;
      const audiences = newest.map(({ audience }) => audience);
      if (idToken === '') return void (await saveUnknown(audiences));
      // Whoever took them over may have been cut off before anybody knew of it.
      if (adopted.length === 0 && !session) await save(audiences[0] ?? '', undefined, idToken);
      for (const { audience, answer } of adopted)
        await save(audience, answer?.token, session?.id_token ?? idToken);
    }
  });
}

const pause = (timers: Timers, span: Milliseconds): Promise<void> =>
  new Promise((resolve) => void timers.after(span, resolve));

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

function holding(locks: Locks, names: readonly string[], task: () => Promise<void>): Promise<void> {
  const [name, ...others] = names;
  if (name === undefined) return task();
  return locks.run(name, lockLimit, () => holding(locks, others, task));
}
