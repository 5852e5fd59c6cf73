// A chat in a subnet: whoever knows its name is connected to a few others, and passes on what is new.
//
//   npm start alice                          the first one; it says how others join
//   npm start bob ws://192.168.1.5:41234     everybody else: the address of anybody who is in
import { randomUUID } from 'node:crypto';
import { clearLine, createInterface, cursorTo } from 'node:readline';
import peernet from 'peernet';

const [name = 'somebody', ...seeds] = process.argv.slice(2);
const pn = peernet({ seeds });
const { port } = await pn.listen('ws');

const chat = pn.subnet(process.env.ROOM ?? 'example chat');
const present = new Map(); // stream → name of who is at its other end
const behind = new WeakSet(); // streams whose other end reads too slowly: what is said meanwhile it misses
const seen = new Set(); // ids of messages, so that none goes round in circles

chat.on('connection', (stream, peer) => {
  stream.write(line({ name }));
  const decoder = new TextDecoder();
  let rest = '';
  stream.on('data', (chunk) => {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop();
    if (rest.length > 10_000) stream.destroy(); // who sends that is no friend
    for (const json of lines) received(stream, peer, json);
  });
  stream.on('drain', () => behind.delete(stream));
  stream.on('end', () => stream.end());
  stream.on('close', () => {
    if (present.has(stream)) print(`* ${present.get(stream)} has gone`);
    present.delete(stream);
  });
});

function received(stream, peer, json) {
  const message = parse(json);
  if (message === undefined) return;
  if (message.text !== undefined) say(message, stream);
  else if (!present.has(stream)) {
    present.set(stream, `${clean(message.name)} (${peer.id.slice(0, 6)})`);
    print(`* ${present.get(stream)} is here`);
  }
}

/** Shows a message that is new, and passes it on to all but who sent it. */
function say(message, from) {
  if (seen.has(message.id)) return;
  seen.add(message.id);
  if (seen.size > 1000) seen.delete(seen.values().next().value);
  if (from !== undefined) print(`${clean(message.name)}: ${clean(message.text)}`);
  for (const stream of present.keys()) {
    if (stream !== from && !behind.has(stream) && !stream.write(line(message))) behind.add(stream);
  }
}

const line = (message) => `${JSON.stringify(message)}\n`;

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

/** Nothing that a terminal would obey. */
const clean = (text) => text.replace(/[\p{Cc}\p{Cf}]/gu, '').slice(0, 500);

function print(text) {
  if (terminal.terminal) {
    clearLine(process.stdout, 0);
    cursorTo(process.stdout, 0);
  }
  console.log(text);
  if (!terminal.closed) terminal.prompt(true);
}

const terminal = createInterface({ input: process.stdin, output: process.stdout, prompt: '' });
terminal.on('line', (text) => {
  if (text === '/who') print(`* here: ${[...present.values(), 'you'].join(', ')}`);
  else if (text !== '') say({ id: randomUUID(), name, text });
});
// Ctrl-C, or the end of the input: goodbye to all, and the process ends by itself.
process.on('SIGINT', () => terminal.close()).on('SIGTERM', () => terminal.close());
terminal.on('close', () => pn.close());

print(`* you are ${name}; others join with: npm start THEIR_NAME ws://YOUR_ADDRESS:${port}`);
print('* write and press Enter; /who shows who is here, Ctrl-C leaves');
