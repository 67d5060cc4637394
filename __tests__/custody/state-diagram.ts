/** The state diagram of a family, drawn by running the state machine itself: every state, every event, what came of it. */
import { transition, type Family, type FamilyEvent, type LiveFamily } from '../../src/custody/family.ts';

const ada = { sub: 'ada' };
const token = { access_token: '', token_type: '', scope: '', requestedScope: '', expires_at: 9999 };
const live: LiveFamily = {
  ...ada,
  state: 'live',
  generation: 3,
  refresh_token: '',
  scope: '',
  answers: { k: { token, generation: 3 } },
};
const claimed = (owner: string, changes: Partial<LiveFamily> = {}): LiveFamily => ({
  ...live,
  ...changes,
  claim: { owner, startedAt: 0, madeAt: 0, locked: true },
});

const families: readonly Family[] = [
  undefined,
  live,
  { ...live, failures: 5, notBefore: 8000 },
  claimed('me'),
  claimed('me', { outcomeUnknown: true }),
  claimed('another'),
  { state: 'ended', generation: 4, cause: 'refused' },
];

const claim = {
  kind: 'claim',
  owner: 'me',
  now: 1000,
  steady: 1000,
  seen: { generation: 3, failures: 5 },
  key: 'k',
  scope: '',
  identity: ada,
  locked: false,
  abandonedAfter: 30_000,
} as const;
const adopt = { kind: 'adopt', refresh_token: '', scope: '', identity: ada, key: 'k' } as const;

const events: readonly (readonly [label: string, event: FamilyEvent])[] = [
  ['adopt: the user signs in', adopt],
  ['adopt: a silent login that began before', { ...adopt, seen: 2 }],
  ['claim', claim],
  ['claim, the holder is gone', { ...claim, locked: true }],
  ['claim, the holder is overdue', { ...claim, abandonedAfter: 0 }],
  ['claim, having seen an older answer', { ...claim, seen: { generation: 2, failures: 5 } }],
  ['claim, having seen fewer failures', { ...claim, seen: { generation: 3, failures: 0 } }],
  ['claim, for another user', { ...claim, identity: { sub: 'grace' } }],
  ['rotate', { kind: 'rotate', owner: 'me', key: 'k' }],
  ['quarantine', { kind: 'quarantine', owner: 'me' }],
  ['refuse', { kind: 'refuse', owner: 'me' }],
  ['release: nothing was spent', { kind: 'release', owner: 'me', outcome: 'not_spent' }],
  ['release: outcome unknown', { kind: 'release', owner: 'me', outcome: 'unknown', failedAt: 0 }],
  ['end: logout', { kind: 'end', cause: 'logout' }],
  ['end: another user', { kind: 'end', cause: 'user_changed', unless: { sub: 'grace' } }],
];

/** Mermaid, one arrow for each change that the machine makes. */
export function stateDiagram(): string {
  const arrows = new Set<string>();
  for (const family of families) {
    const drawn = new Set<string>();
    for (const [label, event] of events) {
      const [next] = transition(family, event);
      if (next === family) continue;
      const arrow = `  ${stateOf(family)} --> ${stateOf(next)}: `;
      if (drawn.has(arrow + event.kind)) continue; // a variant that changes nothing about it
      drawn.add(arrow + event.kind);
      const again = event.kind === 'claim' && family?.state === 'live' && family.claim?.owner === 'me';
      arrows.add(`${arrow}${again ? 'claim again, by its owner' : label}${toldBy(next)}`);
    }
  }
  return ['stateDiagram-v2', '  [*] --> none', ...arrows].join('\n');
}

/** A Markdown table of what the machine answers, and leaves as it was. */
export function refusals(): string {
  const rows = new Map<string, Set<string>>();
  for (const family of families)
    for (const [label, event] of events) {
      const [next, outcome] = transition(family, event);
      if (next !== family || outcome.kind === 'passed') continue;
      const row = `${outcome.kind}\n${label}`;
      rows.set(row, (rows.get(row) ?? new Set()).add(stateOf(family)));
    }
  const cells = [...rows]
    .map(([row, states]) => [...row.split('\n'), [...states].join(', ')])
    .sort(([one = ''], [other = '']) => (one < other ? -1 : Number(one > other)));
  return table([['answer', 'event', 'in state'], ...cells]);
}

/** Markdown, padded as formatters pad it. */
function table(rows: readonly (readonly string[])[]): string {
  const [head = []] = rows;
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const rule = line(widths.map((width) => '-'.repeat(width)));
  return [line(head), rule, ...rows.slice(1).map(line)].join('\n');
}

function stateOf(family: Family): string {
  if (family === undefined) return 'none';
  if (family.state === 'ended') return 'ended';
  if (family.claim === undefined)
    return family.outcomeUnknown ? 'live_in_doubt' : family.notBefore === undefined ? 'live' : 'live_pausing';
  return family.outcomeUnknown ? 'claimed_in_doubt' : 'claimed';
}

const toldBy = (family: Family): string => (family?.state === 'ended' ? ` (${family.cause})` : '');
