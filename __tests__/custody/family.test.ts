import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { transition, type Family, type FamilyEvent, type LiveFamily } from '../../src/custody/family.ts';

const token = { access_token: 'a', token_type: 'Bearer', scope: 's', requestedScope: 's', expires_at: 1 };
const answer = { token };
const live: LiveFamily = { state: 'live', generation: 3, refresh_token: 'r3', scope: 's', sub: 'u' };
const claim = (changes: Partial<Extract<FamilyEvent, { kind: 'claim' }>> = {}): FamilyEvent => ({
  kind: 'claim',
  owner: 'me',
  now: 1000,
  seen: 3,
  alone: true,
  abandonedAfter: 30_000,
  ...changes,
});
const claimedBy = (owner: string, startedAt = 0): LiveFamily => ({ ...live, claim: { owner, startedAt } });

describe('a family', () => {
  it('begins with a login, and a later login begins it anew', () => {
    const adopt: FamilyEvent = { kind: 'adopt', refresh_token: 'r', scope: 's', sub: 'u' };
    expect(transition(undefined, adopt)[0]).toMatchObject({ generation: 1, refresh_token: 'r' });
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
    ['a head that is newer than what was seen', live, claim({ seen: 2 }), 'newer'],
    ['a claimed head, where the lock proves that its holder is gone', claimedBy('other'), claim(), 'claimed'],
    ['a claimed head, where the lock proves nothing', claimedBy('other'), claim({ alone: false }), 'busy'],
    ['an abandoned claim', claimedBy('other'), claim({ alone: false, now: 30_000 }), 'claimed'],
    ['its own claim', claimedBy('me'), claim({ alone: false }), 'claimed'],
  ])('claimed over %s', (_, family, event, outcome) => {
    const [next, { kind }] = transition(family, event);
    expect(kind).toBe(outcome);
    if (kind === 'claimed') expect(next).toMatchObject({ claim: { owner: 'me' }, generation: 3 });
    else expect(next).toBe(family);
  });

  it('remembers that a head may be spent when its claim was never given back', () => {
    const [taken] = transition(claimedBy('other'), claim());
    expect(taken).toMatchObject({ outcomeUnknown: true });
    expect(transition(taken, { kind: 'refuse', owner: 'me' })[0]).toMatchObject({ cause: 'outcome_unknown' });
  });

  it('forgets the doubt with the next head', () => {
    const doubtful = { ...claimedBy('me'), outcomeUnknown: true };
    const [next] = transition(doubtful, { kind: 'rotate', owner: 'me', refresh_token: 'r4', answer });
    expect(next).toEqual({ state: 'live', generation: 4, refresh_token: 'r4', scope: 's', sub: 'u', answer });
  });

  it('keeps its head where the server does not rotate, and counts on all the same', () => {
    const [next] = transition(claimedBy('me'), { kind: 'rotate', owner: 'me', answer });
    expect(next).toMatchObject({ refresh_token: 'r3', generation: 4 });
  });

  it.each<[string, FamilyEvent]>([
    ['rotate', { kind: 'rotate', owner: 'me', refresh_token: 'r4', answer }],
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

  it('hands out its head when it is ended, so that it can be revoked', () => {
    expect(transition(live, { kind: 'end', cause: 'logout' })).toEqual([
      { state: 'ended', generation: 4, cause: 'logout' },
      { kind: 'ended', orphan: 'r3' },
    ]);
  });
});

describe('random histories of holders', () => {
  const owners = ['a', 'b', 'c'];
  const event = fc.oneof(
    fc.record({
      kind: fc.constant('claim' as const),
      owner: fc.constantFrom(...owners),
      now: fc.nat(100_000),
      seen: fc.nat(6),
      alone: fc.boolean(),
      abandonedAfter: fc.constant(30_000),
    }),
    fc.record({
      kind: fc.constant('rotate' as const),
      owner: fc.constantFrom(...owners),
      refresh_token: fc.uuid(),
      answer: fc.constant(answer),
    }),
    fc.record({ kind: fc.constant('refuse' as const), owner: fc.constantFrom(...owners) }),
    fc.record({
      kind: fc.constant('release' as const),
      owner: fc.constantFrom(...owners),
      outcome: fc.constantFrom('unknown' as const, 'not_spent' as const),
    }),
    fc.record({ kind: fc.constant('end' as const), cause: fc.constant('logout' as const) }),
    fc.record({
      kind: fc.constant('adopt' as const),
      refresh_token: fc.uuid(),
      scope: fc.constant('s'),
      sub: fc.constant('u'),
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
          if (outcome.kind === 'passed' || outcome.kind === 'busy' || outcome.kind === 'newer')
            expect(next).toBe(before);
          family = next;
        }
      }),
      { seed: 20_261_123, numRuns: 1000 },
    );
  });
});
