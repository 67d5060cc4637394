import { beforeAll, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { Secret, TOTP } from 'otpauth';
import type { Tenant, TenantConfiguration } from '../../src/tenant/index.ts';
import { tenantBrowser } from '../support/tenant-browser.ts';
import { aDpopKey, aPrivateJwk, type DpopKey, type ProofChanges } from './a-dpop-key.ts';
import {
  aCode,
  aTenant,
  api,
  authorizeUrl,
  claimsOf,
  codeGrant,
  codesOf,
  configuration,
  login,
  postToken,
  refresh,
  revoke,
} from './a-tenant.ts';

type Policy = {
  mechanism: 'dpop';
  required: boolean;
  required_for?: 'public_clients' | 'all_clients';
} | null;

const allowed = { mechanism: 'dpop', required: false } as const;

/** A tenant whose API has that policy, and whose clients take bound tokens alone if they are told to. */
function aTenantWith(
  proof_of_possession: Policy,
  requiring = false,
  changes: Partial<TenantConfiguration> = {},
) {
  const { clients, resource_servers } = configuration;
  return aTenant({
    clients: clients.map((client) => ({ ...client, require_proof_of_possession: requiring })),
    resource_servers: resource_servers.map((known) => ({ ...known, proof_of_possession })),
    ...changes,
  });
}

const presentCode = async (tenant: Tenant, code: string, dpop: string, client_id = 'spa') =>
  postToken(
    tenant,
    codeGrant(code, { client_id, ...(client_id === 'server' && { client_secret: 's3 cret' }) }),
    { dpop },
  );

/** The nonce that the tenant gives to a proof without one. */
async function nonceOf(tenant: Tenant, key: DpopKey): Promise<string> {
  const { headers } = await refresh(tenant, 'none', {}, { dpop: await key.proof() });
  return String(headers.get('dpop-nonce'));
}

async function boundLogin(tenant: Tenant, key: DpopKey, changes: Record<string, string | null> = {}) {
  const nonce = await nonceOf(tenant, key);
  const answer = await presentCode(
    tenant,
    await aCode(tenant, changes),
    await key.proof({ claims: { nonce } }),
  );
  expect(answer.status).toBe(200);
  const { access_token, refresh_token, token_type } = answer.body;
  return { nonce, access_token, refresh_token, token_type };
}

describe('a proof at the token endpoint', () => {
  let tenant: Tenant;
  let key: DpopKey;
  beforeAll(async () => {
    tenant = aTenantWith(allowed);
    key = await aDpopKey(tenant);
  });

  const minutesAgo = (minutes: number) => Math.floor(tenant.clock.now() / 1000) - 60 * minutes;
  it.each<[string, () => ProofChanges | Promise<ProofChanges>]>([
    ['for another method', () => ({ claims: { htm: 'GET' } })],
    ['for another path', () => ({ claims: { htu: `${tenant.baseUrl}/oauth/revoke` } })],
    ['for another host', () => ({ claims: { htu: 'https://evil.example/oauth/token' } })],
    ['for no address', () => ({ claims: { htu: 'token' } })],
    ['without a jti', () => ({ claims: { jti: undefined } })],
    ['with a jti that is no text', () => ({ claims: { jti: 7 } })],
    ['without a time', () => ({ claims: { iat: undefined } })],
    ['that is older than a minute', () => ({ claims: { iat: minutesAgo(1) - 1 } })],
    ['from the future', () => ({ claims: { iat: minutesAgo(0) + 6 } })],
    ['that is over by its own word', () => ({ claims: { exp: minutesAgo(0) - 1 } })],
    ['for an access token', () => ({ claims: { ath: 'a'.repeat(43) } })],
    ['of another type', () => ({ header: { typ: 'JWT' } })],
    ['with a private key in it', async () => ({ header: { jwk: await aPrivateJwk() } })],
    ['with another’s key in it', async () => ({ header: { jwk: await anotherJwk(tenant) } })],
  ])('%s is refused, and the code is still good', async (_, changes) => {
    const code = await aCode(tenant);
    const { claims, header = {} } = await changes();
    const nonce = await nonceOf(tenant, key);
    const bad = await presentCode(tenant, code, await key.proof({ claims: { nonce, ...claims }, header }));
    expect(bad).toMatchObject({ status: 400, body: { error: 'invalid_dpop_proof' } });
    expect(codesOf(tenant).at(-1)).toBe('feacft');
    const good = await presentCode(tenant, code, await key.proof({ claims: { nonce } }));
    expect(good).toMatchObject({ status: 200, body: { token_type: 'DPoP' } });
  });

  it.each([
    ['is no JWT', () => 'garbage'],
    ['comes twice', async () => `${await key.proof()}, ${await key.proof()}`],
    ['is signed by an algorithm that is not offered', async () => (await aDpopKey(tenant, 'RS256')).proof()],
  ])('is refused when it %s', async (_, header) => {
    const answer = await presentCode(tenant, await aCode(tenant), await header());
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_dpop_proof' } });
  });

  it('counts for an address that is written otherwise, with a query and a fragment', async () => {
    const { port } = new URL(tenant.baseUrl);
    const htu = `HTTP://LOCALHOST:${port}/oauth/token?a=1#b`;
    const nonce = await nonceOf(tenant, key);
    const answer = await presentCode(
      tenant,
      await aCode(tenant),
      await key.proof({ claims: { htu, nonce } }),
    );
    expect(answer.status).toBe(200);
  });

  it('is good once', async () => {
    const proof = await key.proof({ claims: { nonce: await nonceOf(tenant, key) } });
    expect((await presentCode(tenant, await aCode(tenant), proof)).status).toBe(200);
    const again = await presentCode(tenant, await aCode(tenant), proof);
    expect(again).toMatchObject({ status: 400, body: { error: 'invalid_dpop_proof' } });
  });

  it('is good once even when both come at the same moment', async () => {
    const proof = await key.proof({ claims: { nonce: await nonceOf(tenant, key) } });
    const codes = [await aCode(tenant), await aCode(tenant)];
    const answers = await Promise.all(codes.map((code) => presentCode(tenant, code, proof)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 400]));
  });
});

async function anotherJwk(tenant: Tenant) {
  const [header] = (await (await aDpopKey(tenant)).proof()).split('.');
  return (JSON.parse(Buffer.from(String(header), 'base64url').toString()) as { jwk: object }).jwk;
}

describe('the nonce', () => {
  it('is asked of a public client, with the nonce to use, which a page may read', async () => {
    const tenant = aTenantWith(allowed);
    const key = await aDpopKey(tenant);
    const code = await aCode(tenant);
    const headers = { dpop: await key.proof(), origin: 'http://localhost:3000' };
    const asked = await postToken(tenant, codeGrant(code), headers);
    expect(asked).toMatchObject({
      status: 400,
      body: {
        error: 'use_dpop_nonce',
        error_description: 'Authorization server requires nonce in DPoP proof',
      },
    });
    expect(asked.headers.get('access-control-expose-headers')).toContain('DPoP-Nonce');
    const nonce = asked.headers.get('dpop-nonce');
    expect((await presentCode(tenant, code, await key.proof({ claims: { nonce } }))).status).toBe(200);
  });

  it('is not asked of a client that has a secret, but must be good if it comes', async () => {
    const tenant = aTenantWith(allowed);
    const key = await aDpopKey(tenant);
    const code = await aCode(tenant, { client_id: 'server' });
    const wrong = await presentCode(
      tenant,
      code,
      await key.proof({ claims: { nonce: 'made up' } }),
      'server',
    );
    expect(wrong).toMatchObject({ status: 400, body: { error: 'use_dpop_nonce' } });
    expect(await presentCode(tenant, code, await key.proof(), 'server')).toMatchObject({
      status: 200,
      body: { token_type: 'DPoP' },
    });
  });

  it('is given out for five minutes and accepted for ten', async () => {
    const tenant = aTenantWith(allowed);
    const key = await aDpopKey(tenant);
    const first = await nonceOf(tenant, key);
    const statusWith = async (nonce: string) =>
      (await presentCode(tenant, await aCode(tenant), await key.proof({ claims: { nonce } }))).status;
    tenant.clock.advance('299s');
    expect(await nonceOf(tenant, key)).toBe(first);
    tenant.clock.advance('1s');
    expect(await nonceOf(tenant, key)).not.toBe(first);
    tenant.clock.advance('299s');
    expect(await statusWith(first)).toBe(200);
    tenant.clock.advance('1s');
    expect(await statusWith(first)).toBe(400);
  });

  it('never comes to a client that sent no proof', async () => {
    const tenant = aTenantWith(allowed);
    const { headers } = await refresh(tenant, 'none');
    expect(headers.get('dpop-nonce')).toBeNull();
  });

  it('that a fault spoils is asked for anew: the token is not consumed, and the next try succeeds', async () => {
    const tenant = aTenantWith(allowed);
    const key = await aDpopKey(tenant);
    const { nonce, refresh_token } = await boundLogin(tenant, key);
    tenant.faults.add({ kind: 'nonce-churn', grant: 'refresh_token' });
    const churned = await refresh(
      tenant,
      refresh_token,
      {},
      { dpop: await key.proof({ claims: { nonce } }) },
    );
    expect(churned).toMatchObject({ status: 400, body: { error: 'use_dpop_nonce' } });
    expect(tenant.journal.at(-1)).toMatchObject({ type: 'fault', details: { consumed: false } });
    const claims = { nonce: churned.headers.get('dpop-nonce') };
    expect(claims.nonce).not.toBe(nonce);
    const retried = await refresh(tenant, refresh_token, {}, { dpop: await key.proof({ claims }) });
    expect(retried.status).toBe(200);
  });

  it('and the proofs that were used are in a snapshot', async () => {
    const tenant = aTenantWith(allowed);
    const key = await aDpopKey(tenant);
    const proof = await key.proof({ claims: { nonce: await nonceOf(tenant, key) } });
    const code = await aCode(tenant);
    const before = tenant.snapshot();
    expect((await presentCode(tenant, code, proof)).status).toBe(200);
    const after = tenant.snapshot();
    tenant.restore(before);
    expect((await presentCode(tenant, code, proof)).status).toBe(200);
    tenant.restore(after);
    const again = await presentCode(tenant, await aCode(tenant), proof);
    expect(again.body).toMatchObject({ error: 'invalid_dpop_proof' });
  });
});

describe('tokens of a proof', () => {
  it('are bound to its key', async () => {
    const tenant = aTenantWith(allowed);
    const key = await aDpopKey(tenant);
    const body = await boundLogin(tenant, key);
    expect(body).toMatchObject({ token_type: 'DPoP' });
    expect(claimsOf(body.access_token)).toMatchObject({ cnf: { jkt: key.jkt } });
    expect(tenant.families()).toMatchObject([{ jkt: key.jkt }]);
  });

  it('a refresh token of a public client needs a proof of that key, and is not consumed nor reused without', async () => {
    const tenant = aTenantWith(allowed);
    const [key, thief] = [await aDpopKey(tenant), await aDpopKey(tenant)];
    const { nonce, refresh_token } = await boundLogin(tenant, key);
    const withProofOf = async (holder: DpopKey, token: unknown) =>
      refresh(tenant, token, {}, { dpop: await holder.proof({ claims: { nonce } }) });
    const refused = { status: 400, body: { error: 'invalid_dpop_proof' } };
    expect(await refresh(tenant, refresh_token)).toMatchObject(refused);
    expect(await withProofOf(thief, refresh_token)).toMatchObject(refused);
    const { status, body } = await withProofOf(key, refresh_token);
    expect({ status, body }).toMatchObject({ status: 200, body: { token_type: 'DPoP' } });
    expect(await refresh(tenant, refresh_token)).toMatchObject(refused); // spent, and yet no reuse
    expect(await withProofOf(thief, refresh_token)).toMatchObject(refused);
    expect((await withProofOf(key, body['refresh_token'])).status).toBe(200);
    expect((await withProofOf(key, refresh_token)).status).toBe(403); // the holder of the key is believed
    expect(tenant.families()).toMatchObject([{ verdict: 'revoked', endedBecause: 'reuse' }]);
  });

  it('a refresh token that came without a proof stays free, and what it gives for a proof is bound', async () => {
    const tenant = aTenantWith(allowed);
    const key = await aDpopKey(tenant);
    const { refresh_token } = await login(tenant);
    const claims = { nonce: await nonceOf(tenant, key) };
    const bound = await refresh(tenant, refresh_token, {}, { dpop: await key.proof({ claims }) });
    expect(bound.body['token_type']).toBe('DPoP');
    const free = await refresh(tenant, bound.body['refresh_token']);
    expect(free).toMatchObject({ status: 200, body: { token_type: 'Bearer' } });
  });

  it('a refresh token of a client with a secret is bound to the client alone', async () => {
    const tenant = aTenantWith(allowed);
    tenant.updateClient('server', {
      refresh_token: { rotation_type: 'rotating', expiration_type: 'expiring' },
    });
    const key = await aDpopKey(tenant);
    const code = await aCode(tenant, { client_id: 'server' });
    const { body } = await presentCode(tenant, code, await key.proof(), 'server');
    expect(body).toMatchObject({ token_type: 'DPoP' });
    const secret = { client_id: 'server', client_secret: 's3 cret' };
    expect(await refresh(tenant, body['refresh_token'], secret)).toMatchObject({
      status: 200,
      body: { token_type: 'Bearer' },
    });
  });

  it('a refresh that waits for a second factor needs the key as well, and loses nothing without it', async () => {
    const secret = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
    const authenticators = [{ authenticator_type: 'otp', secret }] as const;
    const users = configuration.users.map((user) => ({ ...user, authenticators }));
    const tenant = aTenantWith(allowed, false, { users });
    const key = await aDpopKey(tenant);
    const { nonce, refresh_token } = await boundLogin(tenant, key);
    const proof = () => key.proof({ claims: { nonce } });
    tenant.faults.add({ kind: 'mfa-required' });
    const asked = await refresh(tenant, refresh_token, {}, { dpop: await proof() });
    const form = {
      grant_type: 'http://auth0.com/oauth/grant-type/mfa-otp',
      client_id: 'spa',
      mfa_token: String(asked.body['mfa_token']),
      otp: new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: tenant.clock.now() }),
    };
    const without = await postToken(tenant, form);
    expect(without).toMatchObject({ status: 400, body: { error: 'invalid_dpop_proof' } });
    expect(codesOf(tenant).at(-1)).toBe('feotpft');
    const answer = await postToken(tenant, form, { dpop: await proof() });
    expect(answer).toMatchObject({ status: 200, body: { token_type: 'DPoP' } });
  });

  it.each([
    'theft-attacker-first',
    'theft-victim-first',
    'breach-then-login',
    'second-to-last-replay',
  ] as const)('cannot be stolen, and so are not in %s', async (name) => {
    const tenant = aTenantWith(allowed);
    const key = await aDpopKey(tenant);
    const { nonce, ...first } = await boundLogin(tenant, key);
    let { refresh_token } = first;
    for (let times = 0; times < 2; times++) {
      const dpop = await key.proof({ claims: { nonce } });
      ({ refresh_token } = (await refresh(tenant, refresh_token, {}, { dpop })).body as typeof first);
    }
    const before = JSON.stringify(tenant.snapshot());
    await expect(tenant.scenario(name, { client_id: 'spa' })).rejects.toThrow(/bound to a key/);
    expect(JSON.stringify(tenant.snapshot())).toBe(before);
  });

  it('stay bound through a migration', async () => {
    const tenant = aTenantWith(allowed);
    const key = await aDpopKey(tenant);
    const { nonce, refresh_token } = await boundLogin(tenant, key);
    tenant.updateClient('spa', { refresh_token: null });
    const { body } = await refresh(
      tenant,
      refresh_token,
      {},
      { dpop: await key.proof({ claims: { nonce } }) },
    );
    expect(await refresh(tenant, body['refresh_token'])).toMatchObject({ status: 400 });
  });

  it('may be revoked without a proof', async () => {
    const tenant = aTenantWith(allowed);
    const { refresh_token } = await boundLogin(tenant, await aDpopKey(tenant));
    await revoke(tenant, { client_id: 'spa', token: String(refresh_token) });
    expect(tenant.families()).toMatchObject([{ verdict: 'revoked' }]);
  });

  it('a code that was asked for with dpop_jkt needs that key, and outlives another’s try', async () => {
    const tenant = aTenantWith(allowed);
    const [key, thief] = [await aDpopKey(tenant), await aDpopKey(tenant)];
    const claims = { nonce: await nonceOf(tenant, key) };
    const code = await aCode(tenant, { dpop_jkt: key.jkt });
    for (const answer of [
      await postToken(tenant, codeGrant(code)),
      await presentCode(tenant, code, await thief.proof({ claims })),
    ])
      expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_dpop_proof' } });
    expect((await presentCode(tenant, code, await key.proof({ claims }))).status).toBe(200);
  });
});

describe('a proof at /oauth/par', () => {
  async function pushed(tenant: Tenant, key: DpopKey, changes: Record<string, string> = {}, nonce?: string) {
    const claims = { htu: `${tenant.baseUrl}/oauth/par`, nonce: nonce ?? (await nonceOf(tenant, key)) };
    const body = new URL(authorizeUrl(changes), tenant.baseUrl).searchParams;
    const headers = { dpop: await key.proof({ claims }) };
    const response = await tenant.fetch(
      new Request(`${tenant.baseUrl}/oauth/par`, { method: 'POST', headers, body }),
    );
    const nextNonce = response.headers.get('dpop-nonce');
    return { nextNonce, status: response.status, body: (await response.json()) as Record<string, string> };
  }

  it('binds the code to its key', async () => {
    const tenant = aTenantWith(allowed);
    const [key, thief] = [await aDpopKey(tenant), await aDpopKey(tenant)];
    const { request_uri = '' } = (await pushed(tenant, key)).body;
    const browser = tenantBrowser(tenant);
    browser.setCookie(tenant.signIn('ada@example.com', { client_id: 'spa' }).cookie);
    const query = new URLSearchParams({ client_id: 'spa', request_uri });
    const { url } = await browser.visit(`/authorize?${query.toString()}`);
    const code = url.searchParams.get('code') ?? '';
    const nonce = await nonceOf(tenant, key);
    const stolen = await presentCode(tenant, code, await thief.proof({ claims: { nonce } }));
    expect(stolen).toMatchObject({ status: 400, body: { error: 'invalid_dpop_proof' } });
    const own = await presentCode(tenant, code, await key.proof({ claims: { nonce } }));
    expect(own).toMatchObject({ status: 200, body: { token_type: 'DPoP' } });
  });

  it('may come with the dpop_jkt of its key, and with no other', async () => {
    const tenant = aTenantWith(allowed);
    const key = await aDpopKey(tenant);
    expect((await pushed(tenant, key, { dpop_jkt: key.jkt })).status).toBe(201);
    expect(await pushed(tenant, key, { dpop_jkt: 'another' })).toMatchObject({
      status: 400,
      body: { error: 'invalid_dpop_proof' },
    });
    expect(codesOf(tenant).at(-1)).toBe('f');
  });

  it('must be good, and is told the nonce to use', async () => {
    const tenant = aTenantWith(allowed);
    const key = await aDpopKey(tenant);
    expect(await pushed(tenant, key, {}, 'old')).toMatchObject({
      status: 400,
      nextNonce: await nonceOf(tenant, key),
      body: { error: 'use_dpop_nonce' },
    });
  });
});

describe('what an API and a client ask for', () => {
  const required = { ...allowed, required: true };
  it.each<[string, Policy, boolean, string | null, withProof: string | number, without: string | number]>([
    ['an API that has no policy', null, false, api, 'Bearer', 'Bearer'],
    ['the same, for a client that takes bound tokens alone', null, true, api, 400, 400],
    ['an API that allows it', allowed, false, api, 'DPoP', 'Bearer'],
    ['the same, for a client that takes bound tokens alone', allowed, true, api, 'DPoP', 400],
    ['an API that requires it', required, false, api, 'DPoP', 400],
    ['the same of public clients', { ...required, required_for: 'public_clients' }, false, api, 'DPoP', 400],
    ['no API', null, false, null, 'DPoP', 'Bearer'],
    ['no API, for a client that takes bound tokens alone', null, true, null, 'DPoP', 400],
  ])('%s', async (_, policy, requiring, audience, withProof, without) => {
    const tenant = aTenantWith(policy, requiring);
    const key = await aDpopKey(tenant);
    const claims = { nonce: await nonceOf(tenant, key) };
    const code = await aCode(tenant, { audience });
    const bare = await postToken(tenant, codeGrant(code));
    expect(bare.status === 200 ? bare.body['token_type'] : bare.status).toBe(without);
    const next = bare.status === 200 ? await aCode(tenant, { audience }) : code; // what is refused consumes nothing
    const proven = await presentCode(tenant, next, await key.proof({ claims }));
    expect(proven.status === 200 ? proven.body['token_type'] : proven.status).toBe(withProof);
  });

  it('a client with a secret needs no proof where public clients do', async () => {
    const tenant = aTenantWith({ ...required, required_for: 'public_clients' });
    const code = await aCode(tenant, { client_id: 'server' });
    const answer = await postToken(
      tenant,
      codeGrant(code, { client_id: 'server', client_secret: 's3 cret' }),
    );
    expect(answer).toMatchObject({ status: 200, body: { token_type: 'Bearer' } });
  });

  it('is asked at a refresh, too, and the token is not consumed', async () => {
    const tenant = aTenantWith({ ...required, required_for: 'all_clients' });
    const key = await aDpopKey(tenant);
    const { nonce, refresh_token } = await boundLogin(tenant, key);
    expect((await refresh(tenant, refresh_token)).status).toBe(400);
    const answer = await refresh(tenant, refresh_token, {}, { dpop: await key.proof({ claims: { nonce } }) });
    expect(answer.status).toBe(200);
  });

  it('counts for a client’s own token', async () => {
    const tenant = aTenantWith(allowed, false, {
      clients: [
        ...configuration.clients,
        { client_id: 'm2m', app_type: 'non_interactive', client_secret: 'secret' },
      ],
      client_grants: [{ client_id: 'm2m', audience: api, scope: ['read:things'] }],
    });
    const key = await aDpopKey(tenant);
    const form = {
      grant_type: 'client_credentials',
      client_id: 'm2m',
      client_secret: 'secret',
      audience: api,
    };
    const { body } = await postToken(tenant, form, { dpop: await key.proof() });
    expect(body).toMatchObject({ token_type: 'DPoP' });
    expect(claimsOf(body['access_token'])).toMatchObject({ cnf: { jkt: key.jkt } });
  });
});

describe.each([
  ['JWT', api],
  ['opaque', null],
])('userinfo for a bound %s token', (_, audience) => {
  const ask = (tenant: Tenant, authorization: string, dpop?: string) =>
    tenant.fetch(
      new Request(`${tenant.baseUrl}/userinfo`, { headers: { authorization, ...(dpop && { dpop }) } }),
    );

  async function aBoundToken() {
    const tenant = aTenantWith(allowed);
    const key = await aDpopKey(tenant);
    const { nonce, access_token } = await boundLogin(tenant, key, { audience });
    const token = String(access_token);
    const ath = createHash('sha256').update(token).digest('base64url');
    const claims = { htm: 'GET', htu: `${tenant.baseUrl}/userinfo`, ath, nonce };
    return { tenant, key, token, claims };
  }

  it('answers a proof of its key', async () => {
    const { tenant, key, token, claims } = await aBoundToken();
    const response = await ask(tenant, `DPoP ${token}`, await key.proof({ claims }));
    expect(await response.json()).toMatchObject({ email: 'ada@example.com' });
    expect(response.headers.get('dpop-nonce')).toBe(claims.nonce);
    expect(response.headers.get('access-control-expose-headers')).toContain('DPoP-Nonce');
  });

  it('asks for a nonce where the proof has none', async () => {
    const { tenant, key, token, claims } = await aBoundToken();
    const response = await ask(
      tenant,
      `DPoP ${token}`,
      await key.proof({ claims: { ...claims, nonce: undefined } }),
    );
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('DPoP error="use_dpop_nonce", algs="ES256"');
    expect(response.headers.get('dpop-nonce')).toBe(claims.nonce);
  });

  it('is closed to whoever has the token alone, another key, or another token’s proof', async () => {
    const { tenant, key, token, claims } = await aBoundToken();
    const thief = await aDpopKey(tenant);
    const challengeOf = async (authorization: string, dpop?: string) =>
      (await ask(tenant, authorization, dpop)).headers.get('www-authenticate');
    expect(await challengeOf(`Bearer ${token}`)).toBe('DPoP error="invalid_token"');
    expect(await challengeOf(`Bearer ${token}`, await key.proof({ claims }))).toBe(
      'DPoP error="invalid_token"',
    );
    const badProof = 'DPoP error="invalid_dpop_proof", algs="ES256"';
    expect(await challengeOf(`DPoP ${token}`)).toBe(badProof);
    expect(await challengeOf(`DPoP ${token}`, await thief.proof({ claims }))).toBe(badProof);
    const foreign = { ...claims, ath: 'a'.repeat(43) };
    expect(await challengeOf(`DPoP ${token}`, await key.proof({ claims: foreign }))).toBe(badProof);
    expect(
      await challengeOf(`DPoP ${token}`, await key.proof({ claims: { ...claims, ath: undefined } })),
    ).toBe(badProof);
    expect(await challengeOf(`DPoP ${token}`, await key.proof({ claims: { ...claims, htm: 'POST' } }))).toBe(
      badProof,
    );
  });

  it('does not take a bearer token for a bound one', async () => {
    const { tenant, key, claims } = await aBoundToken();
    const { access_token } = await login(tenant, { audience });
    const response = await ask(tenant, `DPoP ${String(access_token)}`, await key.proof({ claims }));
    expect(response.headers.get('www-authenticate')).toBe('DPoP error="invalid_token"');
  });
});
