/** Where ids, codes and tokens come from: the system's generator, or a repeatable stream grown from a seed. */
import { encodeBase64url } from '../oauth/base64url.ts';

export interface Randomness {
  bytes(length: number): Uint8Array;
  /** Unguessable url-safe text; 32 bytes give 43 characters. */
  text(byteLength?: number): string;
  /** Lower-case hexadecimal text of `length` characters. */
  hex(length: number): string;
  /** Where a seeded stream stands; `null` without a seed. */
  position(): readonly number[] | null;
  /** Goes on from where a seeded stream stood. Nothing happens without a seed. */
  goOnFrom(position: readonly number[] | null): void;
}

/**
 * With a seed the same calls give the same values, which is what a test wants and an attacker too: nothing that guards
 * the tenant against other web pages may be drawn from a seeded stream.
 */
export function randomness(seed?: string): Randomness {
  const stream = seed === undefined ? undefined : seededStream(seed);
  const fill = stream ? stream.fill : systemBytes();
  const bytes = (length: number) => fill(new Uint8Array(length));
  return {
    bytes,
    text: (byteLength = 32) => encodeBase64url(bytes(byteLength)),
    hex: (length) =>
      bytes(Math.ceil(length / 2))
        .reduce((text, byte) => text + hexadecimal[byte], '')
        .slice(0, length),
    position: () => stream?.position() ?? null,
    goOnFrom: (position) => stream?.goOnFrom(position ?? []),
  };
}

/** A small number that depends on the seed's text alone, below `limit`. */
export const seededIndex = (seed: string, limit: number): number => hash(seed, 0) % limit;

const hexadecimal = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** The system's generator, asked for many bytes at a time: a call costs the same for 32 of them and for 4,096. */
function systemBytes(): (target: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer> {
  const drawn = new Uint8Array(4096);
  let used = drawn.length;
  return (target) => {
    if (target.length > drawn.length) return crypto.getRandomValues(target);
    if (used + target.length > drawn.length) {
      crypto.getRandomValues(drawn);
      used = 0;
    }
    target.set(drawn.subarray(used, used + target.length));
    drawn.fill(0, used, used + target.length); // nobody else gets them
    used += target.length;
    return target;
  };
}

/** A non-cryptographic generator of 32-bit words: three words mixed into each other and a counter, the design of sfc32. */
function seededStream(seed: string) {
  let a = hash(seed, 1);
  let b = hash(seed, 2);
  let c = hash(seed, 3);
  let counter = 1;
  const word = () => {
    const sum = (a + b + counter++) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let warmUp = 0; warmUp < 16; warmUp += 1) word();
  return {
    fill: (target: Uint8Array<ArrayBuffer>) => target.map(() => word() >>> 24),
    position: () => [a, b, c, counter],
    goOnFrom(position: readonly number[]) {
      [a = a, b = b, c = c, counter = counter] = position;
    },
  };
}

/** Tells a text from one that was damaged on the way; no protection against anybody. */
export const checksum = (text: string): number => hash(text, 0);

/** Looked up once: where globals belong to a test's own context (`node:vm`), each look costs more than the multiplication. */
const { imul } = Math;

/** 32-bit FNV-1a over the text's UTF-16 units, begun differently for each `variant`. */
function hash(text: string, variant: number): number {
  let value = (0x811c9dc5 ^ imul(variant, 0x9e3779b1)) >>> 0;
  for (let index = 0; index < text.length; index += 1)
    value = imul(value ^ text.charCodeAt(index), 0x01000193) >>> 0;
  return value;
}
