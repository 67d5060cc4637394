/** `q`: the part of Auth0's search that names fields and values, `type:ferrt AND user_id:"auth0|1"`. */
import { invalidQuery } from './paging.ts';

/**
 * @param fields that may be asked for
 * @returns whether a record has all the values
 */
export function readSearch(q: string | undefined, fields: readonly string[]): (record: object) => boolean {
  if (q === undefined || q.trim() === '') return () => true;
  const terms = q.split(/\s+AND\s+/).map((term) => {
    const [, field = '', quoted, bare] = /^\s*(\w+):(?:"([^"]*)"|([^\s"]+))\s*$/.exec(term) ?? [];
    if (!fields.includes(field))
      throw invalidQuery(`expected terms such as ${fields[0]}:"value", joined by AND; found ${term}`, 'q');
    return { field, value: quoted ?? bare };
  });
  return (record) => {
    const members = new Map<string, unknown>(Object.entries(record));
    return terms.every(({ field, value }) => String(members.get(field)) === value);
  };
}
