/** The `web_message` response mode: the answer arrives by `postMessage` from a page of the authorization server. */
import { readAuthorizationResponse, type AuthorizationResponse } from './authorization-endpoint.ts';

/** `data.type` of the message, as Auth0 spells it. */
export const webMessageType = 'authorization_response';

/** What the authorization server's page posts to `targetOrigin`. */
export interface WebMessage {
  readonly type: typeof webMessageType;
  readonly response: AuthorizationResponse;
}

/** The response in a message's `data`, or nothing when it is some other message. Origin and source are the caller's to check. */
export function readWebMessage(data: unknown): AuthorizationResponse | undefined {
  if (typeof data !== 'object' || data === null) return undefined;
  const { type, response } = data as Record<string, unknown>;
  return type === webMessageType ? readAuthorizationResponse(response) : undefined;
}
