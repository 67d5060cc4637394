/** What must hold in any run of a world, whatever happened in it. */
import { inspect } from 'node:util';
import type { GenericError } from '../../src/errors.ts';
import type { RecordedRequest, World } from './world.ts';

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

/**
 * I1: a refresh token is presented again only after an unknown outcome, and a refusal of an unspent history never comes.
 * @param lost Some answer of a refresh that the server had committed reached nobody.
 */
export function brokenSpends(world: World, { lost }: { lost: boolean }): string[] {
  const broken: string[] = [];
  const last = new Map<string, RecordedRequest>();
  for (const request of world.refreshes()) {
    const token = request.form.get('refresh_token') ?? '';
    const before = last.get(token);
    if (before && isDefinite(before) && (before.answeredAt ?? Infinity) <= request.sentAt)
      broken.push(`I1: presented again after an answer of ${before.status}`);
    last.set(token, request);
  }
  if (!lost && world.journal().includes('ferrt'))
    broken.push('I1: reuse was detected, and no answer was lost');
  return broken;
}

/** A success that could be read, or a refusal: what was sent is spent, or good for nothing. */
const isDefinite = ({ status, unreadable, refused, forgotten }: RecordedRequest): boolean =>
  forgotten !== true && status !== undefined && ((status < 300 && unreadable !== true) || refused === true);

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
  return [...places].flatMap(([place, text]) =>
    [...world.secrets].some((secret) => text.includes(secret)) ? [`I5: a secret in ${place}`] : [],
  );
}

/** Errors that a call may end with while the session goes on. */
export const isRetryable = (error: unknown): boolean => (error as GenericError).retryable === true;

/** The cause that an ended session was told with. */
export const causeOf = (error: unknown): string | undefined =>
  (error as GenericError).error === 'invalid_grant' ? (error as GenericError).reason : undefined;
