import { EventEmitter, on } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { Page } from 'puppeteer-core';
import { playgroundTenant } from '../../scripts/playground-tenant.mjs';
import { exampleConfiguration, serve } from '../../src/tenant-node/index.ts';
import { createTenant } from '../../src/tenant/index.ts';
import type { Chromium } from '../support/chromium.ts';

export const [playgroundUser] = exampleConfiguration.users;

/** Where the README's app is, and its tenant. Both are reached over a proxy, so that no port of the machine is taken. */
export const appUrl = 'http://localhost:5173';
const tenantUrl = 'http://localhost:4400';

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.map': 'application/json',
};

/** A page of a folder, in a browser profile of its own, beside the README's tenant. */
export interface OpenedPage {
  readonly page: Page;
  /** What `console.log` was given so far, a list for each call. */
  readonly printed: readonly (readonly unknown[])[];
  /** `line` for each of these calls, `error` for an error that nobody caught. */
  readonly events: EventEmitter;
}

/** Opens a folder's `index.html` for a story, and closes everything after it. */
export async function onPageOf(
  folder: string,
  chromium: Chromium,
  story: (opened: OpenedPage) => Promise<void>,
): Promise<void> {
  const tenant = createTenant(playgroundTenant(exampleConfiguration, { tenantUrl, playgroundUrl: appUrl }));
  const proxy = await serve(
    {
      baseUrl: tenantUrl,
      fetch: async (request) => {
        const { origin, pathname } = new URL(request.url);
        return origin === tenantUrl ? tenant.fetch(request) : fileAt(folder, pathname);
      },
    },
    { port: 0 },
  );
  const browser = (await chromium.newContext()).browser();
  const context = await browser.createBrowserContext({
    proxyServer: proxy.url,
    proxyBypassList: ['<-loopback>'], // localhost too
  });
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(10_000);
    const printed: unknown[][] = [];
    const events = new EventEmitter();
    events.on('error', () => undefined); // told to whoever waits for a line
    page.on('pageerror', (error) => events.emit('error', error));
    await page.exposeFunction('tellTest', (text: string) => {
      const line = JSON.parse(text) as unknown[];
      printed.push(line);
      events.emit('line', line);
    });
    // A page that goes away cannot be asked for what it printed.
    await page.evaluateOnNewDocument(() => {
      const scope = globalThis as unknown as { tellTest(text: string): void };
      console.log = (...values) => scope.tellTest(JSON.stringify(values));
    });
    await page.goto(appUrl);
    await story({ page, printed, events });
  } finally {
    await context.close();
    await proxy.close();
  }
}

/** Goes through the login that the README's app begins, and gives what it prints: the user and a token. */
export async function signIn({ page, events }: OpenedPage): Promise<unknown> {
  await page.locator('#email').fill(playgroundUser.email);
  await page.locator('#password').fill(playgroundUser.password);
  const lines = on(events, 'line', { signal: AbortSignal.timeout(15_000) });
  await page.locator('button[type="submit"]').click();
  for await (const [line] of lines as AsyncIterable<[unknown[]]>) if (line.length === 2) return line;
  return undefined;
}

function fileAt(folder: string, pathname: string): Response {
  const file = join(folder, pathname === '/' ? 'index.html' : decodeURIComponent(pathname));
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return new Response('', { status: 404 });
  const type = contentTypes[extname(file)] ?? 'application/octet-stream';
  return new Response(readFileSync(file), { headers: { 'content-type': type } });
}
