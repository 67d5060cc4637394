import { describe, expect, it } from '@jest/globals';
import { decodeProtectedHeader } from 'jose';
import type { Environment } from '../../src/environment.ts';
import {
  AuthenticationError,
  featureLoadFailed,
  InsecureContextError,
  StorageError,
  UseDpopNonceError,
} from '../../src/errors.ts';
import { decodeJwt } from '../../src/oauth/jwt.ts';
import { watch } from '../support/invariants.ts';
import {
  ada,
  createWorld,
  type Fault,
  type RecordedRequest,
  type Tab,
  type World,
} from '../support/world.ts';

const claimsOf = ({ proof = '' }: RecordedRequest) => decodeJwt(proof).claims;
const keyOf = (proof = '') => JSON.stringify(decodeProtectedHeader(proof).jwk);
const renew = async (tab: Tab) => {
  const answer = await tab.client.getTokenSilently({ cacheMode: 'off', detailedResponse: true });
  if (answer === undefined) throw new Error('there is no token');
  return answer;
};
const tokenRequests = (world: World) => world.requests.filter(({ path }) => path === '/oauth/token');
const churn = (world: World, times: number) =>
  world.tenant.faults.add({ kind: 'nonce-churn', grant: 'refresh_token', times });
/** The request is served as ever. */
const asEver: Fault = { kind: 'hold', until: Promise.resolve() };
const proofFor = (tab: Tab) =>
  tab.client.generateDpopProof({ url: 'https://api.example/', method: 'GET', accessToken: 'a' });

describe.each(['localstorage', 'memory'] as const)('with DPoP and %s', (cacheLocation) => {
  const start = async (ports?: Partial<Environment>, leeway = 0) => {
    const world = createWorld({ dpop: true, leeway });
    const options = { useDpop: true, cacheLocation, useRefreshTokensFallback: false } as const;
    const tab = world.openTab(options, ports);
    await tab.login();
    return { world, tab, options };
  };

  it('a login and its renewals are bound to one key, which the login names beforehand', async () => {
    const { world, tab } = await start();
    const first = await renew(tab);
    const second = await renew(tab);
    expect([first.token_type, second.token_type]).toEqual(['DPoP', 'DPoP']);
    const jkt = new URL(tab.navigations[0] ?? '').searchParams.get('dpop_jkt');
    expect(decodeJwt(second.access_token).claims['cnf']).toEqual({ jkt });
    expect(new Set(tokenRequests(world).map(({ proof }) => keyOf(proof))).size).toBe(1);
  });

  it('each request has a proof of its own; the nonce is told once, and kept', async () => {
    const { world, tab } = await start();
    await renew(tab);
    const requests = tokenRequests(world);
    const proofs = requests.map(claimsOf);
    expect(requests.map(({ granted }) => granted)).toEqual([false, true, true]);
    expect(new Set(proofs.map(({ jti }) => jti)).size).toBe(3);
    expect(proofs.map(({ nonce }) => typeof nonce)).toEqual(['undefined', 'string', 'string']);
    expect(proofs[0]).toMatchObject({ htm: 'POST', htu: 'http://localhost:4400/oauth/token' });
    expect(proofs[0]).not.toHaveProperty('ath');
    await expect(tab.client.getDpopNonce()).resolves.toBe(proofs[2]?.['nonce']);
  });

  it('a refresh whose nonce is worth nothing any more is sent once more, with the new one and the same token', async () => {
    const { world, tab } = await start();
    churn(world, 1);
    await renew(tab);
    const [first, second, ...others] = world.refreshes();
    expect(others).toEqual([]);
    expect(second?.form.get('refresh_token')).toBe(first?.form.get('refresh_token'));
    expect(claimsOf(second!)['jti']).not.toBe(claimsOf(first!)['jti']);
    expect(world.journal()).not.toContain('ferrt');
  });

  it('a refresh that wants a new nonce twice keeps its token, which the next call spends', async () => {
    const { world, tab } = await start();
    churn(world, 2);
    const error: unknown = await renew(tab).catch((it: unknown) => it);
    expect(error).toMatchObject({ name: 'UseDpopNonceError', error: 'use_dpop_nonce', retryable: true });
    expect(error).toBeInstanceOf(UseDpopNonceError);
    await expect(tab.client.getDpopNonce()).resolves.toBe((error as { newDpopNonce?: string }).newDpopNonce);
    expect(world.refreshes()).toHaveLength(2);
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
    await renew(tab);
    expect(world.refreshes().at(-1)?.granted).toBe(true);
  });

  it('a refresh whose answer was lost is proven anew when it is sent again', async () => {
    const { world, tab } = await start({}, 30);
    world.faults.push({ kind: 'drop-after' });
    await renew(tab);
    const [lost, again] = world.refreshes();
    expect(claimsOf(again!)['jti']).not.toBe(claimsOf(lost!)['jti']);
  });

  it('a refresh whose answer is lost after a new nonce was wanted is no refusal', async () => {
    const { world, tab } = await start({}, 30);
    churn(world, 1);
    world.faults.push(asEver, { kind: 'drop-after' }, { kind: 'drop-after' });
    await expect(renew(tab)).rejects.toMatchObject({ error: 'network_error', reason: 'outcome_unknown' });
    await expect(renew(tab)).resolves.toMatchObject({ token_type: 'DPoP' });
  });

  it('a logout removes the key: the next login has another one', async () => {
    const { world, tab } = await start();
    const before = await proofFor(tab);
    await tab.client.logout({ openUrl: false });
    await expect(tab.client.getDpopNonce()).resolves.toBeUndefined();
    await tab.login();
    const after = await proofFor(tab);
    expect(keyOf(after)).not.toBe(keyOf(before));
    expect(keyOf(world.refreshes().at(-1)?.proof ?? tokenRequests(world).at(-1)?.proof)).toBe(keyOf(after));
  });

  it.each<[string, Partial<Environment>, string]>([
    [
      'be kept',
      { keys: { update: () => Promise.reject(new StorageError('full')), close() {} } },
      'storage_error',
    ],
    [
      'be made, for want of the code',
      { dpop: () => Promise.reject(featureLoadFailed(new Error('404'))) },
      'feature_load_failed',
    ],
  ])('a key that cannot %s keeps a login from beginning', async (_, ports, error) => {
    const world = createWorld({ dpop: true });
    const tab = world.openTab({ useDpop: true, cacheLocation }, ports);
    await expect(tab.client.loginWithRedirect()).rejects.toMatchObject({ error, retryable: true });
    expect(tab.navigations).toEqual([]);
  });

  it('a refresh for which no proof can be made sends nothing, and costs nothing', async () => {
    let isBroken = false;
    const world = createWorld({ dpop: true });
    const { keys } = world.openTab().env;
    const tab = world.openTab(
      { useDpop: true, cacheLocation },
      {
        keys: {
          ...keys,
          update: (...args) => (isBroken ? Promise.reject(new StorageError('broken')) : keys.update(...args)),
        },
      },
    );
    await tab.login();
    isBroken = true;
    const sent = world.requests.length;
    for (let n = 0; n < 3; n++)
      await expect(renew(tab)).rejects.toMatchObject({ error: 'storage_error', retryable: true });
    expect(world.requests).toHaveLength(sent);
    isBroken = false;
    await expect(renew(tab)).resolves.toMatchObject({ token_type: 'DPoP' });
  });

  it('a refresh whose proof fails at the last moment sends nothing, and is no lost answer', async () => {
    const world = createWorld({ dpop: true });
    const { dpop } = world.openTab().env;
    let isBroken = false;
    const tab = world.openTab(
      { useDpop: true, cacheLocation },
      {
        async dpop() {
          const real = await dpop();
          const fail = () => Promise.reject(new DOMException('no', 'OperationError'));
          return isBroken ? { ...real, prove: fail } : real;
        },
      },
    );
    await tab.login();
    isBroken = true;
    await expect(renew(tab)).rejects.toMatchObject({ error: 'dpop_failed', retryable: false });
    expect(world.refreshes()).toEqual([]);
    isBroken = false;
    await expect(renew(tab)).resolves.toMatchObject({ token_type: 'DPoP' });
    expect(world.refreshes()).toHaveLength(1);
  });

  it('a new nonce is used for the request that it is wanted for, even if no store takes it', async () => {
    const world = createWorld({ dpop: true });
    const { keys } = world.openTab().env;
    const hasNonces = (record: unknown) => ((record as { nonces?: unknown[] }).nonces?.length ?? 0) > 0;
    const update: typeof keys.update = (name, step) =>
      keys.update(name, (found) => {
        const [next, result] = step(found);
        if (next !== found && hasNonces(next)) throw new StorageError('full');
        return [next, result];
      });
    const tab = world.openTab({ useDpop: true, cacheLocation }, { keys: { ...keys, update } });
    await tab.login();
    await expect(renew(tab)).resolves.toMatchObject({ token_type: 'DPoP' });
    expect(tokenRequests(world).map(({ granted }) => granted)).toEqual([false, true, false, true]);
  });

  it('a refresh that wants a new nonce when the network has gone is not sent again', async () => {
    const { world, tab } = await start();
    churn(world, 1);
    let release = () => {};
    const until = new Promise<void>((resolve) => (release = resolve));
    world.faults.push({ kind: 'hold', until });
    const call = watch(world, renew(tab));
    await world.rest();
    world.online = false;
    release();
    await world.advance(0);
    expect(call.error).toMatchObject({ error: 'network_error', reason: 'offline' });
    expect(world.refreshes()).toHaveLength(1);
    world.online = true;
    await expect(renew(tab)).resolves.toMatchObject({ token_type: 'DPoP' });
  });

  it('offline is told as such, even where the code of DPoP is not there', async () => {
    let isBroken = false;
    const world = createWorld({ dpop: true });
    const { dpop } = world.openTab().env;
    const load = () => (isBroken ? Promise.reject(featureLoadFailed(new Error('offline'))) : dpop());
    const tab = world.openTab({ useDpop: true, cacheLocation }, { dpop: load });
    await tab.login();
    isBroken = true;
    world.online = false;
    await expect(renew(tab)).rejects.toMatchObject({ error: 'network_error', reason: 'offline' });
  });

  it('a refresh whose proof took so long that its claim is anybody’s is not sent', async () => {
    const world = createWorld({ dpop: true });
    const { dpop } = world.openTab().env;
    let slow = false;
    const tab = world.openTab(
      { useDpop: true, cacheLocation },
      {
        async dpop() {
          const real = await dpop();
          return {
            ...real,
            async prove(...request) {
              const proof = await real.prove(...request);
              if (slow) world.sleep(31_000);
              return proof;
            },
          };
        },
      },
    );
    await tab.login();
    slow = true;
    const call = watch(world, renew(tab));
    await world.advance(100);
    expect(call.error).toMatchObject({ retryable: true });
    expect(world.refreshes()).toEqual([]);
    slow = false;
    await expect(renew(tab)).resolves.toMatchObject({ token_type: 'DPoP' });
  });
});

describe('the key of a client', () => {
  it('is one, however many tabs need it first at once', async () => {
    const world = createWorld({ dpop: true });
    const tabs = Array.from({ length: 4 }, () => world.openTab({ useDpop: true }));
    const proofs = await Promise.all(tabs.map(proofFor));
    expect(new Set(proofs.map(keyOf)).size).toBe(1);
  });

  it('is looked up for each proof: after another tab’s logout and login its new key counts', async () => {
    const world = createWorld({ dpop: true });
    const [one, two] = [world.openTab({ useDpop: true }), world.openTab({ useDpop: true })];
    await one.login();
    await renew(two);
    await one.client.logout({ openUrl: false });
    await one.login();
    await expect(renew(two)).resolves.toMatchObject({ token_type: 'DPoP' });
    expect(keyOf(await proofFor(two))).toBe(keyOf(await proofFor(one)));
  });

  it('that is lost costs a login, and says so; the session is not ended', async () => {
    const world = createWorld({ dpop: true });
    const tab = world.openTab({ useDpop: true });
    await tab.login();
    await tab.env.keys.update('latchkey/1/localhost%3A4400/spa/dpop', () => [undefined, undefined]);
    await expect(renew(tab)).rejects.toMatchObject({ error: 'invalid_dpop_proof', requiresLogin: true });
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
    await tab.login();
    await expect(renew(tab)).resolves.toMatchObject({ token_type: 'DPoP' });
  });

  it.each(['localstorage', 'memory'] as const)(
    'that a logout removes while a login waits for its tokens takes the login with it (%s)',
    async (cacheLocation) => {
      const world = createWorld({ dpop: true });
      const [one, two] = [0, 1].map(() => world.openTab({ useDpop: true, cacheLocation })) as [Tab, Tab];
      await one.login();
      let release = () => {};
      const until = new Promise<void>((resolve) => (release = resolve));
      world.faults.push({ kind: 'hold', until });
      const login = watch(world, two.login());
      await world.rest();
      await one.client.logout({ openUrl: false });
      release();
      await world.advance(100);
      expect(login.error).toMatchObject({ error: 'login_required', reason: 'signed_out' });
      expect(login.error).toBeInstanceOf(AuthenticationError);
      await expect(two.client.isAuthenticated()).resolves.toBe(false);
      expect(world.tenant.families().map(({ verdict }) => verdict)).toEqual(['revoked', 'revoked']);
    },
  );

  it.each(['localstorage', 'memory'] as const)(
    'that a logout removes while the tokens of a login are judged takes the login with it, too (%s)',
    async (cacheLocation) => {
      const world = createWorld({ dpop: true });
      const options = { useDpop: true, cacheLocation } as const;
      const one = world.openTab(options);
      const { cryptography } = one.env;
      const judging: Promise<void>[] = [];
      const sha256: typeof cryptography.sha256 = async (bytes) => {
        await judging[0];
        return cryptography.sha256(bytes);
      };
      const two = world.openTab(options, { cryptography: { ...cryptography, available: true, sha256 } });
      await one.login();
      await two.client.loginWithRedirect();
      const callback = (await two.follow()).headers.get('location') ?? '';
      let judged = () => {};
      judging.push(new Promise((resolve) => (judged = resolve)));
      const login = watch(world, two.client.handleRedirectCallback(callback));
      await world.rest();
      await one.client.logout({ openUrl: false });
      judged();
      await world.advance(100);
      expect(login.error).toMatchObject({ error: 'login_required', reason: 'signed_out' });
      await expect(two.client.isAuthenticated()).resolves.toBe(false);
      expect(world.tenant.families().map(({ verdict }) => verdict)).toEqual(['revoked', 'revoked']);
    },
  );

  it('binds a session that began without one, from its next refresh on', async () => {
    const world = createWorld({ dpop: true });
    const before = world.openTab();
    await before.login();
    const after = before.reload({ useDpop: true });
    await expect(renew(after)).resolves.toMatchObject({ token_type: 'DPoP' });
    await expect(renew(after)).resolves.toMatchObject({ token_type: 'DPoP' });
  });
});

describe('a store of keys that takes its time', () => {
  it('has no code sent twice, and costs no login (in a worker)', async () => {
    const world = createWorld({ dpop: true });
    const { keys } = world.openTab().env;
    let isSlow = false;
    const slow: Environment['keys'] = {
      ...keys,
      async update(...args) {
        if (isSlow) await new Promise<void>((resolve) => world.timers.after(9000, resolve));
        return keys.update(...args);
      },
    };
    const tab = world.openTab({ useDpop: true, cacheLocation: 'memory' }, { keys: slow });
    await tab.login();
    isSlow = true;
    world.faults.push({ kind: 'slow', by: 20_000 });
    const login = watch(world, tab.login());
    await world.advance(120_000);
    expect(login.error).toBeUndefined();
    const codes = world.requests.flatMap(({ form }) => form.get('code') ?? []).slice(-2);
    expect(new Set(codes).size).toBe(2);
  });
});

describe('on an insecure origin', () => {
  it.each(['localstorage', 'memory'] as const)(
    'no key is made, and it is said why (%s)',
    async (cacheLocation) => {
      const world = createWorld({ dpop: true });
      const { cryptography } = world.openTab().env;
      const tab = world.openTab(
        { useDpop: true, cacheLocation },
        { cryptography: { ...cryptography, available: false } },
      );
      const exchange = { subject_token: ada, subject_token_type: 'https://legacy.example/token' };
      for (const call of [
        proofFor(tab),
        tab.client.loginWithRedirect(),
        tab.client.loginWithCustomTokenExchange(exchange),
      ])
        await expect(call).rejects.toBeInstanceOf(InsecureContextError);
      expect(world.requests).toEqual([]);
    },
  );
});

describe('an app’s own proofs', () => {
  it('are for one method, one address without its query, and one token; a nonce is in them where it is given', async () => {
    const world = createWorld({ dpop: true });
    const { client } = world.openTab({ useDpop: true });
    await client.setDpopNonce('kept', 'api');
    const given = { url: 'https://api.example:443/a/b?c=d#e', method: 'PUT', accessToken: 'a' };
    const [plain, named] = await Promise.all([
      client.generateDpopProof(given),
      client.generateDpopProof({ ...given, nonce: await client.getDpopNonce('api') }),
    ]);
    expect(decodeJwt(plain).claims).toEqual({
      htm: 'PUT',
      htu: 'https://api.example/a/b',
      ath: 'ypeBEsobvcr6wjGzmiPcTaeG7_gUfE5yuYB3ha_uSLs',
      iat: Math.floor(world.now() / 1000),
      jti: expect.any(String) as unknown,
    });
    expect(decodeJwt(named).claims['nonce']).toBe('kept');
    expect(decodeProtectedHeader(plain)).toEqual({
      alg: 'ES256',
      typ: 'dpop+jwt',
      jwk: { kty: 'EC', crv: 'P-256', x: expect.any(String) as unknown, y: expect.any(String) as unknown },
    });
  });

  it('and nonces are kept for each server, and for each client, apart', async () => {
    const world = createWorld({ dpop: true });
    const { client } = world.openTab({ useDpop: true });
    await client.setDpopNonce('one', 'a');
    await client.setDpopNonce('two', 'b');
    await client.setDpopNonce('three');
    await client.setDpopNonce('four', 'a');
    const nonces = ['a', 'b', undefined, 'c'].map((id) => client.getDpopNonce(id));
    await expect(Promise.all(nonces)).resolves.toEqual(['four', 'two', 'three', undefined]);
    const other = world.openTab({ useDpop: true, clientId: 'other' });
    await expect(other.client.getDpopNonce('a')).resolves.toBeUndefined();
    await expect(world.openTab({ useDpop: true }).client.getDpopNonce('a')).resolves.toBe('four');
  });

  it.each<[string, object]>([
    ['no address', { url: '/things' }],
    ['an address that no request goes to', { url: 'data:,x' }],
    ['no method', { method: undefined }],
    ['a token that is no text', { accessToken: 5 }],
    ['a nonce that is no text', { nonce: null }],
  ])('for %s are none', async (_, change) => {
    const { client } = createWorld({ dpop: true }).openTab({ useDpop: true });
    const given = { url: 'https://api.example', method: 'GET', accessToken: 'a' };
    await expect(client.generateDpopProof({ ...given, ...change })).rejects.toMatchObject({
      error: 'invalid_configuration',
    });
    await expect(client.setDpopNonce(undefined as never)).rejects.toMatchObject({
      error: 'invalid_configuration',
    });
  });

  it.each([undefined, null, 'https://api.example'])('for %p are none', async (request) => {
    const { client } = createWorld({ dpop: true }).openTab({ useDpop: true });
    await expect(client.generateDpopProof(request as never)).rejects.toMatchObject({
      error: 'invalid_configuration',
    });
  });

  it.each([null, '', 5, {}, Symbol('x')])(
    'and nonces are not kept under %p, which is no name',
    async (id) => {
      const world = createWorld({ dpop: true });
      const { client, env } = world.openTab({ useDpop: true });
      await client.setDpopNonce('one');
      for (const call of [client.setDpopNonce('two', id as never), client.getDpopNonce(id as never)])
        await expect(call).rejects.toMatchObject({ error: 'invalid_configuration' });
      const nonces = await env.keys.update('latchkey/1/localhost%3A4400/spa/dpop', (found) => [
        found,
        (found as { nonces: unknown }).nonces,
      ]);
      expect(nonces).toEqual([['', 'one']]);
    },
  );
});

describe('without DPoP', () => {
  it('nothing of it is sent, stored or to be had', async () => {
    const world = createWorld({ dpop: true });
    let uses = 0;
    const tab = world.openTab(
      {},
      {
        keys: {
          update: () => {
            uses++;
            return Promise.reject(new Error('used'));
          },
          close() {},
        },
      },
    );
    await tab.login(ada, { dpop_jkt: 'of the caller' });
    await expect(renew(tab)).resolves.toMatchObject({ token_type: 'Bearer' });
    expect(new URL(tab.navigations[0] ?? '').searchParams.has('dpop_jkt')).toBe(false);
    expect(world.requests.map(({ proof }) => proof)).toEqual([undefined, undefined]);
    for (const call of [
      tab.client.getDpopNonce(),
      tab.client.setDpopNonce('n'),
      tab.client.generateDpopProof({ url: 'https://api.example', method: 'GET', accessToken: 'a' }),
    ])
      await expect(call).rejects.toMatchObject({ name: 'InvalidConfigurationError' });
    await tab.client.logout();
    expect(uses).toBe(0);
  });
});
