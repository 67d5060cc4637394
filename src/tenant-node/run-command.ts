/** `latchkey`: the tenant from a terminal. Takes its arguments and its surroundings as values, and gives its exit code. */
import { parseArgs } from 'node:util';
import {
  createTenant,
  TenantConfigurationError,
  type Tenant,
  type TenantConfiguration,
} from '../tenant/index.ts';
import type { ConfigurationFile } from './configuration-file.ts';
import { exampleConfiguration } from './example-configuration.ts';
import { PortInUseError, serve, type TenantServer } from './index.ts';

/** What a terminal gives to a program, and takes from it. */
export interface Terminal {
  /** Without the names of the interpreter and the script. */
  readonly args: readonly string[];
  /** To standard output. */
  print(line: string): void;
  /** To standard error. */
  complain(line: string): void;
  /** @throws whatever keeps the file from being read */
  readFile(path: string): Promise<string>;
  openBrowser(url: string): void;
  /** Settles when the program is to end. */
  readonly stopped: Promise<void>;
}

export const exitCodes = {
  stopped: 0,
  failed: 1,
  wrongUsage: 2,
  wrongConfiguration: 3,
  portInUse: 4,
  production: 5,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

const help = `latchkey tenant: an Auth0-like authorization server in memory, for development and tests

usage: latchkey tenant [options]

  --config FILE   the tenant's clients, users and APIs, as JSON; without it there is an example of each
  --port PORT     where to listen; 0 takes a free port (default: the port of baseUrl, 4400)
  --host ADDRESS  on which address to listen (default 127.0.0.1: nobody but this machine)
  --seed TEXT     same seed, same ids, keys and tokens
  --open          open the tenant's page in a browser
  --quiet         print nothing but failures
  --json          print one JSON object a line
  --help, --version

"$schema": "./node_modules/latchkey/dist/tenant.schema.json" in FILE lets an editor help with it.

exit codes: 0 stopped (Ctrl-C), 1 failed, 2 wrong usage, 3 wrong configuration, 4 port in use, 5 refused: NODE_ENV is "production"`;

/** An end with a message for the user. */
class Obstacle extends Error {
  readonly code: ExitCode;

  constructor(code: ExitCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Serves until the terminal says stop. */
export async function runCommand(terminal: Terminal, version: string): Promise<ExitCode> {
  try {
    const options = readArguments(terminal.args);
    if (options.help) terminal.print(help);
    else if (options.version) terminal.print(version);
    else await serveTenant(terminal, options);
    return exitCodes.stopped;
  } catch (error) {
    if (!(error instanceof Obstacle)) throw error;
    terminal.complain(error.message);
    return error.code;
  }
}

type Options = ReturnType<typeof parseOptions>['values'];

const parseOptions = (args: readonly string[]) =>
  parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      config: { type: 'string' },
      port: { type: 'string' },
      host: { type: 'string' },
      seed: { type: 'string' },
      open: { type: 'boolean' },
      quiet: { type: 'boolean' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean' },
    },
  });

function readArguments(args: readonly string[]): Options {
  try {
    const { values, positionals } = parseOptions(args);
    const [command, ...more] = positionals;
    if (values.help || values.version) return values;
    if (command !== 'tenant' || more.length > 0)
      throw new Obstacle(
        exitCodes.wrongUsage,
        `expected "tenant", found "${positionals.join(' ')}"\n\n${help}`,
      );
    return values;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (!code?.startsWith?.('ERR_PARSE_ARGS')) throw error;
    throw new Obstacle(exitCodes.wrongUsage, `${message}\n\n${help}`);
  }
}

async function serveTenant(terminal: Terminal, options: Options): Promise<void> {
  const file = options.config === undefined ? undefined : await readFile(terminal, options.config);
  const configuration = file?.configuration ?? exampleConfiguration;
  const { server, tenant } = await start(configuration, file, options);
  const events = tenant.events();
  try {
    if (options.host !== undefined && !isLoopback(options.host))
      terminal.complain(
        'whoever reaches this address can sign in as anyone: the keys of the tenant are published',
      );
    if (!options.quiet) announce(terminal, tenant, options, file ? undefined : exampleConfiguration);
    if (options.open) terminal.openBrowser(tenant.baseUrl);
    const told = options.quiet ? undefined : tellEvents(terminal, events, options);
    await terminal.stopped;
    await events.return?.();
    await told;
  } finally {
    await server.close();
  }
}

async function readFile(terminal: Terminal, path: string): Promise<ConfigurationFile> {
  let text: string;
  try {
    text = await terminal.readFile(path);
  } catch (error) {
    throw new Obstacle(exitCodes.wrongConfiguration, `${path} cannot be read: ${(error as Error).message}`);
  }
  // Not before there is a file: what reads it is more than the tenant.
  const { ConfigurationFileError, readConfigurationFile } = await import('./configuration-file.ts');
  try {
    return readConfigurationFile(path, text);
  } catch (error) {
    if (error instanceof ConfigurationFileError)
      throw new Obstacle(exitCodes.wrongConfiguration, error.message);
    throw error;
  }
}

/** The port comes first: its number is part of what the tenant calls itself, and a free one is known only when it is taken. */
async function start(
  configuration: TenantConfiguration,
  file: ConfigurationFile | undefined,
  { port, host, seed }: Options,
): Promise<{ server: TenantServer; tenant: Tenant }> {
  const wanted = new URL(makeTenant(configuration, file, seed).baseUrl); // what is wrong is told before a port is taken
  let answer: Tenant['fetch'] = async () => new Response(null, { status: 503 });
  const server = await listen(
    { baseUrl: wanted.origin, fetch: (request) => answer(request) },
    readPort(port),
    host,
  );
  if (port !== undefined) wanted.port = String(server.port);
  const tenant = makeTenant({ ...configuration, baseUrl: wanted.origin }, file, seed);
  answer = tenant.fetch;
  return { server, tenant };
}

function makeTenant(
  configuration: TenantConfiguration,
  file: ConfigurationFile | undefined,
  seed: string | undefined,
): Tenant {
  try {
    return createTenant({ ...configuration, ...(seed !== undefined && { seed }) });
  } catch (error) {
    if (!(error instanceof TenantConfigurationError)) throw error;
    if (error.field === 'NODE_ENV') throw new Obstacle(exitCodes.production, error.message);
    const place = file ? `${file.placeOf(error.field)}: ` : '';
    throw new Obstacle(exitCodes.wrongConfiguration, place + error.message);
  }
}

async function listen(
  tenant: Parameters<typeof serve>[0],
  port: number | undefined,
  host: string | undefined,
): Promise<TenantServer> {
  try {
    return await serve(tenant, { ...(port !== undefined && { port }), ...(host !== undefined && { host }) });
  } catch (error) {
    if (error instanceof PortInUseError)
      throw new Obstacle(exitCodes.portInUse, `${error.message} with --port`);
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
      throw new Obstacle(exitCodes.wrongUsage, `--host ${host}: ${message}`);
    if (code === 'EACCES') throw new Obstacle(exitCodes.wrongUsage, `--port ${port}: ${message}`);
    throw error;
  }
}

const isLoopback = (host: string): boolean => /^(localhost|127\.\d+\.\d+\.\d+|::1)$/.test(host);

function readPort(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = /^\d+$/.test(text) ? Number(text) : Infinity;
  if (port <= 65_535) return port;
  throw new Obstacle(exitCodes.wrongUsage, `--port: expected a number from 0 to 65535, found "${text}"`);
}

function announce(
  terminal: Terminal,
  tenant: Tenant,
  { json }: Options,
  example: TenantConfiguration | undefined,
): void {
  const { issuer, baseUrl, developmentToken } = tenant;
  if (json) return terminal.print(JSON.stringify({ event: 'ready', issuer, baseUrl, developmentToken }));
  terminal.print(`tenant       ${baseUrl}`);
  if (example) {
    const [client] = example.clients;
    const [user] = example.users;
    terminal.print(`client       ${client?.client_id}, at ${client?.web_origins?.join(', ')}`);
    terminal.print(`sign in as   ${user?.email}, password ${user?.password}`);
  }
  terminal.print('Ctrl-C stops it, and it forgets everything.');
}

/** A line for each entry of the journal, until there will be no more. */
async function tellEvents(
  terminal: Terminal,
  events: ReturnType<Tenant['events']>,
  { json }: Options,
): Promise<void> {
  for await (const entry of events) {
    if (json) terminal.print(JSON.stringify({ event: 'journal', ...entry }));
    else {
      const { date, type, client_id = '', decision, reason } = entry;
      terminal.print(
        `${date.slice(11, 19)}  ${type.padEnd(6)}  ${client_id.padEnd(10)}  ${decision}: ${reason}`,
      );
    }
  }
}
