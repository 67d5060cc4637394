/**
 * `latchkey/tenant`: an Auth0-like authorization server in memory, for development and tests.
 * @module latchkey/tenant
 */
export type { OobChannel, OutboxMessage } from './authenticators.ts';
export { createTenant, type Tenant, type UserView } from './create-tenant.ts';
export { TenantConfigurationError } from './configuration-error.ts';
export type {
  Address,
  AppType,
  AuthenticatorConfiguration,
  ClientConfiguration,
  ClientGrantConfiguration,
  MfaPolicy,
  OrganizationConfiguration,
  OrganizationRequireBehavior,
  OrganizationUsage,
  ProofOfPossession,
  ResourceServerConfiguration,
  SessionCookieMode,
  TenantConfiguration,
  TenantFlags,
  TokenEndpointAuthMethod,
  UserConfiguration,
} from './configuration.ts';
export { BrokenConnectionError } from './broken-connection-error.ts';
export type { Fault, FaultKind, Faults, FaultView } from './faults.ts';
export type { FamilyView, RefreshTokenState, RefreshTokenView } from './family-view.ts';
export type { Explanation } from './grants/refresh-token.ts';
export type { JournalCode, JournalEntry } from './journal.ts';
export type {
  Hooks,
  PostLoginEvent,
  PostLoginResult,
  TokenExchangeEvent,
  TokenExchangeResult,
} from './post-login.ts';
export type { OpenerPolicy, Quirks, ThirdPartyCookies } from './quirks.ts';
export type { EndCause, ForkPolicy } from './refresh-token-family.ts';
export type { RateLimits } from './rate-limits.ts';
export type {
  RefreshTokenConfiguration,
  RefreshTokenPolicy,
  RefreshTokenSettings,
} from './refresh-token-settings.ts';
export { scenarioNames, type Scenario, type ScenarioName } from './scenarios.ts';
export type { SideChannel } from './side-channel.ts';
export { TenantSnapshotError, type TenantSnapshot } from './snapshot.ts';
export type { TenantClock } from './tenant-clock.ts';
