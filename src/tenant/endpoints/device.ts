/** `/oauth/device/code`, where a device asks, and `/activate`, where a person types in the code that it shows (RFC 8628 §3.1, §3.3). */
import type { Context } from 'hono';
import { getCookie } from 'hono/cookie';
import { grantableScope, type CheckedRequest } from '../authorization-request.ts';
import { admitClient } from '../client-authentication.ts';
import type { Client } from '../configuration.ts';
import type { TenantContext } from '../context.ts';
import {
  beginDeviceAuthorization,
  deviceCodeLifetime,
  findWaitingDevice,
  pollingInterval,
  type DeviceAuthorization,
} from '../device-authorization.ts';
import { currentSession } from '../login-session.ts';
import { activatePage } from '../pages/activate-page.ts';
import { respondWithPage } from '../pages/layout.ts';
import { readBodyParameters, readPageForm, type Parameters } from '../parameters.ts';
import { setCookie } from '../side-channel.ts';
import { refuse, respond, type Refusal } from '../token-answer.ts';
import { beginTransaction } from './authorize.ts';
import { inRfcWords } from './token.ts';

const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code';

/** POST: gives the device its codes. */
export async function authorizeDevice(context: TenantContext, c: Context): Promise<Response> {
  c.header('Cache-Control', 'no-store');
  const parameters = await readBodyParameters(c.req.raw);
  if (!parameters || parameters.repeated !== undefined)
    return respond(
      c,
      refuse(400, 'invalid_request', 'The body must be a form or a JSON object of texts, each name once'),
    );
  const client = admitClient(context, c, parameters, () =>
    inRfcWords(context, refuse(401, 'access_denied', 'Unauthorized')),
  );
  return client instanceof Response ? client : answer(context, c, client, parameters);
}

function answer(context: TenantContext, c: Context, client: Client, parameters: Parameters): Response {
  const audience = parameters.get('audience') ?? null;
  const api = audience === null ? undefined : context.state.resourceServers.get(audience);
  const fail = (refusal: Refusal, reason: string) => {
    context.journal.write({
      type: 'fdeaz',
      description: refusal.error_description,
      client_id: client.client_id,
      decision: 'refuse',
      reason,
    });
    return respond(c, inRfcWords(context, refusal));
  };
  if (!client.grant_types.includes(deviceGrant))
    return fail(
      refuse(403, 'unauthorized_client', `Grant type '${deviceGrant}' not allowed for the client.`),
      'the client’s grant_types do not name it',
    );
  if (audience !== null && !api)
    return fail(
      refuse(403, 'access_denied', `Service not enabled within domain: ${audience}`),
      'the tenant has no such API',
    );
  if (client.organization_usage === 'require')
    return fail(
      refuse(400, 'invalid_request', 'Organizations are not supported by this grant'),
      'a device names no organization',
    );
  const { deviceCode, userCode } = beginDeviceAuthorization(context, {
    clientId: client.client_id,
    scope: grantableScope(parameters.get('scope') ?? '', api),
    audience,
  });
  const verification_uri = `${context.configuration.baseUrl}/activate`;
  return c.json({
    device_code: deviceCode,
    user_code: userCode,
    verification_uri,
    verification_uri_complete: `${verification_uri}?user_code=${userCode}`,
    expires_in: deviceCodeLifetime,
    interval: pollingInterval,
  });
}

/** GET: asks for the code. */
export const showActivation = (context: TenantContext, c: Context): Promise<Response> =>
  respondWithForm(context, c, { userCode: c.req.query('user_code') ?? '', error: null });

/** POST: takes the code, and sends the person on to sign in, or to confirm. */
export async function submitActivation(context: TenantContext, c: Context): Promise<Response> {
  const form = await readPageForm(c.req.raw);
  const csrf = form?.get('csrf');
  if (csrf === undefined || csrf !== getCookie(c, csrfCookie))
    return respondWithForm(context, c, { userCode: '', error: 'Please try again' });
  const userCode = form?.get('user_code') ?? '';
  const waiting = findWaitingDevice(context, userCode);
  if (!waiting || !context.state.clients.has(waiting.device.clientId)) {
    context.journal.write({
      type: 'fdeac',
      description: 'The device was not activated',
      decision: 'ask again',
      reason: 'no device waits under this code, or not any more',
    });
    return respondWithForm(context, c, { userCode, error: 'The code is wrong, or too old' });
  }
  const session = currentSession(context, c);
  const isUsable = session && context.state.users.get(session.userId)?.blocked === false;
  const outcome = isUsable
    ? ({ kind: 'signed_in', sid: session.sid } as const)
    : ({ kind: 'waiting' } as const);
  return beginTransaction(context, c, requestOf(waiting), outcome);
}

const csrfCookie = 'auth0_activate';

/** As if an application had asked: the answer goes to the device. */
const requestOf = ({
  deviceCode,
  device: { clientId, scope, audience },
}: {
  readonly deviceCode: string;
  readonly device: DeviceAuthorization;
}): CheckedRequest => ({
  clientId,
  deviceCode,
  redirectUri: '',
  responseMode: 'query',
  state: null,
  redirectUriWasSent: false,
  scope,
  audience,
  nonce: null,
  challenge: null,
  prompts: [],
  maxAge: null,
  secondFactor: false,
  loginHint: null,
  dpopJkt: null,
  wantsSignUp: false,
  hintedUserId: null,
  organizationId: null,
  organizationPrompt: null,
  connection: null,
  invitationId: null,
});

/** The hidden token counts together with the browser's cookie, and is new with every form. */
function respondWithForm(
  context: TenantContext,
  c: Context,
  { userCode, error }: { readonly userCode: string; readonly error: string | null },
): Promise<Response> {
  const csrf = context.random.text();
  setCookie(c, csrfCookie, csrf, {
    path: '/activate',
    httpOnly: true,
    sameSite: 'Lax',
    secure: context.configuration.baseUrl.startsWith('https:'),
  });
  return respondWithPage(c, context.random, {
    title: 'Activate a device',
    status: error === null ? 200 : 400,
    body: activatePage({ userCode, csrf, error }),
  });
}
