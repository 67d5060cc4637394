/** `POST /oauth/revoke` (RFC 7009). Whatever the token was, the answer is the same empty 200. */
import type { Context } from 'hono';
import { admitClient } from '../client-authentication.ts';
import type { Client } from '../configuration.ts';
import {
  descendsFrom,
  endFamilies,
  findRefreshToken,
  type HeldRefreshToken,
  type TenantContext,
} from '../context.ts';
import { deleteGrantOf } from '../families.ts';
import { readBodyParameters } from '../parameters.ts';
import { headOf } from '../refresh-token-family.ts';
import { missingParameter, refuse, respond } from '../token-answer.ts';

export async function revoke(context: TenantContext, c: Context): Promise<Response> {
  const parameters = await readBodyParameters(c.req.raw);
  if (!parameters || parameters.repeated !== undefined)
    return respond(
      c,
      refuse(400, 'invalid_request', 'The body must be a form or a JSON object, each name once'),
    );
  const client = admitClient(context, c, parameters, () => refuse(401, 'invalid_client', 'Unauthorized'));
  if (client instanceof Response) return client;
  const token = parameters.get('token');
  if (token === undefined) return respond(c, missingParameter('token'));
  const held = findRefreshToken(context, token);
  const isOwn = held?.family.clientId === client.client_id;
  if (held && !isOwn && context.configuration.quirks.strictRevocation)
    return respond(c, refuse(400, 'invalid_grant', 'The token was issued to another client'));
  if (held && isOwn) revokeFamilyOf(context, client, held);
  // A body, even an empty text, would bring a content type, and some clients stumble over it. The headers so far,
  // those of CORS, are kept by `c.body`.
  return c.body(null, 200);
}

/** Any member names its family, a superseded one too, and one that was swapped since. */
function revokeFamilyOf(
  context: TenantContext,
  client: Client,
  { family: named, counter }: HeldRefreshToken,
): void {
  const now = context.clock.now();
  const end = { now, cause: 'revoked' } as const;
  for (const family of endFamilies(context, end, descendsFrom(named.firstFamilyId)))
    context.journal.write({
      type: 'srrt',
      description: 'Refresh token revoked',
      client_id: client.client_id,
      user_id: family.userId,
      details: {
        familyId: family.familyId,
        tokenCounter: family === named ? counter : headOf(family).counter,
        audience: family.audience,
      },
      decision: 'revoke',
      reason: 'the client gave the token back; its whole family ends',
    });
  if (context.state.settings[0].flags.revoke_refresh_token_grant) deleteGrantOf(context, named);
}
