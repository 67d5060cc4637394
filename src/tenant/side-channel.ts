/**
 * What no `Request` and no `Response` carries where the tenant runs in a browser, in a page or a service worker: `Cookie`,
 * `Origin`, `Referer` and `Sec-Fetch-*` are taken from the one (Fetch §2.2.2, "forbidden request-header"), `Set-Cookie` from the
 * other. They come and go beside them.
 */
import type { Context } from 'hono';
import { generateCookie } from 'hono/cookie';

/** What no `Request` and no `Response` of a browser may carry: cookies, and headers that only a browser sets. */
export interface SideChannel {
  /** By name, in place of the request's own: what `tenant.signIn` returns, `origin`, `sec-fetch-dest` and so on. */
  readonly headers?: Readonly<Record<string, string>> | Headers;
  /** Is called with each line of `Set-Cookie`, in order, before the answer is there; with none of an answer that is lost. */
  setCookie?(line: string): void;
}

/** What an endpoint has to know of it. */
export interface CookieSink {
  readonly hasCookieSink?: boolean;
}

/** The request with the headers of the side channel, whatever the platform thinks of them. */
export async function carryIn(request: Request, { headers = {} }: SideChannel): Promise<Request> {
  const carried = new Headers(request.headers);
  new Headers(headers).forEach((value, name) => carried.set(name, value));
  const { url, method, signal } = request;
  if (method === 'GET' || method === 'HEAD')
    return withHeaders(new Request(url, { method, headers: carried, signal }), carried);
  const body = await request.arrayBuffer();
  carried.set('content-length', String(body.byteLength)); // whose length is known nobody makes anew to count it
  return withHeaders(new Request(url, { method, headers: carried, signal, body }), carried);
}

function withHeaders(request: Request, headers: Headers): Request {
  const clone = () => withHeaders(Request.prototype.clone.call(request), new Headers(headers));
  return Object.defineProperties(request, { headers: { value: headers }, clone: { value: clone } });
}

/** Writes `Set-Cookie`, and where somebody wants to be told of it, a header that any platform keeps. */
export function setCookie(c: Context, ...cookie: Parameters<typeof generateCookie>): void {
  const line = generateCookie(...cookie);
  c.header('Set-Cookie', line, { append: true });
  // Encoded, it has no comma, by which the platform joins what is appended.
  if ((c.env as CookieSink).hasCookieSink) c.header(carrier, encodeURIComponent(line), { append: true });
}

export const deleteCookie = (c: Context, name: string, options: Parameters<typeof generateCookie>[2]): void =>
  setCookie(c, name, '', { ...options, maxAge: 0 });

/** Hands the answer's cookies to the side channel. */
export function carryOut(response: Response, channel: SideChannel): Response {
  const lines = response.headers.get(carrier)?.split(', ') ?? [];
  response.headers.delete(carrier);
  for (const line of lines) channel.setCookie?.(decodeURIComponent(line));
  return response;
}

const carrier = 'x-tenant-set-cookie';
