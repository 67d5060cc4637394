/**
 * Every mix of tabs, stores, locks, leeways, faults, lives and clocks, against I1-I5. `LATCHKEY_ROUNDS=all` runs all cells;
 * otherwise a sample, drawn anew by `LATCHKEY_SEED`. A cell that fails is named by its coordinates: run it alone with
 * `LATCHKEY_CELL='2 tabs, memory, …'`.
 */
import { describe, expect, it } from '@jest/globals';
import type { Environment, Locks } from '../../src/environment.ts';
import {
  brokenSpends,
  brokenWaits,
  causeOf,
  isRetryable,
  leaks,
  watch,
  type Watched,
} from '../support/invariants.ts';
import { createWorld, type Fault, type Tab } from '../support/world.ts';

const axes = {
  tabs: [1, 2, 20],
  store: ['memory', 'localstorage', 'custom'],
  locks: ['web', 'fallback', 'never'],
  leeway: [0, 30],
  fault: ['ok', 'drop before', 'drop after', '503 json', '503 html', '429', 'offline', 'slow 12 s', 'hang'],
  life: ['alive', 'killed', 'frozen'],
  clock: ['0', '+5 min', '-5 min', '+1 d', '-1 d'],
} as const;

type Cell = { readonly [Axis in keyof typeof axes]: (typeof axes)[Axis][number] };

const minute = 60_000;
const jumps: Record<Cell['clock'], number> = {
  '0': 0,
  '+5 min': 5 * minute,
  '-5 min': -5 * minute,
  '+1 d': 1440 * minute,
  '-1 d': -1440 * minute,
};

/** httpTimeoutInSeconds, and what the store may take before and after. */
const bound = 10_000 + 2 * 5000;

/** How long after its commit a takeover without a lock comes: the exchange limit and what the store may take. */
const takeover = 35;

const nameOf = (cell: Cell): string =>
  `${cell.tabs} tabs, ${cell.store}, ${cell.locks} locks, leeway ${cell.leeway}, ${cell.fault}, ${cell.life}, clock ${cell.clock}`;

function faultOf(fault: Cell['fault']): Fault | undefined {
  switch (fault) {
    case 'ok':
    case 'offline':
      return undefined;
    case 'drop before':
      return { kind: 'drop-before' };
    case 'drop after':
      return { kind: 'drop-after' };
    case '503 json':
      return { kind: 'answer', status: 503, body: '{"error":"temporarily_unavailable"}' };
    case '503 html':
      return { kind: 'answer', status: 503, body: '<html>' };
    case '429':
      return { kind: 'answer', status: 429, body: '{"error":"too_many_requests"}' };
    case 'slow 12 s':
      return { kind: 'slow', by: 12_000 };
    case 'hang':
      return { kind: 'hang' };
  }
}

/** Each third turn is given away twice: locks built on storage do that. */
function leakyLocks(): (locks: Locks) => Locks {
  let turns = 0;
  return (locks) => ({
    exclusive: false,
    run: (name, limit, task) => (turns++ % 3 === 2 ? task() : locks.run(name, limit, task)),
  });
}

async function runCell(cell: Cell): Promise<string[]> {
  const world = createWorld({
    leeway: cell.leeway,
    exclusiveLocks: cell.locks !== 'fallback',
    appCache: cell.store === 'custom',
  });
  const leaky = leakyLocks();
  const open = (): Tab => {
    const ports: Partial<Environment> = {
      ...(cell.locks === 'never' && { locks: { exclusive: true, run: () => new Promise(() => {}) } }),
      ...(cell.locks === 'fallback' && { locks: leaky(world.locks) }),
    };
    return world.openTab(
      {
        useRefreshTokensFallback: false,
        ...(cell.store !== 'custom' && { cacheLocation: cell.store }),
      },
      ports,
    );
  };
  const tabs = Array.from({ length: cell.tabs }, open);
  for (const tab of cell.store === 'memory' ? tabs : tabs.slice(0, 1)) {
    const login = tab.login();
    await world.advance(cell.locks === 'never' ? 6000 : 0);
    await login;
  }
  for (const tab of tabs) await tab.client.isAuthenticated();
  await world.advance(120 * minute);

  // The storm.
  const fault = faultOf(cell.fault);
  if (fault) world.faults.push(fault);
  if (cell.fault === 'offline') world.online = false;
  const calls = tabs.map((tab) => ({ tab, watched: watch(world, tab.client.getTokenSilently()) }));
  await world.advance(cell.locks === 'never' ? 5500 : 500);
  world.jump(jumps[cell.clock]);
  const holder = world.refreshes()[0]?.by;
  const [first] = world.refreshes();
  const handled =
    first !== undefined && !['drop before', '503 json', '503 html', '429', 'hang'].includes(cell.fault);
  const interrupted =
    cell.life !== 'alive' && first !== undefined && holder !== undefined && first.status === undefined;
  if (interrupted && cell.life === 'killed') holder.kill();
  if (interrupted && cell.life === 'frozen') holder.freeze();
  await world.advance(2 * minute);

  const lost = handled && (cell.fault === 'drop after' || (interrupted && cell.fault !== 'ok'));
  const broken: string[] = [];
  const living = calls.filter(({ tab }) => !(interrupted && tab === holder));
  broken.push(
    ...brokenWaits(
      living.map(({ watched }) => watched),
      bound,
    ),
  );

  // And afterwards.
  if (interrupted && cell.life === 'frozen') holder.wake();
  world.jump(-jumps[cell.clock]);
  world.online = true;
  world.faults.length = 0;
  await world.advance(3 * minute);
  const left = tabs.filter((tab) => !(interrupted && cell.life === 'killed' && tab === holder));
  if (left.length === 0 && cell.store !== 'memory') left.push(open());
  const recovered = left.map((tab) => watch(world, tab.client.getTokenSilently({ cacheMode: 'off' })));
  await world.advance(2 * minute);
  broken.push(...brokenWaits(recovered, bound));

  const ends = [...calls.map(({ watched }) => watched), ...recovered];
  const told = new Set(ends.flatMap(({ error }) => (error === undefined ? [] : (causeOf(error) ?? []))));
  // Where nobody is left, the next page comes minutes later; else the next holder comes at once, or when the claim is overdue.
  const nobody = cell.tabs === 1 || cell.store === 'memory';
  const late = !interrupted
    ? 0
    : nobody
      ? 300
      : cell.life === 'frozen' || cell.locks !== 'web'
        ? takeover
        : 0;
  const mayEnd = lost && late >= cell.leeway;
  if (told.size > 1) broken.push(`I2: several causes: ${[...told].join(', ')}`);
  for (const cause of told)
    if (!mayEnd || cause !== 'outcome_unknown') broken.push(`I2: ended, ${cause}, and nothing allows it`);
  for (const { error } of calls.map(({ watched }) => watched))
    if (error !== undefined && !isRetryable(error) && !mayEnd)
      broken.push(`I2: ${describeError(error)} in the storm`);
  if (!mayEnd)
    for (const { error, value } of recovered)
      if (typeof value !== 'string') broken.push(`I2: not recovered: ${describeError(error)}`);
  broken.push(...brokenSpends(world, { lost }));
  if (cell.store !== 'memory' && cell.life !== 'frozen' && world.mostAtOnce() > 1)
    broken.push(`I1: ${world.mostAtOnce()} holders at once`);

  // I4: a logout ends it everywhere.
  const [leaver] = left;
  if (leaver && cell.store !== 'memory') {
    const logout = leaver.client.logout({ openUrl: false });
    await world.advance(10_000);
    await logout;
    for (const { client } of left)
      if (await client.isAuthenticated()) broken.push('I4: signed in after a logout');
    if (world.tenant.families().some(({ verdict }) => verdict === 'live'))
      broken.push('I4: a family outlived the logout');
  }
  broken.push(
    ...leaks(
      world,
      ends.map(({ error }: Watched) => error),
    ),
  );
  return [...new Set(broken)];
}

const describeError = (error: unknown): string => {
  const { error: code, reason } = (error ?? {}) as { error?: string; reason?: string };
  return `${code ?? String(error)}${reason === undefined ? '' : ` (${reason})`}`;
};

/** All cells of one fault and one life. */
function cellsOf(fault: Cell['fault'], life: Cell['life']): Cell[] {
  return axes.tabs.flatMap((tabs) =>
    axes.store.flatMap((store) =>
      axes.locks.flatMap((locks) =>
        axes.leeway.flatMap((leeway) =>
          axes.clock.map((clock) => ({ tabs, store, locks, leeway, fault, life, clock })),
        ),
      ),
    ),
  );
}

const { LATCHKEY_ROUNDS, LATCHKEY_CELL, LATCHKEY_SEED = '1' } = process.env;

/** Every pair of values of two axes is met; which cells meet it, the seed decides. */
function sample(cells: readonly Cell[], seed: number): Cell[] {
  let state = seed;
  const random = () => (state = (state * 48_271) % 0x7fffffff) / 0x7fffffff;
  const shuffled = cells
    .map((cell) => ({ cell, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ cell }) => cell);
  const met = new Set<string>();
  const names = ['tabs', 'store', 'locks', 'leeway', 'clock'] as const;
  return shuffled.filter((cell) => {
    const pairs = names.flatMap((one) =>
      names.filter((other) => other > one).map((other) => `${one} ${cell[one]} ${other} ${cell[other]}`),
    );
    const news = pairs.some((pair) => !met.has(pair));
    for (const pair of pairs) met.add(pair);
    return news;
  });
}

describe.each(axes.fault)('P1, P2, P3, P7, P13: the world, %s', (fault) => {
  it.each(axes.life)(
    'a page %s in the middle of it',
    async (life) => {
      const all = cellsOf(fault, life);
      const seed = Number(LATCHKEY_SEED) + axes.fault.indexOf(fault) * 3 + axes.life.indexOf(life);
      const cells = LATCHKEY_CELL
        ? all.filter((cell) => nameOf(cell) === LATCHKEY_CELL)
        : LATCHKEY_ROUNDS === 'all'
          ? all
          : sample(all, seed);
      const broken: string[] = [];
      for (const cell of cells)
        for (const what of await runCell(cell)) broken.push(`${nameOf(cell)}: ${what}`);
      expect(broken).toEqual([]);
    },
    600_000,
  );
});
