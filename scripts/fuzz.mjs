// `pnpm fuzz [--count N] [--seed N]`: damaged input for every decoder and for the machines behind the handshake; the
// fuzzer itself is internal/e2e/src/fuzz.ts. Prints what it did and how fast.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const usage = 'usage: pnpm fuzz [--count N (default 1000000)] [--seed N (default 1)]';
try {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '1000000' },
      seed: { type: 'string', default: '1' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  const numbers = [values.count, values.seed].map(Number);
  if (!numbers.every((n) => Number.isInteger(n) && n > 0))
    throw new TypeError('--count and --seed are whole numbers');
  if (values.help) console.log(usage);
  else {
    const root = fileURLToPath(new URL('..', import.meta.url));
    const env = { ...process.env, PEERNET_FUZZ: String(numbers[0]), SEED: String(numbers[1]) };
    const args = ['vitest', 'run', '--project', 'e2e', 'internal/e2e/test/fuzz.test.ts'];
    const { status } = spawnSync('npx', args, { cwd: root, env, stdio: 'inherit' });
    process.exitCode = status ?? 1;
  }
} catch (error) {
  console.error(`${error.message}\n${usage}`);
  process.exitCode = 2;
}
