/** Where a client's requests go: to Auth0's paths at its domain, or to where the provider's discovery document says. */
import type { Milliseconds } from '../clock.ts';
import type { Settings } from './settings.ts';

/** Absolute addresses. Survives cloning and JSON. */
export interface Endpoints {
  readonly authorize: string;
  readonly token: string;
  /** Absent: the provider has none, and nothing is revoked. */
  readonly revoke?: string | undefined;
  /** For RP-initiated logout; see `endSessionUrl`. */
  readonly endSession?: string | undefined;
  /** The provider's JWK Set. */
  readonly keys?: string | undefined;
  /** Every answer of the authorization endpoint names its issuer (RFC 9207 §3). */
  readonly namesIssuer?: boolean | undefined;
}

/**
 * @param patience How long it may take until the document may be asked for, where that fails again and again; absent: the user asks,
 * and is not kept waiting.
 */
export type FindEndpoints = (patience?: Milliseconds) => Promise<Endpoints>;

/** Auth0's. */
export const endpointsAt = ({ domainUrl }: Pick<Settings, 'domainUrl'>): Endpoints => ({
  authorize: `${domainUrl}/authorize`,
  token: `${domainUrl}/oauth/token`,
  revoke: `${domainUrl}/oauth/revoke`,
  keys: `${domainUrl}/.well-known/jwks.json`,
});
