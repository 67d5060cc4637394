/** `urn:ietf:params:oauth:grant-type:device_code`: the device asks whether somebody has answered (RFC 8628 §3.4). */
import type { Client } from '../configuration.ts';
import type { TenantContext } from '../context.ts';
import { isOver, pollingInterval } from '../device-authorization.ts';
import { bindingFor } from '../dpop.ts';
import type { Parameters } from '../parameters.ts';
import { missingParameter, refuse, type Refusal, type TokenAnswer } from '../token-answer.ts';
import { beginTokens, giveTokens, judgeAuthorization } from './tokens-for-user.ts';

export async function exchangeDeviceCode(
  context: TenantContext,
  client: Client,
  parameters: Parameters,
  { jkt, fromBrowser }: { readonly jkt: string | null; readonly fromBrowser: boolean },
): Promise<TokenAnswer> {
  const deviceCode = parameters.get('device_code');
  if (deviceCode === undefined) return missingParameter('device_code');
  const { devices } = context.state;
  const now = context.clock.now();
  const device = devices.get(deviceCode);
  if (device?.clientId !== client.client_id)
    return fail(context, client, { ...unknownCode, reason: 'the tenant has given this client no such code' });
  if (isOver(device, now))
    return fail(context, client, {
      ...refuse(403, 'expired_token', 'The device code has expired.'),
      reason: 'nobody answered within fifteen minutes, or the device did not ask any more',
    });
  switch (device.outcome.kind) {
    case 'pending': {
      // No word in the journal: a device asks every few seconds.
      devices.set(deviceCode, { ...device, polledAt: now });
      const isTooSoon = device.polledAt !== null && now - device.polledAt < pollingInterval * 1000;
      return isTooSoon ? slowDown : pending;
    }
    case 'denied':
      return fail(context, client, {
        ...refuse(403, 'access_denied', device.outcome.why),
        reason: 'the answer that was given in the browser was no',
      });
    case 'approved': {
      const { authorization } = device.outcome;
      const binding = bindingFor(context, client, authorization.audience, jkt);
      if (binding.kind === 'refused') return fail(context, client, binding);
      const judged = judgeAuthorization(context, client, authorization, {
        gone: unknownCode,
        uncovered: unknownCode,
      });
      if (judged.kind === 'refused') return fail(context, client, judged);
      devices.delete(deviceCode);
      const grantee = { client, authorization, now, jkt: binding.jkt, fromBrowser };
      const begun = beginTokens(context, grantee);
      return giveTokens(context, grantee, {
        user: judged.user,
        begun,
        type: 'sede',
        description: 'Device code exchanged for an access token',
        reason: `the user has confirmed the device; ${begun.why}`,
      });
    }
  }
}

const unknownCode = refuse(403, 'invalid_grant', 'Invalid or expired device code.');

const pending = refuse(403, 'authorization_pending', 'User has yet to authorize device code.');

const slowDown = refuse(
  429,
  'slow_down',
  `You are polling faster than the specified interval of ${pollingInterval} seconds.`,
);

function fail(
  context: TenantContext,
  client: Client,
  { reason, ...refusal }: Refusal & { readonly reason: string },
): Refusal {
  context.journal.write({
    type: 'fede',
    description: refusal.error_description,
    client_id: client.client_id,
    decision: 'refuse',
    reason,
  });
  return refusal;
}
