import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { BrokenConnectionError, createTenant, type Fault, type Tenant } from '../../src/tenant/index.ts';
import { serve } from '../../src/tenant-node/index.ts';
import {
  aCode,
  app,
  aTenant,
  codeGrant,
  codesOf,
  configuration,
  login,
  postToken,
  refresh,
} from './a-tenant.ts';

const lastFault = (tenant: Tenant) => [...tenant.journal].reverse().find(({ type }) => type === 'fault');

/** A tenant whose faults wait until they are let go. */
function aPatientTenant() {
  const waits: { span: number; end: () => void }[] = [];
  const wait = (span: number) => new Promise<void>((end) => waits.push({ span, end }));
  return { tenant: aTenant({ wait }), waits };
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

  it('has a request to itself, and the others that wait count that one all the same', async () => {
    const tenant = aTenant();
    tenant.faults.add({ kind: 'status', status: 503 });
    tenant.faults.add({ kind: 'status', status: 500 });
    tenant.faults.add({ kind: 'status', status: 502, nth: 2 });
    const statuses: number[] = [];
    for (let n = 0; n < 4; n++) statuses.push((await refresh(tenant, 'x')).status);
    expect(statuses).toEqual([503, 500, 502, 403]);
  });

  it('stays until it is removed, and is counted', async () => {
    const tenant = aTenant();
    const id = tenant.faults.add({ kind: 'status', times: Infinity });
    await refresh(tenant, 'x');
    await refresh(tenant, 'x');
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
    expect((await call('GET')).body).toHaveLength(1);
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
