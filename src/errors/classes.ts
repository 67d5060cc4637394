/**
 * Every error the SDK raises on purpose. Branch on `error` (a stable code), never on a message.
 *
 * Messages, descriptions and causes never hold a token, a code or a code verifier.
 */

/** What all errors may tell beside their code. */
export interface ErrorDetails {
  /** The same call may succeed later without anybody doing anything: nothing was lost. */
  readonly retryable?: boolean;
  /** Only a new login helps. */
  readonly requiresLogin?: boolean;
  /** Which of several causes, where one code has several. */
  readonly reason?: string;
  readonly cause?: unknown;
}

/** The root of all errors here, and itself the error for a refusal by the authorization server (RFC 6749 §4.1.2.1, §5.2). */
export class GenericError extends Error {
  override name = 'GenericError';
  error: string;
  error_description: string;
  readonly retryable: boolean;
  readonly requiresLogin: boolean;
  readonly reason: string | undefined;

  constructor(error: string, error_description: string, details: ErrorDetails = {}) {
    super(error_description, details.cause === undefined ? undefined : { cause: details.cause });
    this.error = error;
    this.error_description = error_description;
    this.retryable = details.retryable ?? false;
    this.requiresLogin = details.requiresLogin ?? false;
    this.reason = details.reason;
  }

  /** The error for an answer of the authorization server. */
  static fromPayload(payload: { error: string; error_description?: string }): GenericError {
    return new GenericError(payload.error, payload.error_description ?? payload.error);
  }
}

/** An option or argument is missing, unknown or contradicts another. Nothing was done. */
export class InvalidConfigurationError extends GenericError {
  override name = 'InvalidConfigurationError';
  readonly suggestion: string;

  constructor(problem: string, suggestion = 'Leave it out, or pass one.') {
    super('invalid_configuration', `${problem} ${suggestion}`);
    this.suggestion = suggestion;
  }
}

/** Web Crypto is missing, because the page has no secure origin (https, or http on localhost). */
export class InsecureContextError extends GenericError {
  override name = 'InsecureContextError';

  constructor(origin: string) {
    super('insecure_context', `latchkey must run on a secure origin (https or localhost), not "${origin}".`);
  }
}

/**
 * The authorization server answered with an error (RFC 6749 §4.1.2.1). `login_required`, `consent_required` and their
 * kin (OIDC Core §3.1.2.6) ask for the user; others, such as `access_denied`, would only come again. `reason`: `signed_out`
 * where it was not the server that answered so; `third_party_cookies` where that is the likely cause of an iframe's
 * `login_required`, and then `cause` says why.
 */
export class AuthenticationError extends GenericError {
  override name = 'AuthenticationError';
  readonly state: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- the app knows what it passed
  readonly appState: any;

  constructor(
    error: string,
    error_description: string,
    state: string,
    appState: unknown = null,
    reason?: string,
  ) {
    super(error, error_description, { requiresLogin: error.endsWith('_required'), reason });
    this.state = state;
    this.appState = appState;
  }
}

/** What the tenant offers where it asks for a second factor: which kinds to enrol, or which of the enrolled to challenge. */
export interface MfaRequirements {
  readonly enroll?: { readonly type: string }[] | undefined;
  readonly challenge?: { readonly type: string }[] | undefined;
}

/**
 * The token endpoint asks for a second factor first (`mfa_required`, Auth0's MFA API); the session is as it was. `mfa_token` is
 * a secret: it is in no message.
 */
export class MfaRequiredError extends GenericError {
  override name = 'MfaRequiredError';

  constructor(
    error: string,
    error_description: string,
    readonly mfa_token: string,
    readonly mfa_requirements: MfaRequirements,
  ) {
    super(error, error_description);
  }
}

/**
 * Something took longer than its limit. What was under way goes on, and its result is kept. Of a hidden iframe the `error_description`,
 * and the `cause`, say in a sentence what was found out, or what to look at; `reason`, of which all but `frame_silent` are known for
 * sure: `frame_offline` (the network went), `frame_forbidden` (by a policy of the page), `frame_unreachable` (nothing answers at the
 * tenant's origin), `frame_callback` (the answer came to the redirect URI), `frame_silent` (loaded, with nothing to say for 2 s),
 * `frame_timeout` (not loaded in time). Of anything else: `still_waiting`, `lock_timeout`, `popup_timeout`, `worker_silent`.
 */
export class TimeoutError extends GenericError {
  override name = 'TimeoutError';

  constructor(reason?: string, description = 'Timeout', cause?: unknown) {
    super('timeout', description, { retryable: true, reason, cause });
  }
}

/** The browser let no popup be opened: the call did not come straight out of what the user did, or popups are blocked. */
export class PopupOpenError extends GenericError {
  override name = 'PopupOpenError';

  constructor() {
    super('popup_open', 'No popup could be opened.');
  }
}

/** The user closed the popup. */
export class PopupCancelledError extends GenericError {
  override name = 'PopupCancelledError';

  constructor(readonly popup: Window) {
    super('cancelled', 'Popup closed');
  }
}

/**
 * The user did not log in within the limit. The popup is left open, and a login that is completed in it later is kept, unless
 * there was a logout or another login before it; whoever does not want that closes the popup.
 */
export class PopupTimeoutError extends TimeoutError {
  override name = 'PopupTimeoutError';

  constructor(readonly popup: Window) {
    super('popup_timeout');
  }
}

/**
 * The authorization server could not be reached, or its answer did not arrive whole. `reason`: `offline` (nothing was
 * sent), `leaving` (nothing was sent, because nobody would be there for the answer), `unreachable` (no usable answer came),
 * `outcome_unknown` (a refresh token was sent and no answer came: the server may have rotated it; a later call tries again)
 * or `backing_off` (nothing was sent, because the last requests failed, or the server asks to be left alone; the message says
 * until when). `cause`: what the platform threw, if it did.
 */
export class NetworkError extends GenericError {
  override name = 'NetworkError';

  constructor(
    reason: 'offline' | 'leaving' | 'unreachable' | 'outcome_unknown' | 'backing_off',
    description: string,
    cause?: unknown,
  ) {
    super('network_error', description, { retryable: true, reason, cause });
  }
}

/**
 * The browser's storage refused to read or write. What was already held stays held. `reason` may say `unavailable`, `refused`,
 * `late`, `closed`, `moved` or `newer_format`: only the last one is not retryable.
 */
export class StorageError extends GenericError {
  override name = 'StorageError';

  constructor(what: string, cause?: unknown, reason?: string) {
    const retryable = reason !== 'newer_format';
    super('storage_error', `Storage failed: ${what}.`, { retryable, cause, reason });
  }
}

/**
 * A server wants another nonce in a DPoP proof (RFC 9449 §8, §9) than that of the request that followed its last word. Nothing was
 * consumed.
 */
export class UseDpopNonceError extends GenericError {
  override name = 'UseDpopNonceError';

  /** @param newDpopNonce The nonce that came with the answer, if there was one; it is kept. */
  constructor(readonly newDpopNonce: string | undefined) {
    super('use_dpop_nonce', 'A DPoP nonce is refused.', {
      retryable: newDpopNonce !== undefined,
    });
  }
}

/**
 * An API wants a login that is more recent, or stronger, than that of the token (RFC 9470 §3). What it asks for is to be passed on:
 * `loginWithRedirect({ authorizationParams: { acr_values, max_age } })`.
 */
export class InsufficientUserAuthenticationError extends GenericError {
  override name = 'InsufficientUserAuthenticationError';

  /** @param max_age In seconds. */
  constructor(
    readonly acr_values: string | undefined,
    readonly max_age: number | undefined,
  ) {
    super('insufficient_user_authentication', 'The API asks for another login.', {
      requiresLogin: true,
    });
  }
}

/**
 * The ID token does not hold what it must (OIDC Core §3.1.3.7, §3.1.3.8; on refresh §12.2). `reason` names the claim or the check:
 * `missing`, `malformed`, `algorithm`, `signature`, `issuer`, `subject`, `audience`, `authorized_party`, `nonce`, `organization`,
 * `access_token_hash`, `expiry`, `issued_at`, `authentication_time`, `max_age`; or, and then it is retryable, `time` or `unknown_key`.
 */
export class InvalidIdTokenError extends GenericError {
  override name = 'InvalidIdTokenError';

  constructor(reason: string, detail: string) {
    const description = `The ID token was refused (${reason}). ${detail}`.trim();
    // A token that is only too old or too new tells of a clock, not of a forgery; and a key may be too new to be known.
    const retryable = reason === 'time' || reason === 'unknown_key';
    super('invalid_id_token', description, { reason, retryable });
  }
}

/**
 * A token was asked for, no refresh token is held for it, and no other way led to one; `cause` holds the other way's error.
 * `reason`: `signed_out` (nobody is signed in), `audience_never_granted` or `scope_never_granted` (no login asked for it), or
 * `refused` (the refresh token for that audience is over; the session goes on with that of another).
 */
export class MissingRefreshTokenError extends GenericError {
  override name = 'MissingRefreshTokenError';
  readonly audience: string;
  readonly scope: string;

  constructor(audience: string, scope: string, details: ErrorDetails = onlyLogin) {
    const shown = audience === 'default' ? '' : audience;
    super(
      'missing_refresh_token',
      `Missing Refresh Token (audience: '${shown}', scope: '${scope}')`,
      details,
    );
    this.audience = audience;
    this.scope = scope;
  }
}

/**
 * The session is over: the authorization server no longer accepts the refresh token. `reason` is `refused`, or
 * `outcome_unknown` where an earlier answer had been lost and the refused token may have been spent by that exchange.
 */
export class SessionEndedError extends GenericError {
  override name = 'SessionEndedError';

  /** @param why Told besides. */
  constructor(reason: string, cause?: unknown, why = '') {
    super('invalid_grant', `The session has ended. ${why} Log in again.`, {
      requiresLogin: true,
      reason,
      cause,
    });
  }
}

/** Its `signal` was aborted while the call waited. What was under way goes on, and its result is kept. `cause`: the signal's reason. */
export class AbortError extends GenericError {
  override name = 'AbortError';

  constructor(cause: unknown) {
    super('aborted', 'The call was aborted.', { cause, retryable: true });
  }
}

/** The client was disposed of: it does nothing any more. */
export class DisposedError extends GenericError {
  override name = 'DisposedError';

  constructor() {
    super('disposed', 'This client was disposed of.');
  }
}

/** The tenant granted less for an audience than was asked for, and no other way led to more. */
export class MissingScopesError extends GenericError {
  override name = 'MissingScopesError';
  readonly audience: string;
  /** Those that are missing, separated by commas. */
  readonly scope: string;

  constructor(audience: string, scope: string, details: ErrorDetails = onlyLogin) {
    super(
      'missing_scopes',
      `Missing requested scopes after refresh (audience: '${audience}', missing scope: '${scope}')`,
      details,
    );
    this.audience = audience;
    this.scope = scope;
  }
}

/** A part of the SDK that is loaded on first use could not be: the next call tries again. */
export const featureLoadFailed = (cause: unknown): GenericError =>
  new GenericError('feature_load_failed', 'A part of latchkey could not be loaded.', {
    retryable: true,
    cause,
  });

const onlyLogin: ErrorDetails = { requiresLogin: true };
