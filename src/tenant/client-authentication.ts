/** Which client is calling, and whether it is that client (RFC 6749 §2.3). */
import { decodeBase64url } from '../oauth/base64url.ts';
import type { Client } from './configuration.ts';
import type { Parameters } from './parameters.ts';
import { missingParameter, refuse, type Refusal } from './token-answer.ts';

export type ClientAuthentication =
  | { readonly kind: 'authenticated'; readonly client: Client }
  | Refusal
  | { readonly kind: 'failed'; readonly clientId: string; readonly usedBasic: boolean };

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
