import { runInNewContext } from 'node:vm';
import ts from 'typescript';
import type { SourceFile } from './source-files.ts';

/** The use of a name that the file itself does not declare or import. */
export interface GlobalUse {
  /** `fetch`, or `Date.now` where it is the member that reaches into the world. */
  readonly name: string;
  readonly path: string;
  readonly line: number;
}

/** What ECMAScript itself defines (`Map`, `JSON`, …), read from an engine without a host. */
export const languageGlobals: ReadonlySet<string> = new Set(
  (runInNewContext('Object.getOwnPropertyNames(globalThis)') as string[]).filter(
    (name) => !['console', 'globalThis', 'eval', 'Function', 'WebAssembly'].includes(name),
  ),
);

/** Members of otherwise harmless globals that read the clock, roll dice or start a timer. */
const worldlyMembers = new Set(['Date.now', 'Math.random', 'AbortSignal.timeout']);

/** Every use of a global as a value. Types, property names and names that the file declares itself are none. */
export function globalUses(files: readonly SourceFile[]): GlobalUse[] {
  const program = programOf(files);
  const checker = program.getTypeChecker();
  return files.flatMap(({ path }) => {
    const file = program.getSourceFile(path)!;
    const uses: GlobalUse[] = [];
    const visit = (node: ts.Node): void => {
      if (ts.isIdentifier(node) && isValue(node) && !isDeclaredInFile(node, checker))
        uses.push({
          name: describeUse(node),
          path,
          line: file.getLineAndCharacterOfPosition(node.getStart()).line + 1,
        });
      ts.forEachChild(node, visit);
    };
    visit(file);
    return uses;
  });
}

/** Without any library and without following imports, what the checker cannot resolve is a global. */
function programOf(files: readonly SourceFile[]): ts.Program {
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    noLib: true,
    noResolve: true,
    types: [],
  };
  const parsed = new Map(
    files.map(({ path, text }) => [path, ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true)]),
  );
  return ts.createProgram([...parsed.keys()], options, {
    getSourceFile: (name) => parsed.get(name),
    getDefaultLibFileName: () => '',
    writeFile: () => undefined,
    getCurrentDirectory: () => '',
    getCanonicalFileName: (name) => name,
    useCaseSensitiveFileNames: () => true,
    getNewLine: () => '\n',
    fileExists: (name) => parsed.has(name),
    readFile: () => undefined,
  });
}

/** True for an identifier that is evaluated, in contrast to a type or to the name of something. */
function isValue(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isShorthandPropertyAssignment(parent)) return parent.name === node;
  if (ts.isExportSpecifier(parent))
    return !parent.parent.parent.moduleSpecifier && (parent.propertyName ?? parent.name) === node;
  const isName = [nodeAt(parent, 'name'), nodeAt(parent, 'propertyName'), nodeAt(parent, 'label')].includes(
    node,
  );
  return !isName && !ts.isPartOfTypeNode(node) && !isPartOfTypeQuery(node);
}

const nodeAt = (node: ts.Node, role: string): unknown => (node as unknown as Record<string, unknown>)[role];

/** True within `typeof a.b` where a type is expected. */
function isPartOfTypeQuery(node: ts.Node): boolean {
  while (ts.isQualifiedName(node) || ts.isIdentifier(node)) node = node.parent;
  return ts.isTypeQueryNode(node);
}

function isDeclaredInFile(node: ts.Identifier, checker: ts.TypeChecker): boolean {
  const { parent } = node;
  const symbol = ts.isShorthandPropertyAssignment(parent)
    ? checker.getShorthandAssignmentValueSymbol(parent)
    : ts.isExportSpecifier(parent)
      ? checker.getExportSpecifierLocalTargetSymbol(parent)
      : checker.getSymbolAtLocation(node);
  // `declare const window: …` gives a global a type and declares nothing.
  return !!symbol?.declarations?.some((declaration) => !isAmbient(declaration));
}

const isAmbient = (declaration: ts.Declaration): boolean =>
  (ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Ambient) !== 0;

function describeUse(node: ts.Identifier): string {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent) && parent.expression === node) {
    const member = `${node.text}.${parent.name.text}`;
    if (worldlyMembers.has(member)) return member;
  }
  if (node.text === 'Date') {
    // `new Date()` and `Date()` read the clock as `Date.now()` does; `new Date(0)` does not.
    const isNew = ts.isNewExpression(parent) && parent.expression === node;
    const isCall = ts.isCallExpression(parent) && parent.expression === node;
    if (isCall || (isNew && !parent.arguments?.length)) return 'Date.now';
  }
  return node.text;
}
