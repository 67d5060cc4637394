/**
 * Who may be signed in, told from outside: from which logins and logouts began and ended, and from what the tenant did,
 * never from what the SDK says of itself.
 */

/** A user's e-mail address, or `nobody`. */
export type Who = string;

/** A login or a logout under way. */
export interface Change {
  /** Another one was under way at the same time, or something else happened to the session. */
  isContested(): boolean;
  /** It has come to its end: whoever it was for is signed in or out, unless another change was under way meanwhile. */
  succeed(): void;
  /** It came to nothing. */
  fail(): void;
  /** Nobody will ever know: its page is gone. */
  vanish(): void;
}

export interface ExpectedSession {
  /** Who may be signed in now. */
  may(): ReadonlySet<Who>;
  /** Who may have been signed in at any moment between two instants. */
  mayHaveBeen(since: number, until: number): ReadonlySet<Who>;
  begin(to: Who): Change;
  /** Something else that may make it so, or leave it as it is. */
  mayBecome(who: Who): void;
}

export function expectSession(now: () => number): ExpectedSession {
  /** What may be, by the instant since when; the last holds. */
  const history: { readonly since: number; readonly may: ReadonlySet<Who> }[] = [
    { since: now(), may: new Set(['nobody']) },
  ];
  const underWay = new Set<{ contested: boolean }>();
  const may = () => history.at(-1)?.may ?? new Set();
  const become = (next: ReadonlySet<Who>) => void history.push({ since: now(), may: next });

  return {
    may,
    mayHaveBeen: (since, until) =>
      new Set(
        history
          .filter(
            (moment, index) => moment.since <= until && (history[index + 1]?.since ?? Infinity) >= since,
          )
          .flatMap((moment) => [...moment.may]),
      ),
    mayBecome(who) {
      for (const change of underWay) change.contested = true;
      become(new Set([...may(), who]));
    },
    begin(to) {
      const change = { contested: underWay.size > 0 };
      for (const other of underWay) other.contested = true;
      underWay.add(change);
      const before = may();
      become(new Set([...before, to]));
      const end = (then: () => void) => () => {
        if (underWay.delete(change)) then();
      };
      return {
        isContested: () => change.contested,
        succeed: end(() => {
          if (!change.contested) become(new Set([to]));
        }),
        fail: end(() => {
          if (!change.contested && !before.has(to)) become(new Set([...may()].filter((who) => who !== to)));
        }),
        vanish: end(() => {}),
      };
    },
  };
}
