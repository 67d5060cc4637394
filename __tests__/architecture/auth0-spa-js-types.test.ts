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

/** Exported by the peer for features that latchkey does not have. */
const outOfScope = new RegExp(
  [
    '^(Mfa|Passkey|MyAccount|Anonymous|Enroll|Challenge|Otp|Oob|Connect|Complete|RedirectConnect)',
    'AuthenticationMethod|EnrollmentChallenge|EnrollmentVerify|EnrollmentFactor|AuthenticatorType',
    '^(Authenticator|Factor|ErrorResponse|VerifyParams|PasswordPolicy|InteractiveErrorHandler|RefreshTokenMode)$',
    'AnonymousSession|AnonymousAccessToken|[fF]ederatedDomain',
  ].join('|'),
);

const moreTold = 'errors here tell more: retryable, requiresLogin, reason';
const audiences = 'an ID token may name several audiences, and always has a sub (OIDC Core §2)';
const nominal = 'classes with private members are of their own package; each method is compared by itself';
const asJson = 'a version may be a number: the peer sends one, and its type says it cannot';
const ofClass = { oursToTheirs: nominal, theirsToOurs: nominal };
const idTokens = { oursToTheirs: audiences, theirsToOurs: audiences };

/** Why a type of theirs is not ours, or ours not theirs, where that is on purpose. */
const differences: Readonly<Record<string, { oursToTheirs?: string; theirsToOurs?: string }>> = {
  createAuth0Client: ofClass,
  LocalStorageCache: { theirsToOurs: 'it knows its location, and may be given a storage' },
  Fetcher: { oursToTheirs: nominal },
  'Auth0Client.createFetcher': { oursToTheirs: nominal },
  Auth0ClientOptions: { oursToTheirs: asJson },
  IdToken: idTokens,
  DecodedToken: idTokens,
  CacheEntry: idTokens,
  WrappedCacheEntry: idTokens,
  Cacheable: idTokens,
  'Auth0Client.getIdTokenClaims': idTokens,
  'Auth0Client.getTokenWithPopup': { theirsToOurs: 'a login always brings a token' },
  'Auth0Client.handleRedirectCallback': { theirsToOurs: 'there are no connected accounts' },
  ...Object.fromEntries(
    [
      'AuthenticationError',
      'GenericError',
      'InvalidConfigurationError',
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
  const common = names.peers.filter((name) => names.ours.has(name) && !outOfScope.test(name));
  problems = check(common);
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
      : getSourceFile.call(host, name, ...rest);
  host.fileExists = (name) => name === path || fileExists.call(host, name);
  host.readFile = (name) => (name === path ? text : readFile.call(host, name));
  const made = ts.createProgram([path], options, host);
  return { made, file: made.getSourceFile(path) as ts.SourceFile };
}

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
