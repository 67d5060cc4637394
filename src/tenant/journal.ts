/** What the tenant did and why, as Auth0 log entries. Never a token, a code, a password or a verifier. */
import type { Clock } from '../clock.ts';
import type { Randomness } from './randomness.ts';

/** Auth0's log event codes, as far as the tenant writes them. */
export type JournalCode =
  | 's' // signed in
  | 'f' // sign-in failed
  | 'fp' // wrong password
  | 'fu' // unknown user
  | 'ss' // signed up
  | 'fs' // sign-up failed
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
  | 'sepft' // password exchanged
  | 'fepft' // password refused
  | 'cs' // passwordless: a code was sent
  | 'cls' // passwordless: a link was sent
  | 'sepkotpft' // passwordless: a code exchanged
  | 'fepotpft' // passwordless: a code refused
  | 'sede' // device code exchanged
  | 'fede' // device code refused
  | 'fdeaz' // a device was given no codes
  | 'fdeac' // a device’s code was typed in wrong
  | 'secte' // a token of somebody else’s exchanged
  | 'fecte' // a token of somebody else’s refused
  | 'limit_wc' // too many wrong passwords
  | 'mfar' // a second factor is asked for
  | 'seotpft' // MFA: a code of an app exchanged
  | 'feotpft' // MFA: a code of an app refused
  | 'seoobft' // MFA: a code that was sent exchanged
  | 'feoobft' // MFA: a code that was sent refused
  | 'sercft' // MFA: a recovery code exchanged
  | 'fercft' // MFA: a recovery code refused
  | 'gd_start_auth' // MFA: a challenge began
  | 'gd_auth_succeed' // MFA: the second factor was given
  | 'gd_auth_failed' // MFA: a wrong code on the page
  | 'gd_send_sms' // MFA: a code was sent by text
  | 'gd_send_email' // MFA: a code was sent by mail
  | 'gd_start_enroll' // MFA: an enrolment began
  | 'gd_enrollment_complete' // MFA: an enrolment is done
  | 'gd_unenroll' // MFA: an authenticator was deleted
  | 'sapi' // Management API: something was changed
  | 'srrt' // refresh token revoked
  | 'resource_cleanup' // refresh tokens above the limit were removed
  | 'fco' // origin refused
  | 'api_limit' // too many requests
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

/** How many entries are kept; the oldest give way. */
const journalLimit = 1000;

export interface Journal {
  /** The latest ones, oldest first. */
  readonly entries: readonly JournalEntry[];
  write(
    entry: Omit<JournalEntry, 'log_id' | 'date' | 'details' | 'description'> & Partial<JournalEntry>,
  ): void;
  /** Puts other entries in the place of all. They are no events: who reads along goes on with the next one. */
  replace(entries: readonly JournalEntry[]): void;
  /**
   * The entries from now on, or those after the one with that `log_id`; all that are kept, if that one is not.
   * Whoever reads more slowly than 1,000 entries are written misses the oldest.
   */
  events(after?: string): AsyncIterableIterator<JournalEntry, undefined>;
}

export function openJournal(clock: Clock, random: Randomness): Journal {
  const entries: JournalEntry[] = [];
  let written = 0;
  /** Those who wait for the next entry. Readers are known by nothing else, so that one that is gone leaves nothing behind. */
  let waiting = new Set<() => void>();
  /** Counts replacements, since which a reader's position means nothing any more. */
  let edition = 0;
  const oldest = () => written - entries.length;
  return {
    entries,
    write: (entry) => {
      if (entries.length === journalLimit) entries.shift();
      entries.push(
        Object.freeze({
          log_id: random.hex(24),
          date: new Date(clock.now()).toISOString(),
          description: '',
          details: {},
          ...entry,
        }),
      );
      written += 1;
      const woken = waiting;
      waiting = new Set();
      for (const wake of woken) wake();
    },
    replace(others) {
      entries.splice(0, entries.length, ...others);
      edition += 1;
    },
    events(after) {
      let seenEdition = edition;
      let position =
        after === undefined ? written : oldest() + 1 + entries.findIndex(({ log_id }) => log_id === after);
      let ended = false;
      let wake: (() => void) | undefined;
      let last: Promise<unknown> = Promise.resolve();
      const next = async (): Promise<IteratorResult<JournalEntry, undefined>> => {
        if (seenEdition !== edition) position = written;
        seenEdition = edition;
        while (!ended && position >= written)
          await new Promise<void>((resolve) => {
            wake = resolve;
            waiting.add(resolve);
          });
        position = Math.max(position, oldest());
        const entry = ended ? undefined : entries[position - oldest()];
        position += 1;
        return entry ? { done: false, value: entry } : { done: true, value: undefined };
      };
      return {
        next() {
          const answer = last.then(next); // one after the other, though they may be asked for at once
          last = answer;
          return answer;
        },
        async return() {
          ended = true;
          if (wake) waiting.delete(wake);
          wake?.();
          return { done: true, value: undefined };
        },
        [Symbol.asyncIterator]() {
          return this;
        },
      };
    },
  };
}
