/**
 * `latchkey/tenant/node`: the tenant on a port.
 * @module latchkey/tenant/node
 */
import { createServer, ServerResponse, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { BrokenConnectionError, type Tenant } from '../tenant/index.ts';

export { exampleConfiguration } from './example-configuration.ts';

/** Where `serve` listens. */
export interface ServeOptions {
  /** 0 takes a free one. Default: the port of the tenant's `baseUrl`. */
  readonly port?: number;
  /** The address to listen on. Default 127.0.0.1: nobody but this machine. */
  readonly host?: string;
}

/** A server that `serve` has started. */
export interface TenantServer {
  /** Where it listens; tokens name the tenant's `baseUrl` all the same. */
  readonly url: string;
  readonly port: number;
  /** Stops listening and ends open connections, idle and busy ones. */
  close(): Promise<void>;
}

/** Somebody else listens on the port. */
export class PortInUseError extends Error {
  override readonly name = 'PortInUseError';
  readonly port: number;

  constructor(port: number, cause: unknown) {
    super(`port ${port} is in use: close what listens there, or choose another port`, { cause });
    this.port = port;
  }
}

/**
 * Serves a tenant over HTTP. Clients reach it at its `baseUrl`, which every token names as its issuer: where the port is
 * chosen here, choose the same one there.
 * @throws {PortInUseError} when the port is taken; any other failure to listen is thrown as Node gives it
 */
export async function serve(
  tenant: Pick<Tenant, 'fetch' | 'baseUrl'>,
  { port = portOf(tenant.baseUrl), host = '127.0.0.1' }: ServeOptions = {},
): Promise<TenantServer> {
  const server = createServer(listenerOf(tenant, host));
  const address = await listen(server, port, host);
  const name = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return {
    url: `http://${name}:${address.port}`,
    port: address.port,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
}

/**
 * A listener for `http.createServer`, and a handler for Express and Connect, which is to come before whatever reads bodies. It
 * is for the root of an origin, the tenant's `baseUrl`. With `next`, all that is no path of the tenant's is passed on, and so is
 * `/`, where the tenant has nothing but its name.
 * @returns a listener that hands `next` a TypeError where the body of a request to the tenant has been read already, or the
 * request's address was cut, as by `app.use('/path', …)`
 */
export function tenantListener(tenant: Pick<Tenant, 'fetch' | 'hasRoute'>): TenantListener {
  const answer = listenerOf(tenant) as TenantListener; // what calls it is `node:http`
  return (incoming, outgoing, next) => {
    const [pathname = '/'] = (incoming.url ?? '/').split('?');
    if (!next) answer(incoming, outgoing);
    else if (pathname === '/' || !tenant.hasRoute(pathname)) next();
    else if (isUnderPath(incoming))
      next(
        new TypeError(
          'the tenant is mounted under a path, where its redirects and cookies do not lead: mount tenantListener(tenant) at the root',
        ),
      );
    else if (incoming.readableDidRead)
      next(
        new TypeError(
          'the body was read before the tenant: mount tenantListener(tenant) before body parsers',
        ),
      );
    else answer(incoming, outgoing);
  };
}

/** Express and Connect keep the whole address where they cut one. */
const isUnderPath = ({ url, originalUrl = url }: CutRequest): boolean =>
  url !== undefined && originalUrl !== url && originalUrl?.endsWith(url) === true;

interface CutRequest {
  readonly url?: string | undefined;
  readonly originalUrl?: string | undefined;
}

/** `IncomingMessage` and `ServerResponse` of `node:http`, by no name that only `@types/node` knows. */
export type TenantListener = (
  incoming: { readonly url?: string | undefined; readonly readableDidRead: boolean },
  outgoing: { readonly headersSent: boolean },
  next?: (error?: unknown) => void,
) => void;

function listenerOf(
  tenant: Pick<Tenant, 'fetch'>,
  hostname?: string,
): (incoming: IncomingMessage, outgoing: ServerResponse) => void {
  const answer: Parameters<typeof getRequestListener>[0] = async (request, env) => {
    try {
      return await tenant.fetch(hasLength(request) ? request : request.clone());
    } catch (error) {
      if (!(error instanceof BrokenConnectionError && 'outgoing' in env)) throw error;
      const { outgoing } = env;
      // With the first byte on its way no browser sends the request again.
      if (error.cut === 'body' && outgoing instanceof ServerResponse)
        outgoing.writeHead(200, { 'content-length': 1000 }).write(' ');
      setImmediate(() => outgoing.destroy());
      return RESPONSE_ALREADY_SENT;
    }
  };
  const listener = getRequestListener(answer, {
    hostname,
    overrideGlobalObjects: false, // an import must not change the globals of whoever imports
  });
  // A failure to answer is answered by the adapter; there is nobody to hand the promise to.
  return (incoming, outgoing) => void listener(incoming, outgoing);
}

/**
 * A body without a length is counted as it comes, for which hono wraps the request in another; that takes one of the
 * platform's, which a clone is.
 */
const hasLength = ({ method, headers }: Request): boolean =>
  method === 'GET' ||
  method === 'HEAD' ||
  (headers.has('content-length') && !headers.has('transfer-encoding'));

function portOf(baseUrl: string): number {
  const { port, protocol } = new URL(baseUrl);
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
}

function listen(server: Server, port: number, host: string): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject('code' in error && error.code === 'EADDRINUSE' ? new PortInUseError(port, error) : error),
    );
    server.listen(port, host, () => {
      const address = server.address();
      if (address === null || typeof address === 'string') reject(new TypeError('expected a TCP address'));
      else resolve(address);
    });
  });
}
