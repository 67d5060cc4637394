// A real Chromium, a tenant over HTTP, and pages that run one SDK or the other through their common API. Everything is
// reached over a proxy on a free port, so that addresses are always alike. Time is moved, not waited for.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { createTenant } from '../../dist/tenant.js';
import { serve } from '../../dist/tenant-node.js';
import { launchBound } from '../../scripts/bound-process.mjs';
import { findChromium } from '../../scripts/browsers.mjs';

const appUrl = 'http://localhost:3000';
const tenantUrl = 'http://localhost:4400';
const ada = { email: 'ada@example.com', password: 'correct horse', name: 'Ada' };
const grace = { email: 'grace@example.com', password: 'battery staple', name: 'Grace' };
const audiences = ['https://api.example', 'https://orders.example', 'https://billing.example'];

/** What stands behind each name of an SDK, as an app would import it. */
export const sdks = { latchkey: './dist/index.js', 'auth0-spa-js': '@auth0/auth0-spa-js' };

const page = `
  import { createAuth0Client } from '%s';
  const options = {
    domain: '${tenantUrl}',
    clientId: 'spa',
    useRefreshTokens: true,
    useRefreshTokensFallback: false,
    cacheLocation: 'localstorage',
    ...window.options,
    authorizationParams: { redirect_uri: location.origin + location.pathname, audience: '${audiences[0]}', scope: 'openid profile' },
  };
  const client = await createAuth0Client(options);
  if (location.search.includes('code=')) {
    await client.handleRedirectCallback();
    history.replaceState(null, '', location.pathname);
  }
  const facts = (error) => ({ error: error.error ?? String(error), retryable: error.retryable === true, reason: error.reason });
  const call = async (options) => {
    const begun = performance.now();
    const outcome = await client.getTokenSilently(options).then((token) => ({ token }), facts);
    const waited = Math.round(performance.now() - begun);
    if (outcome.token !== undefined || !client.diagnose) return { ...outcome, waited };
    const diagnosis = await client.diagnose();
    return { ...outcome, waited, cause: diagnosis.cause ?? 'nothing', diagnosis: JSON.stringify(diagnosis) };
  };
  const onload = location.hash === '#call' ? call() : undefined;
  Object.assign(window, { client, call, onload });
`;

/**
 * @param {object} [settings]
 * @param {number} [settings.leeway]
 * @param {boolean} [settings.multiResource]
 * @param {object} [settings.options] of the SDK, for every page
 * @param {string} [settings.script] what every page runs, with `%s` for the SDK's name; it has `window.client` in the end
 * @param {Record<string, (offset: number) => string>} [settings.files] scripts of the app's, by path; `offset`: how far its clock is ahead
 * @param {(tab: import('puppeteer-core').Page) => Promise<void>} [settings.prepare] done to each tab before it loads
 * @param {(request: Request, answer: (request: Request) => Promise<Response>) => Promise<Response>} [settings.pass] stands
 *   between the pages and the tenant
 * @param {Record<string, string>} [settings.modules] what is bundled for each name that `openTab` is given
 * @param {boolean} [settings.built] as an app is built: minified, in files that load on first use, kept in the browser's cache
 */
export async function openWorld({
  leeway = 0,
  multiResource = false,
  options = {},
  script = page,
  files = {},
  prepare = async () => {},
  pass = (request, answer) => answer(request),
  modules = sdks,
  built = false,
} = {}) {
  const tenant = createTenant({
    baseUrl: tenantUrl,
    seed: 'resilience',
    clients: [
      {
        client_id: 'spa',
        callbacks: Object.keys(modules).map((name) => `${appUrl}/${name}`),
        web_origins: [appUrl],
        allowed_logout_urls: [appUrl],
        refresh_token: {
          rotation_type: 'rotating',
          expiration_type: 'expiring',
          leeway,
          policies: multiResource ? audiences.map((audience) => ({ audience, scope: ['read:all'] })) : [],
        },
      },
    ],
    resource_servers: audiences.map((identifier) => ({
      identifier,
      scopes: [{ value: 'read:all' }],
      allow_offline_access: true,
      token_lifetime: 3600,
    })),
    users: [ada, grace],
  });

  const scripts = new Map();
  for (const [name, path] of Object.entries(modules))
    for (const [address, text] of await bundle(name, script.replace('%s', path), built))
      scripts.set(address, text);

  let refreshes = 0;
  let offset = 0;
  const fresh = { 'cache-control': 'no-store' }; // a restored tab would take the page out of the browser's cache
  const proxy = await serve(
    {
      baseUrl: tenantUrl,
      async fetch(request) {
        const { origin, pathname } = new URL(request.url);
        if (origin === tenantUrl) {
          if (pathname === '/oauth/token' && request.method === 'POST') {
            const form = new URLSearchParams(await request.clone().text());
            if (form.get('grant_type') === 'refresh_token') refreshes += 1;
          }
          return pass(request, tenant.fetch);
        }
        const script = scripts.get(pathname) ?? files[pathname]?.(offset);
        const cached = built ? { 'cache-control': 'max-age=3600' } : fresh;
        if (script)
          return new Response(script, { headers: { 'content-type': 'text/javascript', ...cached } });
        if (pathname === '/empty.js')
          return new Response('', { headers: { 'content-type': 'text/javascript', ...fresh } });
        const html = `<!doctype html><title>App</title><link rel="icon" href="data:,">
          <script>{ const now = Date.now.bind(Date); window.setOffset = (ms) => (Date.now = () => now() + ms); if (${offset} > 0) setOffset(${offset}); window.options = ${JSON.stringify(options)}; }</script>
          ${pathname === '/blank' ? '' : `<script type="module" src="${pathname}.js"></script>`}`;
        return new Response(html, { headers: { 'content-type': 'text/html', ...fresh } });
      },
    },
    { port: 0 },
  );

  const profile = mkdtempSync(join(tmpdir(), 'latchkey-resilience-'));
  let browser = await launch(profile, proxy.url);

  const world = {
    tenant,
    refreshes: () => refreshes,
    reuses: () => tenant.journal.filter(({ type }) => type === 'ferrt').length,

    /** A page that runs the SDK and is ready to be asked. */
    async openTab(sdk, hash = '') {
      const tab = await browser.newPage();
      await prepare(tab);
      await tab.goto(`${appUrl}/${sdk}${hash}`);
      await ready(tab);
      return tab;
    },

    /** A page of the app's origin that runs nothing. */
    async openBlank() {
      const tab = await browser.newPage();
      await tab.goto(`${appUrl}/blank`);
      return tab;
    },

    /** From now on the tenant knows this user, and asks for no password. */
    async know(email) {
      const [name = '', value = ''] = tenant.signIn(email, { client_id: 'spa' }).cookie.split('=');
      await browser.setCookie({ name, value, domain: 'localhost', path: '/', httpOnly: true });
    },

    /** Signs in, in a tab of its own, without a form. */
    async login(sdk) {
      await world.know(ada.email);
      const tab = await world.openTab(sdk);
      const returned = tab.waitForNavigation({ waitUntil: 'load' });
      await tab.evaluate(() => void client.loginWithRedirect());
      await returned;
      await tab.waitForFunction(() => window.client !== undefined && location.search === '');
      return tab;
    },

    /** Time goes on, everywhere, by more than an access token lives. */
    expire: () => world.advance(7_200_000),

    /** Time goes on, everywhere. */
    async advance(span) {
      tenant.clock.advance(span);
      offset += span;
      const move = (tab) => tab.evaluate((offset) => window.setOffset?.(offset), offset).catch(() => {}); // one that crashed
      await Promise.all((await browser.pages()).map(move));
    },

    /** The browser ends, starts again, and restores its tabs by itself: those that are `wanted`, when there are so many. */
    async restart(wanted, count) {
      await browser.close();
      browser = await launch(profile, proxy.url, '--restore-last-session');
      const restored = async () => (await browser.pages()).filter((tab) => wanted(new URL(tab.url())));
      while ((await restored()).length < count) await new Promise((resolve) => setTimeout(resolve, 20));
      const tabs = await restored();
      await Promise.all(tabs.map(ready));
      return tabs;
    },

    /** Nothing is stored, and nothing goes wrong any more. */
    async reset() {
      tenant.faults.clear();
      const [first, ...others] = await browser.pages();
      for (const tab of others) await tab.close().catch(() => {});
      const blank = first ?? (await browser.newPage());
      await blank.goto(`${appUrl}/nothing`);
      await blank.evaluate(async () => {
        localStorage.clear();
        for (const { name } of await indexedDB.databases()) indexedDB.deleteDatabase(name);
      });
      await browser.deleteCookie(...(await browser.cookies()));
      await blank.goto('about:blank');
    },

    async close() {
      await browser.close();
      await proxy.close();
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  return world;
}

/** `getTokenSilently` in a page, and what came of it. */
export const call = (tab, options = {}) => tab.evaluate((options) => window.call(options), options);

/** A token while the session goes on: a page that is opened now can renew. */
export async function outcomeAfterwards(world, sdk) {
  const tab = await world.openTab(sdk);
  const outcome = await call(tab, { cacheMode: 'off' });
  await tab.close();
  return outcome;
}

const ready = (tab) => tab.waitForFunction(() => window.client !== undefined, { polling: 20 });

async function launch(profile, proxyUrl, ...args) {
  return launchBound({
    executablePath: findChromium(),
    userDataDir: profile,
    args: [
      ...args,
      `--proxy-server=${proxyUrl}`,
      '--proxy-bypass-list=<-loopback>', // localhost too
      '--disable-background-networking',
      '--no-first-run',
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), // Chromium's sandbox does not work for root
    ],
  });
}

/** The scripts of a page, by their addresses. */
async function bundle(name, contents, built) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: fileURLToPath(new URL('../../', import.meta.url)), sourcefile: name },
    bundle: true,
    splitting: built,
    minify: built,
    format: 'esm',
    target: 'es2022',
    outdir: '/',
    entryNames: name,
    chunkNames: `${name}-chunks/[name]-[hash]`,
    write: false,
    logLevel: 'warning',
  });
  return outputFiles.map(({ path, text }) => [path.replace(/^.*?(?=\/[^/]*(-chunks\/[^/]*)?$)/, ''), text]);
}
