import { posix } from 'node:path';
import ts from 'typescript';
import { roomOf, type SourceFile } from './source-files.ts';

export interface Import {
  /** As written, or `undefined` when it is computed at run time. */
  readonly specifier: string | undefined;
  /** True when nothing of it is left after compilation. */
  readonly typeOnly: boolean;
  readonly line: number;
}

/** Which rooms and packages a room may import. A name with ` (types)` may be imported for its types alone. */
export type ImportTable = Readonly<Record<string, readonly string[]>>;

/** Every import, re-export, `import()` and `import('…')` type of a file, in order. */
export function importsOf({ path, text }: SourceFile): Import[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
  const imports: Import[] = [];
  const add = (node: ts.Node, specifier: ts.Node | undefined, typeOnly: boolean) =>
    imports.push({
      specifier: specifier && ts.isStringLiteralLike(specifier) ? specifier.text : undefined,
      typeOnly,
      line: file.getLineAndCharacterOfPosition(node.getStart()).line + 1,
    });

  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node, node.moduleSpecifier, importsTypesOnly(node.importClause));
    else if (ts.isExportDeclaration(node) && node.moduleSpecifier)
      add(node, node.moduleSpecifier, exportsTypesOnly(node));
    else if (ts.isImportTypeNode(node))
      add(node, ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined, true);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node, node.arguments[0], false);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return imports;
}

function importsTypesOnly(clause: ts.ImportClause | undefined): boolean {
  if (!clause) return false; // import 'x': for its effects
  if (clause.isTypeOnly) return true;
  const named = clause.namedBindings;
  return !clause.name && !!named && ts.isNamedImports(named) && allTypes(named.elements);
}

function exportsTypesOnly({ isTypeOnly, exportClause }: ts.ExportDeclaration): boolean {
  return isTypeOnly || (!!exportClause && ts.isNamedExports(exportClause) && allTypes(exportClause.elements));
}

const allTypes = (elements: readonly (ts.ImportSpecifier | ts.ExportSpecifier)[]): boolean =>
  elements.length > 0 && elements.every((element) => element.isTypeOnly);

/** One sentence for every import that the table does not allow, and for every room that it does not know. */
export function importViolations(files: readonly SourceFile[], table: ImportTable): string[] {
  return files.flatMap((file) => {
    const room = roomOf(file.path);
    const allowed = table[room];
    if (!allowed) return [`${file.path}: the room "${room}" has no row in the table`];
    return importsOf(file).flatMap(({ specifier, typeOnly, line }) => {
      const from = `${file.path}:${line}`;
      if (specifier === undefined) return [`${from}: an import must name its module in a literal`];
      const target = importedRoom(file.path, specifier);
      if (target === room || allowed.includes(target)) return [];
      if (!allowed.includes(`${target} (types)`)) return [`${from}: ${room} may not import ${target}`];
      return typeOnly ? [] : [`${from}: ${room} may import only types from ${target}`];
    });
  });
}

/** A room for a relative specifier, `node:` for Node's own modules, or the name of a package. */
function importedRoom(importer: string, specifier: string): string {
  if (specifier.startsWith('.')) return roomOf(posix.join(posix.dirname(importer), specifier));
  if (specifier.startsWith('node:')) return 'node:';
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
