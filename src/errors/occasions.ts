/** What is raised on several occasions, each worded once. */
import {
  AuthenticationError,
  GenericError,
  InvalidIdTokenError,
  StorageError,
  TimeoutError,
  type ErrorDetails,
} from './classes.ts';

/** For a call that began before the user logged out here, or before somebody else signed in: that has the last word. */
export const signedOut = (state: string): AuthenticationError =>
  new AuthenticationError('login_required', 'Signed out meanwhile', state, null, 'signed_out');

/** For a lock that was not granted in time. @param age since when its holder has been at work, where that is known, in ms. */
export const lockTimeout = (limit: number, age?: number): TimeoutError =>
  new TimeoutError(
    'lock_timeout',
    `Timeout: the lock was not granted within ${limit} ms.${age === undefined ? '' : ` Its holder began ${age} ms ago.`}`,
  );

/**
 * The worker that holds refresh tokens could not be started. `reason`: `unsupported` (the browser has none), `blocked` (its
 * script did not run: refused by a policy, or not found), `late`, or `version` (its script belongs to another version).
 */
export const workerUnavailable = (
  reason: 'unsupported' | 'blocked' | 'late' | 'version',
  cause?: unknown,
): GenericError =>
  new GenericError('worker_unavailable', `The worker could not be started (${reason}).`, {
    retryable: true,
    reason,
    cause,
  });

/** For a login by redirect that would be one more round of a loop. `reason`: what became of the last one, where that is known. */
export const redirectLoop = (rounds: number, last: string | undefined): GenericError =>
  new GenericError(
    'redirect_loop',
    `Not redirected once more: ${rounds} logins of the last minute came back, and none was the user's doing. ` +
      `${last === undefined ? '' : `The last one ended with "${last}". `}Likely: the page answers an error of ` +
      'handleRedirectCallback() by a login, or does not wait for it; a blocked storage; a wrong clock.',
    { reason: last },
  );

/** A newer version of this SDK, in another tab, has written what this one cannot read. */
export const newerFormat = (found: number, known: number): StorageError =>
  new StorageError(
    `the record has format ${found}, later than ${known}; reload the page`,
    undefined,
    'newer_format',
  );

/** For what only a page can do, asked for outside of one. */
export const noPage = (): GenericError =>
  new GenericError('no_page', 'This call needs a page: here is no document and no address.');

/**
 * What helps where another way was tried and failed with `cause`, or none was there to be tried. A forged answer says nothing
 * of what the next login brings.
 */
export const outlookOf = (cause: unknown): ErrorDetails =>
  cause instanceof GenericError && (cause.retryable || !(cause instanceof InvalidIdTokenError))
    ? { cause, requiresLogin: cause.requiresLogin, retryable: cause.retryable }
    : { cause, requiresLogin: true };
