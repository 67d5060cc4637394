// The rows of the README's table: what a figure is, and what latchkey is to reach. Figures are named as in
// bench/results/speed.json, which `run.mjs` writes; every cell and every verdict is made of those.

/** `of`: what is held against the limit; by default latchkey's median. */
const most = (limit, text = `≤ ${limit.toLocaleString('en')}`, of = (median) => median('latchkey')) => ({
  limit,
  text,
  of,
});
const none = most(0, 'none');
/** So many times what the other figure is. */
const timesOf = (limit, figure, text) =>
  most(
    limit,
    `≤ ${limit} × ${text}`,
    (median, medianOf) => median('latchkey') / medianOf(figure, 'latchkey'),
  );
const timesPeer = (limit) =>
  most(limit, `≤ ${limit} × auth0-spa-js`, (median) => median('latchkey') / median('auth0-spa-js'));

const entries = [1, 100, 1000];
const modes = ['memory', 'localstorage'];
const ofHits = { memory: [0.5, 0.4], localstorage: [2.5, 2] };

export const rows = [
  {
    figure: 'size, esbuild, ES2022',
    label: 'minimal app, gzip -9: esbuild, ES2022',
    unit: 'B',
    target: most(8000),
  },
  { figure: 'size, esbuild, ES2020', label: 'the same: esbuild, ES2020', unit: 'B', target: most(8000) },
  { figure: 'size, rollup and terser', label: 'the same: rollup and terser', unit: 'B', target: most(8000) },
  {
    figure: 'size, with the first call',
    label: 'the first of these, with what the first call loads',
    unit: 'B',
  },
  { figure: 'worker', label: 'worker, gzip -9', unit: 'B', target: most(2000) },
  {
    figure: 'import',
    label: 'import and evaluate, processor slowed down fourfold, above an empty module',
    unit: 'ms',
    target: most(4),
  },
  ...modes.flatMap((mode) => [
    {
      figure: `warm token, ${mode}`,
      label: `token from a warm cache, ${mode}`,
      unit: 'µs',
      target: most(ofHits[mode][0]),
    },
    {
      figure: `isAuthenticated, ${mode}`,
      label: `\`isAuthenticated()\`, ${mode}`,
      unit: 'µs',
      target: most(ofHits[mode][1]),
    },
    {
      figure: `getUser, ${mode}`,
      label: `\`getUser()\`, ${mode}`,
      unit: 'µs',
      target: most(ofHits[mode][1]),
    },
  ]),
  ...modes.flatMap((mode) =>
    ['superset', 'miss'].flatMap((kind) =>
      entries.map((count) => ({
        figure: `${kind}, ${mode}, ${count}`,
        label: `${kind === 'miss' ? 'miss' : 'hit by a wider scope'}, ${mode}, entries: ${count.toLocaleString('en')}`,
        unit: 'µs',
        ...(count > 1 && { target: timesOf(1.2, `${kind}, ${mode}, 1`, 'with 1') }),
      })),
    ),
  ),
  ...modes.flatMap((mode) => [
    {
      figure: `refresh requests, ${mode}`,
      label: `requests of a refresh, ${mode}`,
      unit: '',
      target: most(1),
    },
    {
      figure: `refresh, ${mode}`,
      label:
        mode === 'memory'
          ? 'refresh, above a bare `fetch`, memory'
          : 'refresh, above a bare `fetch` and two strict IndexedDB commits, localstorage',
      unit: 'ms',
      target: most(1),
    },
  ]),
  { figure: 'fetch', label: 'that `fetch` alone', unit: 'ms' },
  { figure: 'commits', label: 'those two commits alone', unit: 'ms' },
  {
    figure: 'load, stored',
    label: 'page load, script evaluated → client ready, stored session',
    unit: 'ms',
    target: most(4),
  },
  { figure: 'load requests, stored', label: 'its requests', unit: '', target: none },
  {
    figure: 'load, expired',
    label: 'the same with an expired token, 100 ms round trip',
    unit: 'ms',
    target: most(115),
  },
  { figure: 'load requests, expired', label: 'its requests', unit: '', target: most(1) },
  {
    figure: 'storm, localstorage',
    label: '20 tabs at once, expired token, 100 ms round trip: last tab served, localstorage',
    unit: 'ms',
    target: timesPeer(0.7),
  },
  { figure: 'storm requests, localstorage', label: 'its requests', unit: '', target: most(1) },
  { figure: 'storm lost, localstorage', label: 'sessions lost, per 100 storms', unit: '', target: none },
  {
    figure: 'storm, memory',
    label: 'the same, memory: last tab served',
    unit: 'ms',
    target: most(300),
  },
  { figure: 'storm requests, memory', label: 'its requests', unit: '', target: most(1) },
  { figure: 'callers, 1', label: '1 caller, expired token, 50 ms round trip', unit: 'ms' },
  {
    figure: 'callers, 1000',
    label: '1,000 callers at once, the same',
    unit: 'ms',
    target: timesOf(1.2, 'callers, 1', 'with 1'),
  },
  {
    figure: 'logout told',
    label: 'a logout in one of eight tabs: the last of the others is told',
    unit: 'ms',
    target: most(100),
  },
  { figure: 'logout requests', label: 'their requests', unit: '', target: none },
  { figure: 'heap', label: 'page heap, above a blank page', unit: 'KiB', target: most(300) },
  { figure: 'cookie writes', label: 'cookie writes per refresh', unit: '', target: most(1) },
  {
    figure: 'ID token written',
    label: 'how many times over the ID token is written per refresh',
    unit: '×',
    target: most(1.2, 'once'),
  },
  {
    figure: 'outage',
    label: 'a million clients after an outage (simulated): peak refresh rate ÷ mean',
    unit: '',
    target: most(2),
  },
];

/** Why a target is missed, and what the limit is; said only where it is missed. */
export const limits = {
  'size, esbuild, ES2022':
    'What serves from the cache is the front; its methods, options, errors and the spellings of v1 are what an app may call at once.',
  worker:
    'It holds custody whole: the state machine, locks, recovery, DPoP and the rules of when to try again, none of which a peer has in its worker.',
  import:
    'The front comes in two files, the second found in the first, where the peers have one each; it was not taken apart further.',
  'warm token, memory':
    'Each call looks into the storage whether another page has told of a logout, and holds what it finds against what it knows.',
  'refresh, memory': 'The request goes through a worker, and the page writes what came back.',
  'refresh, localstorage':
    'Besides the two commits: a lock, a read of the record before and one after, and reading and writing cookies, each of which leaves the page’s process.',
  'load, stored':
    'Half of it is before the first read: the client’s code is compiled and run for the first time, and the engine is asked for. The rest is mostly the page’s first look at its storage.',
  'load, expired':
    'Above the round trip: the engine comes in two files, one after the other, is compiled and run; the record is opened; a claim and a successor are written durably.',
  'storm, localstorage':
    'Tabs that waited read the record one after the other, each under the lock. Of auth0-spa-js only the tabs count that were served, which in a storm that ends its session are few.',
  'callers, 1000': 'Each call has its options read and waits on its own for the client’s end.',
  'cookie writes':
    'The cookie that tells of a session has a twin for old browsers; `legacySameSiteCookie: false` leaves it out.',
  'ID token written':
    'A claim and a successor each write the whole record, which holds the last answer for other tabs, and the page writes its own entry.',
};
