/** The authorization code: what a login grants, kept until the client fetches it (RFC 6749 §4.1.2). */
import type { Milliseconds } from '../clock.ts';
import type { CustomClaims } from './post-login.ts';

/** What a user has let a client do. */
export interface Authorization {
  readonly userId: string;
  /** Of the session that it was granted in, or `null` where it was granted without a browser. */
  readonly sid: string | null;
  readonly scope: string;
  readonly audience: string | null;
  readonly nonce: string | null;
  readonly authTime: Milliseconds | null;
  /** The user had proved a second factor. */
  readonly secondFactor: boolean;
  readonly claims: CustomClaims;
  readonly organizationId: string | null;
}

export interface AuthorizationCode extends Authorization {
  readonly clientId: string;
  readonly redirectUri: string;
  /** True when the authorization request named it; then the exchange must name it too (RFC 6749 §4.1.3). */
  readonly redirectUriWasSent: boolean;
  readonly challenge: { readonly value: string; readonly method: 'S256' | 'plain' } | null;
  /** Thumbprint of the key whose proof the exchange must bring (RFC 9449 §10). */
  readonly dpopJkt: string | null;
  readonly issuedAt: Milliseconds;
  /** Set by the first use, with the family it made; or by a failed proof, without one. */
  readonly used: { readonly familyId: string | null } | null;
}

/** Ten minutes, the most that RFC 6749 §4.1.2 recommends. */
export const codeLifetime: Milliseconds = 600_000;
