/** `POST /oauth/par`: takes an authorization request beforehand, from a client that proves who it is (RFC 9126). */
import type { Context } from 'hono';
import { judgeAuthorizationRequest } from '../authorization-request.ts';
import { authenticateClient } from '../client-authentication.ts';
import type { TenantContext } from '../context.ts';
import { refuseForeignOrigin } from '../cors.ts';
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
  const authentication = authenticateClient(
    context.state.clients,
    parameters,
    c.req.header('authorization') ?? null,
  );
  switch (authentication.kind) {
    case 'refused':
      return respond(c, authentication);
    case 'failed':
      if (authentication.usedBasic) c.header('WWW-Authenticate', 'Basic realm="tenant"');
      return respond(c, refuse(401, 'invalid_client', 'Unauthorized'));
    case 'authenticated': {
      const { client } = authentication;
      const foreign = refuseForeignOrigin(context, c, client);
      return foreign ?? answer(context, c, client.client_id, parameters);
    }
  }
}

/** Judged as at `/authorize` (RFC 9126 §2.1), and what goes to a page or by redirect there is told to the client here. */
async function answer(
  context: TenantContext,
  c: Context,
  clientId: string,
  sent: Parameters,
): Promise<Response> {
  if (sent.get('request_uri') !== undefined)
    return respond(c, refuse(400, 'invalid_request', 'request_uri cannot be pushed'));
  const parameters = sent.get('client_id') === undefined ? withClient(sent, clientId) : sent;
  const idTokenHint = await readIdTokenHint(context, parameters);
  const judgement = judgeAuthorizationRequest(parameters, context, {
    wasPushed: true,
    idTokenHint,
  });
  if (judgement.kind === 'checked') {
    const request_uri = keepPushedRequest(context, clientId, parameters);
    return c.json({ request_uri, expires_in: pushedRequestLifetime }, 201);
  }
  const { error, error_description } =
    judgement.kind === 'refused'
      ? judgement
      : { error: 'invalid_request', error_description: judgement.message };
  context.journal.write({
    type: 'f',
    description: error_description,
    client_id: clientId,
    details: { error },
    decision: 'refuse the pushed request',
    reason: error_description,
  });
  return respond(c, refuse(400, error, error_description));
}

/** One that authenticates by header need not name itself in the body. */
const withClient = ({ get, pairs, ...sent }: Parameters, clientId: string): Parameters => ({
  ...sent,
  get: (name) => (name === 'client_id' ? clientId : get(name)),
  pairs: [...pairs, ['client_id', clientId]],
});
