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
  'core/src/address.ts',
  'core/src/link.ts',
  'core/src/signalling.ts',
  'core/src/limits.ts',
  'connection/src/defaults.ts',
  'store/src/defaults.ts',
  'gossip/src/wire.ts',
  'gossip/src/defaults.ts',
  'gossip/src/machine/extrema.ts',
  'search/src/wire.ts',
  'search/src/defaults.ts',
  'transport-ws/src/defaults.ts',
  'transport-wrtc/src/defaults.ts',
  'peernet/src/wire.ts',
];

/** What both sides must agree on: everything in these objects … */
const agreedObjects = ['WIRE', 'RECORD_LIMITS', 'RATES', 'INTRODUCTION'];
/** … but for what bounds a node, not a link, refuses nothing, or is the sender's half … */
const notAgreed = ['RATES.nodeSignatures', 'RATES.rowBytes', 'RATES.ownAdvert'];
/** … and these: whoever sends more, or later, is refused. */
const agreedAlone = [
  'addressBytesMax',
  'messageBytesMax',
  'signalBytesMax',
  'signalsMax',
  'sealedBytesMax',
  'objectBytesMax',
  'proofBytes',
  'frameBytesMax',
  'fragmentsMax',
  'DEFAULTS.channelsMax',
  'DEFAULTS.opens',
  'DEFAULTS.firstByteMs',
  'DEFAULTS.handshakeMs',
  'TUNING.dropsMax',
  'TUNING.helloMs',
  'TUNING.skewMs',
  'TIMES.reverseMs',
  'TIMES.skewMaxMs',
  'EXTREMA.lifeSeconds',
  'EXTREMA.refreshSeconds',
];

const isAgreed = (key) =>
  agreedAlone.includes(key) || (agreedObjects.includes(key.split('.')[0]) && !notAgreed.includes(key));

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

const line = (text) => text.replace(/\s+/g, ' ');

/** The literal inside `Object.freeze(…) satisfies …`, or what else the initializer is. */
function bare(node) {
  if (ts.isSatisfiesExpression(node) || ts.isAsExpression(node)) return bare(node.expression);
  if (ts.isCallExpression(node) && node.arguments.length === 1) return bare(node.arguments[0]);
  return node;
}

/** `{ perSecond: 5, burst: 300 }` in words; undefined if it is something else. */
function rateOf(node) {
  if (!ts.isObjectLiteralExpression(node)) return undefined;
  const values = new Map(node.properties.map((p) => [p.name?.getText(), p.initializer?.getText()]));
  if (values.size !== 2 || !values.has('perSecond') || !values.has('burst')) return undefined;
  return `${values.get('perSecond')} per second, ${values.get('burst')} at once`;
}

/** Every documented number of a file: key with the name of its object, value as written, words. */
export function numbers(file) {
  const source = parse(file);
  const found = [];
  const look = (node, path, doc) => {
    const value = bare(node.initializer);
    const key = [...path, node.name.getText()];
    const rate = rateOf(value);
    const words = doc && line(doc);
    if (rate !== undefined && words) found.push({ key: key.join('.'), value: rate, words });
    else if (ts.isObjectLiteralExpression(value)) {
      for (const property of value.properties) {
        if (ts.isPropertyAssignment(property)) look(property, key, docOf(property, source));
      }
    } else if (words && (path.length > 0 ? !ts.isIdentifier(value) : isNumber(value)))
      found.push({ key: key.join('.'), value: line(node.initializer.getText()), words });
  };
  for (const statement of source?.statements ?? []) {
    if (!ts.isVariableStatement(statement) || !/^export /.test(statement.getText())) continue;
    for (const node of statement.declarationList.declarations) {
      if (node.initializer !== undefined) look(node, [], docOf(statement, source));
    }
  }
  return found;
}

function isNumber(node) {
  return ts.isNumericLiteral(node) || ts.isBinaryExpression(node);
}

const cell = (text) => text.replaceAll('|', '\\|');

/** The frames of the mux: their numbers and what is in them. */
function frames(file) {
  return numbers(file)
    .filter(({ key }) => key.startsWith('FRAME.'))
    .map(({ key, value, words }) => {
      const name = key.slice('FRAME.'.length);
      return { name, layout: `a frame of type ${value}; body: ${words}`, since: 'v1' };
    });
}

function layoutTables() {
  return layoutFiles.flatMap((file) => {
    const rows = [...layouts(file), ...frames(file)];
    if (rows.length === 0) return [];
    const lines = rows.map(({ name, layout, since }) => `| ${name} | \`${cell(layout)}\` | ${since} |`);
    return [`#### ${file}`, '', '| message | layout | since |', '|---|---|---|', ...lines, ''];
  });
}

/** @param wanted whether a number belongs to this part of the page. */
function numberTables(wanted) {
  return numberFiles.flatMap((file) => {
    const rows = numbers(file).filter(({ key }) => wanted(key));
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
  wire = fill(wire, 'agreed', numberTables(isAgreed));
  wire = fill(
    wire,
    'choices',
    numberTables((key) => !isAgreed(key)),
  );
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
