import { connect } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { PortInUseError, serve, type TenantServer } from '../../src/tenant-node/index.ts';
import { aTenant, aCode, codeGrant } from './a-tenant.ts';

const open: TenantServer[] = [];
const start = async (...parameters: Parameters<typeof serve>) => {
  const server = await serve(...parameters);
  open.push(server);
  return server;
};

afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

describe('a tenant on a port', () => {
  it('answers over HTTP what it answers in the same process', async () => {
    const tenant = aTenant();
    const { url, port } = await start(tenant, { port: 0 });
    expect(url).toBe(`http://127.0.0.1:${port}`);
    const page = await fetch(`${url}/authorize?client_id=nobody`);
    expect(page.status).toBe(400);
    const body = new URLSearchParams(codeGrant(await aCode(tenant)));
    const tokens = await fetch(`${url}/oauth/token`, { method: 'POST', body });
    expect(tokens.status).toBe(200);
    expect(await tokens.json()).toMatchObject({ token_type: 'Bearer' });
  });

  it('hands out several cookies', async () => {
    const tenant = aTenant();
    const { url } = await start(tenant, { port: 0 });
    const response = await fetch(`${url}/v2/logout`);
    expect(response.headers.getSetCookie()).toHaveLength(2);
  });

  it('answers a revocation with no content type there either', async () => {
    const { url } = await start(aTenant(), { port: 0 });
    const body = new URLSearchParams({ client_id: 'spa', token: 'x' });
    const response = await fetch(`${url}/oauth/revoke`, { method: 'POST', body });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBeNull();
  });

  it('answers requests without a body, and with one of a length that is not told beforehand', async () => {
    const tenant = aTenant();
    const { url } = await start(tenant, { port: 0 });
    tenant.faults.add({ kind: 'hang', endpoint: '/userinfo' });
    const headers = { 'x-tenant-token': tenant.developmentToken };
    const cleared = await fetch(`${url}/__tenant/faults`, { method: 'DELETE', headers });
    expect(cleared.status).toBe(200);
    expect(tenant.faults.list()).toEqual([]);
    const post = async (text: string) =>
      fetch(`${url}/oauth/token`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new Blob([text]).stream(),
        duplex: 'half',
      } as RequestInit);
    const code = await aCode(tenant);
    expect((await post(new URLSearchParams(codeGrant(code)).toString())).status).toBe(200);
    expect((await post(`code=${'a'.repeat(300_000)}`)).status).toBe(413);
    expect((await fetch(`${url}/oauth/token`, { method: 'PUT' })).status).toBe(405);
  });

  it('says that a port is taken, and which', async () => {
    const { port } = await start(aTenant(), { port: 0 });
    const failure = serve(aTenant(), { port });
    await expect(failure).rejects.toBeInstanceOf(PortInUseError);
    await expect(failure).rejects.toMatchObject({
      port,
      message: expect.stringContaining(String(port)) as unknown,
    });
  });

  it('ends open connections when it closes', async () => {
    const server = await serve(aTenant(), { port: 0 });
    const socket = connect(server.port, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.write('POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n');
    const ended = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => {}); // a reset is an end as well
    await server.close();
    await ended;
  });

  it('leaves the globals of its process alone', () => {
    expect(Request.name).toBe('Request');
    expect(new Request('http://a.example').url).toBe('http://a.example/');
  });
});
