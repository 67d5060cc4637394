/**
 * Judges an authorization request (RFC 6749 §4.1.1, OIDC Core §3.1.2.2). The order is fixed: what makes the redirect
 * URI doubtful is answered with a page (P1-P3) and never by redirect; everything later goes to the client (E1-E8).
 */
import type { Seconds } from '../clock.ts';
import { scopeNames } from '../oauth/scope.ts';
import { multiFactor } from './authenticators.ts';
import type { Client, ResourceServer } from './configuration.ts';
import { findConnection, usableConnections } from './connections.ts';
import { findOrganization, type TenantContext } from './context.ts';
import type { IdTokenHint } from './id-token-hint.ts';
import { findInvitation } from './invitation.ts';
import { organizationPromptOf, type OrganizationPrompt } from './organization-prompt.ts';
import type { Parameters } from './parameters.ts';
import { isRegistered, originOf } from './url-matching.ts';

/** Those that anybody may know of; `web_message` is Auth0's own and in no discovery document. */
export const publicResponseModes = ['query', 'fragment', 'form_post'] as const;

type ResponseMode = (typeof publicResponseModes)[number] | 'web_message';

/** Where and how the client wants its answer. */
export interface ReplyAddress {
  readonly clientId: string;
  readonly redirectUri: string;
  readonly responseMode: ResponseMode;
  readonly state: string | null;
  /** Of the device that asks (RFC 8628): the answer goes to it, and to no address. */
  readonly deviceCode?: string;
}

/** A request in which nothing is wrong. */
export interface CheckedRequest extends ReplyAddress {
  readonly redirectUriWasSent: boolean;
  /** What will be granted: the known names among those requested, in their order. */
  readonly scope: string;
  readonly audience: string | null;
  readonly nonce: string | null;
  readonly challenge: { readonly value: string; readonly method: 'S256' | 'plain' } | null;
  readonly prompts: readonly string[];
  readonly maxAge: Seconds | null;
  readonly loginHint: string | null;
  /** Thumbprint of the key that the code is to be bound to (RFC 9449 §10). */
  readonly dpopJkt: string | null;
  /** `acr_values` asks for a second factor. */
  readonly secondFactor: boolean;
  /** Whether the person is to be shown the sign-up form first. */
  readonly wantsSignUp: boolean;
  /** Whom the client takes the person for, by an ID token of theirs; nobody else will do (OIDC Core §3.1.2.1). */
  readonly hintedUserId: string | null;
  /** As whose member the user logs in. */
  readonly organizationId: string | null;
  /** Whether the user is asked, where the client does not say. */
  readonly organizationPrompt: OrganizationPrompt | null;
  /** By its name; where the account must come from. */
  readonly connection: string | null;
  /** By which the user becomes one. */
  readonly invitationId: string | null;
}

export type Judgement =
  | { readonly kind: 'checked'; readonly request: CheckedRequest }
  | {
      readonly kind: 'refused';
      readonly reply: ReplyAddress;
      readonly error: string;
      readonly error_description: string;
    }
  | {
      readonly kind: 'page';
      readonly status: 400 | 403;
      readonly title: string;
      readonly message: string;
      readonly clientId: string | null;
      readonly cause: 'request' | 'callback' | 'origin';
    };

/** Scopes that need no API (OIDC Core §5.4, §11). */
const standardScopes = ['openid', 'profile', 'email', 'address', 'phone', 'offline_access'];

export function judgeAuthorizationRequest(
  parameters: Parameters,
  context: TenantContext,
  { wasPushed, idTokenHint }: { readonly wasPushed: boolean; readonly idTokenHint: IdTokenHint | null },
): Judgement {
  const { clients, resourceServers } = context.state;
  const { configuration } = context;
  const clientId = parameters.get('client_id');
  if (clientId === undefined) return page(400, 'Missing required parameter: client_id');
  const client = clients.get(clientId);
  if (!client || parameters.repeated === 'client_id') return page(400, `Unknown client: ${clientId}`); // P1

  const sentRedirectUri = parameters.get('redirect_uri');
  const onlyCallback = client.callbacks.length === 1 ? client.callbacks[0] : undefined;
  const redirectUri = sentRedirectUri ?? onlyCallback;
  if (redirectUri === undefined) return page(400, 'Missing required parameter: redirect_uri', clientId);
  if (parameters.repeated === 'redirect_uri') return page(400, 'redirect_uri was sent twice', clientId);
  if (redirectUri.includes('*') || !isRegistered(client.callbacks, redirectUri))
    return callbackMismatch(redirectUri, client); // P2

  const sentMode = parameters.get('response_mode') ?? 'query';
  const responseMode = [...publicResponseModes, 'web_message' as const].find((mode) => mode === sentMode);
  const origin = originOf(redirectUri);
  const isAllowed =
    configuration.quirks.webMessageToCallbacks || isRegistered(client.web_origins, origin ?? '');
  if (responseMode === 'web_message' && !(origin && isAllowed))
    return originMissing(origin ?? redirectUri, clientId); // P3

  const reply: ReplyAddress = {
    clientId,
    redirectUri,
    responseMode: responseMode ?? 'query',
    state: parameters.get('state') ?? null,
  };
  const refuse = (error: string, error_description: string): Judgement => ({
    kind: 'refused',
    reply,
    error,
    error_description,
  });
  if (parameters.repeated !== undefined)
    return refuse('invalid_request', `Parameter sent more than once: ${parameters.repeated}`);
  if (responseMode === undefined) return refuse('invalid_request', `Unsupported response mode: ${sentMode}`);

  if (parameters.get('request') !== undefined)
    return refuse('request_not_supported', 'The parameter request is not supported');
  if (parameters.get('request_uri') !== undefined)
    return refuse('request_uri_not_supported', 'Only a request_uri that /oauth/par gave is supported');
  if (client.require_pushed_authorization_requests && !wasPushed)
    return refuse('invalid_request', 'Pushed authorization requests are required for this client'); // E4

  const responseType = parameters.get('response_type');
  if (responseType === undefined)
    return refuse('invalid_request', 'Missing required parameter: response_type'); // E1
  if (responseType !== 'code')
    return refuse('unsupported_response_type', `Unsupported response type: ${responseType}`);
  if (!client.grant_types.includes('authorization_code'))
    return refuse('unauthorized_client', "Grant type 'authorization_code' not allowed for the client.");

  const audience = parameters.get('audience') ?? null;
  const api = audience === null ? undefined : resourceServers.get(audience);
  if (audience !== null && !api) return refuse('access_denied', `Service not found: ${audience}`); // E2

  const challenge = readChallenge(parameters);
  if (challenge === 'invalid')
    return refuse('invalid_request', 'code_challenge must be 43 to 128 characters with method S256 or plain'); // E3

  const asked = parameters.get('organization');
  const organizationPrompt = asked === undefined ? organizationPromptOf(client) : null;
  if (asked === undefined && client.organization_usage === 'require' && !organizationPrompt)
    return refuse('invalid_request', 'parameter organization is required for this client'); // E5
  if (asked !== undefined && client.organization_usage === 'deny')
    return refuse('invalid_request', 'parameter organization is not allowed for this client');
  const organization = asked === undefined ? null : findOrganization(context.state, asked);
  if (organization === undefined)
    return refuse('invalid_request', `parameter organization is invalid: ${asked}`);
  const ticket = parameters.get('invitation');
  const invitation =
    ticket === undefined ? null : findInvitation(context, { ticket, organization, clientId });
  if (invitation === undefined) return refuse('access_denied', 'invitation not found or already used');

  const organizationId = organization?.id ?? null;
  if (usableConnections(context, { clientId, organizationId, connection: null }).length === 0)
    return refuse(
      'invalid_request',
      `no connections enabled for the ${organization ? 'organization' : 'client'}`,
    );
  const connection = parameters.get('connection') ?? null;
  if (connection !== null && !findConnection(context, connection))
    return refuse('invalid_request', 'the connection was not found'); // E7
  if (usableConnections(context, { clientId, organizationId, connection }).length === 0)
    return refuse('unauthorized_client', 'the connection is not enabled');

  const prompts = scopeNames(parameters.get('prompt') ?? '');
  if (prompts.includes('none') && prompts.length > 1)
    return refuse('invalid_request', 'prompt=none cannot be combined with another value'); // E8
  const isOwnHint = idTokenHint?.kind === 'good' && idTokenHint.clientId === clientId;
  if (idTokenHint && !isOwnHint)
    return refuse('invalid_request', 'id_token_hint is no ID token that this client got here');
  const maxAge = parameters.get('max_age');
  if (maxAge !== undefined && !/^\d{1,10}$/.test(maxAge))
    return refuse('invalid_request', 'max_age must be whole seconds');

  return {
    kind: 'checked',
    request: {
      ...reply,
      redirectUriWasSent: sentRedirectUri !== undefined,
      scope: grantableScope(parameters.get('scope') ?? '', api),
      audience,
      nonce: parameters.get('nonce') ?? null,
      challenge,
      prompts,
      maxAge: maxAge === undefined ? null : Number(maxAge),
      secondFactor: scopeNames(parameters.get('acr_values') ?? '').includes(multiFactor),
      loginHint: parameters.get('login_hint') ?? null,
      dpopJkt: parameters.get('dpop_jkt') ?? null,
      wantsSignUp: parameters.get('screen_hint') === 'signup',
      hintedUserId: isOwnHint ? idTokenHint.userId : null,
      organizationId,
      organizationPrompt,
      connection,
      invitationId: invitation?.id ?? null,
    },
  };
}

/** The method is `plain` when it is absent (RFC 7636 §4.3). */
function readChallenge(parameters: Parameters): CheckedRequest['challenge'] | 'invalid' {
  const value = parameters.get('code_challenge');
  const method = parameters.get('code_challenge_method');
  if (value === undefined) return method === undefined ? null : 'invalid';
  if (method !== undefined && method !== 'S256' && method !== 'plain') return 'invalid';
  return /^[A-Za-z0-9._~-]{43,128}$/.test(value) ? { value, method: method ?? 'plain' } : 'invalid';
}

/** Names that neither OpenID Connect nor the API knows are left out without a word. */
export function grantableScope(requested: string, api: ResourceServer | undefined): string {
  const known = new Set([...standardScopes, ...(api?.scopes ?? []).map(({ value }) => value)]);
  return scopeNames(requested)
    .filter((name) => known.has(name))
    .join(' ');
}

function page(status: 400 | 403, message: string, clientId: string | null = null): Judgement {
  return {
    kind: 'page',
    status,
    title: 'This request cannot be answered',
    message,
    clientId,
    cause: 'request',
  };
}

const callbackMismatch = (redirectUri: string, { client_id, callbacks }: Client): Judgement => ({
  kind: 'page',
  status: 403,
  title: 'Callback URL mismatch.',
  message: `${redirectUri} is not in the list of allowed callback URLs (${callbacks.join(', ')})`,
  clientId: client_id,
  cause: 'callback',
});

const originMissing = (origin: string, clientId: string): Judgement => ({
  kind: 'page',
  status: 403,
  title: 'Origin not allowed',
  message: `${origin} is not in the client's web_origins, so no message can be sent to it`,
  clientId,
  cause: 'origin',
});
