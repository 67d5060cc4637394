import { describe, expect, it } from '@jest/globals';
import { aManagedTenant, call, managementToken } from './a-manager.ts';
import { api, aTenant, login, postToken } from './a-tenant.ts';

const unauthorized = (message: string) => ({
  status: 401,
  body: { statusCode: 401, error: 'Unauthorized', message },
});

describe('the Management API', () => {
  it('wants an access token', async () => {
    const tenant = aManagedTenant();
    const response = await tenant.fetch(new Request(`${tenant.baseUrl}/api/v2/clients`));
    expect(response.status).toBe(401);
    expect(await response.json()).toEqual(unauthorized('Missing authentication').body);
  });

  it.each(['garbage', 'a.b.c', 'v1.Mtoken'])('takes no %s for one', async (token) => {
    expect(await call(aManagedTenant(), 'GET /clients', { token })).toMatchObject({
      status: 400,
      body: {
        statusCode: 400,
        error: 'Bad Request',
        message: 'Bad HTTP authentication header format',
        errorCode: 'Bearer',
      },
    });
  });

  it('refuses a token that another tenant signed, or whose signature is broken', async () => {
    const token = await managementToken(aManagedTenant({ seed: 'another' }));
    expect(await call(aManagedTenant({ seed: 'one' }), 'GET /clients', { token })).toMatchObject(
      unauthorized('Invalid token'),
    );
    const tenant = aManagedTenant();
    const broken = `${(await managementToken(tenant)).slice(0, -8)}AAAAAAAA`;
    expect(await call(tenant, 'GET /clients', { token: broken })).toMatchObject(
      unauthorized('Invalid token'),
    );
  });

  it('refuses a token of a tenant elsewhere, though it signs with the same key', async () => {
    const elsewhere = aManagedTenant({ baseUrl: 'http://localhost:4401', client_grants: [] });
    const token = String((await login(elsewhere))['access_token']);
    expect(await call(aManagedTenant(), 'GET /clients', { token })).toMatchObject(
      unauthorized('Invalid token'),
    );
  });

  it('refuses a token that has expired', async () => {
    const tenant = aManagedTenant();
    const token = await managementToken(tenant);
    tenant.clock.advance('24h');
    const message = 'Expired token received for JSON Web Token validation';
    expect((await call(tenant, 'GET /clients', { token })).body).toEqual({
      ...unauthorized(message).body,
      attributes: { error: message },
    });
  });

  it('refuses a token for another API, that of a user among them', async () => {
    const tenant = aManagedTenant();
    const { access_token } = await login(tenant);
    const token = String(access_token);
    expect(await call(tenant, 'GET /clients', { token })).toMatchObject(
      unauthorized(`Bad audience: ${api}, ${tenant.baseUrl}/userinfo`),
    );
  });

  it('cannot be asked for by users, whose scopes nobody has judged', async () => {
    const tenant = aTenant();
    const url = new URL(`${tenant.baseUrl}/authorize`);
    url.search = new URLSearchParams({
      client_id: 'other',
      response_type: 'code',
      audience: `${tenant.baseUrl}/api/v2/`,
      scope: 'read:clients',
    }).toString();
    const { headers } = await tenant.fetch(new Request(url, { redirect: 'manual' }));
    expect(new URL(headers.get('location') ?? '').searchParams.get('error')).toBe('access_denied');
  });

  it('R23: says which scope is missing', async () => {
    const tenant = aManagedTenant({}, ['delete:clients']);
    expect(await call(tenant, 'GET /clients')).toMatchObject({
      status: 403,
      body: {
        statusCode: 403,
        error: 'Forbidden',
        message: 'Insufficient scope, expected any of: read:clients,read:client_keys',
        errorCode: 'insufficient_scope',
      },
    });
  });

  it('accepts a token for either spelling of its audience', async () => {
    const tenant = aManagedTenant();
    const { body } = await postToken(tenant, {
      grant_type: 'client_credentials',
      client_id: 'machine',
      client_secret: 'm@chine',
      audience: 'https://localhost:4400/api/v2/',
    });
    const token = String(body['access_token']);
    expect(await call(tenant, 'GET /clients', { token })).toMatchObject({ status: 200 });
  });

  it('is not there where it is not', async () => {
    expect(await call(aManagedTenant(), 'GET /nothing')).toMatchObject({
      status: 404,
      body: { error: 'Not Found' },
    });
  });
});
