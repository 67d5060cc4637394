/** Lists, a page at a time: by number (`page`, `per_page`, `include_totals`) or from a place on (`from`, `take`). */
import { readFormParameters } from '../parameters.ts';
import type { ManagementContext } from './access.ts';
import { ManagementError } from './management-error.ts';

interface Listing<T> {
  /** The name of the list in the answer. */
  readonly key: string;
  readonly items: readonly T[];
  readonly id: (item: T) => string;
  readonly view: (item: T) => object;
  /** Auth0 has no numbered pages of this list. */
  readonly checkpointOnly?: boolean;
}

export function respondWithList<T>(c: ManagementContext, listing: Listing<T>): Response {
  const { key, items, checkpointOnly } = listing;
  const view = (item: T) => selectFields(c, listing.view(item));
  const from = c.req.query('from');
  const take = readNumber(c, 'take', 1, 100);
  if (checkpointOnly || from !== undefined || take !== undefined) {
    const start = from === undefined ? 0 : items.findIndex((item) => listing.id(item) === from);
    if (start < 0) throw invalidQuery(`Nothing to go on with: ${from}`, 'from');
    const end = start + (take ?? 50);
    // The next page is named by what it begins with: what was on this one may be deleted meanwhile.
    const next = items[end];
    return c.json({
      [key]: items.slice(start, end).map(view),
      ...(next !== undefined && { next: listing.id(next) }),
    });
  }
  const limit = readNumber(c, 'per_page', 0, 100) ?? 50;
  const start = (readNumber(c, 'page', 0, Number.MAX_SAFE_INTEGER) ?? 0) * limit;
  const page = items.slice(start, start + limit).map(view);
  if (readFlag(c, 'include_totals') !== true) return c.json(page);
  return c.json({ start, limit, length: page.length, total: items.length, [key]: page });
}

/** `fields` and `include_fields`: only those members, or all but those. */
export function selectFields(c: ManagementContext, record: object): object {
  const names = c.req.query('fields')?.split(',');
  if (!names) return record;
  const wanted = readFlag(c, 'include_fields') !== false;
  return Object.fromEntries(Object.entries(record).filter(([name]) => names.includes(name) === wanted));
}

export const invalidQuery = (reason: string, name: string): ManagementError =>
  new ManagementError(
    400,
    `Query validation error: '${reason}' on property ${name}.`,
    'invalid_query_string',
  );

/** A name that comes twice is a list to Auth0, and none of its parameters is one. */
export function refuseRepeated(c: ManagementContext): void {
  const { repeated } = readFormParameters(new URL(c.req.url).searchParams);
  if (repeated !== undefined) throw invalidQuery('Expected type string but found type array', repeated);
}

export function readFlag(c: ManagementContext, name: string): boolean | undefined {
  const text = c.req.query(name);
  if (text === undefined) return undefined;
  if (text !== 'true' && text !== 'false')
    throw invalidQuery('Expected type boolean but found type string', name);
  return text === 'true';
}

function readNumber(c: ManagementContext, name: string, least: number, most: number): number | undefined {
  const text = c.req.query(name);
  if (text === undefined) return undefined;
  const number = Number(text);
  if (!/^-?\d+$/.test(text)) throw invalidQuery('Expected type integer but found type string', name);
  if (number < least) throw invalidQuery(`Value ${number} is less than minimum ${least}`, name);
  if (number > most) throw invalidQuery(`Value ${number} is greater than maximum ${most}`, name);
  return number;
}
