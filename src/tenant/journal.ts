/** What the tenant did and why, as Auth0 log entries. Never a token, a code, a password or a verifier. */
import type { Clock } from '../clock.ts';
import type { Randomness } from './randomness.ts';

/** Auth0's log event codes, as far as the tenant writes them. */
export type JournalCode =
  | 's' // signed in
  | 'f' // sign-in failed
  | 'fp' // wrong password
  | 'fu' // unknown user
  | 'ssa' // silent authentication succeeded
  | 'fsa' // silent authentication failed
  | 'slo' // signed out
  | 'flo' // sign-out failed
  | 'seacft' // code exchanged
  | 'feacft' // code refused
  | 'sertft' // refresh token exchanged
  | 'fertft' // refresh token refused
  | 'ferrt' // refresh token reuse detected
  | 'seccft' // client credentials exchanged
  | 'feccft' // client credentials refused
  | 'sapi' // Management API: something was changed
  | 'srrt' // refresh token revoked
  | 'fco' // origin refused
  | 'fault'; // none of Auth0's: a fault that was asked for has struck

/** One entry: the fields of an Auth0 log event, plus what was decided and why, in plain words. */
export interface JournalEntry {
  readonly log_id: string;
  readonly type: JournalCode;
  /** ISO 8601, by the tenant's clock. */
  readonly date: string;
  readonly description: string;
  readonly client_id?: string;
  readonly user_id?: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly decision: string;
  readonly reason: string;
}

export interface Journal {
  readonly entries: readonly JournalEntry[];
  write(
    entry: Omit<JournalEntry, 'log_id' | 'date' | 'details' | 'description'> & Partial<JournalEntry>,
  ): void;
}

export function openJournal(clock: Clock, random: Randomness): Journal {
  const entries: JournalEntry[] = [];
  return {
    entries,
    write: (entry) => {
      entries.push(
        Object.freeze({
          log_id: random.hex(24),
          date: new Date(clock.now()).toISOString(),
          description: '',
          details: {},
          ...entry,
        }),
      );
    },
  };
}
