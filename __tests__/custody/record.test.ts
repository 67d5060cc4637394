import { describe, expect, it } from '@jest/globals';
import type { EndedFamily, LiveFamily } from '../../src/custody/family.ts';
import { changed, readRecord, type CustodyRecord, type FamilyChange } from '../../src/custody/record.ts';

const live: LiveFamily = {
  state: 'live',
  generation: 1,
  refresh_token: 'r',
  scope: 's',
  sub: 'ada',
  answers: {},
};
const ended = (cause: EndedFamily['cause']): EndedFamily => ({ state: 'ended', generation: 1, cause });
const record = (families: CustodyRecord['families'], parts: Partial<CustodyRecord> = {}): CustodyRecord => ({
  ...readRecord(undefined),
  families,
  ...parts,
});
const end = (at: string, cause: 'logout' | 'user_changed'): FamilyChange => [at, { kind: 'end', cause }];

describe('what ends families ends the session', () => {
  it.each<[string, CustodyRecord, FamilyChange[], Partial<CustodyRecord>]>([
    ['with the last that lives', record({ a: live }), [end('a', 'logout')], { ends: 1, endedBy: 'logout' }],
    [
      'not with one of two',
      record({ a: live, b: live }),
      [end('a', 'logout')],
      { ends: 0, endedBy: undefined },
    ],
    [
      'once, with both of two',
      record({ a: live, b: live }),
      [end('a', 'logout'), end('b', 'logout')],
      { ends: 1, endedBy: 'logout' },
    ],
    [
      'and no session is missed where another user has taken over',
      record({ a: live }),
      [end('a', 'user_changed')],
      { ends: 1, endedBy: undefined },
    ],
    [
      'anew, where a logout comes after another end',
      record({ a: ended('refused') }, { ends: 3, endedBy: 'refused' }),
      [end('a', 'logout')],
      { ends: 4, endedBy: 'logout' },
    ],
    [
      'not anew, where the same end comes to another family that has ended',
      record({ a: ended('logout'), b: ended('refused') }, { ends: 3, endedBy: 'logout' }),
      [end('b', 'logout')],
      { ends: 3, endedBy: 'logout' },
    ],
  ])('%s', (_, before, changes, after) => {
    expect(changed(before, changes)[0]).toMatchObject(after);
  });

  it('leaves the record itself where nothing changes', () => {
    const before = record({ a: ended('refused') }, { endedBy: 'refused' });
    expect(changed(before, [end('a', 'user_changed')])[0]).toBe(before);
  });
});
