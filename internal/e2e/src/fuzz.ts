// The fuzzer: damaged vectors into every decoder, and damaged messages after a fair greeting into the real Gossip and
// Search of a victim, under virtual time. Everything comes from one seed; a failure names the seed and the input.
import {
  below,
  decodeRecord,
  type HeardRecord,
  type LinkKey,
  type PeerId,
  type PeerStore,
  parseAddress,
  parseForeignAddress,
  type Random,
  Reader,
  type Scope,
  seededRandom,
  signRecord,
} from '@peernet/core';
import { Gossip } from '@peernet/gossip';
import { type Overlay, type OverlayEvents, Search } from '@peernet/search';
import { createWorld } from '@peernet/sim';
import {
  decodeHello,
  decodeIdentity,
  decodeOpen,
  FrameView,
  readFrame,
} from '../../../packages/connection/src/wire.js';
import {
  decodeMessage as decodeGossip,
  encodeHello,
  encodeRecord,
  encodeShuffle,
} from '../../../packages/gossip/src/wire.js';
import {
  decodeAdvert,
  decodeAnswer,
  decodeMessage as decodeSearch,
} from '../../../packages/search/src/wire.js';
import { decodeAddress } from '../../../packages/store/src/wire.js';
import { vectorsOf } from './corpus.js';
import { mutate } from './mutate.js';

export interface FuzzReport {
  readonly seed: number;
  readonly inputs: Record<string, number>;
  /** Of the inputs to decoders that read lengths: how many got past the first one. */
  readonly deepShare: number;
  readonly failures: string[];
  readonly perMinute: number;
  readonly rssGrownMiB: number;
}

interface Target {
  readonly name: string;
  readonly corpus: readonly Uint8Array[];
  readonly run: (bytes: Uint8Array) => unknown;
}

/** Damaged frames are read one after the other, as the mux does. */
function readFrames(record: Uint8Array): void {
  const frame = new FrameView();
  for (let next = 0; next >= 0 && next < record.length; ) {
    next = readFrame(record, next, frame);
    if (next > 0) decodeOpen(record.subarray(frame.start, frame.end));
  }
}

/** Every decoder of bytes from strangers, with its vectors. `sabotage` adds one without a bound: the control. */
export function decoders(sabotage = false): Target[] {
  const [connection, gossip, search, store] = ['connection', 'gossip', 'search', 'store'].map(
    vectorsOf,
  ) as Uint8Array[][];
  const text = (bytes: Uint8Array): string => String.fromCharCode(...bytes.subarray(0, 400));
  const addresses = [
    'ws://1.2.3.4:80',
    'tcp://[2001:470::1]:4000',
    `wrtc:${'a'.repeat(64)}?via=ws://h.example:1`,
    'wss://a.b-c.example',
  ];
  const targets: Target[] = [
    { name: 'hello', corpus: connection as Uint8Array[], run: decodeHello },
    { name: 'identity', corpus: connection as Uint8Array[], run: decodeIdentity },
    { name: 'frames', corpus: connection as Uint8Array[], run: readFrames },
    { name: 'gossip', corpus: gossip as Uint8Array[], run: decodeGossip },
    { name: 'record', corpus: gossip as Uint8Array[], run: decodeRecord },
    { name: 'search', corpus: search as Uint8Array[], run: decodeSearch },
    { name: 'advert', corpus: search as Uint8Array[], run: decodeAdvert },
    { name: 'answer', corpus: search as Uint8Array[], run: decodeAnswer },
    { name: 'row', corpus: store as Uint8Array[], run: (bytes) => decodeAddress('ws://1.2.3.4:80', bytes) },
    {
      name: 'address',
      corpus: addresses.map((address) => new TextEncoder().encode(address)),
      run: (bytes) => [parseAddress(text(bytes)), parseForeignAddress(text(bytes))],
    },
  ];
  if (sabotage) targets.push({ name: 'sabotage', corpus: gossip as Uint8Array[], run: unbounded });
  return targets;
}

/** A decoder as one must not be written: it believes a count and a length. */
function unbounded(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Uint8Array[] = [];
  let next = 1;
  for (let n = bytes[0] ?? 0; n > 0; n--) {
    const length = view.getUint8(next);
    parts.push(new Uint8Array(bytes.buffer, bytes.byteOffset + next + 1, length));
    next += 1 + length;
  }
  return parts;
}

/** Counts inputs whose decoder read a varint that was good: they are past the first length check. */
function depthGauge(): { begin(): void; deep(): boolean; restore(): void } {
  const { varint } = Reader.prototype;
  let good = 0;
  Reader.prototype.varint = function (this: Reader): number {
    const value = varint.call(this);
    if (!this.bad) good++;
    return value;
  };
  return {
    begin: () => {
      good = 0;
    },
    deep: () => good > 0,
    restore: () => {
      Reader.prototype.varint = varint;
    },
  };
}

/** Runs about `count` inputs: nine in ten into decoders, the others as messages of sequences. */
export function fuzz(count: number, seed: number, options: { sabotage?: boolean } = {}): FuzzReport {
  const random = seededRandom(seed);
  const startMs = performance.now();
  const startRss = process.memoryUsage().rss;
  const inputs: Record<string, number> = {};
  const failures: string[] = [];
  const gauge = depthGauge();
  let [withLengths, deep] = [0, 0];
  try {
    const targets = decoders(options.sabotage);
    for (let i = 0; i < count * 0.9 && failures.length < 10; i++) {
      const target = targets[below(random, targets.length)] as Target;
      const bytes = mutate(random, target.corpus);
      inputs[target.name] = (inputs[target.name] ?? 0) + 1;
      gauge.begin();
      try {
        target.run(bytes);
      } catch (error) {
        failures.push(
          `seed ${seed}, input ${i}, ${target.name}: ${String(error)}: ${Buffer.from(bytes).toString('hex')}`,
        );
      }
      if (['gossip', 'record', 'search', 'advert', 'answer', 'row'].includes(target.name)) {
        withLengths++;
        if (gauge.deep()) deep++;
      }
    }
  } finally {
    gauge.restore();
  }
  for (const [name, run] of [
    ['gossip sequences', gossipSequences],
    ['search sequences', searchSequences],
  ] as const) {
    try {
      inputs[name] = run(random, Math.ceil(count * 0.05));
    } catch (error) {
      failures.push(`seed ${seed}, ${name}: ${error instanceof Error ? error.stack : String(error)}`);
    }
  }
  const total = Object.values(inputs).reduce((a, b) => a + b, 0);
  const minutes = (performance.now() - startMs) / 60_000;
  const rssGrownMiB = (process.memoryUsage().rss - startRss) / 2 ** 20;
  return { seed, inputs, deepShare: deep / withLengths, failures, perMinute: total / minutes, rssGrownMiB };
}

/** Fresh strangers greet a victim fairly and then talk nonsense; an honest neighbour must not notice. */
export function gossipSequences(random: Random, count: number, store?: PeerStore): number {
  const world = createWorld({ seed: random.uint32() });
  const network = world.network({ latencyMs: 5 });
  const victimAddress = 'ws://7.7.7.7:1000';
  const victim = gossipAt(network.host({ address: victimAddress }), store);
  const honest = gossipAt(network.host({ address: 'ws://8.8.8.8:1000' }));
  let greeted = 0;
  victim.on('up', () => greeted++);
  honest.connectNow(victimAddress, () => {});
  world.run(world.now + 1_000);
  const corpus = vectorsOf('gossip');
  let [sent, strangers] = [0, 0];
  for (; sent < count; strangers++) {
    const address = `ws://9.${(strangers >> 8) & 255}.${strangers & 255}.1:1`;
    const host = network.host({ address });
    host.dialNow(victimAddress, {}, ({ link }) => {
      if (link === undefined) return;
      const [hello, ...others] = fairWords(host, victimAddress);
      link.open({ onMessage() {}, onDrain() {}, onClose() {} });
      link.send(hello, 'control');
      const words = [...corpus, hello, ...others];
      for (let k = 1 + below(random, 20); k > 0; k--, sent++) {
        const fair = others[below(random, 4 * others.length)];
        link.send(fair ?? mutate(random, words), 'control');
      }
    });
    world.run(world.now + 300);
    // The shell survives a throw of its machine, and counts it: here it is a failure.
    const { bugs } = victim.snapshot();
    if (bugs !== 0) throw new Error(`${bugs} throws inside the machine`);
    if (!honest.neighbours().some(({ id }) => id === victim.record.id))
      throw new Error('the honest neighbour was harmed');
  }
  if (greeted < strangers / 4)
    throw new Error(`only ${greeted} of ${strangers} strangers got past their greeting`);
  const held = victim.links().length;
  if (held > 512) throw new Error(`${held} links are held`);
  return sent;
}

/** What an honest newcomer says, signed: HELLO, and messages that may follow it. */
function fairWords(host: SimHost, dialed: string): [Uint8Array, ...Uint8Array[]] {
  const wallMs = Math.floor(host.clock.wall());
  const fields = {
    ttlSeconds: 600,
    addresses: [host.address],
    relays: [],
    dialable: true,
    webrtc: false,
    stun: false,
  };
  const [self, newer] = [0, 1].map((more) => ({
    record: signRecord(host.crypto, { ...fields, seq: wallMs + more }),
    ageSeconds: 0,
  })) as [HeardRecord, HeardRecord];
  const digest = new Uint8Array(8);
  return [
    encodeHello({ purpose: 'overlay', degree: 1, wallMs, dialed, observed: '', digest, self }),
    encodeRecord(newer),
    encodeShuffle({ answer: false, degree: 1, records: [self] }),
    encodeShuffle({ answer: true, degree: 1, records: [newer, self] }),
  ];
}

/** A real Gossip on a host of the simulator. */
function gossipAt(host: SimHost, store?: PeerStore): Gossip {
  const gossip = new Gossip({
    crypto: host.crypto,
    clock: host.clock,
    random: host.random,
    dialNow: (to, dial, done) => host.dialNow(to, dial, done),
    bootstrap: false,
    ...(store === undefined ? {} : { store }),
  });
  host.onLink = (link) => gossip.add(link);
  return gossip;
}

type SimHost = ReturnType<ReturnType<ReturnType<typeof createWorld>['network']>['host']>;

/** Three neighbours of a search talk nonsense; whoever is thrown out comes back as somebody new. */
function searchSequences(random: Random, count: number): number {
  const world = createWorld({ seed: random.uint32() });
  const network = world.network({ latencyMs: 5 });
  const host = network.host({ address: 'ws://7.7.7.7:1000' });
  const overlay = new FakeOverlay(random);
  const record = signRecord(host.crypto, {
    seq: 1,
    ttlSeconds: 600,
    addresses: ['ws://7.7.7.7:1000'],
    relays: [],
    dialable: true,
    webrtc: false,
    stun: false,
  });
  const search = new Search({
    crypto: host.crypto,
    overlay,
    clock: host.clock,
    random: host.random,
    record: () => record,
  });
  for (let i = 0; i < 3; i++) overlay.add();
  search.join(['here']);
  const corpus = vectorsOf('search');
  for (let sent = 0; sent < count; sent++) {
    overlay.say(mutate(random, corpus));
    if (sent % 50 === 0)
      search.search(
        'there',
        {},
        () => {},
        () => {},
      );
    if (sent % 10 === 0) world.run(world.now + 100);
  }
  if (!search.subnets().includes('here')) throw new Error('the membership is lost');
  return count;
}

class FakeOverlay implements Overlay {
  readonly #random: Random;
  readonly #links = new Map<LinkKey, PeerId>();
  #events: OverlayEvents | undefined;
  #last = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  add(): void {
    const key = ++this.#last;
    const id = key.toString(16).padStart(64, '0') as PeerId;
    this.#links.set(key, id);
    this.#events?.up(key, id, 'global');
  }

  say(bytes: Uint8Array): void {
    const keys = [...this.#links.keys()];
    this.#events?.message(keys[below(this.#random, keys.length)] as LinkKey, bytes);
  }

  neighbours(): { key: LinkKey; peer: PeerId; scope: Scope }[] {
    return [...this.#links].map(([key, peer]) => ({ key, peer, scope: 'global' }));
  }

  send(): boolean {
    return true;
  }

  buffered(): number {
    return 0;
  }

  size(): number {
    return 100;
  }

  subscribe(events: OverlayEvents): () => void {
    this.#events = events;
    return () => {};
  }

  close(to: LinkKey): void {
    if (!this.#links.delete(to)) return;
    this.#events?.down(to);
    this.add();
  }
}
