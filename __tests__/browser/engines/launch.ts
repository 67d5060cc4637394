import type { Engine, EngineName, ThirdPartyCookies } from './engine.ts';
import { launchPuppeteerEngine } from './puppeteer-engine.ts';
import { launchWebKit } from './webkit-engine.ts';

/** @throws {Error} naming the command that installs the browser, when it is missing */
export function launchEngine(name: EngineName, thirdPartyCookies: ThirdPartyCookies): Promise<Engine> {
  return name === 'webkit' ? launchWebKit(thirdPartyCookies) : launchPuppeteerEngine(name, thirdPartyCookies);
}

/** Chromium every day; `LATCHKEY_ROUNDS=all`: the engines that take longer. */
export const engines: readonly EngineName[] =
  process.env.LATCHKEY_ROUNDS === 'all' ? ['firefox', 'webkit'] : ['chromium'];
