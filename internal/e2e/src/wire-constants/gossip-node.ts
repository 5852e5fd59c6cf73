// A real Gossip in virtual time, and peers that say to it what they like. Nothing is random that a case could see.
import {
  type Crypto,
  memoryStore,
  type PeerRecord,
  type PeerStore,
  type RecordFields,
  type Signal,
  seededRandom,
  signRecord,
} from '@peernet/core';
import { Gossip } from '@peernet/gossip';
import { createWorld, simCrypto, type World } from '@peernet/sim';
import {
  decodeMessage,
  encodeHello,
  type Message,
  type Purpose,
} from '../../../../packages/gossip/src/wire.js';
import { WireLink } from '../fuzz/wire-link.js';

export class GossipNode {
  readonly world: World = createWorld({ seed: 1 });
  readonly gossip: Gossip;
  readonly store: PeerStore;
  readonly own: Crypto;
  /** Signals that reached whoever takes offers. */
  signals: Signal[] = [];
  #peers = 0;

  constructor() {
    const { clock } = this.world;
    this.own = simCrypto(this.world, 'node');
    this.store = memoryStore({ clock, random: seededRandom(1) });
    this.gossip = new Gossip({
      crypto: this.own,
      clock,
      random: seededRandom(2),
      store: this.store,
      bootstrap: false,
      dialNow: (_address, _options, done) => this.world.after(1, () => done({ code: 'DIAL_REFUSED' })),
    });
    this.gossip.signaller.serve(() => ({
      onSignal: (signal) => this.signals.push(signal),
      onClose: () => {},
    }));
  }

  /** Somebody comes, or comes again; without a purpose it says nothing yet. */
  peer(purpose?: Purpose, again?: GossipPeer): GossipPeer {
    const self = again?.self ?? simCrypto(this.world, `peer ${++this.#peers}`);
    const link = new WireLink(this.world, {
      peer: self.id,
      initiator: false,
      remoteAddress: `tcp://9.9.${this.#peers}.9:5000`,
    });
    this.gossip.add(link);
    const peer = new GossipPeer(this, self, link);
    if (purpose !== undefined) link.say(peer.hello(purpose));
    return peer;
  }

  count(name: string): number {
    return Number(this.gossip.snapshot()[name]);
  }

  /** How many records of others can be made: each has an address of its own. */
  #addresses = 0;

  /** The record of somebody new, at an address that nobody else has. */
  stranger(fields: Partial<RecordFields> = {}): PeerRecord {
    const n = ++this.#addresses;
    const address = `ws://${20 + (n % 100)}.${n % 7}.${n % 250}.9:4000`;
    return this.record(simCrypto(this.world, `stranger ${n}`), {
      addresses: [address],
      dialable: true,
      ...fields,
    });
  }

  record(crypto: Crypto, fields: Partial<RecordFields> = {}): PeerRecord {
    return signRecord(crypto, {
      seq: this.world.clock.wall(),
      ttlSeconds: 3_600,
      addresses: [],
      relays: [],
      dialable: false,
      webrtc: false,
      stun: false,
      ...fields,
    });
  }
}

export class GossipPeer {
  readonly self: Crypto;
  readonly link: WireLink;
  readonly record: PeerRecord;
  readonly heard: Message[] = [];
  readonly #node: GossipNode;

  constructor(node: GossipNode, self: Crypto, link: WireLink) {
    this.#node = node;
    this.self = self;
    this.link = link;
    this.record = node.record(self);
    link.onHeard = (bytes) => {
      const message = decodeMessage(bytes);
      if (message !== undefined) this.heard.push(message);
    };
  }

  hello(purpose: Purpose): Uint8Array {
    const wallMs = this.#node.world.clock.wall();
    const self = { record: this.record, ageSeconds: 0 };
    const fields = { purpose, degree: 3, wallMs, dialed: '', observed: '' };
    return encodeHello({ ...fields, digest: new Uint8Array(8), self });
  }

  heardOf(kind: Message['kind']): number {
    return this.heard.filter((message) => message.kind === kind).length;
  }
}
