// Installs what `npm start` and `npm test` need, when it is missing:
// `node scripts/ensure.mjs [dependencies] [chromium] [firefox] [webkit]`.
// Runs before any dependency exists: node: built-ins only. Everything it says goes to stderr.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { findChromium, findFirefox, findWebKit } from './browsers.mjs';
import { npmCommand } from './npm-command.mjs';

const stampFile = 'node_modules/.install-stamp';
const lock = '.install.lock';
const lockWaitLimit = 15 * 60_000;
const ownerNameLimit = 10_000; // a lock without its owner's name is being made, or was abandoned long ago

const chromium = {
  name: 'Chromium',
  find: findChromium,
  runs: (path) => spawnSync(path, ['--version']).status === 0,
  packages: ['chromium'],
  byHand: { darwin: 'brew install --cask google-chrome', other: 'export CHROME_BIN=/path/to/chrome' },
};
const firefox = {
  name: 'Firefox',
  find: findFirefox,
  runs: (path) => spawnSync(path, ['--version']).status === 0,
  packages: ['firefox-esr'],
  byHand: { darwin: 'brew install --cask firefox', other: 'export FIREFOX_BIN=/path/to/firefox' },
};
/** Only WebKitGTK has a driver that runs without a desktop. */
const inDebian = 'in a Debian container: apt-get update && apt-get install -y webkit2gtk-driver xvfb';
const webkit = {
  name: 'WebKitGTK',
  find: findWebKit,
  runs: ({ driver }) => spawnSync(driver, ['--help']).status === 0, // the browser says nothing without a display
  packages: ['webkit2gtk-driver', 'xvfb'],
  byHand: { darwin: inDebian, other: inDebian },
};

const say = (message) => console.error(`[setup] ${message}`);
const interrupted = new AbortController();

process.chdir(fileURLToPath(new URL('../', import.meta.url)));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.once(signal, () => interrupted.abort(new Error(`stopped by ${signal}`)));

try {
  const parts = {
    dependencies,
    chromium: () => browser(chromium),
    firefox: () => browser(firefox),
    webkit: () => browser(webkit),
  };
  requireNode(20, 19);
  for (const name of process.argv.slice(2)) {
    if (!Object.hasOwn(parts, name))
      throw new Error(`unknown part "${name}": expected one of ${Object.keys(parts).join(', ')}`);
    await parts[name]();
  }
} catch (error) {
  // Reached after every `finally`, so that no lock is left behind; `process.exit()` anywhere above would leave it.
  say((interrupted.signal.reason ?? error).message);
  process.exitCode = 1;
}

function requireNode(major, minor) {
  const [runningMajor, runningMinor] = process.versions.node.split('.').map(Number);
  if (runningMajor < major || (runningMajor === major && runningMinor < minor))
    throw new Error(`Node ${major}.${minor} or newer is needed; this is ${process.version}`);
}

// --- dependencies

async function dependencies() {
  if (dependenciesAreFresh()) return;
  await underLock(async (alsoOwnedBy) => {
    if (dependenciesAreFresh()) return; // another process has just installed them
    say(`${existsSync('node_modules') ? 'the dependencies changed' : 'no dependencies yet'}: npm ci`);
    const [command, ...first] = npmCommand();
    const options = ['--include=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    if (!(await run(command, [...first, 'ci', ...options], npmEnvironment(), alsoOwnedBy)))
      throw new Error('npm ci failed, see above');
    writeFileSync(stampFile, wantedStamp());
  });
}

function dependenciesAreFresh() {
  return existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wantedStamp();
}

/** Changes with what `npm ci` reads, and with the Node that native modules were chosen for. */
function wantedStamp() {
  const { dependencies, devDependencies, optionalDependencies, peerDependencies, overrides } = JSON.parse(
    readFileSync('package.json', 'utf8'),
  );
  const wanted = { dependencies, devDependencies, optionalDependencies, peerDependencies, overrides };
  return createHash('sha256')
    .update(JSON.stringify([wanted, process.versions.modules, process.platform, process.arch]))
    .update(readFileSync('package-lock.json'))
    .digest('hex');
}

/** Settings of the outer npm that would leave out the development tools, or install somewhere else. */
function npmEnvironment() {
  const unwanted = /^npm_config_(omit|only|production|global|location|dry_run)$/i;
  const kept = Object.entries(process.env).filter(([name]) => !unwanted.test(name));
  return { ...Object.fromEntries(kept), NODE_ENV: 'development' };
}

/**
 * One installation at a time in this folder. The lock is a directory that holds a file for each owner, named after its
 * process id: this process and its npm, which may outlive it. When all are dead, one waiter only can remove the first
 * file, and that one is the next owner.
 */
async function underLock(task) {
  const own = (pid) => writeFileSync(`${lock}/${pid}`, '');
  const startedAt = Date.now();
  let announced = false;
  while (!tryToOwn(own)) {
    if (!announced) say('another process is installing the dependencies: waiting for it');
    announced = true;
    if (Date.now() - startedAt > lockWaitLimit)
      throw new Error(`${lock} has been held for 15 minutes: remove it`);
    await sleep(200, undefined, { signal: interrupted.signal });
  }
  try {
    await task(own);
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

function tryToOwn(own) {
  try {
    if (makeLock() || takeFromTheDead()) {
      own(process.pid);
      return true;
    }
  } catch (error) {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTEMPTY') throw error; // else it changed hands: look again
  }
  return false;
}

function makeLock() {
  try {
    mkdirSync(lock);
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    return false;
  }
}

function takeFromTheDead() {
  const owners = readdirSync(lock).sort();
  if (owners.length === 0) {
    if (Date.now() - statSync(lock).mtimeMs > ownerNameLimit) rmdirSync(lock);
    return false;
  }
  if (owners.some((pid) => isAlive(Number(pid)))) return false;
  for (const pid of owners) unlinkSync(`${lock}/${pid}`);
  return true;
}

function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM'; // it lives, and belongs to somebody else
  }
}

// --- browsers

async function browser({ name, find, runs, packages, byHand }) {
  if (find()) return;
  const command = commandByHand(packages, byHand);
  const apt = aptCommand();
  if (!apt) throw new Error(`${name} is missing. Run this, then try again: ${command}`);

  say(`${name} is missing: installing it with apt (once, about a minute)`);
  const install = ['install', '-y', '-q', '--no-install-recommends', ...packages];
  const options = ['-o', 'DPkg::Lock::Timeout=600', '-o', 'Dpkg::Use-Pty=0'];
  const aptGet = (...words) => run(apt[0], [...apt.slice(1), ...options, ...words], process.env);
  // The package lists of a fresh machine are absent or old.
  const installed =
    (await aptGet(...install)) || ((await aptGet('update', '-q')) && (await aptGet(...install)));
  const found = find();
  if (!installed || !found || !runs(found))
    throw new Error(`apt could not install ${name}. By hand: ${command}`);
}

/** How to call apt-get without being asked anything, or `undefined` where that is impossible. */
function aptCommand() {
  if (!existsSync('/etc/debian_version') || !existsSync('/usr/bin/apt-get')) return undefined;
  const quiet = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get'];
  if (process.getuid?.() === 0) return quiet;
  // sudo drops the environment: `env` comes after it.
  return spawnSync('sudo', ['-n', 'true']).status === 0 ? ['sudo', '-n', ...quiet] : undefined;
}

function commandByHand(packages, { darwin, other }) {
  if (existsSync('/etc/debian_version'))
    return `sudo apt-get update && sudo apt-get install -y ${packages.join(' ')}`;
  return process.platform === 'darwin' ? darwin : other;
}

/** Runs a command to its end; true when it succeeded. `onStart` is told its process id. */
async function run(command, words, env, onStart) {
  interrupted.signal.throwIfAborted();
  const child = spawn(command, words, {
    env,
    stdio: ['ignore', process.stderr, process.stderr], // stdout stays the outer command's own
    signal: interrupted.signal,
    shell: process.platform === 'win32',
  });
  if (child.pid !== undefined) onStart?.(child.pid);
  const succeeded = await new Promise((resolve) => {
    child.once('error', (error) => {
      if (child.pid === undefined) {
        say(`${command}: ${error.message}`);
        resolve(false);
      }
    });
    child.once('close', (code) => resolve(code === 0));
  });
  interrupted.signal.throwIfAborted();
  return succeeded;
}
