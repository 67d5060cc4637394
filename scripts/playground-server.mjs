import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { policyHeaders, strictPolicy, violationsPath } from './content-security-policy.mjs';

const folders = {
  page: fileURLToPath(new URL('../static/playground', import.meta.url)),
  package: fileURLToPath(new URL('../dist', import.meta.url)),
};

const contentTypes = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.map': 'application/json',
};

/**
 * Serves the playground's pages, the built package under `/latchkey/` and `settings` as the module `/settings.js`.
 * Answers at `http://localhost:<port>` only: a page that reached it under another name would be another origin.
 * @param {{ port: number, settings: { tenantUrl: string }, onViolation?: (report: object) => void }} options
 *   `settings` may hold secrets of this tenant. With `onViolation` the pages come without style and pictures, under the
 *   strict policy alone, and what goes against it is told to it as `{ 'csp-report': … }` (CSP 3 §5.3).
 * @returns {Promise<{ url: string, close(): Promise<void> }>} rejects with `EADDRINUSE` when the port is taken
 */
export async function servePlayground({ port, settings, onViolation }) {
  const { host, origin } = new URL(`http://localhost:${port}`);
  const server = createServer((request, response) => {
    answer(request, { host, settings, onViolation }).then(
      ({ status = 200, headers, body }) =>
        response.writeHead(status, { ...commonHeaders, ...headers }).end(body),
      (error) => {
        console.error(error);
        response.writeHead(500, commonHeaders).end();
      },
    );
  });
  await new Promise((listening, failed) => {
    server.once('error', failed);
    server.listen(port, '127.0.0.1', listening);
  });
  return {
    url: origin,
    close: () =>
      new Promise((closed) => {
        server.close(closed);
        server.closeAllConnections();
      }),
  };
}

const commonHeaders = {
  'cache-control': 'no-store',
  'content-type': 'text/plain; charset=utf-8',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

async function answer(request, { host, settings, onViolation }) {
  if (request.headers.host === host.replace('localhost', '127.0.0.1'))
    return { status: 302, headers: { location: `http://${host}/` } };
  if (request.headers.host !== host)
    return { status: 421, body: `The playground is at http://${host} only.\n` };
  if (onViolation && request.method === 'POST' && request.url === violationsPath) {
    onViolation(await json(request));
    return { status: 204 };
  }
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return { status: 405, headers: { allow: 'GET, HEAD' } };

  const path = decodedPath(request.url);
  if (path === '/settings.js') return answerSettings(request, settings);
  const file = path && fileFor(path);
  const content = file && (await readIfThere(file));
  if (content == null) return { status: 404, body: 'Not found.\n' };

  const headers = { 'content-type': contentTypes[extname(file)] };
  if (extname(file) !== '.html') return { headers, body: content };
  return onViolation
    ? {
        headers: { ...headers, ...policyHeaders(strictPolicy(settings.tenantUrl)) },
        body: undecorated(content.toString()),
      }
    : { headers: { ...headers, 'content-security-policy': ownPolicy(settings.tenantUrl) }, body: content };
}

/** The development token opens the tenant's own routes: for the playground's pages, and for nobody else. */
function answerSettings(request, settings) {
  const site = request.headers['sec-fetch-site'] ?? 'none'; // absent from a terminal
  if (site !== 'same-origin' && site !== 'none') return { status: 403, body: 'For the playground only.\n' };
  return {
    headers: { 'content-type': contentTypes['.js'] },
    body: `export default ${JSON.stringify(settings)};\n`,
  };
}

function decodedPath(target) {
  try {
    return decodeURIComponent(new URL(target, 'http://localhost').pathname);
  } catch {
    return undefined;
  }
}

/** The file behind a path, or `undefined` when it lies outside the two folders or is of no kind that is served. */
function fileFor(path) {
  const [folder, name] = path.startsWith('/latchkey/')
    ? [folders.package, path.slice('/latchkey/'.length)]
    : [folders.page, path === '/' ? 'index.html' : path.slice(1)];
  if (name.includes('\0')) return undefined;
  const file = resolve(folder, name);
  return file.startsWith(folder + sep) && extname(file) in contentTypes ? file : undefined;
}

async function readIfThere(file) {
  try {
    return await readFile(file);
  } catch (error) {
    if (['ENOENT', 'EISDIR', 'ENOTDIR', 'ENAMETOOLONG'].includes(error.code)) return undefined;
    throw error;
  }
}

const ownPolicy = (tenantUrl) =>
  [
    strictPolicy(tenantUrl),
    `style-src 'self'`,
    `img-src 'self' data:`,
    `base-uri 'none'`,
    `form-action 'none'`,
    `frame-ancestors 'none'`,
  ].join('; ');

/** Without what would need a policy of its own. */
const undecorated = (html) => html.replace(/<(link|img) [^>]*>/g, '');

async function json(request) {
  const chunks = await request.toArray();
  return JSON.parse(Buffer.concat(chunks).toString());
}
