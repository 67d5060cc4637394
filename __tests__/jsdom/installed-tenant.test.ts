/**
 * @jest-environment ./__tests__/support/jsdom-environment.js
 * @jest-environment-options {"url": "http://localhost:3000/"}
 *
 * The tenant in the page of jsdom, for two SDKs: ours and the published auth0-spa-js.
 */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { installTenant, type InstalledTenant } from '../../src/tenant-jest/index.ts';
import { createTenant, type Tenant, type TenantConfiguration } from '../../src/tenant/index.ts';

const app = 'http://localhost:3000';
const api = 'https://api.example';
const ada = { email: 'ada@example.com', password: 'correct horse' };
const grace = { email: 'grace@example.com', password: 'battery staple' };

interface Client {
  loginWithRedirect(options: { openUrl: (url: string) => Promise<void> }): Promise<void>;
  handleRedirectCallback(url: string): Promise<unknown>;
  loginWithPopup(options?: { authorizationParams: object }): Promise<void>;
  getTokenSilently(options?: { cacheMode: 'off' }): Promise<string>;
  getUser(): Promise<{ email?: string } | undefined>;
  logout(options: { openUrl: (url: string) => Promise<void> }): Promise<void>;
}

type Sdk = 'latchkey' | 'auth0-spa-js';

async function openClient(sdk: Sdk, options: object = {}): Promise<Client> {
  const { Auth0Client } = (await import(
    sdk === 'latchkey' ? '../../src/index.ts' : '@auth0/auth0-spa-js'
  )) as { Auth0Client: new (options: object) => Client };
  return new Auth0Client({
    domain: 'https://tenant.example',
    clientId: 'app',
    cacheLocation: 'localstorage',
    authorizationParams: { redirect_uri: app, audience: api, scope: 'openid email read:things' },
    ...options,
  });
}

let tenant: Tenant;
let installed: InstalledTenant;
const formerFetch = jest.fn<typeof fetch>();
const formerOpen = jest.fn<typeof open>();

function install(changes: Partial<TenantConfiguration> = {}): void {
  tenant = createTenant({
    baseUrl: 'https://tenant.example',
    seed: 'installed',
    clients: [
      {
        client_id: 'app',
        callbacks: [app, 'https://other.example'],
        web_origins: [app, 'https://other.example'],
        allowed_logout_urls: [app],
        refresh_token: { rotation_type: 'rotating', expiration_type: 'expiring' },
      },
    ],
    resource_servers: [{ identifier: api, scopes: [{ value: 'read:things' }], allow_offline_access: true }],
    users: [ada, grace],
    ...changes,
  });
  installed = installTenant(tenant, window);
}

beforeEach(() => {
  jest.resetModules();
  localStorage.clear();
  sessionStorage.clear();
  for (const cookie of document.cookie.split('; ')) document.cookie = `${cookie.split('=')[0]}=; max-age=0`;
  window.fetch = formerFetch.mockReset().mockResolvedValue(new Response('elsewhere'));
  window.open = formerOpen.mockReset().mockReturnValue(null);
});
afterEach(() => {
  installed.uninstall();
  jest.useRealTimers();
});

/** Lets go on what goes on without time passing. */
async function rest(): Promise<void> {
  for (let turns = 0; turns < 50; turns++) await new Promise((turn) => setImmediate(turn));
}

/** The error that a call ends with after some time, of which none is real. */
async function errorInTime(begin: () => Promise<unknown>): Promise<unknown> {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
  let error: unknown;
  begin().then(
    () => (error = 'none'),
    (thrown: unknown) => (error = thrown),
  );
  for (await rest(); error === undefined; await rest()) await jest.advanceTimersToNextTimerAsync();
  jest.useRealTimers();
  return error;
}

const journal = () => tenant.journal.map(({ type }) => type);
const renew = (client: Client) => client.getTokenSilently({ cacheMode: 'off' });
const visit = async (url: string) => void (await installed.visit(url));

describe.each<[Sdk]>([['latchkey'], ['auth0-spa-js']])('with %s', (sdk) => {
  it('somebody logs in by popup, and the hidden iframe renews', async () => {
    install();
    const client = await openClient(sdk);
    await expect(renew(client)).rejects.toMatchObject({ error: 'login_required' });
    installed.signInAs(ada.email, ada.password);
    await client.loginWithPopup();
    expect(await client.getUser()).toMatchObject({ email: ada.email });
    const [first, second] = [await renew(client), await renew(client)];
    expect(first).not.toBe(second);
    expect(journal().filter((type) => type === 'ssa')).toHaveLength(2);
    expect(formerFetch).not.toHaveBeenCalled();
  });

  it('refresh tokens rotate', async () => {
    install();
    const client = await openClient(sdk, { useRefreshTokens: true });
    installed.signInAs(ada.email, ada.password);
    await client.loginWithPopup();
    await renew(client);
    await renew(client);
    expect(tenant.families()).toMatchObject([{ verdict: 'live', latestCounter: 3 }]);
  });

  it('somebody logs in by redirect, and out', async () => {
    install();
    const client = await openClient(sdk);
    installed.signInAs(ada.email, ada.password);
    let callback = '';
    await client.loginWithRedirect({
      openUrl: async (url) => void (callback = await installed.visit(url)),
    });
    await client.handleRedirectCallback(callback);
    expect(await client.getUser()).toMatchObject({ email: ada.email });
    await client.logout({ openUrl: visit });
    const sent = jest.spyOn(tenant, 'fetch');
    await expect(renew(client)).rejects.toMatchObject({ error: 'login_required' });
    await installed.visit(tenant.baseUrl);
    expect(new Headers(sent.mock.lastCall?.[1]?.headers).get('cookie')).not.toContain('auth0'); // the name of the browser stays
  });

  it('another person takes the seat, and is asked for by prompt=login', async () => {
    install();
    const client = await openClient(sdk);
    installed.signInAs(ada.email, ada.password);
    await client.loginWithPopup();
    installed.signInAs(grace.email, grace.password);
    await client.loginWithPopup();
    expect(await client.getUser()).toMatchObject({ email: ada.email }); // whose session it still is
    await client.loginWithPopup({ authorizationParams: { prompt: 'login' } });
    expect(await client.getUser()).toMatchObject({ email: grace.email });
    installed.signInAs(ada.email, ada.password);
    await client.loginWithPopup({ authorizationParams: { prompt: 'select_account' } });
    expect(await client.getUser()).toMatchObject({ email: ada.email });
    await client.loginWithPopup({ authorizationParams: { prompt: 'consent' } });
    expect(journal().filter((type) => type === 'f')).toEqual([]);
  });

  it('nobody answers a popup while nobody is there, or knows no password', async () => {
    install();
    const client = await openClient(sdk);
    expect(await errorInTime(() => client.loginWithPopup())).toMatchObject({ error: 'timeout' });
    installed.signInAs(ada.email, 'wrong');
    expect(await errorInTime(() => client.loginWithPopup())).toMatchObject({ error: 'timeout' });
    expect(journal().filter((type) => type === 'fp')).toHaveLength(1);
  });

  it('a browser that blocks third-party cookies keeps them from the iframe', async () => {
    install({ quirks: { thirdPartyCookies: 'block' } });
    const client = await openClient(sdk);
    installed.signInAs(ada.email, ada.password);
    await client.loginWithPopup();
    await expect(renew(client)).rejects.toMatchObject({ error: 'login_required' });
  });

  it('a page that is cut off from its opener answers nobody', async () => {
    install({ quirks: { openerPolicy: 'same-origin' } });
    const client = await openClient(sdk);
    installed.signInAs(ada.email, ada.password);
    expect(await errorInTime(() => client.loginWithPopup())).toMatchObject({
      error: sdk === 'latchkey' ? 'popup_severed' : 'cancelled',
    });
  });

  it('an answer without CORS headers is none', async () => {
    install();
    const client = await openClient(sdk);
    installed.signInAs(ada.email, ada.password);
    tenant.faults.add({ kind: 'no-cors', endpoint: '/oauth/token', times: Infinity });
    await expect(client.loginWithPopup()).rejects.toThrow();
    expect(journal()).toContain('seacft');
  });
});

describe('a window with a tenant', () => {
  function showFrame(redirect_uri = app): void {
    const request = { client_id: 'app', redirect_uri, response_type: 'code', scope: 'openid' };
    const mode = { response_mode: 'web_message', prompt: 'none', state: 's', nonce: 'n' };
    const frame = document.createElement('iframe');
    frame.src = `https://tenant.example/authorize?${new URLSearchParams({ ...request, ...mode }).toString()}`;
    document.body.replaceChildren(frame);
  }

  async function heardOf(act: () => void): Promise<MessageEvent[]> {
    const heard: MessageEvent[] = [];
    const hear = (event: MessageEvent) => heard.push(event);
    addEventListener('message', hear);
    act();
    await rest();
    removeEventListener('message', hear);
    return heard;
  }

  it('lets all that goes elsewhere go where it did', async () => {
    install();
    expect(await (await fetch('https://elsewhere.example/a', { method: 'POST' })).text()).toBe('elsewhere');
    expect(formerFetch).toHaveBeenCalledWith('https://elsewhere.example/a', { method: 'POST' });
    open('https://elsewhere.example/b', 'name');
    expect(formerOpen).toHaveBeenCalledWith('https://elsewhere.example/b', 'name');
    const response = await fetch(new Request(`${tenant.baseUrl}/.well-known/jwks.json`));
    expect(await response.json()).toHaveProperty('keys');
    expect(formerFetch).toHaveBeenCalledTimes(1);
  });

  it('is as it was when the tenant is gone', async () => {
    install();
    expect(window.fetch).not.toBe(formerFetch);
    installed.uninstall();
    expect([window.fetch, window.open]).toEqual([formerFetch, formerOpen]);
    expect(await heardOf(() => showFrame())).toEqual([]);
    expect(journal()).toEqual([]);
  });

  it('keeps what was put there after the tenant', async () => {
    install();
    const later = jest.fn<typeof fetch>(window.fetch);
    window.fetch = later;
    installed.uninstall();
    expect(window.fetch).toBe(later);
    expect(await (await fetch(`${tenant.baseUrl}/userinfo`)).text()).toBe('elsewhere');
    window.fetch = formerFetch;
    installed.uninstall();
    expect(window.fetch).toBe(formerFetch);
  });

  it('is rid of two tenants, whichever goes first', async () => {
    install();
    const other = createTenant({ baseUrl: 'https://second.example', seed: 'second', clients: [], users: [] });
    const second = installTenant(other, window);
    formerFetch.mockImplementation(async () => new Response('elsewhere'));
    const keys = async (origin: string) => (await fetch(`${origin}/.well-known/jwks.json`)).text();
    expect(await keys(tenant.baseUrl)).toContain('keys');
    expect(await keys(other.baseUrl)).toContain('keys');
    installed.uninstall();
    expect(await keys(tenant.baseUrl)).toBe('elsewhere');
    expect(await keys(other.baseUrl)).toContain('keys');
    second.uninstall();
    expect(await keys(other.baseUrl)).toBe('elsewhere');
    expect(open(`${tenant.baseUrl}/`)).toBeNull();
    expect(formerOpen).toHaveBeenCalledTimes(1);
  });

  it('asks the tenant for nothing that is at an address elsewhere', async () => {
    install();
    const sent = jest.spyOn(tenant, 'fetch');
    expect(await installed.visit('https://elsewhere.example/u/login')).toBe(
      'https://elsewhere.example/u/login',
    );
    expect(await installed.visit('/there')).toBe(`${app}/there`);
    expect(sent).not.toHaveBeenCalled();
  });

  it('hears nothing of a frame that was taken away', async () => {
    install();
    const heard = await heardOf(() => {
      showFrame();
      document.body.replaceChildren();
    });
    expect(heard).toEqual([]);
  });

  it('hears what a frame has to say to it, and nothing that is meant for another origin', async () => {
    install();
    expect(await heardOf(() => showFrame())).toMatchObject([
      { origin: tenant.baseUrl, data: { response: { error: 'login_required' } } },
    ]);
    expect(await heardOf(() => showFrame('https://other.example'))).toEqual([]);
    expect(journal()).toEqual(['fsa', 'fsa']);
  });

  it('leaves a frame alone that was there before the tenant', async () => {
    showFrame();
    await rest();
    install();
    document.body.append(document.createElement('p'));
    await rest();
    expect(journal()).toEqual([]);
  });

  it('ends a request that is given up', async () => {
    install();
    tenant.faults.add({ kind: 'hang', endpoint: '/userinfo' });
    const giveUp = new AbortController();
    const answer = fetch(`${tenant.baseUrl}/userinfo`, { signal: giveUp.signal });
    giveUp.abort();
    await expect(answer).rejects.toMatchObject({ name: 'AbortError' });
    await expect(fetch(`${tenant.baseUrl}/userinfo`, { signal: giveUp.signal })).rejects.toMatchObject({
      name: 'AbortError',
    });
  });

  it('is a window', () => {
    install();
    expect(() => installTenant(tenant, {})).toThrow(/window of jsdom/);
  });
});
