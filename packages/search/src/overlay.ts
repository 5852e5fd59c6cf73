// What the search needs of the network below it: neighbours, and messages to and from them. `LinkOverlay` makes one
// of plain links; anything else with authenticated neighbours will do as well.
import type { CloseReason, Link, LinkKey, PeerId, Scope, Urgency } from '@peernet/core';

export interface OverlayNeighbour {
  /** Never used twice. */
  readonly key: LinkKey;
  readonly peer: PeerId;
  readonly scope: Scope;
}

export interface OverlayEvents {
  up(key: LinkKey, peer: PeerId, scope: Scope): void;
  down(key: LinkKey): void;
  message(key: LinkKey, bytes: Uint8Array): void;
  drain(key: LinkKey): void;
}

export interface Overlay {
  neighbours(): readonly OverlayNeighbour[];
  /** False: not taken. */
  send(to: LinkKey, message: Uint8Array, urgency: Urgency): boolean;
  /** Bytes accepted but not yet handed to the transport. */
  buffered(to: LinkKey): number;
  /** N̂: how many nodes there are, ≥ 1. */
  size(): number;
  /** Returns "unsubscribe". */
  subscribe(events: OverlayEvents): () => void;
  /** The neighbour broke the protocol. */
  close?(to: LinkKey, reason: CloseReason): void;
}

export interface LinkOverlayOptions {
  /** How many nodes there are, as far as anybody knows; it decides how far casts go. */
  readonly size: () => number;
}

/** An overlay of links that somebody else makes and ends. */
export class LinkOverlay implements Overlay {
  readonly #size: () => number;
  readonly #links = new Map<LinkKey, Link>();
  readonly #keys = new Map<Link, LinkKey>();
  readonly #subscribers = new Set<OverlayEvents>();
  #lastKey = 0;

  constructor(options: LinkOverlayOptions) {
    this.#size = options.size;
  }

  /** Opens the link and takes what comes over it. Links that end are removed by themselves. */
  add(link: Link): void {
    if (this.#keys.has(link)) return;
    const key = ++this.#lastKey;
    this.#links.set(key, link);
    this.#keys.set(link, key);
    link.open({
      onMessage: (message) => {
        if (this.#links.has(key)) for (const events of this.#subscribers) events.message(key, message);
      },
      onDrain: () => {
        if (this.#links.has(key)) for (const events of this.#subscribers) events.drain(key);
      },
      onClose: () => this.remove(link),
    });
    for (const events of this.#subscribers) events.up(key, link.peer, link.scope);
  }

  /** Nothing is sent or heard over the link any more; closing it is its owner's business. */
  remove(link: Link): void {
    const key = this.#keys.get(link);
    if (key === undefined) return;
    this.#keys.delete(link);
    this.#links.delete(key);
    for (const events of this.#subscribers) events.down(key);
  }

  neighbours(): OverlayNeighbour[] {
    return [...this.#links].map(([key, { peer, scope }]) => ({ key, peer, scope }));
  }

  send(to: LinkKey, message: Uint8Array, urgency: Urgency): boolean {
    return this.#links.get(to)?.send(message, urgency) ?? false;
  }

  buffered(to: LinkKey): number {
    return this.#links.get(to)?.buffered ?? 0;
  }

  size(): number {
    return this.#size();
  }

  subscribe(events: OverlayEvents): () => void {
    this.#subscribers.add(events);
    return () => {
      this.#subscribers.delete(events);
    };
  }

  close(to: LinkKey, reason: CloseReason): void {
    this.#links.get(to)?.close(reason);
  }
}
