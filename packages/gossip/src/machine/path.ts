// One introduction at one of its ends: who is at the other end, by which way, what was said. Plain state; the rules are
// in introductions.ts.
import { type ErrorCode, type PeerId, type Scope, type Signal, signalsMax } from '@peernet/core';
import { INTRODUCTION } from '../defaults.js';
import type { Peer } from './peer.js';
import { sealedBytesOf, signalBytes } from './sealed-signal.js';
import type { Way } from './ways.js';

/** What one end may send over one path: half of what relays let through. */
export class Allowance {
  messages = 0;
  bytes = 0;

  /** False: too long, or more than is allowed; nothing is taken then. */
  take(signal: Signal, longest: number): boolean {
    const bytes = sealedBytesOf(signal);
    const fits =
      signalBytes(signal) <= longest &&
      this.messages < signalsMax &&
      this.bytes + bytes <= INTRODUCTION.bytesMax / 2;
    if (!fits) return false;
    this.messages++;
    this.bytes += bytes;
    return true;
  }
}

export class Path {
  /** Its name between machine and shell: positive if we began it, negative if the other side did. */
  readonly number: number;
  readonly peer: PeerId;
  /** We began it. */
  readonly began: boolean;
  readonly expiresMs: number;
  /** As it is called on the wire; another one for each way. '': on no way yet. */
  id = '';
  /** The peer of ours over whom it goes. */
  hop: Peer | undefined;
  /** Not tried yet, best first. */
  ways: Way[] = [];
  /** Over whom it has gone. */
  readonly asked = new Set<PeerId>();
  /** How many of them were a guess. */
  guesses = 0;
  /** Relays that are being dialed. */
  readonly dials = new Set<number>();
  /** Links to relays that were dialed, which are there, but not ready. */
  readonly unready = new Set<Peer>();
  scope: Scope;
  /** What we have said; the first `sent` of it by the present way. */
  readonly said: Signal[] = [];
  sent = 0;
  /** Signals of the other side. */
  readonly heard = new Allowance();
  /** The lowest number that its next signal may have. */
  nextCounter = 0;
  /** When it is to be looked at again. */
  dueMs: number;
  /** Why the last way failed. */
  code: ErrorCode = 'NOT_FOUND';

  constructor(fields: {
    number: number;
    peer: PeerId;
    scope: Scope;
    nowMs: number;
    expiresMs: number;
  }) {
    this.number = fields.number;
    this.began = fields.number > 0;
    this.peer = fields.peer;
    this.scope = fields.scope;
    this.dueMs = fields.nowMs;
    this.expiresMs = fields.expiresMs;
  }

  /** One that was dialed may still become a way. */
  get expectsRelay(): boolean {
    return this.dials.size + this.unready.size > 0;
  }

  /** The other side has spoken. */
  get answered(): boolean {
    return this.heard.messages > 0;
  }
}
