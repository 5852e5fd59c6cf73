// How tidy.mjs sees the repository: packages with their source files, parsed, with the modules that each names.
// Syntax only; nothing is resolved beyond relative paths.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import ts from 'typescript';

/** The names in a folder, sorted, hidden ones and what tools generate left out; none if there is no such folder. */
export function namesIn(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => !/^(\..*|node_modules|dist|coverage)$/.test(name))
    .sort();
}

/** All source files below a folder. */
export function sourcesIn(folder) {
  return namesIn(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return sourcesIn(path);
    return /\.(ts|mts|js|mjs)$/.test(name) ? [path] : [];
  });
}

export function parse(path) {
  const text = readFileSync(path, 'utf8');
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const lineOf = (position) => tree.getLineAndCharacterOfPosition(position).line + 1;
  return { path, text, tree, lineOf, imports: importsOf(tree) };
}

export function readPackage(root, name) {
  const folder = join(root, 'packages', name);
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return { name, folder, manifest, files: sourcesIn(join(folder, 'src')).map(parse) };
}

/** Every module that a file names: static, type-only, re-exported, dynamic, required, by URL. */
function importsOf(tree) {
  const found = [];
  visit(tree, (node) => {
    const named =
      ts.isImportDeclaration(node) || ts.isExportDeclaration(node)
        ? node.moduleSpecifier
        : ts.isExternalModuleReference(node)
          ? node.expression
          : ts.isImportTypeNode(node)
            ? node.argument.literal
            : isLoad(node)
              ? node.arguments[0]
              : undefined;
    if (named && ts.isStringLiteralLike(named)) found.push({ to: named.text, at: named.getStart(tree) });
  });
  return found;
}

function isLoad(node) {
  if (ts.isNewExpression(node))
    return node.expression.getText() === 'URL' && /^'\.\.?\//.test(node.arguments?.[0]?.getText());
  if (!ts.isCallExpression(node) || node.arguments.length === 0) return false;
  return node.expression.kind === ts.SyntaxKind.ImportKeyword || node.expression.getText() === 'require';
}

export function visit(node, look) {
  look(node);
  ts.forEachChild(node, (child) => visit(child, look));
}

/** Where a relative import leads: the `.ts` file beside the `.js` that it names. */
export function target(from, to) {
  return resolve(dirname(from), to.replace(/\.js$/, '.ts'));
}
