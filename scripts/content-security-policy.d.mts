export const violationsPath: string;
export function strictHeaders(tenantUrl: string): Record<string, string>;
