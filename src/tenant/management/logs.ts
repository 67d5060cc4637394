/** `/api/v2/logs`: the journal, newest first (Auth0 Management API). */
import type { TenantContext } from '../context.ts';
import type { JournalEntry } from '../journal.ts';
import type { ManagementContext } from './access.ts';
import { notFound } from './management-error.ts';
import { invalidQuery, respondWithList, selectFields } from './paging.ts';
import { readSearch } from './search-query.ts';

export function listLogs({ journal }: TenantContext, c: ManagementContext): Response {
  const { q, search, sort = 'date:-1' } = c.req.query(); // `search` is what the auth0 package calls `q`
  if (sort !== 'date:-1' && sort !== 'date:1') throw invalidQuery(`No enum match for: ${sort}`, 'sort');
  const found = journal.entries.filter(
    readSearch(q ?? search, ['type', 'user_id', 'client_id', 'log_id', 'description']),
  );
  const items = sort === 'date:-1' ? found.reverse() : found;
  return respondWithList(c, { key: 'logs', items, id: ({ log_id }) => log_id, view });
}

export function showLog({ journal }: TenantContext, c: ManagementContext): Response {
  const entry = journal.entries.find(({ log_id }) => log_id === c.req.param('id'));
  if (!entry) throw notFound('log event', 'inexistent_log');
  return c.json(selectFields(c, view(entry)));
}

const view = (entry: JournalEntry): object => ({ _id: entry.log_id, ...entry });
