import { describe, expect, it } from '@jest/globals';
import { CacheKey, type CacheKeyData } from '../../src/core/cache-key.ts';

const prefix = '@@auth0spajs@@';

describe('the name of an entry of auth0-spa-js', () => {
  it.each<[CacheKeyData, string | undefined, string | undefined, string]>([
    [
      { clientId: 'c', audience: 'default', scope: 'openid email' },
      undefined,
      undefined,
      `${prefix}::c::default::openid email`,
    ],
    [{ clientId: 'c', scope: 'openid' }, undefined, undefined, `${prefix}::c::openid`],
    [{ clientId: 'c' }, undefined, '@@user@@', `${prefix}::c::@@user@@`],
    [{ clientId: 'c' }, undefined, undefined, `${prefix}::c`],
    [{ clientId: 'c', audience: 'a', scope: 's' }, 'mine', 'last', 'mine::c::a::s::last'],
  ])('of %j is written with what there is', (data, ownPrefix, suffix, name) => {
    expect(new CacheKey(data, ownPrefix, suffix).toKey()).toBe(name);
  });

  it('is read as it was written', () => {
    const name = `${prefix}::c::https://api::openid`;
    const key = CacheKey.fromKey(name);
    expect(key).toMatchObject({ prefix, clientId: 'c', audience: 'https://api', scope: 'openid' });
    expect(key.toKey()).toBe(name);
  });

  it('is that of an entry', () => {
    expect(CacheKey.fromCacheEntry({ client_id: 'c', audience: 'a', scope: 's' }).toKey()).toBe(
      `${prefix}::c::a::s`,
    );
  });
});
