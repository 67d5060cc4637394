/** Time-based one-time passwords, as authenticator apps show them: HMAC-SHA-1, six digits, 30 seconds (RFC 6238, RFC 4226). */
import type { Milliseconds } from '../clock.ts';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const period: Milliseconds = 30_000;

/** A code, and the time step that it is of. */
export interface TimedCode {
  readonly step: number;
  readonly code: string;
}

/** Base32 without padding (RFC 4648 §6). */
export function encodeBase32(bytes: Uint8Array): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('');
  return (bits.match(/.{1,5}/g) ?? []).map((five) => alphabet[parseInt(five.padEnd(5, '0'), 2)]).join('');
}

/** What base32 text stands for, in either case, with or without padding; `undefined` for any other text. */
export function decodeBase32(text: string): Uint8Array<ArrayBuffer> | undefined {
  const letters = text.toUpperCase().replace(/=+$/, '');
  if (!/^[A-Z2-7]{2,}$/.test(letters)) return undefined;
  const bits = Array.from(letters, (letter) => alphabet.indexOf(letter).toString(2).padStart(5, '0')).join(
    '',
  );
  return Uint8Array.from(bits.match(/.{8}/g) ?? [], (byte) => parseInt(byte, 2));
}

/** The codes that are good at an instant: of this step and, for clocks that differ, of the one before and the one after. */
export async function acceptableCodes(secret: string, now: Milliseconds): Promise<readonly TimedCode[]> {
  const bytes = decodeBase32(secret);
  if (!bytes) throw new TypeError('the secret is no base32 text');
  const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-1' }, false, ['sign']);
  const step = Math.floor(now / period);
  return Promise.all(
    [step - 1, step, step + 1].map(async (step) => ({ step, code: await codeOf(key, step) })),
  );
}

/** The truncation of RFC 4226 §5.3. */
async function codeOf(key: CryptoKey, step: number): Promise<string> {
  const counter = new DataView(new ArrayBuffer(8));
  counter.setBigUint64(0, BigInt(step));
  const mac = new DataView(await crypto.subtle.sign('HMAC', key, counter));
  const number = mac.getUint32(mac.getUint8(19) & 0xf) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, '0');
}
