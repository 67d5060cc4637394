// The bare limit: what a refresh costs at least. A form is read, the token looked up and swapped, two RS256 signatures made.
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

const server = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  if (request.method === 'GET') return void response.end('{}');
  const form = new URLSearchParams(body);
  const subject = tokens.get(form.get('refresh_token'));
  if (subject === undefined) return void response.writeHead(403).end();
  tokens.delete(form.get('refresh_token'));
  const iat = Math.floor(Date.now() / 1000);
  const refresh_token = issue(subject);
  const common = { iss: 'http://localhost/', sub: subject, iat };
  const access_token = await sign({ ...common, aud: 'https://api.example', exp: iat + 3600 });
  const id_token = await sign({ ...common, aud: 'spa', exp: iat + 36_000 });
  response.setHeader('content-type', 'application/json');
  response.end(
    JSON.stringify({ access_token, id_token, refresh_token, expires_in: 3600, token_type: 'Bearer' }),
  );
});
announce(server, (count) => ({
  form: { client_id: 'spa', grant_type: 'refresh_token' },
  path: '/token',
  tokens: Array.from({ length: count }, (_, index) => issue(`user-${index}`)),
}));
