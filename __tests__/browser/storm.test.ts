import { describe, expect, it } from '@jest/globals';
import { measure } from '../../bench/resilience/measure.mjs';
import { scenarios } from '../../bench/resilience/scenarios.mjs';

/** `LATCHKEY_ROUNDS=all`: as many as the scenario wants. */
const all = process.env.LATCHKEY_ROUNDS === 'all';
const isStorm = (name: string) => /^\d+ tabs/.test(name);

describe('a session in a real Chromium', () => {
  for (const scenario of scenarios) {
    const { pain, name, saved = true, ends = false, long = false } = scenario;
    if (long && !all) continue;
    const rounds = all ? scenario.rounds : isStorm(name) ? 2 : 1;
    const what = ends ? 'is over, and does not come back' : saved ? 'survives' : 'ends with its cause';
    it(`${pain}: ${what}: ${name}`, async () => {
      const row = await measure(scenario, 'latchkey', rounds);
      expect(row.lost).toBe(saved && !ends ? 0 : rounds);
      if (!saved) return;
      expect(row.reuses).toBe(0);
      expect(row.retryable).toBe(row.failed);
      if (!isStorm(name)) return;
      expect(row.requests).toBe(rounds);
      expect(row.failed).toBe(0);
    }, 600_000);
  }
});
