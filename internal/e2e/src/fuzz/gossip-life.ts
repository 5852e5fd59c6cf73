// One life of a Gossip shell: strangers greet it fairly and then say damaged sequences, over several links at once, in
// virtual time, while an honest neighbour looks on. After every sequence its promises must hold.
import {
  below,
  type CloseReason,
  type Crypto,
  type ErrorCode,
  type HeardRecord,
  memoryStore,
  type PeerStore,
  pickOne,
  type Random,
  type SignalEvents,
  type SignalPath,
  seededRandom,
  signRecord,
} from '@peernet/core';
import { type DialNow, Gossip, type Tuning } from '@peernet/gossip';
import { createWorld, simCrypto, type World } from '@peernet/sim';
import { TUNING } from '../../../../packages/gossip/src/defaults.js';
import {
  decodeMessage,
  encodeAnswer,
  encodeHello,
  encodeShuffle,
} from '../../../../packages/gossip/src/wire.js';
import { Broken } from './gauge.js';
import { mutate, mutateSequence } from './mutate.js';
import type { Tally } from './part.js';
import { gossipMessage, greeting, type Talk } from './talk.js';
import { WireLink } from './wire-link.js';

export interface GossipLifeOptions {
  /** Replaces some of the node's limits without the promises knowing: for controls. */
  readonly limits?: Partial<Tuning>;
  /** Replaces the node's crypto: for controls. */
  readonly crypto?: (own: Crypto) => Crypto;
}

const ownAddress = 'ws://7.7.7.7:4000';
const honestAddress = 'ws://8.8.8.8:4000';
const hostileAddress = 'ws://9.9.9.9:4000';
const reasons: readonly CloseReason[] = ['LOST', 'USER', 'FULL', 'DUPLICATE', 'BANNED', 'SHUTDOWN'];
const codes: readonly ErrorCode[] = ['DIAL_REFUSED', 'DIAL_TIMEOUT', 'WRONG_PEER', 'SELF', 'INTERNAL'];
/** Small tables are full sooner. */
const small: Partial<Tuning> = {
  linksMax: 8,
  linksDialableMax: 9,
  guestsMax: 3,
  pendingMax: 6,
  appsMax: 3,
  probesMax: 2,
  waitingMax: 4,
  routesMax: 8,
  bansMax: 8,
  restsMax: 8,
  pathsMax: 2,
  pathsTakenMax: 2,
  pathsSeenMax: 8,
  introductionsMax: 8,
  introductionsPerPeer: 3,
};
/** Entries of the default store. */
const bookMax = 1024;

interface Stranger {
  readonly link: WireLink;
  readonly self: Crypto;
}

/** The honest neighbour: the user connected to it, and it does what the protocol says. */
class Honest {
  readonly link: WireLink;
  /** Shuffles of ours that were answered. */
  answers = 0;
  readonly #self: HeardRecord;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
    const crypto = simCrypto(world, 'honest');
    const fields = { ttlSeconds: 86_400, relays: [], dialable: true, webrtc: false, stun: false };
    const record = signRecord(crypto, { ...fields, seq: world.clock.wall(), addresses: [honestAddress] });
    this.#self = { record, ageSeconds: 0 };
    this.link = new WireLink(world, { peer: crypto.id, initiator: true, remoteAddress: honestAddress });
    this.link.onHeard = (bytes) => this.#hears(bytes);
  }

  #hears(bytes: Uint8Array): void {
    const message = decodeMessage(bytes);
    if (message === undefined) throw new Broken('it says what nobody can read');
    if (message.kind === 'hello') {
      const wallMs = this.#world.clock.wall();
      const fields = { purpose: 'overlay', degree: 3, wallMs, dialed: '', observed: '' } as const;
      this.#says(encodeHello({ ...fields, digest: message.digest, self: this.#self }));
      this.#says(encodeAnswer({ kind: 'link', walk: '', degree: 3, records: [] }));
    } else if (message.kind === 'shuffle' && message.answer) this.answers++;
    else if (message.kind === 'shuffle') this.#says(encodeShuffle({ answer: true, degree: 3, records: [] }));
  }

  #says(bytes: Uint8Array): void {
    this.#world.after(5, () => this.link.say(bytes));
  }

  /** Asks for addresses, as neighbours do. */
  shuffle(): void {
    this.link.say(encodeShuffle({ answer: false, degree: 3, records: [this.#self] }));
  }
}

export class GossipLife {
  readonly world: World;
  readonly gossip: Gossip;
  readonly #own: Crypto;
  readonly #honest: Honest;
  readonly #store: PeerStore;
  readonly #random: Random;
  readonly #tally: Tally;
  readonly #limits: Tuning;
  readonly #wires: WireLink[] = [];
  #strangers: Stranger[] = [];
  readonly #shelf: HeardRecord[] = [];
  #names = 0;
  #bug: string | undefined;

  constructor(random: Random, tally: Tally, options: GossipLifeOptions = {}) {
    this.#random = random;
    this.#tally = tally;
    this.world = createWorld({ seed: random.uint32() });
    const { clock } = this.world;
    const own = simCrypto(this.world, 'victim');
    this.#own = own;
    const dice = seededRandom(random.uint32());
    const tight = below(random, 2) === 0 ? small : {};
    this.#limits = { ...TUNING, ...tight };
    this.#store = memoryStore({ clock, random: dice });
    this.#honest = new Honest(this.world);
    this.gossip = new Gossip({
      crypto: options.crypto?.(own) ?? own,
      clock,
      random: dice,
      store: this.#store,
      limits: { ...tight, ...options.limits },
      lan: below(random, 4) === 0,
      webrtc: below(random, 2) === 0,
      interfaces: () => ['7.7.7.7', '10.0.0.5'],
      dialNow: (address, _, done) => this.world.after(20, () => this.#dialed(address, done)),
    });
    this.gossip.on('debug', (event, fields) => {
      if (event === 'bug') this.#bug ??= JSON.stringify(fields);
    });
    if (below(random, 4) > 0) this.gossip.signaller.serve((path) => this.#offered(path));
    if (below(random, 3) > 0) this.gossip.listening([{ scheme: 'ws', host: '7.7.7.7', port: 4000 }]);
    this.gossip.connectNow(honestAddress, () => {});
    this.world.runFor(500);
    this.#ask();
  }

  // ---- the world around it ----

  #dialed(address: string, done: Parameters<DialNow>[2]): void {
    if (address === ownAddress) done({ code: 'SELF' });
    else if (address === honestAddress && this.#wires.length === 0)
      done({ link: this.#held(this.#honest.link) });
    else if (address === honestAddress || below(this.#random, 2) === 0) done({ code: this.#pick(codes) });
    else done({ link: this.#stranger(true, address).link });
  }

  #pick<T>(list: readonly T[]): T {
    return pickOne(this.#random, list) as T;
  }

  #held(link: WireLink): WireLink {
    this.#wires.push(link);
    return link;
  }

  /** Takes two of three offers, and answers most of them. */
  #offered(path: SignalPath): SignalEvents | undefined {
    if (below(this.#random, 3) === 0) return undefined;
    if (below(this.#random, 3) > 0) path.send({ kind: 'answer', sdp: 'v=0' });
    return this.#events(path);
  }

  #events(path: SignalPath): SignalEvents {
    return {
      onSignal: () => {
        path.send({ kind: 'candidate', candidate: 'candidate:1' });
        if (below(this.#random, 4) === 0) path.close();
      },
      onClose: () => path.send({ kind: 'candidate', candidate: 'too late' }),
    };
  }

  /** We begin an introduction, to somebody who is there or not. */
  #introduce({ self }: Stranger): void {
    const to = below(this.#random, 4) === 0 ? simCrypto(this.world, 'nobody').id : self.id;
    const via = [`${hostileAddress}#${self.id}`, honestAddress].slice(below(this.#random, 3));
    const events: SignalEvents = { onSignal: () => {}, onClose: () => {} };
    const path = this.gossip.signaller.introduce(to, { via }, events);
    path.send({ kind: 'offer', sdp: 'v=0' });
    if (below(this.#random, 3) === 0) path.close();
  }

  /** Somebody comes, most often somebody new. */
  #stranger(initiator: boolean, remoteAddress: string | undefined): Stranger {
    const again = below(this.#random, 5) === 0 ? pickOne(this.#random, this.#strangers) : undefined;
    const self = again?.self ?? simCrypto(this.world, `stranger ${++this.#names}`);
    const session = below(this.#random, 4) === 0 ? `${below(this.#random, 3)}` : self.id;
    const scope = this.#pick(['global', 'global', 'private', 'loopback'] as const);
    const fields = { peer: self.id, initiator, session, scope };
    const link = this.#held(new WireLink(this.world, { ...fields, remoteAddress }));
    const stranger = { link, self };
    this.#strangers.push(stranger);
    return stranger;
  }

  #talk({ self }: Stranger): Talk {
    const others = this.#strangers.slice(-6).map((stranger) => stranger.self);
    return {
      random: this.#random,
      self,
      others,
      wallMs: this.world.clock.wall(),
      shelf: this.#shelf,
      node: this.#own.id,
    };
  }

  #arrive(): void {
    const ip = `${9 + below(this.#random, 3)}.${below(this.#random, 4)}.9.${below(this.#random, 200)}`;
    const stranger = this.#stranger(
      false,
      this.#pick([`tcp://${ip}:5000`, `tcp://${ip}:5000`, undefined, 'x']),
    );
    this.gossip.add(stranger.link, below(this.#random, 20) === 0 ? { purpose: 'app' } : {});
    const dice = below(this.#random, 20);
    if (dice === 0) return; // says nothing
    const hello = greeting(this.#talk(stranger), dice < 12 ? 'overlay' : undefined);
    if (dice === 1) this.#say(stranger, mutate(this.#random, hello, [hello]));
    else stranger.link.say(hello);
  }

  /** Many who say nothing. */
  #crowd(): void {
    for (let n = 0; n < 90; n++) this.gossip.add(this.#stranger(false, undefined).link);
  }

  #say({ link }: Stranger, bytes: Uint8Array): void {
    if (link.closed !== undefined) return;
    this.#tally.begin(bytes);
    link.say(bytes);
    this.#tally.end();
  }

  // ---- a step, and what must hold after it ----

  step(): void {
    this.#strangers = this.#strangers.filter(({ link }) => link.closed === undefined).slice(-40);
    const dice = below(this.#random, 100);
    const stranger = pickOne(this.#random, this.#strangers);
    if (dice < 25 || stranger === undefined) this.#arrive();
    else if (dice === 25 && below(this.#random, 4) === 0) this.#crowd();
    else if (dice < 75) {
      const sequence = Array.from({ length: 1 + below(this.#random, 16) }, () =>
        gossipMessage(this.#talk(stranger)),
      );
      for (const bytes of mutateSequence(this.#random, sequence)) this.#say(stranger, bytes);
    } else if (dice < 77) this.#introduce(stranger);
    else if (dice < 80) stranger.link.hangUp(this.#pick(reasons));
    else if (dice < 83) stranger.link.full = true;
    else if (dice < 86) stranger.link.drain();
    else if (dice < 88) this.gossip.disconnect(this.#pick([stranger.self.id, hostileAddress]));
    else if (dice < 89) this.gossip.connectNow(hostileAddress, () => {})();
    else this.world.runFor(this.#pick([10, 100, 1_000, 5_000, 40_000]));
    this.#check();
  }

  #check(): void {
    const snapshot = this.gossip.snapshot();
    const limits = this.#limits;
    const most = (name: string, value: unknown, max: number): void => {
      if (!(Number(value) <= max)) throw new Broken(`${name}: ${value}, at most ${max}`);
    };
    if (snapshot.bugs !== 0) throw new Broken(`${snapshot.bugs} bugs: ${this.#bug}`);
    const links = this.gossip.links();
    const waiting = links.filter(({ kind, direction }) => kind === 'pending' && direction === 'in');
    // A second link to a peer has said it, and waits for the end of the first one.
    const firsts = links.length - waiting.length;
    most('inbound links without HELLO, or second ones', waiting.length, limits.pendingMax + firsts);
    most('guests', snapshot.hosted, limits.guestsMax);
    most('links of applications', snapshot.appLinks, limits.appsMax + 1);
    most('probes', snapshot.probeLinks, limits.probesMax);
    most('dials', snapshot.dialing, limits.dialsMax + limits.pinnedMax);
    most('paths', snapshot.paths, limits.pathsMax + limits.pathsTakenMax);
    most('introductions', snapshot.relaying, limits.introductionsMax);
    most('walks', snapshot.walking, 4 * limits.walksMax);
    most('neighbours', snapshot.overlayLinks, Math.max(limits.linksMax, limits.linksDialableMax) + 1);
    const ids = links.filter(({ kind }) => kind === 'overlay').map(({ id }) => id);
    if (new Set(ids).size !== ids.length) throw new Broken('two neighbours with one id');
    if (!(this.gossip.size >= 1 && this.gossip.size < Number.POSITIVE_INFINITY))
      throw new Broken(`a size of ${this.gossip.size}`);
  }

  /** The honest neighbour is still there, and is answered. */
  #ask(): void {
    const { link } = this.#honest;
    this.world.runFor(3_000);
    const before = this.#honest.answers;
    this.#honest.shuffle();
    this.world.runFor(2_000);
    if (link.closed !== undefined) throw new Broken(`the honest neighbour was closed: ${link.closed}`);
    if (this.#honest.answers === before) throw new Broken('the honest neighbour is not answered');
  }

  /** Ends it: everything must be let go. */
  end(): void {
    this.#ask();
    this.world.runFor(60_000);
    this.#check();
    const closed = this.gossip.links().filter(({ link }) => (link as WireLink).closed !== undefined);
    if (closed.length > 0) throw new Broken(`it holds ${closed.length} links that are closed`);
    const book = [...this.#store.entries()].length;
    if (book > bookMax) throw new Broken(`${book} addresses in the book`);
    this.gossip.close();
    this.world.runFor(1_000);
    const open = this.#wires.filter(({ closed }) => closed === undefined);
    if (open.length > 0) throw new Broken(`${open.length} links are open after close()`);
    if (this.world.pending > 0) throw new Broken('something is still to happen after close()');
  }
}

/** A life of some dozen sequences. */
export function gossipLife(random: Random, tally: Tally, options?: GossipLifeOptions): void {
  const life = new GossipLife(random, tally, options);
  for (let steps = 40 + below(random, 100); steps > 0; steps--) life.step();
  life.end();
}
