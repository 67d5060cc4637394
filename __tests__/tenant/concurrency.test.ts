import { describe, expect, it } from '@jest/globals';
import type { Tenant } from '../../src/tenant/index.ts';
import {
  aCode,
  ada,
  aTenant,
  codeGrant,
  codesOf,
  login,
  nonRotating,
  postToken,
  refresh,
  refusedAsUnknown,
  revoke,
  rotating,
} from './a-tenant.ts';

/** Lookups of users that are under way: each ends when it is let go. */
function lookups() {
  const waiting: (() => void)[] = [];
  return {
    waiting,
    userLookup: () => new Promise<void>((end) => waiting.push(end)),
    async untilThereAre(count: number) {
      while (waiting.length < count) await new Promise(setImmediate);
    },
  };
}

const inTheSameTurn = () => Promise.resolve();
const inALaterTurn = () => new Promise<void>((later) => setImmediate(later));

const presentTimes = (tenant: Tenant, count: number, refresh_token: unknown) =>
  Promise.all(Array.from({ length: count }, () => refresh(tenant, refresh_token)));
const statusesOf = (answers: readonly { status: number }[]) =>
  answers.map(({ status }) => status).sort((a, b) => a - b);

describe.each([
  ['an exchange that waits for nothing', inTheSameTurn],
  ['an exchange that waits for its user', inALaterTurn],
])('%s', (_, userLookup) => {
  describe.each(['last-issued', 'all-siblings'] as const)('forks %s', (forks) => {
    const aTenantOfLeeway = (leeway: number) => {
      const tenant = aTenant({ quirks: { forks }, userLookup });
      tenant.updateClient('spa', { refresh_token: { ...rotating, leeway } });
      return tenant;
    };

    it('C1: of two at once without a leeway one wins, and loses its family to the other', async () => {
      const tenant = aTenantOfLeeway(0);
      const { refresh_token } = await login(tenant);
      const answers = await presentTimes(tenant, 2, refresh_token);
      expect(statusesOf(answers)).toEqual([200, 403]);
      expect(codesOf(tenant).slice(-2)).toEqual(['sertft', 'ferrt']);
      const winner = answers.find(({ status }) => status === 200);
      expect(await refresh(tenant, winner?.body['refresh_token'])).toMatchObject(refusedAsUnknown);
    });

    it('C2: of two at once with a leeway both win, with tokens of their own, and the later one is the head', async () => {
      const tenant = aTenantOfLeeway(3);
      const { refresh_token } = await login(tenant);
      const answers = await presentTimes(tenant, 2, refresh_token);
      expect(statusesOf(answers)).toEqual([200, 200]);
      expect(new Set(answers.map(({ body }) => body['refresh_token'])).size).toBe(2);
      expect(tenant.families()).toMatchObject([{ latestCounter: 3, verdict: 'live' }]);
      tenant.clock.advance('10s');
      expect(await refresh(tenant, answers[1]?.body['refresh_token'])).toMatchObject({ status: 200 });
    });

    it('C3: twenty at once with a leeway all win, and nobody is locked out', async () => {
      const tenant = aTenantOfLeeway(3);
      const { refresh_token } = await login(tenant);
      const answers = await presentTimes(tenant, 20, refresh_token);
      expect(answers.every(({ status }) => status === 200)).toBe(true);
      expect(new Set(answers.map(({ body }) => body['refresh_token'])).size).toBe(20);
      expect(tenant.families()[0]?.latestCounter).toBe(21);
    });

    it('C3: two devices at once that come from not rotating: one is swapped, the other is unknown', async () => {
      const tenant = aTenantOfLeeway(3);
      const devices = [];
      for (let count = 0; count < 2; count += 1) devices.push(await login(tenant, { client_id: 'native' }));
      tenant.updateClient('native', { refresh_token: rotating });
      const answers = await Promise.all(
        devices.map(({ refresh_token }) => refresh(tenant, refresh_token, { client_id: 'native' })),
      );
      expect(statusesOf(answers)).toEqual([200, 403]);
      expect(codesOf(tenant)).not.toContain('ferrt');
      expect(tenant.families().filter(({ verdict }) => verdict === 'live')).toMatchObject([
        { rotating: true, latestCounter: 1 },
      ]);
    });

    it('C3: two at once that go to not rotating: one token takes the place of the family', async () => {
      const tenant = aTenantOfLeeway(0);
      tenant.updateClient('native', { refresh_token: rotating });
      const { refresh_token } = await login(tenant, { client_id: 'native' });
      tenant.updateClient('native', { refresh_token: nonRotating });
      const answers = await Promise.all(
        [1, 2].map(() => refresh(tenant, refresh_token, { client_id: 'native' })),
      );
      expect(statusesOf(answers)).toEqual([200, 403]);
      expect(tenant.families().filter(({ verdict }) => verdict === 'live')).toMatchObject([
        { rotating: false, latestCounter: 1 },
      ]);
    });

    it('C5: of two exchanges of a code at once one wins, and its family ends', async () => {
      const tenant = aTenantOfLeeway(3);
      const code = await aCode(tenant);
      const answers = await Promise.all([
        postToken(tenant, codeGrant(code)),
        postToken(tenant, codeGrant(code)),
      ]);
      expect(statusesOf(answers)).toEqual([200, 403]);
      expect(tenant.families()).toMatchObject([{ verdict: 'revoked', endedBecause: 'code_replay' }]);
    });
  });
});

describe('what happens while an exchange waits for its user', () => {
  /** An exchange that has been looked at and found good, and waits; `end` lets it go on. */
  async function waitingExchange() {
    const { userLookup, waiting, untilThereAre } = lookups();
    const tenant = aTenant({ userLookup });
    const { refresh_token } = await login(tenant);
    const answer = refresh(tenant, refresh_token);
    await untilThereAre(1);
    const end = async () => {
      waiting[0]?.();
      return answer;
    };
    return { tenant, refresh_token: String(refresh_token), end };
  }

  it('C4: a revocation counts: the token is judged again when it is spent', async () => {
    const { tenant, refresh_token, end } = await waitingExchange();
    await revoke(tenant, { client_id: 'spa', token: refresh_token });
    expect(await end()).toMatchObject(refusedAsUnknown);
    expect(codesOf(tenant)).not.toContain('sertft');
  });

  it('C4: so does the end of the family’s life', async () => {
    const { tenant, end } = await waitingExchange();
    tenant.clock.advance('30d');
    expect(await end()).toMatchObject(refusedAsUnknown);
  });

  it('C4: so does the user’s being blocked, and the token is not spent', async () => {
    const { tenant, end } = await waitingExchange();
    tenant.updateUser(ada.email, { blocked: true });
    expect(await end()).toMatchObject({ status: 403, body: { error_description: 'user is blocked' } });
    expect(tenant.families()).toMatchObject([{ latestCounter: 1, verdict: 'live' }]);
  });

  /** A second exchange, for the token that the first brought, waits for its user when the tenant goes back to before both. */
  async function exchangeFromAnotherFuture() {
    const { userLookup, waiting, untilThereAre } = lookups();
    const tenant = aTenant({ userLookup, seed: undefined });
    const { refresh_token } = await login(tenant);
    const before = tenant.snapshot();
    const begin = async (token: unknown, nth: number) => {
      const answer = refresh(tenant, token);
      await untilThereAre(nth);
      return async () => {
        waiting[nth - 1]?.();
        return answer;
      };
    };
    const first = await (await begin(refresh_token, 1))();
    const end = await begin(first.body['refresh_token'], 2);
    tenant.restore(before);
    return { tenant, end, again: async () => (await begin(refresh_token, 3))() };
  }

  it('C4: so does a snapshot that is restored: a token that was not issued yet is unknown', async () => {
    const { tenant, end } = await exchangeFromAnotherFuture();
    expect(await end()).toMatchObject(refusedAsUnknown);
    expect(tenant.families()).toMatchObject([{ latestCounter: 1, verdict: 'live' }]);
  });

  it('C4: and is not taken for the one that was issued in its place', async () => {
    const { tenant, end, again } = await exchangeFromAnotherFuture();
    expect(await again()).toMatchObject({ status: 200 });
    expect(await end()).toMatchObject(refusedAsUnknown);
    expect(tenant.families()).toMatchObject([{ latestCounter: 2, verdict: 'live' }]);
  });

  it('C4: the spending takes its instant from when it happens, not from when the request came', async () => {
    const { tenant, end } = await waitingExchange();
    tenant.clock.advance('10s');
    await end();
    expect(tenant.families()[0]?.nodes[0]?.firstRotatedAt).toBe(tenant.clock.now());
  });
});

describe('a code', () => {
  it('C5: is refused a second time, and what it gave is taken back', async () => {
    const tenant = aTenant();
    const code = await aCode(tenant);
    const { body } = await postToken(tenant, codeGrant(code));
    expect(await postToken(tenant, codeGrant(code))).toMatchObject({
      status: 403,
      body: { error: 'invalid_grant', error_description: 'Invalid authorization code' },
    });
    expect(await refresh(tenant, body['refresh_token'])).toMatchObject(refusedAsUnknown);
    expect(tenant.families()).toMatchObject([{ verdict: 'revoked', endedBecause: 'code_replay' }]);
  });

  it('C5: that comes a second time takes back what its tokens were swapped for, too', async () => {
    const tenant = aTenant();
    const code = await aCode(tenant, { client_id: 'native' });
    const { body } = await postToken(tenant, codeGrant(code, { client_id: 'native' }));
    tenant.updateClient('native', { refresh_token: rotating });
    const swapped = await refresh(tenant, body['refresh_token'], { client_id: 'native' });
    await postToken(tenant, codeGrant(code, { client_id: 'native' }));
    expect(await refresh(tenant, swapped.body['refresh_token'], { client_id: 'native' })).toMatchObject(
      refusedAsUnknown,
    );
  });
});
