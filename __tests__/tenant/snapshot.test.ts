import { describe, expect, it } from '@jest/globals';
import { TenantSnapshotError, type Tenant, type TenantConfiguration } from '../../src/tenant/index.ts';
import { tenantBrowser } from '../support/tenant-browser.ts';
import {
  ada,
  aTenant,
  authorizeUrl,
  codeGrant,
  aCode,
  configuration,
  login,
  postToken,
  refresh,
  rotating,
  userinfo,
} from './a-tenant.ts';

/** As it comes back from a file. */
const stored = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

const everything = (tenant: Tenant) =>
  stored([
    tenant.families(),
    tenant.journal,
    tenant.faults.list(),
    tenant.clock.now(),
    tenant.clock.frozen,
    tenant.snapshot(),
  ]);

/** A tenant with something of everything in its memory, and what its clients hold. */
async function aTenantWithAPast() {
  const tenant = aTenant();
  await login(tenant);
  tenant.clock.advance('40d');
  tenant.updateClient('spa', { refresh_token: { ...rotating, leeway: 30 } });
  tenant.updateUser('grace@example.com', { blocked: true });
  const { refresh_token: spent } = await login(tenant);
  const { body } = await refresh(tenant, spent);
  const { access_token: opaque } = await login(tenant, {
    client_id: 'native',
    audience: '',
    scope: 'openid',
  });
  const code = await aCode(tenant);
  const browser = tenantBrowser(tenant);
  const page = await browser.visit(authorizeUrl());
  tenant.faults.add({ kind: 'status', nth: 2, times: Infinity, client_id: 'nobody' });
  await refresh(tenant, 'guessed', { client_id: 'nobody' });
  return { tenant, spent, head: body['refresh_token'], code, opaque, browser, page };
}

describe('a restored tenant', () => {
  it('remembers what the other did', async () => {
    const { tenant } = await aTenantWithAPast();
    const other = aTenant();
    other.restore(stored(tenant.snapshot()));
    expect(everything(other)).toEqual(everything(tenant));
  });

  it('answers as the other does, token for token', async () => {
    const { tenant, spent, head, code, opaque } = await aTenantWithAPast();
    const other = aTenant();
    other.restore(stored(tenant.snapshot()));
    const story = async (of: Tenant) => [
      (await refresh(of, spent)).body, // within the leeway
      (await refresh(of, head)).body,
      (await refresh(of, spent)).body, // reuse by now
      (await postToken(of, codeGrant(code))).body,
      await (await userinfo(of, opaque)).json(),
      (await refresh(of, 'guessed', { client_id: 'nobody' })).status, // the fault
      of.explain(String(head)),
      (await login(of))['refresh_token'],
      stored(of.journal),
    ];
    const told = await story(tenant);
    expect(told.at(4)).toMatchObject({ sub: expect.any(String) });
    expect(told.at(5)).toBe(503);
    expect(await story(other)).toEqual(told);
  });

  it('forgets what is over when the other does', async () => {
    const tenant = aTenant();
    const spent = String((await login(tenant))['refresh_token']);
    const end = tenant.families()[0]?.nodes[0]?.idleExpiresAt ?? 0;
    tenant.clock.set(end - 100);
    await login(tenant);
    tenant.clock.set(end + 100); // too soon after the last look for another
    const other = aTenant();
    other.restore(tenant.snapshot());
    for (const each of [tenant, other]) await login(each);
    expect(other.explain(spent)).toEqual(tenant.explain(spent));
    expect(everything(other)).toEqual(everything(tenant));
  });

  it('knows a browser that was at the login page', async () => {
    const { tenant, browser, page } = await aTenantWithAPast();
    const snapshot = tenant.snapshot();
    tenant.reset();
    tenant.restore(snapshot);
    expect((await browser.submit(page, ada)).url.searchParams.get('code')).not.toBeNull();
  });

  it('does not follow what the other does later', async () => {
    const { tenant, head } = await aTenantWithAPast();
    const snapshot = tenant.snapshot();
    const other = aTenant();
    other.restore(snapshot);
    const before = everything(other);
    await refresh(tenant, head);
    tenant.faults.clear();
    expect(everything(other)).toEqual(before);
    tenant.restore(snapshot);
    expect(everything(tenant)).toEqual(before);
  });

  it('keeps its development token', () => {
    const [tenant, other] = [aTenant(), aTenant()];
    const { developmentToken } = other;
    expect(JSON.stringify(tenant.snapshot())).not.toContain(tenant.developmentToken);
    other.restore(tenant.snapshot());
    expect(other.developmentToken).toBe(developmentToken);
  });

  it('has a clock that is as far ahead as the other was, and ticks on', () => {
    let world = Date.UTC(2026, 0, 1);
    const tenant = aTenant({ now: () => world });
    tenant.clock.advance('2d');
    const snapshot = tenant.snapshot();
    const other = aTenant({ now: () => world });
    other.clock.freeze();
    world += 5000;
    other.restore(snapshot);
    expect(other.clock.offset).toBe(2 * 86_400_000);
    expect(other.clock.now()).toBe(Date.UTC(2026, 0, 3) + 5000);
  });

  it('has a clock that stands where the other stood, if that was stopped', () => {
    let world = Date.UTC(2026, 0, 1);
    const tenant = aTenant({ now: () => world });
    tenant.clock.freeze();
    const snapshot = tenant.snapshot();
    const other = aTenant({ now: () => world });
    world += 5000;
    other.restore(snapshot);
    expect([other.clock.frozen, other.clock.now(), other.clock.offset]).toEqual([true, world - 5000, -5000]);
  });

  it('tells its readers no entry of the past, and the next one', async () => {
    const { tenant } = await aTenantWithAPast();
    const other = aTenant();
    const events = other.events();
    await refresh(other, 'guessed'); // nobody has read it yet, and nobody will
    other.restore(tenant.snapshot());
    const next = events.next();
    await refresh(other, 'guessed');
    expect((await next).value).toEqual(other.journal.at(-1));
    expect(other.journal).toHaveLength(tenant.journal.length + 1);
  });
});

describe('a snapshot', () => {
  it('is plain JSON, and says that it holds secrets', async () => {
    const { tenant, head } = await aTenantWithAPast();
    const snapshot = tenant.snapshot();
    expect(stored(snapshot)).toEqual(snapshot);
    expect(JSON.stringify(snapshot)).toContain(String(head));
    expect(snapshot.warning).toMatch(/secrets/);
  });

  const good = () => aTenant().snapshot();
  const of = (changes: Partial<TenantConfiguration>) => aTenant(changes).snapshot();
  const another = /another configuration: /;
  it.each<[name: string, snapshot: () => unknown, message: RegExp]>([
    ['nothing', () => undefined, /no snapshot/],
    ['something else', () => ({ version: 2 }), /no snapshot/],
    ['one of another version', () => ({ ...good(), version: 1 }), /expected .* version 2, found version 1/],
    ['a damaged one', () => JSON.parse(JSON.stringify(good()).replace('correct horse', 'cornet')), /damaged/],
    ['one without content', () => ({ ...good(), remembered: undefined }), /damaged/],
    ['one of another address', () => of({ baseUrl: 'http://localhost:1' }), another],
    ['one of another fork policy', () => of({ quirks: { forks: 'all-siblings' } }), another],
    ['one without a seed', () => of({ seed: undefined }), another],
  ])('cannot be %s; nothing changes then', async (_, snapshot, message) => {
    const { tenant } = await aTenantWithAPast();
    const before = everything(tenant);
    const wrong = snapshot();
    expect(() => tenant.restore(wrong)).toThrow(TenantSnapshotError);
    expect(() => tenant.restore(wrong)).toThrow(message);
    expect(everything(tenant)).toEqual(before);
  });
});

it('a snapshot of a clock that no calendar reaches any more is refused, and nothing has changed', () => {
  let now = 0;
  const tenant = aTenant({ now: () => now });
  tenant.clock.set(8.64e15 - 25 * 365 * 86_400_000);
  const snapshot = tenant.snapshot();
  now = 1;
  tenant.clock.freeze();
  tenant.clock.set(0);
  const before = everything(tenant);
  expect(() => tenant.restore(snapshot)).toThrow(TenantSnapshotError);
  expect(everything(tenant)).toEqual(before);
});

it('a snapshot brings its APIs along', async () => {
  const tenant = aTenant({ resource_servers: [] });
  await expect(login(tenant)).rejects.toThrow('access_denied');
  tenant.restore(aTenant().snapshot());
  expect(await login(tenant)).toHaveProperty('refresh_token');
});

describe('a tenant that is reset', () => {
  it('is as it was at its start, and gives the same tokens again', async () => {
    const { tenant } = await aTenantWithAPast();
    tenant.reset();
    const fresh = aTenant();
    expect(everything(tenant)).toEqual(everything(fresh));
    expect(await login(tenant)).toEqual(await login(fresh));
  });

  it.each(['/u/login', '/u/consent'])(
    'knows nothing of a form at %s that comes in meanwhile',
    async (path) => {
      const tenant = aTenant();
      const browser = tenantBrowser(tenant);
      let page = await browser.visit(authorizeUrl({ prompt: 'consent' }));
      if (path === '/u/consent') page = await browser.submit(page, ada);
      expect(page.url.pathname).toBe(path);
      const csrf = /name="csrf" value="([^"]*)"/.exec(page.body)?.[1] ?? '';
      const form = new URLSearchParams({ csrf, ...ada, decision: 'accept' }).toString();
      const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
      const headers = {
        'content-type': 'application/x-www-form-urlencoded',
        'content-length': String(form.length),
      };
      const init = { method: 'POST', headers, body: readable, duplex: 'half' };
      const answer = browser.request(page.url, init);
      tenant.reset();
      const writer = writable.getWriter();
      await writer.write(new TextEncoder().encode(form));
      await writer.close();
      expect((await answer).status).toBe(400);
      const { state } = tenant.snapshot().remembered as { state: Record<string, unknown[]> };
      expect(state).toMatchObject({ transactions: [], sessions: [], grants: [] });
    },
  );

  it('draws new tokens without a seed', async () => {
    const { seed: _, ...unseeded } = configuration;
    const tenant = aTenant({ ...unseeded, seed: undefined });
    const { refresh_token } = await login(tenant);
    tenant.reset();
    expect((await login(tenant))['refresh_token']).not.toBe(refresh_token);
    expect(tenant.explain(String(refresh_token)).familyId).toBeNull();
  });
});
