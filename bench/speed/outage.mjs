// A million clients whose tokens all end as an outage begins, and whose apps never stop asking: when they come back after it, by the
// state machine that decides that in every tab (src/custody/family.ts). Simulated; the draws come from a seed.
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const clients = 1_000_000;
/** When outages of several lengths are over, in ms; and so at different moments of the spans that tries are drawn from. */
const ends = [300_000, 345_000, 390_000, 435_000, 480_000];
/** What counts as a peak, in ms. */
const bin = 10_000;

export async function outage(note) {
  const { transition } = await load('src/custody/family.ts');
  const random = seeded(7);
  const served = ends.map(() => new Map());
  const last = ends.map(() => 0);
  for (let client = 0; client < clients; client++) {
    let end = 0;
    for (const at of tries(transition, random)) {
      for (; end < ends.length && at >= ends[end]; end++) {
        const slot = Math.floor((at - ends[end]) / bin);
        served[end].set(slot, (served[end].get(slot) ?? 0) + 1);
        last[end] = Math.max(last[end], at);
      }
      if (end === ends.length) break;
    }
  }
  ends.forEach((end, index) => {
    const peak = Math.max(...served[index].values()) / bin;
    note('outage', 'latchkey', peak / (clients / (last[index] - end)));
  });
}

/** When one client tries: as soon as it may, while all fail. */
function* tries(transition, random) {
  const identity = { sub: 'user' };
  const key = 'audience ';
  const [adopted] = transition(undefined, { kind: 'adopt', refresh_token: 'head', scope: '', identity, key });
  let family = adopted;
  for (let now = 0; ; now = Math.max(now + 1, family.pause.until)) {
    yield now;
    const seen = { generation: 1, failures: family.failures ?? 0 };
    const claim = { owner: 'tab', now, steady: now, seen, key, scope: '', locked: true, abandonedAfter: 1e6 };
    [family] = transition(family, { kind: 'claim', ...claim });
    const failure = { at: now, draw: random() };
    [family] = transition(family, { kind: 'release', owner: 'tab', outcome: 'not_spent', failure });
  }
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
