import { describe, expect, it } from '@jest/globals';
import { StorageError } from '../../src/errors.ts';
import type { EndedFamily, LiveFamily } from '../../src/custody/family.ts';
import { leavesNothingOf, mergeRecords } from '../../src/custody/merge-records.ts';
import type { CustodyRecord } from '../../src/custody/record.ts';

const token = {
  access_token: 'access',
  requestedScope: 'openid',
  scope: 'openid',
  token_type: 'Bearer',
  expires_at: 9,
};

const live = (refresh_token: string, sub = 'ada', generation = 1): LiveFamily => ({
  state: 'live',
  generation,
  refresh_token,
  scope: 'openid',
  sub,
  former: [],
  answers: { api: { generation, token, id_token: undefined } },
});
const ended = (cause: EndedFamily['cause'], generation = 1): EndedFamily => ({
  state: 'ended',
  generation,
  cause,
});
const record = (families: CustodyRecord['families'], parts: Partial<CustodyRecord> = {}): CustodyRecord => ({
  version: 1,
  families,
  ends: 0,
  endedBy: undefined,
  moved: [],
  logouts: 0,
  unmarked: false,
  ...parts,
});
const merged = (former: unknown, younger: unknown) => mergeRecords(former, younger, 'id') as CustodyRecord;

describe('of two records of one client', () => {
  it('the younger one’s families replace those of their audiences, whose generations they follow', () => {
    const { families } = merged(
      record({ api: live('old', 'ada', 7) }),
      record({ api: live('new', 'ada', 2) }),
    );
    expect(families.api).toMatchObject({
      refresh_token: 'new',
      former: ['old'],
      generation: 9,
      answers: { api: { generation: 9 } },
    });
  });

  it('keep their claim: its holder goes on where the record went', () => {
    const claim = { owner: 'one', startedAt: 1, madeAt: 1, locked: true };
    const { families } = merged(undefined, record({ api: { ...live('new'), claim } }));
    expect(families.api).toMatchObject({ claim });
  });

  it('the former one’s families for other audiences go on, if they are the same user’s', () => {
    const former = record({ api: live('old'), orders: live('other') });
    const younger = (sub: string) => record({ api: live('new', sub) });
    expect(merged(former, younger('ada')).families.orders).toEqual(live('other'));
    expect(merged(former, younger('grace')).families.orders).toEqual(ended('user_changed', 2));
    expect(merged(former, younger('grace')).families.api).toMatchObject({ former: [] });
  });

  it('a logout in the younger one ends all of the former one, and counts', () => {
    const former = record({ api: live('old'), orders: live('other') }, { logouts: 2 });
    const after = record({ api: live('new') }, { logouts: 1 });
    expect(merged(former, record({}, { logouts: 1 }))).toMatchObject({
      families: { api: ended('logout', 2), orders: ended('logout', 2) },
      logouts: 3,
    });
    expect(merged(former, after).families).toMatchObject({
      api: { state: 'live', refresh_token: 'new' },
      orders: ended('logout', 2),
    });
  });

  it('an end in the younger one that was nobody’s decision leaves alone what lives in the former one', () => {
    const younger = record({ api: ended('refused'), orders: ended('refused', 3) });
    const { families } = merged(record({ api: live('old') }), younger);
    expect(families).toEqual({ api: live('old'), orders: ended('refused', 3) });
  });

  it('the one that the session came from says whether it could be marked', () => {
    const unmarked = { unmarked: true };
    const [one, other] = [record({ api: live('a') }), record({ api: live('b') }, unmarked)];
    expect(merged(one, other).unmarked).toBe(true);
    expect(merged(other, one).unmarked).toBe(false);
    expect(merged(other, record({ api: ended('refused') })).unmarked).toBe(true);
  });

  it('remember both what was moved in', () => {
    const [one, other] = [record({}, { moved: ['a', 'b'] }), record({}, { moved: ['b', 'c'] })];
    expect(merged(one, other).moved).toEqual(['a', 'b', 'c', 'id']);
  });

  it('count their ends, and tell why the last one was where nothing lives', () => {
    const held = record({ api: ended('refused') }, { ends: 2, endedBy: 'refused' });
    const unknown = record({ api: ended('outcome_unknown') }, { ends: 1, endedBy: 'outcome_unknown' });
    expect(merged(held, unknown)).toMatchObject({ ends: 3, endedBy: 'outcome_unknown' });
    expect(merged(held, record({}, { logouts: 1 }))).toMatchObject({ ends: 2, endedBy: 'logout' });
    expect(merged(held, record({}))).toMatchObject({ ends: 2, endedBy: 'refused' });
    expect(merged(held, record({ orders: live('a') }))).toMatchObject({ endedBy: undefined });
    expect(merged(record({ orders: live('a') }), unknown)).toMatchObject({ endedBy: undefined });
  });

  it('are merged once', () => {
    const younger = record({ api: live('new') });
    const once = merged(record({}), younger);
    const later = { ...once, families: { api: live('newer still') } };
    expect(merged(later, younger)).toBe(later);
  });

  it.each([
    ['former', { ...record({}), version: 2 }, record({})],
    ['younger', record({}), { ...record({}), version: 2 }],
  ])('the %s one of a later version is left alone', (_, former, younger) => {
    expect(() => merged(former, younger)).toThrow(StorageError);
  });
});

describe('a change leaves nothing of a record', () => {
  const former = record({ api: live('a'), orders: live('b') });
  it.each<[string, unknown, unknown, boolean]>([
    ['that there was not', undefined, record({ api: live('a') }), true],
    ['that held nothing alive', record({ api: ended('refused') }), record({}), true],
    ['whose families it ended', former, record({ api: ended('logout'), orders: ended('logout') }), true],
    ['whose families it replaced', former, record({ api: live('c') }), true],
    ['but where one goes on', former, record({ api: live('c'), orders: live('b') }), false],
    ['but where what it named is not told', { to: 'an entry', at: 1 }, { to: 'another', at: 2 }, false],
  ])('%s', (_, held, next, expected) => {
    expect(leavesNothingOf(held, next)).toBe(expected);
  });
});

describe('of two pointers to a record in an app’s cache', () => {
  const pointer = (at: number) => ({ to: `entry ${at}`, at });

  it('the younger one goes on', () => {
    expect(merged(pointer(1), pointer(2))).toEqual(pointer(2));
    expect(merged(pointer(2), pointer(1))).toEqual(pointer(2));
    const former = { ...pointer(2), pending: true };
    expect(merged(former, pointer(2))).toBe(former);
  });

  it('one goes on in the place of a record, of nothing, and of what is no pointer', () => {
    for (const former of [record({ api: live('old') }), undefined, null, 'text', { to: 'entry' }, { at: 9 }])
      expect(merged(former, pointer(1))).toEqual(pointer(1));
  });

  it.each([[{ to: 'entry' }], [{ at: 9 }], [null], ['text']])('%j is none', (younger) => {
    expect(merged(record({ api: live('old') }), younger).families.api).toMatchObject({
      refresh_token: 'old',
    });
  });
});
