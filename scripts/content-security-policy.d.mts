export function strictPolicy(tenantUrl: string): string;
export function policyHeaders(policy: string): Record<string, string>;
export const violationsPath: string;
