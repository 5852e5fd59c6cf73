// A real Search over the real LinkOverlay in virtual time, and one neighbour that says to it what it likes.
import { type Crypto, type PeerRecord, seededRandom, signRecord } from '@peernet/core';
import { LinkOverlay, Search } from '@peernet/search';
import { createWorld, simCrypto, type World } from '@peernet/sim';
import { encodeAdvertMessage, signAdvert } from '../../../../packages/search/src/wire.js';
import { WireLink } from '../fuzz/wire-link.js';

/** What an advert says. */
interface Said {
  readonly subnet?: number;
  readonly seq?: number;
  readonly budget?: number;
}

export class SearchNode {
  readonly world: World = createWorld({ seed: 1 });
  readonly search: Search;
  readonly link: WireLink;
  readonly self: Crypto;
  readonly #record: PeerRecord;

  constructor() {
    const { clock } = this.world;
    const own = this.#recordOf(simCrypto(this.world, 'node'));
    const overlay = new LinkOverlay({ size: () => 10 });
    this.search = new Search({
      crypto: simCrypto(this.world, 'node itself'),
      overlay,
      clock,
      random: seededRandom(1),
      record: () => own,
    });
    this.self = simCrypto(this.world, 'neighbour');
    this.#record = this.#recordOf(this.self);
    this.link = new WireLink(this.world, { peer: this.self.id, initiator: false });
    overlay.add(this.link);
  }

  #recordOf(crypto: Crypto): PeerRecord {
    const fields = { seq: this.world.clock.wall(), ttlSeconds: 3_600, addresses: [], relays: [] };
    return signRecord(crypto, { ...fields, dialable: false, webrtc: false, stun: false });
  }

  /** The neighbour advertises itself. */
  advert({ subnet = 0, seq = this.world.clock.wall(), budget = 1 }: Said = {}): Uint8Array {
    const name = new Uint8Array(32);
    new DataView(name.buffer).setUint32(0, subnet);
    return encodeAdvertMessage({ budget, hops: 1, ageSeconds: 0, advert: this.signed(name, seq) });
  }

  /** … as it stands in a message. */
  signed(subnet: Uint8Array, seq: number): Uint8Array {
    const fields = { subnet, record: this.#record, seq, ttlSeconds: 600, meta: new Uint8Array(0) };
    return signAdvert(this.self, fields).bytes;
  }

  count(name: string): number {
    return this.search.snapshot()[name] ?? Number.NaN;
  }
}
