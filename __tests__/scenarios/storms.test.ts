import { describe, expect, it } from '@jest/globals';
import { seededBy } from '../support/seeded-random.ts';
import { createWorld, type Fault, type Tab, type World } from '../support/world.ts';

const twoHours = 2 * 3600 * 1000;
const tenMinutes = 600_000;
const options = { useRefreshTokensFallback: false };

/** What is drawn in such a tab is drawn from a seed. */
function seededTabs(world: World, count: number, seed: number, changes = {}): Tab[] {
  const next = seededBy(seed);
  const { cryptography } = world.openTab(options).env;
  const randomBytes = (length: number) => Uint8Array.from({ length }, () => next(256));
  return Array.from({ length: count }, () =>
    world.openTab({ ...options, ...changes }, { cryptography: { ...cryptography, randomBytes } }),
  );
}

/** Every tab asks for a token every so often, for so long. */
async function pester(world: World, tabs: readonly Tab[], span: number, every = 5000): Promise<unknown[]> {
  const errors: unknown[] = [];
  for (let passed = 0; passed < span; passed += every) {
    for (const { client } of tabs) client.getTokenSilently().catch((error: unknown) => errors.push(error));
    await world.advance(every);
  }
  return errors;
}

const ways: readonly (readonly [string, Fault])[] = [
  ['answers 503', { kind: 'answer', status: 503, body: '' }],
  ['answers 429', { kind: 'answer', status: 429, body: '{"error":"too_many_requests"}' }],
  ['cannot be reached', { kind: 'drop-before' }],
];

describe('P21: a server that is down for 10 minutes', () => {
  it.each(ways)('and %s is sent 10 requests at the most by 20 tabs', async (_, fault) => {
    for (const seed of [1, 2, 3]) {
      const world = createWorld();
      const tabs = seededTabs(world, 20, seed);
      await tabs[0]!.login();
      await world.advance(twoHours);
      world.faults.push(...Array.from({ length: 1000 }, () => fault));
      await pester(world, tabs, tenMinutes);
      expect(world.refreshes().length).toBeLessThanOrEqual(10);

    }
  });
});
