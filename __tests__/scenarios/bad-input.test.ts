import { describe, expect, it } from '@jest/globals';
import { Auth0Client, createAuth0Client } from '../../src/auth0-client.ts';
import { encodeBase64url } from '../../src/oauth/base64url.ts';
import { decodeJwt } from '../../src/oauth/jwt.ts';
import type { Auth0ClientOptions } from '../../src/core/options.ts';
import type { RecordStore, TextStorage } from '../../src/environment.ts';
import { featureLoadFailed, StorageError, type GenericError } from '../../src/errors.ts';
import { app, audience, createWorld, grace, type Fault, type Tab, type World } from '../support/world.ts';

function circle(): unknown {
  const one: { other?: unknown } = {};
  one.other = one;
  return one;
}

/** No text can be made of it. */
const textless: unknown = Object.create(null);

const withParams = (authorizationParams: object) => ({ authorizationParams: authorizationParams as never });

const twoHours = 2 * 3600 * 1000;

async function atCallback(world: World): Promise<{ tab: Tab; callback: string }> {
  const tab = world.openTab();
  await tab.login();
  await tab.client.logout({ openUrl: false });
  await tab.client.loginWithRedirect({ appState: { from: '/inbox' } });
  const response = await tab.follow();
  return { tab, callback: response.headers.get('location')! };
}

describe('a callback address', () => {
  it.each([app, `${app}/?`, `${app}/?state=abc`, `${app}/#code=a&state=b`, ''])(
    'without a code or an error is a typed error: %s',
    async (url) => {
      const tab = createWorld().openTab();
      await expect(tab.client.handleRedirectCallback(url)).rejects.toMatchObject({
        error: 'missing_callback_parameters',
        message: expect.stringContaining('There are no query params available for parsing.') as unknown,
      });
    },
  );

  it('without a login begun in this tab is refused, and nothing is sent', async () => {
    const world = createWorld();
    const tab = world.openTab();
    await expect(tab.client.handleRedirectCallback(`${app}/?code=a&state=b`)).rejects.toMatchObject({
      error: 'missing_transaction',
      message: 'Invalid state',
    });
    expect(world.requests).toEqual([]);
  });

  it.each([
    'code=stolen&state=foreign',
    'code=stolen',
    'error=access_denied&state=foreign',
    'error=access_denied',
  ])('of somebody else’s login is refused, and this tab’s login goes on: %s', async (query) => {
    const world = createWorld();
    const { tab, callback } = await atCallback(world);
    const sent = world.requests.length;
    await expect(tab.client.handleRedirectCallback(`${app}/?${query}`)).rejects.toMatchObject({
      error: 'state_mismatch',
      message: 'Invalid state',
    });
    expect(world.requests).toHaveLength(sent);
    await expect(tab.client.handleRedirectCallback(callback)).resolves.toEqual({
      appState: { from: '/inbox' },
      response_type: 'code',
    });
  });

  it('from another issuer is refused (RFC 9207), and nothing is sent', async () => {
    const world = createWorld();
    const { tab, callback } = await atCallback(world);
    const sent = world.requests.length;
    const mixedUp = tab.client.handleRedirectCallback(`${callback}&iss=https%3A%2F%2Fevil.example%2F`);
    await expect(mixedUp).rejects.toMatchObject({ error: 'issuer_mismatch' });
    expect(world.requests).toHaveLength(sent);
  });

  it('with the tenant’s error ends the login, and returns the app’s state', async () => {
    const world = createWorld();
    const { tab, callback } = await atCallback(world);
    const state = new URL(callback).searchParams.get('state')!;
    const refused = `${app}/?error=access_denied&error_description=No&state=${state}`;
    await expect(tab.client.handleRedirectCallback(refused)).rejects.toMatchObject({
      name: 'AuthenticationError',
      error: 'access_denied',
      error_description: 'No',
      state,
      appState: { from: '/inbox' },
    });
    await expect(tab.client.handleRedirectCallback(callback)).rejects.toMatchObject({
      error: 'missing_transaction',
    });
  });

  it('handled twice at once is exchanged once', async () => {
    const world = createWorld();
    const { tab, callback } = await atCallback(world);
    const sent = world.requests.length;
    const [one, two] = await Promise.all([
      tab.client.handleRedirectCallback(callback),
      tab.client.handleRedirectCallback(callback),
    ]);
    expect(two).toEqual(one);
    expect(world.requests).toHaveLength(sent + 1);
  });

  it('handled at once with one of somebody else’s login is exchanged all the same', async () => {
    const world = createWorld();
    const { tab, callback } = await atCallback(world);
    const foreign = tab.client.handleRedirectCallback(`${app}/?code=a&state=foreign`);
    const own = tab.client.handleRedirectCallback(callback);
    await expect(foreign).rejects.toMatchObject({ error: 'state_mismatch' });
    await expect(own).resolves.toMatchObject({ appState: { from: '/inbox' } });
  });

  it('handled by two clients of one page, without locks that end with it, is exchanged once, and the session lives', async () => {
    const world = createWorld({ exclusiveLocks: false });
    const { tab, callback } = await atCallback(world);
    const twin = tab.twin();
    const results = await Promise.allSettled([
      tab.client.handleRedirectCallback(callback),
      twin.client.handleRedirectCallback(callback),
    ]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(results.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { error: 'missing_transaction', reason: 'consumed' },
    });
    await world.advance(twoHours);
    await expect(twin.client.getTokenSilently()).resolves.toEqual(expect.any(String));
  });

  it('handled while the tenant is unreachable can be handled again', async () => {
    const world = createWorld();
    const { tab, callback } = await atCallback(world);
    world.faults.push({ kind: 'drop-before' });
    await expect(tab.client.handleRedirectCallback(callback)).rejects.toMatchObject({
      error: 'network_error',
      reason: 'unreachable',
      retryable: true,
    });
    await tab.client.handleRedirectCallback(callback);
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
  });

  it.each([
    ['without a network', 'offline'],
    ['by a page that is being left', 'leaving'],
  ])('handled %s can be handled again: nothing was sent', async (_, reason) => {
    const world = createWorld();
    const { tab: former, callback } = await atCallback(world);
    let isLeaving = reason === 'leaving';
    world.online = reason !== 'offline';
    const page = { ...former.env.page, leaving: () => isLeaving };
    const tab = world.openTab({}, { page, sessionStorage: former.sessionStorage });
    const sent = world.requests.length;
    const error = { error: 'network_error', reason, retryable: true };
    await expect(tab.client.handleRedirectCallback(callback)).rejects.toMatchObject(error);
    expect(world.requests).toHaveLength(sent);
    world.online = true;
    isLeaving = false;
    await tab.client.handleRedirectCallback(callback);
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
  });

  it('that nobody answers does not replace a login that has begun meanwhile', async () => {
    const world = createWorld();
    const { tab, callback } = await atCallback(world);
    let fail = () => {};
    const until = new Promise<void>((resolve) => (fail = resolve));
    world.faults.push({ kind: 'hold', until, fault: { kind: 'drop-before' } });
    const call = expect(tab.client.handleRedirectCallback(callback)).rejects.toMatchObject({
      reason: 'unreachable',
    });
    await world.rest();
    await tab.client.loginWithRedirect();
    fail();
    await call;
    const newer = (await tab.follow()).headers.get('location')!;
    await tab.client.handleRedirectCallback(newer);
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
  });

  it('whose code was spent before code of the SDK could not be loaded asks for a login', async () => {
    const update = () => Promise.reject(featureLoadFailed(new Error('404')));
    const tab = createWorld().openTab({}, { records: { update, close() {} } });
    await expect(tab.login()).rejects.toMatchObject({
      error: 'feature_load_failed',
      retryable: false,
      requiresLogin: true,
    });
    expect(tab.sessionStorage.names().filter((name) => name.includes('/transaction/'))).toEqual([]);
  });

  it('with a code that the tenant refuses is its error', async () => {
    const world = createWorld();
    const { tab, callback } = await atCallback(world);
    await world.advance(11 * 60 * 1000);
    await expect(tab.client.handleRedirectCallback(callback)).rejects.toMatchObject({
      error: 'invalid_grant',
    });
    await expect(tab.client.isAuthenticated()).resolves.toBe(false);
  });
});

describe('a transaction in storage', () => {
  it.each(['', 'null', '{', '[]', '{"state":1}', '"text"'])(
    'that cannot be read counts as none: %j',
    async (text) => {
      const world = createWorld();
      const { tab, callback } = await atCallback(world);
      for (const name of tab.sessionStorage.names()) tab.sessionStorage.set(name, text);
      await expect(tab.client.handleRedirectCallback(callback)).rejects.toMatchObject({
        error: 'missing_transaction',
      });
    },
  );
});

describe('a transaction whose organization is no text', () => {
  it('counts as none, and nothing is sent', async () => {
    const world = createWorld();
    const { tab, callback } = await atCallback(world);
    const [name] = tab.sessionStorage.names().filter((it) => it.includes('/transaction/')) as [string];
    const transaction = JSON.parse(tab.sessionStorage.get(name)!) as object;
    tab.sessionStorage.set(name, JSON.stringify({ ...transaction, organization: 5 }));
    const sent = world.requests.length;
    await expect(tab.client.handleRedirectCallback(callback)).rejects.toMatchObject({
      error: 'missing_transaction',
    });
    expect(world.requests).toHaveLength(sent);
  });
});

describe('an ID token', () => {
  const forge = (changes: object, header: object = { alg: 'RS256' }): Fault & { kind: 'alter' } => ({
    kind: 'alter',
    alter: (body) => {
      const part = (value: unknown) => encodeBase64url(new TextEncoder().encode(JSON.stringify(value)));
      const { claims } = decodeJwt(String(body.id_token));
      return { ...body, id_token: `${part(header)}.${part({ ...claims, ...changes })}.c2ln` };
    },
  });

  it.each([
    ['of another issuer', forge({ iss: 'https://evil.example/' }), 'issuer'],
    ['for another client', forge({ aud: 'other' }), 'audience'],
    ['whose issuer has no text', forge({ iss: { toString: 1 } }), 'issuer'],
    ['whose audience has no text', forge({ aud: [{ toString: 1 }] }), 'audience'],
    ['that is unsigned', forge({}, { alg: 'none' }), 'algorithm'],
    ['with another nonce', forge({ nonce: 'x' }), 'nonce'],
    ['that has expired', forge({ exp: 1 }), 'time'],
    ['that is missing', { kind: 'alter', alter: ({ id_token: _, ...body }) => body }, 'missing'],
    ['that is no JWT', { kind: 'alter', alter: (body) => ({ ...body, id_token: 'x' }) }, 'malformed'],
  ] satisfies [string, Fault, string][])(
    '%s refuses the login: nothing is stored, and the refresh token is revoked',
    async (_, fault, reason) => {
      const world = createWorld();
      const { tab, callback } = await atCallback(world);
      world.faults.push(fault);
      await expect(tab.client.handleRedirectCallback(callback)).rejects.toMatchObject({
        error: 'invalid_id_token',
        reason,
        retryable: false, // the code is spent
      });
      await expect(tab.client.isAuthenticated()).resolves.toBe(false);
      expect(world.localStorage.names()).toEqual([]);
      expect(world.tenant.families().filter(({ verdict }) => verdict === 'live')).toEqual([]);
      await expect(
        world.openTab({ useRefreshTokensFallback: false }).client.getTokenSilently(),
      ).rejects.toMatchObject({ error: 'missing_refresh_token' });
    },
  );

  it.each([
    ['of another user', { sub: 'auth0|somebody-else' }],
    ['whose issuer has no text', { iss: { toString: 1 } }],
  ])('%s, on refresh, ends the session: its family is revoked', async (_, claims) => {
    const world = createWorld();
    const tab = world.openTab({ useRefreshTokensFallback: false });
    await tab.login();
    await world.advance(twoHours);
    world.faults.push(forge(claims));
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({
      error: 'invalid_grant',
      reason: 'invalid_id_token',
      requiresLogin: true,
    });
    await expect(tab.client.isAuthenticated()).resolves.toBe(false);
    expect(world.tenant.families().map(({ verdict }) => verdict)).toEqual(['revoked']);
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({ error: 'missing_refresh_token' }); // told once
  });

  it('of another user, on refresh, costs a refresh token that does not rotate', async () => {
    const world = createWorld();
    const tab = world.openTab({ useRefreshTokensFallback: false });
    await tab.login();
    await world.advance(twoHours);
    const forged = forge({ sub: 'auth0|somebody-else' }).alter;
    world.faults.push({
      kind: 'alter',
      alter: ({ refresh_token: _, ...body }) => forged(body),
    });
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({ reason: 'invalid_id_token' });
    const revocations = world.requests.filter(({ path }) => path === '/oauth/revoke');
    expect(revocations.map(({ form }) => form.get('token'))).toEqual(
      world.refreshes().map(({ form }) => form.get('refresh_token')),
    );
  });

  it('of a wrong clock, on refresh, counts as a failure: the tenant is not asked again and again', async () => {
    const world = createWorld();
    const tab = world.openTab({ useRefreshTokensFallback: false });
    await tab.login();
    world.jump(13 * twoHours);
    for (let n = 0; n < 6; n++) {
      void tab.client.getTokenSilently({ cacheMode: 'off' }).catch(() => {});
      await world.rest();
    }
    expect(world.refreshes().length).toBeLessThan(4);
  });

  it('of a wrong clock, on refresh, keeps everything', async () => {
    const world = createWorld();
    const tab = world.openTab({ useRefreshTokensFallback: false });
    await tab.login();
    await world.advance(twoHours);
    world.faults.push(forge({ exp: 1 }));
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({ reason: 'time', retryable: true });
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    expect(world.journal()).not.toContain('ferrt');
  });

  it('left out on refresh leaves the session as it was', async () => {
    const world = createWorld();
    const tab = world.openTab();
    await tab.login();
    const before = await tab.client.getUser();
    await world.advance(twoHours);
    world.faults.push({ kind: 'alter', alter: ({ id_token: _, ...body }) => body });
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    expect(await tab.client.getUser()).toBe(before);
  });
});

describe('I5: an error that echoes what was sent', () => {
  const echo = (text: string) => {
    const body = JSON.stringify({ error: 'invalid_request', error_description: `cannot read "${text}"` });
    return { kind: 'answer', status: 400, body } as const;
  };
  const told = { error: 'invalid_request', message: 'cannot read "…"', error_description: 'cannot read "…"' };

  it('tells no code', async () => {
    const world = createWorld();
    const { tab, callback } = await atCallback(world);
    world.faults.push(echo(new URL(callback).searchParams.get('code')!));
    await expect(tab.client.handleRedirectCallback(callback)).rejects.toMatchObject(told);
  });

  it('tells no refresh token', async () => {
    const world = createWorld();
    const tab = world.openTab({ useRefreshTokensFallback: false });
    await tab.login();
    await world.advance(twoHours);
    await tab.client.getTokenSilently();
    await world.advance(twoHours);
    world.faults.push(echo([...world.secrets].at(-1)!));
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject(told);
  });
});

describe('a cache entry', () => {
  const junk = [
    '',
    '{',
    'null',
    '42',
    '[]',
    '{}',
    '{"sub":1,"tokens":[]}',
    '{"tokens":[null]}',
    '{"sub":"x","tokens":[null,{}]}',
  ];

  it.each(junk)('of tokens that cannot be read is a miss, and the session goes on: %j', async (text) => {
    const world = createWorld();
    const tab = world.openTab({ useRefreshTokensFallback: false });
    await tab.login();
    for (const name of world.localStorage.names())
      if (name.includes('tokens')) world.localStorage.set(name, text);
    await expect(tab.client.getTokenSilently({ cacheMode: 'cache-only' })).resolves.toBeUndefined();
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
  });

  it.each(['', '{', '42', '[]', '{}', '{"id_token":"x","audiences":[]}', '{"id_token":1,"audiences":[]}'])(
    'of the user that cannot be read is a miss, and a refresh brings it back: %j',
    async (text) => {
      const world = createWorld();
      const tab = world.openTab({ useRefreshTokensFallback: false });
      await tab.login();
      for (const name of world.localStorage.names())
        if (name.endsWith('/user')) world.localStorage.set(name, text);
      const after = tab.reload();
      await expect(after.client.isAuthenticated()).resolves.toBe(false);
      await expect(after.client.getTokenSilently()).resolves.toEqual(expect.any(String));
      await expect(after.client.getUser()).resolves.toMatchObject({ name: 'Ada' });
      expect(world.journal()).not.toContain('ferrt');
    },
  );

  it('of another user’s tokens is never served', async () => {
    const world = createWorld();
    const tab = world.openTab();
    await tab.login();
    const name = world.localStorage.names().find((key) => key.includes('tokens'))!;
    world.localStorage.set(
      name,
      world.localStorage.get(name)!.replace(/"sub":"[^"]*"/, '"sub":"somebody else"'),
    );
    await expect(tab.client.getTokenSilently({ cacheMode: 'cache-only' })).resolves.toBeUndefined();
  });
});

describe('storage that throws', () => {
  const failing = (): never => {
    throw new DOMException('full', 'QuotaExceededError');
  };
  const blocked: TextStorage = { get: failing, set: failing, remove: failing, names: failing };

  it('in sessionStorage is a typed error before the page is left', async () => {
    const world = createWorld();
    const tab = world.openTab({}, { sessionStorage: blocked });
    await expect(tab.client.loginWithRedirect()).rejects.toMatchObject({
      name: 'StorageError',
      error: 'storage_error',
    });
    expect(tab.navigations).toEqual([]);
    await expect(tab.client.handleRedirectCallback(`${app}/?code=a&state=b`)).rejects.toMatchObject({
      error: 'storage_error',
    });
  });

  it('in localStorage costs this page nothing: the session lives on in its heap', async () => {
    const world = createWorld();
    const tab = world.openTab({}, { localStorage: blocked });
    await tab.login();
    await expect(tab.client.getUser()).resolves.toMatchObject({ name: 'Ada' });
    await world.advance(twoHours);
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    expect(world.journal()).not.toContain('ferrt');
  });

  const full = (world: World) => ({
    ...world.localStorage,
    set: () => {
      throw new DOMException('full', 'QuotaExceededError');
    },
  });

  it('P33: that takes no marker of the session ends it in no tab: the next page goes on with it', async () => {
    const world = createWorld();
    const options = { useRefreshTokensFallback: false };
    const tab = world.openTab(options, { localStorage: full(world) });
    await tab.login();
    const next = world.openTab(options, { localStorage: full(world) });
    await expect(next.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    await world.advance(60_000);
    await expect(tab.client.getTokenSilently({ cacheMode: 'off' })).resolves.toEqual(expect.any(String));
    await tab.client.logout({ openUrl: false });
    await expect(next.client.isAuthenticated()).resolves.toBe(false);
  });

  it('P39: that took no marker shows nobody when somebody else has signed in since', async () => {
    const world = createWorld();
    const options = { useRefreshTokensFallback: false };
    let isFull = true;
    const whims = { ...world.localStorage };
    whims.set = (name, text) => (isFull ? full(world) : world.localStorage).set(name, text);
    const tab = world.openTab(options, { localStorage: whims });
    await tab.login();
    isFull = false;
    const other = world.openTab(options);
    await other.login(grace);
    await expect(tab.client.getUser()).resolves.toMatchObject({ name: 'Grace' });
    await expect(tab.client.getTokenSilently()).resolves.toBe(await other.client.getTokenSilently());
  });

  it('in custody keeps nobody from signing in who wants no refresh tokens', async () => {
    const world = createWorld();
    const update = () => Promise.reject(new StorageError('IndexedDB did not open'));
    const tab = world.openTab({ useRefreshTokens: false }, { records: { update, close() {} } });
    await tab.login();
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
  });

  it('that failed once shadows nothing that is written later', async () => {
    const world = createWorld();
    let isFull = true;
    const set = (name: string, text: string) => (isFull ? full(world) : world.localStorage).set(name, text);
    const options = { useRefreshTokens: false };
    const tab = world.openTab(options, { localStorage: { ...world.localStorage, set } });
    await tab.login();
    isFull = false;
    await tab.login();
    await world.openTab(options).login(grace);
    await expect(tab.client.getUser()).resolves.toMatchObject({ name: 'Grace' });
  });

  it.each([true, false])(
    'that failed once hides no logout in another tab: refresh tokens %s',
    async (useRefreshTokens) => {
      const world = createWorld();
      let isFull = true;
      const set = (name: string, text: string) => (isFull ? full(world) : world.localStorage).set(name, text);
      const tab = world.openTab({ useRefreshTokens }, { localStorage: { ...world.localStorage, set } });
      await tab.login();
      isFull = false;
      await expect(tab.client.isAuthenticated()).resolves.toBe(true);
      const other = world.openTab({ useRefreshTokens });
      await other.login();
      await expect(tab.client.isAuthenticated()).resolves.toBe(true);
      await other.client.logout({ openUrl: false });
      await expect(tab.client.isAuthenticated()).resolves.toBe(false);
    },
  );

  /** A store of records that takes nothing once it is broken. */
  function shakyRecords(world: World) {
    let broken = false;
    const records: RecordStore = {
      close() {},
      update: (name, step) =>
        broken ? Promise.reject(new StorageError('no')) : world.records.update(name, step),
    };
    return { records, breakDown: () => void (broken = true) };
  }

  it('at a logout does not hide who signs in later, in another tab', async () => {
    const world = createWorld();
    let clings = true;
    const remove = (name: string) => {
      if (clings) throw new Error('no');
      world.localStorage.remove(name);
    };
    const tab = world.openTab({}, { localStorage: { ...world.localStorage, remove } });
    await tab.login();
    await expect(tab.client.logout({ openUrl: false })).rejects.toMatchObject({ error: 'storage_error' });
    await expect(tab.client.getUser()).resolves.toBeUndefined();
    clings = false;
    await world.openTab().login(grace);
    await expect(tab.client.getUser()).resolves.toMatchObject({ name: 'Grace' });
    await world.advance(twoHours);
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    expect(world.frames).toEqual([]);
  });

  it('in custody keeps nobody from leaving who wants no refresh tokens', async () => {
    const world = createWorld();
    const { records, breakDown } = shakyRecords(world);
    const tab = world.openTab({ useRefreshTokens: false }, { records });
    await tab.login();
    breakDown();
    await expect(tab.client.logout({ openUrl: false })).resolves.toBeUndefined();
    await expect(tab.client.isAuthenticated()).resolves.toBe(false);
  });

  it.each(['localStorage', 'custody'])(
    'in %s at logout is told after the page has been left',
    async (where) => {
      const world = createWorld();
      const { records, breakDown } = shakyRecords(world);
      const tab = world.openTab({}, where === 'custody' ? { records } : { localStorage: blocked });
      await tab.login();
      breakDown();
      await expect(tab.client.logout()).rejects.toMatchObject({ error: 'storage_error' });
      expect(tab.navigations.at(-1)).toContain('/v2/logout');
      await expect(tab.client.isAuthenticated()).resolves.toBe(false);
    },
  );

  it('in custody before a refresh is a typed error, and nothing is sent', async () => {
    const world = createWorld();
    const tab = world.openTab();
    await tab.login();
    await world.advance(twoHours);
    let broken = false;
    const other = world.openTab(
      {},
      {
        records: {
          close() {},
          update: (name, step) =>
            broken
              ? Promise.reject(new StorageError('an update was refused'))
              : world.records.update(name, step),
        },
      },
    );
    broken = true;
    await expect(other.client.getTokenSilently()).rejects.toMatchObject({
      error: 'storage_error',
      retryable: true,
    });
    expect(world.refreshes()).toHaveLength(0);
    broken = false;
    await expect(other.client.getTokenSilently()).resolves.toEqual(expect.any(String));
  });

  it('in custody after the server rotated loses nothing: the successor is kept in the page and written later', async () => {
    const world = createWorld();
    const first = world.openTab();
    await first.login();
    await world.advance(twoHours);
    let updates = 0;
    let broken = false;
    const tab = world.openTab(
      {},
      {
        records: {
          close() {},
          async update(name, step) {
            updates += 1;
            if (broken && updates >= 3) throw new StorageError('the disk is full'); // look, claim, then the successor
            return world.records.update(name, step);
          },
        },
      },
    );
    broken = true;
    const token = await tab.client.getTokenSilently();
    expect(token).toEqual(expect.any(String));
    await expect(tab.client.getTokenSilently()).resolves.toBe(token);

    broken = false;
    await world.advance(twoHours);
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    expect(world.journal()).not.toContain('ferrt');
    expect(world.tenant.families()[0]).toMatchObject({ verdict: 'live', latestCounter: 3 });
  });
});

describe('a store that refuses what became of a refresh', () => {
  /** Two tabs want a token; the one that sends finds that the store takes nothing more after its claim, for a while. */
  async function refusing(alter?: Fault) {
    const world = createWorld();
    await world.openTab().login();
    await world.advance(twoHours);
    let updates = 0;
    let broken = true;
    const records: RecordStore = {
      close() {},
      async update(name, step) {
        updates += 1;
        if (broken && updates >= 3) throw new StorageError('the disk is full'); // look, claim, and what became of it
        return world.records.update(name, step);
      },
    };
    const options = { useRefreshTokensFallback: false };
    const shaky = world.openTab(options, { records });
    const other = world.openTab(options);
    if (alter) world.faults.push(alter);
    world.faults.push({ kind: 'slow', by: 1000 });
    const long = { timeoutInSeconds: 60 };
    const calls = [shaky.client.getTokenSilently(long)];
    await world.rest();
    calls.push(other.client.getTokenSilently(long));
    const mend = () => (broken = false);
    return { world, calls: Promise.allSettled(calls), shaky, other, mend };
  }

  it.each([1000, 20_000])('for %i ms is asked again before any other tab may spend', async (time) => {
    const { world, calls, mend } = await refusing();
    await world.advance(1000 + time);
    mend();
    await world.advance(60_000);
    const tokens = (await calls).map((outcome) => (outcome as { value?: string }).value);
    expect(tokens).toEqual([expect.any(String), tokens[0]]);
    expect(world.journal()).not.toContain('ferrt');
    expect(world.refreshes()).toHaveLength(1);
  });

  it('takes it later, while the page lives, and nobody need ask', async () => {
    const { world, calls, other, mend } = await refusing();
    await world.advance(3000);
    mend();
    await world.advance(60_000);
    await calls;
    await world.advance(twoHours);
    await expect(other.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    expect(world.journal()).not.toContain('ferrt');
  });

  it('does not take it after a logout: that is the end of it, and it is revoked', async () => {
    const { world, calls, shaky, mend } = await refusing();
    await world.advance(1500);
    const successor = [...world.secrets].filter((secret) => secret.startsWith('v1.')).at(-1);
    const left = expect(shaky.client.logout({ openUrl: false })).rejects.toMatchObject({
      error: 'storage_error',
    });
    await world.advance(5000);
    await left;
    const revoked = world.requests.filter(({ path }) => path === '/oauth/revoke');
    expect(revoked.map(({ form }) => form.get('token'))).toContain(successor);
    mend();
    await world.advance(60_000);
    await calls;
    expect(world.tenant.families().map(({ verdict }) => verdict)).toEqual(['revoked']);
  });

  it('does not make a refusal a lost answer', async () => {
    const dead = { kind: 'answer', status: 403, body: '{"error":"invalid_grant"}' } as const;
    const { world, calls, mend } = await refusing(dead);
    await world.advance(3000);
    mend();
    await world.advance(60_000);
    for (const outcome of await calls)
      expect(outcome).toMatchObject({
        reason: { error: expect.stringMatching(/invalid_grant|storage_error/) },
      });
    expect(world.refreshes()).toHaveLength(1);
    const told = (await calls).map((outcome) => (outcome as { reason: GenericError }).reason);
    expect(told.filter(({ error }) => error === 'invalid_grant').map(({ reason }) => reason)).toEqual([
      'refused',
    ]);
  });
});

describe('an audience', () => {
  it.each(['__proto__', 'constructor', 'toString'])('may have any name: %s', async (audience) => {
    const world = createWorld();
    const tab = world.openTab({ useRefreshTokensFallback: false });
    await tab.login();
    const call = tab.client.getTokenSilently({ authorizationParams: { audience } });
    await expect(call).rejects.toMatchObject({ error: 'missing_refresh_token', audience });
  });
});

describe('a custody record', () => {
  type Spoil = (family: Record<string, unknown>, record: Record<string, unknown>) => void;
  it.each<[string, Spoil]>([
    ['answers are null', (family) => (family['answers'] = null)],
    ['answer is null', (family) => (family['answers'] = { [`audience ${audience}`]: null })],
    [
      'answer says nothing',
      (family) => (family['answers'] = { [`audience ${audience}`]: { generation: 9 } }),
    ],
    ['former heads are a number', (family) => (family['former'] = 5)],
    ['count of logouts is a text', (_, record) => (record['logouts'] = 'x')],
  ])('whose %s still lets the user in and out', async (_, spoil) => {
    const world = createWorld();
    const tab = world.openTab();
    const spoilRecord = () =>
      world.records.update(world.recordNames()[0]!, (stored) => {
        const record = stored as Record<string, unknown>;
        for (const family of Object.values(record['families'] as object)) spoil(family, record);
        return [record, undefined];
      });
    await tab.login();
    await world.advance(twoHours);
    await spoilRecord();
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    await spoilRecord();
    await tab.login();
    await spoilRecord();
    await tab.client.logout({ openUrl: false });
    await expect(tab.client.isAuthenticated()).resolves.toBe(false);
    const [record] = await world.records.update(world.recordNames()[0]!, (stored) => [stored, [stored]]);
    expect(record).toMatchObject({ logouts: expect.any(Number) as unknown });
    expect(world.tenant.families().at(-1)).toMatchObject({ verdict: 'revoked' });
  });
});

describe('a record of a later version', () => {
  it('is left alone', async () => {
    const world = createWorld();
    const tab = world.openTab();
    await tab.login();
    await world.advance(twoHours);
    const later = { version: 2, whatever: true };
    const name = 'latchkey/1/localhost%3A4400/spa/custody';
    await world.records.update(name, () => [later, undefined]);
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({
      error: 'storage_error',
      reason: 'newer_format',
      retryable: false,
      message: expect.stringContaining('reload') as unknown,
    });
    await expect(world.records.update(name, (record) => [record, record])).resolves.toEqual(later);
  });
});

describe('a record of a version that is none', () => {
  it('counts as none', async () => {
    const world = createWorld();
    const tab = world.openTab();
    await tab.login();
    const odd = { version: { toString: 1, valueOf: 1 } };
    await world.records.update(world.recordNames()[0]!, (record) => [
      { ...(record as object), ...odd },
      undefined,
    ]);
    await tab.login();
    await world.advance(twoHours);
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    expect(world.frames).toEqual([]);
  });
});

describe('a page without Web Crypto', () => {
  it('is told so at login, with its origin, and not before', async () => {
    const world = createWorld();
    const cryptography = {
      available: false,
      randomBytes: (): never => {
        throw new TypeError('no crypto');
      },
      sha256: (): never => {
        throw new TypeError('no crypto');
      },
      verifyRs256: (): never => {
        throw new TypeError('no crypto');
      },
    };
    const tab = world.openTab({}, { cryptography });
    await expect(tab.client.isAuthenticated()).resolves.toBe(false);
    await expect(tab.client.checkSession()).resolves.toBeUndefined();
    await expect(tab.client.loginWithRedirect()).rejects.toMatchObject({
      name: 'InsecureContextError',
      error: 'insecure_context',
      message: expect.stringMatching(/must run on a secure origin.*http:\/\/localhost:3000/) as unknown,
    });
    expect(tab.navigations).toEqual([]);
  });
});

describe('arguments', () => {
  it.each([
    { cacheMode: 'sometimes' as never },
    { cacheMode: Symbol('on') as never },
    { timeoutInSeconds: Number.NaN },
  ])('that mean nothing are typed errors: %p', async (options) => {
    const tab = createWorld().openTab();
    await expect(tab.client.getTokenSilently(options)).rejects.toMatchObject({
      error: 'invalid_configuration',
    });
  });

  it.each<[string, (client: Auth0Client) => Promise<unknown>]>([
    ['null for options', (client) => client.getTokenSilently(null as never)],
    ['text for options', (client) => client.logout('now' as never)],
    [
      'half a surrogate pair',
      (client) => client.getTokenSilently({ authorizationParams: { audience: '\ud800' } }),
    ],
    ['a circle in appState', (client) => client.loginWithRedirect({ appState: circle() })],
    ['a signal that is none', (client) => client.getUser({ signal: {} as never })],
    ['a scope that has no text', (client) => client.getTokenSilently(withParams({ scope: Symbol('x') }))],
    ['a parameter that has no text', (client) => client.loginWithRedirect(withParams({ ui: textless }))],
    ['a fragment that has no text', (client) => client.loginWithRedirect({ fragment: textless as never })],
    ['no way to leave for a login', (client) => client.loginWithRedirect({ openUrl: false as never })],
    ['no way to leave for a logout', (client) => client.logout({ openUrl: 'x' as never })],
    ['a logout parameter that has no text', (client) => client.logout({ logoutParams: { x: textless } })],
    ['an address that has no text', (client) => client.handleRedirectCallback(Symbol('x') as never)],
    ['null for the options of a callback', (client) => client.handleRedirectCallback(app, null as never)],
  ])('that cannot be used are typed errors, and nothing is done: %s', async (_, call) => {
    const world = createWorld();
    const tab = world.openTab();
    await tab.login();
    const [left, sent, kept] = [tab.navigations.length, world.requests.length, tab.sessionStorage.names()];
    await expect(call(tab.client)).rejects.toMatchObject({ error: 'invalid_configuration' });
    expect([tab.navigations, world.requests]).toMatchObject([{ length: left }, { length: sent }]);
    expect(tab.sessionStorage.names()).toEqual(kept);
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
  });

  it('that cannot be used are typed errors of createAuth0Client, too', async () => {
    const made = createAuth0Client({ domain: 'tenant.example', clientId: 'spa' }, null as never);
    await expect(made).rejects.toMatchObject({ error: 'invalid_configuration' });
  });

  it.each([null, 5, {}])('that are no address hold no answer: %p', async (url) => {
    const tab = createWorld().openTab();
    await expect(tab.client.handleRedirectCallback(url as never)).rejects.toMatchObject({
      error: 'missing_callback_parameters',
    });
  });

  it('may be a URL where an address is asked for', async () => {
    const { tab, callback } = await atCallback(createWorld());
    await tab.client.handleRedirectCallback(new URL(callback));
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
  });

  it.each([null, { ui: circle() }, { ui: 5n }])(
    'may be parameters of any kind that has a text, and none: %p',
    async (authorizationParams) => {
      const tab = createWorld().openTab({ useRefreshTokensFallback: false });
      await tab.login();
      const options = { authorizationParams: authorizationParams as never };
      await expect(tab.client.getTokenSilently(options)).resolves.toEqual(expect.any(String));
      await tab.client.loginWithRedirect(options);
      expect(new URL(tab.navigations.at(-1)!).searchParams.get('audience')).toBe(audience);
    },
  );

  it('may leave out a parameter of the client’s own', async () => {
    const tab = createWorld().openTab();
    await tab.client.loginWithRedirect(withParams({ audience: null, redirect_uri: undefined }));
    const query = new URL(tab.navigations.at(-1)!).searchParams;
    expect([query.get('audience'), query.get('redirect_uri')]).toEqual([null, app]);
  });

  it.each([null, ''])('may leave out how old the sign-in may be: %j', async (max_age) => {
    const tab = createWorld().openTab({ authorizationParams: { max_age: 600, redirect_uri: app } });
    await tab.login(undefined, { max_age: max_age as never });
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
  });

  it.each([false, null])('may say that there is no cache of the app’s own: %p', async (cache) => {
    const tab = createWorld().openTab({ cache: cache as never });
    await tab.login();
    await expect(tab.reload().client.isAuthenticated()).resolves.toBe(true);
  });

  it('that switch something off stay off', async () => {
    const tab = createWorld().openTab();
    await tab.client.logout({ clientId: null, logoutParams: { returnTo: app, federated: false } });
    const returnTo = encodeURIComponent(app);
    expect(tab.navigations).toEqual([`http://localhost:4400/v2/logout?returnTo=${returnTo}`]);
  });

  it('cannot replace what belongs to the SDK', async () => {
    const world = createWorld();
    const tab = world.openTab();
    await tab.client.loginWithRedirect({
      authorizationParams: {
        client_id: 'evil',
        state: 'known',
        code_challenge_method: 'plain',
        response_type: 'token',
      },
    });
    const query = new URL(tab.navigations[0]!).searchParams;
    expect(query.get('client_id')).toBe('spa');
    expect(query.get('state')).not.toBe('known');
    expect([query.get('code_challenge_method'), query.get('response_type')]).toEqual(['S256', 'code']);
  });
});

describe('a page whose engine cannot be had', () => {
  /** The same until `mend`. */
  function broken(tab: Tab) {
    const { silentFrame } = tab.env;
    const cause = new TypeError('not in this browser');
    const get = () => {
      throw cause;
    };
    Object.defineProperty(tab.env, 'silentFrame', { get, configurable: true, enumerable: true });
    const mend = () => Object.defineProperty(tab.env, 'silentFrame', { value: silentFrame });
    return { tab, cause, mend };
  }

  async function inBrokenPage(options: Partial<Auth0ClientOptions> = {}) {
    const world = createWorld();
    const former = world.openTab();
    await former.login();
    const token = await former.client.getTokenSilently();
    return { world, token, ...broken(world.openTab({ useRefreshTokensFallback: false, ...options })) };
  }

  it('has a typed error for a call that needs it, and the next one tries again', async () => {
    const { tab, cause, mend } = await inBrokenPage();
    const refresh = () => tab.client.getTokenSilently({ cacheMode: 'off' });
    const failure = { name: 'GenericError', error: 'feature_load_failed', retryable: true, cause };
    await expect(refresh()).rejects.toMatchObject(failure);
    await expect(tab.client.loginWithRedirect()).rejects.toMatchObject(failure);
    mend();
    await expect(refresh()).resolves.toEqual(expect.any(String));
  });

  it('serves its cache by the machine’s clock where the app has one of its own', async () => {
    let asked = 0;
    const { world, tab, token, mend } = await inBrokenPage({ nowProvider: () => (asked++, world.now()) });
    await expect(tab.client.isAuthenticated()).resolves.toBe(true);
    await expect(tab.client.getTokenSilently()).resolves.toBe(token);
    expect(asked).toBe(0);
    await world.advance(twoHours);
    await expect(tab.client.getTokenSilently()).rejects.toMatchObject({ error: 'feature_load_failed' });
    mend();
    await expect(tab.client.getTokenSilently()).resolves.toEqual(expect.any(String));
    expect(asked).toBeGreaterThan(0);
  });

  it('is logged out of at once all the same, and the next page ends what is in custody', async () => {
    const { world, tab } = await inBrokenPage();
    expect(world.cookies.size).toBe(1);
    const logout = tab.client.logout();
    expect(world.cookies.size).toBe(0);
    await expect(world.openTab().client.isAuthenticated()).resolves.toBe(false);
    await expect(logout).rejects.toMatchObject({ error: 'feature_load_failed', retryable: true });
    expect(tab.navigations).toEqual([]);
    expect(world.tenant.families()).toMatchObject([{ verdict: 'live' }]);
    const next = world.openTab({ useRefreshTokensFallback: false });
    const call = next.client.getTokenSilently().catch(({ error }: GenericError) => error);
    await world.advance(20_000);
    await expect(call).resolves.toBe('missing_refresh_token');
    expect(world.tenant.families()).toMatchObject([{ verdict: 'revoked' }]);
  });
});

describe('outside of a page', () => {
  it.each<[string, (client: Auth0Client) => Promise<unknown>, string]>([
    ['a token', (client) => client.getTokenSilently(), 'no_page'],
    ['a login', (client) => client.loginWithRedirect(), 'storage_error'],
    ['a callback', (client) => client.handleRedirectCallback(), 'missing_callback_parameters'],
    ['a logout', (client) => client.logout(), 'no_page'],
  ])('%s is a typed error', async (_, call, error) => {
    const client = new Auth0Client({ domain: 'tenant.example', clientId: 'spa' });
    await expect(call(client)).rejects.toMatchObject({ error });
    client.dispose();
  });
});
