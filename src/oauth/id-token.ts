/** The ID token: who signed in, when and for whom (OpenID Connect Core 1.0 §2). */
import type { Seconds } from '../clock.ts';

/** Claims about the authentication, and claims about the user as far as the granted scope reaches (OIDC Core §5.4). */
export interface IdTokenClaims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: string | readonly string[];
  readonly exp: Seconds;
  readonly iat: Seconds;
  readonly nbf?: Seconds;
  readonly auth_time?: Seconds;
  readonly azp?: string;
  readonly nonce?: string;
  readonly at_hash?: string;
  readonly sid?: string;
  readonly org_id?: string;
  readonly org_name?: string;
  /** When the user must have logged in anew (IPSIE): Auth0's enterprise connections. */
  readonly session_expiry?: Seconds;
  readonly [claim: string]: unknown;
}

/**
 * Claims that speak of the token rather than of the user: registered JWT claims (RFC 7519 §4.1), OIDC Core §2, and
 * claims of other JWT profiles in the IANA registry. They are left out of what `getUser()` returns.
 */
export const protocolClaims: ReadonlySet<string> = new Set(
  (
    'iss aud exp nbf iat jti azp nonce auth_time at_hash c_hash acr amr sub_jwk cnf sip_from_tag sip_date sip_callid ' +
    'sip_cseq_num sip_via_branch orig dest mky events toe txn rph sid vot vtm'
  ).split(' '),
);
