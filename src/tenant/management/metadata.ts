/** `client_metadata`, `user_metadata`, `app_metadata`, `refresh_token_metadata`, `session_metadata`: what the makers of an application note, merged by PATCH (Auth0 Management API). */
import type { TenantContext } from '../context.ts';
import type { ManagementContext } from './access.ts';
import { objectOf, readPayload, type Payload } from './payload.ts';

/** One level deep; `null` takes a name away, and in the place of the object all of them. */
export function mergeMetadata(before: Payload, changes: unknown): Payload {
  if (typeof changes !== 'object' || changes === null) return {};
  return Object.fromEntries(Object.entries({ ...before, ...changes }).filter(([, value]) => value !== null));
}

/** PATCH of a resource of which nothing else can be changed. */
export async function patchMetadata(
  { state }: TenantContext,
  c: ManagementContext,
  { name, id }: { name: 'refresh_token_metadata' | 'session_metadata'; id: string },
): Promise<void> {
  const body = await readPayload(c, objectOf({ [name]: { type: ['object', 'null'] } }));
  if (name in body) state.metadata.set(id, mergeMetadata(state.metadata.get(id) ?? {}, body[name]));
}
