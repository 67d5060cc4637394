import { describe, expect, it } from '@jest/globals';
import type { Hooks, Tenant, TenantConfiguration, TokenExchangeEvent } from '../../src/tenant/index.ts';
import {
  ada,
  api,
  aTenant,
  claimsOf,
  codesOf,
  configuration,
  postToken,
  refresh,
  rotating,
} from './a-tenant.ts';
import { aDpopKey } from './a-dpop-key.ts';

const grant_type = 'urn:ietf:params:oauth:grant-type:token-exchange';
const subject_token_type = 'https://legacy.example/session';

/** Its client `cli` exchanges tokens, whose users this hook names. */
function aTenantThatExchanges(
  onTokenExchange: Hooks['onTokenExchange'],
  changes: Partial<TenantConfiguration> = {},
  hooks: Hooks = {},
): Tenant {
  const cli = {
    client_id: 'cli',
    app_type: 'native',
    grant_types: [grant_type, 'refresh_token'],
    refresh_token: rotating,
  } as const;
  return aTenant({
    clients: [...configuration.clients, cli],
    users: [{ ...configuration.users[0], user_id: 'auth0|ada' }, ...configuration.users.slice(1)],
    hooks: { ...hooks, ...(onTokenExchange && { onTokenExchange }) },
    ...changes,
  });
}

const asAda = () => ({ user_id: 'auth0|ada' });

const present = (tenant: Tenant, changes: Record<string, string> = {}, headers: HeadersInit = {}) =>
  postToken(
    tenant,
    { grant_type, client_id: 'cli', subject_token: 'theirs', subject_token_type, ...changes },
    headers,
  );

describe('a token of somebody else’s', () => {
  it('is exchanged for those of the user whom the hook names', async () => {
    const events: TokenExchangeEvent[] = [];
    const tenant = aTenantThatExchanges(async (event) => {
      events.push(event);
      return asAda();
    });
    const scope = 'openid email offline_access read:things';
    const { status, body } = await present(tenant, { scope: `${scope} write:things`, audience: api });
    expect({ status, ...body }).toMatchObject({ status: 200, scope, expires_in: 3600 });
    expect(claimsOf(body['id_token'])).toMatchObject({ sub: 'auth0|ada', aud: 'cli', email: ada.email });
    expect(events).toEqual([
      {
        client_id: 'cli',
        subject_token: 'theirs',
        subject_token_type,
        scope: scope.split(' '),
        audience: api,
      },
    ]);
    expect(codesOf(tenant)).toEqual(['secte']);
    expect(JSON.stringify(tenant.journal)).not.toContain('theirs');
    expect((await refresh(tenant, body['refresh_token'], { client_id: 'cli' })).status).toBe(200);
  });

  it('is bound to the key of a DPoP proof', async () => {
    const tenant = aTenantThatExchanges(asAda);
    const key = await aDpopKey(tenant);
    const first = await present(tenant, {}, { dpop: await key.proof() });
    const claims = { nonce: first.headers.get('dpop-nonce') };
    const { body } = await present(tenant, {}, { dpop: await key.proof({ claims }) });
    expect(body['token_type']).toBe('DPoP');
  });

  it('is refused where the hook denies it', async () => {
    const tenant = aTenantThatExchanges(() => ({ deny: 'not theirs' }));
    expect(await present(tenant)).toMatchObject({
      status: 403,
      body: { error: 'access_denied', error_description: 'not theirs' },
    });
    expect(codesOf(tenant)).toEqual(['fecte']);
  });

  it.each<[string, Record<string, string>, number, string]>([
    ['no token', { subject_token: '' }, 400, 'invalid_request'],
    ['no type', { subject_token_type: '' }, 400, 'invalid_request'],
    ['a type that is no URI', { subject_token_type: 'session' }, 400, 'invalid_request'],
    [
      'a type of the IETF',
      { subject_token_type: 'urn:ietf:params:oauth:token-type:access_token' },
      400,
      'invalid_request',
    ],
    [
      'the token of an actor',
      { actor_token: 'x', actor_token_type: subject_token_type },
      400,
      'invalid_request',
    ],
    ['an unknown API', { audience: 'https://nothing.example' }, 403, 'access_denied'],
    ['an organization', { organization: 'acme' }, 400, 'invalid_request'],
    ['a client without the grant', { client_id: 'native' }, 403, 'unauthorized_client'],
  ])('is shown to no hook for %s', async (_, changes, status, error) => {
    const asked: unknown[] = [];
    const tenant = aTenantThatExchanges((event) => {
      asked.push(event);
      return asAda();
    });
    expect(await present(tenant, changes)).toMatchObject({ status, body: { error } });
    expect(asked).toEqual([]);
  });

  it('is refused without a hook, and discovery does not name the grant', async () => {
    const named = async (tenant: Tenant) => {
      const answer = await tenant.fetch(new Request(`${tenant.issuer}.well-known/openid-configuration`));
      return ((await answer.json()) as { grant_types_supported: string[] }).grant_types_supported;
    };
    const tenant = aTenantThatExchanges(undefined);
    expect(await present(tenant)).toMatchObject({
      status: 403,
      body: {
        error: 'access_denied',
        error_description: 'Token exchange is not configured for this tenant',
      },
    });
    expect(await named(tenant)).not.toContain(grant_type);
    expect(await named(aTenantThatExchanges(asAda))).toContain(grant_type);
  });

  it.each([
    ['nobody', 'auth0|nobody', 'user does not exist'],
    ['one who is blocked', 'auth0|mallory', 'user is blocked'],
  ])('that speaks for %s gives nothing', async (_, user_id, error_description) => {
    const users = [{ email: 'mallory@example.com', password: 'x', user_id: 'auth0|mallory', blocked: true }];
    const tenant = aTenantThatExchanges(() => ({ user_id }), { users });
    expect((await present(tenant)).body).toEqual({ error: 'invalid_grant', error_description });
  });

  it('gives nothing where the post-login hook denies it', async () => {
    const protocols: string[] = [];
    const hooks: Hooks = {
      onPostLogin({ protocol }) {
        protocols.push(protocol);
        return { deny: 'not today' };
      },
    };
    expect((await present(aTenantThatExchanges(asAda, {}, hooks))).body['error_description']).toBe(
      'not today',
    );
    expect(protocols).toEqual(['oauth2-token-exchange']);
  });

  it('fails with the hook', async () => {
    const tenant = aTenantThatExchanges(() => {
      throw new Error('a mistake');
    });
    expect((await present(tenant)).status).toBe(500);
  });

  it.each([null, {}, { user_id: 7 }, { deny: null, user_id: 'auth0|ada' }])(
    'fails where the hook answers %j',
    async (answer) => {
      const tenant = aTenantThatExchanges(() => answer as unknown as { user_id: string });
      expect(await present(tenant)).toMatchObject({
        status: 500,
        body: { error_description: expect.stringContaining('onTokenExchange: expected') },
      });
      expect(tenant.families()).toEqual([]);
    },
  );

  it('needs a hook that is a function', () => {
    const hooks = { onTokenExchange: 'ada' } as unknown as Hooks;
    expect(() => aTenant({ hooks })).toThrow('hooks.onTokenExchange');
  });
});

it('a tenant’s discovery names every grant that there is', async () => {
  const tenant = aTenantThatExchanges(asAda);
  const answer = await tenant.fetch(new Request(`${tenant.issuer}.well-known/openid-configuration`));
  const { grant_types_supported } = (await answer.json()) as { grant_types_supported: string[] };
  expect(grant_types_supported.length).toBeGreaterThan(10);
  for (const named of grant_types_supported)
    expect((await postToken(tenant, { grant_type: named, client_id: 'spa' })).body['error']).not.toBe(
      'unsupported_grant_type',
    );
});
