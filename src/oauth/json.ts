/** JSON objects (RFC 8259 §4): what answers, JWTs and request bodies are made of. */

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
