/**
 * The error classes of those features of auth0-spa-js that latchkey does not have. The vendor's wrappers import them by name,
 * and apps ask `instanceof`: it is always false, for nothing here throws them.
 */
import type { Unchecked } from '../core/options.ts';
import { GenericError } from '../errors.ts';

/** Of `auth0.myAccount`: an account was not connected. */
export class ConnectError extends GenericError {
  override name = 'ConnectError';

  constructor(
    error: string,
    error_description: string,
    readonly connection: string,
    readonly state: string,
    readonly appState: Unchecked = null,
  ) {
    super(error, error_description);
  }
}

/** Of `auth0.mfa`, all of its errors. */
export class MfaError extends GenericError {
  override name = 'MfaError';
}

/** Of `auth0.mfa.getAuthenticators()`. */
export class MfaListAuthenticatorsError extends MfaError {
  override name = 'MfaListAuthenticatorsError';
}

/** Of `auth0.mfa.enroll()`. */
export class MfaEnrollmentError extends MfaError {
  override name = 'MfaEnrollmentError';
}

/** Of `auth0.mfa.challenge()`. */
export class MfaChallengeError extends MfaError {
  override name = 'MfaChallengeError';
}

/** Of `auth0.mfa.verify()`. */
export class MfaVerifyError extends MfaError {
  override name = 'MfaVerifyError';
}

/** Of `auth0.mfa.getEnrollmentFactors()`. */
export class MfaEnrollmentFactorsError extends MfaError {
  override name = 'MfaEnrollmentFactorsError';
}

/** Of `auth0.passkey`, all of its errors. */
export class PasskeyError extends Error {
  override name = 'PasskeyError';
  declare readonly cause?: Unchecked;

  constructor(
    readonly code: string,
    message: string,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}

/** Of `auth0.passkey.signup()`. */
export class PasskeyRegisterError extends PasskeyError {
  override name = 'PasskeyRegisterError';

  constructor(message: string, cause?: unknown) {
    super('passkey_register_error', message, cause);
  }
}

/** Of `auth0.passkey.login()`. */
export class PasskeyChallengeError extends PasskeyError {
  override name = 'PasskeyChallengeError';

  constructor(message: string, cause?: unknown) {
    super('passkey_challenge_error', message, cause);
  }
}

/** Of `auth0.passkey.getTokenWithPasskey()`. */
export class PasskeyGetTokenError extends PasskeyError {
  override name = 'PasskeyGetTokenError';

  constructor(message: string, cause?: unknown) {
    super('passkey_get_token_error', message, cause);
  }
}

/** Of `auth0.myAccount` (RFC 7807). */
export class MyAccountApiError extends Error {
  override name = 'MyAccountApiError';
  readonly type: string;
  readonly status: number;
  readonly title: string;
  readonly detail: string;

  constructor({
    type,
    status,
    title,
    detail,
  }: Pick<MyAccountApiError, 'type' | 'status' | 'title' | 'detail'>) {
    super(detail);
    this.type = type;
    this.status = status;
    this.title = title;
    this.detail = detail;
  }
}

/** Of `auth0.anonymous`. */
export class AnonymousSessionError extends Error {
  override name = 'AnonymousSessionError';
  declare readonly cause?: Unchecked;

  constructor(
    readonly code: string,
    message: string,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}
