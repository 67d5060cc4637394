// Where a Chromium is looked for. Read before any dependency exists: node: built-ins only.
import { existsSync } from 'node:fs';

const usualPaths = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/**
 * The path of an installed Chromium or Chrome, or `undefined`. `CHROME_BIN` goes before the usual places.
 * @throws {Error} when `CHROME_BIN` names a file that does not exist: a wish is not quietly replaced.
 */
export function findChromium() {
  const wanted = process.env.CHROME_BIN;
  if (wanted && !existsSync(wanted)) throw new Error(`CHROME_BIN names "${wanted}", which does not exist`);
  return wanted || usualPaths.find((path) => existsSync(path));
}
