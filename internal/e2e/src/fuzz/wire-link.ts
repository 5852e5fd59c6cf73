// The fuzzer's end of a link: says what it likes to the node behind the other end, hears what that says, and can stop
// reading, hang up, or be hung up on.
import {
  type CloseReason,
  type Link,
  type LinkEvents,
  messageBytesMax,
  type PeerId,
  type Scope,
} from '@peernet/core';
import type { World } from '@peernet/sim';
import { Broken } from './gauge.js';

export interface WireLinkOptions {
  readonly peer: PeerId;
  readonly initiator: boolean;
  readonly session?: string;
  readonly remoteAddress?: string;
  readonly scope?: Scope;
}

export class WireLink implements Link {
  readonly peer: PeerId;
  readonly initiator: boolean;
  readonly session: string;
  readonly remoteAddress: string | undefined;
  readonly scope: Scope;
  /** True: takes nothing. */
  full = false;
  /** Why it ended, whoever ended it. */
  closed: CloseReason | undefined;
  /** What the node says. */
  onHeard: ((bytes: Uint8Array) => void) | undefined;
  readonly #world: World;
  #events: LinkEvents | undefined;

  constructor(world: World, options: WireLinkOptions) {
    this.#world = world;
    this.peer = options.peer;
    this.initiator = options.initiator;
    this.session = options.session ?? options.peer;
    this.remoteAddress = options.remoteAddress;
    this.scope = options.scope ?? 'global';
  }

  // ---- for the node ----

  open(events: LinkEvents): void {
    if (this.#events !== undefined) throw new Broken('a link was opened twice');
    this.#events = events;
  }

  send(message: Uint8Array): boolean {
    if (message.length > messageBytesMax) throw new Broken(`it said ${message.length} bytes at once`);
    if (this.closed !== undefined || this.full) return false;
    this.onHeard?.(message.slice());
    return true;
  }

  get buffered(): number {
    return this.full ? 300_000 : 0;
  }

  close(reason: CloseReason): void {
    this.#end(reason);
  }

  // ---- for the fuzzer ----

  /** Delivers a message; false: nobody listens any more. */
  say(bytes: Uint8Array): boolean {
    if (this.closed !== undefined || this.#events === undefined) return false;
    // A view into a larger buffer, as real ones are.
    const buffer = new Uint8Array(bytes.length + 8).fill(0xee);
    buffer.set(bytes, 4);
    this.#events.onMessage(buffer.subarray(4, 4 + bytes.length));
    return true;
  }

  /** Takes messages again. */
  drain(): void {
    this.full = false;
    if (this.closed === undefined) this.#events?.onDrain();
  }

  /** The other side ends it, or it breaks. */
  hangUp(reason: CloseReason): void {
    this.#end(reason);
  }

  #end(reason: CloseReason): void {
    if (this.closed !== undefined) return;
    this.closed = reason;
    this.#world.after(0, () => this.#events?.onClose(reason));
  }
}
