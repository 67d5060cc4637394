/** An authorization request that its client left here beforehand (RFC 9126), to be fetched once by `request_uri`. */
import type { Milliseconds, Seconds } from '../clock.ts';
import type { Judgement } from './authorization-request.ts';
import type { TenantContext } from './context.ts';
import { forgetPast } from './forgetting.ts';
import { readFormParameters, type Parameters } from './parameters.ts';

export interface PushedRequest {
  readonly clientId: string;
  /** Without what the client authenticated by. */
  readonly parameters: readonly (readonly [name: string, value: string])[];
  readonly expiresAt: Milliseconds;
}

export const pushedRequestLifetime: Seconds = 30;

const prefix = 'urn:ietf:params:oauth:request_uri:';

/** @returns its `request_uri` */
export function keepPushedRequest(context: TenantContext, clientId: string, parameters: Parameters): string {
  const now = context.clock.now();
  forgetPast(context, now);
  const requestUri = prefix + context.random.text();
  context.state.pushedRequests.set(requestUri, {
    clientId,
    parameters: parameters.pairs.filter(([name]) => name !== 'client_secret'),
    expiresAt: now + pushedRequestLifetime * 1000,
  });
  return requestUri;
}

export const isPushed = (parameters: Parameters): boolean =>
  parameters.get('request_uri')?.startsWith(prefix) === true;

/** What was pushed, in the place of whatever else was sent; once, to its own client, and not too late. */
export function takePushedRequest({ state, clock }: TenantContext, sent: Parameters): Parameters | undefined {
  const requestUri = sent.get('request_uri') ?? '';
  const pushed = state.pushedRequests.get(requestUri);
  if (!pushed || pushed.clientId !== sent.get('client_id') || clock.now() >= pushed.expiresAt)
    return undefined;
  state.pushedRequests.delete(requestUri);
  return readFormParameters(new URLSearchParams(pushed.parameters.map(([name, value]) => [name, value])));
}

/** Without the request there is no address that an error could go to. */
export const unknownRequestUri: Judgement & { kind: 'page' } = {
  kind: 'page',
  status: 400,
  title: 'invalid_request_uri',
  message: 'This request_uri was used already, is too old, or belongs to another client',
  clientId: null,
  cause: 'request',
};
