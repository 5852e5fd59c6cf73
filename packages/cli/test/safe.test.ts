import { describe, expect, it } from 'vitest';
import { safe, safeJson } from '../src/safe.js';
import { fakePeer, fakeRow } from './fake-node.js';
import { fakeDaemon, fakeIo, until } from './harness.js';

/** What a terminal may get (research/security.md E5), besides the newline at the end of a line. */
function isHarmless(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || (code >= 0x7f && code <= 0x9f)) return false;
    if (code === 0x061c || code === 0x200e || code === 0x200f || code === 0xfeff) return false;
    if ((code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069)) return false;
    const isHigh = code >= 0xd800 && code <= 0xdbff;
    if (isHigh && !/[\udc00-\udfff]/.test(text[i + 1] ?? '')) return false;
    if (code >= 0xdc00 && code <= 0xdfff && !/[\ud800-\udbff]/.test(text[i - 1] ?? '')) return false;
  }
  return true;
}

/** One of everything that terminals act on, and what must survive. */
const attacks: [string, string][] = [
  ['clear screen', 'a\x1b[2Jb'],
  ['set title', '\x1b]0;owned\x07'],
  ['C1 CSI', 'a\x9b31mb'],
  ['C1 string', '\x90q\x9c'],
  ['newline', 'ws://a:1\nws://b:2'],
  ['carriage return', 'good\rbad'],
  ['tab', 'a\tb'],
  ['backspace', 'secret\b\b\b'],
  ['DEL', 'a\x7fb'],
  ['NUL', 'a\0b'],
  ['override', 'a\u202eb'],
  ['isolate', 'a\u2066b\u2069'],
  ['marks', '\u200e\u200f\u061c'],
  ['separators', 'a\u2028b\u2029c'],
  ['byte order mark', '\ufeffa'],
  ['a lone high half', 'a\ud83d'],
  ['a lone low half', '\udc4ba'],
  ['halves the wrong way round', '\udc4b\ud83d'],
];

describe('safe', () => {
  it('leaves nothing of all 65 536 code units that a terminal acts on', () => {
    let changed = 0;
    for (let code = 0; code <= 0xffff; code++) {
      const char = String.fromCharCode(code);
      const shown = safe(`a${char}b`);
      if (!isHarmless(shown)) throw new Error(`U+${code.toString(16)} gets through`);
      if (isHarmless(char)) expect(shown).toBe(`a${char}b`);
      else changed += 1;
    }
    expect(changed).toBe(32 + 33 + 3 + 7 + 4 + 1 + 2048);
  });

  it.each(attacks)('%s', (_, text) => {
    expect(isHarmless(text)).toBe(false); // the control: unescaped it is one
    expect(isHarmless(safe(text))).toBe(true);
    expect(isHarmless(safeJson({ text }))).toBe(true);
    expect(JSON.parse(safeJson({ text }))).toEqual({ text });
  });

  it('keeps what people write', () => {
    for (const text of ['Grüße', '日本', '👋🏽', 'a\\b', 'नमस्ते', '\u00ad']) expect(safe(text)).toBe(text);
  });

  it('cuts long text, and says so; never through a pair', () => {
    expect(safe('x'.repeat(256))).toBe('x'.repeat(256));
    expect(safe('x'.repeat(257))).toBe(`${'x'.repeat(256)}…`);
    expect(isHarmless(safe(`${'x'.repeat(255)}👋`))).toBe(true);
  });
});

describe('every command that shows what strangers say', () => {
  const poison = attacks.map(([, text]) => text).join('');

  it('prints one harmless line per record, in a pipe, on a terminal and as JSON', async () => {
    const { node, run, runOnTerminal, paths } = await fakeDaemon();
    const peer = fakePeer({ id: `cd${poison}`, address: `ws://${poison}`, transport: poison });
    node.peerList = [peer];
    node.ownList = [poison];
    node.names.add(poison);
    node.book.set(poison, { address: poison, verified: true, source: poison });
    node.rows = [fakeRow({ hash: 'chat', address: poison, id: poison, addresses: [poison] })];
    node.findings = [{ code: 'X', level: 'error', message: poison, hint: poison }];
    node.onConnect = async () => {
      throw new Error(poison);
    };
    const lines: [string[], number][] = [
      [['known'], 1],
      [['own'], 1],
      [['connections'], 1],
      [['peers'], 1],
      [['subnets'], 1],
      [['search', 'chat'], 1],
      [['search', poison], 0],
      [['connect', `ws://${poison}`], 0],
      [['disconnect', poison], 0],
    ];
    for (const [argv, count] of lines) {
      for (const format of [[], ['--json']]) {
        const { stdout, stderr } = await run(...argv, ...format);
        const shown = stdout.split('\n');
        expect(shown.pop()).toBe('');
        expect(shown.length).toBe(count);
        for (const line of shown) expect(isHarmless(line.replaceAll('\t', ''))).toBe(true);
        expect(isHarmless(stderr.replaceAll('\n', ''))).toBe(true);
        expect(stderr.split('\n').length).toBeLessThanOrEqual(3);
      }
      const { stdout } = await runOnTerminal(...argv);
      expect(isHarmless(stdout.replaceAll('\n', '').replace('\x1b[1m', '').replace('\x1b[0m', ''))).toBe(
        true,
      );
      expect(stdout.split('\n').length - 1).toBeLessThanOrEqual(count + 1);
    }
    for (const argv of [['status'], ['doctor']])
      expect(isHarmless((await run(...argv)).stdout.replaceAll('\n', ''))).toBe(true);

    const io = fakeIo({ PEERNET_PATH: paths.base });
    const code = import('../src/main.js').then(({ main }) => main(['log'], io));
    await until(() => io.interruptible);
    await until(() => {
      node.emit('debug', `event${poison}`, { [poison]: poison, list: [poison], error: new Error(poison) });
      return io.stdout !== '';
    });
    io.interrupt();
    await code;
    for (const line of io.stdout.trimEnd().split('\n')) {
      expect(line).toMatch(/^\d{4}-.*Z event/);
      expect(isHarmless(line)).toBe(true);
    }
  });

  it('colours only on a terminal that wants them', async () => {
    const { node, paths } = await fakeDaemon();
    node.peerList = [fakePeer()];
    const { main } = await import('../src/main.js');
    for (const [env, terminal, coloured] of [
      [{}, true, true],
      [{}, false, false],
      [{ NO_COLOR: '1' }, true, false],
      [{ TERM: 'dumb' }, true, false],
    ] as const) {
      const io = fakeIo({ PEERNET_PATH: paths.base, ...env }, terminal);
      await main(['peers'], io);
      expect(io.stdout.includes('\x1b[')).toBe(coloured);
    }
  });
});
