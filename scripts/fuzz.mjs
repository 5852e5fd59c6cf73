// `pnpm fuzz [--count N] [--seed N]`: damaged input for every decoder and for the machines behind the handshake; what it
// does is in internal/e2e/src/fuzz/. Prints how many inputs of which kind, how deep they got, how fast, what memory did.
// A failure prints `part · seed · index`, and stays in internal/e2e/fuzz-seeds.txt to be run first from then on.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const usage = 'usage: pnpm fuzz [--count N (default 1000000)] [--seed N (default 1)]';
const root = fileURLToPath(new URL('..', import.meta.url));

function wholeNumber(text, name) {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1)
    throw new TypeError(`${name}: a whole number, not ${text}`);
  return String(number);
}

try {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '1000000' },
      seed: { type: 'string', default: '1' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) console.log(usage);
  else {
    const env = {
      ...process.env,
      PEERNET_FUZZ: wholeNumber(values.count, '--count'),
      SEED: wholeNumber(values.seed, '--seed'),
    };
    const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
    const args = [vitest, 'run', '--project', 'e2e', 'internal/e2e/test/fuzz.test.ts'];
    const { status } = spawnSync(process.execPath, args, { cwd: root, env, stdio: 'inherit' });
    process.exitCode = status ?? 1;
  }
} catch (error) {
  console.error(`${error.message}\n${usage}`);
  process.exitCode = 2;
}
