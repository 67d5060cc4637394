/** A device without a browser asks, and somebody answers in a browser elsewhere (RFC 8628). */
import type { Milliseconds, Seconds } from '../clock.ts';
import type { Authorization } from './authorization-code.ts';
import type { TenantContext } from './context.ts';
import { forgetPast } from './forgetting.ts';

export interface DeviceAuthorization {
  readonly clientId: string;
  /** What a person types in: `ABCD-EFGH`. */
  readonly userCode: string;
  readonly scope: string;
  readonly audience: string | null;
  readonly issuedAt: Milliseconds;
  /** When the device last asked in vain. */
  readonly polledAt: Milliseconds | null;
  readonly outcome:
    | { readonly kind: 'pending' }
    | { readonly kind: 'denied'; readonly why: string }
    | { readonly kind: 'approved'; readonly authorization: Authorization };
}

/** Auth0's. */
export const deviceCodeLifetime: Seconds = 900;
export const pollingInterval: Seconds = 5;

export const isOver = ({ issuedAt }: DeviceAuthorization, now: Milliseconds): boolean =>
  now >= issuedAt + deviceCodeLifetime * 1000;

/** Begins to wait for somebody. */
export function beginDeviceAuthorization(
  context: TenantContext,
  asked: Pick<DeviceAuthorization, 'clientId' | 'scope' | 'audience'>,
): { readonly deviceCode: string; readonly userCode: string } {
  const { random, clock, state } = context;
  const now = clock.now();
  forgetPast(context, now);
  const deviceCode = random.text();
  const userCode = newUserCode(context);
  const fresh = { userCode, issuedAt: now, polledAt: null, outcome: { kind: 'pending' } } as const;
  state.devices.set(deviceCode, { ...asked, ...fresh });
  return { deviceCode, userCode };
}

/** No vowels: they would make words; nothing that looks like something else (RFC 8628 §6.1). */
const letters = 'BCDFGHJKLMNPQRSTVWXZ';

function newUserCode({ random }: TenantContext): string {
  const drawn = Array.from(random.bytes(8), (byte) => letters[byte % letters.length]).join('');
  return `${drawn.slice(0, 4)}-${drawn.slice(4)}`;
}

/** The device that shows this code and still waits; upper and lower case, and what stands between, do not count. */
export function findWaitingDevice(
  context: TenantContext,
  typed: string,
): { readonly deviceCode: string; readonly device: DeviceAuthorization } | undefined {
  const plain = (code: string) => code.toUpperCase().replaceAll(/[^A-Z]/g, '');
  for (const [deviceCode, { userCode }] of context.state.devices) {
    const device = plain(userCode) === plain(typed) && waitingDevice(context, deviceCode);
    if (device) return { deviceCode, device };
  }
  return undefined;
}

/** The device of this code, while nobody has answered it. */
export function waitingDevice(
  { state, clock }: TenantContext,
  deviceCode: string,
): DeviceAuthorization | undefined {
  const device = state.devices.get(deviceCode);
  return device?.outcome.kind === 'pending' && !isOver(device, clock.now()) ? device : undefined;
}

/** Answers a device, once. @returns whether it still waited */
export function answerDevice(
  context: TenantContext,
  deviceCode: string,
  outcome: DeviceAuthorization['outcome'],
): boolean {
  const device = waitingDevice(context, deviceCode);
  if (device) context.state.devices.set(deviceCode, { ...device, outcome });
  return device !== undefined;
}
