import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { BrowserContext, Page } from 'puppeteer-core';
import type { Milliseconds } from '../../src/clock.ts';
import { serve } from '../../src/tenant-node/index.ts';
import { createTenant, type Tenant } from '../../src/tenant/index.ts';
import type { Chromium } from '../support/chromium.ts';

export type PeerVersion = 'v1' | 'v2';

/** auth0-spa-js, as published, in a browser profile of its own; reached over a proxy, so that addresses are always alike. */
export interface PeerWorld {
  readonly tenant: Tenant;
  openTab(): Promise<PeerTab>;
  /** Moves the clocks of the tenant and of every tab. */
  advance(span: Milliseconds): Promise<void>;
  /** What the app has stored in cookies. */
  cookies(): Promise<Record<string, string>>;
  close(): Promise<void>;
}

/** A page of the app. */
export interface PeerTab {
  readonly page: Page;
  /** Loads a version of auth0-spa-js with these options, in v2's spelling; whatever was loaded before is gone. */
  load(version: PeerVersion, options?: PeerOptions): Promise<void>;
  /** Sends the user to the tenant, who knows them already, and handles the return. */
  login(version: PeerVersion, options?: PeerOptions, asked?: Asked): Promise<void>;
  /** `getTokenSilently`; what came of it. */
  token(asked?: Asked & { fresh?: boolean }): Promise<{ token?: string; error?: string }>;
  localStorage(): Promise<Record<string, string>>;
}

export interface PeerOptions {
  readonly audience?: string;
  readonly scope?: string;
  readonly useRefreshTokens?: boolean;
  readonly useRefreshTokensFallback?: boolean;
  readonly useMrrt?: boolean;
  readonly useDpop?: boolean;
}

interface Asked {
  readonly audience?: string;
  readonly scope?: string;
}

export const clientId = 'shop';
export const things = 'https://things.example';
export const orders = 'https://orders.example';
const tenantUrl = 'http://localhost:4400';
const appUrl = 'http://localhost:3000';
const ada = {
  user_id: 'auth0|ada',
  email: 'ada@example.com',
  password: 'correct horse',
  name: 'Ada Lovelace',
};

/** Two billion seconds after 1970: later than any browser's own idea of now, so that no cookie has expired. */
const beginning: Milliseconds = 2_000_000_000_000;

const scripts = {
  '/v1.js': 'auth0-spa-js-v1/dist/auth0-spa-js.production.js',
  '/v2.js': '@auth0/auth0-spa-js/dist/auth0-spa-js.production.js',
} as const;
const scriptOf = (path: string) =>
  path in scripts
    ? readFileSync(
        fileURLToPath(
          new URL(`../../node_modules/${scripts[path as keyof typeof scripts]}`, import.meta.url),
        ),
      )
    : undefined;

/** With a `seed`, time stands still and chance repeats itself, at the tenant and in the pages. */
export async function openPeerWorld(chromium: Chromium, seed?: string): Promise<PeerWorld> {
  const tenant = createTenant({
    baseUrl: tenantUrl,
    ...(seed === undefined ? {} : { seed, now: () => beginning }),
    clients: [
      {
        client_id: clientId,
        callbacks: [`${appUrl}/v1`, `${appUrl}/v2`],
        web_origins: [appUrl],
        refresh_token: {
          rotation_type: 'rotating',
          expiration_type: 'expiring',
          policies: [{ audience: orders, scope: ['read:orders'] }],
        },
      },
    ],
    resource_servers: [
      {
        identifier: things,
        scopes: [{ value: 'read:things' }, { value: 'write:things' }],
        proof_of_possession: { mechanism: 'dpop', required: false },
        allow_offline_access: true,
        token_lifetime: 3600,
      },
      {
        identifier: orders,
        scopes: [{ value: 'read:orders' }],
        allow_offline_access: true,
        token_lifetime: 3600,
      },
    ],
    users: [ada],
  });
  const answer = async (request: Request): Promise<Response> => {
    const { origin, pathname } = new URL(request.url);
    if (origin === tenantUrl) return tenant.fetch(request);
    const script = scriptOf(pathname);
    if (script) return new Response(script, { headers: { 'content-type': 'text/javascript' } });
    const html = `<!doctype html><title>App</title><script src="${pathname}.js"></script>`;
    return new Response(html, { headers: { 'content-type': 'text/html' } });
  };
  const proxy = await serve({ baseUrl: tenantUrl, fetch: answer }, { port: 0 });
  const browser = (await chromium.newContext()).browser();
  const context = await browser.createBrowserContext({
    proxyServer: proxy.url,
    proxyBypassList: ['<-loopback>'], // localhost too
  });
  const [name = '', value = ''] = tenant.signIn(ada.email, { client_id: clientId }).cookie.split('=');
  await context.setCookie({ name, value, domain: 'localhost', path: '/', httpOnly: true });

  const tabs: Page[] = [];
  let now = beginning;
  return {
    tenant,
    openTab: async () => {
      const page = await context.newPage();
      page.setDefaultTimeout(10_000);
      if (seed !== undefined) await page.evaluateOnNewDocument(repeatTheWorld, now);
      tabs.push(page);
      return openTab(page);
    },
    advance: async (span) => {
      tenant.clock.advance(span);
      now += span;
      for (const page of tabs)
        await page.evaluate((now) => Object.assign(globalThis, { worldTime: now }), now);
    },
    cookies: () => cookiesOf(context),
    close: async () => {
      await context.close();
      await proxy.close();
    },
  };
}

/** Runs in the page: time stands still at `worldTime`, and random values are the same in every run. */
function repeatTheWorld(now: Milliseconds): void {
  const world = globalThis as unknown as { worldTime: Milliseconds; Date: DateConstructor };
  world.worldTime = now;
  world.Date = class extends Date {
    constructor(...parts: [] | [number]) {
      super(...(parts.length === 0 ? ([world.worldTime] as const) : parts));
    }
    static override now = () => world.worldTime;
  } as DateConstructor;
  let state = 1;
  crypto.getRandomValues = (array) => {
    const bytes = new Uint8Array((array as ArrayBufferView).buffer);
    bytes.forEach((_, index) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      bytes[index] = state >>> 24;
    });
    return array;
  };
  // The browser's own clock is another: what has expired by the page's must have expired by the browser's.
  const { get, set } = Object.getOwnPropertyDescriptor(
    Document.prototype,
    'cookie',
  ) as Required<PropertyDescriptor>;
  const expire = (text: string) =>
    text.replace(/expires=([^;]*)/i, (all, date: string) =>
      Date.parse(date) > world.worldTime ? all : 'expires=Thu, 01 Jan 1970 00:00:00 GMT',
    );
  Object.defineProperty(Document.prototype, 'cookie', {
    get,
    set(text: string) {
      set.call(this, expire(text));
    },
  });
}

interface PeerClient {
  loginWithRedirect(asked: unknown): Promise<void>;
  handleRedirectCallback(): Promise<unknown>;
  getTokenSilently(asked: unknown): Promise<string>;
}
interface PeerPage {
  client: PeerClient;
  Auth0Client: new (options: unknown) => PeerClient;
  auth0: { Auth0Client: new (options: unknown) => PeerClient };
}

function openTab(page: Page): PeerTab {
  let version: PeerVersion;
  /** Parameters of a method, where this version wants them. */
  const asking = (asked: Asked) => (version === 'v1' ? asked : { authorizationParams: asked });
  const start = (options: PeerOptions) => {
    const { audience, scope, ...rest } = options;
    const parameters = {
      redirect_uri: `${appUrl}/${version}`,
      ...(audience === undefined ? {} : { audience }),
      ...(scope === undefined ? {} : { scope }),
    };
    const common = { domain: tenantUrl, cacheLocation: 'localstorage', useRefreshTokens: true, ...rest };
    return page.evaluate(
      (options) => {
        const peer = globalThis as unknown as PeerPage;
        peer.client = new (peer.auth0?.Auth0Client ?? peer.Auth0Client)(options);
      },
      version === 'v1'
        ? { ...common, ...parameters, client_id: clientId }
        : { ...common, clientId, authorizationParams: parameters },
    );
  };
  const tab: PeerTab = {
    page,
    load: async (wanted, options = {}) => {
      version = wanted;
      await page.goto(`${appUrl}/${version}`);
      await start(options);
    },
    login: async (wanted, options = {}, asked = {}) => {
      await tab.load(wanted, options);
      await page.evaluate(
        // Not waited for: it ends with the page.
        (asked) => void (globalThis as unknown as PeerPage).client.loginWithRedirect(asked),
        asking(asked),
      );
      await page.waitForFunction(
        () => document.readyState === 'complete' && location.search.includes('code='),
        { polling: 50 }, // a tab in the background paints no frames
      );
      await start(options);
      await page.evaluate(async () => {
        await (globalThis as unknown as PeerPage).client.handleRedirectCallback();
        history.replaceState(null, '', location.pathname);
      });
    },
    token: ({ fresh = false, ...asked } = {}) =>
      page.evaluate(
        async (asked) => {
          try {
            return { token: await (globalThis as unknown as PeerPage).client.getTokenSilently(asked) };
          } catch (error) {
            return { error: String((error as { error?: unknown }).error ?? error) };
          }
        },
        { ...asking(asked), ...(fresh && { ignoreCache: true, cacheMode: 'off' }) },
      ),
    localStorage: () => page.evaluate(() => ({ ...localStorage })),
  };
  return tab;
}

const cookiesOf = async (context: BrowserContext) =>
  Object.fromEntries(
    (await context.cookies())
      .filter(({ name }) => name.includes(`.${clientId}.`)) // and not the tenant's own
      .map(({ name, value }) => [name, value])
      .sort(([one = ''], [other = '']) => one.localeCompare(other)),
  ) as Record<string, string>;
