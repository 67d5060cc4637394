/** A tenant with one of everything, and what its clients do with it. Time stands still unless a test moves it. */
import { expect } from '@jest/globals';
import { decodeJwt } from '../../src/oauth/jwt.ts';
import { createTenant, type Tenant, type TenantConfiguration } from '../../src/tenant/index.ts';
import { tenantBrowser, type TenantBrowser, type Visit } from '../support/tenant-browser.ts';

export const app = 'http://localhost:3000';
export const api = 'https://api.example';
export const ada = { email: 'ada@example.com', password: 'correct horse' };
export const grace = 'grace@example.com';
/** The pair of RFC 7636, appendix B. */
export const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
export const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
export const everyScope = 'openid profile email offline_access read:things';

export const rotating = { rotation_type: 'rotating', expiration_type: 'expiring' } as const;
export const nonRotating = { rotation_type: 'non-rotating', expiration_type: 'non-expiring' } as const;

const spa = {
  client_id: 'spa',
  name: 'The shop',
  callbacks: [app, `${app}/other?page=1`],
  web_origins: [app],
  allowed_logout_urls: [app],
  refresh_token: rotating,
} as const;

export const configuration = {
  seed: 'tests',
  clients: [
    spa,
    { ...spa, client_id: 'other', callbacks: ['https://other.example/cb'], web_origins: [] },
    { ...spa, client_id: 'native', app_type: 'native', refresh_token: nonRotating },
    { ...spa, client_id: 'server', app_type: 'regular_web', client_secret: 's3 cret', web_origins: [] },
  ],
  resource_servers: [
    { identifier: api, scopes: [{ value: 'read:things' }], allow_offline_access: true, token_lifetime: 3600 },
    { identifier: 'https://online.example' },
  ],
  users: [
    { ...ada, name: 'Ada Lovelace' },
    { email: grace, password: 'battery staple' },
    { email: 'mallory@example.com', password: 'mallory', blocked: true },
  ],
} as const satisfies TenantConfiguration;

/** A tenant at noon, with its clock stopped. */
export function aTenant(changes: Partial<TenantConfiguration> = {}): Tenant {
  return createTenant({ ...configuration, now: () => Date.UTC(2026, 10, 23, 12), ...changes });
}

/** A tenant whose `spa` client has this leeway, under this fork policy. */
export function aTenantWithLeeway(
  leeway: number,
  forks: 'last-issued' | 'all-siblings' = 'last-issued',
): Tenant {
  const tenant = aTenant({ quirks: { forks } });
  tenant.updateClient('spa', { refresh_token: { ...rotating, leeway } });
  return tenant;
}

export function authorizeUrl(changes: Readonly<Record<string, string | null>> = {}): string {
  const request: Record<string, string | null> = {
    client_id: 'spa',
    response_type: 'code',
    redirect_uri: app,
    scope: everyScope,
    audience: api,
    state: 'client-state',
    nonce: 'client-nonce',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    ...changes,
  };
  const present = Object.entries(request).filter((entry): entry is [string, string] => entry[1] !== null);
  return `/authorize?${new URLSearchParams(present).toString()}`;
}

/** The whole login by form. */
export async function signInByForm(
  browser: TenantBrowser,
  changes?: Record<string, string | null>,
): Promise<Visit> {
  return browser.submit(await browser.visit(authorizeUrl(changes)), ada);
}

export interface TokenAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

/** One request to the token endpoint, as a form without an Origin unless `headers` say otherwise. */
export async function postToken(
  tenant: Tenant,
  form: Readonly<Record<string, string>>,
  headers: HeadersInit = {},
): Promise<TokenAnswer> {
  const response = await tenant.fetch(
    new Request(`${tenant.baseUrl}/oauth/token`, {
      method: 'POST',
      headers,
      body: new URLSearchParams(form),
    }),
  );
  const body: unknown = await response.json();
  if (typeof body !== 'object' || body === null)
    throw new TypeError('the token endpoint answers with an object');
  return { status: response.status, headers: response.headers, body: { ...body } };
}

/** A code without the login page. */
export async function aCode(
  tenant: Tenant,
  changes: Record<string, string | null> = {},
  email = ada.email,
): Promise<string> {
  const browser = tenantBrowser(tenant);
  browser.setCookie(tenant.signIn(email, { client_id: changes['client_id'] ?? 'spa' }).cookie);
  const { url } = await browser.visit(authorizeUrl(changes));
  const code = url.searchParams.get('code');
  if (code === null) throw new Error(`no code: ${url.href}`);
  return code;
}

export const codeGrant = (code: string, changes: Record<string, string> = {}) => ({
  grant_type: 'authorization_code',
  client_id: 'spa',
  code,
  code_verifier: verifier,
  redirect_uri: app,
  ...changes,
});

/** The tokens of a new login: a family of its own. */
export async function login(
  tenant: Tenant,
  changes: Record<string, string | null> = {},
  email = ada.email,
): Promise<TokenAnswer['body']> {
  const code = await aCode(tenant, changes, email);
  const client_id = changes['client_id'] ?? 'spa';
  const redirect_uri = changes['redirect_uri'] ?? app;
  const answer = await postToken(tenant, codeGrant(code, { client_id, redirect_uri }));
  expect(answer.status).toBe(200);
  return answer.body;
}

/** Presents a refresh token. */
export const refresh = (
  tenant: Tenant,
  refresh_token: unknown,
  changes: Record<string, string> = {},
  headers: HeadersInit = {},
) =>
  postToken(
    tenant,
    { grant_type: 'refresh_token', client_id: 'spa', refresh_token: String(refresh_token), ...changes },
    headers,
  );

/** Presents a refresh token that must be good, and gives the one that came back. */
export async function successorOf(
  tenant: Tenant,
  refresh_token: unknown,
  changes?: Record<string, string>,
): Promise<unknown> {
  const { status, body } = await refresh(tenant, refresh_token, changes);
  expect(status).toBe(200);
  return body['refresh_token'];
}

/** Gives a refresh token back. */
export const revoke = (tenant: Tenant, form: Readonly<Record<string, string>>) =>
  tenant.fetch(
    new Request(`${tenant.baseUrl}/oauth/revoke`, { method: 'POST', body: new URLSearchParams(form) }),
  );

/** The answer to a refresh token that is good for nothing. */
export const refusedAsUnknown = {
  status: 403,
  body: { error: 'invalid_grant', error_description: 'Unknown or invalid refresh token.' },
};

export const codesOf = (tenant: Tenant): string[] => tenant.journal.map(({ type }) => type);

export const claimsOf = (token: unknown) => decodeJwt(String(token)).claims;

export const userinfo = (tenant: Tenant, accessToken: unknown) =>
  tenant.fetch(
    new Request(`${tenant.baseUrl}/userinfo`, {
      headers: { authorization: `Bearer ${String(accessToken)}` },
    }),
  );
