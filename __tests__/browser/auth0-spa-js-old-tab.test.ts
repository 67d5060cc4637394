import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { build } from 'esbuild';
import type { PeerFamily, PeerSession } from '../../src/compatibility/auth0-spa-js-session.ts';
import type { TextStorage } from '../../src/environment.ts';
import { launchChromium, type Chromium } from '../support/chromium.ts';
import {
  clientId,
  openPeerWorld,
  things,
  type PeerTab,
  type PeerVersion,
  type PeerWorld,
} from './peer-world.ts';

let chromium: Chromium;
let script: string;

beforeAll(async () => {
  chromium = await launchChromium({ thirdPartyCookies: 'allowed' });
  script = await ourScript();
}, 30_000);

afterAll(() => chromium?.close());

/** What a page of ours has as globals. */
interface Ours {
  latchkey: typeof import('../../src/compatibility/auth0-spa-js-session.ts');
  storage: TextStorage;
  BrowserTabsLock: new () => {
    acquireLock(name: string, limit: number): Promise<boolean>;
    releaseLock(name: string): Promise<void>;
  };
}

async function ourScript(): Promise<string> {
  const folder = fileURLToPath(new URL('../../src', import.meta.url));
  const contents = `
    import * as latchkey from './compatibility/auth0-spa-js-session.ts';
    import { pageLocalStorage as storage } from './browser/text-storage.ts';
    import lock from 'browser-tabs-lock';
    Object.assign(globalThis, { latchkey, storage, BrowserTabsLock: lock.default ?? lock });`;
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: folder, loader: 'ts' },
    bundle: true,
    write: false,
    target: 'es2022',
  });
  return outputFiles[0]?.text ?? '';
}

/** What one tab writes to localStorage reaches another one later, by milliseconds, whoever holds which lock. */
const lag = 200;
const settled = () => new Promise((later) => setTimeout(later, lag));

/** An old tab that has signed in, and a page of ours beside it. */
async function sideBySide(
  version: PeerVersion,
  story: (old: PeerTab, ours: PeerTab, world: PeerWorld) => Promise<void>,
): Promise<void> {
  const world = await openPeerWorld(chromium);
  try {
    const old = await world.openTab();
    await old.login(version, { audience: things, useRefreshTokensFallback: false });
    const ours = await world.openTab();
    await ours.load(version); // a page of the same origin, which asks the peer for nothing
    await ours.page.evaluate(script);
    await story(old, ours, world);
  } finally {
    await world.close();
  }
}

const read = ({ page }: PeerTab): Promise<PeerSession | undefined> =>
  page.evaluate((clientId) => {
    const { latchkey, storage } = globalThis as unknown as Ours;
    return latchkey.readPeerSession(storage, clientId);
  }, clientId);

/** Takes the refresh tokens out; what was taken. */
const take = ({ page }: PeerTab): Promise<readonly PeerFamily[]> =>
  page.evaluate((clientId) => {
    const { latchkey, storage } = globalThis as unknown as Ours;
    const families = latchkey.readPeerSession(storage, clientId)?.families ?? [];
    latchkey.removePeerRefreshTokens(storage, families);
    return families;
  }, clientId);

/** Reads while holding every lock of the peer's, of both kinds, once what it wrote last has arrived here. */
const readUnderLocks = ({ page }: PeerTab): Promise<PeerSession | undefined> =>
  page.evaluate(
    async (clientId, audience, lag) => {
      const { latchkey, storage, BrowserTabsLock } = globalThis as unknown as Ours;
      const names = latchkey.peerLockNames(clientId, [audience]);
      const holding = async (position: number): Promise<PeerSession | undefined> => {
        const name = names[position];
        if (name === undefined) {
          await new Promise((later) => setTimeout(later, lag));
          return latchkey.readPeerSession(storage, clientId);
        }
        return navigator.locks.request(name, async () => {
          const lock = new BrowserTabsLock();
          if (!(await lock.acquireLock(name, 5_000))) throw new Error(`no lock ${name}`);
          try {
            return await holding(position + 1);
          } finally {
            await lock.releaseLock(name);
          }
        });
      };
      return holding(0);
    },
    clientId,
    things,
    lag,
  );

/** The access tokens in the storage have expired. */
const expire = ({ page }: PeerTab) =>
  page.evaluate(() => {
    for (const [name, text] of Object.entries({ ...localStorage }))
      localStorage.setItem(name, text.replace(/"expiresAt":\d+/, '"expiresAt":1'));
  });

/** `getTokenSilently`, whose request has reached the tenant, and whose answer takes a while; in a list, not to be awaited here. */
async function underWay(old: PeerTab, world: PeerWorld): Promise<ReturnType<PeerTab['token']>[]> {
  const before = world.tenant.journal.length;
  world.tenant.faults.add({ kind: 'delay', ms: 700 });
  const pending = old.token();
  const handled = () => world.tenant.journal.slice(before).some(({ type }) => type === 'sertft');
  while (!handled()) await old.page.evaluate(() => new Promise((later) => setTimeout(later, 10)));
  return [pending];
}

const latest = (session: PeerSession | undefined) =>
  session?.families.map(({ refresh_token }) => refresh_token);
const codes = ({ tenant }: PeerWorld) => tenant.journal.map(({ type }) => type);

describe.each(['v1', 'v2'] as const)(
  'a tab with auth0-spa-js %s whose refresh token was taken',
  (version) => {
    it(
      'serves its access token to the end, then asks for a login, and writes nothing back',
      () =>
        sideBySide(version, async (old, ours, world) => {
          const stored = await old.token();
          expect(await take(ours)).toHaveLength(1);
          expect(await old.token()).toEqual(stored);
          expect(stored).toHaveProperty('token');

          await settled();
          await expire(old);
          expect(await old.token()).toEqual({ error: 'missing_refresh_token' });
          expect(await old.token()).toEqual({ error: 'missing_refresh_token' });
          await settled();
          expect((await read(ours))?.families ?? []).toEqual([]);
          expect(codes(world)).not.toContain('ferrt');
        }),
      30_000,
    );

    it(
      'writes the successor back when it was spending the token at that moment',
      () =>
        sideBySide(version, async (old, ours, world) => {
          await expire(old);
          const [pending] = await underWay(old, world);
          const [taken] = await take(ours);
          expect(await pending).toHaveProperty('token');
          await settled();
          const session = await read(ours);
          expect(session?.families).toHaveLength(1);
          expect(latest(session)).not.toEqual([taken?.refresh_token]);
        }),
      30_000,
    );

    it(
      'is waited for under the names of its locks, and its successor is what is read',
      () =>
        sideBySide(version, async (old, ours, world) => {
          await expire(old);
          await settled();
          const spent = latest(await read(ours));
          const [pending] = await underWay(old, world);
          const session = await readUnderLocks(ours);
          expect(latest(session)).toHaveLength(1);
          expect(latest(session)).not.toEqual(spent);
          expect(await pending).toHaveProperty('token');
          expect(latest(await read(ours))).toEqual(latest(session));
        }),
      30_000,
    );
  },
);
