import { describe, expect, it } from '@jest/globals';
import type { ClientEvents } from '../../src/core/events.ts';
import type { Auth0ClientOptions } from '../../src/core/options.ts';
import { InvalidConfigurationError } from '../../src/errors.ts';
import { ada, audience, createWorld, grace, orders, type Tab, type World } from '../support/world.ts';

const twoHours = 2 * 3600 * 1000;
const names = [
  'signed_in',
  'signed_out',
  'session_ended',
  'token_refreshed',
  'user_changed',
  'storage_degraded',
  'reload',
] as const satisfies readonly (keyof ClientEvents)[];

type Told = { readonly name: keyof ClientEvents } & Record<string, unknown>;

/** All that a tab is told, in order, from now on. */
async function toldTo(world: World, tab: Tab): Promise<Told[]> {
  const told: Told[] = [];
  for (const name of names) tab.client.on(name, (event) => void told.push({ name, ...event }));
  await world.rest();
  return told;
}

/** Ada is signed in in one tab; others have been opened since. */
async function manyTabs(count: number, options: Partial<Auth0ClientOptions> = {}) {
  const world = createWorld();
  const tab = world.openTab(options);
  await tab.login(ada);
  const others = Array.from({ length: count - 1 }, () => world.openTab(options));
  const heard = await Promise.all(others.map((other) => toldTo(world, other)));
  return { world, tab, others, heard };
}

const refuseNext = (world: World) => world.tenant.families().forEach(({ familyId }) => world.tenant.revokeFamily?.(familyId));

describe('a logout', () => {
  it('is told to seven other tabs at once, by which nothing is sent', async () => {
    const { world, tab, heard } = await manyTabs(8);
    const own = await toldTo(world, tab);
    await tab.client.logout();
    const sent = world.requests.filter(({ by }) => by !== tab);
    await world.rest();
    expect(own).toEqual([{ name: 'signed_out', from: 'this' }]);
    for (const told of heard) expect(told).toEqual([{ name: 'signed_out', from: 'other' }]);
    expect(sent).toEqual([]);
    expect(world.requests.filter(({ by }) => by !== tab)).toEqual([]);
  });
});
