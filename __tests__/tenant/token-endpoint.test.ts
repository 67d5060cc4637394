import { describe, expect, it } from '@jest/globals';
import { createRemoteJWKSet, customFetch, jwtVerify } from 'jose';
import {
  aCode,
  ada,
  api,
  app,
  aTenant,
  aTenantWithLeeway,
  claimsOf,
  codeGrant,
  codesOf,
  everyScope,
  login,
  nonRotating,
  postToken,
  refresh,
  refusedAsUnknown,
  userinfo,
  verifier,
} from './a-tenant.ts';

const basic = (text: string) => ({ authorization: `Basic ${btoa(text)}` });

describe('exchanging a code', () => {
  it('gives an access token for the API, an ID token and a refresh token', async () => {
    const tenant = aTenant();
    const { status, headers, body } = await postToken(tenant, codeGrant(await aCode(tenant)));
    expect(status).toBe(200);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('pragma')).toBe('no-cache');
    expect(body).toMatchObject({ scope: everyScope, expires_in: 3600, token_type: 'Bearer' });
    expect(body['refresh_token']).toMatch(/^v1\.M[\w-]{43}$/);
    const now = tenant.clock.now() / 1000;
    expect(claimsOf(body['access_token'])).toMatchObject({
      iss: 'http://localhost:4400/',
      aud: [api, 'http://localhost:4400/userinfo'],
      azp: 'spa',
      scope: everyScope,
      iat: now,
      exp: now + 3600,
    });
    expect(claimsOf(body['id_token'])).toMatchObject({
      iss: 'http://localhost:4400/',
      aud: 'spa',
      nonce: 'client-nonce',
      name: 'Ada Lovelace',
      nickname: 'ada',
      email: 'ada@example.com',
      email_verified: false,
      exp: now + 36_000,
    });
    expect(claimsOf(body['id_token'])).not.toHaveProperty('auth_time');
    expect(codesOf(tenant)).toEqual(['s', 's', 'seacft']);
  });

  it('signs with the key that the JWK Set shows', async () => {
    const tenant = aTenant();
    const { id_token } = await login(tenant);
    const keys = createRemoteJWKSet(new URL(`${tenant.baseUrl}/.well-known/jwks.json`), {
      [customFetch]: (url: string) => tenant.fetch(new Request(url)),
    });
    const { protectedHeader } = await jwtVerify(String(id_token), keys, {
      issuer: tenant.issuer,
      audience: 'spa',
      currentDate: new Date(tenant.clock.now()),
    });
    expect(protectedHeader).toMatchObject({ alg: 'RS256', typ: 'JWT' });
  });

  it('accepts JSON as well as a form', async () => {
    const tenant = aTenant();
    const response = await tenant.fetch(
      new Request(`${tenant.baseUrl}/oauth/token`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(codeGrant(await aCode(tenant))),
      }),
    );
    expect(response.status).toBe(200);
  });

  it('gives an opaque access token where there is no API', async () => {
    const tenant = aTenant();
    const tokens = await login(tenant, { scope: 'openid email' });
    const code = await aCode(tenant, { audience: null, scope: 'openid email' });
    const { body } = await postToken(tenant, codeGrant(code));
    expect(body).toMatchObject({ scope: 'openid email', expires_in: 86_400 });
    expect(body['access_token']).toMatch(/^[\w-]{43}$/);
    expect((await userinfo(tenant, body['access_token'])).status).toBe(200);
    expect(tokens).not.toHaveProperty('refresh_token');
  });

  it('burns the code when the verifier is wrong', async () => {
    const tenant = aTenant();
    const code = await aCode(tenant);
    const wrong = await postToken(tenant, codeGrant(code, { code_verifier: 'a'.repeat(43) }));
    expect(wrong).toMatchObject({
      status: 403,
      body: { error: 'invalid_grant', error_description: 'Failed to verify code verifier' },
    });
    expect(await postToken(tenant, codeGrant(code))).toMatchObject({ status: 403 });
  });

  it('accepts the plain method', async () => {
    const tenant = aTenant();
    const code = await aCode(tenant, { code_challenge: verifier, code_challenge_method: 'plain' });
    expect(await postToken(tenant, codeGrant(code))).toMatchObject({ status: 200 });
  });

  it('refuses a verifier for a code that had no challenge', async () => {
    const tenant = aTenant();
    const code = await aCode(tenant, { code_challenge: null, code_challenge_method: null });
    expect(await postToken(tenant, codeGrant(code))).toMatchObject({
      status: 403,
      body: { error: 'invalid_grant' },
    });
  });

  it('refuses a code after ten minutes', async () => {
    const tenant = aTenant();
    const code = await aCode(tenant);
    tenant.clock.advance('10m');
    expect(await postToken(tenant, codeGrant(code))).toMatchObject({ status: 403 });
  });

  it('leaves the code alone when another client brings it', async () => {
    const tenant = aTenant();
    const code = await aCode(tenant);
    expect(await postToken(tenant, codeGrant(code, { client_id: 'other' }))).toMatchObject({ status: 403 });
    expect(await postToken(tenant, codeGrant(code))).toMatchObject({ status: 200 });
  });

  it('wants the same redirect_uri as the request', async () => {
    const tenant = aTenant();
    const { status, body } = await postToken(
      tenant,
      codeGrant(await aCode(tenant), { redirect_uri: `${app}/other?page=1` }),
    );
    expect(status).toBe(403);
    expect(body['error_description']).toContain(`we expected ${app}`);
  });

  it('grants what is known, in the order it was asked for', async () => {
    const { scope } = await login(aTenant(), { scope: 'read:things magic openid' });
    expect(scope).toBe('read:things openid');
  });
});

describe('a refresh token is issued', () => {
  it.each([
    ['not without offline_access', {}, { scope: 'openid' }],
    ['not where the API does not allow it', {}, { audience: 'https://online.example' }],
    ['not to a browser client that does not rotate', { refresh_token: nonRotating }, {}],
    ['not to a client without the grant', { grant_types: ['authorization_code'] }, {}],
  ])('%s, and then offline_access is not granted', async (_, client, request) => {
    const tenant = aTenant({ clients: [{ client_id: 'spa', callbacks: [app], ...client }] });
    const { refresh_token, scope } = await login(tenant, request);
    expect(refresh_token).toBeUndefined();
    expect(scope).not.toContain('offline_access');
    expect(tenant.families()).toEqual([]);
  });

  it('without openid', async () => {
    const tokens = await login(aTenant(), { scope: 'offline_access' });
    expect(tokens).toHaveProperty('refresh_token');
    expect(tokens).not.toHaveProperty('id_token');
  });

  it('without an API', async () => {
    const tenant = aTenant();
    const code = await aCode(tenant, { audience: null });
    const { body } = await postToken(tenant, codeGrant(code));
    expect(body).toHaveProperty('refresh_token');
    expect(await refresh(tenant, body['refresh_token'])).toMatchObject({ status: 200 });
  });

  it('not to a native client that calls from a page and does not rotate', async () => {
    const tenant = aTenant();
    const form = async () => codeGrant(await aCode(tenant, { client_id: 'native' }), { client_id: 'native' });
    expect((await postToken(tenant, await form())).body).toHaveProperty('refresh_token');
    expect((await postToken(tenant, await form(), { origin: app })).body).not.toHaveProperty('refresh_token');
  });
});

describe('a token request that is wrong', () => {
  it.each([
    ['no grant_type', { client_id: 'spa' }, 400, 'invalid_request'],
    ['no client', { grant_type: 'refresh_token' }, 400, 'invalid_request'],
    ['an unknown client', { grant_type: 'refresh_token', client_id: 'nobody' }, 401, 'access_denied'],
    ['an unknown grant', { grant_type: 'magic', client_id: 'spa' }, 403, 'unsupported_grant_type'],
    ['no code', { grant_type: 'authorization_code', client_id: 'spa' }, 400, 'invalid_request'],
    ['no refresh_token', { grant_type: 'refresh_token', client_id: 'spa' }, 400, 'invalid_request'],
    [
      'an empty one',
      { grant_type: 'refresh_token', client_id: 'spa', refresh_token: '' },
      400,
      'invalid_request',
    ],
  ])('%s', async (_, form, status, error) => {
    const answer = await postToken(aTenant(), form);
    expect(answer).toMatchObject({ status, body: { error } });
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('www-authenticate')).toBeNull();
  });

  it.each([
    [
      'a parameter sent twice',
      'application/x-www-form-urlencoded',
      'client_id=spa&client_id=spa&grant_type=x',
    ],
    ['JSON that is none', 'application/json', '{'],
    ['JSON that is a list', 'application/json', '[]'],
    ['JSON with a number in it', 'application/json', '{"client_id":1}'],
    ['plain text', 'text/plain', 'client_id=spa'],
  ])('%s', async (_, type, body) => {
    const tenant = aTenant();
    const response = await tenant.fetch(
      new Request(`${tenant.baseUrl}/oauth/token`, {
        method: 'POST',
        headers: { 'content-type': type },
        body,
      }),
    );
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: 'invalid_request' });
  });

  it('a grant the client may not use', async () => {
    const tenant = aTenant({
      clients: [{ client_id: 'spa', callbacks: [app], grant_types: ['authorization_code'] }],
    });
    expect(await refresh(tenant, 'x')).toMatchObject({ status: 403, body: { error: 'unauthorized_client' } });
  });

  it('GET is not allowed', async () => {
    const tenant = aTenant();
    const response = await tenant.fetch(new Request(`${tenant.baseUrl}/oauth/token`));
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toContain('POST');
  });

  it('R48: to the endpoint misspelt is not found', async () => {
    const tenant = aTenant();
    const response = await tenant.fetch(new Request(`${tenant.baseUrl}/oath/revoke`, { method: 'POST' }));
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({ statusCode: 404, error: 'Not Found', message: 'Not Found' });
  });
});

describe('a client with a secret', () => {
  const form = { grant_type: 'refresh_token', refresh_token: 'x' };
  const passed = { status: 403, body: { error: 'invalid_grant' } };

  it('sends it in the body or, encoded, by Basic', async () => {
    const tenant = aTenant();
    expect(await postToken(tenant, { ...form, client_id: 'server', client_secret: 's3 cret' })).toMatchObject(
      passed,
    );
    expect(await postToken(tenant, form, basic('server:s3+cret'))).toMatchObject(passed);
  });

  it('is refused without it, and challenged only where it used Basic', async () => {
    const tenant = aTenant();
    const none = await postToken(tenant, { ...form, client_id: 'server' });
    expect(none).toMatchObject({
      status: 401,
      body: { error: 'access_denied', error_description: 'Unauthorized' },
    });
    expect(none.headers.get('www-authenticate')).toBeNull();
    const wrong = await postToken(tenant, form, basic('server:wrong'));
    expect(wrong.status).toBe(401);
    expect(wrong.headers.get('www-authenticate')).toMatch(/^Basic /);
  });

  it('may not use both ways at once', async () => {
    const answer = await postToken(aTenant(), { ...form, client_secret: 's3 cret' }, basic('server:s3+cret'));
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
  });
});

describe('refreshing with rotation', () => {
  it('R56: renews every token, the refresh token included', async () => {
    const tenant = aTenant();
    const first = await login(tenant);
    tenant.clock.advance('1h');
    const { status, body } = await refresh(tenant, first['refresh_token']);
    expect(status).toBe(200);
    expect(body).toMatchObject({ scope: everyScope, expires_in: 3600, token_type: 'Bearer' });
    expect(body['refresh_token']).not.toBe(first['refresh_token']);
    const claims = claimsOf(body['id_token']);
    const before = claimsOf(first['id_token']);
    expect(claims).not.toHaveProperty('nonce');
    for (const name of ['iss', 'sub', 'aud', 'sid']) expect(claims[name]).toEqual(before[name]);
    expect(claims['iat']).toBe(Number(before['iat']) + 3600);
    const [family] = tenant.families();
    expect(tenant.journal.at(-1)).toMatchObject({
      type: 'sertft',
      client_id: 'spa',
      details: { familyId: family?.familyId, tokenCounter: 1, latestCounter: 2 },
      decision: 'rotate',
    });
  });

  it('narrows the scope of one answer, not of the family', async () => {
    const tenant = aTenant();
    const { refresh_token } = await login(tenant);
    const narrow = await refresh(tenant, refresh_token, { scope: 'openid read:things magic' });
    expect(narrow.body['scope']).toBe('openid read:things');
    expect((await refresh(tenant, narrow.body['refresh_token'])).body['scope']).toBe(everyScope);
  });

  it('ignores an audience and a redirect_uri', async () => {
    const tenant = aTenant();
    const { refresh_token } = await login(tenant);
    const { body } = await refresh(tenant, refresh_token, { audience: 'https://x', redirect_uri: app });
    expect(claimsOf(body['access_token'])['aud']).toContain(api);
  });

  it('repeats auth_time', async () => {
    const tenant = aTenant();
    const first = await login(tenant, { max_age: '1000' });
    tenant.clock.advance('1h');
    const { body } = await refresh(tenant, first['refresh_token']);
    const { auth_time } = claimsOf(first['id_token']);
    expect(auth_time).toBeGreaterThan(0);
    expect(claimsOf(body['id_token'])['auth_time']).toBe(auth_time);
  });
});

describe('a user who was blocked', () => {
  it('L8: cannot refresh, and goes on with the same token once let in again', async () => {
    const tenant = aTenant();
    const { refresh_token } = await login(tenant);
    tenant.updateUser(ada.email, { blocked: true });
    for (const _ of [1, 2])
      expect(await refresh(tenant, refresh_token)).toMatchObject({
        status: 403,
        body: { error: 'invalid_grant', error_description: 'user is blocked' },
      });
    tenant.updateUser(ada.email, { blocked: false });
    expect(await refresh(tenant, refresh_token)).toMatchObject({ status: 200 });
  });

  it('A9b: cannot hide a replayed token', async () => {
    const tenant = aTenant();
    const { refresh_token } = await login(tenant);
    await refresh(tenant, refresh_token);
    tenant.updateUser(ada.email, { blocked: true });
    expect(await refresh(tenant, refresh_token)).toMatchObject(refusedAsUnknown);
    expect(codesOf(tenant).at(-1)).toBe('ferrt');
  });

  it('cannot exchange a code', async () => {
    const tenant = aTenant();
    const code = await aCode(tenant);
    tenant.updateUser(ada.email, { blocked: true });
    expect(await postToken(tenant, codeGrant(code))).toMatchObject({
      status: 403,
      body: { error: 'invalid_grant', error_description: 'user is blocked' },
    });
  });
});

describe('the journal', () => {
  it.each(['constructor', '__proto__', 'toString'])(
    'has a code for the grant type %s',
    async (grant_type) => {
      const tenant = aTenant();
      await postToken(tenant, { grant_type, client_id: 'nobody' });
      await postToken(tenant, { grant_type, client_id: 'spa' }, { dpop: 'no proof' });
      expect(codesOf(tenant)).toEqual(['feacft', 'feacft']);
    },
  );

  it('holds no token, code, verifier or password', async () => {
    const tenant = aTenantWithLeeway(3);
    const code = await aCode(tenant);
    const { body } = await postToken(tenant, codeGrant(code));
    const { body: next } = await refresh(tenant, body['refresh_token']);
    await refresh(tenant, 'v1.Mgarbage');
    tenant.clock.advance('1m');
    await refresh(tenant, body['refresh_token']);
    const text = JSON.stringify([tenant.journal, tenant.families()]);
    const tokens = [body, next].flatMap(({ access_token, id_token, refresh_token }) => [
      access_token,
      id_token,
      refresh_token,
    ]);
    for (const secret of [code, verifier, 'correct horse', ...tokens]) expect(text).not.toContain(secret);
    expect(text).not.toContain('v1.M');
  });

  it('says in words what was decided', async () => {
    const tenant = aTenant();
    const { refresh_token } = await login(tenant);
    await refresh(tenant, refresh_token);
    await refresh(tenant, refresh_token);
    const entry = tenant.journal.at(-1);
    expect(entry?.date).toBe('2026-11-23T12:00:00.000Z');
    expect(entry?.reason).toContain('token 1 of 2');
  });
});

describe('the same seed', () => {
  it('gives the same tokens, another one others', async () => {
    const tokens = (seed: string) => login(aTenant({ seed }));
    expect(await tokens('one')).toEqual(await tokens('one'));
    expect((await tokens('one'))['refresh_token']).not.toBe((await tokens('two'))['refresh_token']);
  });

  it('gives another development token at every start', () => {
    expect(aTenant().developmentToken).not.toBe(aTenant().developmentToken);
  });
});
