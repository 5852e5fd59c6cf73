// A thousand nodes, one process, virtual time: they find each other, a rumour runs, a third of them vanishes.
import { Gossip } from '@peernet/gossip';
import { createWorld } from '@peernet/sim';
import { createBook } from '@peernet/store';
import { split } from './channels.js';
import { Rumours } from './rumour.js';

const count = 1000;
const seed = Number(process.argv[2] ?? 1);
const world = createWorld({ seed, replay: (n) => `npm start -- ${n}` });
const network = world.network({ latencyMs: 40 });
const nodes = [];

/** 30 % listen where others can dial them; everybody knows the first two. */
function start(i) {
  const host = network.host({ dialable: i < 2 || i % 10 < 3 });
  const { clock, random, crypto } = host;
  const gossip = new Gossip({
    crypto,
    clock,
    random,
    store: createBook({ clock, random, scale: 1 / 16 }),
    seeds: nodes.slice(0, 2).map((node) => node.host.address),
    interfaces: () => [host.ip],
    dialNow: (address, options, done) =>
      host.dialNow(address, options, (result) => done(result.link ? { link: split(result.link) } : result)),
  });
  host.onLink = (link) => gossip.add(split(link));
  if (host.dialable) gossip.listening([{ scheme: 'ws', host: '0.0.0.0', port: 4000 }]);
  const rumours = new Rumours(world.clock);
  gossip.on('up', ({ link }) => rumours.up(link.app));
  gossip.on('down', ({ link }) => rumours.down(link.app));
  nodes.push({ host, gossip, rumours });
}

/** Starts a rumour, lets three seconds pass, says how far it came. */
function spread(number, what) {
  const alive = nodes.filter(({ host }) => host.running);
  const told = () => alive.reduce((sum, { rumours }) => sum + rumours.told, 0);
  const [before, startMs] = [told(), world.now];
  alive[world.random.uint32() % alive.length].rumours.start(number);
  world.runFor(3000);
  const times = alive.map(({ rumours }) => rumours.heard.get(number)).filter((ms) => ms !== undefined);
  const lastMs = Math.round(Math.max(...times) - startMs);
  const messages = ((told() - before) / alive.length).toFixed(1);
  console.log(
    `${what.padEnd(34)} ${times.length} of ${alive.length} in ${lastMs} ms, ${messages} messages per node`,
  );
  return times.length / alive.length;
}

for (let i = 0; i < count; i++) world.at(i * 10, () => start(i));
world.run(20_000);
const sizes = nodes.map(({ gossip }) => gossip.size).sort((a, b) => a - b);
console.log(
  `${count} nodes after ${world.now / 1000} virtual s take themselves for ${Math.round(sizes[count / 2])}`,
);

const all = spread(1, 'a rumour reaches');
for (const { host } of nodes.filter((_, i) => i % 3 === 0)) host.crash();
const atOnce = spread(2, 'right after a third has vanished:');
world.runFor(15_000);
const later = spread(3, '15 s later:');
console.log(`${world.steps} events, trace ${world.traceHash}: the same for everybody who runs seed ${seed}`);
process.exitCode = all === 1 && atOnce > 0.9 && later > 0.99 ? 0 : 1;
