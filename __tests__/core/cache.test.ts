import { describe, expect, it } from '@jest/globals';
import { readTokensEntry, serves, type Token } from '../../src/core/cache.ts';
import { withToken } from '../../src/core/token-response.ts';

const token = (changes: Partial<Token> = {}): Token => ({
  access_token: 'a',
  token_type: 'Bearer',
  scope: 'openid read',
  requestedScope: 'openid read',
  expires_at: 1000,
  ...changes,
});

describe('a cached token', () => {
  it.each([
    ['its own scope', 'openid read', 0, true],
    ['the same scope in another order', 'read openid', 0, true],
    ['a narrower scope', 'read', 0, true],
    ['no scope', '', 0, true],
    ['a wider scope', 'read write', 0, false],
    ['its own scope a minute and a second before its end', 'read', 939_000, true],
    ['its own scope a minute before its end', 'read', 940_000, false],
  ])('serves %s: %s', (_, scope, now, expected) => {
    expect(serves(token(), scope, now)).toBe(expected);
  });

  it.each([
    [30, 22, true],
    [30, 23, false],
    [240, 179, true],
    [240, 180, false],
    [86_400, 86_339, true],
    [86_400, 86_340, false],
    [1, 0, true],
    [0, 0, false],
    [-5, 0, false],
  ])('of a life of %d s serves after %d s: %s', (lifetime, age, expected) => {
    expect(serves(token({ lifetime, expires_at: lifetime }), 'read', age * 1000)).toBe(expected);
  });

  it.each([
    [100, 0, 99, true],
    [100, 0, 100, false],
    [100, 99, 0, true],
    [100, 99, 1, false],
    [100, 100, 24, true],
    [100, 100, 25, false],
    [undefined, 100, 0, false],
    [0, 0, 0, false],
    [-5, 0, -4, false],
  ])('of a life of %d s, and wanted for %d s, serves after %d s: %s', (lifetime, least, age, expected) => {
    const life = lifetime ?? 100;
    expect(serves(token({ lifetime, expires_at: life }), 'read', age * 1000, least)).toBe(expected);
  });

  it('serves what was granted, though less was asked for', () => {
    expect(serves(token({ requestedScope: 'openid' }), 'read', 0)).toBe(true);
  });

  it('serves what was asked for, though less was granted: asking again would bring no more', () => {
    expect(serves(token({ scope: 'openid' }), 'openid read', 0)).toBe(true);
  });
});

describe('an entry of tokens', () => {
  it('takes a token in place of those it covers and those that are over', () => {
    const wide = token({ requestedScope: 'openid read write', access_token: 'wide' });
    const over = token({ requestedScope: 'admin', access_token: 'over', expires_at: 1 });
    const other = token({ requestedScope: 'openid other', access_token: 'other' });
    const entry = { sub: 'u', tokens: [token(), over, other] };
    expect(withToken(entry, { sub: 'u' }, wide, 2000).tokens.map(({ access_token }) => access_token)).toEqual(
      ['wide', 'other'],
    );
  });

  it.each([
    ['user', { sub: 'somebody' }],
    ['organization', { sub: 'u', org_id: 'org_1' }],
  ])('of another %s is replaced whole', (_, former) => {
    const identity = { sub: 'u', org_id: 'org_2' };
    const tokens = [token({ access_token: 'b', requestedScope: 'admin' })]; // which no token of this one’s would replace
    expect(withToken({ ...former, tokens }, identity, token(), 0)).toEqual({
      ...identity,
      tokens: [token()],
    });
  });

  it.each([
    undefined,
    null,
    '',
    'text',
    1,
    [],
    {},
    { sub: 'u' },
    { sub: 1, tokens: [] },
    { sub: 'u', tokens: {} },
  ])('of another shape is none: %j', (value) => {
    expect(readTokensEntry(value)).toBeUndefined();
  });

  it('keeps what can be read of it', () => {
    const value = { sub: 'u', tokens: [null, 1, {}, { ...token(), expires_at: '1000' }, token()] };
    expect(readTokensEntry(value)).toEqual({ sub: 'u', tokens: [token()] });
  });
});
