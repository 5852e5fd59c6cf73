// A toy protocol with every fault in it: what the determinism tests run. Hosts dial each other at random and pass
// random numbers on until they are spent.
import { createWorld, type Host, type SimLink } from '../src/index.js';

function attach(host: Host, hosts: readonly Host[]): void {
  const take = (link: SimLink): void => {
    link.open({
      onMessage: (message) => {
        const left = (message[0] ?? 0) - 1;
        const links = [...host.links];
        const next = links[host.random.uint32() % Math.max(1, links.length)];
        if (left > 0) next?.send(Uint8Array.of(left, host.random.uint32() & 255), 'search');
      },
      onDrain: () => {},
      onClose: () => {},
    });
  };
  host.onLink = take;
  const tick = (): void => {
    const target = hosts[host.random.uint32() % hosts.length] as Host;
    if (host.links.size < 4) {
      host.dialNow(target.address, {}, ({ link }) => {
        if (link === undefined) return;
        take(link);
        link.send(Uint8Array.of(50, 0), 'search');
      });
    }
    host.clock.alarm(host.clock.now() + 500 + (host.random.uint32() % 500), tick);
  };
  tick();
}

export function chatter(seed: number): { traceHash: string; steps: number; messages: number } {
  const world = createWorld({ seed });
  const network = world.network({ breakMeanMs: 30_000 });
  const hosts = Array.from({ length: 40 }, (_, i) => network.host({ dialable: i % 4 !== 0 }));
  for (const host of hosts) attach(host, hosts);
  world.at(5_000, () => network.partition([hosts.slice(0, 20), hosts.slice(20)]));
  world.at(12_000, () => network.heal());
  world.at(13_000, () => hosts[1]?.crash());
  world.at(14_000, () => hosts[2]?.crash('reset'));
  world.at(15_000, () => hosts[3]?.pause());
  world.at(32_000, () => {
    hosts[3]?.resume();
    hosts[1]?.restart();
    attach(hosts[1] as Host, hosts);
  });
  world.run(60_000);
  const messages = hosts.reduce((sum, host) => sum + host.traffic.messagesIn, 0);
  return { traceHash: world.traceHash, steps: world.steps, messages };
}
