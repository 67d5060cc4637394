import type { Milliseconds } from '../clock.ts';

/** What `isFederatedDomain` takes besides the two domains. */
export interface IsFederatedDomainOptions {
  /** In the place of the platform's `fetch`. */
  customFetch?: typeof fetch | undefined;
}

/** For how long an answer is good: somebody may just be setting the connection up. */
const lifetimes: Readonly<Record<'true' | 'false', Milliseconds>> = { true: 60_000, false: 15_000 };

/** In the module, since no client is there to keep them; a form asks at every letter. */
const answers = new Map<string, { readonly answer: boolean; readonly until: number }>();

/**
 * Whether the users of an e-mail domain sign in by a connection of their own company at this tenant, asked by WebFinger (RFC 7033).
 *
 * @param auth0Domain That of the tenant, such as `tenant.eu.auth0.com`, or its whole origin.
 * @param emailDomain Such as `example.com`.
 * @returns False too where the tenant could not be asked. Never rejects. An answer is kept for 60 s, a no for 15 s.
 */
export async function isFederatedDomain(
  auth0Domain: string,
  emailDomain: string,
  { customFetch = globalThis.fetch }: IsFederatedDomainOptions = {},
): Promise<boolean> {
  const origin = /^https?:\/\//.test(auth0Domain) ? auth0Domain : `https://${auth0Domain}`;
  const query = new URLSearchParams({
    resource: `urn:auth0:discovery:domain:${emailDomain}`,
    rel: 'http://openid.net/specs/connect/1.0/issuer',
  });
  const url = `${origin.replace(/\/$/, '')}/.well-known/webfinger?${query}`;
  const held = answers.get(url);
  if (held && held.until > performance.now()) return held.answer;
  try {
    const { status } = await customFetch(url);
    if (status !== 200 && status !== 404) return false;
    const answer = status === 200;
    answers.set(url, { answer, until: performance.now() + lifetimes[`${answer}`] });
    return answer;
  } catch {
    return false;
  }
}
