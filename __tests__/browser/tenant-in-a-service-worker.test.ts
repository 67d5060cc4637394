/** The tenant with no server at all: a service worker runs it, and answers its own origin out of `dist/`. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { FamilyView } from '../../src/tenant/index.ts';
import { serve } from '../../src/tenant-node/index.ts';
import { launchChromium, type Chromium } from '../support/chromium.ts';
import { freePort } from './playground-world.ts';

const api = 'https://api.example';
const ada = { email: 'ada@example.com', password: 'correct horse', name: 'Ada Lovelace' };
const root = fileURLToPath(new URL('../../', import.meta.url));

let chromium: Chromium;
beforeAll(async () => {
  chromium = await launchChromium({ thirdPartyCookies: 'blocked' });
}, 30_000);
afterAll(() => chromium?.close());

interface AppPage {
  readonly client: {
    loginWithRedirect(): Promise<void>;
    handleRedirectCallback(): Promise<unknown>;
    getTokenSilently(options: { cacheMode: 'off' }): Promise<string>;
    getUser(): Promise<{ email: string }>;
  };
  /** Puts a question to the worker. */
  ask(what: string): Promise<unknown>;
}

const page = `<!doctype html><title>App</title><body><script src="/app.js"></script>`;

const appScript = `
  ${readFileSync(`${root}node_modules/@auth0/auth0-spa-js/dist/auth0-spa-js.production.js`, 'utf8')}
  globalThis.begin = (options) => {
    globalThis.client = new auth0.Auth0Client({
      domain: location.origin,
      clientId: 'app',
      authorizationParams: { redirect_uri: location.origin + '/', audience: '${api}' },
      cacheLocation: 'localstorage',
      ...options,
    });
  };
  globalThis.ask = async (what) => {
    const { active } = await navigator.serviceWorker.ready;
    const { port1, port2 } = new MessageChannel();
    const answer = new Promise((resolve) => (port1.onmessage = ({ data }) => resolve(data)));
    active.postMessage(what, [port2]);
    return answer;
  };`;

/** What somebody would write who keeps the cookies, which a service worker does not see. */
const workerScript = `
  import { createTenant } from '/latchkey/tenant.js';

  const origin = location.origin;
  const tenant = createTenant({
    baseUrl: origin,
    clients: [{
      client_id: 'app',
      callbacks: [origin + '/'],
      web_origins: [origin],
      refresh_token: { rotation_type: 'rotating', expiration_type: 'expiring' },
    }],
    resource_servers: [{ identifier: '${api}', allow_offline_access: true }],
    users: [${JSON.stringify(ada)}],
  });
  const cookies = new Map();
  const setCookie = (line) => {
    const [, name, value] = /^([^=]*)=([^;]*)/.exec(line);
    if (/; Max-Age=0(;|$)/.test(line)) cookies.delete(name);
    else cookies.set(name, value);
  };

  addEventListener('install', () => skipWaiting());
  addEventListener('activate', (event) => event.waitUntil(clients.claim()));
  addEventListener('fetch', (event) => {
    if (!/^\\/(authorize|u|oauth|api)(\\/|$)/.test(new URL(event.request.url).pathname)) return;
    const cookie = [...cookies].map((pair) => pair.join('=')).join('; ');
    event.respondWith(tenant.fetch(event.request, { headers: { cookie, origin }, setCookie }));
  });
  const answers = {
    families: () => tenant.families(),
    silently: () => tenant.journal.map(({ type }) => type).filter((type) => /^(ssa|fsa)$/.test(type)),
    cookies: () => [...cookies.keys()].sort(),
    dropped: () => ({
      cookie: new Request(origin, { headers: { cookie: 'a=b' } }).headers.get('cookie'),
      setCookie: new Response(null, { headers: { 'set-cookie': 'a=b' } }).headers.get('set-cookie'),
    }),
    duplicate: () => tenant.faults.add({ kind: 'duplicate', endpoint: '/authorize' }),
  };
  addEventListener('message', ({ data, ports: [port] }) => port.postMessage(answers[data]()));`;

describe('the tenant in a service worker', () => {
  it('logs in with its login page, refreshes and answers the hidden iframe, and no server is asked', async () => {
    const port = await freePort();
    const asked: string[] = [];
    const url = `http://localhost:${port}`;
    const server = await serve(
      {
        baseUrl: url,
        fetch: async (request) => {
          const { pathname } = new URL(request.url);
          asked.push(pathname);
          if (pathname === '/') return new Response(page, { headers: { 'content-type': 'text/html' } });
          const script = pathname.startsWith('/latchkey/')
            ? readFileSync(`${root}dist/${pathname.slice('/latchkey/'.length)}`, 'utf8')
            : { '/app.js': appScript, '/worker.js': workerScript }[pathname];
          if (script === undefined) return new Response('Not here', { status: 404 });
          return new Response(script, { headers: { 'content-type': 'text/javascript' } });
        },
      },
      { port },
    );
    const tab = await chromium.newContext().then((context) => context.newPage());
    tab.setDefaultTimeout(10_000);
    const begin = (options: object) =>
      tab.evaluate(
        (options) => (globalThis as unknown as { begin(options: object): void }).begin(options),
        options,
      );
    const ask = (what: string) => tab.evaluate((what) => (globalThis as unknown as AppPage).ask(what), what);
    const renew = () =>
      tab.evaluate(() => (globalThis as unknown as AppPage).client.getTokenSilently({ cacheMode: 'off' }));
    try {
      await tab.goto(url);
      await tab.evaluate(async () => {
        await navigator.serviceWorker.register('/worker.js', { type: 'module' });
        const { serviceWorker } = navigator;
        if (!serviceWorker.controller)
          await new Promise((resolve) => (serviceWorker.oncontrollerchange = resolve));
      });
      expect(await ask('dropped')).toEqual({ cookie: null, setCookie: null });

      await begin({ useRefreshTokens: true });
      await tab.evaluate(() => void (globalThis as unknown as AppPage).client.loginWithRedirect());
      await tab.waitForSelector('input[name=password]');
      await tab.type('input[name=email]', ada.email);
      await tab.type('input[name=password]', ada.password);
      await tab.click('form button[type=submit]');
      await tab.waitForFunction(() => location.search.includes('code=') && 'begin' in globalThis, {
        polling: 50,
      });
      await begin({ useRefreshTokens: true });
      const email = await tab.evaluate(async () => {
        const { client } = globalThis as unknown as AppPage;
        await client.handleRedirectCallback();
        return (await client.getUser()).email;
      });
      expect(email).toBe(ada.email);

      const [first, second] = [await renew(), await renew()];
      expect(first).not.toBe(second);
      expect(await ask('families')).toMatchObject([
        { verdict: 'live', latestCounter: 3 },
      ] as Partial<FamilyView>[]);

      await begin({ useRefreshTokens: false });
      expect(await ask('cookies')).toEqual(['auth0', 'auth0_compat', 'did', 'did_compat']);
      await ask('duplicate');
      expect(typeof (await renew())).toBe('string');
      expect(await ask('silently')).toEqual(['ssa', 'ssa']); // a request that is made anew keeps its cookies
      expect(asked.filter((path) => /^\/(authorize|u|oauth)(\/|$)/.test(path))).toEqual([]);
    } finally {
      await tab.browserContext().close();
      await server.close();
    }
  }, 60_000);
});
