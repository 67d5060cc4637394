/** `verifyIdTokenSignature`: what becomes of a session whose ID tokens cannot be verified, for now or at all. */
import { describe, expect, it } from '@jest/globals';
import { SignJWT } from 'jose';
import { decodeJwt } from '../../src/oauth/jwt.ts';
import { signingKeys } from '../../src/tenant/signing-keys.ts';
import { createWorld, type Fault } from '../support/world.ts';

const hour = 3600 * 1000;
const strict = { useRefreshTokensFallback: false, verifyIdTokenSignature: true } as const;
const unreachable: Fault = { kind: 'drop-before' };
const jwks = '/.well-known/jwks.json';

const isRotation = ({ decision }: { decision?: string | undefined }) => decision === 'rotate-key';

const places = [
  ['in the page', strict],
  ['in a worker', { ...strict, cacheLocation: 'memory' }],
] as const;

describe.each(places)('with custody %s', (_, options) => {
  const begin = () => {
    const world = createWorld();
    return { world, tab: world.openTab(options) };
  };
  const withOldSession = async () => {
    const story = begin();
    await story.tab.login();
    await story.world.advance(2 * hour);
    return story;
  };
  const verdicts = (world: ReturnType<typeof createWorld>) =>
    world.tenant.families().map(({ verdict }) => verdict);
  const ended = { name: 'SessionEndedError', cause: { name: 'InvalidIdTokenError', reason: 'signature' } };

  it('a login with a bad signature leaves nothing, here or at the tenant', async () => {
    const { world, tab } = begin();
    world.tenant.faults.add({ kind: 'bad-sig' });
    await expect(tab.login()).rejects.toMatchObject({
      name: 'InvalidIdTokenError',
      error: 'invalid_id_token',
      reason: 'signature',
      retryable: false,
    });
    expect(verdicts(world)).toEqual(['revoked']);
    expect(world.localStorage.names()).toEqual([]);
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({ error: 'missing_refresh_token' });
  });

  it('a login that fails so leaves the former session as it was', async () => {
    const { world, tab } = begin();
    await tab.login();
    world.tenant.faults.add({ kind: 'bad-sig' });
    await expect(tab.login()).rejects.toMatchObject({ reason: 'signature' });
    await world.advance(2 * hour);
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
  });

  it('a refresh with a bad signature ends the session, and its successor is revoked', async () => {
    const { world, tab } = await withOldSession();
    world.tenant.faults.add({ kind: 'bad-sig' });
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject(ended);
    expect(verdicts(world)).toEqual(['revoked']);
    await expect(tab.client.isAuthenticated()).resolves.toBe(false);
  });

  it('a login for which no keys can be had spends no code, and the same callback does later', async () => {
    const { world, tab } = begin();
    for (const fault of [
      unreachable,
      { kind: 'answer', status: 503, body: '{"keys":[]}' },
      { kind: 'answer', status: 200, body: '<html>' },
      { kind: 'answer', status: 200, body: '{"keys":7}' },
    ] as const) {
      world.documentFaults.push(fault);
      await expect(tab.login()).rejects.toMatchObject({
        error: 'network_error',
        reason: 'unreachable',
        retryable: true,
      });
    }
    expect(world.requests).toEqual([]);
    const { headers } = await tab.follow();
    await tab.client.handleRedirectCallback(headers.get('location') ?? '');
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
  });

  it('a code is not sent where the network went while the keys were waited for', async () => {
    const { world, tab } = begin();
    const alter = (keys: Record<string, unknown>) => {
      world.online = false;
      return keys;
    };
    world.documentFaults.push({ kind: 'alter', alter });
    await expect(tab.login()).rejects.toMatchObject({ reason: 'offline', retryable: true });
    expect(world.requests).toEqual([]);
  });

  it('a refresh for which no keys can be had spends nothing, and goes on later', async () => {
    const { world, tab } = await withOldSession();
    world.documentFaults.push(unreachable);
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({
      error: 'network_error',
      retryable: true,
    });
    expect(world.refreshes()).toEqual([]);
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
  });

  it('a request for the keys that hangs ends in time', async () => {
    const { world, tab } = await withOldSession();
    world.documentFaults.push({ kind: 'hang' });
    const call = tab.client.getTokenSilently();
    const short = tab.client.getTokenSilently({ timeoutInSeconds: 2 });
    const told = [
      expect(short).rejects.toMatchObject({ error: 'timeout', reason: 'still_waiting' }),
      expect(call).rejects.toMatchObject({ error: 'network_error', retryable: true }),
    ];
    await world.advance(5000);
    await Promise.all(told);
    expect(world.refreshes()).toEqual([]);
  });

  it('a key that is new at a refresh costs one more exchange, and no session', async () => {
    const { world, tab } = begin();
    await tab.login();
    await world.advance(60_000);
    world.tenant.faults.add({ kind: 'rotate-key', grant: 'refresh_token' });
    await expect(tab.client.getTokenSilently({ cacheMode: 'off' })).resolves.toEqual(expect.any(String));
    expect(world.refreshes()).toHaveLength(2);
    expect(world.documents).toMatchObject([
      { path: jwks, fresh: false },
      { path: jwks, fresh: true },
    ]);
    expect(verdicts(world)).toEqual(['live']);
  });

  it('a new key that has no name costs one more exchange too', async () => {
    const { world, tab } = begin();
    const nameless = ({ keys }: Record<string, unknown>) => ({
      keys: (keys as { kid: string }[]).slice(0, 1).map(({ kid: _, ...key }) => key),
    });
    const unnamed = async (body: Record<string, unknown>) => {
      const { claims } = decodeJwt(String(body['id_token']));
      const key = await signingKeys('world')(world.tenant.journal.some(isRotation) ? 1 : 0).privateKey();
      return { ...body, id_token: await new SignJWT(claims).setProtectedHeader({ alg: 'RS256' }).sign(key) };
    };
    for (let times = 0; times < 3; times++) {
      world.documentFaults.push({ kind: 'alter', alter: nameless });
      world.faults.push({ kind: 'alter', alter: unnamed });
    }
    await tab.login();
    world.tenant.faults.add({ kind: 'rotate-key', grant: 'refresh_token' });
    await expect(tab.client.getTokenSilently({ cacheMode: 'off' })).resolves.toEqual(expect.any(String));
    expect(world.refreshes()).toHaveLength(2);
    expect(verdicts(world)).toEqual(['live']);
  });

  it('a key that the issuer does not show yet loses no successor, and is asked for once in 30 s', async () => {
    const { world, tab } = await withOldSession();
    world.tenant.faults.add({ kind: 'rotate-key', grant: 'refresh_token' });
    world.tenant.faults.add({ kind: 'stale-jwks', nth: 2, times: Infinity }); // as the keys were before
    const unknown = { name: 'InvalidIdTokenError', reason: 'unknown_key', retryable: true };
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject(unknown);
    expect(world.documents.map(({ fresh }) => fresh)).toEqual([false, false, true]);
    await world.advance(10_000);
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject(unknown);
    expect(world.documents).toHaveLength(3);
    world.tenant.faults.clear();
    await world.advance(20_000);
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    expect(verdicts(world)).toEqual(['live']);
  });

  it('a code whose ID token cannot be judged yet is not sent twice, and the same callback does later', async () => {
    const { world, tab } = begin();
    world.tenant.faults.add({ kind: 'rotate-key' });
    world.tenant.faults.add({ kind: 'stale-jwks', times: 2 });
    await expect(tab.login()).rejects.toMatchObject({ reason: 'unknown_key', retryable: true });
    const callback = (await tab.follow()).headers.get('location') ?? '';
    const url = new URL(callback);
    url.searchParams.set('code', world.requests[0]?.form.get('code') ?? '');
    await expect(tab.client.handleRedirectCallback(url)).rejects.toMatchObject({ reason: 'unknown_key' });
    await world.advance(30_000);
    await tab.client.handleRedirectCallback(url);
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
    const exchanges = world.requests.filter(({ path }) => path === '/oauth/token');
    expect(exchanges).toHaveLength(1);
    expect(verdicts(world)).toEqual(['live']);
  });

  it.each([
    ['another login', (tab: ReturnType<typeof begin>['tab']) => tab.login(), ['revoked', 'live']],
    ['a logout', (tab: ReturnType<typeof begin>['tab']) => tab.client.logout(), ['revoked']],
  ])('what such a code brought is revoked by %s', async (_, end, expected) => {
    const { world, tab } = begin();
    world.tenant.faults.add({ kind: 'rotate-key' });
    world.tenant.faults.add({ kind: 'stale-jwks', times: 2 });
    await expect(tab.login()).rejects.toMatchObject({ reason: 'unknown_key' });
    await world.advance(30_000);
    await end(tab);
    await world.rest();
    expect(verdicts(world)).toEqual(expected);
  });

  it('two codes that wait for the same keys are judged each for itself', async () => {
    const { world, tab } = begin();
    await tab.login();
    await tab.client.loginWithRedirect();
    const callback = (await tab.follow()).headers.get('location') ?? '';
    let letGo = () => {};
    const gate = new Promise<void>((resolve) => (letGo = resolve));
    world.tenant.faults.add({ kind: 'rotate-key' });
    world.documentFaults.push({ kind: 'alter', alter: (keys) => gate.then(() => keys) });
    const login = tab.client.handleRedirectCallback(callback);
    await world.rest();
    const popup = tab.client.loginWithPopup();
    await world.rest();
    await tab.popups[0]?.signIn();
    await world.rest();
    letGo();
    await Promise.all([login, popup]);
    expect(verdicts(world)).toEqual(['live', 'live', 'live']);
    expect(world.documents.map(({ fresh }) => fresh)).toEqual([false, true]);
  });

  it('keys are asked for again after ten minutes, so that one that was withdrawn is not believed for ever', async () => {
    const { world, tab } = begin();
    await tab.login();
    await world.advance(599_000);
    await tab.client.getTokenSilently({ cacheMode: 'off' });
    expect(world.documents).toHaveLength(1);
    await world.advance(1000);
    await tab.client.getTokenSilently({ cacheMode: 'off' });
    expect(world.documents).toHaveLength(2);
  });

  it.each([
    ['that may not sign', { use: 'enc' }],
    ['of another algorithm', { alg: 'PS256' }],
    ['that is none', { n: '', e: '' }],
  ])('a key %s verifies nothing', async (_, change) => {
    const { world, tab } = begin();
    const alter = ({ keys }: Record<string, unknown>) => ({
      keys: [null, ...(keys as object[]).map((key) => ({ ...key, ...change }))],
    });
    world.documentFaults.push({ kind: 'alter', alter }, { kind: 'alter', alter });
    await expect(tab.login()).rejects.toMatchObject({ name: 'InvalidIdTokenError' });
    await expect(tab.client.isAuthenticated()).resolves.toBe(false);
  });

  /** What the answer says, signed by a key of this length that the issuer's set names. */
  async function signedBy(modulusLength: number, header: object): Promise<{ jwks: Fault; answer: Fault }> {
    const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
    const parameters = { ...algorithm, modulusLength, publicExponent: new Uint8Array([1, 0, 1]) };
    const keys = await crypto.subtle.generateKey(parameters, true, ['sign', 'verify']);
    const { kty, n, e } = await crypto.subtle.exportKey('jwk', keys.publicKey);
    const alter = async (body: Record<string, unknown>) => {
      const [, claims = ''] = String(body['id_token']).split('.');
      const told = { alg: 'RS256', kid: 'a', ...header };
      const signed = `${Buffer.from(JSON.stringify(told)).toString('base64url')}.${claims}`;
      const signature = await crypto.subtle.sign(
        algorithm,
        keys.privateKey,
        new TextEncoder().encode(signed),
      );
      return { ...body, id_token: `${signed}.${Buffer.from(signature).toString('base64url')}` };
    };
    const jwks = { kind: 'alter', alter: () => ({ keys: [{ kty, n, e, kid: 'a' }] }) } as const;
    return { jwks, answer: { kind: 'alter', alter } };
  }

  it.each<[string, number, object, object]>([
    ['by a key of 2048 bits is good', 2048, {}, {}],
    ['by a key of 1024 bits is none (RFC 7518 §3.3)', 1024, {}, { reason: 'unknown_key' }],
    [
      'with an extension is refused (RFC 7515 §4.1.11)',
      2048,
      { crit: ['b64'], b64: false },
      { reason: 'algorithm' },
    ],
  ])('a signature %s', async (_, length, header, error) => {
    const { world, tab } = begin();
    const { jwks, answer } = await signedBy(length, header);
    world.documentFaults.push(jwks, jwks);
    world.faults.push(answer);
    const thrown: unknown = await tab.login().catch((it: unknown) => it);
    expect(thrown ?? {}).toMatchObject(error);
    await expect(tab.client.isAuthenticated()).resolves.toBe(!('reason' in error));
  });

  it('a key that the browser takes for none keeps another of that name from nothing', async () => {
    const world = createWorld();
    const { cryptography } = world.openTab().env;
    const tab = world.openTab(options, {
      cryptography: {
        ...cryptography,
        verifyRs256: (jwk, ...signature) =>
          jwk.n === ''
            ? Promise.reject(new DOMException('no key', 'DataError'))
            : cryptography.verifyRs256(jwk, ...signature),
      },
    });
    const alter = ({ keys }: Record<string, unknown>) => ({
      keys: [...(keys as object[]).map((key) => ({ ...key, n: '' })), ...(keys as object[])],
    });
    world.documentFaults.push({ kind: 'alter', alter });
    await tab.login();
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
  });

  it('no error quotes a token', async () => {
    const { world, tab } = begin();
    let idToken = '';
    world.tenant.faults.add({ kind: 'bad-sig' });
    world.faults.push({
      kind: 'alter',
      alter: (body) => {
        idToken = String(body['id_token']);
        return body;
      },
    });
    const error: unknown = await tab.login().catch((thrown: unknown) => thrown);
    const told = JSON.stringify(error, Object.getOwnPropertyNames(error));
    for (const part of idToken.split('.')) expect(told).not.toContain(part);
    expect(idToken).toContain('.');
  });
});

describe('several tabs', () => {
  it('share the exchange that a new key costs', async () => {
    const world = createWorld();
    const tabs = [world.openTab(strict), world.openTab(strict)];
    await tabs[0]?.login();
    await world.advance(2 * hour);
    world.tenant.faults.add({ kind: 'rotate-key', grant: 'refresh_token' });
    const tokens = await Promise.all(tabs.map(({ client }) => client.getTokenSilently()));
    expect(new Set(tokens).size).toBe(1);
    expect(world.tenant.families()).toMatchObject([{ verdict: 'live' }]);
  });
});

describe('an app that does not ask for it', () => {
  it('asks for no keys, and takes the token as it came over TLS', async () => {
    const world = createWorld();
    const tab = world.openTab({ useRefreshTokensFallback: false });
    world.tenant.faults.add({ kind: 'bad-sig' });
    await tab.login();
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
    expect(world.documents).toEqual([]);
  });
});
