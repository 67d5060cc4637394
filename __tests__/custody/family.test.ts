import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  idTokenOf,
  readFamily,
  transition,
  type Family,
  type FamilyEvent,
  type LiveFamily,
} from '../../src/custody/family.ts';
import { encodeBase64url } from '../../src/oauth/base64url.ts';

const token = { access_token: 'a', token_type: 'Bearer', scope: 's', requestedScope: 's', expires_at: 999 };
const answer = { token };
const ada = { sub: 'u' };
const held = { ...answer, generation: 3 };
const live: LiveFamily = {
  ...ada,
  state: 'live',
  generation: 3,
  refresh_token: 'r3',
  scope: 's',
  answers: { k: held },
};
const claim = (changes: Partial<Extract<FamilyEvent, { kind: 'claim' }>> = {}): FamilyEvent => ({
  kind: 'claim',
  owner: 'me',
  now: 1000,
  steady: 1000,
  seen: { generation: 3, failures: 0 },
  key: 'k',
  scope: 's',
  identity: ada,
  locked: true,
  abandonedAfter: 30_000,
  ...changes,
});
const claimedBy = (owner: string, locked = true): LiveFamily => ({
  ...live,
  claim: { owner, startedAt: 0, madeAt: 0, locked },
});
const failed = (failures: number): LiveFamily => {
  let family: LiveFamily = live;
  for (let count = 0; count < failures; count++)
    family = transition(
      { ...family, claim: claimedBy('me').claim },
      { kind: 'release', owner: 'me', outcome: 'not_spent', failure: { at: 0, draw: 0.5 } },
    )[0] as LiveFamily;
  return family;
};

const none = { generation: 2, failures: 0 };

describe('a family', () => {
  it('begins with a login, and a later login begins it anew', () => {
    const adopt: FamilyEvent = {
      kind: 'adopt',
      refresh_token: 'r',
      scope: 's',
      identity: ada,
      key: 'k',
      answer,
    };
    expect(transition(undefined, adopt)[0]).toMatchObject({
      generation: 1,
      refresh_token: 'r',
      answers: { k: { generation: 1 } },
    });
    expect(transition({ state: 'ended', generation: 7, cause: 'logout' }, adopt)[0]).toMatchObject({
      state: 'live',
      generation: 8,
    });
    expect(transition(claimedBy('other'), adopt)[0]).not.toHaveProperty('claim');
  });

  it.each<[string, Family, FamilyEvent, string]>([
    ['nothing', undefined, claim(), 'none'],
    ['an ended family', { state: 'ended', generation: 4, cause: 'refused' }, claim(), 'ended'],
    ['a free head', live, claim(), 'claimed'],
    ['another user’s head', live, claim({ identity: { sub: 'v' } }), 'none'],
    ['a head for another organization', live, claim({ identity: { sub: 'u', org_id: 'o' } }), 'none'],
    ['a head, where nobody knows whose the session is', live, claim({ identity: undefined }), 'claimed'],
    ['an answer that is newer than what was seen', live, claim({ seen: none }), 'newer'],
    ['a newer answer with less scope', live, claim({ seen: none, scope: 's t' }), 'claimed'],
    ['a newer answer that has expired', live, claim({ seen: none, now: 999_000 }), 'claimed'],
    ['a newer answer for another audience', live, claim({ seen: none, key: 'l' }), 'claimed'],
    ['a failure that is newer than what was seen', failed(1), claim(), 'failed'],
    ['a failure that was seen', failed(1), claim({ seen: { generation: 3, failures: 1 } }), 'claimed'],
    ['two failures', failed(2), claim({ seen: { generation: 3, failures: 2 }, now: 1499 }), 'paused'],
    [
      'two failures, 1.5 s ago',
      failed(2),
      claim({ seen: { generation: 3, failures: 2 }, now: 1500 }),
      'claimed',
    ],
    ['nine failures', failed(9), claim({ seen: { generation: 3, failures: 9 }, now: 269_999 }), 'paused'],
    [
      'nine failures, 4.5 min ago',
      failed(9),
      claim({ seen: { generation: 3, failures: 9 }, now: 270_000 }),
      'claimed',
    ],
    [
      'nine failures, and a pause of years',
      { ...failed(9), pause: { since: 0, until: 1e12, ends: 1e12 } },
      claim({ seen: { generation: 3, failures: 9 }, now: 780_000 }),
      'claimed',
    ],
    [
      'two failures, and a clock that was put back by half a minute',
      failed(2),
      claim({ seen: { generation: 3, failures: 2 }, now: -30_000 }),
      'claimed',
    ],
    [
      'nine failures, and a clock that was put back',
      failed(9),
      claim({ seen: { generation: 3, failures: 9 }, now: -1 }),
      'claimed',
    ],
    ['a claimed head, where the lock proves that its holder is gone', claimedBy('other'), claim(), 'claimed'],
    ['a claimed head, where the lock proves nothing', claimedBy('other'), claim({ locked: false }), 'busy'],
    ['a head claimed without the lock', claimedBy('other', false), claim(), 'busy'],
    [
      'an abandoned claim',
      claimedBy('other'),
      claim({ locked: false, steady: 30_000, now: 30_000 }),
      'claimed',
    ],
    [
      'a claim that looks old by the time of day',
      claimedBy('other'),
      claim({ locked: false, now: 30_000 }),
      'busy',
    ],
    [
      'a claim that looks old by the steady clock',
      claimedBy('other'),
      claim({ locked: false, steady: 30_000 }),
      'busy',
    ],
    [
      'a claim from the future',
      claimedBy('other'),
      claim({ locked: false, steady: -30_000, now: -30_000 }),
      'claimed',
    ],
    ['its own claim', claimedBy('me'), claim({ locked: false }), 'claimed'],
  ])('claimed over %s', (_, family, event, outcome) => {
    const [next, { kind }] = transition(family, event);
    expect(kind).toBe(outcome);
    if (kind === 'claimed') expect(next).toMatchObject({ claim: { owner: 'me' }, generation: 3 });
    else expect(next).toBe(family);
  });

  it('tells whose a newer answer is, and not by which head it came', () => {
    const [, outcome] = transition(live, claim({ seen: none }));
    expect(outcome).toEqual({ kind: 'newer', answer: held, identity: ada });
  });

  it('remembers that a head may be spent when its claim was never given back', () => {
    const [taken] = transition(claimedBy('other'), claim());
    expect(taken).toMatchObject({ outcomeUnknown: true });
    expect(transition(taken, { kind: 'refuse', owner: 'me' })[0]).toMatchObject({ cause: 'outcome_unknown' });
  });

  it('forgets the doubt with the next head', () => {
    const doubtful = { ...claimedBy('me'), outcomeUnknown: true };
    const [next] = transition(doubtful, {
      kind: 'rotate',
      owner: 'me',
      refresh_token: 'r4',
      key: 'k',
      answer,
    });
    expect(next).toEqual({
      ...live,
      generation: 4,
      refresh_token: 'r4',
      answers: { k: { ...answer, generation: 4 } },
    });
  });

  it('forgets its failures with the next head, and keeps the answers for other audiences', () => {
    const [next] = transition(
      { ...failed(3), claim: claimedBy('me').claim },
      { kind: 'rotate', owner: 'me', refresh_token: 'r4', key: 'l', answer },
    );
    expect(next).toEqual({
      ...live,
      generation: 4,
      refresh_token: 'r4',
      answers: { k: held, l: { ...answer, generation: 4 } },
    });
  });

  it('takes a successor whose answer is of no use', () => {
    const [next] = transition(claimedBy('me'), {
      kind: 'rotate',
      owner: 'me',
      refresh_token: 'r4',
      key: 'k',
    });
    expect(next).toEqual({ ...live, generation: 4, refresh_token: 'r4' });
  });

  it('remembers its failures with a successor whose answer is yet to be judged', () => {
    const before = failed(3);
    const [next] = transition(
      { ...before, claim: claimedBy('me').claim },
      { kind: 'rotate', owner: 'me', refresh_token: 'r4', key: 'k' },
    );
    expect(next).toMatchObject({ refresh_token: 'r4', failures: 3, pause: before.pause });
  });

  it('is spent by nobody once its successor came with somebody else’s ID token', () => {
    expect(transition(claimedBy('me'), { kind: 'quarantine', owner: 'me' })).toEqual([
      { state: 'ended', generation: 4, cause: 'invalid_id_token' },
      { kind: 'ended' },
    ]);
  });

  it('keeps its head where the server does not rotate, and counts on all the same', () => {
    const [next] = transition(claimedBy('me'), { kind: 'rotate', owner: 'me', key: 'k', answer });
    expect(next).toMatchObject({ refresh_token: 'r3', generation: 4 });
  });

  it.each<[string, FamilyEvent]>([
    ['rotate', { kind: 'rotate', owner: 'me', refresh_token: 'r4', key: 'k', answer }],
    ['quarantine', { kind: 'quarantine', owner: 'me' }],
    ['refuse', { kind: 'refuse', owner: 'me' }],
    ['release', { kind: 'release', owner: 'me', outcome: 'unknown' }],
  ])('is not changed by the %s of a holder whose claim has passed', (_, event) => {
    for (const family of [
      undefined,
      live,
      claimedBy('other'),
      { state: 'ended', generation: 4, cause: 'logout' },
    ] as Family[]) {
      const [next, outcome] = transition(family, event);
      expect(next).toBe(family);
      expect(outcome).toEqual({ kind: 'passed', live: family?.state === 'live' });
    }
  });

  it('outlives the end of everybody else’s families, and only those', () => {
    const end = { kind: 'end', cause: 'user_changed' } as const;
    expect(transition(live, { ...end, unless: ada })).toEqual([live, { kind: 'none' }]);
    expect(transition(live, { ...end, unless: { sub: 'u', org_id: 'o' } })[0]).toMatchObject({
      state: 'ended',
    });
  });

  it('remembers the head that a later login replaced, so that both can be revoked', () => {
    const [next] = transition(live, {
      kind: 'adopt',
      refresh_token: 'r',
      scope: 's',
      identity: ada,
      key: 'k',
    });
    const [rotated] = transition(
      { ...(next as LiveFamily), claim: claimedBy('me').claim },
      { kind: 'rotate', owner: 'me', refresh_token: 'r2', key: 'k' },
    );
    expect(transition(rotated, { kind: 'end', cause: 'logout' })[1]).toEqual({
      kind: 'ended',
      orphans: ['r3', 'r2'],
    });
  });

  it('remembers the last five heads that were replaced, and no more', () => {
    let family: Family;
    for (let n = 0; n < 8; n++)
      [family] = transition(family, {
        kind: 'adopt',
        refresh_token: `r${n}`,
        scope: 's',
        identity: ada,
        key: 'k',
      });
    expect(transition(family, { kind: 'end', cause: 'logout' })[1]).toMatchObject({
      orphans: ['r2', 'r3', 'r4', 'r5', 'r6', 'r7'],
    });
  });

  it('of nobody knows whom is the one’s whom its first exchange names', () => {
    const unknown = { ...claimedBy('me'), sub: '' };
    const rotate = { kind: 'rotate', owner: 'me', refresh_token: 'r4', key: 'k', answer } as const;
    const identity = { sub: 'u', org_id: 'o' };
    expect(transition(unknown, { ...rotate, identity })[0]).toMatchObject(identity);
  });

  it('tells the ID token that came last', () => {
    const answers = {
      k: { ...held, id_token: 'old' },
      l: { ...held, generation: 5, id_token: 'new' },
      m: { ...held, generation: 6 }, // which brought none
    };
    expect(idTokenOf({ ...live, answers })).toBe('new');
  });

  it('says to the end, once it has, that nobody knows what became of a request', () => {
    const held = claimedBy('me');
    const free = (family: Family, outcome: 'unknown' | 'not_spent') =>
      transition(family, { kind: 'release', owner: 'me', outcome, failure: undefined });
    const [unclear, outcome] = free(held, 'unknown');
    expect(outcome).toEqual({ kind: 'released' });
    expect(unclear).toMatchObject({ outcomeUnknown: true, claim: undefined });
    expect(free({ ...held, outcomeUnknown: true }, 'not_spent')[0]).toMatchObject({ outcomeUnknown: true });
    expect(free(held, 'not_spent')[0]).toMatchObject({ outcomeUnknown: undefined });
  });

  it('keeps the cause of its end, but for a logout, after which there is nothing to explain', () => {
    const refused: Family = { state: 'ended', generation: 4, cause: 'refused' };
    expect(transition(refused, { kind: 'end', cause: 'user_changed' })[0]).toBe(refused);
    expect(transition(refused, { kind: 'end', cause: 'logout' })[0]).toEqual({
      state: 'ended',
      generation: 5,
      cause: 'logout',
    });
  });

  it('hands out its head when it is ended, so that it can be revoked', () => {
    expect(transition(live, { kind: 'end', cause: 'logout' })).toEqual([
      { state: 'ended', generation: 4, cause: 'logout' },
      { kind: 'ended', orphans: ['r3'] },
    ]);
  });
});

describe('a stored family', () => {
  const ended: Family = { state: 'ended', generation: 4, cause: 'refused' };
  const anIdToken = (sub: string) =>
    `e30.${encodeBase64url(new TextEncoder().encode(JSON.stringify({ sub })))}.c2ln`;
  const withIdToken = (id_token: unknown) => ({ ...held, id_token: id_token as string });
  const own = withIdToken(anIdToken(ada.sub));

  it.each<[string, unknown, Family]>([
    ['that lives', live, { ...live, former: [] }],
    ['that has ended', ended, ended],
    ['without answers', { ...live, answers: null }, { ...live, former: [], answers: {} }],
    [
      'with answers that are none',
      { ...live, answers: { k: held, l: null, m: { ...held, token: {} }, n: { token } } },
      { ...live, former: [] },
    ],
    [
      'with ID tokens that nobody can read, or that are another user’s',
      {
        ...live,
        answers: { k: own, l: withIdToken('x'), m: withIdToken(anIdToken('v')), n: withIdToken(1) },
      },
      { ...live, former: [], answers: { k: own } },
    ],
    ['with former heads that are none', { ...live, former: ['r1', 2] }, { ...live, former: ['r1'] }],
    ['without a generation', { ...live, generation: Number.NaN }, undefined],
    ['without a head', { ...live, refresh_token: undefined }, undefined],
    ['in a state that there is none of', { ...live, state: 'x' }, undefined],
    ['that is null', null, undefined],
    ['that is a text', 'family', undefined],
  ])('%s is read as far as it has the right shape', (_, stored, read) => {
    expect(readFamily(stored)).toEqual(read);
  });
});

describe('random histories of holders', () => {
  const owners = ['a', 'b', 'c'];
  const event = fc.oneof(
    fc.record({
      kind: fc.constant('claim' as const),
      owner: fc.constantFrom(...owners),
      now: fc.nat(100_000),
      steady: fc.nat(100_000),
      seen: fc.record({ generation: fc.nat(6), failures: fc.nat(3) }),
      key: fc.constantFrom('k', 'l'),
      scope: fc.constant('s'),
      locked: fc.boolean(),
      abandonedAfter: fc.constant(30_000),
    }),
    fc.record({
      kind: fc.constant('rotate' as const),
      owner: fc.constantFrom(...owners),
      refresh_token: fc.uuid(),
      key: fc.constantFrom('k', 'l'),
      answer: fc.constantFrom(answer, undefined),
    }),
    fc.record({ kind: fc.constant('quarantine' as const), owner: fc.constantFrom(...owners) }),
    fc.record({ kind: fc.constant('refuse' as const), owner: fc.constantFrom(...owners) }),
    fc.record({
      kind: fc.constant('release' as const),
      owner: fc.constantFrom(...owners),
      outcome: fc.constantFrom('unknown' as const, 'not_spent' as const),
      failure: fc.option(
        fc.record({ at: fc.nat(100_000), draw: fc.constantFrom(0, 0.5), retryAfter: fc.nat(100_000) }),
        { nil: undefined },
      ),
    }),
    fc.record({ kind: fc.constant('end' as const), cause: fc.constant('logout' as const) }),
    fc.record({
      kind: fc.constant('adopt' as const),
      refresh_token: fc.uuid(),
      scope: fc.constant('s'),
      identity: fc.constant(ada),
      key: fc.constant('k'),
    }),
  );

  it('never go back a generation, never let two own a head, and never revive what has ended', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 30 }), (events) => {
        let family: Family;
        for (const step of events) {
          const before: Family = family;
          const [next, outcome] = transition(before, step);
          expect(next?.generation ?? 0).toBeGreaterThanOrEqual(before?.generation ?? 0);
          if (
            before?.state === 'live' &&
            next?.state === 'live' &&
            before.refresh_token !== next.refresh_token
          )
            expect(next.generation).toBe(before.generation + 1);
          if (before?.state === 'ended' && step.kind !== 'adopt') expect(next?.state).toBe('ended');
          if (outcome.kind === 'rotated')
            expect(before).toMatchObject({ claim: { owner: 'owner' in step && step.owner } });
          if (['passed', 'busy', 'newer', 'failed', 'paused', 'none'].includes(outcome.kind))
            expect(next).toBe(before);
          family = next;
        }
      }),
      { seed: 20_261_123, numRuns: 1000 },
    );
  });
});

describe('the pauses between exchanges that fail', () => {
  /** After so many failures, each as soon as it may be and drawn as given: when the next one may be. */
  function instantsOf(draws: readonly number[], retryAfter?: number): number[] {
    let family: Family = live;
    let now = 0;
    return draws.map((draw, failures) => {
      const seen = { generation: 3, failures };
      const [claimed, { kind }] = transition(family, claim({ now, seen }));
      expect(kind).toBe('claimed');
      const failure = { at: now, draw, retryAfter };
      [family] = transition(claimed, { kind: 'release', owner: 'me', outcome: 'not_spent', failure });
      now = (family as LiveFamily).pause?.until ?? now;
      return now;
    });
  }

  const almostOne = 1 - 2 ** -32;

  it('may be of no length, and are bounded', () => {
    expect(instantsOf([0, 0, 0, 0, 0, 0, 0, 0, 0])).toEqual([
      0, 0, 3000, 15_000, 63_000, 243_000, 423_000, 603_000, 783_000,
    ]);
    const latest = instantsOf(Array.from({ length: 9 }, () => almostOne));
    expect(latest).toEqual([0, 2999, 14_999, 62_999, 242_999, 422_999, 602_999, 782_999, 962_999]);
  });

  it('leave room for eight exchanges in ten minutes, whatever is drawn', () => {
    const draw = fc.nat(999).map((part) => part / 1000);
    fc.assert(
      fc.property(fc.array(draw, { minLength: 12, maxLength: 12 }), (draws) => {
        const begun = [0, ...instantsOf(draws)].filter((at) => at < 600_000);
        expect(begun.length).toBeLessThanOrEqual(8);
      }),
      { seed: 20_261_128 },
    );
  });

  it('are as long as the server asks, and jittered from then on', () => {
    expect(instantsOf([0.5, 0.5, 0.5], 30_000)).toEqual([31_500, 63_000, 99_000]);
  });

  it('are not longer for a clock that was put back', () => {
    const family = { ...failed(9), claim: claimedBy('me').claim };
    const failure = { at: -1e9, draw: 0.5 };
    const [next] = transition(family, { kind: 'release', owner: 'me', outcome: 'not_spent', failure });
    expect((next as LiveFamily).pause?.until).toBe(-1e9 + 270_000);
  });
});
