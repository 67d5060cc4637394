/**
 * @jest-environment ./__tests__/support/jsdom-environment.js
 * @jest-environment-options {"url": "http://localhost:3000/"}
 */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';
import fetchMock from 'fetch-mock';
import { createBrowserEnvironment } from '../../src/browser/environment.ts';
import defaultExport, { createAuth0Client, type Auth0Client } from '../../src/index.ts';
import { createTenant, type Tenant } from '../../src/tenant/index.ts';
import { tenantBrowser } from '../support/tenant-browser.ts';

const app = 'http://localhost:3000';
const audience = 'https://api.example';
let tenant: Tenant;

beforeEach(() => {
  globalThis.indexedDB = new IDBFactory();
  localStorage.clear();
  sessionStorage.clear();
  tenant = createTenant({
    clients: [
      {
        client_id: 'spa',
        app_type: 'spa',
        callbacks: [app],
        web_origins: [app],
        allowed_logout_urls: [app],
        grant_types: ['authorization_code', 'refresh_token'],
        refresh_token: { rotation_type: 'rotating', expiration_type: 'expiring', leeway: 0 },
      },
    ],
    resource_servers: [
      { identifier: audience, scopes: [{ value: 'read:things' }], allow_offline_access: true },
    ],
    users: [{ email: 'ada@example.com', password: 'correct horse', name: 'Ada' }],
  });
  // What a browser adds by itself, and the mock does not: the origin.
  fetchMock.mockGlobal().route('begin:http://localhost:4400/', ({ url, options }) => {
    const headers = { ...(options.headers as Record<string, string>), origin: app };
    return tenant.fetch(new Request(url, { method: 'POST', body: options.body as string, headers }));
  });
});

afterEach(() => {
  fetchMock.hardReset();
  for (const name of document.cookie.split('; '))
    document.cookie = `${name.split('=')[0]}=; path=/; expires=${new Date(0).toUTCString()}`;
  history.replaceState(null, '', '/');
});

const options = {
  domain: 'http://localhost:4400',
  clientId: 'spa',
  useRefreshTokens: true,
  cacheLocation: 'localstorage' as const,
  authorizationParams: { audience, redirect_uri: app, scope: 'openid profile email read:things' },
};

/** Leaves, fills in the tenant's form, and comes back to the callback address. */
async function login(client: Auth0Client, meanwhile = () => {}): Promise<void> {
  let address = '';
  await client.loginWithRedirect({ openUrl: (url) => void (address = url) });
  const browser = tenantBrowser(tenant);
  const form = await browser.visit(address);
  const back = await browser.submit(form, { email: 'ada@example.com', password: 'correct horse' });
  history.replaceState(null, '', back.url.pathname + back.url.search);
  meanwhile();
  await client.handleRedirectCallback();
}

function expire(): void {
  for (const [name, text] of Object.entries(localStorage) as [string, string][])
    localStorage.setItem(name, text.replace(/"expires_at":\d+/g, '"expires_at":0'));
}

/** Everything in the database, as text. */
async function stored(): Promise<string> {
  const database = await new Promise<IDBDatabase>((resolve) => {
    const request = indexedDB.open('latchkey');
    request.onsuccess = () => resolve(request.result);
  });
  const all = await new Promise<unknown>((resolve) => {
    const request = database.transaction('records').objectStore('records').getAll();
    request.onsuccess = () => resolve(request.result);
  });
  database.close();
  return JSON.stringify(all);
}

describe('a client in a page', () => {
  it('signs in through the tenant’s form and knows the user', async () => {
    const client = await createAuth0Client(options);
    expect(await client.isAuthenticated()).toBe(false);
    await login(client);
    await expect(client.getUser()).resolves.toMatchObject({ name: 'Ada' });
    expect(document.cookie).toContain('auth0.spa.is.authenticated=true');
  });

  it('is made for each of a list, as `map` calls it', async () => {
    const clients = await Promise.all([options, { ...options, clientId: 'other' }].map(createAuth0Client));
    expect(clients.map((client) => client.getConfiguration().clientId)).toEqual([options.clientId, 'other']);
  });

  it('renews with one simple request: the three members of the grant, and no header that needs a preflight', async () => {
    const client = await createAuth0Client(options);
    await login(client);
    fetchMock.clearHistory();
    await expect(client.getTokenSilently({ cacheMode: 'off' })).resolves.toEqual(expect.any(String));
    await expect(client.getTokenSilently()).resolves.toEqual(expect.any(String));

    const calls = fetchMock.callHistory.calls();
    expect(calls.map(({ url }) => url)).toEqual(['http://localhost:4400/oauth/token']);
    expect(calls[0]!.options.headers).toEqual({ 'content-type': 'application/x-www-form-urlencoded' });
    expect(calls[0]!.options.redirect).toBe('error');
    const form = new URLSearchParams(calls[0]!.options.body as string);
    expect([...form.keys()].sort()).toEqual(['client_id', 'grant_type', 'refresh_token']);
    expect(tenant.journal.at(-1)).toMatchObject({
      type: 'sertft',
      details: { tokenCounter: 1, latestCounter: 2 },
    });
  });

  it('takes a limit beyond what the platform can count as a long one, not as none', async () => {
    const client = await createAuth0Client({ ...options, httpTimeoutInSeconds: Number.MAX_SAFE_INTEGER });
    await login(client);
    expire();
    await expect(client.getTokenSilently()).resolves.toEqual(expect.any(String));
    expect(tenant.journal.map(({ type }) => type)).not.toContain('ferrt');
  });

  it('keeps the refresh token in IndexedDB, and nowhere else', async () => {
    const client = await createAuth0Client(options);
    await login(client);
    expect(await stored()).toContain('v1.M');
    expect(JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie).not.toContain('v1.M');
  });

  it('is still signed in after a reload, and signed out after a logout', async () => {
    await login(await createAuth0Client(options));
    const after = await createAuth0Client(options);
    await expect(after.isAuthenticated()).resolves.toBe(true);
    await after.logout({ openUrl: false });
    await expect(after.isAuthenticated()).resolves.toBe(false);
    expect(document.cookie).not.toContain('is.authenticated');
    expect(Object.keys(localStorage)).toEqual([]);
    expect(await stored()).not.toContain('v1.M');
    expect(tenant.families().map(({ verdict }) => verdict)).toEqual(['revoked']);
  });

  it('has a twin of each cookie for old browsers, unless it is told not to', async () => {
    const twin = '_legacy_auth0.spa.is.authenticated';
    const client = await createAuth0Client(options);
    await login(client);
    expect(document.cookie).toContain(`${twin}=true`);
    document.cookie = `auth0.spa.is.authenticated=; path=/; expires=${new Date(0).toUTCString()}`;
    const { cookies } = createBrowserEnvironment();
    expect(cookies.get('auth0.spa.is.authenticated')).toBe('true');
    await client.logout({ openUrl: false });
    expect(document.cookie).toBe('');
    await login(await createAuth0Client({ ...options, legacySameSiteCookie: false }));
    expect(document.cookie).not.toContain('_legacy_');
  });

  it('remembers a login in a cookie, where it is told to', async () => {
    const client = await createAuth0Client({ ...options, useCookiesForTransactions: true });
    await login(client);
    await expect(client.getUser()).resolves.toMatchObject({ name: 'Ada' });
    await client.loginWithRedirect({ openUrl: () => {} });
    expect(document.cookie).toContain('code_verifier');
    expect(JSON.stringify(sessionStorage)).not.toContain('code_verifier');
  });

  it('finds a login where the browser has kept no other cookie of it than the twin', async () => {
    const client = await createAuth0Client({ ...options, useCookiesForTransactions: true });
    await login(client, () => {
      const [name] = /(?<=^|; )latchkey[^=]*/.exec(document.cookie)!;
      document.cookie = `${name}=; path=/; expires=${new Date(0).toUTCString()}`;
    });
    await expect(client.isAuthenticated()).resolves.toBe(true);
  });

  it('says who it is in a header at a login and at no refresh, and sends JSON where it is told to', async () => {
    const auth0Client = { name: 'n', version: '1' };
    const client = await createAuth0Client({ ...options, auth0Client, useFormData: false });
    fetchMock.clearHistory();
    await login(client);
    await client.getTokenSilently({ cacheMode: 'off' });
    const calls = fetchMock.callHistory.calls(/oauth.token/);
    expect(calls.map((call) => call.options.headers)).toEqual([
      { 'content-type': 'application/json', 'auth0-client': btoa(JSON.stringify(auth0Client)) },
      { 'content-type': 'application/json' },
    ]);
  });

  it('signs in and out where the browser refuses cookies', async () => {
    const refuse = () => {
      throw new DOMException('sandboxed', 'SecurityError');
    };
    Object.defineProperty(document, 'cookie', { configurable: true, get: refuse, set: refuse });
    try {
      const client = await createAuth0Client(options);
      await login(client);
      await expect(client.isAuthenticated()).resolves.toBe(true);
      await client.logout({ openUrl: false });
      await expect(client.isAuthenticated()).resolves.toBe(false);
    } finally {
      Reflect.deleteProperty(document, 'cookie');
    }
  });

  it('comes from the default export too, with v1’s spelling', async () => {
    const client = await defaultExport({
      domain: 'http://localhost:4400',
      client_id: 'spa',
      cacheLocation: 'localstorage',
      useRefreshTokens: true,
    });
    await login(client);
    expire();
    await expect(client.getTokenSilently()).resolves.toEqual(expect.any(String));
  });
});
