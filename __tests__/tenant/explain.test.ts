import { describe, expect, it } from '@jest/globals';
import type { Explanation, Tenant } from '../../src/tenant/index.ts';
import { ada, aTenant, aTenantWithLeeway, login, nonRotating, refresh, rotating } from './a-tenant.ts';

const successorOf = async (tenant: Tenant, token: unknown) =>
  (await refresh(tenant, token)).body['refresh_token'];

/** Each yields a token, and the tenant that it is to be presented to. */
const stories: readonly (readonly [
  name: string,
  decision: Explanation['decision'],
  reason: RegExp,
  play: () => Promise<{ tenant: Tenant; token: unknown; client_id?: string }>,
])[] = [
  [
    'the newest token',
    'rotate',
    /^token 1 is the newest of its family$/,
    async () => {
      const tenant = aTenant();
      return { tenant, token: (await login(tenant))['refresh_token'] };
    },
  ],
  [
    'a token spent just now, within the leeway',
    'grace',
    /^token 1 was spent before, within the leeway of 10 s/,
    async () => {
      const tenant = aTenantWithLeeway(10);
      const { refresh_token: token } = await login(tenant);
      await refresh(tenant, token);
      return { tenant, token };
    },
  ],
  [
    'a token older than the one before the newest',
    'reuse',
    /^token 1 of 3: it is older than the token before the newest; the whole family is revoked$/,
    async () => {
      const tenant = aTenantWithLeeway(10);
      const { refresh_token: token } = await login(tenant);
      await refresh(tenant, await successorOf(tenant, token));
      return { tenant, token };
    },
  ],
  [
    'a spent token of a user who is blocked',
    'reuse',
    /^token 1 of 2: it was spent before, and the client has no leeway/,
    async () => {
      const tenant = aTenant();
      const { refresh_token: token } = await login(tenant);
      await refresh(tenant, token);
      tenant.updateUser(ada.email, { blocked: true });
      return { tenant, token };
    },
  ],
  [
    'a good token of a user who is blocked',
    'refuse',
    /^the user is blocked; the token is not consumed$/,
    async () => {
      const tenant = aTenant();
      const { refresh_token: token } = await login(tenant);
      tenant.updateUser(ada.email, { blocked: true });
      return { tenant, token };
    },
  ],
  [
    'a token of a family that has ended',
    'refuse',
    /^the family was revoked when one of its tokens was used again$/,
    async () => {
      const tenant = aTenant();
      const { refresh_token } = await login(tenant);
      const token = await successorOf(tenant, refresh_token);
      await refresh(tenant, refresh_token);
      return { tenant, token };
    },
  ],
  [
    'a token that nobody used for too long',
    'refuse',
    /^the family was not used for longer than its idle lifetime$/,
    async () => {
      const tenant = aTenant();
      tenant.updateClient('spa', {
        refresh_token: { ...rotating, token_lifetime: 1000, idle_token_lifetime: 10 },
      });
      const { refresh_token: token } = await login(tenant);
      tenant.clock.advance('10s');
      return { tenant, token };
    },
  ],
  [
    'a token that does not rotate',
    'exchange',
    /^the client does not rotate: the token stays as it is$/,
    async () => {
      const tenant = aTenant();
      const { refresh_token: token } = await login(tenant, { client_id: 'native' });
      return { tenant, token, client_id: 'native' };
    },
  ],
  [
    'a token from before rotation was switched on',
    'migrate',
    /^rotation is on by now/,
    async () => {
      const tenant = aTenant();
      const { refresh_token: token } = await login(tenant, { client_id: 'native' });
      tenant.updateClient('native', { refresh_token: rotating });
      return { tenant, token, client_id: 'native' };
    },
  ],
  [
    'a token from before rotation was switched off',
    'migrate',
    /^rotation is off by now/,
    async () => {
      const tenant = aTenant();
      const { refresh_token: token } = await login(tenant);
      tenant.updateClient('spa', { refresh_token: nonRotating });
      return { tenant, token };
    },
  ],
  [
    'what is no token of this tenant',
    'refuse',
    /^the tenant has issued no such refresh token/,
    async () => ({ tenant: aTenant(), token: 'v1.Mguessed' }),
  ],
];

describe.each(stories)('explaining %s', (_, decision, reason, play) => {
  it('says what its client gets, in the words that the journal then holds', async () => {
    const { tenant, token, client_id = 'spa' } = await play();
    const told = tenant.explain(String(token));
    expect(told).toMatchObject({ decision, reason: expect.stringMatching(reason) });
    const { status } = await refresh(tenant, token, { client_id });
    expect(status).toBe(decision === 'refuse' || decision === 'reuse' ? 403 : 200);
    expect(tenant.journal.at(-1)).toMatchObject({ decision: told.decision, reason: told.reason });
  });

  it('changes nothing', async () => {
    const { tenant, token, client_id = 'spa' } = await play();
    const twin = await play(); // of the same seed: it gives out the same tokens
    const before = JSON.stringify([tenant.families(), tenant.journal]);
    tenant.explain(String(token));
    expect(JSON.stringify([tenant.families(), tenant.journal])).toBe(before);
    const { body } = await refresh(tenant, token, { client_id });
    expect(body).toEqual((await refresh(twin.tenant, twin.token, { client_id })).body);
  });
});

describe('explaining a token', () => {
  it('names its family and its place in it', async () => {
    const tenant = aTenant();
    const { refresh_token } = await login(tenant);
    await refresh(tenant, refresh_token);
    expect(tenant.explain(String(refresh_token))).toMatchObject({
      familyId: tenant.families()[0]?.familyId,
      tokenCounter: 1,
      latestCounter: 2,
    });
    expect(tenant.explain('guessed')).toMatchObject({
      familyId: null,
      tokenCounter: null,
      latestCounter: null,
    });
  });
});
