/**
 * Decodes base64url text to bytes.
 * @throws {TypeError} when the text holds a character outside the alphabet, padding included.
 */
export function decodeBase64url(text: string): Uint8Array {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) throw new TypeError('not base64url text');
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  const bytes = new Uint8Array(binary.length); // every look at a session decodes: `Uint8Array.from` takes many times as long
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at);
  return bytes;
}
