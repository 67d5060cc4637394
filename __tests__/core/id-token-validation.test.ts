import { describe, expect, it } from '@jest/globals';
import { validateIdToken, type IdTokenExpectation } from '../../src/core/id-token-validation.ts';
import { encodeBase64url } from '../../src/oauth/base64url.ts';

const settings = { issuer: 'https://tenant.example/', clientId: 'spa', leeway: 60 };
const instant = 1_800_000_000;
const now = instant * 1000;
const claims = {
  iss: settings.issuer,
  sub: 'auth0|1',
  aud: 'spa',
  iat: instant,
  exp: instant + 3600,
  nonce: 'n',
};

const part = (value: unknown) => encodeBase64url(new TextEncoder().encode(JSON.stringify(value)));
const jwt = (payload: object, header: object = { alg: 'RS256' }) => `${part(header)}.${part(payload)}.c2ln`;
const judge = (token: string | undefined, expected: IdTokenExpectation = { now, nonce: 'n' }) =>
  validateIdToken(settings, token, expected);

describe('an ID token', () => {
  it('passes when it is what was asked for', () => {
    expect(judge(jwt(claims))).toMatchObject({ sub: 'auth0|1' });
  });

  it.each([
    ['is missing', undefined, 'missing'],
    ['is empty text', '', 'malformed'],
    ['is no JWT', 'abc', 'malformed'],
    ['has no signature', `${part({ alg: 'RS256' })}.${part(claims)}.`, 'malformed'],
    ['has four parts', `${jwt(claims)}.x`, 'malformed'],
    ['holds no JSON', `${part({ alg: 'RS256' })}.!!!.c2ln`, 'malformed'],
    ['holds an array', `${part({ alg: 'RS256' })}.${part([1])}.c2ln`, 'malformed'],
    ['is unsigned', jwt(claims, { alg: 'none' }), 'algorithm'],
    ['is signed with a shared secret', jwt(claims, { alg: 'HS256' }), 'algorithm'],
    ['comes from another issuer', jwt({ ...claims, iss: 'https://evil.example/' }), 'issuer'],
    ['comes from an issuer without the slash', jwt({ ...claims, iss: 'https://tenant.example' }), 'issuer'],
    ['names no issuer', jwt({ ...claims, iss: undefined }), 'issuer'],
    ['names no subject', jwt({ ...claims, sub: undefined }), 'subject'],
    ['names an empty subject', jwt({ ...claims, sub: '' }), 'subject'],
    ['is for another client', jwt({ ...claims, aud: 'other' }), 'audience'],
    ['is for other clients', jwt({ ...claims, aud: ['other', 'third'] }), 'audience'],
    ['names no audience', jwt({ ...claims, aud: undefined }), 'audience'],
    ['is for several, without azp', jwt({ ...claims, aud: ['spa', 'other'] }), 'authorized_party'],
    [
      'is for several, with another azp',
      jwt({ ...claims, aud: ['spa', 'other'], azp: 'other' }),
      'authorized_party',
    ],
    ['is for this client, and given to another', jwt({ ...claims, azp: 'other' }), 'authorized_party'],
    ['has an azp that is no text', jwt({ ...claims, azp: ['spa'] }), 'authorized_party'],
    ['has another nonce', jwt({ ...claims, nonce: 'x' }), 'nonce'],
    ['has no nonce', jwt({ ...claims, nonce: undefined }), 'nonce'],
    ['has no exp', jwt({ ...claims, exp: undefined }), 'expiry'],
    ['has an exp that is text', jwt({ ...claims, exp: '9999999999' }), 'expiry'],
    ['has no iat', jwt({ ...claims, iat: undefined }), 'issued_at'],
    ['has expired', jwt({ ...claims, exp: instant - 61 }), 'time'],
    ['is not valid yet', jwt({ ...claims, nbf: instant + 61 }), 'time'],
    ['was issued more than a day ago', jwt({ ...claims, iat: instant - 86_461 }), 'time'],
  ])('is refused when it %s', (_, token, reason) => {
    expect(() => judge(token)).toThrow(
      expect.objectContaining({
        name: 'InvalidIdTokenError',
        error: 'invalid_id_token',
        reason,
        retryable: reason === 'time',
      }),
    );
  });

  it.each([
    ['expired within the leeway', { exp: instant - 60 }],
    ['valid within the leeway', { nbf: instant + 60 }],
    ['issued a day ago', { iat: instant - 86_460 }],
    ['issued in a year, by a clock that is behind', { iat: instant + 31_536_000, exp: instant + 31_539_600 }],
    ['for this client, and given to it', { azp: 'spa' }],
    ['for several audiences with azp', { aud: ['spa', 'other'], azp: 'spa' }],
    ['for one audience in an array', { aud: ['spa'] }],
  ])('passes when it is %s', (_, changes) => {
    expect(judge(jwt({ ...claims, ...changes }))).toBeDefined();
  });

  it.each([
    ['org_1', { org_id: 'org_1' }, true],
    ['org_1', { org_id: 'org_2' }, false],
    ['org_1', {}, false],
    ['Acme', { org_name: 'acme' }, true],
    ['acme', { org_name: 'other' }, false],
  ])('for the organization %s with %j: passes %s', (organization, changes, passes) => {
    const judged = () => judge(jwt({ ...claims, ...changes }), { now, nonce: 'n', organization });
    if (passes) expect(judged()).toBeDefined();
    else expect(judged).toThrow(expect.objectContaining({ reason: 'organization' }));
  });

  it.each([
    [{ auth_time: instant - 3600 }, 'max_age'],
    [{ auth_time: instant - 661 }, 'max_age'],
    [{}, 'authentication_time'],
    [{ auth_time: 'yesterday' }, 'authentication_time'],
  ])('with %j is refused for max_age 600 as %s', (changes, reason) => {
    expect(() => judge(jwt({ ...claims, ...changes }), { now, nonce: 'n', max_age: 600 })).toThrow(
      expect.objectContaining({ reason }),
    );
  });

  it('of a sign-in as long ago as max_age and the leeway together passes', () => {
    const token = jwt({ ...claims, auth_time: instant - 660 });
    expect(judge(token, { now, nonce: 'n', max_age: 600 })).toBeDefined();
    expect(judge(token)).toBeDefined(); // nobody asked
  });

  it.each([
    [{ exp: instant - 90 }, 'it expired 90 s ago'],
    [{ nbf: instant + 90 }, 'it is not valid for another 90 s'],
    [{ auth_time: instant - 3600 }, 'the user signed in 3600 s ago'],
    [{ aud: ['one', 'two'] }, 'expected "spa", found "one two"'],
    [{ iss: 'https://evil.example/' }, 'expected "https://tenant.example/", found "https://evil.example/"'],
  ])('with %j says what is wrong', (changes, words) => {
    const found = { ...claims, auth_time: instant, ...changes };
    expect(() => judge(jwt(found), { now, nonce: 'n', max_age: 600 })).toThrow(words);
  });

  it.each([
    ['user', { sub: 'auth0|2' }, 'subject'],
    ['organization', { sub: 'auth0|1', org_id: 'org_1' }, 'organization'],
  ])('of another %s is refused on refresh', (_, identity, reason) => {
    expect(() => judge(jwt(claims), { now, identity })).toThrow(expect.objectContaining({ reason }));
  });

  it('of the same user and organization passes on refresh', () => {
    const identity = { sub: 'auth0|1', org_id: 'org_1' };
    expect(judge(jwt({ ...claims, org_id: 'org_1' }), { now, identity })).toBeDefined();
  });

  it.each([
    ['another access token', 'other', false],
    ['the access token', 'hash', true],
    ['no access token', undefined, true],
    ['something that is no text', 1, false],
  ])('whose at_hash speaks of %s passes or not', (_, at_hash, passes) => {
    const judged = () => judge(jwt({ ...claims, at_hash }), { now, nonce: 'n', at_hash: 'hash' });
    if (passes) expect(judged()).toBeDefined();
    else expect(judged).toThrow(expect.objectContaining({ reason: 'access_token_hash', retryable: false }));
  });

  describe('on refresh', () => {
    const full = { ...claims, azp: 'spa', auth_time: instant - 9000 };
    const refreshed = (changes: object) => () =>
      judge(jwt({ ...full, nonce: undefined, ...changes }), { now, former: jwt(full) });

    it.each([
      ['for fewer audiences', { aud: 'spa' }, { aud: ['spa', 'other'] }, 'audience'],
      ['for other audiences', { aud: ['spa', 'third'] }, { aud: ['spa', 'other'] }, 'audience'],
      ['without the azp that there was', { azp: undefined }, {}, 'authorized_party'],
      ['with an azp that there was not', {}, { azp: undefined }, 'authorized_party'],
      ['with another nonce', { nonce: 'x' }, {}, 'nonce'],
    ])('is refused when it is %s', (_, changes, former, reason) => {
      const token = jwt({ ...full, nonce: undefined, ...changes });
      expect(() => judge(token, { now, former: jwt({ ...full, ...former }) })).toThrow(
        expect.objectContaining({ reason, retryable: false }),
      );
    });

    it.each([
      ['says no nonce', {}],
      ['says the same nonce', { nonce: 'n' }],
      ['does not say when the user signed in', { auth_time: undefined }],
      ['says that the user has signed in again', { auth_time: instant }],
      ['is for more audiences', { aud: ['spa', 'other'] }],
      ['is for the same audience in an array', { aud: ['spa'] }],
    ])('passes when it %s', (_, changes) => {
      expect(refreshed(changes)()).toBeDefined();
    });
  });

  it('is never quoted by the error', () => {
    const token = jwt({ ...claims, aud: 'other' });
    try {
      judge(token);
    } catch (error) {
      expect(String(error)).not.toContain(token.split('.')[1]!);
    }
    expect.assertions(1);
  });
});
