// What users install and load: packages, bytes on disk, and the CPU of an import. Both stacks are installed into empty
// folders from the registry; ours from its packed tarballs.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Installs `dependencies` into an empty folder; what is there then. */
export function installed(dependencies, overrides = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'peernet-size-'));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies, overrides }));
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--silent'], { cwd: folder, stdio: 'pipe' });
  const { bytes, packages } = measure(join(folder, 'node_modules'));
  return {
    folder,
    packages,
    megabytes: bytes / 1e6,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function measure(folder) {
  let bytes = 0;
  let packages = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      const inner = measure(path);
      bytes += inner.bytes;
      packages += inner.packages;
    } else if (entry.isFile()) {
      bytes += statSync(path).size;
      if (entry.name === 'package.json' && isPackageRoot(folder)) packages++;
    }
  }
  return { bytes, packages };
}

/** …/node_modules/name or …/node_modules/@scope/name. */
function isPackageRoot(folder) {
  return /node_modules\/(@[^/]+\/)?[^/]+$/.test(folder.replaceAll('\\', '/'));
}

/** CPU ms that `code` costs a fresh process beyond an empty one, median of `runs`. */
export function importCost(folder, code, runs = 9) {
  const cpu = (source) => {
    const report = `${source};process.on('exit',()=>{const u=process.cpuUsage();process.stdout.write(String((u.user+u.system)/1000))});setTimeout(()=>process.exit(),1)`;
    return Number(execFileSync(process.execPath, ['-e', report], { cwd: folder, encoding: 'utf8' }));
  };
  const [with_, empty] = [[], []];
  for (let i = 0; i < runs; i++) {
    with_.push(cpu(code));
    empty.push(cpu('0'));
  }
  const middle = (list) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)];
  return middle(with_) - middle(empty);
}
