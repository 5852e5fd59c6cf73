// A link with its number: turns its events into inputs of the machine.
import type { CloseReason, Link, LinkEvents, LinkKey } from '@peernet/core';
import type { NewLink, OverlayInput } from './machine/effects.js';

export class HeldLink implements LinkEvents {
  readonly link: Link;
  readonly #key: LinkKey;
  readonly #receive: (input: OverlayInput) => void;

  constructor(key: LinkKey, link: Link, receive: (input: OverlayInput) => void) {
    this.#key = key;
    this.link = link;
    this.#receive = receive;
  }

  describe(): NewLink {
    const { peer, initiator, scope, session, remoteAddress } = this.link;
    return { key: this.#key, peer, initiator, scope, session, remoteAddress };
  }

  /** Lets its events come. */
  begin(): void {
    this.link.open(this);
  }

  onMessage(bytes: Uint8Array): void {
    this.#receive({ type: 'message', key: this.#key, bytes });
  }

  onDrain(): void {
    this.#receive({ type: 'drain', key: this.#key });
  }

  onClose(reason: CloseReason): void {
    this.#receive({ type: 'linkDown', key: this.#key, reason });
  }
}
