import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { createRemoteJWKSet, customFetch, decodeProtectedHeader, jwtVerify } from 'jose';
import { validateIdToken } from '../../src/core/id-token-validation.ts';
import {
  BrokenConnectionError,
  createTenant,
  type Fault,
  type Tenant,
  type TenantConfiguration,
} from '../../src/tenant/index.ts';
import { serve } from '../../src/tenant-node/index.ts';
import { tenantBrowser } from '../support/tenant-browser.ts';
import { aManagedTenant, call, managementToken } from './a-manager.ts';
import {
  aCode,
  ada,
  app,
  aTenant,
  authorizeUrl,
  claimsOf,
  codeGrant,
  codesOf,
  configuration,
  grace,
  login,
  postToken,
  refresh,
  userinfo,
} from './a-tenant.ts';

const lastFault = (tenant: Tenant) => [...tenant.journal].reverse().find(({ type }) => type === 'fault');

/** A tenant whose faults wait until they are let go. */
function aPatientTenant(changes: Partial<TenantConfiguration> = {}) {
  const waits: { span: number; end: () => void }[] = [];
  const wait = (span: number) => new Promise<void>((end) => waits.push({ span, end }));
  return { tenant: aTenant({ wait, ...changes }), waits };
}

const everythingDone = () => new Promise<void>((later) => setImmediate(later));

/** What a client makes of a token: its header's `kid`, once the signature fits a key of the JWK Set. */
async function verifiedKid(tenant: Tenant, token: unknown): Promise<string | undefined> {
  const keys = createRemoteJWKSet(new URL(`${tenant.baseUrl}/.well-known/jwks.json`), {
    [customFetch]: (url: string) => tenant.fetch(new Request(url)),
  });
  const currentDate = new Date(tenant.clock.now());
  // A claim that is no date is refused too, and here the signature is what counts.
  return jwtVerify(String(token), keys, { currentDate }).then(
    ({ protectedHeader }) => protectedHeader.kid,
    (error: { claim?: string; code: string }) => (error.claim === 'iat' ? 'verified' : error.code),
  );
}

const kidOf = (token: unknown) => decodeProtectedHeader(String(token)).kid;

async function publishedKids(tenant: Tenant): Promise<string[]> {
  const response = await tenant.fetch(new Request(`${tenant.baseUrl}/.well-known/jwks.json`));
  const { keys } = (await response.json()) as { keys: { kid: string }[] };
  return keys.map(({ kid }) => kid);
}

afterEach(() => {
  jest.useRealTimers();
});

describe('a fault', () => {
  it.each<Partial<Fault>>([{}, { when: 'after' }])(
    'that drops the request leaves the token as it was: %j',
    async (changes) => {
      const tenant = aTenant();
      const { refresh_token } = await login(tenant);
      tenant.faults.add({ kind: 'drop-request', grant: 'refresh_token', ...changes });
      await expect(refresh(tenant, refresh_token)).rejects.toMatchObject({ name: 'TypeError', cut: 'start' });
      expect(lastFault(tenant)).toMatchObject({ decision: 'drop-request', details: { consumed: false } });
      expect(await refresh(tenant, refresh_token)).toMatchObject({ status: 200 });
    },
  );

  it.each(['hang', 'delay', 'reorder'] as const)(
    'by which an answer has to wait (%s) holds nobody who gives up',
    async (kind) => {
      const { tenant } = aPatientTenant();
      const { refresh_token } = await login(tenant);
      tenant.faults.add({ kind, ms: 60_000 });
      const controller = new AbortController();
      const body = new URLSearchParams({
        client_id: 'spa',
        grant_type: 'refresh_token',
        refresh_token: String(refresh_token),
      });
      const answer = tenant.fetch(
        new Request(`${tenant.baseUrl}/oauth/token`, { method: 'POST', body, signal: controller.signal }),
      );
      await everythingDone();
      controller.abort();
      await expect(answer).rejects.toMatchObject({ name: 'AbortError' });
    },
  );

  it('that drops the answer consumes the token, and says so', async () => {
    const tenant = aTenant();
    const { refresh_token } = await login(tenant);
    tenant.faults.add({ kind: 'drop-response', grant: 'refresh_token' });
    await expect(refresh(tenant, refresh_token)).rejects.toThrow(BrokenConnectionError);
    expect(lastFault(tenant)).toMatchObject({ decision: 'drop-response', details: { consumed: true } });
    expect(await refresh(tenant, refresh_token)).toMatchObject({ status: 403 });
    expect(codesOf(tenant).slice(-3)).toEqual(['sertft', 'fault', 'ferrt']);
  });

  it('that drops the answer to a code, or to a refused token, has consumed no refresh token', async () => {
    const tenant = aTenant();
    const grants = [
      codeGrant(await aCode(tenant)),
      { grant_type: 'refresh_token', client_id: 'spa', refresh_token: 'x' },
    ];
    for (const grant of grants) {
      tenant.faults.add({ kind: 'drop-response' });
      await expect(postToken(tenant, grant)).rejects.toThrow(BrokenConnectionError);
      expect(lastFault(tenant)).toMatchObject({
        reason: 'handled first; nothing was consumed',
        details: { consumed: false },
      });
    }
    expect(codesOf(tenant)).toEqual(expect.arrayContaining(['seacft', 'fertft']));
  });

  it('that drops the answer to a token that stays as it is has consumed none', async () => {
    const tenant = aTenant();
    const client_id = 'native';
    const { refresh_token } = await login(tenant, { client_id });
    tenant.faults.add({ kind: 'drop-response' });
    await expect(refresh(tenant, refresh_token, { client_id })).rejects.toThrow(BrokenConnectionError);
    expect(lastFault(tenant)).toMatchObject({ details: { consumed: false } });
    expect(await refresh(tenant, refresh_token, { client_id })).toMatchObject({ status: 200 });
  });

  it.each<[string, Fault, type: string, text: RegExp]>([
    ['cuts the answer', { kind: 'truncate' }, 'application/json', /^\{"access_token":"[^}]*$/],
    ['names another type', { kind: 'content-type' }, 'text/plain', /^\{.*"refresh_token".*\}$/],
    [
      'leaves members out',
      { kind: 'omit', members: ['refresh_token', 'expires_in'] },
      'application/json',
      /^\{(?!.*(refresh_token|expires_in)).*"access_token".*"id_token".*\}$/,
    ],
  ])('that %s has consumed the token, and says so', async (_, fault, type, text) => {
    const tenant = aTenant();
    const { refresh_token } = await login(tenant);
    tenant.faults.add({ when: 'before', ...fault });
    const form = { grant_type: 'refresh_token', client_id: 'spa', refresh_token: String(refresh_token) };
    const response = await tenant.fetch(
      new Request(`${tenant.baseUrl}/oauth/token`, {
        method: 'POST',
        headers: { origin: app },
        body: new URLSearchParams(form),
      }),
    );
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe(type);
    expect(response.headers.get('access-control-allow-origin')).toBe(app);
    expect(await response.text()).toMatch(text);
    expect(lastFault(tenant)).toMatchObject({ decision: fault.kind, details: { consumed: true } });
    expect(tenant.families()[0]).toMatchObject({ verdict: 'live', latestCounter: 2 });
  });

  it('that leaves members out passes over an answer that has none', async () => {
    const tenant = aTenant();
    tenant.faults.add({ kind: 'omit', members: ['keys'], endpoint: '/' });
    const response = await tenant.fetch(new Request(`${tenant.baseUrl}/`));
    expect(await response.text()).toContain('<html');
  });

  it.each<Partial<Fault>>([{ kind: 'truncate' }, { kind: 'content-type' }, { kind: 'bad-sig' }])(
    'that changes what an answer says leaves one that says nothing: %j',
    async (fault) => {
      const tenant = aManagedTenant();
      const token = await managementToken(tenant);
      tenant.faults.add({ kind: 'truncate', endpoint: '/api/v2/users/nobody', ...fault });
      expect(await call(tenant, 'DELETE /users/nobody', { token })).toMatchObject({ status: 204 });
    },
  );

  it('that delays the answer has handled the request before, or does so after', async () => {
    const { tenant, waits } = aPatientTenant();
    const { refresh_token } = await login(tenant);
    tenant.faults.add({ kind: 'delay', ms: 7000 });
    const slow = refresh(tenant, refresh_token);
    while (waits.length === 0) await new Promise(setImmediate);
    expect(waits[0]!.span).toBe(7000);
    expect(codesOf(tenant)).toContain('sertft');
    waits[0]!.end();
    const { status, body } = await slow;
    expect(status).toBe(200);

    tenant.faults.add({ kind: 'delay', ms: 7000, when: 'before' });
    const late = refresh(tenant, body['refresh_token']);
    while (waits.length === 1) await new Promise(setImmediate);
    expect(codesOf(tenant).filter((code) => code === 'sertft')).toHaveLength(1);
    waits[1]!.end();
    expect(await late).toMatchObject({ status: 200 });
    expect(lastFault(tenant)).toMatchObject({
      reason: 'handled after the delay; the refresh token was consumed',
      details: { consumed: true },
    });
  });

  it('that delays the answer for longer than one timer can run waits as long as it was told', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    const month = 30 * 24 * 3600 * 1000;
    const tenant = aTenant();
    tenant.faults.add({ kind: 'delay', ms: month });
    const answered = jest.fn();
    const slow = refresh(tenant, 'x').then(answered);
    while (jest.getTimerCount() === 0) await new Promise(setImmediate);
    await jest.advanceTimersByTimeAsync(month - 1);
    expect(answered).not.toHaveBeenCalled();
    await jest.advanceTimersByTimeAsync(1);
    await slow;
    expect(answered).toHaveBeenCalledWith(expect.objectContaining({ status: 403 }));
  });

  it('that hangs ends by a broken connection', async () => {
    const { tenant, waits } = aPatientTenant();
    const { refresh_token } = await login(tenant);
    tenant.faults.add({ kind: 'hang', ms: 60_000 });
    const hanging = refresh(tenant, refresh_token);
    while (waits.length === 0) await new Promise(setImmediate);
    waits[0]!.end();
    await expect(hanging).rejects.toThrow(TypeError);
    expect(lastFault(tenant)).toMatchObject({ details: { consumed: false } });
  });

  it.each<[string, Partial<Fault>, number, RegExp]>([
    ['a 503 in JSON', {}, 503, /"error":"temporarily_unavailable"/],
    ['a 503 in HTML', { body: 'html' }, 503, /<html>/],
    ['a 429', { status: 429, retryAfter: 7 }, 429, /"error":"too_many_requests"/],
    ['an empty 500', { status: 500, body: 'empty' }, 500, /^$/],
  ])('answers as asked for: %s', async (_, fault, status, text) => {
    const tenant = aTenant();
    tenant.faults.add({ kind: 'status', ...fault });
    const response = await tenant.fetch(
      new Request(`${tenant.baseUrl}/oauth/token`, { method: 'POST', headers: { origin: app }, body: '' }),
    );
    expect(response.status).toBe(status);
    expect(await response.text()).toMatch(text);
    expect(response.headers.get('access-control-allow-origin')).toBe(app);
    expect(response.headers.get('access-control-expose-headers')).toBe('Retry-After');
    expect(response.headers.get('retry-after')).toBe(fault.retryAfter === undefined ? null : '7');
  });

  it('answers a request from no page without CORS', async () => {
    const tenant = aTenant();
    tenant.faults.add({ kind: 'status' });
    const { status, headers } = await refresh(tenant, 'x');
    expect(status).toBe(503);
    expect([...headers.keys()]).toEqual(['cache-control', 'content-type']);
  });

  it('lets a preflight request pass, and strikes what comes after it', async () => {
    const tenant = aTenant();
    tenant.faults.add({ kind: 'status' });
    const headers = { origin: app, 'access-control-request-method': 'POST' };
    const preflight = await tenant.fetch(
      new Request(`${tenant.baseUrl}/oauth/token`, { method: 'OPTIONS', headers }),
    );
    expect(preflight.ok).toBe(true);
    expect(await refresh(tenant, 'x')).toMatchObject({ status: 503 });
  });

  it('that refuses CORS handles the request, and the page may not read the answer', async () => {
    const tenant = aTenant();
    const { refresh_token } = await login(tenant);
    tenant.faults.add({ kind: 'no-cors' });
    const form = { grant_type: 'refresh_token', client_id: 'spa', refresh_token: String(refresh_token) };
    const response = await tenant.fetch(
      new Request(`${tenant.baseUrl}/oauth/token`, {
        method: 'POST',
        headers: { origin: app },
        body: new URLSearchParams(form),
      }),
    );
    expect(response.status).toBe(200);
    expect(response.headers.has('access-control-allow-origin')).toBe(false);
    expect(lastFault(tenant)).toMatchObject({ details: { consumed: true } });
  });

  it('strikes whom it names, when it is its turn, as often as it was told', async () => {
    const tenant = aTenant();
    const id = tenant.faults.add({
      kind: 'status',
      grant: 'refresh_token',
      client_id: 'spa',
      nth: 2,
      times: 2,
    });
    const statuses: number[] = [];
    for (const client_id of ['spa', 'other', 'spa', 'spa', 'spa'])
      statuses.push((await refresh(tenant, 'x', { client_id })).status);
    expect(statuses).toEqual([403, 403, 503, 503, 403]);
    expect(tenant.faults.list()).toEqual([]);
    expect(tenant.faults.remove(id)).toBe(false);
  });

  it('strikes a client that says who it is by Basic', async () => {
    const tenant = aTenant();
    tenant.faults.add({ kind: 'status', client_id: 'server' });
    const form = { grant_type: 'refresh_token', refresh_token: 'x' };
    const headers = { authorization: `Basic ${btoa('server:s3%20cret')}` };
    expect(await postToken(tenant, form, headers)).toMatchObject({ status: 503 });
    expect(lastFault(tenant)).toMatchObject({ client_id: 'server' });
  });

  it('has a request to itself, and the others that wait count that one all the same', async () => {
    const tenant = aTenant();
    tenant.faults.add({ kind: 'status', status: 503 });
    tenant.faults.add({ kind: 'status', status: 500 });
    tenant.faults.add({ kind: 'status', status: 502, nth: 2 });
    const statuses: number[] = [];
    for (let n = 0; n < 4; n++) statuses.push((await refresh(tenant, 'x')).status);
    expect(statuses).toEqual([503, 500, 502, 403]);
  });

  it('reads no more of a body than the tenant takes', async () => {
    const tenant = aTenant();
    tenant.faults.add({ kind: 'status', grant: 'refresh_token' });
    let read = 0;
    const pull = (stream: ReadableStreamDefaultController) => {
      read += 1;
      if (read > 100) stream.close();
      else stream.enqueue(new Uint8Array(65_536));
    };
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const init = { method: 'POST', headers, body: new ReadableStream({ pull }), duplex: 'half' };
    const response = await tenant.fetch(new Request(`${tenant.baseUrl}/oauth/token`, init));
    expect(response.status).toBe(413);
    expect(read).toBeLessThan(10);
  });

  it('stays until it is removed, and is counted', async () => {
    const tenant = aTenant();
    const id = tenant.faults.add({ kind: 'status', times: Infinity });
    await refresh(tenant, 'x');
    await refresh(tenant, 'x');
    expect(lastFault(tenant)?.details).toEqual({ kind: 'status', times: 'always', consumed: false }); // as JSON can hold it
    expect(tenant.faults.list()).toEqual([{ id, kind: 'status', times: Infinity, hits: 2 }]);
    tenant.faults.clear();
    expect(await refresh(tenant, 'x')).toMatchObject({ status: 403 });
  });

  it.each([
    [{}, 'fault.kind'],
    [{ kind: 'explode' }, 'fault.kind'],
    [{ kind: 'status', status: 200 }, 'fault.status'],
    [{ kind: 'status', status: 600 }, 'fault.status'],
    [{ kind: 'delay', when: 'later' }, 'fault.when'],
    [{ kind: 'delay', ms: -1 }, 'fault.ms'],
    [{ kind: 'delay', ms: Infinity }, 'fault.ms'],
    [JSON.parse('{"kind":"hang","ms":1e400}'), 'fault.ms'],
    [{ kind: 'status', retryAfter: Infinity }, 'fault.retryAfter'],
    [{ kind: 'status', nth: 0 }, 'fault.nth'],
    [{ kind: 'status', user: '' }, 'fault.user'],
    [{ kind: 'status', probability: -0.1 }, 'fault.probability'],
    [{ kind: 'status', probability: 1.1 }, 'fault.probability'],
    [{ kind: 'status', probability: '0.5' }, 'fault.probability'],
    [{ kind: 'status', endpoint: 'oauth' }, 'fault.endpoint'],
    [{ kind: 'status', often: true }, 'fault.often'],
    [{ kind: 'hang', toString: 1 }, 'fault.toString'],
    [{ kind: 'hang', constructor: {} }, 'fault.constructor'],
    [JSON.parse('{"kind":"hang","__proto__":1}'), 'fault.__proto__'],
    [{ kind: 'omit' }, 'fault.members'],
    [{ kind: 'omit', members: [] }, 'fault.members'],
    [{ kind: 'omit', members: 'scope' }, 'fault.members'],
    [{ kind: 'truncate', members: ['scope'] }, 'fault.members'],
    [null, 'fault'],
  ])('that is none is refused: %p', (fault, field) => {
    const tenant = aTenant();
    const refusal = { name: 'TenantConfigurationError', field };
    expect(() => tenant.faults.add(fault as never)).toThrow(expect.objectContaining(refusal));
    expect(tenant.faults.list()).toEqual([]);
  });

  it('is added, listed and removed over the development routes', async () => {
    const tenant = aTenant();
    const call = async (method: string, path = '', body?: unknown) => {
      const response = await tenant.fetch(
        new Request(`${tenant.baseUrl}/__tenant/faults${path}`, {
          method,
          headers: { 'x-tenant-token': tenant.developmentToken },
          ...(body !== undefined && { body: JSON.stringify(body) }),
        }),
      );
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    };
    const { body } = await call('POST', '', { kind: 'drop-response', times: 'always' });
    const id = String(body['id']);
    expect(tenant.faults.list()).toEqual([{ id, kind: 'drop-response', times: Infinity, hits: 0 }]);
    const other: Fault = { kind: 'reorder', user: grace, probability: 0.5, ms: 1000 };
    await call('POST', '', other);
    expect(tenant.faults.list()[1]).toMatchObject(other);
    expect((await call('GET')).body).toMatchObject([{ times: 'always' }, other]);
    expect(await call('POST', '', { kind: 'nonsense' })).toMatchObject({ status: 400 });
    expect(await call('POST', '', { kind: 'hang', toString: 1 })).toMatchObject({ status: 400 });
    expect(await call('DELETE', '/nothing')).toMatchObject({ status: 404 });
    expect(await call('DELETE', `/${id}`)).toMatchObject({ status: 200 });
    tenant.faults.add({ kind: 'hang' });
    await call('DELETE');
    expect(tenant.faults.list()).toEqual([]);
  });

  it.each(['start', 'body'] as const)('breaks a real connection: at the %s', async (cut) => {
    const tenant = createTenant(configuration);
    const server = await serve(tenant, { port: 0 });
    try {
      tenant.faults.add({ kind: 'drop-response', cut });
      const call = fetch(`${server.url}/oauth/token`, { method: 'POST', body: '' }).then((it) => it.text());
      await expect(call).rejects.toThrow(/fetch failed|terminated/);
      await expect(fetch(`${server.url}/oauth/token`, { method: 'POST', body: '' })).resolves.toBeDefined();
    } finally {
      await server.close();
    }
  });
});

describe('a fault for one user', () => {
  /** What a user's clients and browser send, by endpoint; each only once. */
  const requests: Record<
    string,
    (tenant: Tenant, email: string) => Promise<readonly [path: string, init: RequestInit]>
  > = {
    'a refresh': async (tenant, email) => {
      const { refresh_token } = await login(tenant, {}, email);
      return ['/oauth/token', form({ grant_type: 'refresh_token', client_id: 'spa', refresh_token })];
    },
    'a refresh in JSON': async (tenant, email) => {
      const { refresh_token } = await login(tenant, {}, email);
      const body = JSON.stringify({ grant_type: 'refresh_token', client_id: 'spa', refresh_token });
      return ['/oauth/token', { method: 'POST', headers: { 'content-type': 'application/json' }, body }];
    },
    'a spent refresh token': async (tenant, email) => {
      const { refresh_token } = await login(tenant, {}, email);
      await refresh(tenant, refresh_token);
      return ['/oauth/token', form({ grant_type: 'refresh_token', client_id: 'spa', refresh_token })];
    },
    'a code exchange': async (tenant, email) => [
      '/oauth/token',
      form(codeGrant(await aCode(tenant, {}, email))),
    ],
    'a revocation': async (tenant, email) => {
      const { refresh_token } = await login(tenant, {}, email);
      return ['/oauth/revoke', form({ client_id: 'spa', token: refresh_token })];
    },
    'an access token that is a JWT': async (tenant, email) => {
      const { access_token } = await login(tenant, {}, email);
      return ['/userinfo', { headers: { authorization: `Bearer ${String(access_token)}` } }];
    },
    'an opaque access token': async (tenant, email) => {
      const { access_token } = await login(tenant, { audience: null, scope: 'openid' }, email);
      return ['/userinfo', { headers: { authorization: `Bearer ${String(access_token)}` } }];
    },
    'an access token in a form': async (tenant, email) => {
      const { access_token } = await login(tenant, {}, email);
      return ['/userinfo', form({ access_token })];
    },
    'a login in the browser': async (tenant, email) => [
      authorizeUrl(),
      { headers: { cookie: tenant.signIn(email, { client_id: 'spa' }).cookie } },
    ],
    'a logout': async (tenant, email) => [
      '/v2/logout',
      { headers: { cookie: tenant.signIn(email, { client_id: 'spa' }).cookie } },
    ],
  };
  const form = (members: Readonly<Record<string, unknown>>): RequestInit => ({
    method: 'POST',
    body: new URLSearchParams(members as Record<string, string>),
  });
  const send = (tenant: Tenant, path: string, init: RequestInit) =>
    tenant.fetch(new Request(`${tenant.baseUrl}${path}`, { redirect: 'manual', ...init }));

  it.each(Object.entries(requests))('strikes %s of that user and of no other', async (_, requestOf) => {
    const tenant = aTenant();
    const { user_id } = tenant.users().find(({ email }) => email === grace)!;
    for (const user of [user_id, grace, grace.toUpperCase()]) {
      const others = await requestOf(tenant, ada.email);
      const theirs = await requestOf(tenant, grace);
      const endpoint = new URL(theirs[0], tenant.baseUrl).pathname;
      tenant.faults.add({ kind: 'status', status: 599, endpoint, user });
      expect((await send(tenant, ...others)).status).not.toBe(599);
      expect((await send(tenant, ...theirs)).status).toBe(599);
    }
  });

  it.each<[string, path: string, RequestInit]>([
    ['an unknown refresh token', '/oauth/token', form({ grant_type: 'refresh_token', refresh_token: 'x' })],
    ['an unknown code', '/oauth/token', form({ grant_type: 'authorization_code', code: 'x' })],
    ['a client’s own grant', '/oauth/token', form({ grant_type: 'client_credentials' })],
    ['garbage for an access token', '/userinfo', { headers: { authorization: 'Bearer x' } }],
    ['a token that names nobody', '/userinfo', { headers: { authorization: 'Bearer e30.e30.e30' } }],
    ['an unknown cookie', '/authorize', { headers: { cookie: 'auth0=x' } }],
    ['nothing', '/authorize', {}],
  ])('passes over a request with %s', async (_, path, init) => {
    const tenant = aTenant();
    const headers = new Headers(init.headers);
    // Where a token or a code should tell, the browser's session is no answer.
    if (path !== '/authorize') headers.set('cookie', tenant.signIn(grace, { client_id: 'spa' }).cookie);
    const endpoint = path;
    for (const user of [grace, 'nobody@example.com', 'undefined'])
      tenant.faults.add({ kind: 'status', status: 599, endpoint, user });
    expect((await send(tenant, path, { ...init, headers })).status).not.toBe(599);
  });

  it('passes over a session that is over', async () => {
    const tenant = aTenant();
    const { cookie } = tenant.signIn(grace, { client_id: 'spa' });
    tenant.faults.add({ kind: 'status', endpoint: '/authorize', user: grace });
    tenant.clock.advance('72h');
    expect((await send(tenant, authorizeUrl(), { headers: { cookie } })).status).toBe(302);
  });

  it('changes nothing by looking whose a request is', async () => {
    const tenant = aTenant();
    const { refresh_token, access_token } = await login(tenant);
    const { cookie } = tenant.signIn(ada.email, { client_id: 'spa' });
    tenant.clock.advance('1h');
    tenant.faults.add({ kind: 'status', endpoint: '/nowhere', user: grace });
    const before = tenant.snapshot();
    await send(tenant, '/nowhere', { headers: { cookie } });
    await send(tenant, '/nowhere', { headers: { authorization: `Bearer ${String(access_token)}` } });
    await send(tenant, '/nowhere', form({ grant_type: 'refresh_token', refresh_token }));
    expect(tenant.snapshot()).toEqual(before);
  });
});

describe('a fault by chance', () => {
  const strikes = async (seed: string, fault: Partial<Fault> = {}) => {
    const tenant = aTenant({ seed });
    tenant.faults.add({ kind: 'status', probability: 0.5, times: Infinity, ...fault });
    const statuses: number[] = [];
    for (let n = 0; n < 40; n++) statuses.push((await refresh(tenant, 'x')).status);
    return statuses;
  };
  const countOf = (statuses: readonly number[]) => statuses.filter((status) => status === 503).length;

  it('strikes the same requests under the same seed, and others under another', async () => {
    const once = await strikes('one');
    expect(countOf(once)).toBeGreaterThan(10);
    expect(countOf(once)).toBeLessThan(30);
    expect(await strikes('one')).toEqual(once);
    expect(await strikes('two')).not.toEqual(once);
  });

  it('uses none of its times up where it does not strike', async () => {
    const statuses = await strikes('one', { probability: 0.2, times: 3 });
    expect(countOf(statuses)).toBe(3);
    expect(statuses.lastIndexOf(503)).toBeGreaterThan(2);
  });

  it.each([
    [0, 0],
    [1, 40],
  ])('of probability %p strikes %p times in 40', async (probability, count) => {
    expect(countOf(await strikes('one', { probability }))).toBe(count);
  });

  it('strikes rarely where it is unlikely, and not before its turn', async () => {
    expect(countOf(await strikes('one', { probability: 0.1 }))).toBeLessThan(12);
    expect(countOf((await strikes('one', { probability: 1, nth: 20 })).slice(0, 19))).toBe(0);
  });
});

describe('a fault that reorders', () => {
  /** Three logins, and a way to see in which order their refreshes are answered. */
  async function threeRefreshes(tenant: Tenant) {
    const [first, second, third] = [await login(tenant), await login(tenant), await login(tenant)];
    const answered: string[] = [];
    const present = async (name: string, body: Readonly<Record<string, unknown>>) => {
      const answer = await refresh(tenant, body['refresh_token']);
      answered.push(name);
      return answer;
    };
    return {
      answered,
      first: () => present('first', first),
      second: () => present('second', second),
      third: () => present('third', third),
    };
  }
  const refreshesIn = (tenant: Tenant) =>
    tenant.journal.filter(({ type }) => type === 'sertft').map(({ details }) => details['familyId']);

  it('answers the first request after the second, having handled it before', async () => {
    const lookups: (() => void)[] = [];
    const userLookup = () => new Promise<void>((end) => lookups.push(end));
    const tenant = aTenant({ userLookup });
    const { answered, first, second } = await threeRefreshes(tenant);
    tenant.faults.add({ kind: 'reorder', grant: 'refresh_token' });
    const answers = [first(), second()];
    await everythingDone();
    expect(lookups).toHaveLength(1); // the second is not looked at before the first was handled
    lookups[0]!();
    while (lookups.length < 2) await everythingDone();
    expect(lastFault(tenant)).toMatchObject({ decision: 'reorder', details: { consumed: true } });
    expect(answered).toEqual([]);
    lookups[1]!();
    expect(await Promise.all(answers)).toMatchObject([{ status: 200 }, { status: 200 }]);
    expect(answered).toEqual(['second', 'first']);
    const [one, two] = tenant.families();
    expect(refreshesIn(tenant)).toEqual([one?.familyId, two?.familyId]);
    expect(tenant.faults.list()).toEqual([]);
  });

  it('waits for the next request that it is meant for, however late that is answered, and holds no third one', async () => {
    const { tenant, waits } = aPatientTenant();
    const { answered, first, second, third } = await threeRefreshes(tenant);
    const id = tenant.faults.add({ kind: 'reorder', client_id: 'spa' });
    tenant.faults.add({ kind: 'delay', client_id: 'spa', nth: 2 });
    const answers = [first()];
    await everythingDone();
    expect(tenant.faults.list()[0]).toEqual({ id, kind: 'reorder', client_id: 'spa', hits: 1 });
    await refresh(tenant, 'x', { client_id: 'other' });
    answers.push(second());
    while (waits.length === 0) await everythingDone();
    await third();
    await everythingDone();
    expect(answered).toEqual(['third']);
    waits[0]!.end();
    await Promise.all(answers);
    expect(answered).toEqual(['third', 'second', 'first']);
  });

  it('lets the answer go when that of the next one is lost', async () => {
    const tenant = aTenant();
    const { answered, first, second } = await threeRefreshes(tenant);
    tenant.faults.add({ kind: 'reorder' });
    tenant.faults.add({ kind: 'drop-response', nth: 2 });
    const held = first();
    await expect(second()).rejects.toThrow(BrokenConnectionError);
    await held;
    expect(answered).toEqual(['first']);
  });

  it('takes the next pair when it strikes twice', async () => {
    const tenant = aTenant();
    tenant.faults.add({ kind: 'reorder', times: 2 });
    const answered: number[] = [];
    const present = (n: number) => refresh(tenant, 'x').then(() => answered.push(n));
    await Promise.all([present(1), present(2)]);
    expect(tenant.faults.list()).toHaveLength(1);
    await Promise.all([present(3), present(4)]);
    await present(5);
    expect(answered).toEqual([2, 1, 4, 3, 5]);
  });

  it.each<[string, (tenant: Tenant, id: string) => unknown]>([
    ['the fault is removed', (tenant, id) => expect(tenant.faults.remove(id)).toBe(true)],
    ['all faults are', (tenant) => tenant.faults.clear()],
    ['the tenant is reset', (tenant) => tenant.reset()],
    ['the tenant goes on from a snapshot', (tenant) => tenant.restore(tenant.snapshot())],
  ])('lets the answer go when %s', async (_, happen) => {
    const tenant = aTenant();
    const { answered, first, second } = await threeRefreshes(tenant);
    const id = tenant.faults.add({ kind: 'reorder' });
    const held = first();
    await everythingDone();
    expect(answered).toEqual([]);
    happen(tenant, id);
    expect(await held).toMatchObject({ status: 200 });
    expect(tenant.faults.list()).toEqual([]);
    await second();
    expect(answered).toEqual(['first', 'second']);
  });

  it('lets the next request through when it is removed while the first is still handled', async () => {
    const lookups: (() => void)[] = [];
    const tenant = aTenant({ userLookup: () => new Promise<void>((end) => lookups.push(end)) });
    const { first, second } = await threeRefreshes(tenant);
    tenant.faults.add({ kind: 'reorder' });
    const answers = [first(), second()];
    await everythingDone();
    tenant.faults.clear();
    while (lookups.length < 2) await everythingDone();
    for (const end of lookups) end();
    await Promise.all(answers);
  });

  it('lets the answer go after as long as it was told', async () => {
    const { tenant, waits } = aPatientTenant();
    const { answered, first } = await threeRefreshes(tenant);
    tenant.faults.add({ kind: 'reorder', ms: 5000 });
    const held = first();
    while (waits.length === 0) await everythingDone();
    expect(waits[0]!.span).toBe(5000);
    expect(answered).toEqual([]);
    waits[0]!.end();
    await held;
    expect(tenant.faults.list()).toEqual([]);
  });

  it('is not in the way of a tenant that goes on from its snapshot', async () => {
    const tenant = aTenant();
    tenant.faults.add({ kind: 'reorder' });
    void refresh(tenant, 'x');
    await everythingDone();
    const other = aTenant();
    other.restore(tenant.snapshot());
    expect(other.faults.list()).toEqual([]);
    expect(await refresh(other, 'x')).toMatchObject({ status: 403 });
    tenant.faults.clear();
  });
});

describe('a fault of the signing key', () => {
  const rotate = (tenant: Tenant) => tenant.faults.add({ kind: 'rotate-key' });

  it('signs with a fresh key, that of the answer too, and the tokens before stay good', async () => {
    const tenant = aTenant();
    const before = await login(tenant);
    rotate(tenant);
    const { body: after } = await refresh(tenant, before['refresh_token']);
    const kids = [
      await verifiedKid(tenant, after['id_token']),
      await verifiedKid(tenant, before['id_token']),
    ];
    expect(new Set(kids).size).toBe(2);
    expect(await publishedKids(tenant)).toEqual(kids);
    expect(await verifiedKid(tenant, (await login(tenant))['access_token'])).toBe(kids[0]);
    for (const { access_token } of [before, after])
      expect((await userinfo(tenant, access_token)).status).toBe(200);
    expect(lastFault(tenant)).toMatchObject({ decision: 'rotate-key', details: { consumed: true } });
  });

  it('leaves the Management API open to a token from before', async () => {
    const tenant = aManagedTenant();
    const token = await managementToken(tenant);
    rotate(tenant);
    await managementToken(tenant);
    expect(await publishedKids(tenant)).toHaveLength(2);
    expect(await call(tenant, 'GET /clients', { token })).toMatchObject({ status: 200 });
  });

  it('takes a key that was never there, however often, and shows the latest three', async () => {
    const tenant = aTenant();
    const { access_token } = await login(tenant);
    const seen = await publishedKids(tenant);
    for (let n = 0; n < 7; n++) {
      rotate(tenant);
      const { id_token } = await login(tenant);
      seen.unshift(String(await verifiedKid(tenant, id_token)));
      expect(await publishedKids(tenant)).toEqual(seen.slice(0, 3));
    }
    expect(new Set(seen).size).toBe(8);
    expect((await userinfo(tenant, access_token)).status).toBe(401);
  });

  it('takes the same key under the same seed, after a reset too', async () => {
    const keysOf = async (tenant: Tenant) => {
      rotate(tenant);
      const { id_token } = await login(tenant);
      return [id_token, await publishedKids(tenant)];
    };
    const tenant = aTenant();
    const first = await keysOf(tenant);
    tenant.reset();
    expect(await publishedKids(tenant)).toHaveLength(1);
    expect(await keysOf(tenant)).toEqual(first);
    expect(await keysOf(aTenant())).toEqual(first);
  });

  it('is remembered in a snapshot', async () => {
    const tenant = aTenant();
    rotate(tenant);
    const { access_token, refresh_token } = await login(tenant);
    const other = aTenant();
    other.restore(JSON.parse(JSON.stringify(tenant.snapshot())));
    expect(await publishedKids(other)).toEqual(await publishedKids(tenant));
    expect((await userinfo(other, access_token)).status).toBe(200);
    expect((await refresh(other, refresh_token)).body).toEqual((await refresh(tenant, refresh_token)).body);
  });

  it('that shows a stale JWK Set leaves out the newest key, as often as it was told', async () => {
    const tenant = aTenant();
    const { id_token: old } = await login(tenant);
    rotate(tenant);
    const { id_token } = await login(tenant);
    tenant.faults.add({ kind: 'stale-jwks', times: 2 });
    expect(await verifiedKid(tenant, id_token)).toBe('ERR_JWKS_NO_MATCHING_KEY');
    expect(lastFault(tenant)).toMatchObject({ decision: 'stale-jwks', details: { consumed: false } });
    expect(await verifiedKid(tenant, old)).toBe(kidOf(old));
    expect(await verifiedKid(tenant, id_token)).toBe(kidOf(id_token));
  });

  it('that shows a stale JWK Set passes over an answer that is none', async () => {
    const tenant = aTenant();
    tenant.faults.add({ kind: 'stale-jwks', endpoint: '/.well-known/openid-configuration' });
    const response = await tenant.fetch(new Request(`${tenant.baseUrl}/.well-known/openid-configuration`));
    expect(await response.json()).toMatchObject({ issuer: tenant.issuer });
  });
});

describe('a fault of the ID token', () => {
  /** What latchkey asks of an ID token: in the answer to a code its nonce, in that to a refresh its user. */
  const judge = (tenant: Tenant, id_token: unknown, expected: { nonce?: string; sub?: string }) => {
    const { nonce, sub } = expected;
    const identity = sub === undefined ? undefined : { sub, org_id: undefined };
    const settings = { issuer: tenant.issuer, clientId: 'spa', leeway: 60 };
    return validateIdToken(settings, String(id_token), { now: tenant.clock.now(), nonce, identity });
  };

  it.each([
    ['bad-iss', 'iss', 'issuer'],
    ['bad-aud', 'aud', 'audience'],
    ['bad-sub', 'sub', 'subject'],
    ['bad-iat', 'iat', 'issued_at'],
  ] as const)(
    '%s: a client refuses the answer to its refresh for the claim, under a good signature',
    async (kind, claim, reason) => {
      const tenant = aTenant();
      const { refresh_token, id_token } = await login(tenant);
      tenant.faults.add({ kind });
      const { status, body } = await refresh(tenant, refresh_token);
      expect(status).toBe(200);
      expect(lastFault(tenant)).toMatchObject({ decision: kind, details: { consumed: true } });
      const { nonce: _, ...right } = claimsOf(id_token);
      const wrong = claimsOf(body['id_token']);
      expect({ ...wrong, [claim]: right[claim] }).toEqual(right);
      expect(wrong[claim]).not.toEqual(right[claim]);
      expect(await verifiedKid(tenant, body['id_token'])).toMatch(/latchkey|verified/);
      expect(() => judge(tenant, body['id_token'], { sub: String(right['sub']) })).toThrow(
        expect.objectContaining({ reason }),
      );
    },
  );

  it('bad-nonce: a client refuses the answer to its code, under a good signature', async () => {
    const tenant = aTenant();
    tenant.faults.add({ kind: 'bad-nonce' });
    const { id_token, refresh_token } = await login(tenant);
    expect(await verifiedKid(tenant, id_token)).toMatch(/latchkey/);
    expect(() => judge(tenant, id_token, { nonce: 'client-nonce' })).toThrow(
      expect.objectContaining({ reason: 'nonce' }),
    );
    tenant.faults.add({ kind: 'bad-nonce' });
    const { body } = await refresh(tenant, refresh_token);
    expect(claimsOf(body['id_token'])).toHaveProperty('nonce'); // which it must not be unless it is the first one
  });

  it('bad-sig: a client that looks at the signature refuses it, and the claims are right', async () => {
    const tenant = aTenant();
    const { refresh_token } = await login(tenant);
    tenant.faults.add({ kind: 'bad-sig' });
    const { body } = await refresh(tenant, refresh_token);
    expect(await verifiedKid(tenant, body['id_token'])).toBe('ERR_JWS_SIGNATURE_VERIFICATION_FAILED');
    expect(judge(tenant, body['id_token'], {})).toMatchObject({ iss: tenant.issuer });
    expect(await verifiedKid(tenant, body['access_token'])).toMatch(/latchkey/);
  });

  it.each(['bad-iss', 'bad-sig'] as const)(
    '%s leaves an answer without an ID token as it is',
    async (kind) => {
      const tenant = aTenant();
      tenant.faults.add({ kind, times: 3 });
      expect(await refresh(tenant, 'x')).toMatchObject({ status: 403, body: { error: 'invalid_grant' } });
      const code = await aCode(tenant, { scope: 'read:things' });
      expect(await postToken(tenant, codeGrant(code))).toMatchObject({
        status: 200,
        body: { token_type: 'Bearer' },
      });
      tenant.faults.clear();
      tenant.faults.add({ kind, endpoint: '/' });
      expect(await (await tenant.fetch(new Request(tenant.baseUrl))).text()).toContain('<html');
    },
  );
});

describe('a fault that severs a popup', () => {
  const policyOf = (response: Response) => response.headers.get('cross-origin-opener-policy');

  it('cuts the next authorization of its client off, redirects and cookies being what they were', async () => {
    const tenant = aTenant();
    const browser = tenantBrowser(tenant);
    tenant.faults.add({ kind: 'popup-sever', client_id: 'spa' });
    expect(policyOf(await browser.request(authorizeUrl({ client_id: 'native' })))).toBeNull();
    const severed = await browser.visit(authorizeUrl());
    expect(lastFault(tenant)).toMatchObject({ decision: 'popup-sever', client_id: 'spa' });
    expect((await browser.submit(severed, ada)).url.searchParams.get('code')).not.toBeNull();
    tenant.faults.add({ kind: 'popup-sever' });
    const again = await browser.request(authorizeUrl());
    expect([again.status, policyOf(again)]).toEqual([302, 'same-origin']);
    expect(policyOf(await browser.request(authorizeUrl()))).toBeNull();
  });
});
