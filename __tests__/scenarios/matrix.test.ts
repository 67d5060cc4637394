/**
 * Every mix of tabs, stores, locks, leeways, faults, lives and clocks, against I1-I5. `LATCHKEY_ROUNDS=all` runs all cells;
 * otherwise a sample, drawn anew by `LATCHKEY_SEED`. A cell that fails is named by its coordinates: run it alone with
 * `LATCHKEY_CELL='2 tabs, memory, …'`.
 */
import { describe, expect, it } from '@jest/globals';
import {
  brokenEnds,
  brokenSpends,
  brokenWaits,
  causeOf,
  isRetryable,
  leaks,
  waitBound,
  watch,
  type TabCall,
  type Watched,
} from '../support/invariants.ts';
import { lockPorts } from '../support/lock-kinds.ts';
import { seededBy } from '../support/seeded-random.ts';
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

/** How old a claim must be before it is taken over without an exclusive lock: the exchange limit, and what the store may take. */
const abandoned = 35_000;

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

/** Faults under which the server has spent the refresh token of the first request. */
const isSpent = ({ fault }: Cell): boolean => ['ok', 'drop after', 'slow 12 s'].includes(fault);

/**
 * Whether the session that the first request is for ends, always with `outcome_unknown`, since only a token whose answer was
 * lost is ever refused here. It is lost with its answer, unless the token is presented again within the tenant's leeway:
 *
 * - alive: only "drop after" loses one. It is presented again at once, which any leeway forgives.
 * - killed: nobody else gets the answer, whatever the fault. Where the token was spent, the next page presents it again: at
 *   once under an exclusive lock, which the killed page gave back; else when its claim is abandoned, which is later than
 *   either leeway. In memory mode the session is gone with its page, and nobody is told; the next page borrows of another one.
 * - frozen, beside other tabs: they take over when its claim is abandoned, and that is too late for a token that was spent.
 * - frozen, with a session that no other tab shares: it wakes after two minutes, and the answer is there. Where that was
 *   dropped, it presents the token again then, which is too late.
 *
 * What the server has not spent is never lost, and offline nothing is sent.
 */
function mustEnd(cell: Cell): boolean {
  const isAlone = cell.store === 'memory' || cell.tabs === 1;
  switch (cell.life) {
    case 'alive':
      return cell.fault === 'drop after' && cell.leeway === 0;
    case 'killed':
      return cell.store !== 'memory' && isSpent(cell) && !(cell.locks === 'web' && cell.leeway > 0);
    case 'frozen':
      return isAlone ? cell.fault === 'drop after' : isSpent(cell);
  }
}

/** The tabs of a cell, signed in two hours ago. */
async function signedIn(cell: Cell) {
  const world = createWorld({
    leeway: cell.leeway,
    exclusiveLocks: cell.locks !== 'fallback',
    appCache: cell.store === 'custom',
  });
  const ports = lockPorts(cell.locks, world.locks);
  const options = {
    useRefreshTokensFallback: false,
    ...(cell.store !== 'custom' && { cacheLocation: cell.store }),
  };
  const open = (): Tab => world.openTab(options, ports);
  const tabs = Array.from({ length: cell.tabs }, open);
  for (const tab of cell.store === 'memory' ? tabs : tabs.slice(0, 1)) {
    const login = tab.login();
    await world.advance(cell.locks === 'never' ? 6000 : 0);
    await login;
  }
  for (const tab of tabs) await tab.client.isAuthenticated();
  await world.advance(120 * minute);
  return { world, tabs, open, bound: waitBound(options) };
}

async function runCell(cell: Cell): Promise<string[]> {
  const { world, tabs, open, bound } = await signedIn(cell);
  const isMemory = cell.store === 'memory';
  const ask = (tab: Tab, cacheMode: 'on' | 'off'): TabCall =>
    Object.assign(watch(world, tab.client.getTokenSilently({ cacheMode })), { tab });
  const broken: string[] = [];

  // The storm. Where its page is to be killed or frozen, what becomes of the first request is held back until then.
  let release = () => {};
  const until = new Promise<void>((resolve) => (release = resolve));
  const fault = faultOf(cell.fault);
  if (cell.life !== 'alive') world.faults.push({ kind: 'hold', until, fault });
  else if (fault) world.faults.push(fault);
  if (cell.fault === 'offline') world.online = false;
  const storm = tabs.map((tab) => ask(tab, 'on'));
  await world.advance(cell.locks === 'never' ? 5500 : 500);
  world.jump(jumps[cell.clock]);
  const [first] = world.refreshes();
  if ((first === undefined) !== (cell.fault === 'offline'))
    broken.push('nothing was sent, or something while offline');
  if (cell.life !== 'alive' && first?.heard !== undefined) broken.push('nothing was in flight');
  const holder = first?.by ?? tabs[0];
  if (cell.life === 'killed') holder?.kill();
  if (cell.life === 'frozen') holder?.freeze();
  release();
  const left = tabs.filter((tab) => tab.state() !== 'gone');
  if (cell.life === 'killed' && (isMemory || left.length === 0)) {
    const next = open(); // in memory mode it borrows, or is nobody's; else it finds what the killed one has left
    storm.push(ask(next, 'off')); // by a clock set back, the old token looks fresh
    if (!isMemory) left.push(next);
  }
  await world.advance(2 * minute);
  broken.push(
    ...brokenWaits(
      storm.filter(({ tab }) => tab.state() === 'awake'),
      bound,
    ),
  );

  // And afterwards.
  const slept = storm.filter(({ tab }) => tab.state() === 'frozen');
  const wokenAt = world.steady();
  if (cell.life === 'frozen') holder?.wake();
  world.jump(-jumps[cell.clock]);
  world.online = true;
  world.faults.length = 0;
  await world.advance(3 * minute);
  const recovered = left.map((tab) => ask(tab, 'off'));
  await world.advance(2 * minute);
  const isOver = (tab: Tab): boolean => mustEnd(cell) && (!isMemory || tab === holder);
  const again = left.filter(isOver).map((tab) => ask(tab, 'on'));
  await world.advance(2 * minute);
  const calls = [...storm, ...recovered, ...again];
  const woken = slept.map((call) => ({ ...call, begun: wokenAt }));
  broken.push(
    ...brokenWaits([...woken, ...recovered, ...again], bound),
    ...brokenEnds(world, calls, !isMemory),
    ...brokenSpends(world, abandoned),
  );

  // I2: it goes on, or every tab is told once why it does not; who asks again is signed out.
  const old = cell.clock === '-1 d' ? 'token|' : ''; // by that clock, the token from before is good yet
  for (const tab of new Set(calls.map((call) => call.tab))) {
    if (tab.state() === 'gone') continue;
    const isBeside = isMemory && left.filter((other) => !isOver(other)).length === 1; // one session to borrow of
    const expected = isOver(tab)
      ? isBeside
        ? /^((token|retryable|outcome_unknown), )*token$/
        : new RegExp(`^((${old}retryable), )?outcome_unknown(, signed out)+$`)
      : left.includes(tab)
        ? /^((token|retryable), )?token$/
        : left.length === 1 && cell.clock !== '+1 d' // by that clock no ID token is believed that somebody else got
          ? /^(token|retryable)$/
          : /^(signed out|retryable)$/; // nobody is there, or they have a session each, and do not agree
    const story = calls
      .filter((call) => call.tab === tab)
      .map(outcomeOf)
      .join(', ');
    if (!expected.test(story)) broken.push(`I2: ${story}, and not ${expected.source}`);
  }

  // I4: a logout ends it everywhere, but for a family in a heap that is gone.
  const logouts = (isMemory ? left : left.slice(0, 1)).map(({ client }) => client.logout({ openUrl: false }));
  await world.advance(10_000);
  await Promise.all(logouts);
  for (const { client } of left)
    if (await client.isAuthenticated()) broken.push('I4: signed in after a logout');
  const live = world.tenant.families().filter(({ verdict }) => verdict === 'live');
  if (live.length > (isMemory && cell.life === 'killed' ? 1 : 0))
    broken.push('I4: a family outlived the logout');
  const errors = calls.map(({ error }) => error);
  return [...new Set([...broken, ...leaks(world, errors)])];
}

function outcomeOf({ value, error }: Watched): string {
  if (error === undefined) return typeof value === 'string' ? 'token' : 'nothing';
  if (isRetryable(error)) return 'retryable';
  const { error: code } = error as { error?: string };
  return causeOf(error) ?? (code === 'missing_refresh_token' ? 'signed out' : (code ?? String(error)));
}

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
  const random = seededBy(seed);
  const names = ['tabs', 'store', 'locks', 'leeway', 'clock'] as const;
  const left = cells
    .map((cell) => ({ cell, at: random(0x7fffffff), pairs: pairsOf(cell) }))
    .sort((a, b) => a.at - b.at);
  const met = new Set<string>();
  const news = ({ pairs }: { pairs: string[] }) => pairs.filter((pair) => !met.has(pair)).length;
  const chosen: Cell[] = [];
  for (;;) {
    const [next] = left.sort((a, b) => news(b) - news(a)); // stable: of equals, chance decides
    if (!next || news(next) === 0) return chosen;
    for (const pair of next.pairs) met.add(pair);
    chosen.push(next.cell);
  }

  function pairsOf(cell: Cell): string[] {
    return names.flatMap((one) =>
      names.filter((other) => other > one).map((other) => `${one} ${cell[one]} ${other} ${cell[other]}`),
    );
  }
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
