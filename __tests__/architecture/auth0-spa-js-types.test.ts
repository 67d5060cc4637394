/**
 * What an app in TypeScript that swaps its import is compiled against: every public type of auth0-spa-js, held against ours
 * of the same name, in both directions.
 */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import type * as Peer from '@auth0/auth0-spa-js';
import ts from 'typescript';
import { root } from './source-files.ts';

const peer = '@auth0/auth0-spa-js';

/** Exported by the peer for features that latchkey does not have; what is here all the same is compared. */
const outOfScope = new RegExp(
  [
    '^(Mfa|Passkey|MyAccount|Anonymous|Enroll|Challenge|Otp|Oob|Connect|Complete|RedirectConnect)',
    'AuthenticationMethod|EnrollmentChallenge|EnrollmentVerify|EnrollmentFactor|AuthenticatorType',
    '^(Authenticator|Factor|ErrorResponse|VerifyParams|PasswordPolicy|InteractiveErrorHandler|RefreshTokenMode)$',
    'AnonymousSession|AnonymousAccessToken|[fF]ederatedDomain',
  ].join('|'),
);

const moreTold = 'errors here tell more: retryable, requiresLogin, reason';
const nominal = 'classes with private members are of their own package; each method is compared by itself';
const asJson = 'a version may be a number: the peer sends one, and its type says it cannot';
const ofClass = { oursToTheirs: nominal, theirsToOurs: nominal };

/** Why a type of theirs is not ours, or ours not theirs, where that is on purpose. */
const differences: Readonly<Record<string, { oursToTheirs?: string; theirsToOurs?: string }>> = {
  createAuth0Client: ofClass,
  LocalStorageCache: { theirsToOurs: 'it knows its location, and may be given a storage' },
  Fetcher: { oursToTheirs: nominal },
  'Auth0Client.createFetcher': { oursToTheirs: nominal },
  Auth0ClientOptions: { oursToTheirs: asJson, theirsToOurs: 'there is no refreshTokenMode `online`' },
  'Auth0Client.getTokenWithPopup': { theirsToOurs: 'a login always brings a token' },
  ...Object.fromEntries(
    [
      'AuthenticationError',
      'ConnectError',
      'GenericError',
      'InvalidConfigurationError',
      'MfaChallengeError',
      'MfaEnrollmentError',
      'MfaEnrollmentFactorsError',
      'MfaError',
      'MfaListAuthenticatorsError',
      'MfaRequiredError',
      'MfaVerifyError',
      'MissingRefreshTokenError',
      'MissingScopesError',
      'PopupCancelledError',
      'PopupOpenError',
      'PopupTimeoutError',
      'TimeoutError',
      'UseDpopNonceError',
    ].map((name) => [name, { theirsToOurs: moreTold }]),
  ),
};

/** What the peer's client can do, but for the features that latchkey does not have. */
const methods = [
  'loginWithRedirect',
  'handleRedirectCallback',
  'loginWithPopup',
  'getTokenSilently',
  'getTokenWithPopup',
  'getUser',
  'getIdTokenClaims',
  'isAuthenticated',
  'checkSession',
  'logout',
  'revokeRefreshToken',
  'getConfiguration',
  'loginWithCustomTokenExchange',
  'customTokenExchange',
  'exchangeToken',
  'createFetcher',
  'getDpopNonce',
  'setDpopNonce',
  'generateDpopProof',
] as const satisfies readonly (keyof Peer.Auth0Client)[];

let names: { readonly peers: readonly string[]; readonly ours: ReadonlySet<string> };
let problems: ReadonlyMap<string, string>;

beforeAll(() => {
  names = { peers: exportsOf(peer), ours: new Set(exportsOf('./src/index.ts')) };
  problems = check(names.peers.filter((name) => names.ours.has(name)));
}, 60_000);

describe('an app that swaps its import', () => {
  it('finds every name', () => {
    expect(names.peers.filter((name) => !names.ours.has(name) && !outOfScope.test(name))).toEqual([]);
  });

  it.each(['oursToTheirs', 'theirsToOurs'] as const)('compiles as before: %s', (direction) => {
    const found = [...problems].filter(([key]) => key.startsWith(direction));
    const unexplained = found.filter(([key]) => !differences[key.split(' ')[1] ?? '']?.[direction]);
    expect(Object.fromEntries(unexplained)).toEqual({});
    // A difference that is none any more is struck off the list.
    const stale = Object.entries(differences)
      .filter(([name, reasons]) => reasons[direction] && !problems.has(`${direction} ${name}`))
      .map(([name]) => name);
    expect(stale).toEqual([]);
  });
});

/** What assignability does not show: members that are `any` there, or may be written to. */
const programs = {
  'reads claims as what it knows them to be': `
    const claims = await client.getIdTokenClaims();
    const aud: string | undefined = claims?.aud;
    const at: string | undefined = claims?.auth_time;
    const plan: { tier: number } = claims?.['https://app.example/plan'];
    const fixture: sdk.IdToken = { __raw: 'x' };
    fixture.name = 'z';`,
  'reads and passes parameters of its own': `
    const params: sdk.AuthorizationParams = { 'ext-x': 'y' };
    const own: string = params['ext-x'];
    const logout: sdk.LogoutOptions = { logoutParams: { own: 1 } };
    const same: number = logout.logoutParams?.['own'];`,
  'looks into its cache': `
    const cache: sdk.ICache = new sdk.InMemoryCache().enclosedCache;
    const entry = await cache.get('key');
    if (entry && 'body' in entry) entry.expiresAt += 1;
    const key = new sdk.CacheKey({ clientId: 'a' });
    key.scope = 's';
    sdk.CacheKey.fromCacheEntry({ client_id: 'a', audience: 'b', scope: 'c', access_token: 'd', expires_in: 1 });`,
  'tells a login from a connected account': `
    const result = await client.handleRedirectCallback();
    const to: string = result.appState?.to;
    if (result.response_type === sdk.ResponseType.ConnectCode) console.log(result.connection);`,
  'makes errors and changes them': `
    const error = new sdk.GenericError('a', 'b');
    error.error_description = 'c';
    throw new sdk.AuthenticationError('a', 'b', 'c', { to: '/' });`,
  'looks into what only auth0-spa-js sends and gets': `
    const act: sdk.ActClaim = { sub: 'a', act: { sub: 'b' } };
    const before: string = act['act'].sub;
    const options: sdk.TokenEndpointOptions = { baseUrl: 'a', client_id: 'b', grant_type: 'c', auth0Client: 'd', own: ['e'] };
    const own: string[] = options['own'];
    const answered = (answer: sdk.FetchResponse): string => answer.json.access_token;
    const connected = (error: sdk.ConnectError): string => error.appState.to;
    const registered = (error: sdk.PasskeyError): string | undefined => error.cause?.error_description;`,
  'gives a popup, and takes it back': `
    const popup: { location: { href: string }; close(): void } = { location: { href: '' }, close() {} };
    const config: sdk.PopupConfigOptions = { popup };
    config.popup.location.href = 'about:blank';
    await client.loginWithPopup({}, config).catch((error) => {
      if (error instanceof sdk.PopupTimeoutError || error instanceof sdk.PopupCancelledError) error.popup.close();
    });
    const none: sdk.PopupConfigOptions = { popup: window.open('about:blank') };`,
  'makes a client for each of a list': `
    const list = [{ domain: 'a', clientId: 'b' }];
    const clients: sdk.Auth0Client[] = await Promise.all(list.map(sdk.createAuth0Client));`,
  'exchanges tokens': `
    const { refresh_token = 'none' } = await client.customTokenExchange({ subject_token: 'a', subject_token_type: 'b' });
    const kept: string | undefined = (await client.loginWithCustomTokenExchange({ subject_token: 'a', subject_token_type: 'b' })).refresh_token;
    const old: sdk.TokenEndpointResponse = await client.exchangeToken({ subject_token: 'a', subject_token_type: 'b' });`,
  'names every option': `
    new sdk.Auth0Client({ domain: 'a', clientId: 'b', refreshTokenMode: 'offline', useRefreshTokens: true, useMrrt: true,
      cacheLocation: 'memory', leeway: 1, issuer: 'c', nowProvider: async () => 1, useDpop: true, auth0Client: { name: 'd', version: 'e' },
      authorizationParams: { scope: { default: 'f' }, audience: 'g', max_age: 1 }, useFormData: false, cookieDomain: 'h',
      useCookiesForTransactions: true, legacySameSiteCookie: false, sessionCheckExpiryDays: 1, workerUrl: 'i' });`,
  'augments the types': `
    const roles: string[] | undefined = (await client.getUser())?.roles;
    declare module '%s' { interface IdToken { permissions?: string[] } interface User { roles?: string[] } }`,
} as const;

describe.each(Object.entries(programs))('an app that %s', (_, text) => {
  it.each([peer, './src/index.ts'])('compiles against %s', (module) => {
    const [body = '', augmentation = ''] = text.split('declare module');
    const augmented = augmentation && `declare module${augmentation.replace('%s', module)}`;
    const { made, file } = program(
      `import * as sdk from '${module}'; export async function app(client: sdk.Auth0Client) {${body}}${augmented}`,
    );
    expect(
      made
        .getSemanticDiagnostics(file)
        .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' ')),
    ).toEqual([]);
  });
});

describe('the public declarations', () => {
  // As `unknown` these would keep code from compiling that was written for the peer (docs/decisions/01-api.md).
  it('have no `any` but for what an app gives and gets back, and for a user’s further claims', () => {
    const path = `${root}docs/api/latchkey.d.ts`;
    const file = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.ES2022, true);
    const found: string[] = [];
    const visit = (node: ts.Node): void => {
      if (node.kind === ts.SyntaxKind.AnyKeyword) found.push(node.parent.getText());
      ts.forEachChild(node, visit);
    };
    visit(file);
    expect(found).toEqual(['type Unchecked = any;', 'readonly appState: any;']);
  });
});

function program(text: string) {
  const options: ts.CompilerOptions = {
    strict: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    lib: ['lib.es2022.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
    types: [],
    skipLibCheck: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    useDefineForClassFields: false,
  };
  const path = `${root}swap.ts`;
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.getSourceFile = (name, ...rest) =>
    name === path
      ? ts.createSourceFile(name, text, ts.ScriptTarget.ES2022, true)
      : parsed(name, () => getSourceFile.call(host, name, ...rest));
  host.fileExists = (name) => name === path || fileExists.call(host, name);
  host.readFile = (name) => (name === path ? text : readFile.call(host, name));
  const made = ts.createProgram([path], options, host);
  return { made, file: made.getSourceFile(path) as ts.SourceFile };
}

/** What every program reads, the platform's types above all, is parsed once. */
function parsed(name: string, parse: () => ts.SourceFile | undefined): ts.SourceFile | undefined {
  if (!parsedFiles.has(name)) parsedFiles.set(name, parse());
  return parsedFiles.get(name);
}
const parsedFiles = new Map<string, ts.SourceFile | undefined>();

/** Every name that a module exports, types and values. */
function exportsOf(module: string): string[] {
  const { made, file } = program(`import * as all from '${module}'; export { all };`);
  const checker = made.getTypeChecker();
  const declaration = file.statements[0] as ts.ImportDeclaration;
  const symbol = checker.getSymbolAtLocation(declaration.moduleSpecifier) as ts.Symbol;
  return checker.getExportsOfModule(symbol).map(({ name }) => name);
}

/** By direction and name, what the compiler says of a type that does not fit. */
function check(common: readonly string[]): ReadonlyMap<string, string> {
  const { made, file } = program(
    `import * as Ours from './src/index.ts'; import * as Theirs from '${peer}';`,
  );
  const checker = made.getTypeChecker();
  const exported = (index: number) =>
    checker.getExportsOfModule(
      checker.getSymbolAtLocation(
        (file.statements[index] as ts.ImportDeclaration).moduleSpecifier,
      ) as ts.Symbol,
    );
  const [ours, theirs] = [exported(0), exported(1)];
  const shape = (space: string, symbols: ts.Symbol[], name: string) => {
    let symbol = symbols.find((it) => it.name === name) as ts.Symbol;
    if (symbol.flags & ts.SymbolFlags.Alias) symbol = checker.getAliasedSymbol(symbol);
    if (!(symbol.flags & ts.SymbolFlags.Type)) return `typeof ${space}.${name}`;
    const parameters = (symbol.declarations ?? []).flatMap((it) =>
      'typeParameters' in it && it.typeParameters ? [...(it.typeParameters as ts.NodeArray<ts.Node>)] : [],
    );
    const declared = symbol.declarations?.length === 1 ? parameters.length : 0;
    const arguments_ = declared ? `<${Array.from({ length: declared }, () => 'any').join(', ')}>` : '';
    return `${space}.${name}${arguments_}`;
  };
  const compare = (name: string, our: string, their: string) => [
    `{ const value = {} as ${our}; const to: ${their} = value; void to; } // oursToTheirs ${name}`,
    `{ const value = {} as ${their}; const to: ${our} = value; void to; } // theirsToOurs ${name}`,
  ];
  const lines = [
    ...common
      .filter((name) => name !== 'Auth0Client')
      .flatMap((name) => compare(name, shape('Ours', ours, name), shape('Theirs', theirs, name))),
    // Of the class each method by itself, so that one difference hides no other.
    ...methods.flatMap((method) =>
      compare(`Auth0Client.${method}`, `Ours.Auth0Client['${method}']`, `Theirs.Auth0Client['${method}']`),
    ),
  ];
  const head = `import * as Ours from './src/index.ts'; import * as Theirs from '${peer}';`;
  const checked = program([head, ...lines].join('\n'));
  const found = new Map<string, string>();
  for (const { start = 0, messageText } of checked.made.getSemanticDiagnostics(checked.file)) {
    const { line } = checked.file.getLineAndCharacterOfPosition(start);
    const key = /\/\/ (.*)$/.exec(lines[line - 1] ?? '')?.[1] ?? `line ${line}`;
    const text = ts.flattenDiagnosticMessageText(messageText, '\n');
    found.set(key, text.split('\n').slice(0, 6).join('\n'));
  }
  return found;
}
