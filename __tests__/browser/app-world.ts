import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Page } from 'puppeteer-core';
import type { Milliseconds } from '../../src/clock.ts';
import type { Auth0Client, Auth0ClientOptions, GenericError } from '../../src/index.ts';
import { serve } from '../../src/tenant-node/index.ts';
import { createTenant, type JournalEntry, type Tenant } from '../../src/tenant/index.ts';
import { policyHeaders, strictPolicy, violationsPath } from '../../scripts/content-security-policy.mjs';
import type { Chromium } from '../support/chromium.ts';

/** What a browser may lack, and the script that takes it away before any other runs. */
const lacks = {
  'Web Locks': `delete Navigator.prototype.locks;`,
  IndexedDB: `Object.defineProperty(window, 'indexedDB', { value: undefined });`,
  'an IndexedDB that opens': `IDBFactory.prototype.open = () => { throw new DOMException('No.', 'SecurityError'); };`,
} as const;
export type Lack = keyof typeof lacks;

/**
 * The built package in a browser profile of its own, which may lack something. Every page has a client for each client id.
 * Reached over a proxy, so that addresses are always alike.
 */
export interface AppWorld {
  readonly tenant: Tenant;
  openTab(): Promise<AppTab>;
  /** Sends a user of its own to the tenant, who knows them already, for each client that `openTab` brings. */
  signIn(): Promise<AppTab>;
  /** Time goes on, at the tenant and in every tab. */
  advance(span: Milliseconds): Promise<void>;
  /** How many refresh tokens of a client arrived at the tenant. */
  refreshes(clientId: string): number;
  /** Those that arrived. */
  refreshTokens(): readonly string[];
  journalOf(type: JournalEntry['type'], clientId?: string): readonly JournalEntry[];
  /** What went against the strict policy that every page is under, as the browser reports it (CSP 3 §5.3). */
  readonly violations: readonly string[];
  close(): Promise<void>;
}

/** A page. A client is named by its place among the client ids. */
export interface AppTab {
  readonly page: Page;
  token(client?: number): Promise<Outcome>;
  /** The signed-in user's email. */
  user(client?: number): Promise<string | undefined>;
  /** Leaves for the tenant's logout, and is there again. */
  logout(client?: number): Promise<void>;
}

/** What became of a call. */
export interface Outcome {
  readonly token?: string;
  readonly error?: string;
  readonly reason?: string | undefined;
  readonly retryable?: boolean;
  readonly waited: Milliseconds;
}

const appUrl = 'http://localhost:3000';
export const tenantUrl = 'http://localhost:4400';
const audience = 'https://api.example';
const emailOf = (client: number) => `user-${client}@example.com`;

const distribution = fileURLToPath(new URL('../../dist/', import.meta.url));

interface Options {
  readonly clientIds?: readonly string[];
  readonly leeway?: number;
  readonly without?: readonly Lack[];
  /** What the clients are created with beside the rest. */
  readonly client?: Partial<Auth0ClientOptions>;
  /** The pages' Content-Security-Policy; default: the strictest. */
  readonly policy?: string;
  /** The directive that the pages may go against. */
  readonly forbids?: string;
  /** Run before anything else in every page. */
  readonly prelude?: string;
}

/** What a page has as globals. */
interface AppPage {
  readonly clients: readonly Auth0Client[];
  advance(span: Milliseconds): void;
}

/** Signed in, in as many tabs. */
export async function inTabs(
  chromium: Chromium,
  { count, ...options }: Options & { readonly count: number },
  story: (world: AppWorld, tabs: readonly [AppTab, ...AppTab[]]) => Promise<void>,
): Promise<void> {
  const world = await openAppWorld(chromium, options);
  try {
    const first = await world.signIn();
    const more = await Promise.all(Array.from({ length: count - 1 }, world.openTab));
    await story(world, [first, ...more]);
    const { forbids } = options;
    const unexpected = world.violations.filter((text) => forbids === undefined || !text.includes(forbids));
    if (unexpected.length > 0) throw new Error(`a page went against its policy: ${unexpected.join()}`);
  } finally {
    await world.close();
  }
}

async function openAppWorld(
  chromium: Chromium,
  {
    clientIds = ['app'],
    leeway = 0,
    without = [],
    client,
    policy = strictPolicy(tenantUrl),
    prelude = '',
  }: Options = {},
): Promise<AppWorld> {
  const tenant = createTenant({
    baseUrl: tenantUrl,
    clients: [...new Set(clientIds)].map((client_id) => ({
      client_id,
      callbacks: clientIds.map((_, client) => `${appUrl}/${client}`),
      web_origins: [appUrl],
      allowed_logout_urls: [appUrl],
      refresh_token: { rotation_type: 'rotating', expiration_type: 'expiring', leeway },
    })),
    resource_servers: [
      {
        identifier: audience,
        allow_offline_access: true,
        token_lifetime: 3600,
        proof_of_possession: { mechanism: 'dpop', required: false },
      },
    ],
    users: clientIds.map((_, client) => ({ email: emailOf(client), password: 'correct horse' })),
  });

  let offset: Milliseconds = 0;
  const refreshes: { readonly by: string | null; readonly token: string }[] = [];
  const html = `<!doctype html><title>App</title>
    <script src="/before.js"></script>
    <script type="module" src="/app.js"></script>`;
  const before = () => `
    ${without.map((lack) => lacks[lack]).join('\n')}
    ${prelude}
    let offset = ${offset};
    const [now, steady] = [Date.now.bind(Date), performance.now.bind(performance)];
    Date.now = () => now() + offset;
    performance.now = () => steady() + offset;
    window.advance = (span) => (offset += span);`;
  const app = `
    import { Auth0Client } from '/latchkey/index.js';
    const clients = ${JSON.stringify(clientIds)}.map((clientId, client) => new Auth0Client({
      domain: '${tenantUrl}',
      clientId,
      cacheLocation: 'localstorage',
      useRefreshTokens: true,
      useRefreshTokensFallback: false,
      ...${JSON.stringify({ ...client })},
      authorizationParams: { redirect_uri: location.origin + '/' + client, audience: '${audience}' },
    }));
    if (location.search.includes('code=')) {
      await clients[location.pathname.slice(1)].handleRedirectCallback();
      history.replaceState(null, '', '/');
    }
    Object.assign(window, { clients });`;
  const violations: string[] = [];

  /** What the app's own origin answers. */
  const ownAnswer = async (request: Request, pathname: string): Promise<Response> => {
    if (pathname === violationsPath) {
      violations.push(await request.text());
      return new Response(null, { status: 204 });
    }
    const scripts: Record<string, () => string> = { '/before.js': before, '/app.js': () => app };
    const script = pathname.startsWith('/latchkey/')
      ? () => readFileSync(distribution + pathname.slice('/latchkey/'.length), 'utf8')
      : scripts[pathname];
    if (script) return new Response(script(), { headers: { 'content-type': 'text/javascript' } });
    return new Response(html, { headers: { 'content-type': 'text/html', ...policyHeaders(policy) } });
  };

  const proxy = await serve(
    {
      baseUrl: tenantUrl,
      async fetch(request) {
        const { origin, pathname } = new URL(request.url);
        if (origin === tenantUrl) {
          if (pathname === '/oauth/token') {
            const form = new URLSearchParams(await request.clone().text());
            if (form.get('grant_type') === 'refresh_token')
              refreshes.push({ by: form.get('client_id'), token: form.get('refresh_token') ?? '' });
          }
          return tenant.fetch(request);
        }
        return ownAnswer(request, pathname);
      },
    },
    { port: 0 },
  );
  const browser = (await chromium.newContext()).browser();
  const context = await browser.createBrowserContext({
    proxyServer: proxy.url,
    proxyBypassList: ['<-loopback>'], // localhost too
  });
  const tabs = new Set<Page>();

  const world: AppWorld = {
    tenant,
    openTab: async () => {
      const page = await context.newPage();
      page.setDefaultTimeout(10_000);
      tabs.add(page);
      page.on('error', () => tabs.delete(page)); // it crashed
      page.on('close', () => tabs.delete(page));
      await page.goto(appUrl);
      await ready(page);
      return openTab(page);
    },
    signIn: async () => {
      const tab = await world.openTab();
      for (const [client, client_id] of clientIds.entries()) {
        if (clientIds.indexOf(client_id) < client) continue; // another client of the same id has done it
        const [name = '', value = ''] = tenant.signIn(emailOf(client), { client_id }).cookie.split('=');
        await context.setCookie({ name, value, domain: 'localhost', path: '/', httpOnly: true });
        await returning(tab.page, `clients[${client}].loginWithRedirect()`);
      }
      return tab;
    },
    advance: async (span) => {
      tenant.clock.advance(span);
      offset += span;
      for (const page of tabs)
        await page.evaluate((span) => (globalThis as unknown as AppPage).advance(span), span);
    },
    refreshes: (clientId) => refreshes.filter(({ by }) => by === clientId).length,
    refreshTokens: () => refreshes.map(({ token }) => token),
    journalOf: (type, clientId) =>
      tenant.journal.filter(
        (entry) => entry.type === type && (clientId === undefined || entry.client_id === clientId),
      ),
    violations,
    close: async () => {
      await context.close();
      await proxy.close();
    },
  };
  return world;
}

function openTab(page: Page): AppTab {
  return {
    page,
    token: (client = 0) =>
      page.evaluate(async (client): Promise<Outcome> => {
        const begun = performance.now();
        const waited = () => Math.round(performance.now() - begun);
        const { clients } = globalThis as unknown as AppPage;
        try {
          return { token: (await clients[client]?.getTokenSilently()) ?? '', waited: waited() };
        } catch (thrown) {
          const { error, reason, retryable } = thrown as GenericError & { reason?: string };
          return { error: error ?? String(thrown), reason, retryable, waited: waited() };
        }
      }, client),
    user: (client = 0) =>
      page.evaluate(
        async (client) => (await (globalThis as unknown as AppPage).clients[client]?.getUser())?.email,
        client,
      ),
    logout: (client = 0) =>
      returning(page, `clients[${client}].logout({ logoutParams: { returnTo: location.origin } })`),
  };
}

/** Does what leaves the page, and waits until the app is there again. */
async function returning(page: Page, leave: string): Promise<void> {
  const returned = page.waitForNavigation({ waitUntil: 'load' });
  // Not waited for: it ends with the page.
  await page.evaluate(`void ${leave}`);
  await returned;
  await ready(page);
}

/**
 * The clients are there, and the login that the page may have returned from is complete. Asked from outside: what the
 * library waits with inside a page is code made of text, which the policy forbids.
 */
export async function ready(page: Page): Promise<void> {
  const isReady = () => page.evaluate(() => 'clients' in globalThis);
  while (!(await isReady())) await new Promise((later) => setTimeout(later, 20));
}
