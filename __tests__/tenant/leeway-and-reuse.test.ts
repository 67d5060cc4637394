import { describe, expect, it } from '@jest/globals';
import { BrokenConnectionError } from '../../src/tenant/index.ts';
import { tenantBrowser } from '../support/tenant-browser.ts';
import {
  aCode,
  ada,
  aTenant,
  aTenantWithLeeway,
  authorizeUrl,
  codeGrant,
  codesOf,
  configuration,
  grace,
  login,
  postToken,
  refresh,
  refusedAsUnknown,
  rotating,
  successorOf,
  userinfo,
} from './a-tenant.ts';

/** A family that was breached at leeway 0: token 1 was spent, and presented again. */
async function aBreach() {
  const tenant = aTenant();
  const { refresh_token: spent } = await login(tenant);
  const { body: newest } = await refresh(tenant, spent);
  const refusal = await refresh(tenant, spent);
  return { tenant, spent, newest, refusal };
}

describe('the leeway', () => {
  it('R2: counts from the next request on when it is changed', async () => {
    const tenant = aTenant();
    const { refresh_token } = await login(tenant);
    await refresh(tenant, refresh_token);
    tenant.updateClient('spa', { refresh_token: { ...rotating, leeway: 10 } });
    expect(await refresh(tenant, refresh_token)).toMatchObject({ status: 200 });
  });

  it('R30: gives whoever presents a spent token in time new tokens, to its last millisecond', async () => {
    const tenant = aTenantWithLeeway(3);
    const { refresh_token } = await login(tenant);
    const lost = await refresh(tenant, refresh_token);
    tenant.clock.advance('3s');
    const again = await refresh(tenant, refresh_token);
    expect(again.status).toBe(200);
    expect(again.body['refresh_token']).not.toBe(lost.body['refresh_token']);
    expect(again.body['access_token']).not.toBe(lost.body['access_token']);
  });

  it('R31: saves a client whose answer was lost on the way', async () => {
    const tenant = aTenantWithLeeway(3);
    const { refresh_token } = await login(tenant);
    tenant.faults.add({ kind: 'drop-response', grant: 'refresh_token' });
    await expect(refresh(tenant, refresh_token)).rejects.toThrow(BrokenConnectionError);
    tenant.clock.advance('1s');
    const successor = await successorOf(tenant, refresh_token);
    tenant.clock.advance('1h');
    expect(await refresh(tenant, successor)).toMatchObject({ status: 200 });
  });

  it('R31: without one such a client is taken for a thief', async () => {
    const tenant = aTenant();
    const { refresh_token } = await login(tenant);
    tenant.faults.add({ kind: 'drop-response', grant: 'refresh_token' });
    await expect(refresh(tenant, refresh_token)).rejects.toThrow(BrokenConnectionError);
    expect(await refresh(tenant, refresh_token)).toMatchObject(refusedAsUnknown);
    expect(tenant.families()).toMatchObject([{ verdict: 'revoked', endedBecause: 'reuse' }]);
  });

  it.each([{}, { leeway: 0 }])(
    'R32: is off by default: the first replay is reuse, in the same millisecond: %j',
    async (setting) => {
      const tenant = aTenant();
      tenant.updateClient('spa', { refresh_token: { ...rotating, ...setting } });
      const { refresh_token } = await login(tenant);
      await refresh(tenant, refresh_token);
      expect(await refresh(tenant, refresh_token)).toMatchObject(refusedAsUnknown);
      expect(codesOf(tenant).at(-1)).toBe('ferrt');
    },
  );

  it('R33: is whole seconds from 0, and anything else changes nothing', async () => {
    const tenant = aTenantWithLeeway(3);
    for (const leeway of [0.5, '3', -1, null, Number.NaN, Infinity])
      expect(() =>
        tenant.updateClient('spa', { refresh_token: { ...rotating, leeway: leeway as number } }),
      ).toThrow(expect.objectContaining({ field: 'refresh_token.leeway' }));
    const { refresh_token } = await login(tenant);
    await refresh(tenant, refresh_token);
    tenant.clock.advance('3s');
    expect(await refresh(tenant, refresh_token)).toMatchObject({ status: 200 });
    for (const leeway of [0, 1, 86_400])
      expect(tenant.updateClient('spa', { refresh_token: { ...rotating, leeway } }).leeway).toBe(leeway);
  });

  it('R34: suspends the detection of reuse: nothing is revoked, and the journal has an ordinary exchange', async () => {
    const tenant = aTenantWithLeeway(3);
    const { refresh_token } = await login(tenant);
    const first = await successorOf(tenant, refresh_token);
    const second = await successorOf(tenant, refresh_token);
    expect(codesOf(tenant).slice(-2)).toEqual(['sertft', 'sertft']);
    expect(tenant.journal.at(-1)).toMatchObject({ decision: 'grace' });
    expect(tenant.families()).toMatchObject([{ verdict: 'live', latestCounter: 3 }]);
    for (const token of [first, second]) expect(await refresh(tenant, token)).toMatchObject({ status: 200 });
  });

  it('R35: never hands out a successor twice', async () => {
    const tenant = aTenantWithLeeway(3);
    const { refresh_token } = await login(tenant);
    const seen = new Set([refresh_token]);
    for (let time = 0; time < 5; time += 1) seen.add(await successorOf(tenant, refresh_token));
    expect(seen.size).toBe(6);
    expect(tenant.families()[0]?.nodes.map(({ parentCounter }) => parentCounter)).toEqual([
      null,
      1,
      1,
      1,
      1,
      1,
    ]);
  });

  it.each(['last-issued', 'all-siblings'] as const)(
    'R36: forgives the previous token only, forks %s: the second to last is reuse, however recent',
    async (forks) => {
      const tenant = aTenantWithLeeway(10, forks);
      const { refresh_token: first } = await login(tenant);
      const second = await successorOf(tenant, first);
      const third = await successorOf(tenant, second);
      expect(await refresh(tenant, first)).toMatchObject(refusedAsUnknown);
      expect(codesOf(tenant).at(-1)).toBe('ferrt');
      for (const token of [second, third])
        expect(await refresh(tenant, token)).toMatchObject(refusedAsUnknown);
    },
  );

  it.each(['last-issued', 'all-siblings'] as const)(
    'R37: forgives the previous token, and then not the one before it, forks %s',
    async (forks) => {
      const tenant = aTenantWithLeeway(10, forks);
      const { refresh_token: first } = await login(tenant);
      const second = await successorOf(tenant, first);
      tenant.clock.advance('1s');
      await successorOf(tenant, second);
      tenant.clock.advance('1s');
      const newest = await successorOf(tenant, second);
      tenant.clock.advance('1s');
      expect(await refresh(tenant, first)).toMatchObject(refusedAsUnknown);
      expect(await refresh(tenant, newest)).toMatchObject(refusedAsUnknown);
      expect(tenant.families()).toMatchObject([{ verdict: 'revoked', endedBecause: 'reuse' }]);
    },
  );

  it('R38: is counted from the first exchange, both ends included, and no replay makes it longer', async () => {
    const tenant = aTenantWithLeeway(3);
    const { refresh_token } = await login(tenant);
    await successorOf(tenant, refresh_token);
    for (const wait of ['1500ms', '1500ms']) {
      tenant.clock.advance(wait);
      await successorOf(tenant, refresh_token);
    }
    tenant.clock.advance(1);
    expect(await refresh(tenant, refresh_token)).toMatchObject(refusedAsUnknown);
    expect(codesOf(tenant).at(-1)).toBe('ferrt');
  });
});

describe('a spent token that comes again', () => {
  it('R39: ends every token issued since, the newest and never used included, at once', async () => {
    const tenant = aTenantWithLeeway(3);
    const { refresh_token: first } = await login(tenant);
    const second = await successorOf(tenant, first);
    tenant.clock.advance('4s');
    const third = await successorOf(tenant, second);
    const fourth = await successorOf(tenant, second); // in its leeway: the newest, and beside it the third
    expect(await refresh(tenant, first)).toMatchObject(refusedAsUnknown);
    expect(tenant.families()[0]?.nodes.map(({ state }) => state)).toEqual(
      Array.from({ length: 4 }, () => 'revoked'),
    );
    for (const token of [fourth, third, second, first])
      expect(await refresh(tenant, token)).toMatchObject(refusedAsUnknown);
  });

  it('R40: wants the user to authorize anew, which begins another family', async () => {
    const { tenant, newest } = await aBreach();
    tenant.clock.advance('1d');
    expect(await refresh(tenant, newest['refresh_token'])).toMatchObject(refusedAsUnknown);
    const { refresh_token } = await login(tenant);
    expect(await refresh(tenant, refresh_token)).toMatchObject({ status: 200 });
    expect(tenant.families()).toMatchObject([{ verdict: 'revoked' }, { verdict: 'live', latestCounter: 2 }]);
  });

  it('R41: is answered like the token that dies of it, and like one that never was', async () => {
    const { tenant, newest, refusal } = await aBreach();
    const answers = [
      refusal,
      await refresh(tenant, newest['refresh_token']),
      await refresh(tenant, 'v1.Mnone'),
    ];
    for (const answer of answers) {
      expect(answer).toMatchObject(refusedAsUnknown);
      expect([...answer.headers]).toEqual([...refusal.headers]);
      expect(answer.body).toEqual(refusal.body);
    }
  });

  it('R42: ends what a thief got who came before the user', async () => {
    const tenant = aTenantWithLeeway(3);
    const { refresh_token: stolen } = await login(tenant);
    const thief = await successorOf(tenant, stolen);
    tenant.clock.advance('4s');
    expect(await refresh(tenant, stolen)).toMatchObject(refusedAsUnknown); // the user
    expect(await refresh(tenant, thief)).toMatchObject(refusedAsUnknown);
  });

  it('R42: ends what the user got who came before a thief', async () => {
    const tenant = aTenantWithLeeway(3);
    const { refresh_token: stolen } = await login(tenant);
    const user = await successorOf(tenant, await successorOf(tenant, stolen));
    tenant.clock.advance('4s');
    expect(await refresh(tenant, stolen)).toMatchObject(refusedAsUnknown); // the thief
    expect(await refresh(tenant, user)).toMatchObject(refusedAsUnknown);
  });

  it('R43: ends its own family only: other devices, APIs, clients and users go on', async () => {
    const [first, ...others] = configuration.resource_servers;
    const elsewhere = { ...first, identifier: 'https://elsewhere.example' };
    const tenant = aTenant({ resource_servers: [first, ...others, elsewhere] });
    const callback = 'https://other.example/cb';
    const alive = [
      [await login(tenant), 'spa'],
      [await login(tenant, { audience: elsewhere.identifier }), 'spa'],
      [await login(tenant, { audience: null }), 'spa'],
      [await login(tenant, { client_id: 'other', redirect_uri: callback }), 'other'],
      [await login(tenant, { client_id: 'native' }), 'native'],
      [await login(tenant, {}, grace), 'spa'],
    ] as const;
    const { refresh_token } = await login(tenant);
    await refresh(tenant, refresh_token);
    await refresh(tenant, refresh_token);
    expect(tenant.families().map(({ verdict }) => verdict)).toEqual([...alive.map(() => 'live'), 'revoked']);
    for (const [tokens, client_id] of alive)
      expect(await refresh(tenant, tokens['refresh_token'], { client_id })).toMatchObject({ status: 200 });
  });

  it('R44: is in the journal once as reuse, with its number and the latest; what comes later is only refused', async () => {
    const { tenant, spent, newest } = await aBreach();
    await refresh(tenant, newest['refresh_token']);
    await refresh(tenant, spent);
    expect(codesOf(tenant).slice(-4)).toEqual(['sertft', 'ferrt', 'fertft', 'fertft']);
    const [family] = tenant.families();
    expect(tenant.journal.find(({ type }) => type === 'ferrt')?.details).toEqual({
      familyId: family?.familyId,
      tokenCounter: 1,
      latestCounter: 2,
    });
  });

  it('R45: leaves access tokens alone: they are good until they expire', async () => {
    const { tenant, newest } = await aBreach();
    tenant.clock.advance('3599s');
    expect((await userinfo(tenant, newest['access_token'])).status).toBe(200);
    tenant.clock.advance('1s');
    expect((await userinfo(tenant, newest['access_token'])).status).toBe(401);
  });

  it('R46: leaves the session at the tenant alone: a silent login brings a new family', async () => {
    const tenant = aTenant();
    const browser = tenantBrowser(tenant);
    browser.setCookie(tenant.signIn(ada.email, { client_id: 'spa' }).cookie);
    const silently = async () => {
      const { url } = await browser.visit(authorizeUrl({ prompt: 'none' }));
      const { body } = await postToken(tenant, codeGrant(url.searchParams.get('code') ?? ''));
      return body['refresh_token'];
    };
    const spent = await silently();
    await refresh(tenant, spent);
    expect(await refresh(tenant, spent)).toMatchObject(refusedAsUnknown);
    expect(await refresh(tenant, await silently())).toMatchObject({ status: 200 });
  });

  it('R46: leaves a code alone that the session gave before', async () => {
    const tenant = aTenant();
    const code = await aCode(tenant);
    const { refresh_token } = await login(tenant);
    await refresh(tenant, refresh_token);
    await refresh(tenant, refresh_token);
    expect(await postToken(tenant, codeGrant(code))).toMatchObject({ status: 200 });
  });
});
