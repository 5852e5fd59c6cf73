// What a command of the command line takes while its daemon runs, beside the smallest program of Node. Whole processes,
// in turns; medians.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const bin = fileURLToPath(new URL('../../../packages/cli/dist/bin.js', import.meta.url));

export function commandCost(rounds = 15) {
  const folder = mkdtempSync(join(tmpdir(), 'peernet-bench-'));
  const env = { ...process.env, PEERNET_PATH: join(folder, 'home') };
  const milliseconds = (...args) => {
    const startMs = performance.now();
    const { status, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
    if (status !== 0) throw new Error(`${args.join(' ')}: exit ${status}\n${stderr}`);
    return performance.now() - startMs;
  };
  const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
  try {
    milliseconds(bin, 'listen', 'ws');
    const [nothing, command] = [[], []];
    for (let i = 0; i < rounds; i++) {
      nothing.push(milliseconds('-e', '0'));
      command.push(milliseconds(bin, 'servers'));
    }
    return { nothing: median(nothing), command: median(command) };
  } finally {
    milliseconds(bin, 'close');
    rmSync(folder, { recursive: true, force: true });
  }
}
