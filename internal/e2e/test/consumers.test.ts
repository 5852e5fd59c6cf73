// Who installs the packed tarballs: CommonJS, ESM, TypeScript of three ages with every check on, and a browser bundle.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const here = fileURLToPath(new URL('..', import.meta.url));
const built = existsSync(join(here, '../../packages/peernet/dist/index.cjs'));
/** Most that a browser has to load for `peernet`, minified and gzipped, bytes. A ratchet: 135 254 when it was set, with WebRTC, subnets, introductions and the storage of pages (112 217 without); 138 018 with what newcomers ask (docs/decisions/0026); 138 310 with rows that come back (docs/decisions/0018); 138 424 with the book after walks (docs/decisions/0030); 138 720 with waiting for who is being connected (docs/decisions/0018); 138 904 with `connect` that waits so, too, and one build for both platforms (docs/decisions/0012); 142 018 and 144 313 with what was found by reading all of it again, twice. */
const bundleBytesMax = 144_500;

let folder: string;
let remove: () => void = () => {};

beforeAll(async () => {
  if (!built) return;
  const tarballs = new URL('../../../scripts/tarballs.mjs', import.meta.url).href;
  const packed = (await import(tarballs)).packAll() as { files: Record<string, string>; remove: () => void };
  remove = packed.remove;
  folder = mkdtempSync(join(tmpdir(), 'peernet-consumer-'));
  const { peernet, ...rest } = packed.files;
  const manifest = { private: true, dependencies: { peernet }, overrides: rest };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--silent', '--prefer-offline'], {
    cwd: folder,
    stdio: 'pipe',
  });
}, 120_000);

afterAll(() => {
  remove();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

const need = built ? test : test.skip;

/** Writes a program and runs it; what it printed. */
function run(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  const { status, stdout, stderr } = spawnSync(process.execPath, [name], { cwd: folder, encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return stdout.trim();
}

const shape = `[typeof peernet, typeof Peernet, typeof isPeernetError, typeof transport, transport.transports.length,
  typeof createTestnet, new PeernetError('LIMIT', 'x').code].join(' ')`;
const expected = 'function function function function 2 function LIMIT';

describe('at run time', () => {
  need('CommonJS: callable, names attached', () => {
    const program = `
      var peernet = require('peernet');
      var { Peernet, PeernetError, isPeernetError } = peernet;
      var transport = require('peernet/transport');
      var { createTestnet } = require('peernet/testing');
      var pn = peernet({ transport: transport, bootstrap: false });
      pn.close(function (err) { console.log(${shape}, pn instanceof Peernet, peernet.default === peernet.peernet, err) });
    `;
    expect(run('run.cjs', program)).toBe(`${expected} true true null`);
  });

  need('ESM: default and names', () => {
    const program = `
      import peernet, { Peernet, PeernetError, isPeernetError, peernet as named } from 'peernet';
      import transport from 'peernet/transport';
      import { createTestnet } from 'peernet/testing';
      const pn = peernet({ transport, bootstrap: false });
      await pn.close();
      console.log(${shape}, pn instanceof Peernet, named === peernet);
    `;
    expect(run('run.mjs', program)).toBe(`${expected} true true`);
  });
});

const esm = `
import peernet, { isPeernetError, Peernet, PeernetError, type ErrorCode, type Options, type Peer, type SearchRow, type Service } from 'peernet';
import transport from 'peernet/transport';
import { createTestnet } from 'peernet/testing';

const options: Options = { transport: (address: string) => transport(address), bootstrap: false, connections: 3 };
const pn: Peernet = peernet(undefined, options);
async function main(): Promise<void> {
  const service: Service = await pn.listen('ws', { port: 0, announce: ['ws://10.1.2.3:1'] });
  pn.listen('ws', (error, made) => { if (error === null && made) console.log(made.port); });
  const peer: Peer = await pn.connect(service.address, { signal: new AbortController().signal });
  pn.connect(service.address, (error, other) => { const id: string | undefined = other?.id; console.log(error, id); });
  pn.save(['ws://10.1.2.3:4000'], (error) => console.log(error?.message));
  const stats = await pn.getStats(service.address);
  const ok: number = stats.connections.ok + stats.nodes.rx;
  for await (const row of pn.search('chat', { limit: 1 })) {
    const found: SearchRow = row;
    console.log(found.address, found.hops + ok);
  }
  for await (const { address, verified } of pn.known()) console.log(address.length, verified === true);
  for await (const { key } of pn.subnets()) console.log(key.length);
  pn.on('connect', ({ id, direction }) => console.log(id.length, direction === 'in'));
  pn.on('disconnect', (_peer, reason) => console.log(reason === 'SHUTDOWN'));
  pn.on('search', (query, hops, reply) => { if (hops > 1) reply(query.payload); });
  pn.handle('echo', (stream, from) => { console.log(from.id); return stream.pipe(stream); });
  const stream = pn.open(peer, 'echo');
  stream.on('data', (chunk) => console.log(chunk.byteLength));
  stream.write('text'); stream.end(new Uint8Array(3));
  const wired = pn.createStream('ws://10.1.2.3:4000');
  stream.pipe(wired).pipe(stream);
  try { await pn.find('x'); } catch (error) {
    if (isPeernetError(error, 'NOT_FOUND')) { const code: ErrorCode = error.code; console.log(code); }
  }
  const { nodes, close } = await createTestnet(2, { seed: 1 });
  console.log(nodes[0]?.id, new PeernetError('LIMIT', 'x').code);
  await close();
  // @ts-expect-error a number is no address
  pn.connect(7);
  // @ts-expect-error there is no such event
  pn.on('nothing', () => {});
  // @ts-expect-error there is no such option
  peernet({ conections: 3 });
}
void main;
`;

const cjs = `
import peernet = require('peernet');
import transport = require('peernet/transport');
import testing = require('peernet/testing');
const pn = peernet(undefined, { transport });
const other: peernet.Peernet = new peernet.Peernet();
const options: peernet.Options = { debug: false };
pn.connect('ws://10.1.2.3:1', (error, peer) => console.log(error, peer?.id, other, options));
void testing.createTestnet(1);
`;

describe.each([
  // The types of streamx have tuples with some names, which TypeScript before 5.2 refuses to check.
  ['5.0', 'typescript-5.0', true],
  ['5.9', 'typescript-5.9', false],
  ['6.0', 'typescript', false],
])('TypeScript %s', (_, compiler, skipLibCheck) => {
  need(
    `takes the types of ESM and CommonJS (skipLibCheck: ${skipLibCheck})`,
    () => {
      const types = join(folder, 'node_modules/@types');
      mkdirSync(types, { recursive: true });
      if (!existsSync(join(types, 'node'))) {
        symlinkSync(join(here, 'node_modules/@types/node'), join(types, 'node'), 'dir');
      }
      writeFileSync(join(folder, 'esm.mts'), esm);
      writeFileSync(join(folder, 'cjs.cts'), cjs);
      const compilerOptions = {
        target: 'ES2022',
        module: 'nodenext',
        moduleResolution: 'nodenext',
        lib: ['ES2022', 'ESNext.Disposable', 'DOM'],
        types: ['node'],
        strict: true,
        noUncheckedIndexedAccess: true,
        skipLibCheck,
        noEmit: true,
      };
      if (compiler === 'typescript-5.0') compilerOptions.lib = ['ES2022', 'DOM'];
      writeFileSync(
        join(folder, 'tsconfig.json'),
        JSON.stringify({ compilerOptions, files: ['esm.mts', 'cjs.cts'] }),
      );
      const tsc = join(here, 'node_modules', compiler, 'bin/tsc');
      const { stdout } = spawnSync(process.execPath, [tsc, '-p', '.'], { cwd: folder, encoding: 'utf8' });
      expect(stdout).toBe('');
    },
    120_000,
  );
});

need(
  'a browser bundle has nothing of Node, and a size',
  async () => {
    const { outputFiles } = await build({
      stdin: { contents: "export * from 'peernet'; export { default } from 'peernet'", resolveDir: folder },
      bundle: true,
      minify: true,
      format: 'esm',
      platform: 'browser',
      write: false,
      logLevel: 'silent',
    });
    const text = outputFiles[0]?.text ?? '';
    expect(text).not.toMatch(/node:|require\(/);
    const bytes = gzipSync(text, { level: 9 }).length;
    console.log(`browser bundle of peernet: ${text.length} bytes minified, ${bytes} gzipped`);
    expect(bytes).toBeLessThan(bundleBytesMax);
  },
  60_000,
);
