/** Points that Auth0 leaves open, has changed, or leaves to a switch of the tenant (docs/decisions/28-quirks.md). */
import type { ForkPolicy } from './refresh-token-family.ts';

/** The `Cross-Origin-Opener-Policy` of the tenant's pages. */
export type OpenerPolicy = 'unsafe-none' | 'same-origin';
/** What becomes of session cookies that come from another site. */
export type ThirdPartyCookies = 'allow' | 'block';

/** What the tenant does is what each says where it is absent. Every flag's default is false. */
export interface Quirks {
  /**
   * Which child survives when one token was exchanged twice inside its leeway. `last-issued` (default): the newest; an
   * older sibling works until the window closes and counts as reuse afterwards. `all-siblings`: every one.
   */
  readonly forks?: ForkPolicy;
  /**
   * The `Cross-Origin-Opener-Policy` of every answer. `unsafe-none` (default): none, as on Auth0. `same-origin`: a popup and the
   * page that opened it lose each other, as behind a custom domain whose proxy sends that header.
   */
  readonly openerPolicy?: OpenerPolicy;
  /**
   * Whether the session's cookie counts in an iframe of another site, by the headers `Sec-Fetch-Dest` and `Sec-Fetch-Site`.
   * `block`: it does not, as in a browser that keeps third-party cookies back, so that `prompt=none` is `login_required` there.
   * Default `allow`.
   */
  readonly thirdPartyCookies?: ThirdPartyCookies;
  /** The Management API takes lifetimes that are written as texts, as Auth0's documentation prints them. */
  readonly coerceNumericStrings?: boolean;
  /** A detected reuse takes the user's grant with it, and what else was issued under it; otherwise its family alone. */
  readonly reuseDeletesGrant?: boolean;
  /** A detected reuse ends the session that the family began in; otherwise `prompt=none` may go on. */
  readonly reuseEndsSession?: boolean;
  /**
   * The token endpoint refuses with 400 (RFC 6749 §5.2), and an unknown client as `invalid_client`; otherwise with 403, and as
   * `access_denied`.
   */
  readonly strictRfcStatus?: boolean;
  /** A refresh that asks for more than was granted is `invalid_scope` (RFC 6749 §6); otherwise what is too much is ignored. */
  readonly strictScope?: boolean;
  /** A client that revokes another's token is told so (RFC 7009 §2.1); otherwise nothing happens and the answer is 200. */
  readonly strictRevocation?: boolean;
  /**
   * The token that was swapped when rotation was switched on is forgiven within the leeway, until what took its place is used;
   * otherwise it is unknown at once.
   */
  readonly graceForSwapped?: boolean;
  /** An authorization code that comes a second time is refused, and no more; otherwise what it gave is revoked. */
  readonly codeReplayKeepsTokens?: boolean;
  /** `/v2/logout` revokes the refresh tokens that began in the session; otherwise they outlive it. */
  readonly logoutRevokesRefreshTokens?: boolean;
  /** A new password revokes the user's refresh tokens, too; otherwise it ends the sessions alone. */
  readonly passwordChangeRevokesRefreshTokens?: boolean;
  /**
   * Deleting a rotating device credential takes the grant with it only under `flags.revoke_refresh_token_grant`, as one that
   * does not rotate; otherwise always.
   */
  readonly deviceCredentialsFollowFlag?: boolean;
  /** `web_message` answers go to the origin of any registered callback; otherwise it must be one of `web_origins`. */
  readonly webMessageToCallbacks?: boolean;
  /**
   * What the specifications want where Auth0 goes its own way, for clients that are tested against them: `strictRfcStatus`,
   * `strictScope` and `strictRevocation`, unless they are false; ID tokens that always say `auth_time`, and `at_hash` (OIDC Core
   * §3.1.3.6); `updated_at` as a number (§5.1); and a code that comes twice takes an opaque access token back, too (RFC 6749 §4.1.2).
   */
  readonly conformance?: boolean;
}

export type QuirkFlag = Exclude<keyof Quirks, 'forks' | 'openerPolicy' | 'thirdPartyCookies'>;

const flags: Readonly<Record<QuirkFlag, false>> = {
  coerceNumericStrings: false,
  reuseDeletesGrant: false,
  reuseEndsSession: false,
  strictRfcStatus: false,
  strictScope: false,
  strictRevocation: false,
  graceForSwapped: false,
  codeReplayKeepsTokens: false,
  logoutRevokesRefreshTokens: false,
  passwordChangeRevokesRefreshTokens: false,
  deviceCredentialsFollowFlag: false,
  webMessageToCallbacks: false,
  conformance: false,
};

export const quirkFlags = Object.keys(flags) as readonly QuirkFlag[];

/** Flags whose default is true under `conformance`. */
export const impliedByConformance: readonly QuirkFlag[] = [
  'strictRfcStatus',
  'strictScope',
  'strictRevocation',
];
