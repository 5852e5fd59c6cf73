// What connections leave behind, in processes of their own: nothing. And a process whose connections are closed ends
// by itself: with a peer connection that nobody closed it never would (trap 6 of our measurements of @roamhq/wrtc).
import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { describe, expect, onTestFinished, test } from 'vitest';
import { implementations } from './implementations.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const outfile = `${root}node_modules/.programs/life.mjs`;

/** A network of its own with nothing but loopback, where the system lets us have one. */
const ownNet = ['unshare', '--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh'] as const;
const [tool, ...toolArgs] = ownNet;
const alone = spawnSync(tool, [...toolArgs, 'true']).status === 0;

async function run(name: string, ...args: string[]): Promise<{ output: string; code: number | null }> {
  const options = { bundle: true, format: 'esm', platform: 'node', target: 'node20' } as const;
  const external = ['streamx', '@roamhq/wrtc', 'node-datachannel'];
  const entryPoints = [fileURLToPath(new URL('./life.program.ts', import.meta.url))];
  await build({ ...options, entryPoints, outfile, external, conditions: ['@peernet/source'] });
  const node = [process.execPath, '--expose-gc', outfile, name, ...args];
  // node-datachannel does not use loopback; what it sends to other addresses of this machine stays in its kernel.
  const inside = alone && name === '@roamhq/wrtc';
  const command = inside ? [...ownNet, ...node] : node;
  const child = spawn(command[0] as string, command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { output, code };
}

for (const { name, rtc } of implementations) {
  describe.skipIf(rtc === undefined)(name, () => {
    test('a process ends by itself when its connections are closed', { timeout: 60_000 }, async () => {
      expect(await run(name, 'exit')).toEqual({ output: 'ABORTED\n', code: 0 });
    });

    // A connection of node-datachannel takes a second (measured), so there are fewer of them.
    const count = name === '@roamhq/wrtc' ? 200 : 12;
    test.skipIf(process.platform !== 'linux')(
      `${count} connections opened and closed: threads, descriptors and memory return`,
      { timeout: 90_000 },
      async () => {
        const { output, code } = await run(name, 'churn', String(count));
        expect(code, output).toBe(0);
        const { before, settled } = JSON.parse(output);
        // Node 26 keeps one of @roamhq/wrtc's: 4 threads and 8 descriptors after 100 connections as after 400.
        expect(settled.threads, output).toBeLessThanOrEqual(before.threads + 4);
        expect(settled.descriptors, output).toBeLessThanOrEqual(before.descriptors + 8);
        expect(settled.rss, output).toBeLessThanOrEqual(before.rss + 64);
      },
    );
  });
}
