// The parts of docs/ that are generated from the code: message layouts and limits in docs/wire.md, error codes and
// close reasons in docs/errors.md. `node scripts/docs.mjs` writes them, `--check` fails if they are stale (CI).
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Which source files speak about bytes and numbers, in the order of the page. */
const layoutFiles = [
  'core/src/record.ts',
  'connection/src/wire.ts',
  'gossip/src/wire.ts',
  'search/src/wire.ts',
  'peernet/src/wire.ts',
];
const numberFiles = [
  'core/src/record.ts',
  'core/src/link.ts',
  'core/src/limits.ts',
  'connection/src/defaults.ts',
  'store/src/defaults.ts',
  'gossip/src/defaults.ts',
  'search/src/defaults.ts',
  'transport-ws/src/defaults.ts',
  'transport-tcp/src/defaults.ts',
  'transport-wrtc/src/defaults.ts',
];

function parse(file) {
  const path = `${root}packages/${file}`;
  return existsSync(path)
    ? ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true)
    : undefined;
}

/** The text of the doc comment right before `node`, without its stars. */
function docOf(node, source) {
  const ranges = ts.getLeadingCommentRanges(source.text, node.getFullStart()) ?? [];
  const last = ranges.findLast(({ pos }) => source.text.startsWith('/**', pos));
  if (last === undefined) return undefined;
  const text = source.text.slice(last.pos + 3, last.end - 2);
  return text
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, '').trimEnd())
    .join('\n')
    .trim();
}

/** `name = field · field …` in the doc comments of a wire file: one layout each. */
export function layouts(file) {
  const source = parse(file);
  if (source === undefined) return [];
  const found = [];
  for (const node of source.statements) {
    for (const line of (docOf(node, source) ?? '').split('\n')) {
      const match = /^([A-Za-z_ /·,]{2,24}?)\s+= (.+?)(?:\s{2,}since (v\d+))?$/.exec(line);
      if (match) found.push({ name: match[1], layout: match[2].trim(), since: match[3] ?? 'v1' });
    }
  }
  return found;
}

/** Every documented number of a file: key, value as written, words. */
export function numbers(file) {
  const source = parse(file);
  const found = [];
  const visit = (node) => {
    if (ts.isPropertyAssignment(node)) {
      const words = docOf(node, source);
      if (words !== undefined && !ts.isObjectLiteralExpression(node.initializer)) {
        found.push({
          key: node.name.getText(),
          value: node.initializer.getText().replace(/\s+/g, ' '),
          words: words.replace(/\s+/g, ' '),
        });
      } else if (words !== undefined) {
        const value = node.initializer
          .getText()
          .replace(/\s+/g, ' ')
          .replace(/\/\*\*.*?\*\/ ?/g, '');
        found.push({ key: node.name.getText(), value, words: words.replace(/\s+/g, ' ') });
        return;
      }
    }
    ts.forEachChild(node, visit);
  };
  if (source !== undefined) visit(source);
  return found;
}

const cell = (text) => text.replaceAll('|', '\\|');

function layoutTables() {
  return layoutFiles.flatMap((file) => {
    const rows = layouts(file);
    if (rows.length === 0) return [];
    const lines = rows.map(({ name, layout, since }) => `| ${name} | \`${cell(layout)}\` | ${since} |`);
    return [`#### ${file}`, '', '| message | layout | since |', '|---|---|---|', ...lines, ''];
  });
}

function numberTables() {
  return numberFiles.flatMap((file) => {
    const rows = numbers(file);
    if (rows.length === 0) return [];
    const lines = rows.map(({ key, value, words }) => `| \`${key}\` | \`${cell(value)}\` | ${cell(words)} |`);
    return [
      `#### ${file}`,
      '',
      '| constant | value | what, and where it comes from |',
      '|---|---|---|',
      ...lines,
      '',
    ];
  });
}

/** `key: 'words'` or `KEY: number` of an exported object. */
function table(file, name, head) {
  const source = parse(file);
  const rows = [];
  const visit = (node) => {
    if (ts.isVariableDeclaration(node) && node.name.getText() === name) {
      const object = node.initializer.expression ?? node.initializer;
      for (const property of object.properties) {
        rows.push(
          `| \`${property.name.getText()}\` | ${cell(property.initializer.text ?? property.initializer.getText())} |`,
        );
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return [head, '|---|---|', ...rows, ''];
}

/** Replaces what stands between the markers of `name`. */
function fill(page, name, lines) {
  const pattern = new RegExp(`(<!-- generated: ${name} -->\\n)[\\s\\S]*?(<!-- end: ${name} -->)`);
  if (!pattern.test(page)) throw new Error(`docs: no place for "${name}"`);
  return page.replace(pattern, (_, begin, end) => `${begin}${lines.join('\n')}\n${end}`);
}

function pages() {
  const wirePath = `${root}docs/wire.md`;
  let wire = readFileSync(wirePath, 'utf8');
  wire = fill(wire, 'layouts', layoutTables());
  wire = fill(wire, 'numbers', numberTables());
  const errors = [
    '# Errors and close reasons',
    '',
    'Generated from `packages/core/src/error.ts` and `close-reason.ts` by `node scripts/docs.mjs`.',
    '',
    'Whatever goes wrong at run time is a `PeernetError` with one of these codes (`isPeernetError(error, code)`), a sentence, and a `cause`. Misuse by a programmer is a `TypeError`.',
    '',
    ...table('core/src/error.ts', 'errorCodes', '| code | meaning |'),
    'Why a connection or link ended; the number travels:',
    '',
    ...table('core/src/close-reason.ts', 'closeCodes', '| reason | on the wire |'),
  ].join('\n');
  return new Map([
    [wirePath, wire],
    [`${root}docs/errors.md`, errors],
  ]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const check = process.argv.includes('--check');
  let stale = 0;
  for (const [path, text] of pages()) {
    if (existsSync(path) && readFileSync(path, 'utf8') === text) continue;
    if (check) {
      console.error(`${path.slice(root.length)} is stale: run node scripts/docs.mjs`);
      stale++;
    } else writeFileSync(path, text);
  }
  process.exitCode = stale > 0 ? 1 : 0;
}
