/** Which client is calling, and whether it is that client (RFC 6749 §2.3). */
import type { Context } from 'hono';
import { decodeBase64url } from '../oauth/decode-base64url.ts';
import type { Client } from './configuration.ts';
import type { TenantContext } from './context.ts';
import { refuseForeignOrigin } from './cors.ts';
import type { Parameters } from './parameters.ts';
import { missingParameter, refuse, respond, type Refusal } from './token-answer.ts';

export type ClientAuthentication =
  | { readonly kind: 'authenticated'; readonly client: Client }
  | Refusal
  | { readonly kind: 'failed'; readonly clientId: string; readonly usedBasic: boolean };

/**
 * The client that makes a request, from no origin but its own; or the answer that refuses it. Comes before anything is consumed.
 * @param unauthorized what one is told that is unknown, or did not prove who it is
 */
export function admitClient(
  context: TenantContext,
  c: Context,
  parameters: Parameters,
  unauthorized: (clientId: string) => Refusal,
): Client | Response {
  const authentication = authenticateClient(
    context.state.clients,
    parameters,
    c.req.header('authorization') ?? null,
  );
  switch (authentication.kind) {
    case 'refused':
      return respond(c, authentication);
    case 'failed':
      // Only who used Basic is told how to authenticate: other clients take the header for a challenge to answer.
      if (authentication.usedBasic) c.header('WWW-Authenticate', 'Basic realm="tenant"');
      return respond(c, unauthorized(authentication.clientId));
    case 'authenticated':
      return refuseForeignOrigin(context, c, authentication.client) ?? authentication.client;
  }
}

/** Auth0 takes a secret by header or by body whichever of the two the client is registered for, and so do we. */
export function authenticateClient(
  clients: ReadonlyMap<string, Client>,
  parameters: Parameters,
  authorization: string | null,
): ClientAuthentication {
  const basic = readBasicCredentials(authorization);
  const bodySecret = parameters.get('client_secret');
  if (basic && bodySecret !== undefined)
    return refuse(400, 'invalid_request', 'The client authenticated in two ways');
  const clientId = parameters.get('client_id') ?? basic?.clientId;
  if (clientId === undefined) return missingParameter('client_id');

  const client = clients.get(clientId);
  const failed = { kind: 'failed', clientId, usedBasic: basic !== undefined } as const;
  if (!client || (basic && basic.clientId !== clientId)) return failed;
  if (client.token_endpoint_auth_method === 'none') return { kind: 'authenticated', client };
  const secret = basic?.secret ?? bodySecret;
  return secret !== undefined && secret === client.client_secret ? { kind: 'authenticated', client } : failed;
}

/** Both halves are form-encoded before they are joined (RFC 6749 §2.3.1). */
export function readBasicCredentials(
  authorization: string | null,
): { clientId: string; secret: string } | undefined {
  const [, encoded] = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(authorization ?? '') ?? [];
  if (encoded === undefined) return undefined;
  try {
    const base64url = encoded.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
    const [clientId, secret] = new TextDecoder().decode(decodeBase64url(base64url)).split(':');
    const decode = (text: string) => decodeURIComponent(text.replaceAll('+', ' '));
    return { clientId: decode(clientId ?? ''), secret: decode(secret ?? '') };
  } catch {
    return undefined;
  }
}
