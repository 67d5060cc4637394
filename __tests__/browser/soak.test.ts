import { expect, it } from '@jest/globals';
import { soak } from './soak.ts';

const { LATCHKEY_ROUNDS, LATCHKEY_SEED } = process.env;

// `npm run soak` goes on for longer, and tells what it did.
(LATCHKEY_ROUNDS === 'all' ? it : it.skip).each([
  { where: 'a store', keeping: 'store' },
  { where: 'one worker', keeping: 'shared-worker' },
  { where: 'a worker each', keeping: 'worker' },
] as const)(
  'P1, P2, P3, P7, P13, P18: whatever tabs and a tenant do at random, every session that ends has a cause: with refresh tokens in $where',
  async ({ keeping }) => {
    const { broken, stories, lost, refreshes } = await soak({
      sdk: 'latchkey',
      keeping,
      seed: Number(LATCHKEY_SEED ?? 1),
      seconds: 25,
    });
    expect([...broken, ...stories]).toEqual([]);
    expect(lost).toBe(0);
    expect(refreshes).toBeGreaterThan(keeping === 'store' ? 10 : 1); // a worker goes with its pages
  },
  300_000,
);
