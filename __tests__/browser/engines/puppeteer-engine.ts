/** Chromium over its own protocol and Firefox over WebDriver BiDi. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'puppeteer-core';
import { launchBound } from '../../../scripts/bound-process.mjs';
import { findChromium, findFirefox } from '../../../scripts/browsers.mjs';
import { callOf, present, type Engine, type Profile, type Tab, type ThirdPartyCookies } from './engine.ts';

const launchers = { chromium: launchChromium, firefox: launchFirefox };

export async function launchPuppeteerEngine(
  name: keyof typeof launchers,
  thirdPartyCookies: ThirdPartyCookies,
): Promise<Engine> {
  const directory = mkdtempSync(join(tmpdir(), `latchkey-${name}-`));
  const removeDirectory = () => rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  try {
    const browser = await launchers[name](directory, thirdPartyCookies);
    return {
      newProfile: async () => profileOf(await browser.createBrowserContext()),
      close: async () => {
        await browser.close();
        removeDirectory();
      },
    };
  } catch (error) {
    removeDirectory();
    throw error;
  }
}

/** Debian's own default is to block third-party cookies: both ways are asked for. */
function launchChromium(userDataDir: string, thirdPartyCookies: ThirdPartyCookies): Promise<Browser> {
  const executablePath = findChromium();
  if (!executablePath) throw new Error('Chromium is missing: node scripts/ensure.mjs chromium');
  const allowed = thirdPartyCookies === 'allowed';
  mkdirSync(join(userDataDir, 'Default'));
  writeFileSync(
    join(userDataDir, 'Default', 'Preferences'),
    JSON.stringify({ profile: { cookie_controls_mode: allowed ? 0 : 1 } }),
  );
  return launchBound({
    executablePath,
    userDataDir,
    acceptInsecureCerts: true,
    ignoreDefaultArgs: ['--disable-popup-blocking'], // a page may not open a popup by itself, as in a user's browser
    args: [
      ...(allowed ? [] : ['--test-third-party-cookie-phaseout']),
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), // Chromium's sandbox does not work for root
    ],
  });
}

function launchFirefox(userDataDir: string, thirdPartyCookies: ThirdPartyCookies): Promise<Browser> {
  const executablePath = findFirefox();
  if (!executablePath) throw new Error('Firefox is missing: node scripts/ensure.mjs firefox');
  return launchBound({
    browser: 'firefox',
    executablePath,
    userDataDir,
    acceptInsecureCerts: true,
    extraPrefsFirefox: {
      'network.cookie.cookieBehavior': thirdPartyCookies === 'allowed' ? 0 : 1,
      'dom.disable_open_during_load': true, // a page may not open a popup by itself, as in a user's browser
    },
  });
}

const tabs = new WeakMap<Page, Tab>();
const pages = new WeakMap<Tab, Page>();

/** Chromium's own page behind a tab, for what the other engines cannot do. @throws {TypeError} when it is another engine's */
export function pageOf(tab: Tab): Page {
  const page = pages.get(tab);
  if (!page) throw new TypeError('expected a tab of Chromium or Firefox');
  return page;
}

function profileOf(context: BrowserContext): Profile {
  const tabFor = (page: Page): Tab => {
    const tab = tabs.get(page) ?? tabOf(page);
    tabs.set(page, tab);
    pages.set(tab, page);
    return tab;
  };
  return {
    newTab: async () => tabFor(await context.newPage()),
    windows: async () => (await context.pages()).map(tabFor),
    close: () => context.close(),
  };
}

function tabOf(page: Page): Tab {
  const tab: Tab = {
    goto: async (url) => void (await page.goto(url)),
    reload: async () => void (await page.reload()),
    back: () => page.evaluate(() => void setTimeout(() => history.back())), // `goBack()` waits for ever where Firefox has kept the page
    evaluate: (run, ...args) => page.evaluate(callOf(run, args)) as Promise<never>,
    click: async (selector) => {
      await present(tab, selector);
      await page.click(selector);
    },
    fill: async (selector, text) => {
      await present(tab, selector);
      await page.$eval(selector, (field) => ((field as HTMLInputElement).value = ''));
      await page.type(selector, text);
    },
    url: () => Promise.resolve(page.url()),
    bringToFront: () => page.bringToFront(),
    screenshot: async (path) => void (await page.screenshot({ path, fullPage: true })),
    close: () => page.close(),
  };
  return tab;
}
