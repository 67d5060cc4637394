import { describe, expect, it } from '@jest/globals';
import {
  aTenant,
  aTenantWithLeeway,
  codesOf,
  login,
  nonRotating,
  refresh,
  refusedAsUnknown,
  revoke,
  rotating,
  successorOf,
} from './a-tenant.ts';

describe('revoking', () => {
  it('R49: ends the family, with an answer of nothing at all', async () => {
    const tenant = aTenant();
    const { refresh_token } = await login(tenant);
    const response = await revoke(tenant, { client_id: 'spa', token: String(refresh_token) });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBeNull();
    expect(await response.text()).toBe('');
    expect(await refresh(tenant, refresh_token)).toMatchObject(refusedAsUnknown);
    expect(codesOf(tenant).slice(-2)).toEqual(['srrt', 'fertft']);
  });

  it('R50: takes every token of the same authorization, spent or beside the newest', async () => {
    const tenant = aTenantWithLeeway(60);
    const { refresh_token: spent } = await login(tenant);
    const [beside, newest] = [await successorOf(tenant, spent), await successorOf(tenant, spent)];
    await revoke(tenant, { client_id: 'spa', token: String(beside) });
    for (const token of [spent, beside, newest])
      expect(await refresh(tenant, token)).toMatchObject(refusedAsUnknown);
    expect(codesOf(tenant)).not.toContain('ferrt');
  });

  it.each([0, 1])(
    'R50: takes what its token was swapped for since, swap after swap: token %i of 2',
    async (which) => {
      const tenant = aTenant();
      const client_id = 'native';
      tenant.updateClient(client_id, { refresh_token: rotating });
      const swapped = [(await login(tenant, { client_id }))['refresh_token']];
      for (const refresh_token of [nonRotating, rotating]) {
        tenant.updateClient(client_id, { refresh_token });
        swapped.push(await successorOf(tenant, swapped.at(-1), { client_id }));
      }
      await revoke(tenant, { client_id, token: String(swapped[which]) });
      expect(await refresh(tenant, swapped[2], { client_id })).toMatchObject(refusedAsUnknown);
      expect(codesOf(tenant).slice(-2)).toEqual(['srrt', 'fertft']);
    },
  );

  it('leaves the other families of the user alone', async () => {
    const tenant = aTenant();
    const [one, two] = [await login(tenant), await login(tenant)];
    await revoke(tenant, { client_id: 'spa', token: String(one['refresh_token']) });
    expect(await refresh(tenant, two['refresh_token'])).toMatchObject({ status: 200 });
  });

  it('says the same of garbage, of an access token, and of a token that is revoked already', async () => {
    const tenant = aTenant();
    const { access_token, refresh_token } = await login(tenant);
    for (const token of ['garbage', access_token, refresh_token, refresh_token])
      expect((await revoke(tenant, { client_id: 'spa', token: String(token) })).status).toBe(200);
    expect(codesOf(tenant).filter((code) => code === 'srrt')).toHaveLength(1);
  });

  it('does not touch a token of another client', async () => {
    const tenant = aTenant();
    const { refresh_token } = await login(tenant);
    expect((await revoke(tenant, { client_id: 'other', token: String(refresh_token) })).status).toBe(200);
    expect(await refresh(tenant, refresh_token)).toMatchObject({ status: 200 });
  });

  it.each([
    ['no token', { client_id: 'spa' }, 400, 'invalid_request'],
    ['no client', { token: 'x' }, 400, 'invalid_request'],
    ['an unknown client', { client_id: 'nobody', token: 'x' }, 401, 'invalid_client'],
    ['a client without its secret', { client_id: 'server', token: 'x' }, 401, 'invalid_client'],
  ])('refuses %s', async (_, form, status, error) => {
    const response = await revoke(aTenant(), form);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error });
  });
});
