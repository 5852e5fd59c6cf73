// Counts what introductions cost, path by path: a walk and the signals that go back its way have one id, an
// introduction over a relay has one of its own.
import { toHex } from '@peernet/core';
import type { Host } from '@peernet/sim';
import { decodeMessage } from '../../../packages/gossip/src/wire.js';
import { channelTag } from './connection.js';
import type { Population } from './population.js';

interface Cost {
  messages: number;
  bytes: number;
}

/** One id on the wire. */
export interface Introduced extends Cost {
  readonly walk: boolean;
  /** SIGNALs, and where they were last seen to go. */
  signals: number;
  /** A signal has come back to whom the first one came from. */
  answered: boolean;
  readonly began: Host;
}

/** First bytes of WALK, SIGNAL and UNREACHABLE, and where their ids are. */
const kinds = { walk: 5, signal: 9, unreachable: 10 };
const idBytes = 8;

export class IntroductionMeter {
  readonly paths = new Map<string, Introduced>();
  /** Bytes of the offers as they leave, and how many those were. */
  readonly offers: Cost = { messages: 0, bytes: 0 };

  constructor(population: Population) {
    population.listen((from, to, message) => this.#sent(from, to, message));
  }

  #sent(from: Host, to: Host, message: Uint8Array): void {
    const kind = message[1] as number;
    if (message[0] !== channelTag.gossip || !Object.values(kinds).includes(kind)) return;
    const id = toHex(message.subarray(2, 2 + idBytes));
    const path = this.paths.get(id) ?? this.#begin(id, from, message);
    if (path === undefined) return;
    path.messages++;
    path.bytes += message.length - 1;
    if (kind !== kinds.signal) return;
    path.signals++;
    // Offers go back to who sent the walk; answers to who sent the first signal.
    path.answered ||= to === path.began;
  }

  #begin(id: string, from: Host, bytes: Uint8Array): Introduced | undefined {
    const message = decodeMessage(bytes.subarray(1));
    if (message?.kind === 'walk' && message.purpose === 'join') return undefined;
    if (message?.kind === 'signal') {
      this.offers.messages++;
      this.offers.bytes += bytes.length - 1;
    }
    const walk = message?.kind === 'walk';
    const path = { walk, signals: 0, answered: false, began: from, messages: 0, bytes: 0 };
    this.paths.set(id, path);
    return path;
  }

  /** Mean cost of one that succeeded; failed attempts are on the bill of those that did. Not counted: the first `before`. */
  costs(walk: boolean, before = 0): { begun: number; answered: number; messages: number; bytes: number } {
    const all = [...this.paths.values()].slice(before).filter((path) => path.walk === walk);
    const answered = all.filter((path) => path.answered).length;
    const sum = (what: keyof Cost): number => all.reduce((total, path) => total + path[what], 0);
    const each = Math.max(1, answered);
    return { begun: all.length, answered, messages: sum('messages') / each, bytes: sum('bytes') / each };
  }
}
