export function strictPolicy(tenantUrl: string): string;
