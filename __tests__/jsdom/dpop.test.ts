/**
 * @jest-environment ./__tests__/support/jsdom-environment.js
 * @jest-environment-options {"url": "http://localhost:3000/"}
 *
 * DPoP by the browser's own ports: the key pair in IndexedDB, the proofs of the package `dpop`, the headers of `fetch`.
 */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';
import { Auth0Client } from '../../src/auth0-client.ts';
import { decodeJwt } from '../../src/oauth/jwt.ts';
import { installTenant, type InstalledTenant } from '../../src/tenant-jest/index.ts';
import { createTenant, type Tenant } from '../../src/tenant/index.ts';

const app = 'http://localhost:3000';
const audience = 'https://api.example';
const ada = { email: 'ada@example.com', password: 'correct horse' };

let tenant: Tenant;
let installed: InstalledTenant;
const api = jest.fn<typeof fetch>();

beforeEach(() => {
  globalThis.indexedDB = new IDBFactory();
  localStorage.clear();
  window.fetch = api.mockReset().mockResolvedValue(new Response('fine'));
  tenant = createTenant({
    baseUrl: 'https://tenant.example',
    seed: 'dpop',
    clients: [
      {
        client_id: 'app',
        callbacks: [app],
        web_origins: [app],
        require_proof_of_possession: true,
        refresh_token: { rotation_type: 'rotating', expiration_type: 'expiring' },
      },
    ],
    resource_servers: [
      {
        identifier: audience,
        allow_offline_access: true,
        proof_of_possession: { mechanism: 'dpop', required: true },
      },
    ],
    users: [ada],
  });
  installed = installTenant(tenant, window);
});
afterEach(() => {
  installed.uninstall();
});

const options = {
  domain: 'https://tenant.example',
  clientId: 'app',
  useDpop: true,
  useRefreshTokens: true,
  cacheLocation: 'localstorage',
  authorizationParams: { redirect_uri: app, audience },
} as const;
const openClient = () => new Auth0Client(options);

async function login(client: Auth0Client): Promise<void> {
  installed.signInAs(ada.email, ada.password);
  let callback = '';
  await client.loginWithRedirect({ openUrl: async (url) => void (callback = await installed.visit(url)) });
  await client.handleRedirectCallback(callback);
}

/** What is in IndexedDB under that name. */
const stored = (name: string): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const opening = indexedDB.open('latchkey');
    opening.onerror = () => reject(opening.error ?? new Error('it did not open'));
    opening.onsuccess = () => {
      const reading = opening.result.transaction('records').objectStore('records').get(name);
      reading.onsuccess = () => {
        opening.result.close();
        resolve(reading.result);
      };
    };
  });

const keyRecord = 'latchkey/1/tenant.example/app/dpop';

describe('DPoP in a page', () => {
  it('goes on with the session of auth0-spa-js, whose key it takes over; after a logout with another key', async () => {
    const { Auth0Client: Peer } = await import('@auth0/auth0-spa-js');
    const before = new Peer({ ...options, authorizationParams: { ...options.authorizationParams } });
    installed.signInAs(ada.email, ada.password);
    await before.loginWithPopup();
    const client = openClient();
    await client.getTokenSilently({ cacheMode: 'off' });
    expect(tenant.families()).toMatchObject([{ verdict: 'live', latestCounter: 2 }]);
    await client.logout({ openUrl: false });
    await login(client);
    const [first, second] = tenant.families();
    expect(second?.jkt).not.toBe(first?.jkt);
    client.dispose();
  });

  it('leaves no database of auth0-spa-js where there was none', async () => {
    const client = openClient();
    await login(client);
    await client.logout({ openUrl: false });
    const databases = (await indexedDB.databases()).map(({ name }) => name);
    expect(databases).toEqual(['latchkey']);
    client.dispose();
  });

  it('satisfies a tenant that takes bound tokens alone, from the login to the refresh and the API', async () => {
    const client = openClient();
    await login(client);
    const token = await client.getTokenSilently({ cacheMode: 'off', detailedResponse: true });
    expect(token?.token_type).toBe('DPoP');
    const response = await client.createFetcher().fetchWithAuth(`${audience}/things`);
    await expect(response.text()).resolves.toBe('fine');
    const [request] = api.mock.lastCall as [Request];
    expect(request.headers.get('authorization')).toBe(`DPoP ${token?.access_token}`);
    expect(decodeJwt(request.headers.get('dpop') ?? '').claims).toMatchObject({ htm: 'GET' });
    client.dispose();
  });

  it('keeps one key pair, whose private half nobody can read, until the logout', async () => {
    const clients = [openClient(), openClient()];
    const proofs = await Promise.all(
      clients.map((it) => it.generateDpopProof({ url: audience, method: 'GET', accessToken: 'a' })),
    );
    expect(new Set(proofs.map((proof) => proof.split('.')[0])).size).toBe(1); // the header holds the key
    const { keyPair } = (await stored(keyRecord)) as { keyPair: CryptoKeyPair };
    expect(keyPair.privateKey).toMatchObject({ extractable: false, usages: ['sign'] });
    await expect(crypto.subtle.exportKey('jwk', keyPair.privateKey)).rejects.toThrow();
    await clients[0]?.logout({ openUrl: false });
    await expect(stored(keyRecord)).resolves.toBeUndefined();
    for (const client of clients) client.dispose();
  });
});
