// The example of the README, as printed there; and the figures that it gives, with a wide margin for busy machines.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as sim from '../src/index.js';

test('the example of the README works', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const [, code] = /```js\nimport \{ createWorld \} from '@peernet\/sim';\n([\s\S]*?)```/.exec(readme) ?? [];
  const lines: string[] = [];
  new Function('createWorld', 'console', code as string)(sim.createWorld, {
    log: (line: string) => lines.push(line),
  });
  expect(lines[0]).toMatch(/^a rumour reaches everybody who lives in \d+ ms; trace [0-9a-f]{16}$/);
});

test('a hundred thousand events a second, even on a busy machine', () => {
  const world = sim.createWorld({ seed: 1 });
  const network = world.network();
  const hosts = Array.from({ length: 1_000 }, () => network.host());
  const open = (link: sim.SimLink): void => link.open({ onMessage() {}, onDrain() {}, onClose() {} });
  for (const host of hosts) {
    host.onLink = open;
    for (let i = 0; i < 5; i++) {
      const target = hosts[world.random.uint32() % 1_000] as sim.Host;
      host.dialNow(target.address, {}, ({ link }) => link && open(link));
    }
  }
  world.run(10_000);
  const message = new Uint8Array(200);
  for (const host of hosts) {
    const tick = (): void => {
      for (const link of host.links) link.send(message, 'shuffle');
      host.clock.alarm(host.clock.now() + 1_000, tick);
    };
    tick();
  }
  const from = process.cpuUsage();
  const events = world.runFor(20_000);
  const { user, system } = process.cpuUsage(from);
  expect(events).toBeGreaterThan(200_000);
  expect(events / ((user + system) / 1e6)).toBeGreaterThan(100_000);
});
