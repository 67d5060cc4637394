/**
 * The strictest policy that an app of the SDK can have: scripts of its own origin, the tenant, and nothing else; no code
 * out of text, no markup out of text (Trusted Types). A page under it has no style and no picture.
 * @param {string} tenantUrl
 */
export const strictPolicy = (tenantUrl) =>
  [
    `default-src 'none'`,
    `script-src 'self'`,
    `connect-src ${tenantUrl}`,
    `frame-src ${tenantUrl}`,
    `worker-src 'self'`,
    `require-trusted-types-for 'script'`,
  ].join('; ');

/** Where pages under `policyHeaders` report to, at their own origin: `{ 'csp-report': … }` (CSP 3 §5.3). */
export const violationsPath = '/violations';

/**
 * A policy, and the same once more, which has nothing left to forbid, but tells: the one that forbids stays as short as it is.
 * @param {string} policy
 */
export const policyHeaders = (policy) => ({
  'content-security-policy': policy,
  'content-security-policy-report-only': `${policy}; report-uri ${violationsPath}`,
});
