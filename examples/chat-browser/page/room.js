// The chat itself, without a page: lines of JSON over the streams that `pn.subnet()` keeps to a few members, each message
// passed on to all others once. The same lines as examples/chat-terminal: both are in one room.

/** @param {{ name: string, onPresent: () => void, onSay: (name: string, text: string, own: boolean) => void }} o */
export function enter(chat, o) {
  /** stream → who is at its other end */
  const present = new Map();
  const seen = new Set(); // ids of messages, so that none goes round in circles
  const decoder = () => new TextDecoder();
  const encoder = new TextEncoder();
  const behind = new WeakSet(); // streams whose other end reads too slowly: what is said meanwhile it misses
  const write = (stream, message) => {
    if (behind.has(stream)) return;
    if (!stream.write(encoder.encode(`${JSON.stringify(message)}\n`))) behind.add(stream);
  };

  chat.on('connection', (stream, peer) => {
    write(stream, { name: o.name });
    const text = decoder();
    let rest = '';
    stream.on('data', (bytes) => {
      const lines = (rest + text.decode(bytes, { stream: true })).split('\n');
      rest = lines.pop();
      if (rest.length > 10_000) stream.destroy(); // who sends that is no friend
      for (const json of lines) received(stream, peer, parse(json));
    });
    stream.on('drain', () => behind.delete(stream));
    stream.on('end', () => stream.end());
    stream.on('close', () => {
      present.delete(stream);
      o.onPresent();
    });
  });

  function received(stream, peer, message) {
    if (message === undefined) return;
    if (message.text !== undefined) pass(message, stream);
    else if (!present.has(stream)) {
      present.set(stream, { id: peer.id, name: short(message.name, 40) });
      o.onPresent();
    }
  }

  /** Shows a message that is new, and passes it on to all but who sent it. */
  function pass(message, from) {
    if (seen.has(message.id)) return;
    seen.add(message.id);
    if (seen.size > 1000) seen.delete(seen.values().next().value);
    o.onSay(short(message.name, 40), short(message.text, 500), from === undefined);
    for (const stream of present.keys()) if (stream !== from) write(stream, message);
  }

  return {
    say: (text) => pass({ id: id(), name: o.name, text }, undefined),
    /** Members at the other ends of our streams: `{ id, name }`. */
    present: () => [...present.values()],
  };
}

/** `crypto.randomUUID` exists on https pages and localhost only. */
function id() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
}

const short = (text, length) => text.slice(0, length);

/** What strangers send may be anything: `{ name }` or `{ id, name, text }`, all strings, or it is nothing. */
function parse(json) {
  try {
    const message = JSON.parse(json);
    const { id, name, text } = message;
    const isText = typeof text === 'string' && typeof id === 'string';
    return typeof name === 'string' && (isText || text === undefined) ? message : undefined;
  } catch {
    return undefined;
  }
}
