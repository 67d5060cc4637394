/** latchkey, as it is built, at an OpenID provider that is none of ours and not like Auth0: oidc-provider. */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { build } from 'esbuild';
import { exportJWK, generateKeyPair } from 'jose';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import type { Page } from 'puppeteer-core';
import type { Auth0Client, Auth0ClientOptions } from '../../src/index.ts';
import { serve } from '../../src/tenant-node/index.ts';
import { launchChromium, type Chromium } from '../support/chromium.ts';
import { freePort } from './playground-world.ts';

/** Types for what is used of oidc-provider. */
interface Provider {
  callback(): RequestListener;
  on(event: string, listener: () => void): void;
}
// @ts-expect-error -- it brings none
const { Provider } = (await import('oidc-provider')) as {
  Provider: new (issuer: string, configuration: object) => Provider;
};

const root = fileURLToPath(new URL('../../', import.meta.url));

let chromium: Chromium;
let script: string;
beforeAll(async () => {
  // oidc-provider says of each of its defaults that it is for development.
  for (const level of ['info', 'warn'] as const) jest.spyOn(console, level).mockImplementation(() => {});
  chromium = await launchChromium({ thirdPartyCookies: 'blocked' });
  const { outputFiles } = await build({
    stdin: {
      contents: `import { Auth0Client } from './dist/index.js'; globalThis.Auth0Client = Auth0Client;`,
      resolveDir: root,
    },
    bundle: true,
    write: false,
    format: 'iife',
  });
  script = String(outputFiles[0]?.text);
}, 30_000);
afterAll(() => chromium?.close());

interface Site {
  readonly issuer: string;
  readonly page: Page;
  readonly appUrl: string;
  /** What the provider has done, by its own names. */
  readonly events: readonly string[];
  /** The paths of the requests to the provider. */
  readonly paths: readonly string[];
}

async function withSite(story: (site: Site) => Promise<void>): Promise<void> {
  const [providerPort, appPort] = await Promise.all([freePort(), freePort()]);
  const issuer = `http://localhost:${providerPort}/realms/shop`;
  const appUrl = `http://localhost:${appPort}`;
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: 'shop',
        token_endpoint_auth_method: 'none',
        application_type: 'native', // a redirect URI on localhost
        redirect_uris: [`${appUrl}/`],
        post_logout_redirect_uris: [`${appUrl}/`],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
      },
    ],
    jwks: { keys: [{ ...(await exportJWK(privateKey)), kid: 'the key', alg: 'RS256', use: 'sig' }] },
    cookies: { keys: ['a key'] },
    rotateRefreshToken: true,
    clientBasedCORS: (_: unknown, origin: string) => origin === appUrl,
    claims: { openid: ['sub'], profile: ['name'] },
    conformIdTokenClaims: false, // claims of `profile` in ID tokens
    findAccount: (_: unknown, id: string) => ({
      accountId: id,
      claims: () => ({ sub: id, name: 'Ada Lovelace' }),
    }),
    features: { devInteractions: { enabled: true }, revocation: { enabled: true } },
  });
  const events: string[] = [];
  for (const name of ['refresh_token.consumed', 'refresh_token.destroyed', 'end_session.success'])
    provider.on(name, () => events.push(name));
  const paths: string[] = [];
  const answer = provider.callback();
  const atProvider = createServer((request, response) => {
    const mount = '/realms/shop';
    const path = (request.url ?? '').split('?')[0] ?? '';
    paths.push(path);
    Object.assign(request, { originalUrl: request.url, url: request.url?.replace(mount, '') });
    answer(request, response);
  });
  await new Promise<void>((resolve) => atProvider.listen(providerPort, 'localhost', resolve));
  const page = await chromium.newContext().then((context) => context.newPage());
  page.setDefaultTimeout(10_000);
  const app = await serve(
    {
      baseUrl: appUrl,
      fetch: async ({ url }) =>
        new URL(url).pathname === '/app.js'
          ? new Response(script, { headers: { 'content-type': 'text/javascript' } })
          : new Response('<!doctype html><title>App</title><script src="/app.js"></script>', {
              headers: { 'content-type': 'text/html' },
            }),
    },
    { port: appPort },
  );
  try {
    await story({ issuer, page, appUrl, events, paths });
  } finally {
    await page.browserContext().close();
    await app.close();
    await new Promise((resolve) => {
      atProvider.close(resolve);
      atProvider.closeAllConnections();
    });
  }
}

interface AppPage {
  readonly Auth0Client: new (options: Auth0ClientOptions) => Auth0Client;
  client: Auth0Client;
}

/** A client on the page as it is loaded now. */
const load = ({ page, issuer }: Site, cacheLocation: 'memory' | 'localstorage') =>
  page.evaluate(
    (issuer, cacheLocation) => {
      const app = globalThis as unknown as AppPage;
      app.client = new app.Auth0Client({
        domain: new URL(issuer).origin,
        issuer,
        discovery: true,
        verifyIdTokenSignature: true,
        clientId: 'shop',
        cacheLocation,
        useRefreshTokens: true,
        useRefreshTokensFallback: false, // it answers no hidden iframe by web_message
        workerFallback: 'error',
        authorizationParams: { redirect_uri: `${location.origin}/`, prompt: 'consent' },
      });
    },
    issuer,
    cacheLocation,
  );

const token = ({ page }: Site) =>
  page.evaluate(() => (globalThis as unknown as AppPage).client.getTokenSilently({ cacheMode: 'off' }));

/** Where the page is, once it is there and has loaded. */
const arrive = (page: Page, part: string) =>
  page.waitForFunction(
    (part) => document.readyState === 'complete' && location.href.includes(part),
    { polling: 50 },
    part,
  );

describe.each(['localstorage', 'memory'] as const)('with cacheLocation %s', (cacheLocation) => {
  it('logs in, refreshes with rotation, and logs out', async () => {
    await withSite(async (site) => {
      const { page, appUrl, events, paths } = site;
      await page.goto(`${appUrl}/`);
      await load(site, cacheLocation);
      await page.evaluate(() => void (globalThis as unknown as AppPage).client.loginWithRedirect());
      await page.waitForSelector('input[name=login]');
      await page.type('input[name=login]', 'ada');
      await page.type('input[name=password]', 'correct horse');
      await page.click('button[type=submit]');
      await page.waitForSelector('input[name=prompt][value=consent]');
      await page.click('button[type=submit]');
      await arrive(page, 'code=');
      await load(site, cacheLocation);
      const user = await page.evaluate(async () => {
        const { client } = globalThis as unknown as AppPage;
        await client.handleRedirectCallback();
        history.replaceState(null, '', '/');
        return client.getUser();
      });
      expect(user).toMatchObject({ sub: 'ada', name: 'Ada Lovelace' });

      const tokens = [await token(site), await token(site), await token(site)];
      expect(new Set(tokens).size).toBe(3);
      expect(events).toEqual(Array.from({ length: 3 }, () => 'refresh_token.consumed'));
      expect(paths.filter((path) => path.endsWith('/openid-configuration')).length).toBeLessThan(3); // one a page
      if (cacheLocation === 'localstorage') {
        await page.reload();
        await load(site, cacheLocation);
        await expect(token(site)).resolves.toEqual(expect.any(String));
      }

      const returnTo = `${appUrl}/`;
      await page.evaluate(
        (returnTo) =>
          void (globalThis as unknown as AppPage).client.logout({ logoutParams: { returnTo, state: 's' } }),
        returnTo,
      );
      await page.waitForSelector('button[name=logout]');
      await page.click('button[name=logout]');
      await arrive(page, '?state=s');
      expect(events).toContain('end_session.success');
      expect(events).toContain('refresh_token.destroyed'); // revoked
      await load(site, cacheLocation);
      const isAuthenticated = () => (globalThis as unknown as AppPage).client.isAuthenticated();
      await expect(page.evaluate(isAuthenticated)).resolves.toBe(false);
    });
  }, 60_000);
});
