/** `grant_type=client_credentials`: an access token for the client itself, as its client grant allows (RFC 6749 §4.4). */
import { scopeNames } from '../../oauth/scope.ts';
import type { Client } from '../configuration.ts';
import type { TenantContext } from '../context.ts';
import { bindingFor } from '../dpop.ts';
import { canonicalAudience, managementAudience } from '../management/system-api.ts';
import type { Parameters } from '../parameters.ts';
import { refuse, type Refusal, type TokenAnswer } from '../token-answer.ts';
import { issueClientToken } from '../token-issuance.ts';

export async function exchangeClientCredentials(
  context: TenantContext,
  client: Client,
  parameters: Parameters,
  jkt: string | null,
): Promise<TokenAnswer> {
  const { configuration, state } = context;
  if (client.token_endpoint_auth_method === 'none')
    return fail(context, client, {
      ...refuse(403, 'unauthorized_client', "Grant type 'client_credentials' not allowed for the client."),
      reason: 'whoever knows the id of a public client could speak for it (RFC 6749 §4.4)',
    });
  const audience = parameters.get('audience');
  if (audience === undefined)
    return fail(context, client, {
      ...accessDenied('No audience parameter was provided, and no default audience has been configured.'),
      reason: 'the request names no API',
    });
  const api = canonicalAudience(configuration.baseUrl, audience);
  if (api !== managementAudience(configuration.baseUrl) && !state.resourceServers.has(api))
    return fail(context, client, {
      ...accessDenied(`Service not enabled within domain: ${audience}`),
      reason: 'the tenant has no such API',
    });
  const grant = [...state.clientGrants.values()].find(
    (candidate) => candidate.client_id === client.client_id && candidate.audience === api,
  );
  if (!grant)
    return fail(context, client, {
      ...accessDenied(
        `Client is not authorized to access "${audience}". You need to create a "client-grant" associated to this API.`,
      ),
      reason: 'the client has no client grant for the API',
    });
  const requested = scopeNames(parameters.get('scope') ?? '');
  const foreign = requested.filter((name) => !grant.scope.includes(name));
  if (foreign.length > 0)
    return fail(context, client, {
      ...accessDenied(`Client has not been granted scopes: ${foreign.join(', ')}`),
      reason: 'the client grant does not name every scope that was requested',
    });

  const binding = bindingFor(context, client, api, jkt);
  if (binding.kind === 'refused') return fail(context, client, binding);

  const scope = (requested.length > 0 ? requested : grant.scope).join(' ');
  context.journal.write({
    type: 'seccft',
    description: 'Client credentials exchanged for an access token',
    client_id: client.client_id,
    details: { audience, scope },
    decision: 'exchange',
    reason: `client grant ${grant.id} allows it`,
  });
  const now = context.clock.now();
  const response = await issueClientToken(context, {
    now,
    clientId: client.client_id,
    audience,
    scope,
    jkt: binding.jkt,
  });
  return { kind: 'tokens', response };
}

const accessDenied = (error_description: string): Refusal => refuse(403, 'access_denied', error_description);

function fail(
  context: TenantContext,
  client: Client,
  { reason, ...refusal }: Refusal & { readonly reason: string },
): Refusal {
  context.journal.write({
    type: 'feccft',
    description: refusal.error_description,
    client_id: client.client_id,
    decision: 'refuse',
    reason,
  });
  return refusal;
}
