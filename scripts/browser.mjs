// The stage `browser` of `npm test`: pages of a real Chromium against real nodes (internal/browser), on loopback. Says
// `N passed, N failed` at the end. Without Chromium everything is skipped, with the reason; under CI that is a failure.
// Which Chromium: CHROMIUM, or Debian's (`apt-get install chromium`).
//
// WebRTC asks every network interface, and its candidates are multicast. So where root may make one (Linux), everything
// runs in a network of its own with nothing but loopback and a wire to itself; elsewhere the WebRTC tests are skipped.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fromVitest, summary } from './stages.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const known = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const { CHROMIUM, CI } = process.env;

/** Loopback, and an interface with a private address, since browsers offer no other and none on loopback. */
const ownNetwork = [
  'ip link set lo up',
  'ip link add pn0 type veth peer name pn1',
  'ip addr add 10.77.0.1/24 dev pn0',
  'ip link set pn0 up',
  'ip link set pn1 up',
  'ip route add default dev pn0',
].join(' && ');

function chromium() {
  return CHROMIUM ? existsSync(CHROMIUM) : known.some((path) => existsSync(path));
}

/** A prefix for a command that makes it run there; empty if that is not possible. */
function inOwnNetwork() {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return [];
  const enter = ['unshare', '--net', 'sh', '-c'];
  const [command, ...args] = [...enter, ownNetwork];
  if (spawnSync(command, args, { stdio: 'ignore' }).status !== 0) return [];
  return [...enter, `${ownNetwork} && exec "$@"`, 'sh'];
}

function runTests() {
  const folder = mkdtempSync(join(tmpdir(), 'peernet-browser-'));
  try {
    const file = join(folder, 'report.json');
    const vitest = join(root, 'node_modules', '.bin', 'vitest');
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
    const network = inOwnNetwork();
    if (network.length === 0)
      console.log('no network of its own here (needs root on Linux): no WebRTC tests');
    const [command, ...args] = [...network, vitest, 'run', '--project', 'browser', ...reporters];
    const { status } = spawnSync(command, [...args, ...process.argv.slice(2)], {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, NO_COLOR: '1', PEERNET_OWN_NETWORK: network.length > 0 ? '1' : '' },
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
