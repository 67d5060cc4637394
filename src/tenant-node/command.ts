#!/usr/bin/env node
/** The program `latchkey`, as the package's `bin` names it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { runCommand } from './run-command.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
const asked = ['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => once(process, signal));

process.exitCode = await runCommand(
  {
    args: process.argv.slice(2),
    print: (line) => void process.stdout.write(`${line}\n`),
    complain: (line) => void process.stderr.write(`${line}\n`),
    readFile: (path) => readFile(path, 'utf8'),
    openBrowser,
    stopped: Promise.race(asked).then(() => undefined),
  },
  version,
);

/** A machine without a browser, or without a screen, is no reason to stop. */
function openBrowser(url: string): void {
  const [program, ...args] =
    process.platform === 'darwin'
      ? ['open']
      : process.platform === 'win32'
        ? ['cmd', '/c', 'start', '""']
        : ['xdg-open'];
  const child = spawn(program ?? '', [...args, url], { stdio: 'ignore', detached: true });
  child.once('error', () => process.stderr.write(`${url} could not be opened in a browser\n`));
  child.unref();
}
