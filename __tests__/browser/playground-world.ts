import { mkdirSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Page } from 'puppeteer-core';
import { servePlayground } from '../../scripts/playground-server.mjs';
import { playgroundSettings, playgroundTenant, playgroundUser } from '../../scripts/playground-tenant.mjs';
import type { JournalEntry, Tenant } from '../../src/tenant/index.ts';
import type { Chromium } from '../support/chromium.ts';

/** A request as it arrived at the tenant. */
export interface Arrival {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly grant_type: string | null;
}

/** A tenant, a playground and one browser window of its own. */
export interface World {
  readonly page: Page;
  readonly tenant: Tenant;
  readonly playgroundUrl: string;
  /** Everything that arrived at the tenant but its development routes, oldest first. */
  readonly arrivals: readonly Arrival[];
  /** What the page itself complained about: uncaught errors and violations of its policy. */
  readonly complaints: readonly string[];
  close(): Promise<void>;
}

const root = fileURLToPath(new URL('../../', import.meta.url));
const patience = 10_000;

/** Built from `dist/`, as `npm start` does. */
export async function openWorld(chromium: Chromium): Promise<World> {
  // The built files, with the types of what they are built from.
  const { createTenant } = (await import(
    `${root}dist/tenant.js`
  )) as typeof import('../../src/tenant/index.ts');
  const { serve } = (await import(
    `${root}dist/tenant-node.js`
  )) as typeof import('../../src/tenant-node/index.ts');

  const [tenantPort, playgroundPort] = await Promise.all([freePort(), freePort()]);
  const tenantUrl = `http://localhost:${tenantPort}`;
  const playgroundUrl = `http://localhost:${playgroundPort}`;
  const tenant = createTenant(playgroundTenant({ tenantUrl, playgroundUrl }));
  const arrivals: Arrival[] = [];
  const tenantServer = await serve(
    {
      baseUrl: tenantUrl,
      fetch: async (request) => {
        const arrival = await readArrival(request);
        if (!arrival.path.startsWith('/__tenant/')) arrivals.push(arrival);
        return tenant.fetch(request);
      },
    },
    { port: tenantPort },
  );
  const settings = playgroundSettings({ tenantUrl, developmentToken: tenant.developmentToken });
  const playground = await servePlayground({ port: playgroundPort, settings });

  const context = await chromium.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(patience);
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (/Content Security Policy/i.test(message.text())) complaints.push(message.text());
  });
  return {
    page,
    tenant,
    playgroundUrl,
    arrivals,
    complaints,
    close: async () => {
      await context.close();
      await Promise.all([tenantServer.close(), playground.close()]);
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo; // a TCP server's address is no text
  await new Promise((closed) => server.close(closed));
  return port;
}

async function readArrival(request: Request): Promise<Arrival> {
  const { pathname: path, searchParams: query } = new URL(request.url);
  const isForm =
    request.headers.get('content-type')?.startsWith('application/x-www-form-urlencoded') ?? false;
  const form = new URLSearchParams(isForm ? await request.clone().text() : '');
  return { method: request.method, path, query, grant_type: form.get('grant_type') };
}

/** Runs a story in a world of its own; keeps a picture of the page when it fails. */
export async function inWorld(
  chromium: Chromium,
  name: string,
  story: (world: World) => Promise<void>,
): Promise<void> {
  const world = await openWorld(chromium);
  try {
    await story(world);
    if (world.complaints.length > 0) throw new Error(`the page complained: ${world.complaints.join('; ')}`);
  } catch (error) {
    await keepPicture(world.page, name).catch(() => undefined); // the story's own failure is what matters
    throw error;
  } finally {
    await world.close();
  }
}

async function keepPicture(page: Page, name: string): Promise<void> {
  const folder = `${root}.build/screenshots`;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: `${folder}/${name.replace(/[^a-z0-9]+/gi, '-')}.png`, fullPage: true });
}

// --- what a visitor does

export type Action = 'get-token' | 'expire-token' | 'replay-token';
export type OptionName = 'cacheLocation' | 'useRefreshTokens' | 'useRefreshTokensFallback' | 'leeway';

export async function visit({ page, playgroundUrl }: World): Promise<void> {
  await page.goto(playgroundUrl);
  await ready(page);
}

/** The same browser profile's second tab at the playground. */
export async function openSecondTab(world: World): Promise<World> {
  const page = await world.page.browserContext().newPage();
  page.setDefaultTimeout(patience);
  const second = { ...world, page };
  await visit(second);
  return second;
}

/** The page has started and no action is under way. */
export async function ready(page: Page): Promise<void> {
  await page.waitForSelector('#playground[data-ready="true"][data-busy="false"]');
}

/** Visits the playground and logs in through the tenant's form. */
export async function signIn(world: World): Promise<void> {
  await visit(world);
  await world.page.locator('#log-in').click();
  await fillLoginForm(world.page, playgroundUser.password);
  await ready(world.page);
}

export async function fillLoginForm(page: Page, password: string): Promise<void> {
  await page.locator('#email').fill(playgroundUser.email);
  await page.locator('#password').fill(password);
  await page.locator('button[type="submit"]').click();
}

/** Presses a button of the playground and waits until its work is done. */
export async function press({ page }: World, action: Action): Promise<void> {
  const run = await page.$eval('#result', (result) => Number((result as HTMLElement).dataset.run));
  await page.locator(`#${action}`).click();
  await page.waitForSelector(`#result[data-run="${run + 1}"]`);
}

/** Does what leaves the page, and waits until the playground is there again. */
export async function returning({ page }: World, leave: () => Promise<unknown>): Promise<void> {
  await page.$eval('#playground', (main) => main.setAttribute('data-left', ''));
  await leave();
  await page.waitForSelector('#playground:not([data-left])[data-ready="true"][data-busy="false"]');
}

export const reload = (world: World): Promise<void> => returning(world, () => world.page.reload());

/** Chooses an option, for which the page loads itself anew. */
export const choose = (world: World, name: OptionName, value: string): Promise<void> =>
  returning(world, () => world.page.select(`#${name}`, value));

/** Ends the tenant's session behind the playground's back. */
export async function signOutElsewhere({ page, tenant }: World): Promise<void> {
  const tab = await page.browserContext().newPage();
  await tab.goto(`${tenant.baseUrl}/v2/logout?client_id=playground`);
  await tab.close();
}

/** An access token that must be renewed, renewed. */
export async function renew(world: World): Promise<void> {
  await press(world, 'expire-token');
  await press(world, 'get-token');
}

// --- what can be seen

export async function text({ page }: World, id: string): Promise<string> {
  return page.$eval(`#${id}`, (element) => element.textContent ?? '');
}

export async function isVisible({ page }: World, id: string): Promise<boolean> {
  return page.$eval(`#${id}`, (element) => element.checkVisibility());
}

export async function isSignedIn({ page }: World): Promise<boolean> {
  return (await page.$('#session[data-state="signed-in"]')) !== null;
}

/** What the page lists as the tenant's journal, newest first. */
export async function journalOnPage({ page }: World): Promise<Record<string, string | undefined>[]> {
  return page.$$eval('#journal li', (items) =>
    items.map((item) => Object.fromEntries(Object.entries((item as HTMLElement).dataset))),
  );
}

export const journalOf = ({ tenant }: World, type: JournalEntry['type']): JournalEntry[] =>
  tenant.journal.filter((entry) => entry.type === type);

/** Requests to the token endpoint and hidden frames, in a word each, from a point in time on. */
export const traffic = ({ arrivals }: World, from = 0): string[] =>
  arrivals
    .slice(from)
    .map(({ method, path, query, grant_type }) =>
      [method, path, grant_type ?? query.get('prompt')].filter((part) => part !== null).join(' '),
    );
