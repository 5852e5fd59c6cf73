// The stage `browser` of `npm test`: pages of a real Chromium against real nodes (internal/browser), on loopback. Says
// `N passed, N failed` at the end. Without Chromium everything is skipped, with the reason; under CI that is a failure.
// Which Chromium: CHROMIUM, or Debian's (`apt-get install chromium`).
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fromVitest, summary } from './stages.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const known = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const { CHROMIUM, CI } = process.env;

function chromium() {
  return CHROMIUM ? existsSync(CHROMIUM) : known.some((path) => existsSync(path));
}

function runTests() {
  const folder = mkdtempSync(join(tmpdir(), 'peernet-browser-'));
  try {
    const file = join(folder, 'report.json');
    const vitest = join(root, 'node_modules', '.bin', 'vitest');
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
    const { status } = spawnSync(vitest, ['run', '--project', 'browser', ...reporters], {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, NO_COLOR: '1' },
    });
    const counts = fromVitest(file)() ?? { passed: 0, failed: 1, skipped: 0 };
    return status !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

let counts;
if (chromium()) counts = runTests();
else {
  console.log(`no Chromium here (${CHROMIUM || known.join(', ')}); set CHROMIUM or install it`);
  counts = CI === 'true' ? { passed: 0, failed: 1, skipped: 0 } : { passed: 0, failed: 0, skipped: 1 };
}
console.log(summary(counts));
process.exitCode = counts.failed > 0 ? 1 : 0;
