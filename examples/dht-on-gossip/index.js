// Twelve nodes of a DHT on this machine: gossip finds the peers, the routing table keeps them.
import { accepter, createCrypto, dialer } from '@peernet/connection';
import { Gossip } from '@peernet/gossip';
import { tcp } from '@peernet/transport-tcp';
import { Table } from './table.js';

async function dhtNode(seeds) {
  const crypto = createCrypto();
  const transport = tcp();
  const table = new Table(crypto.id);
  const gossip = new Gossip({
    crypto,
    dial: dialer({ crypto, transports: [transport] }),
    connections: 5,
    interval: 1000,
    seeds,
  });
  gossip.on('peer', ({ id, address }) => table.offer(id, address));
  gossip.on('down', ({ id, reason }) => {
    if (reason !== 'SHUTDOWN') console.log(`  ${crypto.id.slice(0, 6)} lost ${id.slice(0, 6)}: ${reason}`);
  });

  const accept = accepter({ crypto, onLink: (link) => gossip.add(link) });
  const listener = await transport.listen({ host: '127.0.0.1' }, accept);
  gossip.listening([{ scheme: 'tcp', host: listener.host, port: listener.port }]);
  const close = async () => {
    gossip.close();
    await listener.close();
  };
  return { id: crypto.id, address: `tcp://127.0.0.1:${listener.port}`, table, gossip, close };
}

const first = await dhtNode([]);
const nodes = [first];
for (let i = 1; i < 12; i++) nodes.push(await dhtNode([first.address]));
console.log(`${nodes.length} nodes, all of them know only ${first.address}`);

// Ends when every table knows enough peers, or says that it did not.
const enough = 4;
const deadline = Date.now() + 30_000;
while (nodes.some((node) => node.table.size < enough) && Date.now() < deadline) {
  await new Promise((resolve) => setTimeout(resolve, 100));
}
for (const { id, table, gossip } of nodes) {
  const peers = `${gossip.neighbours().length} neighbours, about ${Math.round(gossip.size)} nodes in the network`;
  console.log(`${id.slice(0, 6)}: ${table.size} in the table, ${peers}`);
}
const target = nodes.at(-1).id;
console.log(
  `closest to ${target.slice(0, 6)} for ${first.id.slice(0, 6)}:`,
  first.table
    .closest(target, 3)
    .map((id) => id.slice(0, 6))
    .join(' '),
);

await Promise.all(nodes.map((node) => node.close()));
if (nodes.some((node) => node.table.size < enough)) {
  console.error(`some tables have fewer than ${enough} peers after 30 s`);
  process.exitCode = 1;
}
