/**
 * What the state machine of a family does, found by running it: every event, in every way that it may come, in every family
 * that events lead to from `none`.
 */
import type { EndedCause } from '../../src/core/plan.ts';
import { unknownIdentity } from '../../src/core/whose.ts';
import {
  stateOf,
  transition,
  type Family,
  type FamilyEvent,
  type FamilyOutcome,
  type FamilyState,
  type LiveFamily,
} from '../../src/custody/family.ts';

type Kind = FamilyEvent['kind'];
type Members<Event> = Omit<Event, 'kind'>;

/** What a member of an event may be, in the family that it meets. One that is usual has no name. */
type Ways<Value> = readonly (readonly [name: string, value: (family: Family) => Value])[];

/** Of each kind of event each member: one that is new and has no ways here does not compile. */
type WaysOf<Event> = { readonly [Name in keyof Members<Event>]-?: Ways<Event[Name]> };

const only = <Value>(value: Value): Ways<Value> => [['', () => value]];
const ada = { sub: 'ada' };
const grace = { sub: 'grace' };
const token = { access_token: '', token_type: '', scope: '', requestedScope: '', expires_at: 9999 };
const failure = { at: 0, draw: 0.5 };
const liveOf = (family: Family): LiveFamily | undefined => (family?.state === 'live' ? family : undefined);
const generationOf = (family: Family): number => family?.generation ?? 0;
const failuresOf = (family: Family): number => liveOf(family)?.failures ?? 0;
const pauseEndOf = (family: Family): number => liveOf(family)?.pause?.until ?? 1_000_000;
const holderOf = (family: Family): string => liveOf(family)?.claim?.owner ?? 'holder';
const byHolder: Ways<string> = [
  ['', holderOf],
  ['by another', (family) => `not ${holderOf(family)}`],
];

export const ways: { readonly [K in Kind]: WaysOf<Extract<FamilyEvent, { kind: K }>> } = {
  adopt: {
    refresh_token: only(''),
    scope: only(''),
    identity: [
      ['', () => ada],
      ['of nobody knows whom', () => unknownIdentity],
    ],
    answer: only({ token }),
    key: only('k'),
  },
  claim: {
    owner: [
      ['', (family) => `not ${holderOf(family)}`],
      ['again by its owner', holderOf],
    ],
    now: [
      ['', (family) => pauseEndOf(family) - 1],
      ['once the pause is over', pauseEndOf],
      ['by a clock that was put back', (family) => pauseEndOf(family) - 600_000],
    ],
    steady: only(0),
    seen: [
      ['', (family) => ({ generation: generationOf(family), failures: failuresOf(family) })],
      ['having seen an older answer', (family) => ({ generation: generationOf(family) - 1, failures: 99 })],
      ['having seen fewer failures', (family) => ({ generation: generationOf(family), failures: 0 })],
    ],
    key: [
      ['', () => 'k'],
      ['for another audience', () => 'another'],
    ],
    scope: [
      ['', () => ''],
      ['for more scope', () => 'more'],
    ],
    identity: [
      ['', () => ada],
      ['for another user', () => grace],
      ['for whoever signed in', () => undefined],
    ],
    locked: [
      ['', () => false],
      ['from a holder that is gone', () => true],
    ],
    abandonedAfter: [
      ['', () => Infinity],
      ['from a holder that is overdue', () => 0],
    ],
  },
  rotate: {
    owner: byHolder,
    refresh_token: [
      ['', () => ''],
      ['to the same head', () => undefined],
    ],
    key: only('k'),
    identity: only(ada),
    answer: [
      ['', () => ({ token })],
      ['without an answer', () => undefined],
    ],
    failure: [
      ['', () => undefined],
      ['with an answer of no use', () => failure],
    ],
  },
  quarantine: { owner: byHolder },
  refuse: { owner: byHolder },
  release: {
    owner: byHolder,
    outcome: [
      ['', () => 'not_spent'],
      ['with an unknown outcome', () => 'unknown'],
    ],
    failure: [
      ['', () => undefined],
      ['after a failure', () => failure],
    ],
  },
  end: {
    cause: [
      ['', () => 'logout'],
      ['user_changed', () => 'user_changed'],
      ['revoked', () => 'revoked'],
    ],
    unless: [
      ['', () => undefined],
      ['of all but this user', () => ada],
      ['of all but another user', () => grace],
    ],
  },
  forget: {
    tokens: [
      ['', () => ['']],
      ['of none that it holds', () => ['another']],
    ],
  },
};

/** What makes two families different to events: by each of their members, so that a new one has to be considered. */
const differences: { readonly [Name in keyof LiveFamily]-?: (family: LiveFamily) => unknown } = {
  state: stateOf,
  generation: () => '',
  refresh_token: () => '',
  scope: () => '',
  sub: ({ sub }) => sub,
  org_id: () => '',
  former: ({ former = [] }) => former.length > 0,
  answers: ({ answers, generation }) => answers.k?.generation === generation,
  claim: ({ claim }) => claim?.locked ?? 'none',
  outcomeUnknown: ({ outcomeUnknown = false }) => outcomeUnknown,
  failures: (family) => Math.min(failuresOf(family), manyFailures),
  pause: () => '',
};

/** From so many in a row on there are pauses. */
const manyFailures = 2;

function likenessOf(family: Family): string {
  const live = liveOf(family);
  return JSON.stringify(live ? Object.values(differences).map((of) => of(live)) : [causeOf(family)]);
}

export interface Step {
  readonly from: Family;
  readonly to: Family;
  readonly kind: Kind;
  /** In which unusual ways the event came. */
  readonly how: readonly string[];
  readonly outcome: FamilyOutcome['kind'];
}

/** All steps there are, from `none` to wherever they lead; of those to one effect the simplest. */
export function exploreSteps(): readonly Step[] {
  const steps: Step[] = [];
  const met = new Map<string, Family>([[likenessOf(undefined), undefined]]);
  // A map hands out what is added during the iteration.
  for (const from of met.values())
    for (const [kind, how, eventIn] of events) {
      const [to, { kind: outcome }] = transition(from, eventIn(from));
      steps.push({ from, to, kind, how, outcome });
      if (to !== from && !met.has(likenessOf(to))) met.set(likenessOf(to), to);
    }
  return simplest(steps, ({ outcome, to }) => `${outcome} ${byDoubt(to)} ${byFailures(to)}`);
}

/** Every kind of event in every combination of its ways, the usual ones first. */
const events = (Object.keys(ways) as Kind[]).flatMap((kind) => {
  type Combination = readonly [how: readonly string[], members: (family: Family) => object];
  let combinations: readonly Combination[] = [[[], () => ({ kind })]];
  for (const [member, values] of Object.entries<Ways<unknown>>(ways[kind]))
    combinations = combinations.flatMap(([how, members]) =>
      values.map(([name, value]): Combination => [
        name === '' ? how : [...how, name],
        (family) => Object.assign(members(family), { [member]: value(family) }),
      ]),
    );
  return [...combinations]
    .sort(([one], [other]) => one.length - other.length)
    .map(([how, members]) => [kind, how, members as (family: Family) => FamilyEvent] as const);
});

/** Without those steps whose event has the same effect on the same family if it comes in fewer unusual ways. */
function simplest(steps: readonly Step[], effectOf: (step: Step) => string): readonly Step[] {
  const known = new Map<Family, Map<string, (readonly string[])[]>>();
  return steps.filter((step) => {
    const { from, to, kind, how } = step;
    const ofFamily = known.get(from) ?? new Map<string, (readonly string[])[]>();
    known.set(from, ofFamily);
    const effect = `${kind} ${from === to} ${causeOf(to)} ${effectOf(step)}`;
    const simpler = ofFamily.get(effect) ?? [];
    if (simpler.some((other) => other.every((way) => how.includes(way)))) return false;
    ofFamily.set(effect, [...simpler, how]);
    return true;
  });
}

type Naming = (family: Family) => string;

const byDoubt: Naming = (family) => stateOf(family) + (liveOf(family)?.outcomeUnknown ? '_in_doubt' : '');

const byFailures: Naming = (family) =>
  stateOf(family) + (failuresOf(family) >= manyFailures ? '_after_failures' : '');

const causeOf = (family: Family): EndedCause | undefined =>
  family?.state === 'ended' ? family.cause : undefined;

/** What changes, by its ends: `from`, `to`, and each kind of event with what is to be said of how it came. */
function arrowsOf(steps: readonly Step[], nameOf: Naming) {
  const arrows = new Map<string, { from: string; to: string; events: Map<Kind, Set<string>> }>();
  for (const { from, to, kind, how } of simplest(steps, ({ to }) => nameOf(to))) {
    if (from === to) continue;
    const ends = { from: nameOf(from), to: nameOf(to) };
    const key = `${ends.from} ${ends.to}`;
    const arrow = arrows.get(key) ?? { ...ends, events: new Map() };
    arrows.set(key, arrow);
    note(arrow.events, kind, causeOf(to) ?? how.join(' and '));
  }
  return [...arrows.values()];
}

const note = (events: Map<Kind, Set<string>>, kind: Kind, how: string) =>
  events.set(kind, (events.get(kind) ?? new Set()).add(how));

/** `claim (from a holder that is gone, again by its owner)`. What comes in the usual way too needs no more words. */
const labelOf = ([kind, hows]: readonly [Kind, ReadonlySet<string>]): string =>
  hows.has('') ? kind : `${kind} (${[...hows].join(', ')})`;

/** The header of the state machine: its arrows, one a line. */
export const headerArrows = (steps: readonly Step[]): string =>
  arrowsOf(steps, stateOf)
    .map(({ from, to, events }) => ` *   ${from} ──${[...events.keys()].join(', ')}──▶ ${to}\n`)
    .join('');

/** Mermaid. Whether the head is in doubt, and whether exchanges keep failing, do not depend on each other: drawn apart. */
export const doubtDiagram = (steps: readonly Step[]): string =>
  diagram(['[*] --> none', ...linesOf(arrowsOf(steps, byDoubt))]);

export const failureDiagram = (steps: readonly Step[]): string =>
  diagram(linesOf(arrowsOf(steps, byFailures).filter(({ from, to }) => /failures/.test(from + to))));

const linesOf = (arrows: ReturnType<typeof arrowsOf>): string[] =>
  arrows.map(({ from, to, events }) => `${from} --> ${to}: ${[...events].map(labelOf).join(' / ')}`);

const diagram = (lines: readonly string[]): string =>
  ['```mermaid', 'stateDiagram-v2', ...lines.map((line) => `  ${line}`), '```'].join('\n');

export const meaningOfStates: { readonly [State in FamilyState]: string } = {
  none: 'there never was one',
  live: 'its head may be claimed',
  claimed: 'it lives, and somebody may be spending its head',
  ended: 'it is over, and the record says why',
};

/** What an event is answered that changes nothing. */
export const meaningOfAnswers: {
  readonly [
    Outcome in Exclude<FamilyOutcome['kind'], 'adopted' | 'claimed' | 'rotated' | 'released'>
  ]: string;
} = {
  newer: 'another tab was first, and its answer serves',
  busy: 'another’s claim stands',
  failed: 'another tab’s exchange failed meanwhile',
  paused: 'too many exchanges failed: not yet',
  none: 'there is none that this is about',
  ended: 'it is over',
  passed: 'too late: the family has moved on',
};

export const legend = (): string =>
  Object.entries(meaningOfStates)
    .map(([state, meaning]) => `- \`${state}\`: ${meaning}`)
    .join('\n');

/** A Markdown table of what changes nothing. */
export function refusals(steps: readonly Step[]): string {
  const unchanged = simplest(steps, ({ outcome }) => outcome).filter(({ from, to }) => from === to);
  const states = new Map<string, Set<string>>();
  for (const { from, kind, how, outcome } of unchanged) {
    const key = [outcome, kind, how.join(' and ')].join('\n');
    states.set(key, (states.get(key) ?? new Set()).add(stateOf(from)));
  }
  const rows = new Map<string, Map<Kind, Set<string>>>();
  for (const [key, where] of states) {
    const [outcome = '', kind, how = ''] = key.split('\n');
    const row = `${outcome}\n${[...where].join(', ')}`;
    const events = rows.get(row) ?? new Map<Kind, Set<string>>();
    rows.set(row, events);
    note(events, kind as Kind, how);
  }
  const order = Object.keys(meaningOfAnswers);
  const cells = [...rows]
    .map(([row, events]) => {
      const [outcome = '', where = ''] = row.split('\n');
      const meaning = meaningOfAnswers[outcome as keyof typeof meaningOfAnswers];
      return [outcome, meaning, [...events].map(labelOf).join(', '), where];
    })
    .sort(([one = ''], [other = '']) => order.indexOf(one) - order.indexOf(other));
  return table([['answer', 'it means', 'to', 'in state'], ...cells]);
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
