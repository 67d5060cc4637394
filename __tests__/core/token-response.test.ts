import { describe, expect, it } from '@jest/globals';
import { judgeTokenAnswer, tokenOf } from '../../src/core/token-response.ts';

const answer = (status: number, body: unknown) =>
  judgeTokenAnswer({ status, body: typeof body === 'string' ? body : JSON.stringify(body) });

describe('an answer of the token endpoint', () => {
  it.each([
    [200, { access_token: 'a' }, 'tokens'],
    [200, { token_type: 'Bearer' }, 'unclear'],
    [200, { access_token: '' }, 'unclear'],
    [200, '', 'unclear'],
    [200, '<html>', 'unclear'],
    [200, '"text"', 'unclear'],
    [200, 'null', 'unclear'],
    [400, { error: 'invalid_grant' }, 'refused'],
    [403, { error: 'invalid_grant', error_description: 'Unknown or invalid refresh token.' }, 'refused'],
    [403, { error: 'mfa_required' }, 'declined'],
    [400, { error: 'use_dpop_nonce' }, 'declined'],
    [400, '<html>bad request</html>', 'declined'],
    [401, { error: 'access_denied' }, 'declined'],
    [429, { error: 'too_many_requests' }, 'declined'],
    [403, '<html>blocked by a proxy</html>', 'declined'],
    [403, { error: 42 }, 'declined'],
    [403, 'null', 'declined'],
    [500, { error: 'invalid_grant' }, 'unclear'],
    [502, '<html>', 'unclear'],
    [503, '', 'unclear'],
    [304, '', 'unclear'],
  ])('%i %j is %s', (status, body, kind) => {
    expect(answer(status, body).kind).toBe(kind);
  });

  it.each([
    [408, true],
    [429, true],
    [401, false],
  ])('%i with an error is retryable: %s', (status, retryable) => {
    expect(answer(status, { error: 'x' })).toMatchObject({ kind: 'declined', error: { retryable } });
  });

  it.each([undefined, null, 'x'])('by mfa_required says what it can: %p', (mfa_requirements) => {
    expect(answer(403, { error: 'mfa_required', mfa_requirements })).toMatchObject({
      error: { name: 'MfaRequiredError', error_description: 'mfa_required', mfa_token: '' },
    });
  });

  it('by invalid_grant asks for a login', () => {
    expect(answer(403, { error: 'invalid_grant' })).toMatchObject({ error: { requiresLogin: true } });
  });

  it('by a server that failed holds what that says, without what was sent', () => {
    const body = { error: 'server_error', error_description: 'cannot find s3cret-token or x' };
    const sent = { refresh_token: 's3cret-token', code: 'x' };
    expect(judgeTokenAnswer({ status: 503, body: JSON.stringify(body) }, sent)).toMatchObject({
      kind: 'unclear',
      cause: { error: 'server_error', error_description: 'cannot find … or x' },
    });
  });

  it('may hold more than is known, and less', () => {
    expect(answer(200, { access_token: 'a', expires_in: '60', scope: 7, surprise: true })).toEqual({
      kind: 'tokens',
      response: { access_token: 'a', token_type: 'Bearer', expires_in: 60 },
    });
  });
});

describe('an answer that asks to be left alone', () => {
  const now = Date.parse('1994-11-06T08:49:07Z');
  it.each([
    [429, { retryAfter: '30' }, 30_000],
    [503, { retryAfter: '30' }, 30_000],
    [429, { retryAfter: '0' }, undefined],
    [429, { retryAfter: '601' }, 600_000],
    [429, { retryAfter: '9'.repeat(400) }, 600_000],
    // RFC 9110 §5.6.7, in the order of that section.
    [503, { retryAfter: 'Sun, 06 Nov 1994 08:49:37 GMT' }, 30_000],
    [503, { retryAfter: 'Sunday, 06-Nov-94 08:49:37 GMT' }, 30_000],
    [503, { retryAfter: 'Sun Nov  6 08:49:37 1994' }, 30_000],
    [503, { retryAfter: 'Sun, 06 Nov 1994 08:49:07 GMT' }, undefined],
    [503, { retryAfter: 'Sun, 06 Nov 1994 08:59:07 GMT' }, 600_000],
    [503, { retryAfter: 'Sun, 06 Nov 1994 08:59:08 GMT' }, undefined],
    [429, { rateLimitReset: '784111777' }, 30_000],
    [429, { rateLimitReset: '784111747' }, undefined],
    [429, { rateLimitReset: '784112348' }, undefined],
    [429, { rateLimitReset: 'soon' }, undefined],
    [429, { rateLimitReset: '' }, undefined],
    [503, { rateLimitReset: '784111777' }, undefined],
    [429, { retryAfter: '7', rateLimitReset: '784111777' }, 7000],
    [429, { retryAfter: 'soon', rateLimitReset: '784111777' }, 30_000],
    [429, { retryAfter: '-5' }, undefined],
    [429, { retryAfter: '' }, undefined],
    [429, {}, undefined],
  ])('%i %j: for %p ms', (status, headers, retryAfter) => {
    expect(judgeTokenAnswer({ status, body: '', ...headers }, {}, now)).toMatchObject({ retryAfter });
  });

  it('has no say where it brings tokens, or a refusal', () => {
    for (const [status, body] of [
      [200, '{"access_token":"a"}'],
      [403, '{"error":"invalid_grant"}'],
    ] as const)
      expect(judgeTokenAnswer({ status, body, retryAfter: '30' }, {}, now)).not.toHaveProperty('retryAfter');
  });
});

describe('a token', () => {
  it('counts its life from before the request', () => {
    const token = tokenOf({ access_token: 'a', token_type: 'Bearer', expires_in: 60 }, 'openid', 5_999);
    expect(token).toMatchObject({ expires_at: 65, lifetime: 60, scope: 'openid', requestedScope: 'openid' });
  });

  it('tells what was granted, beside what was asked for', () => {
    const response = { access_token: 'a', token_type: 'Bearer', scope: 'openid' };
    expect(tokenOf(response, 'openid read', 0)).toMatchObject({
      scope: 'openid',
      requestedScope: 'openid read',
    });
  });

  it('without a stated life is never served again', () => {
    expect(tokenOf({ access_token: 'a', token_type: 'Bearer' }, 'openid', 5_000).expires_at).toBe(5);
  });
});
