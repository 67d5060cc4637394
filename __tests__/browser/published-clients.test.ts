/** Browser libraries as their makers publish them, at the tenant: nothing of ours is on the page. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { build } from 'esbuild';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Page } from 'puppeteer-core';
import { serve } from '../../src/tenant-node/index.ts';
import { createTenant, type Tenant } from '../../src/tenant/index.ts';
import { launchChromium, type Chromium } from '../support/chromium.ts';
import { freePort } from './playground-world.ts';

const api = 'https://api.example';
const ada = { email: 'ada@example.com', password: 'correct horse', name: 'Ada Lovelace' };
const root = fileURLToPath(new URL('../../', import.meta.url));

let chromium: Chromium;
beforeAll(async () => {
  chromium = await launchChromium({ thirdPartyCookies: 'allowed' });
}, 30_000);
afterAll(() => chromium?.close());

interface Site {
  readonly tenant: Tenant;
  readonly page: Page;
  readonly appUrl: string;
}

/** A page with that script, and the tenant that it signs in at. */
async function withSite(script: string, story: (site: Site) => Promise<void>): Promise<void> {
  const [tenantPort, appPort] = await Promise.all([freePort(), freePort()]);
  const [tenantUrl, appUrl] = [`http://localhost:${tenantPort}`, `http://localhost:${appPort}`];
  const tenant = createTenant({
    baseUrl: tenantUrl,
    clients: [
      {
        client_id: 'app',
        callbacks: [`${appUrl}/`],
        web_origins: [appUrl],
        allowed_logout_urls: [`${appUrl}/`],
        refresh_token: { rotation_type: 'rotating', expiration_type: 'expiring' },
      },
    ],
    resource_servers: [{ identifier: api, allow_offline_access: true, scopes: [{ value: 'read:things' }] }],
    users: [ada],
  });
  const page = await chromium.newContext().then((context) => context.newPage());
  page.setDefaultTimeout(10_000);
  const servers = await Promise.all([
    serve(tenant, { port: tenantPort }),
    serve(
      {
        baseUrl: appUrl,
        fetch: async ({ url }) =>
          new URL(url).pathname === '/app.js'
            ? new Response(script, { headers: { 'content-type': 'text/javascript' } })
            : new Response(
                `<!doctype html><title>App</title><div id="root"></div>
                 <script>globalThis.tenantUrl = ${JSON.stringify(tenantUrl)}</script><script src="/app.js"></script>`,
                { headers: { 'content-type': 'text/html' } },
              ),
      },
      { port: appPort },
    ),
  ]);
  try {
    await story({ tenant, page, appUrl });
  } finally {
    await page.browserContext().close();
    await Promise.all(servers.map((server) => server.close()));
  }
}

/** On the tenant's login page. */
async function signIn(page: Page): Promise<void> {
  await page.waitForSelector('input[name=password]');
  await page.type('input[name=email]', ada.email);
  await page.type('input[name=password]', ada.password);
  await page.click('form button[type=submit]');
}

const textOf = (page: Page, selector: string, expected: string) =>
  page.waitForFunction(
    (selector, expected) => document.querySelector(selector)?.textContent === expected,
    { polling: 50 },
    selector,
    expected,
  );

const codes = ({ journal }: Tenant) => journal.map(({ type }) => type);

describe('oidc-client-ts', () => {
  interface OidcPage {
    readonly tenantUrl: string;
    readonly oidc: {
      UserManager: new (settings: object) => UserManager;
      WebStorageStateStore: new (options: object) => object;
    };
    manager: UserManager;
  }
  interface UserManager {
    signinRedirect(): Promise<void>;
    signinCallback(): Promise<unknown>;
    signinSilent(): Promise<{ access_token: string; profile: { name: string } } | null>;
    getUser(): Promise<{ profile: { name: string } } | null>;
    revokeTokens(types: readonly string[]): Promise<void>;
  }

  const library = readFileSync(
    `${root}node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js`,
    'utf8',
  );
  // In the hidden iframe the page hands what it was told to the page around it.
  const script = `${library}
    if (window !== parent)
      new oidc.UserManager({ authority: tenantUrl, client_id: 'app', redirect_uri: location.origin + '/' }).signinSilentCallback();`;
  const begin = ({ page }: Site, scope: string) =>
    page.evaluate(
      (scope, audience) => {
        const world = globalThis as unknown as OidcPage;
        world.manager = new world.oidc.UserManager({
          authority: world.tenantUrl,
          client_id: 'app',
          redirect_uri: `${location.origin}/`,
          scope,
          extraQueryParams: { audience },
          userStore: new world.oidc.WebStorageStateStore({ store: localStorage }),
        });
      },
      scope,
      api,
    );

  async function logIn(site: Site, scope: string): Promise<void> {
    const { page, appUrl } = site;
    await page.goto(appUrl);
    await begin(site, scope);
    await page.evaluate(() => void (globalThis as unknown as OidcPage).manager.signinRedirect());
    await signIn(page);
    await page.waitForFunction(() => location.search.includes('code='), { polling: 50 });
    await begin(site, scope);
    await page.evaluate(
      async () => void (await (globalThis as unknown as OidcPage).manager.signinCallback()),
    );
  }

  const renew = async ({ page }: Site) =>
    page.evaluate(async () => {
      const user = await (globalThis as unknown as OidcPage).manager.signinSilent();
      return user && { name: user.profile.name, token: user.access_token };
    });

  it('signs in, renews by refresh token, and revokes', async () => {
    await withSite(script, async (site) => {
      await logIn(site, 'openid profile offline_access read:things');
      const [first, second] = [await renew(site), await renew(site)];
      expect(first).toMatchObject({ name: 'Ada Lovelace' });
      expect(second?.token).not.toBe(first?.token);
      expect(site.tenant.families()).toMatchObject([{ verdict: 'live', latestCounter: 3 }]);
      await site.page.evaluate(() =>
        (globalThis as unknown as OidcPage).manager.revokeTokens(['access_token', 'refresh_token']),
      );
      expect(site.tenant.families()).toMatchObject([{ verdict: 'revoked' }]);
    });
  }, 30_000);

  it('renews by the hidden iframe where it has no refresh token', async () => {
    await withSite(script, async (site) => {
      await logIn(site, 'openid profile read:things');
      expect(await renew(site)).toMatchObject({ name: 'Ada Lovelace' });
      expect(codes(site.tenant)).toContain('ssa');
      expect(site.tenant.families()).toEqual([]);
    });
  }, 30_000);
});

describe('@auth0/auth0-react', () => {
  it('signs in, shows who it is, rotates, and logs out', async () => {
    const { outputFiles } = await build({
      stdin: { contents: reactApp, resolveDir: root, loader: 'jsx' },
      bundle: true,
      write: false,
      format: 'iife',
      define: { 'process.env.NODE_ENV': '"production"' },
    });
    await withSite(String(outputFiles[0]?.text), async ({ tenant, page, appUrl }) => {
      await page.goto(appUrl);
      await textOf(page, '#who', 'nobody');
      await page.click('#in');
      await signIn(page);
      await textOf(page, '#who', 'Ada Lovelace');
      for (const times of ['1', '2']) {
        await page.click('#refresh');
        await textOf(page, '#refreshed', times);
      }
      expect(tenant.families()).toMatchObject([{ verdict: 'live', latestCounter: 3 }]);
      await page.reload();
      await textOf(page, '#who', 'Ada Lovelace');
      await page.click('#out');
      await textOf(page, '#who', 'nobody');
      expect(codes(tenant)).toContain('slo');
      expect(codes(tenant)).not.toContain('ferrt');
    });
  }, 60_000);
});

const reactApp = `
  import { createElement as element, useState } from 'react';
  import { createRoot } from 'react-dom/client';
  import { Auth0Provider, useAuth0 } from '@auth0/auth0-react';

  function App() {
    const { isLoading, user, error, loginWithRedirect, logout, getAccessTokenSilently } = useAuth0();
    const [refreshed, setRefreshed] = useState(0);
    const refresh = () => getAccessTokenSilently({ cacheMode: 'off' }).then(() => setRefreshed((n) => n + 1));
    return element('main', null,
      element('p', { id: 'who' }, error ? error.message : isLoading ? 'loading' : (user?.name ?? 'nobody')),
      element('p', { id: 'refreshed' }, String(refreshed)),
      element('button', { id: 'in', onClick: () => loginWithRedirect() }, 'Log in'),
      element('button', { id: 'refresh', onClick: refresh }, 'Refresh'),
      element('button', { id: 'out', onClick: () => logout({ logoutParams: { returnTo: location.origin + '/' } }) }, 'Log out'));
  }

  createRoot(document.getElementById('root')).render(
    element(Auth0Provider, {
      domain: tenantUrl,
      clientId: 'app',
      useRefreshTokens: true,
      cacheLocation: 'localstorage',
      authorizationParams: { redirect_uri: location.origin + '/', audience: '${api}', scope: 'openid profile offline_access read:things' },
    }, element(App)));
`;
