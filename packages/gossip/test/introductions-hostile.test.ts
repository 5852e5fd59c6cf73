// Introductions among those who lie, drop, alter, repeat, forge and flood. Each attack has a control that gets through.
import { type Crypto, type Link, type PeerId, type Signal, signalBytesMax, signRecord } from '@peernet/core';
import { createWorld, type Host, simCrypto, type World } from '@peernet/sim';
import { describe, expect, it } from 'vitest';
import { INTRODUCTION, RATES, SEND_SHARE } from '../src/defaults.js';
import { sealSignal } from '../src/machine/sealed-signal.js';
import {
  decodeMessage,
  encodeHello,
  encodeSignal,
  encodeUnreachable,
  type Message,
  sealedBytesMax,
  type UnreachableCode,
} from '../src/wire.js';
import { Bench } from './machine.js';
import { expectHonest, type Node, startNode, total } from './nodes.js';
import { type Heard, listener, serve, tampered } from './signals.js';

const quiet = { bootstrap: false, connections: 0 };
const offer: Signal = { kind: 'offer', sdp: 'an offer' };
const signalKind = 9;

interface Town {
  readonly world: World;
  readonly relays: Node[];
  readonly a: Node;
  readonly b: Node;
}

/** What a relay makes of what it should send to somebody. */
type Alter = (bytes: Uint8Array, to: PeerId) => Uint8Array | undefined;

/** Two who cannot be dialed, both connected with each of the relays; those lie as they are told. */
function town(alters: readonly (Alter | undefined)[], limits = {}): Town {
  const world = createWorld({ seed: 5 });
  const network = world.network({ latencyMs: 20, sigma: 0 });
  const relays = alters.map((alter) => {
    const relay = startNode(network, { ...quiet, limits });
    if (alter !== undefined) {
      relay.host.onLink = (link) => relay.gossip.add(tampered(link, (bytes) => alter(bytes, link.peer)));
    }
    return relay;
  });
  const [a, b] = [0, 1].map(() =>
    startNode(network, { ...quiet, webrtc: true, host: { dialable: false } }),
  ) as [Node, Node];
  world.run(500);
  for (const node of [a, b]) for (const relay of relays) node.gossip.connectNow(relay.host.address, () => {});
  world.run(2_000);
  return { world, relays, a, b };
}

function introduce({ a, b, relays }: Town): { heard: Heard; send: (signal: Signal) => boolean } {
  const heard = listener();
  const via = relays.map(({ host }) => host.address);
  const path = a.gossip.signaller.introduce(b.host.id, { via }, heard);
  return { heard, send: (signal) => path.send(signal) };
}

/** Offers, and answers whatever comes. */
function run(place: Town, ms: number) {
  const served = serve(place.b);
  const { heard, send } = introduce(place);
  send(offer);
  for (let passed = 0; passed < ms; passed += 100) {
    place.world.runFor(100);
    for (const path of served.paths.splice(0)) path.send({ kind: 'answer', sdp: 'an answer' });
  }
  return { served, heard };
}

const kindOf = (bytes: Uint8Array): Message['kind'] | undefined => decodeMessage(bytes)?.kind;
const dropSignals: Alter = (bytes) => (bytes[0] === signalKind ? undefined : bytes);

describe('a relay that', () => {
  it('drops is passed by: the next one introduces', () => {
    const { served, heard } = run(town([dropSignals, undefined]), 7_000);
    expect(served.heard.signals).toEqual([offer]);
    expect(heard.signals).toEqual([{ kind: 'answer', sdp: 'an answer' }]);
    expect(heard.codes).toEqual([]);
  });

  it('drops, with no other one: the path ends in time, and leaves nothing', () => {
    const place = town([dropSignals]);
    const { served, heard } = run(place, 41_000);
    expect(served.heard.signals).toEqual([]);
    expect(heard.codes).toEqual(['TIMEOUT']);
    expect(total([place.a, place.b], 'paths')).toBe(0);
    expect(place.relays[0]?.gossip.snapshot().relaying).toBeLessThanOrEqual(1);
  });

  it('lies that it does not know the target costs nothing but that', () => {
    const lie: Alter = (bytes) => {
      const message = decodeMessage(bytes);
      return message?.kind === 'signal' ? undefined : bytes;
    };
    const place = town([lie, undefined]);
    const [liar] = place.relays as [Node];
    const { a, world } = place;
    const served = serve(place.b);
    const { heard, send } = introduce(place);
    // It tells at once, for whatever path: only the own one is given up.
    const link = liar.gossip.links().find(({ id }) => id === a.host.id)?.link as Link;
    const seen: string[] = [];
    place.a.host.network.tap = (from, _to, bytes) => {
      const message = decodeMessage(bytes);
      if (from !== a.host || message?.kind !== 'signal' || seen.includes(message.path)) return;
      seen.push(message.path);
      if (seen.length === 1)
        link.send(encodeUnreachable({ path: message.path, code: 'NOT_FOUND' }), 'signal');
    };
    send(offer);
    world.runFor(1_000); // no need to wait for five seconds
    expect(seen.length).toBe(2);
    expect(served.heard.signals).toEqual([offer]);
    expect(heard.codes).toEqual([]);
  });

  it('alters a byte has altered nothing: it is refused', () => {
    const alter: Alter = (bytes) => {
      if (bytes[0] !== signalKind) return bytes;
      const copy = bytes.slice();
      copy[copy.length - 30] = (copy[copy.length - 30] as number) ^ 1;
      return copy;
    };
    const place = town([alter]);
    const { served } = run(place, 2_000);
    expect(served.heard.signals).toEqual([]);
    expect(place.b.gossip.snapshot()).toMatchObject({ signalsRefused: 1, bans: 0 });
    // Control: the same without.
    expect(run(town([(bytes) => bytes]), 2_000).served.heard.signals).toEqual([offer]);
  });

  it('repeats what it has passed on is not heard twice, not even when the path is over', () => {
    const passed: [Uint8Array, Host][] = [];
    const place = town([
      (bytes) => {
        if (kindOf(bytes) === 'signal') passed.push([bytes.slice(), place.b.host]);
        return bytes;
      },
    ]);
    const { world, b } = place;
    const served = serve(b);
    const { send } = introduce(place);
    send(offer);
    send({ kind: 'candidate', candidate: 'one' });
    world.runFor(500);
    expect(served.heard.signals.length).toBe(2);
    const link = place.relays[0]?.gossip.links().find(({ id }) => id === b.host.id)?.link as Link;
    const again = (): void => {
      for (const [bytes] of [...passed]) link.send(bytes, 'signal');
      world.runFor(500);
    };
    again();
    expect(served.heard.signals.length).toBe(2);
    served.paths[0]?.close();
    again();
    world.runFor(60_000);
    again();
    expect(served.paths.length).toBe(1);
    expect(served.heard.signals.length).toBe(2);
    expect(Number(b.gossip.snapshot().signalsRefused)).toBeGreaterThanOrEqual(4);
    // Control: a new one is heard.
    introduce(place).send(offer);
    world.runFor(500);
    expect(served.paths.length).toBe(2);
  });
});

/** A hand-made peer: dials `target` and says HELLO; what it hears is written down. */
function stranger(
  world: World,
  target: Node,
  name: string,
): { crypto: Crypto; link: Link; heard: Message[] } {
  const host = target.host.network.host({ name, dialable: false });
  const heard: Message[] = [];
  let made: Link | undefined;
  host.dialNow(target.host.address, {}, ({ link }) => {
    made = link;
    link?.open({
      onMessage: (bytes) => {
        const message = decodeMessage(bytes);
        if (message !== undefined) heard.push(message);
      },
      onDrain() {},
      onClose() {},
    });
    const fields = { addresses: [], relays: [], dialable: false, webrtc: true, stun: false };
    const seq = Math.floor(host.clock.wall());
    const record = signRecord(host.crypto, { seq, ttlSeconds: 86_400, ...fields });
    const hello = { purpose: 'app', degree: 0, wallMs: seq, dialed: '', observed: '' } as const;
    const self = { record, ageSeconds: 0 };
    link?.send(encodeHello({ ...hello, digest: new Uint8Array(8), self }), 'control');
  });
  world.runFor(500);
  if (made === undefined) throw new Error(`${name} is not connected`);
  return { crypto: host.crypto, link: made, heard };
}

const pathOf = (n: number): string => n.toString(16).padStart(16, '0');

describe('an answer', () => {
  it('by anybody but the one who was asked is refused, whatever it says of itself', () => {
    const place = town([undefined]);
    const { world, a, b, relays } = place;
    const [relay] = relays as [Node];
    const served = serve(b);
    let path = '';
    a.host.network.tap = (from, _to, bytes) => {
      const message = decodeMessage(bytes);
      if (from === a.host && message?.kind === 'signal') path = message.path;
    };
    const { heard, send } = introduce(place);
    send(offer);
    world.runFor(500);
    const eve = simCrypto(world, 'eve');
    const link = relay.gossip.links().find(({ id }) => id === a.host.id)?.link as Link;
    const answer: Signal = { kind: 'answer', sdp: 'to eve' };
    const pretender: Crypto = {
      id: b.host.id,
      sign: eve.sign.bind(eve),
      seal: eve.seal.bind(eve),
      verify: eve.verify.bind(eve),
      open: eve.open.bind(eve),
      hash: eve.hash.bind(eve),
    };
    for (const crypto of [eve, pretender]) {
      const sealed = sealSignal(crypto, a.host.id, { path, counter: 0, signal: answer });
      link.send(encodeSignal({ path, scope: 'global', target: undefined, sealed }), 'signal');
    }
    world.runFor(500);
    expect(heard.signals).toEqual([]);
    expect(a.gossip.snapshot().signalsRefused).toBe(2);
    served.paths[0]?.send({ kind: 'answer', sdp: 'true' });
    world.runFor(500);
    expect(heard.signals).toEqual([{ kind: 'answer', sdp: 'true' }]);
  });
});

describe('UNREACHABLE', () => {
  it('by a third party does nothing; by one whose path it is, it ends it', () => {
    const place = town([undefined]);
    const { world, relays } = place;
    const [relay] = relays as [Node];
    serve(place.b);
    let path = '';
    place.a.host.network.tap = (_from, _to, bytes) => {
      const message = decodeMessage(bytes);
      if (message?.kind === 'signal') path = message.path;
    };
    const { heard, send } = introduce(place);
    send(offer);
    world.runFor(500);
    const mallory = stranger(world, relay, 'mallory');
    const codes: readonly UnreachableCode[] = ['NOT_FOUND', 'LIMIT', 'LOST', 'REFUSED'];
    for (const code of codes) mallory.link.send(encodeUnreachable({ path, code }), 'signal');
    world.runFor(500);
    expect(heard.codes).toEqual([]);
    expect(relay.gossip.snapshot().relaying).toBe(1);
    expect(relay.gossip.snapshot().unexpected).toBe(4);
    // Nor may it join in.
    const sealed = sealSignal(mallory.crypto, place.a.host.id, { path, counter: 0, signal: offer });
    mallory.link.send(encodeSignal({ path, scope: 'global', target: undefined, sealed }), 'signal');
    world.runFor(500);
    expect(place.a.gossip.snapshot().signalsRefused).toBe(0);
    // Control: it comes from the target's side.
    const link = place.b.gossip.links().find(({ id }) => id === relay.host.id)?.link as Link;
    link.send(encodeUnreachable({ path, code: 'REFUSED' }), 'signal');
    world.runFor(500);
    expect(heard.codes).toEqual(['REFUSED']);
    expect(relay.gossip.snapshot().relaying).toBe(0);
  });
});

describe('too much', () => {
  it('of one introduction is cut: a megabyte does not get through', () => {
    const place = town([undefined]);
    const { world, b, relays } = place;
    const [relay] = relays as [Node];
    let through = 0;
    b.host.network.tap = (from, to, bytes) => {
      if (from === relay.host && to === b.host && kindOf(bytes) === 'signal') through += bytes.length;
    };
    const mallory = stranger(world, relay, 'mallory');
    const sealed = new Uint8Array(sealedBytesMax);
    for (let i = 0; i < 125; i++) {
      const target = i === 0 ? b.host.id : undefined;
      mallory.link.send(encodeSignal({ path: pathOf(1), scope: 'global', target, sealed }), 'signal');
      world.runFor(100);
    }
    expect(through).toBeGreaterThan(sealedBytesMax);
    expect(through).toBeLessThanOrEqual(INTRODUCTION.bytesMax);
    expect(mallory.heard.filter(({ kind }) => kind === 'unreachable')).toEqual([
      { kind: 'unreachable', path: pathOf(1), code: 'LIMIT' },
    ]);
    expect(relay.gossip.snapshot().introductionsCut).toBe(1);
  });

  it('of small signals is cut, too', () => {
    const place = town([undefined]);
    const { world, b, relays } = place;
    let through = 0;
    b.host.network.tap = (from, to, bytes) => {
      if (from === relays[0]?.host && to === b.host && kindOf(bytes) === 'signal') through++;
    };
    const mallory = stranger(world, relays[0] as Node, 'mallory');
    for (let i = 0; i < 60; i++) {
      const target = i === 0 ? b.host.id : undefined;
      const sealed = new Uint8Array(60);
      mallory.link.send(encodeSignal({ path: pathOf(1), scope: 'global', target, sealed }), 'signal');
    }
    world.runFor(2_000);
    expect(through).toBe(INTRODUCTION.messagesMax);
  });

  it('at once is limited: offers beyond the rate are dropped, and what is taken is bounded', () => {
    const place = town([undefined]);
    const { world, b, relays } = place;
    const [relay] = relays as [Node];
    const served = serve(b);
    const before = total([b], 'paths');
    const mallory = stranger(world, relay, 'mallory');
    const flood = (count: number): void => {
      for (let i = 0; i < count; i++) {
        const path = pathOf(1_000 * count + i);
        const sealed = sealSignal(mallory.crypto, b.host.id, { path, counter: 0, signal: offer });
        mallory.link.send(encodeSignal({ path, scope: 'global', target: b.host.id, sealed }), 'signal');
      }
      world.runFor(1_000);
    };
    flood(100);
    // What reaches the target: no more than the relay may send there.
    expect(served.paths.length).toBeLessThanOrEqual(RATES.introduction.burst);
    expect(served.paths.length).toBeGreaterThan(0);
    expect(relay.gossip.snapshot().limiterDrops).toBe(100 - RATES.introduction.burst);
    // One peer has one path: each new offer replaces the last one.
    expect(total([b], 'paths')).toBe(before + 1);
    expectHonest([b]);
    for (let minute = 0; minute < 3; minute++) {
      for (let i = 0; i < 60; i++) flood(20 + i);
      expect(Number(relay.gossip.snapshot().relaying)).toBeLessThanOrEqual(32);
    }
    expect(served.paths.length).toBeLessThanOrEqual(190);
  });

  it.each([1, INTRODUCTION.messagesMax])(
    'towards one peer, in introductions of %d signals, leaves room for others',
    (signals) => {
      const place = town([undefined]);
      const { world, b, relays } = place;
      const [relay] = relays as [Node];
      const served = serve(b);
      const mallory = stranger(world, relay, 'mallory');
      let n = 0;
      const flood = (): void => {
        for (let k = 0; k < 2; k++) {
          const path = pathOf(++n);
          for (let i = 0; i < signals; i++) {
            const target = i === 0 ? b.host.id : undefined;
            const sealed = new Uint8Array(60);
            mallory.link.send(encodeSignal({ path, scope: 'global', target, sealed }), 'signal');
          }
        }
        world.after(1_000, flood);
      };
      flood();
      world.runFor(30_000);
      const heard: Heard[] = [];
      for (let i = 0; i < 20; i++) {
        const one = introduce(place);
        heard.push(one.heard);
        one.send(offer);
        for (let k = 0; k < 3; k++) one.send({ kind: 'candidate', candidate: `${k}` });
        world.runFor(3_000);
        for (const path of served.paths.splice(0)) path.close();
      }
      expect(heard.filter(({ codes }) => codes.includes('LIMIT'))).toEqual([]);
      expect(served.heard.signals.filter(({ kind }) => kind === 'offer')).toHaveLength(20);
      expect(served.heard.signals).toHaveLength(80);
      expectHonest([b]);
    },
  );

  it('by relays that are said to be where somebody else is aim nobody at him; control: by who is there', () => {
    const address = 'ws://20.1.1.1:4000';
    for (const isLie of [true, false]) {
      const bench = new Bench({ bootstrap: false, webrtc: true });
      const honest = bench.remote('honest');
      bench.store.outcome(address, { ok: true, id: honest.id, record: honest.record });
      bench.visit(bench.remote('somebody'));
      let dials = 0;
      for (let path = 1; path <= 60; path++) {
        const relay = isLie ? bench.remote(`liar ${path}`).id : honest.id;
        const to = bench.remote(`member ${path}`).id;
        bench.handle({ type: 'introduce', path, to, via: [`${address}#${relay}`] });
        bench.pass(500);
        for (const dial of bench.dials.splice(0)) {
          expect(dial.address).toBe(address);
          bench.fail(dial, isLie ? 'WRONG_PEER' : 'ABORTED');
          dials++;
        }
        bench.pass(500);
      }
      if (isLie) expect(dials).toBe(1);
      else expect(dials).toBeGreaterThan(30);
    }
  });

  it('by a relay do not wait for a dial that takes only a liar in its place', () => {
    const address = 'ws://20.1.1.1:4000';
    const bench = new Bench({ bootstrap: false, webrtc: true });
    const honest = bench.remote('honest', { address });
    bench.store.outcome(address, { ok: true, id: honest.id, record: honest.record });
    bench.visit(bench.remote('somebody'));
    for (const [path, relay] of [bench.remote('liar').id, honest.id].entries()) {
      const to = bench.remote(`member ${path}`).id;
      bench.handle({ type: 'introduce', path: path + 1, to, via: [`${address}#${relay}`] });
      bench.pass(100);
    }
    expect(bench.dials.map(({ expect: id }) => id)).toEqual([bench.remote('liar').id, honest.id]);
  });

  it('of several at once towards one peer takes from none: as many as its link may bring, and their second ones wait', () => {
    const place = town([undefined]);
    const { world, b, relays } = place;
    const [relay] = relays as [Node];
    const most = RATES.introduction.burst * SEND_SHARE;
    const all = Array.from({ length: most + 1 }, (_, i) => stranger(world, relay, `stranger ${i}`));
    let n = 0;
    const limited = (): number => {
      for (const { heard, link } of all) {
        heard.length = 0;
        const sealed = new Uint8Array(60);
        link.send(encodeSignal({ path: pathOf(++n), scope: 'global', target: b.host.id, sealed }), 'signal');
      }
      world.runFor(100);
      return all.filter(({ heard }) => heard.some(({ kind }) => kind === 'unreachable')).length;
    };
    expect(limited()).toBe(1);
    world.runFor(1_300);
    expect(limited()).toBe(most);
  });

  it('in one signal is no message at all: who sends it is banned', () => {
    const place = town([undefined]);
    const [relay] = place.relays as [Node];
    const { world, b } = place;
    const good = stranger(world, relay, 'good');
    const bad = stranger(world, relay, 'bad');
    const longest = { path: pathOf(1), scope: 'global', target: b.host.id } as const;
    const bytes = encodeSignal({ ...longest, sealed: new Uint8Array(sealedBytesMax) });
    good.link.send(bytes, 'signal');
    const over = new Uint8Array(bytes.length + 1);
    over.set(bytes);
    over[44] = (over[44] as number) + 1; // the length, by one
    bad.link.send(over, 'signal');
    world.runFor(500);
    expect(relay.gossip.snapshot().bans).toBe(1);
    expect(relay.gossip.links().map(({ id }) => id)).toContain(good.crypto.id);
    expect(relay.gossip.links().map(({ id }) => id)).not.toContain(bad.crypto.id);
  });

  it('of our own is refused where it is asked for', () => {
    const place = town([undefined]);
    place.b.host.signaller = undefined;
    const { heard, send } = introduce(place);
    expect(send({ kind: 'offer', sdp: 'x'.repeat(signalBytesMax + 1) })).toBe(false);
    expect(send({ kind: 'offer', sdp: 'x'.repeat(signalBytesMax) })).toBe(true);
    for (let i = 1; i < 12; i++) expect(send({ kind: 'candidate', candidate: 'c' })).toBe(true);
    expect(send({ kind: 'candidate', candidate: 'c' })).toBe(false);
    place.world.runFor(2_000);
    expect(heard.codes).toEqual(['REFUSED']); // nobody takes offers there
    expectHonest([place.a, place.b, ...place.relays]);
  });
});

describe('tables', () => {
  it('of a relay are bounded, by peer and in all', () => {
    const place = town([undefined], { introductionsMax: 8, introductionsPerPeer: 3 });
    const { world, b, relays } = place;
    const [relay] = relays as [Node];
    const codes: string[] = [];
    for (let n = 0; n < 5; n++) {
      const one = stranger(world, relay, `one ${n}`);
      for (let i = 0; i < 5; i++) {
        const path = pathOf(100 * (n + 1) + i);
        one.link.send(
          encodeSignal({ path, scope: 'global', target: b.host.id, sealed: new Uint8Array(60) }),
          'signal',
        );
        world.runFor(1_500);
        expect(Number(relay.gossip.snapshot().relaying)).toBeLessThanOrEqual(8);
      }
      codes.push(...one.heard.flatMap((message) => (message.kind === 'unreachable' ? message.code : [])));
    }
    expect(codes.length).toBeGreaterThanOrEqual(10);
    expect(new Set(codes)).toEqual(new Set(['LIMIT']));
    expect(Number(relay.gossip.snapshot().introductions)).toBeLessThanOrEqual(15);
  });

  it('of our own paths are bounded', () => {
    const place = town([undefined]);
    serve(place.b);
    const all = Array.from({ length: 40 }, () => introduce(place).heard);
    place.world.runFor(100);
    expect(all.filter(({ codes }) => codes.includes('LIMIT')).length).toBe(8);
    expect(total([place.a], 'paths')).toBeLessThanOrEqual(32);
    place.world.runFor(60_000);
    expect(total([place.a, place.b], 'paths')).toBe(0);
    expect(all.every(({ codes }) => codes.length === 1)).toBe(true);
  });
});
