// A set of channels that is nearly always empty, and then costs next to nothing: a connection has several, and an
// idle one should be small.
import type { Channel } from './channel.js';

const none: readonly Channel[] = [];

export class ChannelSet implements Iterable<Channel> {
  #set: Set<Channel> | undefined;

  get size(): number {
    return this.#set?.size ?? 0;
  }

  add(channel: Channel): void {
    this.#set ??= new Set();
    this.#set.add(channel);
  }

  delete(channel: Channel): void {
    if (this.#set?.delete(channel) && this.#set.size === 0) this.#set = undefined;
  }

  /** In the order in which they came; what is deleted meanwhile is left out. */
  [Symbol.iterator](): Iterator<Channel> {
    return (this.#set ?? none)[Symbol.iterator]();
  }
}
