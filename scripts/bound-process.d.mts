import type { Browser, LaunchOptions } from 'puppeteer-core';

export function bound(command: string, words: readonly string[]): [command: string, words: string[]];
export function launchBound(options: LaunchOptions & { executablePath: string }): Promise<Browser>;
