import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Page } from 'puppeteer-core';
import type { OpenerPolicy } from '../../src/tenant/index.ts';
import { createTenant } from '../../src/tenant/index.ts';
import { serve } from '../../src/tenant-node/index.ts';
import { launchChromium, type Chromium } from '../support/chromium.ts';

const user = { email: 'ada@example.com', password: 'correct horse' };
const audience = 'https://api.example';
const appUrl = 'http://localhost:3000';
const tenantUrl = 'http://127.0.0.1:4400';
const distribution = fileURLToPath(new URL('../../dist/', import.meta.url));

let chromium: Chromium;

beforeAll(async () => {
  chromium = await launchChromium({ thirdPartyCookies: 'blocked', popups: 'blocked' });
}, 30_000);
afterAll(() => chromium?.close());

/** The button's listener calls; the page keeps what became of it. */
const appPage = `<!doctype html><title>App</title><link rel="icon" href="data:,"><button>Log in</button>
  <script type="module">
    import { Auth0Client } from '/latchkey/index.js';
    const client = new Auth0Client({
      domain: '${tenantUrl}',
      clientId: 'spa',
      useRefreshTokens: true,
      cacheLocation: 'localstorage',
    });
    const logIn = async (options, config) => {
      window.outcome = undefined;
      const begun = performance.now();
      const settled = (what) => ({ ...what, after: performance.now() - begun });
      window.outcome = await client.getTokenWithPopup(options, config).then(
        async (token) => settled({ token, email: (await client.getUser()).email }),
        ({ error, message, stack }) => settled({ error, told: message + stack + location.href }),
      );
    };
    document.querySelector('button').onclick = () => logIn(...window.given);
    Object.assign(window, { client });
    if (location.search === '?unasked') void logIn();
  </script>`;
const callbackPage = `<!doctype html><title>Back</title><link rel="icon" href="data:,">
  <script type="module">
    import { answerPopup } from '/latchkey/popup-callback.js';
    await answerPopup({ clientId: 'spa' });
  </script>`;

interface AppPage {
  given: readonly [options: object, config: object];
  outcome?: { token?: string; email?: string; error?: string; told?: string; after: number };
}

async function inApp(
  openerPolicy: OpenerPolicy,
  story: (page: Page, tenant: ReturnType<typeof createTenant>) => Promise<void>,
): Promise<void> {
  const tenant = createTenant({
    baseUrl: tenantUrl,
    clients: [
      {
        client_id: 'spa',
        callbacks: [appUrl, `${appUrl}/popup.html`],
        web_origins: [appUrl],
        refresh_token: { rotation_type: 'rotating', expiration_type: 'expiring', leeway: 0 },
      },
    ],
    resource_servers: [{ identifier: audience, allow_offline_access: true }],
    users: [user],
    quirks: { openerPolicy },
  });
  const proxy = await serve(
    {
      baseUrl: tenantUrl,
      async fetch(request) {
        const { origin, pathname } = new URL(request.url);
        if (origin === tenantUrl) return tenant.fetch(request);
        const isPackage = pathname.startsWith('/latchkey/');
        const body = isPackage
          ? readFileSync(distribution + pathname.slice('/latchkey/'.length))
          : pathname === '/popup.html'
            ? callbackPage
            : appPage;
        return new Response(body, {
          headers: { 'content-type': isPackage ? 'text/javascript' : 'text/html' },
        });
      },
    },
    { port: 0 },
  );
  const context = await (await chromium.newContext()).browser().createBrowserContext({
    proxyServer: proxy.url,
    proxyBypassList: ['<-loopback>'],
  });
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(10_000);
    await page.goto(appUrl);
    await page.waitForFunction(() => 'client' in globalThis);
    await story(page, tenant);
  } finally {
    await context.close();
    await proxy.close();
  }
}

/** Clicks the app's button; the popup that opens. */
async function openPopup(page: Page, options: object = {}, config: object = {}): Promise<Page> {
  await page.evaluate((...given) => Object.assign(globalThis, { given }), options, config);
  const opening = page
    .browserContext()
    .waitForTarget((target) => target.opener() === page.target(), { timeout: 5000 });
  await page.click('button');
  const popup = await (await opening).page();
  if (!popup) throw new Error('the popup has no page');
  popup.setDefaultTimeout(10_000);
  return popup;
}

async function signIn(popup: Page): Promise<void> {
  await popup.locator('#email').fill(user.email);
  await popup.locator('#password').fill(user.password);
  await popup.locator('button[type="submit"]').click();
}

async function outcome(page: Page): Promise<NonNullable<AppPage['outcome']>> {
  const found = await page.waitForFunction(() => (globalThis as unknown as AppPage).outcome, { polling: 20 });
  return (await found.jsonValue()) as NonNullable<AppPage['outcome']>;
}

const openPages = async (page: Page) => (await page.browserContext().pages()).length;

async function untilClosed(page: Page): Promise<void> {
  while ((await openPages(page)) > 1) await new Promise((later) => setTimeout(later, 20));
}

describe('a popup in Chromium', () => {
  it(
    'signs in, closes, and brings a token for the audience that was asked for',
    () =>
      inApp('unsafe-none', async (page) => {
        const popup = await openPopup(page, { authorizationParams: { audience } });
        await signIn(popup);
        const { token = '', email } = await outcome(page);
        expect(email).toBe(user.email);
        expect(JSON.parse(atob(token.split('.')[1] ?? ''))).toMatchObject({
          aud: expect.arrayContaining([audience]) as unknown,
        });
        await untilClosed(page);
      }),
    30_000,
  );

  it(
    'that is blocked is an error at once',
    () =>
      inApp('unsafe-none', async (page) => {
        await page.goto(`${appUrl}/?unasked`); // by the page itself: what a driver calls counts as the user's doing
        expect(await outcome(page)).toMatchObject({ error: 'popup_open' });
      }),
    30_000,
  );

  it(
    'that the user closes is an error within a second',
    () =>
      inApp('unsafe-none', async (page) => {
        const popup = await openPopup(page);
        await popup.waitForSelector('#email');
        await new Promise((later) => setTimeout(later, 500)); // nobody is faster
        const closedAt = Date.now();
        await popup.close();
        const { error, told } = await outcome(page);
        expect(error).toBe('cancelled');
        expect(Date.now() - closedAt).toBeLessThan(1500); // with what the driver takes
        expect(told).not.toMatch(/code|state=/);
      }),
    30_000,
  );
});

describe('a popup in Chromium whose tenant has a Cross-Origin-Opener-Policy', () => {
  it(
    'signs in through the app’s callback page, which closes itself',
    () =>
      inApp('same-origin', async (page, tenant) => {
        const popup = await openPopup(page, {}, { popupCallbackUrl: '/popup.html' });
        await signIn(popup);
        expect(await outcome(page)).toMatchObject({ email: user.email });
        await untilClosed(page);
        expect(tenant.journal.map(({ type }) => type)).toContain('seacft');
      }),
    30_000,
  );

  it(
    'and without a callback page fails in time, with an error that says so',
    () =>
      inApp('same-origin', async (page) => {
        const popup = await openPopup(page);
        const { error, after } = await outcome(page);
        expect(error).toBe('popup_severed');
        expect(after).toBeLessThan(5000);
        expect(await popup.$('#email')).not.toBeNull(); // it was not closed
      }),
    30_000,
  );
});
