// The way of every message into the machine, before it means anything: its form, the sender's rate, the signatures in
// it. Signatures have budgets of their own; where there is none left a message waits, and those of its link behind it:
// later, not lost (protocol.md §8).
import type { HeardRecord, LinkKey, PeerRecord } from '@peernet/core';
import type { RateName } from '../defaults.js';
import { decodeMessage, type Message } from '../wire.js';
import type { Context, Ending } from './context.js';
import type { Peer } from './peer.js';
import type { Records } from './records.js';

/** The bucket that each kind of message has to pass. */
const rateOf: { readonly [K in Message['kind']]: RateName } = {
  hello: 'hello',
  record: 'record',
  shuffle: 'shuffle',
  extrema: 'extrema',
  walk: 'walk',
  link: 'answer',
  full: 'answer',
  replaced: 'answer',
  signal: 'signal',
  unreachable: 'unreachable',
  unknown: 'shuffle',
};

export interface IntakeParts {
  readonly records: Records;
  readonly ending: Ending;
  /** A message that is well-formed, within its rate and genuine. */
  readonly dispatch: (peer: Peer, message: Message) => void;
  /** A record of our own came back to us. */
  readonly mirrored: (record: PeerRecord) => void;
}

export class Intake {
  readonly #c: Context;
  readonly #p: IntakeParts;
  /** Links with messages that wait for signature budget, and when to look again. */
  readonly #waiting = new Set<Peer>();
  #resumeMs = Number.POSITIVE_INFINITY;
  #waitingBytes = 0;

  constructor(context: Context, parts: IntakeParts) {
    this.#c = context;
    this.#p = parts;
  }

  message(key: LinkKey, bytes: Uint8Array): void {
    const peer = this.#c.peers.get(key);
    if (peer === undefined) return;
    if (peer.waiting !== undefined) this.#postpone(peer, bytes);
    else this.#read(peer, bytes);
  }

  #read(peer: Peer, bytes: Uint8Array): void {
    const { counters } = this.#c;
    const message = decodeMessage(bytes);
    if (message === undefined) {
      counters.malformed++;
      this.#p.ending.ban(peer, 'a malformed message');
    } else if (!this.#affordable(peer, message)) this.#postpone(peer, bytes);
    else if (!this.#mayCome(peer, message)) this.#drop(peer);
    else if (message.kind !== 'hello' && !peer.greeted) this.#p.ending.end(peer, 'PROTOCOL');
    else if (this.#genuine(peer, message)) this.#p.dispatch(peer, message);
  }

  #mayCome(peer: Peer, message: Message): boolean {
    const { nowMs } = this.#c;
    if (!peer.receiving(rateOf[message.kind], nowMs).take(1, nowMs)) return false;
    if (message.kind === 'extrema')
      return peer.receiving('entries', nowMs).take(message.entries.length, nowMs);
    const begins = message.kind === 'signal' && message.target !== undefined;
    return !begins || peer.receiving('introduction', nowMs).take(1, nowMs);
  }

  /** More than it may: dropped, not punished, unless it goes on and on. */
  #drop(peer: Peer): void {
    this.#c.counters.limiterDrops++;
    peer.drops++;
    if (peer.drops > this.#c.tuning.dropsMax) this.#p.ending.end(peer, 'RATE');
  }

  #affordable(peer: Peer, message: Message): boolean {
    const { records } = this.#p;
    if (message.kind === 'signal') return records.affordable(peer, 1);
    if (message.kind === 'extrema') return records.affordable(peer, message.entries.length);
    const heards = recordsOf(message);
    // Nearly always there is enough for all of them; only if not it matters which ones we know.
    return records.affordable(peer, heards.length) || records.affordable(peer, records.unchecked(heards));
  }

  /** Whoever passes on what its owner did not sign has not checked it, or made it. */
  #genuine(peer: Peer, message: Message): boolean {
    for (const { record } of recordsOf(message)) {
      if (!this.#p.records.genuine(record, peer)) {
        this.#c.counters.badSignatures++;
        this.#p.ending.ban(peer, 'a forged record');
        return false;
      }
      if (record.id === this.#c.crypto.id) this.#p.mirrored(record);
    }
    return true;
  }

  #postpone(peer: Peer, bytes: Uint8Array): void {
    const { counters, tuning, nowMs } = this.#c;
    peer.waiting ??= [];
    if (
      peer.waiting.length >= tuning.waitingMax ||
      this.#waitingBytes + bytes.length > tuning.waitingBytesMax
    ) {
      if (peer.waiting.length === 0) peer.waiting = undefined;
      this.#drop(peer);
      return;
    }
    counters.postponed++;
    peer.waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#waiting.add(peer);
    this.#resumeMs = Math.min(this.#resumeMs, nowMs + tuning.waitingMs);
  }

  deadline(): number {
    return this.#resumeMs;
  }

  /** Tries again what waits, in order; what cannot be afforded yet waits on. */
  tick(): void {
    if (this.#c.nowMs < this.#resumeMs) return;
    this.#resumeMs = Number.POSITIVE_INFINITY;
    this.#waitingBytes = 0;
    for (const peer of [...this.#waiting]) {
      const list = peer.waiting ?? [];
      peer.waiting = undefined;
      this.#waiting.delete(peer);
      for (const bytes of list) if (this.#c.peers.get(peer.key) === peer) this.message(peer.key, bytes);
    }
  }
}

/** Records in a message whose signatures have to hold before it means anything. */
function recordsOf(message: Message): readonly HeardRecord[] {
  switch (message.kind) {
    case 'hello':
    case 'record':
      return [message.self];
    case 'walk':
      return [message.origin];
    case 'shuffle':
    case 'link':
    case 'full':
      return message.records;
    case 'replaced':
      return message.joiner === undefined ? message.records : [message.joiner, ...message.records];
    default:
      return [];
  }
}
