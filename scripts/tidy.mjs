// Keeps the rules of ARCHITECTURE.md and of the house style by program instead of by memory: who may import whom,
// what pure files may mention, how long files and functions may get, documented numbers, dead files, names.
// It reads syntax only (no types, no build), so it takes a second. What it cannot judge is left to reviewers.
//   node scripts/tidy.mjs [root]        one line per finding: file:line rule message; exit 1 if there are any
// Today's sinners are listed in tidy.ratchet.json as `"rule file": amount`; an amount may only go down.
import { existsSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { applyRatchet } from './ratchet.mjs';
import { namesIn, parse, readPackage, sourcesIn, target, visit } from './sources.mjs';

const MAX_FILE_LINES = 400;
const MAX_FUNCTION_LINES = 60;

const LIBRARIES = [
  'connection',
  'gossip',
  'search',
  'store',
  'transport-tcp',
  'transport-wrtc',
  'transport-ws',
];
/** Package folder → peernet packages that its source may import, types included. Others: core alone. */
const ARROWS = {
  core: [],
  peernet: ['@peernet/core', ...LIBRARIES.map((name) => `@peernet/${name}`)],
  cli: ['@peernet/core', 'peernet'],
};
/** Imported by tests, `internal/` and `examples/` only. */
const TEST_ONLY = /^@peernet\/(sim|core\/conformance)(\/|$)/;

/** What a pure file must not mention: clocks, dice, timers, promises, streams and other hands on the world. */
const IMPURE = new Set(
  `Date performance setTimeout setInterval setImmediate clearTimeout clearInterval clearImmediate queueMicrotask
  requestAnimationFrame Promise PromiseLike Buffer process console globalThis fetch WebSocket EventEmitter
  ReadableStream WritableStream TransformStream Readable Writable Duplex`.split(/\s+/),
);
const IMPURE_MEMBERS = new Set(['Math.random', 'crypto.getRandomValues', 'crypto.randomUUID']);

const isPure = (path) => path.split(sep).includes('machine') || basename(path) === 'wire.ts';
const isNumbers = (path) => /^(defaults|limits)\.ts$/.test(basename(path));
const isTest = (path) => /\.test\.\w+$/.test(path) || path.split(sep).includes('test');

/** Checks a repository; returns findings `{ file, line, rule, message, size? }` and how many files were read. */
export function tidy(root) {
  const findings = [];
  let files = 0;
  for (const name of namesIn(join(root, 'packages'))) {
    if (!existsSync(join(root, 'packages', name, 'package.json'))) continue;
    const pack = readPackage(root, name);
    files += pack.files.length;
    for (const file of pack.files) findings.push(...checkSource(file, pack));
    findings.push(...checkDead(pack));
  }
  for (const folder of ['internal', 'scripts', 'examples']) {
    const parsed = sourcesIn(join(root, folder)).map(parse);
    files += parsed.length;
    findings.push(...parsed.flatMap(checkSize));
  }
  for (const finding of findings) finding.file = relative(root, finding.file).split(sep).join('/');
  const ratchetFile = join(root, 'scripts', 'tidy.ratchet.json');
  const ratchet = existsSync(ratchetFile) ? JSON.parse(readFileSync(ratchetFile, 'utf8')) : {};
  return { files, findings: applyRatchet(findings, ratchet) };
}

function checkSource(file, pack) {
  const found = [...checkImports(file, pack), ...checkSize(file), ...checkWords(file, pack)];
  if (isPure(file.path)) found.push(...checkPurity(file));
  if (isNumbers(file.path)) found.push(...checkNumbers(file));
  return found;
}

function checkImports(file, pack) {
  const own = {
    ...pack.manifest.dependencies,
    ...pack.manifest.peerDependencies,
    ...pack.manifest.optionalDependencies,
  };
  const arrows = ARROWS[pack.name] ?? ['@peernet/core'];
  const found = [];
  for (const { to, at } of file.imports) {
    const say = (message) => found.push({ file: file.path, line: file.lineOf(at), rule: 'arrows', message });
    if (/^\.\.?(\/|$)/.test(to)) {
      const inside = relative(join(pack.folder, 'src'), target(file.path, to));
      if (inside.startsWith('..')) say(`'${to}' leaves src; import the package by its name`);
      else if (isPure(file.path) && !mayBeImportedByPure(inside, pack))
        say(`pure file imports '${to}', which is not pure`);
      continue;
    }
    const name = to.split('/', to.startsWith('@') ? 2 : 1).join('/');
    if (isPure(file.path) && to !== '@peernet/core')
      say(`pure file imports '${to}'; only core and pure files may be`);
    else if (TEST_ONLY.test(to)) say(`'${to}' is for tests, internal/ and examples/`);
    else if (name === 'peernet' || name.startsWith('@peernet/')) {
      if (!arrows.includes(name))
        say(`${pack.name} may not import '${to}' (allowed: ${arrows.join(', ') || 'nothing'})`);
      else if (!own[name]) say(`'${name}' is not in dependencies`);
    } else if (!to.startsWith('node:') && !own[name])
      say(builtinModules.includes(to) ? `write 'node:${to}'` : `'${name}' is not in dependencies`);
  }
  return found;
}

/** Inside core all of core is core; elsewhere pure files import each other and the tables of numbers. */
function mayBeImportedByPure(inside, pack) {
  return pack.name === 'core' || isPure(inside) || isNumbers(inside);
}

function checkPurity(file) {
  const found = [];
  visit(file.tree, (node) => {
    const say = (what) =>
      found.push({
        file: file.path,
        line: file.lineOf(node.getStart(file.tree)),
        rule: 'purity',
        message: `pure file mentions ${what}`,
      });
    if (node.kind === ts.SyntaxKind.AsyncKeyword) say('async');
    else if (node.kind === ts.SyntaxKind.AwaitKeyword || ts.isAwaitExpression(node)) say('await');
    else if (ts.isPropertyAccessExpression(node) && IMPURE_MEMBERS.has(node.getText(file.tree)))
      say(node.getText(file.tree));
    else if (ts.isIdentifier(node) && IMPURE.has(node.text) && !isMemberName(node)) say(node.text);
  });
  return found;
}

/** `x` in `this.x`, `{ x: 1 }`, `x() {}` or `x: number` names a member, not the global of the same name. */
function isMemberName(node) {
  const parent = node.parent;
  if (ts.isQualifiedName(parent)) return parent.right === node;
  if (ts.isShorthandPropertyAssignment(parent) || ts.isVariableDeclaration(parent) || ts.isParameter(parent))
    return false;
  return parent.name === node && !ts.isImportSpecifier(parent);
}

function checkSize(file) {
  const found = [];
  const lines = file.text.replace(/\n$/, '').split('\n').length;
  if (lines > MAX_FILE_LINES)
    found.push({
      file: file.path,
      line: 1,
      rule: 'file-length',
      size: lines,
      message: `${lines} lines, at most ${MAX_FILE_LINES}`,
    });
  if (isTest(file.path)) return found; // `describe` blocks are functions, too
  visit(file.tree, (node) => {
    if (!ts.isFunctionLike(node) || !node.body) return;
    const line = file.lineOf(node.getStart(file.tree));
    const size = file.lineOf(node.end) - line + 1;
    const name = node.name?.getText(file.tree) ?? node.parent.name?.getText(file.tree) ?? 'a function';
    const message = `${name} has ${size} lines, at most ${MAX_FUNCTION_LINES}`;
    if (size > MAX_FUNCTION_LINES)
      found.push({ file: file.path, line, rule: 'function-length', size, message });
  });
  return found;
}

function checkWords(file, pack) {
  const found = [];
  for (const [index, line] of file.text.split('\n').entries())
    if (/\b(FIXME|TODO)\b/.test(line))
      found.push({
        file: file.path,
        line: index + 1,
        rule: 'unfinished',
        message: 'finish it, or write down why it is so',
      });
  if (/utils?|helpers?|manager/i.test(relative(pack.folder, file.path)))
    found.push({
      file: file.path,
      line: 1,
      rule: 'name',
      message: 'name the file after the thing that it holds',
    });
  return found;
}

/**
 * In `defaults.ts` and `limits.ts`: every constant, and every key of a table, has a doc comment. A pair such as
 * `{ perSecond, burst }` inside a table may have one comment for both.
 */
function checkNumbers(file) {
  const found = [];
  const check = (node, name, value, isTable) => {
    const table = objectIn(value);
    const documented = ts.getJSDocCommentsAndTags(node).length > 0;
    if (table && (isTable || !documented)) {
      for (const key of table.properties)
        check(key, (key.name ?? key).getText(file.tree), key.initializer, false);
    } else if (!documented && !ts.isSpreadAssignment(node)) {
      const message = `${name} needs a doc comment: unit and origin`;
      found.push({ file: file.path, line: file.lineOf(node.getStart(file.tree)), rule: 'numbers', message });
    }
  };
  for (const statement of file.tree.statements.filter(ts.isVariableStatement))
    for (const { name, initializer } of statement.declarationList.declarations)
      check(statement, name.getText(file.tree), initializer, true);
  return found;
}

/** The object literal in `{…}`, `{…} as const`, `{…} satisfies T`, `Object.freeze({…})`. */
function objectIn(value) {
  if (!value || ts.isObjectLiteralExpression(value)) return value;
  return objectIn(ts.isCallExpression(value) ? value.arguments[0] : value.expression);
}

/** Files of src that no entry point reaches. Entry points: exports, bin, and what tsup.config.ts names. */
function checkDead(pack) {
  const byPath = new Map(pack.files.map((file) => [file.path, file]));
  const config = join(pack.folder, 'tsup.config.ts');
  const places = [
    JSON.stringify(pack.manifest),
    existsSync(config) ? readFileSync(config, 'utf8') : '',
  ].join();
  const entries = [...places.matchAll(/\bsrc\/[\w./-]+\.ts\b/g)].map(([path]) => join(pack.folder, path));
  for (const bin of Object.values(pack.manifest.bin ?? {}))
    entries.push(join(pack.folder, bin.replace('dist', 'src').replace(/\.js$/, '.ts')));
  const alive = new Set();
  for (const path of entries) {
    if (alive.has(path) || !byPath.has(path)) continue;
    alive.add(path);
    for (const { to } of byPath.get(path).imports) if (to.startsWith('.')) entries.push(target(path, to));
    entries.push(path.replace(/(\.node)?\.ts$/, '.browser.ts')); // its other half, see tsup.base.ts
  }
  return pack.files
    .filter((file) => !alive.has(file.path))
    .map((file) => ({ file: file.path, line: 1, rule: 'dead', message: 'no entry point reaches this file' }));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { files, findings } = tidy(
    resolve(process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), '..')),
  );
  for (const { file, line, rule, message } of findings) console.log(`${file}:${line} ${rule} ${message}`);
  console.log(`tidy: ${files} files, ${findings.length} findings`);
  process.exitCode = findings.length > 0 ? 1 : 0;
}
