/** `application/x-www-form-urlencoded`, in bodies and in queries (RFC 6749 appendix B). */

/** The members as a form. `undefined` and `null` are left out. */
export function formOf(members: object): URLSearchParams {
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(members))
    if (value !== undefined && value !== null) form.set(name, String(value));
  return form;
}

/** An address with `query` behind what query it has. */
export const withQuery = (address: string, query: string): string =>
  `${address}${address.includes('?') ? '&' : '?'}${query}`;
