// Two channels on one simulated link, for gossip and for our protocol: the first byte says whose a message is.

/** Returns the two channels; gossip's ends the link, ours ends with it. */
export function split(link) {
  const gossip = new Channel(link, 0);
  const app = new Channel(link, 1);
  gossip.app = app;
  gossip.begin = () =>
    link.open({
      onMessage: (message) => (message[0] === 0 ? gossip : app).events?.onMessage(message.subarray(1)),
      onDrain: () => gossip.events?.onDrain(),
      onClose: (reason) => gossip.events?.onClose(reason),
    });
  return gossip;
}

class Channel {
  constructor(link, tag) {
    this.link = link;
    this.tag = tag;
    const { peer, initiator, session, remoteAddress, scope } = link;
    Object.assign(this, { peer, initiator, session, remoteAddress, scope });
  }
  get buffered() {
    return this.link.buffered;
  }
  open(events) {
    this.events = events;
    this.begin?.();
  }
  send(message, urgency) {
    const tagged = new Uint8Array(message.length + 1);
    tagged[0] = this.tag;
    tagged.set(message, 1);
    return this.link.send(tagged, urgency);
  }
  close(reason) {
    this.link.close(reason);
  }
}
