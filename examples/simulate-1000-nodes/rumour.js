// The protocol: whoever hears a rumour for the first time tells all neighbours but the one it came from.
// Put yours here. It sees channels to neighbours, and a clock; no sockets, no timers, no promises.
export class Rumours {
  heard = new Map();
  told = 0;
  #neighbours = new Set();

  constructor(clock) {
    this.clock = clock;
  }

  up(channel) {
    this.#neighbours.add(channel);
    channel.open({ onMessage: ([number]) => this.#hear(number, channel) });
  }

  down(channel) {
    this.#neighbours.delete(channel);
  }

  start(number) {
    this.#hear(number, undefined);
  }

  #hear(number, from) {
    if (this.heard.has(number)) return;
    this.heard.set(number, this.clock.now());
    for (const channel of this.#neighbours) {
      if (channel === from) continue;
      channel.send(Uint8Array.of(number), 'search');
      this.told++;
    }
  }
}
