import { execFile } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { npmCommand } from '../../scripts/npm-command.mjs';
import { root } from '../architecture/source-files.ts';
import { readme } from './readme.ts';

const start = promisify(execFile);

/** An empty project into which the packed package was installed, by the README's commands. */
export interface InstalledApp {
  readonly directory: string;
  readonly tarball: string;
  /** The packages that its installation has brought. */
  readonly installed: readonly string[];
  write(files: Readonly<Record<string, string>>): void;
  /** Makes tools of this repository available to the project, under their own names. */
  link(...tools: readonly string[]): void;
  /** Runs a file of the project in a Node of its own, which has to end by itself, and gives what it printed. */
  node(...words: readonly string[]): Promise<string>;
  remove(): void;
}

/** From `dist/` as it is. @param alias Installed under that name, by `npm install name@file:…`; by default as the README says. */
export async function installApp(alias?: string): Promise<InstalledApp> {
  const parent = realpathSync(mkdtempSync(join(tmpdir(), 'latchkey-package-')));
  const directory = join(parent, 'app');
  const clone = join(parent, 'latchkey');
  for (const name of ['dist', 'docs', 'package.json', 'README.md', 'SUPPORTED.md', 'CHANGELOG.md', 'LICENSE'])
    cpSync(join(root, name), join(clone, name), { recursive: true });
  mkdirSync(directory);
  writeFileSync(join(directory, 'package.json'), '{ "private": true, "type": "module" }');

  const npm = npmCommand().map((word) => `'${word}'`);
  const remove = () => rmSync(parent, { recursive: true, force: true });
  try {
    await start(
      'sh',
      [
        '-e',
        '-c',
        `npm() { command ${npm.join(' ')} "$@"; }\n${alias === undefined ? readme.commands : readme.commands.replace(/install (\S+\.tgz)/, `install ${alias}@file:$1`)}`,
      ],
      {
        cwd: parent,
        env: { ...withoutNpm(process.env), ...npmSettings },
      },
    );
  } catch (error) {
    remove();
    throw error;
  }
  return {
    directory,
    tarball: join(clone, 'latchkey-0.1.0.tgz'),
    installed: readdirSync(join(directory, 'node_modules')).filter((name) => !name.startsWith('.')),
    write(files) {
      for (const [name, text] of Object.entries(files)) {
        mkdirSync(dirname(join(directory, name)), { recursive: true });
        writeFileSync(join(directory, name), text);
      }
    },
    link(...tools) {
      for (const tool of tools) {
        const place = join(directory, 'node_modules', tool);
        mkdirSync(dirname(place), { recursive: true });
        symlinkSync(join(root, 'node_modules', tool), place, 'dir');
      }
    },
    node: (...words) => node(words, directory),
    remove,
  };
}

async function node(words: readonly string[], cwd: string): Promise<string> {
  try {
    return (await start(process.execPath, words, { cwd, timeout: 60_000, env: withoutNpm(process.env) }))
      .stdout;
  } catch (error) {
    const { killed, message, stdout } = error as Error & { killed: boolean; stdout: string };
    throw new Error(`${killed ? 'did not end by itself: ' : ''}${message}\n${stdout}`, { cause: error });
  }
}

/** The build is there already, and nothing is to be asked of a registry. */
const npmSettings = {
  npm_config_ignore_scripts: 'true',
  npm_config_offline: 'true',
  npm_config_audit: 'false',
  npm_config_fund: 'false',
  npm_config_update_notifier: 'false',
};

/** Without what an outer npm and Jest tell their children: a reader's shell has none of it. */
const withoutNpm = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(env).filter(
      ([name]) => !/^(npm_|NODE_ENV$|NODE_OPTIONS$|INIT_CWD$|JEST_|LATCHKEY_)/i.test(name),
    ),
  );
