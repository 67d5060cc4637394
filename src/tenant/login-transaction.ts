/** A sign-in that has begun at /authorize and not yet answered the client: what waits while the login page is shown. */
import type { Milliseconds } from '../clock.ts';
import type { OobChallenge } from './authenticators.ts';
import type { CheckedRequest } from './authorization-request.ts';

export interface LoginTransaction {
  readonly request: CheckedRequest;
  readonly begunAt: Milliseconds;
  /** The value of the browser's login cookie: the form works only in the browser that began. */
  readonly browser: string;
  /** The form's hidden token. */
  readonly csrf: string;
  /** The page that asks for an organization comes first. */
  readonly awaitsOrganization: boolean;
  /** What the user of a session has chosen after the login; another user is asked anew. */
  readonly organizationChoice: { readonly sid: string; readonly organizationId: string | null } | null;
  /** On the pages that ask for a second factor. */
  readonly wrongCodes: number;
  readonly challenge: OobChallenge | null;
  readonly outcome:
    | { readonly kind: 'waiting' }
    /** Somebody is signed in, and is asked whether to go on as that. */
    | { readonly kind: 'choosing'; readonly sid: string }
    | { readonly kind: 'signed_in' | 'consented'; readonly sid: string }
    | { readonly kind: 'refused'; readonly error: string; readonly error_description: string };
}

/** A person who is asked whether to sign out. */
export interface PendingLogout {
  /** The session that it is about. */
  readonly sid: string;
  readonly clientId: string | null;
  /** Where to go afterwards. */
  readonly location: string | null;
  readonly begunAt: Milliseconds;
}

/** How long a login page may stay open. */
export const transactionLifetime: Milliseconds = 3_600_000;
