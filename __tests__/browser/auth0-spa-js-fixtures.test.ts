import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { launchChromium, type Chromium } from '../support/chromium.ts';
import {
  openPeerWorld,
  orders,
  things,
  type PeerTab,
  type PeerVersion,
  type PeerWorld,
} from './peer-world.ts';

/**
 * What auth0-spa-js leaves behind, from the published packages themselves. The committed files are what the reader is
 * tested with; here the packages are asked again whether they still write that. `WRITE_FIXTURES=1` writes the files anew.
 */
type Story = (tab: PeerTab, version: PeerVersion, world: PeerWorld) => Promise<void>;

const minute = 60_000;
const hour = 60 * minute;
const fallback = { useRefreshTokensFallback: true };

const stories: Readonly<Record<string, Story>> = {
  'no-audience': (tab, version) => tab.login(version),
  'one-audience': (tab, version) => tab.login(version, { audience: things, scope: 'openid read:things' }),
  'two-audiences': async (tab, version, world) => {
    await tab.login(version, { ...fallback, audience: things });
    await world.advance(minute);
    await succeed(tab.token({ audience: orders, scope: 'read:orders' }));
  },
  'wider-scope': (tab, version) =>
    tab.login(version, { audience: things, scope: 'read:things' }, { scope: 'read:things write:things' }),
  'wider-scope-refreshed': async (tab, version, world) => {
    await tab.login(
      version,
      { audience: things, scope: 'read:things' },
      { scope: 'read:things write:things' },
    );
    await world.advance(2 * hour);
    await succeed(tab.token());
  },
  expired: async (tab, version, world) => {
    await tab.login(version, { audience: things });
    await world.advance(2 * hour);
    world.tenant.faults.add({ kind: 'status', times: Infinity });
    expect(await tab.token()).toHaveProperty('error');
  },
  'no-refresh-token': (tab, version) => tab.login(version, { audience: things, useRefreshTokens: false }),
};

const storiesOfV2: Readonly<Record<string, Story>> = {
  ...stories,
  'one-token-for-two-audiences': async (tab, version, world) => {
    await tab.login(version, { audience: things, useMrrt: true });
    await world.advance(minute);
    await succeed(tab.token({ audience: orders, scope: 'read:orders' }));
  },
  'after-v1': async (tab, version) => {
    await tab.login('v1', { audience: things });
    await tab.load(version, { audience: things });
    await succeed(tab.token({ fresh: true }));
  },
};

async function succeed(answer: ReturnType<PeerTab['token']>): Promise<void> {
  expect(await answer).toEqual({ token: expect.any(String) });
}

let chromium: Chromium;

beforeAll(async () => {
  chromium = await launchChromium({ thirdPartyCookies: 'allowed' });
}, 30_000);

afterAll(() => chromium?.close());

describe.each([
  ['v1', stories],
  ['v2', storiesOfV2],
] as const)('what auth0-spa-js %s stores', (version, table) => {
  it.each(Object.keys(table))(
    'has the shape that the reader is tested with: %s',
    async (name) => {
      const fixture = await capture(version, name, table[name] as Story);
      const file = fileURLToPath(
        new URL(`../fixtures/auth0-spa-js/${version}-${name}.json`, import.meta.url),
      );
      if (process.env['WRITE_FIXTURES']) {
        mkdirSync(new URL('.', `file://${file}`), { recursive: true });
        writeFileSync(file, `${JSON.stringify(fixture, null, 2)}\n`);
      }
      expect(shapeOf(fixture)).toEqual(shapeOf(JSON.parse(readFileSync(file, 'utf8'))));
    },
    30_000,
  );
});

async function capture(version: PeerVersion, name: string, story: Story) {
  const world = await openPeerWorld(chromium, `${version} ${name}`);
  try {
    const tab = await world.openTab();
    await story(tab, version, world);
    const localStorage: Record<string, unknown> = {};
    for (const [name, text] of Object.entries(await tab.localStorage()).sort(([one], [other]) =>
      one.localeCompare(other),
    )) {
      localStorage[name] = JSON.parse(text);
      expect(JSON.stringify(localStorage[name])).toBe(text); // so that the file holds what was stored, to the letter
    }
    return { localStorage, cookies: await world.cookies() };
  } finally {
    await world.close();
  }
}

/** Names, members and types; of a text, whether it is a JWT. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, shapeOf(member)]));
  return typeof value === 'string' && /^eyJ.*\..*\..*/.test(value) ? 'JWT' : typeof value;
}
