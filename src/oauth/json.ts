/** JSON (RFC 8259): what answers, JWTs, request bodies and stored records are made of. */

/** The object that a text holds; nothing for any other JSON value, and for what is no JSON. */
export function parseJsonObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** The texts of an array; of anything else none. */
export const textsOf = (value: unknown): string[] => (Array.isArray(value) ? value.filter(isText) : []);

export const isText = (value: unknown): value is string => typeof value === 'string';
