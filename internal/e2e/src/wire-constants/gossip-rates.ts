// What a link of channel peernet/gossip/1 may carry towards a node, and what an introduction may, by a whole Gossip.
import { type HeardRecord, type Signal, signalsMax, toHex } from '@peernet/core';
import { INTRODUCTION, RATES, type RateName, TUNING } from '../../../../packages/gossip/src/defaults.js';
import { sealSignal } from '../../../../packages/gossip/src/machine/sealed-signal.js';
import {
  encodeAnswer,
  encodeExtrema,
  encodeRecord,
  encodeShuffle,
  encodeSignal,
  encodeUnreachable,
  encodeWalk,
  WIRE,
} from '../../../../packages/gossip/src/wire.js';
import { GossipNode, type GossipPeer } from './gossip-node.js';
import { marks } from './layouts.js';
import { type Flood, type Row, rateRows } from './row.js';

const file = 'gossip/src/defaults.ts';
const idOf = (n: number): string => toHex(marks(8)).slice(0, 8) + n.toString(16).padStart(8, '0');
const entriesMax = WIRE.entriesMax;
const recordsMax = WIRE.recordsMax;

/** A node with one neighbour, and what has come of what that says. */
class Scene {
  readonly node = new GossipNode();
  readonly peer: GossipPeer;
  #said = 0;

  constructor() {
    this.peer = this.node.peer('overlay');
  }

  say(bytes: Uint8Array): void {
    this.peer.link.say(bytes);
  }

  /** A number that no other message of this scene has. */
  next(): number {
    return ++this.#said;
  }

  strangers(n: number): HeardRecord[] {
    return Array.from({ length: n }, () => ({ record: this.node.stranger(), ageSeconds: 0 }));
  }

  shuffle(records: number): void {
    this.say(encodeShuffle({ answer: false, degree: 3, records: this.strangers(records) }));
  }
}

/** A flood of single messages; those over the limit are counted by `counter`. */
function flood(say: (scene: Scene) => void, counter = 'limiterDrops', word = 'dropped'): () => Flood {
  return () => {
    const scene = new Scene();
    return {
      say(n) {
        const before = scene.node.count(counter);
        for (let i = 0; i < n; i++) say(scene);
        return cameOf(scene.peer, scene.node.count(counter) - before, word);
      },
      wait: (ms) => scene.node.world.runFor(ms),
    };
  };
}

function cameOf({ link }: GossipPeer, over: number, word: string): string {
  if (link.closed !== undefined) return link.closed;
  return over === 0 ? 'taken' : over === 1 ? word : `${over} ${word}`;
}

function rate(key: RateName, open: () => Flood, refused = 'dropped', flows?: number): Row[] {
  const fields = { file, key: `RATES.${key}`, rate: RATES[key], refused, open };
  return rateRows(flows === undefined ? fields : { ...fields, flows });
}

/** HELLO: the first for an application, the others ask to be a neighbour. */
function helloFlood(): Flood {
  const node = new GossipNode();
  const peer = node.peer();
  let first = true;
  return {
    say(n) {
      const before = node.count('limiterDrops');
      for (let i = 0; i < n; i++) {
        peer.link.say(peer.hello(first ? 'app' : 'overlay'));
        first = false;
      }
      return cameOf(peer, node.count('limiterDrops') - before, 'dropped');
    },
    wait: (ms) => node.world.runFor(ms),
  };
}

/** Entries of one message, and so many messages whose entries come at once. */
const entriesEach = entriesMax - 2;
const fullMessages = Math.floor(RATES.entries.burst / entriesEach);

/** Entries that are dead and change nothing: as many full messages as may come at once, the rest a second later. */
function entries(total: number): string {
  const scene = new Scene();
  const { self } = scene.peer;
  const line = { slot: 0, id: self.id, ageSeconds: 60_000, signature: marks(64) };
  const tell = (n: number): void => scene.say(encodeExtrema(3, Array(n).fill(line)));
  for (let i = 0; i < fullMessages; i++) tell(entriesEach);
  scene.node.world.runFor(1_000);
  tell(total - entriesEach * fullMessages);
  return cameOf(scene.peer, scene.node.count('limiterDrops'), 'dropped');
}

function entriesRow(part: string, decides: Row['decides']): Row {
  return {
    file,
    key: 'RATES.entries',
    part,
    value: RATES.entries.burst + RATES.entries.perSecond,
    bound: 'most',
    become: entries,
    refused: 'dropped',
    decides,
  };
}

/** Different records, five at a time. */
function admittedFlood(): Flood {
  const scene = new Scene();
  return {
    say(n) {
      const before = scene.node.count('recordsIgnored');
      for (let left = n; left > 0; left -= recordsMax) scene.shuffle(Math.min(left, recordsMax));
      return cameOf(scene.peer, scene.node.count('recordsIgnored') - before, 'ignored');
    },
    wait: (ms) => scene.node.world.runFor(ms),
  };
}

const seal = (scene: Scene, path: string, counter: number, signal: Signal): Uint8Array =>
  sealSignal(scene.peer.self, scene.node.own.id, { path, counter, signal });

function offerTo(scene: Scene, path: string, sdp = 'v=0'): void {
  const sealed = seal(scene, path, 0, { kind: 'offer', sdp });
  scene.say(encodeSignal({ path, scope: 'global', target: scene.node.own.id, sealed }));
}

/** Signatures: of an own record, of signals that are opened in vain, and of records. A message with one too many waits. */
function signatureFlood(): Flood {
  const scene = new Scene();
  let spent = 2; // HELLO, and the offer
  let opened = RATES.signal.burst - 1;
  let answers: number = RATES.answer.burst;
  offerTo(scene, idOf(1));
  return {
    say(n) {
      const before = scene.node.count('postponed');
      let left = n - spent;
      for (; opened > 0; opened--, left--)
        scene.say(encodeSignal({ path: idOf(1), scope: 'global', target: undefined, sealed: marks(60) }));
      for (; answers > 0 && left > recordsMax; answers--, left -= recordsMax) {
        const records = scene.strangers(recordsMax);
        scene.say(encodeAnswer({ kind: 'full', walk: idOf(answers), degree: 3, records }));
      }
      for (; left > 0; left -= recordsMax) scene.shuffle(Math.min(left, recordsMax));
      [spent, opened, answers] = [0, 0, 0];
      return cameOf(scene.peer, scene.node.count('postponed') - before, 'later');
    },
    wait: (ms) => scene.node.world.runFor(ms),
  };
}

/** Signals over a path that ends at the node: those that it refuses are counted. */
function path(sizes: readonly number[]): string {
  const scene = new Scene();
  const [offer = 3, ...others] = sizes;
  offerTo(scene, idOf(1), 'x'.repeat(offer));
  for (const [i, size] of others.entries()) {
    const sealed = seal(scene, idOf(1), i + 1, { kind: 'candidate', candidate: 'x'.repeat(size) });
    scene.say(encodeSignal({ path: idOf(1), scope: 'global', target: undefined, sealed }));
  }
  scene.node.world.runFor(10);
  const refused = sizes.length - scene.node.signals.length;
  return cameOf(scene.peer, refused, 'refused');
}

/** Signals from one peer of the node to another and back, sealed for each other; those that come through. */
function relayed(sizes: readonly number[]): string {
  const scene = new Scene();
  const other = scene.node.peer('overlay');
  const ends = [scene.peer, other];
  for (const [i, size] of sizes.entries()) {
    const [from, to] = i % 2 === 0 ? [scene.peer, other] : [other, scene.peer];
    const target = i === 0 ? to.self.id : undefined;
    from.link.say(encodeSignal({ path: idOf(1), scope: 'global', target, sealed: marks(size) }));
  }
  const through = ends.reduce((sum, end) => sum + end.heardOf('signal'), 0);
  const told = ends.filter((end) => end.heardOf('unreachable') === 1).length;
  return through === sizes.length ? 'taken' : `${sizes.length - through} cut, ${told} told`;
}

const longest = 8_340;
const around = 148;

/** An offer off the calendar by so much, in a shuffle: whether it is remembered. */
function skewed(ms: number): string {
  const scene = new Scene();
  const record = scene.node.stranger({ seq: scene.node.world.clock.wall() - ms });
  scene.say(encodeShuffle({ answer: false, degree: 3, records: [{ record, ageSeconds: 0 }] }));
  return scene.node.store.get(record.addresses[0] ?? '') === undefined ? 'forgotten' : 'taken';
}

const introduction = { file, bound: 'most', refused: '1 cut, 2 told' } as const;

export const gossipRateRows: readonly Row[] = [
  ...rate('hello', helloFlood),
  ...rate(
    'shuffle',
    flood((scene) => scene.shuffle(0)),
  ),
  ...rate(
    'extrema',
    flood(({ peer }) => peer.link.say(encodeExtrema(3, []))),
  ),
  entriesRow('at once, and those of a second later', { in: RATES.entries, key: 'burst' }),
  entriesRow('of a second later, and those at once', { in: RATES.entries, key: 'perSecond' }),
  ...rate(
    'record',
    flood(({ peer }) => peer.link.say(encodeRecord({ record: peer.record, ageSeconds: 0 }))),
  ),
  ...rate(
    'walk',
    flood((scene) => {
      const origin = { record: scene.peer.record, ageSeconds: 0 };
      const fields = { ttl: 9, purpose: 'join', degree: 3, desperate: false, origin } as const;
      scene.say(encodeWalk({ id: idOf(scene.next()), ...fields }));
    }),
  ),
  ...rate(
    'answer',
    flood((scene) => {
      const kind = scene.next() % 2 === 0 ? 'full' : 'link';
      scene.say(encodeAnswer({ kind, walk: idOf(scene.next()), degree: 3, records: [] }));
    }),
  ),
  ...rate('admitted', admittedFlood, 'ignored'),
  ...rate(
    'introduction',
    flood((scene) => {
      const target = scene.peer.self.id; // itself: nobody is there, and it is told so
      scene.say(encodeSignal({ path: idOf(scene.next()), scope: 'global', target, sealed: marks(9) }));
    }),
  ),
  ...rate(
    'signal',
    flood((scene) => {
      const fields = { scope: 'global', target: undefined, sealed: marks(9) } as const;
      scene.say(encodeSignal({ path: idOf(scene.next()), ...fields }));
    }),
  ),
  ...rate(
    'unreachable',
    flood((scene) => scene.say(encodeUnreachable({ path: idOf(scene.next()), code: 'LOST' }))),
  ),
  // In a fifth of a second, since shuffles are few.
  ...rate('signatures', signatureFlood, 'later', 10),
  {
    ...introduction,
    key: 'INTRODUCTION.messagesMax',
    value: INTRODUCTION.messagesMax,
    become: (n) => relayed(Array(n).fill(60)),
    decides: { in: INTRODUCTION, key: 'messagesMax' },
  },
  {
    ...introduction,
    key: 'INTRODUCTION.bytesMax',
    value: INTRODUCTION.bytesMax,
    become: (n) => relayed([longest, longest, n - 2 * longest]),
    decides: { in: INTRODUCTION, key: 'bytesMax' },
  },
  {
    ...introduction,
    key: 'INTRODUCTION.bytesMax',
    part: 'half of it from one end',
    value: INTRODUCTION.bytesMax / 2,
    become: (n) => path([longest - around, n - longest - around]),
    refused: 'refused',
    decides: { in: INTRODUCTION, key: 'bytesMax', by: 2 },
  },
  {
    file: 'core/src/signalling.ts',
    key: 'signalsMax',
    value: signalsMax,
    bound: 'most',
    become: (n) => path(Array(n).fill(20)),
    refused: 'refused',
    decides: 'a number that stands alone cannot be changed from outside',
  },
  {
    file,
    key: 'TUNING.skewMs',
    value: TUNING.skewMs,
    bound: 'most',
    become: skewed,
    refused: 'forgotten',
    decides: { in: TUNING, key: 'skewMs' },
  },
];
