/** The public surface of latchkey's SDK: re-exports only. */
export { Auth0Client, createAuth0Client, createAuth0Client as default } from './auth0-client.ts';
export { LocalStorageCache } from './browser/local-storage-cache.ts';
export { InMemoryCache, type ICache } from './core/cache.ts';
export {
  User,
  type Auth0ClientOptions,
  type AuthorizationParams,
  type CacheLocation,
  type CacheMode,
  type GetTokenSilentlyOptions,
  type GetTokenSilentlyVerboseResponse,
  type GetTokenWithPopupOptions,
  type IdToken,
  type LogoutOptions,
  type PopupConfigOptions,
  type PopupLoginOptions,
  type RedirectLoginOptions,
  type RedirectLoginResult,
  type WaitOptions,
} from './core/options.ts';
export type { V1ClientOptions } from './compatibility/v1-options.ts';
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
  RefreshTokenMode,
} from './compatibility/feature-errors.ts';
export { isFederatedDomain, type IsFederatedDomainOptions } from './browser/federated-domain.ts';
export {
  AbortError,
  AuthenticationError,
  DisposedError,
  GenericError,
  InsecureContextError,
  InvalidConfigurationError,
  InvalidIdTokenError,
  MissingRefreshTokenError,
  MissingScopesError,
  NetworkError,
  PopupCancelledError,
  PopupOpenError,
  PopupTimeoutError,
  SessionEndedError,
  StorageError,
  TimeoutError,
  type ErrorDetails,
} from './errors.ts';
