// Damaged input for every decoder, and damaged conversations behind the handshake: nothing is thrown, nothing grows,
// and no honest neighbour notices. `pnpm fuzz` runs a million; PEERNET_FUZZ and SEED set how many and from where.
import { type Crypto, Reader, signRecord } from '@peernet/core';
import { Gossip } from '@peernet/gossip';
import { createWorld, simCrypto } from '@peernet/sim';
import { afterEach, describe, expect, test } from 'vitest';
import { encodeHello } from '../../../packages/gossip/src/wire.js';
import { fillCaches } from '../src/fuzz/caches.js';
import { campaign, earlierFailures, keep, lineOf, type Report } from '../src/fuzz/campaign.js';
import type { Decoder } from '../src/fuzz/decoders.js';
import { gossipLife } from '../src/fuzz/gossip-life.js';
import { muxLife } from '../src/fuzz/mux-life.js';
import type { Part } from '../src/fuzz/part.js';
import { allParts, decoderPart } from '../src/fuzz/parts.js';
import { searchLife } from '../src/fuzz/search-life.js';
import { WireLink } from '../src/fuzz/wire-link.js';

const count = Number(process.env.PEERNET_FUZZ ?? 60_000);
const seed = Number(process.env.SEED ?? 1);
/** From here on a slope of memory says something, MiB per million inputs. */
const slopeCount = 900_000;
const slopeMax = 4;

function story(report: Report): string {
  const million = (rate: number): string => `${(rate / 1e6).toFixed(2)} million`;
  const parts = [...report.perPart].map(
    ([name, { inputs, past, cpuMs }]) =>
      `  ${name}: ${inputs}, ${Math.round((100 * past) / inputs)} % past, ${Math.round((1_000 * cpuMs) / inputs)} µs each`,
  );
  return [
    `fuzz: ${report.inputs} inputs, seed ${report.seed} (digest ${report.digest}), ${report.failures.length} failures`,
    `${(100 * report.pastShare).toFixed(1)} % past the first check of a length`,
    `${million(report.perMinute)} a minute (of a processor: ${million(report.perCpuMinute)}), the slowest took ${report.slowestMs.toFixed(1)} ms`,
    `RSS ${report.rssSlope.toFixed(1)}, heap ${report.heapSlope.toFixed(1)} MiB per million inputs (second half)`,
    ...parts,
  ].join('\n');
}

/** Failures as somebody reads them who wants to see them again. */
function failed(report: Report): string[] {
  return report.failures.map((failure) => {
    const { error } = failure;
    const stack = error instanceof Error ? (error.stack ?? '').split('\n').slice(0, 7) : [String(error)];
    return [lineOf(failure), ...stack].join('\n');
  });
}

test(`${count} damaged inputs break nothing (seed ${seed})`, () => {
  if (count >= slopeCount) fillCaches();
  const report = campaign({ count, seed, parts: allParts(), earlier: earlierFailures() });
  console.log(story(report));
  keep(report.failures);
  expect(failed(report)).toEqual([]);
  expect(report.pastShare).toBeGreaterThanOrEqual(0.3);
  for (const [name, { inputs, past }] of report.perPart)
    expect(past / inputs, name).toBeGreaterThanOrEqual(0.3);
  if (count >= slopeCount) expect(report.heapSlope).toBeLessThanOrEqual(slopeMax);
}, 3_600_000);

test('the same seed gives the same inputs', () => {
  const digestOf = (from: number): string => campaign({ count: 2_000, seed: from, parts: allParts() }).digest;
  expect(digestOf(5)).toBe(digestOf(5));
  expect(digestOf(5)).not.toBe(digestOf(6));
});

describe('controls: what the campaign must catch', () => {
  const { bytes, count: countOf } = Reader.prototype;
  afterEach(() => {
    Reader.prototype.bytes = bytes;
    Reader.prototype.count = countOf;
  });

  /** What a campaign over parts of that name, or over these, says first. */
  function caught(parts: string | readonly Part[], inputs: number): string {
    const chosen = typeof parts === 'string' ? allParts().filter(({ name }) => name === parts) : parts;
    const whole = chosen.map((part) => ({ ...part, share: 1 }));
    const { failures } = campaign({ count: inputs, seed: 1, parts: whole, failuresMax: 1 });
    return String(failures[0]?.error ?? 'nothing');
  }
  const life = (run: Part['run']): Part[] => [{ name: 'life', share: 1, run }];

  test.each(['gossip', 'search', 'advert', 'answer', 'anchors row'])(
    'a %s decoder that reads texts and bytes of any length',
    (name) => {
      Reader.prototype.bytes = function () {
        return bytes.call(this, 1_000_000);
      };
      expect(caught(name, 60_000)).not.toBe('nothing');
    },
  );

  test.each(['gossip', 'record', 'search', 'anchors row'])(
    'a %s decoder that reads any number of things',
    (name) => {
      // Not quite any, or it would not come back.
      Reader.prototype.count = function () {
        return countOf.call(this, 5_000);
      };
      expect(caught(name, 60_000)).not.toBe('nothing');
    },
  );

  test('a decoder that does not look how much there is', () => {
    const list: Decoder = {
      name: 'list',
      weight: 1,
      samples: [Uint8Array.of(2, 0, 0, 0, 7, 0, 0, 0, 9)],
      read(row) {
        const view = new DataView(row.buffer, row.byteOffset, row.byteLength);
        return Array.from({ length: view.getUint8(0) % 64 }, (_, i) => view.getUint32(1 + 4 * i));
      },
    };
    expect(caught([decoderPart(list, 1)], 1_000)).toMatch(/^RangeError/);
  });

  /** Throws once in a while, as a bug deep inside would. */
  const faulty = (own: Crypto): Crypto => ({
    id: own.id,
    sign: (domain, message) => own.sign(domain, message),
    seal: (to, domain, message) => own.seal(to, domain, message),
    open: (domain, sealed) => own.open(domain, sealed),
    hash: (domain, message) => own.hash(domain, message),
    verify(domain, id, message, signature) {
      if (signature[0] === 7) throw new Error('a bug');
      return own.verify(domain, id, message, signature);
    },
  });

  test('a gossip that throws inside, although the shell survives it', () => {
    expect(
      caught(
        life((random, tally) => gossipLife(random, tally, { crypto: faulty })),
        6_000,
      ),
    ).toMatch(/bug/);
  });

  test('a search that throws inside', () => {
    expect(
      caught(
        life((random, tally) => searchLife(random, tally, { crypto: faulty })),
        6_000,
      ),
    ).toMatch(/bug/);
  });

  test('a gossip that lets any number of silent strangers in', () => {
    const limits = { pendingMax: 10_000 };
    const run: Part['run'] = (random, tally) => gossipLife(random, tally, { limits });
    expect(caught(life(run), 6_000)).toMatch(/inbound links without HELLO/);
  });

  test('a search that keeps any number of adverts', () => {
    const limits = { adverts: 100_000, cell: 10_000, cellPerNeighbour: 10_000, advertBytes: 1e9 };
    const run: Part['run'] = (random, tally) => searchLife(random, tally, { limits });
    expect(caught(life(run), 20_000)).toMatch(/adverts|advertBytes/);
  });

  test('a part that keeps a little of each input', () => {
    const kept: number[][] = [];
    const run: Part['run'] = (_, tally) => {
      tally.begin(Uint8Array.of(1));
      kept.push(Array.from({ length: 32 }, (__, i) => i));
      tally.end(true);
    };
    const { heapSlope } = campaign({ count: 20_000, seed: 1, parts: life(run) });
    expect(kept.length).toBeGreaterThan(0);
    expect(heapSlope).toBeGreaterThan(slopeMax);
  });

  test('a mux that lets any number of channels be opened', () => {
    const limits = { channelsMax: 100_000, opens: { perSecond: 1e6, burst: 1e6 } };
    const run: Part['run'] = (random, tally) => muxLife(random, tally, { limits });
    expect(caught(life(run), 20_000)).toMatch(/channels are open/);
  });
});

describe('found by it', () => {
  // The twin of a link whose process was gone became a neighbour beside the link of the new process.
  test('a peer that restarts while it has two links has one neighbour’s place, not two', () => {
    const world = createWorld({ seed: 1 });
    const { clock } = world;
    // Its id is the larger one, so that it waits for the peer to end one of two links.
    const [low, high] = ['a', 'b']
      .map((name) => simCrypto(world, name))
      .sort((a, b) => (a.id < b.id ? -1 : 1)) as [Crypto, Crypto];
    const gossip = new Gossip({ crypto: high, clock, bootstrap: false });
    const fields = {
      ttlSeconds: 600,
      addresses: [],
      relays: [],
      dialable: false,
      webrtc: false,
      stun: false,
    };
    const record = signRecord(low, { ...fields, seq: clock.wall() });
    for (const session of ['before', 'before', 'after']) {
      const link = new WireLink(world, { peer: low.id, initiator: false, session });
      gossip.add(link);
      const hello = {
        purpose: 'overlay',
        degree: 1,
        wallMs: clock.wall(),
        dialed: '',
        observed: '',
      } as const;
      link.say(encodeHello({ ...hello, digest: new Uint8Array(8), self: { record, ageSeconds: 0 } }));
    }
    expect(gossip.neighbours().map(({ id }) => id)).toEqual([low.id]);
    gossip.close();
  });
});
