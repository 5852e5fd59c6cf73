// Three peers: a is known to all, c joins a subnet, b finds c and talks to it.
import peernet from 'peernet';

const [a, b, c] = [peernet(), peernet(), peernet()];
const { address } = await a.listen('ws', { host: '127.0.0.1' });
console.log('a listens at', address);

await Promise.all([b.connect(address), c.connect(address), c.listen('ws', { host: '127.0.0.1' })]);
console.log('b and c are connected to a');

c.handle('greet', (stream, peer) => {
  stream.on('data', (name) => stream.end(`hello, ${name}! you are ${peer.id.slice(0, 8)}`));
});
await c.join('greeters');

const row = await b.find('greeters');
console.log(`b found ${row.id.slice(0, 8)} at ${row.address}, ${row.hops} hops away`);

const stream = b.open(row, 'greet');
stream.end('b'); // the stream is over when both sides have ended
for await (const text of stream) console.log('c says:', text.toString());

await Promise.all([a, b, c].map((node) => node.close()));
