/**
 * Everything that a client holds, in one record: families by audience, so that a logout or another user's login is one atomic
 * write. What ends the last family that lives has ended the session; that is written with it, for all tabs.
 */
import type { Seconds } from '../clock.ts';
import type { SessionEnd } from '../core/plan.ts';
import type { RecordStore } from '../environment.ts';
import { newerFormat } from '../errors.ts';
import { isText, textsOf } from '../oauth/json.ts';
import {
  isLive,
  readFamily,
  transition,
  type Family,
  type FamilyEvent,
  type FamilyOutcome,
} from './family.ts';

export type Families = Readonly<Record<string, Family>>;

export interface CustodyRecord extends SessionEnd {
  readonly version: number;
  /** By `audienceKey`. */
  readonly families: Families;
  /** Digests of the refresh tokens that were moved in, so that none is when an old tab writes it back. */
  readonly moved: readonly string[];
  /** How often the user has logged out: a silent login that began before may find no family to tell it. */
  readonly logouts: number;
  /** The cache would not take the session's marker: that there is none says nothing. */
  readonly unmarked: boolean;
  /** How long the session may last, as its login said; absent: it said nothing. */
  readonly session_expiry?: Seconds | undefined;
}

/** Which family of the record, and what happens to it. */
export type FamilyChange = readonly [at: string, event: FamilyEvent];

/** How many digests are kept. */
export const movedLimit = 50;

/** One atomic step of a record, as one that has the shape it must have; see `RecordStore`. */
export type UpdateRecord = <T>(
  step: (record: CustodyRecord) => readonly [next: CustodyRecord, result: T],
) => Promise<T>;

export function createRecordUpdate(records: RecordStore, name: string): UpdateRecord {
  return (step) =>
    records.update(name, (stored) => {
      const record = readRecord(stored);
      const [next, result] = step(record);
      return [next === record ? stored : next, result];
    });
}

/** The record after some transitions, and what each of them led to. The same record where nothing has changed. */
export function changed(
  record: CustodyRecord,
  changes: readonly FamilyChange[],
): readonly [CustodyRecord, readonly FamilyOutcome[]] {
  const families: Record<string, Family> = { ...record.families };
  let { ends, endedBy, unmarked } = record;
  const outcomes = changes.map(([at, event]) => {
    const [family, outcome] = transition(families[at], event);
    // Where another user has taken over, no session is missed; where the app has revoked it, the session goes on.
    if (family !== families[at] && family?.state === 'ended')
      endedBy = family.cause === 'user_changed' || family.cause === 'revoked' ? undefined : family.cause;
    families[at] = family;
    if (outcome.kind === 'adopted') unmarked = false;
    return outcome;
  });
  if (changes.every(([at]) => families[at] === record.families[at])) return [record, outcomes];
  if (lives(families)) endedBy = undefined;
  else if (lives(record.families) || endedBy !== record.endedBy) ends++;
  return [{ ...record, families, ends, endedBy, unmarked }, outcomes];
}

/** The same, of one transition. */
export function changedAt(
  record: CustodyRecord,
  ...change: FamilyChange
): readonly [CustodyRecord, FamilyOutcome] {
  const [next, [outcome]] = changed(record, [change]);
  return [next, outcome as FamilyOutcome]; // one event, one outcome
}

const lives = (families: Families): boolean => Object.values(families).some(isLive);

/** How many heads they have had together, which grows whatever happens to one of them; 0: none lives. */
export const headsOf = (families: Families): number =>
  lives(families) ? Object.values(families).reduce((sum, family) => sum + (family?.generation ?? 0), 0) : 0;

/** Version of the record's format. A record of a later one belongs to a later latchkey, and is left alone. */
const recordVersion = 1;

/**
 * What a stored record says; what has not the shape it must have is left out.
 * @throws {StorageError} `newer_format`, for a record of a later version.
 */
export function readRecord(stored: unknown): CustodyRecord {
  const record = (stored ?? {}) as Partial<CustodyRecord>;
  const version = numberOf(record.version);
  if (version > recordVersion) throw newerFormat(version, recordVersion);
  const { families, ends, endedBy, moved, logouts, unmarked, session_expiry } =
    version === recordVersion ? record : {};
  const read = Object.entries(families ?? {}).map(([at, family]) => [at, readFamily(family)] as const);
  return {
    version: recordVersion,
    families: Object.fromEntries(read),
    ends: numberOf(ends),
    endedBy: isText(endedBy) ? endedBy : undefined,
    moved: textsOf(moved),
    logouts: numberOf(logouts),
    unmarked: unmarked === true,
    session_expiry: numberOf(session_expiry) || undefined,
  };
}

const numberOf = (value: unknown): number => (Number.isFinite(value) ? (value as number) : 0);
