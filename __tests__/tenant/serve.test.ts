import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from '@jest/globals';
import { PortInUseError, serve, tenantListener, type TenantServer } from '../../src/tenant-node/index.ts';
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

describe('a tenant in a server of somebody else', () => {
  type Handler = (
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    next: (error?: unknown) => void,
  ) => void;

  const servers: Server[] = [];
  async function listen(server: Server): Promise<string> {
    servers.push(server);
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // a TCP server's address is no text
  }
  afterEach(() => {
    for (const server of servers.splice(0)) server.close().closeAllConnections();
  });

  /** One handler after the other, as Express and Connect do it. */
  const chain = (...handlers: readonly Handler[]) =>
    createServer((incoming, outgoing) => {
      const run = ([handler, ...others]: readonly Handler[], error?: unknown): void => {
        if (error !== undefined || !handler)
          outgoing.writeHead(error === undefined ? 404 : 500).end(String(error));
        else handler(incoming, outgoing, (error) => run(others, error));
      };
      run(handlers);
    });

  /** The application's part: says what it was sent. */
  const echo: Handler = (incoming, outgoing) =>
    void text(incoming).then((body) => outgoing.end(`app: ${incoming.method} ${incoming.url} ${body}`));

  const tokens = async (tenant: ReturnType<typeof aTenant>) =>
    ({ method: 'POST', body: new URLSearchParams(codeGrant(await aCode(tenant))) }) as const;

  it('is a request listener of its own', async () => {
    const tenant = aTenant();
    const url = await listen(createServer(tenantListener(tenant)));
    expect((await fetch(`${url}/oauth/token`, await tokens(tenant))).status).toBe(200);
    expect((await fetch(`${url}/things`)).status).toBe(404);
    expect(await (await fetch(url)).text()).toContain('latchkey tenant');
  });

  it('answers its paths, by any method, and passes all others on', async () => {
    const tenant = aTenant();
    const url = await listen(chain(tenantListener(tenant), echo));
    expect((await fetch(`${url}/oauth/token`, await tokens(tenant))).status).toBe(200);
    expect((await fetch(`${url}/oauth/token`, { method: 'PUT' })).status).toBe(405);
    expect((await fetch(`${url}/api/v2/clients/spa`)).status).toBe(401);
    expect(await (await fetch(`${url}/.well-known/jwks.json?a=1`)).json()).toHaveProperty('keys');
    for (const path of ['/', '/?code=c', '/things', '/oauth', '/oauth/token/', '/xwell-known/jwksxjson'])
      expect(await (await fetch(url + path)).text()).toBe(`app: GET ${path} `);
  });

  it('reads a body that is too large to its end, so that the connection goes on', async () => {
    const answer = tenantListener(aTenant());
    const ends: string[] = [];
    const server = createServer((incoming, outgoing) => {
      incoming.once('end', () => ends.push('read')).once('close', () => ends.push('closed'));
      answer(incoming, outgoing);
    });
    const url = await listen(server);
    const refused = await fetch(`${url}/oauth/token`, { method: 'POST', body: 'a'.repeat(300_000) });
    expect(refused.status).toBe(413);
    while (!ends.includes('closed')) await new Promise((turn) => setImmediate(turn));
    expect(ends).toEqual(['read', 'closed']);
  });

  it('leaves the bodies of others unread, whatever it is told to do to requests', async () => {
    const tenant = aTenant();
    tenant.faults.add({ kind: 'drop-request', endpoint: '/userinfo' });
    const url = await listen(chain(tenantListener(tenant), echo));
    const answer = await fetch(`${url}/things`, { method: 'POST', body: new Blob(['a thing']) });
    expect(await answer.text()).toBe('app: POST /things a thing');
    await expect(fetch(`${url}/userinfo`)).rejects.toThrow('fetch failed');
  });

  it('says so where it is mounted under a path, and not where an address was only written anew', async () => {
    const cut =
      (from: string, to: string): Handler =>
      (incoming, _, next) => {
        Object.assign(incoming, { originalUrl: incoming.url, url: incoming.url?.replace(from, to) });
        next();
      };
    const under = await listen(chain(cut('/auth', ''), tenantListener(aTenant()), echo));
    const answer = await fetch(`${under}/auth/userinfo`);
    expect(answer.status).toBe(500);
    expect(await answer.text()).toContain('at the root');
    expect(await (await fetch(`${under}/auth/things`)).text()).toBe('app: GET /things ');
    expect((await fetch(`${under}/userinfo`)).status).toBe(401);
    const anew = await listen(chain(cut('/me', '/userinfo'), tenantListener(aTenant()), echo));
    expect((await fetch(`${anew}/me`)).status).toBe(401);
  });

  it('says so where somebody has read the body before it', async () => {
    const read: Handler = (incoming, _, next) => void text(incoming).then(() => next());
    const tenant = aTenant();
    const url = await listen(chain(read, tenantListener(tenant), echo));
    const answer = await fetch(`${url}/oauth/token`, await tokens(tenant));
    expect(answer.status).toBe(500);
    expect(await answer.text()).toContain('before body parsers');
    expect((await fetch(`${url}/.well-known/jwks.json`)).status).toBe(200);
  });
});
