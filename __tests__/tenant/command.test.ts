import { describe, expect, it } from '@jest/globals';
import { createTenant, TenantConfigurationError, type TenantConfiguration } from '../../src/tenant/index.ts';
import { exampleConfiguration } from '../../src/tenant-node/index.ts';
import { exitCodes, runCommand, type ExitCode } from '../../src/tenant-node/run-command.ts';
import schema from '../../src/tenant-node/tenant.schema.json' with { type: 'json' };

interface Run {
  readonly code: ExitCode;
  readonly printed: readonly string[];
  readonly complaints: readonly string[];
  readonly opened: readonly string[];
}

/** Runs until the command ends, or prints its last line and `meanwhile` is over. */
async function run(
  args: string,
  files: Readonly<Record<string, string | undefined>> = {},
  meanwhile: (baseUrl: string) => Promise<void> = async () => undefined,
): Promise<Run> {
  const [printed, complaints, opened]: string[][] = [[], [], []];
  let stop: (ended: Promise<void>) => void = () => undefined;
  const stopped = new Promise<void>((resolve) => (stop = resolve));
  const code = await runCommand(
    {
      args: args.split(' ').filter((part) => part !== ''),
      print: (line) => {
        printed!.push(line);
        const [baseUrl] = /http:\/\/[\w.]+:\d+/.exec(line) ?? [];
        if (printed!.length === 1 && baseUrl) stop(meanwhile(baseUrl));
      },
      complain: (line) => void complaints!.push(line),
      readFile: async (path) => {
        const text = files[path];
        if (text === undefined) throw new Error('no such file');
        return text;
      },
      openBrowser: (url) => {
        opened!.push(url);
        if (args.includes('--quiet')) stop(meanwhile(url));
      },
      stopped,
    },
    '1.2.3',
  );
  return { code, printed: printed!, complaints: complaints!, opened: opened! };
}

const written = (changes: object) =>
  JSON.stringify({ clients: [{ client_id: 'spa' }], users: [], ...changes }, undefined, 2);

describe('latchkey tenant', () => {
  it('serves an example where it is told, until it is stopped', async () => {
    let issuer: unknown;
    const { code, printed, complaints } = await run('tenant --port 0', {}, async (baseUrl) => {
      const response = await fetch(`${baseUrl}/.well-known/openid-configuration`);
      ({ issuer } = (await response.json()) as { issuer: unknown });
    });
    expect(code).toBe(0);
    expect(complaints).toEqual([]);
    expect(printed[0]).toBe(`tenant       ${String(issuer).slice(0, -1)}`);
    expect(printed.join('\n')).toContain('sign in as   ada@example.com, password correct horse');
  });

  it('serves the tenant of a file, whose seed may be another one', async () => {
    const file = written({
      $schema: './tenant.schema.json',
      seed: 'a',
      clients: [{ client_id: 'shop', callbacks: ['http://localhost:1'] }],
    });
    const keys: unknown[] = [];
    const readKey = async (baseUrl: string) => {
      const { keys: found } = (await (await fetch(`${baseUrl}/.well-known/jwks.json`)).json()) as {
        keys: readonly { kid: string }[];
      };
      keys.push(found[0]?.kid);
      const page = await fetch(`${baseUrl}/authorize?client_id=shop`, { redirect: 'manual' });
      expect(await page.text()).not.toContain('Unknown client');
    };
    await run('tenant --port 0 --config t.json', { 't.json': file }, readKey);
    await run('tenant --port 0 --config t.json --seed c', { 't.json': file }, readKey);
    expect(new Set(keys).size).toBe(2);
  });

  it('tells a machine in JSON what it tells people in words', async () => {
    const { printed } = await run('tenant --port 0 --json');
    expect(printed.map((line) => JSON.parse(line) as unknown)).toEqual([
      {
        event: 'ready',
        baseUrl: expect.stringMatching(/^http:\/\/localhost:\d+$/),
        issuer: expect.stringMatching(/^http:\/\/localhost:\d+\/$/),
        developmentToken: expect.any(String),
      },
    ]);
  });

  it('tells what happens as it happens', async () => {
    const failedLogout = async (baseUrl: string) => {
      await fetch(`${baseUrl}/v2/logout?client_id=spa&returnTo=https%3A%2F%2Fevil.example`);
    };
    const inWords = await run('tenant --port 0', {}, failedLogout);
    expect(inWords.printed.at(-1)).toMatch(
      /^\d\d:\d\d:\d\d {2}flo {5}spa {9}sign out, and show an error page: the browser/,
    );
    const inJson = await run('tenant --port 0 --json', {}, failedLogout);
    expect(JSON.parse(inJson.printed.at(-1) ?? '')).toMatchObject({
      event: 'journal',
      type: 'flo',
      client_id: 'spa',
    });
    const { printed } = await run('tenant --port 0 --quiet --open', {}, failedLogout);
    expect(printed).toEqual([]);
  });

  it('opens its page in a browser', async () => {
    const { opened, printed } = await run('tenant --port 0 --open');
    expect(`tenant       ${opened.join()}`).toBe(printed[0]);
  });

  it('warns of an address that others reach', async () => {
    const { complaints } = await run('tenant --port 0 --host 0.0.0.0');
    expect(complaints).toEqual([expect.stringContaining('can sign in as anyone')]);
  });

  it('prints its help, and the version', async () => {
    const { code, printed } = await run('--help');
    expect(code).toBe(0);
    for (const option of ['--config', '--port', '--host', '--seed', '--open', '--quiet', '--json'])
      expect(printed.join()).toContain(option);
    for (const exitCode of Object.values(exitCodes)) expect(printed.join()).toContain(`${exitCode} `);
    expect(await run('tenant --version')).toMatchObject({ code: 0, printed: ['1.2.3'] });
  });

  it.each([
    '',
    'tenat',
    'tenant more',
    'tenant --prot 1',
    'tenant --port',
    'tenant --port 70000',
    'tenant --port x',
  ])('refuses "latchkey %s" with exit code 2', async (args) => {
    const { code, complaints } = await run(args);
    expect(code).toBe(2);
    expect(complaints).toHaveLength(1);
  });

  it('says whose port is in use, with exit code 4', async () => {
    await run('tenant --port 0', {}, async (baseUrl) => {
      const { port } = new URL(baseUrl);
      const second = await run(`tenant --port ${port}`);
      expect(second.code).toBe(4);
      expect(second.complaints.join()).toContain(port);
    });
  });

  it('refuses production with exit code 5', async () => {
    const before = process.env.NODE_ENV;
    process.env.NODE_ENV = 'production';
    try {
      expect(await run('tenant --port 0')).toMatchObject({
        code: 5,
        complaints: [expect.stringContaining('published')],
      });
    } finally {
      process.env.NODE_ENV = before;
    }
  });
});

describe('a configuration file is refused with exit code 3, and each mistake with its line and column', () => {
  it.each([
    ['is not there', undefined, ['t.json cannot be read: no such file']],
    ['is empty', '', ['t.json:1:1: value expected']],
    ['is no JSON', '{\n  "clients": [,]\n}', ['t.json:2:15: value expected']],
    ['has a comment', '{\n  // mine\n  "clients": []\n}', ['t.json:2:3: invalid comment token']],
    ['is no object', '[]', ['t.json:1:1: Expected type object but found type array']],
    ['lacks something', '{\n  "users": []\n}', ['t.json:1:1: Missing required property: clients']],
    [
      'has several mistakes',
      '{\n  "clients": [\n    { "client_id": "a", "calbacks": [] },\n    { "client_id": 3 }\n  ],\n  "users": []\n}',
      [
        't.json:3:25: clients[0]: Additional properties not allowed: calbacks',
        't.json:4:7: clients[1].client_id: Expected type string but found type integer',
      ],
    ],
    [
      'has what the schema cannot see',
      '{\n  "users": [],\n  "clients": [\n    { "client_id": "a" },\n    { "client_id": "a" }\n  ]\n}',
      ['t.json:5:7: clients[1].client_id: expected a value of its own, found "a"'],
    ],
    [
      'has a callback that a browser would run',
      '{\n  "users": [],\n  "clients": [{ "client_id": "a",\n    "callbacks": [ "javascript:1" ] }]\n}',
      [
        't.json:4:20: clients[0].callbacks[0]: expected an absolute URL without a fragment, found "javascript:1"',
      ],
    ],
  ] as const)('a file that %s', async (_, text, lines) => {
    const { code, complaints, printed } = await run('tenant --port 0 --config t.json', { 't.json': text });
    expect(complaints.join('\n').split('\n')).toEqual(lines);
    expect({ code, printed }).toEqual({ code: 3, printed: [] });
  });

  it('never with a password', async () => {
    const file = written({
      users: [
        { email: 'a', password: { secret: 'correct horse' } },
        { email: 'b', pasword: 'battery staple' },
      ],
    });
    const { code, complaints } = await run('tenant --config t.json', { 't.json': file });
    expect(code).toBe(3);
    expect(complaints.join()).not.toMatch(/horse|staple/);
  });
});

describe('the schema of the file', () => {
  /** Every object that it describes: where it stands in a configuration, and the names that it may have. */
  function* objects(
    node: Readonly<Record<string, unknown>>,
    around: (inner: unknown) => unknown,
  ): Generator<readonly [readonly string[], (inner: object) => unknown]> {
    if (node['type'] === 'array')
      yield* objects(node['items'] as Record<string, unknown>, (inner) => around([inner]));
    const { properties } = node as { properties?: Readonly<Record<string, Record<string, unknown>>> };
    if (!properties) return;
    yield [Object.keys(properties), around];
    for (const [name, property] of Object.entries(properties))
      yield* objects(property, (inner) => around({ ...leastOf(node), [name]: inner }));
  }

  /** What an object of the schema cannot be without. */
  const leastOf = ({ required = [], properties = {} }: { required?: string[]; properties?: Properties }) =>
    Object.fromEntries(
      required.map((name) => [
        name,
        properties[name]?.type === 'array' ? [] : (properties[name]?.enum?.[0] ?? 'x'),
      ]),
    );
  type Properties = Readonly<Record<string, { readonly type?: unknown; readonly enum?: readonly unknown[] }>>;

  it('knows the names that createTenant knows', () => {
    const known = [...objects(schema, (inner) => inner)];
    expect(known.length).toBeGreaterThan(6);
    for (const [names, around] of known) {
      const { message, field } = refusalOf(around({ unheardOf: 1 }) as TenantConfiguration);
      expect(field).toMatch(/unheardOf$/);
      const [, listed] = /expected one of (.*), found/.exec(message) ?? [];
      // Settings of refresh tokens are refused one by one, and say only that.
      if (listed === undefined) expect(message).toContain('no such key');
      else
        expect(names.filter((name) => name !== '$schema').sort()).toEqual(
          listed
            .split(', ')
            .filter((name) => !['now', 'wait', 'userLookup', 'hooks'].includes(name))
            .sort(),
        );
    }
  });

  it('lets the example pass', () =>
    run('tenant --port 0 --config t.json', { 't.json': JSON.stringify(exampleConfiguration) }).then(
      ({ code }) => expect(code).toBe(0),
    ));
});

function refusalOf(source: TenantConfiguration): TenantConfigurationError {
  try {
    createTenant(source);
  } catch (error) {
    if (error instanceof TenantConfigurationError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}
