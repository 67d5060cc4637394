/**
 * What the OpenID Foundation's conformance suite asks of a relying party, one test per module and named after it, without the
 * prefix `oidcc-client-test`. Left out is what a public client in a browser with the code flow does not do: client secrets, userinfo,
 * `c_hash`, dynamic registration, WebFinger, request objects and logouts through the back or the front channel.
 */
import { describe, expect, it } from '@jest/globals';
import { SignJWT, type JWTPayload } from 'jose';
import { createHash } from 'node:crypto';
import type { Auth0ClientOptions } from '../../src/core/options.ts';
import { decodeJwt } from '../../src/oauth/jwt.ts';
import { signingKeys } from '../../src/tenant/signing-keys.ts';
import { createWorld, tenantUrl, type Fault, type Tab, type World } from '../support/world.ts';

const hour = 3600 * 1000;
const strict = { useRefreshTokensFallback: false, verifyIdTokenSignature: true } as const;
const discovering = { ...strict, discovery: true } as const;

type Change = (claims: JWTPayload, header: Record<string, unknown>) => void;

/** The next answer's ID token with that change, under a good signature of the tenant's own key. */
const withIdToken = (change: Change): Fault => ({
  kind: 'alter',
  async alter(body) {
    const decoded = decodeJwt(String(body['id_token']));
    const [claims, header] = [{ ...decoded.claims }, { ...decoded.header }];
    change(claims, header);
    const key = await signingKeys('world')(0).privateKey();
    const signed = new SignJWT(claims).setProtectedHeader({ ...header, alg: 'RS256' });
    return { ...body, id_token: await signed.sign(key) };
  },
});

/** The next answer's ID token with that in its header, and no good signature. */
const withHeader = (changes: object): Fault => ({
  kind: 'alter',
  alter(body) {
    const [header = '', ...rest] = String(body['id_token']).split('.');
    const changed = { ...(JSON.parse(Buffer.from(header, 'base64url').toString()) as object), ...changes };
    return {
      ...body,
      id_token: [Buffer.from(JSON.stringify(changed)).toString('base64url'), ...rest].join('.'),
    };
  },
});

interface Story {
  readonly world: World;
  readonly tab: Tab;
}

const begin = (options: Partial<Auth0ClientOptions> = strict): Story => {
  const world = createWorld();
  return { world, tab: world.openTab(options) };
};

/** A login that is refused for that, revokes what it brought, and leaves nobody signed in. */
async function refusesLogin({ world, tab }: Story, reason: string): Promise<void> {
  await expect(tab.login()).rejects.toMatchObject({ name: 'InvalidIdTokenError', reason });
  await world.rest();
  expect(world.tenant.families().map(({ verdict }) => verdict)).toEqual(['revoked']);
  await expect(tab.client.isAuthenticated()).resolves.toBe(false);
}

async function accepts({ tab }: Story): Promise<void> {
  await tab.login();
  await expect(tab.client.getUser()).resolves.toMatchObject({ name: 'Ada' });
}

/** A refresh that is refused for that ends the session, and its successor is revoked. */
async function refusesRefresh({ world, tab }: Story, reason: string): Promise<void> {
  await expect(tab.client.getTokenSilently()).rejects.toMatchObject({
    name: 'SessionEndedError',
    reason: 'invalid_id_token',
    cause: { name: 'InvalidIdTokenError', reason },
  });
  expect(world.tenant.families().map(({ verdict }) => verdict)).toEqual(['revoked']);
  await expect(tab.client.isAuthenticated()).resolves.toBe(false);
}

async function withOldSession(options: Partial<Auth0ClientOptions> = strict): Promise<Story> {
  const story = begin(options);
  await story.tab.login();
  await story.world.advance(2 * hour);
  return story;
}

describe('the basic plan', () => {
  it('(plain): a login whose answers are right is accepted', async () => {
    await accepts(begin());
  });

  it('nonce-invalid: refused', async () => {
    const story = begin();
    story.world.tenant.faults.add({ kind: 'bad-nonce' });
    await refusesLogin(story, 'nonce');
  });

  it('invalid-iss: refused', async () => {
    const story = begin();
    story.world.tenant.faults.add({ kind: 'bad-iss' });
    await refusesLogin(story, 'issuer');
  });

  it('missing-sub: refused', async () => {
    const story = begin();
    story.world.faults.push(withIdToken((claims) => delete claims.sub));
    await refusesLogin(story, 'subject');
  });

  it('invalid-aud: refused', async () => {
    const story = begin();
    story.world.tenant.faults.add({ kind: 'bad-aud' });
    await refusesLogin(story, 'audience');
  });

  it('missing-iat: refused', async () => {
    const story = begin();
    story.world.faults.push(withIdToken((claims) => delete claims.iat));
    await refusesLogin(story, 'issued_at');
  });

  it('kid-absent-single-jwks: accepted', async () => {
    const story = begin();
    story.world.faults.push(withIdToken((_, header) => delete header['kid']));
    await accepts(story);
  });

  it('kid-absent-multiple-jwks: accepted by whichever key has signed, and refused where none has', async () => {
    for (const isSigned of [true, false]) {
      const story = begin();
      const { publicJwk } = signingKeys('world')(1);
      const addKey: Fault = {
        kind: 'alter',
        alter: ({ keys }) => ({ keys: [publicJwk, ...(isSigned ? (keys as object[]) : [])] }),
      };
      story.world.documentFaults.push(addKey, addKey);
      story.world.faults.push(withIdToken((_, header) => delete header['kid']));
      await (isSigned ? accepts(story) : refusesLogin(story, 'signature'));
    }
  });

  it('idtoken-sig-rs256: accepted, after one request for the keys', async () => {
    const story = begin();
    await accepts(story);
    await story.world.advance(60_000);
    await story.tab.client.getTokenSilently({ cacheMode: 'off' });
    expect(story.world.documents.map(({ path }) => path)).toEqual(['/.well-known/jwks.json']);
  });

  it('idtoken-sig-none: refused', async () => {
    const story = begin();
    story.world.faults.push(withHeader({ alg: 'none' }));
    await refusesLogin(story, 'algorithm');
  });

  it('invalid-sig-rs256: refused', async () => {
    const story = begin();
    story.world.tenant.faults.add({ kind: 'bad-sig' });
    await refusesLogin(story, 'signature');
  });
});

describe('the further modules', () => {
  it('missing-aud: refused', async () => {
    const story = begin();
    story.world.faults.push(withIdToken((claims) => delete claims.aud));
    await refusesLogin(story, 'audience');
  });

  it.each(['HS256', 'ES256'])('invalid-sig-%s: refused', async (alg) => {
    const story = begin();
    story.world.faults.push(withHeader({ alg }));
    await refusesLogin(story, 'algorithm');
  });

  it('missing-athash: accepted, in the code flow', async () => {
    const story = begin();
    story.world.faults.push(withIdToken((claims) => delete claims['at_hash']));
    await accepts(story);
  });

  it('invalid-athash: refused, at a login and at a refresh', async () => {
    const story = begin();
    const at_hash = createHash('sha256').update('another').digest().subarray(0, 16).toString('base64url');
    story.world.faults.push(withIdToken((claims) => (claims['at_hash'] = at_hash)));
    await refusesLogin(story, 'access_token_hash');
    const later = await withOldSession();
    later.world.faults.push(withIdToken((claims) => (claims['at_hash'] = at_hash)));
    await refusesRefresh(later, 'access_token_hash');
  });

  it('signing-key-rotation: the keys are fetched once more, and the login is accepted', async () => {
    const story = begin();
    await accepts(story);
    await story.world.advance(60_000);
    story.world.tenant.faults.add({ kind: 'rotate-key', endpoint: '/authorize' });
    await accepts(story);
    expect(story.world.documents).toMatchObject([{ fresh: false }, { fresh: true }]);
  });

  it('signing-key-rotation-just-before-signing: so it is, with keys that have just come', async () => {
    const story = begin();
    story.world.tenant.faults.add({ kind: 'rotate-key' });
    await accepts(story);
    expect(story.world.documents).toMatchObject([{ fresh: false }, { fresh: true }]);
  });

  it('nonce-unless-code-flow: a nonce is asked for in the code flow too', async () => {
    const story = begin();
    await accepts(story);
    expect(new URL(story.tab.navigations[0] ?? '').searchParams.get('nonce')).toMatch(/^[\w-]{43}$/);
  });

  it('iat-is-week-in-past: refused', async () => {
    const story = begin();
    story.world.faults.push(withIdToken((claims) => (claims.iat = Number(claims.iat) - 7 * 86_400)));
    await refusesLogin(story, 'time');
  });

  it('invalid-expired-exp: refused', async () => {
    const story = begin();
    story.world.faults.push(withIdToken((claims) => (claims.exp = Number(claims.iat) - 3600)));
    await refusesLogin(story, 'time');
  });

  it('invalid-secondary-aud: refused, unless the token says that it was given to this client', async () => {
    const story = begin();
    story.world.faults.push(withIdToken((claims) => (claims.aud = ['spa', 'other'])));
    await refusesLogin(story, 'authorized_party');
    const other = begin();
    const change: Change = (claims) => Object.assign(claims, { aud: ['spa', 'other'], azp: 'other' });
    other.world.faults.push(withIdToken(change));
    await refusesLogin(other, 'authorized_party');
  });

  it('valid-aud-as-array: accepted', async () => {
    const story = begin();
    story.world.faults.push(withIdToken((claims) => (claims.aud = ['spa'])));
    await accepts(story);
  });

  it('no-scope-in-token-endpoint-response, token-endpoint-response-without-expires_in: accepted', async () => {
    const story = begin();
    story.world.tenant.faults.add({ kind: 'omit', members: ['scope', 'expires_in'] });
    await accepts(story);
  });
});

describe('discovery', () => {
  it('discovery-openid-config, discovery-jwks-uri-keys: the endpoints and the keys are where the document says', async () => {
    const story = begin(discovering);
    await accepts(story);
    expect(story.world.documents.map(({ path }) => path)).toEqual([
      '/.well-known/openid-configuration',
      '/.well-known/jwks.json',
    ]);
  });

  it('discovery-issuer-mismatch: refused before the user is sent anywhere', async () => {
    const { world, tab } = begin(discovering);
    world.documentFaults.push({ kind: 'alter', alter: (it) => ({ ...it, issuer: 'https://evil.example/' }) });
    await expect(tab.client.loginWithRedirect()).rejects.toMatchObject({
      error: 'discovery_failed',
      reason: 'issuer_mismatch',
      retryable: false,
    });
    expect(tab.navigations).toEqual([]);
  });

  it.each([
    ['invalid-authorization-response-iss', '&iss=https%3A%2F%2Fevil.example%2F'],
    ['remove-authorization-response-iss', ''],
  ])('%s: refused, and the code is not sent', async (_, iss) => {
    const { world, tab } = begin(discovering);
    world.documentFaults.push({
      kind: 'alter',
      alter: (it) => ({ ...it, authorization_response_iss_parameter_supported: true }),
    });
    await tab.client.loginWithRedirect();
    const state = new URL(tab.navigations[0] ?? '').searchParams.get('state');
    const callback = tab.client.handleRedirectCallback(`http://localhost:3000/?code=c&state=${state}${iss}`);
    await expect(callback).rejects.toMatchObject({ error: 'issuer_mismatch' });
    expect(world.requests).toEqual([]);
  });
});

describe('the refresh plan', () => {
  it('refresh-token: the claims of the new ID token are shown', async () => {
    const { world, tab } = await withOldSession();
    world.faults.push(withIdToken((claims) => (claims['nickname'] = 'countess')));
    await tab.client.getTokenSilently();
    await expect(tab.client.getUser()).resolves.toMatchObject({ nickname: 'countess' });
  });

  it('refresh-token-invalid-issuer: the session ends', async () => {
    const story = await withOldSession();
    story.world.tenant.faults.add({ kind: 'bad-iss' });
    await refusesRefresh(story, 'issuer');
  });

  it('refresh-token-invalid-sub: the session ends', async () => {
    const story = await withOldSession();
    story.world.tenant.faults.add({ kind: 'bad-sub' });
    await refusesRefresh(story, 'subject');
  });

  it.each<[claim: string, reason: string, change: Change]>([
    ['aud', 'audience', (claims) => (claims.aud = 'another')],
    ['azp', 'authorized_party', (claims) => (claims['azp'] = 'spa')],
    ['nonce', 'nonce', (claims) => (claims['nonce'] = 'another')],
    ['organization', 'organization', (claims) => (claims['org_id'] = 'org_2')],
  ])('another %s than at the login: the session ends', async (_, reason, change) => {
    const world = createWorld({ conformance: true });
    const tab = world.openTab(strict);
    await tab.login();
    await world.advance(2 * hour);
    world.faults.push(withIdToken(change));
    await refusesRefresh({ world, tab }, reason);
  });

  it('another auth_time than at the login: the same user is still signed in, and the developer is told once', async () => {
    const world = createWorld({ conformance: true });
    const tab = world.openTab(strict);
    await tab.login();
    for (let times = 0; times < 3; times++) {
      await world.advance(2 * hour);
      world.faults.push(withIdToken((claims) => (claims['auth_time'] = Number(claims['auth_time']) + times)));
      await tab.client.getTokenSilently();
      expect(world.warnings).toEqual(times ? [expect.stringContaining('auth_time')] : []);
    }
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
    expect(world.tenant.families().map(({ verdict }) => verdict)).toEqual(['live']);
  });

  it('auth_time and at_hash as a strict server sends them: accepted, refresh after refresh', async () => {
    const world = createWorld({ conformance: true });
    const tab = world.openTab(strict);
    await tab.login();
    for (let times = 0; times < 3; times++) {
      await world.advance(2 * hour);
      await tab.client.getTokenSilently();
    }
    await expect(tab.client.getIdTokenClaims()).resolves.toMatchObject({
      auth_time: expect.any(Number),
      at_hash: expect.any(String),
    });
  });

  it('max_age of one call: the answer must tell when the user signed in, and that must be recent', async () => {
    const { world, tab } = begin();
    await tab.login(undefined, { max_age: 600 });
    const auth_time = Number((await tab.client.getIdTokenClaims())?.['auth_time']);
    for (const [change, reason] of [
      [(claims: JWTPayload) => void delete claims['auth_time'], 'authentication_time'],
      [(claims: JWTPayload) => void (claims['auth_time'] = auth_time - 700), 'max_age'],
    ] as const) {
      world.faults.push(withIdToken(change));
      await expect(tab.login(undefined, { max_age: 600 })).rejects.toMatchObject({ reason });
    }
  });
});

describe('RP-initiated logout', () => {
  it.each([
    ['rp-init-logout', { state: 'a&b' }],
    ['rp-init-logout-no-state', {}],
  ])('%s: with a hint, an address to return to, and a state where the app gives one', async (_, given) => {
    const { world, tab } = begin(discovering);
    await tab.login();
    const id_token_hint = (await tab.client.getIdTokenClaims())?.__raw;
    await tab.client.logout({ logoutParams: { returnTo: 'http://localhost:3000', ...given } });
    const { origin, pathname, searchParams } = new URL(tab.navigations.at(-1) ?? '');
    expect(origin + pathname).toBe(`${tenantUrl}/oidc/logout`);
    expect(Object.fromEntries(searchParams)).toEqual({
      client_id: 'spa',
      id_token_hint,
      post_logout_redirect_uri: 'http://localhost:3000',
      ...given,
    });
    const { headers } = await tab.follow();
    expect(headers.get('location')).toBe(`http://localhost:3000${'state' in given ? '?state=a%26b' : ''}`);
    expect(world.tenant.families().map(({ verdict }) => verdict)).toEqual(['revoked']);
  });
});
