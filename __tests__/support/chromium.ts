import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContext } from 'puppeteer-core';
import { launchBound } from '../../scripts/bound-process.mjs';
import { findChromium } from '../../scripts/browsers.mjs';

export interface Chromium {
  /** A profile of its own inside the browser: no cookie and no storage of another one. */
  newContext(): Promise<BrowserContext>;
  close(): Promise<void>;
}

/** A headless Chromium with a fresh profile. Debian's own default is to block third-party cookies. */
export async function launchChromium({
  thirdPartyCookies,
}: {
  thirdPartyCookies: 'allowed' | 'blocked';
}): Promise<Chromium> {
  const executablePath = findChromium();
  if (!executablePath) throw new Error('Chromium is missing: node scripts/ensure.mjs chromium');
  const profile = mkdtempSync(join(tmpdir(), 'latchkey-chromium-'));
  mkdirSync(join(profile, 'Default'));
  const preferences = { profile: { cookie_controls_mode: thirdPartyCookies === 'allowed' ? 0 : 1 } };
  writeFileSync(join(profile, 'Default', 'Preferences'), JSON.stringify(preferences));

  const browser = await launchBound({
    executablePath,
    userDataDir: profile,
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [], // Chromium's sandbox does not work for root
  });
  return {
    newContext: () => browser.createBrowserContext(),
    close: async () => {
      await browser.close();
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
