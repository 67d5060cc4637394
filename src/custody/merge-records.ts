/**
 * What becomes of two records of one client, after pages of one browser did not agree on where it is kept: one in the store
 * that all of them use where they can, and a younger one in the store that some of them fell back on. Loaded only then.
 */
import { isSameIdentity } from '../core/session.ts';
import { isLive, tokensOf, transition, type Family, type LiveFamily } from './family.ts';
import { movedLimit, readRecord } from './record.ts';

/**
 * The one record that goes on. The younger one decides, as a later login or logout does: it replaces what is for the same
 * audience, and ends what another user left, or what was there before its logout. Only its ends that are nobody's decision
 * leave alone what lives in the other.
 *
 * @param id of the younger one. What was merged before has been gone on with since, and is not merged again.
 * @returns `former` itself, where nothing changes.
 */
export function mergeRecords(former: unknown, younger: unknown, id: string): unknown {
  if (isPointer(younger)) return isPointer(former) && former.at >= younger.at ? former : younger;
  const [held, found] = [readRecord(former), readRecord(younger)];
  if (held.moved.includes(id)) return former;
  const [someone] = Object.values(found.families).filter(isLive);
  const families: Record<string, Family> = {};
  for (const [key, family] of Object.entries(held.families)) {
    const cause = found.logouts > 0 ? 'logout' : 'user_changed';
    const goesOn = found.logouts === 0 && (!someone || (isLive(family) && isSameIdentity(family, someone)));
    families[key] = goesOn ? family : transition(family, { kind: 'end', cause })[0];
  }
  for (const [key, family] of Object.entries(found.families)) {
    const replaced = families[key];
    if (isLive(family) || !isLive(replaced)) families[key] = placed(family, replaced);
  }
  const lastEnd = found.endedBy ?? (found.logouts > 0 ? 'logout' : held.endedBy);
  return {
    ...held,
    families,
    ends: held.ends + found.ends,
    endedBy: Object.values(families).some(isLive) ? undefined : lastEnd,
    moved: [...new Set([...held.moved, ...found.moved, id])].slice(-movedLimit),
    logouts: held.logouts + found.logouts,
    unmarked: someone ? found.unmarked : held.unmarked,
  };
}

/** True where nothing that `former` could be spent for lives on in `next`. */
export function leavesNothingOf(former: unknown, next: unknown): boolean {
  if (former === undefined) return true;
  if (isPointer(former)) return false; // what is behind it, it does not tell
  const kept = Object.values(readRecord(next).families).filter(isLive);
  const tokens = kept.map(({ refresh_token }) => refresh_token);
  return Object.values(readRecord(former).families)
    .filter(isLive)
    .every(({ refresh_token }) => !tokens.includes(refresh_token));
}

/** Its generations follow those of what it replaces: whoever knows of either finds a later one. */
function placed(family: Family, replaced: Family): Family {
  if (!family) return replaced;
  const base = replaced?.generation ?? 0;
  const generation = base + family.generation;
  if (family.state === 'ended') return { ...family, generation };
  const answers = Object.entries(family.answers).map(([key, answer]) => [
    key,
    { ...answer, generation: base + answer.generation },
  ]);
  const former = isLive(replaced) ? tokensOf(replaced) : [];
  return {
    ...family,
    generation,
    answers: Object.fromEntries(answers) as LiveFamily['answers'],
    former: [...former, ...(family.former ?? [])], // to be revoked with this one
  };
}

/** What a cache of the app's own is found by: the name of an entry, and since when it is that. */
interface Pointer {
  readonly to: string;
  readonly at: number;
}

const isPointer = (record: unknown): record is Pointer =>
  typeof record === 'object' && record !== null && 'to' in record && 'at' in record;
