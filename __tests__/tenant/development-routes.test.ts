import { describe, expect, it } from '@jest/globals';
import type { Tenant } from '../../src/tenant/index.ts';
import { aTenant, aTenantWithLeeway, app, login, refresh, rotating } from './a-tenant.ts';

async function call(tenant: Tenant, path: string, init: RequestInit & { token?: string } = {}) {
  const { token = tenant.developmentToken, ...rest } = init;
  const headers = new Headers(rest.headers);
  if (token !== '') headers.set('x-tenant-token', token);
  const request = new Request(`${tenant.baseUrl}/__tenant/${path}`, { ...rest, headers });
  const response = await tenant.fetch(request);
  return { status: response.status, headers: response.headers, body: (await response.json()) as unknown };
}

const send = (method: string, body?: unknown) => ({
  method,
  ...(body !== undefined && { body: JSON.stringify(body) }),
});

describe('the development routes', () => {
  it('show the journal and the families', async () => {
    const tenant = aTenant();
    await login(tenant);
    expect((await call(tenant, 'journal')).body).toEqual(JSON.parse(JSON.stringify(tenant.journal)));
    expect((await call(tenant, 'families')).body).toEqual(tenant.families());
  });

  it('replay the newest spent token, or the one that is named', async () => {
    const tenant = aTenantWithLeeway(10);
    const { refresh_token } = await login(tenant);
    const { body } = await refresh(tenant, refresh_token);
    await refresh(tenant, body['refresh_token']);
    const id = tenant.families()[0]?.familyId;
    expect((await call(tenant, `families/${id}/replay`, send('POST'))).body).toEqual({ status: 200 });
    expect(tenant.journal.at(-1)).toMatchObject({ decision: 'grace', details: { tokenCounter: 2 } });
    expect((await call(tenant, `families/${id}/replay`, send('POST', { counter: 1 }))).body).toEqual({
      status: 403,
      error: 'invalid_grant',
      error_description: 'Unknown or invalid refresh token.',
    });
    expect(tenant.journal.at(-1)).toMatchObject({ type: 'ferrt', details: { tokenCounter: 1 } });
  });

  it('tell of a replay whose answer a fault has replaced by none of OAuth’s', async () => {
    const tenant = aTenant();
    const { refresh_token } = await login(tenant);
    await refresh(tenant, refresh_token);
    tenant.faults.add({ kind: 'status', body: 'html' });
    const id = tenant.families()[0]?.familyId;
    expect(await call(tenant, `families/${id}/replay`, send('POST'))).toMatchObject({
      status: 200,
      body: { status: 503 },
    });
  });

  it('tell of a replay whose answer a fault has lost', async () => {
    const tenant = aTenant();
    const { refresh_token } = await login(tenant);
    await refresh(tenant, refresh_token);
    tenant.faults.add({ kind: 'drop-response' });
    const id = tenant.families()[0]?.familyId;
    expect(await call(tenant, `families/${id}/replay`, send('POST'))).toMatchObject({
      status: 200,
      body: { status: null },
    });
  });

  it('explain a token, which is in the body of the request and not in the answer', async () => {
    const tenant = aTenant();
    const { refresh_token } = await login(tenant);
    const { status, body } = await call(tenant, 'explain', send('POST', { token: refresh_token }));
    expect(status).toBe(200);
    expect(body).toEqual(tenant.explain(String(refresh_token)));
    expect(JSON.stringify(body)).not.toContain(String(refresh_token));
    for (const wrong of [{}, { token: '' }, { token: 1 }, undefined])
      expect((await call(tenant, 'explain', send('POST', wrong))).status).toBe(400);
    const withoutToken = { ...send('POST', { token: refresh_token }), token: '' };
    expect((await call(tenant, 'explain', withoutToken)).status).toBe(403);
  });

  it('take a snapshot, restore it, and reset, with the token of this start only', async () => {
    const tenant = aTenant();
    await login(tenant);
    const { body: snapshot } = await call(tenant, 'snapshot', send('POST'));
    expect(snapshot).toEqual(tenant.snapshot());
    const before = [tenant.families(), [...tenant.journal]];
    for (const path of ['snapshot', 'restore', 'reset'])
      expect((await call(tenant, path, { ...send('POST', snapshot), token: '' })).status).toBe(403);
    expect((await call(tenant, 'snapshot')).status).toBe(405);
    expect((await call(tenant, 'reset', send('POST'))).status).toBe(200);
    expect([tenant.families(), tenant.journal]).toEqual([[], []]);
    expect((await call(tenant, 'restore', send('POST', snapshot))).status).toBe(200);
    expect([tenant.families(), tenant.journal]).toEqual(before);
    expect((await call(tenant, 'restore', send('POST', { ...Object(snapshot), version: 1 }))).status).toBe(
      400,
    );
    expect((await call(tenant, 'restore', { method: 'POST', body: '{' })).status).toBe(400);
  });

  it('change the leeway', async () => {
    const tenant = aTenant();
    const { refresh_token } = await login(tenant);
    await refresh(tenant, refresh_token);
    const patch = send('PATCH', { refresh_token: { ...rotating, leeway: 30 } });
    expect(await call(tenant, 'clients/spa', patch)).toMatchObject({
      status: 200,
      body: { client_id: 'spa', refresh_token: { leeway: 30, token_lifetime: 2_592_000 } },
    });
    expect(await refresh(tenant, refresh_token)).toMatchObject({ status: 200 });
  });

  it.each([
    ['a leeway that is a text', 'clients/spa', { refresh_token: { ...rotating, leeway: '3' } }, 400],
    ['settings that are none', 'clients/spa', {}, 400],
    ['another setting', 'clients/spa', { refresh_token: rotating, name: 'x' }, 400],
    ['an unknown client', 'clients/nobody', { refresh_token: rotating }, 404],
  ])('refuse %s', async (_, path, body, status) => {
    expect((await call(aTenant(), path, send('PATCH', body))).status).toBe(status);
  });

  it('move the clock', async () => {
    const tenant = aTenant();
    const before = tenant.clock.now();
    await call(tenant, 'clock', send('POST', { advance: '5m' }));
    expect(tenant.clock.now()).toBe(before + 300_000);
    await call(tenant, 'clock', send('POST', { set: '2027-01-01T00:00:00Z' }));
    expect((await call(tenant, 'clock')).body).toMatchObject({ date: '2027-01-01T00:00:00.000Z' });
    expect((await call(tenant, 'clock', send('POST', { advance: 'soon' }))).status).toBe(400);
    expect((await call(tenant, 'clock', { method: 'POST', body: '{' })).status).toBe(400);
  });

  it('say that there is nothing to replay', async () => {
    const tenant = aTenant();
    await login(tenant);
    const id = tenant.families()[0]?.familyId;
    expect((await call(tenant, `families/${id}/replay`, send('POST'))).status).toBe(404);
    expect((await call(tenant, 'families/none/replay', send('POST'))).status).toBe(404);
  });
});

describe('who may use them', () => {
  const move = send('POST', { advance: '1d' });

  it.each(['', 'guessed'])('writes only with the token of this start, not with "%s"', async (token) => {
    const tenant = aTenant();
    const before = tenant.clock.now();
    expect((await call(tenant, 'clock', { ...move, token })).status).toBe(403);
    expect(tenant.clock.now()).toBe(before);
    expect((await call(tenant, 'clock', { token })).status).toBe(200);
  });

  it.each(['localhost:4400', 'tenant.localhost', '127.0.0.1:9', '[::1]:4400'])(
    'the host %s',
    async (host) => {
      expect((await call(aTenant(), 'journal', { headers: { host } })).status).toBe(200);
    },
  );

  it('the host of the baseUrl', async () => {
    const tenant = aTenant({ baseUrl: 'https://login.test' });
    expect((await call(tenant, 'journal')).status).toBe(200);
  });

  it.each(['evil.example', 'localhost.evil.example', '192.168.1.1', 'evillocalhost'])(
    'not a name that was bound to this machine: %s',
    async (host) => {
      expect((await call(aTenant(), 'journal', { headers: { host } })).status).toBe(403);
    },
  );

  it('not a page of another site', async () => {
    const tenant = aTenant();
    expect((await call(tenant, 'journal', { headers: { 'sec-fetch-site': 'cross-site' } })).status).toBe(403);
    expect((await call(tenant, 'journal', { headers: { 'sec-fetch-site': 'same-site' } })).status).toBe(200);
    const { status, headers } = await call(tenant, 'clock', {
      ...move,
      headers: { origin: 'https://evil.example' },
    });
    expect(status).toBe(403);
    expect(headers.get('access-control-allow-origin')).toBeNull();
  });

  it('a page of a client, preflight included', async () => {
    const tenant = aTenant();
    const preflight = await tenant.fetch(
      new Request(`${tenant.baseUrl}/__tenant/clients/spa`, {
        method: 'OPTIONS',
        headers: {
          origin: app,
          'access-control-request-method': 'PATCH',
          'access-control-request-headers': 'content-type,x-tenant-token',
        },
      }),
    );
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe(app);
    expect(preflight.headers.get('access-control-allow-headers')).toContain('x-tenant-token');
    expect(preflight.headers.get('access-control-allow-methods')).toContain('PATCH');
    const { status, headers } = await call(tenant, 'clock', { ...move, headers: { origin: app } });
    expect(status).toBe(200);
    expect(headers.get('access-control-allow-origin')).toBe(app);
  });
});
