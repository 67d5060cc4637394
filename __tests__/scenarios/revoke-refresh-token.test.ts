import { describe, expect, it } from '@jest/globals';
import { StorageError } from '../../src/errors.ts';
import { ada, audience, createWorld, orders, type Fault } from '../support/world.ts';

const twoHours = 2 * 3600 * 1000;
const noFallback = { useRefreshTokensFallback: false };
const both = [['localstorage'], ['memory']] as const;

/** Ada is signed in, and the requests to the tenant's revocation endpoint. */
async function signedIn(options: Parameters<ReturnType<typeof createWorld>['openTab']>[0] = {}) {
  const world = createWorld({ multiResource: options.useMrrt === true });
  const tab = world.openTab({ ...noFallback, ...options });
  await tab.login();
  const revocations = () => world.requests.filter(({ path }) => path === '/oauth/revoke');
  const verdicts = () => world.tenant.families().map(({ verdict }) => verdict);
  return { world, tab, revocations, verdicts };
}

describe('a refresh token that the app revokes', () => {
  it.each(both)('is good for nothing any more, and the user stays signed in (%s)', async (cacheLocation) => {
    const { world, tab, revocations, verdicts } = await signedIn({ cacheLocation });
    const token = await tab.client.getTokenSilently();
    await tab.client.revokeRefreshToken();
    expect(revocations().map(({ form }) => [...form.keys()])).toEqual([
      ['client_id', 'token', 'token_type_hint'],
    ]);
    expect(verdicts()).toEqual(['revoked']);
    await expect(tab.client.getTokenSilently()).resolves.toBe(token);
    await world.advance(twoHours);
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({ error: 'missing_refresh_token' });
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
    expect(world.refreshes()).toHaveLength(0);
  });

  it('is that of the audience that is named, and of no other', async () => {
    const { world, tab, verdicts } = await signedIn();
    await tab.login(ada, { audience: orders });
    await tab.client.revokeRefreshToken({ audience: orders });
    expect(verdicts()).toEqual(['live', 'revoked']);
    await world.advance(twoHours);
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    await expect(
      tab.client.getTokenSilently({ authorizationParams: { audience: orders } }),
    ).rejects.toMatchObject({ error: 'missing_refresh_token', reason: 'refused' });
  });

  it('is that of all audiences where one serves them all', async () => {
    const { world, tab, verdicts } = await signedIn({ useMrrt: true });
    await tab.client.getTokenSilently({ authorizationParams: { audience: orders } });
    await tab.client.revokeRefreshToken({ audience: orders });
    expect(verdicts()).toEqual(['revoked']);
    await world.advance(twoHours);
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({ error: 'missing_refresh_token' });
  });

  it('is followed by those that it had replaced', async () => {
    const { tab, revocations, verdicts } = await signedIn();
    await tab.login();
    await tab.client.revokeRefreshToken();
    expect(revocations()).toHaveLength(2);
    expect(verdicts()).toEqual(['revoked', 'revoked']);
  });

  it('is gone in every tab, and back with the next login', async () => {
    const { world, tab } = await signedIn();
    const other = world.openTab(noFallback);
    await tab.client.revokeRefreshToken();
    await world.advance(twoHours);
    await expect(other.client.getTokenSilently()).rejects.toMatchObject({ error: 'missing_refresh_token' });
    await tab.login();
    await expect(other.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    await world.advance(twoHours);
    await expect(other.client.getTokenSilently()).resolves.toEqual(expect.any(String));
  });

  it('leaves the iframe, where that is on', async () => {
    const { world, tab } = await signedIn({ useRefreshTokensFallback: true });
    await tab.client.revokeRefreshToken();
    await world.advance(twoHours);
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    expect(world.frames).toHaveLength(1);
  });

  it('takes with it what a refresh under way brings, whatever becomes of that at a logout', async () => {
    const { world, tab, verdicts } = await signedIn({ revokeOnLogout: false });
    await world.advance(twoHours);
    let arrive: () => void = () => {};
    world.faults.push({ kind: 'hold', until: new Promise((resolve) => (arrive = resolve)) });
    const call = tab.client.getTokenSilently().catch((error: unknown) => error);
    await world.rest();
    await tab.client.revokeRefreshToken();
    arrive();
    await expect(call).resolves.toMatchObject({ error: 'missing_refresh_token' });
    await world.rest();
    const [successor] = world.requests.filter(({ path }) => path === '/oauth/revoke').slice(1);
    expect(successor?.form.get('token')).toEqual(expect.any(String));
    expect(successor?.form.get('token')).not.toBe(world.refreshes()[0]?.form.get('refresh_token'));
    expect(verdicts()).toEqual(['revoked']);
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({ error: 'missing_refresh_token' });
    expect(world.refreshes()).toHaveLength(1);
  });

  it('takes with it what the store would not take', async () => {
    const world = createWorld();
    let isFull = false;
    const update: typeof world.records.update = (name, step) =>
      isFull ? Promise.reject(new StorageError('full')) : world.records.update(name, step);
    const tab = world.openTab(noFallback, { records: { update, close() {} } });
    await tab.login();
    await world.advance(twoHours);
    let arrive: () => void = () => {};
    world.faults.push({ kind: 'hold', until: new Promise((resolve) => (arrive = resolve)) });
    const call = tab.client.getTokenSilently();
    await world.rest();
    isFull = true;
    arrive();
    await call;
    isFull = false;
    await tab.client.revokeRefreshToken();
    const spent = world.refreshes()[0]?.form.get('refresh_token');
    const told = world.requests.flatMap(({ path, form }) =>
      path === '/oauth/revoke' ? form.get('token') : [],
    );
    expect(told).toEqual(expect.arrayContaining([spent]));
    expect(new Set(told).size).toBe(2);
    await world.advance(1000);
    await world.advance(twoHours);
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({ error: 'missing_refresh_token' });
    expect(world.refreshes()).toHaveLength(1);
  });

  it.each(both)('asks for nothing of the tenant where there is none (%s)', async (cacheLocation) => {
    const { tab, revocations } = await signedIn({ cacheLocation, useRefreshTokens: false });
    await tab.client.revokeRefreshToken();
    expect(revocations()).toHaveLength(0);
    const former = await signedIn({ cacheLocation });
    await former.tab.reload({ useRefreshTokens: false }).client.revokeRefreshToken();
    expect(former.revocations()).toHaveLength(0);
    const nobody = createWorld();
    nobody.online = false;
    await nobody.openTab({ cacheLocation }).client.revokeRefreshToken({ audience });
    expect(nobody.requests).toHaveLength(0);
  });

  it('may be one that auth0-spa-js has left', async () => {
    const world = createWorld();
    const body = { refresh_token: 'v1.old', audience, scope: 'openid offline_access' };
    const key = `@@auth0spajs@@::spa::${audience}::openid offline_access`;
    world.localStorage.set(key, JSON.stringify({ body, expiresAt: 0 }));
    const call = world.openTab().client.revokeRefreshToken();
    await world.advance(10_000);
    await call;
    expect(world.requests.map(({ path, form }) => [path, form.get('token')])).toEqual([
      ['/oauth/revoke', 'v1.old'],
    ]);
  });
});

describe('W22: a revocation that the tenant did not carry out', () => {
  const answer = (status: number, body: string): Fault => ({ kind: 'answer', status, body });

  it.each(
    both.flatMap(([mode]) =>
      (
        [
          ['is not answered', { kind: 'drop-before' }, { error: 'network_error', retryable: true }],
          ['is answered in HTML', answer(503, '<html>'), { error: 'revoke_error', retryable: true }],
          [
            'comes when there are too many',
            answer(429, '{"error":"too_many_requests"}'),
            { error: 'too_many_requests', retryable: true },
          ],
          [
            'is declined',
            answer(401, '{"error":"invalid_client","error_description":"Who?"}'),
            { error: 'invalid_client', error_description: 'Who?', retryable: false },
          ],
        ] satisfies [string, Fault, object][]
      ).map(([what, fault, error]) => [what, mode, fault, error] as const),
    ),
  )(
    'because it %s (%s) is an error; nobody spends the token, and the next call revokes it',
    async (_, cacheLocation, fault, error) => {
      const { world, tab, revocations, verdicts } = await signedIn({ cacheLocation });
      world.revocationFaults.push(fault);
      await expect(tab.client.revokeRefreshToken()).rejects.toMatchObject(error);
      expect(verdicts()).toEqual(['live']);
      await world.advance(twoHours);
      await expect(tab.client.getTokenSilently()).rejects.toMatchObject({ error: 'missing_refresh_token' });
      expect(world.refreshes()).toHaveLength(0);
      await tab.client.revokeRefreshToken();
      expect(verdicts()).toEqual(['revoked']);
      await tab.client.revokeRefreshToken();
      expect(revocations()).toHaveLength(2);
    },
  );

  it('is not sent without a network', async () => {
    const { world, tab, revocations } = await signedIn();
    world.online = false;
    await expect(tab.client.revokeRefreshToken()).rejects.toMatchObject({
      error: 'network_error',
      reason: 'offline',
    });
    expect(revocations()).toHaveLength(0);
    world.online = true;
    await tab.client.revokeRefreshToken();
    expect(revocations()).toHaveLength(1);
  });

  it.each<[string, (tab: Awaited<ReturnType<typeof signedIn>>['tab']) => Promise<void>]>([
    ['logout', ({ client }) => client.logout()],
    ['login', ({ login }) => login()],
    ['login of somebody else', ({ login }) => login('grace@example.com')],
  ])('is carried out by the next %s, and by nothing after it', async (_, next) => {
    const { world, tab, revocations, verdicts } = await signedIn();
    await tab.login(ada, { audience: orders });
    world.revocationFaults.push({ kind: 'drop-before' });
    const call = tab.client.revokeRefreshToken({ audience: orders });
    await expect(call).rejects.toMatchObject({ error: 'network_error' });
    await next(tab);
    await world.rest();
    expect(verdicts()[1]).toBe('revoked');
    await tab.login('grace@example.com');
    await tab.login('grace@example.com');
    const [first, ...later] = revocations().map(({ form }) => form.get('token'));
    expect(later.filter((token) => token === first)).toHaveLength(1);
  });

  it('says nothing of the token that a server echoes', async () => {
    const { world, tab } = await signedIn();
    const [secret] = [...world.secrets].filter((text) => text.startsWith('v1.'));
    const body = { error: 'invalid_request', error_description: `bad: ${secret}` };
    world.revocationFaults.push(answer(400, JSON.stringify(body)));
    await expect(tab.client.revokeRefreshToken()).rejects.toMatchObject({ error_description: 'bad: …' });
  });
});
