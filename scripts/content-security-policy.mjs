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
