/** What must hold in any run of a world, whatever happened in it. */
import { inspect } from 'node:util';
import type { Auth0ClientOptions } from '../../src/core/options.ts';
import type { GenericError } from '../../src/errors.ts';
import { parseJsonObject } from '../../src/oauth/json.ts';
import type { PageState, Tab, World } from './world.ts';

/** A call and what became of it. */
export interface Watched {
  readonly begun: number;
  settled?: number;
  value?: unknown;
  error?: unknown;
}

export function watch(world: World, call: Promise<unknown>): Watched {
  const watched: Watched = { begun: world.steady() };
  call.then(
    (value) => Object.assign(watched, { value, settled: world.steady() }),
    (error: unknown) => Object.assign(watched, { error, settled: world.steady() }),
  );
  return watched;
}

/** `tokens`, or a `refusal` by `invalid_grant`: what was sent is good for nothing any more. `unknown`: whether the server acted. */
export type Heard = 'tokens' | 'refusal' | 'declined' | 'unknown';

export function heardIn({ status, body }: { readonly status: number; readonly body: string }): Heard {
  if (status < 300) return parseJsonObject(body)?.access_token === undefined ? 'unknown' : 'tokens';
  if (body.includes('"invalid_grant"')) return 'refusal';
  return status < 500 ? 'declined' : 'unknown';
}

/** A refresh token on its way to the server, and what its page knows of that; times by one clock for all pages. */
export interface Presentation<By = unknown> {
  readonly by: By;
  readonly sentAt: number;
  readonly heard?: Heard;
  readonly heardAt?: number;
  /** Those of the same refresh token that went before, as they stood when this one was sent. */
  readonly earlier: readonly EarlierPresentation[];
  /** When it was sent, the store that all tabs share held its refresh token. */
  readonly kept: boolean;
}

interface EarlierPresentation {
  readonly request: { readonly sentAt: number };
  readonly heard: Heard | undefined;
  readonly page: PageState;
}

/**
 * I1: a refresh token is presented again only after an unknown outcome of all that went before, and never by two at once.
 *
 * What a page has heard is known as long as it is awake, and for good once the store knows. Of what a page was at that is
 * gone, or that heard nothing of use, the outcome is unknown. A frozen page may still wait, or be about to write what it
 * got: it counts as at work until its claim is `abandoned`, that many ms after it sent.
 */
export function brokenSpends(world: World, abandoned: number): string[] {
  const broken = brokenPresentations(world.refreshes(), abandoned);
  const lost = world.refreshes().filter(({ earlier }) => earlier.some(({ request }) => request.granted));
  if (world.journal().filter((code) => code === 'ferrt').length > lost.length)
    broken.push('I1: reuse was detected, and no answer was lost');
  return broken;
}

/** I1, as far as the pages tell. */
export function brokenPresentations(refreshes: readonly Presentation[], abandoned: number): string[] {
  return refreshes.flatMap(({ earlier, kept, sentAt }) =>
    earlier.flatMap(({ request, heard, page }) => {
      const since = sentAt - request.sentAt;
      const isUsed = heard === 'tokens' || heard === 'refusal';
      if (isUsed && (page === 'awake' || !kept)) return [`I1: presented again after an answer (${heard})`];
      const isAtWork = page !== 'gone' && (heard === undefined || isUsed);
      if (isAtWork && (page === 'awake' || since < abandoned))
        return [`I1: presented by two holders at once, the first one ${page}, since ${since} ms`];
      return [];
    }),
  );
}

/** A call for a token, and the tab that made it. */
export interface TabCall<By = Tab> extends Watched {
  readonly tab: By;
}

/**
 * I2: whoever is told that the session has ended is told because a refresh token was refused; of one refusal with one cause
 * in all tabs that share the session; and no tab is told again by a call that begins after it was told. `outcome_unknown` may
 * be the cause of a first presentation too: a page may have left a claim, and sent nothing.
 */
export function brokenEnds<By>(
  world: { refreshes(): readonly Presentation<By>[] },
  calls: readonly TabCall<By>[],
  isShared: boolean,
): string[] {
  const ends = world
    .refreshes()
    .filter(({ heard }) => heard === 'refusal')
    .map((request) => ({ request, cause: undefined as string | undefined, toldAt: new Map<By, number>() }));
  const told = calls
    .map((call) => ({ ...call, settled: call.settled ?? Infinity }))
    .filter(({ error }) => error !== undefined && causeOf(error) !== undefined)
    .sort((one, other) => one.settled - other.settled);
  return told.flatMap(({ tab, begun, settled, error }) => {
    const cause = causeOf(error);
    const isAfterUnknown = ({ earlier }: Presentation) => earlier.some(({ heard }) => heard !== 'declined');
    const possible = ends.filter(
      (end) =>
        (isShared || end.request.by === tab) &&
        (end.request.heardAt ?? Infinity) <= settled &&
        (end.toldAt.get(tab) ?? begun) >= begun &&
        (end.cause ?? cause) === cause &&
        (cause === 'outcome_unknown' || !isAfterUnknown(end.request)),
    );
    const end = possible.find(({ toldAt }) => toldAt.has(tab)) ?? possible[0];
    if (!end) return [`I2: a tab is told again, or of nothing, that the session has ended (${cause})`];
    end.cause = cause;
    if (!end.toldAt.has(tab)) end.toldAt.set(tab, settled);
    return [];
  });
}

/** How long `getTokenSilently` may take by these options: for an exchange, for a frame, and for a storage that hangs. */
export const waitBound = ({
  httpTimeoutInSeconds = 10,
  authorizeTimeoutInSeconds = 60,
  useRefreshTokensFallback = true,
}: Partial<Auth0ClientOptions>): number =>
  1000 * (httpTimeoutInSeconds + (useRefreshTokensFallback ? authorizeTimeoutInSeconds : 0) + 1);

/** I3: every call has ended within its bound. */
export function brokenWaits(calls: readonly Watched[], bound: number): string[] {
  return calls.flatMap(({ begun, settled }) =>
    settled === undefined
      ? ['I3: a call never ended']
      : settled - begun > bound
        ? [`I3: a call took ${settled - begun} ms, and its bound is ${bound}`]
        : [],
  );
}

/** I5: no secret in anything that was thrown, and none outside of custody. */
export function leaks(world: World, errors: readonly unknown[]): string[] {
  const places = new Map(
    errors.map((error, index) => [`error ${index}`, inspect(error, { depth: 9, showHidden: true })]),
  );
  for (const name of world.localStorage.names()) places.set(name, world.localStorage.get(name) ?? '');
  for (const [name, text] of world.cookies) places.set(`cookie ${name}`, text);
  for (const [name, text] of world.cacheEntries) if (!name.includes('/custody')) places.set(name, text);
  return secretsIn(places, world.secrets);
}

/** I5, for texts by where they were found. */
export const secretsIn = (
  places: Iterable<readonly [string, string]>,
  secrets: ReadonlySet<string>,
): string[] =>
  [...places].flatMap(([place, text]) =>
    [...secrets].some((secret) => text.includes(secret)) ? [`I5: a secret in ${place}`] : [],
  );

/** Errors that a call may end with while the session goes on. */
export const isRetryable = (error: unknown): boolean => (error as GenericError).retryable === true;

/** The cause that an ended session was told with. */
export const causeOf = (error: unknown): string | undefined =>
  (error as GenericError).error === 'invalid_grant' ? (error as GenericError).reason : undefined;
