/** What a page and the worker that holds its refresh tokens say to each other. No refresh token is in any of it. */
import type { Milliseconds } from '../clock.ts';
import type { Endpoints } from '../core/endpoints.ts';
import type { Settings } from '../core/settings.ts';
import {
  AuthenticationError,
  DisposedError,
  GenericError,
  InsecureContextError,
  InvalidIdTokenError,
  MfaRequiredError,
  NetworkError,
  StorageError,
  TimeoutError,
  UseDpopNonceError,
} from '../errors.ts';
import type { Custody, SpendOutcome } from './custody.ts';

/** Of the words below. A script at `workerUrl` may have been deployed with another version of the SDK. */
export const messageVersion = 2;

/** What can be asked of custody in a worker. What auth0-spa-js has left is never there: it had no refresh tokens in memory. */
export const remoteMethods = [
  'look',
  'spend',
  'redeem',
  'adopt',
  'borrow',
  'goUnmarked',
  'discard',
  'end',
  'revoke',
] as const satisfies (keyof Custody)[];
export type RemoteMethod = (typeof remoteMethods)[number];

/** `leaving`, and the `offset` of the app's clock: what only the page knows. */
export type CallRequest = {
  readonly [Method in RemoteMethod]: {
    readonly kind: 'call';
    readonly id: number;
    readonly method: Method;
    readonly args: Parameters<Custody[Method]>;
    readonly leaving: boolean;
    readonly offset: Milliseconds;
  };
}[RemoteMethod];

/** What a method brings, as it is told: an error as its text. Of `end`, only that it has. */
export type Told<Method extends RemoteMethod> = Method extends 'end'
  ? undefined
  : Method extends 'spend'
    ? Exclude<SpendOutcome, Quarantine> | (Omit<Quarantine, 'cause'> & { readonly cause: ErrorText })
    : Awaited<ReturnType<Custody[Method]>>;
type Quarantine = Extract<SpendOutcome, { kind: 'quarantined' }>;

/** To the worker. */
export type Request =
  | { readonly kind: 'begin'; readonly settings: Settings; readonly origin: string }
  /** Where they are, by discovery; told before anything is spent. */
  | { readonly kind: 'endpoints'; readonly endpoints: Endpoints }
  | { readonly kind: 'dispose' }
  | CallRequest;

/** From the worker. `revoked` follows the value of `end`. `logged_out`, `signed_in`: by another tab. `idle`: it was disposed of, and has nothing left to do. */
export type Reply =
  | { readonly kind: 'ready'; readonly version: number }
  | { readonly kind: 'value'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly error: ErrorText }
  | { readonly kind: 'revoked'; readonly id: number }
  | { readonly kind: 'logged_out' }
  | { readonly kind: 'signed_in' }
  | { readonly kind: 'idle' };

/** An error as it can be cloned without losing its class. */
export interface ErrorText {
  readonly name: string;
  readonly message: string;
  /** What our own errors hold beside these; nothing of others. */
  readonly details: Readonly<Record<string, unknown>> | undefined;
  readonly cause: ErrorText | undefined;
}

/** Those that custody throws. */
const classes: Readonly<Record<string, { readonly prototype: GenericError }>> = {
  AuthenticationError,
  DisposedError,
  InsecureContextError,
  InvalidIdTokenError,
  MfaRequiredError,
  NetworkError,
  StorageError,
  TimeoutError,
  UseDpopNonceError,
};

export function writeError(thrown: unknown): ErrorText {
  const { name, message, cause } = thrown instanceof Error ? thrown : new Error(String(thrown));
  const details = thrown instanceof GenericError ? Object.fromEntries(Object.entries(thrown)) : undefined;
  return { name, message, details, cause: cause === undefined ? undefined : writeError(cause) };
}

/** Of the class that its name says, where that is one of ours. */
export function readError({ name, message, details, cause }: ErrorText): Error {
  const error = new Error(message, cause && { cause: readError(cause) });
  if (!details) return Object.assign(error, { name });
  Object.setPrototypeOf(error, (classes[name] ?? GenericError).prototype);
  return Object.assign(error, details);
}
