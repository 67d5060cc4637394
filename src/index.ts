/**
 * The public surface of latchkey's SDK: re-exports, and the default export of auth0-spa-js v1.
 * @module latchkey
 */
import { Auth0Client, createAuth0Client } from './auth0-client.ts';
import { LocalStorageCache } from './browser/local-storage-cache.ts';
import { InMemoryCache } from './core/cache.ts';
import {
  AuthenticationError,
  GenericError,
  PopupCancelledError,
  PopupTimeoutError,
  TimeoutError,
} from './errors.ts';

/** `createAuth0Client`, carrying what v1's did as a script and for CommonJS. Whoever does not import it has nothing of it. */
export default /* @__PURE__ */ Object.assign(createAuth0Client, {
  Auth0Client,
  /** Itself. */
  createAuth0Client,
  AuthenticationError,
  GenericError,
  InMemoryCache,
  LocalStorageCache,
  PopupCancelledError,
  PopupTimeoutError,
  TimeoutError,
});

export { Auth0Client, createAuth0Client } from './auth0-client.ts';
export { LocalStorageCache } from './browser/local-storage-cache.ts';
export { InMemoryCache, type ICache } from './core/cache.ts';
export type { Diagnosis, Fact, Failure, SessionState } from './core/diagnosis.ts';
export type { ClientEvent, ClientEvents } from './core/events.ts';
export {
  CacheKey,
  type Cacheable,
  type CacheEntry,
  type CacheKeyData,
  type DecodedToken,
  type KeyManifestEntry,
  type MaybePromise,
  type WrappedCacheEntry,
} from './core/cache-key.ts';
export {
  ResponseType,
  User,
  type Auth0ClientOptions,
  type AuthorizationParams,
  type AuthorizeOptions,
  type AuthParams,
  type CacheLocation,
  type CacheMode,
  type ClientAuthorizationParams,
  type ClientConfiguration,
  type ConnectAccountRedirectResult,
  type CustomFetchMinimalOutput,
  type CustomTokenExchangeOptions,
  type DpopProofOptions,
  type Fetcher,
  type FetcherConfig,
  type GetTokenSilentlyOptions,
  type GetTokenSilentlyVerboseResponse,
  type GetTokenWithPopupOptions,
  type IdToken,
  type LogoutOptions,
  type LogoutUrlOptions,
  type PopupConfigOptions,
  type PopupLoginOptions,
  type RedirectLoginOptions,
  type RedirectLoginResult,
  type RevokeRefreshTokenOptions,
  type Span,
  type WaitOptions,
  type WorkerUrl,
} from './core/options.ts';
export {
  RefreshTokenMode,
  type ActClaim,
  type AuthenticationResult,
  type FetchOptions,
  type FetchResponse,
  type JWTVerifyOptions,
  type OAuthTokenOptions,
  type RefreshTokenOptions,
  type TokenEndpointOptions,
  type TokenEndpointResponse,
} from './compatibility/auth0-spa-js-types.ts';
export type {
  GetIdTokenClaimsOptions,
  GetUserOptions,
  V1CallParams,
  V1ClientOptions,
  V1GetTokenSilentlyOptions,
  V1GetTokenWithPopupOptions,
  V1LogoutOptions,
  V1LogoutUrlOptions,
  V1PopupLoginOptions,
  V1RedirectLoginOptions,
} from './compatibility/v1-options.ts';
export {
  AnonymousSessionError,
  ConnectError,
  MfaChallengeError,
  MfaEnrollmentError,
  MfaEnrollmentFactorsError,
  MfaError,
  MfaListAuthenticatorsError,
  MfaVerifyError,
  MyAccountApiError,
  PasskeyChallengeError,
  PasskeyError,
  PasskeyGetTokenError,
  PasskeyRegisterError,
} from './compatibility/feature-errors.ts';
export type { TextStorage } from './environment.ts';
export { isFederatedDomain, type IsFederatedDomainOptions } from './browser/federated-domain.ts';
export {
  AbortError,
  AuthenticationError,
  DisposedError,
  GenericError,
  InsecureContextError,
  InsufficientUserAuthenticationError,
  InvalidConfigurationError,
  InvalidIdTokenError,
  MfaRequiredError,
  MissingRefreshTokenError,
  MissingScopesError,
  NetworkError,
  PopupCancelledError,
  PopupOpenError,
  PopupTimeoutError,
  SessionEndedError,
  StorageError,
  TimeoutError,
  UseDpopNonceError,
  type ErrorDetails,
  type MfaRequirements,
} from './errors.ts';
