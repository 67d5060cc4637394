import { describe, expect, it } from '@jest/globals';
import { createTenant } from '../../src/tenant/index.ts';
import { aTenant, api, claimsOf, codesOf, configuration, postToken } from './a-tenant.ts';

const machine = {
  client_id: 'machine',
  app_type: 'non_interactive',
  client_secret: 'm@chine',
} as const;
const credentials = { grant_type: 'client_credentials', client_id: 'machine', client_secret: 'm@chine' };
const management = 'http://localhost:4400/api/v2/';

const aTenantWithAMachine = () =>
  aTenant({
    clients: [
      ...configuration.clients,
      machine,
      { ...machine, client_id: 'public', token_endpoint_auth_method: 'none' },
      { ...machine, client_id: 'stranger' },
    ],
    client_grants: [
      { client_id: 'machine', audience: api, scope: ['read:things', 'write:things'] },
      { client_id: 'machine', audience: 'https://localhost:4400/api/v2/', scope: ['read:clients'] },
      { client_id: 'public', audience: api, scope: [] },
    ],
  });

describe('a client that asks for itself', () => {
  it('gets an access token for the API, with what its client grant names, and nothing to renew it with', async () => {
    const tenant = aTenantWithAMachine();
    const { status, body } = await postToken(tenant, { ...credentials, audience: api });
    expect(status).toBe(200);
    expect(Object.keys(body).sort()).toEqual(['access_token', 'expires_in', 'scope', 'token_type']);
    expect(body).toMatchObject({ scope: 'read:things write:things', expires_in: 3600 });
    const now = tenant.clock.now() / 1000;
    expect(claimsOf(body['access_token'])).toMatchObject({
      iss: tenant.issuer,
      sub: 'machine@clients',
      aud: api,
      azp: 'machine',
      gty: 'client-credentials',
      iat: now,
      exp: now + 3600,
    });
    expect(codesOf(tenant)).toEqual(['seccft']);
  });

  it('gets the part of its client grant that it asks for', async () => {
    const { body } = await postToken(aTenantWithAMachine(), {
      ...credentials,
      audience: api,
      scope: 'write:things',
    });
    expect(body).toMatchObject({ scope: 'write:things' });
  });

  it.each([management, 'https://localhost:4400/api/v2/'])(
    'gets a token for the Management API by the audience %s',
    async (audience) => {
      const { body } = await postToken(aTenantWithAMachine(), { ...credentials, audience });
      expect(body).toMatchObject({ scope: 'read:clients', expires_in: 86_400 });
      expect(claimsOf(body['access_token'])).toMatchObject({ aud: audience });
    },
  );

  it.each([
    ['without an audience', {}, 403, 'access_denied', 'No audience parameter was provided'],
    [
      'for an unknown API',
      { audience: 'https://x' },
      403,
      'access_denied',
      'Service not enabled within domain',
    ],
    [
      'without a client grant',
      { audience: 'https://online.example' },
      403,
      'access_denied',
      'Client is not authorized to access "https://online.example".',
    ],
    [
      'for another scope',
      { audience: api, scope: 'rule:all' },
      403,
      'access_denied',
      'granted scopes: rule:all',
    ],
    ['with a wrong secret', { audience: api, client_secret: 'x' }, 401, 'access_denied', 'Unauthorized'],
    ['as a public client', { audience: api, client_id: 'public' }, 403, 'unauthorized_client', 'not allowed'],
    ['as a client of people', { audience: api, client_id: 'spa' }, 403, 'unauthorized_client', 'not allowed'],
  ])('is refused %s', async (_, changes, status, error, description) => {
    const tenant = aTenantWithAMachine();
    const answer = await postToken(tenant, { ...credentials, ...changes });
    expect(answer).toMatchObject({ status, body: { error } });
    expect(answer.body['error_description']).toContain(description);
    expect(JSON.stringify(tenant.journal)).not.toContain('m@chine');
  });
});

describe('client grants of a configuration', () => {
  it.each([
    ['client_grants[0].client_id', { client_id: 'nobody', audience: api, scope: [] }],
    ['client_grants[0].audience', { client_id: 'spa', audience: 'https://x', scope: [] }],
  ])('name a client and an API that exist: %s', (field, grant) => {
    expect(() => createTenant({ ...configuration, client_grants: [grant] })).toThrow(
      expect.objectContaining({ field }),
    );
  });

  it('leave the Management API to the tenant', () => {
    expect(() => aTenant({ resource_servers: [{ identifier: management }] })).toThrow(
      'resource_servers[1].identifier',
    );
  });
});
