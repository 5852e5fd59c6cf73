// The published packages as tarballs, as users will get them.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pnpm } from './pnpm.mjs';

const packages = fileURLToPath(new URL('../packages', import.meta.url));

/** Packs every package of packages/. Returns package name → `file:` specifier, and what removes them again. */
export function packAll() {
  const folder = mkdtempSync(join(tmpdir(), 'peernet-pack-'));
  // All by one pnpm: to start it takes longer than to pack.
  const [command, ...args] = pnpm('--recursive', '--filter', './packages/*', 'pack');
  execFileSync(command, [...args, '--pack-destination', folder], {
    cwd: join(packages, '..'),
    stdio: 'pipe',
    shell: process.platform === 'win32',
  });
  const files = {};
  for (const name of readdirSync(packages)) {
    const manifest = JSON.parse(readFileSync(join(packages, name, 'package.json'), 'utf8'));
    const file = join(folder, `${manifest.name.replace('@', '').replace('/', '-')}-${manifest.version}.tgz`);
    if (!existsSync(file)) throw new Error(`${manifest.name} was not packed`);
    files[manifest.name] = `file:${file}`;
  }
  return { files, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
