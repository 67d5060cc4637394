import { describe, expect, it } from '@jest/globals';
import { tenantMatchers, type TenantMatchers } from '../../src/tenant-jest/index.ts';
import type { Tenant } from '../../src/tenant/index.ts';
import { ada, api, aTenant, aTenantWithLeeway, login, refresh } from './a-tenant.ts';

declare module 'expect' {
  // oxlint-disable-next-line typescript/no-empty-object-type -- as the documentation of Jest says
  interface Matchers<R> extends TenantMatchers<R> {}
}
expect.extend(tenantMatchers);

/** What the expectation says of itself where it fails. */
function messageOf(expectation: () => void): string {
  try {
    expectation();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  throw new Error('expected the expectation to fail');
}

async function rotate(tenant: Tenant, token: unknown, times: number) {
  let head = token;
  for (let time = 1; time <= times; time += 1) head = (await refresh(tenant, head)).body['refresh_token'];
  return head;
}

const idOf = (tenant: Tenant, token: unknown) => tenant.explain(String(token)).familyId ?? '';

/** Two families: one rotated twice, one never. */
async function twoFamilies(tenant = aTenant()) {
  const { refresh_token: spent } = await login(tenant);
  const head = await rotate(tenant, spent, 2);
  const { refresh_token: unused } = await login(tenant);
  return { tenant, spent, head, unused };
}

describe('toHaveRotated', () => {
  it('counts the rotations of a family, of several, or of all', async () => {
    const { tenant, head } = await twoFamilies();
    await rotate(tenant, (await login(tenant))['refresh_token'], 1);
    expect(tenant).toHaveRotated();
    expect(tenant).toHaveRotated(idOf(tenant, head), 2);
    expect(tenant).toHaveRotated({}, 3);
    expect(tenant).toHaveRotated({ client_id: 'spa', user: ada.email, audience: api }, 3);
    expect(tenant).not.toHaveRotated({ client_id: 'other' });
    expect(tenant).not.toHaveRotated({ user: 'grace@example.com' });
    expect(tenant).not.toHaveRotated({ audience: null });
    expect(tenant).not.toHaveRotated({}, 2);
  });

  it('counts what the leeway forgave', async () => {
    const tenant = aTenantWithLeeway(10);
    const { refresh_token } = await login(tenant);
    await refresh(tenant, refresh_token);
    await refresh(tenant, refresh_token);
    expect(tenant).toHaveRotated({}, 2);
  });

  it('tells the family’s story where it fails', async () => {
    const { tenant, head } = await twoFamilies();
    const id = idOf(tenant, head);
    const message = messageOf(() => expect(tenant).toHaveRotated(id, 3));
    expect(message).toContain('expected the tenant to have rotated refresh tokens 3 times; it did 2 times');
    expect(message).toContain(`Family ${id} of spa, `);
    expect(message).toContain('live, 3 issued');
    expect(message).toContain('token 1, from the login, exchanged 2026-11-23T12:00:00.000Z: retired');
    expect(message).toContain('token 3, from token 2, never exchanged: active');
    expect(message).toContain('rotate: token 2 is the newest of its family');
  });

  it('says so where there is nothing to tell of', () => {
    expect(messageOf(() => expect(aTenant()).toHaveRotated())).toContain('no such family');
  });
});

describe('toHaveDetectedReuse', () => {
  it('knows whether a family ended by it, and which', async () => {
    const { tenant, spent, head, unused } = await twoFamilies();
    expect(tenant).not.toHaveDetectedReuse();
    const [one, other] = [idOf(tenant, head), idOf(tenant, unused)];
    await refresh(tenant, spent);
    expect(tenant).toHaveDetectedReuse();
    expect(tenant).toHaveDetectedReuse(one);
    expect(tenant).not.toHaveDetectedReuse(other);
  });

  it('tells the story of what it was not to find', async () => {
    const { tenant, spent } = await twoFamilies();
    await refresh(tenant, spent);
    const message = messageOf(() => expect(tenant).not.toHaveDetectedReuse());
    expect(message).toContain(
      'not to have detected the reuse of a refresh token; it detected some in 1 family',
    );
    expect(message).toContain('revoked (reuse)');
    expect(message).toContain('reuse: token 1 of 3: it was spent before, and the client has no leeway');
  });
});

describe('toHaveNoLiveRefreshTokens', () => {
  it('knows of everybody, or of one user', async () => {
    const { tenant } = await twoFamilies();
    expect(tenant).not.toHaveNoLiveRefreshTokens();
    expect(tenant).not.toHaveNoLiveRefreshTokens('ADA@example.com');
    expect(tenant).not.toHaveNoLiveRefreshTokens(tenant.users()[0]?.user_id);
    expect(tenant).toHaveNoLiveRefreshTokens('grace@example.com');
    expect(messageOf(() => expect(tenant).toHaveNoLiveRefreshTokens(ada.email))).toContain(
      'to have no live refresh tokens of ada@example.com; 2 families can be refreshed',
    );
    tenant.clock.advance('30d');
    expect(tenant).toHaveNoLiveRefreshTokens();
  });
});

describe('every matcher', () => {
  it('holds no token in what it says', async () => {
    const { tenant, spent, head, unused } = await twoFamilies();
    const messages = Object.values(tenantMatchers).map((matcher) => matcher(tenant).message());
    for (const message of messages)
      for (const token of [spent, head, unused]) expect(message).not.toContain(String(token));
  });

  it('needs nothing of Jest: it is a function of the tenant', async () => {
    const { tenant } = await twoFamilies();
    const { toHaveRotated, toHaveDetectedReuse, toHaveNoLiveRefreshTokens } = tenantMatchers;
    expect(toHaveRotated(tenant, {}, 2).pass).toBe(true);
    expect(toHaveDetectedReuse(tenant).pass).toBe(false);
    expect(toHaveNoLiveRefreshTokens(tenant).pass).toBe(false);
  });

  it('refuses what is no tenant, and families and users that are not there, naming those that are', () => {
    expect(() => expect({}).toHaveRotated()).toThrow(TypeError);
    expect(() => expect(undefined).not.toHaveDetectedReuse()).toThrow(TypeError);
    expect(() => expect(aTenant()).not.toHaveRotated('misspelt')).toThrow(
      'no family "misspelt"; there is none',
    );
    expect(() => expect(aTenant()).toHaveNoLiveRefreshTokens('ad@example.com')).toThrow(
      'no user "ad@example.com"; there is ada@example.com, ',
    );
  });
});
