// The bare limit: what a refresh costs at least. A form is read, the token looked up and swapped, two RS256 signatures made.
// And what a login does: off to the page, the page, the form, back with a code, which is swapped for the same two signatures.
import { createServer } from 'node:http';
import { randomBytes } from 'node:crypto';
import { importJWK, SignJWT } from 'jose';
import { announce } from './contender.mjs';
import { privateJwk } from './key.mjs';

const key = await importJWK(privateJwk, 'RS256');
const tokens = new Map();
const issue = (subject) => {
  const value = randomBytes(32).toString('base64url');
  tokens.set(value, subject);
  return value;
};

const sign = (claims) => new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'a' }).sign(key);
const redirect = (location) => ({ status: 302, headers: { location: String(location) } });
const page = (action) =>
  `<!doctype html><title>Sign in</title><form method="post" action="${action.replaceAll('&', '&amp;')}"><input name="login"></form>`;

/** @returns the status (default: 200), the headers and the text of the answer */
export async function answer(method, target, body) {
  const { pathname, searchParams } = new URL(target, 'http://localhost');
  const form = new URLSearchParams(body);
  if (pathname === '/auth') return redirect(`/login?${searchParams}`);
  if (pathname === '/login' && method === 'POST') {
    const back = new URL(searchParams.get('redirect_uri'));
    back.searchParams.set('code', issue(form.get('login')));
    return redirect(back);
  }
  if (pathname === '/login') return { text: page(target) };
  if (method === 'GET') return { text: '{}' };
  const presented = form.get('refresh_token') ?? form.get('code');
  const subject = tokens.get(presented);
  if (subject === undefined) return { status: 403 };
  tokens.delete(presented);
  const refresh_token = issue(subject);
  const iat = Math.floor(Date.now() / 1000);
  const common = { iss: 'http://localhost/', sub: subject, iat };
  const access_token = await sign({ ...common, aud: 'https://api.example', exp: iat + 3600 });
  const id_token = await sign({ ...common, aud: 'spa', exp: iat + 36_000 });
  return {
    headers: { 'content-type': 'application/json' },
    text: JSON.stringify({ access_token, id_token, refresh_token, expires_in: 3600, token_type: 'Bearer' }),
  };
}

/** Announces a server that answers so, whatever it is made of. */
export const announceFloor = (server) =>
  announce(server, (count) => ({
    form: { client_id: 'spa', grant_type: 'refresh_token' },
    path: '/token',
    login: { client_id: 'spa', redirect_uri: 'http://localhost:3000', scope: 'openid offline_access' },
    tokens: Array.from({ length: count }, (_, index) => issue(`user-${index}`)),
  }));

if (process.argv[1] === import.meta.filename)
  announceFloor(
    createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      const { status = 200, headers, text } = await answer(request.method, request.url, body);
      response.writeHead(status, headers).end(text);
    }),
  );
