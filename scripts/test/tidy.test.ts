// Every rule of tidy meets a sinner here, and a clean tree as the control.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { tidy } from '../tidy.mjs';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** A repository of one clean package `gossip` and a `core`, plus the given files over it. */
function tree(files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'tidy-'));
  folders.push(root);
  const exports = { '.': { '@peernet/source': './src/index.ts' } };
  const all: Record<string, string> = {
    'packages/core/package.json': JSON.stringify({ name: '@peernet/core', exports }),
    'packages/core/src/index.ts': 'export const one = 1;\n',
    'packages/gossip/package.json': JSON.stringify({
      name: '@peernet/gossip',
      exports,
      dependencies: { '@peernet/core': 'workspace:^', streamx: '2' },
      devDependencies: { '@peernet/sim': 'workspace:*' },
    }),
    'packages/gossip/src/index.ts':
      "import { one } from '@peernet/core';\nimport 'node:fs';\nimport 'streamx';\nimport './wire.js';\nexport { step } from './machine/step.js';\nexport { one };\n",
    'packages/gossip/src/machine/step.ts':
      "import type { one } from '@peernet/core';\nimport { encode } from '../wire.js';\nimport { LIMITS } from '../limits.js';\n// A date is a number here, never a Date.\nexport const step = (nowMs: typeof one) => ({ process: encode(nowMs + LIMITS.aMs) });\n",
    'packages/gossip/src/wire.ts': 'export const encode = (x: number) => x;\n',
    'packages/gossip/src/limits.ts':
      'export const LIMITS = Object.freeze({\n  /** Milliseconds; wild guess. */\n  aMs: 1,\n});\n',
    ...files,
  };
  for (const [name, text] of Object.entries(all)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return root;
}

/** Findings as `file:line rule message`. */
function findings(files: Record<string, string>): string[] {
  return tidy(tree(files)).findings.map((f) => `${f.file}:${f.line} ${f.rule} ${f.message}`);
}

/** Findings when a clean module of gossip, reached from its wire file or its index, has this text. */
function inGossip(text: string, name = 'part.ts'): string[] {
  const module = name.replace(/\.ts$/, '.js');
  return findings({
    [`packages/gossip/src/${name}`]: text,
    'packages/gossip/src/index.ts': `import './wire.js';\nimport './machine/step.js';\nimport './${module}';\n`,
  });
}

test('a clean tree has no findings, and all its files were read', () => {
  expect(tidy(tree({}))).toEqual({ files: 5, findings: [] });
});

test.each([
  ["import { x } from '@peernet/search';", "gossip may not import '@peernet/search'"],
  ["import type { x } from '@peernet/store';", "gossip may not import '@peernet/store'"],
  ["export { x } from 'peernet';", "gossip may not import 'peernet'"],
  ["export type X = import('@peernet/connection').X;", "gossip may not import '@peernet/connection'"],
  ["export const x = import('@peernet/store');", "gossip may not import '@peernet/store'"],
  ["export const x = require('@peernet/store');", "gossip may not import '@peernet/store'"],
  ["import '@peernet/core/conformance';", "'@peernet/core/conformance' is for tests"],
  ["import '@peernet/sim';", "'@peernet/sim' is for tests"],
  ["import 'ws';", "'ws' is not in dependencies"],
  ["import 'fs';", "write 'node:fs'"],
  ["import '../../core/src/index.js';", "'../../core/src/index.js' leaves src"],
])('arrows: %s', (line, message) => {
  const found = inGossip(`\n${line}\n`);
  expect(found).toHaveLength(1);
  expect(found[0]).toContain(`packages/gossip/src/part.ts:2 arrows ${message}`);
});

test('arrows: core imports nobody, the umbrella all but the simulator, the command only the umbrella', () => {
  const manifest = (name: string, deps: string[]) =>
    JSON.stringify({
      name,
      bin: { x: './dist/index.js' },
      dependencies: Object.fromEntries(deps.map((d) => [d, '1'])),
    });
  const found = findings({
    'packages/core/src/index.ts': "import '@peernet/gossip';\n",
    'packages/peernet/package.json': manifest('peernet', ['@peernet/store', '@peernet/sim', '@peernet/core']),
    'packages/peernet/src/index.ts':
      "import '@peernet/store';\nimport '@peernet/sim';\nimport '@peernet/gossip';\n",
    'packages/cli/package.json': manifest('@peernet/cli', ['peernet', '@peernet/store']),
    'packages/cli/src/index.ts': "import 'peernet/testing';\nimport '@peernet/store';\n",
  });
  expect(found).toHaveLength(4);
  expect(found[0]).toContain("packages/cli/src/index.ts:2 arrows cli may not import '@peernet/store'");
  expect(found[1]).toContain("packages/core/src/index.ts:1 arrows core may not import '@peernet/gossip'");
  expect(found[2]).toContain("packages/peernet/src/index.ts:2 arrows '@peernet/sim' is for tests");
  expect(found[3]).toContain(
    "packages/peernet/src/index.ts:3 arrows '@peernet/gossip' is not in dependencies",
  );
});

test.each([
  ["import 'node:crypto';", "pure file imports 'node:crypto'"],
  ["import 'streamx';", "pure file imports 'streamx'"],
  ["import type { x } from '../index.js';", "pure file imports '../index.js'"],
])('a pure file imports only core and pure files: %s', (line, message) => {
  const found = findings({ 'packages/gossip/src/machine/step.ts': `${line}\nexport const step = 1;\n` });
  expect(found).toContainEqual(
    expect.stringContaining(`packages/gossip/src/machine/step.ts:1 arrows ${message}`),
  );
});

test.each([
  ['export const step = () => Date.now();', 'Date'],
  ['export const step = () => Math.random();', 'Math.random'],
  ['export const step = () => globalThis.crypto;', 'globalThis'],
  ['export const step = () => crypto.getRandomValues(new Uint8Array(1));', 'crypto.getRandomValues'],
  ['export const step = () => setTimeout(step, 1);', 'setTimeout'],
  ['export const step = (x: Promise<void>) => x;', 'Promise'],
  ['export async function step() {}', 'async'],
  ['export const step = { async go() {} };', 'async'],
  ['export const step = (x: Buffer) => x;', 'Buffer'],
  ['export const step = (x: ReadableStream) => x;', 'ReadableStream'],
])('purity: %s', (text, word) => {
  for (const file of ['machine/step.ts', 'wire.ts']) {
    const other =
      file === 'wire.ts' ? {} : { 'packages/gossip/src/index.ts': "import './machine/step.js';\n" };
    const name = `packages/gossip/src/${file}`;
    const found = findings({ [name]: `\n${text}\n`, ...other }).filter((line) => line.includes(' purity '));
    expect(found).toEqual([`${name}:2 purity pure file mentions ${word}`]);
  }
  expect(inGossip(text), 'control: elsewhere it is allowed').toEqual([]);
});

test('file-length: 400 lines pass, 401 do not, anywhere', () => {
  expect(inGossip('//\n'.repeat(400))).toEqual([]);
  expect(inGossip('//\n'.repeat(401))).toEqual([
    'packages/gossip/src/part.ts:1 file-length 401 lines, at most 400',
  ]);
  for (const name of ['internal/bench/run.mjs', 'scripts/x.mjs', 'examples/chat/index.js'])
    expect(findings({ [name]: '//\n'.repeat(401) })).toEqual([
      `${name}:1 file-length 401 lines, at most 400`,
    ]);
  expect(findings({ 'examples/chat/node_modules/x/index.js': '//\n'.repeat(401) })).toEqual([]);
});

test.each([
  ['long has', (body: string) => `function long() {${body}}\n`],
  ['long has', (body: string) => `export const long = () => {${body}};\n`],
  [
    'long has',
    (body: string) => `export class A {\n  /** Its comment\n   * does not count. */\n  long() {${body}}\n}\n`,
  ],
  ['a function has', (body: string) => `export default [function () {${body}}];\n`],
])('function-length: 60 lines pass, 61 do not (%#)', (message, make) => {
  expect(inGossip(make('\n'.repeat(59)))).toEqual([]);
  expect(inGossip(make('\n'.repeat(60))).join()).toContain(
    ` function-length ${message} 61 lines, at most 60`,
  );
  expect(findings({ 'internal/x/a.mjs': make('\n'.repeat(60)) })).toHaveLength(1);
  expect(findings({ 'internal/x/test/a.test.ts': make('\n'.repeat(60)) })).toEqual([]);
});

test.each([
  ['export const LIMITS = { aMs: 1 };', 'aMs'],
  ['export const LIMITS = Object.freeze({\n  // not a doc comment\n  aMs: 1,\n} as const);', 'aMs'],
  ['/** Table. */\nexport const DEFAULTS = { pair: { aMs: 1 } } satisfies object;', 'aMs'],
  ['export const A_MS = 60 * 1000;', 'A_MS'],
])('numbers: %s', (text, key) => {
  for (const file of ['limits.ts', 'defaults.ts']) {
    const found = inGossip(text, file).filter((line) => !line.includes(' dead '));
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(`numbers ${key} needs a doc comment`);
  }
  expect(inGossip(text), 'control: other files are free').toEqual([]);
  const pair = '/** Table. */\nexport const DEFAULTS = {\n  /** Both. */\n  pair: { aMs: 1, bMs: 2 } };\n';
  expect(inGossip(pair, 'limits.ts').join(), 'control: one comment for a pair').not.toContain(' numbers ');
});

test('unfinished, name', () => {
  expect(inGossip(`\n// ${'TO'}DO: later\n`)).toEqual([
    'packages/gossip/src/part.ts:2 unfinished finish it, or write down why it is so',
  ]);
  for (const name of ['utils.ts', 'link-helpers.ts', 'ConnectionManager.ts'])
    expect(inGossip('export {};\n', name).join()).toContain(`packages/gossip/src/${name}:1 name `);
});

test('dead: what neither exports, bin, tsup nor an import reaches', () => {
  const part = { 'packages/gossip/src/part.ts': 'export {};\n' };
  const dead = 'packages/gossip/src/part.ts:1 dead no entry point reaches this file';
  expect(findings(part)).toEqual([dead]);
  expect(findings({ ...part, 'packages/gossip/test/a.test.ts': "import '../src/part.js';\n" })).toEqual([
    dead,
  ]);
  expect(findings({ ...part, 'packages/gossip/tsup.config.ts': "const entry = ['src/part.ts'];\n" })).toEqual(
    [],
  );
  const halves = {
    'packages/gossip/src/wire.ts': 'export const encode = (x: number) => x;\n',
    'packages/gossip/src/platform.browser.ts': 'export {};\n',
  };
  expect(findings(halves)).toHaveLength(1);
  const node = { ...halves, 'packages/gossip/src/platform.node.ts': 'export {};\n' };
  expect(findings(node)).toHaveLength(2);
  const index = "import './platform.node.js';\nimport './machine/step.js';\n";
  expect(findings({ ...node, 'packages/gossip/src/index.ts': index })).toEqual([]);
  const plain = { ...halves, 'packages/gossip/src/platform.ts': 'export {};\n' };
  const plainIndex = index.replace('.node.js', '.js');
  expect(findings({ ...plain, 'packages/gossip/src/index.ts': plainIndex })).toEqual([]);
});

test('ratchet: forgives what it lists, not more, and asks to be lowered', () => {
  const long = { 'packages/core/src/index.ts': '//\n'.repeat(410) };
  const listed = (amount: number) => ({
    ...long,
    'scripts/tidy.ratchet.json': JSON.stringify({ 'file-length packages/core/src/index.ts': amount }),
  });
  expect(findings(listed(410))).toEqual([]);
  expect(findings(listed(409))).toEqual(['packages/core/src/index.ts:1 file-length 410 lines, at most 400']);
  expect(findings(listed(411))).toEqual([
    'scripts/tidy.ratchet.json:1 ratchet "file-length packages/core/src/index.ts": 411 can go down to 410',
  ]);
});
