import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Page } from 'puppeteer-core';
import { compare, measure, type Row } from '../../bench/resilience/measure.mjs';
import { outages, scenarios, type Outcome, type Scenario } from '../../bench/resilience/scenarios.mjs';
import { launchChromium, type Chromium } from '../support/chromium.ts';
import { inTabs } from './app-world.ts';

/** `LATCHKEY_ROUNDS=all`: as many as the scenario wants. */
const all = process.env.LATCHKEY_ROUNDS === 'all';
const isStorm = (name: string) => /^\d+ tabs/.test(name);

/** The scenario beside more tabs of the same session, which ask when it is over; `told` gets what all tabs hear. */
const overheard = (scenario: Scenario, told: Outcome[], count = 0): Scenario => ({
  ...scenario,
  async run(world, sdk) {
    const others: Page[] = [];
    while (others.length < count) others.push(await world.openTab(sdk));
    const outcomes = await scenario.run(world, sdk);
    told.push(...outcomes);
    for (const tab of others) told.push((await tab.evaluate('window.call()')) as Outcome);
    return outcomes;
  },
});

/** What a diagnosis says that names no cause. */
const unnamed = /^(?:nothing$|something threw|the tenant answered)/;

/** Longer than any word of a diagnosis, and shorter than any token, code or verifier; or a user's address. */
const secret = /[\w-]{30,}|@/;

/** @param failed Whether a call was told an error, or a page that was opened afterwards was. */
function expectNamed(diagnosis: readonly string[], { because = /./ }: Scenario, failed: boolean): void {
  expect(diagnosis.length > 0).toBe(failed);
  for (const line of diagnosis) {
    expect(line).toMatch(because);
    expect(line).not.toMatch(unnamed);
    expect(line).not.toMatch(/\n|\|/);
    expect(line).not.toMatch(secret);
  }
}

/** What latchkey makes of it; and, where requests are what counts, auth0-spa-js at the same tenant, which is said. */
async function besideThePeer(scenario: Scenario, rounds: number): Promise<readonly [Row, Row?]> {
  const { compared = false, outage = false } = scenario;
  if (!compared || !(all || outage)) return [await measure(scenario, 'latchkey', rounds)];
  const [ours, theirs] = (await compare(scenario, ['latchkey', 'auth0-spa-js'], rounds)) as [Row, Row];
  const told = ({ requests, failed, lost }: Row) =>
    `${requests} refreshes, ${failed} calls failed, ${lost} sessions lost`;
  console.info(`${scenario.name}, ${rounds} times\nlatchkey: ${told(ours)}\nauth0-spa-js: ${told(theirs)}`);
  return [ours, theirs];
}

describe('a session in a real Chromium', () => {
  for (const scenario of [...scenarios, ...outages]) {
    const { pain, name, saved = true, ends = false, long = false, outage = false } = scenario;
    if (long && !all) continue;
    const rounds = all ? scenario.rounds : isStorm(name) ? 2 : 1;
    const what = ends ? 'is over, and does not come back' : saved ? 'survives' : 'ends with its cause';
    it(`${pain}: ${what}: ${name}`, async () => {
      const told: Outcome[] = [];
      const played = overheard(scenario, told, saved ? 0 : 2);
      const [row, theirs] = await besideThePeer(played, rounds);
      expect(row.lost).toBe(saved && !ends ? 0 : rounds);
      expectNamed(row.diagnosis ?? [], scenario, row.failed + row.lost > 0);
      for (const { diagnosis = '' } of told) expect(diagnosis).not.toMatch(secret);
      if (!saved) {
        expect(told).toHaveLength(3 * rounds);
        for (const outcome of told)
          expect(outcome).toMatchObject({ error: 'invalid_grant', reason: 'outcome_unknown' });
        return;
      }
      expect(row.reuses).toBe(0);
      expect(row.retryable).toBe(row.failed);
      if (theirs) expect(row.requests).toBeLessThan(theirs.requests + Number(!outage));
      if (outage) expect(row.requests).toBeLessThanOrEqual(10);
      if (!isStorm(name)) return;
      expect(row.requests).toBe(rounds);
      expect(row.failed).toBe(0);
    }, 600_000);
  }
});

describe('what `npm run bench:resilience` has written', () => {
  const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
  const rows = JSON.parse(read('bench/results/resilience.json')) as { name: string; latchkey: Row }[];

  it.each(scenarios.map((scenario) => [scenario.name, scenario] as const))(
    'names the cause, where there is one, and the page tells it: %s',
    (name, scenario) => {
      const row = rows.find((it) => it.name === name)?.latchkey;
      expect(row).toBeDefined();
      const { diagnosis = [], failed = 0, lost = 0 } = row ?? {};
      expectNamed(diagnosis, scenario, failed + lost > 0);
      const page = read('docs/troubleshooting.md').replace(/ +/g, ' ');
      for (const line of diagnosis) expect(page).toContain(`| ${name} | ${line} |`);
    },
  );
});

describe('P21: a tenant of another origin', () => {
  let chromium: Chromium;
  beforeAll(async () => {
    chromium = await launchChromium({ thirdPartyCookies: 'allowed' });
  }, 30_000);
  afterAll(() => chromium?.close());

  it(
    'that asks to be left alone is, by all tabs',
    () =>
      inTabs(chromium, { count: 3 }, async (world, tabs) => {
        await world.advance(7_200_000);
        world.tenant.faults.add({ kind: 'status', status: 429, retryAfter: 60 });
        expect(await tabs[0].token()).toMatchObject({ error: 'too_many_requests', retryable: true });
        for (const tab of tabs) expect(await tab.token()).toMatchObject({ reason: 'backing_off' });
        expect(world.refreshes('app')).toBe(1);
        await world.advance(64_000);
        expect(await tabs[1]?.token()).toMatchObject({ token: expect.any(String) });
        expect(world.refreshes('app')).toBe(2);
      }),
    60_000,
  );
});
