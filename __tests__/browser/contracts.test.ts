import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { build } from 'esbuild';
import type { BrowserContext, Page } from 'puppeteer-core';
import { serve, type TenantServer } from '../../src/tenant-node/index.ts';
import { recordStoreCases } from '../contracts/record-store.ts';
import { launchChromium, type Chromium } from '../support/chromium.ts';
import type * as contractsPage from './contracts-page.ts';

declare const contracts: typeof contractsPage;

const stores = [
  'IndexedDB',
  'localStorage with a serial number in a cookie',
  'a cache of the app’s own',
] as const;

let chromium: Chromium;
let server: TenantServer;
let context: BrowserContext;
let page: Page;

beforeAll(async () => {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('./contracts-page.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'contracts',
    target: 'es2022',
    external: ['virtual:worker-script'], // the build puts it together; nothing here starts a worker
  });
  const html = `<!doctype html><script>${outputFiles[0]?.text}</script>`;
  const answer = () => Promise.resolve(new Response(html, { headers: { 'content-type': 'text/html' } }));
  server = await serve({ baseUrl: 'http://localhost', fetch: answer }, { port: 0 });
  chromium = await launchChromium({ thirdPartyCookies: 'allowed' });
  context = await chromium.newContext();
  page = await openPage();
});

afterAll(async () => {
  await chromium?.close();
  await server?.close();
});

async function openPage(): Promise<Page> {
  const opened = await context.newPage();
  await opened.goto(server.url);
  return opened;
}

describe.each(stores)('%s of a real browser', (store) => {
  it.each(recordStoreCases.map(({ name }) => name))('%s', async (name) => {
    await page.evaluate(
      (store, name, scope) => contracts.runCase(store, name, scope),
      store,
      name,
      `${store} ${name}`,
    );
  });

  it('P1: loses no update among four tabs that take turns', async () => {
    const tabs = await Promise.all(Array.from({ length: 4 }, openPage));
    await Promise.all(tabs.map((tab) => tab.evaluate((store) => contracts.takeTurns(store, 50), store)));
    expect(await page.evaluate((store) => contracts.turnsTaken(store), store)).toBe(200);
    await Promise.all(tabs.map((tab) => tab.close()));
  });
});

describe('the store that a real browser has', () => {
  it('P33: is beside IndexedDB where the origin has no room left', async () => {
    const profile = await chromium.newContext();
    const tab = await profile.newPage();
    const devtools = await tab.createCDPSession();
    const { origin } = new URL(server.url);
    const take = () => tab.evaluate(() => contracts.turnsTaken('whatever the browser has'));
    const isBeside = () => tab.evaluate(() => contracts.isInLocalStorage('turns'));
    await tab.goto(server.url);
    await devtools.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1 });
    expect(await take()).toBe(0);
    expect(await isBeside()).toBe(true);
    expect(await take()).toBe(1);
    await profile.close();
  });
});
