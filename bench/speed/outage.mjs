// A million clients whose tokens all end as an outage begins, and whose apps never stop asking: when they come back after it, by the
// state machine that decides that in every tab (src/custody/family.ts). Simulated; the draws come from a seed.
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const clients = 1_000_000;
const ends = [20, 24, 28, 32, 36]; // minutes; and so at different moments of the spans that tries are drawn from
const bin = 10_000; // ms: what counts as a peak

export async function outage(note) {
  const { transition } = await load('src/custody/family.ts');
  const random = seeded(7);
  for (const minutes of ends) {
    const end = minutes * 60_000 + random() * 180_000;
    const served = new Map();
    let last = 0;
    for (let client = 0; client < clients; client++) {
      const at = firstSuccess(transition, random, end);
      last = Math.max(last, at);
      const slot = Math.floor((at - end) / bin);
      served.set(slot, (served.get(slot) ?? 0) + 1);
    }
    const peak = Math.max(...served.values()) / bin;
    note('outage', 'latchkey', peak / (clients / (last - end)));
  }
}

/** When one client gets its token: it tries as soon as it may, and fails until the outage is over. */
function firstSuccess(transition, random, end) {
  const identity = { sub: 'user' };
  const key = 'audience ';
  let [family] = transition(undefined, { kind: 'adopt', refresh_token: 'head', scope: '', identity, key });
  let now = 0;
  while (now < end) {
    const seen = { generation: 1, failures: family.failures ?? 0 };
    const claim = { owner: 'tab', now, steady: now, seen, key, scope: '', locked: true, abandonedAfter: 1e6 };
    [family] = transition(family, { kind: 'claim', ...claim });
    const failure = { at: now, draw: random() };
    [family] = transition(family, { kind: 'release', owner: 'tab', outcome: 'not_spent', failure });
    now = Math.max(now + 1, family.pause.until);
  }
  return now;
}

/** Mulberry32. */
function seeded(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

async function load(path) {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`../../${path}`, import.meta.url))],
    bundle: true,
    format: 'esm',
    write: false,
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);
}
