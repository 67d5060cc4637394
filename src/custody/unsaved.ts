/** What became of heads and the store would not take: the only copy, until it does. The store is asked again and again. */
import type { Milliseconds } from '../clock.ts';
import { pause } from '../core/patience.ts';
import type { Timers } from '../environment.ts';
import type { FamilyEvent } from './family.ts';

/** What became of a head: cannot be had again. */
export type CommitEvent = Extract<FamilyEvent, { kind: 'rotate' | 'quarantine' | 'refuse' }>;

export interface Unsaved {
  /** Keeps it, and asks the store again until it is taken, or dropped. */
  keep(at: string, event: CommitEvent): void;
  /** Asks the store now. @throws {StorageError} where it still refuses */
  save(): Promise<void>;
  /** Forgets what there is of one family, or of all. @returns it */
  drop(at?: string): CommitEvent[];
  /** Settles when nothing is left to be saved; `undefined`: nothing is. */
  saving(): Promise<void> | undefined;
}

/** How often the store is asked again. */
const savePause: Milliseconds = 250;

export function createUnsaved(
  timers: Timers,
  write: (at: string, event: CommitEvent) => Promise<unknown>,
  onEmpty: () => void,
): Unsaved {
  const events = new Map<string, CommitEvent>();
  let saving: Promise<void> | undefined;

  async function save(): Promise<void> {
    for (const [at, event] of events) {
      await write(at, event);
      if (events.get(at) === event) events.delete(at); // a later one may have come meanwhile
    }
  }

  async function saveSoon(): Promise<void> {
    while (events.size > 0) {
      await pause(timers, savePause);
      await save().catch(() => {}); // a store that still refuses is asked again
    }
    saving = undefined;
    onEmpty();
  }

  return {
    keep(at, event) {
      events.set(at, event);
      saving ??= saveSoon();
    },
    save,
    drop(at) {
      const dropped = [...events].filter(([name]) => at === undefined || name === at);
      for (const [name] of dropped) events.delete(name);
      return dropped.map(([, event]) => event);
    },
    saving: () => saving,
  };
}
