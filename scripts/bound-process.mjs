// Processes that end with this one, however it ends: nobody closes a browser after a `kill -9`.
import { existsSync } from 'node:fs';
import puppeteer from 'puppeteer-core';

const setpriv = '/usr/bin/setpriv';

/**
 * A command and its words, to be spawned: the kernel kills it when its parent is gone. Where `setpriv` is missing (it is
 * Linux's) the command is returned as it is, and outlives a parent that is killed.
 */
export function bound(command, words) {
  return existsSync(setpriv) ? [setpriv, ['--pdeathsig', 'KILL', '--', command, ...words]] : [command, words];
}

/** `puppeteer.launch`, with a browser that ends with this process. `ignoreDefaultArgs` is a list. */
export function launchBound({ ignoreDefaultArgs: unwanted = [], ...options }) {
  const words = puppeteer.defaultArgs(options).filter((word) => !unwanted.includes(word));
  const [executablePath, args] = bound(options.executablePath, words);
  return puppeteer.launch({ ...options, executablePath, args, ignoreDefaultArgs: true });
}
