/** WebKitGTK's MiniBrowser through WebKitWebDriver. A profile is a browser of its own, for MiniBrowser has one only. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import type { Readable } from 'node:stream';
import { bound } from '../../../scripts/bound-process.mjs';
import { findWebKit } from '../../../scripts/browsers.mjs';
import { callOf, present, type Engine, type Profile, type Tab, type ThirdPartyCookies } from './engine.ts';
import { isReady, newSession, type Command, type Session } from './webdriver.ts';

const patience = 20_000;
const elementKey = 'element-6066-11e4-a52e-4f735466cecf'; // W3C WebDriver §12.2

/** Its own policy sends third-party cookies and takes none: both ways are asked for. */
const cookieArguments = { allowed: '--cookies-policy=always', blocked: '--enable-itp' };

export async function launchWebKit(thirdPartyCookies: ThirdPartyCookies): Promise<Engine> {
  const found = findWebKit();
  if (!found) throw new Error('WebKitGTK is missing: node scripts/ensure.mjs webkit');
  const { driver, browser, display } = found;
  const screen = await startDisplay(display);
  const [binary, args] = bound(browser, ['--automation', cookieArguments[thirdPartyCookies]]);
  const profiles = new Set<Profile>();
  return {
    newProfile: async () => {
      const profile = await launchProfile(driver, screen.name, { binary, args });
      profiles.add(profile);
      return profile;
    },
    close: async () => {
      await Promise.all(Array.from(profiles, (profile) => profile.close()));
      await end(screen.process);
    },
  };
}

/** Without a display the driver waits for its browser for ever. */
async function startDisplay(path: string): Promise<{ name: string; process: ChildProcess }> {
  const [command, words] = bound(path, [
    '-displayfd',
    '3',
    '-screen',
    '0',
    '1280x800x24',
    '-nolisten',
    'tcp',
  ]);
  const started = spawn(command, words, { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
  const [number] = (await Promise.race([
    once(started.stdio[3] as Readable, 'data'), // it was asked for as a pipe
    once(started, 'exit').then(() => Promise.reject(new Error('Xvfb ended before it had a display'))),
  ])) as [Buffer];
  return { name: `:${number.toString().trim()}`, process: started };
}

async function launchProfile(driver: string, display: string, browserOptions: object): Promise<Profile> {
  const port = await freePort();
  const [command, words] = bound(driver, [`--port=${port}`, '--host=127.0.0.1']);
  const started = spawn(command, words, { env: { ...process.env, DISPLAY: display }, stdio: 'ignore' });
  try {
    const url = `http://127.0.0.1:${port}`;
    while (!(await isReady(url))) {
      if (started.exitCode !== null) throw new Error(`WebKitWebDriver ended with ${started.exitCode}`);
      await new Promise((later) => setTimeout(later, 20));
    }
    const session = await newSession(url, {
      browserName: 'MiniBrowser',
      acceptInsecureCerts: true,
      'webkitgtk:browserOptions': browserOptions,
    });
    await session.inTurn((command) =>
      command('POST', '/timeouts', { script: patience, pageLoad: patience, implicit: 0 }),
    );
    return profileOf(session, started);
  } catch (error) {
    await end(started);
    throw error;
  }
}

function profileOf(session: Session, driver: ChildProcess): Profile {
  const tabs = new Map<string, Tab>();
  const tabFor = (handle: string): Tab => {
    const tab = tabs.get(handle) ?? tabOf(session, handle);
    tabs.set(handle, tab);
    return tab;
  };
  const handles = () => session.inTurn((command) => command<string[]>('GET', '/window/handles'));
  return {
    newTab: async () => {
      const [first] = await handles();
      // The browser starts with a window, and opens another one from a window that is there.
      if (first === undefined) throw new Error('the last window was closed, and the browser with it');
      if (tabs.size === 0) return tabFor(first);
      return tabFor(
        await session.inTurn(async (command) => {
          await command('POST', '/window', { handle: first });
          return (await command<{ handle: string }>('POST', '/window/new', { type: 'tab' })).handle;
        }),
      );
    },
    windows: async () => (await handles()).map(tabFor),
    close: async () => {
      await session.delete().catch(() => {}); // it went by itself with its last window
      await end(driver);
    },
  };
}

function tabOf(session: Session, handle: string): Tab {
  /** The driver has one window in its mind for all that talk to it. */
  const here = <T>(commands: (command: Command) => Promise<T>): Promise<T> =>
    session.inTurn(async (command) => {
      await command('POST', '/window', { handle });
      return commands(command);
    });
  const element = async (command: Command, selector: string): Promise<string> => {
    const found = await command<{ [elementKey]: string }>('POST', '/element', {
      using: 'css selector',
      value: selector,
    });
    return `/element/${found[elementKey]}`;
  };
  const tab: Tab = {
    goto: (url) => here((command) => command('POST', '/url', { url })),
    reload: () => here((command) => command('POST', '/refresh', {})),
    back: () => here((command) => command('POST', '/back', {})),
    evaluate: async (run, ...args) => {
      const { value, error } = await here((command) =>
        command<{ value: never; error?: string }>('POST', '/execute/async', {
          script: `const done = arguments[arguments.length - 1];
            (async () => ${callOf(run, args)})()
              .then((value) => done({ value }), (error) => done({ error: String(error) }));`,
          args: [],
        }),
      );
      if (error !== undefined) throw new Error(error);
      return value;
    },
    click: async (selector) => {
      await present(tab, selector);
      await here(async (command) => command('POST', `${await element(command, selector)}/click`, {}));
    },
    fill: async (selector, text) => {
      await present(tab, selector);
      await here(async (command) => {
        const field = await element(command, selector);
        await command('POST', `${field}/clear`, {});
        await command('POST', `${field}/value`, { text });
      });
    },
    url: () => here((command) => command<string>('GET', '/url')),
    bringToFront: () => here(() => Promise.resolve()),
    screenshot: async (path) =>
      writeFileSync(
        path,
        Buffer.from(await here((command) => command<string>('GET', '/screenshot')), 'base64'),
      ),
    close: () => here((command) => command('DELETE', '/window')),
  };
  return tab;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // a TCP server's address is no text
  server.close();
  await once(server, 'close');
  return port;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill();
  await once(child, 'exit');
}
