import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from 'jose';
import type { Tenant } from '../../src/tenant/index.ts';
import { aManagedTenant, call, managerOf } from './a-manager.ts';
import { login } from './a-tenant.ts';

const noon = Date.UTC(2026, 10, 23, 12);
const at = (seconds: number) => new Date(noon + seconds * 1000).toISOString();

const published = async (tenant: Tenant) =>
  (await (
    await tenant.fetch(new Request(`${tenant.baseUrl}/.well-known/jwks.json`))
  ).json()) as JSONWebKeySet;

const userinfo = async (tenant: Tenant, held: Readonly<Record<string, unknown>>) =>
  (
    await tenant.fetch(
      new Request(`${tenant.baseUrl}/userinfo`, {
        headers: { authorization: `Bearer ${String(held['access_token'])}` },
      }),
    )
  ).status;

describe('signing keys of the Management API', () => {
  it('are rotated, and listed with when they signed, newest first', async () => {
    const tenant = aManagedTenant();
    const { signing } = managerOf(tenant).keys;
    const [first] = await signing.list();
    expect(first).toMatchObject({ current: true, current_since: at(0) });
    expect(first).not.toHaveProperty('previous');
    tenant.clock.advance(60_000);
    const { kid, cert } = await signing.rotate();
    const listed = await signing.list();
    expect(listed).toMatchObject([
      { kid, cert, current: true, current_since: at(60) },
      { kid: first?.kid, previous: true, current_since: at(0), current_until: at(60) },
    ]);
    expect(listed[1]).not.toHaveProperty('current');
    expect(await signing.get(kid)).toEqual(listed[0]);
    expect((await published(tenant)).keys.map((key) => key.kid)).toEqual(listed.map((key) => key.kid));
    const { id_token } = await login(tenant);
    const { protectedHeader } = await jwtVerify(
      String(id_token),
      createLocalJWKSet(await published(tenant)),
      { currentDate: new Date(tenant.clock.now()) },
    );
    expect(protectedHeader.kid).toBe(kid);
  });

  it.each(['one', 'two', 'three'])('have certificates that are theirs, under seed %s', async (seed) => {
    const tenant = aManagedTenant({ seed });
    const { signing } = managerOf(tenant).keys;
    await signing.rotate();
    await signing.rotate();
    const { keys } = await published(tenant);
    const listed = await signing.list();
    expect(keys).toHaveLength(3);
    for (const [index, { x5c, x5t, n }] of keys.entries()) {
      const certificate = new X509Certificate(listed[index]?.cert ?? '');
      expect(certificate.publicKey.export({ format: 'jwk' }).n).toBe(n);
      expect(certificate.verify(certificate.publicKey)).toBe(true);
      expect(Date.parse(certificate.validFrom)).toBeLessThan(noon);
      expect(Date.parse(certificate.validTo)).toBeGreaterThan(Date.UTC(2090, 0));
      expect(x5c).toEqual([certificate.raw.toString('base64')]);
      const { fingerprint } = certificate;
      const thumbprint = fingerprint.replaceAll(':', '');
      expect(listed[index]).toMatchObject({ fingerprint, thumbprint });
      expect(x5t).toBe(Buffer.from(thumbprint, 'hex').toString('base64url'));
    }
  });

  it('that are revoked are published no more, and what they signed is refused', async () => {
    const tenant = aManagedTenant();
    const { signing } = managerOf(tenant).keys;
    const [old] = await signing.list();
    const before = await login(tenant, { audience: null });
    const managed = (await call(tenant, 'GET /logs')).status;
    const held = await login(tenant);
    const { kid: newest } = await signing.rotate();
    const after = await login(tenant);
    expect([managed, await userinfo(tenant, before), await userinfo(tenant, held)]).toEqual([200, 200, 200]);
    tenant.clock.advance(1000);
    const manager = managerOf(tenant);
    expect(await manager.keys.signing.revoke(old?.kid ?? '')).toEqual({ kid: old?.kid, cert: old?.cert });
    tenant.clock.advance(1000);
    await manager.keys.signing.revoke(old?.kid ?? '');
    expect((await published(tenant)).keys.map(({ kid }) => kid)).toEqual([newest]);
    expect(await userinfo(tenant, held)).toBe(401);
    expect(await userinfo(tenant, after)).toBe(200);
    expect(await manager.keys.signing.get(old?.kid ?? '')).toMatchObject({
      revoked: true,
      revoked_at: at(1),
    });
  });

  it('survive a snapshot with their past', async () => {
    const tenant = aManagedTenant();
    const [old] = await managerOf(tenant).keys.signing.list();
    await managerOf(tenant).keys.signing.rotate();
    await managerOf(tenant).keys.signing.revoke(old?.kid ?? '');
    const listed = await managerOf(tenant).keys.signing.list();
    const snapshot = tenant.snapshot();
    tenant.reset();
    expect(await managerOf(tenant).keys.signing.list()).toMatchObject([{ kid: old?.kid, current: true }]);
    tenant.restore(snapshot);
    expect(await managerOf(tenant).keys.signing.list()).toEqual(listed);
  });

  it('are not revoked while they sign, nor when nobody has them', async () => {
    const { signing } = managerOf(aManagedTenant()).keys;
    const [current] = await signing.list();
    await expect(signing.revoke(current?.kid ?? '')).rejects.toMatchObject({ statusCode: 400 });
    for (const ask of [() => signing.revoke('none'), () => signing.get('none')])
      await expect(ask()).rejects.toMatchObject({
        statusCode: 404,
        body: { errorCode: 'inexistent_signing_key' },
      });
  });

  it.each([
    ['GET /keys/signing', 'update:signing_keys'],
    ['GET /keys/signing/x', 'update:signing_keys'],
    ['POST /keys/signing/rotate', 'read:signing_keys'],
    ['PUT /keys/signing/x/revoke', 'create:signing_keys'],
  ])('are not for everybody: %s with %s', async (route, scope) => {
    expect(await call(aManagedTenant({}, [scope]), route)).toMatchObject({
      status: 403,
      body: { errorCode: 'insufficient_scope' },
    });
  });
});
