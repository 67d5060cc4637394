import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { itemAt, itemsOf } from '../../src/tenant/persistent-list.ts';
import {
  beginFamily,
  headOf,
  transition,
  type ForkPolicy,
  type Outcome,
  type RefreshTokenFamily,
  type RotationPolicy,
} from '../../src/tenant/refresh-token-family.ts';

const start = Date.UTC(2026, 10, 23, 12);
const bothPolicies: readonly ForkPolicy[] = ['last-issued', 'all-siblings'];

const usual: RotationPolicy = {
  rotating: true,
  leeway: 3,
  tokenLifetime: 2_592_000,
  idleTokenLifetime: 2_592_000,
  forks: 'last-issued',
};

/** A family to tell stories with: instants in seconds after its birth, tokens by their counter. */
function aFamily(changes: Partial<RotationPolicy> = {}) {
  let policy = { ...usual, ...changes };
  let drawn = 0;
  const draw = () => ({ value: `token-${(drawn += 1)}`, familyId: `family-${drawn}` });
  let family = beginFamily(
    {
      ...draw(),
      now: start,
      clientId: 'spa',
      userId: 'ada',
      audience: null,
      scope: 'openid',
      sessionId: 'sid',
      authTime: null,
      organizationId: null,
      jkt: null,
    },
    policy,
  );
  return {
    /** Presents token `counter` at a second; says what came of it. */
    present(counter: number, second: number, clientId = 'spa'): Outcome {
      const now = start + second * 1000;
      const [next, outcome] = transition(
        family,
        { kind: 'present', now, counter, clientId, successor: draw() },
        policy,
      );
      family = next;
      return outcome;
    },
    end(second: number): Outcome {
      const [next, outcome] = transition(
        family,
        { kind: 'end', now: start + second * 1000, cause: 'revoked' },
        policy,
      );
      family = next;
      return outcome;
    },
    change(to: Partial<RotationPolicy>) {
      policy = { ...policy, ...to };
    },
    get family() {
      return family;
    },
    get head() {
      return headOf(family);
    },
    get policy() {
      return policy;
    },
  };
}

const kindOf = ({ kind }: Outcome) => kind;

describe.each(bothPolicies)('a rotating family, forks %s', (forks) => {
  it('V1: the window includes its last instant and not a millisecond more', () => {
    const story = aFamily({ forks });
    expect(kindOf(story.present(1, 0))).toBe('rotated');
    expect(kindOf(story.present(1, 3))).toBe('grace');
    expect(story.head.counter).toBe(3);
    expect(story.present(1, 3.001)).toEqual({ kind: 'reuse', why: 'window_closed' });
  });

  it('V2: the token before the previous one is reuse, however recent', () => {
    const story = aFamily({ forks });
    story.present(1, 0);
    story.present(2, 1);
    expect(story.present(1, 1.5)).toEqual({ kind: 'reuse', why: 'second_to_last' });
    expect(kindOf(story.present(3, 1.5))).toBe('refused');
  });

  it('V3: once one of its children was exchanged, a token is second to last', () => {
    const story = aFamily({ forks });
    story.present(1, 0);
    expect(kindOf(story.present(1, 1))).toBe('grace');
    expect(kindOf(story.present(2, 2))).toBe('rotated');
    expect(story.head).toMatchObject({ counter: 4, parentCounter: 2 });
    expect(story.present(1, 2.5)).toEqual({ kind: 'reuse', why: 'second_to_last' });
  });

  it('V4: the older child of a fork, after the window', () => {
    const story = aFamily({ forks });
    story.present(1, 0);
    story.present(1, 1);
    const outcome = story.present(2, 10);
    if (forks === 'all-siblings') expect(outcome.kind).toBe('rotated');
    else expect(outcome).toEqual({ kind: 'reuse', why: 'fork_retired' });
  });

  it('V5: the newer child of a fork lives on after the window', () => {
    const story = aFamily({ forks });
    story.present(1, 0);
    story.present(1, 1);
    expect(kindOf(story.present(3, 10))).toBe('rotated');
    expect(story.head.counter).toBe(4);
  });

  it('V6: without a leeway the same millisecond is too late', () => {
    const story = aFamily({ forks, leeway: 0 });
    expect(kindOf(story.present(1, 0))).toBe('rotated');
    expect(story.present(1, 0)).toEqual({ kind: 'reuse', why: 'no_leeway' });
    expect(story.present(2, 0)).toEqual({ kind: 'refused', why: 'reuse' });
  });

  it('V7: the leeway that counts is the one the client has now', () => {
    const story = aFamily({ forks, leeway: 0 });
    story.present(1, 0);
    story.change({ leeway: 10 });
    expect(kindOf(story.present(1, 5))).toBe('grace');
  });

  it('V8: every exchange renews the idle lifetime, and none the absolute one', () => {
    const story = aFamily({ forks, tokenLifetime: 100, idleTokenLifetime: 40 });
    const idle = () => ((story.head.idleExpiresAt ?? 0) - start) / 1000;
    expect(kindOf(story.present(1, 39))).toBe('rotated');
    expect(idle()).toBe(79);
    expect(kindOf(story.present(2, 78))).toBe('rotated');
    expect(idle()).toBe(100);
    expect(kindOf(story.present(3, 99))).toBe('rotated');
    expect(idle()).toBe(100);
    expect(story.present(4, 100)).toEqual({ kind: 'refused', why: 'absolute_expiry' });
  });

  it('V9: another client neither spends a token nor ends its family', () => {
    const story = aFamily({ forks });
    const before = story.family;
    expect(story.present(1, 0, 'other')).toEqual({ kind: 'refused', why: 'other_client' });
    expect(story.family).toBe(before);
    expect(kindOf(story.present(1, 0))).toBe('rotated');
  });

  it('R37: the previous token is forgiven, the one before it is not', () => {
    const story = aFamily({ forks, leeway: 10 });
    story.present(1, 0);
    story.present(2, 1);
    expect(kindOf(story.present(2, 2))).toBe('grace');
    expect(kindOf(story.present(1, 3))).toBe('reuse');
    expect(story.family.ended?.cause).toBe('reuse');
  });

  it('R38: a replay inside the window does not make the window longer', () => {
    const story = aFamily({ forks });
    story.present(1, 0);
    story.present(1, 2.9);
    expect(kindOf(story.present(1, 5.8))).toBe('reuse');
  });

  it('R28: daily rotation does not carry a family over its last day', () => {
    const story = aFamily({ forks });
    const day = 86_400;
    for (let n = 1; n < 30; n += 1) expect(kindOf(story.present(n, n * day))).toBe('rotated');
    expect(story.present(30, 30 * day - 0.001).kind).toBe('rotated');
    expect(story.present(31, 30 * day)).toEqual({ kind: 'refused', why: 'absolute_expiry' });
  });

  it('U5: after expiry a replay is a plain refusal, not reuse', () => {
    const story = aFamily({ forks, idleTokenLifetime: 40 });
    story.present(1, 0);
    expect(story.present(1, 40)).toEqual({ kind: 'refused', why: 'idle_expiry' });
    expect(story.family.ended?.cause).toBe('idle_expiry');
  });

  it('ends by its own name when a member is revoked, and only once', () => {
    const story = aFamily({ forks });
    expect(kindOf(story.end(1))).toBe('ended');
    const ended = story.family;
    expect(kindOf(story.end(2))).toBe('unchanged');
    expect(story.family).toBe(ended);
    expect(story.present(1, 2)).toEqual({ kind: 'refused', why: 'revoked' });
  });

  it('R13: after rotation was switched off the head is swapped for one token that stays', () => {
    const story = aFamily({ forks });
    story.present(1, 0);
    story.change({ rotating: false, tokenLifetime: null, idleTokenLifetime: null });
    const outcome = story.present(2, 10);
    expect(outcome).toMatchObject({
      kind: 'migrated_out',
      replacement: { rotating: false, expiresAt: null },
    });
    expect(story.present(1, 10)).toEqual({ kind: 'refused', why: 'migration' });
    expect(story.present(2, 10)).toEqual({ kind: 'refused', why: 'migration' });
  });

  it('R15: switching rotation off does not forgive reuse', () => {
    const story = aFamily({ forks });
    story.present(1, 0);
    story.change({ rotating: false });
    expect(kindOf(story.present(1, 10))).toBe('reuse');
  });

  it('what takes the place of a rotating family does not outlive it', () => {
    const story = aFamily({ forks, tokenLifetime: 100 });
    story.change({ rotating: false, tokenLifetime: 1000 });
    const outcome = story.present(1, 10);
    expect(outcome).toMatchObject({ kind: 'migrated_out', replacement: { expiresAt: start + 100_000 } });
  });

  it('refuses a counter it never issued, and changes nothing', () => {
    const story = aFamily({ forks });
    const before = story.family;
    expect(() => story.present(2, 0)).toThrow(RangeError);
    expect(story.family).toBe(before);
  });
});

describe('a non-rotating family', () => {
  const endless = { rotating: false, tokenLifetime: null, idleTokenLifetime: null } as const;

  it('gives no new token and may be exchanged again and again', () => {
    const story = aFamily(endless);
    expect(story.present(1, 0)).toEqual({ kind: 'exchanged' });
    expect(story.present(1, 1_000_000)).toEqual({ kind: 'exchanged' });
    expect(itemsOf(story.family.tokens)).toHaveLength(1);
  });

  it('renews its idle lifetime with every exchange', () => {
    const story = aFamily({ ...endless, idleTokenLifetime: 40 });
    story.present(1, 39);
    expect(story.present(1, 78)).toEqual({ kind: 'exchanged' });
    expect(story.present(1, 118)).toEqual({ kind: 'refused', why: 'idle_expiry' });
  });

  it('gets an end at the first exchange under a maximum (L5), which then stays', () => {
    const story = aFamily(endless);
    story.change({ tokenLifetime: 100 });
    story.present(1, 10);
    story.change({ tokenLifetime: null });
    story.present(1, 20);
    expect(story.family.expiresAt).toBe(start + 110_000);
  });

  it('R4: is swapped for a rotating family when rotation is switched on, and is unknown afterwards even inside the leeway', () => {
    const story = aFamily(endless);
    story.change(usual);
    const outcome = story.present(1, 0);
    if (outcome.kind !== 'migrated_in') throw new Error(`expected a migration, found ${outcome.kind}`);
    const { replacement } = outcome;
    expect(replacement).toMatchObject({ rotating: true, expiresAt: start + 2_592_000_000 });
    expect(itemsOf(replacement.tokens)).toMatchObject([{ counter: 1 }]);
    expect(story.present(1, 1)).toEqual({ kind: 'refused', why: 'migration' });
  });

  it('U14: keeps the absolute expiry it had when it is swapped', () => {
    const story = aFamily({ rotating: false, tokenLifetime: 100 });
    story.change(usual);
    expect(story.present(1, 50)).toMatchObject({ replacement: { expiresAt: start + 100_000 } });
  });
});

describe('all-siblings', () => {
  const forks = 'all-siblings';

  it('refuses a leaf that was idle too long while another one lives, and spares the family', () => {
    const story = aFamily({ forks, leeway: 30, idleTokenLifetime: 40 });
    story.present(1, 0); // token 2
    story.present(1, 20); // token 3
    expect(story.present(2, 45)).toEqual({ kind: 'refused', why: 'idle_expiry' });
    expect(story.family.ended).toBeNull();
    expect(kindOf(story.present(3, 45))).toBe('rotated');
  });

  it('reuse on one branch ends the other', () => {
    const story = aFamily({ forks });
    story.present(1, 0);
    story.present(1, 1);
    story.present(2, 10);
    expect(kindOf(story.present(2, 20))).toBe('reuse');
    expect(story.present(3, 20)).toEqual({ kind: 'refused', why: 'reuse' });
  });
});

describe('any history', () => {
  /** What may happen to a family. Tokens are chosen by their distance from the head: the young ones are the dangerous ones. */
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('present' as const), back: fc.nat({ max: 4 }) }) },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(0, 1, 999, 3000, 9000) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(3_600_000, 86_400_000) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('leeway' as const), leeway: fc.constantFrom(0, 1, 3, 10) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('strange client' as const), back: fc.nat({ max: 4 }) }),
    },
  );
  const history = fc.record({
    forks: fc.constantFrom(...bothPolicies),
    leeway: fc.constantFrom(0, 3, 10),
    lifetime: fc.constantFrom(60, 100_000, 2_592_000),
    steps: fc.array(step, { minLength: 1, maxLength: 60 }),
  });
  const seed = 20_261_123;

  it('keeps what rotation promises', () => {
    const seen = { rotated: 0, grace: 0, reuse: 0, refused: 0 };
    fc.assert(
      fc.property(history, ({ forks, leeway, lifetime, steps }) => {
        const story = aFamily({ forks, leeway, tokenLifetime: lifetime, idleTokenLifetime: lifetime });
        const expiresAt = story.family.expiresAt;
        const values = new Set(itemsOf(story.family.tokens).map(({ value }) => value));
        let second = 0;
        for (const step of steps) {
          if (step.do === 'wait') second += step.ms / 1000;
          else if (step.do === 'leeway') story.change({ leeway: step.leeway });
          else {
            const before = story.family;
            const counter = Math.max(1, before.tokens.length - step.back);
            const outcome = story.present(counter, second, step.do === 'present' ? 'spa' : 'other');
            if (outcome.kind in seen) seen[outcome.kind as keyof typeof seen] += 1;
            if (step.do === 'strange client') {
              expect(outcome).toEqual({ kind: 'refused', why: 'other_client' });
              expect(story.family).toBe(before);
              continue;
            }
            checkStep(before, story.family, counter, outcome, {
              now: start + second * 1000,
              leeway: story.policy.leeway,
            });
            if (outcome.kind === 'rotated' || outcome.kind === 'grace') {
              expect(values.has(outcome.token.value)).toBe(false); // a rotation never yields a value seen before
              values.add(outcome.token.value);
            }
          }
          expect(story.family.expiresAt).toBe(expiresAt); // absolute expiry never moves
        }
      }),
      { seed, numRuns: 2000 },
    );
    // The histories have been everywhere.
    for (const times of Object.values(seen)) expect(times).toBeGreaterThan(500);
  });

  function checkStep(
    before: RefreshTokenFamily,
    after: RefreshTokenFamily,
    counter: number,
    outcome: Outcome,
    { now, leeway }: { now: number; leeway: number },
  ) {
    const token = itemAt(before.tokens, counter - 1);
    if (!token) throw new Error('the test chose a token that was never issued');
    const succeeded = outcome.kind === 'rotated' || outcome.kind === 'grace';

    // Once the family has ended, nothing is live, and it stays ended for the same reason.
    if (before.ended) {
      expect(outcome).toEqual({ kind: 'refused', why: before.ended.cause });
      expect(after).toBe(before);
    }
    // Reuse ends the family, the newest token included.
    if (outcome.kind === 'reuse') expect(after.ended).toEqual({ at: now, cause: 'reuse' });
    // Nothing succeeds at or after the absolute expiry.
    if (succeeded) expect(now).toBeLessThan(before.expiresAt ?? Infinity);
    // A spent token succeeds only inside the leeway, counted from its first exchange.
    if (succeeded && token.firstRotatedAt !== null) {
      expect(leeway).toBeGreaterThan(0);
      expect(now - token.firstRotatedAt).toBeLessThanOrEqual(leeway * 1000);
    }
    // A token whose child has a child of its own never succeeds.
    const children = itemsOf(before.tokens).filter(({ parentCounter }) => parentCounter === counter);
    if (children.some(({ firstRotatedAt }) => firstRotatedAt !== null)) expect(succeeded).toBe(false);
    // Honest use is never taken for reuse: the head of a live family succeeds until its time is over, and then is refused.
    if (counter === headOf(before).counter && !before.ended) {
      const inTime = now < (headOf(before).idleExpiresAt ?? Infinity);
      expect(outcome.kind).toBe(inTime ? 'rotated' : 'refused');
    }
    // One success, one new token, at the end of the line; anything else issues nothing.
    expect(after.tokens).toHaveLength(before.tokens.length + (succeeded ? 1 : 0));
    itemsOf(after.tokens).forEach((held, index) => expect(held.counter).toBe(index + 1));
    // History is not rewritten: a window opens once, and no token outlives its family.
    itemsOf(before.tokens).forEach((held, index) => {
      if (held.firstRotatedAt !== null) expect(itemAt(after.tokens, index)).toEqual(held);
    });
    expect(headOf(after).idleExpiresAt ?? 0).toBeLessThanOrEqual(after.expiresAt ?? Infinity);
  }
});
