// Where browsers are looked for. Read before any dependency exists: node: built-ins only.
import { existsSync, readdirSync } from 'node:fs';

/**
 * The path of an installed Chromium or Chrome, or `undefined`. `CHROME_BIN` goes before the usual places.
 * @throws {Error} when `CHROME_BIN` names a file that does not exist: a wish is not quietly replaced.
 */
export const findChromium = () =>
  wanted('CHROME_BIN') ??
  firstOf([
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome',
    '/usr/bin/google-chrome-stable',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  ]);

/**
 * The path of an installed Firefox, or `undefined`. `FIREFOX_BIN` goes before the usual places.
 * @throws {Error} when `FIREFOX_BIN` names a file that does not exist
 */
export const findFirefox = () =>
  wanted('FIREFOX_BIN') ??
  firstOf(['/usr/bin/firefox-esr', '/usr/bin/firefox', '/Applications/Firefox.app/Contents/MacOS/firefox']);

/** WebKitGTK's driver, its small browser, and the display that this one cannot do without; `undefined` if any is missing. */
export function findWebKit() {
  const driver = firstOf(['/usr/bin/WebKitWebDriver']);
  const browser = firstOf(miniBrowsers('/usr/lib'));
  const display = firstOf(['/usr/bin/Xvfb']);
  return driver && browser && display ? { driver, browser, display } : undefined;
}

function wanted(variable) {
  const path = process.env[variable] || undefined;
  if (path && !existsSync(path)) throw new Error(`${variable} names "${path}", which does not exist`);
  return path;
}

const firstOf = (paths) => paths.find((path) => existsSync(path));

/** Beside the library, in a folder that the processor's name is part of. */
function miniBrowsers(libraries) {
  if (!existsSync(libraries)) return [];
  const folders = ['', ...readdirSync(libraries).filter((name) => name.endsWith('-linux-gnu'))];
  return folders.map((folder) => `${libraries}/${folder}/webkit2gtk-4.1/MiniBrowser`);
}
