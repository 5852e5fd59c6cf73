// A message channel as a Link of core.
import type { CloseReason, Link, LinkEvents, PeerId, Scope, Urgency } from '@peernet/core';
import type { Channel, ChannelSink } from './machine/channel.js';
import type { Mux } from './machine/mux.js';

/** What a link takes over from its connection. */
export interface LinkOrigin {
  readonly peer: PeerId;
  readonly initiator: boolean;
  readonly session: string;
  readonly remoteAddress: string | undefined;
  readonly scope: Scope;
  readonly mux: Mux;
  /** Runs what belongs to the app: its exceptions end the connection, nothing else. */
  guard(run: () => void): void;
}

export class ChannelLink implements Link, ChannelSink {
  readonly peer: PeerId;
  readonly initiator: boolean;
  readonly session: string;
  readonly remoteAddress: string | undefined;
  readonly scope: Scope;
  readonly #origin: LinkOrigin;
  #channel: Channel | undefined;
  #events: LinkEvents | undefined;
  #closed: CloseReason | undefined;
  #told = false;
  /** Closing it closes the connection. */
  #owned: ((reason: CloseReason) => void) | undefined;
  ready = false;

  constructor(origin: LinkOrigin) {
    this.#origin = origin;
    this.peer = origin.peer;
    this.initiator = origin.initiator;
    this.session = origin.session;
    this.remoteAddress = origin.remoteAddress;
    this.scope = origin.scope;
  }

  /** For the connection, once. */
  attach(channel: Channel | undefined): this {
    this.#channel = channel;
    if (channel === undefined) this.onClose('LOST');
    return this;
  }

  /** Makes this link the owner of its connection. */
  own(close: (reason: CloseReason) => void): this {
    this.#owned = close;
    if (this.#closed !== undefined) close(this.#closed);
    return this;
  }

  get buffered(): number {
    return this.#channel?.queuedBytes ?? 0;
  }

  open(events: LinkEvents): void {
    if (this.#events !== undefined) throw new TypeError('a link is opened once');
    this.#events = events;
    // Not at once: whoever opens it may not be ready to be called back before this returns.
    queueMicrotask(() => {
      this.ready = true;
      this.#origin.guard(() => this.#channel && this.#origin.mux.resume(this.#channel));
      this.#tellClosed();
    });
  }

  send(message: Uint8Array, urgency: Urgency): boolean {
    if (this.#channel === undefined || this.#closed !== undefined) return false;
    return this.#origin.mux.send(this.#channel, message, urgency);
  }

  close(reason: CloseReason): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    if (this.#owned !== undefined) this.#owned(reason);
    else if (this.#channel !== undefined) this.#origin.mux.finish(this.#channel, reason);
    queueMicrotask(() => this.#tellClosed());
  }

  onData(message: Uint8Array): void {
    if (this.#closed === undefined) this.#events?.onMessage(message);
  }

  onDrain(): void {
    if (this.#closed === undefined) this.#events?.onDrain();
  }

  onEnd(): void {
    this.onClose('DONE');
  }

  onClose(reason: CloseReason): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    this.#owned?.(reason);
    queueMicrotask(() => this.#tellClosed());
  }

  #tellClosed(): void {
    const events = this.#events;
    const reason = this.#closed;
    if (!this.ready || this.#told || events === undefined || reason === undefined) return;
    this.#told = true;
    this.#origin.guard(() => events.onClose(reason));
  }
}
