/** `POST /oauth/token` (RFC 6749 §3.2). */
import type { Context } from 'hono';
import { admitClient } from '../client-authentication.ts';
import type { Client } from '../configuration.ts';
import type { TenantContext } from '../context.ts';
import { judgeDpopProof, type ProofRefusal } from '../dpop.ts';
import type { Struck } from '../faults.ts';
import { exchangeAuthorizationCode } from '../grants/authorization-code.ts';
import { exchangeClientCredentials } from '../grants/client-credentials.ts';
import { exchangePassword } from '../grants/password.ts';
import { exchangeDeviceCode } from '../grants/device-code.ts';
import { exchangePasswordlessCode } from '../grants/passwordless.ts';
import { exchangeRefreshToken } from '../grants/refresh-token.ts';
import { exchangeSecondFactor, isSecondFactorGrant, secondFactorGrants } from '../grants/second-factor.ts';
import { signInGrants } from '../grants/sign-in-grant.ts';
import { exchangeToken } from '../grants/token-exchange.ts';
import type { JournalCode } from '../journal.ts';
import { readBodyParameters, type Parameters } from '../parameters.ts';
import { missingParameter, refuse, respond, type Refusal, type TokenAnswer } from '../token-answer.ts';

export async function token(context: TenantContext, c: Context): Promise<Response> {
  c.header('Cache-Control', 'no-store');
  c.header('Pragma', 'no-cache');
  const parameters = await readBodyParameters(c.req.raw);
  if (!parameters)
    return respond(c, refuse(400, 'invalid_request', 'The body must be a form or a JSON object of texts'));
  if (parameters.repeated !== undefined)
    return respond(
      c,
      refuse(400, 'invalid_request', `Parameter sent more than once: ${parameters.repeated}`),
    );

  const client = admitClient(context, c, parameters, (clientId) =>
    inRfcWords(context, unauthorized(context, clientId, parameters)),
  );
  if (client instanceof Response) return client;
  const proof = await judgeDpopProof(context, c, { client });
  const answered =
    proof.kind === 'refused'
      ? refuseProof(context, client, parameters, proof)
      : await answer(context, c, { client, parameters, jkt: proof.jkt });
  return respond(c, inRfcWords(context, answered));
}

async function answer(
  context: TenantContext,
  c: Context,
  { client, parameters, jkt }: { client: Client; parameters: Parameters; jkt: string | null },
): Promise<TokenAnswer> {
  const grantType = parameters.get('grant_type');
  if (grantType === undefined) return missingParameter('grant_type');
  if (isSecondFactorGrant(grantType))
    return exchangeSecondFactor(context, client, { grantType, parameters, jkt });
  if (!isGrantType(grantType))
    return refuse(403, 'unsupported_grant_type', `Unsupported grant type: ${grantType}`);
  if (!client.grant_types.includes(grantType))
    return refuse(403, 'unauthorized_client', `Grant type '${grantType}' not allowed for the client.`);
  const fromBrowser = c.req.header('origin') !== undefined;
  switch (grantType) {
    case 'authorization_code':
      return exchangeAuthorizationCode(context, client, parameters, { jkt, fromBrowser });
    case 'refresh_token':
      return exchangeRefreshToken(context, client, parameters, {
        jkt,
        secondFactor: (c.env as Struck).askForSecondFactor ? 'asked' : 'not_asked',
      });
    case 'client_credentials':
      return exchangeClientCredentials(context, client, parameters, jkt);
    case 'password':
    case 'http://auth0.com/oauth/grant-type/password-realm':
      return exchangePassword(context, client, { grantType, parameters, jkt, fromBrowser });
    case 'urn:ietf:params:oauth:grant-type:token-exchange':
      return exchangeToken(context, client, { grantType, parameters, jkt, fromBrowser });
    case 'urn:ietf:params:oauth:grant-type:device_code':
      return exchangeDeviceCode(context, client, parameters, { jkt, fromBrowser });
    case 'http://auth0.com/oauth/grant-type/passwordless/otp':
      return exchangePasswordlessCode(context, client, { grantType, parameters, jkt, fromBrowser });
  }
}

/** `quirks.strictRfcStatus`: RFC 6749 §5.2 knows 400 and, for a client that did not prove who it is, 401. */
export function inRfcWords<Answer extends TokenAnswer>(
  { configuration }: TenantContext,
  answered: Answer,
): Answer | Refusal {
  if (!configuration.quirks.strictRfcStatus || answered.kind === 'tokens') return answered;
  if (answered.status === 401) return { ...answered, error: 'invalid_client' };
  return { ...answered, status: 400 };
}

const failureCodes = {
  authorization_code: 'feacft',
  refresh_token: 'fertft',
  client_credentials: 'feccft',
  password: signInGrants.password.failure,
  'http://auth0.com/oauth/grant-type/password-realm': signInGrants.password.failure,
  'http://auth0.com/oauth/grant-type/passwordless/otp': 'fepotpft',
  'urn:ietf:params:oauth:grant-type:device_code': 'fede',
  'urn:ietf:params:oauth:grant-type:token-exchange': 'fecte',
} as const satisfies Record<string, JournalCode>;

/** Those that a client needs in its `grant_types`. */
type GrantType = keyof typeof failureCodes;

const isGrantType = (name: string): name is GrantType => Object.hasOwn(failureCodes, name);

/** For discovery. */
export const grantTypesOf = ({ onTokenExchange }: TenantContext): readonly string[] =>
  [...Object.keys(failureCodes), ...Object.keys(secondFactorGrants)].filter(
    (name) => onTokenExchange || name !== 'urn:ietf:params:oauth:grant-type:token-exchange',
  );

/** How a refusal is called in the journal that comes before the grant is looked at. */
function failureCodeOf(parameters: Parameters): JournalCode {
  const grantType = parameters.get('grant_type') ?? '';
  if (isSecondFactorGrant(grantType)) return secondFactorGrants[grantType].failure;
  return isGrantType(grantType) ? failureCodes[grantType] : 'feacft';
}

function refuseProof(
  { journal }: TenantContext,
  { client_id }: Client,
  parameters: Parameters,
  { reason, ...refusal }: ProofRefusal,
): Refusal {
  const type = failureCodeOf(parameters);
  const description = refusal.error_description;
  journal.write({
    type,
    description,
    client_id,
    decision: 'refuse',
    reason: `${reason}; nothing is consumed`,
  });
  return refusal;
}

function unauthorized({ journal, state }: TenantContext, clientId: string, parameters: Parameters): Refusal {
  const type = failureCodeOf(parameters);
  const known = state.clients.has(clientId);
  journal.write({
    type,
    description: 'Unauthorized',
    client_id: clientId,
    decision: 'refuse',
    reason: known ? 'the client secret is missing or wrong' : 'there is no such client',
  });
  return refuse(401, 'access_denied', 'Unauthorized');
}
