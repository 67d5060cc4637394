/** `/api/v2/logs`, `/api/v2/users/{id}/logs`: the journal, newest first (Auth0 Management API). */
import type { TenantContext } from '../context.ts';
import type { JournalEntry } from '../journal.ts';
import type { ManagementContext } from './access.ts';
import { notFound } from './management-error.ts';
import { invalidQuery, respondWithList, selectFields } from './paging.ts';
import { readSearch } from './search-query.ts';
import { knownUser } from './users.ts';

export function listLogs({ journal }: TenantContext, c: ManagementContext): Response {
  const { q, search } = c.req.query(); // `search` is what the auth0 package calls `q`
  const isFound = readSearch(q ?? search, ['type', 'user_id', 'client_id', 'log_id', 'description']);
  return respondWithLogs(c, journal.entries.filter(isFound));
}

export function listLogsOfUser(context: TenantContext, c: ManagementContext): Response {
  const { user_id } = knownUser(context, c);
  return respondWithLogs(
    c,
    context.journal.entries.filter((entry) => entry.user_id === user_id),
  );
}

function respondWithLogs(c: ManagementContext, found: JournalEntry[]): Response {
  const { sort = 'date:-1' } = c.req.query();
  if (sort !== 'date:-1' && sort !== 'date:1') throw invalidQuery(`No enum match for: ${sort}`, 'sort');
  const items = sort === 'date:-1' ? found.reverse() : found;
  return respondWithList(c, { key: 'logs', items, id: ({ log_id }) => log_id, view });
}

export function showLog({ journal }: TenantContext, c: ManagementContext): Response {
  const entry = journal.entries.find(({ log_id }) => log_id === c.req.param('id'));
  if (!entry) throw notFound('log event', 'inexistent_log');
  return c.json(selectFields(c, view(entry)));
}

const view = (entry: JournalEntry): object => ({ _id: entry.log_id, ...entry });
