/** `POST /oauth/par`: takes an authorization request beforehand, from a client that proves who it is (RFC 9126). */
import type { Context } from 'hono';
import { judgeAuthorizationRequest } from '../authorization-request.ts';
import { admitClient } from '../client-authentication.ts';
import type { TenantContext } from '../context.ts';
import { judgeDpopProof, judgeKey } from '../dpop.ts';
import { readIdTokenHint } from '../id-token-hint.ts';
import { readBodyParameters, type Parameters } from '../parameters.ts';
import { keepPushedRequest, pushedRequestLifetime } from '../pushed-request.ts';
import { refuse, respond } from '../token-answer.ts';

export async function pushRequest(context: TenantContext, c: Context): Promise<Response> {
  c.header('Cache-Control', 'no-store');
  const parameters = await readBodyParameters(c.req.raw);
  if (!parameters || parameters.repeated !== undefined)
    return respond(
      c,
      refuse(400, 'invalid_request', 'The body must be a form or a JSON object of texts, each name once'),
    );
  const client = admitClient(context, c, parameters, () => refuse(401, 'invalid_client', 'Unauthorized'));
  if (client instanceof Response) return client;
  const proof = await judgeDpopProof(context, c, { client });
  const { client_id } = client;
  if (proof.kind === 'refused') return refusePushed(context, c, client_id, proof, proof.reason);
  return answer(context, c, client_id, { sent: parameters, jkt: proof.jkt });
}

/** Judged as at `/authorize` (RFC 9126 §2.1), and what goes to a page or by redirect there is told to the client here. */
async function answer(
  context: TenantContext,
  c: Context,
  clientId: string,
  { sent, jkt }: { readonly sent: Parameters; readonly jkt: string | null },
): Promise<Response> {
  if (sent.get('request_uri') !== undefined)
    return respond(c, refuse(400, 'invalid_request', 'request_uri cannot be pushed'));
  // A proof binds the code to its key, as dpop_jkt does (RFC 9449 §10.1).
  const otherKey = jkt === null ? undefined : judgeKey(sent.get('dpop_jkt') ?? null, jkt);
  if (otherKey) return refusePushed(context, c, clientId, otherKey, 'dpop_jkt is not the key of the proof');
  const parameters = [['client_id', clientId] as const, ['dpop_jkt', jkt ?? ''] as const].reduce(
    withParameter,
    sent,
  );
  const idTokenHint = await readIdTokenHint(context, parameters);
  const judgement = judgeAuthorizationRequest(parameters, context, {
    wasPushed: true,
    idTokenHint,
  });
  if (judgement.kind === 'checked') {
    const request_uri = keepPushedRequest(context, clientId, parameters);
    return c.json({ request_uri, expires_in: pushedRequestLifetime }, 201);
  }
  const refusal =
    judgement.kind === 'refused'
      ? judgement
      : { error: 'invalid_request', error_description: judgement.message };
  return refusePushed(context, c, clientId, refusal, refusal.error_description);
}

function refusePushed(
  { journal }: TenantContext,
  c: Context,
  client_id: string,
  { error, error_description }: { readonly error: string; readonly error_description: string },
  reason: string,
): Response {
  journal.write({
    type: 'f',
    description: error_description,
    client_id,
    details: { error },
    decision: 'refuse the pushed request',
    reason,
  });
  return respond(c, refuse(400, error, error_description));
}

/** What is missing and known otherwise: one that authenticates by header, say, need not name itself in the body. */
function withParameter(sent: Parameters, [name, value]: readonly [string, string]): Parameters {
  if (sent.get(name) !== undefined || value === '') return sent;
  return {
    get: (asked) => (asked === name ? value : sent.get(asked)),
    repeated: sent.repeated,
    pairs: [...sent.pairs.filter(([other]) => other !== name), [name, value]],
  };
}
