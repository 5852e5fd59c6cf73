// A process of its own for life.test.ts: what it holds is its own, and whether it ends by itself can be seen.
//   node life.program.mjs <implementation> exit|churn <connections>
import { readdirSync, readFileSync } from 'node:fs';
import type { DuplexLike, Listener } from '@peernet/core';
import { wrtc } from '../src/index.js';
import { Board, peerId } from './board.js';
import { implementation, persistently } from './implementation.js';

const [name = '', mode, count = '1'] = process.argv.slice(2);
const rtc = implementation(name);
if (rtc === undefined) throw new Error(`no ${name}`);

const board = new Board();
const limits = { offersPerSecond: 1e6, offersBurst: 1e6, unprovenMax: 1e6 };
const node = peerId(1);
const { listen } = wrtc({ signaller: board.signaller(node), rtc, limits });
const listener = (await listen?.({}, (duplex) => {
  duplex.on('error', () => {});
  duplex.on('data', (chunk: Uint8Array) => duplex.write(chunk));
  duplex.on('end', () => duplex.end());
})) as Listener;

const life = (duplex: DuplexLike, bytes: number, end: 'end' | 'destroy'): Promise<void> =>
  new Promise((resolve, reject) => {
    let echoed = 0;
    duplex.on('error', reject);
    duplex.on('close', () => resolve());
    duplex.on('data', (chunk: Uint8Array) => {
      echoed += chunk.length;
      if (echoed === bytes) duplex[end]();
    });
    duplex.write(new Uint8Array(bytes));
  });

let peers = 1;
async function one(i: number): Promise<void> {
  const duplex = await persistently(() => {
    const { dial } = wrtc({ signaller: board.signaller(peerId(++peers)), rtc });
    return dial(`wrtc:${node}`, { signal: AbortSignal.timeout(20_000) });
  });
  await life(duplex, 100_000, i % 2 === 0 ? 'end' : 'destroy');
}

async function connections(total: number): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < total) await one(next++);
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
  board.signals.length = 0;
}

const held = () => {
  const threads = Number(/Threads:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
  const rss = Math.round(process.memoryUsage.rss() / 1_048_576);
  return { threads, descriptors: readdirSync('/proc/self/fd').length, rss };
};

/** What is held after garbage collections, as soon as it is as little as before; after 20 s whatever it is. */
async function settled(before?: ReturnType<typeof held>): Promise<ReturnType<typeof held>> {
  const deadlineMs = performance.now() + 20_000;
  for (;;) {
    (globalThis as { gc?: () => void }).gc?.();
    await new Promise((resolve) => setTimeout(resolve, 250));
    const now = held();
    const back = before && now.threads <= before.threads + 4 && now.descriptors <= before.descriptors + 8;
    if (back || (before === undefined && performance.now() > deadlineMs - 18_000)) return now;
    if (performance.now() > deadlineMs) return now;
  }
}

if (mode === 'churn') {
  await connections(12);
  const before = await settled();
  await connections(Number(count));
  const after = held();
  console.log(JSON.stringify({ before, after, settled: await settled(before) }));
} else {
  await one(0);
  await one(1);
  const over = new AbortController();
  const given = persistently(() => {
    const { dial } = wrtc({ signaller: board.signaller(peerId(++peers)), rtc });
    const dialing = dial(`wrtc:${node}`, { signal: over.signal });
    setImmediate(() => over.abort());
    return dialing;
  });
  await given.catch((error: { code: string }) => console.log(error.code));
}
await listener.close();
