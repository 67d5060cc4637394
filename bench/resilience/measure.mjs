// Runs rounds of one scenario for one SDK, and counts.
import { openWorld, outcomeAfterwards } from './world.mjs';

/**
 * @returns {Promise<{ rounds: number, lost: number, reuses: number, requests: number, failed: number, retryable: number, worst: number, diagnosis?: string[] }>}
 *   `lost`: rounds after which a page that was opened could not renew; `failed`: calls that ended in an error, `retryable`
 *   among them those that said so; `worst`: the longest call, in ms; `diagnosis`: what an SDK that has `diagnose()` says of the
 *   calls that failed, each line once
 */
export async function measure(scenario, sdk, rounds) {
  const [row] = await compare(scenario, [sdk], rounds);
  return row;
}

/** The same for several SDKs, one after the other, at one tenant. */
export async function compare(scenario, names, rounds) {
  const { leeway, multiResource, options } = scenario;
  const world = await openWorld({ leeway, multiResource, options });
  const rows = [];
  try {
    for (const sdk of names) rows.push(await measureIn(world, scenario, sdk, rounds));
  } finally {
    await world.close();
  }
  return rows;
}

async function measureIn(world, { loginWith, run }, sdk, rounds) {
  const row = { rounds, lost: 0, reuses: 0, requests: 0, failed: 0, retryable: 0, worst: 0 };
  const causes = new Set();
  for (let round = 0; round < rounds; round++) {
    await world.reset();
    await world.login(loginWith ?? sdk);
    const [requests, reuses] = [world.refreshes(), world.reuses()];
    const outcomes = await run(world, sdk);
    row.requests += world.refreshes() - requests;
    row.failed += outcomes.filter(({ error }) => error !== undefined).length;
    row.retryable += outcomes.filter(({ retryable }) => retryable).length;
    row.worst = Math.max(row.worst, ...outcomes.map(({ waited = 0 }) => waited));
    world.tenant.faults.clear();
    const afterwards = await outcomeAfterwards(world, sdk);
    if (afterwards.token === undefined) row.lost += 1;
    for (const { cause } of [...outcomes, afterwards]) if (cause !== undefined) causes.add(cause);
    row.reuses += world.reuses() - reuses;
  }
  return causes.size === 0 ? row : { ...row, diagnosis: [...causes] };
}
