/** `client_metadata`, `user_metadata`, `app_metadata`: what the makers of an application note, merged by PATCH (Auth0 Management API). */
import type { Payload } from './payload.ts';

/** One level deep; `null` takes a name away, and in the place of the object all of them. */
export function mergeMetadata(before: Payload, changes: unknown): Payload {
  if (typeof changes !== 'object' || changes === null) return {};
  return Object.fromEntries(Object.entries({ ...before, ...changes }).filter(([, value]) => value !== null));
}
