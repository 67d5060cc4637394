import { describe, expect, it } from '@jest/globals';
import { Secret, TOTP } from 'otpauth';
import type { RefreshTokenConfiguration } from '../../src/tenant/index.ts';
import { aDpopKey } from './a-dpop-key.ts';
import {
  aCode,
  ada,
  api,
  aTenant,
  aTenantWithLeeway,
  codeGrant,
  codesOf,
  login,
  postToken,
  refresh,
  refusedAsUnknown,
  revoke,
  rotating,
  successorOf,
  userinfo,
} from './a-tenant.ts';

type ForkPolicy = 'last-issued' | 'all-siblings';
/** `new`: 200 with a token that gets the next number. `reuse`: 403, and the family has ended. `refused`: 403, and no reuse. */
type Result = 'new' | 'reuse' | 'refused';
/** The token of that number is presented at that second. */
type Presentation = readonly [
  token: number,
  second: number,
  result: Result | Readonly<Record<ForkPolicy, Result>>,
];
type Step = Presentation | { readonly settings: RefreshTokenConfiguration };

const settingsOf = (leeway: number) => ({ settings: { ...rotating, leeway } });
const byForks = { 'last-issued': 'reuse', 'all-siblings': 'new' } as const;

const vectors: readonly (readonly [name: string, steps: readonly Step[]])[] = [
  [
    'V1: the window includes its last instant, and not a millisecond more',
    [settingsOf(3), [1, 0, 'new'], [1, 3, 'new'], [1, 3.001, 'reuse'], [3, 3.001, 'refused']],
  ],
  [
    'V2: the second to last is reuse inside the window, and the newest dies',
    [settingsOf(3), [1, 0, 'new'], [2, 1, 'new'], [1, 1.5, 'reuse'], [3, 1.5, 'refused']],
  ],
  [
    'V3: once one of its children was exchanged, a token is second to last',
    [settingsOf(3), [1, 0, 'new'], [1, 1, 'new'], [2, 2, 'new'], [1, 2.5, 'reuse'], [4, 2.5, 'refused']],
  ],
  [
    'V4: the older child of a fork comes back after the window',
    [settingsOf(3), [1, 0, 'new'], [1, 1, 'new'], [2, 10, byForks]],
  ],
  [
    'V5: the newer child of a fork comes back after the window',
    [settingsOf(3), [1, 0, 'new'], [1, 1, 'new'], [3, 10, 'new'], [4, 20, 'new']],
  ],
  [
    'V6: without a leeway a replay in the same millisecond is reuse',
    [settingsOf(0), [1, 0, 'new'], [1, 0, 'reuse'], [2, 0, 'refused']],
  ],
  [
    'V7: a leeway that is given later counts for what was spent before',
    [settingsOf(0), [1, 0, 'new'], settingsOf(10), [1, 5, 'new']],
  ],
  [
    'V8: every exchange makes the idle time begin anew, and none the lifetime',
    [
      { settings: { ...rotating, token_lifetime: 100, idle_token_lifetime: 40 } },
      [1, 39, 'new'],
      [2, 78, 'new'],
      [3, 99, 'new'],
      [4, 100, 'refused'],
    ],
  ],
];

describe.each<ForkPolicy>(['last-issued', 'all-siblings'])('forks %s', (forks) => {
  it.each(vectors)('%s', async (_, steps) => {
    const tenant = aTenant({ quirks: { forks } });
    const begin = tenant.clock.now();
    const tokens: unknown[] = [];
    for (const step of steps) {
      if ('settings' in step) {
        tenant.updateClient('spa', { refresh_token: step.settings });
        if (tokens.length === 0) tokens.push((await login(tenant))['refresh_token']);
        continue;
      }
      const [token, second, results] = step;
      const result = typeof results === 'string' ? results : results[forks];
      tenant.clock.set(begin + second * 1000);
      const { status, body } = await refresh(tenant, tokens[token - 1]);
      const lastCode = codesOf(tenant).at(-1);
      expect({ step, status, lastCode }).toEqual({
        step,
        status: result === 'new' ? 200 : 403,
        lastCode: { new: 'sertft', reuse: 'ferrt', refused: 'fertft' }[result],
      });
      if (result === 'new') tokens.push(body['refresh_token']);
    }
    expect(new Set(tokens).size).toBe(tokens.length);
  });

  const aTenantOfForks = (leeway: number) => aTenantWithLeeway(leeway, forks);

  it('V6: the access token of a family that was breached lives on', async () => {
    const tenant = aTenantOfForks(0);
    const { refresh_token } = await login(tenant);
    const { body } = await refresh(tenant, refresh_token);
    await refresh(tenant, refresh_token);
    expect((await userinfo(tenant, body['access_token'])).status).toBe(200);
  });

  it('V9: another client cannot spend a token, nor harm it', async () => {
    const tenant = aTenantOfForks(3);
    const { refresh_token } = await login(tenant);
    expect(await refresh(tenant, refresh_token, { client_id: 'other' })).toMatchObject(refusedAsUnknown);
    expect(await refresh(tenant, refresh_token)).toMatchObject({ status: 200 });
  });

  it('V9: nor can it end a family with a token that was spent', async () => {
    const tenant = aTenantOfForks(0);
    const { refresh_token } = await login(tenant);
    const successor = await successorOf(tenant, refresh_token);
    expect(await refresh(tenant, refresh_token, { client_id: 'other' })).toMatchObject(refusedAsUnknown);
    expect(await refresh(tenant, successor)).toMatchObject({ status: 200 });
  });

  it('V10: a proof with a bad nonce consumes nothing; with a good one the same token is exchanged', async () => {
    const tenant = aTenant({
      quirks: { forks },
      resource_servers: [
        {
          identifier: api,
          allow_offline_access: true,
          proof_of_possession: { mechanism: 'dpop', required: true },
        },
      ],
    });
    const key = await aDpopKey(tenant);
    const proofWith = async (nonce: unknown) => ({ dpop: await key.proof({ claims: { nonce } }) });
    const refused = await postToken(tenant, codeGrant(await aCode(tenant)), await proofWith('bad'));
    const nonce = refused.headers.get('dpop-nonce');
    const { body } = await postToken(tenant, codeGrant(await aCode(tenant)), await proofWith(nonce));
    const bad = await refresh(tenant, body['refresh_token'], {}, await proofWith('bad'));
    expect(bad).toMatchObject({ status: 400, body: { error: 'use_dpop_nonce' } });
    const good = await refresh(tenant, body['refresh_token'], {}, await proofWith(nonce));
    expect(good).toMatchObject({ status: 200, body: { token_type: 'DPoP' } });
    expect(tenant.families()).toMatchObject([{ latestCounter: 2 }]);
  });

  it('V11: a refresh that is asked for a second factor goes on when that is given, one token further', async () => {
    const tenant = aTenant({
      quirks: { forks },
      users: [{ ...ada, authenticators: [{ authenticator_type: 'otp', secret: 'JBSWY3DPEHPK3PXP' }] }],
    });
    const { refresh_token } = await login(tenant);
    tenant.faults.add({ kind: 'mfa-required' });
    const { status, body } = await refresh(tenant, refresh_token);
    expect({ status, error: body['error'] }).toEqual({ status: 403, error: 'mfa_required' });
    const given = await postToken(tenant, {
      grant_type: 'http://auth0.com/oauth/grant-type/mfa-otp',
      client_id: 'spa',
      mfa_token: String(body['mfa_token']),
      otp: new TOTP({ secret: Secret.fromBase32('JBSWY3DPEHPK3PXP') }).generate({
        timestamp: tenant.clock.now(),
      }),
    });
    expect(given.status).toBe(200);
    expect(tenant.families()).toMatchObject([{ latestCounter: 2, verdict: 'live' }]);
    expect(await refresh(tenant, given.body['refresh_token'])).toMatchObject({ status: 200 });
    await refresh(tenant, refresh_token);
    expect(codesOf(tenant).at(-1)).toBe('ferrt');
  });

  it('V12: revoking a token that was spent ends its family, and is no reuse', async () => {
    const tenant = aTenantOfForks(0);
    const { refresh_token } = await login(tenant);
    const successor = await successorOf(tenant, refresh_token);
    expect((await revoke(tenant, { client_id: 'spa', token: String(refresh_token) })).status).toBe(200);
    expect(await refresh(tenant, successor)).toMatchObject(refusedAsUnknown);
    expect(codesOf(tenant).slice(-2)).toEqual(['srrt', 'fertft']);
  });

  it.each([
    ['at leeway 0 is reuse', 0, 0, 403, 'ferrt'],
    ['within the leeway succeeds', 3, 0, 200, 'sertft'],
    ['after ten seconds without an answer is reuse, whatever the leeway of 3', 3, 10_000, 403, 'ferrt'],
  ] as const)('V14: a lost answer: the client’s retry %s', async (_, leeway, silence, status, code) => {
    let hanging = () => {};
    const tenant = aTenant({
      quirks: { forks },
      wait: () => new Promise((end) => (hanging = () => end())),
    });
    tenant.updateClient('spa', { refresh_token: { ...rotating, leeway } });
    const { refresh_token } = await login(tenant);
    tenant.faults.add({ kind: 'hang', when: 'after', ms: 60_000 });
    const lost = refresh(tenant, refresh_token).catch((error: unknown) => error);
    while (codesOf(tenant).at(-1) !== 'fault') await new Promise(setImmediate);
    tenant.clock.advance(silence);
    expect(await refresh(tenant, refresh_token)).toMatchObject({ status });
    expect(codesOf(tenant).at(-1)).toBe(code);
    hanging();
    expect(await lost).toBeInstanceOf(TypeError);
  });

  it('V15: reuse in one of three families leaves two', async () => {
    const tenant = aTenantOfForks(0);
    const [one, two, three] = [await login(tenant), await login(tenant), await login(tenant)];
    await refresh(tenant, one['refresh_token']);
    await refresh(tenant, one['refresh_token']);
    expect(tenant.families().map(({ verdict }) => verdict)).toEqual(['revoked', 'live', 'live']);
    for (const { refresh_token } of [two, three])
      expect(await refresh(tenant, refresh_token)).toMatchObject({ status: 200 });
  });

  it('V16: two tenants with the same client and the same user know nothing of each other’s tokens', async () => {
    const users = [{ email: 'ada@example.com', password: 'correct horse', user_id: 'auth0|ada' }];
    const [tenant, neighbour] = [
      aTenant({ quirks: { forks }, users }),
      aTenant({ quirks: { forks }, users, seed: 'neighbour' }),
    ];
    const [own, other] = [await login(tenant), await login(neighbour)];
    await refresh(tenant, own['refresh_token']);
    expect(await refresh(neighbour, own['refresh_token'])).toMatchObject(refusedAsUnknown);
    await refresh(tenant, own['refresh_token']); // reuse
    expect(tenant.families()).toMatchObject([{ verdict: 'revoked' }]);
    expect(neighbour.families()).toMatchObject([{ verdict: 'live', latestCounter: 1 }]);
    expect(await refresh(neighbour, other['refresh_token'])).toMatchObject({ status: 200 });
  });
});
