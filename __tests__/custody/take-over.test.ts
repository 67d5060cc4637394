import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { MovedFamily } from '../../src/custody/custody.ts';
import type { LiveFamily } from '../../src/custody/family.ts';
import { readRecord, type CustodyRecord } from '../../src/custody/record.ts';
import { prepareTakeOver, type Found } from '../../src/custody/take-over.ts';

const sha256 = async (bytes: Uint8Array) => new Uint8Array(createHash('sha256').update(bytes).digest());
const digestOf = (text: string) => createHash('sha256').update(text).digest('base64url');

const ada = { sub: 'ada' };
const moved = (refresh_token: string, audience = 'api'): MovedFamily => ({
  refresh_token,
  audience,
  scope: 'openid',
  answer: undefined,
});
const live = (sub: string): LiveFamily => ({
  state: 'live',
  generation: 3,
  refresh_token: `of ${sub}`,
  scope: 'openid',
  sub,
  answers: {},
});
const record = (parts: Partial<CustodyRecord>): CustodyRecord => ({ ...readRecord(undefined), ...parts });
const takeOver = async (before: CustodyRecord, found: Partial<Found> = {}) => {
  const step = await prepareTakeOver(
    { identity: ada, families: [moved('left')], former: undefined, ...found },
    sha256,
  );
  return step(before);
};
const tokensIn = ({ families }: CustodyRecord) =>
  Object.values(families).map((family) => (family?.state === 'live' ? family.refresh_token : undefined));

describe('a session that another SDK has left', () => {
  it('is taken over where there is none, and its token is remembered by a digest', async () => {
    const { next, adopted } = await takeOver(record({}));
    expect(adopted).toEqual([moved('left')]);
    expect(tokensIn(next)).toEqual(['left']);
    expect(next.moved).toEqual([digestOf('left')]);
  });

  it.each<[string, Partial<CustodyRecord>]>([
    ['a logout', { logouts: 1 }],
    ['an end by a logout', { endedBy: 'logout' }],
  ])('is left alone after %s', async (_, parts) => {
    const before = record(parts);
    expect(await takeOver(before)).toEqual({ next: before, adopted: undefined, outcomes: [] });
  });

  it('is taken over after another end', async () => {
    expect((await takeOver(record({ endedBy: 'refused', ends: 1 }))).adopted).toHaveLength(1);
  });

  it('is left alone beside another user, unless that one is shown no longer', async () => {
    const before = record({ families: { other: live('grace') } });
    expect(await takeOver(before)).toEqual({ next: before, adopted: undefined, outcomes: [] });
    const { next, outcomes } = await takeOver(before, { former: { sub: 'grace' } });
    expect(tokensIn(next)).toEqual([undefined, 'left']);
    expect(outcomes).toContainEqual({ kind: 'ended', orphans: ['of grace'] });
  });

  it('is taken over once: a token that comes again changes nothing', async () => {
    const { next } = await takeOver(record({}));
    const again = await takeOver(next);
    expect(again.next).toBe(next);
    expect(again.adopted).toEqual([]);
  });

  it('pushes the oldest digests out', async () => {
    const before = record({ moved: Array.from({ length: 50 }, (_, index) => `digest ${index}`) });
    const { next } = await takeOver(before);
    expect(next.moved).toHaveLength(50);
    expect([next.moved[0], next.moved.at(-1)]).toEqual(['digest 1', digestOf('left')]);
  });
});
